//! Rows that are there already: the same time and id.

use chrono::{DateTime, Utc};

use super::segment::{SegmentView, StoredRow};
use super::store::State;

/// What is known of a new row's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    New,
    Duplicate,
    Conflict,
}

/// The segments that may have rows of a batch.
pub(super) struct Probe<'s>(Vec<SegmentView<'s>>);

impl<'s> Probe<'s> {
    /// Of a batch with rows from one time to another.
    pub(super) fn new(state: &'s State, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        let covers = |view: &SegmentView<'_>| {
            view.first_time().is_some_and(|first| first <= to)
                && view.last_time().is_some_and(|last| last >= from)
        };
        Self(state.views().filter(covers).collect())
    }

    /// Looks a row up in the segments whose time covers it.
    pub(super) fn look_up(&self, row: &StoredRow) -> Known {
        for view in &self.0 {
            if let Some(found) = view.find(row.time, row.id) {
                // Of a redacted row it is not known any more.
                return if view.is_redacted(found) || view.has_values(found, &row.values) {
                    Known::Duplicate
                } else {
                    Known::Conflict
                };
            }
        }
        Known::New
    }
}
