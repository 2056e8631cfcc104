//! The `marks` file: what was released, and how far the journal is known to go.

use super::block::{BLOCK, Block, BlockError, LIMIT};
use super::error::{Error, Result};
use super::storage::{Storage, StorageFile};

pub(super) const MARKS: &str = "marks";
const MAGIC: [u8; 8] = *b"\x89IGM\r\n\x1a\n";
/// Two slots, in different pages, written in turn: a torn write spoils one.
const SLOTS: [u64; 2] = [0, 4096];
pub(super) const MARKS_BYTES: u64 = SLOTS[1] + BLOCK as u64;

/// One state of the marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) journal: [u8; 16],
    /// Counts writes; the larger slot is the newer.
    pub(super) version: u64,
    /// Number of the newest segment that is durable, 0 for none.
    pub(super) newest: u64,
    /// Number of the oldest segment that is kept, 0 for none.
    pub(super) oldest: u64,
    /// Entries up to this index may go.
    pub(super) released: u64,
    /// Entries up to this index were durable.
    pub(super) durable: u64,
}

/// What is in the marks file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No file, or one that was never written to.
    Nothing,
    /// The newer readable slot; `damaged` if the other is not readable.
    Marks { marks: Marks, damaged: bool },
    /// Neither slot is readable.
    Damaged,
}

impl Marks {
    fn slot(&self) -> u64 {
        SLOTS[(self.version % 2) as usize]
    }

    fn encode(&self) -> [u8; BLOCK] {
        let mut block = Block::new(MAGIC, 0);
        block.set(16, &self.journal);
        block.set_u64(32, self.version);
        block.set_u64(40, self.newest);
        block.set_u64(48, self.oldest);
        block.set_u64(56, self.released);
        block.set_u64(64, self.durable);
        block.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, BlockError> {
        let block = Block::parse(bytes, MAGIC, 0)?;
        let marks = Self {
            journal: block.bytes(16),
            version: block.u64(32),
            newest: block.u64(40),
            oldest: block.u64(48),
            released: block.u64(56),
            durable: block.u64(64),
        };
        let counters = [marks.version, marks.newest, marks.released, marks.durable];
        let sane = counters.iter().all(|counter| *counter < LIMIT)
            && marks.oldest <= marks.newest
            && marks.released <= marks.durable;
        sane.then_some(marks).ok_or(BlockError::Damaged)
    }

    /// The bytes of a new file with these marks.
    pub(super) fn file(&self) -> Vec<u8> {
        let mut bytes = vec![0; MARKS_BYTES as usize];
        let at = self.slot() as usize;
        bytes[at..at + BLOCK].copy_from_slice(&self.encode());
        bytes
    }

    pub(super) fn read<S: Storage>(storage: &S) -> Result<Found> {
        let mut file = match storage.open(MARKS, false) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Found::Nothing);
            }
            Err(error) => return Err(Error::io("open", MARKS, error)),
        };
        let mut best: Option<Self> = None;
        let mut damaged = false;
        for slot in SLOTS {
            let mut bytes = [0; BLOCK];
            let read = file.read_at(slot, &mut bytes);
            let read = read.map_err(|error| Error::io("read", MARKS, error))?;
            match Self::decode(&bytes[..read]) {
                Ok(marks) if best.is_none_or(|best| best.version < marks.version) => {
                    best = Some(marks);
                }
                Ok(_) | Err(BlockError::Blank) => {}
                Err(BlockError::Damaged) => damaged = true,
                Err(BlockError::Unsupported(what)) => {
                    return Err(Error::Unsupported {
                        file: MARKS.to_owned(),
                        what,
                    });
                }
            }
        }
        Ok(match best {
            Some(marks) => Found::Marks { marks, damaged },
            None if damaged => Found::Damaged,
            None => Found::Nothing,
        })
    }

    /// Writes the next version over the older slot and syncs it.
    pub(super) fn store<S: Storage>(&mut self, storage: &S) -> Result<()> {
        let next = Self {
            version: self.version + 1,
            ..*self
        };
        next.confirm(storage)?;
        *self = next;
        Ok(())
    }

    /// Writes the slot of these marks and syncs it. Done with what was read, this makes sure
    /// that it is on the disk, which after a failed sync what can be read need not be.
    pub(super) fn confirm<S: Storage>(&self, storage: &S) -> Result<()> {
        let mut file = storage
            .open(MARKS, true)
            .map_err(|error| Error::io("open", MARKS, error))?;
        file.write_at(self.slot(), &self.encode())
            .map_err(|error| Error::io("write", MARKS, error))?;
        file.sync().map_err(|error| Error::sync(MARKS, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_slot_counts_and_each_flip_is_seen() {
        let marks = Marks {
            journal: [7; 16],
            version: 4,
            newest: 3,
            oldest: 2,
            released: 90,
            durable: 100,
        };
        let bytes = marks.encode();
        assert_eq!(Marks::decode(&bytes), Ok(marks));
        for bit in 0..BLOCK * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Marks::decode(&bytes), Err(BlockError::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn newer_formats_are_refused_and_not_taken_for_damage() {
        let mut block = Block::new(MAGIC, 1);
        assert_eq!(
            Marks::decode(&Block(block.0).finish()),
            Err(BlockError::Unsupported("must flag"))
        );
        block = Block::new(MAGIC, 0);
        block.0[8] = 2;
        assert_eq!(
            Marks::decode(&block.finish()),
            Err(BlockError::Unsupported("major version"))
        );
    }
}
