//! `POST /v1/query`: a query in its JSON form.

use std::sync::Arc;

use axum::extract::{RawQuery, State, rejection::BytesRejection};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use report_query::Query;

use super::run::{limits, query_problem, run};
use super::stream::{self, Format};
use super::{none_left, parameters, take};
use crate::app::App;
use crate::auth::Reader;
use crate::refuse::Problem;

/// Runs the query of the body.
pub(super) async fn query(
    State(app): State<Arc<App>>,
    reader: Reader,
    RawQuery(parameters_text): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let mut given = parameters(parameters_text.as_deref())?;
    let format = Format::of(take(&mut given, "format").as_deref())?;
    none_left(&given, "format")?;
    if !is_json(&headers) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, "unsupported").with_detail("a query is application/json"));
    }
    let body = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("a query has at most {} bytes", super::QUERY_BYTES);
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large").with_detail(detail)
        }
        _ => Problem::bad_request("the body was cut off"),
    })?;
    let text = std::str::from_utf8(&body).map_err(|_| Problem::bad_request("a query is UTF-8"))?;
    let query = Query::from_json(text).map_err(|error| query_problem(&error))?;
    let limits = limits(&app);
    let tenant = Arc::clone(&reader.tenant);
    let result = run(&app, move |stop| {
        reader.note("query", format.extension());
        let snapshot = reader.store().snapshot();
        let plan = query.bind(snapshot.schema());
        let ran = plan.and_then(|plan| {
            plan.with_limits(limits)
                .run_until(&snapshot, &|| stop.is_set())
        });
        ran.map_err(|error| query_problem(&error))
    });
    Ok(stream::result(
        result.await?,
        format,
        "query",
        tenant.quarantine.total(),
    ))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let media = kind.and_then(|kind| kind.split(';').next());
    media.is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}
