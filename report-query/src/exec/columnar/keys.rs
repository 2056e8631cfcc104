//! The keys of groups: a number for each different value, and one for each different tuple of
//! these.
//!
//! Numbers hold for all segments of a query. Of a text the number is its code in the dictionary
//! of the store, so that no text is looked at while rows are grouped.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, Utc};
use foldhash::fast::RandomState;
use uuid::Uuid;

use super::select::of_codes;
use super::selected::Selected;
use crate::error::{QueryError, Result};
use crate::exec::batch::{position, value};
use crate::expr::{Bound, Row, Scope};
use crate::schema::{DataType, Schema};
use crate::store::{Codes, Dictionary, SegmentView, with_codes};
use crate::value::Value;

/// Groups of which a table of a segment has a place for each; more are looked up by hashing.
const DENSE: usize = 1 << 16;

/// Values by their numbers, from 0 on.
struct Numbered<T> {
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

    fn number(&mut self, value: T) -> u32 {
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
struct Ids {
    numbers: Numbered<u128>,
    null: Option<u32>,
    /// By some of their bits.
    recent: Box<[(u128, u32)]>,
}

impl Ids {
    const RECENT: usize = 1 << 11;

    fn new() -> Self {
        Self {
            numbers: Numbered::new(),
            null: None,
            recent: vec![(0, NONE); Self::RECENT].into(),
        }
    }

    fn number(&mut self, id: Option<Uuid>) -> u32 {
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
enum Space<'p> {
    /// Codes, and null behind them.
    Texts(&'p Dictionary),
    Ids(Ids),
    Ints(Numbered<Option<i64>>),
    Values(Numbered<Value>),
}

impl<'p> Space<'p> {
    fn new(key: &Bound, schema: &Schema, dictionaries: &'p [Dictionary]) -> Self {
        let Bound::Column(column) = key else {
            return Self::Values(Numbered::new());
        };
        if schema.is_coded_text(*column)
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

    fn number(&mut self, value: Value) -> u32 {
        match self {
            // Of values of texts only null comes this way.
            Self::Texts(dictionary) => position(dictionary.len()),
            Self::Ids(ids) => ids.number(value.as_id()),
            Self::Ints(ints) => ints.number(value.as_int()),
            Self::Values(values) => values.number(value),
        }
    }

    fn value(&self, number: u32) -> Value {
        let at = number as usize;
        match self {
            Self::Texts(dictionary) => dictionary.value(number),
            Self::Ids(ids) => ids.id(number).into(),
            Self::Ints(ints) => ints.values.get(at).copied().flatten().into(),
            Self::Values(values) => values.values.get(at).cloned().unwrap_or_default(),
        }
    }

    fn is_null(&self, number: u32) -> bool {
        match self {
            Self::Texts(dictionary) => number as usize >= dictionary.len(),
            others => others.value(number).is_null(),
        }
    }

    /// The order of two values, given the ranks of texts if these are known.
    fn compare(&self, a: u32, b: u32, ranks: Option<&[u32]>) -> Ordering {
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

/// A key in one segment: a small number for each row, and the number of its value.
enum Key<'s> {
    /// All rows have this value.
    One(u32),
    Coded(&'s Codes, Cow<'s, [u32]>),
    /// Where each bucket of the ascending times ends, and its start.
    Buckets(Vec<(usize, u32)>),
    /// The number of each selected row's value.
    Rows(Vec<u32>),
}

fn wide(code: impl Into<u32>) -> u32 {
    code.into()
}

impl Key<'_> {
    /// How many different small numbers there may be; `None` if they are not small.
    fn count(&self) -> Option<usize> {
        match self {
            Self::One(_) => Some(1),
            Self::Coded(_, values) => Some(values.len()),
            Self::Buckets(buckets) => Some(buckets.len()),
            Self::Rows(_) => None,
        }
    }

    /// The number of the value that a small number stands for.
    fn value(&self, small: usize) -> u32 {
        let value = match self {
            Self::One(value) => Some(*value),
            Self::Coded(_, values) => values.get(small).copied(),
            Self::Buckets(buckets) => buckets.get(small).map(|(_, value)| *value),
            Self::Rows(_) => None,
        };
        value.unwrap_or_default()
    }

    /// Adds the row's small number, times the stride, to each of the places.
    fn add(&self, selected: &Selected, stride: u32, places: &mut [u32]) {
        match (self, selected) {
            (Self::One(_) | Self::Rows(_), _) => {}
            (Self::Coded(codes, _), Selected::All(rows)) => with_codes!(codes, codes => {
                let codes = codes.get(rows.clone()).unwrap_or_default();
                for (code, place) in codes.iter().zip(places) {
                    *place += wide(*code) * stride;
                }
            }),
            (Self::Coded(codes, _), Selected::Some(rows)) => with_codes!(codes, codes => {
                for (row, place) in rows.iter().zip(places) {
                    if let Some(code) = codes.get(*row as usize) {
                        *place += wide(*code) * stride;
                    }
                }
            }),
            (Self::Coded(codes, _), selected) => {
                for (row, place) in selected.rows().zip(places) {
                    *place += position(codes.get(row).unwrap_or_default()) * stride;
                }
            }
            (Self::Buckets(buckets), Selected::All(rows)) => {
                let mut rest = places;
                let mut at = rows.start;
                for (bucket, (end, _)) in (0..).zip(buckets) {
                    let (of, others) = rest.split_at_mut((end - at).min(rest.len()));
                    of.iter_mut().for_each(|place| *place += bucket * stride);
                    (rest, at) = (others, *end);
                }
            }
            (Self::Buckets(buckets), selected) => {
                let mut bucket = 0_u32;
                for (row, place) in selected.rows().zip(places) {
                    while buckets
                        .get(bucket as usize)
                        .is_some_and(|(end, _)| row >= *end)
                    {
                        bucket += 1;
                    }
                    *place += bucket * stride;
                }
            }
        }
    }
}

/// The groups of a query so far.
pub(in crate::exec) struct Keys<'p> {
    by: &'p [Bound],
    spaces: Vec<Space<'p>>,
    tuples: Tuples,
    /// The numbers of the keys' values, tuple by tuple.
    values: Vec<u32>,
    len: usize,
    /// How many there may be.
    most: u64,
}

/// The number of each tuple.
enum Tuples {
    /// Of one value.
    Ones(Vec<u32>),
    Pairs(HashMap<u64, u32, RandomState>),
    /// Of three or four.
    Few(HashMap<u128, u32, RandomState>),
    Longer(HashMap<Box<[u32]>, u32, RandomState>),
}

const NONE: u32 = u32::MAX;

/// The keys of a segment's rows.
pub(super) struct SegmentKeys<'s> {
    keys: Vec<Key<'s>>,
    /// The product of their counts, unless that is too large for a table.
    dense: Option<usize>,
}

impl<'p> Keys<'p> {
    pub(super) fn new(
        by: &'p [Bound],
        schema: &Schema,
        dictionaries: &'p [Dictionary],
        most: u64,
    ) -> Self {
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

    /// The number of a tuple of values.
    fn number(&mut self, tuple: &[u32]) -> Result<u32> {
        let known = match (&mut self.tuples, tuple) {
            (Tuples::Ones(numbers), _) => {
                let value = tuple.first().copied().unwrap_or_default() as usize;
                if numbers.len() <= value {
                    numbers.resize(value + 1, NONE);
                }
                numbers.get(value).copied().filter(|number| *number != NONE)
            }
            (Tuples::Pairs(numbers), _) => numbers.get(&pair(tuple)).copied(),
            (Tuples::Few(numbers), _) => numbers.get(&few(tuple)).copied(),
            (Tuples::Longer(numbers), _) => numbers.get(tuple).copied(),
        };
        if let Some(number) = known {
            return Ok(number);
        }
        if self.len as u64 >= self.most {
            return Err(QueryError::limit("groups", self.most));
        }
        let number = position(self.len);
        self.len += 1;
        self.values.extend_from_slice(tuple);
        match &mut self.tuples {
            Tuples::Ones(numbers) => {
                let value = tuple.first().copied().unwrap_or_default() as usize;
                if let Some(place) = numbers.get_mut(value) {
                    *place = number;
                }
            }
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
        let keys: Vec<Key<'s>> = self
            .by
            .iter()
            .zip(&mut self.spaces)
            .map(|(key, space)| of_segment(segment, key, space, selected))
            .collect::<Option<_>>()?;
        let product = |product: usize, key: &Key<'_>| product.checked_mul(key.count()?);
        let count = keys.iter().try_fold(1, product);
        let dense = count.filter(|count| *count <= DENSE);
        Some(SegmentKeys { keys, dense })
    }

    /// The number of each row's group.
    pub(super) fn numbered(
        &mut self,
        keys: &SegmentKeys<'_>,
        selected: &Selected,
    ) -> Result<Vec<u32>> {
        if let [Key::Rows(values)] = &keys.keys[..] {
            return values.iter().map(|value| self.number(&[*value])).collect();
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
        let counts = keys.counts(selected, count);
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

/// Up to four values as one number.
fn few(tuple: &[u32]) -> u128 {
    let with = |all: u128, value: &u32| all << 32 | u128::from(*value);
    tuple.iter().fold(0, with)
}

fn pair(tuple: &[u32]) -> u64 {
    let at = |at: usize| u64::from(tuple.get(at).copied().unwrap_or_default());
    at(0) << 32 | at(1)
}

/// `None` if the key has to be evaluated row by row.
fn of_segment<'s>(
    segment: SegmentView<'s>,
    key: &Bound,
    space: &mut Space<'_>,
    selected: &Selected,
) -> Option<Key<'s>> {
    if let Bound::Bucket(of, bucket) = key
        && let Bound::Column(column) = &**of
        && segment.is_key_time(*column)
    {
        let times = segment.segment.times();
        let mut buckets: Vec<(usize, u32)> = Vec::new();
        let (mut at, last) = selected.first_and_last()?;
        while at <= last {
            let start: DateTime<Utc> = bucket.start(times.get(at)?)?;
            let same = |time| bucket.start(time) == Some(start);
            at = times.partition_point(at..times.len(), same).max(at + 1);
            buckets.push((at, space.number(Value::Time(start))));
        }
        return Some(Key::Buckets(buckets));
    }
    let column = key.only_column().filter(|_| key.is_total())?;
    let of = |cell: &Value| value(key, &Scope::new(Row::Cell(cell))).ok();
    if segment.is_null(column) {
        return Some(Key::One(space.number(of(&Value::Null)?)));
    }
    if let Some(texts) = segment.segment.texts(column) {
        let dictionary = segment.dictionary(column)?;
        let null = position(dictionary.len());
        if matches!(space, Space::Texts(_)) {
            let values = texts.texts().iter().copied().chain([null]).collect();
            return Some(Key::Coded(texts.codes(), values));
        }
        let numbers = of_codes(texts.codes(), texts.texts().len() + 1, selected, |code| {
            let text = texts.texts().get(code);
            let value = text.map(|code| dictionary.value(*code)).unwrap_or_default();
            Some(space.number(of(&value)?))
        });
        return Some(Key::Coded(texts.codes(), numbers?.into()));
    }
    if let Some((codes, values)) = segment.segment.coded(column) {
        let numbers = of_codes(codes, values.len(), selected, |code| {
            Some(space.number(of(values.get(code)?)?))
        });
        return Some(Key::Coded(codes, numbers?.into()));
    }
    let Bound::Column(_) = key else {
        return None;
    };
    match space {
        Space::Ids(numbers) => {
            let ids = segment.segment.ids(column)?;
            let number = |row: usize| numbers.number(ids.get(row).copied().flatten());
            Some(Key::Rows(selected.rows().map(number).collect()))
        }
        Space::Ints(numbers) => {
            let ints = segment.segment.ints(column)?;
            let number = |row| numbers.number(ints.get(row));
            Some(Key::Rows(selected.rows().map(number).collect()))
        }
        _ => None,
    }
}

impl SegmentKeys<'_> {
    /// One small number for each row out of those of its keys.
    fn places(&self, selected: &Selected) -> Vec<u32> {
        let mut places = vec![0; selected.len()];
        let mut stride = 1;
        for key in &self.keys {
            key.add(selected, stride, &mut places);
            stride *= position(key.count().unwrap_or(1));
        }
        places
    }

    /// The numbers of the values at a place.
    fn tuple(&self, place: u32, tuple: &mut Vec<u32>) {
        let mut place = place as usize;
        tuple.clear();
        for key in &self.keys {
            let count = key.count().unwrap_or(1);
            tuple.push(key.value(place % count));
            place /= count;
        }
    }

    /// How many rows there are at each place.
    fn counts(&self, selected: &Selected, places: usize) -> Vec<u32> {
        let mut counts = Counts::new(places);
        match (&self.keys[..], selected) {
            // Straight from the codes.
            ([Key::Coded(codes, _)], Selected::All(rows)) => with_codes!(codes, codes => {
                let codes = codes.get(rows.clone()).unwrap_or_default();
                counts.add(codes, |code| *code as usize);
            }),
            ([Key::Coded(codes, _)], Selected::Some(rows)) => with_codes!(codes, codes => {
                // Each row has a code.
                let code = |row: &u32| codes.get(*row as usize).map_or(places, |code| *code as usize);
                counts.add(rows, code);
            }),
            ([Key::Coded(a, of_a), Key::Coded(b, _)], Selected::All(rows)) => {
                let stride = of_a.len();
                with_codes!(a, a => with_codes!(b, b => {
                    let a = a.get(rows.clone()).unwrap_or_default();
                    let b = b.get(rows.clone()).unwrap_or_default();
                    counts.add_pairs(a, b, |a, b| *a as usize + *b as usize * stride);
                }));
            }
            ([Key::Buckets(buckets), Key::Coded(codes, _)], Selected::All(rows)) => {
                let mut at = rows.start;
                for (bucket, (end, _)) in buckets.iter().enumerate() {
                    let end = (*end).min(rows.end);
                    with_codes!(codes, codes => {
                        let codes = codes.get(at..end).unwrap_or_default();
                        counts.add(codes, |code| bucket + *code as usize * buckets.len());
                    });
                    at = end;
                }
            }
            _ => counts.add(&self.places(selected), |place| *place as usize),
        }
        counts.finish()
    }
}

/// Counts of places. A count that was just changed is slow to change again, so that neighbours
/// count in tables of their own, if these are small.
struct Counts {
    tables: [Vec<u32>; 4],
}

impl Counts {
    fn new(places: usize) -> Self {
        let len = |table| {
            if table == 0 || places <= 4096 {
                places
            } else {
                0
            }
        };
        Self {
            tables: std::array::from_fn(|table| vec![0; len(table)]),
        }
    }

    fn count(table: &mut [u32], place: usize) {
        if let Some(count) = table.get_mut(place) {
            *count += 1;
        }
    }

    fn add<T>(&mut self, rows: &[T], place: impl Fn(&T) -> usize) {
        let [a, b, c, d] = &mut self.tables;
        if b.is_empty() {
            return rows.iter().for_each(|row| Self::count(a, place(row)));
        }
        let (fours, rest) = rows.as_chunks::<4>();
        for [w, x, y, z] in fours {
            Self::count(a, place(w));
            Self::count(b, place(x));
            Self::count(c, place(y));
            Self::count(d, place(z));
        }
        rest.iter().for_each(|row| Self::count(a, place(row)));
    }

    fn add_pairs<T, U>(&mut self, one: &[T], other: &[U], place: impl Fn(&T, &U) -> usize) {
        let [a, b, c, d] = &mut self.tables;
        if b.is_empty() {
            let rows = one.iter().zip(other);
            return rows.for_each(|(one, other)| Self::count(a, place(one, other)));
        }
        let (fours, rest) = one.as_chunks::<4>();
        let (others, other_rest) = other.as_chunks::<4>();
        for ([w, x, y, z], [s, t, u, v]) in fours.iter().zip(others) {
            Self::count(a, place(w, s));
            Self::count(b, place(x, t));
            Self::count(c, place(y, u));
            Self::count(d, place(z, v));
        }
        let rest = rest.iter().zip(other_rest);
        rest.for_each(|(one, other)| Self::count(a, place(one, other)));
    }

    fn finish(self) -> Vec<u32> {
        let [mut total, b, c, d] = self.tables;
        // What has no table of its own adds nothing.
        for (((count, b), c), d) in total.iter_mut().zip(b).zip(c).zip(d) {
            *count += b + c + d;
        }
        total
    }
}
