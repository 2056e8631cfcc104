//! What a run keeps to: its limits, and whether it is still wanted.

use std::cmp::Ordering;

use crate::error::{QueryError, QueryErrorKind, Result};
use crate::query::Limits;

/// Steps between two questions whether to go on: rows that are looked at, pairs,
/// comparisons.
const STEPS: usize = 4096;

#[derive(Clone, Copy)]
pub(super) struct Control<'c> {
    pub(super) limits: &'c Limits,
    stop: &'c (dyn Fn() -> bool + Sync),
}

impl<'c> Control<'c> {
    pub(super) const fn new(limits: &'c Limits, stop: &'c (dyn Fn() -> bool + Sync)) -> Self {
        Self { limits, stop }
    }

    /// Asks whether to go on.
    pub(super) fn check(&self) -> Result<()> {
        if (self.stop)() {
            return Err(QueryError::new(QueryErrorKind::Cancelled));
        }
        Ok(())
    }

    /// Asks from time to time.
    pub(super) const fn ticker(&self) -> Ticker<'c> {
        Ticker {
            control: *self,
            left: STEPS,
        }
    }
}

/// How many of something there may be.
#[derive(Clone, Copy)]
pub(super) struct Most {
    count: u64,
    what: &'static str,
}

impl Most {
    /// What only computes them sets no limit.
    pub(super) const NO_LIMIT: Self = Self {
        count: u64::MAX,
        what: "groups",
    };

    pub(super) const fn groups(limits: &Limits) -> Self {
        Self {
            count: limits.groups,
            what: "groups",
        }
    }

    /// Rows between two stages, of which there is one for each group.
    pub(super) const fn rows(limits: &Limits) -> Self {
        Self {
            count: limits.rows,
            what: ROWS,
        }
    }

    /// Whether there may be so many.
    pub(super) fn check(self, count: u64) -> Result<()> {
        if count > self.count {
            return Err(QueryError::limit(self.what, self.count));
        }
        Ok(())
    }
}

/// What a limit of rows is of.
pub(super) const ROWS: &str = "rows between two stages";

/// Counts steps, and asks after so many whether to go on.
pub(super) struct Ticker<'c> {
    control: Control<'c>,
    left: usize,
}

impl Ticker<'_> {
    #[inline]
    pub(super) fn step(&mut self) -> Result<()> {
        self.steps(1)
    }

    #[inline]
    pub(super) fn steps(&mut self, steps: usize) -> Result<()> {
        if steps < self.left {
            self.left -= steps;
            return Ok(());
        }
        self.left = STEPS;
        self.control.check()
    }
}

/// Sorts stably. What the standard library sorts at once can't be stopped, so that is
/// a run, and runs are merged here.
pub(super) fn sort_by<T: Copy>(
    items: &mut Vec<T>,
    compare: impl Fn(&T, &T) -> Ordering,
    control: &Control<'_>,
) -> Result<()> {
    const RUN: usize = 1 << 14;

    for run in items.chunks_mut(RUN) {
        control.check()?;
        run.sort_by(&compare);
    }
    let mut width = RUN;
    let mut ticker = control.ticker();
    let mut merged = Vec::new();
    while width < items.len() {
        merged.clear();
        merged.reserve(items.len());
        for pair in items.chunks(2 * width) {
            let (mut a, mut b) = pair.split_at(width.min(pair.len()));
            if let (Some(last), Some(first)) = (a.last(), b.first())
                && compare(last, first).is_le()
            {
                merged.extend_from_slice(pair);
                continue;
            }
            while let ([x, more_a @ ..], [y, more_b @ ..]) = (a, b) {
                ticker.step()?;
                if compare(x, y).is_le() {
                    merged.push(*x);
                    a = more_a;
                } else {
                    merged.push(*y);
                    b = more_b;
                }
            }
            merged.extend_from_slice(a);
            merged.extend_from_slice(b);
        }
        std::mem::swap(items, &mut merged);
        width *= 2;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    #[test]
    fn sorts_stably_whatever_the_length() {
        let limits = Limits::default();
        let control = Control::new(&limits, &|| false);
        for len in [0, 1, 16_384, 16_385, 50_000, 131_072] {
            let mut items: Vec<(u32, u32)> = (0..len)
                .map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24, at))
                .collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            sort_by(&mut items, |a, b| a.0.cmp(&b.0), &control).unwrap();
            assert!(items == expected, "{len}");
        }
    }

    #[test]
    fn a_sort_asks_all_the_time() {
        let limits = Limits::default();
        let asked = AtomicUsize::new(0);
        let stop = || asked.fetch_add(1, Relaxed) >= 20;
        let control = Control::new(&limits, &stop);
        let mut items: Vec<u32> = (0..300_000_u32)
            .map(|at| at.wrapping_mul(2_654_435_761))
            .collect();
        let error = sort_by(&mut items, Ord::cmp, &control).unwrap_err();
        assert_eq!(*error.kind(), QueryErrorKind::Cancelled);
        assert_eq!(asked.load(Relaxed), 21);
    }
}
