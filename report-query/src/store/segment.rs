//! A segment: immutable rows in the order of time and id, column by column.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::codes::Codes;
use crate::schema::{DataType, Schema};
use crate::value::Value;

/// A row on its way into a segment.
#[derive(Clone)]
pub(super) struct StoredRow {
    pub(super) time: DateTime<Utc>,
    pub(super) id: Uuid,
    /// The number of the batch that brought it.
    pub(super) ingest: u64,
    pub(super) values: Vec<Value>,
}

impl StoredRow {
    pub(super) const fn key(&self) -> (DateTime<Utc>, Uuid) {
        (self.time, self.id)
    }
}

pub(crate) struct Segment {
    times: Vec<DateTime<Utc>>,
    ids: Vec<Uuid>,
    ingests: Vec<u64>,
    newest_ingest: u64,
    columns: Vec<Column>,
    memory: SegmentMemory,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SegmentMemory {
    pub(super) columns: usize,
    pub(super) values: usize,
}

enum Column {
    /// The key columns stand in the segment itself.
    KeyTime,
    KeyId,
    /// No row has a value.
    Null,
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    Time(Vec<Option<DateTime<Utc>>>),
    Id(Vec<Option<Uuid>>),
    /// A code for each row into values that repeat; null's is their number.
    Coded {
        codes: Codes,
        values: Vec<Value>,
    },
    /// Values as they are.
    Plain(Vec<Value>),
}

const NULL: &Value = &Value::Null;

impl Segment {
    /// Builds a segment of rows in ascending order of their keys, fewer than 2^32.
    pub(super) fn new(schema: &Schema, rows: &[StoredRow]) -> Self {
        let mut texts = Interner::default();
        let columns: Vec<Column> = schema
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| match schema.key() {
                Some((time, _)) if time == index => Column::KeyTime,
                Some((_, id)) if id == index => Column::KeyId,
                _ => Column::new(&field.data_type, rows, index, &mut texts),
            })
            .collect();
        let per_row = size_of::<DateTime<Utc>>() + size_of::<Uuid>() + size_of::<u64>();
        let memory = SegmentMemory {
            columns: per_row * rows.len() + columns.iter().map(Column::size).sum::<usize>(),
            values: texts.size + columns.iter().map(Column::nested_size).sum::<usize>(),
        };
        Self {
            times: rows.iter().map(|row| row.time).collect(),
            ids: rows.iter().map(|row| row.id).collect(),
            ingests: rows.iter().map(|row| row.ingest).collect(),
            newest_ingest: rows.iter().map(|row| row.ingest).max().unwrap_or_default(),
            columns,
            memory,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) const fn memory(&self) -> SegmentMemory {
        self.memory
    }

    /// The number of the newest batch that rows came with.
    pub(crate) const fn newest_ingest(&self) -> u64 {
        self.newest_ingest
    }

    pub(crate) fn ingest(&self, row: usize) -> u64 {
        self.ingests.get(row).copied().unwrap_or_default()
    }

    /// The key of a row.
    pub(crate) fn key(&self, row: usize) -> Option<(DateTime<Utc>, Uuid)> {
        Some((*self.times.get(row)?, *self.ids.get(row)?))
    }

    pub(crate) fn first_time(&self) -> Option<DateTime<Utc>> {
        self.times.first().copied()
    }

    pub(crate) fn last_time(&self) -> Option<DateTime<Utc>> {
        self.times.last().copied()
    }

    /// The rows from a time on and before another.
    pub(crate) fn rows_between(
        &self,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Range<usize> {
        let before = |bound: DateTime<Utc>| self.times.partition_point(|time| *time < bound);
        let start = from.map_or(0, before);
        let end = to.map_or(self.times.len(), before);
        start..end.max(start)
    }

    /// The row of a key.
    pub(super) fn find(&self, time: DateTime<Utc>, id: Uuid) -> Option<usize> {
        if time < self.first_time()? || time > self.last_time()? {
            return None;
        }
        let start = self.times.partition_point(|other| *other < time);
        let end = self.times.partition_point(|other| *other <= time);
        let same_time = self.ids.get(start..end)?;
        same_time.binary_search(&id).ok().map(|at| start + at)
    }

    /// A cell.
    pub(crate) fn cell(&self, row: usize, column: usize) -> Cow<'_, Value> {
        let owned = |value: Value| Cow::Owned(value);
        match self.columns.get(column) {
            Some(Column::KeyTime) => owned(self.times.get(row).copied().into()),
            Some(Column::KeyId) => owned(self.ids.get(row).copied().into()),
            Some(Column::Bool(values)) => owned(values.get(row).copied().flatten().into()),
            Some(Column::Int(values)) => owned(values.get(row).copied().flatten().into()),
            Some(Column::Float(values)) => owned(values.get(row).copied().flatten().into()),
            Some(Column::Time(values)) => owned(values.get(row).copied().flatten().into()),
            Some(Column::Id(values)) => owned(values.get(row).copied().flatten().into()),
            Some(Column::Coded { codes, values }) => {
                let value = codes.get(row).and_then(|code| values.get(code));
                Cow::Borrowed(value.unwrap_or(NULL))
            }
            Some(Column::Plain(values)) => Cow::Borrowed(values.get(row).unwrap_or(NULL)),
            Some(Column::Null) | None => Cow::Borrowed(NULL),
        }
    }

    /// The codes of a coded column, and the values that they stand for, of which the last
    /// is null.
    pub(crate) fn coded(&self, column: usize) -> Option<(&Codes, &[Value])> {
        match self.columns.get(column) {
            Some(Column::Coded { codes, values }) => Some((codes, values)),
            _ => None,
        }
    }

    /// The times of the rows, ascending.
    pub(crate) fn times(&self) -> &[DateTime<Utc>] {
        &self.times
    }

    /// The column of integers or nulls.
    pub(crate) fn ints(&self, column: usize) -> Option<&[Option<i64>]> {
        match self.columns.get(column) {
            Some(Column::Int(values)) => Some(values),
            _ => None,
        }
    }

    /// Whether a column is the one of the rows' times.
    pub(crate) fn is_key_time(&self, column: usize) -> bool {
        matches!(self.columns.get(column), Some(Column::KeyTime))
    }

    /// Whether all of a column is null.
    pub(crate) fn is_null(&self, column: usize) -> bool {
        matches!(self.columns.get(column), Some(Column::Null))
    }

    /// A row as it was given.
    pub(super) fn row(&self, row: usize) -> Option<StoredRow> {
        let (time, id) = self.key(row)?;
        Some(StoredRow {
            time,
            id,
            ingest: self.ingest(row),
            values: (0..self.columns.len())
                .map(|column| self.cell(row, column).into_owned())
                .collect(),
        })
    }

    /// Whether a row has these values.
    pub(super) fn has_values(&self, row: usize, values: &[Value]) -> bool {
        values
            .iter()
            .enumerate()
            .all(|(column, value)| *self.cell(row, column) == *value)
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("rows", &self.len())
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

impl Column {
    fn new(data_type: &DataType, rows: &[StoredRow], column: usize, texts: &mut Interner) -> Self {
        let cells = || {
            rows.iter()
                .map(move |row| row.values.get(column).unwrap_or(NULL))
        };
        if cells().all(Value::is_null) {
            return Self::Null;
        }
        match data_type {
            DataType::Bool => Self::Bool(cells().map(Value::as_bool).collect()),
            DataType::Int => Self::Int(cells().map(Value::as_int).collect()),
            DataType::Float => Self::Float(cells().map(Value::as_float).collect()),
            DataType::Time => Self::Time(cells().map(Value::as_time).collect()),
            DataType::Id => Self::Id(cells().map(Value::as_id).collect()),
            DataType::Text => Self::coded(cells(), texts),
            // Lists of plain values repeat (methods, flags), those of records don't.
            DataType::List(item) if !holds_records(item) => Self::coded(cells(), texts),
            DataType::List(_) | DataType::Record(_) => {
                Self::Plain(cells().map(|value| texts.intern(value)).collect())
            }
        }
    }

    fn coded<'a>(cells: impl Iterator<Item = &'a Value>, texts: &mut Interner) -> Self {
        let mut seen: HashMap<&Value, u32> = HashMap::new();
        let mut values = Vec::new();
        let mut code = |value: &'a Value| {
            *seen.entry(value).or_insert_with(|| {
                values.push(texts.intern(value));
                // Fewer values than rows, and those are fewer than 2^32.
                (values.len() - 1) as u32
            })
        };
        let mut nulls = Vec::new();
        let mut codes: Vec<u32> = Vec::new();
        for (row, value) in cells.enumerate() {
            if value.is_null() {
                nulls.push(row);
                codes.push(0);
            } else {
                codes.push(code(value));
            }
        }
        let null = values.len() as u32;
        for row in nulls {
            if let Some(code) = codes.get_mut(row) {
                *code = null;
            }
        }
        values.push(Value::Null);
        let codes = Codes::new(&codes, values.len());
        Self::Coded { codes, values }
    }

    /// Bytes of the column itself.
    fn size(&self) -> usize {
        match self {
            Self::KeyTime | Self::KeyId | Self::Null => 0,
            Self::Bool(values) => size_of_val(values.as_slice()),
            Self::Int(values) => size_of_val(values.as_slice()),
            Self::Float(values) => size_of_val(values.as_slice()),
            Self::Time(values) => size_of_val(values.as_slice()),
            Self::Id(values) => size_of_val(values.as_slice()),
            Self::Coded { codes, values } => codes.size() + size_of_val(values.as_slice()),
            Self::Plain(values) => size_of_val(values.as_slice()),
        }
    }

    /// Bytes of lists and records, without the texts in them.
    fn nested_size(&self) -> usize {
        fn nested(value: &Value) -> usize {
            match value {
                Value::List(items) | Value::Record(items) => {
                    16 + size_of_val(&**items) + items.iter().map(nested).sum::<usize>()
                }
                _ => 0,
            }
        }
        match self {
            Self::Coded { values, .. } | Self::Plain(values) => values.iter().map(nested).sum(),
            _ => 0,
        }
    }
}

fn holds_records(data_type: &DataType) -> bool {
    match data_type {
        DataType::Record(_) => true,
        DataType::List(item) => holds_records(item),
        _ => false,
    }
}

/// Keeps one copy of each text of a segment.
#[derive(Default)]
struct Interner {
    texts: HashSet<Arc<str>>,
    size: usize,
}

impl Interner {
    fn intern(&mut self, value: &Value) -> Value {
        match value {
            Value::Text(text) => {
                if let Some(known) = self.texts.get(text) {
                    return Value::Text(Arc::clone(known));
                }
                self.size += 16 + text.len();
                self.texts.insert(Arc::clone(text));
                value.clone()
            }
            Value::List(items) => Value::List(items.iter().map(|item| self.intern(item)).collect()),
            Value::Record(items) => {
                Value::Record(items.iter().map(|item| self.intern(item)).collect())
            }
            other => other.clone(),
        }
    }
}
