//! The fixed parts of an `.evtx` file: file header, chunk header, record frame
//! and checksums.
//!
//! Facts: [MS-EVEN6] 2.2.12 for the record's content, the libevtx documentation
//! for the frames around it, and 610 real files on which each was checked.

use crate::error::{Error, ErrorKind, Result};

/// First bytes of a file.
pub(crate) const FILE_MAGIC: &[u8; 8] = b"ElfFile\0";
/// Bytes before the first chunk.
pub(crate) const FILE_HEADER_SIZE: usize = 4096;
/// Bytes of the file header that hold fields; zeros follow.
pub(crate) const FILE_HEADER_FIELDS: usize = 128;
/// Bytes of the file header that its checksum covers.
pub(crate) const FILE_CHECKSUM_END: usize = 120;

/// First bytes of a chunk.
pub(crate) const CHUNK_MAGIC: &[u8; 8] = b"ElfChnk\0";
/// Bytes of every chunk. Records, names and templates never cross chunks.
pub(crate) const CHUNK_SIZE: usize = 65_536;
/// Bytes of a chunk before its first record.
pub(crate) const CHUNK_HEADER_SIZE: usize = 512;
/// No chunk that Windows wrote holds records beyond this offset (1,125 chunks),
/// and libevtx loses a record that ends at 65,536.
pub(crate) const FREE_SPACE_LIMIT: usize = 65_528;
/// Where the chunk header's table of name offsets begins.
pub(crate) const STRING_TABLE: usize = 128;
/// Entries of the table of names.
pub(crate) const STRING_BUCKETS: usize = 64;
/// Where the chunk header's table of template definition offsets begins.
pub(crate) const TEMPLATE_TABLE: usize = 384;
/// Entries of the table of template definitions.
pub(crate) const TEMPLATE_BUCKETS: usize = 32;

/// First four bytes of a record.
pub(crate) const RECORD_MAGIC: u32 = 0x0000_2A2A;
/// Bytes of a record before its content.
pub(crate) const RECORD_HEADER_SIZE: usize = 24;
/// Bytes of a record besides its content: the header and the copy of the size.
pub(crate) const RECORD_OVERHEAD: usize = RECORD_HEADER_SIZE + 4;
/// Every record's size is a multiple of this (42,408 of 42,408 records).
pub(crate) const RECORD_ALIGNMENT: usize = 8;

/// File and chunk flag: the checksums are not kept.
pub(crate) const FLAG_NO_CRC32: u32 = 4;
/// File flag: the log was not closed; its last chunk may be newer than its checksums.
pub(crate) const FLAG_DIRTY: u32 = 1;

/// CRC-32 (IEEE) over the given parts, one after the other.
pub(crate) fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// The checksum of a file header: over its first 120 bytes.
pub(crate) fn file_header_checksum(header: &[u8]) -> u32 {
    checksum(&[header.get(..FILE_CHECKSUM_END).unwrap_or(header)])
}

/// The checksum of a chunk's header: over bytes 0 to 120 and 128 to 512, thus
/// over everything but the flags and itself.
pub(crate) fn chunk_header_checksum(chunk: &[u8]) -> u32 {
    checksum(&[
        chunk.get(..120).unwrap_or_default(),
        chunk.get(128..CHUNK_HEADER_SIZE).unwrap_or_default(),
    ])
}

/// The checksum of a chunk's records: from the first record to the free space.
/// `None` if that is not inside the bytes at hand.
pub(crate) fn chunk_data_checksum(chunk: &[u8], free_space: u32) -> Option<u32> {
    chunk
        .get(CHUNK_HEADER_SIZE..free_space as usize)
        .map(|data| checksum(&[data]))
}

/// Puts both checksums of a chunk, whose records end where the free space begins.
pub(crate) fn seal_chunk(chunk: &mut [u8], free_space: u32) {
    let data = chunk_data_checksum(chunk, free_space).unwrap_or_default();
    if let Some(place) = chunk.get_mut(52..56) {
        place.copy_from_slice(&data.to_le_bytes());
    }
    let header = chunk_header_checksum(chunk);
    if let Some(place) = chunk.get_mut(124..128) {
        place.copy_from_slice(&header.to_le_bytes());
    }
}

/// The hash of an element's or attribute's name; its remainder by
/// [`STRING_BUCKETS`] is the name's bucket ([MS-EVEN6] 2.2.12.3 for the hash).
pub(crate) fn name_hash(units: impl Iterator<Item = u16>) -> u16 {
    hash(units) as u16
}

/// The hash of a template definition's GUID, as stored; its remainder by
/// [`TEMPLATE_BUCKETS`] is the definition's bucket. Found by trial: 5,180 of
/// 5,180 definitions in files of version 3.1. Version 3.2 uses another.
pub(crate) fn template_hash(guid: &[u8; 16]) -> u32 {
    hash(
        guid.chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]])),
    )
}

fn hash(units: impl Iterator<Item = u16>) -> u32 {
    units.fold(0_u32, |hash, unit| {
        hash.wrapping_mul(65_599).wrapping_add(u32::from(unit))
    })
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

/// The fields of a file header that a reader can use. Chunk numbers, chunk
/// count and next record id are often stale and never needed: the chunks say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub(crate) next_record_id: u64,
    pub(crate) minor_version: u16,
    pub(crate) major_version: u16,
    pub(crate) flags: u32,
    /// Whether the stored checksum is right, or none is kept.
    pub(crate) checksum_ok: bool,
}

impl FileHeader {
    /// Reads the first bytes of a file, at least [`FILE_HEADER_FIELDS`].
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let wrong = |what| Error::new(ErrorKind::FileHeader { what }).at_offset(0);
        if bytes.is_empty() {
            return Err(wrong("the file is empty"));
        }
        if !bytes.starts_with(FILE_MAGIC) {
            return Err(wrong("it does not begin with `ElfFile`"));
        }
        let fields = || {
            let flags = u32_at(bytes, 120)?;
            let stored = u32_at(bytes, 124)?;
            Some(Self {
                next_record_id: u64_at(bytes, 24)?,
                minor_version: u16_at(bytes, 36)?,
                major_version: u16_at(bytes, 38)?,
                flags,
                checksum_ok: flags & FLAG_NO_CRC32 != 0 || stored == file_header_checksum(bytes),
            })
        };
        let header = fields().ok_or_else(|| wrong("it ends inside the file header"))?;
        if header.major_version != 3 {
            return Err(wrong("the major version is not 3"));
        }
        Ok(header)
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.flags & FLAG_DIRTY != 0
    }
}

/// The fields of a chunk header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkHeader {
    pub(crate) first_record_number: u64,
    pub(crate) last_record_number: u64,
    pub(crate) first_record_id: u64,
    pub(crate) last_record_id: u64,
    pub(crate) last_record_offset: u32,
    pub(crate) free_space_offset: u32,
    pub(crate) data_checksum: u32,
    pub(crate) flags: u32,
    pub(crate) header_checksum: u32,
}

impl ChunkHeader {
    /// Reads the first bytes of a chunk; `None` without the signature or when
    /// the bytes end inside the fields.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(CHUNK_MAGIC) {
            return None;
        }
        Some(Self {
            first_record_number: u64_at(bytes, 8)?,
            last_record_number: u64_at(bytes, 16)?,
            first_record_id: u64_at(bytes, 24)?,
            last_record_id: u64_at(bytes, 32)?,
            last_record_offset: u32_at(bytes, 44)?,
            free_space_offset: u32_at(bytes, 48)?,
            data_checksum: u32_at(bytes, 52)?,
            flags: u32_at(bytes, 120)?,
            header_checksum: u32_at(bytes, 124)?,
        })
    }

    pub(crate) fn has_checksums(&self) -> bool {
        self.flags & FLAG_NO_CRC32 == 0
    }
}

/// A record's frame: its header, with the bounds checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordFrame {
    /// Bytes of the whole record.
    pub(crate) size: usize,
    /// The number in the header.
    pub(crate) header_id: u64,
    /// When the record was written, as FILETIME.
    pub(crate) written: u64,
    /// Whether the copy of the size at the record's end agrees. If not, the
    /// end was lost or never written.
    pub(crate) sound: bool,
}

impl RecordFrame {
    /// Reads the record that begins at `at` and must end at or before `end`.
    pub(crate) fn parse(chunk: &[u8], at: usize, end: usize) -> Result<Self, &'static str> {
        let cut = "it ends inside a record's header";
        if u32_at(chunk, at).ok_or(cut)? != RECORD_MAGIC {
            return Err("no record signature");
        }
        let size = u32_at(chunk, at + 4).ok_or(cut)? as usize;
        let header_id = u64_at(chunk, at + 8).ok_or(cut)?;
        let written = u64_at(chunk, at + 16).ok_or(cut)?;
        if size < RECORD_OVERHEAD {
            return Err("the size is less than a record's header");
        }
        let record_end = at
            .checked_add(size)
            .filter(|&record_end| record_end <= end.min(chunk.len()))
            .ok_or("the record goes beyond the end of its chunk")?;
        Ok(Self {
            size,
            header_id,
            written,
            sound: u32_at(chunk, record_end - 4) == Some(size as u32),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_header() -> Vec<u8> {
        let mut bytes = vec![0; FILE_HEADER_SIZE];
        bytes[..8].copy_from_slice(FILE_MAGIC);
        bytes[24..32].copy_from_slice(&8_u64.to_le_bytes());
        bytes[32..36].copy_from_slice(&128_u32.to_le_bytes());
        bytes[36..38].copy_from_slice(&1_u16.to_le_bytes());
        bytes[38..40].copy_from_slice(&3_u16.to_le_bytes());
        let crc = file_header_checksum(&bytes);
        bytes[124..128].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    #[test]
    fn the_checksum_is_ieee_crc_32() {
        assert_eq!(checksum(&[b"123456789"]), 0xCBF4_3926);
        assert_eq!(checksum(&[b"1234", b"", b"56789"]), 0xCBF4_3926);
    }

    #[test]
    fn names_hash_as_windows_hashes_them() {
        assert_eq!(name_hash("Event".encode_utf16()), 0x0CBA);
        assert_eq!(name_hash("System".encode_utf16()), 0x546F);
    }

    #[test]
    fn a_file_header_is_checked() {
        let mut bytes = file_header();
        let header = FileHeader::parse(&bytes).unwrap();
        assert!(header.checksum_ok && !header.is_dirty());
        assert_eq!(header.next_record_id, 8);

        bytes[24] ^= 1;
        assert!(!FileHeader::parse(&bytes).unwrap().checksum_ok);
        bytes[120] |= FLAG_NO_CRC32 as u8;
        assert!(FileHeader::parse(&bytes).unwrap().checksum_ok);

        for cut in [0, 3, 8, 100, 127] {
            let error = FileHeader::parse(&file_header()[..cut]).unwrap_err();
            assert!(!error.is_recoverable(), "{error}");
        }
        let mut bytes = file_header();
        bytes[38] = 4;
        assert!(FileHeader::parse(&bytes).is_err());
    }

    #[test]
    fn a_record_frame_is_checked() {
        let mut bytes = vec![0; 64];
        bytes[8..12].copy_from_slice(&RECORD_MAGIC.to_le_bytes());
        bytes[12..16].copy_from_slice(&32_u32.to_le_bytes());
        bytes[16] = 7;
        bytes[36..40].copy_from_slice(&32_u32.to_le_bytes());
        let frame = RecordFrame::parse(&bytes, 8, 64).unwrap();
        assert_eq!((frame.size, frame.header_id), (32, 7));

        assert!(RecordFrame::parse(&bytes, 8, 39).is_err());
        assert!(RecordFrame::parse(&bytes, 0, 64).is_err());
        assert!(RecordFrame::parse(&bytes, 60, 64).is_err());
        assert!(RecordFrame::parse(&bytes, usize::MAX - 2, 64).is_err());
        assert!(frame.sound);
        bytes[36] ^= 1;
        assert!(!RecordFrame::parse(&bytes, 8, 64).unwrap().sound);
        bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(RecordFrame::parse(&bytes, 8, 64).is_err());
    }
}
