//! The groups of a query: a number for each different tuple of the numbers of keys' values.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::kernels::read_through;
use super::segment_keys::{Key, SegmentKeys};
use super::selected::Selected;
use super::space::{NONE, Space};
use super::tally::Tally;
use crate::error::Result;
use crate::exec::batch::{Column, position};
use crate::exec::coding::Coding;
use crate::exec::control::Most;
use crate::expr::Bound;
use crate::store::{Dictionary, SegmentView, Snapshot, with_codes};
use crate::value::Value;

/// The groups of a query so far.
pub(in crate::exec) struct Keys<'p> {
    by: &'p [Bound],
    spaces: Vec<Space<'p>>,
    tuples: Tuples,
    /// The numbers of the keys' values, tuple by tuple.
    values: Vec<u32>,
    len: usize,
    /// How many there may be.
    most: Most,
}

/// Places for numbers that are made at a time.
const MORE: usize = if cfg!(test) { 1 } else { 1 << 8 };

/// The number of each tuple.
enum Tuples {
    /// Of one value.
    Ones(Vec<u32>),
    Pairs(HashMap<u64, u32, RandomState>),
    /// Of three or four.
    Few(HashMap<u128, u32, RandomState>),
    Longer(HashMap<Box<[u32]>, u32, RandomState>),
}

impl<'p> Keys<'p> {
    pub(super) fn new(by: &'p [Bound], snapshot: &'p Snapshot, most: Most) -> Self {
        let (schema, dictionaries) = (snapshot.schema(), snapshot.dictionaries());
        let space = |key| Space::new(key, schema, dictionaries);
        Self {
            by,
            spaces: by.iter().map(space).collect(),
            tuples: match by.len() {
                0 | 1 => Tuples::Ones(Vec::new()),
                2 => Tuples::Pairs(HashMap::default()),
                3 | 4 => Tuples::Few(HashMap::default()),
                _ => Tuples::Longer(HashMap::default()),
            },
            values: Vec::new(),
            len: 0,
            most,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether all rows are one group.
    pub(super) const fn is_of_all(&self) -> bool {
        self.by.is_empty()
    }

    /// What counts so many rows of the only key by its texts, if that is worth it.
    pub(super) fn tally(&self, rows: usize) -> Option<Tally> {
        match &self.spaces[..] {
            [Space::Texts(dictionary)] => Tally::new(dictionary.len(), rows),
            _ => None,
        }
    }

    /// The number of a tuple of one value.
    #[inline]
    pub(super) fn number_of_one(&mut self, value: u32) -> Result<u32> {
        let Tuples::Ones(numbers) = &mut self.tuples else {
            return self.number(&[value]);
        };
        let at = value as usize;
        if numbers.len() <= at {
            numbers.resize(at + MORE, NONE);
        }
        let Some(place) = numbers.get_mut(at) else {
            return Ok(NONE);
        };
        if *place == NONE {
            self.most.check(self.len as u64 + 1)?;
            *place = position(self.len);
            self.len += 1;
            self.values.push(value);
        }
        Ok(*place)
    }

    /// The numbers of tuples of one value, of which nobody could guess whether they are new.
    fn numbers_of_ones(&mut self, of: impl ExactSizeIterator<Item = u32>) -> Result<Vec<u32>> {
        let Tuples::Ones(numbers) = &mut self.tuples else {
            return of.map(|value| self.number_of_one(value)).collect();
        };
        let mut len = self.len;
        // There is a place for each, of which those of new ones stay.
        self.values.resize(len + of.len(), 0);
        let number = |value: u32| {
            let at = value as usize;
            if numbers.len() <= at {
                numbers.resize(at + MORE, NONE);
            }
            let (Some(number), Some(place)) = (numbers.get_mut(at), self.values.get_mut(len))
            else {
                return NONE;
            };
            let is_new = *number == NONE;
            *number = if is_new { position(len) } else { *number };
            *place = value;
            len += usize::from(is_new);
            *number
        };
        let all = of.map(number).collect();
        self.values.truncate(len);
        self.len = len;
        self.most.check(len as u64)?;
        Ok(all)
    }

    #[inline]
    pub(super) fn known_one(&self, value: u32) -> Option<u32> {
        let Tuples::Ones(numbers) = &self.tuples else {
            return None;
        };
        let number = numbers.get(value as usize).copied();
        number.filter(|number| *number != NONE)
    }

    /// The number of a tuple of values.
    fn number(&mut self, tuple: &[u32]) -> Result<u32> {
        let known = match &self.tuples {
            Tuples::Ones(_) => {
                // Of no values it is that of all rows.
                return self.number_of_one(tuple.first().copied().unwrap_or_default());
            }
            Tuples::Pairs(numbers) => numbers.get(&pair(tuple)).copied(),
            Tuples::Few(numbers) => numbers.get(&few(tuple)).copied(),
            Tuples::Longer(numbers) => numbers.get(tuple).copied(),
        };
        if let Some(number) = known {
            return Ok(number);
        }
        self.most.check(self.len as u64 + 1)?;
        let number = position(self.len);
        self.len += 1;
        self.values.extend_from_slice(tuple);
        match &mut self.tuples {
            Tuples::Ones(_) => {}
            Tuples::Pairs(numbers) => {
                numbers.insert(pair(tuple), number);
            }
            Tuples::Few(numbers) => {
                numbers.insert(few(tuple), number);
            }
            Tuples::Longer(numbers) => {
                numbers.insert(tuple.into(), number);
            }
        }
        Ok(number)
    }

    /// Takes in the groups of others; gives the number that each has here.
    pub(super) fn absorb(&mut self, other: Self) -> Result<Vec<u32>> {
        let spaces = self.spaces.iter_mut().zip(other.spaces);
        let numbers: Vec<_> = spaces.map(|(own, other)| own.absorb(other)).collect();
        if let [None] = &numbers[..] {
            // Codes are the same there.
            return self.numbers_of_ones(other.values.into_iter());
        }
        let mut tuple = Vec::with_capacity(self.by.len());
        let number = |group: usize| {
            tuple_of(&other.values, group, &numbers, &mut tuple);
            self.number(&tuple)
        };
        (0..other.len).map(number).collect()
    }

    /// The same of others that have none of the values of one key here. No group may be looked
    /// for any more.
    pub(super) fn append(&mut self, other: Self, key: usize) -> Result<Vec<u32>> {
        let first = self.len;
        self.len += other.len;
        self.most.check(self.len as u64)?;
        let spaces = self.spaces.iter_mut().zip(other.spaces).enumerate();
        let numbers: Vec<_> = spaces
            .map(|(at, (own, other))| match at == key {
                true => own.append(other),
                false => own.absorb(other),
            })
            .collect();
        let mut tuple = Vec::with_capacity(self.by.len());
        self.values.reserve(other.values.len());
        for group in 0..other.len {
            tuple_of(&other.values, group, &numbers, &mut tuple);
            self.values.extend_from_slice(&tuple);
        }
        Ok((position(first)..position(self.len)).collect())
    }

    /// The number of values that were evaluated, one for each key.
    pub(super) fn number_of(&mut self, values: impl Iterator<Item = Value>) -> Result<u32> {
        let spaces = self.spaces.iter_mut();
        let tuple: Vec<u32> = spaces
            .zip(values)
            .map(|(space, value)| space.number(value))
            .collect();
        self.number(&tuple)
    }

    /// The keys of a segment; `None` if one has to be evaluated row by row.
    pub(super) fn of<'s>(
        &mut self,
        segment: SegmentView<'s>,
        selected: &Selected,
    ) -> Option<SegmentKeys<'s>> {
        SegmentKeys::new(segment, self.by, &mut self.spaces, selected)
    }

    /// The number of each row's group.
    pub(super) fn numbered(
        &mut self,
        keys: &SegmentKeys<'_>,
        selected: &Selected,
    ) -> Result<Vec<u32>> {
        if let [Key::Rows(values)] = &keys.keys[..] {
            return values
                .iter()
                .map(|value| self.number_of_one(*value))
                .collect();
        }
        if let [Key::Coded(codes, values, null)] = &keys.keys[..] {
            read_through(values, selected.len());
            let value = |code: usize| *values.get(code).unwrap_or(null);
            let numbers = with_codes!(codes, codes => match selected {
                Selected::All(rows) => {
                    let codes = codes.get(rows.clone()).unwrap_or_default().iter();
                    Some(self.numbers_of_ones(codes.map(|code| value(*code as usize))))
                }
                Selected::Some(rows) => Some(self.numbers_of_ones(rows.iter().map(|row| {
                    let code = codes.get(*row as usize);
                    code.map_or(*null, |code| value(*code as usize))
                }))),
                Selected::Marked(..) => None,
            });
            if let Some(numbers) = numbers {
                return numbers;
            }
        }
        let mut tuple = Vec::with_capacity(keys.keys.len());
        if let Some(count) = keys.dense {
            let mut table = vec![NONE; count];
            let mut places = keys.places(selected);
            for place in &mut places {
                let Some(known) = table.get_mut(*place as usize) else {
                    continue;
                };
                if *known == NONE {
                    keys.tuple(*place, &mut tuple);
                    *known = self.number(&tuple)?;
                }
                *place = *known;
            }
            return Ok(places);
        }
        // Each key on its own, then the tuples of their values.
        let mut columns = Vec::with_capacity(keys.keys.len());
        for key in &keys.keys {
            columns.push(match key {
                Key::Rows(values) => Cow::Borrowed(values),
                key => {
                    let mut places = vec![0; selected.len()];
                    key.add(selected, 1, &mut places);
                    places
                        .iter_mut()
                        .for_each(|place| *place = key.value(*place as usize));
                    Cow::Owned(places)
                }
            });
        }
        let mut numbers = Vec::with_capacity(selected.len());
        for at in 0..selected.len() {
            tuple.clear();
            tuple.extend(columns.iter().filter_map(|values| values.get(at)));
            numbers.push(self.number(&tuple)?);
        }
        Ok(numbers)
    }

    /// Adds how many rows each group has, if a table holds that.
    pub(super) fn count(
        &mut self,
        keys: &SegmentKeys<'_>,
        selected: &Selected,
        total: &mut Vec<u64>,
    ) -> Result<bool> {
        let Some(count) = keys.dense else {
            return Ok(false);
        };
        let mut add = |number: u32, more: u64| {
            let at = number as usize;
            if total.len() <= at {
                total.resize(at + 1, 0);
            }
            if let Some(count) = total.get_mut(at) {
                *count += more;
            }
        };
        if keys.keys.is_empty() {
            add(self.number(&[])?, selected.len() as u64);
            return Ok(true);
        }
        if let [key] = &keys.keys[..]
            && selected.len() < count
        {
            // Few rows of many values.
            for place in keys.places(selected) {
                add(self.number_of_one(key.value(place as usize))?, 1);
            }
            return Ok(true);
        }
        let counts = keys.counts(selected, count);
        if let [key] = &keys.keys[..] {
            for (small, count) in counts.into_iter().enumerate() {
                if count > 0 {
                    add(self.number_of_one(key.value(small))?, u64::from(count));
                }
            }
            return Ok(true);
        }
        let mut tuple = Vec::with_capacity(keys.keys.len());
        for (place, count) in (0..).zip(counts) {
            if count > 0 {
                keys.tuple(place, &mut tuple);
                add(self.number(&tuple)?, u64::from(count));
            }
        }
        Ok(true)
    }

    /// The value of a key in a group.
    pub(in crate::exec) fn value(&self, group: u32, key: usize) -> Value {
        let at = group as usize * self.by.len() + key;
        match (self.spaces.get(key), self.values.get(at)) {
            (Some(space), Some(number)) => space.value(*number),
            _ => Value::Null,
        }
    }

    /// A key of groups in an order by its codes, if it has such.
    pub(super) fn codes(&mut self, key: usize, order: &[u32]) -> Option<Column> {
        let Some(Space::Texts(dictionary)) = self.spaces.get(key) else {
            return None;
        };
        let width = self.by.len();
        // The only key of all groups in the order of their numbers is not asked for again.
        if width == 1 && order.len() == self.len && order.is_sorted() {
            let of = Coding::Dictionary(Dictionary::clone(dictionary));
            return Some(Column::codes(std::mem::take(&mut self.values), of));
        }
        let null = position(dictionary.len());
        let code = |group: &u32| self.values.get(*group as usize * width + key).copied();
        let codes = order.iter().map(|group| code(group).unwrap_or(null));
        let of = Coding::Dictionary(Dictionary::clone(dictionary));
        Some(Column::codes(codes.collect(), of))
    }

    /// The ranks of a key's texts, where groups are about as many as texts: then these may as
    /// well be sorted once for all.
    fn ranks(&self, space: &Space<'p>) -> Option<&'p [u32]> {
        match space {
            Space::Texts(dictionary) if self.len * 4 >= dictionary.len() => {
                Some(dictionary.ranks())
            }
            _ => None,
        }
    }

    /// All groups in the order of their key, if its texts have ranks: each has its own.
    pub(super) fn ranked(&self) -> Option<Vec<u32>> {
        let [space] = &self.spaces[..] else {
            return None;
        };
        let ranks = self.ranks(space)?;
        // Null comes last.
        let mut groups = vec![NONE; ranks.len() + 1];
        for (group, code) in (0..).zip(&self.values) {
            let rank = ranks.get(*code as usize);
            let rank = rank.map_or(ranks.len(), |rank| *rank as usize);
            if let Some(place) = groups.get_mut(rank) {
                *place = group;
            }
        }
        groups.retain(|group| *group != NONE);
        Some(groups)
    }

    /// The order of two groups by one of their keys: a function for many of them. `None` of two
    /// of which one is null.
    pub(super) fn order_by(&self, key: usize) -> impl Fn(u32, u32) -> Option<Ordering> {
        let width = self.by.len();
        let space = self.spaces.get(key);
        let ranks = space.and_then(|space| self.ranks(space));
        move |a, b| {
            let of = |group: u32| self.values.get(group as usize * width + key).copied();
            let (space, a, b) = (space?, of(a)?, of(b)?);
            if space.is_null(a) || space.is_null(b) {
                return None;
            }
            Some(space.compare(a, b, ranks))
        }
    }

    /// The order of two groups by their keys: a function for many of them.
    pub(in crate::exec) fn order(&self) -> impl Fn(&u32, &u32) -> Ordering {
        let width = self.by.len();
        let spaces: Vec<_> = self
            .spaces
            .iter()
            .map(|space| (space, self.ranks(space)))
            .collect();
        let of = move |group: u32| {
            self.values
                .get(group as usize * width..)
                .unwrap_or_default()
        };
        move |a, b| {
            for ((space, ranks), (a, b)) in spaces.iter().zip(of(*a).iter().zip(of(*b))) {
                let order = space.compare(*a, *b, *ranks);
                if order.is_ne() {
                    return order;
                }
            }
            Ordering::Equal
        }
    }

    /// The keys of all groups, in the order of their numbers.
    pub(super) fn tuples(&self) -> impl Iterator<Item = Box<[Value]>> {
        let width = self.by.len();
        let key = move |group: u32| (0..width).map(|key| self.value(group, key)).collect();
        (0..position(self.len)).map(key)
    }
}

/// A group's values by the numbers that they have elsewhere.
fn tuple_of(values: &[u32], group: usize, numbers: &[Option<Vec<u32>>], tuple: &mut Vec<u32>) {
    let values = values.get(group * numbers.len()..).unwrap_or_default();
    tuple.clear();
    tuple.extend(values.iter().zip(numbers).map(|(value, numbers)| {
        let number = numbers.as_ref().map(|numbers| numbers.get(*value as usize));
        number.flatten().copied().unwrap_or(*value)
    }));
}

/// Up to four values as one number.
fn few(tuple: &[u32]) -> u128 {
    let with = |all: u128, value: &u32| all << 32 | u128::from(*value);
    tuple.iter().fold(0, with)
}

fn pair(tuple: &[u32]) -> u64 {
    let at = |at: usize| u64::from(tuple.get(at).copied().unwrap_or_default());
    at(0) << 32 | at(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tuple_is_a_number_of_its_own() {
        let ends = [0, 1, 1 << 31, u32::MAX];
        let mut fews = Vec::new();
        let mut pairs = Vec::new();
        for a in ends {
            for b in ends {
                pairs.push(pair(&[a, b]));
                fews.extend(ends.map(|c| few(&[a, b, c])));
            }
        }
        let different = |numbers: &[u128]| {
            let mut numbers = numbers.to_vec();
            numbers.sort_unstable();
            numbers.dedup();
            numbers.len()
        };
        assert_eq!(different(&fews), fews.len());
        let pairs: Vec<u128> = pairs.into_iter().map(u128::from).collect();
        assert_eq!(different(&pairs), pairs.len());
    }
}
