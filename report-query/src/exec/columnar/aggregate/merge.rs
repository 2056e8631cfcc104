//! One of two accumulators: of rows, and of those that come after them.

use super::{Accumulator, NONE, Picks, States, take_time};
use crate::aggregate::{AggregateFunction, Budget, State};
use crate::error::Result;
use crate::exec::batch::position;
use crate::exec::control::Control;
use crate::exec::numbers::Numbers;

impl Accumulator<'_> {
    /// Takes in what another knows of later rows, given the numbers that its groups have here,
    /// of which there are `known` by now.
    pub(in crate::exec::columnar) fn merge(
        &mut self,
        later: Self,
        groups: &[u32],
        known: usize,
        budget: &mut Budget,
        control: &Control<'_>,
    ) -> Result<()> {
        let aggregate = self.aggregate;
        let function = aggregate.function;
        control.check()?;
        match (&mut self.states, later.states) {
            (States::Counts(_, counts), States::Counts(_, more)) => {
                counts.resize(known, 0);
                each(counts, more, groups, |count, more| *count += more);
            }
            (States::Sums(_, sums), States::Sums(_, more)) => {
                sums.resize(known, (0, 0));
                each(sums, more, groups, |(sum, count), more| {
                    *sum += more.0;
                    *count += more.1;
                });
            }
            (States::Times(times), States::Times(more)) => {
                times.resize(known, Numbers::NULL);
                let is_least = function == AggregateFunction::Min;
                each(times, more, groups, |kept, time| {
                    if time != Numbers::NULL {
                        take_time(kept, time, is_least);
                    }
                });
            }
            (States::Values(values), States::Values(more)) => {
                budget.take(values.merge(more, groups, known))?;
            }
            (States::Distinct(distinct), States::Distinct(more)) => {
                distinct.merge(more, groups, known, budget)?;
                if function == AggregateFunction::CollectSet && aggregate.cap < distinct.texts() {
                    aggregate.check_cap(distinct.most(known))?;
                }
            }
            (States::ApproxTexts(own), States::ApproxTexts(more)) => {
                own.merge(more, groups, known, budget)?;
            }
            (States::IntBuckets(own), States::IntBuckets(more)) => {
                own.merge(more, groups, known, budget)?;
            }
            (States::Picks(picks), States::Picks(more)) => picks.merge(more, groups, known),
            (States::Any(states), States::Any(more)) => {
                states.resize_with(known, || State::new(function));
                let mut ticker = control.ticker();
                for (state, group) in more.into_iter().zip(groups) {
                    ticker.step()?;
                    let Some(kept) = states.get_mut(*group as usize) else {
                        continue;
                    };
                    kept.merge(state, budget)?;
                    if let State::Set(_) | State::List(_) = kept {
                        aggregate.check_cap(kept.held())?;
                    }
                }
            }
            // Both are of one query, so they are of one kind; what is `Same` has nothing.
            _ => {}
        }
        Ok(())
    }
}

/// Merges each state with that of its group.
fn each<T>(kept: &mut [T], more: Vec<T>, groups: &[u32], mut merge: impl FnMut(&mut T, T)) {
    for (state, group) in more.into_iter().zip(groups) {
        if let Some(kept) = kept.get_mut(*group as usize) {
            merge(kept, state);
        }
    }
}

impl Picks<'_> {
    fn merge(&mut self, later: Self, groups: &[u32], known: usize) {
        self.picks.resize(known, NONE);
        let before = position(self.segments.len());
        self.segments.extend(later.segments);
        let last = self.last;
        each(&mut self.picks, later.picks, groups, |kept, pick| {
            if pick != NONE && (last || *kept == NONE) {
                *kept = (before + pick.0, pick.1);
            }
        });
    }
}
