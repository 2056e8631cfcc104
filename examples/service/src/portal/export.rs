//! Downloads: all rows of a filter, written as they are asked for by the connection.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use report_query::QueryResult;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::failure::Failure;
use super::view::Format;
use crate::auth::Reader;

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

/// Bytes of one piece.
const PIECE: usize = 16 << 10;

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
    let (pieces, body) = mpsc::channel::<io::Result<Bytes>>(4);
    tokio::task::spawn_blocking(move || {
        let mut writer = Pieces {
            pieces: pieces.clone(),
            held: Vec::with_capacity(PIECE),
        };
        let written = match format {
            Format::Csv => result.write_csv(&mut writer),
            Format::Json => result.write_json(&mut writer),
            _ => result.write_ndjson(&mut writer),
        };
        // An error resets the connection, so that half a file is not taken for a whole one.
        if let Err(error) = written.and_then(|()| writer.send()) {
            let _ = pieces.blocking_send(Err(error));
        }
        // Before the body ends, so that whoever has it all may ask for the next.
        drop(running);
        drop(writer);
        drop(pieces);
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
    Ok((headers, Body::from_stream(ReceiverStream::new(body))).into_response())
}

/// A writer whose bytes go to the connection piece by piece, and that waits for it.
struct Pieces {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    held: Vec<u8>,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.held, Vec::with_capacity(PIECE));
        self.pieces
            .blocking_send(Ok(piece.into()))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
