//! Zones: by which clocks a moment has an hour and a day.

use std::fmt;

use chrono::{DateTime, FixedOffset, Utc};

use crate::error::{QueryError, Result};

/// By which clocks a moment has an hour and a day: those of UTC, of a fixed offset
/// from it, or (feature `tz`) of a zone of the IANA time zone database.
///
/// The [semantics](crate::semantics#time) say what a bucket is where clocks change.
///
/// ```
/// use report_query::{Bucket, Zone, col};
///
/// // An error without the feature `tz`.
/// let berlin = Zone::named("Europe/Berlin").unwrap_or(Zone::UTC);
/// let day = col("time").bucket(Bucket::DAY.in_zone(berlin));
/// # let _ = day;
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(Clocks);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Clocks {
    Fixed(FixedOffset),
    Named(database::Named),
}

/// No offset.
const NO_OFFSET: FixedOffset = match FixedOffset::east_opt(0) {
    Some(offset) => offset,
    None => panic!("zero is an offset"),
};

impl Zone {
    /// No offset.
    pub const UTC: Self = Self::fixed(NO_OFFSET);

    /// A fixed offset from UTC.
    #[must_use]
    pub const fn fixed(offset: FixedOffset) -> Self {
        Self(Clocks::Fixed(offset))
    }

    /// The zone of a name of the IANA time zone database, as written there:
    /// `Europe/Berlin`. `UTC` is known without the feature too.
    ///
    /// # Errors
    ///
    /// [`UnknownZone`](crate::QueryErrorKind::UnknownZone), and
    /// [`NoZones`](crate::QueryErrorKind::NoZones) without the feature `tz`.
    pub fn named(name: &str) -> Result<Self> {
        if name == "UTC" {
            return Ok(Self::UTC);
        }
        database::named(name)
            .map(|zone| Self(Clocks::Named(zone)))
            .map_err(QueryError::new)
    }

    /// The offset, if it is fixed.
    #[must_use]
    pub const fn offset(self) -> Option<FixedOffset> {
        match self.0 {
            Clocks::Fixed(offset) => Some(offset),
            Clocks::Named(_) => None,
        }
    }

    /// Seconds that the clocks are ahead of UTC at a moment, given in seconds.
    pub(super) fn ahead(self, seconds: i64) -> i64 {
        match self.0 {
            Clocks::Fixed(offset) => offset.local_minus_utc().into(),
            Clocks::Named(zone) => database::ahead(zone, seconds),
        }
    }

    /// The first moment at which the clocks show this time, or a later one where they
    /// jump over it.
    pub(super) fn first(self, local: i64) -> i64 {
        /// No clock is further from UTC, nor changes twice in that time.
        const MOST: i64 = 16 * 3600;

        let (before, after) = (self.ahead(local - MOST), self.ahead(local + MOST));
        let shows = |ahead: i64| {
            let moment = local - ahead;
            (self.ahead(moment) == ahead).then_some(moment)
        };
        match (shows(before), shows(after)) {
            (Some(a), Some(b)) => a.min(b),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => self.changed(local - MOST, local + MOST),
        }
    }

    /// The moment after one, at most another, since which the clocks are as they are
    /// at the latter.
    pub(super) fn changed(self, mut before: i64, mut after: i64) -> i64 {
        let ahead = self.ahead(after);
        while after - before > 1 {
            let middle = before.midpoint(after);
            if self.ahead(middle) == ahead {
                after = middle;
            } else {
                before = middle;
            }
        }
        after
    }

    /// A moment in a pattern that was checked.
    pub(super) fn format(self, time: DateTime<Utc>, pattern: &str) -> String {
        use std::fmt::Write;

        let mut text = String::new();
        let ahead = i32::try_from(self.ahead(time.timestamp())).unwrap_or_default();
        let offset = FixedOffset::east_opt(ahead).unwrap_or(NO_OFFSET);
        // At the calendar's end the local time may not exist.
        let exists = time.naive_utc().checked_add_offset(offset).is_some();
        let written = match self.0 {
            _ if !exists => write!(text, "{}", time.format(pattern)),
            Clocks::Fixed(offset) => {
                write!(text, "{}", time.with_timezone(&offset).format(pattern))
            }
            Clocks::Named(zone) => database::write(zone, time, pattern, &mut text),
        };
        if written.is_err() {
            text.clear();
        }
        text
    }
}

impl From<FixedOffset> for Zone {
    fn from(offset: FixedOffset) -> Self {
        Self::fixed(offset)
    }
}

/// The name, or the offset.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Clocks::Fixed(offset) => offset.fmt(f),
            Clocks::Named(zone) => f.pad(database::name(zone)),
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The time zone database.
#[cfg(feature = "tz")]
mod database {
    use std::fmt::{Result as Written, Write};

    use chrono::{DateTime, Offset, TimeZone, Utc};

    use crate::error::QueryErrorKind;

    pub(super) type Named = chrono_tz::Tz;

    pub(super) fn named(name: &str) -> Result<Named, QueryErrorKind> {
        name.parse().map_err(|_| QueryErrorKind::UnknownZone {
            name: name.chars().take(60).collect(),
        })
    }

    pub(super) fn name(zone: Named) -> &'static str {
        zone.name()
    }

    pub(super) fn ahead(zone: Named, seconds: i64) -> i64 {
        let time = DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default();
        let offset = zone.offset_from_utc_datetime(&time.naive_utc());
        offset.fix().local_minus_utc().into()
    }

    pub(super) fn write(
        zone: Named,
        time: DateTime<Utc>,
        pattern: &str,
        text: &mut String,
    ) -> Written {
        write!(text, "{}", time.with_timezone(&zone).format(pattern))
    }
}

/// No database: there is no zone that has a name.
#[cfg(not(feature = "tz"))]
mod database {
    use std::fmt::Result as Written;

    use chrono::{DateTime, Utc};

    use crate::error::QueryErrorKind;

    pub(super) type Named = std::convert::Infallible;

    pub(super) fn named(_: &str) -> Result<Named, QueryErrorKind> {
        Err(QueryErrorKind::NoZones)
    }

    pub(super) fn name(zone: Named) -> &'static str {
        match zone {}
    }

    pub(super) fn ahead(zone: Named, _: i64) -> i64 {
        match zone {}
    }

    pub(super) fn write(zone: Named, _: DateTime<Utc>, _: &str, _: &mut String) -> Written {
        match zone {}
    }
}
