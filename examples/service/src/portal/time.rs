//! Moments and days in the reader's zone.

use chrono::{
    DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset,
    SecondsFormat, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;
use maud::{Markup, html};

use super::numbers::duration;

/// The zone in which a page is drawn, and the moment that it is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    pub zone: Tz,
    pub now: DateTime<Utc>,
}

/// The head of a column of times: their offset; or where clocks were changed between them the zone, and
/// then each time has its own offset beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeHead {
    pub label: String,
    pub each: bool,
}

impl TimeHead {
    /// The label for a narrow column: it may be broken between region and place.
    pub fn zone(&self) -> Markup {
        html! {
            @for (index, part) in self.label.split('/').enumerate() {
                @if index > 0 { "/" wbr; }
                (part)
            }
        }
    }
}

impl Clock {
    pub fn local(&self, time: DateTime<Utc>) -> DateTime<Tz> {
        time.with_timezone(&self.zone)
    }

    pub fn date(&self, time: DateTime<Utc>) -> NaiveDate {
        self.local(time).date_naive()
    }

    pub fn today(&self) -> NaiveDate {
        self.date(self.now)
    }

    /// The first moment of a day: where clocks are put forward at midnight, the moment after.
    pub fn start(&self, date: NaiveDate) -> DateTime<Utc> {
        self.at(date.and_time(NaiveTime::MIN))
    }

    /// The first moment of the day after.
    pub fn end(&self, date: NaiveDate) -> DateTime<Utc> {
        self.start(date.checked_add_days(Days::new(1)).unwrap_or(date))
    }

    /// The moment of a reading of the clock: the earlier of two, and what follows a gap.
    pub fn at(&self, local: NaiveDateTime) -> DateTime<Utc> {
        // No zone skips more than a day.
        let quarters = (0..=96).map(|quarter| local + TimeDelta::minutes(15 * quarter));
        quarters
            .filter_map(|local| self.zone.from_local_datetime(&local).earliest())
            .next()
            .map_or_else(|| local.and_utc(), |time| time.to_utc())
    }

    pub fn offset(&self, time: DateTime<Utc>) -> FixedOffset {
        self.local(time).offset().fix()
    }

    /// The zone as queries know it.
    pub fn clocks(&self) -> report_query::Zone {
        report_query::Zone::named(self.zone.name())
            .unwrap_or_else(|_| unreachable!("both know the zones of one database"))
    }

    /// `+01:00`; `UTC` of no offset in that zone.
    pub fn offset_label(&self, time: DateTime<Utc>) -> String {
        if self.zone == Tz::UTC {
            return "UTC".to_owned();
        }
        self.local(time).format("%:z").to_string()
    }

    /// What the head of a column says of its times. Of none, the offset of now.
    pub fn head(&self, times: impl IntoIterator<Item = DateTime<Utc>>) -> TimeHead {
        let mut times = times.into_iter();
        let first = times.next().unwrap_or(self.now);
        let offset = self.offset(first);
        match times.all(|time| self.offset(time) == offset) {
            true => TimeHead {
                label: self.offset_label(first),
                each: false,
            },
            false => TimeHead {
                label: self.zone_label(),
                each: true,
            },
        }
    }

    /// The zone's name for people: `Europe/Berlin`, `America/New York`.
    pub fn zone_label(&self) -> String {
        self.zone.name().replace('_', " ")
    }

    /// `14:31:27`.
    pub fn time_of_day(&self, time: DateTime<Utc>) -> String {
        self.local(time).format("%H:%M:%S").to_string()
    }

    /// `Tue 24 Nov`, with the year when it is not this one.
    pub fn day(&self, date: NaiveDate) -> String {
        let pattern = if date.year() == self.today().year() {
            "%a %-d %b"
        } else {
            "%a %-d %b %Y"
        };
        date.format(pattern).to_string()
    }

    /// `24 Nov`, with the year when it is not this one.
    pub fn short_day(&self, date: NaiveDate) -> String {
        let pattern = if date.year() == self.today().year() {
            "%-d %b"
        } else {
            "%-d %b %Y"
        };
        date.format(pattern).to_string()
    }

    /// `Today, Tuesday, 24 November`.
    pub fn day_head(&self, date: NaiveDate) -> String {
        let long = date.format("%A, %-d %B").to_string();
        match (self.today() - date).num_days() {
            0 => format!("Today, {long}"),
            1 => format!("Yesterday, {long}"),
            _ if date.year() == self.today().year() => long,
            _ => date.format("%A, %-d %B %Y").to_string(),
        }
    }

    /// `Fri 20 Nov, 09:14:22`.
    pub fn moment(&self, time: DateTime<Utc>) -> String {
        format!("{}, {}", self.day(self.date(time)), self.time_of_day(time))
    }

    /// The whole truth: date, seconds, offset and zone.
    pub fn full(&self, time: DateTime<Utc>) -> String {
        let local = self.local(time);
        format!(
            "{} ({})",
            local.format("%A, %-d %B %Y, %H:%M:%S %:z"),
            self.zone_label()
        )
    }

    /// A `time` element around a text, with the full moment in its title.
    pub fn tag(&self, time: DateTime<Utc>, text: &str) -> Markup {
        html! { time datetime=(utc(time)) title=(self.full(time)) { (text) } }
    }

    /// The exact moment as an element.
    pub fn exact(&self, time: DateTime<Utc>) -> Markup {
        self.tag(time, &self.moment(time))
    }

    /// A time's own offset, where the head of its column does not say it.
    pub fn own_offset(&self, head: &TimeHead, time: DateTime<Utc>) -> Markup {
        html! { @if head.each { " " span.d { (self.offset_label(time)) } } }
    }

    /// How long ago, in an element that the script renews. Never alone.
    pub fn ago(&self, time: DateTime<Utc>) -> Markup {
        let text = if time <= self.now {
            format!("{} ago", duration(self.now - time))
        } else {
            format!("in {}", duration(time - self.now))
        };
        html! { time datetime=(utc(time)) data-ago="" title=(self.full(time)) { (text) } }
    }

    /// `11 – 24 Nov`, of two days both included.
    pub fn days(&self, from: NaiveDate, to: NaiveDate) -> String {
        if from == to {
            return self.day(from);
        }
        let same_month = from.month() == to.month() && from.year() == to.year();
        let start = if same_month {
            from.format("%-d").to_string()
        } else {
            self.short_day(from)
        };
        format!("{start} – {}", self.short_day(to))
    }
}

/// RFC 3339 in UTC, with what fraction of a second there is.
pub fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A zone by its name in the database.
pub fn zone(name: &str) -> Option<Tz> {
    name.parse().ok()
}

/// All zones that go by region and place, and UTC.
pub fn zones() -> impl Iterator<Item = Tz> {
    chrono_tz::TZ_VARIANTS.into_iter().filter(|zone| {
        let name = zone.name();
        *zone == Tz::UTC
            || (name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("US/"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(zone: &str, now: &str) -> Clock {
        Clock {
            zone: zone.parse().unwrap(),
            now: now.parse().unwrap(),
        }
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn days_of_a_clock_change_have_23_and_25_hours() {
        let berlin = clock("Europe/Berlin", "2026-11-24T12:00:00Z");
        let hours = |day: &str| (berlin.end(date(day)) - berlin.start(date(day))).num_hours();
        assert_eq!(hours("2026-03-29"), 23);
        assert_eq!(hours("2026-10-25"), 25);
        assert_eq!(hours("2026-10-26"), 24);
    }

    #[test]
    fn a_day_that_has_no_midnight_begins_after_the_gap() {
        let cairo = clock("Africa/Cairo", "2024-06-01T00:00:00Z");
        let start = cairo.start(date("2024-04-26"));
        assert_eq!(cairo.local(start).to_string(), "2024-04-26 01:00:00 EEST");
    }

    #[test]
    fn a_head_says_the_offset_that_all_times_have() {
        let berlin = clock("Europe/Berlin", "2026-11-24T12:00:00Z");
        let head = |times: &[&str]| {
            let head = berlin.head(times.iter().map(|time| time.parse().unwrap()));
            (head.label, head.each)
        };
        let (before, after) = ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
        assert_eq!(head(&[]), ("+01:00".to_owned(), false));
        assert_eq!(head(&[before, before]), ("+02:00".to_owned(), false));
        assert_eq!(head(&[after, before]), ("Europe/Berlin".to_owned(), true));
        let utc = clock("UTC", "2026-11-24T12:00:00Z");
        assert_eq!(utc.head([utc.now]).label, "UTC");
    }

    #[test]
    fn queries_know_every_zone() {
        let berlin = clock("Europe/Berlin", "2026-11-24T12:00:00Z");
        for zone in chrono_tz::TZ_VARIANTS {
            let clocks = Clock { zone, ..berlin }.clocks();
            assert_eq!(clocks.offset().is_some(), zone == Tz::UTC, "{zone}");
        }
    }

    #[test]
    fn moments_are_read_in_the_zone() {
        let time = "2026-11-24T13:31:27Z".parse().unwrap();
        let berlin = clock("Europe/Berlin", "2026-11-24T13:32:08Z");
        assert_eq!(berlin.moment(time), "Tue 24 Nov, 14:31:27");
        assert_eq!(
            berlin.full(time),
            "Tuesday, 24 November 2026, 14:31:27 +01:00 (Europe/Berlin)"
        );
        assert_eq!(
            berlin.day_head(date("2026-11-24")),
            "Today, Tuesday, 24 November"
        );
        assert_eq!(
            berlin.days(date("2026-11-11"), date("2026-11-24")),
            "11 – 24 Nov"
        );
        assert_eq!(
            berlin.days(date("2026-10-28"), date("2026-11-10")),
            "28 Oct – 10 Nov"
        );
        assert_eq!(berlin.day(date("2025-12-31")), "Wed 31 Dec 2025");
        assert!(berlin.ago(time).into_string().contains("41 s ago"));
    }
}
