//! [`Header`]: the clear first bytes of a frame.

use std::ops::Range;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::checksum::crc32c;
use super::error::{FrameError, FrameErrorKind as Kind};
use super::limits::Limits;
use super::stamp::{Format, Stamp};
use crate::{Audience, StreamId};

/// `\x89IGB`: a first byte that begins neither UTF-8, zstd nor gzip.
pub(super) const MAGIC: [u8; 4] = *b"\x89IGB";
const MAJOR: u8 = 1;
const MINOR: u8 = 0;
/// Bytes of a header of version 1.0.
pub(super) const LEN: usize = 96;
const MAX_LEN: usize = 1024;
/// Bytes that must be there before the header's own length can be believed.
const PREFIX: usize = 8;
/// Bytes of a MAC trailer: the key's id and an HMAC-SHA256.
pub(super) const TRAILER: usize = 48;
/// Bytes that encryption adds to a body: the key's id before it, a tag after it.
pub(super) const ENCRYPTION: usize = 32;

/// The bits of `must`: a reader that does not know one refuses the frame.
pub(super) mod must {
    pub(in crate::frame) const ZSTD: u32 = 1 << 0;
    pub(in crate::frame) const MAC: u32 = 1 << 1;
    // Bit 2 is reserved for a dictionary.
    pub(in crate::frame) const ENCRYPTED: u32 = 1 << 3;
    pub(in crate::frame) const KNOWN: u32 = ZSTD | MAC | ENCRYPTED;
}

/// Where the fields are.
pub(super) mod at {
    pub(in crate::frame) const MAJOR: usize = 4;
    pub(in crate::frame) const MINOR: usize = 5;
    pub(in crate::frame) const HEADER_LEN: usize = 6;
    pub(in crate::frame) const MUST: usize = 8;
    pub(in crate::frame) const MAY: usize = 12;
    pub(in crate::frame) const FORMAT: usize = 14;
    pub(in crate::frame) const AUDIENCE: usize = 16;
    pub(in crate::frame) const STREAM: usize = 32;
    pub(in crate::frame) const FIRST_SEQ: usize = 48;
    pub(in crate::frame) const LOST: usize = 56;
    pub(in crate::frame) const SEALED_AT: usize = 64;
    pub(in crate::frame) const RAW_CRC: usize = 72;
    pub(in crate::frame) const COUNT: usize = 80;
    pub(in crate::frame) const BODY_LEN: usize = 84;
    pub(in crate::frame) const RAW_LEN: usize = 88;
}

/// The clear header of a frame: who sends what from where, how much it is, and its
/// checksums. All that a router, a limiter or a receiver's decision needs is here,
/// without the body ([SPEC](crate::spec) section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    pub(super) minor: u8,
    pub(super) header_len: u16,
    pub(super) must: u32,
    pub(super) may: u16,
    pub(super) stamp: Stamp,
    pub(super) raw_crc: u64,
    pub(super) count: u32,
    pub(super) body_len: u32,
    pub(super) raw_len: u32,
}

/// What tells two frames of the same sequence numbers apart: a frame that was stored
/// already from one that a restored sender made anew ([SPEC](crate::spec) section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fingerprint {
    /// The first record's sequence number.
    pub first_seq: u64,
    /// Sequence numbers before it that are declared lost.
    pub lost: u64,
    /// Records.
    pub count: u32,
    /// Bytes of the body after it was expanded (of the ciphertext, where encrypted).
    pub raw_len: u32,
    /// CRC-64/NVME of the same bytes.
    pub raw_crc: u64,
}

impl Header {
    /// Reads the header at the beginning of `bytes`, and checks it: its checksum,
    /// then what it asks for, then its numbers against `limits`. The body need not
    /// be there. Nothing is allocated.
    ///
    /// # Errors
    ///
    /// [`needed`](FrameError::needed) bytes are not there yet, or the header is
    /// refused; see [`FrameErrorKind`](Kind).
    ///
    /// ```
    /// use ingest_protocol::frame::{Header, Limits, Record, Sealer, Stamp};
    ///
    /// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
    /// let limits = Limits::default();
    /// let records = [Record::new(r#"{"a":1}"#)];
    /// let frame = Sealer::new(limits).seal(&Stamp::new(audience, stream, 7), &records)?;
    ///
    /// let header = Header::peek(&frame[..96], &limits)?;
    /// assert_eq!(header.first_seq(), 7);
    /// assert_eq!(header.frame_len(), frame.len() as u64);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn peek(bytes: &[u8], limits: &Limits) -> Result<Self, FrameError> {
        let torn = |needed: usize| {
            Kind::Truncated {
                needed: needed as u64,
                available: bytes.len() as u64,
            }
            .at(bytes.len())
        };
        let begins = bytes.iter().zip(&MAGIC).take_while(|(a, b)| a == b).count();
        if begins < bytes.len().min(MAGIC.len()) {
            return Err(Kind::Magic.at(begins));
        }
        if let Some(&major) = bytes.get(at::MAJOR).filter(|major| **major != MAJOR) {
            return Err(Kind::Version { major }.at(at::MAJOR));
        }
        if bytes.len() < PREFIX {
            return Err(torn(LEN));
        }
        let length = u16::from_le_bytes(take(bytes, at::HEADER_LEN));
        let header_len = usize::from(length);
        if !(LEN..=MAX_LEN).contains(&header_len) || !header_len.is_multiple_of(8) {
            return Err(Kind::HeaderLength { length }.at(at::HEADER_LEN));
        }
        let Some(bytes) = bytes.get(..header_len) else {
            return Err(torn(header_len));
        };
        let crc_at = header_len - 4;
        if crc32c(&bytes[..crc_at]) != u32::from_le_bytes(take(bytes, crc_at)) {
            return Err(Kind::HeaderChecksum.at(crc_at));
        }
        let header = Self {
            minor: bytes[at::MINOR],
            header_len: length,
            must: u32::from_le_bytes(take(bytes, at::MUST)),
            may: u16::from_le_bytes(take(bytes, at::MAY)),
            stamp: Stamp {
                format: Format(u16::from_le_bytes(take(bytes, at::FORMAT))),
                audience: Audience(Uuid::from_bytes(take(bytes, at::AUDIENCE))),
                stream: StreamId(Uuid::from_bytes(take(bytes, at::STREAM))),
                first_seq: u64::from_le_bytes(take(bytes, at::FIRST_SEQ)),
                lost: u64::from_le_bytes(take(bytes, at::LOST)),
                sealed_at: i64::from_le_bytes(take(bytes, at::SEALED_AT)),
            },
            raw_crc: u64::from_le_bytes(take(bytes, at::RAW_CRC)),
            count: u32::from_le_bytes(take(bytes, at::COUNT)),
            body_len: u32::from_le_bytes(take(bytes, at::BODY_LEN)),
            raw_len: u32::from_le_bytes(take(bytes, at::RAW_LEN)),
        };
        header.check()?;
        header.within(limits)?;
        Ok(header)
    }

    /// Checks the header's numbers against `limits`: for a header that was
    /// [peeked](Self::peek) at within [`Limits::MAX`], so that a frame that was
    /// stored under wider limits is still known as a duplicate.
    ///
    /// # Errors
    ///
    /// A number is over its limit.
    ///
    /// ```
    /// use ingest_protocol::frame::{Header, Limits, Record, Sealer, Stamp};
    ///
    /// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
    /// let frame = Sealer::new(Limits::default())
    ///     .seal(&Stamp::new(audience, stream, 1), &[Record::new("{}"), Record::new("{}")])?;
    ///
    /// let header = Header::peek(&frame, &Limits::MAX)?;
    /// // ... not a duplicate, then:
    /// assert!(header.within(&Limits::default().with_records(1)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn within(&self, limits: &Limits) -> Result<(), FrameError> {
        let limit = |limit, value, allowed: u32, at| {
            let allowed = u64::from(allowed);
            if value > allowed {
                return Err(Kind::Limit {
                    limit,
                    value,
                    allowed,
                }
                .at(at));
            }
            Ok(())
        };
        limit("records", u64::from(self.count), limits.records, at::COUNT)?;
        limit(
            "frame_bytes",
            self.frame_len(),
            limits.frame_bytes,
            at::BODY_LEN,
        )?;
        limit(
            "raw_bytes",
            u64::from(self.raw_len),
            limits.raw_bytes,
            at::RAW_LEN,
        )
    }

    /// What must hold for every header whose bytes are intact.
    fn check(&self) -> Result<(), FrameError> {
        let flags = self.must & !must::KNOWN;
        if flags != 0 {
            return Err(Kind::Flags { flags }.at(at::MUST));
        }
        if !self.stamp.format.is_known() {
            let format = self.stamp.format.0;
            return Err(Kind::Format { format }.at(at::FORMAT));
        }
        if let Some((field, at)) = self.stamp.problem(self.count) {
            return Err(Kind::Field { field }.at(at));
        }
        if self.is_raw_as_sent() && self.raw_len != self.body_len {
            return Err(Kind::Field { field: "raw_len" }.at(at::RAW_LEN));
        }
        if self.is_encrypted() && (self.body_len as usize) < ENCRYPTION {
            return Err(Kind::Field { field: "body_len" }.at(at::BODY_LEN));
        }
        Ok(())
    }

    /// The header's 96 bytes.
    pub(super) fn to_bytes(self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        put(&mut bytes, 0, MAGIC);
        put(&mut bytes, at::MAJOR, [MAJOR]);
        put(&mut bytes, at::MINOR, [self.minor]);
        put(&mut bytes, at::HEADER_LEN, (LEN as u16).to_le_bytes());
        put(&mut bytes, at::MUST, self.must.to_le_bytes());
        put(&mut bytes, at::MAY, self.may.to_le_bytes());
        put(&mut bytes, at::FORMAT, self.stamp.format.0.to_le_bytes());
        put(&mut bytes, at::AUDIENCE, self.stamp.audience.0.into_bytes());
        put(&mut bytes, at::STREAM, self.stamp.stream.0.into_bytes());
        put(
            &mut bytes,
            at::FIRST_SEQ,
            self.stamp.first_seq.to_le_bytes(),
        );
        put(&mut bytes, at::LOST, self.stamp.lost.to_le_bytes());
        put(
            &mut bytes,
            at::SEALED_AT,
            self.stamp.sealed_at.to_le_bytes(),
        );
        put(&mut bytes, at::RAW_CRC, self.raw_crc.to_le_bytes());
        put(&mut bytes, at::COUNT, self.count.to_le_bytes());
        put(&mut bytes, at::BODY_LEN, self.body_len.to_le_bytes());
        put(&mut bytes, at::RAW_LEN, self.raw_len.to_le_bytes());
        let crc = crc32c(&bytes[..LEN - 4]);
        put(&mut bytes, LEN - 4, crc.to_le_bytes());
        bytes
    }

    /// Whether the raw body, which checksum and length are of, is the body as it is
    /// sent: compression alone makes the two differ, and not under encryption.
    pub(super) fn is_raw_as_sent(&self) -> bool {
        !self.is_compressed() || self.is_encrypted()
    }

    /// Where the body as it is sent is in the frame.
    pub(super) fn body(&self) -> Range<usize> {
        let start = usize::from(self.header_len);
        start..start + self.body_len as usize
    }

    /// The header of a frame of this version that is about to be sealed.
    pub(super) fn new(stamp: Stamp, must: u32, count: u32) -> Self {
        Self {
            minor: MINOR,
            header_len: LEN as u16,
            must,
            may: 0,
            stamp,
            raw_crc: 0,
            count,
            body_len: 0,
            raw_len: 0,
        }
    }

    /// The minor version: informational.
    #[must_use]
    pub fn minor(&self) -> u8 {
        self.minor
    }

    /// Bytes of the header.
    #[must_use]
    pub fn header_len(&self) -> u16 {
        self.header_len
    }

    /// Bytes of the whole frame: header, body and trailer.
    #[must_use]
    pub fn frame_len(&self) -> u64 {
        let trailer = if self.has_mac() { TRAILER as u64 } else { 0 };
        u64::from(self.header_len) + u64::from(self.body_len) + trailer
    }

    /// Whether the body is compressed.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.must & must::ZSTD != 0
    }

    /// Whether the frame carries a MAC. What a frame says of itself is no reason to
    /// trust it: whether a MAC is required is for the receiver to say.
    #[must_use]
    pub fn has_mac(&self) -> bool {
        self.must & must::MAC != 0
    }

    /// Whether the body is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.must & must::ENCRYPTED != 0
    }

    /// The bits that a reader may ignore.
    #[must_use]
    pub fn may(&self) -> u16 {
        self.may
    }

    /// The part of the header that its sender decided.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// What the records are.
    #[must_use]
    pub fn format(&self) -> Format {
        self.stamp.format
    }

    /// For whom the frame is.
    #[must_use]
    pub fn audience(&self) -> Audience {
        self.stamp.audience
    }

    /// The stream the records are numbered in.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        self.stamp.stream
    }

    /// The sequence number of the first record, at least 1.
    #[must_use]
    pub fn first_seq(&self) -> u64 {
        self.stamp.first_seq
    }

    /// How many sequence numbers just before [`first_seq`](Self::first_seq) are
    /// declared lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.stamp.lost
    }

    /// The first sequence number that the frame accounts for, as record or as lost.
    #[must_use]
    pub fn accounts_from(&self) -> u64 {
        self.stamp.first_seq - self.stamp.lost
    }

    /// The sequence number after the frame's last record.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        // Checked not to overflow when the header was.
        self.stamp.first_seq + u64::from(self.count)
    }

    /// When the frame was sealed, by the sender's clock: informational. `None` where
    /// it is out of `chrono`'s range.
    #[must_use]
    pub fn sealed_at(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.stamp.sealed_at)
    }

    /// Records of the frame. 0 is a heartbeat, or a declaration of loss alone.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of the body as it is sent.
    #[must_use]
    pub fn body_len(&self) -> u32 {
        self.body_len
    }

    /// Bytes of the body after it is expanded; of the ciphertext, where it is encrypted.
    #[must_use]
    pub fn raw_len(&self) -> u32 {
        self.raw_len
    }

    /// What tells this frame from others with the same sequence numbers.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            first_seq: self.stamp.first_seq,
            lost: self.stamp.lost,
            count: self.count,
            raw_len: self.raw_len,
            raw_crc: self.raw_crc,
        }
    }
}

/// `N` bytes at a place that was checked to be there.
pub(super) fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut taken = [0; N];
    taken.copy_from_slice(&bytes[at..at + N]);
    taken
}

fn put<const N: usize>(bytes: &mut [u8; LEN], at: usize, value: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&value);
}
