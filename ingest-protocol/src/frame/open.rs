//! [`Opener`] and [`Frame`]: bytes in, checked records out.

use bytes::Bytes;
use uuid::Uuid;

use super::checksum::crc64;
#[cfg(feature = "zstd")]
use super::codec::{self, Decoder};
#[cfg(feature = "encrypt")]
use super::encrypt::{self, EncryptKey};
use super::error::{FrameError, FrameErrorKind as Kind};
use super::header::Header;
#[cfg(feature = "mac")]
use super::header::TRAILER;
#[cfg(any(feature = "mac", feature = "encrypt"))]
use super::header::take;
#[cfg(any(feature = "mac", feature = "encrypt"))]
use super::keys::KeyRing;
use super::limits::Limits;
#[cfg(feature = "mac")]
use super::mac::{self, MacKey};
use super::record::{Record, RecordRef};
use super::section::{NO_TIME, Sections};
use crate::{Audience, KeyId};

/// How frames are opened: within which limits, for whom, with which keys.
///
/// Keep one and use it again: zstd's tables are reused. Threads may share it, and get
/// the most of it with a clone for each.
///
/// Each thing asked for is required: where MAC keys are given, a frame without a MAC
/// is refused, since whoever can change a frame could also take its MAC away.
///
/// ```
/// use ingest_protocol::frame::{FrameErrorKind, Limits, Opener, Record, Sealer, Stamp};
///
/// # let audience: ingest_protocol::Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
/// # let other: ingest_protocol::Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445567".parse()?;
/// # let stream = "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?;
/// let frame = Sealer::new(Limits::default())
///     .seal(&Stamp::new(audience, stream, 1), &[Record::new("{}")])?;
///
/// let opener = Opener::new(Limits::default()).with_audience(other);
/// let error = opener.open(frame).unwrap_err();
/// assert_eq!(*error.kind(), FrameErrorKind::WrongAudience { audience });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Opener {
    limits: Limits,
    audience: Option<Audience>,
    #[cfg(feature = "mac")]
    mac: Option<KeyRing<MacKey>>,
    #[cfg(feature = "mac")]
    mac_optional: bool,
    #[cfg(feature = "encrypt")]
    encryption: Option<KeyRing<EncryptKey>>,
    #[cfg(feature = "encrypt")]
    encryption_optional: bool,
    #[cfg(feature = "zstd")]
    decoder: Decoder,
}

impl Opener {
    /// Opens frames of at most these limits, for whomever they are.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Refuses frames that are for someone else.
    #[must_use]
    pub fn with_audience(mut self, audience: Audience) -> Self {
        self.audience = Some(audience);
        self
    }

    /// Requires a MAC made with one of these keys. Without keys a MAC is not looked
    /// at: [`Frame::verified_by`] is `None`.
    #[cfg(feature = "mac")]
    #[must_use]
    pub fn with_mac_keys(mut self, ring: KeyRing<MacKey>) -> Self {
        self.mac = Some(ring);
        self
    }

    /// Takes frames without a MAC, too, for as long as not every sender has a key;
    /// a MAC that is there must still be right.
    #[cfg(feature = "mac")]
    #[must_use]
    pub fn allow_missing_mac(mut self) -> Self {
        self.mac_optional = true;
        self
    }

    /// Requires encryption with one of these keys.
    #[cfg(feature = "encrypt")]
    #[must_use]
    pub fn with_encryption_keys(mut self, ring: KeyRing<EncryptKey>) -> Self {
        self.encryption = Some(ring);
        self
    }

    /// Takes bodies in the clear, too.
    #[cfg(feature = "encrypt")]
    #[must_use]
    pub fn allow_cleartext(mut self) -> Self {
        self.encryption_optional = true;
        self
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Opens the one frame that `bytes` must be. A body that is neither compressed nor
    /// encrypted is not copied.
    ///
    /// The order is that of the [SPEC](crate::spec), section 2.1: header, limits, length,
    /// audience, checksum of the body as it is sent, MAC, decryption, expansion,
    /// checksum of a body that was expanded, sections. Where a MAC or encryption is
    /// required, nothing is expanded that no key vouches for; where it is allowed to be
    /// missing, a frame without it is expanded.
    ///
    /// Memory beside the frame: of an encrypted body a copy, which is made before its
    /// tag can be checked; of a compressed one what it expands to, `raw_bytes` of the
    /// limits at most, and zstd's own context of fixed size.
    ///
    /// # Errors
    ///
    /// The bytes end too early ([`FrameError::needed`]), or a rule is broken; see
    /// [`FrameErrorKind`](Kind).
    pub fn open(&self, bytes: impl Into<Bytes>) -> Result<Frame, FrameError> {
        let bytes = bytes.into();
        let (header, verified) = self.authenticate(&bytes)?;
        let clear = self.decrypt(&bytes, &header)?;
        let body = if header.is_compressed() {
            self.expand(clear, &header)?
        } else {
            clear
        };
        if !header.is_raw_as_sent() {
            check_body(&body, &header)?;
        }
        let sections = Sections::find(&body, &header, &self.limits)?;
        Ok(Frame {
            bytes,
            header,
            body,
            sections,
            verified,
        })
    }

    /// Checks what can be without decrypting or expanding: the header, the limits, the
    /// length, the audience, the MAC, and the body's checksum where it is over the
    /// bytes as they are (plain and encrypted bodies). For those who decide by the
    /// header, and who store or pass on what they can't read.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn check(&self, bytes: &[u8]) -> Result<Header, FrameError> {
        self.authenticate(bytes).map(|(header, _)| header)
    }

    fn authenticate(&self, bytes: &[u8]) -> Result<(Header, Option<KeyId>), FrameError> {
        let header = Header::peek(bytes, &self.limits)?;
        check_length(bytes, &header)?;
        let audience = header.audience();
        if self.audience.is_some_and(|expected| expected != audience) {
            return Err(Kind::WrongAudience { audience }.at(super::header::at::AUDIENCE));
        }
        if header.is_raw_as_sent() {
            // Before the MAC: damage on the way should be told from a wrong key.
            check_body(&bytes[header.body()], &header)?;
        }
        let verified = self.verify(bytes, &header)?;
        Ok((header, verified))
    }

    /// The key that vouches for the frame.
    #[cfg(feature = "mac")]
    fn verify(&self, bytes: &[u8], header: &Header) -> Result<Option<KeyId>, FrameError> {
        let Some(ring) = &self.mac else {
            return Ok(None);
        };
        if !header.has_mac() {
            if self.mac_optional {
                return Ok(None);
            }
            return Err(Kind::MacMissing.at(super::header::at::MUST));
        }
        let end = header.body().end;
        let (signed, trailer) = bytes.split_at(end);
        let trailer = &take::<TRAILER>(trailer, 0);
        let key_id = mac::key_id(trailer);
        let Some(key) = ring.get(header.audience(), key_id) else {
            return Err(Kind::UnknownKey { key_id }.at(end));
        };
        if !key.verify(signed, trailer) {
            return Err(Kind::Mac.at(end + 16));
        }
        Ok(Some(key_id))
    }

    #[cfg(not(feature = "mac"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "as with the feature"
    )]
    fn verify(&self, _: &[u8], _: &Header) -> Result<Option<KeyId>, FrameError> {
        Ok(None)
    }

    #[cfg(feature = "encrypt")]
    fn decrypt(&self, bytes: &Bytes, header: &Header) -> Result<Bytes, FrameError> {
        if !header.is_encrypted() {
            if self.encryption.is_some() && !self.encryption_optional {
                return Err(Kind::Cleartext.at(super::header::at::MUST));
            }
            return Ok(bytes.slice(header.body()));
        }
        let start = header.body().start;
        let Some(ring) = &self.encryption else {
            return Err(Kind::Encrypted.at(start));
        };
        let body = &bytes[header.body()];
        let key_id = encrypt::key_id(body);
        let Some(key) = ring.get(header.audience(), key_id) else {
            return Err(Kind::UnknownKey { key_id }.at(start));
        };
        // The header's check has made sure of both ends.
        let (ciphertext, tag) =
            body[encrypt::ID..].split_at(body.len() - super::header::ENCRYPTION);
        let mut clear = ciphertext.to_vec();
        if !key.decrypt(&bytes[..start], &mut clear, &take(tag, 0)) {
            return Err(Kind::Decrypt.at(start));
        }
        Ok(clear.into())
    }

    #[cfg(not(feature = "encrypt"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    fn decrypt(&self, bytes: &Bytes, header: &Header) -> Result<Bytes, FrameError> {
        if header.is_encrypted() {
            let feature = "encrypt";
            return Err(Kind::Feature { feature }.at(super::header::at::MUST));
        }
        Ok(bytes.slice(header.body()))
    }

    #[cfg(feature = "zstd")]
    fn expand(&self, encoded: Bytes, header: &Header) -> Result<Bytes, FrameError> {
        let start = header.body().start;
        let damaged = |problem| Kind::Codec { problem }.at(start);
        let raw_len = if header.is_encrypted() {
            // The header's length is that of the ciphertext; this one the tag vouches for.
            let value = codec::content_size(&encoded).map_err(damaged)?;
            let (limit, allowed) = ("raw_bytes", u64::from(self.limits.raw_bytes));
            if value > allowed {
                return Err(Kind::Limit {
                    limit,
                    value,
                    allowed,
                }
                .at(start));
            }
            value as usize
        } else {
            header.raw_len as usize
        };
        self.decoder
            .decode(&encoded, raw_len)
            .map(Bytes::from)
            .map_err(damaged)
    }

    #[cfg(not(feature = "zstd"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    fn expand(&self, _: Bytes, _: &Header) -> Result<Bytes, FrameError> {
        let feature = "zstd";
        Err(Kind::Feature { feature }.at(super::header::at::MUST))
    }
}

/// The bytes are the frame, no less and no more.
fn check_length(bytes: &[u8], header: &Header) -> Result<(), FrameError> {
    let (needed, available) = (header.frame_len(), bytes.len() as u64);
    if available < needed {
        return Err(Kind::Truncated { needed, available }.at(bytes.len()));
    }
    if available > needed {
        let extra = available - needed;
        return Err(Kind::Trailing { extra }.at(bytes.len() - extra as usize));
    }
    Ok(())
}

fn check_body(body: &[u8], header: &Header) -> Result<(), FrameError> {
    if crc64(body) != header.raw_crc {
        return Err(Kind::BodyChecksum.at(super::header::at::RAW_CRC));
    }
    Ok(())
}

/// An opened frame: every length and checksum in it was checked. Cheap to clone.
///
/// ```
/// use ingest_protocol::frame::{Frame, Limits, Record, Sealer, Stamp};
///
/// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
/// # let limits = Limits::default();
/// # let sealed = Sealer::new(limits).seal(&Stamp::new(audience, stream, 1), &[Record::new("{}")])?;
/// let frame = Frame::open(sealed, &limits)?;
/// for record in frame.records() {
///     println!("{}: {} bytes", record.seq(), record.payload().len());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Frame {
    bytes: Bytes,
    header: Header,
    body: Bytes,
    sections: Sections,
    verified: Option<KeyId>,
}

impl Frame {
    /// Opens the one frame that `bytes` must be, whoever it is for; see [`Opener`]
    /// for keys and audiences, and for many compressed frames, which it opens faster.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`]. An encrypted body needs an opener with keys.
    pub fn open(bytes: impl Into<Bytes>, limits: &Limits) -> Result<Self, FrameError> {
        Opener::new(*limits).open(bytes)
    }

    /// [`Opener::check`] for whomever the frame is: what can be checked without
    /// keys and without expanding the body.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`].
    ///
    /// ```
    /// use ingest_protocol::frame::{Frame, Limits, Record, Sealer, Stamp};
    ///
    /// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
    /// # let limits = Limits::default();
    /// let sealed = Sealer::new(limits).seal(&Stamp::new(audience, stream, 1), &[Record::new("{}")])?;
    /// assert_eq!(Frame::check(&sealed, &limits)?.count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check(bytes: &[u8], limits: &Limits) -> Result<Header, FrameError> {
        Opener::new(*limits).check(bytes)
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The frame as it was sealed.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The key whose MAC was verified.
    #[must_use]
    pub fn verified_by(&self) -> Option<KeyId> {
        self.verified
    }

    /// The records, in the order of their sequence numbers. Nothing is copied.
    #[must_use]
    pub fn records(&self) -> Records<'_> {
        let part = |range: &std::ops::Range<usize>| &self.body[range.clone()];
        Records {
            body: &self.body,
            lens: part(&self.sections.lens),
            data: part(&self.sections.data),
            ids: self.sections.ids.as_ref().map(part),
            times: self.sections.times.as_ref().map(part),
            seq: self.header.first_seq(),
        }
    }

    /// The records as they were sealed, sharing the frame's buffer: to seal them anew.
    #[must_use]
    pub fn to_records(&self) -> Vec<Record> {
        self.records().map(|record| record.to_record()).collect()
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame")
            .field("header", &self.header)
            .field("verified_by", &self.verified)
            .finish_non_exhaustive()
    }
}

/// The records of a [`Frame`].
#[derive(Clone)]
pub struct Records<'a> {
    body: &'a Bytes,
    lens: &'a [u8],
    data: &'a [u8],
    ids: Option<&'a [u8]>,
    times: Option<&'a [u8]>,
    seq: u64,
}

impl<'a> Iterator for Records<'a> {
    type Item = RecordRef<'a>;

    fn next(&mut self) -> Option<RecordRef<'a>> {
        let (len, rest) = self.lens.split_first_chunk()?;
        self.lens = rest;
        // Opening has checked that the lengths are those of the sections.
        let (payload, rest) = self
            .data
            .split_at_checked(u32::from_le_bytes(*len) as usize)?;
        self.data = rest;
        let seq = self.seq;
        self.seq += 1;
        Some(RecordRef {
            body: self.body,
            payload,
            seq,
            id: next_chunk(&mut self.ids)
                .map(|bytes| Uuid::from_bytes(*bytes))
                .filter(|id| !id.is_nil()),
            time_micros: next_chunk(&mut self.times)
                .map(|bytes| i64::from_le_bytes(*bytes))
                .filter(|time| *time != NO_TIME),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.lens.len() / 4;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Records<'_> {}

impl std::iter::FusedIterator for Records<'_> {}

impl std::fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records")
            .field("left", &self.len())
            .finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for &'a Frame {
    type Item = RecordRef<'a>;
    type IntoIter = Records<'a>;

    fn into_iter(self) -> Records<'a> {
        self.records()
    }
}

fn next_chunk<'a, const N: usize>(section: &mut Option<&'a [u8]>) -> Option<&'a [u8; N]> {
    let (chunk, rest) = section.as_mut()?.split_first_chunk()?;
    *section = Some(rest);
    Some(chunk)
}
