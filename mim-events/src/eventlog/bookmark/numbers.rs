//! [`Numbers`]: a set of record numbers, as ranges.

use std::ops::RangeInclusive;

/// The most ranges that are kept.
pub(super) const MAX_RANGES: usize = 256;

/// A set of record numbers in bounded memory: ranges, ascending, apart.
///
/// What does not fit joins the ranges with the smallest gaps between them, so
/// the set only ever holds too much; how much is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    ranges: Vec<(u64, u64)>,
    /// How many numbers joining has brought in, at most.
    extra: u64,
}

impl Numbers {
    /// Adds ranges in any order, at most a few times [`MAX_RANGES`] at once in
    /// memory. Reversed ones hold nothing.
    pub(super) fn add(&mut self, ranges: impl IntoIterator<Item = (u64, u64)>) {
        for range in ranges {
            if range.0 <= range.1 {
                self.ranges.push(range);
                if self.ranges.len() >= MAX_RANGES * 8 {
                    self.tidy();
                }
            }
        }
        self.tidy();
    }

    fn tidy(&mut self) {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, range| {
            let touches = next.0 <= range.1.saturating_add(1);
            if touches {
                range.1 = range.1.max(next.1);
            }
            touches
        });
        let Some(over) = self.ranges.len().checked_sub(MAX_RANGES + 1) else {
            return;
        };
        let mut gaps: Vec<u64> = self.gaps().collect();
        let (_, &mut widest, _) = gaps.select_nth_unstable(over);
        // Of gaps as wide as the widest to close, no more than needed.
        let mut closes = self.ranges.len() - MAX_RANGES;
        closes -= self.gaps().filter(|&gap| gap < widest).count();
        let mut extra = 0_u64;
        self.ranges.dedup_by(|next, range| {
            let gap = next.0 - range.1 - 1;
            let close = gap < widest || (gap == widest && closes > 0);
            if close {
                closes -= usize::from(gap == widest);
                extra = extra.saturating_add(gap);
                range.1 = next.1;
            }
            close
        });
        self.extra = self.extra.saturating_add(extra);
    }

    /// How many numbers lie between each range and the next.
    fn gaps(&self) -> impl Iterator<Item = u64> {
        let pairs = self.ranges.iter().zip(self.ranges.iter().skip(1));
        pairs.map(|(range, next)| next.0 - range.1 - 1)
    }

    pub(super) fn ranges(&self) -> impl ExactSizeIterator<Item = RangeInclusive<u64>> {
        self.ranges.iter().map(|&(first, last)| first..=last)
    }

    pub(super) fn add_extra(&mut self, extra: u64) {
        self.extra = self.extra.saturating_add(extra);
    }

    pub(super) fn extra(&self) -> u64 {
        self.extra
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> u64 {
        self.ranges.iter().fold(0, |sum: u64, (first, last)| {
            sum.saturating_add((last - first).saturating_add(1))
        })
    }

    /// Whether any of these numbers is in it.
    pub(crate) fn meets(&self, first: u64, last: u64) -> bool {
        let at = self.ranges.partition_point(|range| range.1 < first);
        self.ranges.get(at).is_some_and(|range| range.0 <= last)
    }

    /// Takes out all numbers below `number`; returns how many.
    pub(super) fn drop_below(&mut self, number: u64) -> u64 {
        let gone = self.ranges.partition_point(|range| range.1 < number);
        let mut count = self.ranges.drain(..gone).fold(0, |sum: u64, range| {
            sum.saturating_add((range.1 - range.0).saturating_add(1))
        });
        if let Some(range) = self.ranges.first_mut().filter(|range| range.0 < number) {
            count = count.saturating_add(number - range.0);
            range.0 = number;
        }
        if self.ranges.is_empty() {
            self.extra = 0;
        }
        count
    }

    /// Takes out all numbers above `number`; returns how many.
    pub(super) fn drop_above(&mut self, number: u64) -> u64 {
        let before = self.len();
        self.ranges.retain(|range| range.0 <= number);
        if let Some(range) = self.ranges.last_mut() {
            range.1 = range.1.min(number);
        }
        if self.ranges.is_empty() {
            self.extra = 0;
        }
        before.saturating_sub(self.len())
    }

    /// Takes out a number and all below; whether it was in the set, and how
    /// many below it were.
    pub(super) fn take(&mut self, number: u64) -> (bool, u64) {
        if self.ranges.first().is_none_or(|range| number < range.0) {
            return (false, 0);
        }
        let below = self.drop_below(number);
        let found = self.meets(number, number);
        if found && number < u64::MAX {
            self.drop_below(number + 1);
        } else if found {
            *self = Self::default();
        }
        (found, below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(ranges: impl IntoIterator<Item = (u64, u64)>) -> Numbers {
        let mut numbers = Numbers::default();
        numbers.add(ranges);
        numbers
    }

    fn of(ranges: &[(u64, u64)]) -> Numbers {
        new(ranges.iter().copied())
    }

    #[test]
    fn ranges_are_joined_and_reversed_ones_are_nothing() {
        let numbers = of(&[(7, 9), (1, 2), (3, 3), (8, 12), (6, 5)]);
        assert_eq!(numbers.ranges, [(1, 3), (7, 12)]);
        assert_eq!(numbers.len(), 9);
        assert!(numbers.meets(3, 6) && numbers.meets(0, 7) && !numbers.meets(4, 6));
        assert!(!numbers.meets(13, u64::MAX));
    }

    #[test]
    fn the_widest_numbers_are_no_danger() {
        let mut numbers = of(&[(0, u64::MAX), (u64::MAX, u64::MAX)]);
        assert_eq!(numbers.len(), u64::MAX);
        assert_eq!(numbers.take(0), (true, 0));
        assert_eq!(numbers.take(0), (false, 0));
        assert_eq!(numbers.take(3), (true, 2));
        assert_eq!(numbers.take(u64::MAX), (true, u64::MAX - 4));
        assert!(numbers.is_empty());
    }

    #[test]
    fn what_does_not_fit_closes_the_smallest_gaps() {
        let mut all: Vec<(u64, u64)> = (0..MAX_RANGES as u64).map(|n| (n * 10, n * 10)).collect();
        assert_eq!(new(all.clone()).extra(), 0);
        all.extend([(5003, 5004), (7007, 7007), (8009, 8010)]);
        let numbers = new(all.clone());
        assert_eq!(numbers.ranges.len(), MAX_RANGES);
        let wanted: u64 = all.iter().map(|range| range.1 - range.0 + 1).sum();
        assert_eq!(numbers.len() - numbers.extra(), wanted);
        assert!(all.iter().all(|range| numbers.meets(range.0, range.1)));
        // A thousand times as many, in no order, take no more memory.
        let count = if cfg!(miri) { 2_560 } else { 256_000 };
        let scattered = (0..count).map(|n| n * 7919 % 1_000_003);
        let many = new(scattered.clone().map(|number| (number, number)));
        assert_eq!(many.ranges.len(), MAX_RANGES);
        assert!(many.len() - count <= many.extra());
        assert!(scattered.clone().all(|number| many.meets(number, number)));
    }

    #[test]
    fn what_is_dropped_is_counted() {
        let mut numbers = of(&[(1, 3), (7, 12), (20, 20)]);
        assert_eq!(numbers.drop_below(9), 5);
        assert_eq!(numbers.drop_above(10), 3);
        assert_eq!(numbers.ranges, [(9, 10)]);
        assert_eq!(numbers.drop_above(0), 2);
        assert!(numbers.is_empty());
    }
}
