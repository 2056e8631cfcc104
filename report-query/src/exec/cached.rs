//! The first group of a pipeline by what is known of sealed segments from earlier queries.
//!
//! What is kept of a segment are the groups of all its rows. Of a segment that the query's times or
//! the retention cut, of the head, and of segments with many groups, which are put together
//! slower than made, nothing is kept.

use std::sync::Arc;

use super::batch::Batch;
use super::columnar::{Grouping, Tests, threads};
use super::control::Control;
use super::partial::Split;
use crate::aggregate::{AggregateFunction, BoundAggregate, Partial};
use crate::error::Result;
use crate::expr::Bound;
use crate::query::{BoundStage, Groups, Merging, Pipeline, TimeRange};
use crate::store::{Cache, Kept, Part, Snapshot};
use crate::value::Value;

/// Rows of a segment for each of its groups, at least.
const ROWS: usize = if cfg!(test) { 0 } else { 1024 };

/// What a segment is asked. Equal ones have equal answers: there are no floats in it, since of
/// those some are equal and behave in different ways.
#[derive(Clone, PartialEq)]
struct Question {
    filters: Vec<Bound>,
    by: Vec<Bound>,
    aggregates: Vec<BoundAggregate>,
}

/// What is kept of a segment: its groups, unless they are many.
type Known = Option<Groups>;

/// Groups, and of how many segments they were known.
pub(super) struct Cached<'s> {
    pub(super) batch: Batch<'s>,
    pub(super) segments: usize,
    /// The parts that were read.
    pub(super) read: Vec<Part<'s>>,
}

/// The groups of the rows that pass; `None` if there is no cache, or if it is of no use.
pub(super) fn grouped<'s>(
    pipeline: &Pipeline,
    grouping: &Grouping<'_>,
    snapshot: &'s Snapshot,
    parts: &[Part<'s>],
    tests: &Tests<'_>,
    control: &Control<'_>,
) -> Result<Option<Cached<'s>>> {
    let Some(cache) = snapshot.cache() else {
        return Ok(None);
    };
    let Some(question) = Question::new(pipeline, grouping, snapshot) else {
        return Ok(None);
    };
    let is_whole = |part: &&Part<'_>| {
        part.index < snapshot.sealed()
            && part.as_of.is_none()
            && part.rows == (0..part.segment.segment.len())
    };
    let (whole, others): (Vec<&Part<'s>>, Vec<&Part<'s>>) = parts.iter().partition(is_whole);
    if whole.is_empty() {
        return Ok(None);
    }
    let numbers = whole.iter().map(|part| part.segment.segment.number());
    let found = cache.of(&question, numbers);
    let mut known = Vec::with_capacity(whole.len());
    let mut missing = Vec::new();
    for (part, kept) in whole.into_iter().zip(found) {
        match kept {
            Some(kept) => known.push(kept),
            None => missing.push(part),
        }
    }
    if known.iter().any(|kept| groups(kept).is_none()) {
        return Ok(None);
    }
    let segments = known.len();
    // The first one shows whether there are too many groups.
    let (first, rest) = missing.split_at(missing.len().min(1));
    for some in [first, rest] {
        let of_part = |part: &Part<'s>| {
            let one = std::slice::from_ref(part);
            grouping.partial(snapshot, one, tests, control)
        };
        for (part, made) in some.iter().zip(threads::map(some.to_vec(), of_part)) {
            let Some(groups) = made? else {
                return Ok(None);
            };
            let is_few = groups.len().saturating_mul(ROWS) <= part.rows.len();
            let kept = keep(cache, &question, part, is_few.then_some(groups));
            if !is_few {
                return Ok(None);
            }
            known.push(kept);
        }
    }
    let read: Vec<Part<'s>> = missing
        .into_iter()
        .chain(others.iter().copied())
        .cloned()
        .collect();
    let rest: Vec<Part<'s>> = others.into_iter().cloned().collect();
    let Some(of_rest) = grouping.partial(snapshot, &rest, tests, control)? else {
        return Ok(None);
    };
    let split = Split::new(pipeline)?;
    let functions = split.functions();
    let mut merging = Merging::new(&functions, control.limits);
    let place = |error| grouping.place(error);
    merging.add(of_rest).map_err(place)?;
    for groups in known.iter().filter_map(groups) {
        let groups = groups.iter();
        let groups = groups.map(|(key, states)| (key.clone(), states.clone()));
        merging.add(groups).map_err(place)?;
    }
    Ok(Some(Cached {
        batch: split.finish(merging.groups, control)?,
        segments,
        read,
    }))
}

fn groups(kept: &Kept) -> Option<&Groups> {
    kept.downcast_ref::<Known>().and_then(Option::as_ref)
}

fn keep(cache: &Cache, question: &Question, part: &Part<'_>, groups: Known) -> Kept {
    let groups: Known = groups.map(detached);
    let bytes = {
        let all = groups.iter().flatten();
        all.map(|(key, states)| size(key, states)).sum()
    };
    let kept: Kept = Arc::new(groups);
    let number = part.segment.segment.number();
    cache.keep(question, number, Arc::clone(&kept), bytes);
    kept
}

/// The same groups with texts of their own: those of the store go when no row has them.
fn detached(groups: Groups) -> Groups {
    let group = |(key, states): (Box<[Value]>, Box<[Partial]>)| {
        let key = key.iter().map(Value::detached).collect();
        let states = states.into_iter().map(Partial::detached);
        (key, states.collect())
    };
    groups.into_iter().map(group).collect()
}

fn size(key: &[Value], states: &[Partial]) -> usize {
    let of_key: usize = key.iter().map(Value::size).sum();
    let held: u64 = states.iter().map(Partial::held).sum();
    // What a set of numbers or a table of counts takes for each.
    let of_states = size_of_val(states) + 24 * usize::try_from(held).unwrap_or(usize::MAX / 48);
    64 + of_key + of_states
}

impl Question {
    /// `None` if its answers can't be kept.
    fn new(pipeline: &Pipeline, grouping: &Grouping<'_>, snapshot: &Snapshot) -> Option<Self> {
        let is_bounded = |aggregate: &BoundAggregate| {
            use AggregateFunction as F;

            matches!(
                aggregate.function,
                F::Count
                    | F::CountIf
                    | F::Sum
                    | F::Avg
                    | F::Min
                    | F::Max
                    | F::Any
                    | F::Every
                    | F::ApproxCountDistinct
                    | F::ApproxPercentile(_)
            )
        };
        if !grouping.aggregates.iter().all(is_bounded) {
            return None;
        }
        let (time, _) = snapshot.schema().key()?;
        let mut filters = Vec::new();
        for stage in pipeline.stages.get(..grouping.stage)? {
            let BoundStage::Filter(predicate) = stage else {
                return None;
            };
            match predicate {
                Bound::And(parts) => filters.extend(parts.iter()),
                one => filters.push(one),
            }
        }
        // Whole segments lie within the times.
        filters.retain(|test| !TimeRange::default().narrow(test, time));
        let question = Self {
            filters: filters.into_iter().cloned().collect(),
            by: grouping.by.to_vec(),
            aggregates: grouping.aggregates.to_vec(),
        };
        let aggregates = question.aggregates.iter();
        let of_aggregates = aggregates.flat_map(|of| of.arguments.iter().chain(&of.filter));
        let mut all = question
            .filters
            .iter()
            .chain(&question.by)
            .chain(of_aggregates);
        let has_float = all.any(Bound::has_float);
        (!has_float).then_some(question)
    }
}

#[cfg(test)]
mod tests;
