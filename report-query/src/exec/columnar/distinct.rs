//! Different texts of groups, by their codes.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::aggregate::Rows;
use super::code_bits::{CodeBits, codes_of, ones};
use crate::aggregate::{Budget, Distinct};
use crate::error::Result;
use crate::exec::batch::{Column, position};
use crate::exec::coding::Coding;
use crate::exec::control::Control;
use crate::store::{Dictionary, TextColumn};
use crate::value::Value;

/// The codes of each group's texts.
pub(super) struct DistinctTexts<'p> {
    pub(super) column: usize,
    dictionary: &'p Dictionary,
    seen: Seen,
}

enum Seen {
    Bits(CodeBits),
    /// Pairs of group and code, where bits for each group would be too many.
    Pairs(HashSet<u64, RandomState>),
}

impl<'p> DistinctTexts<'p> {
    pub(super) fn new(column: usize, dictionary: &'p Dictionary) -> Self {
        let bits = CodeBits::new(dictionary, dictionary.len() as u64);
        Self {
            column,
            dictionary,
            seen: Seen::Bits(bits),
        }
    }

    /// How many different texts there are at most.
    pub(super) const fn texts(&self) -> u64 {
        self.dictionary.len() as u64
    }

    /// Takes in the texts of rows.
    pub(super) fn update(
        &mut self,
        rows: &Rows<'_, '_>,
        texts: &TextColumn,
        budget: &mut Budget,
    ) -> Result<()> {
        self.make_room(rows.known, budget)?;
        match &mut self.seen {
            Seen::Bits(bits) => bits.add(rows, texts, budget),
            Seen::Pairs(pairs) => {
                let mut new = 0;
                for (row, group) in rows.selected.rows().zip(rows.groups()) {
                    if let Some(code) = texts.code(row) {
                        new += u64::from(pairs.insert(pair(*group, code)));
                    }
                }
                budget.take(new)
            }
        }
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
        self.make_room(known, budget)?;
        match (&mut self.seen, other.seen) {
            (Seen::Bits(bits), Seen::Bits(more)) => bits.unite(&more, groups, known, budget),
            (Seen::Pairs(pairs), more) => {
                let mut new = 0;
                let mut add = |(group, code): (u32, u32)| {
                    if let Some(group) = groups.get(group as usize) {
                        new += u64::from(pairs.insert(pair(*group, code)));
                    }
                };
                match more {
                    Seen::Pairs(more) => more.into_iter().map(taken_apart).for_each(add),
                    Seen::Bits(more) => {
                        for (group, seen) in (0..).zip(more.groups()) {
                            codes_of(seen).for_each(|code| add((group, code)));
                        }
                    }
                }
                budget.take(new)
            }
            // With more groups than there were, this one has pairs if the other has.
            (Seen::Bits(_), Seen::Pairs(_)) => Ok(()),
        }
    }

    /// Goes over to pairs if bits for so many groups would be too many.
    fn make_room(&mut self, known: usize, budget: &mut Budget) -> Result<()> {
        if let Seen::Bits(bits) = &mut self.seen
            && !bits.has_room(known)
        {
            let mut pairs = HashSet::default();
            for (group, seen) in (0..).zip(bits.groups()) {
                pairs.extend(codes_of(seen).map(|code| pair(group, code)));
            }
            bits.hold(pairs.len() as u64, budget)?;
            self.seen = Seen::Pairs(pairs);
        }
        Ok(())
    }

    /// How many there are of each group.
    pub(super) fn counts(&self, groups: usize) -> Vec<u64> {
        let mut counts = vec![0; groups];
        match &self.seen {
            Seen::Bits(bits) => {
                for (count, seen) in counts.iter_mut().zip(bits.groups()) {
                    *count = ones(seen);
                }
            }
            Seen::Pairs(pairs) => {
                for (group, _) in pairs.iter().copied().map(taken_apart) {
                    if let Some(count) = counts.get_mut(group as usize) {
                        *count += 1;
                    }
                }
            }
        }
        counts
    }

    /// The texts of each group as a list, ascending.
    pub(super) fn lists(&self, groups: usize, control: &Control<'_>) -> Result<Column> {
        let list = |codes: Vec<u32>| {
            let values = codes.into_iter().map(|code| self.dictionary.value(code));
            let mut values: Vec<Value> = values.collect();
            values.sort_unstable();
            Value::List(values.into())
        };
        let mut ticker = control.ticker();
        let of_few = match &self.seen {
            Seen::Bits(bits) if bits.is_of_few() => bits,
            _ => {
                let groups = self.codes(groups).into_iter();
                let lists = groups.map(|codes| {
                    ticker.steps(1 + codes.len())?;
                    Ok(list(codes))
                });
                return lists.collect::<Result<_>>().map(Column::own);
            }
        };
        // Many groups have the same texts of few.
        let mut known: HashMap<u64, u32, RandomState> = HashMap::default();
        let mut lists: Vec<Value> = Vec::new();
        let code = |group| {
            ticker.step()?;
            let word = of_few.word(group);
            Ok(*known.entry(word).or_insert_with(|| {
                lists.push(list(codes_of(&[word]).collect()));
                position(lists.len() - 1)
            }))
        };
        let codes = (0..groups).map(code).collect::<Result<_>>()?;
        Ok(Column::codes(codes, Coding::Table(lists)))
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
            Seen::Bits(bits) => {
                for (codes, seen) in codes.iter_mut().zip(bits.groups()) {
                    codes.extend(codes_of(seen));
                }
            }
            Seen::Pairs(pairs) => {
                for (group, code) in pairs.iter().copied().map(taken_apart) {
                    if let Some(codes) = codes.get_mut(group as usize) {
                        codes.push(code);
                    }
                }
            }
        }
        codes
    }
}

/// A group and a code as one number.
fn pair(group: u32, code: u32) -> u64 {
    u64::from(group) << 32 | u64::from(code)
}

/// The group and the code of a pair.
const fn taken_apart(pair: u64) -> (u32, u32) {
    ((pair >> 32) as u32, pair as u32)
}
