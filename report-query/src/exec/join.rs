//! Joins by hash, and unions.

use std::collections::HashMap;

use super::batch::{Batch, Column, check_cells, check_rows, column, position};
use crate::error::Result;
use crate::expr::{Bound, Cells};
use crate::query::{BoundJoin, JoinKind, Limits};
use crate::value::Value;

/// The keys of all rows; none where one of them is null.
fn keys(batch: &Batch<'_>, keys: &[Bound]) -> Result<Vec<Option<Box<[Value]>>>> {
    let columns = keys
        .iter()
        .map(|key| column(batch, key))
        .collect::<Result<Vec<_>>>()?;
    let key_of = |row: usize| {
        columns
            .iter()
            .map(|values| values.get(row).filter(|value| !value.is_null()).cloned())
            .collect()
    };
    Ok((0..batch.len()).map(key_of).collect())
}

pub(super) fn join<'s>(
    left: Batch<'s>,
    right: &Batch<'s>,
    join: &BoundJoin,
    limits: &Limits,
) -> Result<Batch<'s>> {
    let mut partners: HashMap<Box<[Value]>, Vec<u32>> = HashMap::new();
    for (row, key) in keys(right, &join.right)?.into_iter().enumerate() {
        if let Some(key) = key {
            partners.entry(key).or_default().push(position(row));
        }
    }
    let mut left_rows = Vec::new();
    let mut right_rows: Vec<Option<u32>> = Vec::new();
    for (row, key) in keys(&left, &join.left)?.into_iter().enumerate() {
        let found = key.and_then(|key| partners.get(&key)).map(Vec::as_slice);
        let found = found.unwrap_or_default();
        match join.kind {
            JoinKind::Semi if found.is_empty() => {}
            JoinKind::Anti if !found.is_empty() => {}
            JoinKind::Semi | JoinKind::Anti => left_rows.push(position(row)),
            JoinKind::Inner | JoinKind::Left => {
                let partnerless = join.kind == JoinKind::Left && found.is_empty();
                left_rows.extend(found.iter().map(|_| position(row)));
                right_rows.extend(found.iter().map(|row| Some(*row)));
                if partnerless {
                    left_rows.push(position(row));
                    right_rows.push(None);
                }
            }
        }
        // Checked on the way: the pairs may be many more than the rows.
        check_rows(left_rows.len() as u64, limits)?;
    }
    let mut joined = left.take(&left_rows);
    if matches!(join.kind, JoinKind::Inner | JoinKind::Left) {
        check_cells(right_rows.len() as u64 * right.width() as u64, limits)?;
        for index in 0..right.width() {
            let cell = |row: &Option<u32>| match row {
                Some(row) => right.cell(*row as usize, index).into_owned(),
                None => Value::Null,
            };
            joined.push(right_rows.iter().map(cell).collect());
        }
    }
    Ok(joined)
}

/// The rows of one and then of the other.
pub(super) fn union<'s>(
    mut left: Batch<'s>,
    right: &Batch<'s>,
    columns: &[(Option<usize>, Option<usize>)],
    limits: &Limits,
) -> Result<Batch<'s>> {
    let len = left.len() + right.len();
    check_rows(len as u64, limits)?;
    let plain = columns
        .iter()
        .enumerate()
        .all(|(index, places)| *places == (Some(index), Some(index)));
    if plain && left.append(right) {
        return Ok(left);
    }
    check_cells(len as u64 * columns.len() as u64, limits)?;
    let side = |batch: &Batch<'_>, place: Option<usize>, into: &mut Vec<Value>| match place {
        Some(index) => into.extend(batch.values(index)),
        None => into.resize(into.len() + batch.len(), Value::Null),
    };
    let united = columns
        .iter()
        .map(|(left_place, right_place)| {
            let mut values = Vec::with_capacity(len);
            side(&left, *left_place, &mut values);
            side(right, *right_place, &mut values);
            values
        })
        .collect();
    Ok(Batch::computed(united, len))
}

/// One row for each item of a list column.
pub(super) fn expand<'s>(
    batch: &Batch<'s>,
    list: usize,
    with_position: bool,
    keep_empty: bool,
    limits: &Limits,
) -> Result<Batch<'s>> {
    let mut rows = Vec::new();
    let mut items = Vec::new();
    let mut positions = Vec::new();
    for row in 0..batch.len() {
        let cell = batch.cell(row, list);
        let found = cell.as_list().unwrap_or_default();
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
        check_rows(rows.len() as u64, limits)?;
    }
    let taken = batch.take(&rows);
    let mut columns = taken.columns().to_vec();
    if let Some(column) = columns.get_mut(list) {
        *column = Column::own(items);
    }
    if with_position {
        columns.push(Column::own(positions));
    }
    Ok(taken.with_columns(columns))
}
