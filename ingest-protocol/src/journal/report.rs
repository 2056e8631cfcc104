//! What opening a journal found.

use std::fmt;

/// One thing that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// The last segment ends in bytes that were never confirmed as durable and are not
    /// whole: a crash while they were written. They don't count, and were cut off unless the
    /// journal was opened read-only.
    #[error(
        "segment {segment}: {bytes} unfinished bytes after offset {offset} don't count, \
         with {entries} readable entries after the first unreadable byte"
    )]
    TornTail {
        /// The segment's number.
        segment: u64,
        /// Offset of the first byte that was cut off.
        offset: u64,
        /// Bytes that were cut off.
        bytes: u64,
        /// Whole entries among them. They come after one that is missing, so to keep them would
        /// be to skip it. More than 0 is a crash amid several writes, or damage to the last of them.
        entries: u64,
    },
    /// Entries that were durable can't be read: damage, not a crash.
    #[error("entries {first} to {last} were stored and can't be read")]
    Lost {
        /// Index of the first.
        first: u64,
        /// Index of the last, at most: behind a segment of which nothing is readable, it is a bound.
        last: u64,
    },
    /// A segment's file is not there.
    #[error("segments {first} to {last} are missing")]
    MissingSegments {
        /// Number of the first.
        first: u64,
        /// Number of the last.
        last: u64,
    },
    /// Both copies of a segment's head are damaged: nothing in it can be read. The file is kept.
    #[error("segment {segment} can't be read: its head is damaged")]
    UnreadableSegment {
        /// The segment's number.
        segment: u64,
    },
    /// A segment's file ends before its first entry should begin: it was cut.
    #[error("segment {segment} was cut before its first entry")]
    ShortSegment {
        /// The segment's number.
        segment: u64,
    },
    /// A segment belongs to another journal, and was left alone.
    #[error("segment {segment} is of another journal")]
    ForeignSegment {
        /// The segment's number.
        segment: u64,
    },
    /// One copy of a segment's head is damaged; the other was used. Nothing is lost.
    #[error("segment {segment}: one copy of its head is damaged")]
    HeadRepaired {
        /// The segment's number.
        segment: u64,
    },
    /// A checkpoint can't be read. If an earlier segment is whole, nothing is lost;
    /// else streams that have no entry since have no state.
    #[error("segment {segment}: its checkpoint is damaged")]
    CheckpointDamaged {
        /// The segment's number.
        segment: u64,
        /// Whether the states and the cursor were known from earlier segments.
        recovered: bool,
    },
    /// The `marks` file is damaged. If nothing of it was readable, released entries may come again.
    #[error("the marks are damaged")]
    MarksDamaged {
        /// Whether an older or newer copy was readable.
        recovered: bool,
    },
    /// A file that a crash, or a full disk, left unfinished was removed. Nothing is lost.
    #[error("removed {file}, which was never finished")]
    Unfinished {
        /// The file's name.
        file: String,
    },
}

impl Finding {
    /// Whether something is gone that was durable.
    pub fn is_loss(&self) -> bool {
        match self {
            Self::Lost { .. }
            | Self::MissingSegments { .. }
            | Self::UnreadableSegment { .. }
            | Self::ShortSegment { .. }
            | Self::ForeignSegment { .. } => true,
            Self::CheckpointDamaged { recovered, .. } => !recovered,
            _ => false,
        }
    }
}

/// What opening a journal found; its `Display` is a line for each finding.
///
/// ```
/// # use ingest_protocol::journal::{FsStorage, Journal, Options};
/// # let directory = tempfile::tempdir()?;
/// # let storage = FsStorage::new(directory.path());
/// let (journal, recovery) = Journal::open(storage, Options::new([1; 16]))?;
/// if recovery.is_loss() {
///     eprintln!("{recovery}");
/// }
/// let bookmark = journal.cursor(); // where to go on reading
/// # let _ = bookmark;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    pub(super) findings: Vec<Finding>,
    pub(super) entries: u64,
    pub(super) unconfirmed: u64,
    pub(super) new: bool,
}

impl Recovery {
    /// What is not as it was written; empty after a clean end, and after most crashes.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many entries can be read back: after what was released, without what was lost.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// How many of the last entries nothing on the disk confirms as durable: they were read, but
    /// perhaps only from the operating system's cache. Opening has made them durable, unless it was
    /// [read-only](super::Options::read_only). If the journal was not closed, the last entry usually is
    /// one of them.
    pub fn unconfirmed(&self) -> u64 {
        self.unconfirmed
    }

    /// Whether there was no journal before.
    pub fn is_new(&self) -> bool {
        self.new
    }

    /// Whether something is gone that was durable.
    pub fn is_loss(&self) -> bool {
        self.findings.iter().any(Finding::is_loss)
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries", self.entries)?;
        for finding in &self.findings {
            write!(f, "\n{finding}")?;
        }
        Ok(())
    }
}
