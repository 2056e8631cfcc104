//! Results as bodies that are written while they are sent.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use report_query::QueryResult;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;

use crate::refuse::Problem;

/// Bytes of one piece.
const PIECE: usize = 16 << 10;
/// Pieces that wait to be sent.
const WAITING: usize = 8;
/// How long somebody who reads slowly is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
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

/// A body that a thread writes. If writing fails amid the body, the connection is cut, so that nobody
/// takes a part for the whole.
pub(super) fn written(
    content_type: &'static str,
    write: impl FnOnce(&mut Pieces) -> io::Result<()> + Send + 'static,
) -> Response {
    let (sender, receiver) = channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut pieces = Pieces {
            sender,
            piece: Vec::with_capacity(PIECE),
            handle: Handle::current(),
        };
        let done = write(&mut pieces).and_then(|()| pieces.send());
        if let Err(error) = done {
            // Also if the reader went away, and then nobody hears of it.
            let _ = pieces.sender.try_send(Err(error));
        }
    });
    let body = Body::from_stream(ReceiverStream::new(receiver));
    ([(CONTENT_TYPE, content_type)], body).into_response()
}

/// Gathers what is written into pieces, and waits while too many are under way.
pub(super) struct Pieces {
    sender: Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
    handle: Handle,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let sent = self.handle.block_on(async {
            tokio::time::timeout(PATIENCE, self.sender.send(Ok(piece.into()))).await
        });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// Writers flush at their end, and pieces are sent when they are full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
