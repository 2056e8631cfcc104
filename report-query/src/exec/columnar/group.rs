//! The first group of a pipeline: a number for each row, from the codes of its keys.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::{AddAssign, Mul};

use chrono::{DateTime, Utc};

use super::aggregate::Accumulator;
use super::select::{Selected, Tests, of_codes};
use crate::aggregate::{AggregateFunction, BoundAggregate, Budget, Partial};
use crate::error::{QueryError, Result};
use crate::exec::batch::{Batch, position, value};
use crate::exec::control::Control;
use crate::exec::group::Numbered;
use crate::expr::{Bound, Row, Scope};
use crate::query::Groups;
use crate::schema::Schema;
use crate::store::{Codes, Part, Segment, with_codes};
use crate::value::Value;

/// Groups of which a table has a place for each; more are looked up by hashing.
const DENSE: usize = 1 << 16;

/// A key of a group in one segment: a small number for each row.
enum Key<'s> {
    /// All rows have this value.
    One(Value),
    Coded(&'s Codes, Cow<'s, [Value]>),
    /// Where each bucket of the ascending times ends, and its start.
    Buckets(Vec<(usize, DateTime<Utc>)>),
}

impl<'s> Key<'s> {
    /// `None` if the key has to be evaluated row by row.
    fn new(segment: &'s Segment, key: &Bound, selected: &Selected) -> Option<Self> {
        if let Bound::Bucket(of, bucket) = key
            && let Bound::Column(column) = &**of
            && segment.is_key_time(*column)
        {
            let times = segment.times();
            let mut buckets: Vec<(usize, DateTime<Utc>)> = Vec::new();
            let (mut at, last) = selected.first_and_last()?;
            while at <= last {
                let start = bucket.start(*times.get(at)?)?;
                let rest = times.get(at..)?;
                let same = rest.partition_point(|time| bucket.start(*time) == Some(start));
                at += same.max(1);
                buckets.push((at, start));
            }
            return Some(Self::Buckets(buckets));
        }
        let column = key.only_column().filter(|_| key.is_total())?;
        if segment.is_null(column) {
            return Some(Self::One(
                value(key, &Scope::new(Row::Cell(&Value::Null))).ok()?,
            ));
        }
        let (codes, values) = segment.coded(column)?;
        if let Bound::Column(_) = key {
            return Some(Self::Coded(codes, Cow::Borrowed(values)));
        }
        let values = of_codes(segment, column, selected, |cell| {
            value(key, &Scope::new(Row::Cell(cell))).ok()
        })?;
        Some(Self::Coded(codes, Cow::Owned(values)))
    }

    /// How many different numbers there may be.
    fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Coded(_, values) => values.len(),
            Self::Buckets(buckets) => buckets.len(),
        }
    }

    fn value(&self, number: usize) -> Value {
        match self {
            Self::One(value) => value.clone(),
            Self::Coded(_, values) => values.get(number).cloned().unwrap_or_default(),
            Self::Buckets(buckets) => buckets
                .get(number)
                .map_or(Value::Null, |(_, start)| Value::Time(*start)),
        }
    }

    /// Adds the row's number, times the stride, to each of the numbers.
    fn add<N>(&self, selected: &Selected, stride: N, numbers: &mut [N])
    where
        N: Copy + AddAssign + Mul<Output = N> + From<u8> + From<u16> + From<u32>,
    {
        match (self, selected) {
            (Self::One(_), _) => {}
            (Self::Coded(codes, _), Selected::All(rows)) => with_codes!(codes, codes => {
                let codes = codes.get(rows.clone()).unwrap_or_default();
                for (code, number) in codes.iter().zip(numbers) {
                    *number += N::from(*code) * stride;
                }
            }),
            (Self::Coded(codes, _), Selected::Some(rows)) => with_codes!(codes, codes => {
                for (row, number) in rows.iter().zip(numbers) {
                    if let Some(code) = codes.get(*row as usize) {
                        *number += N::from(*code) * stride;
                    }
                }
            }),
            (Self::Buckets(buckets), _) => {
                let mut bucket = 0_u32;
                for (row, number) in selected.rows().zip(numbers) {
                    while buckets
                        .get(bucket as usize)
                        .is_some_and(|(end, _)| row >= *end)
                    {
                        bucket += 1;
                    }
                    *number += N::from(bucket) * stride;
                }
            }
        }
    }
}

/// The numbers of groups, from 0 on.
pub(super) struct Numbers {
    known: HashMap<Box<[Value]>, u32>,
    /// How many there may be.
    most: u64,
}

impl Numbers {
    pub(super) fn new(most: u64) -> Self {
        Self {
            known: HashMap::new(),
            most,
        }
    }

    /// The keys, in the order of their numbers.
    pub(super) fn into_keys(self) -> Vec<Box<[Value]>> {
        let mut keys: Vec<(Box<[Value]>, u32)> = self.known.into_iter().collect();
        keys.sort_unstable_by_key(|(_, number)| *number);
        keys.into_iter().map(|(key, _)| key).collect()
    }

    pub(super) fn of(&mut self, key: Box<[Value]>) -> Result<u32> {
        if let Some(number) = self.known.get(&key) {
            return Ok(*number);
        }
        if self.known.len() as u64 >= self.most {
            return Err(QueryError::limit("groups", self.most));
        }
        let number = position(self.known.len());
        self.known.insert(key, number);
        Ok(number)
    }
}

/// A grouping of the rows of segments: its keys and aggregates, and the number of its stage.
pub(in crate::exec) struct Grouping<'p> {
    pub(in crate::exec) by: &'p [Bound],
    pub(in crate::exec) aggregates: &'p [BoundAggregate],
    pub(in crate::exec) stage: usize,
}

impl Grouping<'_> {
    /// Says which stage an error comes from.
    pub(in crate::exec) fn place(&self, error: QueryError) -> QueryError {
        error.at("group").at_index(self.stage).at("stages")
    }

    /// The groups of the rows that pass; `None` if a key is none that columns are grouped
    /// by, or if the order of the rows matters and segments overlap.
    pub(in crate::exec) fn group<'s>(
        &self,
        schema: &Schema,
        parts: &[Part<'_>],
        tests: &Tests<'_>,
        control: &Control<'_>,
    ) -> Result<Option<Batch<'s>>> {
        let Some((mut numbers, accumulators)) = self.accumulate(schema, parts, tests, control)?
        else {
            return Ok(None);
        };
        if self.by.is_empty() {
            // One group of all rows, even of none.
            numbers.known.entry(Box::default()).or_default();
        }
        let keys = numbers.into_keys();
        let count = keys.len();
        let columns = accumulators
            .into_iter()
            .map(|accumulator| accumulator.finish(count, control))
            .collect::<Result<_>>()
            .map_err(|error| self.place(error))?;
        Numbered { keys, columns }
            .into_batch(self.by.len(), control)
            .map(Some)
            .map_err(|error| self.place(error))
    }

    /// The groups of the rows that pass with the states of their aggregates; `None` as
    /// above, or if the order of the rows matters.
    pub(in crate::exec) fn partial(
        &self,
        schema: &Schema,
        parts: &[Part<'_>],
        tests: &Tests<'_>,
        control: &Control<'_>,
    ) -> Result<Option<Groups>> {
        let mut functions = self.aggregates.iter().map(|aggregate| aggregate.function);
        if !functions.all(AggregateFunction::is_order_free) {
            return Ok(None);
        }
        let Some((numbers, accumulators)) = self.accumulate(schema, parts, tests, control)? else {
            return Ok(None);
        };
        let keys = numbers.into_keys();
        let mut states: Vec<_> = accumulators
            .into_iter()
            .map(|accumulator| accumulator.into_states(keys.len()).into_iter())
            .collect();
        let next = |key: Box<[Value]>| {
            let key = key.into_iter().map(Value::normalized).collect();
            // There are as many states of each aggregate as keys.
            let of_key = states.iter_mut().filter_map(Iterator::next);
            (key, of_key.map(Partial::Free).collect())
        };
        Ok(Some(keys.into_iter().map(next).collect()))
    }

    /// The numbers of the groups, and the aggregates by these numbers.
    fn accumulate(
        &self,
        schema: &Schema,
        parts: &[Part<'_>],
        tests: &Tests<'_>,
        control: &Control<'_>,
    ) -> Result<Option<(Numbers, Vec<Accumulator<'_>>)>> {
        let (by, aggregates) = (self.by, self.aggregates);
        let within = |error: QueryError| self.place(error);
        let mut accumulators: Vec<Accumulator<'_>> = aggregates
            .iter()
            .map(|aggregate| Accumulator::new(aggregate, schema))
            .collect();
        let is_ordered = parts.windows(2).all(|pair| match pair {
            [a, b] => last_key(a) < first_key(b),
            _ => true,
        });
        if !is_ordered && !accumulators.iter().all(Accumulator::is_order_free) {
            return Ok(None);
        }
        let mut numbers = Numbers::new(control.limits.groups);
        let mut budget = Budget::new(control.limits.values);
        for part in parts {
            let selected = tests.select(part, control)?;
            if selected.is_empty() {
                continue;
            }
            let Some(keys) = Keys::new(part.segment, by, &selected) else {
                return Ok(None);
            };
            let counts: Option<Vec<&mut Vec<u64>>> = accumulators
                .iter_mut()
                .map(Accumulator::plain_counts)
                .collect();
            if let Some(counts) = counts
                && let Some(found) = keys.counted(&selected, &mut numbers).map_err(within)?
            {
                let known = numbers.known.len();
                for counts in counts {
                    counts.resize(known, 0);
                    for (group, more) in &found {
                        if let Some(count) = counts.get_mut(*group as usize) {
                            *count += more;
                        }
                    }
                }
                continue;
            }
            let groups = keys.numbered(&selected, &mut numbers).map_err(within)?;
            let known = numbers.known.len();
            for accumulator in &mut accumulators {
                accumulator
                    .update(
                        part.segment,
                        &selected,
                        &groups,
                        known,
                        &mut budget,
                        control,
                    )
                    .map_err(within)?;
            }
        }
        Ok(Some((numbers, accumulators)))
    }
}

/// The keys of a segment, each with a small number for each row.
pub(super) struct Keys<'s> {
    keys: Vec<Key<'s>>,
    /// The product of their counts, unless that is too large for a table.
    dense: Option<usize>,
}

impl<'s> Keys<'s> {
    /// `None` if one has to be evaluated row by row.
    pub(super) fn new(segment: &'s Segment, by: &[Bound], selected: &Selected) -> Option<Self> {
        let keys: Vec<Key<'_>> = by
            .iter()
            .map(|key| Key::new(segment, key, selected))
            .collect::<Option<_>>()?;
        let product = |product: u64, key: &Key<'_>| product.checked_mul(key.count() as u64);
        // More than that would not even have numbers.
        let count = keys.iter().try_fold(1, product)?;
        let dense = usize::try_from(count).ok().filter(|count| *count <= DENSE);
        Some(Self { keys, dense })
    }

    /// One number for each row out of those of its keys.
    fn places<N>(&self, selected: &Selected) -> Vec<N>
    where
        N: Copy + AddAssign + Mul<Output = N> + From<u8> + From<u16> + From<u32>,
    {
        let mut places = vec![N::from(0_u32); selected.len()];
        let mut stride = N::from(1_u32);
        for key in &self.keys {
            key.add(selected, stride, &mut places);
            stride = stride * N::from(position(key.count()));
        }
        places
    }

    /// The values of the keys at a place.
    fn values(&self, mut place: u64) -> Box<[Value]> {
        let value = |key: &Key<'_>| {
            let count = key.count() as u64;
            let value = key.value((place % count) as usize);
            place /= count;
            value
        };
        self.keys.iter().map(value).collect()
    }

    /// The number of each row's group.
    pub(super) fn numbered(&self, selected: &Selected, numbers: &mut Numbers) -> Result<Vec<u32>> {
        const NONE: u32 = u32::MAX;

        let mut groups = Vec::with_capacity(selected.len());
        if let Some(count) = self.dense {
            let mut table = vec![NONE; count];
            for place in self.places::<u32>(selected) {
                let Some(known) = table.get_mut(place as usize) else {
                    continue;
                };
                if *known == NONE {
                    *known = numbers.of(self.values(u64::from(place)))?;
                }
                groups.push(*known);
            }
            return Ok(groups);
        }
        let mut table: HashMap<u64, u32> = HashMap::new();
        for place in self.places::<u64>(selected) {
            let known = match table.get(&place) {
                Some(known) => *known,
                None => {
                    let number = numbers.of(self.values(place))?;
                    table.insert(place, number);
                    number
                }
            };
            groups.push(known);
        }
        Ok(groups)
    }

    /// How many rows each group has, if a table holds that.
    pub(super) fn counted(
        &self,
        selected: &Selected,
        numbers: &mut Numbers,
    ) -> Result<Option<Vec<(u32, u64)>>> {
        let Some(count) = self.dense else {
            return Ok(None);
        };
        if self.keys.is_empty() {
            let number = numbers.of(Box::default())?;
            return Ok(Some(vec![(number, selected.len() as u64)]));
        }
        let mut counts = vec![0_u32; count];
        for place in self.places::<u32>(selected) {
            if let Some(count) = counts.get_mut(place as usize) {
                *count += 1;
            }
        }
        let mut found = Vec::new();
        for (place, count) in counts
            .into_iter()
            .enumerate()
            .filter(|(_, count)| *count > 0)
        {
            found.push((numbers.of(self.values(place as u64))?, u64::from(count)));
        }
        Ok(Some(found))
    }
}

fn first_key(part: &Part<'_>) -> Option<(DateTime<Utc>, uuid::Uuid)> {
    part.segment.key(0)
}

fn last_key(part: &Part<'_>) -> Option<(DateTime<Utc>, uuid::Uuid)> {
    part.segment.key(part.segment.len().checked_sub(1)?)
}
