//! When things happen: the rhythm of a week with office hours.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc, Weekday};

/// How busy each hour of a working day is, from midnight, in UTC.
const WORKDAY: [u64; 24] = [
    4, 3, 6, 3, 3, 6, 20, 70, 150, 190, 180, 150, 95, 130, 165, 160, 140, 90, 40, 22, 14, 10, 8, 6,
];

/// The period of a generated log, as the share of all activity that each of its hours has.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    start: DateTime<Utc>,
    /// The weight of all hours up to and with this one.
    until: Vec<u64>,
}

impl Calendar {
    /// `days` days (at least one) from `start`.
    pub(crate) fn new(start: DateTime<Utc>, days: u32) -> Self {
        let mut total = 0;
        let until = (0..i64::from(days.max(1)) * 24)
            .map(|hour| {
                total += weight(start + TimeDelta::hours(hour));
                total
            })
            .collect();
        Self { start, until }
    }

    /// The moment at which `done` of `all` has happened, to the millisecond.
    pub(crate) fn at(&self, done: u64, all: u64) -> DateTime<Utc> {
        let total = self.until.last().copied().unwrap_or(1);
        // Position in units of a thousandth of a weight, so that milliseconds differ.
        let scaled = u128::from(done.min(all)) * u128::from(total) * 1_000_000;
        let position = scaled / u128::from(all.max(1));
        let whole = (position / 1_000_000) as u64;
        let hour = self
            .until
            .partition_point(|&until| until <= whole)
            .min(self.until.len() - 1);
        let before = hour.checked_sub(1).map_or(0, |last| self.until[last]);
        let width = self.until[hour] - before;
        let inside = position - u128::from(before) * 1_000_000;
        let millis = inside * 3_600_000 / (u128::from(width.max(1)) * 1_000_000);
        self.start + TimeDelta::hours(hour as i64) + TimeDelta::milliseconds(millis as i64)
    }
}

/// Whether people are at work: Monday to Friday, 7 to 18 o'clock.
pub(crate) fn is_office(time: DateTime<Utc>) -> bool {
    !is_weekend(time) && (7..18).contains(&time.hour())
}

fn is_weekend(time: DateTime<Utc>) -> bool {
    matches!(time.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Weekends see a tenth of a working day, evenly.
fn weight(hour: DateTime<Utc>) -> u64 {
    if is_weekend(hour) {
        7
    } else {
        WORKDAY[hour.hour() as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monday() -> DateTime<Utc> {
        "2026-03-02T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn time_never_goes_back_and_fills_the_period() {
        let calendar = Calendar::new(monday(), 7);
        let mut last = calendar.at(0, 10_000);
        assert_eq!(last, monday());
        for done in 1..=10_000 {
            let time = calendar.at(done, 10_000);
            assert!(time >= last);
            last = time;
        }
        assert_eq!(last, monday() + TimeDelta::days(7));
    }

    #[test]
    fn most_happens_in_office_hours() {
        let calendar = Calendar::new(monday(), 28);
        let office = (0..1_000)
            .filter(|&done| is_office(calendar.at(done, 1_000)))
            .count();
        assert!((800..950).contains(&office), "{office}");
    }

    #[test]
    fn nothing_to_do_is_no_error() {
        assert_eq!(Calendar::new(monday(), 0).at(0, 0), monday());
    }
}
