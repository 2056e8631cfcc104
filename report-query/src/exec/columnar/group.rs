//! The first group of a pipeline, segment by segment.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::aggregate::{Accumulator, Rows};
use super::keys::Keys;
use super::order::Wanted;
use super::select::Tests;
use crate::aggregate::{AggregateFunction, BoundAggregate, Budget, Partial};
use crate::error::{QueryError, Result};
use crate::exec::batch::{Batch, position};
use crate::exec::control::{Control, sort_by};
use crate::exec::sort;
use crate::expr::Bound;
use crate::query::Groups;
use crate::store::{Part, Snapshot};
use crate::value::Value;

/// A grouping of the rows of segments: its keys and aggregates, and the number of its stage.
pub(in crate::exec) struct Grouping<'p> {
    pub(in crate::exec) by: &'p [Bound],
    pub(in crate::exec) aggregates: &'p [BoundAggregate],
    pub(in crate::exec) stage: usize,
}

/// Where the groups of the rows stand, and what their aggregates know.
struct Accumulated<'p> {
    keys: Keys<'p>,
    accumulators: Vec<Accumulator<'p>>,
}

impl<'p> Grouping<'p> {
    /// Says which stage an error comes from.
    pub(in crate::exec) fn place(&self, error: QueryError) -> QueryError {
        error.at("group").at_index(self.stage).at("stages")
    }

    /// The groups of the rows that pass; `None` if a key is none that columns are grouped
    /// by, or if the order of the rows matters and segments overlap.
    pub(in crate::exec) fn group<'s>(
        &self,
        snapshot: &'p Snapshot,
        parts: &[Part<'p>],
        tests: &Tests<'_>,
        wanted: &Wanted<'_>,
        control: &Control<'_>,
    ) -> Result<Option<Batch<'s>>> {
        let Some(Accumulated {
            mut keys,
            accumulators,
        }) = self.accumulate(snapshot, parts, tests, control)?
        else {
            return Ok(None);
        };
        if self.by.is_empty() && keys.len() == 0 {
            // One group of all rows, even of none.
            keys.number_of(std::iter::empty())
                .map_err(|error| self.place(error))?;
        }
        let count = keys.len();
        let mut columns = Accumulator::finish_all(accumulators, count, control)
            .map_err(|error| self.place(error))?;
        let order = self
            .ordered(&keys, &columns, count, wanted, control)
            .map_err(|error| self.place(error))?;
        let mut all = Vec::with_capacity(self.by.len() + columns.len());
        for key in 0..self.by.len() {
            control.check()?;
            // Of equal keys it must not matter which one came first.
            let value = |group: &u32| keys.value(*group, key).normalized();
            all.push(order.iter().map(value).collect());
        }
        for values in &mut columns {
            let mut take = |group: &u32| values.get_mut(*group as usize).map(std::mem::take);
            let values = order.iter().map(|group| take(group).unwrap_or_default());
            all.push(values.collect());
        }
        Ok(Some(Batch::computed(all, order.len())))
    }

    /// The groups in the order that is wanted.
    fn ordered(
        &self,
        keys: &Keys<'_>,
        columns: &[Vec<Value>],
        count: usize,
        wanted: &Wanted<'_>,
        control: &Control<'_>,
    ) -> Result<Vec<u32>> {
        let mut order: Vec<u32> = (0..position(count)).collect();
        if let Wanted::Any = wanted {
            return Ok(order);
        }
        let by_keys = keys.order();
        match wanted {
            Wanted::Any => {}
            Wanted::ByKeys => sort_by(&mut order, by_keys, control)?,
            Wanted::First(by, rows) => {
                let by_key: Vec<_> = (0..self.by.len()).map(|key| keys.order_by(key)).collect();
                let compare = |a: &u32, b: &u32| {
                    for sort in *by {
                        let Bound::Column(column) = sort.key else {
                            continue;
                        };
                        let order = if let Some(order) = by_key.get(column) {
                            match order(*a, *b) {
                                Some(order) if sort.descending => order.reverse(),
                                Some(order) => order,
                                None => {
                                    let value = |group| keys.value(group, column);
                                    sort::compare(sort, &value(*a), &value(*b))
                                }
                            }
                        } else {
                            let column = columns.get(column - self.by.len());
                            let of = |group: &u32| column?.get(*group as usize);
                            match (of(a), of(b)) {
                                (Some(a), Some(b)) => sort::compare(sort, a, b),
                                _ => Ordering::Equal,
                            }
                        };
                        if order.is_ne() {
                            return order;
                        }
                    }
                    by_keys(a, b)
                };
                order = sort::first(order, *rows, compare, control)?;
            }
        }
        Ok(order)
    }

    /// The groups of the rows that pass with the states of their aggregates; `None` as
    /// above, or if the order of the rows matters.
    pub(in crate::exec) fn partial(
        &self,
        snapshot: &'p Snapshot,
        parts: &[Part<'p>],
        tests: &Tests<'_>,
        control: &Control<'_>,
    ) -> Result<Option<Groups>> {
        let mut functions = self.aggregates.iter().map(|aggregate| aggregate.function);
        if !functions.all(AggregateFunction::is_order_free) {
            return Ok(None);
        }
        let Some(Accumulated { keys, accumulators }) =
            self.accumulate(snapshot, parts, tests, control)?
        else {
            return Ok(None);
        };
        let mut states: Vec<_> = Accumulator::all_states(accumulators, keys.len())?
            .into_iter()
            .map(Vec::into_iter)
            .collect();
        let next = |key: Box<[Value]>| {
            let key = key.into_iter().map(Value::normalized).collect();
            // There are as many states of each aggregate as keys.
            let of_key = states.iter_mut().filter_map(Iterator::next);
            (key, of_key.map(Partial::Free).collect())
        };
        Ok(Some(keys.tuples().map(next).collect()))
    }

    /// The numbers of the groups, and the aggregates by these numbers.
    fn accumulate(
        &self,
        snapshot: &'p Snapshot,
        parts: &[Part<'p>],
        tests: &Tests<'_>,
        control: &Control<'_>,
    ) -> Result<Option<Accumulated<'p>>> {
        let within = |error: QueryError| self.place(error);
        let (schema, dictionaries) = (snapshot.schema(), snapshot.dictionaries());
        let is_ordered = parts.windows(2).all(|pair| match pair {
            [a, b] => last_key(a) < first_key(b),
            _ => true,
        });
        let mut accumulators =
            Accumulator::all(self.aggregates, schema, dictionaries, parts, is_ordered);
        if !is_ordered && !accumulators.iter().all(Accumulator::is_order_free) {
            return Ok(None);
        }
        let mut keys = Keys::new(self.by, schema, dictionaries, control.limits.groups);
        let mut budget = Budget::new(control.limits.values);
        let counts_alone = accumulators.iter_mut().all(Accumulator::is_plain_count);
        let mut total: Vec<u64> = Vec::new();
        for part in parts {
            let selected = tests.marked(part, control)?;
            if selected.is_empty() {
                continue;
            }
            let selected = if counts_alone && self.by.is_empty() {
                selected
            } else {
                selected.listed()
            };
            let Some(of_segment) = keys.of(part.segment, &selected) else {
                return Ok(None);
            };
            if counts_alone
                && keys
                    .count(&of_segment, &selected, &mut total)
                    .map_err(within)?
            {
                continue;
            }
            let groups = keys.numbered(&of_segment, &selected).map_err(within)?;
            if counts_alone {
                total.resize(keys.len(), 0);
                for group in groups {
                    if let Some(count) = total.get_mut(group as usize) {
                        *count += 1;
                    }
                }
                continue;
            }
            let rows = Rows {
                segment: part.segment,
                selected: &selected,
                groups: &groups,
                known: keys.len(),
            };
            for accumulator in &mut accumulators {
                accumulator
                    .update(&rows, &mut budget, control)
                    .map_err(within)?;
            }
        }
        if counts_alone {
            total.resize(keys.len(), 0);
            for accumulator in &mut accumulators {
                accumulator.set_counts(&total);
            }
        }
        Ok(Some(Accumulated { keys, accumulators }))
    }
}

fn first_key(part: &Part<'_>) -> Option<(DateTime<Utc>, uuid::Uuid)> {
    part.segment.key(0)
}

fn last_key(part: &Part<'_>) -> Option<(DateTime<Utc>, uuid::Uuid)> {
    part.segment.key(part.segment.len().checked_sub(1)?)
}
