//! `Batch`: the rows between two stages.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::coding::Coding;
use super::control::{Control, ROWS, sort_by};
use super::numbers::Numbers;
use crate::error::{QueryError, Result};
use crate::expr::{Bound, Cells, Row, Scope};
use crate::query::Limits;
use crate::store::{Dictionary, Items, Segment, SegmentView, Snapshot, TextColumn};
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
    /// An item for each row, of the lists of a column of the store: its number among the items of
    /// the segment, or none.
    Items(usize, Arc<Vec<Option<u32>>>),
    /// A code for each row.
    Codes(Arc<Vec<u32>>, Arc<Coding>),
    Numbers(Numbers),
    Own(Arc<Vec<Value>>),
}

impl From<Numbers> for Column {
    fn from(numbers: Numbers) -> Self {
        Self::Numbers(numbers)
    }
}

impl Column {
    pub(super) fn own(values: Vec<Value>) -> Self {
        Self::Own(Arc::new(values))
    }

    pub(super) fn codes(codes: Vec<u32>, of: Coding) -> Self {
        Self::Codes(Arc::new(codes), Arc::new(of))
    }

    /// A value, if it is a computed column.
    pub(super) fn value(&self, row: usize) -> Option<Cow<'_, Value>> {
        match self {
            Self::Codes(codes, of) => Some(Cow::Owned(of.value(*codes.get(row)?))),
            Self::Numbers(numbers) => numbers.value(row).map(Cow::Owned),
            Self::Own(values) => values.get(row).map(Cow::Borrowed),
            Self::Store(_) | Self::Items(..) => None,
        }
    }

    /// Rows of a computed column, each at most once, in an order.
    pub(super) fn ordered(self, rows: &[u32]) -> Self {
        match self {
            Self::Codes(codes, of) => Self::Codes(codes_at(&codes, rows), of),
            Self::Numbers(numbers) => numbers.at(rows).into(),
            Self::Own(values) => {
                let mut values = Arc::unwrap_or_clone(values);
                let mut take = |row: &u32| values.get_mut(*row as usize).map(std::mem::take);
                Self::own(
                    rows.iter()
                        .map(|row| take(row).unwrap_or_default())
                        .collect(),
                )
            }
            of_store => of_store,
        }
    }

    const fn is_computed(&self) -> bool {
        matches!(self, Self::Own(_) | Self::Codes(..) | Self::Numbers(_))
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
        Self::of_columns(columns.into_iter().map(Column::own).collect(), len)
    }

    /// The same, of which some may have codes.
    pub(super) fn of_columns(columns: Vec<Column>, len: usize) -> Self {
        Self {
            segments: &[],
            dictionaries: &[],
            picks: Vec::new(),
            columns,
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
        if columns.iter().all(Column::is_computed) {
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

    /// The codes of a computed column, and what they stand for.
    pub(super) fn codes(&self, column: usize) -> Option<(&[u32], &Arc<Coding>)> {
        match self.columns.get(column) {
            Some(Column::Codes(codes, of)) => Some((codes, of)),
            _ => None,
        }
    }

    /// The numbers of a computed column that is kept as such.
    pub(super) fn numbers(&self, column: usize) -> Option<&Numbers> {
        match self.columns.get(column) {
            Some(Column::Numbers(numbers)) => Some(numbers),
            _ => None,
        }
    }

    /// Adds a computed column.
    pub(super) fn push(&mut self, values: Vec<Value>) {
        self.push_column(Column::own(values));
    }

    pub(super) fn push_column(&mut self, column: Column) {
        self.columns.push(column);
    }

    /// Puts rows of the store into the order of time and id.
    pub(super) fn sort_by_key(&mut self, control: &Control<'_>) -> Result<()> {
        let segments = self.segments;
        let key = |pick: &Pick| {
            segments
                .get(pick.segment as usize)
                .and_then(|segment| segment.key(pick.row as usize))
        };
        // The rows of a segment stand in that order.
        let compare = |a: &Pick, b: &Pick| match a.segment == b.segment {
            true => a.row.cmp(&b.row),
            false => key(a).cmp(&key(b)),
        };
        // Stable, since it is quick on runs that are sorted already.
        sort_by(&mut self.picks, compare, control)
    }

    /// The rows at these positions, in this order.
    pub(super) fn take(&self, rows: &[u32], control: &Control<'_>) -> Result<Self> {
        let mut ticker = control.ticker();
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(match column {
                Column::Store(index) => Column::Store(*index),
                Column::Items(index, items) => {
                    ticker.steps(rows.len())?;
                    let item = |row: &u32| items.get(*row as usize).copied().flatten();
                    Column::Items(*index, Arc::new(rows.iter().map(item).collect()))
                }
                Column::Codes(codes, of) => {
                    ticker.steps(rows.len())?;
                    Column::Codes(codes_at(codes, rows), Arc::clone(of))
                }
                Column::Numbers(numbers) => {
                    ticker.steps(rows.len())?;
                    numbers.at(rows).into()
                }
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

    /// All cells, row by row.
    pub(super) fn into_cells(mut self, control: &Control<'_>) -> Result<Vec<Value>> {
        let columns = std::mem::take(&mut self.columns);
        let width = columns.len();
        let mut cells = vec![Value::Null; self.len * width];
        let mut ticker = control.ticker();
        for (index, column) in columns.into_iter().enumerate() {
            let mut places = cells.iter_mut().skip(index).step_by(width);
            match column {
                // Where nobody else has them they are moved.
                Column::Own(values) => {
                    ticker.steps(values.len())?;
                    let values = Arc::unwrap_or_clone(values);
                    places.zip(values).for_each(|(place, value)| *place = value);
                }
                Column::Store(column) => {
                    for picks in self.picks.chunk_by(|a, b| a.segment == b.segment) {
                        ticker.steps(picks.len())?;
                        let segment = picks.first().map(|pick| pick.segment as usize);
                        let Some(segment) = segment.and_then(|at| self.segments.get(at)) else {
                            continue;
                        };
                        let view = SegmentView {
                            segment,
                            dictionaries: self.dictionaries,
                        };
                        for (pick, place) in picks.iter().zip(&mut places) {
                            *place = view.cell_of(pick.row as usize, column).into_owned();
                        }
                    }
                }
                of_store => {
                    ticker.steps(self.len)?;
                    for (row, place) in places.enumerate() {
                        *place = self.cell_of(row, &of_store).unwrap_or_default();
                    }
                }
            }
        }
        Ok(cells)
    }

    /// The segment of a row, and the row's number there.
    fn place(&self, row: usize) -> Option<(SegmentView<'s>, usize)> {
        let pick = self.picks.get(row)?;
        let segment = SegmentView {
            segment: self.segments.get(pick.segment as usize)?,
            dictionaries: self.dictionaries,
        };
        Some((segment, pick.row as usize))
    }

    /// The items of which a row has one.
    fn items(segment: SegmentView<'s>, column: usize) -> Option<Items<'s>> {
        Some(segment.items(segment.segment.lists(column)?))
    }

    /// Which column of the store a column is, if it is one.
    pub(super) fn store_column(&self, column: usize) -> Option<usize> {
        match self.columns.get(column) {
            Some(Column::Store(column)) => Some(*column),
            _ => None,
        }
    }

    /// The numbers of the items of a row, if a column is one of lists of the store.
    pub(super) fn items_of_row(&self, row: usize, column: usize) -> Option<Range<usize>> {
        let (segment, row) = self.place(row)?;
        segment
            .segment
            .lists(self.store_column(column)?)?
            .of_row(row)
    }

    /// A cell of a column of the store.
    fn cell_of(&self, row: usize, column: &Column) -> Option<Value> {
        if let Some(value) = column.value(row) {
            return Some(value.into_owned());
        }
        let (segment, at) = self.place(row)?;
        Some(match column {
            Column::Store(column) => segment.cell_of(at, *column).into_owned(),
            Column::Items(column, items) => {
                let item = items.get(row).copied().flatten();
                let of = item.zip(Self::items(segment, *column));
                of.map_or(Value::Null, |(item, items)| {
                    items.cell(item as usize).into_owned()
                })
            }
            Column::Own(_) | Column::Codes(..) | Column::Numbers(_) => Value::Null,
        })
    }

    /// What names stand for in a row.
    pub(super) fn scope(&self, row: usize) -> Scope<'_> {
        Scope::new(Row::Of(self, row))
    }

    /// What a cell is known by, if its value repeats: where its code counts, the code, and how
    /// many codes there are. Codes of texts count in all segments, which is place 0, and null comes
    /// behind them.
    pub(super) fn code(&self, row: usize, column: usize) -> Option<(usize, usize, usize)> {
        let of_texts = |texts: &TextColumn, at: Option<usize>| {
            let len = self.dictionaries.get(texts.dictionary())?.len();
            let code = at.and_then(|at| texts.code(at));
            Some((0, code.map_or(len, |code| code as usize), len + 1))
        };
        match self.columns.get(column)? {
            Column::Own(_) | Column::Numbers(_) => None,
            Column::Codes(codes, of) => {
                let code = codes.get(row).map_or(of.len(), |code| *code as usize);
                Some((0, code.min(of.len()), of.len() + 1))
            }
            Column::Items(column, items) => {
                let (segment, _) = self.place(row)?;
                let texts = Self::items(segment, *column)?.texts()?;
                let item = items.get(row).copied().flatten();
                of_texts(texts, item.map(|item| item as usize))
            }
            Column::Store(column) => {
                let (segment, at) = self.place(row)?;
                if let Some(texts) = segment.segment.texts(*column) {
                    return of_texts(texts, Some(at));
                }
                let coded = segment.coded(*column)?;
                let code = coded.codes.get(at)?;
                let pick = self.picks.get(row)?;
                Some((1 + pick.segment as usize, code, coded.len))
            }
        }
    }

    /// Checks the number of rows and of computed cells.
    pub(super) fn check(&self, limits: &Limits) -> Result<()> {
        check_rows(self.len as u64, limits)?;
        let own = self
            .columns
            .iter()
            .filter(|column| column.is_computed())
            .count();
        check_cells(own as u64 * self.len as u64, limits)
    }
}

/// The codes of rows; null's where there is no such row.
pub(super) fn codes_at(codes: &[u32], rows: &[u32]) -> Arc<Vec<u32>> {
    let code = |row: &u32| codes.get(*row as usize).copied();
    Arc::new(
        rows.iter()
            .map(|row| code(row).unwrap_or(u32::MAX))
            .collect(),
    )
}

/// Checks a number of rows.
pub(super) fn check_rows(rows: u64, limits: &Limits) -> Result<()> {
    if rows > limits.rows {
        return Err(QueryError::limit(ROWS, limits.rows));
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
            Some(Column::Own(values)) => Cow::Borrowed(values.get(row).unwrap_or(NULL)),
            Some(Column::Store(column)) => match self.place(row) {
                Some((segment, row)) => segment.cell_of(row, *column),
                None => Cow::Borrowed(NULL),
            },
            Some(of_store) => self
                .cell_of(row, of_store)
                .map_or(Cow::Borrowed(NULL), Cow::Owned),
            None => Cow::Borrowed(NULL),
        }
    }

    fn field(&self, row: usize, column: usize, field: usize) -> Option<Cow<'_, Value>> {
        match self.columns.get(column)? {
            Column::Own(_) | Column::Codes(..) | Column::Numbers(_) | Column::Store(_) => None,
            Column::Items(column, items) => {
                let (segment, _) = self.place(row)?;
                let items_of = Self::items(segment, *column)?;
                let item = items.get(row).copied().flatten();
                let value = |item: u32| items_of.field(field).cell(item as usize);
                Some(item.map_or(Cow::Borrowed(NULL), value))
            }
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
