//! What a store held when an entry of the journal had come. The entry's number is the same after a
//! restart, and when older entries are deleted; the store's own is not.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Appends of a store: the entry of the journal that each is of, and its number in the store.
#[derive(Debug, Default)]
pub struct Arrivals(Mutex<VecDeque<(u64, u64)>>);

impl Arrivals {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came with an entry was appended under a number; under none if no row of it is new.
    pub fn add(&self, entry: u64, ingest: Option<u64>) {
        self.lock().extend(ingest.map(|ingest| (entry, ingest)));
    }

    /// The number of the last append that is of entries up to this one.
    #[must_use]
    pub fn ingest(&self, entry: u64) -> u64 {
        let known = self.lock();
        let after = known.partition_point(|(known, _)| *known <= entry);
        let last = after.checked_sub(1).and_then(|last| known.get(last));
        last.map_or(0, |(_, ingest)| *ingest)
    }

    /// The last entry that appends up to this number are of.
    #[must_use]
    pub fn entry(&self, ingest: u64) -> u64 {
        let known = self.lock();
        let after = known.partition_point(|(_, known)| *known <= ingest);
        let last = after.checked_sub(1).and_then(|last| known.get(last));
        last.map_or(0, |(entry, _)| *entry)
    }

    /// Entries up to this one are gone; of them all one number is enough.
    pub fn release(&self, through: u64) {
        let mut known = self.lock();
        while known.get(1).is_some_and(|(entry, _)| *entry <= through) {
            known.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_found_again_after_a_restart_and_deletions() {
        let before = Arrivals::default();
        // The third brought no new row.
        for (entry, ingest) in [
            (1, Some(1)),
            (2, Some(2)),
            (3, None),
            (4, Some(3)),
            (5, Some(4)),
        ] {
            before.add(entry, ingest);
        }
        let asof = before.entry(3);
        assert_eq!((asof, before.ingest(asof)), (4, 3));
        assert_eq!((before.ingest(3), before.entry(9)), (2, 5));
        assert_eq!((before.ingest(0), before.entry(0)), (0, 0));
        before.release(3);
        assert_eq!(
            (before.ingest(1), before.ingest(3), before.ingest(5)),
            (0, 2, 4)
        );
        // After a start without the first three.
        let after = Arrivals::default();
        after.add(4, Some(1));
        after.add(5, Some(2));
        assert_eq!((after.ingest(asof), after.ingest(3)), (1, 0));
    }
}
