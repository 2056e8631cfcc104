//! The first group of a pipeline, segment by segment.

use std::borrow::Cow;
use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::aggregate::{Accumulator, Rows, of_counts};
use super::keys::Keys;
use super::order::Wanted;
use super::row_groups::RowGroups;
use super::select::Tests;
use super::selected::Selected;
use super::threads;
use crate::aggregate::{AggregateFunction, BoundAggregate, Budget, Partial, int};
use crate::error::{QueryError, Result};
use crate::exec::batch::{Batch, Column, position};
use crate::exec::control::{Control, Most, sort_by};
use crate::exec::sort;
use crate::expr::Bound;
use crate::query::Groups;
use crate::schema::{DataType, Schema};
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
    budget: Budget,
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
            ..
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
        let groups = self.candidates(&accumulators, count, wanted);
        let (order, columns) = self
            .finished(&keys, accumulators, groups, wanted, control)
            .map_err(|error| self.place(error))?;
        let mut all = Vec::with_capacity(self.by.len() + columns.len());
        for key in 0..self.by.len() {
            control.check()?;
            if let Some(codes) = keys.codes(key, &order) {
                all.push(codes);
                continue;
            }
            // Of equal keys it must not matter which one came first.
            let value = |at| match order.get(at) {
                Some(group) => keys.value(*group, key).normalized(),
                None => Value::Null,
            };
            all.push(Column::own(threads::of_numbers(order.len(), value)));
        }
        all.extend(columns);
        Ok(Some(Batch::of_columns(all, order.len())))
    }

    /// The groups in the order that is wanted, and what they come to.
    fn finished(
        &self,
        keys: &Keys<'_>,
        accumulators: Vec<Accumulator<'_>>,
        groups: Vec<u32>,
        wanted: &Wanted<'_>,
        control: &Control<'_>,
    ) -> Result<(Vec<u32>, Vec<Column>)> {
        // Counts of groups that are left out need no values.
        let counts: Option<Vec<&[u64]>> = accumulators.iter().map(Accumulator::counts).collect();
        if let Some(counts) = counts.filter(|_| groups.len() < keys.len()) {
            let of = |counts: &[u64], group: u32| {
                let count = counts.get(group as usize).copied();
                count.unwrap_or_default()
            };
            let value = |column: usize, group| {
                let count = of(counts.get(column)?, group);
                int(count).ok().map(Cow::Owned)
            };
            let order = self.ordered(keys, value, groups, wanted, control)?;
            let column = |counts: &&[u64]| {
                let counts = order.iter().map(|group| of(counts, *group));
                of_counts(counts).map(Column::from)
            };
            let columns = counts.iter().map(column).collect::<Result<_>>()?;
            return Ok((order, columns));
        }
        let columns = Accumulator::finish_all(accumulators, keys.len(), control)?;
        let value = |column: usize, group| columns.get(column)?.value(group as usize);
        let order = self.ordered(keys, value, groups, wanted, control)?;
        // All groups in the order of their numbers are as they stand.
        if order.len() == keys.len() && order.is_sorted() {
            return Ok((order, columns));
        }
        let columns = columns.into_iter().map(|column| column.ordered(&order));
        let columns = columns.collect();
        Ok((order, columns))
    }

    /// The groups that may be among those wanted: where the first ones by a count are, all that
    /// are not behind the last one of these.
    fn candidates(
        &self,
        accumulators: &[Accumulator<'_>],
        count: usize,
        wanted: &Wanted<'_>,
    ) -> Vec<u32> {
        /// More are told apart bit by bit, which can be stopped.
        const MOST: usize = 1 << 20;

        let all = 0..position(count);
        let of_counts = || {
            let Wanted::First([first, ..], rows) = *wanted else {
                return None;
            };
            let Bound::Column(column) = first.key else {
                return None;
            };
            let counts = accumulators
                .get(column.checked_sub(self.by.len())?)?
                .counts()?;
            let last = rows
                .checked_sub(1)
                .filter(|_| rows < count && count <= MOST)?;
            let of = |group: u32| counts.get(group as usize).copied().unwrap_or_default();
            let mut sorted: Vec<u64> = all.clone().map(of).collect();
            let (_, last, _) = match first.descending {
                true => sorted.select_nth_unstable_by(last, |a, b| b.cmp(a)),
                false => sorted.select_nth_unstable(last),
            };
            let is_before = |group: &u32| match first.descending {
                true => of(*group) >= *last,
                false => of(*group) <= *last,
            };
            Some(all.clone().filter(is_before).collect())
        };
        of_counts().unwrap_or_else(|| all.clone().collect())
    }

    /// Groups in the order that is wanted, given what a group comes to by each aggregate.
    fn ordered<'v>(
        &self,
        keys: &Keys<'_>,
        value: impl Fn(usize, u32) -> Option<Cow<'v, Value>>,
        mut order: Vec<u32>,
        wanted: &Wanted<'_>,
        control: &Control<'_>,
    ) -> Result<Vec<u32>> {
        if let Wanted::Any = wanted {
            return Ok(order);
        }
        if let Wanted::ByKeys = wanted
            && let Some(ranked) = keys.ranked()
        {
            return Ok(ranked);
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
                            let of = |group: &u32| value(column - self.by.len(), *group);
                            match (of(a), of(b)) {
                                (Some(a), Some(b)) => sort::compare(sort, &a, &b),
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
        let Some(Accumulated {
            keys, accumulators, ..
        }) = self.accumulate(snapshot, parts, tests, control)?
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

    /// The numbers of the groups, and the aggregates by these numbers: of several runs of the
    /// parts at once, if there are threads for that.
    fn accumulate(
        &self,
        snapshot: &'p Snapshot,
        parts: &[Part<'p>],
        tests: &Tests<'_>,
        control: &Control<'_>,
    ) -> Result<Option<Accumulated<'p>>> {
        let is_ordered = parts.windows(2).all(|pair| match pair {
            [a, b] => last_key(a) < first_key(b),
            _ => true,
        });
        let begun = || Accumulated {
            keys: Keys::new(self.by, snapshot, Most::groups(control.limits)),
            accumulators: Accumulator::all(self.aggregates, snapshot, parts, is_ordered),
            budget: Budget::new(control.limits.values),
        };
        if !is_ordered && !begun().accumulators.iter().all(Accumulator::is_order_free) {
            return Ok(None);
        }
        let runs = threads::runs(parts);
        tests.prepare(parts, control)?;
        if runs.len() > 1
            && let Some(key) = self.key_of_ids(snapshot.schema())
        {
            return self.by_ids(key, runs.len(), parts, tests, begun, control);
        }
        let all = threads::map(runs, |run| {
            let mut accumulated = begun();
            let rows = run
                .iter()
                .map(|part| Ok((part, tests.marked(part, control)?)));
            let is_grouped = accumulated.add(rows, threads::rows_of(run), control, |error| {
                self.place(error)
            })?;
            Ok(is_grouped.then_some(accumulated))
        });
        threads::one_of(all, |first, later| {
            let groups = first.keys.absorb(later.keys);
            groups
                .and_then(|groups| first.merge(later.accumulators, &groups, control))
                .map_err(|error| self.place(error))
        })
    }

    /// A key of GUIDs.
    fn key_of_ids(&self, schema: &Schema) -> Option<(usize, usize)> {
        let of_ids = |key: &Bound| match key {
            Bound::Column(column) => {
                let field = schema.fields().get(*column)?;
                let is_plain = field.data_type == DataType::Id && !schema.is_coded(*column);
                is_plain.then_some(*column)
            }
            _ => None,
        };
        let mut keys = self.by.iter().enumerate();
        keys.find_map(|(at, key)| Some((at, of_ids(key)?)))
    }

    /// The same with as many shares of a key's GUIDs instead of runs of the parts: there may be
    /// nearly as many groups as rows, and of those of two shares none is the same.
    fn by_ids(
        &self,
        (at, column): (usize, usize),
        shares: usize,
        parts: &[Part<'p>],
        tests: &Tests<'_>,
        begun: impl Fn() -> Accumulated<'p> + Send + Sync,
        control: &Control<'_>,
    ) -> Result<Option<Accumulated<'p>>> {
        let selected = threads::of_parts(parts, |part| tests.select(part, control))?;
        let all = threads::map((0..shares).collect(), |share| {
            let mut accumulated = begun();
            let rows = parts.iter().zip(&selected).map(|(part, selected)| {
                let ids = part.segment.segment.ids(column);
                let of_share = |row: usize| {
                    let id = ids.and_then(|ids| ids.get(row).copied().flatten());
                    share_of(id, shares) == share
                };
                let rows = selected.rows().filter(|row| of_share(*row));
                Ok((part, Selected::Some(rows.map(position).collect())))
            });
            let is_grouped = accumulated.add(rows, threads::rows_of(parts), control, |error| {
                self.place(error)
            })?;
            Ok(is_grouped.then_some(accumulated))
        });
        threads::one_of(all, |first, later| {
            let groups = first.keys.append(later.keys, at);
            groups
                .and_then(|groups| first.merge(later.accumulators, &groups, control))
                .map_err(|error| self.place(error))
        })
    }
}

/// The share that a GUID is of, of so many.
fn share_of(id: Option<Uuid>, shares: usize) -> usize {
    let (high, low) = id.unwrap_or_default().as_u64_pair();
    let mixed = (high ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % shares
}

impl<'p> Accumulated<'p> {
    /// Takes in the rows of parts that pass, of so many; `false` if a key has to be evaluated row
    /// by row.
    fn add<'r>(
        &mut self,
        rows: impl Iterator<Item = Result<(&'r Part<'p>, Selected)>>,
        of: usize,
        control: &Control<'_>,
        within: impl Fn(QueryError) -> QueryError,
    ) -> Result<bool>
    where
        'p: 'r,
    {
        let Self {
            keys,
            accumulators,
            budget,
        } = self;
        let counts_alone = accumulators.iter_mut().all(Accumulator::is_plain_count);
        let mut total: Vec<u64> = Vec::new();
        let mut tally = if counts_alone { keys.tally(of) } else { None };
        for of_part in rows {
            let (part, selected) = of_part?;
            if selected.is_empty() {
                continue;
            }
            let selected = if counts_alone && keys.is_of_all() {
                selected
            } else {
                selected.listed()
            };
            let Some(of_segment) = keys.of(part.segment, &selected) else {
                return Ok(false);
            };
            if let Some(tally) = &mut tally {
                tally.add(&of_segment, &selected);
                continue;
            }
            if counts_alone
                && keys
                    .count(&of_segment, &selected, &mut total)
                    .map_err(&within)?
            {
                continue;
            }
            let groups = RowGroups::new(keys, &of_segment, &selected).map_err(&within)?;
            if counts_alone {
                total.resize(keys.len(), 0);
                for group in groups.numbers() {
                    if let Some(count) = total.get_mut(*group as usize) {
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
            for accumulator in &mut *accumulators {
                accumulator
                    .update(&rows, budget, control)
                    .map_err(&within)?;
            }
        }
        if let Some(tally) = tally {
            total = tally.finish(keys).map_err(&within)?;
        }
        if counts_alone {
            total.resize(keys.len(), 0);
            for accumulator in accumulators {
                accumulator.set_counts(&total);
            }
        }
        Ok(true)
    }

    /// Takes in what is known of other rows, given the numbers of their groups here.
    fn merge(
        &mut self,
        others: Vec<Accumulator<'p>>,
        groups: &[u32],
        control: &Control<'_>,
    ) -> Result<()> {
        let known = self.keys.len();
        for (own, other) in self.accumulators.iter_mut().zip(others) {
            own.merge(other, groups, known, &mut self.budget, control)?;
        }
        Ok(())
    }
}

fn first_key(part: &Part<'_>) -> Option<(DateTime<Utc>, Uuid)> {
    part.segment.first_key()
}

fn last_key(part: &Part<'_>) -> Option<(DateTime<Utc>, Uuid)> {
    part.segment.key(part.segment.len().checked_sub(1)?)
}
