//! The demo: one tenant with a month of invented activity, on this machine alone. It takes the way that
//! an agent's records take, from the frame on.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use hybrid_examples::envelope::Envelope;
use ingest_protocol::frame::{Limits, Record, Sealer, Stamp};
use ingest_protocol::receiver::{Reception, not_json};
use ingest_protocol::{Answer, StreamId};
use mim_events::generate::{Generator, Item, Options};
use mim_events::request::Origin;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::config::Config;
use crate::tenant::{Tenant, receiver};

/// The demo's tenant.
const TENANT: &str = "6f1d2c3b-4a59-4e8f-9b70-112233445566";
/// The name of who sends in the demo.
pub const SENDER: &str = "demo";
/// What the invented activity follows from.
const SEED: u64 = 11;
/// Records of one frame.
const BATCH: usize = 1_000;

/// The demo's configuration.
///
/// # Errors
/// The address is not one of this machine alone.
pub fn config(data: &Path, listen: Option<SocketAddr>) -> Result<Config> {
    let text = format!(
        "data = \"demo\"\nopen_metrics = true\n[[tenants]]\nname = \"Contoso (demo)\"\nid = \"{TENANT}\"\nopen = true\n"
    );
    let mut config = Config::parse(&text, data).context("the demo's configuration")?;
    if let Some(listen) = listen {
        config.listen = listen;
    }
    config.check()?;
    Ok(config)
}

/// Fills the tenant with activity of the month up to now, unless it has some.
///
/// # Errors
/// The journal does not take it.
pub fn fill(tenant: &Tenant, requests: u64, now: DateTime<Utc>) -> Result<()> {
    while !tenant.is_ready() {
        std::thread::sleep(Duration::from_millis(10));
    }
    if tenant.store.stats().rows > 0 {
        return Ok(());
    }
    tracing::info!("inventing a month of activity: {requests} requests");
    let options = Options::new(SEED)
        .requests(requests)
        .start(now - TimeDelta::days(30))
        .days(30);
    let mut requests = Outgoing::new();
    let mut entries = Outgoing::new();
    let mut origin = Origin::default();
    origin.channel = "Forefront Identity Manager Management Agent".to_owned();
    origin.parts = 1;
    // What waits is told of up to days after the month.
    for step in Generator::new(&options).take_while(|step| step.time <= now) {
        match step.item {
            Item::Request(document) => {
                origin.computer = document.computer;
                origin.record_id += 1;
                origin.first_record_id = origin.record_id;
                origin.time = Some(step.time);
                let json: &RawValue = serde_json::from_str(&document.json)?;
                let payload = serde_json::to_vec(&Envelope::request(json, &origin))?;
                requests.push(tenant, payload, step.time)?;
            }
            Item::Cloud(record) => {
                let json: &RawValue = serde_json::from_str(&record.json)?;
                entries.push(
                    tenant,
                    serde_json::to_vec(&Envelope::audit(json))?,
                    step.time,
                )?;
            }
            _ => {}
        }
    }
    requests.send(tenant)?;
    entries.send(tenant)
}

/// A stream that is sent.
struct Outgoing {
    stream: StreamId,
    next: u64,
    records: Vec<Record>,
}

impl Outgoing {
    fn new() -> Self {
        Self {
            stream: Uuid::now_v7().into(),
            next: 1,
            records: Vec::new(),
        }
    }

    fn push(&mut self, tenant: &Tenant, payload: Vec<u8>, time: DateTime<Utc>) -> Result<()> {
        self.records.push(Record::new(payload).with_time(time));
        if self.records.len() < BATCH {
            return Ok(());
        }
        self.send(tenant)
    }

    fn send(&mut self, tenant: &Tenant) -> Result<()> {
        let stamp = Stamp::new(tenant.id, self.stream, self.next).with_sealed_at(Utc::now());
        let mut sealer = Sealer::new(Limits::default()).with_zstd();
        let frame = sealer.seal(&stamp, &self.records)?;
        self.next += self.records.len() as u64;
        self.records.clear();
        let state = tenant.journal.state(self.stream);
        let answer = match receiver(tenant.id).receive(frame, state.as_ref(), None) {
            Reception::Commit(frame, commit) => {
                let rejected = not_json(&frame);
                tenant
                    .journal
                    .store(frame, commit, rejected, SENDER.into(), false, None)
                    .blocking_recv()?
            }
            Reception::Duplicate(_) => return Ok(()), // an empty one
            Reception::Refuse(problem) => Answer::Problem(problem),
        };
        match answer {
            Answer::Ack(_) => Ok(()),
            Answer::Problem(problem) => bail!("the demo's activity is not taken: {problem}"),
        }
    }
}
