//! `Snapshot`: the rows of a store at one moment.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::cache::Cache;
use super::dictionary::Dictionary;
use super::memo::Memo;
use super::segment::{Segment, SegmentView};
use super::store::State;
use crate::schema::Schema;

/// The rows of a store at one moment. What is appended, expired or merged
/// later does not change it. Cloning copies a pointer.
///
/// Queries that begin alike, with the same filters and then the same
/// [`top_per`](crate::Query::top_per) of one row, find those rows once if they are run on the same
/// snapshot or its clones.
#[derive(Clone)]
pub struct Snapshot {
    schema: Schema,
    state: Arc<State>,
    as_of: u64,
    cache: Option<Arc<Cache>>,
    memo: Arc<Memo>,
}

impl Snapshot {
    pub(super) fn new(schema: &Schema, state: Arc<State>, cache: Option<Arc<Cache>>) -> Self {
        Self {
            schema: schema.clone(),
            as_of: state.newest,
            state,
            cache,
            memo: Arc::default(),
        }
    }

    /// The schema of the store.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The number of the newest batch in it: batches that bring rows are
    /// counted from 1. A snapshot can be [narrowed](Snapshot::as_of) to this
    /// number later.
    #[must_use]
    pub const fn newest_ingest(&self) -> u64 {
        self.as_of
    }

    /// The same without the rows of batches after a number, as far as rows are
    /// still kept.
    #[must_use]
    pub fn as_of(&self, ingest: u64) -> Self {
        if ingest >= self.as_of {
            return self.clone();
        }
        Self {
            as_of: ingest,
            memo: Arc::default(),
            ..self.clone()
        }
    }

    /// How many rows it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts()
            .map(|part| match part.as_of {
                None => part.rows.len(),
                Some(_) => part.visible().count(),
            })
            .sum()
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts().all(|part| part.visible().next().is_none())
    }

    /// The times of the oldest and the newest row.
    #[must_use]
    pub fn time_range(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let mut range: Option<(DateTime<Utc>, DateTime<Utc>)> = None;
        for part in self.parts() {
            let ends = [part.visible().next(), part.visible().next_back()];
            for row in ends.into_iter().flatten() {
                if let Some((time, _)) = part.segment.key(row) {
                    let (oldest, newest) = range.unwrap_or((time, time));
                    range = Some((oldest.min(time), newest.max(time)));
                }
            }
        }
        range
    }

    /// All segments; a position among them stays the same for the snapshot.
    pub(crate) fn segments(&self) -> &[Arc<Segment>] {
        &self.state.segments
    }

    /// How many of these are sealed; they are the first.
    pub(crate) fn sealed(&self) -> usize {
        self.state.sealed
    }

    /// What queries know of sealed segments, if that is kept.
    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.cache.as_deref()
    }

    /// What queries share that are run on it.
    pub(crate) fn memo(&self) -> &Memo {
        &self.memo
    }

    /// What the codes of texts stand for; see [`Schema::dictionary`](crate::Schema).
    pub(crate) fn dictionaries(&self) -> &[Dictionary] {
        &self.state.dictionaries
    }

    /// The segments with the rows of each that count.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.state.views().enumerate().map(|(index, segment)| Part {
            index,
            segment,
            rows: segment.rows_between(self.state.cut, None),
            as_of: (segment.newest_ingest() > self.as_of).then_some(self.as_of),
        })
    }
}

/// A segment, and which of its rows count.
#[derive(Clone)]
pub(crate) struct Part<'a> {
    /// Its position among the segments of the snapshot.
    pub(crate) index: usize,
    pub(crate) segment: SegmentView<'a>,
    /// Those that are not expired, and within the times that are asked for.
    pub(crate) rows: Range<usize>,
    /// Rows of later batches do not count.
    pub(crate) as_of: Option<u64>,
}

impl<'a> Part<'a> {
    /// The same with the rows from a time on and before another alone.
    pub(crate) fn between(self, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Self {
        let inside = self.segment.rows_between(from, to);
        let start = self.rows.start.max(inside.start);
        let rows = start..self.rows.end.min(inside.end).max(start);
        Self { rows, ..self }
    }

    /// The rows that count.
    pub(crate) fn visible(&self) -> impl DoubleEndedIterator<Item = usize> + use<'a> {
        let (segment, as_of) = (self.segment.segment, self.as_of);
        self.rows
            .clone()
            .filter(move |row| as_of.is_none_or(|as_of| segment.ingest(*row) <= as_of))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("segments", &self.segments().len())
            .field("newest_ingest", &self.as_of)
            .finish_non_exhaustive()
    }
}
