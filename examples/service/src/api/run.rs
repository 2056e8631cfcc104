//! Running a query: so many at once, each with a deadline.

use std::sync::Arc;
use std::time::Duration;

use report_query::{Limits, QueryError, QueryErrorKind, ReportError};
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

/// Runs what computes on a thread for it. Beyond the configured number at once it waits; waiting and
/// running together have the configured seconds.
///
/// # Errors
/// What the work fails with; 503 when the time is over. A query that runs on nevertheless keeps its
/// place until it ends, so that no more run than are allowed.
pub(super) async fn run<T, W>(app: &Arc<App>, work: W) -> Result<T, Problem>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, Problem> + Send + 'static,
{
    let seconds = app.config.limits.query_seconds;
    let places = Arc::clone(&app.queries);
    let ran = async {
        let place = places
            .acquire_owned()
            .await
            .map_err(|_| Problem::internal())?;
        // Cancelling: a flag that the plan looks at goes in here, set when the time is over.
        let work = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
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
