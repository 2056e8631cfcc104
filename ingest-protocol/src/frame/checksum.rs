//! The two checksums of a frame, behind one wall: CRC-32C for the header, which
//! must be believed before its lengths are, and CRC-64/NVME for the body.

use crc_fast::{CrcAlgorithm, Digest};

/// What is checksummed at once while a body is written: small enough to be read
/// from the cache it was just written to.
const BLOCK: usize = 64 * 1024;

pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    // The result of a 32-bit algorithm is in the low half.
    crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

/// The CRC-64 of what is appended to a buffer, taken in the same pass.
pub(super) struct Running {
    digest: Digest,
    /// Up to where the buffer is in the digest.
    done: usize,
}

impl Running {
    /// A checksum of what comes after the first `start` bytes of a buffer.
    pub(super) fn from(start: usize) -> Self {
        Self {
            digest: Digest::new(CrcAlgorithm::Crc64Nvme),
            done: start,
        }
    }

    /// Takes what was appended to `buffer`, once it is a block.
    #[inline]
    pub(super) fn follow(&mut self, buffer: &[u8]) {
        if buffer.len() - self.done >= BLOCK {
            self.digest.update(&buffer[self.done..]);
            self.done = buffer.len();
        }
    }

    pub(super) fn finish(mut self, buffer: &[u8]) -> u64 {
        self.digest.update(&buffer[self.done..]);
        self.digest.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_are_those_of_the_specification() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc64(b"123456789"), 0xae8b_1486_0a79_9888);
    }

    #[test]
    fn a_running_checksum_is_the_checksum() {
        let mut buffer = vec![7; 13];
        let mut running = Running::from(13);
        for i in 0..1_400_u32 {
            buffer.extend_from_slice(&i.to_be_bytes().repeat(1 + i as usize % 97));
            running.follow(&buffer);
        }
        assert!(buffer.len() > 3 * BLOCK);
        assert_eq!(running.finish(&buffer), crc64(&buffer[13..]));
    }
}
