//! The period of a page: the last days, the last hours, or from one edge to another.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::params::{BadParameter, Pairs};
use super::time::{Clock, utc};

/// Two whole weeks: every weekday twice, and the period before them still inside a month.
pub const DEFAULT_DAYS: u16 = 14;

/// A period, as the address has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// So many days, the last of them today.
    Days(u16),
    /// So many hours before now.
    Hours(u16),
    /// From an edge to another, each open if there is none.
    Between(Option<Edge>, Option<Edge>),
}

/// Where a period begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A day in the reader's zone; as an end, all of it.
    Day(NaiveDate),
    /// A moment; as an end, the first that is no longer meant.
    At(DateTime<Utc>),
}

impl Default for Period {
    fn default() -> Self {
        Self::Days(DEFAULT_DAYS)
    }
}

impl Edge {
    fn text(self) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::At(time) => utc(time),
        }
    }

    /// A day, a moment with its offset, or a reading of the clock in the reader's zone
    /// (which is what a date field of a form gives).
    fn parse(name: &str, text: &str, clock: &Clock) -> Result<Self, BadParameter> {
        let text = text.trim();
        // What else there is would take whoever counts from it to the end of all time.
        let in_years = |edge: Self, year: i32| {
            (1..=9_999)
                .contains(&year)
                .then_some(edge)
                .ok_or_else(|| BadParameter::new(name, "must be in the years 1 to 9999"))
        };
        let at = |time: DateTime<Utc>| in_years(Self::At(time), time.year());
        if let Ok(day) = text.parse::<NaiveDate>() {
            return in_years(Self::Day(day), day.year());
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return at(time.to_utc());
        }
        let patterns = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];
        let local = patterns
            .iter()
            .find_map(|pattern| NaiveDateTime::parse_from_str(text, pattern).ok());
        let local = local.ok_or_else(|| {
            BadParameter::new(
                name,
                "must be a day (2026-11-24) or a moment (2026-11-24T14:00:00Z)",
            )
        })?;
        in_years(Self::Day(local.date()), local.year())?;
        at(clock.at(local))
    }
}

impl Period {
    /// Days that a period of the last days may have.
    pub const MOST_DAYS: u16 = 366;
    pub const NAMES: [&'static str; 3] = ["range", "from", "to"];

    pub fn read(pairs: &Pairs, clock: &Clock) -> Result<Self, BadParameter> {
        let edge = |name| match pairs.single(name)? {
            Some(text) => Edge::parse(name, text, clock).map(Some),
            None => Ok(None),
        };
        let (from, to) = (edge("from")?, edge("to")?);
        match pairs.single("range")? {
            Some(_) if from.is_some() || to.is_some() => {
                Err(BadParameter::new("range", "can't stand beside `from` or `to`"))
            }
            Some(text) => Self::last(text).ok_or_else(|| {
                BadParameter::new("range", "must be a number of days (P14D, at most P366D) or of hours (PT24H, at most PT744H)")
            }),
            None if from.is_some() || to.is_some() => {
                let period = Self::Between(from, to);
                match period.bounds(clock) {
                    (Some(from), Some(to)) if from >= to => {
                        Err(BadParameter::new("to", "must be after `from`"))
                    }
                    _ => Ok(period),
                }
            }
            None => Ok(Self::default()),
        }
    }

    fn last(text: &str) -> Option<Self> {
        let number = |text: &str, most: u16| {
            let number: u16 = text.parse().ok()?;
            (1..=most).contains(&number).then_some(number)
        };
        if let Some(hours) = text
            .strip_prefix("PT")
            .and_then(|rest| rest.strip_suffix('H'))
        {
            return number(hours, 744).map(Self::Hours);
        }
        let days = text.strip_prefix('P')?.strip_suffix('D')?;
        number(days, Self::MOST_DAYS).map(Self::Days)
    }

    pub fn write(self, pairs: &mut Pairs) {
        match self {
            Self::Days(DEFAULT_DAYS) => {}
            Self::Days(days) => pairs.add("range", format!("P{days}D")),
            Self::Hours(hours) => pairs.add("range", format!("PT{hours}H")),
            Self::Between(from, to) => {
                if let Some(from) = from {
                    pairs.add("from", from.text());
                }
                if let Some(to) = to {
                    pairs.add("to", to.text());
                }
            }
        }
    }

    /// From the first moment that is meant to the first that no longer is.
    pub fn bounds(self, clock: &Clock) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        match self {
            Self::Days(days) => {
                let today = clock.today();
                let first = today
                    .checked_sub_days(Days::new(u64::from(days) - 1))
                    .unwrap_or(today);
                (Some(clock.start(first)), Some(clock.end(today)))
            }
            // Clocks of other machines may be ahead a little.
            Self::Hours(hours) => (Some(clock.now - TimeDelta::hours(i64::from(hours))), None),
            Self::Between(from, to) => (
                from.map(|edge| match edge {
                    Edge::Day(day) => clock.start(day),
                    Edge::At(time) => time,
                }),
                to.map(|edge| match edge {
                    Edge::Day(day) => clock.end(day),
                    Edge::At(time) => time,
                }),
            ),
        }
    }

    /// The same for ever: its bounds as moments.
    pub fn fixed(self, clock: &Clock) -> Self {
        let (from, to) = self.bounds(clock);
        Self::Between(from.map(Edge::At), Some(Edge::At(to.unwrap_or(clock.now))))
    }

    /// From a moment to another.
    pub const fn moments(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self::Between(Some(Edge::At(from)), Some(Edge::At(to)))
    }

    pub const fn day(day: NaiveDate) -> Self {
        Self::Between(Some(Edge::Day(day)), Some(Edge::Day(day)))
    }

    /// The days that it touches, an open end closed by what is kept and today.
    pub fn dates(self, clock: &Clock, oldest: Option<DateTime<Utc>>) -> (NaiveDate, NaiveDate) {
        let (from, to) = self.bounds(clock);
        let today = clock.today();
        let first = from.or(oldest).map_or(today, |time| clock.date(time));
        let last = to.map_or(today, |time| clock.date(time - TimeDelta::nanoseconds(1)));
        (first.min(last), last)
    }

    /// As the period button shows it.
    pub fn label(self, clock: &Clock) -> String {
        match self {
            Self::Hours(24) => "Last 24 hours".to_owned(),
            Self::Hours(hours) => format!("Last {hours} hours"),
            Self::Days(_) => {
                let (first, last) = self.dates(clock, None);
                clock.days(first, last)
            }
            Self::Between(Some(Edge::Day(from)), Some(Edge::Day(to))) => clock.days(from, to),
            Self::Between(from, to) => {
                let word = |edge: Edge| match edge {
                    Edge::Day(day) => clock.day(day),
                    Edge::At(time) => clock.moment(time),
                };
                match (from, to) {
                    (Some(from), Some(to)) => format!("{} – {}", word(from), word(to)),
                    (Some(from), None) => format!("From {}", word(from)),
                    (None, Some(to)) => format!("Until {}", word(to)),
                    (None, None) => "All".to_owned(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        Clock {
            zone: chrono_tz::Europe::Berlin,
            now: "2026-11-24T13:32:08Z".parse().unwrap(),
        }
    }

    fn read(query: &str) -> Result<Period, BadParameter> {
        Period::read(&Pairs::parse(query), &clock())
    }

    #[test]
    fn a_day_as_the_end_is_included() {
        let (from, to) = read("from=2026-11-11&to=2026-11-24")
            .unwrap()
            .bounds(&clock());
        assert_eq!(from.unwrap().to_rfc3339(), "2026-11-10T23:00:00+00:00");
        assert_eq!(to.unwrap().to_rfc3339(), "2026-11-24T23:00:00+00:00");
        assert_eq!(read("").unwrap().bounds(&clock()), (from, to));
    }

    #[test]
    fn the_last_hours_are_exact() {
        let (from, to) = read("range=PT24H").unwrap().bounds(&clock());
        assert_eq!(from.unwrap().to_rfc3339(), "2026-11-23T13:32:08+00:00");
        assert_eq!(to, None);
    }

    #[test]
    fn clock_readings_are_those_of_the_zone() {
        let period = read("from=2026-11-24T08:00&to=2026-11-24T09:00:00Z").unwrap();
        let mut pairs = Pairs::default();
        period.write(&mut pairs);
        assert_eq!(pairs.get("from"), Some("2026-11-24T07:00:00Z"));
        assert_eq!(pairs.get("to"), Some("2026-11-24T09:00:00Z"));
    }

    #[test]
    fn what_can_not_be_is_refused() {
        for (query, name) in [
            ("range=P0D", "range"),
            ("range=P367D", "range"),
            ("range=14", "range"),
            ("range=P7D&from=2026-11-01", "range"),
            ("from=yesterday", "from"),
            ("from=2026-11-24&to=2026-11-23", "to"),
            ("from=2026-11-24&from=2026-11-23", "from"),
            ("from=-262000-01-01", "from"),
            ("from=0000-12-31", "from"),
            ("from=0001-01-01T00:00:00%2B05:00", "from"),
            ("to=-262143-01-01", "to"),
            ("to=%2B262130-01-01", "to"),
            ("to=%2B10000-01-01T00:00", "to"),
            ("to=%2B262142-12-31T23:59", "to"),
        ] {
            assert_eq!(read(query).unwrap_err().name, name, "{query}");
        }
    }

    #[test]
    fn labels_are_for_people() {
        assert_eq!(Period::default().label(&clock()), "11 – 24 Nov");
        assert_eq!(Period::Hours(24).label(&clock()), "Last 24 hours");
        assert_eq!(
            read("from=2026-11-19&to=2026-11-19")
                .unwrap()
                .label(&clock()),
            "Thu 19 Nov"
        );
        assert_eq!(
            read("from=2026-11-19").unwrap().label(&clock()),
            "From Thu 19 Nov"
        );
    }
}
