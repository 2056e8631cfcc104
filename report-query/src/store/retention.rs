//! How long rows are kept.

use chrono::{DateTime, TimeDelta, Utc};

/// How long rows are kept, by their own time.
///
/// The current time is always an argument, and a clock that goes back brings
/// nothing back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention(Option<TimeDelta>);

impl Retention {
    /// 30 days.
    pub const MONTH: Self = Self::days(30);
    /// For ever.
    pub const FOREVER: Self = Self(None);

    /// So many days of 24 hours.
    #[must_use]
    pub const fn days(days: u32) -> Self {
        Self(TimeDelta::try_days(days as i64))
    }

    /// The oldest time that is kept now; none if all is kept.
    #[must_use]
    pub fn cut(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Where the calendar ends, nothing is too old.
        self.0.and_then(|age| now.checked_sub_signed(age))
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self::MONTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_the_age() {
        let now: DateTime<Utc> = "2026-03-31T10:00:00Z".parse().unwrap();
        let cut = Retention::MONTH.cut(now).unwrap();
        assert_eq!(cut.to_rfc3339(), "2026-03-01T10:00:00+00:00");
        assert_eq!(Retention::FOREVER.cut(now), None);
        assert_eq!(
            Retention::days(u32::MAX).cut(DateTime::<Utc>::MIN_UTC),
            None
        );
        assert_eq!(Retention::days(0).cut(now), Some(now));
    }
}
