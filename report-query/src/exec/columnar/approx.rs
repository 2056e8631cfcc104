//! Estimates of groups: of a column's texts how many are different, of its integers the percentiles.

use super::aggregate::Rows;
use super::distinct::codes_of;
use crate::aggregate::{Budget, HyperLogLog, LogBuckets, Scale, hash_text, int_bucket};
use crate::error::Result;
use crate::exec::control::Control;
use crate::exec::group::FINISH_STEPS;
use crate::store::{Dictionary, Packed, Part, TextColumn, with_codes};
use crate::value::Value;

/// What is known of each group's texts.
pub(super) struct ApproxTexts<'p> {
    pub(super) column: usize,
    dictionary: &'p Dictionary,
    kept: Texts,
    /// What was taken of the budget.
    held: u64,
}

enum Texts {
    /// A bit for each code of the dictionary, group by group: each text is hashed in the end, once.
    Words(Vec<u64>),
    /// Where these would be too many.
    Groups(Vec<HyperLogLog>),
}

/// Words of all groups at most, 32 MiB of them.
const WORDS: usize = if cfg!(test) { 3 } else { 1 << 22 };

impl<'p> ApproxTexts<'p> {
    pub(super) const fn new(column: usize, dictionary: &'p Dictionary) -> Self {
        Self {
            column,
            dictionary,
            kept: Texts::Words(Vec::new()),
            held: 0,
        }
    }

    fn words(&self) -> usize {
        self.dictionary.len().div_ceil(64).max(1)
    }

    /// Takes in the texts of rows.
    pub(super) fn update(
        &mut self,
        rows: &Rows<'_, '_>,
        texts: &TextColumn,
        budget: &mut Budget,
    ) -> Result<()> {
        let (known, words) = (rows.known, self.words());
        self.make_room(known, budget)?;
        match &mut self.kept {
            Texts::Words(all) => {
                all.resize(known * words, 0);
                let codes = texts.texts();
                with_codes!(texts.codes(), small => rows.selected.each(rows.groups, |row, group| {
                    let code = small.get(row).and_then(|at| codes.get(*at as usize));
                    if let Some(code) = code
                        && let Some(word) = all.get_mut(group as usize * words + *code as usize / 64)
                    {
                        *word |= 1 << (code % 64);
                    }
                }));
                self.count(known, budget)
            }
            Texts::Groups(groups) => {
                groups.resize_with(known, HyperLogLog::default);
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
                with_codes!(texts.codes(), small => rows.selected.each(rows.groups, |row, group| {
                    let hash = small.get(row).and_then(|at| hash_of(*at as usize));
                    if let (Some(hash), Some(known)) = (hash, groups.get_mut(group as usize)) {
                        new += u64::from(known.insert_hash(hash));
                    }
                }));
                budget.take(new)
            }
        }
    }

    fn groups_of(&self, all: &[u64]) -> Vec<HyperLogLog> {
        let mut any = vec![0; self.words()];
        for seen in all.chunks(self.words()) {
            for (any, word) in any.iter_mut().zip(seen) {
                *any |= word;
            }
        }
        let mut hashes = vec![0; self.dictionary.len()];
        for code in codes_of(&any) {
            if let (Some(hash), Some(text)) =
                (hashes.get_mut(code as usize), self.dictionary.text(code))
            {
                *hash = hash_text(text);
            }
        }
        let hash_of = |code: u32| hashes.get(code as usize).copied();
        let of_group = |seen: &[u64]| codes_of(seen).filter_map(hash_of).collect();
        all.chunks(self.words()).map(of_group).collect()
    }

    /// Leaves the bits if these are too many for so many groups.
    fn make_room(&mut self, known: usize, budget: &mut Budget) -> Result<()> {
        if let Texts::Words(all) = &self.kept
            && self.words().saturating_mul(known) > WORDS
        {
            let groups = self.groups_of(all);
            let held: u64 = groups.iter().map(HyperLogLog::held).sum();
            budget.take(held - self.held)?;
            self.kept = Texts::Groups(groups);
        }
        Ok(())
    }

    /// Counts what bits stand for, only if that may be too much.
    fn count(&mut self, known: usize, budget: &mut Budget) -> Result<()> {
        let most = HyperLogLog::MOST_HELD * known as u64;
        if let Texts::Words(all) = &self.kept
            && budget.left().saturating_add(self.held) < most
        {
            let held = |seen: &[u64]| {
                let ones = seen.iter().map(|word| u64::from(word.count_ones()));
                HyperLogLog::MOST_HELD.min(ones.sum())
            };
            let held: u64 = all.chunks(self.words()).map(held).sum();
            budget.take(held - self.held)?;
            self.held = held;
        }
        Ok(())
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
        let words = self.words();
        self.make_room(known, budget)?;
        match (&mut self.kept, &other.kept) {
            (Texts::Words(all), Texts::Words(more)) => {
                all.resize(known * words, 0);
                for (more, group) in more.chunks(words).zip(groups) {
                    let own = all.get_mut(*group as usize * words..).unwrap_or_default();
                    own.iter_mut()
                        .zip(more)
                        .for_each(|(word, more)| *word |= more);
                }
                self.count(known, budget)
            }
            (Texts::Groups(own), _) => {
                own.resize_with(known, HyperLogLog::default);
                for (more, group) in other.into_groups(groups.len()).into_iter().zip(groups) {
                    if let Some(own) = own.get_mut(*group as usize) {
                        own.merge(more, budget)?;
                    }
                }
                Ok(())
            }
            // Where the other one has too many for bits, all together are, too.
            (Texts::Words(_), Texts::Groups(_)) => Ok(()),
        }
    }

    /// What is known of each group.
    pub(super) fn into_groups(self, groups: usize) -> Vec<HyperLogLog> {
        let mut known = match self.kept {
            Texts::Words(ref all) => self.groups_of(all),
            Texts::Groups(known) => known,
        };
        known.resize_with(groups, HyperLogLog::default);
        known
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
