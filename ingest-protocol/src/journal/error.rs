//! What the journal refuses or could not do, and what the caller can do about it.

use std::io;

use super::position::PositionProblem;

/// The result of the journal's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the journal did not do what it was asked. Texts hold names of files,
/// sizes and positions, never a record's content.
///
/// Where [`append`](super::Journal::append) fails with anything but
/// [`SyncFailed`](Error::SyncFailed) or [`Io`](Error::Io), nothing was appended and the bytes,
/// which were only borrowed, are still the caller's to append again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system failed. After a failed write the journal is
    /// [`Poisoned`](Error::Poisoned).
    #[error("{operation} failed on {file}")]
    Io {
        /// What was done.
        operation: &'static str,
        /// The file's name inside the journal's directory.
        file: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The disk is full. Nothing was appended, and the journal is as usable as before:
    /// make room (for example with [`release`](super::Journal::release)) and do it again.
    #[error("the disk is full: {operation} on {file}; make room and try again")]
    DiskFull {
        /// What was done.
        operation: &'static str,
        /// The file's name inside the journal's directory.
        file: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The disk or the directory can't be written to, or the journal was opened
    /// with [`read_only`](super::Options::read_only).
    #[error(
        "the journal can't be written to ({operation}): \
         make its directory writable, or open it with `Options::read_only`"
    )]
    ReadOnly {
        /// What was to be done.
        operation: &'static str,
    },
    /// Another process, or another value in this one, has the journal open.
    #[error("the journal is open elsewhere: close it there first")]
    Locked,
    /// A sync failed: the operating system may have dropped what it could not
    /// write, and a second sync would say that all is well. Whether the appends since the
    /// last good sync are on the disk is unknown; opening the journal again tells.
    #[error("sync of {file} failed: open the journal again to learn what is on the disk")]
    SyncFailed {
        /// The file's name inside the journal's directory.
        file: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A write or sync failed before; nothing is written any more. What was
    /// durable by then can still be read.
    #[error("an earlier write or sync failed: open the journal again before writing")]
    Poisoned,
    /// The entry would take the journal over its size cap. Nothing was appended.
    #[error(
        "the journal holds {used} bytes and {needed} more are over the cap of {cap}: \
         release entries, raise the cap, or drop records and say so"
    )]
    Full {
        /// Bytes that the append needs, a new segment's head included.
        needed: u64,
        /// Bytes that all files take.
        used: u64,
        /// The cap.
        cap: u64,
    },
    /// Something is larger than a limit. Nothing was appended.
    #[error("{what} of {actual} bytes is over the limit of {limit}")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// Its bytes.
        actual: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Entry kinds from 240 on are the journal's own.
    #[error("entry kind {kind} is reserved: use 0 to 239")]
    ReservedKind {
        /// The kind that was given.
        kind: u8,
    },
    /// The options contradict each other.
    #[error("options: {what}")]
    Options {
        /// What is wrong and how to put it right.
        what: &'static str,
    },
    /// A file was written by a newer version of this crate, and to read it with this one
    /// would misunderstand it. Nothing was changed.
    #[error("{file} needs a newer version of this program: {what}")]
    Unsupported {
        /// The file's name inside the journal's directory.
        file: String,
        /// What is not known.
        what: &'static str,
    },
    /// A file was read twice while the journal was opened, and was not the same: the disk or the
    /// memory fails. Nothing was written but what was found both times.
    #[error(
        "{file} does not read the same twice: try again, \
         or copy the journal to another disk and open it there"
    )]
    Unsteady {
        /// The file's name inside the journal's directory.
        file: String,
    },
    /// The position is not one that this journal can go on from.
    #[error("the position can't be used: {problem}")]
    Position {
        /// Why not.
        problem: PositionProblem,
    },
}

impl Error {
    /// Whether the same call may succeed later without opening the journal again.
    ///
    /// ```
    /// use ingest_protocol::journal::Error;
    /// let full = Error::Full { needed: 100, used: 950, cap: 1_000 };
    /// assert!(full.is_retryable());
    /// assert!(!Error::Poisoned.is_retryable());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::DiskFull { .. } | Self::Full { .. } | Self::Locked
        )
    }

    /// Sorts an I/O error into what the caller can do about it.
    pub(super) fn io(operation: &'static str, file: &str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull {
                operation,
                file: file.to_owned(),
                source,
            },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { operation },
            _ => Self::Io {
                operation,
                file: file.to_owned(),
                source,
            },
        }
    }

    /// A stream's state that is of no version that is known.
    pub(crate) fn state(stream: crate::StreamId) -> Self {
        Self::Unsupported {
            file: format!("the state of stream {stream}"),
            what: "its version",
        }
    }

    pub(super) fn sync(file: &str, source: io::Error) -> Self {
        Self::SyncFailed {
            file: file.to_owned(),
            source,
        }
    }
}
