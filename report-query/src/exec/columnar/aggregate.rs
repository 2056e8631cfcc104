//! Aggregates over rows whose groups have numbers.

use std::collections::HashSet;

use super::select::{Answers, Selected};
use crate::aggregate::{AggregateFunction, BoundAggregate, Budget, State, nearest_rank};
use crate::error::Result;
use crate::exec::control::Control;
use crate::exec::group::FINISH_STEPS;
use crate::expr::{Bound, Row, Scope};
use crate::schema::{DataType, Schema};
use crate::store::{Segment, with_codes};
use crate::value::Value;

/// An aggregate, and a state for each group.
pub(super) struct Accumulator<'p> {
    aggregate: &'p BoundAggregate,
    states: States,
}

enum States {
    Counts(Vec<u64>),
    /// Of a column of integers: the sum of its values, and how many there are.
    Sums(usize, Vec<(i128, u64)>),
    /// Of a column of integers: all its values.
    Ints(usize, Vec<Vec<i64>>),
    Any(Vec<State>),
}

impl<'p> Accumulator<'p> {
    pub(super) fn new(aggregate: &'p BoundAggregate, schema: &Schema) -> Self {
        use AggregateFunction as F;

        let ints = match aggregate.arguments[..] {
            [Bound::Column(column)] if aggregate.filter.is_none() => {
                let field = schema.fields().get(column);
                field
                    .filter(|field| field.data_type == DataType::Int)
                    .map(|_| column)
            }
            _ => None,
        };
        let states = match (aggregate.function, ints) {
            (F::Count | F::CountIf, _) => States::Counts(Vec::new()),
            (F::Sum | F::Avg, Some(column)) => States::Sums(column, Vec::new()),
            (F::Percentile(_), Some(column)) => States::Ints(column, Vec::new()),
            _ => States::Any(Vec::new()),
        };
        Self { aggregate, states }
    }

    /// The counts of groups, if it counts all rows.
    pub(super) fn plain_counts(&mut self) -> Option<&mut Vec<u64>> {
        let aggregate = self.aggregate;
        let is_plain = aggregate.filter.is_none() && aggregate.arguments.is_empty();
        match &mut self.states {
            States::Counts(counts) if is_plain => Some(counts),
            _ => None,
        }
    }

    /// Whether it comes to the same, in whatever order the rows come.
    pub(super) const fn is_order_free(&self) -> bool {
        self.aggregate.function.is_order_free()
    }

    /// Takes in rows of a segment, each with the number of its group, of which there are
    /// `known` by now.
    pub(super) fn update(
        &mut self,
        segment: &Segment,
        selected: &Selected,
        groups: &[u32],
        known: usize,
        budget: &mut Budget,
        control: &Control<'_>,
    ) -> Result<()> {
        let aggregate = self.aggregate;
        let mut ticker = control.ticker();
        control.check()?;
        match &mut self.states {
            States::Counts(counts) => {
                counts.resize(known, 0);
                count(aggregate, counts, segment, selected, groups)
            }
            States::Sums(column, sums) => {
                sums.resize(known, (0, 0));
                // A column without values is none of integers.
                let Some(ints) = segment.ints(*column) else {
                    return Ok(());
                };
                for (row, group) in selected.rows().zip(groups) {
                    if let (Some(Some(int)), Some((sum, count))) =
                        (ints.get(row), sums.get_mut(*group as usize))
                    {
                        *sum += i128::from(*int);
                        *count += 1;
                    }
                }
                Ok(())
            }
            States::Ints(column, values) => {
                values.resize_with(known, Vec::new);
                let Some(ints) = segment.ints(*column) else {
                    return Ok(());
                };
                let mut taken = 0;
                for (row, group) in selected.rows().zip(groups) {
                    if let (Some(Some(int)), Some(values)) =
                        (ints.get(row), values.get_mut(*group as usize))
                    {
                        values.push(*int);
                        taken += 1;
                    }
                }
                budget.take(taken)
            }
            States::Any(states) => {
                states.resize_with(known, || State::new(aggregate.function));
                if aggregate.function == AggregateFunction::CountDistinct
                    && aggregate.filter.is_none()
                    && let [Bound::Column(column)] = aggregate.arguments[..]
                    && let Some(distinct) = Pairs::new(segment, column, selected, groups)
                {
                    return distinct.insert(aggregate, states, budget);
                }
                for (row, group) in selected.rows().zip(groups) {
                    ticker.step()?;
                    if let Some(state) = states.get_mut(*group as usize) {
                        let scope = Scope::new(Row::Of(segment, row));
                        state.update(aggregate, &scope, budget)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// What each group comes to.
    pub(super) fn finish(self, groups: usize, control: &Control<'_>) -> Result<Vec<Value>> {
        let mut ticker = control.ticker();
        let function = self.aggregate.function;
        match self.states {
            States::Ints(_, mut values) => {
                values.resize_with(groups, Vec::new);
                let AggregateFunction::Percentile(percent) = function else {
                    return Ok(vec![Value::Null; groups]);
                };
                let finish = |values: Vec<i64>| {
                    ticker.steps(FINISH_STEPS + values.len())?;
                    Ok(nearest_rank(values, percent).into())
                };
                values.into_iter().map(finish).collect()
            }
            states => {
                let states = Self { states, ..self }.into_states(groups).into_iter();
                states
                    .map(|state| {
                        ticker.steps(FINISH_STEPS)?;
                        state.finish(function)
                    })
                    .collect()
            }
        }
    }

    /// The state of each group.
    pub(super) fn into_states(self, groups: usize) -> Vec<State> {
        let function = self.aggregate.function;
        match self.states {
            States::Counts(mut counts) => {
                counts.resize(groups, 0);
                counts.into_iter().map(State::Count).collect()
            }
            States::Sums(_, mut sums) => {
                sums.resize(groups, (0, 0));
                let state = |(ints, count)| match function {
                    AggregateFunction::Avg => State::Avg {
                        ints,
                        floats: None,
                        count,
                    },
                    _ => State::SumInt(ints, count),
                };
                sums.into_iter().map(state).collect()
            }
            States::Ints(_, mut values) => {
                values.resize_with(groups, Vec::new);
                let state = |values: Vec<i64>| {
                    State::Percentile(values.into_iter().map(Value::Int).collect())
                };
                values.into_iter().map(state).collect()
            }
            States::Any(mut states) => {
                states.resize_with(groups, || State::new(function));
                states
            }
        }
    }
}

fn count(
    aggregate: &BoundAggregate,
    counts: &mut [u64],
    segment: &Segment,
    selected: &Selected,
    groups: &[u32],
) -> Result<()> {
    let tests: Vec<&Bound> = aggregate
        .filter
        .iter()
        .chain(aggregate.arguments.first())
        .collect();
    let mut add = |group: u32, passes: bool| {
        if let Some(count) = counts.get_mut(group as usize) {
            *count += u64::from(passes);
        }
    };
    let answers: Option<Vec<Answers<'_>>> = tests
        .iter()
        .map(|test| Answers::new(segment, test, selected))
        .collect();
    match (&tests[..], answers) {
        ([], _) => groups.iter().for_each(|group| add(*group, true)),
        (_, Some(answers)) => {
            for (row, group) in selected.rows().zip(groups) {
                add(*group, answers.iter().all(|answers| answers.of(row)));
            }
        }
        (tests, None) => {
            'rows: for (row, group) in selected.rows().zip(groups) {
                let scope = Scope::new(Row::Of(segment, row));
                for test in tests {
                    if test.test(&scope)? != Some(true) {
                        continue 'rows;
                    }
                }
                add(*group, true);
            }
        }
    }
    Ok(())
}

fn wide(code: impl Into<u32>) -> u32 {
    code.into()
}

/// The different pairs of a group and a code.
struct Pairs<'s> {
    values: &'s [Value],
    pairs: Vec<(u32, u32)>,
}

impl<'s> Pairs<'s> {
    /// `None` where a column has no codes.
    fn new(
        segment: &'s Segment,
        column: usize,
        selected: &Selected,
        groups: &[u32],
    ) -> Option<Self> {
        /// Bits that are set aside at most, 2 MiB of them.
        const BITS: u64 = 1 << 24;

        let (codes, values) = segment.coded(column)?;
        let width = values.len() as u64;
        let most = groups
            .iter()
            .copied()
            .max()
            .map_or(0, |group| u64::from(group) + 1);
        let bits = most.saturating_mul(width);
        let is_dense = bits <= BITS;
        let mut seen = vec![
            0_u64;
            if is_dense {
                bits.div_ceil(64) as usize
            } else {
                0
            }
        ];
        let mut hashed: HashSet<(u32, u32)> = HashSet::new();
        let mut pairs = Vec::new();
        with_codes!(codes, codes => {
            for (row, group) in selected.rows().zip(groups) {
                let code = codes.get(row).map_or(0, |code| wide(*code));
                let is_new = if is_dense {
                    let bit = u64::from(*group) * width + u64::from(code);
                    let word = seen.get_mut((bit / 64) as usize)?;
                    let is_new = *word >> (bit % 64) & 1 == 0;
                    *word |= 1 << (bit % 64);
                    is_new
                } else {
                    hashed.insert((*group, code))
                };
                if is_new {
                    pairs.push((*group, code));
                }
            }
        });
        Some(Self { values, pairs })
    }

    fn insert(
        self,
        aggregate: &BoundAggregate,
        states: &mut [State],
        budget: &mut Budget,
    ) -> Result<()> {
        for (group, code) in self.pairs {
            let value = self.values.get(code as usize);
            if let (Some(state), Some(value)) = (states.get_mut(group as usize), value) {
                state.take(aggregate, value, budget)?;
            }
        }
        Ok(())
    }
}
