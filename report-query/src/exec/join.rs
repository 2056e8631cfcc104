//! Joins by hash, and unions.

use std::collections::HashMap;

use super::batch::{Batch, Column, check_cells, check_rows, column, position};
use super::control::Control;
use crate::error::Result;
use crate::expr::{Bound, Cells};
use crate::query::{BoundJoin, JoinKind};
use crate::value::Value;

/// The keys of all rows; none where one of them is null.
fn keys(
    batch: &Batch<'_>,
    keys: &[Bound],
    control: &Control<'_>,
) -> Result<Vec<Option<Box<[Value]>>>> {
    let columns = keys
        .iter()
        .map(|key| column(batch, key, control))
        .collect::<Result<Vec<_>>>()?;
    let key_of = |row: usize| {
        columns
            .iter()
            .map(|values| values.get(row).filter(|value| !value.is_null()).cloned())
            .collect()
    };
    let mut ticker = control.ticker();
    (0..batch.len())
        .map(|row| {
            ticker.step()?;
            Ok(key_of(row))
        })
        .collect()
}

pub(super) fn join<'s>(
    left: Batch<'s>,
    right: &Batch<'s>,
    join: &BoundJoin,
    control: &Control<'_>,
) -> Result<Batch<'s>> {
    let mut partners: HashMap<Box<[Value]>, Vec<u32>> = HashMap::new();
    let mut ticker = control.ticker();
    for (row, key) in keys(right, &join.right, control)?.into_iter().enumerate() {
        ticker.step()?;
        if let Some(key) = key {
            partners.entry(key).or_default().push(position(row));
        }
    }
    let mut left_rows = Vec::new();
    let mut right_rows: Vec<Option<u32>> = Vec::new();
    for (row, key) in keys(&left, &join.left, control)?.into_iter().enumerate() {
        let found = key.and_then(|key| partners.get(&key)).map(Vec::as_slice);
        let found = found.unwrap_or_default();
        ticker.steps(1 + found.len())?;
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
        check_rows(left_rows.len() as u64, control.limits)?;
    }
    let mut joined = left.take(&left_rows, control)?;
    if matches!(join.kind, JoinKind::Inner | JoinKind::Left) {
        check_cells(
            right_rows.len() as u64 * right.width() as u64,
            control.limits,
        )?;
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
