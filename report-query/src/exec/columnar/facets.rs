//! Counts of several facets in one pass: each row is counted by how many choices leave
//! it out. None: it counts everywhere. One: in the facet of that choice alone.

use std::sync::Arc;

use super::keys::Keys;
use super::select::{Answers, Tests};
use super::selected::Selected;
use super::threads;
use crate::error::{QueryError, Result};
use crate::exec::batch::{position, value};
use crate::exec::control::{Control, Most};
use crate::expr::{Bound, Row, Scope};
use crate::store::{Part, SegmentView, Snapshot};
use crate::value::Value;

/// A facet while it is counted.
pub(in crate::exec) struct Counter<'p> {
    key: &'p [Bound],
    of_list: bool,
    /// Those of several threads share what is known of texts.
    only: Option<Arc<Answers<'p>>>,
    keys: Keys<'p>,
    counts: Vec<u64>,
    groups: Most,
    snapshot: &'p Snapshot,
}

/// Which choices leave a row out: none, the one of the facet before this number, or several.
const NONE: u16 = 0;
const SEVERAL: u16 = u16::MAX;

impl<'p> Counter<'p> {
    pub(in crate::exec) fn new(
        key: &'p Bound,
        of_list: bool,
        only: Option<&'p Bound>,
        snapshot: &'p Snapshot,
        groups: Most,
    ) -> Self {
        let (schema, dictionaries) = (snapshot.schema(), snapshot.dictionaries());
        let key = std::slice::from_ref(key);
        Self {
            key,
            of_list,
            only: only.map(|only| {
                let memo = Some(snapshot.memo());
                Arc::new(Answers::new(only, schema, dictionaries, memo))
            }),
            keys: Keys::new(key, snapshot, groups),
            counts: Vec::new(),
            groups,
            snapshot,
        }
    }

    /// One of the same facet that has counted nothing.
    fn another(&self) -> Self {
        Self {
            only: self.only.clone(),
            keys: Keys::new(self.key, self.snapshot, self.groups),
            counts: Vec::new(),
            ..*self
        }
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        let numbers = self.keys.absorb(other.keys)?;
        for (number, count) in numbers.into_iter().zip(other.counts) {
            add(&mut self.counts, number, count);
        }
        Ok(())
    }

    /// The values and their counts, ascending.
    pub(in crate::exec) fn finish(self) -> Vec<(Value, u64)> {
        let mut found: Vec<(Value, u64)> = self
            .keys
            .tuples()
            .zip(self.counts)
            .filter_map(|(key, count)| Some((key.into_vec().pop()?, count)))
            .collect();
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Counts rows of a segment.
    fn count(
        &mut self,
        segment: SegmentView<'_>,
        selected: &Selected,
        control: &Control<'_>,
    ) -> Result<()> {
        if selected.is_empty() {
            return Ok(());
        }
        control.check()?;
        if !self.of_list {
            let (keys, counts) = (&mut self.keys, &mut self.counts);
            return count_keys(self.key, segment, selected, keys, counts, control);
        }
        // A number for each list of the segment, and then for their items.
        let mut lists = Keys::new(self.key, self.snapshot, Most::NO_LIMIT);
        let mut counts = Vec::new();
        count_keys(
            self.key,
            segment,
            selected,
            &mut lists,
            &mut counts,
            control,
        )?;
        let mut ticker = control.ticker();
        for (key, more) in lists.tuples().zip(counts) {
            let items = key.first().and_then(Value::as_list).unwrap_or_default();
            for (at, item) in items.iter().enumerate() {
                ticker.steps(1 + at)?;
                let before = items.get(..at).unwrap_or_default();
                if !before.contains(item) {
                    let number = self.keys.number_of(std::iter::once(item.clone()))?;
                    add(&mut self.counts, number, more);
                }
            }
        }
        Ok(())
    }
}

fn add(counts: &mut Vec<u64>, number: u32, more: u64) {
    let number = number as usize;
    if counts.len() <= number {
        counts.resize(number + 1, 0);
    }
    if let Some(count) = counts.get_mut(number) {
        *count += more;
    }
}

/// Counts rows of a segment by the values of a key.
fn count_keys(
    key: &[Bound],
    segment: SegmentView<'_>,
    selected: &Selected,
    keys: &mut Keys<'_>,
    counts: &mut Vec<u64>,
    control: &Control<'_>,
) -> Result<()> {
    let Some(of_segment) = keys.of(segment, selected) else {
        let mut ticker = control.ticker();
        for row in selected.rows() {
            ticker.step()?;
            let scope = Scope::new(Row::Of(&segment, row));
            let values = key.iter().map(|key| value(key, &scope));
            let values = values.collect::<Result<Vec<Value>>>()?;
            add(counts, keys.number_of(values.into_iter())?, 1);
        }
        return Ok(());
    };
    if !keys.count(&of_segment, selected, counts)? {
        for number in keys.numbered(&of_segment, selected)? {
            add(counts, number, 1);
        }
    }
    Ok(())
}

/// Counts the rows of parts that pass in all facets; gives how many no choice leaves out.
pub(in crate::exec) fn count(
    counters: &mut [Counter<'_>],
    parts: &[Part<'_>],
    tests: &Tests<'_>,
    control: &Control<'_>,
) -> Result<u64> {
    let of_run = |counters: &mut [Counter<'_>], run: &[Part<'_>]| {
        let mut total = 0;
        for part in run {
            let selected = tests.select(part, control)?;
            total += count_rows(counters, part.segment, selected, control)?;
        }
        Ok(total)
    };
    let runs = threads::runs(parts);
    if let [run] = runs[..] {
        return of_run(counters, run);
    }
    tests.prepare(parts, control)?;
    let begun = &*counters;
    let all = threads::map(runs, |run| {
        let mut counters: Vec<_> = begun.iter().map(Counter::another).collect();
        Ok((of_run(&mut counters, run)?, counters))
    });
    let mut total = 0;
    for counted in all {
        let (more, others) = counted?;
        total += more;
        for (index, (counter, other)) in counters.iter_mut().zip(others).enumerate() {
            counter
                .merge(other)
                .map_err(|error| place(error, index, "key"))?;
        }
    }
    Ok(total)
}

/// Counts rows of a segment in all facets; gives how many no choice leaves out.
fn count_rows(
    counters: &mut [Counter<'_>],
    segment: SegmentView<'_>,
    selected: Selected,
    control: &Control<'_>,
) -> Result<u64> {
    if counters.iter().all(|counter| counter.only.is_none()) {
        for (index, counter) in counters.iter_mut().enumerate() {
            counter
                .count(segment, &selected, control)
                .map_err(|error| place(error, index, "key"))?;
        }
        return Ok(selected.len() as u64);
    }
    let mut out = vec![NONE; selected.len()];
    for (index, counter) in counters.iter().enumerate() {
        if let Some(only) = &counter.only {
            control.check()?;
            let number = number(index);
            let mark = |passes: bool, out: &mut u16| {
                if !passes {
                    *out = if *out == NONE { number } else { SEVERAL };
                }
            };
            // What several leave out counts nowhere, whatever this one says.
            let is_asked = |out: &u16| *out != SEVERAL;
            only.each(segment, &selected, &mut out, control, mark, is_asked)
                .map_err(|error| place(error, index, "only"))?;
        }
    }
    let mut everywhere = Vec::new();
    let mut alone: Vec<Vec<u32>> = vec![Vec::new(); counters.len()];
    for (row, out) in selected.rows().zip(out) {
        match out {
            NONE => everywhere.push(position(row)),
            SEVERAL => {}
            one => {
                if let Some(rows) = alone.get_mut(usize::from(one - 1)) {
                    rows.push(position(row));
                }
            }
        }
    }
    let total = everywhere.len() as u64;
    let everywhere = Selected::Some(everywhere);
    for (index, (counter, alone)) in counters.iter_mut().zip(alone).enumerate() {
        counter
            .count(segment, &everywhere, control)
            .and_then(|()| counter.count(segment, &Selected::Some(alone), control))
            .map_err(|error| place(error, index, "key"))?;
    }
    Ok(total)
}

/// Of facets there are fewer than numbers.
fn number(index: usize) -> u16 {
    u16::try_from(index + 1).unwrap_or(SEVERAL)
}

/// Says which facet an error comes from.
fn place(error: QueryError, index: usize, member: &str) -> QueryError {
    error.at(member).at_index(index).at("facets")
}
