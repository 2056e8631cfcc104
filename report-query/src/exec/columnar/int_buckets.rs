//! Estimates of the percentiles of a column's integers in groups.

use super::aggregate::Rows;
use crate::aggregate::{Budget, LogBuckets, Scale, int_bucket};
use crate::error::Result;
use crate::exec::control::Control;
use crate::exec::group::FINISH_STEPS;
use crate::store::{Packed, Part};
use crate::value::Value;

/// How many of each group's integers are in each bucket.
pub(super) struct IntBuckets {
    pub(super) column: usize,
    /// The places of the least and the greatest integer.
    first: i64,
    places: usize,
    kept: Kept,
}

enum Kept {
    /// A count for each place, group by group.
    Table(Vec<u64>),
    /// Where these would be too many.
    Groups(Vec<LogBuckets>),
}

/// Counts of all groups that are kept as a table at most, 16 MiB of them.
const COUNTS: usize = if cfg!(test) { 30 } else { 1 << 21 };

impl IntBuckets {
    pub(super) fn new(column: usize, parts: &[Part<'_>]) -> Self {
        let ints = parts
            .iter()
            .filter_map(|part| part.segment.segment.ints(column));
        let ends = ints.map(Packed::ends);
        let (least, greatest) = ends
            .reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
            .unwrap_or_default();
        let first = place(int_bucket(least));
        Self {
            column,
            first,
            places: place(int_bucket(greatest)).abs_diff(first) as usize + 1,
            kept: Kept::Table(Vec::new()),
        }
    }

    /// Takes in the integers of rows.
    pub(super) fn update(&mut self, rows: &Rows<'_, '_>, budget: &mut Budget) -> Result<()> {
        let Some(ints) = rows.segment.segment.ints(self.column) else {
            return Ok(());
        };
        self.make_room(rows.known)?;
        let mut new = 0;
        match &mut self.kept {
            Kept::Table(counts) => {
                counts.resize(self.places * rows.known, 0);
                rows.selected.each(rows.groups(), |row, group| {
                    let Some(int) = ints.get(row) else {
                        return;
                    };
                    // What a segment has lies between the ends of all.
                    let at = place(int_bucket(int)).abs_diff(self.first) as usize;
                    if let Some(count) = counts.get_mut(group as usize * self.places + at) {
                        new += u64::from(*count == 0);
                        *count += 1;
                    }
                });
            }
            Kept::Groups(groups) => {
                groups.resize_with(rows.known, LogBuckets::default);
                for (row, group) in rows.selected.rows().zip(rows.groups()) {
                    if let (Some(int), Some(known)) =
                        (ints.get(row), groups.get_mut(*group as usize))
                    {
                        new += known.add(int_bucket(int), 1)?;
                    }
                }
            }
        }
        budget.take(new)
    }

    /// Takes in what is known of other rows, given the numbers of their groups, of which there
    /// are `known` by now. Both are of the same segments' column.
    pub(super) fn merge(
        &mut self,
        other: Self,
        groups: &[u32],
        known: usize,
        budget: &mut Budget,
    ) -> Result<()> {
        self.make_room(known)?;
        match (&mut self.kept, &other.kept) {
            (Kept::Table(counts), Kept::Table(more)) => {
                counts.resize(self.places * known, 0);
                let mut new = 0;
                for (more, group) in more.chunks(self.places).zip(groups) {
                    let start = *group as usize * self.places;
                    let counts = counts.get_mut(start..).unwrap_or_default();
                    for (count, more) in counts.iter_mut().zip(more) {
                        new += u64::from(*count == 0 && *more > 0);
                        *count += more;
                    }
                }
                budget.take(new)
            }
            (Kept::Groups(own), _) => {
                own.resize_with(known, LogBuckets::default);
                for (more, group) in other.groups(groups.len())?.into_iter().zip(groups) {
                    if let Some(own) = own.get_mut(*group as usize) {
                        own.merge(more, budget)?;
                    }
                }
                Ok(())
            }
            // Where the other one has too many for a table, all together are, too.
            (Kept::Table(_), Kept::Groups(_)) => Ok(()),
        }
    }

    /// Leaves the table if it is too large for so many groups.
    fn make_room(&mut self, known: usize) -> Result<()> {
        if let Kept::Table(counts) = &self.kept
            && self.places.saturating_mul(known) > COUNTS
        {
            self.kept = Kept::Groups(self.groups_of(counts)?);
        }
        Ok(())
    }

    fn groups_of(&self, counts: &[u64]) -> Result<Vec<LogBuckets>> {
        let of_group = |counts: &[u64]| {
            let mut known = LogBuckets::default();
            for (place, count) in (self.first..).zip(counts) {
                if *count > 0 {
                    known.add(bucket(place), *count)?;
                }
            }
            Ok(known)
        };
        counts.chunks(self.places).map(of_group).collect()
    }

    /// What is known of each group.
    pub(super) fn groups(&self, groups: usize) -> Result<Vec<LogBuckets>> {
        let mut all = match &self.kept {
            Kept::Table(counts) => self.groups_of(counts)?,
            Kept::Groups(known) => known.clone(),
        };
        all.resize_with(groups, LogBuckets::default);
        Ok(all)
    }

    /// The percentiles of each group: for each of them those of all groups.
    pub(super) fn percentiles(
        &self,
        percents: &[f64],
        groups: usize,
        control: &Control<'_>,
    ) -> Result<Vec<Vec<Value>>> {
        let mut ticker = control.ticker();
        let mut columns: Vec<Vec<Value>> = vec![Vec::with_capacity(groups); percents.len()];
        for group in 0..groups {
            ticker.steps(FINISH_STEPS)?;
            let buckets: Vec<(i64, u64)> = match &self.kept {
                Kept::Table(counts) => {
                    let start = group * self.places;
                    let counts = counts.get(start..start + self.places).unwrap_or_default();
                    let counts = (self.first..).zip(counts);
                    let some = counts.filter(|(_, count)| **count > 0);
                    some.map(|(place, count)| (bucket(place), *count)).collect()
                }
                Kept::Groups(known) => known.get(group).map(LogBuckets::sorted).unwrap_or_default(),
            };
            for (column, percent) in columns.iter_mut().zip(percents) {
                column.push(Scale::Int.percentile(&buckets, *percent)?);
            }
        }
        Ok(columns)
    }
}

/// The bucket of 1. Between it and that of 0 there are none that an integer has.
const ONE: i64 = int_bucket(1);

/// Buckets of integers in a row.
#[inline]
const fn place(bucket: i64) -> i64 {
    match bucket {
        0 => 0,
        1.. => bucket - ONE + 1,
        _ => bucket + ONE - 1,
    }
}

const fn bucket(place: i64) -> i64 {
    match place {
        0 => 0,
        1.. => place + ONE - 1,
        _ => place - ONE + 1,
    }
}
