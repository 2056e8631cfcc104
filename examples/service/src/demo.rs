//! The demo: one tenant with a month of invented activity, on this machine alone.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use mim_events::activity::Classifier;
use mim_events::entra::EntraReader;
use mim_events::generate::{Generator, Item, Options};
use mim_events::request::Request;

use crate::config::Config;
use crate::tenant::Tenant;

/// The demo's tenant.
const TENANT: &str = "6f1d2c3b-4a59-4e8f-9b70-112233445566";
/// What the invented activity follows from.
const SEED: u64 = 11;

/// The demo's configuration.
///
/// # Errors
/// None but of this program's own making.
pub fn config(data: &Path, listen: Option<SocketAddr>) -> Result<Config> {
    let text = format!(
        "data = \".\"\nopen_metrics = true\n[[tenants]]\nname = \"Contoso (demo)\"\nid = \"{TENANT}\"\nopen = true\n"
    );
    let mut config = Config::parse(&text, data).context("the demo's configuration")?;
    if let Some(listen) = listen {
        config.listen = listen;
    }
    config.check()?;
    Ok(config)
}

/// Fills the tenant with activity of the month up to now.
pub fn fill(tenant: &Tenant, requests: u64, now: DateTime<Utc>) {
    let options = Options::new(SEED)
        .requests(requests)
        .start(now - TimeDelta::days(30))
        .days(30);
    let mut classifier = Classifier::default();
    let mut activities = Vec::new();
    for step in Generator::new(&options).take_while(|step| step.time <= now) {
        match &step.item {
            Item::Request(document) => {
                if let Ok(request) = Request::from_json(&document.json) {
                    activities.extend(classifier.classify(&request));
                }
            }
            Item::Cloud(record) => {
                activities.extend(EntraReader::new(record.json.as_bytes()).flatten())
            }
            _ => {}
        }
    }
    tenant.store.append(activities, now);
}
