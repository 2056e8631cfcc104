//! [`Record`]: what is sealed. [`RecordRef`]: what is read back.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One record: a payload that the protocol does not look into, and optionally the
/// id and the time of the event it speaks of.
///
/// The id is what a store removes duplicates by, where two machines went on from
/// the same backup. `Debug` shows sizes only.
///
/// ```
/// use ingest_protocol::frame::Record;
///
/// let record = Record::new(r#"{"Operation":"Create"}"#)
///     .with_id("5d0c0000-0000-4000-8000-000000000001".parse()?)
///     .with_time("2026-11-28T12:00:00Z".parse()?);
/// assert_eq!(record.payload().len(), 22);
/// assert!(!format!("{record:?}").contains("Create"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Record {
    payload: Bytes,
    id: Option<Uuid>,
    time: Option<DateTime<Utc>>,
}

impl Record {
    /// A record without id and time.
    #[must_use]
    pub fn new(payload: impl Into<Bytes>) -> Self {
        Self {
            payload: payload.into(),
            id: None,
            time: None,
        }
    }

    /// Gives the event's id. The nil UUID is no id.
    #[must_use]
    pub fn with_id(mut self, id: Uuid) -> Self {
        self.id = Some(id).filter(|id| !id.is_nil());
        self
    }

    /// Gives the event's time, which is kept to the microsecond.
    #[must_use]
    pub fn with_time(mut self, time: DateTime<Utc>) -> Self {
        self.time = DateTime::from_timestamp_micros(time.timestamp_micros());
        self
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The event's id.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        self.id
    }

    /// The event's time.
    #[must_use]
    pub fn time(&self) -> Option<DateTime<Utc>> {
        self.time
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "Record", &self.payload, self.id, self.time)
    }
}

/// A record of an opened [`Frame`](super::Frame), lent from its buffer.
#[derive(Clone, Copy)]
pub struct RecordRef<'a> {
    pub(super) body: &'a Bytes,
    pub(super) payload: &'a [u8],
    pub(super) seq: u64,
    pub(super) id: Option<Uuid>,
    pub(super) time_micros: Option<i64>,
}

impl<'a> RecordRef<'a> {
    /// The record's sequence number in its stream.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The payload, sharing the frame's buffer: nothing is copied, and the buffer
    /// lives as long as this does.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.body.slice_ref(self.payload)
    }

    /// The event's id.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        self.id
    }

    /// The event's time; `None` also for what is out of `chrono`'s range.
    #[must_use]
    pub fn time(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.time_micros?)
    }

    /// The event's time as it is on the wire: microseconds since 1970, UTC.
    #[must_use]
    pub fn time_micros(&self) -> Option<i64> {
        self.time_micros
    }

    /// The record as it was sealed, sharing the frame's buffer.
    #[must_use]
    pub fn to_record(&self) -> Record {
        Record {
            payload: self.to_bytes(),
            id: self.id,
            time: self.time(),
        }
    }
}

impl AsRef<[u8]> for RecordRef<'_> {
    fn as_ref(&self) -> &[u8] {
        self.payload
    }
}

impl fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "RecordRef", self.payload, self.id, self.time())
    }
}

/// A payload is a person's data: its size is all that is shown.
fn debug(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    payload: &[u8],
    id: Option<Uuid>,
    time: Option<DateTime<Utc>>,
) -> fmt::Result {
    f.debug_struct(name)
        .field("bytes", &payload.len())
        .field("id", &id)
        .field("time", &time)
        .finish()
}
