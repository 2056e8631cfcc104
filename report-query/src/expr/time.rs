//! Time: buckets, parts and formats, by the clocks of a zone.

use std::fmt;

use chrono::format::StrftimeItems;
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Offset, Timelike, Utc};

use super::zone::Zone;
use crate::error::{QueryError, Result};

const DAY_SECONDS: i64 = 86_400;

/// A stretch of time that moments are put into: the value is its beginning.
///
/// Buckets follow the calendar of UTC, of a [fixed offset](Bucket::at) from it, or of a
/// [zone](Bucket::in_zone) whose clocks change; a day has 23 or 25 hours there. Weeks begin on Monday (ISO 8601).
///
/// ```
/// use chrono::FixedOffset;
/// use report_query::{Bucket, col};
///
/// let kolkata = FixedOffset::east_opt(5 * 3600 + 1800).ok_or("no offset")?;
/// let day = col("time").bucket(Bucket::DAY.at(kolkata));
/// # let _ = day;
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bucket {
    unit: Unit,
    zone: Zone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

impl Bucket {
    /// From one full minute to the next.
    pub const MINUTE: Self = Self::utc(Unit::Minute);
    /// From one full hour to the next.
    pub const HOUR: Self = Self::utc(Unit::Hour);
    /// From midnight to midnight.
    pub const DAY: Self = Self::utc(Unit::Day);
    /// From Monday to Monday.
    pub const WEEK: Self = Self::utc(Unit::Week);
    /// From the first of a month to the first of the next.
    pub const MONTH: Self = Self::utc(Unit::Month);

    const NAMES: [(&'static str, Unit); 5] = [
        ("minute", Unit::Minute),
        ("hour", Unit::Hour),
        ("day", Unit::Day),
        ("week", Unit::Week),
        ("month", Unit::Month),
    ];

    const fn utc(unit: Unit) -> Self {
        Self {
            unit,
            zone: Zone::UTC,
        }
    }

    /// The same bucket by the clocks of a fixed offset from UTC.
    #[must_use]
    pub const fn at(self, offset: FixedOffset) -> Self {
        self.in_zone(Zone::fixed(offset))
    }

    /// The same bucket by the clocks of a zone.
    #[must_use]
    pub const fn in_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// By which clocks.
    #[must_use]
    pub const fn zone(self) -> Zone {
        self.zone
    }

    /// The name in the JSON form: `day`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, unit)| *unit == self.unit)
            .map_or("", |(name, _)| name)
    }

    /// The bucket of a [name](Bucket::name), UTC.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, unit)| Self::utc(*unit))
    }

    /// The beginning of the bucket that a moment lies in; none beyond the calendar's end.
    #[must_use]
    pub fn start(self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let now = time.timestamp();
        let ahead = self.zone.ahead(now);
        // By the local clock, as if it were UTC.
        let local = now + ahead;
        let start = match self.unit {
            Unit::Minute => self.within_hour(now, floor(local, 60) - ahead),
            Unit::Hour => self.within_hour(now, floor(local, 3600) - ahead),
            Unit::Day => {
                let day = floor(local, DAY_SECONDS);
                self.calendar(now, day, day + DAY_SECONDS)
            }
            Unit::Week => {
                // 1 January 1970 was a Thursday, three days after a Monday.
                let week = floor(local + 3 * DAY_SECONDS, 7 * DAY_SECONDS) - 3 * DAY_SECONDS;
                self.calendar(now, week, week + 7 * DAY_SECONDS)
            }
            Unit::Month => {
                let date = DateTime::<Utc>::from_timestamp(local, 0)?.date_naive();
                let (year, month) = (date.year(), date.month());
                let month_of = |year, month| {
                    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
                    Some(first.and_hms_opt(0, 0, 0)?.and_utc().timestamp())
                };
                let next = month_of(year + i32::from(month == 12), month % 12 + 1);
                self.calendar(now, month_of(year, month)?, next.unwrap_or(i64::MAX / 2))
            }
        };
        DateTime::from_timestamp(start, 0)
    }

    /// The beginning of a bucket that clocks do not change in: if they did, that is it.
    fn within_hour(self, now: i64, start: i64) -> i64 {
        if self.zone.ahead(start) == self.zone.ahead(now) {
            start
        } else {
            self.zone.changed(start, now)
        }
    }

    /// The first moment of a local date, or of the next one if that has been shown before.
    fn calendar(self, now: i64, start: i64, next: i64) -> i64 {
        if let Some(offset) = self.zone.offset() {
            return start - i64::from(offset.local_minus_utc());
        }
        let next = self.zone.first(next);
        if next <= now {
            next
        } else {
            self.zone.first(start)
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if self.zone != Zone::UTC {
            write!(f, " {}", self.zone)?;
        }
        Ok(())
    }
}

fn floor(seconds: i64, step: i64) -> i64 {
    seconds.div_euclid(step) * step
}

/// A part of a moment, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimePart {
    /// The year.
    Year,
    /// The month, 1 to 12.
    Month,
    /// The day of the month, 1 to 31.
    Day,
    /// The day of the week, 1 (Monday) to 7 (Sunday), ISO 8601.
    Weekday,
    /// The hour, 0 to 23.
    Hour,
    /// The minute, 0 to 59.
    Minute,
}

impl TimePart {
    const NAMES: [(&'static str, Self); 6] = [
        ("year", Self::Year),
        ("month", Self::Month),
        ("day", Self::Day),
        ("weekday", Self::Weekday),
        ("hour", Self::Hour),
        ("minute", Self::Minute),
    ];

    /// The name in the JSON form: `hour`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, part)| *part == self)
            .map_or("", |(name, _)| name)
    }

    /// The part of a [name](TimePart::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, part)| *part)
    }

    pub(super) fn of(self, time: DateTime<Utc>, zone: Zone) -> i64 {
        // Not `with_timezone`: at the calendar's end the local time may not exist.
        let local = time.timestamp() + zone.ahead(time.timestamp());
        let local = DateTime::<Utc>::from_timestamp(local, 0).unwrap_or(time);
        match self {
            Self::Year => local.year().into(),
            Self::Month => local.month().into(),
            Self::Day => local.day().into(),
            Self::Weekday => local.weekday().number_from_monday().into(),
            Self::Hour => local.hour().into(),
            Self::Minute => local.minute().into(),
        }
    }
}

/// Checks a pattern before it is used: formatting with a bad one would panic.
pub(super) fn check_pattern(pattern: &str) -> Result<()> {
    StrftimeItems::new(pattern)
        .parse()
        .map(|_| ())
        .map_err(|_| QueryError::argument("not a pattern of times"))
}

/// Reads an offset as `Z` or `+05:30`.
pub(crate) fn parse_offset(text: &str) -> Option<FixedOffset> {
    text.parse()
        .ok()
        .or_else(|| (text == "Z").then_some(Utc.fix()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn start(bucket: Bucket, text: &str) -> String {
        bucket
            .start(at(text))
            .unwrap()
            .to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
    }

    #[test]
    fn buckets_floor_in_utc() {
        let time = "2026-11-24T14:32:05.123Z"; // a Tuesday
        assert_eq!(start(Bucket::MINUTE, time), "2026-11-24T14:32:00Z");
        assert_eq!(start(Bucket::HOUR, time), "2026-11-24T14:00:00Z");
        assert_eq!(start(Bucket::DAY, time), "2026-11-24T00:00:00Z");
        assert_eq!(start(Bucket::WEEK, time), "2026-11-23T00:00:00Z");
        assert_eq!(start(Bucket::MONTH, time), "2026-11-01T00:00:00Z");
    }

    #[test]
    fn weeks_begin_on_monday_across_the_year() {
        assert_eq!(
            start(Bucket::WEEK, "2026-11-22T23:59:59Z"),
            "2026-11-16T00:00:00Z"
        );
        assert_eq!(
            start(Bucket::WEEK, "2026-11-23T00:00:00Z"),
            "2026-11-23T00:00:00Z"
        );
        // 1 January 2027 is a Friday of the week that began in December.
        assert_eq!(
            start(Bucket::WEEK, "2027-01-01T10:00:00Z"),
            "2026-12-28T00:00:00Z"
        );
        assert_eq!(
            start(Bucket::WEEK, "1969-12-31T23:00:00Z"),
            "1969-12-29T00:00:00Z"
        );
    }

    #[test]
    fn months_have_their_own_lengths() {
        assert_eq!(
            start(Bucket::MONTH, "2028-02-29T23:59:59Z"),
            "2028-02-01T00:00:00Z"
        );
        assert_eq!(
            start(Bucket::MONTH, "2026-12-31T23:59:59Z"),
            "2026-12-01T00:00:00Z"
        );
        assert_eq!(
            start(Bucket::MONTH, "1969-12-31T23:59:59.999Z"),
            "1969-12-01T00:00:00Z"
        );
    }

    #[test]
    fn offsets_move_the_borders() {
        let kolkata = parse_offset("+05:30").unwrap();
        // 19:00 UTC is half past midnight of the next day there.
        let time = "2026-10-31T19:00:00Z";
        assert_eq!(
            start(Bucket::HOUR.at(kolkata), time),
            "2026-10-31T18:30:00Z"
        );
        assert_eq!(start(Bucket::DAY.at(kolkata), time), "2026-10-31T18:30:00Z");
        assert_eq!(
            start(Bucket::MONTH.at(kolkata), time),
            "2026-10-31T18:30:00Z"
        );
        let west = parse_offset("-08:00").unwrap();
        assert_eq!(
            start(Bucket::DAY.at(west), "2026-11-01T07:59:59Z"),
            "2026-10-31T08:00:00Z"
        );
        assert_eq!(
            start(Bucket::WEEK.at(west), "2026-11-23T07:00:00Z"),
            "2026-11-16T08:00:00Z"
        );
        assert_eq!(TimePart::Hour.of(at(time), kolkata.into()), 0);
        assert_eq!(
            TimePart::Weekday.of(at("2026-11-22T12:00:00Z"), Zone::UTC),
            7
        );
    }

    #[test]
    fn the_calendars_ends_are_no_panic() {
        for bucket in [Bucket::HOUR, Bucket::WEEK, Bucket::MONTH] {
            let bucket = bucket.at(parse_offset("+14:00").unwrap());
            let _ = bucket.start(DateTime::<Utc>::MIN_UTC);
            let _ = bucket.start(DateTime::<Utc>::MAX_UTC);
        }
        let offset = parse_offset("+14:00").unwrap();
        let _ = Zone::fixed(offset).format(DateTime::<Utc>::MAX_UTC, "%Y-%m-%d");
        let _ = TimePart::Year.of(DateTime::<Utc>::MAX_UTC, offset.into());
    }

    #[test]
    fn patterns_are_checked() {
        assert!(check_pattern("%Y-%m-%d %H:%M").is_ok());
        assert!(check_pattern("%Q").is_err());
        let time = at("2026-11-24T14:32:05Z");
        assert_eq!(
            Zone::fixed(parse_offset("+01:00").unwrap()).format(time, "%d.%m. %H:%M"),
            "24.11. 15:32"
        );
    }

    #[test]
    fn names_go_there_and_back() {
        for (name, _) in Bucket::NAMES {
            assert_eq!(Bucket::from_name(name).unwrap().name(), name);
        }
        for (name, part) in TimePart::NAMES {
            assert_eq!((TimePart::from_name(name), part.name()), (Some(part), name));
        }
    }
}
