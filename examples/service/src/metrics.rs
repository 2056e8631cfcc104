//! Counters, as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::app::App;
use crate::seen::Balance;
use crate::tenant::Tenant;

/// The media type of [`text`].
pub const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counters of requests.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    /// Batches that were refused with 429.
    pub throttled: AtomicU64,
    /// Requests with credentials that are wrong or missing.
    unauthenticated: AtomicU64,
    /// POSTs from other sites that were refused.
    pub cross_site: AtomicU64,
}

impl Metrics {
    /// Counts a request by its route, never by its address, which may hold a person's key.
    pub fn count(&self, route: &str, status: u16) {
        if status == 401 {
            self.unauthenticated.fetch_add(1, Ordering::Relaxed);
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route.to_owned(), status)).or_default() += 1;
    }
}

/// All metrics in Prometheus' text format.
#[must_use]
pub fn text(app: &App) -> String {
    let mut out = String::new();
    let requests = app
        .metrics
        .requests
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    head(
        &mut out,
        "service_requests_total",
        "counter",
        "Requests answered, by route and status.",
    );
    for ((route, status), count) in requests.iter() {
        let _ = writeln!(
            out,
            "service_requests_total{{route=\"{}\",status=\"{status}\"}} {count}",
            label(route)
        );
    }
    drop(requests);
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let metrics = &app.metrics;
    for (name, help, value) in [
        (
            "service_throttled_total",
            "Batches refused with 429.",
            load(&metrics.throttled),
        ),
        (
            "service_unauthenticated_total",
            "Requests refused with 401.",
            load(&metrics.unauthenticated),
        ),
        (
            "service_cross_site_total",
            "Requests of other sites refused.",
            load(&metrics.cross_site),
        ),
    ] {
        head(&mut out, name, "counter", help);
        let _ = writeln!(out, "{name} {value}");
    }
    head(
        &mut out,
        "service_ready",
        "gauge",
        "1 once every journal was read.",
    );
    let _ = writeln!(out, "service_ready {}", u8::from(app.is_ready()));
    tenants(&mut out, app);
    senders(&mut out, app);
    out
}

type Value = fn(&Numbers) -> u64;

/// What is told of each tenant.
struct Numbers {
    balance: Balance,
    rows: u64,
    dropped: u64,
    memory: u64,
    journal: u64,
    quarantined: u64,
    unclassified: u64,
    streams: u64,
    unreadable: u64,
    disk_is_full: bool,
    is_held: bool,
}

impl Numbers {
    fn of(tenant: &Tenant) -> Self {
        let stats = tenant.store.stats();
        Self {
            balance: tenant.balance(),
            rows: stats.rows,
            dropped: stats.dropped,
            memory: tenant.memory() as u64,
            journal: tenant.journal.bytes(),
            quarantined: tenant.quarantine.total(),
            unclassified: tenant.unclassified(),
            streams: tenant.agents().len() as u64,
            unreadable: tenant.unreadable(),
            disk_is_full: tenant.journal.disk_is_full(),
            is_held: tenant.doubt().is_some(),
        }
    }
}

/// Counters count from the start of the program, and what the journal kept before it.
const METRICS: [(&str, &str, &str, Value); 22] = [
    ("batches_total", "counter", "Batches acknowledged.", |n| {
        n.balance.batches
    }),
    (
        "records_total",
        "counter",
        "Records acknowledged: read, passed over and quarantined.",
        |n| n.balance.records,
    ),
    (
        "records_read_total",
        "counter",
        "Records that gave activities.",
        |n| n.balance.read,
    ),
    (
        "records_passed_over_total",
        "counter",
        "Records of other logs.",
        |n| n.balance.passed_over,
    ),
    (
        "records_quarantined_total",
        "counter",
        "Records that can't be used.",
        |n| n.balance.quarantined,
    ),
    (
        "records_lost_total",
        "counter",
        "Records that senders declared lost.",
        |n| n.balance.lost,
    ),
    (
        "activities_total",
        "counter",
        "Activities: stored, duplicates, conflicts, expired and future.",
        |n| n.balance.activities,
    ),
    (
        "activities_stored_total",
        "counter",
        "Activities that were new.",
        |n| n.balance.stored,
    ),
    (
        "activities_duplicate_total",
        "counter",
        "Activities that were there before.",
        |n| n.balance.duplicates,
    ),
    (
        "activities_conflict_total",
        "counter",
        "Activities that were there with other content.",
        |n| n.balance.conflicts,
    ),
    (
        "activities_expired_total",
        "counter",
        "Activities older than is kept.",
        |n| n.balance.expired,
    ),
    (
        "activities_future_total",
        "counter",
        "Activities more than a day ahead.",
        |n| n.balance.future,
    ),
    (
        "activities_dropped_total",
        "counter",
        "Activities dropped by the retention.",
        |n| n.dropped,
    ),
    (
        "activities_unclassified_total",
        "counter",
        "Activities that only a generic rule explains.",
        |n| n.unclassified,
    ),
    ("rows", "gauge", "Activities that reports see.", |n| n.rows),
    (
        "memory_bytes",
        "gauge",
        "Bytes that the activities take, about.",
        |n| n.memory,
    ),
    (
        "journal_bytes",
        "gauge",
        "Bytes of the journal on disk.",
        |n| n.journal,
    ),
    (
        "journal_unreadable_entries",
        "gauge",
        "Entries of the journal that the disk lost.",
        |n| n.unreadable,
    ),
    (
        "quarantine_records",
        "gauge",
        "Records in quarantine that the journal has.",
        |n| n.quarantined,
    ),
    (
        "streams",
        "gauge",
        "Streams with batches that are kept.",
        |n| n.streams,
    ),
    (
        "disk_full",
        "gauge",
        "1 since a batch was refused for want of room on the disk, until one is stored.",
        |n| n.disk_is_full.into(),
    ),
    (
        "deletion_held",
        "gauge",
        "1 while nothing is deleted, since the clock jumped ahead.",
        |n| n.is_held.into(),
    ),
];

fn tenants(out: &mut String, app: &App) {
    let tenants: Vec<_> = app
        .tenants
        .iter()
        .map(|tenant| (tenant, Numbers::of(tenant)))
        .collect();
    for (name, kind, help, value) in METRICS {
        let name = format!("service_{name}");
        head(out, &name, kind, help);
        for (tenant, numbers) in &tenants {
            let _ = writeln!(out, "{name}{{tenant=\"{}\"}} {}", tenant.id, value(numbers));
        }
    }
}

/// For an alarm when somebody who should send does not.
fn senders(out: &mut String, app: &App) {
    let name = "service_last_batch_timestamp_seconds";
    head(out, name, "gauge", "When a sender's last batch came.");
    for tenant in &app.tenants {
        let mut last: BTreeMap<String, i64> = BTreeMap::new();
        for agent in tenant.agents() {
            let at = agent.last_batch.map_or(0, |at| at.timestamp());
            let known = last.entry(agent.sender).or_default();
            *known = at.max(*known);
        }
        for (sender, at) in last {
            let _ = writeln!(
                out,
                "{name}{{tenant=\"{}\",sender=\"{}\"}} {at}",
                tenant.id,
                label(&sender)
            );
        }
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A label's value.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
