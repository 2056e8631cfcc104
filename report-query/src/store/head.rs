//! The head: new rows in small chunks, merged as they grow.
//!
//! Chunks stand from large to small, each at least twice as large as the next
//! when it was built. So a row is copied at most as often as the number of
//! rows of a segment can be doubled, and there are never many chunks.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::column::Origin;
use super::dictionary::Dictionary;
use super::segment::{Segment, StoredRow};
use crate::schema::Schema;

/// What new rows make of the head.
pub(super) struct Grown {
    /// The chunks of the head from now on.
    pub(super) head: Vec<Arc<Segment>>,
    /// Full segments of a day (UTC) each, in the order of time.
    pub(super) sealed: Vec<Arc<Segment>>,
}

/// Makes new rows a head of their own, and gives the dictionaries that know their texts. What fills
/// segments becomes such at once.
pub(super) fn begin(
    schema: &Schema,
    dictionaries: &[Dictionary],
    rows: &[&StoredRow],
    ingest: u64,
    segment_rows: usize,
) -> (Grown, Vec<Dictionary>) {
    let mut dictionaries = dictionaries.to_vec();
    let mut of_rows = |rows: &[&StoredRow]| {
        let (segment, next) = Segment::of_batch(schema, &dictionaries, rows, ingest);
        dictionaries = next;
        segment
    };
    let mut parts = rows.chunks_exact(segment_rows);
    let mut sealed = Vec::new();
    for part in &mut parts {
        let days = part.chunk_by(|a, b| day(a.time) == day(b.time));
        sealed.extend(days.map(|rows| Arc::new(of_rows(rows).sealed(schema))));
    }
    let rest = parts.remainder();
    let head = if rest.is_empty() {
        Vec::new()
    } else {
        vec![Arc::new(of_rows(rest))]
    };
    (Grown { head, sealed }, dictionaries)
}

/// The day of a time (UTC).
fn day(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(86_400)
}

/// Adds a chunk of new rows to the head; rows before the cut are left behind.
pub(super) fn grow(
    schema: &Schema,
    head: &[Arc<Segment>],
    new: Segment,
    segment_rows: usize,
    cut: Option<DateTime<Utc>>,
) -> Grown {
    let mut head = head.to_vec();
    let mut count = new.len();
    let mut merged = vec![Arc::new(new)];
    while let Some(chunk) = head.pop_if(|chunk| chunk.len() < 2 * count) {
        count += chunk.rows_between(cut, None).len();
        merged.push(chunk);
    }
    if merged.len() == 1 && count < segment_rows {
        head.append(&mut merged);
        return Grown {
            head,
            sealed: Vec::new(),
        };
    }
    let mut rows: Vec<Row> = Vec::with_capacity(count);
    for (number, chunk) in (0..).zip(&merged) {
        let kept = chunk.rows_between(cut, None);
        rows.extend(kept.map(|row| (chunk.key(row), (number, row as u32))));
    }
    // Stable, since it is quick on runs that are sorted already.
    rows.sort_by_key(|(key, _)| *key);
    let day = |(key, _): &Row| key.map(|(time, _)| day(time));
    let of_rows = |rows: &[Row]| {
        let rows: Vec<Origin> = rows.iter().map(|(_, origin)| *origin).collect();
        Segment::of_rows(schema, &merged, &rows)
    };
    let mut sealed = Vec::new();
    let mut parts = rows.chunks_exact(segment_rows);
    for part in &mut parts {
        // Of one day each, so that what is too old goes day by day.
        let days = part.chunk_by(|a, b| day(a) == day(b));
        sealed.extend(days.map(|rows| Arc::new(of_rows(rows).sealed(schema))));
    }
    let rest = parts.remainder();
    if !rest.is_empty() {
        head.push(Arc::new(of_rows(rest)));
    }
    Grown { head, sealed }
}

/// A row by its key, and where it comes from.
type Row = (Option<(DateTime<Utc>, Uuid)>, Origin);
