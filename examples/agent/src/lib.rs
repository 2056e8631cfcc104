//! `agent`: reads event logs and Entra audit entries, and uploads what is new.
//!
//! ```text
//!  source -> follow -> record -> outbox (spool, cursor, quarantine, ledger) -> upload -> service
//!  cloud  ------------^              \-> balance -> status file, metrics, `agent status`
//! ```
//!
//! How far was read stands in the spool, in the same write as what was read. So the agent may be
//! killed at any instant: every record arrives, and counts once.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "programs read the clock and the environment, and start threads"
)]

mod args;
mod balance;
mod check;
mod client;
mod clock;
mod cloud;
mod config;
mod cursor;
mod disk;
mod engine;
mod fault;
mod follow;
mod keys;
mod ledger;
mod logging;
mod logs;
mod metrics;
mod outbox;
mod quarantine;
mod record;
mod secrets;
mod source;
mod spool;
mod status;
mod stop;
mod tell;
mod units;
mod upload;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser as _;
use hybrid_examples::exit;

use crate::args::{Arguments, Cloud, Command, Pace, Run};
use crate::config::Config;
use crate::engine::Mode;

/// The whole program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let command = arguments.command.unwrap_or(Command::Run(arguments.run));
    let config = match read(&command) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(2);
        }
    };
    exit::run(|| match command {
        Command::Run(run) => follow(&config, &run),
        Command::Status(status) => tell::status(&config, status.json),
        Command::Check(_) => check::check(&config),
        Command::Cloud(cloud) => audit(&config, &cloud),
    })
}

/// Reads the configuration, which must have what the command needs.
fn read(command: &Command) -> Result<Config> {
    let common = match command {
        Command::Run(run) => &run.common,
        Command::Status(status) => &status.common,
        Command::Check(common) => common,
        Command::Cloud(cloud) => &cloud.common,
    };
    let config = Config::read(&common.config)?;
    match command {
        Command::Run(run) if run.backfill.is_empty() => {
            ensure!(!config.logs.is_empty(), "the configuration has no [[logs]]");
        }
        Command::Cloud(cloud) if cloud.url.is_some() => {
            ensure!(config.cloud.is_some(), cloud::NO_CLOUD);
        }
        _ => {}
    }
    logging::begin(&config.log);
    Ok(config)
}

fn follow(config: &Config, run: &Run) -> Result<ExitCode> {
    let interval = run.pace.interval.unwrap_or(config.interval.0);
    if run.backfill.is_empty() {
        let mut mode = mode("logs", interval, &run.pace);
        mode.metrics = mode.metrics.or(config.metrics.listen);
        return logs::follow(config, mode);
    }
    let mut mode = mode("backfill", interval, &run.pace);
    mode.once = true;
    logs::backfill(config, mode, &run.backfill)
}

fn audit(config: &Config, arguments: &Cloud) -> Result<ExitCode> {
    let interval = config
        .cloud
        .as_ref()
        .map_or(config.interval, |cloud| cloud.interval);
    let interval = arguments.pace.interval.unwrap_or(interval.0);
    let mut mode = mode("cloud", interval, &arguments.pace);
    match &arguments.url {
        Some(url) => cloud::poll(config, mode, url),
        None => {
            mode.once = true;
            cloud::read_files(config, mode, &arguments.file)
        }
    }
}

fn mode(stream: &'static str, interval: std::time::Duration, pace: &Pace) -> Mode {
    Mode {
        stream,
        interval,
        once: pace.once,
        patience: pace.give_up,
        impatient: pace.impatient,
        metrics: pace.metrics,
    }
}
