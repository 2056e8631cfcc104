//! [`Batch`]: records that are not sealed yet.

use std::time::Instant;

use bytes::Bytes;

use super::tombstone::bury;
use crate::frame::Record;

/// Records that are not sealed yet, each with the cursor that came with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Batch {
    records: Vec<Record>,
    cursors: Vec<Option<Bytes>>,
    bytes: u64,
    since: Option<Instant>,
}

/// Bytes of a record in a body.
pub(super) fn size(record: &Record) -> u64 {
    let id = record.id().map_or(0, |_| 16);
    let time = record.time().map_or(0, |_| 8);
    record.payload().len() as u64 + 4 + id + time
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Bytes of the records in a body.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When the first record came.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    pub(super) fn push(&mut self, record: Record, cursor: Option<Bytes>, now: Instant) {
        self.bytes += size(&record);
        self.records.push(record);
        self.cursors.push(cursor);
        self.since.get_or_insert(now);
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Puts a tombstone in the place of the first record, which is returned; `None` if it is one.
    pub(super) fn bury_first(&mut self) -> Option<Record> {
        let first = self.records.first_mut()?;
        let before = size(first);
        let buried = bury(first)?;
        self.bytes = self.bytes + size(first) - before;
        Some(buried)
    }

    /// Takes the first `count` records away, and returns the last cursor among them.
    pub(super) fn take(&mut self, count: usize) -> Option<Bytes> {
        let taken: u64 = self
            .records
            .drain(..count)
            .map(|record| size(&record))
            .sum();
        self.bytes -= taken;
        if self.records.is_empty() {
            self.since = None;
        }
        self.cursors.drain(..count).flatten().last()
    }
}
