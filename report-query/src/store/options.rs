//! How a store keeps rows.

use super::retention::Retention;

/// How a store keeps rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    pub(super) retention: Retention,
    pub(super) segment_rows: usize,
    /// How many bytes, and what to do when they are used.
    pub(super) memory: Option<(usize, WhenFull)>,
    pub(super) cache: usize,
}

/// What a store does with rows that would need more memory than it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Keeps what it has: the new rows of the batch are [refused](super::AppendReport::refused),
    /// all of them, and may be appended again, with the whole batch, when rows have expired.
    Refuse,
    /// Keeps what is newest: drops the oldest segments, and with them every row that is
    /// older than their last. These times are then [expired](super::AppendReport::expired).
    /// Nothing smaller than a segment is dropped, so a limit below what one takes (65,536 rows by
    /// default) leaves no row.
    DropOldest,
}

impl StoreOptions {
    /// Keeps rows so long.
    #[must_use]
    pub const fn new(retention: Retention) -> Self {
        Self {
            retention,
            segment_rows: 65_536,
            memory: None,
            cache: 0,
        }
    }

    /// Limits the bytes that the rows take, as [`Store::memory_usage`](super::Store::memory_usage) counts them. No
    /// limit by default. What a batch takes while it is put in, and what snapshots hold
    /// of old segments, comes on top.
    ///
    /// ```
    /// use report_query::store::WhenFull;
    /// use report_query::{Retention, StoreOptions};
    ///
    /// let options = StoreOptions::new(Retention::MONTH).memory_limit(2 << 30, WhenFull::Refuse);
    /// # let _ = options;
    /// ```
    #[must_use]
    pub const fn memory_limit(mut self, bytes: usize, when_full: WhenFull) -> Self {
        self.memory = Some((bytes, when_full));
        self
    }

    /// Keeps what queries find out of sealed segments, in up to so many bytes as estimated, so that
    /// the same question is answered from it: the groups of a query that begins with filters on rows and a
    /// group, if they are few and of aggregates of bounded size (all counts and estimates, sums,
    /// averages, least and greatest values). Other filters by time are the same question. Answers
    /// are the same. None by default.
    ///
    /// What retention drops and what is erased is forgotten with its rows.
    #[must_use]
    pub const fn cache(mut self, bytes: usize) -> Self {
        self.cache = bytes;
        self
    }

    /// How many rows are sealed at once, in a segment for each day that they are of: 65,536 by
    /// default, which is also the most; at least 1. Small segments are for tests.
    #[must_use]
    pub const fn segment_rows(mut self, rows: usize) -> Self {
        self.segment_rows = match rows {
            0 => 1,
            1..65_536 => rows,
            _ => 65_536,
        };
        self
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self::new(Retention::default())
    }
}
