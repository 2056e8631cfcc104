//! Which events a reader gives.

use std::ops::{Bound, RangeBounds};

use chrono::{DateTime, Utc};

use super::event::{MIM_PROVIDER, REQUEST, REQUEST_PART};
use crate::text::Utf16;

/// Which events a [`LogReader`](crate::eventlog::LogReader) gives: all
/// conditions that are set must hold.
///
/// A record that is filtered out is left before its strings are decoded, and
/// [`ReadSummary`](crate::eventlog::ReadSummary) counts it under the first condition that
/// failed. A record that is damaged where the filter looks is reported whatever
/// the filter says: what it held is not known.
///
/// ```
/// use mim_events::eventlog::LogFilter;
/// # fn day(text: &str) -> Result<chrono::DateTime<chrono::Utc>, chrono::ParseError> {
/// #     Ok(chrono::DateTime::parse_from_rfc3339(text)?.to_utc())
/// # }
///
/// // MIM's requests of one day, after record 4711.
/// let filter = LogFilter::requests()
///     .created(day("2026-03-02T00:00:00Z")?..day("2026-03-03T00:00:00Z")?)
///     .after_record(4711);
/// # let _ = filter;
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    providers: Vec<String>,
    channels: Vec<String>,
    event_ids: Option<Vec<u32>>,
    created: Option<Limits<DateTime<Utc>>>,
    written: Option<Limits<DateTime<Utc>>>,
    record_ids: Option<Limits<u64>>,
    header_ids: Option<Limits<u64>>,
}

/// Which condition failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    HeaderId,
    Written,
    RecordId,
    EventId,
    Created,
    Provider,
    Channel,
}

/// What the conditions are tested on, before anything is decoded.
pub(crate) trait Facts {
    fn record_id(&self) -> u64;
    fn event_id(&self) -> u32;
    fn created(&self) -> Option<DateTime<Utc>>;
    fn provider_is(&self, name: &str) -> bool;
    fn channel_is(&self, name: &str) -> bool;
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Limits<T>(Bound<T>, Bound<T>);

impl<T: PartialOrd + Clone> Limits<T> {
    fn new(range: &impl RangeBounds<T>) -> Self {
        Self(range.start_bound().cloned(), range.end_bound().cloned())
    }

    fn contains(&self, value: &T) -> bool {
        (self.0.as_ref(), self.1.as_ref()).contains(value)
    }

    /// Whether none of the values from `first` to `last` is in it.
    fn misses(&self, first: &T, last: &T) -> bool {
        let above = match &self.0 {
            Bound::Included(from) => last < from,
            Bound::Excluded(from) => last <= from,
            Bound::Unbounded => false,
        };
        let below = match &self.1 {
            Bound::Included(to) => first > to,
            Bound::Excluded(to) => first >= to,
            Bound::Unbounded => false,
        };
        above || below
    }
}

impl LogFilter {
    /// Every event; the same as `default()`.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// MIM's requests: provider [`MIM_PROVIDER`], events [`REQUEST`] and
    /// [`REQUEST_PART`], in whatever channel: exports and collectors rename it.
    #[must_use]
    pub fn requests() -> Self {
        Self::all()
            .provider(MIM_PROVIDER)
            .event_ids([REQUEST, REQUEST_PART])
    }

    /// Only events of this provider. Called again, of either. ASCII letters
    /// match in either case.
    #[must_use]
    pub fn provider(mut self, name: impl Into<String>) -> Self {
        self.providers.push(name.into());
        self
    }

    /// Only events of this channel. Called again, of either. ASCII letters
    /// match in either case.
    #[must_use]
    pub fn channel(mut self, name: impl Into<String>) -> Self {
        self.channels.push(name.into());
        self
    }

    /// Only events with these ids, without qualifiers. Replaces what was set.
    #[must_use]
    pub fn event_ids(mut self, ids: impl IntoIterator<Item = u32>) -> Self {
        self.event_ids = Some(ids.into_iter().collect());
        self
    }

    /// Only events whose `TimeCreated` lies in the range; `from..to` is
    /// half-open. Events without a time are left out.
    #[must_use]
    pub fn created(mut self, range: impl RangeBounds<DateTime<Utc>>) -> Self {
        self.created = Some(Limits::new(&range));
        self
    }

    /// Only records that were written to the file in the range, by the
    /// record's header. An exported log has other times here than in
    /// `TimeCreated`; to select by when things happened use
    /// [`created`](Self::created).
    #[must_use]
    pub fn written(mut self, range: impl RangeBounds<DateTime<Utc>>) -> Self {
        self.written = Some(Limits::new(&range));
        self
    }

    /// Only events whose `EventRecordID` lies in the range.
    ///
    /// It is tested on each event and spares no chunk, for in a log that was exported the
    /// chunks' headers tell of other numbers ([`header_ids`](Self::header_ids)).
    #[must_use]
    pub fn record_ids(mut self, range: impl RangeBounds<u64>) -> Self {
        self.record_ids = Some(Limits::new(&range));
        self
    }

    /// Only events whose `EventRecordID` is greater than this one.
    #[must_use]
    pub fn after_record(self, id: u64) -> Self {
        self.record_ids((Bound::Excluded(id), Bound::Unbounded))
    }

    /// Only records whose number in the header lies in the range: the same as
    /// `EventRecordID` in a log as Windows keeps it, and counted from 1 in an
    /// exported one.
    ///
    /// Chunks whose header says that they hold none of these are not read;
    /// [`ReadSummary::chunks_filtered`](crate::eventlog::ReadSummary::chunks_filtered)
    /// counts them, and their records are counted as filtered out.
    ///
    /// ```
    /// use mim_events::eventlog::LogFilter;
    ///
    /// let filter = LogFilter::requests().header_ids(4000..=4999);
    /// # let _ = filter;
    /// ```
    #[must_use]
    pub fn header_ids(mut self, range: impl RangeBounds<u64>) -> Self {
        self.header_ids = Some(Limits::new(&range));
        self
    }

    /// Whether chunks may be left out for what their headers say.
    pub(crate) fn tests_header_ids(&self) -> bool {
        self.header_ids.is_some()
    }

    /// Whether all records with header numbers from `first` to `last` are left out.
    pub(crate) fn rejects_chunk(&self, first: u64, last: u64) -> bool {
        let limits = self.header_ids.as_ref();
        limits.is_some_and(|limits| limits.misses(&first, &last))
    }

    pub(crate) fn rejects_frame(
        &self,
        header_id: u64,
        written: impl FnOnce() -> Option<DateTime<Utc>>,
    ) -> Option<Reason> {
        if rejects(self.header_ids.as_ref(), || Some(header_id)) {
            Some(Reason::HeaderId)
        } else {
            rejects(self.written.as_ref(), written).then_some(Reason::Written)
        }
    }

    /// What names alone say; `None` for one that is not known.
    pub(crate) fn rejects_names(
        &self,
        provider: Option<Utf16<'_>>,
        channel: Option<Utf16<'_>>,
    ) -> Option<Reason> {
        let unwanted = |names: &[String], text: Option<Utf16<'_>>| {
            !names.is_empty()
                && text.is_some_and(|text| !names.iter().any(|name| matches(text, name)))
        };
        if unwanted(&self.providers, provider) {
            Some(Reason::Provider)
        } else if unwanted(&self.channels, channel) {
            Some(Reason::Channel)
        } else {
            None
        }
    }

    /// Names first: a template says them for all its events.
    pub(crate) fn rejects(&self, facts: &impl Facts) -> Option<Reason> {
        if !self.providers.is_empty() && !self.providers.iter().any(|name| facts.provider_is(name))
        {
            Some(Reason::Provider)
        } else if !self.channels.is_empty()
            && !self.channels.iter().any(|name| facts.channel_is(name))
        {
            Some(Reason::Channel)
        } else if rejects(self.record_ids.as_ref(), || Some(facts.record_id())) {
            Some(Reason::RecordId)
        } else if self
            .event_ids
            .as_ref()
            .is_some_and(|ids| !ids.contains(&facts.event_id()))
        {
            Some(Reason::EventId)
        } else if rejects(self.created.as_ref(), || facts.created()) {
            Some(Reason::Created)
        } else {
            None
        }
    }
}

fn rejects<T: PartialOrd + Clone>(
    limits: Option<&Limits<T>>,
    value: impl FnOnce() -> Option<T>,
) -> bool {
    limits.is_some_and(|limits| !value().is_some_and(|value| limits.contains(&value)))
}

/// Whether the text is the name, ASCII letters in either case.
pub(crate) fn matches(text: Utf16<'_>, name: &str) -> bool {
    let fold = |unit: u16| match u8::try_from(unit) {
        Ok(byte) => u16::from(byte.to_ascii_lowercase()),
        Err(_) => unit,
    };
    text.units().map(fold).eq(name.encode_utf16().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Event(u64, u32, i64);

    impl Facts for Event {
        fn record_id(&self) -> u64 {
            self.0
        }
        fn event_id(&self) -> u32 {
            self.1
        }
        fn created(&self) -> Option<DateTime<Utc>> {
            DateTime::from_timestamp(self.2, 0)
        }
        fn provider_is(&self, name: &str) -> bool {
            name == MIM_PROVIDER
        }
        fn channel_is(&self, name: &str) -> bool {
            name == "C"
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn all_conditions_must_hold() {
        let event = Event(7, REQUEST, 100);
        let reason = |filter: LogFilter| filter.rejects(&event);
        assert_eq!(reason(LogFilter::all()), None);
        assert_eq!(reason(LogFilter::requests()), None);
        assert_eq!(
            reason(LogFilter::all().provider("P").provider(MIM_PROVIDER)),
            None
        );
        assert_eq!(
            reason(LogFilter::all().provider("P")),
            Some(Reason::Provider)
        );
        assert_eq!(reason(LogFilter::all().channel("D")), Some(Reason::Channel));
        assert_eq!(
            reason(LogFilter::all().event_ids([1])),
            Some(Reason::EventId)
        );
        assert_eq!(
            reason(LogFilter::all().event_ids([])),
            Some(Reason::EventId)
        );
        assert_eq!(reason(LogFilter::all().after_record(6)), None);
        assert_eq!(
            reason(LogFilter::all().after_record(7)),
            Some(Reason::RecordId)
        );
        assert_eq!(reason(LogFilter::all().record_ids(7..=7)), None);
    }

    #[test]
    fn time_ranges_are_half_open() {
        let event = Event(7, REQUEST, 100);
        let reason = |filter: LogFilter| filter.rejects(&event);
        assert_eq!(reason(LogFilter::all().created(at(100)..at(101))), None);
        assert_eq!(
            reason(LogFilter::all().created(at(99)..at(100))),
            Some(Reason::Created)
        );
        assert_eq!(reason(LogFilter::all().created(at(100)..)), None);
        let written = LogFilter::all().written(at(100)..at(101));
        assert_eq!(written.rejects_frame(7, || Some(at(100))), None);
        assert_eq!(written.rejects_frame(7, || None), Some(Reason::Written));
        assert_eq!(written.rejects(&event), None);
    }

    #[test]
    fn header_numbers_leave_out_records_and_whole_chunks() {
        let filter = LogFilter::all().header_ids(10..20);
        assert_eq!(filter.rejects_frame(10, || None), None);
        assert_eq!(filter.rejects_frame(20, || None), Some(Reason::HeaderId));
        assert_eq!(filter.rejects(&Event(7, REQUEST, 100)), None);
        assert!(filter.rejects_chunk(1, 9) && filter.rejects_chunk(20, u64::MAX));
        assert!(!filter.rejects_chunk(1, 10) && !filter.rejects_chunk(19, 30));
        assert!(!filter.rejects_chunk(12, 12) && !filter.rejects_chunk(0, u64::MAX));
        let after = LogFilter::all().header_ids((Bound::Excluded(9), Bound::Unbounded));
        assert!(after.rejects_chunk(1, 9) && !after.rejects_chunk(1, 10));
        assert!(!LogFilter::all().rejects_chunk(1, 9));
    }

    #[test]
    fn names_match_in_either_case() {
        let bytes: Vec<u8> = "Zoë Log"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(matches(Utf16::from_le_bytes(&bytes), "zoë LOG"));
        assert!(!matches(Utf16::from_le_bytes(&bytes), "Zoe Log"));
        assert!(!matches(Utf16::from_le_bytes(&bytes), "Zoë Lo"));
    }
}
