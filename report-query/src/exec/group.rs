//! Groups: rows with equal keys, sessions, and the first rows of each key.

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, TimeDelta, Utc};
use foldhash::fast::RandomState;

use super::batch::{Batch, Evaluator, column, position, value};
use super::control::{Control, Most, sort_by};
use super::numbers::Numbers;
use super::sort::Order;
use crate::aggregate::{AggregateFunction, BoundAggregate, Budget, State};
use crate::error::Result;
use crate::expr::{Bound, Cells};
use crate::query::BoundSort;
use crate::value::Value;

/// The groups of rows: a number for each row, in the order of first occurrence.
pub(super) struct Groups {
    pub(super) keys: Vec<Box<[Value]>>,
    pub(super) of_row: Vec<u32>,
}

pub(super) fn groups(
    batch: &Batch<'_>,
    by: &[Bound],
    most: Most,
    control: &Control<'_>,
) -> Result<Groups> {
    if by.is_empty() && batch.len() > 0 {
        return Ok(Groups {
            keys: vec![Box::default()],
            of_row: vec![0; batch.len()],
        });
    }
    if let [Bound::Column(column)] = by {
        if let Some(values) = batch.own(*column) {
            let value = |row: usize| values.get(row).cloned();
            return groups_of(values.iter(), value, most, control);
        }
        if let Some(numbers) = batch.numbers(*column) {
            return groups_of(
                numbers.all().iter(),
                |row| numbers.value(row),
                most,
                control,
            );
        }
    }
    if let [Bound::Column(column)] = by
        && let Some(groups) = groups_of_codes(batch, *column, most, control)?
    {
        return Ok(groups);
    }
    let mut evaluators: Vec<_> = by.iter().map(|key| Evaluator::new(key, value)).collect();
    let mut numbers: HashMap<Box<[Value]>, u32, RandomState> = HashMap::default();
    let mut of_row = Vec::with_capacity(batch.len());
    let mut key = Vec::with_capacity(by.len());
    let mut ticker = control.ticker();
    for row in 0..batch.len() {
        ticker.step()?;
        key.clear();
        for evaluator in &mut evaluators {
            key.push(evaluator.of(batch, row)?);
        }
        let number = match numbers.get(key.as_slice()) {
            Some(number) => *number,
            None => {
                most.check(numbers.len() as u64 + 1)?;
                let number = position(numbers.len());
                numbers.insert(key.as_slice().into(), number);
                number
            }
        };
        of_row.push(number);
    }
    let mut keys: Vec<(Box<[Value]>, u32)> = numbers.into_iter().collect();
    keys.sort_unstable_by_key(|(_, number)| *number);
    Ok(Groups {
        keys: keys.into_iter().map(|(key, _)| key).collect(),
        of_row,
    })
}

/// The groups of rows by one computed column, given what is different in each row's value, and the
/// value.
fn groups_of<K: Eq + Hash>(
    all: impl ExactSizeIterator<Item = K>,
    value: impl Fn(usize) -> Option<Value>,
    most: Most,
    control: &Control<'_>,
) -> Result<Groups> {
    let mut numbers: HashMap<K, u32, RandomState> = HashMap::default();
    let mut keys: Vec<Box<[Value]>> = Vec::new();
    let mut of_row = Vec::with_capacity(all.len());
    let mut ticker = control.ticker();
    for (row, known) in all.enumerate() {
        ticker.step()?;
        let number = match numbers.get(&known) {
            Some(number) => *number,
            None => {
                most.check(keys.len() as u64 + 1)?;
                let number = position(keys.len());
                numbers.insert(known, number);
                keys.push(Box::new([value(row).unwrap_or_default()]));
                number
            }
        };
        of_row.push(number);
    }
    Ok(Groups { keys, of_row })
}

/// The groups of rows by one column of texts of the store, by their codes; `None` if it is
/// another column, or has far more codes than there are rows.
fn groups_of_codes(
    batch: &Batch<'_>,
    column: usize,
    most: Most,
    control: &Control<'_>,
) -> Result<Option<Groups>> {
    const NONE: u32 = u32::MAX;

    let mut numbers: Vec<u32> = Vec::new();
    let mut keys: Vec<Box<[Value]>> = Vec::new();
    let mut of_row = Vec::with_capacity(batch.len());
    let mut ticker = control.ticker();
    for row in 0..batch.len() {
        ticker.step()?;
        // Null in a segment without any text has no code.
        let Some((0, code, codes)) = batch.code(row, column) else {
            return Ok(None);
        };
        if codes > 16 * batch.len() + 4096 {
            return Ok(None);
        }
        numbers.resize(codes, NONE);
        let Some(number) = numbers.get_mut(code) else {
            return Ok(None);
        };
        if *number == NONE {
            most.check(keys.len() as u64 + 1)?;
            *number = position(keys.len());
            keys.push(Box::new([batch.cell(row, column).into_owned()]));
        }
        of_row.push(*number);
    }
    Ok(Some(Groups { keys, of_row }))
}

/// One row for each group, ascending by the keys.
pub(super) fn group<'s>(
    batch: &Batch<'_>,
    by: &[Bound],
    aggregates: &[BoundAggregate],
    control: &Control<'_>,
) -> Result<Batch<'s>> {
    let mut groups = groups(batch, by, Most::groups(control.limits), control)?;
    if by.is_empty() {
        // One group of all rows, even of none.
        groups.keys = vec![Box::default()];
    }
    let count = groups.keys.len();
    // One aggregate after the other: each keeps its own states close together.
    let mut budget = Budget::new(control.limits.values);
    let mut columns = Vec::with_capacity(aggregates.len());
    let mut ticker = control.ticker();
    for aggregate in aggregates {
        let mut states = vec![State::new(aggregate.function); count];
        let ints = ints(batch, aggregate);
        for (row, group) in groups.of_row.iter().enumerate() {
            ticker.step()?;
            let Some(state) = states.get_mut(*group as usize) else {
                continue;
            };
            match ints {
                Some(ints) => {
                    let value = ints.value(row).unwrap_or_default();
                    state.take(aggregate, &value, &mut budget)?;
                }
                None => state.update(aggregate, &batch.scope(row), &mut budget)?,
            }
        }
        let values = states
            .into_iter()
            .map(|state| {
                ticker.steps(FINISH_STEPS)?;
                state.finish(aggregate.function)
            })
            .collect::<Result<Vec<_>>>()?;
        columns.push(values);
    }
    let keys = groups.keys;
    Numbered { keys, columns }.into_batch(by.len(), control)
}

/// The numbers that an aggregate adds up, if they stand in a column of such.
fn ints<'b>(batch: &'b Batch<'_>, aggregate: &BoundAggregate) -> Option<&'b Numbers> {
    use AggregateFunction as F;

    match (aggregate.function, &aggregate.arguments[..]) {
        (F::Sum | F::Avg, [Bound::Column(column)]) if aggregate.filter.is_none() => {
            batch.numbers(*column)
        }
        _ => None,
    }
}

/// What the end of a group counts for: its values may have to be sorted.
pub(super) const FINISH_STEPS: usize = 64;

/// Groups by their numbers, and what their aggregates come to.
pub(super) struct Numbered {
    pub(super) keys: Vec<Box<[Value]>>,
    /// One for each aggregate.
    pub(super) columns: Vec<Vec<Value>>,
}

impl Numbered {
    /// A row for each group, ascending by its keys.
    pub(super) fn into_batch<'s>(
        mut self,
        keys: usize,
        control: &Control<'_>,
    ) -> Result<Batch<'s>> {
        let count = self.keys.len();
        let mut order: Vec<u32> = (0..position(count)).collect();
        let key_of = |group: u32| self.keys.get(group as usize);
        sort_by(&mut order, |a, b| key_of(*a).cmp(&key_of(*b)), control)?;
        let mut columns: Vec<Vec<Value>> = Vec::with_capacity(keys + self.columns.len());
        for index in 0..keys {
            control.check()?;
            let of = |group: &u32| key_of(*group)?.get(index).cloned();
            // Of equal keys it must not matter which one came first.
            let values = order
                .iter()
                .map(|group| of(group).unwrap_or_default().normalized());
            columns.push(values.collect());
        }
        for values in &mut self.columns {
            let mut take = |group: &u32| values.get_mut(*group as usize).map(std::mem::take);
            let values = order.iter().map(|group| take(group).unwrap_or_default());
            columns.push(values.collect());
        }
        Ok(Batch::computed(columns, count))
    }
}

/// For each row the time of its session's first row.
pub(super) fn sessions(
    batch: &Batch<'_>,
    by: &[Bound],
    time: &Bound,
    gap_seconds: i64,
    control: &Control<'_>,
) -> Result<Vec<Value>> {
    let groups = groups(batch, by, Most::groups(control.limits), control)?;
    let times: Vec<Option<DateTime<Utc>>> = column(batch, time, control)?
        .iter()
        .map(Value::as_time)
        .collect();
    let key_of = |row: u32| {
        (
            groups.of_row.get(row as usize),
            times.get(row as usize).copied().flatten(),
        )
    };
    let mut order: Vec<u32> = (0..position(batch.len())).collect();
    sort_by(&mut order, |a, b| key_of(*a).cmp(&key_of(*b)), control)?;
    // A gap beyond what times can differ by separates nothing.
    let gap = TimeDelta::try_seconds(gap_seconds).unwrap_or(TimeDelta::MAX);
    let mut sessions = vec![Value::Null; batch.len()];
    let mut before: Option<(Option<&u32>, DateTime<Utc>)> = None;
    let mut start = Value::Null;
    let mut ticker = control.ticker();
    for row in order {
        ticker.step()?;
        let (group, Some(time)) = key_of(row) else {
            continue;
        };
        let goes_on =
            before.is_some_and(|(last_group, last)| last_group == group && time - last <= gap);
        if !goes_on {
            start = Value::Time(time);
        }
        before = Some((group, time));
        if let Some(session) = sessions.get_mut(row as usize) {
            *session = start.clone();
        }
    }
    Ok(sessions)
}

/// The positions of the first rows of each key, in their own order.
pub(super) fn top_per(
    batch: &Batch<'_>,
    by: &[Bound],
    sort: &[BoundSort],
    rows: u64,
    control: &Control<'_>,
) -> Result<Vec<u32>> {
    let groups = groups(batch, by, Most::rows(control.limits), control)?;
    let order = Order::new(batch, sort, control)?;
    let mut sorted: Vec<u32> = (0..position(batch.len())).collect();
    sort_by(&mut sorted, |a, b| order.compare(*a, *b), control)?;
    let mut taken = vec![0_u64; groups.keys.len()];
    let mut kept: Vec<u32> = sorted
        .into_iter()
        .filter(|row| {
            let group = groups
                .of_row
                .get(*row as usize)
                .copied()
                .unwrap_or_default();
            match taken.get_mut(group as usize) {
                Some(count) if *count < rows => {
                    *count += 1;
                    true
                }
                _ => false,
            }
        })
        .collect();
    kept.sort_unstable();
    Ok(kept)
}
