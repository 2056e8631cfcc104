//! Counters, as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::app::App;

/// Counters of requests.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    /// Batches that were refused with 429.
    pub throttled: AtomicU64,
    /// Requests with credentials that are wrong or missing.
    pub unauthenticated: AtomicU64,
    /// POSTs from other sites that were refused.
    pub cross_site: AtomicU64,
}

impl Metrics {
    /// Counts a request by its route, never by its address, which may hold a person's key.
    pub fn count(&self, route: &str, status: u16) {
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
    out
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
