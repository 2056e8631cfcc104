//! One stage on the rows of the stage before it.

use super::batch::{Batch, Column, Evaluator, column, position, truth};
use super::control::Control;
use super::{group, join, numbers, sort};
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::expr::Bound;
use crate::query::BoundStage;
use crate::value::Value;

/// What a stage makes of its rows, unless it needs more than these: a page needs to know
/// where it begins, joins and unions read the store.
pub(super) fn apply<'s>(
    mut batch: Batch<'s>,
    stage: &BoundStage,
    limit: Option<u64>,
    control: &Control<'_>,
) -> Result<Batch<'s>> {
    control.check()?;
    Ok(match stage {
        BoundStage::Filter(_)
        | BoundStage::Extend(_)
        | BoundStage::Select(_)
        | BoundStage::Expand { .. } => by_row(batch, stage, control)?.0,
        BoundStage::Group { by, aggregates, .. } => group::group(&batch, by, aggregates, control)?,
        BoundStage::Sort(keys) => {
            let rows = sort::sort(&batch, keys, limit, control)?;
            batch.take(&rows, control)?
        }
        BoundStage::Limit(rows) => {
            let rows = usize::try_from(*rows).unwrap_or(usize::MAX);
            if rows < batch.len() {
                let first: Vec<u32> = (0..position(rows)).collect();
                batch = batch.take(&first, control)?;
            }
            batch
        }
        BoundStage::Sessionize {
            by,
            time,
            gap_seconds,
        } => {
            let sessions = group::sessions(&batch, by, time, *gap_seconds, control)?;
            batch.push(sessions);
            batch
        }
        BoundStage::TopPer { by, sort, rows } => {
            let kept = group::top_per(&batch, by, sort, *rows, control)?;
            batch.take(&kept, control)?
        }
        BoundStage::Page { .. } | BoundStage::Join(_) | BoundStage::Union { .. } => {
            return Err(not_splittable("the stage needs the store itself"));
        }
    })
}

/// That a query can't be answered in parts.
pub(super) fn not_splittable(what: &'static str) -> QueryError {
    QueryError::new(QueryErrorKind::NotSplittable { what })
}

/// A stage that looks at one row at a time: what it makes of the rows, and of which row
/// each comes, unless they are the same rows.
pub(super) fn by_row<'s>(
    batch: Batch<'s>,
    stage: &BoundStage,
    control: &Control<'_>,
) -> Result<(Batch<'s>, Option<Vec<u32>>)> {
    Ok(match stage {
        BoundStage::Filter(predicate) => {
            let kept = filter(&batch, predicate, control)?;
            if kept.len() == batch.len() {
                (batch, None)
            } else {
                (batch.take(&kept, control)?, Some(kept))
            }
        }
        BoundStage::Extend(exprs) => {
            // All see the columns as they were, so they are set afterwards.
            let mut columns = batch.columns().to_vec();
            for (place, expr) in exprs {
                let column = computed(&batch, expr, control)?;
                match place.and_then(|place| columns.get_mut(place)) {
                    Some(old) => *old = column,
                    None => columns.push(column),
                }
            }
            (batch.with_columns(columns), None)
        }
        BoundStage::Select(exprs) => {
            let columns = exprs
                .iter()
                .map(|expr| computed(&batch, expr, control))
                .collect::<Result<_>>()?;
            (batch.with_columns(columns), None)
        }
        BoundStage::Expand {
            column,
            position,
            keep_empty,
        } => {
            let (batch, rows) = join::expand(&batch, *column, *position, *keep_empty, control)?;
            (batch, Some(rows))
        }
        _ => return Err(not_splittable("the stage needs all rows at once")),
    })
}

/// A column as it stands, or computed for all rows.
fn computed(batch: &Batch<'_>, expr: &Bound, control: &Control<'_>) -> Result<Column> {
    match expr {
        Bound::Column(index) => match batch.columns().get(*index) {
            Some(column) => Ok(column.clone()),
            None => Ok(Column::own(vec![Value::Null; batch.len()])),
        },
        expr => match numbers::computed(batch, expr, control)? {
            Some(numbers) => Ok(numbers.into()),
            None => column(batch, expr, control).map(Column::own),
        },
    }
}

/// The positions of the rows of which a predicate is true.
fn filter(batch: &Batch<'_>, predicate: &Bound, control: &Control<'_>) -> Result<Vec<u32>> {
    if let Some(passes) = numbers::compared(batch, predicate) {
        let mut kept = Vec::new();
        let mut ticker = control.ticker();
        for (row, passes) in (0..).zip(passes) {
            ticker.step()?;
            if passes {
                kept.push(row);
            }
        }
        return Ok(kept);
    }
    let parts = match predicate {
        Bound::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut tests: Vec<_> = parts
        .iter()
        .map(|part| Evaluator::new(part, truth))
        .collect();
    let mut kept = Vec::new();
    let mut ticker = control.ticker();
    'rows: for row in 0..batch.len() {
        ticker.step()?;
        for test in &mut tests {
            if !test.of(batch, row)? {
                continue 'rows;
            }
        }
        kept.push(position(row));
    }
    Ok(kept)
}
