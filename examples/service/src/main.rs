//! The service: takes batches, keeps a month of activity, answers reports, shows the portal.
#![allow(clippy::disallowed_methods, reason = "programs read the clock")]

mod app;
mod args;
mod audit;
mod auth;
mod config;
mod demo;
mod guard;
mod mask;
mod metrics;
mod portal;
mod quarantine;
mod refuse;
mod saved;
mod server;
mod session;
mod tenant;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

use crate::app::App;
use crate::args::{Args, LogFormat};
use crate::config::Config;

fn main() -> ExitCode {
    let args = Args::parse();
    log(args.log);
    let config = match &args.config {
        Some(path) => Some(Config::load(path)),
        None => None,
    };
    let config = match config.transpose() {
        Ok(config) => config,
        Err(error) => {
            tracing::error!("{error:#}");
            return ExitCode::from(2);
        }
    };
    match run(&args, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(1)
        }
    }
}

fn log(format: LogFormat) {
    let lines = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::INFO)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_target(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

fn run(args: &Args, config: Option<Config>) -> Result<()> {
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let is_demo = config.is_none();
    let config = match config {
        Some(config) => config,
        None => demo::config(args.data.as_deref().unwrap_or(folder.path()), args.listen)?,
    };
    let app = App::open(config)?;
    if is_demo && !args.empty {
        demo::fill(&app.tenants[0], args.requests, app.started);
    }
    app.tenants.iter().for_each(|tenant| tenant.set_ready());
    let runtime = tokio::runtime::Runtime::new().context("threads")?;
    runtime.block_on(async {
        let at = app.config.listen;
        let listener = TcpListener::bind(at)
            .await
            .with_context(|| format!("listening at {at}"))?;
        tracing::info!("listening at http://{}/", listener.local_addr()?);
        server::serve(Arc::clone(&app), listener).await
    })
}
