//! [`WalkMark`]: how far a walk came, and what of it may come again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most ids that are remembered: each write to the spool holds them.
const SEEN: usize = 100_000;

/// How far a log in the cloud was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WalkMark {
    /// Windows up to this are walked to their ends.
    pub(super) through: Option<DateTime<Utc>>,
    /// What was read that the next window may hold again: ids with the seconds of their times.
    pub(super) seen: Vec<(Uuid, i64)>,
}

impl WalkMark {
    /// Forgets ids of before `oldest`, which no window will hold again, and of the rest the oldest
    /// beyond `most`: an entry that comes again nevertheless is known to the service by its id.
    pub(super) fn forget(&mut self, oldest: i64) {
        self.forget_to(oldest, SEEN);
    }

    fn forget_to(&mut self, oldest: i64, most: usize) {
        self.seen.retain(|(_, at)| *at >= oldest);
        let beyond = self.seen.len().saturating_sub(most);
        if beyond > 0 {
            self.seen.select_nth_unstable_by_key(beyond, |(_, at)| *at);
            self.seen.drain(..beyond);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_remembered_of_the_overlap_and_no_more_than_so_many() {
        let ids = |times: &[i64]| {
            let ids = times.iter().map(|at| (Uuid::from_u128(*at as u128), *at));
            ids.collect::<Vec<_>>()
        };
        let mut mark = WalkMark {
            through: None,
            seen: ids(&[50, 10, 40, 20, 30]),
        };
        let mut left = |oldest, most| {
            mark.forget_to(oldest, most);
            mark.seen.sort_unstable();
            mark.seen.clone()
        };
        assert_eq!(left(i64::MIN, 5), ids(&[10, 20, 30, 40, 50]));
        assert_eq!(left(20, 5), ids(&[20, 30, 40, 50]));
        assert_eq!(left(20, 3), ids(&[30, 40, 50]));
        assert_eq!(left(60, 0), []);
    }
}
