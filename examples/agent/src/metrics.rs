//! Metrics for Prometheus, health and status, on a loopback address.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use crate::status::{Status, now};

/// The status that is shown; who changes it puts a new one in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown(Arc<Mutex<Status>>);

impl Shown {
    pub(crate) fn get(&self) -> Status {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set(&self, status: Status) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

/// Takes the address; [`serve`] answers there.
pub(crate) fn bind(listen: SocketAddr) -> Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(listen)
        .with_context(|| format!("[metrics] listen {listen}"))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "metrics are at http://{address}/metrics");
    Ok(listener)
}

pub(crate) async fn serve(listener: std::net::TcpListener, shown: Shown) -> std::io::Result<()> {
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (metrics, status) = (shown.clone(), shown.clone());
    let app = Router::new()
        .route(
            "/metrics",
            get(async move || ([(CONTENT_TYPE, TEXT)], text(&metrics.get()))),
        )
        .route(
            "/status",
            get(async move || {
                let json = serde_json::to_string(&status.get()).unwrap_or_default();
                ([(CONTENT_TYPE, "application/json")], json)
            }),
        )
        .route("/healthz", get(async move || health(&shown.get())));
    axum::serve(listener, app).await
}

/// An agent that an operator has to help is not healthy; one that waits for the service is.
fn health(status: &Status) -> (StatusCode, String) {
    match status.held.as_ref().or(status.blocked.as_ref()) {
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        None => (StatusCode::OK, "ok\n".to_owned()),
    }
}

/// Values by their labels.
type Values<'a> = &'a [(&'a str, i128)];

/// The metrics in Prometheus' text format.
pub(crate) fn text(status: &Status) -> String {
    let balance = &status.balance;
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, values: Values<'_>| {
        let _ = writeln!(
            out,
            "# HELP hybrid_agent_{name} {help}\n# TYPE hybrid_agent_{name} {kind}"
        );
        for (labels, value) in values {
            let _ = writeln!(out, "hybrid_agent_{name}{labels} {value}");
        }
    };
    let n = |number: u64| i128::from(number);
    let counters: [(&str, &str, Values<'_>); 9] = [
        (
            "read_total",
            "Records read, unreadable or lost before they were read.",
            &[("", n(balance.read))],
        ),
        (
            "acknowledged_total",
            "Records that the service has stored.",
            &[("", n(balance.acknowledged))],
        ),
        (
            "quarantined_total",
            "Records set aside, by whom.",
            &[
                ("{by=\"service\"}", n(balance.quarantined_by_service)),
                ("{by=\"agent\"}", n(balance.quarantined_by_agent)),
            ],
        ),
        (
            "incomplete_total",
            "Requests of which parts never came.",
            &[("", n(balance.incomplete))],
        ),
        (
            "lost_total",
            "Records lost, where; all are declared to the service.",
            &[
                ("{where=\"log\"}", n(balance.lost_by_log)),
                ("{where=\"spool\"}", n(balance.lost_in_spool)),
            ],
        ),
        (
            "duplicates_total",
            "Records left out since they were read before; not in read.",
            &[("", n(balance.duplicates))],
        ),
        (
            "batches_sent_total",
            "Batches acknowledged since the start.",
            &[("", n(status.batches_sent))],
        ),
        (
            "batches_failed_total",
            "Batches not acknowledged since the start, each try.",
            &[("", n(status.batches_failed))],
        ),
        (
            "disk_failures_total",
            "Writes and syncs that failed since the start, after which all was opened anew.",
            &[("", n(status.disk_failures))],
        ),
    ];
    for (name, help, values) in counters {
        family(name, "counter", help, values);
    }
    let seconds = |time: Option<chrono::DateTime<chrono::Utc>>| {
        time.map_or(0, |time| i128::from(time.timestamp()))
    };
    let gauges = [
        (
            "spooled",
            "Records read and not acknowledged.",
            n(balance.spooled),
        ),
        (
            "spool_bytes",
            "Bytes of the spool on the disk.",
            n(status.spool_bytes),
        ),
        (
            "spool_max_bytes",
            "Bytes that it may take.",
            n(status.spool_max),
        ),
        (
            "oldest_age_seconds",
            "How long the oldest of them waits.",
            status.oldest_age(now()).into(),
        ),
        (
            "last_read_timestamp_seconds",
            "When the sources were last read to their ends.",
            seconds(status.last_read),
        ),
        (
            "last_success_timestamp_seconds",
            "When the service last acknowledged something.",
            seconds(status.last_success),
        ),
        (
            "next_read_timestamp_seconds",
            "When the sources are read next.",
            seconds(status.next),
        ),
        (
            "blocked",
            "1 if nothing is read: the spool or the disk is full, or the disk fails.",
            status.blocked.is_some().into(),
        ),
        (
            "disk_full",
            "1 if the disk is full.",
            status.disk_full.into(),
        ),
        (
            "disk_failing",
            "1 if the disk fails, and the spool waits to be opened anew.",
            status.disk_failing.into(),
        ),
        (
            "held",
            "1 if the service refuses and an operator is needed.",
            status.held.is_some().into(),
        ),
        (
            "clock_ahead_seconds",
            "This machine's clock against the service's when it last answered.",
            status.clock_ahead.unwrap_or(0).into(),
        ),
        (
            "unreadable_sources",
            "Sources that could not be read last time.",
            status
                .sources
                .iter()
                .filter(|source| source.trouble.is_some())
                .count() as i128,
        ),
    ];
    for (name, help, value) in gauges {
        family(name, "gauge", help, &[("", value)]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_of_the_balance_is_a_metric() {
        let mut status = Status::default();
        let balance = &mut status.balance;
        (balance.read, balance.acknowledged, balance.spooled) = (1 + 2 + 3 + 4 + 5 + 6 + 7, 1, 7);
        (balance.quarantined_by_service, balance.quarantined_by_agent) = (2, 3);
        (
            balance.incomplete,
            balance.lost_by_log,
            balance.lost_in_spool,
        ) = (4, 5, 6);
        assert!(balance.is_even());
        let text = text(&status);
        for line in [
            "hybrid_agent_read_total 28",
            "hybrid_agent_acknowledged_total 1",
            "hybrid_agent_quarantined_total{by=\"service\"} 2",
            "hybrid_agent_quarantined_total{by=\"agent\"} 3",
            "hybrid_agent_incomplete_total 4",
            "hybrid_agent_lost_total{where=\"log\"} 5",
            "hybrid_agent_lost_total{where=\"spool\"} 6",
            "hybrid_agent_spooled 7",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
