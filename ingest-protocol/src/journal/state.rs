//! The open journal: what it holds in memory.

use std::collections::VecDeque;

use crc_fast::Digest;

use super::checkpoint::Checkpoint;
use super::error::{Error, Result};
use super::fs::FsStorage;
use super::head::Head;
use super::marks::{MARKS_BYTES, Marks};
use super::options::Options;
use super::position::Position;
use super::read::Cached;
use super::storage::Storage;

/// A segment on the disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) head: Head,
    /// Offset of the first entry.
    pub(super) entries_at: u64,
    /// Offset after the last durable entry.
    pub(super) end: u64,
    /// Length of the file.
    pub(super) bytes: u64,
    /// Whether its checkpoint is readable.
    pub(super) checkpoint: bool,
}

/// The segment that is appended to, the last of the list.
#[derive(Debug)]
pub(super) struct Active<F> {
    pub(super) file: F,
    pub(super) seed: Digest,
    /// Entries that are not written yet.
    pub(super) pending: Vec<u8>,
    /// Offset after what is written.
    pub(super) written: u64,
}

/// An open journal. See the [module](super) for how to use it.
///
/// In memory it holds the last cursor, each stream's state, a few numbers for each segment,
/// and two buffers: of what is not written yet (1 MiB and an entry; 4 MiB stay allocated), and of what
/// is read (64 KiB, or the largest entry that was).
///
/// Dropping it writes nothing: what was not [synced](Journal::sync) may be lost.
#[derive(Debug)]
pub struct Journal<S: Storage = FsStorage> {
    pub(super) storage: S,
    pub(super) _lock: S::Lock,
    pub(super) options: Options,
    pub(super) marks: Marks,
    pub(super) segments: VecDeque<Segment>,
    /// Numbers and bytes of segments that can't be read.
    pub(super) unreadable: Vec<(u64, u64)>,
    pub(super) active: Option<Active<S::File>>,
    /// After the last append.
    pub(super) state: Checkpoint,
    pub(super) next_index: u64,
    /// Entries up to this index are durable.
    pub(super) durable: u64,
    /// Entries up to this index may go; `marks` and entries have it later.
    pub(super) released: u64,
    pub(super) poisoned: bool,
    pub(super) cached: Option<Cached<S::File>>,
}

impl<S: Storage> Journal<S> {
    /// The id of the journal: what [`Options::new`] got when it was made.
    pub fn id(&self) -> [u8; 16] {
        self.marks.journal
    }

    /// The cursor of the last append that had one. Right after opening this is the
    /// last one that is durable: where to go on reading the source.
    pub fn cursor(&self) -> Option<&[u8]> {
        self.state.cursor.as_deref()
    }

    /// A stream's state after the last append.
    pub fn state(&self, stream: &[u8; 16]) -> Option<&[u8]> {
        self.state.streams.get(stream).map(Vec::as_slice)
    }

    /// Every stream's state after the last append, by id.
    pub fn states(&self) -> impl Iterator<Item = ([u8; 16], &[u8])> {
        let streams = self.state.streams.iter();
        streams.map(|(stream, state)| (*stream, state.as_slice()))
    }

    /// The place after the last durable entry. If the journal was opened
    /// [read-only](Options::read_only), after the last that counts, durable or not.
    pub fn position(&self) -> Position {
        self.position_of(self.durable)
    }

    /// Index of the last [released](Journal::release) entry, 0 if there is none.
    pub fn released(&self) -> u64 {
        self.released
    }

    /// How many entries are not released, the not yet durable ones included.
    pub fn backlog(&self) -> u64 {
        self.next_index - 1 - self.released
    }

    /// Bytes that all files take, and will take when everything is written.
    pub fn used_bytes(&self) -> u64 {
        let segments: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        let unreadable: u64 = self.unreadable.iter().map(|(_, bytes)| bytes).sum();
        MARKS_BYTES + segments + unreadable
    }

    /// Whether a write or sync failed, so that nothing can be appended any more.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    pub(super) fn position_of(&self, index: u64) -> Position {
        Position {
            journal: self.marks.journal,
            opening: self.opening_of(index),
            index,
        }
    }

    /// Which opening wrote an entry; zeros before the first.
    pub(super) fn opening_of(&self, index: u64) -> [u8; 16] {
        let mut segments = self.segments.iter().rev();
        match segments.find(|segment| segment.head.first <= index) {
            Some(segment) => segment.head.opening,
            None => match self.segments.front() {
                Some(segment) => segment.head.before,
                None => [0; 16],
            },
        }
    }

    pub(super) fn check_writable(&self, operation: &'static str) -> Result<()> {
        if self.options.read_only {
            Err(Error::ReadOnly { operation })
        } else if self.poisoned {
            Err(Error::Poisoned)
        } else {
            Ok(())
        }
    }

    /// After a failed write or sync nobody knows what is on the disk.
    pub(super) fn poison_on<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(Error::Io { .. } | Error::SyncFailed { .. }) = result {
            self.poisoned = true;
        }
        result
    }
}
