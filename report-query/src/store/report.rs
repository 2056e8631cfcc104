//! What a store says of what it did and holds.

/// What became of the rows of a batch. Each row is counted once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppendReport {
    /// Now in the store.
    pub appended: u64,
    /// There already, with the same content.
    pub duplicates: u64,
    /// There already under the same time and id, with other content. The first stays.
    pub conflicts: u64,
    /// Older than is kept.
    pub expired: u64,
    /// More than a day ahead of now.
    pub quarantined: u64,
    /// Not of the schema.
    pub invalid: u64,
    /// New rows for which there is no [memory](super::WhenFull::Refuse): all of the batch.
    pub refused: u64,
    /// Rows of the store, or of the batch, that were dropped to
    /// [make room](super::WhenFull::DropOldest); these are counted beside the others.
    pub evicted: u64,
    /// The number of the batch, if it brought rows.
    pub ingest: Option<u64>,
    /// The conflicts, quarantined and invalid rows: position in the batch,
    /// from 0, and why. In ascending order.
    pub rejected: Vec<(usize, Rejected)>,
}

/// Why a row that is not in the store was kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejected {
    /// A row with the same time and id has other content.
    Conflict,
    /// Its time is more than a day ahead of now.
    Quarantined,
    /// It is not of the schema.
    Invalid {
        /// Which column, from 0, if it is one.
        column: Option<usize>,
        /// What is wrong.
        what: &'static str,
    },
}

/// What [`Store::expire`](super::Store::expire) dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expiry {
    /// Rows that queries no longer see.
    pub rows: u64,
    /// Segments and chunks that were freed whole.
    pub segments: u64,
}

/// What [`Store::erase`](super::Store::erase) removed, or [`Store::redact`](super::Store::redact)
/// changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Erasure {
    /// Rows that queries no longer see, or no longer see as they were.
    pub rows: u64,
    /// Segments and chunks that were built anew, or freed whole.
    pub segments: u64,
}

/// What a store holds and has counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Rows that queries see.
    pub rows: u64,
    /// Sealed segments.
    pub segments: usize,
    /// Chunks of the head.
    pub head_chunks: usize,
    /// The number of the newest batch that brought rows.
    pub newest_ingest: u64,
    /// Rows appended.
    pub appended: u64,
    /// Rows dropped as duplicates.
    pub duplicates: u64,
    /// Rows kept out as conflicts.
    pub conflicts: u64,
    /// Rows refused as too old.
    pub expired: u64,
    /// Rows kept out as too far ahead.
    pub quarantined: u64,
    /// Rows refused as not of the schema.
    pub invalid: u64,
    /// Rows dropped by the retention.
    pub dropped: u64,
    /// Rows erased.
    pub erased: u64,
    /// Rows redacted, each as often as it was changed.
    pub redacted: u64,
    /// Rows refused for want of memory.
    pub refused: u64,
    /// Rows dropped to make room.
    pub evicted: u64,
}

/// How many bytes the rows of a store take: within a twentieth of what an allocator gives for
/// them, as a test with one that counts says. What is kept of queries is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryUsage {
    /// Columns: keys, numbers, codes, which items lists have.
    pub columns: usize,
    /// Texts with the tables that find them.
    pub values: usize,
    /// Documents; see [`Field::document`](crate::Field::document).
    pub documents: usize,
    /// Which rows have which value; see [`Field::indexed`](crate::Field::indexed).
    pub postings: usize,
    /// What is kept of queries; see [`StoreOptions::cache`](super::StoreOptions::cache).
    pub cache: usize,
}

impl MemoryUsage {
    /// All of it.
    #[must_use]
    pub const fn total(self) -> usize {
        self.columns + self.values + self.documents + self.postings + self.cache
    }
}
