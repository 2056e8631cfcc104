//! Estimates of groups: of a column's texts how many are different, of its integers the percentiles.

use super::aggregate::Rows;
use crate::aggregate::{Budget, HyperLogLog, LogBuckets, hash_text, int_bucket};
use crate::error::Result;
use crate::store::{Dictionary, Packed, Part, TextColumn, with_codes};

/// What is known of each group's texts.
pub(super) struct ApproxTexts<'p> {
    pub(super) column: usize,
    dictionary: &'p Dictionary,
    groups: Vec<HyperLogLog>,
}

/// Bits that say which groups have which texts of a segment, at most: 1 MiB of them.
const BITS: usize = if cfg!(test) { 40 } else { 1 << 23 };

impl<'p> ApproxTexts<'p> {
    pub(super) const fn new(column: usize, dictionary: &'p Dictionary) -> Self {
        Self {
            column,
            dictionary,
            groups: Vec::new(),
        }
    }

    /// Takes in the texts of rows. Each text of the segment is hashed once, and taken in once for
    /// each group, as far as bits for that are few.
    pub(super) fn update(
        &mut self,
        rows: &Rows<'_, '_>,
        texts: &TextColumn,
        budget: &mut Budget,
    ) -> Result<()> {
        self.groups.resize_with(rows.known, HyperLogLog::default);
        let codes = texts.texts();
        let mut hashes: Vec<Option<u64>> = vec![None; codes.len()];
        let mut hash_of = |at: usize| {
            let known = hashes.get_mut(at)?;
            if known.is_none() {
                *known = self.dictionary.text(*codes.get(at)?).map(hash_text);
            }
            *known
        };
        let mut new = 0;
        let words = codes.len().div_ceil(64);
        if words.saturating_mul(64 * rows.known) > BITS {
            with_codes!(texts.codes(), small => rows.selected.each(rows.groups, |row, group| {
                let hash = small.get(row).and_then(|at| hash_of(*at as usize));
                if let (Some(hash), Some(known)) = (hash, self.groups.get_mut(group as usize)) {
                    new += u64::from(known.insert_hash(hash));
                }
            }));
            return budget.take(new);
        }
        let mut seen = vec![0_u64; words * rows.known];
        with_codes!(texts.codes(), small => rows.selected.each(rows.groups, |row, group| {
            if let Some(at) = small.get(row).map(|at| *at as usize).filter(|at| *at < codes.len())
                && let Some(word) = seen.get_mut(group as usize * words + at / 64)
            {
                *word |= 1 << (at % 64);
            }
        }));
        for (known, seen) in self.groups.iter_mut().zip(seen.chunks(words.max(1))) {
            for (word, bits) in seen.iter().enumerate() {
                let mut bits = *bits;
                while bits != 0 {
                    let at = word * 64 + bits.trailing_zeros() as usize;
                    new += u64::from(hash_of(at).is_some_and(|hash| known.insert_hash(hash)));
                    bits &= bits - 1;
                }
            }
        }
        budget.take(new)
    }

    /// Takes in what is known of other rows, given the numbers of their groups, of which there
    /// are `known` by now.
    pub(super) fn merge(
        &mut self,
        other: Self,
        groups: &[u32],
        known: usize,
        budget: &mut Budget,
    ) -> Result<()> {
        self.groups.resize_with(known, HyperLogLog::default);
        for (more, group) in other.groups.into_iter().zip(groups) {
            if let Some(own) = self.groups.get_mut(*group as usize) {
                own.merge(more, budget)?;
            }
        }
        Ok(())
    }

    /// What is known of each group.
    pub(super) fn into_groups(mut self, groups: usize) -> Vec<HyperLogLog> {
        self.groups.resize_with(groups, HyperLogLog::default);
        self.groups
    }
}

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
                rows.selected.each(rows.groups, |row, group| {
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
                for (row, group) in rows.selected.rows().zip(rows.groups) {
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
                for (more, group) in other.into_groups(groups.len())?.into_iter().zip(groups) {
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
    pub(super) fn into_groups(self, groups: usize) -> Result<Vec<LogBuckets>> {
        let mut all = match &self.kept {
            Kept::Table(counts) => self.groups_of(counts)?,
            Kept::Groups(_) => Vec::new(),
        };
        if let Kept::Groups(known) = self.kept {
            all = known;
        }
        all.resize_with(groups, LogBuckets::default);
        Ok(all)
    }
}

/// The bucket of 1. Between it and that of 0 there are none that an integer has.
const ONE: i64 = int_bucket(1);

/// Buckets of integers in a row.
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
