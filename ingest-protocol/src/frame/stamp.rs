//! [`Stamp`]: the part of a header that its sender decides.

use chrono::{DateTime, Utc};

use super::header::at;
use crate::{Audience, StreamId};

/// What the records of a frame are ([SPEC](crate::spec) section 8.1): an open set of
/// numbers, of which those from 32,768 are for private use.
///
/// ```
/// use ingest_protocol::frame::Format;
///
/// assert_eq!(Format::default(), Format::JSON);
/// assert!(Format(40_000).is_known());
/// assert!(!Format(2).is_known());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs)] // a number of a registry
pub struct Format(pub u16);

impl Format {
    /// Each record is one JSON value in UTF-8.
    pub const JSON: Self = Self(1);
    /// Each record is bytes that sender and receiver agree on elsewhere.
    pub const OPAQUE: Self = Self(3);

    /// Whether a frame of this format is read at all. Its records are looked into by
    /// whoever takes them.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self, Self::JSON | Self::OPAQUE) || self.0 >= 0x8000
    }
}

impl Default for Format {
    fn default() -> Self {
        Self::JSON
    }
}

/// The part of a frame's header that its sender decides: for whom, which stream,
/// which sequence numbers.
///
/// ```
/// use ingest_protocol::frame::Stamp;
///
/// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
/// // Records from 101 on; 95 to 100 could not be kept.
/// let stamp = Stamp::new(audience, stream, 101)
///     .with_lost(6)
///     .with_sealed_at("2026-11-28T12:00:00Z".parse()?);
/// # let _ = stamp;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    pub(super) audience: Audience,
    pub(super) stream: StreamId,
    pub(super) first_seq: u64,
    pub(super) lost: u64,
    pub(super) sealed_at: i64,
    pub(super) format: Format,
}

impl Stamp {
    /// Records for `audience` that are numbered from `first_seq` (at least 1) in
    /// `stream` (not nil), are JSON, and follow on the ones before without loss.
    #[must_use]
    pub fn new(audience: Audience, stream: StreamId, first_seq: u64) -> Self {
        Self {
            audience,
            stream,
            first_seq,
            lost: 0,
            sealed_at: 0,
            format: Format::JSON,
        }
    }

    /// Declares that this many sequence numbers just before the first are lost;
    /// fewer than the first.
    #[must_use]
    pub fn with_lost(mut self, lost: u64) -> Self {
        self.lost = lost;
        self
    }

    /// Says when the frame is sealed, to the microsecond: informational, and 1970
    /// where nobody says.
    #[must_use]
    pub fn with_sealed_at(mut self, time: DateTime<Utc>) -> Self {
        self.sealed_at = time.timestamp_micros();
        self
    }

    /// Says what the records are.
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// The field that can't be so with this many records, and where it is.
    pub(super) fn problem(&self, count: u32) -> Option<(&'static str, usize)> {
        if self.stream.0.is_nil() {
            return Some(("stream", at::STREAM));
        }
        if self.first_seq == 0 || self.first_seq.checked_add(u64::from(count)).is_none() {
            return Some(("first_seq", at::FIRST_SEQ));
        }
        if self.lost >= self.first_seq {
            return Some(("lost", at::LOST));
        }
        None
    }
}
