//! Checksums of frames that were changed on purpose.

use crc_fast::CrcAlgorithm::{Crc32Iscsi, Crc64Nvme};
use crc_fast::checksum;

/// Makes the header's checksum right.
pub(crate) fn repair_header(frame: &mut [u8]) {
    let end = usize::from(u16::from_le_bytes([frame[6], frame[7]]));
    if (96..=frame.len()).contains(&end) {
        let crc = checksum(Crc32Iscsi, &frame[..end - 4]) as u32;
        frame[end - 4..end].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Makes both checksums right, of a frame without trailer whose body is as it is sent.
pub(crate) fn repair_body(frame: &mut [u8]) {
    let start = usize::from(u16::from_le_bytes([frame[6], frame[7]]));
    let crc = checksum(Crc64Nvme, &frame[start..]);
    frame[72..80].copy_from_slice(&crc.to_le_bytes());
    repair_header(frame);
}
