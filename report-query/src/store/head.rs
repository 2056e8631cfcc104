//! The head: new rows in small chunks, merged as they grow.
//!
//! Chunks stand from large to small, each at least twice as large as the next
//! when it was built. So a row is copied at most as often as the number of
//! rows of a segment can be doubled, and there are never many chunks.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::segment::{Segment, StoredRow};
use crate::schema::Schema;

/// What new rows make of the head.
pub(super) struct Grown {
    /// The chunks of the head from now on.
    pub(super) head: Vec<Arc<Segment>>,
    /// Full segments, in the order of time.
    pub(super) sealed: Vec<Arc<Segment>>,
}

/// Adds rows to the head; those before the cut are left behind.
pub(super) fn grow(
    schema: &Schema,
    head: &[Arc<Segment>],
    mut rows: Vec<StoredRow>,
    segment_rows: usize,
    cut: Option<DateTime<Utc>>,
) -> Grown {
    let mut head = head.to_vec();
    while let Some(chunk) = head.pop_if(|chunk| chunk.len() < 2 * rows.len()) {
        let visible = chunk.rows_between(cut, None);
        rows.extend(visible.filter_map(|row| chunk.row(row)));
    }
    rows.sort_by_key(StoredRow::key);
    let mut sealed = Vec::new();
    let mut parts = rows.chunks_exact(segment_rows);
    for part in &mut parts {
        sealed.push(Arc::new(Segment::new(schema, part)));
    }
    let rest = parts.remainder();
    if !rest.is_empty() {
        head.push(Arc::new(Segment::new(schema, rest)));
    }
    Grown { head, sealed }
}
