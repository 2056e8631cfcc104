//! Joins by hash, and unions.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

use super::batch::{Batch, Column, check_cells, check_rows, column, position, truth};
use super::control::Control;
use crate::error::Result;
use crate::expr::{Bound, Cells, Row, Scope};
use crate::query::{BoundJoin, JoinKind};
use crate::value::Value;

/// The rows of one side by their keys; those where a key is null have no partner.
struct Partners<K> {
    /// The first row of each key.
    first: HashMap<K, u32, RandomState>,
    /// For each row the next one with its key.
    next: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl<K: Eq + Hash> Partners<K> {
    fn new(keys: impl DoubleEndedIterator<Item = Option<K>> + ExactSizeIterator) -> Self {
        let mut next = vec![NONE; keys.len()];
        let mut first = HashMap::with_capacity_and_hasher(keys.len(), RandomState::default());
        // From behind, so that rows come in their order.
        for (row, key) in keys.enumerate().rev() {
            let Some(key) = key else {
                continue;
            };
            if let (Some(after), Some(next)) = (first.insert(key, position(row)), next.get_mut(row))
            {
                *next = after;
            }
        }
        Self { first, next }
    }

    fn of(&self, key: Option<&K>) -> impl Iterator<Item = u32> {
        let mut at = key.and_then(|key| self.first.get(key)).copied();
        std::iter::from_fn(move || {
            let row = at.filter(|row| *row != NONE)?;
            at = self.next.get(row as usize).copied();
            Some(row)
        })
    }
}

/// The values of each key for all rows.
fn key_columns(
    batch: &Batch<'_>,
    keys: &[Bound],
    control: &Control<'_>,
) -> Result<Vec<Vec<Value>>> {
    keys.iter().map(|key| column(batch, key, control)).collect()
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
    columns: &[Vec<Value>],
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

/// The pairs of rows that a join gives: of the left and, but where there is none, of the right.
#[derive(Default)]
struct Pairs {
    left: Vec<u32>,
    right: Vec<Option<u32>>,
}

impl Pairs {
    fn find<K: Eq + Hash>(
        left: impl Iterator<Item = Option<K>>,
        partners: &Partners<K>,
        kind: JoinKind,
        control: &Control<'_>,
    ) -> Result<Self> {
        let mut pairs = Self::default();
        let mut ticker = control.ticker();
        for (row, key) in left.enumerate() {
            ticker.step()?;
            let row = position(row);
            let mut found = partners.of(key.as_ref()).peekable();
            match kind {
                JoinKind::Semi if found.peek().is_none() => {}
                JoinKind::Anti if found.peek().is_some() => {}
                JoinKind::Semi | JoinKind::Anti => pairs.left.push(row),
                JoinKind::Left if found.peek().is_none() => {
                    pairs.left.push(row);
                    pairs.right.push(None);
                }
                JoinKind::Inner | JoinKind::Left => {
                    for partner in found {
                        ticker.step()?;
                        pairs.left.push(row);
                        pairs.right.push(Some(partner));
                        // Checked on the way: the pairs may be many more than the rows.
                        check_rows(pairs.left.len() as u64, control.limits)?;
                    }
                }
            }
            check_rows(pairs.left.len() as u64, control.limits)?;
        }
        Ok(pairs)
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
                let row = self.pairs.right.get(row).copied().flatten();
                row.map(|row| self.right.cell(row as usize, column))
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
    let of_right = key_columns(right, &join.right, control)?;
    let of_left = key_columns(&left, &join.left, control)?;
    let pairs = match (&of_left[..], &of_right[..]) {
        ([of_left], [of_right]) => match (ids(of_left), ids(of_right)) {
            (Some(of_left), Some(of_right)) => {
                let partners = Partners::new(of_right.into_iter());
                Pairs::find(of_left.into_iter(), &partners, join.kind, control)?
            }
            _ => {
                let key = |value| Some(value).filter(|value: &&Value| !value.is_null());
                let partners = Partners::new(of_right.iter().map(key));
                Pairs::find(of_left.iter().map(key), &partners, join.kind, control)?
            }
        },
        _ => {
            let partners = Partners::new(tuples(&of_right, right.len()));
            Pairs::find(tuples(&of_left, left.len()), &partners, join.kind, control)?
        }
    };
    let has_right = matches!(join.kind, JoinKind::Inner | JoinKind::Left);
    if has_right {
        check_cells(
            pairs.right.len() as u64 * right.width() as u64,
            control.limits,
        )?;
    }
    let pairs = match filter {
        Some(filter) if has_right => filtered(&left, right, pairs, filter, control)?,
        _ => pairs,
    };
    let Pairs {
        left: left_rows,
        right: right_rows,
    } = pairs;
    let mut joined = left.take(&left_rows, control)?;
    if has_right {
        for index in 0..right.width() {
            let mut cells = Vec::with_capacity(right_rows.len());
            for row in &right_rows {
                ticker.step()?;
                cells.push(match row {
                    Some(row) => right.cell(*row as usize, index).into_owned(),
                    None => Value::Null,
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
    let mut positions = Vec::new();
    let mut ticker = control.ticker();
    for row in 0..batch.len() {
        let cell = batch.cell(row, list);
        let found = cell.as_list().unwrap_or_default();
        ticker.steps(1 + found.len())?;
        for (at, item) in found.iter().enumerate() {
            rows.push(position(row));
            items.push(item.clone());
            if with_position {
                positions.push(Value::Int(i64::from(position(at))));
            }
        }
        if found.is_empty() && keep_empty {
            rows.push(position(row));
            items.push(Value::Null);
            if with_position {
                positions.push(Value::Null);
            }
        }
        check_rows(rows.len() as u64, control.limits)?;
    }
    let taken = batch.take(&rows, control)?;
    let mut columns = taken.columns().to_vec();
    if let Some(column) = columns.get_mut(list) {
        *column = Column::own(items);
    }
    if with_position {
        columns.push(Column::own(positions));
    }
    Ok((taken.with_columns(columns), rows))
}
