//! How a journal is opened.

use super::error::{Error, Result};

/// When [`append`](super::Journal::append) makes entries durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncPolicy {
    /// Before `append` returns.
    EachAppend,
    /// Before `append` returns whenever so much has come together; the caller syncs the rest.
    Group {
        /// At most so many entries are not durable.
        entries: u64,
        /// At most so many bytes are not durable.
        bytes: u64,
    },
    /// When the caller calls [`sync`](super::Journal::sync), and at the end of a segment.
    Caller,
}

/// How a journal is opened. The defaults: every append is synced, segments of
/// 64 MiB, entries of at most 64 MiB, no cap.
///
/// ```
/// use ingest_protocol::journal::{Options, SyncPolicy};
/// # let random = *b"sixteen random B";
/// let options = Options::new(random)
///     .sync(SyncPolicy::Caller)
///     .segment_bytes(8 << 20)
///     .cap_bytes(1 << 30);
/// # let _ = options;
/// # Ok::<(), ingest_protocol::journal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Options {
    pub(super) opening: [u8; 16],
    pub(super) sync: SyncPolicy,
    pub(super) segment_bytes: u64,
    pub(super) entry_bytes: u64,
    pub(super) cap_bytes: u64,
    pub(super) read_only: bool,
}

impl Options {
    /// `opening` names this opening of the journal, and the journal itself if it
    /// is made by it. Take 16 new random bytes (a random UUID) each time: by them a
    /// journal that was restored from a copy is told from the original, and what a peer
    /// sent can't be taken for an entry.
    pub fn new(opening: [u8; 16]) -> Self {
        Self {
            opening,
            sync: SyncPolicy::EachAppend,
            segment_bytes: 64 << 20,
            entry_bytes: 64 << 20,
            cap_bytes: u64::MAX,
            read_only: false,
        }
    }

    /// When appends are made durable.
    pub fn sync(mut self, sync: SyncPolicy) -> Self {
        self.sync = sync;
        self
    }

    /// Bytes after which a new segment begins, at least 4,096. Space is given back
    /// by whole segments. With many streams a segment grows to four
    /// times its checkpoint, so that checkpoints take at most a fifth of the disk.
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// The largest entry that may be appended: bytes of body, cursor and state, below 2 GiB.
    pub fn entry_bytes(mut self, bytes: u64) -> Self {
        self.entry_bytes = bytes;
        self
    }

    /// Bytes that all files together may take, at least two segments. While the last
    /// segment is exchanged or entries are erased, a segment more may be there for a moment;
    /// and what a sender stores so that it can release something goes over it.
    pub fn cap_bytes(mut self, bytes: u64) -> Self {
        self.cap_bytes = bytes;
        self
    }

    /// Opens a journal, which must exist, without writing anything. Several readers may
    /// have it open, but none while a writer has.
    ///
    /// What a program left that died amid appending is then read as it is found, which is not
    /// always what a crash of the machine would leave: the last
    /// [`Recovery::unconfirmed`](super::Recovery::unconfirmed) entries. Don't tell anyone that these are
    /// stored; only opening for writing makes them durable.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let what = if self.segment_bytes < 4096 {
            "segment_bytes must be at least 4096"
        } else if self.entry_bytes >= 1 << 31 {
            "entry_bytes must be below 2 GiB"
        } else if self.cap_bytes / 2 < self.segment_bytes {
            "cap_bytes must be at least twice segment_bytes"
        } else {
            return Ok(());
        };
        Err(Error::Options { what })
    }
}
