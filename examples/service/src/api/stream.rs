//! Results as bodies that are written while they are sent.

use std::io::{self, Write};

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use report_query::QueryResult;

use crate::body::{self, Pieces};
use crate::refuse::Problem;

/// How many records are in quarantine, so that no answer looks complete which is not.
pub(super) const QUARANTINED: HeaderName = HeaderName::from_static("x-quarantined-records");

/// How a result is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    #[default]
    Json,
    Csv,
    Ndjson,
}

impl Format {
    /// By its name.
    pub(super) fn of(name: Option<&str>) -> Result<Self, Problem> {
        match name {
            None | Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some("ndjson") => Ok(Self::Ndjson),
            Some(_) => Err(Problem::bad_request("`format` is one of json, csv, ndjson")),
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    fn write(self, result: &QueryResult, writer: impl Write) -> io::Result<()> {
        match self {
            Self::Json => result.write_json(writer),
            Self::Csv => result.write_csv(writer),
            Self::Ndjson => result.write_ndjson(writer),
        }
    }
}

/// A result as a download of this name.
pub(super) fn result(
    result: QueryResult,
    format: Format,
    name: &str,
    quarantined: u64,
) -> Response {
    let mut response = written(format.content_type(), move |writer| {
        format.write(&result, writer)
    });
    let headers = response.headers_mut();
    headers.insert(QUARANTINED, quarantined.into());
    if format != Format::Json {
        download(headers, &format!("{name}.{}", format.extension()));
    }
    response
}

/// The headers of what is saved, not shown.
pub(super) fn download(headers: &mut axum::http::HeaderMap, file: &str) {
    let safe: String = file
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-._".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{safe}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
}

/// An answer that a thread writes.
pub(super) fn written(
    content_type: &'static str,
    write: impl FnOnce(&mut Pieces) -> io::Result<()> + Send + 'static,
) -> Response {
    ([(CONTENT_TYPE, content_type)], body::written(write)).into_response()
}
