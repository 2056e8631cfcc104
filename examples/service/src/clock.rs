//! Whether the clock can be believed before anything is deleted by it.
//!
//! What is too old is told by the clock, and one that jumps far ahead would delete the month: a virtual
//! machine that wakes with a wrong time, a battery that is empty, a mistyped year. So the clock is compared
//! with what it can't change: with the time that the program has run, and at the start with what it showed
//! when it was last believed, and with the newest entry of the journal. A long standstill can't be told from
//! a jump meanwhile; it only makes deletion wait. While it is further ahead than that explains, nothing is deleted. It is believed
//! again when it is back, or when it has gone on evenly for so long that somebody must mean it.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

/// How far the clock may get ahead of the time that passed, between two looks.
const TOLERANCE: TimeDelta = TimeDelta::hours(1);

/// What a clock shows, and when it was looked at.
#[derive(Clone, Copy, Debug)]
struct Look {
    shown: DateTime<Utc>,
    at: Instant,
}

impl Look {
    /// What the clock shows later if it goes on evenly.
    fn later(&self, at: Instant) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(at.saturating_duration_since(self.at));
        let later = passed
            .ok()
            .and_then(|passed| self.shown.checked_add_signed(passed));
        later.unwrap_or(self.shown)
    }
}

/// A clock that is not believed.
#[derive(Clone, Copy, Debug)]
pub struct Doubt {
    /// What was believed last.
    believed: Look,
    /// When it began to go on evenly.
    since: Instant,
    last: Look,
    is_of_start: bool,
}

impl Doubt {
    /// What was known of the time before the start, if it is by that that the clock is doubted.
    #[must_use]
    pub fn before_start(&self) -> Option<DateTime<Utc>> {
        self.is_of_start.then_some(self.believed.shown)
    }

    /// What the clock would show if it had gone on evenly.
    #[must_use]
    pub fn believed(&self, at: Instant) -> DateTime<Utc> {
        self.believed.later(at)
    }

    /// How far the clock was ahead of that.
    #[must_use]
    pub fn ahead(&self) -> TimeDelta {
        self.last.shown - self.believed.later(self.last.at)
    }
}

/// What a look at the clock says.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    /// It is right, as before.
    Right,
    /// It is too far ahead, and was not, or was by another time.
    Doubted(Doubt),
    /// It still is.
    Still,
    /// It is back.
    Back,
    /// It has gone on evenly for long enough.
    Accepted,
}

impl Verdict {
    /// Whether what is too old may go.
    #[must_use]
    pub const fn is_believed(self) -> bool {
        matches!(self, Self::Right | Self::Back | Self::Accepted)
    }
}

/// Looks at the clock, now and then.
#[derive(Debug)]
pub struct ClockWatch {
    believed: Look,
    tolerance: TimeDelta,
    hold: Duration,
    /// It was not believed since the start.
    is_start: bool,
    doubt: Option<Doubt>,
}

impl ClockWatch {
    /// From now on. A clock that jumps ahead is accepted if it goes on evenly for `hold`.
    #[must_use]
    pub fn new(shown: DateTime<Utc>, at: Instant, hold: Duration) -> Self {
        Self {
            believed: Look { shown, at },
            tolerance: TOLERANCE,
            hold,
            is_start: false,
            doubt: None,
        }
    }

    /// The same at a start, of what is known of before: when the clock was last believed, as was `noted`, and
    /// `newest`, as for [`after`](Self::after). Either can make it doubted.
    #[must_use]
    pub fn at_start(
        noted: Option<DateTime<Utc>>,
        newest: Option<DateTime<Utc>>,
        kept: TimeDelta,
        now: (DateTime<Utc>, Instant),
        hold: Duration,
    ) -> Self {
        let (shown, at) = now;
        match (noted, newest) {
            (Some(noted), _) if shown - noted > TOLERANCE => Self {
                is_start: true,
                ..Self::new(noted, at, hold)
            },
            (_, Some(newest)) => Self::after(newest, kept, at, hold),
            _ => Self::new(shown, at, hold),
        }
    }

    /// The same at a start, when the journal's newest entry came at `newest` or after. If that is longer
    /// ago than entries are kept, all would go at once.
    #[must_use]
    pub fn after(newest: DateTime<Utc>, kept: TimeDelta, at: Instant, hold: Duration) -> Self {
        Self {
            tolerance: kept,
            is_start: true,
            ..Self::new(newest, at, hold)
        }
    }

    /// Looks at it.
    pub fn look(&mut self, shown: DateTime<Utc>, at: Instant) -> Verdict {
        let look = Look { shown, at };
        let was_doubted = self.doubt.is_some();
        if shown - self.believed.later(at) <= self.tolerance {
            self.believe(look);
            return if was_doubted {
                Verdict::Back
            } else {
                Verdict::Right
            };
        }
        let steady = |doubt: &Doubt| (shown - doubt.last.later(at)).abs() <= TOLERANCE;
        let Some(mut doubt) = self.doubt.filter(steady) else {
            let doubt = Doubt {
                believed: self.believed,
                since: at,
                last: look,
                is_of_start: self.is_start,
            };
            self.doubt = Some(doubt);
            return Verdict::Doubted(doubt);
        };
        if at.saturating_duration_since(doubt.since) >= self.hold {
            self.believe(look);
            return Verdict::Accepted;
        }
        doubt.last = look;
        self.doubt = Some(doubt);
        Verdict::Still
    }

    fn believe(&mut self, look: Look) {
        self.believed = look;
        self.tolerance = TOLERANCE;
        self.is_start = false;
        self.doubt = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;

    /// What looks say: each at a second of the program, at a clock that is so many hours off.
    fn said(watch: &mut ClockWatch, from: Look, looks: &[(u64, i64)]) -> String {
        let verdicts = looks.iter().map(|(second, hours)| {
            let at = from.at + Duration::from_secs(*second);
            let verdict = watch.look(from.later(at) + TimeDelta::hours(*hours), at);
            match verdict {
                Verdict::Right => 'r',
                Verdict::Doubted(_) => 'D',
                Verdict::Still => 's',
                Verdict::Back => 'b',
                Verdict::Accepted => 'A',
            }
        });
        verdicts.collect()
    }

    fn now() -> Look {
        Look {
            shown: Utc::now(),
            at: Instant::now(),
        }
    }

    fn running(looks: &[(u64, i64)]) -> String {
        let from = now();
        let mut watch = ClockWatch::new(from.shown, from.at, Duration::from_secs(HOUR));
        said(&mut watch, from, looks)
    }

    #[test]
    fn a_jump_ahead_is_doubted_until_it_is_back_or_has_held() {
        // A day between two looks is none if a day passed; nor is an hour, nor going back.
        assert_eq!(
            running(&[
                (60, 0),
                (24 * HOUR, 0),
                (24 * HOUR + 60, 1),
                (25 * HOUR, -900)
            ]),
            "rrrr"
        );
        // It is a month ahead, for a minute or a little less than an hour.
        assert_eq!(
            running(&[(60, 0), (120, 720), (180, 720), (240, 0), (300, 0)]),
            "rDsbr"
        );
        assert_eq!(
            running(&[
                (60, 720),
                (HOUR + 59, 720),
                (HOUR + 60, 720),
                (HOUR + 120, 720)
            ]),
            "DsAr"
        );
        // Once accepted, it is what the next jump is measured from; going back is none.
        assert_eq!(
            running(&[(0, 720), (HOUR, 720), (HOUR + 1, 1_440), (HOUR + 2, 0)]),
            "DADb"
        );
    }

    #[test]
    fn a_clock_that_goes_on_jumping_is_not_accepted() {
        assert_eq!(
            running(&[
                (0, 720),
                (HOUR - 1, 1_440),
                (HOUR + 1, 1_440),
                (2 * HOUR - 1, 1_440)
            ]),
            "DDsA"
        );
        // Also when it jumps back, but not all the way.
        assert_eq!(
            running(&[(0, 720), (HOUR - 1, 100), (HOUR + 1, 100), (HOUR + 2, 0)]),
            "DDsb"
        );
        // In steps that are each tolerated, deletion goes no faster than by them.
        assert_eq!(running(&[(60, 1), (120, 2), (180, 4)]), "rrD");
    }

    #[test]
    fn at_a_start_the_newest_entry_is_what_it_is_measured_from() {
        let month = TimeDelta::days(30);
        let hold = Duration::from_secs(HOUR);
        let from = now();
        let after = |ago: TimeDelta| ClockWatch::after(from.shown - ago, month, from.at, hold);
        // After a week, or three, without any batch.
        assert_eq!(
            said(&mut after(TimeDelta::days(21)), from, &[(0, 0), (60, 0)]),
            "rr"
        );
        // From then on as ever.
        assert_eq!(
            said(&mut after(TimeDelta::days(21)), from, &[(0, 0), (60, 20)]),
            "rD"
        );
        let mut late = after(TimeDelta::days(31));
        let verdict = late.look(from.shown, from.at);
        assert!(!verdict.is_believed());
        let Verdict::Doubted(doubt) = verdict else {
            panic!("{verdict:?}");
        };
        assert_eq!(doubt.ahead(), TimeDelta::days(31));
        assert_eq!(doubt.before_start(), Some(from.shown - TimeDelta::days(31)));
        let later = from.at + Duration::from_secs(5);
        let believed = from.shown - TimeDelta::days(31) + TimeDelta::seconds(5);
        assert_eq!(doubt.believed(later), believed);
        // The clock was wrong, and is set right; or it was right.
        let at = from.at + Duration::from_secs(5);
        let right = from.shown - TimeDelta::days(30);
        assert!(matches!(late.look(right, at), Verdict::Back));
        let mut late = after(TimeDelta::days(31));
        late.look(from.shown, from.at);
        let at = from.at + hold;
        assert!(matches!(late.look(from.later(at), at), Verdict::Accepted));
    }

    #[test]
    fn at_a_start_the_clock_is_also_compared_with_what_it_showed_when_it_was_last_believed() {
        let (month, hold) = (TimeDelta::days(30), Duration::from_secs(HOUR));
        let from = now();
        let ago = |hours: Option<i64>| hours.map(|hours| from.shown - TimeDelta::hours(hours));
        for (noted, newest, verdicts) in [
            (None, None, "rr"),
            (Some(0), None, "rr"),
            // Less than the retention, and it would delete that much too early.
            (Some(2), None, "DsA"),
            (Some(240), Some(239), "DsA"),
            // Either is enough.
            (Some(0), Some(24 * 31), "DsA"),
            (Some(0), Some(24 * 29), "rr"),
            // It was set back meanwhile.
            (Some(-240), Some(1), "rr"),
        ] {
            let now = (from.shown, from.at);
            let mut watch = ClockWatch::at_start(ago(noted), ago(newest), month, now, hold);
            let looks = [(0, 0), (60, 0), (HOUR, 0)];
            let said = said(&mut watch, from, &looks[..verdicts.len()]);
            assert_eq!(said, verdicts, "{noted:?} {newest:?}");
        }
        let now = (from.shown, from.at);
        let mut watch = ClockWatch::at_start(ago(Some(9)), None, month, now, hold);
        let Verdict::Doubted(doubt) = watch.look(from.shown, from.at) else {
            panic!("{watch:?}");
        };
        assert_eq!(doubt.before_start(), ago(Some(9)));
        // Set right, and ahead again: that is no matter of the start.
        let at = from.at + Duration::from_secs(5);
        let right = from.shown - TimeDelta::hours(9);
        assert!(matches!(watch.look(right, at), Verdict::Back));
        let Verdict::Doubted(doubt) = watch.look(from.shown, at) else {
            panic!("{watch:?}");
        };
        assert_eq!(doubt.before_start(), None);
    }
}
