//! [`Sealer`]: records in, a frame out.

use bytes::Bytes;

use super::checksum::Running;
#[cfg(feature = "zstd")]
use super::codec::Encoder;
#[cfg(feature = "encrypt")]
use super::encrypt::{self, EncryptKey};
#[cfg(any(feature = "zstd", feature = "mac", feature = "encrypt"))]
use super::header::must;
use super::header::{self, Header};
use super::limits::Limits;
#[cfg(feature = "mac")]
use super::mac::MacKey;
use super::record::Record;
use super::section::{self, NO_TIME, kind};
use super::stamp::Stamp;

/// Why records can't be sealed into one frame. Nothing was made, and they are still
/// the caller's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A field of the stamp has a value that can't be: a nil stream, a first sequence
    /// number of 0, as many lost or more, or numbers beyond 64 bits.
    #[error("the stamp's `{field}` has a value that can't be")]
    Stamp {
        /// The field, named as in the specification.
        field: &'static str,
    },
    /// The format is not registered, and no reader would take it.
    #[error("records of the unknown format {format}")]
    Format {
        /// The format's number.
        format: u16,
    },
    /// Seal fewer records at once.
    #[error("{count} records, at most {limit} fit one frame: seal fewer at once")]
    TooManyRecords {
        /// Records that were to be sealed.
        count: usize,
        /// The most that fit.
        limit: u32,
    },
    /// One record is too long for any frame: replace it by a tombstone.
    #[error("record {index} has {bytes} bytes, at most {limit} fit: replace it by a tombstone")]
    RecordTooLarge {
        /// Its place among the records, from 0.
        index: usize,
        /// Its length in bytes.
        bytes: usize,
        /// The most bytes that fit.
        limit: u32,
    },
    /// The records together are too long, as they are or once encrypted: seal fewer
    /// at once.
    #[error("the body has {bytes} bytes, at most {limit} fit one frame: seal fewer at once")]
    BodyTooLarge {
        /// Bytes of the body.
        bytes: u64,
        /// The most bytes that fit.
        limit: u32,
    },
    /// The frame as it would be sent is too long: seal fewer records at once.
    #[error("the frame has {bytes} bytes, at most {limit} are sent at once: seal fewer records")]
    FrameTooLarge {
        /// Bytes of the frame.
        bytes: u64,
        /// The most bytes that are sent.
        limit: u32,
    },
    /// The compressor or the cipher failed, which happens when memory runs out.
    #[error("{what} failed: memory ran out?")]
    Codec {
        /// Which of them.
        what: &'static str,
    },
}

/// Seals records into frames. What is sealed once is stored and sent, and sent again,
/// as the same bytes ([SPEC](crate::spec) section 3, S1).
///
/// Keep one and use it again: its buffers and the compressor's tables are reused.
///
/// ```
/// use ingest_protocol::frame::{Frame, Limits, Record, Sealer, Stamp};
///
/// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
/// let mut sealer = Sealer::new(Limits::default());
/// let records = [Record::new(r#"{"a":1}"#), Record::new(r#"{"b":2}"#)];
/// let frame = sealer.seal(&Stamp::new(audience, stream, 1), &records)?;
/// let next = sealer.seal(&Stamp::new(audience, stream, 3), &records)?;
///
/// let opened = Frame::open(next, &Limits::default())?;
/// assert_eq!(opened.records().map(|record| record.seq()).collect::<Vec<_>>(), [3, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sealer {
    limits: Limits,
    #[cfg(feature = "zstd")]
    compression: Compression,
    #[cfg(feature = "mac")]
    mac: Option<MacKey>,
    #[cfg(feature = "encrypt")]
    encryption: Option<EncryptKey>,
}

/// The compressor once it was used, and buffers before and after it.
#[cfg(feature = "zstd")]
#[derive(Default)]
struct Compression {
    on: bool,
    encoder: Option<Encoder>,
    raw: Vec<u8>,
    encoded: Vec<u8>,
}

#[cfg(feature = "zstd")]
impl Compression {
    /// Writes the body and compresses it, fills in its checksum, and sets the flag of
    /// compression where that made the body smaller.
    fn run(
        &mut self,
        plan: &Plan,
        records: &[Record],
        header: &mut Header,
    ) -> Result<(), SealError> {
        let failed = |_| SealError::Codec { what: "zstd" };
        self.raw.clear();
        plan.write(&mut self.raw, records, header);
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(Encoder::new().map_err(failed)?),
        };
        encoder
            .encode(&self.raw, &mut self.encoded)
            .map_err(failed)?;
        if self.encoded.len() < self.raw.len() {
            header.must |= must::ZSTD;
        }
        Ok(())
    }

    fn body(&self, compressed: bool) -> &[u8] {
        if compressed { &self.encoded } else { &self.raw }
    }
}

#[cfg(feature = "zstd")]
impl std::fmt::Debug for Compression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.on { "zstd" } else { "identity" })
    }
}

impl Sealer {
    /// Seals plain frames of at most these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            #[cfg(feature = "zstd")]
            compression: Compression::default(),
            #[cfg(feature = "mac")]
            mac: None,
            #[cfg(feature = "encrypt")]
            encryption: None,
        }
    }

    /// Compresses bodies with zstd (level 3, a window of 8 MiB), where that makes
    /// them smaller.
    #[cfg(feature = "zstd")]
    #[must_use]
    pub fn with_zstd(mut self) -> Self {
        self.compression.on = true;
        self
    }

    /// Ends each frame with a MAC made with `key`.
    #[cfg(feature = "mac")]
    #[must_use]
    pub fn with_mac(mut self, key: MacKey) -> Self {
        self.mac = Some(key);
        self
    }

    /// Encrypts bodies with `key`.
    #[cfg(feature = "encrypt")]
    #[must_use]
    pub fn with_encryption(mut self, key: EncryptKey) -> Self {
        self.encryption = Some(key);
        self
    }

    /// The limits frames are sealed within.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sets the limits frames are sealed within from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Seals `records` under `stamp`. No records make a heartbeat, or a declaration of
    /// loss alone. The same records under the same stamp give the same bytes, as long
    /// as the features, the keys and the version of zstd are the same.
    ///
    /// # Errors
    ///
    /// The stamp can't be, or the records are too many or too long for the limits; see
    /// [`SealError`] for what to do.
    pub fn seal(&mut self, stamp: &Stamp, records: &[Record]) -> Result<Bytes, SealError> {
        let plan = Plan::new(stamp, records, &self.limits)?;
        let mut header = Header::new(*stamp, self.must(), plan.count);
        #[cfg(feature = "zstd")]
        if self.compression.on {
            self.compression.run(&plan, records, &mut header)?;
            let body = self.compression.body(header.is_compressed());
            let mut frame = self.room(body.len() as u64)?;
            frame.extend_from_slice(body);
            return self.finish(frame, header);
        }
        let mut frame = self.room(u64::from(plan.raw_len))?;
        plan.write(&mut frame, records, &mut header);
        self.finish(frame, header)
    }

    /// The flags that don't depend on the records.
    fn must(&self) -> u32 {
        let flags = 0;
        #[cfg(feature = "mac")]
        let flags = flags | if self.mac.is_some() { must::MAC } else { 0 };
        #[cfg(feature = "encrypt")]
        let flags = flags
            | if self.encryption.is_some() {
                must::ENCRYPTED
            } else {
                0
            };
        flags
    }

    /// A buffer of the size of the frame around an encoded body of this size, with
    /// what stands before the body left blank.
    fn room(&self, body: u64) -> Result<Vec<u8>, SealError> {
        #[cfg(feature = "encrypt")]
        if self.encryption.is_some() {
            // A reader takes the body as it is sent for the raw one.
            let bytes = body + header::ENCRYPTION as u64;
            let limit = self.limits.raw_bytes;
            if bytes > u64::from(limit) {
                return Err(SealError::BodyTooLarge { bytes, limit });
            }
        }
        let (before, after) = (self.before_body(), self.after_body());
        let bytes = before as u64 + body + after as u64;
        let limit = self.limits.frame_bytes;
        if bytes > u64::from(limit) {
            return Err(SealError::FrameTooLarge { bytes, limit });
        }
        let mut frame = Vec::with_capacity(bytes as usize);
        frame.resize(before, 0);
        Ok(frame)
    }

    fn before_body(&self) -> usize {
        #[cfg(feature = "encrypt")]
        if self.encryption.is_some() {
            return header::LEN + encrypt::ID;
        }
        header::LEN
    }

    fn after_body(&self) -> usize {
        let after = 0;
        #[cfg(feature = "encrypt")]
        let after = after + self.encryption.as_ref().map_or(0, |_| encrypt::TAG);
        #[cfg(feature = "mac")]
        let after = after + self.mac.as_ref().map_or(0, |_| header::TRAILER);
        after
    }

    /// Encrypts the body that stands in `frame`, fills in the header, adds the MAC.
    fn finish(&self, mut frame: Vec<u8>, mut header: Header) -> Result<Bytes, SealError> {
        // Both lengths fit: `room` made the frame no longer than a limit of 32 bits.
        header.body_len = (frame.len() - header::LEN) as u32;
        #[cfg(feature = "encrypt")]
        if let Some(key) = &self.encryption {
            use super::keys::NamedKey as _;
            header.body_len += encrypt::TAG as u32;
            header.raw_len = header.body_len;
            let (before, body) = frame.split_at_mut(header::LEN + encrypt::ID);
            before[header::LEN..].copy_from_slice(key.key_id().0.as_bytes());
            let tag = key
                .encrypt(&header.to_bytes(), body)
                .ok_or(SealError::Codec {
                    what: "AES-GCM-SIV",
                })?;
            frame.extend_from_slice(&tag);
            header.raw_crc = super::checksum::crc64(&frame[header::LEN..]);
        }
        frame[..header::LEN].copy_from_slice(&header.to_bytes());
        #[cfg(feature = "mac")]
        if let Some(key) = &self.mac {
            let trailer = key.trailer(&frame);
            frame.extend_from_slice(&trailer);
        }
        Ok(frame.into())
    }
}

/// What is known of a body before it is written.
struct Plan {
    count: u32,
    data_len: u32,
    raw_len: u32,
    ids: bool,
    times: bool,
}

impl Plan {
    fn new(stamp: &Stamp, records: &[Record], limits: &Limits) -> Result<Self, SealError> {
        let limit = limits.records;
        let count = u32::try_from(records.len())
            .ok()
            .filter(|count| *count <= limit);
        let Some(count) = count else {
            let count = records.len();
            return Err(SealError::TooManyRecords { count, limit });
        };
        if let Some((field, _)) = stamp.problem(count) {
            return Err(SealError::Stamp { field });
        }
        if !stamp.format.is_known() {
            let format = stamp.format.0;
            return Err(SealError::Format { format });
        }
        let (mut data_len, mut ids, mut times) = (0_u64, false, false);
        for (index, record) in records.iter().enumerate() {
            let (bytes, limit) = (record.payload().len(), limits.record_bytes);
            if bytes as u64 > u64::from(limit) {
                return Err(SealError::RecordTooLarge {
                    index,
                    bytes,
                    limit,
                });
            }
            data_len += bytes as u64;
            ids |= record.id().is_some();
            times |= record.time().is_some();
        }
        let sections = 2 + u64::from(ids) + u64::from(times);
        let each = 4 + 16 * u64::from(ids) + 8 * u64::from(times);
        let bytes = sections * section::HEAD as u64 + u64::from(count) * each + data_len;
        let limit = limits.raw_bytes;
        if bytes > u64::from(limit) {
            return Err(SealError::BodyTooLarge { bytes, limit });
        }
        Ok(Self {
            count,
            // Neither is over a limit of 32 bits.
            data_len: data_len as u32,
            raw_len: bytes as u32,
            ids,
            times,
        })
    }

    /// Appends the sections to `out` and fills in their length and checksum, which is
    /// taken on the way: but not of a body that is encrypted next, since both are then
    /// over the ciphertext.
    fn write(&self, out: &mut Vec<u8>, records: &[Record], header: &mut Header) {
        let mut crc = (!header.is_encrypted()).then(|| Running::from(out.len()));
        out.reserve(self.raw_len as usize);
        // No section is longer than the body, whose length has 32 bits.
        head(out, kind::LENS, self.count * 4);
        for record in records {
            // Checked against a limit of 32 bits.
            out.extend_from_slice(&(record.payload().len() as u32).to_le_bytes());
        }
        head(out, kind::DATA, self.data_len);
        for record in records {
            out.extend_from_slice(record.payload());
            if let Some(crc) = &mut crc {
                crc.follow(out);
            }
        }
        if self.ids {
            head(out, kind::IDS, self.count * 16);
            for record in records {
                out.extend_from_slice(record.id().unwrap_or_default().as_bytes());
            }
        }
        if self.times {
            head(out, kind::TIMES, self.count * 8);
            for record in records {
                let time = record
                    .time()
                    .map_or(NO_TIME, |time| time.timestamp_micros());
                out.extend_from_slice(&time.to_le_bytes());
            }
        }
        header.raw_len = self.raw_len;
        header.raw_crc = crc.map_or(0, |crc| crc.finish(out));
    }
}

fn head(out: &mut Vec<u8>, kind: u16, len: u32) {
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&len.to_le_bytes());
}
