//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::units;

/// Uploads Identity Manager's requests and Entra audit entries to a reporting service
///
/// Follows event logs, reads what is new every ten minutes, keeps it in a spool on the disk and
/// uploads it until the service has acknowledged it. It may be killed at any instant: every record
/// arrives, and counts once. What can't be read is kept in a quarantine with reason and place.
#[derive(Parser)]
#[command(name = "agent", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Run,
}

const EXAMPLES: &str = "\
Examples:
  agent check --config agent.toml
  agent --config agent.toml
  agent run --config agent.toml --once
  agent run --config agent.toml --backfill 'Archive-2026-10.evtx' 'Archive-2026-11.evtx'
  agent status --config agent.toml
  agent cloud --config agent.toml --file AuditLogs.json
  agent cloud --config agent.toml --url https://graph.microsoft.com/v1.0/auditLogs/directoryAudits

The configuration is documented in agent.example.toml. SIGTERM and Ctrl-C end it well; twice, at once.

Exit codes: 0 done or stopped; 1 a file, the spool or the network failed, or a check did; 2 wrong
arguments or configuration; 3 with --once: not everything was read and acknowledged in time";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Follow the logs and upload what is new (the default)
    Run(Run),
    /// Tell what was read, acknowledged, waits, is in quarantine, is lost, and when it goes on
    Status(Status),
    /// Try the configuration: logs, service, key, clock
    Check(Common),
    /// Upload Entra audit entries, from files or from Microsoft Graph
    Cloud(Cloud),
}

#[derive(Args)]
pub(crate) struct Common {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "agent.toml")]
    pub(crate) config: PathBuf,
}

/// How a loop runs.
#[derive(Args)]
pub(crate) struct Pace {
    /// Read once, upload, and end when all is acknowledged
    #[arg(long)]
    pub(crate) once: bool,
    /// Time between two readings, instead of the configuration's: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub(crate) interval: Option<Duration>,
    /// With --once: end with exit code 3 when there was no progress for so long
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "5m")]
    pub(crate) give_up: Duration,
    /// Metrics at this loopback address, instead of the configuration's; port 0 takes any
    #[arg(long, value_name = "ADDR", value_parser = loopback)]
    pub(crate) metrics: Option<SocketAddr>,
    /// Try again 50 ms after a failure, for tests
    #[arg(long, hide = true)]
    pub(crate) impatient: bool,
}

#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// Read these old logs once, beside an agent that may run, and end: files, folders or globs
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) backfill: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) common: Common,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Cloud {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// Audit entries: pages of Graph, lines, exports of other shapes; files, folders or globs, read once
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "url", conflicts_with = "url")]
    pub(crate) file: Vec<String>,
    /// The list of Graph to poll; [cloud] of the configuration says how
    #[arg(long, value_name = "URL", value_parser = list)]
    pub(crate) url: Option<http::Uri>,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "an address is written 127.0.0.1:9188")?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("it must be a loopback address: nobody is asked who they are".to_owned())
    }
}

fn list(text: &str) -> Result<http::Uri, String> {
    let wrong = || "it is written https://host/path, without a query".to_owned();
    let url: http::Uri = text.parse().map_err(|_| wrong())?;
    let is_web = matches!(url.scheme_str(), Some("http" | "https"));
    // A user in it would be a secret.
    let is_plain = url.query().is_none() && !text.contains(['@', '#']);
    if is_web && is_plain && url.host().is_some_and(|host| !host.is_empty()) {
        Ok(url)
    } else {
        Err(wrong())
    }
}
