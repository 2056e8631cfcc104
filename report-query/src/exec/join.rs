//! Joins by hash, and unions.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::batch::{Batch, Column, check_cells, check_rows, codes_at, column, position, truth};
use super::coding::Coding;
use super::control::Control;
use crate::error::Result;
use crate::expr::{Bound, Cells, Row, Scope};
use crate::query::{BoundJoin, JoinKind};
use crate::value::Value;

/// The rows of one side by their keys; those where a key is null have no partner.
struct Partners<F> {
    /// The first row of each key.
    first: F,
    /// For each row the next one with its key.
    next: Vec<u32>,
    /// Whether each has a key of its own.
    are_unique: bool,
}

/// A row for each key.
trait ByKey<K> {
    /// Gives the row that was there before.
    fn insert(&mut self, key: K, row: u32) -> Option<u32>;

    fn get(&self, key: &K) -> Option<u32>;
}

impl<K: Eq + Hash> ByKey<K> for HashMap<K, u32, RandomState> {
    fn insert(&mut self, key: K, row: u32) -> Option<u32> {
        HashMap::insert(self, key, row)
    }

    fn get(&self, key: &K) -> Option<u32> {
        HashMap::get(self, key).copied()
    }
}

/// By codes, which are as many as there are places.
struct ByCode(Vec<u32>);

impl ByKey<u32> for ByCode {
    fn insert(&mut self, code: u32, row: u32) -> Option<u32> {
        let place = self.0.get_mut(code as usize)?;
        let before = std::mem::replace(place, row);
        (before != NONE).then_some(before)
    }

    fn get(&self, code: &u32) -> Option<u32> {
        let row = self.0.get(*code as usize)?;
        (*row != NONE).then_some(*row)
    }
}

const NONE: u32 = u32::MAX;

/// Rows that are looked at at a time, of which nobody could guess whether they have a partner.
const SOME: usize = if cfg!(test) { 2 } else { 1 << 10 };

/// Columns of rows that are narrow.
const NARROW: usize = if cfg!(test) { 0 } else { 8 };

/// How many codes there may be for each row, that a place for each is not too many.
const FEW: usize = 16;

impl<F> Partners<F> {
    fn new<K>(
        mut first: F,
        keys: impl DoubleEndedIterator<Item = Option<K>> + ExactSizeIterator,
    ) -> Self
    where
        F: ByKey<K>,
    {
        let mut next = vec![NONE; keys.len()];
        let mut are_unique = true;
        // From behind, so that rows come in their order.
        for (row, key) in keys.enumerate().rev() {
            let Some(key) = key else {
                continue;
            };
            if let (Some(after), Some(next)) = (first.insert(key, position(row)), next.get_mut(row))
            {
                *next = after;
                are_unique = false;
            }
        }
        Self {
            first,
            next,
            are_unique,
        }
    }

    /// The first row that has a key, or none.
    fn first<K>(&self, key: Option<&K>) -> u32
    where
        F: ByKey<K>,
    {
        let row = key.and_then(|key| self.first.get(key));
        row.unwrap_or(NONE)
    }

    /// The next row with the key of one.
    fn next(&self, row: u32) -> u32 {
        self.next.get(row as usize).copied().unwrap_or(NONE)
    }
}

/// The same by a table of keys.
fn hashed<K: Eq + Hash>(
    keys: impl DoubleEndedIterator<Item = Option<K>> + ExactSizeIterator,
) -> Partners<HashMap<K, u32, RandomState>> {
    let first = HashMap::with_capacity_and_hasher(keys.len(), RandomState::default());
    Partners::new(first, keys)
}

/// The values of a key for all rows.
fn key_values<'b>(
    batch: &'b Batch<'_>,
    key: &Bound,
    control: &Control<'_>,
) -> Result<Cow<'b, [Value]>> {
    if let Bound::Column(column) = key
        && let Some(values) = batch.own(*column)
    {
        return Ok(Cow::Borrowed(values));
    }
    column(batch, key, control).map(Cow::Owned)
}

/// The values of each key.
fn key_columns<'b>(
    batch: &'b Batch<'_>,
    keys: &[Bound],
    control: &Control<'_>,
) -> Result<Vec<Cow<'b, [Value]>>> {
    keys.iter()
        .map(|key| key_values(batch, key, control))
        .collect()
}

/// The codes of the only key on either side, if they stand for the same on both.
fn same_codes<'b>(
    left: &'b Batch<'_>,
    right: &'b Batch<'_>,
    join: &BoundJoin,
) -> Option<(&'b [u32], &'b [u32], &'b Coding)> {
    let ([Bound::Column(of_left)], [Bound::Column(of_right)]) = (&*join.left, &*join.right) else {
        return None;
    };
    let (left, coding) = left.codes(*of_left)?;
    let (right, other) = right.codes(*of_right)?;
    coding.is_same(other).then_some((left, right, coding))
}

/// Keys that are all GUIDs or null, as numbers.
fn ids(values: &[Value]) -> Option<Vec<Option<u128>>> {
    let id = |value: &Value| match value {
        Value::Id(id) => Some(Some(id.as_u128())),
        Value::Null => Some(None),
        _ => None,
    };
    values.iter().map(id).collect()
}

/// The keys of rows from their columns.
fn tuples(
    columns: &[Cow<'_, [Value]>],
    rows: usize,
) -> impl DoubleEndedIterator<Item = Option<Box<[Value]>>> + ExactSizeIterator {
    let key_of = |row: usize| {
        let values = columns.iter().map(move |values| values.get(row));
        values
            .map(|value| value.filter(|value| !value.is_null()).cloned())
            .collect()
    };
    (0..rows).map(key_of)
}

/// The pairs of rows that a join gives: of the left and of the right, where that may be none.
#[derive(Default)]
struct Pairs {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl Pairs {
    fn find<K, F: ByKey<K>>(
        left: impl ExactSizeIterator<Item = Option<K>>,
        partners: &Partners<F>,
        kind: JoinKind,
        control: &Control<'_>,
    ) -> Result<Self> {
        if partners.are_unique && kind == JoinKind::Inner {
            return Self::find_only(left, partners, control);
        }
        let mut pairs = Self::default();
        let mut ticker = control.ticker();
        for (row, key) in left.enumerate() {
            ticker.step()?;
            let row = position(row);
            let mut partner = partners.first(key.as_ref());
            match kind {
                JoinKind::Semi if partner == NONE => {}
                JoinKind::Anti if partner != NONE => {}
                JoinKind::Semi | JoinKind::Anti => pairs.left.push(row),
                JoinKind::Left if partner == NONE => {
                    pairs.left.push(row);
                    pairs.right.push(NONE);
                }
                JoinKind::Inner | JoinKind::Left => {
                    while partner != NONE {
                        ticker.step()?;
                        pairs.left.push(row);
                        pairs.right.push(partner);
                        // Checked on the way: the pairs may be many more than the rows.
                        check_rows(pairs.left.len() as u64, control.limits)?;
                        partner = partners.next(partner);
                    }
                }
            }
            check_rows(pairs.left.len() as u64, control.limits)?;
        }
        Ok(pairs)
    }

    /// The pairs of rows that have a partner, and one alone: nobody could guess which have.
    fn find_only<K, F: ByKey<K>>(
        left: impl ExactSizeIterator<Item = Option<K>>,
        partners: &Partners<F>,
        control: &Control<'_>,
    ) -> Result<Self> {
        let mut pairs = Self::default();
        let mut rows = left.enumerate();
        while rows.len() > 0 {
            control.check()?;
            pairs.extend(rows.by_ref().take(SOME), partners);
            check_rows(pairs.left.len() as u64, control.limits)?;
        }
        Ok(pairs)
    }

    /// Adds those of some rows that have a partner.
    fn extend<K, F: ByKey<K>>(
        &mut self,
        rows: impl Iterator<Item = (usize, Option<K>)>,
        partners: &Partners<F>,
    ) {
        // There is a place for each, of which those of pairs stay.
        let (mut left, mut right) = ([0; SOME], [0; SOME]);
        let mut len = 0;
        for (row, key) in rows {
            let partner = partners.first(key.as_ref());
            if let (Some(of_left), Some(of_right)) = (left.get_mut(len), right.get_mut(len)) {
                (*of_left, *of_right) = (position(row), partner);
            }
            len += usize::from(partner != NONE);
        }
        self.left
            .extend_from_slice(left.get(..len).unwrap_or_default());
        self.right
            .extend_from_slice(right.get(..len).unwrap_or_default());
    }
}

fn pairs(
    left: &Batch<'_>,
    right: &Batch<'_>,
    join: &BoundJoin,
    control: &Control<'_>,
) -> Result<Pairs> {
    if let Some((of_left, of_right, coding)) = same_codes(left, right, join)
        && coding.len() <= FEW * (of_left.len() + of_right.len())
    {
        let key = |code: &u32| Some(*code).filter(|code| (*code as usize) < coding.len());
        let first = ByCode(vec![NONE; coding.len()]);
        let partners = Partners::new(first, of_right.iter().map(key));
        return Pairs::find(of_left.iter().map(key), &partners, join.kind, control);
    }
    let of_right = key_columns(right, &join.right, control)?;
    let of_left = key_columns(left, &join.left, control)?;
    match (&of_left[..], &of_right[..]) {
        ([of_left], [of_right]) => match (ids(of_left), ids(of_right)) {
            (Some(of_left), Some(of_right)) => {
                let partners = hashed(of_right.into_iter());
                Pairs::find(of_left.into_iter(), &partners, join.kind, control)
            }
            _ => {
                let key = |value| Some(value).filter(|value: &&Value| !value.is_null());
                let partners = hashed(of_right.iter().map(key));
                Pairs::find(of_left.iter().map(key), &partners, join.kind, control)
            }
        },
        _ => {
            let partners = hashed(tuples(&of_right, right.len()));
            Pairs::find(tuples(&of_left, left.len()), &partners, join.kind, control)
        }
    }
}

/// The rows of pairs before they are made.
struct Joined<'b, 's> {
    left: &'b Batch<'s>,
    right: &'b Batch<'s>,
    pairs: &'b Pairs,
}

impl Cells for Joined<'_, '_> {
    fn cell(&self, row: usize, column: usize) -> Cow<'_, Value> {
        let cell = match column.checked_sub(self.left.width()) {
            None => {
                let row = self.pairs.left.get(row);
                row.map(|row| self.left.cell(*row as usize, column))
            }
            Some(column) => {
                let row = self.pairs.right.get(row).filter(|row| **row != NONE);
                row.map(|row| self.right.cell(*row as usize, column))
            }
        };
        cell.unwrap_or(Cow::Owned(Value::Null))
    }
}

/// The pairs of a join without those that the filter behind it leaves out anyway: rows of many
/// columns are not made for nothing. Where it fails it is asked again, and says so.
fn filtered(
    left: &Batch<'_>,
    right: &Batch<'_>,
    pairs: Pairs,
    filter: &Bound,
    control: &Control<'_>,
) -> Result<Pairs> {
    let joined = Joined {
        left,
        right,
        pairs: &pairs,
    };
    let mut kept = Pairs::default();
    let mut ticker = control.ticker();
    for (row, (of_left, of_right)) in pairs.left.iter().zip(&pairs.right).enumerate() {
        ticker.step()?;
        if truth(filter, &Scope::new(Row::Of(&joined, row))).unwrap_or(true) {
            kept.left.push(*of_left);
            kept.right.push(*of_right);
        }
    }
    Ok(kept)
}

/// The join of two sides; of its rows those may be missing that the filter behind it leaves out.
pub(super) fn join<'s>(
    left: Batch<'s>,
    right: &Batch<'s>,
    join: &BoundJoin,
    filter: Option<&Bound>,
    control: &Control<'_>,
) -> Result<Batch<'s>> {
    let mut ticker = control.ticker();
    let pairs = pairs(&left, right, join, control)?;
    let has_right = matches!(join.kind, JoinKind::Inner | JoinKind::Left);
    if has_right {
        check_cells(
            pairs.right.len() as u64 * right.width() as u64,
            control.limits,
        )?;
    }
    let pairs = match filter {
        // Narrow rows are made as quickly as they are asked.
        Some(filter) if has_right && left.width() + right.width() > NARROW => {
            filtered(&left, right, pairs, filter, control)?
        }
        _ => pairs,
    };
    let Pairs {
        left: left_rows,
        right: right_rows,
    } = pairs;
    let mut joined = left.take(&left_rows, control)?;
    if has_right {
        for index in 0..right.width() {
            ticker.steps(right_rows.len())?;
            if let Some((codes, of)) = right.codes(index) {
                let codes = codes_at(codes, &right_rows);
                joined.push_column(Column::Codes(codes, Arc::clone(of)));
                continue;
            }
            if let Some(numbers) = right.numbers(index) {
                joined.push_column(numbers.at(&right_rows).into());
                continue;
            }
            let mut cells = Vec::with_capacity(right_rows.len());
            for row in &right_rows {
                ticker.step()?;
                cells.push(match *row {
                    NONE => Value::Null,
                    row => right.cell(row as usize, index).into_owned(),
                });
            }
            joined.push(cells);
        }
    }
    Ok(joined)
}

/// The rows of one and then of the other.
pub(super) fn union<'s>(
    mut left: Batch<'s>,
    right: &Batch<'s>,
    columns: &[(Option<usize>, Option<usize>)],
    control: &Control<'_>,
) -> Result<Batch<'s>> {
    let len = left.len() + right.len();
    check_rows(len as u64, control.limits)?;
    let plain = columns
        .iter()
        .enumerate()
        .all(|(index, places)| *places == (Some(index), Some(index)));
    if plain && left.append(right) {
        return Ok(left);
    }
    check_cells(len as u64 * columns.len() as u64, control.limits)?;
    let mut ticker = control.ticker();
    let mut united = Vec::with_capacity(columns.len());
    for (left_place, right_place) in columns {
        let mut values = Vec::with_capacity(len);
        for (batch, place) in [(&left, left_place), (right, right_place)] {
            let Some(index) = place else {
                values.resize(values.len() + batch.len(), Value::Null);
                continue;
            };
            for value in batch.values(*index) {
                ticker.step()?;
                values.push(value);
            }
        }
        united.push(values);
    }
    Ok(Batch::computed(united, len))
}

/// One row for each item of a list column, and of which row each comes.
pub(super) fn expand<'s>(
    batch: &Batch<'s>,
    list: usize,
    with_position: bool,
    keep_empty: bool,
    control: &Control<'_>,
) -> Result<(Batch<'s>, Vec<u32>)> {
    let mut rows = Vec::new();
    let mut items = Vec::new();
    // Of a column of the store numbers are enough.
    let mut numbers = Vec::new();
    let mut positions = Vec::new();
    let mut ticker = control.ticker();
    let of_store = batch.store_column(list);
    for row in 0..batch.len() {
        let len = if of_store.is_some() {
            let range = batch.items_of_row(row, list).unwrap_or_default();
            let len = range.len();
            numbers.extend(range.map(|item| Some(position(item))));
            len
        } else {
            let cell = batch.cell(row, list);
            let found = cell.as_list().unwrap_or_default();
            items.extend_from_slice(found);
            found.len()
        };
        ticker.steps(1 + len)?;
        rows.resize(rows.len() + len, position(row));
        if with_position {
            positions.extend((0..len).map(|at| Value::Int(i64::from(position(at)))));
        }
        if len == 0 && keep_empty {
            rows.push(position(row));
            match of_store {
                Some(_) => numbers.push(None),
                None => items.push(Value::Null),
            }
            if with_position {
                positions.push(Value::Null);
            }
        }
        check_rows(rows.len() as u64, control.limits)?;
    }
    let taken = batch.take(&rows, control)?;
    let mut columns = taken.columns().to_vec();
    if let Some(column) = columns.get_mut(list) {
        *column = match of_store {
            Some(of) => Column::Items(of, Arc::new(numbers)),
            None => Column::own(items),
        };
    }
    if with_position {
        columns.push(Column::own(positions));
    }
    Ok((taken.with_columns(columns), rows))
}
