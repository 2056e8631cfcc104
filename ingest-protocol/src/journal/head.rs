//! A segment's head, and the names of files.

use crc_fast::Digest;

use super::block::{BLOCK, Block, BlockError, LIMIT, crc, digest};
use super::checkpoint::Checkpoint;
use super::error::{Error, Result};
use super::storage::StorageFile;

const MAGIC: [u8; 8] = *b"\x89IGJ\r\n\x1a\n";
const SUFFIX: &str = ".segment";
/// What a file is called until it is whole.
pub(super) const UNFINISHED: &str = ".new";
/// `must` flag: all entries were durable before the file got its name.
const WHOLE: u32 = 1;
/// The head twice, in two sectors.
pub(super) const HEAD_BYTES: u64 = 2 * BLOCK as u64;

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) journal: [u8; 16],
    /// Which opening of the journal wrote the segment.
    pub(super) opening: [u8; 16],
    /// The opening that wrote the entry before the first.
    pub(super) before: [u8; 16],
    pub(super) number: u64,
    /// Index of the first entry; all before it were durable when this was written.
    pub(super) first: u64,
    /// How often the segment was rewritten to erase entries.
    pub(super) rewrites: u64,
    pub(super) checkpoint_len: u64,
    pub(super) checkpoint_crc: u64,
    pub(super) whole: bool,
}

/// A head as it was found.
#[derive(Debug)]
pub(super) enum Found {
    /// `repaired` if only one of the copies is readable.
    Head { head: Head, repaired: bool },
    /// No copy is readable.
    Damaged,
}

impl Head {
    fn encode(&self) -> [u8; BLOCK] {
        let mut block = Block::new(MAGIC, if self.whole { WHOLE } else { 0 });
        block.set(16, &self.journal);
        block.set(32, &self.opening);
        block.set(48, &self.before);
        block.set_u64(64, self.number);
        block.set_u64(72, self.first);
        block.set_u64(80, self.rewrites);
        block.set_u64(88, self.checkpoint_len);
        block.set_u64(96, self.checkpoint_crc);
        block.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, BlockError> {
        let block = Block::parse(bytes, MAGIC, WHOLE)?;
        Ok(Self {
            journal: block.bytes(16),
            opening: block.bytes(32),
            before: block.bytes(48),
            number: block.u64(64),
            first: block.u64(72),
            rewrites: block.u64(80),
            checkpoint_len: block.u64(88),
            checkpoint_crc: block.u64(96),
            whole: block.must() & WHOLE != 0,
        })
    }

    /// The bytes a segment begins with: two heads and the checkpoint, padded.
    pub(super) fn begin(mut self, checkpoint: &[u8]) -> (Self, Vec<u8>) {
        self.checkpoint_len = checkpoint.len() as u64;
        self.checkpoint_crc = crc(checkpoint);
        (self, self.bytes(checkpoint))
    }

    /// The same with a checkpoint's bytes as they are, damaged or not.
    pub(super) fn bytes(&self, checkpoint: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(checkpoint.len() + 2 * BLOCK + 8);
        let head = self.encode();
        bytes.extend(head);
        bytes.extend(head);
        bytes.extend(checkpoint);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    /// Bytes of [`begin`](Head::begin) with a checkpoint of so many bytes.
    pub(super) fn begin_len(checkpoint: u64) -> u64 {
        HEAD_BYTES + checkpoint.next_multiple_of(8)
    }

    /// Where entries begin; `None` if that can't be.
    pub(super) fn entries_at(&self) -> Option<u64> {
        self.checkpoint_len
            .checked_add(HEAD_BYTES)?
            .checked_next_multiple_of(8)
    }

    /// The checksum that every entry of this segment begins with, so that bytes from
    /// elsewhere, or sent by a peer, are never taken for one of its entries.
    pub(super) fn seed(&self) -> Digest {
        let mut digest = digest();
        digest.update(&self.opening);
        digest.update(&self.number.to_le_bytes());
        digest
    }

    pub(super) fn read<F: StorageFile>(file: &mut F, number: u64) -> Result<Found> {
        let mut copies = [None, None];
        for (copy, at) in copies.iter_mut().zip([0, BLOCK as u64]) {
            let mut bytes = [0; BLOCK];
            let read = file
                .read_at(at, &mut bytes)
                .map_err(|error| Error::io("read", &name(number), error))?;
            match Self::decode(&bytes[..read]) {
                Ok(head) => *copy = Some(head),
                Err(BlockError::Unsupported(what)) => {
                    return Err(Error::Unsupported {
                        file: name(number),
                        what,
                    });
                }
                Err(BlockError::Blank | BlockError::Damaged) => {}
            }
        }
        let repaired = copies.iter().any(Option::is_none);
        Ok(match copies[0].or(copies[1]) {
            Some(head) if head.number == number && (1..LIMIT).contains(&head.first) => {
                Found::Head { head, repaired }
            }
            _ => Found::Damaged,
        })
    }

    /// The checkpoint; `None` if it is not readable.
    pub(super) fn read_checkpoint<F: StorageFile>(
        &self,
        file: &mut F,
    ) -> std::io::Result<Option<Checkpoint>> {
        let fits = self.entries_at().is_some_and(|at| match file.len() {
            Ok(len) => at <= len,
            Err(_) => false,
        });
        let Ok(len) = usize::try_from(self.checkpoint_len) else {
            return Ok(None);
        };
        if !fits {
            return Ok(None);
        }
        let mut bytes = vec![0; len];
        let read = file.read_at(HEAD_BYTES, &mut bytes)?;
        if read < bytes.len() || crc(&bytes) != self.checkpoint_crc {
            return Ok(None);
        }
        Ok(Checkpoint::decode(&bytes))
    }
}

/// A segment's file name.
pub(super) fn name(number: u64) -> String {
    format!("{number:016x}{SUFFIX}")
}

/// The number in a segment's file name.
pub(super) fn number(file: &str) -> Option<u64> {
    let digits = file.strip_suffix(SUFFIX)?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    // One name for each number, and no number that has none after it.
    ((1..LIMIT).contains(&number) && name(number) == file).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbers_and_nothing_else_is() {
        assert_eq!(number(&name(26)), Some(26));
        for other in [
            "1.segment",
            "000000000000000A.segment",
            "+00000000000001a.segment",
            "0000000000000000.segment",
            "4000000000000000.segment",
            "000000000000001a.segment.new",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
