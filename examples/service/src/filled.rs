//! The service over activity that no journal has: what a month at size takes is measured so, in minutes
//! and not hours.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::Utc;
use mim_events::activity::Activity;

use crate::app::App;
use crate::auth::Keys;
use crate::config::Config;
use crate::tenant::Tenant;
use crate::{begin, serve};

/// Runs the service with this configuration, whose first tenant has these activities; tells where it
/// listens, and how many it took: none twice, and none of the future. Nothing is on the disk, so no activity has a document.
///
/// # Errors
/// The configuration is wrong, or can't be done.
pub fn serve_filled(
    config: &Path,
    batches: impl Iterator<Item = Vec<Activity>>,
    listening: impl FnOnce(SocketAddr, u64),
) -> Result<()> {
    let config = Config::load(config)?;
    let keys = Keys::load(&config)?;
    let app = App::open(config, keys)?;
    begin(&app, false);
    let tenant = app.tenants.first().context("no tenant")?;
    fill(tenant, batches);
    let rows = tenant.store.stats().rows;
    serve(&app, None, |address| listening(address, rows))
}

fn fill(tenant: &Tenant, batches: impl Iterator<Item = Vec<Activity>>) {
    while !tenant.is_ready() {
        std::thread::sleep(Duration::from_millis(10));
    }
    for batch in batches {
        let report = tenant.store.append(batch, Utc::now());
        // As if each were an entry of the journal, by which moments are told in links.
        if let Some(ingest) = report.ingest {
            tenant.arrivals.add(ingest, Some(ingest));
        }
    }
    tenant.measure();
}
