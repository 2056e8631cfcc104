//! Checked blocks of 512 bytes: what segments and marks begin with.

use crc_fast::{CrcAlgorithm, Digest};

/// A block's bytes, one sector of the smallest disks.
pub(super) const BLOCK: usize = 512;
/// Counters stay below, so that adding to one never overflows.
pub(super) const LIMIT: u64 = 1 << 62;
const CRC: usize = BLOCK - 8;

/// CRC-64/NVME, the checksum of everything in the journal.
pub(super) fn digest() -> Digest {
    Digest::new(CrcAlgorithm::Crc64Nvme)
}

pub(super) fn crc(bytes: &[u8]) -> u64 {
    let mut digest = digest();
    digest.update(bytes);
    digest.finalize()
}

/// A block under construction or one whose checksum and magic are right.
pub(super) struct Block(pub(super) [u8; BLOCK]);

/// Why bytes are not a block that can be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BlockError {
    /// All bytes are zero: never written.
    Blank,
    /// Wrong magic or checksum.
    Damaged,
    /// A whole block, but of a format that this version does not know.
    Unsupported(&'static str),
}

impl Block {
    pub(super) fn new(magic: [u8; 8], must: u32) -> Self {
        let mut block = Self([0; BLOCK]);
        block.0[..8].copy_from_slice(&magic);
        block.0[8] = 1;
        block.0[12..16].copy_from_slice(&must.to_le_bytes());
        block
    }

    pub(super) fn parse(bytes: &[u8], magic: [u8; 8], known: u32) -> Result<Self, BlockError> {
        let bytes: [u8; BLOCK] = bytes.try_into().map_err(|_| BlockError::Damaged)?;
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(BlockError::Blank);
        }
        let block = Self(bytes);
        if bytes[..8] != magic || block.u64(CRC) != crc(&bytes[..CRC]) {
            return Err(BlockError::Damaged);
        }
        if bytes[8] != 1 {
            return Err(BlockError::Unsupported("major version"));
        }
        if block.must() & !known != 0 {
            return Err(BlockError::Unsupported("must flag"));
        }
        Ok(block)
    }

    pub(super) fn must(&self) -> u32 {
        u32::from_le_bytes(self.bytes(12))
    }

    pub(super) fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.0[at..at + N]);
        bytes
    }

    pub(super) fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes(at))
    }

    pub(super) fn set(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(super) fn set_u64(&mut self, at: usize, value: u64) {
        self.set(at, &value.to_le_bytes());
    }

    pub(super) fn finish(mut self) -> [u8; BLOCK] {
        let sum = crc(&self.0[..CRC]);
        self.set_u64(CRC, sum);
        self.0
    }
}
