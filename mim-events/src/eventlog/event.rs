//! One event of a log: lent by a reader, or owned.

use chrono::{DateTime, Utc};

use super::data::Data;
pub(crate) use super::data::EventData;
use super::datum::DataValue;
use super::value::STRING;
use crate::text::Utf16;

/// The event id under which MIM logs a whole request.
pub const REQUEST: u32 = 4121;
/// The event id under which MIM logs one part of a request that is too long for one event.
pub const REQUEST_PART: u32 = 4137;
/// The provider (event source) of MIM's requests.
pub const MIM_PROVIDER: &str = "Microsoft.IdentityManagement.Service";
/// The channel (event log) of MIM's requests.
pub const MIM_CHANNEL: &str = "Identity Manager Request Log";

/// Which reader read an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lane {
    /// This crate's own BinXML walker.
    Own,
    /// The `evtx` crate.
    Evtx,
    /// No reader: the program made the event.
    Program,
}

/// One event, lent by a [`LogReader`](crate::eventlog::LogReader) or an [`OwnedLogEvent`].
///
/// The values of the event data are lent as they are in the log: strings as undecoded UTF-16. Provider, channel,
/// computer and user are decoded: they repeat from record to record, so a
/// reader resolves each of them once.
#[derive(Clone, Copy)]
pub struct LogEvent<'a> {
    pub(crate) head: &'a Head,
    pub(crate) bytes: &'a [u8],
    pub(crate) data: EventData<'a>,
    pub(crate) binary: Option<(u32, u32)>,
    /// Where the record lies in the chunk that `bytes` begins with.
    #[cfg(feature = "eventlog")]
    pub(crate) record: Option<(u32, u32)>,
}

/// A time; as it stands in the log until someone asks for it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Moment {
    #[default]
    None,
    /// FILETIME.
    #[cfg(feature = "eventlog")]
    Ticks(u64),
    At(DateTime<Utc>),
}

impl Moment {
    pub(crate) fn get(self) -> Option<DateTime<Utc>> {
        match self {
            Self::None => None,
            #[cfg(feature = "eventlog")]
            Self::Ticks(ticks) => crate::time::from_filetime(ticks),
            Self::At(time) => Some(time),
        }
    }

    /// 100 ns since 1601; `None` before that, too.
    pub(crate) fn filetime(self) -> Option<u64> {
        match self {
            Self::None => None,
            #[cfg(feature = "eventlog")]
            Self::Ticks(ticks) => Some(ticks),
            Self::At(time) => crate::time::to_filetime(time),
        }
    }
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Moment {}

/// What an event says besides its data.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) record_id: u64,
    pub(crate) header_id: u64,
    pub(crate) written: Moment,
    pub(crate) created: Moment,
    pub(crate) provider: String,
    pub(crate) event_id: u32,
    pub(crate) qualifiers: Option<u16>,
    pub(crate) level: Option<u8>,
    pub(crate) channel: String,
    pub(crate) computer: String,
    pub(crate) user: Option<String>,
    pub(crate) offset: u64,
    pub(crate) lane: Lane,
}

/// Byte ranges of one name (UTF-16LE) and value in an event's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) name: Option<(u32, u32)>,
    /// The value's type.
    pub(crate) kind: u8,
    pub(crate) value: (u32, u32),
}

impl Default for Head {
    fn default() -> Self {
        Self {
            record_id: 0,
            header_id: 0,
            written: Moment::None,
            created: Moment::None,
            provider: String::new(),
            event_id: 0,
            qualifiers: None,
            level: None,
            channel: String::new(),
            computer: String::new(),
            user: None,
            offset: 0,
            lane: Lane::Program,
        }
    }
}

impl<'a> LogEvent<'a> {
    /// `EventRecordID`: the event's number in the log that it was written to.
    /// An exported log keeps it.
    #[must_use]
    #[inline]
    pub fn record_id(&self) -> u64 {
        self.head.record_id
    }

    /// The number in the record's header. Exported logs count from 1 here.
    #[must_use]
    #[inline]
    pub fn header_id(&self) -> u64 {
        self.head.header_id
    }

    /// When the record was written to the file, by its header (100 ns).
    #[must_use]
    #[inline]
    pub fn written(&self) -> Option<DateTime<Utc>> {
        self.head.written.get()
    }

    /// `TimeCreated`: when the event happened (100 ns).
    #[must_use]
    #[inline]
    pub fn created(&self) -> Option<DateTime<Utc>> {
        self.head.created.get()
    }

    /// The same as [`created`](Self::created) in FILETIME: 100 ns since 1601,
    /// which takes no calendar to compare or to add.
    ///
    /// ```
    /// use mim_events::eventlog::{MIM_PROVIDER, OwnedLogEvent, REQUEST};
    ///
    /// # fn main() -> Result<(), chrono::ParseError> {
    /// let event = OwnedLogEvent::new(MIM_PROVIDER, REQUEST);
    /// assert_eq!(event.as_event().created_filetime(), None);
    /// let event = event.created("2026-03-02T00:00:00Z".parse()?);
    /// assert_eq!(event.as_event().created_filetime(), Some(134_168_832_000_000_000));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[inline]
    pub fn created_filetime(&self) -> Option<u64> {
        self.head.created.filetime()
    }

    /// The provider's name (the event source of classic events).
    #[must_use]
    #[inline]
    pub fn provider(&self) -> &'a str {
        &self.head.provider
    }

    /// The event id, without qualifiers.
    #[must_use]
    #[inline]
    pub fn event_id(&self) -> u32 {
        self.head.event_id
    }

    /// The upper half of a classic event's full id.
    #[must_use]
    #[inline]
    pub fn qualifiers(&self) -> Option<u16> {
        self.head.qualifiers
    }

    /// The level: 0 log always, 1 critical, 2 error, 3 warning, 4 information, 5 verbose.
    #[must_use]
    #[inline]
    pub fn level(&self) -> Option<u8> {
        self.head.level
    }

    /// The channel (the log's name).
    #[must_use]
    #[inline]
    pub fn channel(&self) -> &'a str {
        &self.head.channel
    }

    /// The computer's name.
    #[must_use]
    #[inline]
    pub fn computer(&self) -> &'a str {
        &self.head.computer
    }

    /// The SID of the user the event is about, as `S-1-...`.
    #[must_use]
    #[inline]
    pub fn user(&self) -> Option<&'a str> {
        self.head.user.as_deref()
    }

    /// Bytes from the beginning of the file to the record; 0 where there is no file.
    #[must_use]
    #[inline]
    pub fn offset(&self) -> u64 {
        self.head.offset
    }

    /// Which reader read the event.
    #[must_use]
    #[inline]
    pub fn lane(&self) -> Lane {
        self.head.lane
    }

    /// The values of the event data, in order.
    #[must_use]
    #[inline]
    pub fn data(&self) -> Data<'a> {
        Data::new(self.bytes, self.data)
    }

    /// A classic event's `Binary`, which may be empty; `None` if it has none.
    #[must_use]
    #[inline]
    pub fn binary(&self) -> Option<&'a [u8]> {
        let (start, end) = self.binary?;
        self.bytes.get(start as usize..end as usize)
    }

    /// A copy that outlives the reader's buffers.
    #[must_use]
    pub fn to_owned_event(&self) -> OwnedLogEvent {
        let mut owned = OwnedLogEvent {
            head: self.head.clone(),
            bytes: Vec::new(),
            items: Vec::new(),
            binary: None,
        };
        for datum in self.data() {
            owned.push_value(datum.name, datum.value);
        }
        owned.set_binary(self.binary());
        owned
    }
}

/// The head and the number of values: event data holds people's data.
impl std::fmt::Debug for LogEvent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogEvent")
            .field("record_id", &self.head.record_id)
            .field("created", &self.created())
            .field("provider", &self.head.provider)
            .field("event_id", &self.head.event_id)
            .field("values", &self.data().count())
            .finish_non_exhaustive()
    }
}

/// An event that owns its strings: kept from a reader, or made by a program to
/// be written with [`LogWriter`](crate::eventlog::LogWriter).
///
/// ```
/// use mim_events::eventlog::{MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST};
///
/// let event = OwnedLogEvent::new(MIM_PROVIDER, REQUEST)
///     .channel(MIM_CHANNEL)
///     .computer("mim.example.test")
///     .record_id(7)
///     .data(r#"{"Operation":"Create"}"#);
/// assert_eq!(event.as_event().data().count(), 1);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedLogEvent {
    pub(crate) head: Head,
    pub(crate) bytes: Vec<u8>,
    pub(crate) items: Vec<Item>,
    pub(crate) binary: Option<(u32, u32)>,
}

impl OwnedLogEvent {
    /// A classic event of a provider and event id, level 4 (information) and
    /// qualifiers 0, with nothing else set.
    #[must_use]
    pub fn new(provider: impl Into<String>, event_id: u32) -> Self {
        let head = Head {
            provider: provider.into(),
            event_id,
            level: Some(4),
            qualifiers: Some(0),
            ..Head::default()
        };
        Self {
            head,
            bytes: Vec::new(),
            items: Vec::new(),
            binary: None,
        }
    }

    /// Sets the channel.
    #[must_use]
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.head.channel = channel.into();
        self
    }

    /// Sets the computer's name.
    #[must_use]
    pub fn computer(mut self, computer: impl Into<String>) -> Self {
        self.head.computer = computer.into();
        self
    }

    /// Sets `EventRecordID` (and the header's number, which is the same in a log that was not exported).
    #[must_use]
    pub fn record_id(mut self, record_id: u64) -> Self {
        self.head.record_id = record_id;
        self.head.header_id = record_id;
        self
    }

    /// Sets when the event happened, and when it was written where that is not set.
    #[must_use]
    pub fn created(mut self, created: DateTime<Utc>) -> Self {
        self.head.created = Moment::At(created);
        if self.head.written == Moment::None {
            self.head.written = Moment::At(created);
        }
        self
    }

    /// Sets when the record was written.
    #[must_use]
    pub fn written(mut self, written: DateTime<Utc>) -> Self {
        self.head.written = Moment::At(written);
        self
    }

    /// Sets the level.
    #[must_use]
    pub fn level(mut self, level: u8) -> Self {
        self.head.level = Some(level);
        self
    }

    /// Sets the upper half of a classic event's full id; other events have none.
    #[must_use]
    pub fn qualifiers(mut self, qualifiers: Option<u16>) -> Self {
        self.head.qualifiers = qualifiers;
        self
    }

    /// Sets the user's SID, as `S-1-...`.
    #[must_use]
    pub fn user(mut self, sid: impl Into<String>) -> Self {
        self.head.user = Some(sid.into());
        self
    }

    /// Adds a value without a name.
    #[must_use]
    pub fn data(mut self, value: impl AsRef<str>) -> Self {
        let bytes: Vec<u8> = value
            .as_ref()
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        self.push(None, Utf16::from_le_bytes(&bytes));
        self
    }

    /// Adds a value of UTF-16 code units, which need not be well-formed.
    #[must_use]
    pub fn data_utf16(mut self, value: Utf16<'_>) -> Self {
        self.push(None, value);
        self
    }

    /// Adds a named value.
    #[must_use]
    pub fn named_data(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name: Vec<u8> = name
            .as_ref()
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let value: Vec<u8> = value
            .as_ref()
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        self.push(
            Some(Utf16::from_le_bytes(&name)),
            Utf16::from_le_bytes(&value),
        );
        self
    }

    pub(crate) fn push(&mut self, name: Option<Utf16<'_>>, value: Utf16<'_>) {
        let value = DataValue {
            kind: STRING,
            bytes: value.as_le_bytes(),
        };
        self.push_value(name, value);
    }

    fn push_value(&mut self, name: Option<Utf16<'_>>, value: DataValue<'_>) {
        let mut append = |bytes: &[u8]| {
            let start = self.bytes.len() as u32;
            self.bytes.extend_from_slice(bytes);
            (start, self.bytes.len() as u32)
        };
        let item = Item {
            name: name.map(|name| append(name.as_le_bytes())),
            kind: value.kind,
            value: append(value.bytes),
        };
        self.items.push(item);
    }

    /// Sets the bytes that a classic event holds besides its strings.
    #[must_use]
    pub fn binary(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.set_binary(Some(bytes.as_ref()));
        self
    }

    pub(crate) fn set_binary(&mut self, bytes: Option<&[u8]>) {
        self.binary = bytes.map(|bytes| {
            let start = self.bytes.len() as u32;
            self.bytes.extend_from_slice(bytes);
            (start, self.bytes.len() as u32)
        });
    }

    /// Lends the event.
    #[must_use]
    pub fn as_event(&self) -> LogEvent<'_> {
        LogEvent {
            head: &self.head,
            bytes: &self.bytes,
            data: EventData::Items(&self.items),
            binary: self.binary,
            #[cfg(feature = "eventlog")]
            record: None,
        }
    }
}

impl std::fmt::Debug for OwnedLogEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_event().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_values() {
        let event = OwnedLogEvent::new("P", 1)
            .data("secret")
            .named_data("Name", "secret too");
        let shown = format!("{event:?} {:?}", event.as_event().data().next());
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(event.as_event().to_owned_event(), event);
    }
}
