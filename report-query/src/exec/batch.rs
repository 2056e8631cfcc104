//! `Batch`: the rows between two stages.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::control::{Control, sort_by};
use crate::error::{QueryError, Result};
use crate::expr::{Bound, Cells, Row, Scope};
use crate::query::Limits;
use crate::store::{Dictionary, Segment, SegmentView, Snapshot};
use crate::value::Value;

/// A row of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) segment: u32,
    pub(super) row: u32,
}

/// Rows in an order: columns of the store by position, and computed columns.
pub(super) struct Batch<'s> {
    segments: &'s [Arc<Segment>],
    dictionaries: &'s [Dictionary],
    /// One for each row, if a column is of the store.
    picks: Vec<Pick>,
    columns: Vec<Column>,
    len: usize,
}

#[derive(Clone)]
pub(super) enum Column {
    /// A column of the store.
    Store(usize),
    Own(Arc<Vec<Value>>),
}

impl Column {
    pub(super) fn own(values: Vec<Value>) -> Self {
        Self::Own(Arc::new(values))
    }
}

const NULL: &Value = &Value::Null;

impl<'s> Batch<'s> {
    /// Rows of the store with all its columns.
    pub(super) fn scan(snapshot: &'s Snapshot, columns: usize, picks: Vec<Pick>) -> Self {
        Self {
            segments: snapshot.segments(),
            dictionaries: snapshot.dictionaries(),
            len: picks.len(),
            picks,
            columns: (0..columns).map(Column::Store).collect(),
        }
    }

    /// Computed columns alone.
    pub(super) fn computed(columns: Vec<Vec<Value>>, len: usize) -> Self {
        Self {
            segments: &[],
            dictionaries: &[],
            picks: Vec::new(),
            columns: columns.into_iter().map(Column::own).collect(),
            len,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The same rows with other columns.
    pub(super) fn with_columns(mut self, columns: Vec<Column>) -> Self {
        if !columns
            .iter()
            .any(|column| matches!(column, Column::Store(_)))
        {
            self.picks = Vec::new();
        }
        self.columns = columns;
        self
    }

    /// The values of a computed column.
    pub(super) fn own(&self, column: usize) -> Option<&[Value]> {
        match self.columns.get(column) {
            Some(Column::Own(values)) => Some(values),
            _ => None,
        }
    }

    /// Adds a computed column.
    pub(super) fn push(&mut self, values: Vec<Value>) {
        self.columns.push(Column::own(values));
    }

    /// Puts rows of the store into the order of time and id.
    pub(super) fn sort_by_key(&mut self, control: &Control<'_>) -> Result<()> {
        let segments = self.segments;
        let key = |pick: &Pick| {
            segments
                .get(pick.segment as usize)
                .and_then(|segment| segment.key(pick.row as usize))
        };
        // Stable, since it is quick on runs that are sorted already.
        sort_by(&mut self.picks, |a, b| key(a).cmp(&key(b)), control)
    }

    /// The rows at these positions, in this order.
    pub(super) fn take(&self, rows: &[u32], control: &Control<'_>) -> Result<Self> {
        let mut ticker = control.ticker();
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(match column {
                Column::Store(index) => Column::Store(*index),
                Column::Own(values) => {
                    let mut taken = Vec::with_capacity(rows.len());
                    for row in rows {
                        ticker.step()?;
                        taken.push(values.get(*row as usize).cloned().unwrap_or_default());
                    }
                    Column::own(taken)
                }
            });
        }
        let picks = if self.picks.is_empty() {
            Vec::new()
        } else {
            let of = |row: &u32| self.picks.get(*row as usize).copied();
            rows.iter().filter_map(of).collect()
        };
        Ok(Self {
            segments: self.segments,
            dictionaries: self.dictionaries,
            picks,
            columns,
            len: rows.len(),
        })
    }

    /// These rows and then those of another, if both are rows of the store
    /// with the same columns of it.
    pub(super) fn append(&mut self, other: &Self) -> bool {
        let same = self.columns.len() == other.columns.len()
            && std::iter::zip(&self.columns, &other.columns)
                .all(|pair| matches!(pair, (Column::Store(a), Column::Store(b)) if a == b));
        if same {
            self.picks.extend_from_slice(&other.picks);
            self.len += other.len;
        }
        same
    }

    /// Every cell of a column.
    pub(super) fn values(&self, column: usize) -> impl Iterator<Item = Value> {
        (0..self.len).map(move |row| self.cell(row, column).into_owned())
    }

    /// The values of each column, one after the other.
    pub(super) fn into_values(mut self) -> Vec<impl Iterator<Item = Value> + use<'s>> {
        let columns = std::mem::take(&mut self.columns);
        let (segments, dictionaries) = (self.segments, self.dictionaries);
        let picks = Arc::new(self.picks);
        let values = |column| {
            let (of_store, own) = match column {
                Column::Store(column) => {
                    let picks = Arc::clone(&picks);
                    let cell = move |at: usize| {
                        let pick = picks.get(at)?;
                        let segment = segments.get(pick.segment as usize)?;
                        let view = SegmentView {
                            segment,
                            dictionaries,
                        };
                        Some(view.cell_of(pick.row as usize, column).into_owned())
                    };
                    (Some((0..self.len).map_while(cell)), Vec::new())
                }
                // Where nobody else has them they are moved.
                Column::Own(values) => (None, Arc::unwrap_or_clone(values)),
            };
            of_store.into_iter().flatten().chain(own)
        };
        columns.into_iter().map(values).collect()
    }

    /// What names stand for in a row.
    pub(super) fn scope(&self, row: usize) -> Scope<'_> {
        Scope::new(Row::Of(self, row))
    }

    /// What a cell is known by, if its value repeats: where its code counts, the code, and how
    /// many codes there are.
    fn code(&self, row: usize, column: usize) -> Option<(usize, usize, usize)> {
        let Some(Column::Store(column)) = self.columns.get(column) else {
            return None;
        };
        let pick = self.picks.get(row)?;
        let segment = self.segments.get(pick.segment as usize)?;
        if let Some(texts) = segment.texts(*column) {
            // Codes of texts count in all segments, and null comes behind them.
            let len = self.dictionaries.get(*column)?.len();
            let code = texts
                .code(pick.row as usize)
                .map_or(len, |code| code as usize);
            return Some((0, code, len + 1));
        }
        let (codes, values) = segment.coded(*column)?;
        let code = codes.get(pick.row as usize)?;
        Some((1 + pick.segment as usize, code, values.len()))
    }

    /// Checks the number of rows and of computed cells.
    pub(super) fn check(&self, limits: &Limits) -> Result<()> {
        check_rows(self.len as u64, limits)?;
        let own = self
            .columns
            .iter()
            .filter(|column| matches!(column, Column::Own(_)))
            .count();
        check_cells(own as u64 * self.len as u64, limits)
    }
}

/// Checks a number of rows.
pub(super) fn check_rows(rows: u64, limits: &Limits) -> Result<()> {
    if rows > limits.rows {
        return Err(QueryError::limit("rows between two stages", limits.rows));
    }
    Ok(())
}

/// Checks a number of cells.
pub(super) fn check_cells(cells: u64, limits: &Limits) -> Result<()> {
    if cells > limits.cells {
        return Err(QueryError::limit("cells between two stages", limits.cells));
    }
    Ok(())
}

impl Cells for Batch<'_> {
    fn cell(&self, row: usize, column: usize) -> Cow<'_, Value> {
        match self.columns.get(column) {
            Some(Column::Store(column)) => match self.picks.get(row) {
                Some(pick) => match self.segments.get(pick.segment as usize) {
                    Some(segment) => {
                        let view = SegmentView {
                            segment,
                            dictionaries: self.dictionaries,
                        };
                        view.cell_of(pick.row as usize, *column)
                    }
                    None => Cow::Borrowed(NULL),
                },
                None => Cow::Borrowed(NULL),
            },
            Some(Column::Own(values)) => Cow::Borrowed(values.get(row).unwrap_or(NULL)),
            None => Cow::Borrowed(NULL),
        }
    }
}

/// Evaluates one expression for many rows. If it looks at a single coded
/// column, each different value of a segment is evaluated once.
pub(super) struct Evaluator<'a, T> {
    bound: &'a Bound,
    eval: fn(&Bound, &Scope<'_>) -> Result<T>,
    /// The only column looked at.
    column: Option<usize>,
    /// For the whole store and then for each segment, for each code.
    known: Vec<Vec<Option<T>>>,
    /// The same where there are more codes than rows.
    rare: HashMap<usize, T>,
}

impl<'a, T: Clone> Evaluator<'a, T> {
    pub(super) fn new(bound: &'a Bound, eval: fn(&Bound, &Scope<'_>) -> Result<T>) -> Self {
        Self {
            bound,
            eval,
            // A plain column is read as fast as it is looked up.
            column: match bound {
                Bound::Column(_) => None,
                bound => bound.only_column(),
            },
            known: Vec::new(),
            rare: HashMap::new(),
        }
    }

    pub(super) fn of(&mut self, batch: &Batch<'_>, row: usize) -> Result<T> {
        let coded = self
            .column
            .and_then(|column| Some((column, batch.code(row, column)?)));
        let Some((column, (segment, code, codes))) = coded else {
            return (self.eval)(self.bound, &batch.scope(row));
        };
        if codes > 2 * batch.len() && segment == 0 {
            if let Some(value) = self.rare.get(&code) {
                return Ok(value.clone());
            }
            let cell = batch.cell(row, column);
            let value = (self.eval)(self.bound, &Scope::new(Row::Cell(&cell)))?;
            self.rare.insert(code, value.clone());
            return Ok(value);
        }
        if self.known.len() <= segment {
            self.known.resize(segment + 1, Vec::new());
        }
        let Some(known) = self.known.get_mut(segment) else {
            return (self.eval)(self.bound, &batch.scope(row));
        };
        if known.is_empty() {
            known.resize(codes, None);
        }
        if let Some(Some(value)) = known.get(code) {
            return Ok(value.clone());
        }
        let cell = batch.cell(row, column);
        let value = (self.eval)(self.bound, &Scope::new(Row::Cell(&cell)))?;
        if let Some(place) = known.get_mut(code) {
            *place = Some(value.clone());
        }
        Ok(value)
    }
}

/// Evaluates to a value.
pub(super) fn value(bound: &Bound, scope: &Scope<'_>) -> Result<Value> {
    bound.eval(scope).map(Cow::into_owned)
}

/// Evaluates to whether a predicate is true.
pub(super) fn truth(bound: &Bound, scope: &Scope<'_>) -> Result<bool> {
    Ok(bound.test(scope)? == Some(true))
}

/// The values of an expression for all rows.
pub(super) fn column(
    batch: &Batch<'_>,
    bound: &Bound,
    control: &Control<'_>,
) -> Result<Vec<Value>> {
    let mut evaluator = Evaluator::new(bound, value);
    let mut ticker = control.ticker();
    (0..batch.len())
        .map(|row| {
            ticker.step()?;
            evaluator.of(batch, row)
        })
        .collect()
}

/// A position as it is kept; rows are limited to fewer than 2^32.
pub(super) fn position(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

/// A code of any width.
pub(super) fn wide(code: impl Into<u32>) -> u32 {
    code.into()
}
