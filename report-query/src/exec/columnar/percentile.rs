//! The values of groups, for percentiles.

use super::aggregate::Rows;
use super::threads;
use crate::aggregate::{nearest_ranks, rank};
use crate::error::Result;
use crate::exec::batch::wide;
use crate::exec::control::Control;
use crate::exec::group::FINISH_STEPS;
use crate::store::{Packed, Part, with_differences};
use crate::value::Value;

/// All the integers of a column, by groups.
pub(super) struct Values {
    pub(super) column: usize,
    kept: Kept,
}

enum Kept {
    /// How much more than the least of all each one is.
    Short {
        least: i64,
        groups: Vec<Vec<u32>>,
    },
    Wide(Vec<Vec<i64>>),
}

impl Values {
    pub(super) fn new(column: usize, parts: &[Part<'_>]) -> Self {
        let ints = parts
            .iter()
            .filter_map(|part| part.segment.segment.ints(column));
        let ends = ints.map(Packed::ends);
        let ends = ends.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
        let groups = Vec::new();
        let kept = match ends {
            Some((least, greatest)) if greatest.abs_diff(least) > u64::from(u32::MAX) => {
                Kept::Wide(Vec::new())
            }
            Some((least, _)) => Kept::Short { least, groups },
            None => Kept::Short { least: 0, groups },
        };
        Self { column, kept }
    }

    /// Takes in the values of rows; gives how many.
    pub(super) fn update(&mut self, rows: &Rows<'_, '_>) -> u64 {
        match &mut self.kept {
            Kept::Short { groups, .. } => groups.resize_with(rows.known, Vec::new),
            Kept::Wide(groups) => groups.resize_with(rows.known, Vec::new),
        }
        let Some(ints) = rows.segment.segment.ints(self.column) else {
            return 0;
        };
        let mut taken = 0;
        match &mut self.kept {
            Kept::Short { least, groups } => {
                // What a segment has lies between the ends of all.
                let from = ints.ends().0.abs_diff(*least) as u32;
                with_differences!(ints, all => rows.selected.each(rows.groups(), |row, group| {
                    if let (Some(more), Some(values)) =
                        (all.get(row), groups.get_mut(group as usize))
                    {
                        values.push(from + wide(*more));
                        taken += 1;
                    }
                }), else rows.selected.each(rows.groups(), |row, group| {
                    if let (Some(int), Some(values)) =
                        (ints.get(row), groups.get_mut(group as usize))
                    {
                        values.push(int.abs_diff(*least) as u32);
                        taken += 1;
                    }
                }));
            }
            Kept::Wide(groups) => rows.selected.each(rows.groups(), |row, group| {
                if let (Some(int), Some(values)) = (ints.get(row), groups.get_mut(group as usize)) {
                    values.push(int);
                    taken += 1;
                }
            }),
        }
        taken
    }

    /// Takes in the values of another, given the numbers of its groups, of which there are
    /// `known` by now; gives how many. Both are of the same segments' column.
    pub(super) fn merge(&mut self, other: Self, groups: &[u32], known: usize) -> u64 {
        match (&mut self.kept, other.kept) {
            (Kept::Short { groups: kept, .. }, Kept::Short { groups: more, .. }) => {
                append(kept, more, groups, known)
            }
            (Kept::Wide(kept), Kept::Wide(more)) => append(kept, more, groups, known),
            _ => 0,
        }
    }

    /// The values of each group.
    pub(super) fn all(&self) -> Vec<Vec<i64>> {
        match &self.kept {
            Kept::Short { least, groups } => {
                let value = |more: &u32| least.wrapping_add_unsigned(u64::from(*more));
                let values = |values: &Vec<u32>| values.iter().map(value).collect();
                groups.iter().map(values).collect()
            }
            Kept::Wide(groups) => groups.clone(),
        }
    }

    /// The percentiles of each group, by nearest rank: for each of them those of all groups.
    pub(super) fn percentiles(
        self,
        percents: &[f64],
        groups: usize,
        control: &Control<'_>,
    ) -> Result<Vec<Vec<Value>>> {
        let begun = || (control.ticker(), Vec::new());
        let found: Vec<Result<Vec<Option<i64>>>> = match self.kept {
            Kept::Short {
                least,
                groups: mut of,
            } => {
                of.resize_with(groups, Vec::new);
                let work = of.iter().map(Vec::len).sum();
                threads::map_with(of, work, begun, |(ticker, counts), values| {
                    ticker.steps(FINISH_STEPS + values.len())?;
                    let found = short_percentiles(values, percents, counts).into_iter();
                    let value = |more: u32| least.wrapping_add_unsigned(u64::from(more));
                    Ok(found.map(|more| more.map(value)).collect())
                })
            }
            Kept::Wide(mut of) => {
                of.resize_with(groups, Vec::new);
                let work = of.iter().map(Vec::len).sum();
                threads::map_with(of, work, begun, |(ticker, _), values| {
                    ticker.steps(FINISH_STEPS + values.len())?;
                    Ok(nearest_ranks(values, percents))
                })
            }
        };
        let mut columns: Vec<Vec<Value>> = vec![Vec::with_capacity(groups); percents.len()];
        for found in found {
            for (column, found) in columns.iter_mut().zip(found?) {
                column.push(found.into());
            }
        }
        Ok(columns)
    }
}

fn append<T>(kept: &mut Vec<Vec<T>>, more: Vec<Vec<T>>, groups: &[u32], known: usize) -> u64 {
    let mut taken = 0;
    kept.resize_with(known, Vec::new);
    for (mut more, group) in more.into_iter().zip(groups) {
        taken += more.len() as u64;
        if let Some(kept) = kept.get_mut(*group as usize) {
            if kept.is_empty() {
                *kept = more;
            } else {
                kept.append(&mut more);
            }
        }
    }
    taken
}

/// The percentiles of numbers: by counting how often each occurs, if there are not many more
/// numbers than values.
fn short_percentiles(
    values: Vec<u32>,
    percents: &[f64],
    counts: &mut Vec<u32>,
) -> Vec<Option<u32>> {
    /// Numbers that are counted at most: their counts stay in a near cache.
    const NUMBERS: usize = 1 << 18;

    let most = values.iter().max().map_or(0, |most| *most as usize);
    if most >= NUMBERS || most / 4 > values.len() {
        return nearest_ranks(values, percents);
    }
    counts.clear();
    counts.resize(most + 1, 0);
    for value in &values {
        if let Some(count) = counts.get_mut(*value as usize) {
            *count += 1;
        }
    }
    of_counts(counts, values.len(), percents)
}

/// The percentiles of values of which it is known how often each occurs.
fn of_counts(counts: &[u32], total: usize, percents: &[f64]) -> Vec<Option<u32>> {
    let mut found = vec![None; percents.len()];
    let mut wanted: Vec<(usize, usize)> = percents
        .iter()
        .enumerate()
        .map(|(at, percent)| (rank(*percent, total), at))
        .collect();
    wanted.sort_unstable();
    let mut wanted = wanted.into_iter().peekable();
    let mut before = 0;
    for (value, count) in (0..).zip(counts) {
        before += *count as usize;
        while let Some((_, at)) = wanted.next_if(|(rank, _)| *rank < before) {
            if let Some(place) = found.get_mut(at) {
                *place = Some(value);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counted_or_told_apart_it_is_the_same(
            values in prop::collection::vec(prop_oneof![0_u32..9, 0_u32..500, any::<u32>()], 0..90),
            percents in prop::collection::vec(0.0..100.0, 0..4),
        ) {
            let found = short_percentiles(values.clone(), &percents, &mut vec![7; 3]);
            prop_assert_eq!(found, nearest_ranks(values, &percents));
        }
    }
}
