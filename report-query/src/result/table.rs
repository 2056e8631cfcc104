//! `QueryResult`: what a query gives.

use std::fmt;

use super::approximation::Approximation;
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::schema::{DataType, Field, Unit};
use crate::value::Value;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResultColumn {
    /// The name, unique in the result.
    pub name: String,
    /// The name as it is shown; the name itself where the schema gives no label.
    pub label: String,
    /// The type of its values; any value may be null.
    pub data_type: DataType,
    /// What its numbers count, where that is known.
    pub unit: Option<Unit>,
    /// How far its values may be off, if they are estimates: those of aggregates named `approx_*`,
    /// and what is computed of such. `None` is exact.
    pub approximate: Option<Approximation>,
}

impl ResultColumn {
    /// A column shown under its own name.
    #[must_use]
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        let name = name.into();
        Self {
            label: name.clone(),
            name,
            data_type,
            unit: None,
            approximate: None,
        }
    }

    /// Sets the name that is shown.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets what its numbers count.
    #[must_use]
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }
}

impl From<&Field> for ResultColumn {
    fn from(field: &Field) -> Self {
        let mut column = Self::new(field.name.clone(), field.data_type.clone());
        if !field.label.is_empty() {
            column.label = field.label.clone().into_owned();
        }
        column.unit.clone_from(&field.unit);
        column
    }
}

/// What a query gives: typed columns and rows of values in a stated order.
///
/// `Debug` shows the shape only, since rows may hold people's data.
#[derive(Clone, PartialEq, Eq)]
pub struct QueryResult {
    columns: Vec<ResultColumn>,
    cells: Vec<Value>,
    len: usize,
    next_page: Option<String>,
    stats: RunStats,
}

impl QueryResult {
    /// A result of given columns and rows, for writers' tests and for tables
    /// that were not queried.
    ///
    /// # Errors
    ///
    /// [`DuplicateColumn`](QueryErrorKind::DuplicateColumn), or
    /// [`Schema`](QueryErrorKind::Schema) if a row has another number of
    /// values or a value is not of its column's type.
    pub fn new(
        columns: Vec<ResultColumn>,
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Result<Self> {
        for (index, column) in columns.iter().enumerate() {
            if columns
                .iter()
                .take(index)
                .any(|other| other.name == column.name)
            {
                return Err(QueryError::new(QueryErrorKind::DuplicateColumn {
                    name: column.name.clone(),
                }));
            }
        }
        let mut cells = Vec::new();
        let mut len = 0;
        for row in rows {
            if row.len() != columns.len() {
                return Err(QueryError::new(QueryErrorKind::Schema {
                    what: "a row has another number of values than there are columns",
                }));
            }
            for (column, value) in columns.iter().zip(&row) {
                if let Some(what) = column.data_type.mismatch(value) {
                    return Err(QueryError::new(QueryErrorKind::Schema { what }).at(&column.name));
                }
            }
            cells.extend(row);
            len += 1;
        }
        Ok(Self::from_cells(columns, cells, len))
    }

    /// Row-major cells that are known to fit.
    pub(crate) fn from_cells(columns: Vec<ResultColumn>, cells: Vec<Value>, len: usize) -> Self {
        Self {
            columns,
            cells,
            len,
            next_page: None,
            stats: RunStats::default(),
        }
    }

    pub(crate) fn with_run(mut self, next_page: Option<String>, stats: RunStats) -> Self {
        self.next_page = next_page;
        self.stats = stats;
        self
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[ResultColumn] {
        &self.columns
    }

    /// How many rows there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The rows, each as long as there are columns.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[Value]> + Clone {
        let width = self.columns.len();
        (0..self.len).map(move |row| {
            self.cells
                .get(row * width..(row + 1) * width)
                .unwrap_or_default()
        })
    }

    /// One row, from 0.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<&[Value]> {
        let width = self.columns.len();
        if index >= self.len {
            return None;
        }
        self.cells.get(index * width..(index + 1) * width)
    }

    /// Where the column of a name stands.
    #[must_use]
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// One cell, by row from 0 and by column name.
    #[must_use]
    pub fn value(&self, row: usize, column: &str) -> Option<&Value> {
        self.row(row)?.get(self.column_index(column)?)
    }

    /// The token of the page after this one, if the query
    /// [pages](crate::Query::page) and there are more rows.
    #[must_use]
    pub fn next_page(&self) -> Option<&str> {
        self.next_page.as_deref()
    }

    /// What the query had to read.
    #[must_use]
    pub const fn stats(&self) -> RunStats {
        self.stats
    }

    /// Shows a column under another label; nothing happens if there is none of the name.
    #[must_use]
    pub fn with_label(mut self, name: &str, label: impl Into<String>) -> Self {
        if let Some(column) = self.columns.iter_mut().find(|column| column.name == name) {
            column.label = label.into();
        }
        self
    }

    /// States what a column's numbers count; nothing happens if there is none of the name.
    #[must_use]
    pub fn with_unit(mut self, name: &str, unit: Unit) -> Self {
        if let Some(column) = self.columns.iter_mut().find(|column| column.name == name) {
            column.unit = Some(unit);
        }
        self
    }
}

impl fmt::Debug for QueryResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryResult")
            .field("columns", &self.columns)
            .field("len", &self.len)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// What a query had to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunStats {
    /// Segments of the store that were read.
    pub segments: usize,
    /// Segments of which no row was looked at: all lie outside the query's time range, or
    /// beyond its limit.
    pub segments_skipped: usize,
    /// Segments of which the answer was [kept](crate::StoreOptions::cache) from an earlier query.
    pub segments_cached: usize,
    /// Rows of the store that were looked at.
    pub rows_scanned: u64,
    /// Bytes that the columns have for these rows which the stages look at that work on columns;
    /// without the texts themselves, which stand once for the whole store.
    pub bytes_touched: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<ResultColumn> {
        vec![
            ResultColumn::new("who", DataType::Text).label("Who"),
            ResultColumn::new("n", DataType::Int),
        ]
    }

    #[test]
    fn rows_and_cells_are_found() {
        let rows = [
            vec![Value::from("a"), Value::from(1)],
            vec![Value::Null, Value::from(2)],
        ];
        let result = QueryResult::new(columns(), rows).unwrap();
        assert_eq!((result.len(), result.rows().len()), (2, 2));
        assert!(result.value(1, "n") == Some(&Value::from(2)));
        assert!(result.value(2, "n").is_none() && result.value(0, "x").is_none());
        assert!(result.row(1).is_some_and(|row| row[0].is_null()));
        assert_eq!(
            result.with_label("n", "Number").columns()[1].label,
            "Number"
        );
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        assert!(QueryResult::new(columns(), [vec![Value::Null]]).is_err());
        let error =
            QueryResult::new(columns(), [vec![Value::from(1), Value::from(1)]]).unwrap_err();
        assert_eq!(error.path(), "who");
        assert!(!format!("{error:?}").contains('1'));
    }
}
