//! Running a query: so many at once, each with a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use report_query::{Limits, QueryError, QueryErrorKind, ReportError};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::app::App;
use crate::refuse::Problem;

/// The limits of a reader's query.
pub(super) fn limits(app: &App) -> Limits {
    let configured = &app.config.limits;
    Limits::default()
        .rows(configured.query_rows)
        .groups(configured.query_groups)
}

/// Whether the answer is still waited for; what computes looks at it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Whether to end, since nobody waits.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Sets it when the request's future goes: its time is over, or the client is gone.
struct Waits(Stop);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Runs what computes on a thread for it. Beyond the configured number at once it waits; waiting and
/// running together have the configured seconds. When they are over, or nobody waits any more, the work
/// is told to stop.
///
/// # Errors
/// What the work fails with; 503 when the time is over. Work that runs on nevertheless keeps its
/// place until it ends, so that no more runs than is allowed.
pub(super) async fn run<T, W>(app: &App, work: W) -> Result<T, Problem>
where
    T: Send + 'static,
    W: FnOnce(&Stop) -> Result<T, Problem> + Send + 'static,
{
    run_in(&app.queries, app.config.limits.query_seconds, work).await
}

async fn run_in<T, W>(places: &Arc<Semaphore>, seconds: u64, work: W) -> Result<T, Problem>
where
    T: Send + 'static,
    W: FnOnce(&Stop) -> Result<T, Problem> + Send + 'static,
{
    let places = Arc::clone(places);
    let ran = async {
        let place = places
            .acquire_owned()
            .await
            .map_err(|_| Problem::internal())?;
        let stop = Stop::default();
        let _waits = Waits(stop.clone());
        let work = tokio::task::spawn_blocking(move || {
            let _place = place;
            work(&stop)
        });
        work.await.map_err(|error| {
            tracing::error!(%error, "a query failed");
            Problem::internal()
        })?
    };
    let over = |_| {
        Problem::unavailable(
            format!("the query took more than {seconds} s"),
            seconds.max(1),
        )
    };
    timeout(Duration::from_secs(seconds), ran)
        .await
        .map_err(over)?
}

/// An error of a query as a problem: with the place in its JSON, without any value.
pub(super) fn query_problem(error: &QueryError) -> Problem {
    let code = match error.kind() {
        // Nobody waits for this answer.
        QueryErrorKind::Cancelled => return Problem::unavailable("the query was stopped", 1),
        QueryErrorKind::LimitExceeded { .. } => "limit_exceeded",
        _ => "invalid_query",
    };
    let mut problem = Problem::bad_request(error.kind().to_string());
    problem.code = code;
    problem.pointer = Some(error.path().to_owned()).filter(|path| !path.is_empty());
    problem
}

/// An error of a report as a problem.
pub(super) fn report_problem(error: &ReportError) -> Problem {
    match error {
        ReportError::Query(error) => query_problem(error),
        ReportError::UnknownParameter { known, .. } => Problem::bad_request(format!(
            "no such parameter; there are: format, {}",
            known.join(", ")
        )),
        other => Problem::bad_request(other.to_string()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails may panic")]
mod tests {
    use report_query::{DataType, Field, Query, Retention, Schema, Store, StoreOptions};

    use super::*;

    /// Computes until it is told to stop, and then a query would, too.
    fn endless(stop: &Stop) -> Result<(), Problem> {
        while !stop.is_set() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let fields = [
            Field::new("time", DataType::Time).required(),
            Field::new("id", DataType::Id).required(),
        ];
        let schema = Schema::new(fields).and_then(|schema| schema.with_key("time", "id"));
        let store = Store::new(schema.unwrap(), StoreOptions::new(Retention::MONTH)).unwrap();
        let plan = Query::new().bind(store.schema()).unwrap();
        let ran = plan.run_until(&store.snapshot(), &|| stop.is_set());
        Err(query_problem(&ran.unwrap_err()))
    }

    #[tokio::test]
    async fn a_query_ends_at_its_deadline_and_when_nobody_waits() {
        let places = Arc::new(Semaphore::new(1));
        let late = run_in(&places, 0, endless).await.unwrap_err();
        assert_eq!((late.status().as_u16(), late.code), (503, "unavailable"));
        // The place is given back when the work ends, and it does.
        drop(places.acquire().await.unwrap());

        let waiting = tokio::spawn({
            let places = Arc::clone(&places);
            async move { run_in(&places, 3_600, endless).await }
        });
        while places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        drop(places.acquire().await.unwrap());

        let done = run_in(&places, 3_600, |stop| Ok(stop.is_set())).await;
        assert!(!done.unwrap());
    }
}
