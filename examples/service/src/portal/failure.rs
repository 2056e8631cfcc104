//! Why a page is not what was asked for, and what it says instead. Never a cause from
//! inside, never a name.

use std::io;

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use report_query::{QueryError, QueryErrorKind, ReportError};

use super::context::Context;
use super::layout::{Place, message};
use super::params::BadParameter;
use super::text;

#[derive(Debug)]
pub enum Failure {
    BadParameter(BadParameter),
    /// Nothing there, or another tenant's: the same.
    NotFound,
    /// The right that is needed, and what for.
    Forbidden {
        what: &'static str,
        right: &'static str,
    },
    /// The seconds of a page were not enough.
    Deadline,
    /// More than a query may take.
    TooMuch(String),
    /// Another export of the same reader is being written.
    Busy,
    /// The form can't be taken, with the reason.
    Refused(String),
    /// The number that the log has, too.
    Internal(String),
}

impl Failure {
    /// Something that must not be, logged with a number that the page shows.
    pub fn internal(what: &str) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let number = id.get(..8).unwrap_or_default().to_owned();
        tracing::error!(number, "{what}");
        Self::Internal(number)
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::BadParameter(_) | Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::TooMuch(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Deadline => StatusCode::SERVICE_UNAVAILABLE,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What is said in the middle of a page that was begun already.
    pub fn note(&self, context: &Context) -> Markup {
        let seconds = context.app.config.limits.query_seconds;
        self.draw(&context.path, seconds).1
    }

    pub fn page(&self, context: &Context) -> Response {
        let seconds = context.app.config.limits.query_seconds;
        let (title, body) = self.draw(&context.path, seconds);
        context.page_with(self.status(), place(&context.path), title, body)
    }

    fn draw(&self, path: &str, seconds: u64) -> (&'static str, Markup) {
        match self {
            Self::BadParameter(bad) => (
                "Wrong address",
                message(
                    "what",
                    "This address can't be shown",
                    html! {
                        p { "Parameter " code { (text::value(&bad.name)) } " " (bad.why) "." }
                        p { "Nothing was left out or guessed instead." }
                        p.row { a.btn href=(path) { "Open the page without parameters" } }
                    },
                ),
            ),
            Self::NotFound => (
                "Not found",
                message(
                    "find",
                    "There is nothing here",
                    html! {
                        p { "It was never there, or it is older than what is kept." }
                        p.row { a.btn href="/log" { "Audit log" } a.btn href="/" { "Overview" } }
                    },
                ),
            ),
            Self::Forbidden { what, right } => (
                "No permission",
                message(
                    "lock",
                    "No permission",
                    html! {
                        p { (what) " need the right " code { (right) } ". Whoever runs the service can give it." }
                        p.row { a.btn href="/" { "Overview" } }
                    },
                ),
            ),
            Self::Deadline => (
                "Took too long",
                message(
                    "clock",
                    "This took too long",
                    html! {
                        p { "Took longer than " (seconds) " s. Shorten the period or remove a filter, first of all "
                            em { "Text contains" } "." }
                        @if has_range(path) { p.row { a.btn href={ (path) "?range=PT24H" } { "The last 24 hours" } } }
                    },
                ),
            ),
            Self::TooMuch(what) => (
                "Too much",
                message(
                    "warn",
                    "Too much for one answer",
                    html! {
                        p { "The question needs " (what) ", and nothing is ever cut silently. Shorten the period or filter more." }
                        p.row { a.btn href=(path) { "Begin again" } }
                    },
                ),
            ),
            Self::Busy => (
                "Export running",
                message(
                    "clock",
                    "An export of yours is running",
                    html! {
                        p { "One is written at a time. Try again when it is done." }
                    },
                ),
            ),
            Self::Refused(why) => (
                "Not saved",
                message(
                    "warn",
                    "This could not be taken",
                    html! {
                        p { (why) }
                        p { "Nothing was changed." }
                    },
                ),
            ),
            Self::Internal(number) => (
                "Failed",
                message(
                    "warn",
                    "Something failed",
                    html! {
                        p { "Number " code { (number) } ". Nothing was changed. The service's log says more under this number." }
                    },
                ),
            ),
        }
    }
}

/// Whether the page of a path takes the parameter `range`.
fn has_range(path: &str) -> bool {
    ["/", "/log", "/reports/new"].contains(&path)
}

/// The place in the navigation that a path belongs to.
pub fn place(path: &str) -> Place {
    match path.split('/').nth(1).unwrap_or_default() {
        "" => Place::Overview,
        "log" | "views" | "v" => Place::Log,
        "reports" => Place::Reports,
        "people" => Place::People,
        "system" => Place::System,
        _ => Place::Other,
    }
}

/// Why what is written in pieces was not written to its end.
#[derive(Debug)]
pub enum Interrupted {
    /// What it was to say can't be said.
    Failed(Failure),
    /// Whoever asked went away, or takes nothing.
    Gone(io::Error),
}

impl From<Failure> for Interrupted {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for Interrupted {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<BadParameter> for Failure {
    fn from(bad: BadParameter) -> Self {
        Self::BadParameter(bad)
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        match error.kind() {
            QueryErrorKind::PageToken { .. } => Self::BadParameter(BadParameter::new(
                "skiptoken",
                "is of another filter or order",
            )),
            QueryErrorKind::LimitExceeded { .. } => Self::TooMuch(error.kind().to_string()),
            QueryErrorKind::Cancelled => Self::Deadline,
            // Names of columns and types, never values.
            kind => Self::internal(&format!("a query failed: {kind}")),
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::UnknownParameter { name, .. } => BadParameter::unknown(&name).into(),
            ReportError::InvalidParameter { name, expected } => {
                BadParameter::new(&name, format!("must be {expected}")).into()
            }
            ReportError::Query(error) => error.into(),
            other => Self::internal(&format!("a report failed: {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use report_query::activity::ActivityStore;
    use report_query::{Query, Retention};

    use super::*;

    #[test]
    fn a_query_that_the_time_ended_took_too_long() {
        let store = ActivityStore::new(Retention::days(30));
        let snapshot = store.snapshot();
        let plan = Query::new().bind(snapshot.schema()).unwrap();
        let error = plan.run_until(&snapshot, &|| true).unwrap_err();
        assert!(matches!(Failure::from(error), Failure::Deadline));
    }

    #[test]
    fn a_shorter_period_is_offered_where_the_page_takes_one() {
        for (path, offered) in [
            ("/", true),
            ("/log", true),
            ("/people", false),
            ("/reports/password-reset", false),
            ("/log/7c9e6679-7425-40de-944b-e07fc1f90ae7", false),
        ] {
            let html = Failure::Deadline.draw(path, 30).1.into_string();
            assert!(html.contains("longer than 30 s"), "{html}");
            assert_eq!(html.contains("range=PT24H"), offered, "{path}");
        }
    }
}
