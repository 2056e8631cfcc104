//! The name of a place in a journal, to be kept elsewhere.

use std::fmt;

const VERSION: u8 = 1;

/// The place after an entry. A snapshot that contains everything up to an entry
/// keeps its position, and later goes on [from there](super::Journal::reader_after).
///
/// It names the journal and the opening that wrote the entry, so that a journal
/// that was made anew, or restored from an older copy and then written to, is noticed.
///
/// ```
/// use ingest_protocol::journal::Position;
/// # use ingest_protocol::journal::{Append, FsStorage, Journal, Options};
/// # let directory = tempfile::tempdir()?;
/// # let storage = FsStorage::new(directory.path());
/// # let (mut journal, _) = Journal::open(storage, Options::new([1; 16]))?;
/// let position = journal.append(Append::new(1, b"entry"))?;
/// let kept = position.to_bytes();
/// assert_eq!(Position::from_bytes(&kept), Some(position));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    pub(super) journal: [u8; 16],
    pub(super) opening: [u8; 16],
    pub(super) index: u64,
}

impl Position {
    /// Bytes of [`to_bytes`](Position::to_bytes).
    pub const LEN: usize = 48;

    /// The number of the entry, from 1; 0 before the first.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The id of the journal: what [`Options::new`](super::Options::new) got when it was made.
    pub fn journal(&self) -> [u8; 16] {
        self.journal
    }

    /// A version byte, seven zeros, the index (little-endian), the two ids.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[0] = VERSION;
        bytes[8..16].copy_from_slice(&self.index.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.journal);
        bytes[32..].copy_from_slice(&self.opening);
        bytes
    }

    /// `None` if the bytes are not [`to_bytes`](Position::to_bytes) of a version that is known.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().ok()?;
        let (version, rest) = bytes.split_first_chunk::<8>()?;
        let (index, rest) = rest.split_first_chunk()?;
        let (journal, opening) = rest.split_first_chunk()?;
        (*version == [VERSION, 0, 0, 0, 0, 0, 0, 0]).then_some(Self {
            journal: *journal,
            opening: opening.try_into().ok()?,
            index: u64::from_le_bytes(*index),
        })
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |id: [u8; 16]| u128::from_be_bytes(id);
        write!(
            f,
            "Position({} of {:032x}, written by {:032x})",
            self.index,
            hex(self.journal),
            hex(self.opening)
        )
    }
}

/// Why a journal can't go on from a [`Position`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PositionProblem {
    /// It is a position of another journal: this one was made anew.
    #[error("it is of another journal")]
    OtherJournal,
    /// The journal ends, or durably ends, before it: the journal is older than
    /// the snapshot, for example restored from a copy.
    #[error("the journal ends at {end}, before it")]
    Ahead {
        /// Index of the journal's last durable entry.
        end: u64,
    },
    /// The journal was restored from a copy and then written to: the entry of
    /// that number is not the one the snapshot knows.
    #[error("the entry there is not the one it was taken after: the journal was restored")]
    Forked,
    /// Entries after it were released and are gone.
    #[error("entries up to {released} were released, after it")]
    Reclaimed {
        /// Index of the last released entry.
        released: u64,
    },
}
