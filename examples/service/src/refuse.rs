//! Answers that refuse: problems as JSON for programs, a way to sign in for people.

use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Seconds after which a service that starts is asked again.
const STARTING: u64 = 5;

/// Whether an address is one of the API: it answers programs.
#[must_use]
pub fn is_api(path: &str) -> bool {
    let first = path
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default();
    ["v1", "v1.0", "beta", "metrics", "healthz", "readyz"]
        .contains(&first.to_ascii_lowercase().as_str())
}

/// A problem ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    /// What went wrong, as one word that stays the same.
    pub code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The place in the query's JSON that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem of a status.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: None,
            pointer: None,
            retry_after: None,
        }
    }

    /// 400.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request").with_detail(detail)
    }

    /// 403.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden").with_detail(detail)
    }

    /// 404.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found").with_detail(detail)
    }

    /// 503, to be asked again.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>, seconds: u64) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
        problem.retry_after = Some(seconds);
        problem.with_detail(detail)
    }

    /// 500; what happened is in the log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
            .with_detail("the service failed; its log says more")
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What was said.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// After how many seconds to ask again.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// Says more. Never a person's data, or what was sent.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, kind);
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Why a reader gets nothing.
#[derive(Debug)]
pub enum Refusal {
    /// To a program.
    Problem(Box<Problem>),
    /// To a person who is not signed in: there.
    SignIn(String),
    /// To a person while the service starts.
    Starting,
}

impl Refusal {
    /// For who is not known: 401, or the way to sign in and back.
    #[must_use]
    pub fn sign_in(uri: &Uri) -> Self {
        if is_api(uri.path()) {
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated");
            return Self::Problem(Box::new(
                problem.with_detail("send `Authorization: Bearer TOKEN`"),
            ));
        }
        let here = uri.path_and_query().map_or("/", |here| here.as_str());
        let next: String = form_urlencoded::byte_serialize(here.as_bytes()).collect();
        Self::SignIn(format!("/signin?next={next}"))
    }

    /// While the journal is read.
    #[must_use]
    pub fn not_ready(uri: &Uri) -> Self {
        if is_api(uri.path()) {
            let problem = Problem::unavailable("the journal is being read; try again", STARTING);
            return Self::Problem(Box::new(problem));
        }
        Self::Starting
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::SignIn(to) => match HeaderValue::from_str(&to) {
                Ok(to) => (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response(),
                Err(_) => Problem::bad_request("the address can't be returned to").into_response(),
            },
            Self::Starting => {
                let html = crate::portal::starting();
                let headers = [
                    (
                        CONTENT_TYPE,
                        HeaderValue::from_static("text/html; charset=utf-8"),
                    ),
                    (RETRY_AFTER, STARTING.into()),
                    (axum::http::header::REFRESH, STARTING.into()),
                ];
                (StatusCode::SERVICE_UNAVAILABLE, headers, html).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_sent_to_sign_in_and_programs_are_told() {
        let sign_in = |uri: &str| Refusal::sign_in(&uri.parse().expect("a URI")).into_response();
        let response = sign_in("/log?result=failure&q=a%26b");
        assert_eq!(response.status(), 303);
        let to = &response.headers()[LOCATION];
        assert_eq!(to, "/signin?next=%2Flog%3Fresult%3Dfailure%26q%3Da%2526b");
        for uri in [
            "/v1/reports",
            "/V1.0/auditLogs/directoryAudits",
            "/beta/x",
            "/metrics",
        ] {
            assert_eq!(sign_in(uri).status(), 401, "{uri}");
        }
    }
}
