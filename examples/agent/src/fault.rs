//! [`Pauses`]: how long is waited before a disk that failed is tried again.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// ... for tests.
const IMPATIENT: Duration = Duration::from_millis(50);

/// Pauses grow while failures follow each other.
#[derive(Debug)]
pub(crate) struct Pauses {
    is_impatient: bool,
    /// The last pause, and when it ended.
    last: Option<(Duration, Instant)>,
    /// When the first failure of a row was.
    since: Option<Instant>,
}

impl Pauses {
    pub(crate) fn new(is_impatient: bool) -> Self {
        Self {
            is_impatient,
            last: None,
            since: None,
        }
    }

    /// The pause after a failure. One that comes when all went well for longer than any pause is the first
    /// of its row.
    pub(crate) fn after_failure(&mut self, now: Instant) -> Duration {
        let pause = match self.last {
            Some((pause, end)) if now < end + LONGEST => (pause * 2).min(LONGEST),
            _ => {
                self.since = Some(now);
                FIRST
            }
        };
        let pause = if self.is_impatient { IMPATIENT } else { pause };
        self.last = Some((pause, now + pause));
        pause
    }

    /// For how long failures have followed each other.
    pub(crate) fn lasting(&self, now: Instant) -> Duration {
        self.since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_all_went_well_for_a_while() {
        let mut pauses = Pauses::new(false);
        let begun = Instant::now();
        let mut now = begun;
        let mut fail = |well: u64| {
            now += Duration::from_secs(well);
            let pause = pauses.after_failure(now);
            now += pause;
            (pause.as_secs(), pauses.lasting(now).as_secs())
        };
        assert_eq!(
            [0, 0, 1, 30].map(&mut fail).map(|told| told.0),
            [1, 2, 4, 8]
        );
        assert_eq!(
            [0; 5].map(&mut fail).map(|told| told.0),
            [16, 32, 60, 60, 60]
        );
        assert_eq!(fail(59), (60, 1 + 2 + 4 + 8 + 31 + 16 + 32 + 4 * 60 + 59));
        assert_eq!(fail(60), (1, 1));
        assert_eq!(fail(0), (2, 3));
    }
}
