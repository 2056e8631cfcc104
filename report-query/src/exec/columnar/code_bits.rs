//! `CodeBits`: which texts of a dictionary each group has, a bit for each code.

use super::aggregate::Rows;
use super::kernels::read_through;
use super::selected::Selected;
use crate::aggregate::Budget;
use crate::error::Result;
use crate::exec::batch::{position, wide};
use crate::store::{Dictionary, TextColumn, with_codes};

/// As many words as the codes of a dictionary take, group by group.
pub(super) struct CodeBits {
    texts: usize,
    words: usize,
    all: Vec<u64>,
    /// The most that is counted of a group.
    most: u64,
    /// What was taken of the budget.
    held: u64,
}

/// Words that all groups have at most, 32 MiB of them.
const WORDS: usize = if cfg!(test) { 3 } else { 1 << 22 };

/// Texts of a dictionary that has few: there each group may have its one word.
const FEW: usize = if cfg!(test) { 2 } else { 64 };

impl CodeBits {
    pub(super) fn new(dictionary: &Dictionary, most: u64) -> Self {
        Self {
            texts: dictionary.len(),
            words: dictionary.len().div_ceil(64).max(1),
            all: Vec::new(),
            most,
            held: 0,
        }
    }

    /// Whether the dictionary has so few texts that one word holds them.
    pub(super) const fn is_of_few(&self) -> bool {
        self.texts <= FEW
    }

    /// The word of a group, which is its only one of few texts.
    pub(super) fn word(&self, group: usize) -> u64 {
        let word = self.all.get(group * self.words);
        word.copied().unwrap_or_default()
    }

    /// Whether there may be so many groups.
    pub(super) const fn has_room(&self, groups: usize) -> bool {
        self.is_of_few() || self.words.saturating_mul(groups) <= WORDS
    }

    /// Takes in the texts of rows.
    pub(super) fn add(
        &mut self,
        rows: &Rows<'_, '_>,
        texts: &TextColumn,
        budget: &mut Budget,
    ) -> Result<()> {
        let words = self.words;
        self.all.resize(rows.known * words, 0);
        let all = &mut self.all[..];
        let codes = texts.texts();
        read_through(codes, rows.selected.len());
        let add = move |small: usize, group: u32| {
            if let Some(code) = codes.get(small)
                && let Some(word) = all.get_mut(group as usize * words + *code as usize / 64)
            {
                *word |= 1 << (code % 64);
            }
        };
        with_codes!(texts.codes(), small => add_each(rows, small, add));
        self.count(budget)
    }

    /// Takes in those of other rows, given the numbers of their groups, of which there are `known`
    /// by now.
    pub(super) fn unite(
        &mut self,
        other: &Self,
        groups: &[u32],
        known: usize,
        budget: &mut Budget,
    ) -> Result<()> {
        self.all.resize(known * self.words, 0);
        for (more, group) in other.groups().zip(groups) {
            let own = self.all.get_mut(*group as usize * self.words..);
            let words = own.unwrap_or_default().iter_mut();
            words.zip(more).for_each(|(word, more)| *word |= more);
        }
        self.count(budget)
    }

    /// Takes of the budget what there is, which is counted only if it may be too much.
    fn count(&mut self, budget: &mut Budget) -> Result<()> {
        let groups = self.all.len() / self.words;
        let may_be = self.most.saturating_mul(groups as u64);
        if may_be <= budget.left().saturating_add(self.held) {
            return Ok(());
        }
        let held = self.groups().map(|seen| ones(seen).min(self.most)).sum();
        self.hold(held, budget)
    }

    /// Takes of the budget what is held instead.
    pub(super) fn hold(&mut self, held: u64, budget: &mut Budget) -> Result<()> {
        budget.take(held.saturating_sub(self.held))?;
        self.held = held;
        Ok(())
    }

    /// The words of each group.
    pub(super) fn groups(&self) -> impl ExactSizeIterator<Item = &[u64]> {
        self.all.chunks(self.words)
    }
}

/// Calls a function with the code and the group of each row.
fn add_each<T: Copy + Into<u32>>(
    rows: &Rows<'_, '_>,
    codes: &[T],
    mut add: impl FnMut(usize, u32),
) {
    if let (Selected::All(range), Some(bytes)) = (rows.selected, rows.groups.bytes()) {
        let codes = codes.get(range.clone()).unwrap_or_default();
        for (code, byte) in codes.iter().zip(bytes.codes) {
            add(wide(*code) as usize, bytes.group(*byte));
        }
        return;
    }
    rows.selected.each(rows.groups(), |row, group| {
        if let Some(code) = codes.get(row) {
            add(wide(*code) as usize, group);
        }
    });
}

/// How many bits are set.
pub(super) fn ones(words: &[u64]) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
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
