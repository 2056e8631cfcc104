//! Downloads: all rows of a filter, written as they are asked for by the connection.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use report_query::QueryResult;

use super::failure::Failure;
use super::view::Format;
use crate::auth::Reader;
use crate::body::written;

/// Whose exports are being written: one at a time for each reader, since each holds its rows.
static RUNNING: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A place among the exports that run; given back when it is dropped.
struct Running(String);

impl Running {
    fn begin(reader: &Reader) -> Option<Self> {
        let key = format!("{}/{}", reader.tenant.id, reader.name);
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = running.insert(key.clone());
        // The place itself takes the lock when it is dropped.
        drop(running);
        is_free.then(|| Self(key))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.0);
    }
}

/// A result as a file. The name is ours alone; nothing from outside gets into it.
pub fn download(
    reader: &Reader,
    result: QueryResult,
    format: Format,
    name: &str,
) -> Result<Response, Failure> {
    let running = Running::begin(reader).ok_or(Failure::Busy)?;
    let (kind, extension) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Json => ("application/json", "json"),
        _ => ("application/x-ndjson", "ndjson"),
    };
    let rows = result.len();
    let body = written(move |out| {
        // Given back before the body ends, so that whoever has it all may ask for the next.
        let _running = running;
        match format {
            Format::Csv => result.write_csv(&mut *out)?,
            Format::Json => result.write_json(&mut *out)?,
            _ => result.write_ndjson(&mut *out)?,
        }
        out.send()
    });
    let disposition = format!("attachment; filename=\"{name}.{extension}\"");
    let disposition =
        HeaderValue::from_str(&disposition).map_err(|_| Failure::internal("a file has no name"))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_DISPOSITION, disposition),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox")),
        (
            HeaderName::from_static("x-total-count"),
            HeaderValue::from(rows),
        ),
    ];
    Ok((headers, body).into_response())
}
