//! The numbers of the values of one key, for all segments of a query.
//!
//! Of a text the number is its code in the dictionary of the store, so that no text is looked at
//! while rows are grouped.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;
use uuid::Uuid;

use crate::exec::batch::position;
use crate::expr::Bound;
use crate::schema::{DataType, Schema};
use crate::store::Dictionary;
use crate::value::Value;

/// No number.
pub(super) const NONE: u32 = u32::MAX;

/// Values by their numbers, from 0 on.
pub(super) struct Numbered<T> {
    numbers: HashMap<T, u32, RandomState>,
    values: Vec<T>,
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn new() -> Self {
        Self {
            numbers: HashMap::default(),
            values: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn number(&mut self, value: T) -> u32 {
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        let number = position(self.values.len());
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }
}

/// GUIDs by their numbers. What belongs together by one is mostly close in time, so that those
/// seen last are looked for first, in a place that stays in a near cache.
pub(super) struct Ids {
    numbers: Numbered<u128>,
    null: Option<u32>,
    /// By some of their bits.
    recent: Box<[(u128, u32)]>,
}

impl Ids {
    const RECENT: usize = if cfg!(test) { 2 } else { 1 << 11 };

    fn new() -> Self {
        Self {
            numbers: Numbered::new(),
            null: None,
            recent: vec![(0, NONE); Self::RECENT].into(),
        }
    }

    #[inline]
    pub(super) fn number(&mut self, id: Option<Uuid>) -> u32 {
        let Some(id) = id.map(|id| id.as_u128()) else {
            // Null takes a number as if it were a value that occurs nowhere.
            let values = &mut self.numbers.values;
            return *self.null.get_or_insert_with(|| {
                values.push(0);
                position(values.len() - 1)
            });
        };
        let at = (id ^ id >> 64) as usize % Self::RECENT;
        match self.recent.get_mut(at) {
            Some((known, number)) if *known == id && *number != NONE => *number,
            Some(place) => {
                *place = (id, self.numbers.number(id));
                place.1
            }
            None => self.numbers.number(id),
        }
    }

    fn id(&self, number: u32) -> Option<Uuid> {
        if self.null == Some(number) {
            return None;
        }
        let id = self.numbers.values.get(number as usize);
        id.copied().map(Uuid::from_u128)
    }
}

/// The numbers of the values of a key.
pub(super) enum Space<'p> {
    /// Codes, and null behind them.
    Texts(&'p Dictionary),
    Ids(Ids),
    Ints(Numbered<Option<i64>>),
    Values(Numbered<Value>),
}

impl<'p> Space<'p> {
    pub(super) fn new(key: &Bound, schema: &Schema, dictionaries: &'p [Dictionary]) -> Self {
        let Bound::Column(column) = key else {
            return Self::Values(Numbered::new());
        };
        if schema.is_coded(*column)
            && let Some(dictionary) = dictionaries.get(*column)
        {
            return Self::Texts(dictionary);
        }
        match schema.fields().get(*column).map(|field| &field.data_type) {
            Some(DataType::Id) => Self::Ids(Ids::new()),
            Some(DataType::Int) => Self::Ints(Numbered::new()),
            _ => Self::Values(Numbered::new()),
        }
    }

    pub(super) fn number(&mut self, value: Value) -> u32 {
        match self {
            // Of values of texts only null comes this way.
            Self::Texts(dictionary) => position(dictionary.len()),
            Self::Ids(ids) => ids.number(value.as_id()),
            Self::Ints(ints) => ints.number(value.as_int()),
            Self::Values(values) => values.number(value),
        }
    }

    /// The numbers here of the values of another space of the same key; `None` if they are the
    /// same.
    pub(super) fn absorb(&mut self, other: Self) -> Option<Vec<u32>> {
        Some(match (self, other) {
            (Self::Ids(ids), Self::Ids(other)) => {
                let values = (0..position(other.numbers.values.len())).map(|at| other.id(at));
                values.map(|id| ids.number(id)).collect()
            }
            (Self::Ints(ints), Self::Ints(other)) => {
                let values = other.values.into_iter();
                values.map(|value| ints.number(value)).collect()
            }
            (Self::Values(values), Self::Values(other)) => {
                let others = other.values.into_iter();
                others.map(|value| values.number(value)).collect()
            }
            // Codes hold for all.
            _ => return None,
        })
    }

    /// The same of GUIDs of which none is here, that are not looked for any more.
    pub(super) fn append(&mut self, other: Self) -> Option<Vec<u32>> {
        let (ids, other) = match (self, other) {
            (Self::Ids(ids), Self::Ids(other)) => (ids, other),
            (own, other) => return own.absorb(other),
        };
        let first = position(ids.numbers.values.len());
        ids.null = ids.null.or(other.null.map(|null| first + null));
        ids.numbers.values.extend(other.numbers.values);
        Some((first..position(ids.numbers.values.len())).collect())
    }

    pub(super) fn value(&self, number: u32) -> Value {
        let at = number as usize;
        match self {
            Self::Texts(dictionary) => dictionary.value(number),
            Self::Ids(ids) => ids.id(number).into(),
            Self::Ints(ints) => ints.values.get(at).copied().flatten().into(),
            Self::Values(values) => values.values.get(at).cloned().unwrap_or_default(),
        }
    }

    pub(super) fn is_null(&self, number: u32) -> bool {
        match self {
            Self::Texts(dictionary) => number as usize >= dictionary.len(),
            others => others.value(number).is_null(),
        }
    }

    /// The order of two values, given the ranks of texts if these are known.
    pub(super) fn compare(&self, a: u32, b: u32, ranks: Option<&[u32]>) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        match (self, ranks) {
            // Null is last.
            (Self::Texts(_), Some(ranks)) => {
                let rank = |number: u32| ranks.get(number as usize).copied().unwrap_or(u32::MAX);
                rank(a).cmp(&rank(b))
            }
            (Self::Texts(dictionary), None) => match (dictionary.text(a), dictionary.text(b)) {
                (Some(a), Some(b)) => a.cmp(b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            },
            _ => self.value(a).cmp(&self.value(b)),
        }
    }
}
