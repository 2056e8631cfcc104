//! Different texts of groups, by their codes.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::aggregate::Rows;
use crate::aggregate::{Budget, Distinct};
use crate::error::Result;
use crate::exec::batch::position;
use crate::exec::control::Control;
use crate::store::{Dictionary, TextColumn, with_codes};
use crate::value::Value;

/// The codes of each group's texts.
pub(super) struct DistinctTexts<'p> {
    pub(super) column: usize,
    dictionary: &'p Dictionary,
    seen: Seen,
}

enum Seen {
    /// A bit for each code of a dictionary that has few.
    Masks(Vec<u64>),
    /// As many words of them as that takes, group by group.
    Words(Vec<u64>),
    /// Pairs of group and code, where words for each group would be too many.
    Pairs(HashSet<u64, RandomState>),
}

/// Words that all groups have at most, 32 MiB of them.
const WORDS: usize = if cfg!(test) { 3 } else { 1 << 22 };

/// Texts of a dictionary that has few.
const FEW: usize = if cfg!(test) { 2 } else { 64 };

impl<'p> DistinctTexts<'p> {
    pub(super) fn new(column: usize, dictionary: &'p Dictionary) -> Self {
        let seen = if dictionary.len() <= FEW {
            Seen::Masks(Vec::new())
        } else {
            Seen::Words(Vec::new())
        };
        Self {
            column,
            dictionary,
            seen,
        }
    }

    /// How many different texts there are at most.
    pub(super) const fn texts(&self) -> u64 {
        self.dictionary.len() as u64
    }

    fn words(&self) -> usize {
        self.dictionary.len().div_ceil(64)
    }

    /// Takes in the texts of rows.
    pub(super) fn update(
        &mut self,
        rows: &Rows<'_, '_>,
        texts: &TextColumn,
        budget: &mut Budget,
    ) -> Result<()> {
        let words = self.words();
        self.make_room(rows.known);
        let codes = texts.texts();
        let mut new = 0;
        match &mut self.seen {
            Seen::Masks(masks) => {
                masks.resize(rows.known, 0);
                with_codes!(texts.codes(), small => rows.selected.each(rows.groups, |row, group| {
                    let code = small.get(row).and_then(|at| codes.get(*at as usize));
                    if let (Some(code), Some(mask)) = (code, masks.get_mut(group as usize)) {
                        let with = *mask | 1 << (code % 64);
                        new += u64::from(with != *mask);
                        *mask = with;
                    }
                }));
            }
            Seen::Words(all) => {
                all.resize(rows.known * words, 0);
                // They are counted only if there may be too many.
                let is_counted = budget.left() < (rows.known * self.dictionary.len()) as u64;
                let before = if is_counted { ones(all) } else { 0 };
                with_codes!(texts.codes(), small => rows.selected.each(rows.groups, |row, group| {
                    let code = small.get(row).and_then(|at| codes.get(*at as usize));
                    if let Some(code) = code
                        && let Some(word) = all.get_mut(group as usize * words + *code as usize / 64)
                    {
                        *word |= 1 << (code % 64);
                    }
                }));
                if is_counted {
                    new = ones(all) - before;
                }
            }
            Seen::Pairs(pairs) => {
                for (row, group) in rows.selected.rows().zip(rows.groups) {
                    if let Some(code) = texts.code(row) {
                        new += u64::from(pairs.insert(pair(*group, code)));
                    }
                }
            }
        }
        budget.take(new)
    }

    /// Takes in what another has seen, given the numbers of its groups, of which there are
    /// `known` by now.
    pub(super) fn merge(
        &mut self,
        other: Self,
        groups: &[u32],
        known: usize,
        budget: &mut Budget,
    ) -> Result<()> {
        let words = self.words();
        self.make_room(known);
        let mut new = 0;
        let mut unite = |word: &mut u64, more: u64| {
            new += u64::from((more & !*word).count_ones());
            *word |= more;
        };
        match (&mut self.seen, other.seen) {
            (Seen::Masks(masks), Seen::Masks(more)) => {
                masks.resize(known, 0);
                for (more, group) in more.into_iter().zip(groups) {
                    if let Some(mask) = masks.get_mut(*group as usize) {
                        unite(mask, more);
                    }
                }
            }
            (Seen::Words(all), Seen::Words(more)) => {
                all.resize(known * words, 0);
                for (more, group) in more.chunks(words).zip(groups) {
                    let start = *group as usize * words;
                    let of = all.get_mut(start..start + words).unwrap_or_default();
                    of.iter_mut()
                        .zip(more)
                        .for_each(|(word, more)| unite(word, *more));
                }
            }
            (Seen::Pairs(pairs), more) => {
                let mut add = |group: u32, code| {
                    if let Some(group) = groups.get(group as usize) {
                        new += u64::from(pairs.insert(pair(*group, code)));
                    }
                };
                match more {
                    Seen::Pairs(more) => {
                        more.into_iter()
                            .for_each(|pair| add((pair >> 32) as u32, pair as u32));
                    }
                    Seen::Words(more) | Seen::Masks(more) => {
                        for (group, seen) in (0..).zip(more.chunks(words)) {
                            codes_of(seen).for_each(|code| add(group, code));
                        }
                    }
                }
            }
            // With more groups than there were, this one has pairs if the other has.
            _ => {}
        }
        budget.take(new)
    }

    /// Goes over to pairs if words for so many groups would be too many.
    fn make_room(&mut self, known: usize) {
        let words = self.words();
        if let Seen::Words(all) = &self.seen
            && words * known > WORDS
        {
            let mut pairs = HashSet::default();
            for (group, seen) in (0..).zip(all.chunks(words)) {
                pairs.extend(codes_of(seen).map(|code| pair(group, code)));
            }
            self.seen = Seen::Pairs(pairs);
        }
    }

    /// How many there are of each group.
    pub(super) fn counts(&self, groups: usize) -> Vec<u64> {
        let mut counts = vec![0; groups];
        match &self.seen {
            Seen::Masks(masks) => {
                for (count, mask) in counts.iter_mut().zip(masks) {
                    *count = u64::from(mask.count_ones());
                }
            }
            Seen::Words(all) => {
                for (count, seen) in counts.iter_mut().zip(all.chunks(self.words())) {
                    *count = seen.iter().map(|word| u64::from(word.count_ones())).sum();
                }
            }
            Seen::Pairs(pairs) => {
                for pair in pairs {
                    if let Some(count) = counts.get_mut((pair >> 32) as usize) {
                        *count += 1;
                    }
                }
            }
        }
        counts
    }

    /// The texts of each group as a list, ascending.
    pub(super) fn lists(&self, groups: usize, control: &Control<'_>) -> Result<Vec<Value>> {
        let list = |codes: Vec<u32>| {
            let values = codes.into_iter().map(|code| self.dictionary.value(code));
            let mut values: Vec<Value> = values.collect();
            values.sort_unstable();
            Value::List(values.into())
        };
        let mut ticker = control.ticker();
        let Seen::Masks(masks) = &self.seen else {
            let groups = self.codes(groups).into_iter();
            return groups
                .map(|codes| {
                    ticker.steps(1 + codes.len())?;
                    Ok(list(codes))
                })
                .collect();
        };
        // Many groups have the same texts of few.
        let mut known: HashMap<u64, Value, RandomState> = HashMap::default();
        (0..groups)
            .map(|group| {
                ticker.step()?;
                let mask = masks.get(group).copied().unwrap_or_default();
                let known = known.entry(mask);
                Ok(known
                    .or_insert_with(|| list(codes_of(&[mask]).collect()))
                    .clone())
            })
            .collect()
    }

    /// The most that a group has.
    pub(super) fn most(&self, groups: usize) -> u64 {
        self.counts(groups).into_iter().max().unwrap_or_default()
    }

    /// The texts of each group.
    pub(super) fn values(&self, groups: usize) -> Vec<Distinct> {
        let values = |codes: Vec<u32>| {
            Distinct::from_values(codes.into_iter().map(|code| self.dictionary.value(code)))
        };
        self.codes(groups).into_iter().map(values).collect()
    }

    /// The codes of each group's texts.
    fn codes(&self, groups: usize) -> Vec<Vec<u32>> {
        let mut codes: Vec<Vec<u32>> = vec![Vec::new(); groups];
        match &self.seen {
            Seen::Masks(masks) => {
                for (codes, mask) in codes.iter_mut().zip(masks) {
                    codes.extend(codes_of(&[*mask]));
                }
            }
            Seen::Words(all) => {
                for (codes, seen) in codes.iter_mut().zip(all.chunks(self.words())) {
                    codes.extend(codes_of(seen));
                }
            }
            Seen::Pairs(pairs) => {
                for pair in pairs {
                    if let Some(codes) = codes.get_mut((pair >> 32) as usize) {
                        codes.push(*pair as u32);
                    }
                }
            }
        }
        codes
    }
}

fn ones(words: &[u64]) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}

fn pair(group: u32, code: u32) -> u64 {
    u64::from(group) << 32 | u64::from(code)
}

/// The codes whose bits are set.
pub(super) fn codes_of(words: &[u64]) -> impl Iterator<Item = u32> {
    words.iter().enumerate().flat_map(|(at, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros();
            // Without the lowest of its bits, if it has any.
            left &= left.checked_sub(1)?;
            Some(position(at * 64) + bit)
        })
    })
}
