//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Take batches of identity activity, keep a month of it, answer reports, show the portal
///
/// Agents post batches of MIM requests and Entra audit entries to /v1/batches. Each is stored on disk
/// before it is acknowledged, and is in every report right after. Readers use the portal, the query
/// API, or any client of Microsoft Graph's audit log.
///
/// Without --config a demo runs: one tenant with a month of invented activity, on this machine
/// alone, open to everybody on it. It leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "service", version, after_help = HELP)]
pub struct Args {
    /// Configuration (TOML); see service.example.toml. Without one, the demo
    #[arg(long, value_name = "FILE", env = "SERVICE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Address and port to listen at, instead of the configured one; port 0 takes any that is free
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Check the configuration, say what is wrong with it or what it means, and end
    #[arg(long, requires = "config")]
    pub check: bool,
    /// Believe the clock at the start, however long the service stood still by it: what is too old is deleted
    /// at once, not when the clock has held for a while
    #[arg(long)]
    pub accept_clock: bool,
    /// Demo: begin without any activity
    #[arg(long, conflicts_with = "config")]
    pub empty: bool,
    /// Demo: how many MIM requests are invented, with half as many cloud records
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 6_000,
        conflicts_with = "config"
    )]
    pub requests: u64,
    /// Demo: keep its data in this folder instead of a temporary one
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub data: Option<PathBuf>,
    /// How the log on standard error is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log: LogFormat,
}

/// A form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

const HELP: &str = "\
Examples:
  service                                    the demo, at http://127.0.0.1:8080/
  service --config /etc/hybrid/service.toml --check
  service --config /etc/hybrid/service.toml --log json
  curl --data-binary @new.ndjson -H 'Content-Type: application/x-ndjson' \\
      -H \"Authorization: Bearer $TOKEN\" -H \"Idempotency-Key: $(uuidgen)\" \\
      https://reports.example.com/v1/batches
  curl -H \"Authorization: Bearer $TOKEN\" \\
      'https://reports.example.com/v1/reports/password-reset?format=csv&from=2026-03-01'

It stops at Ctrl-C and SIGTERM after the requests under way; it may be killed at any instant.
Addresses: / the portal; /v1/openapi.json the API; /healthz, /readyz and /metrics for operators.
Exit codes: 0 stopped, or --check found nothing wrong; 1 a journal, a file or the address can't be
used; 2 wrong arguments or configuration.";
