//! The service: takes batches, keeps a month of activity, answers reports, shows the portal.
//!
//! ```text
//!  agents --POST /v1/batches--> ingest --> journal (disk) --> tenant.store (memory)
//!                                                                 |
//!  people --cookie--> portal ----+                                |
//!  programs --token--> api ------+--> auth: Reader --store()------+
//! ```
#![allow(clippy::disallowed_methods, reason = "programs read the clock")]

mod api;
mod app;
mod args;
mod arrivals;
mod audit;
mod auth;
mod body;
mod clock;
mod config;
mod decode;
mod demo;
mod filled;
mod guard;
mod ingest;
mod journal;
mod lookup;
mod mask;
mod metrics;
mod note;
mod portal;
mod quarantine;
mod refuse;
mod replay;
mod reserve;
mod retention;
mod saved;
mod secret;
mod seen;
mod server;
mod session;
mod streams;
mod take;
mod tenant;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use clap::Parser;
use tokio_rustls::TlsAcceptor;
use tracing_subscriber::filter::LevelFilter;

pub use crate::filled::serve_filled;

use crate::app::App;
use crate::args::{Args, LogFormat};
use crate::auth::Keys;
use crate::config::Config;
use crate::replay::Keeping;
use crate::secret::Secret;

/// The program: reads the command line, and runs until it is told to stop.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    log(args.log);
    let folder = tempfile::tempdir();
    let ended = match configure(&args, folder.as_ref().ok().map(tempfile::TempDir::path)) {
        Ok((config, keys, _)) if args.check => {
            checked(&config, &keys);
            return ExitCode::SUCCESS;
        }
        Ok((config, keys, tls)) => run(&args, config, keys, tls),
        Err(error) => {
            tracing::error!("{error:#}");
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(1)
        }
    }
}

fn log(format: LogFormat) {
    use std::io::IsTerminal as _;
    let lines = tracing_subscriber::fmt()
        .with_ansi(std::io::stderr().is_terminal())
        .with_max_level(LevelFilter::INFO)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_target(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

/// The configuration with its secrets and certificate, or the demo's.
fn configure(args: &Args, temporary: Option<&Path>) -> Result<(Config, Keys, Option<TlsAcceptor>)> {
    let mut config = match (&args.config, args.data.as_deref().or(temporary)) {
        (Some(path), _) => Config::load(path)?,
        (None, Some(data)) => demo::config(data, args.listen)?,
        (None, None) => anyhow::bail!("there is no temporary folder; name one with --data"),
    };
    if let Some(listen) = args.listen {
        config.listen = listen;
        config.check()?;
    }
    let keys = Keys::load(&config)?;
    let tls = config.tls.as_ref().map(server::acceptor).transpose()?;
    Ok((config, keys, tls))
}

/// What a configuration means, for people.
fn checked(config: &Config, keys: &Keys) {
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let days = config.retention_days;
    tracing::info!(
        "listens at {scheme}://{}, keeps {days} days in {}",
        config.listen,
        config.data.display()
    );
    for tenant in &config.tenants {
        let masked = tenant
            .readers
            .iter()
            .any(|reader| !auth::Rights::of(&reader.rights).persons);
        tracing::info!(
            "tenant {}: {} senders, {} readers{}",
            tenant.name,
            tenant.senders.len(),
            tenant.readers.len(),
            if masked {
                "; in memory twice, for readers without `persons`"
            } else {
                ""
            }
        );
    }
    tracing::info!("all {} secrets can be read", keys.len());
}

fn run(args: &Args, config: Config, mut keys: Keys, tls: Option<TlsAcceptor>) -> Result<()> {
    let is_demo = args.config.is_none();
    let token = Secret::from(session::random_token());
    if is_demo {
        keys.add_token(config.tenants[0].id, demo::SENDER, &token);
    }
    let app = App::open(config, keys)?;
    begin(&app, args.accept_clock);
    if is_demo && !args.empty {
        demo::fill(&app.tenants[0], args.requests, app.started)?;
    }
    let scheme = if app.config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    serve(&app, tls, |address| {
        tracing::info!("listening at {scheme}://{address}/");
        if is_demo {
            let tenant = app.tenants[0].id;
            tracing::info!(
                "send with the token {} to tenant {tenant} at {scheme}://{address}",
                token.expose()
            );
        }
    })
}

/// Starts all tenants.
fn begin(app: &App, accepts_clock: bool) {
    let keeping = Keeping {
        check: Duration::from_secs(app.config.retention_check_seconds),
        kept: TimeDelta::days(i64::from(app.config.retention_days)),
        hold: Duration::from_secs(app.config.clock_hold_seconds),
        accepts_clock,
    };
    app.tenants
        .iter()
        .for_each(|tenant| replay::start(tenant, keeping));
}

/// Answers until the program is told to stop; tells where.
fn serve(
    app: &Arc<App>,
    tls: Option<TlsAcceptor>,
    listening: impl FnOnce(SocketAddr),
) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("threads can't be started")?;
    let served = runtime.block_on(async {
        let listener = server::listen(app.config.listen).await?;
        listening(listener.local_addr()?);
        server::serve(Arc::clone(app), listener, tls).await;
        Ok(())
    });
    app.tenants.iter().for_each(|tenant| journal::stop(tenant));
    // Work that nobody waits for any more is not waited for either.
    runtime.shutdown_timeout(Duration::from_secs(1));
    tracing::info!("stopped");
    served
}
