//! Estimates of how many texts of a column are different in groups.

use super::aggregate::Rows;
use super::code_bits::{CodeBits, codes_of};
use crate::aggregate::{Budget, HyperLogLog, hash_text};
use crate::error::Result;
use crate::store::{Dictionary, TextColumn, with_codes};

/// What is known of each group's texts.
pub(super) struct ApproxTexts<'p> {
    pub(super) column: usize,
    dictionary: &'p Dictionary,
    kept: Kept,
}

enum Kept {
    /// Each text is hashed in the end, once.
    Bits(CodeBits),
    /// Where bits would be too many.
    Groups(Vec<HyperLogLog>),
}

impl<'p> ApproxTexts<'p> {
    pub(super) fn new(column: usize, dictionary: &'p Dictionary) -> Self {
        Self {
            column,
            dictionary,
            kept: Kept::Bits(CodeBits::new(dictionary, HyperLogLog::MOST_HELD)),
        }
    }

    /// Takes in the texts of rows.
    pub(super) fn update(
        &mut self,
        rows: &Rows<'_, '_>,
        texts: &TextColumn,
        budget: &mut Budget,
    ) -> Result<()> {
        self.make_room(rows.known, budget)?;
        let groups = match &mut self.kept {
            Kept::Bits(bits) => return bits.add(rows, texts, budget),
            Kept::Groups(groups) => groups,
        };
        groups.resize_with(rows.known, HyperLogLog::default);
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
        with_codes!(texts.codes(), small => rows.selected.each(rows.groups(), |row, group| {
            let hash = small.get(row).and_then(|at| hash_of(*at as usize));
            if let (Some(hash), Some(known)) = (hash, groups.get_mut(group as usize)) {
                new += u64::from(known.insert_hash(hash));
            }
        }));
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
        self.make_room(known, budget)?;
        match (&mut self.kept, &other.kept) {
            (Kept::Bits(bits), Kept::Bits(more)) => bits.unite(more, groups, known, budget),
            (Kept::Groups(own), _) => {
                own.resize_with(known, HyperLogLog::default);
                for (more, group) in other.into_groups(groups.len()).into_iter().zip(groups) {
                    if let Some(own) = own.get_mut(*group as usize) {
                        own.merge(more, budget)?;
                    }
                }
                Ok(())
            }
            // Where the other one has too many for bits, all together are, too.
            (Kept::Bits(_), Kept::Groups(_)) => Ok(()),
        }
    }

    /// Leaves the bits if these are too many for so many groups.
    fn make_room(&mut self, known: usize, budget: &mut Budget) -> Result<()> {
        if let Kept::Bits(bits) = &mut self.kept
            && !bits.has_room(known)
        {
            let groups = groups_of(self.dictionary, bits);
            bits.hold(groups.iter().map(HyperLogLog::held).sum(), budget)?;
            self.kept = Kept::Groups(groups);
        }
        Ok(())
    }

    /// What is known of each group.
    pub(super) fn into_groups(self, groups: usize) -> Vec<HyperLogLog> {
        let mut known = match self.kept {
            Kept::Bits(bits) => groups_of(self.dictionary, &bits),
            Kept::Groups(known) => known,
        };
        known.resize_with(groups, HyperLogLog::default);
        known
    }
}

/// Hashes each text that a group has, once.
fn groups_of(dictionary: &Dictionary, bits: &CodeBits) -> Vec<HyperLogLog> {
    let mut hashes: Vec<Option<u64>> = vec![None; dictionary.len()];
    let mut hash_of = |code: u32| {
        let known = hashes.get_mut(code as usize)?;
        if known.is_none() {
            *known = dictionary.text(code).map(hash_text);
        }
        *known
    };
    let of_group = |seen: &[u64]| codes_of(seen).filter_map(&mut hash_of).collect();
    bits.groups().map(of_group).collect()
}
