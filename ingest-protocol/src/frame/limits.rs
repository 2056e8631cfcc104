//! [`Limits`]: how large a frame may be.

use serde::{Deserialize, Serialize};

/// How large a frame may be. Checked against the header before anything is
/// allocated, and again while a body is expanded ([SPEC](crate::spec) section 5).
///
/// The default is what a receiver accepts unless it says otherwise;
/// [`FLOOR`](Self::FLOOR) is what every receiver accepts. In JSON, where a receiver
/// tells its limits, a missing member has the value of the default.
///
/// ```
/// use ingest_protocol::frame::Limits;
///
/// let limits = Limits::default().with_records(2_000);
/// assert_eq!(limits.records, 2_000);
/// assert_eq!(limits.record_bytes, 1024 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a whole frame as it is sent: header, body, trailer.
    pub frame_bytes: u32,
    /// Bytes of a body after it was expanded.
    pub raw_bytes: u32,
    /// Records of a frame.
    pub records: u32,
    /// Bytes of one record's payload.
    pub record_bytes: u32,
}

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

impl Limits {
    /// What every receiver accepts: a sender that stays below needs to ask nobody.
    pub const FLOOR: Self = Self {
        frame_bytes: MIB,
        raw_bytes: 8 * MIB,
        records: 1_000,
        record_bytes: 256 * KIB,
    };

    /// No limit but 32 bits.
    pub const MAX: Self = Self {
        frame_bytes: u32::MAX,
        raw_bytes: u32::MAX,
        records: u32::MAX,
        record_bytes: u32::MAX,
    };

    /// Sets the most bytes of a whole frame.
    #[must_use]
    pub const fn with_frame_bytes(mut self, bytes: u32) -> Self {
        self.frame_bytes = bytes;
        self
    }

    /// Sets the most bytes of an expanded body.
    #[must_use]
    pub const fn with_raw_bytes(mut self, bytes: u32) -> Self {
        self.raw_bytes = bytes;
        self
    }

    /// Sets the most records of a frame.
    #[must_use]
    pub const fn with_records(mut self, records: u32) -> Self {
        self.records = records;
        self
    }

    /// Sets the most bytes of one record's payload.
    #[must_use]
    pub const fn with_record_bytes(mut self, bytes: u32) -> Self {
        self.record_bytes = bytes;
        self
    }

    /// No limit below the floor: what a peer says of itself is taken only as far
    /// as it could be true.
    ///
    /// ```
    /// use ingest_protocol::frame::Limits;
    ///
    /// let told: Limits = serde_json::from_str(r#"{"records": 0, "raw_bytes": 9000000}"#)?;
    /// assert_eq!(told.at_least_floor().records, 1_000);
    /// assert_eq!(told.at_least_floor().raw_bytes, 9_000_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn at_least_floor(self) -> Self {
        Self {
            frame_bytes: self.frame_bytes.max(Self::FLOOR.frame_bytes),
            raw_bytes: self.raw_bytes.max(Self::FLOOR.raw_bytes),
            records: self.records.max(Self::FLOOR.records),
            record_bytes: self.record_bytes.max(Self::FLOOR.record_bytes),
        }
    }
}

impl Default for Limits {
    /// 16 MiB of frame, 64 MiB of expanded body, 10,000 records, 1 MiB of record.
    fn default() -> Self {
        Self {
            frame_bytes: 16 * MIB,
            raw_bytes: 64 * MIB,
            records: 10_000,
            record_bytes: MIB,
        }
    }
}
