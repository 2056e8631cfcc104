//! Rows that are there already: the same time and id.

use std::sync::Arc;

use super::segment::{Segment, StoredRow};

/// What is known of a new row's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    New,
    Duplicate,
    Conflict,
}

/// Looks a row up in the segments whose time covers it.
pub(super) fn probe<'a>(
    segments: impl Iterator<Item = &'a Arc<Segment>>,
    row: &StoredRow,
) -> Known {
    for segment in segments {
        if let Some(found) = segment.find(row.time, row.id) {
            return if segment.has_values(found, &row.values) {
                Known::Duplicate
            } else {
                Known::Conflict
            };
        }
    }
    Known::New
}
