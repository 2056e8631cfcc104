//! Downloads: all rows of a filter, written as they are asked for by the connection.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use report_query::activity::columns as c;
use report_query::{Expr, Query, QueryResult, Snapshot, Value};
use uuid::Uuid;

use super::columns::Order;
use super::context::Context;
use super::failure::Failure;
use super::view::Format;
use crate::auth::Reader;
use crate::body::{Pieces, written};

/// Rows of one part of an export.
const PART: usize = 8_192;
/// The column by which rows of a part are told apart.
const KEY: &str = "key of the row";
/// How the rows of a JSON document begin, and how it ends.
const JSON_ROWS: &str = "],\"rows\":[";
const JSON_END: &str = "\n]}\n";

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
    let rows = result.len();
    file(reader, format, name, rows, move |out| match format {
        Format::Csv => result.write_csv(out),
        Format::Json => result.write_json(out),
        _ => result.write_ndjson(out),
    })
}

/// The same of many rows: only a few of them are in memory at once.
pub fn download_in_parts(
    context: &Context,
    rows: InTime,
    columns: Vec<Expr>,
    format: Format,
    name: &str,
) -> Result<Response, Failure> {
    let reader = &context.reader;
    let context = context.in_parts();
    let count = rows.keys.len();
    file(reader, format, name, count, move |out| {
        let mut document = Document::new(format);
        rows.parts(&context, &columns, PART, |part| document.add(out, part))?;
        document.end(out)
    })
}

fn file(
    reader: &Reader,
    format: Format,
    name: &str,
    rows: usize,
    write: impl FnOnce(&mut Pieces) -> io::Result<()> + Send + 'static,
) -> Result<Response, Failure> {
    let running = Running::begin(reader).ok_or(Failure::Busy)?;
    let (kind, extension) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Json => ("application/json", "json"),
        _ => ("application/x-ndjson", "ndjson"),
    };
    let body = written(move |out| {
        // Given back before the body ends, so that whoever has it all may ask for the next.
        let _running = running;
        write(&mut *out)?;
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

/// Which rows a query gives, in the order of time.
pub struct InTime {
    /// The time and the key of each.
    keys: Vec<(DateTime<Utc>, Uuid)>,
    order: Order,
    snapshot: Snapshot,
}

impl InTime {
    /// Of a query whose rows are in an order of time.
    pub fn of(
        context: &Context,
        query: &Query,
        order: Order,
        snapshot: &Snapshot,
    ) -> Result<Self, Failure> {
        let found = context.run(&query.clone().select([c::TIME, c::ROW]), snapshot)?;
        let key = |row: &[Value]| Some((row.first()?.as_time()?, row.get(1)?.as_id()?));
        Ok(Self {
            keys: found.rows().filter_map(key).collect(),
            order,
            snapshot: snapshot.clone(),
        })
    }

    /// Gives so many rows at once, with these columns.
    fn parts(
        &self,
        context: &Context,
        columns: &[Expr],
        most: usize,
        mut take: impl FnMut(&QueryResult) -> io::Result<()>,
    ) -> io::Result<()> {
        // Of no row there are the columns, too.
        let none = [].as_slice();
        let parts = self
            .keys
            .chunks(most)
            .chain(self.keys.is_empty().then_some(none));
        for keys in parts {
            let part = self
                .part(context, columns, keys)
                .map_err(|_| io::Error::other("a part of the rows can't be had"))?;
            take(&part)?;
        }
        Ok(())
    }

    /// The rows of some neighbouring keys.
    fn part(
        &self,
        context: &Context,
        columns: &[Expr],
        keys: &[(DateTime<Utc>, Uuid)],
    ) -> Result<QueryResult, Failure> {
        let times = || keys.iter().map(|(time, _)| *time);
        let (first, last) = times().min().zip(times().max()).unwrap_or_default();
        let columns = columns.iter().cloned().chain([c::ROW.alias(KEY)]);
        let query = Query::new()
            .filter(c::TIME.ge(first))
            .filter(c::TIME.le(last))
            .sort(self.order.keys())
            .select(columns);
        let found = context.run(&query, &self.snapshot)?;
        // Between the rows stand those that the first query left out.
        let mut keys = keys.iter().map(|(_, key)| *key).peekable();
        let mut rows = Vec::with_capacity(keys.len());
        for row in found.rows() {
            let Some((key, cells)) = row.split_last() else {
                continue;
            };
            if keys.next_if(|next| key.as_id() == Some(*next)).is_some() {
                rows.push(cells.to_vec());
            }
        }
        if keys.next().is_some() {
            return Err(Failure::internal(
                "a row of an export is not there any more",
            ));
        }
        let shown = found.columns().len().saturating_sub(1);
        let columns = found.columns().iter().take(shown).cloned().collect();
        Ok(QueryResult::new(columns, rows)?)
    }
}

/// A file of one format that is written in parts, and is as if it was written at once.
struct Document {
    format: Format,
    parts: usize,
}

impl Document {
    const fn new(format: Format) -> Self {
        Self { format, parts: 0 }
    }

    fn add(&mut self, out: &mut impl Write, part: &QueryResult) -> io::Result<()> {
        let is_first = self.parts == 0;
        self.parts += 1;
        match self.format {
            Format::Csv if is_first => part.write_csv(out),
            Format::Csv => {
                // Below the first head.
                let mut text = Vec::new();
                part.write_csv(&mut text)?;
                let head = text.iter().position(|byte| *byte == b'\n');
                out.write_all(text.get(head.map_or(0, |at| at + 1)..).unwrap_or_default())
            }
            Format::Json => {
                let mut text = Vec::new();
                part.write_json(&mut text)?;
                text.truncate(text.len().saturating_sub(JSON_END.len()));
                let rows = text.windows(JSON_ROWS.len());
                let head = rows.into_iter().position(|at| at == JSON_ROWS.as_bytes());
                let rows = match head {
                    Some(at) if !is_first => text.split_off(at + JSON_ROWS.len()),
                    _ => text,
                };
                if !is_first {
                    out.write_all(b",")?;
                }
                out.write_all(&rows)
            }
            _ => part.write_ndjson(out),
        }
    }

    fn end(&self, out: &mut impl Write) -> io::Result<()> {
        match self.format {
            Format::Json => out.write_all(JSON_END.as_bytes()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use report_query::{DataType, ResultColumn};

    use super::*;

    #[test]
    fn what_is_written_in_parts_is_what_is_written_at_once() {
        let columns = || {
            vec![
                ResultColumn::new("rows", DataType::Text).label("Rows, \"rows\":["),
                ResultColumn::new("n", DataType::Int),
            ]
        };
        let row = |n: i64| vec![Value::from(format!("{n}\r\n,\"rows\":[\n]}}")), n.into()];
        for count in [0, 1, 2, 3, 4, 9] {
            let whole = QueryResult::new(columns(), (0..count).map(row)).unwrap();
            let rows: Vec<_> = (0..count).map(row).collect();
            let mut parts: Vec<&[Vec<Value>]> = rows.chunks(2).collect();
            if parts.is_empty() {
                parts.push(&[]);
            }
            for format in [Format::Csv, Format::Json, Format::Ndjson] {
                let mut at_once = Vec::new();
                match format {
                    Format::Csv => whole.write_csv(&mut at_once),
                    Format::Json => whole.write_json(&mut at_once),
                    _ => whole.write_ndjson(&mut at_once),
                }
                .unwrap();
                let mut in_parts = Vec::new();
                let mut document = Document::new(format);
                for part in &parts {
                    let part = QueryResult::new(columns(), part.to_vec()).unwrap();
                    document.add(&mut in_parts, &part).unwrap();
                }
                document.end(&mut in_parts).unwrap();
                assert_eq!(
                    String::from_utf8(in_parts).unwrap(),
                    String::from_utf8(at_once).unwrap(),
                    "{count} {format:?}"
                );
            }
        }
    }
}
