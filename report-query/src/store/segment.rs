//! A segment: immutable rows in the order of time and id, column by column.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use foldhash::fast::RandomState;
use uuid::Uuid;

use super::codes::Codes;
use super::dictionary::{Dictionary, Interner};
use super::packed::{Packed, Times};
use crate::expr::Cells;
use crate::schema::{DataType, Field, Schema};
use crate::value::{Text, Value};

/// A row on its way into a segment.
#[derive(Clone)]
pub(super) struct StoredRow {
    pub(super) time: DateTime<Utc>,
    pub(super) id: Uuid,
    pub(super) values: Vec<Value>,
}

impl StoredRow {
    pub(super) const fn key(&self) -> (DateTime<Utc>, Uuid) {
        (self.time, self.id)
    }
}

pub(crate) struct Segment {
    rows: Arc<Keys>,
    columns: Vec<Column>,
    memory: SegmentMemory,
}

/// What a row is known by.
struct Keys {
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
    times: Times,
    ids: Box<[Uuid]>,
    /// The numbers of the batches that brought the rows.
    ingests: Packed,
    newest_ingest: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SegmentMemory {
    pub(super) columns: usize,
    pub(super) values: usize,
}

#[derive(Clone)]
enum Column {
    /// The key columns stand in the segment itself.
    KeyTime,
    KeyId,
    /// No row has a value.
    Null,
    Int(Arc<Packed>),
    Float(Arc<[Option<f64>]>),
    Time(Arc<Times>),
    Id(Arc<[Option<Uuid>]>),
    Text(TextColumn),
    /// A code for each row into values that repeat; null's is their number.
    Coded(Arc<(Codes, Box<[Value]>)>),
    /// Values as they are.
    Plain(Arc<[Value]>),
}

/// Texts, by their codes in the dictionary of the column.
#[derive(Clone)]
pub(crate) struct TextColumn {
    /// A position in `texts` for each row; null's is their number.
    codes: Arc<Codes>,
    /// Ascending.
    texts: Arc<[u32]>,
}

impl TextColumn {
    /// A number for each row: of [texts](Self::texts), or their count where there is none.
    pub(crate) fn codes(&self) -> &Codes {
        &self.codes
    }

    /// The codes of the texts, in the dictionary of the column.
    pub(crate) fn texts(&self) -> &[u32] {
        &self.texts
    }

    /// The code of a row's text in the dictionary.
    pub(crate) fn code(&self, row: usize) -> Option<u32> {
        self.texts.get(self.codes.get(row)?).copied()
    }
}

const NULL: &Value = &Value::Null;

/// Where a row comes from when segments are built of others.
pub(super) type Origin = (u32, u32);

impl Segment {
    /// Builds a segment of a batch's rows, in ascending order of their keys, fewer than 2^32;
    /// gives the dictionaries that know its texts.
    pub(super) fn of_batch(
        schema: &Schema,
        dictionaries: &[Dictionary],
        rows: &[&StoredRow],
        ingest: u64,
    ) -> (Self, Vec<Dictionary>) {
        let mut lists = Lists::default();
        let mut columns = Vec::with_capacity(schema.fields().len());
        let mut next = Vec::with_capacity(schema.fields().len());
        let is_key = |index| match schema.key() {
            Some((time, id)) => index == time || index == id,
            None => false,
        };
        for (index, (field, dictionary)) in schema.fields().iter().zip(dictionaries).enumerate() {
            let cells = rows.iter().map(|row| row.values.get(index).unwrap_or(NULL));
            if field.data_type == DataType::Text && !is_key(index) {
                let mut interner = Interner::new(dictionary);
                let mut codes: Vec<Option<u32>> = Vec::with_capacity(rows.len());
                for value in cells {
                    codes.push(match value {
                        Value::Text(text) => Some(interner.code(text)),
                        _ => None,
                    });
                }
                next.push(interner.finish());
                columns.push(Column::of_texts(&codes));
            } else {
                next.push(dictionary.clone());
                columns.push(Column::new(schema, index, field, cells, &mut lists));
            }
        }
        let keys = Keys::new(
            rows.iter().map(|row| Some(row.time)).collect(),
            rows.iter().map(|row| row.id).collect(),
            &vec![number(ingest); rows.len()],
        );
        (Self::with(keys, columns, &lists), next)
    }

    /// Builds a segment of rows of others, in ascending order of their keys.
    pub(super) fn of_rows(schema: &Schema, from: &[Arc<Self>], rows: &[Origin]) -> Self {
        let mut lists = Lists::default();
        let columns = schema
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| Column::of_rows(schema, index, field, from, rows, &mut lists))
            .collect();
        let of =
            |(segment, row): &Origin| Some((&from.get(*segment as usize)?.rows, *row as usize));
        let keys = Keys::new(
            rows.iter()
                .map(|origin| of(origin).and_then(|(keys, row)| keys.times.get(row)))
                .collect(),
            rows.iter()
                .filter_map(|origin| of(origin).and_then(|(keys, row)| keys.ids.get(row).copied()))
                .collect(),
            &rows
                .iter()
                .map(|origin| of(origin).and_then(|(keys, row)| keys.ingests.get(row)))
                .collect::<Vec<_>>(),
        );
        Self::with(keys, columns, &lists)
    }

    fn with(keys: Keys, columns: Vec<Column>, lists: &Lists) -> Self {
        let nested = columns.iter().map(Column::nested_size).sum::<usize>();
        let memory = SegmentMemory {
            columns: size_of::<Self>()
                + keys.size()
                + columns.capacity() * size_of::<Column>()
                + columns.iter().map(Column::size).sum::<usize>(),
            values: lists.size + nested,
        };
        Self {
            rows: Arc::new(keys),
            columns,
            memory,
        }
    }

    /// The same with the codes that its texts have in other dictionaries: for each column the new
    /// code of each old one, if they change. The order of codes is the same.
    pub(super) fn renumbered(&self, remaps: &[Option<Box<[u32]>>]) -> Self {
        let columns = self.columns.iter().zip(remaps);
        let renumbered = |(column, remap): (&Column, &Option<Box<[u32]>>)| match (column, remap) {
            (Column::Text(column), Some(remap)) => {
                let new = |code: &u32| remap.get(*code as usize).copied();
                Column::Text(TextColumn {
                    codes: Arc::clone(&column.codes),
                    texts: column.texts.iter().filter_map(new).collect(),
                })
            }
            (column, _) => column.clone(),
        };
        Self {
            rows: Arc::clone(&self.rows),
            columns: columns.map(renumbered).collect(),
            memory: self.memory,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.ids.len()
    }

    pub(super) const fn memory(&self) -> SegmentMemory {
        self.memory
    }

    /// The number of the newest batch that rows came with.
    pub(crate) fn newest_ingest(&self) -> u64 {
        self.rows.newest_ingest
    }

    pub(crate) fn ingest(&self, row: usize) -> u64 {
        let ingest = self.rows.ingests.get(row).unwrap_or_default();
        u64::try_from(ingest).unwrap_or_default()
    }

    /// The key of a row.
    pub(crate) fn key(&self, row: usize) -> Option<(DateTime<Utc>, Uuid)> {
        Some((self.rows.times.get(row)?, *self.rows.ids.get(row)?))
    }

    pub(crate) fn first_time(&self) -> Option<DateTime<Utc>> {
        self.rows.first
    }

    pub(crate) fn last_time(&self) -> Option<DateTime<Utc>> {
        self.rows.last
    }

    /// The rows from a time on and before another.
    pub(crate) fn rows_between(
        &self,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Range<usize> {
        let before = |bound: DateTime<Utc>| {
            if self.rows.first.is_none_or(|first| first >= bound) {
                return 0;
            }
            if self.rows.last.is_some_and(|last| last < bound) {
                return self.len();
            }
            let times = &self.rows.times;
            times.partition_point(0..self.len(), |time| time < bound)
        };
        let start = from.map_or(0, before);
        let end = to.map_or(self.len(), before);
        start..end.max(start)
    }

    /// The row of a key.
    pub(super) fn find(&self, time: DateTime<Utc>, id: Uuid) -> Option<usize> {
        if time < self.first_time()? || time > self.last_time()? {
            return None;
        }
        let times = &self.rows.times;
        let start = times.partition_point(0..self.len(), |other| other < time);
        let end = times.partition_point(start..self.len(), |other| other <= time);
        let same_time = self.rows.ids.get(start..end)?;
        same_time.binary_search(&id).ok().map(|at| start + at)
    }

    /// The codes of a coded column, and the values that they stand for, of which the last
    /// is null.
    pub(crate) fn coded(&self, column: usize) -> Option<(&Codes, &[Value])> {
        match self.columns.get(column) {
            Some(Column::Coded(coded)) => Some((&coded.0, &coded.1)),
            _ => None,
        }
    }

    /// A column of texts.
    pub(crate) fn texts(&self, column: usize) -> Option<&TextColumn> {
        match self.columns.get(column) {
            Some(Column::Text(texts)) => Some(texts),
            _ => None,
        }
    }

    /// The times of the rows, ascending.
    pub(crate) fn times(&self) -> &Times {
        &self.rows.times
    }

    /// The column of integers or nulls.
    pub(crate) fn ints(&self, column: usize) -> Option<&Packed> {
        match self.columns.get(column) {
            Some(Column::Int(values)) => Some(values),
            _ => None,
        }
    }

    /// The column of GUIDs or nulls, but for the key.
    pub(crate) fn ids(&self, column: usize) -> Option<&[Option<Uuid>]> {
        match self.columns.get(column) {
            Some(Column::Id(values)) => Some(values),
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

    /// Marks the codes that its rows have, for each column.
    pub(super) fn mark_used(&self, used: &mut [Vec<bool>]) {
        for (column, used) in self.columns.iter().zip(used) {
            if let Column::Text(column) = column {
                for code in column.texts.iter() {
                    if let Some(used) = used.get_mut(*code as usize) {
                        *used = true;
                    }
                }
            }
        }
    }
}

/// A number of a batch, which is never as large as that.
fn number(ingest: u64) -> Option<i64> {
    Some(i64::try_from(ingest).unwrap_or(i64::MAX))
}

/// A segment with what its codes stand for.
#[derive(Clone, Copy)]
pub(crate) struct SegmentView<'s> {
    pub(crate) segment: &'s Segment,
    pub(crate) dictionaries: &'s [Dictionary],
}

impl<'s> SegmentView<'s> {
    /// The dictionary of a column of texts.
    pub(crate) fn dictionary(&self, column: usize) -> Option<&'s Dictionary> {
        self.dictionaries.get(column)
    }

    /// Whether a row has these values.
    pub(super) fn has_values(&self, row: usize, values: &[Value]) -> bool {
        values.iter().enumerate().all(|(column, value)| {
            match (self.segment.columns.get(column), value) {
                (Some(Column::Text(texts)), Value::Text(text)) => {
                    let code = texts.code(row);
                    let dictionary = self.dictionaries.get(column);
                    code.and_then(|code| dictionary?.text(code)) == Some(text)
                }
                _ => *self.cell(row, column) == *value,
            }
        })
    }
}

impl Deref for SegmentView<'_> {
    type Target = Segment;

    fn deref(&self) -> &Segment {
        self.segment
    }
}

impl Cells for SegmentView<'_> {
    fn cell(&self, row: usize, column: usize) -> Cow<'_, Value> {
        self.cell_of(row, column)
    }
}

impl<'s> SegmentView<'s> {
    /// A cell.
    pub(crate) fn cell_of(&self, row: usize, column: usize) -> Cow<'s, Value> {
        let owned = |value: Value| Cow::Owned(value);
        let segment = self.segment;
        match segment.columns.get(column) {
            Some(Column::KeyTime) => owned(segment.rows.times.get(row).into()),
            Some(Column::KeyId) => owned(segment.rows.ids.get(row).copied().into()),
            Some(Column::Int(values)) => owned(values.get(row).into()),
            Some(Column::Float(values)) => owned(values.get(row).copied().flatten().into()),
            Some(Column::Time(values)) => owned(values.get(row).into()),
            Some(Column::Id(values)) => owned(values.get(row).copied().flatten().into()),
            Some(Column::Text(texts)) => match (texts.code(row), self.dictionaries.get(column)) {
                (Some(code), Some(dictionary)) => owned(dictionary.value(code)),
                _ => Cow::Borrowed(NULL),
            },
            Some(Column::Coded(coded)) => {
                let value = coded.0.get(row).and_then(|code| coded.1.get(code));
                Cow::Borrowed(value.unwrap_or(NULL))
            }
            Some(Column::Plain(values)) => Cow::Borrowed(values.get(row).unwrap_or(NULL)),
            Some(Column::Null) | None => Cow::Borrowed(NULL),
        }
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

impl Keys {
    fn new(times: Vec<Option<DateTime<Utc>>>, ids: Box<[Uuid]>, ingests: &[Option<i64>]) -> Self {
        let newest = ingests.iter().flatten().max().copied().unwrap_or_default();
        Self {
            first: times.first().copied().flatten(),
            last: times.last().copied().flatten(),
            times: Times::new(&times),
            ids,
            ingests: Packed::new(ingests),
            newest_ingest: u64::try_from(newest).unwrap_or_default(),
        }
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.times.size() + size_of_val(&*self.ids) + self.ingests.size()
    }
}

impl Column {
    fn new<'a>(
        schema: &Schema,
        index: usize,
        field: &Field,
        cells: impl Iterator<Item = &'a Value> + Clone,
        lists: &mut Lists,
    ) -> Self {
        match schema.key() {
            Some((time, _)) if time == index => return Self::KeyTime,
            Some((_, id)) if id == index => return Self::KeyId,
            _ if cells.clone().all(Value::is_null) => return Self::Null,
            _ => {}
        }
        match &field.data_type {
            DataType::Int => {
                let numbers: Vec<_> = cells.map(Value::as_int).collect();
                Self::Int(Arc::new(Packed::new(&numbers)))
            }
            DataType::Time => {
                let times: Vec<_> = cells.map(Value::as_time).collect();
                Self::Time(Arc::new(Times::new(&times)))
            }
            DataType::Float => Self::Float(cells.map(Value::as_float).collect()),
            DataType::Id => Self::Id(cells.map(Value::as_id).collect()),
            data_type if repeats(data_type) => Self::coded(cells, lists),
            _ => Self::Plain(cells.map(|value| lists.intern(value)).collect()),
        }
    }

    fn of_rows(
        schema: &Schema,
        index: usize,
        field: &Field,
        from: &[Arc<Segment>],
        rows: &[Origin],
        lists: &mut Lists,
    ) -> Self {
        let is_key = schema
            .key()
            .is_some_and(|(time, id)| index == time || index == id);
        if field.data_type == DataType::Text && !is_key {
            return Self::of_text_columns(index, from, rows);
        }
        // Where no text is looked up, a dictionary is not needed.
        let views: Vec<SegmentView<'_>> = from
            .iter()
            .map(|segment| SegmentView {
                segment,
                dictionaries: &[],
            })
            .collect();
        if repeats(&field.data_type)
            || matches!(field.data_type, DataType::List(_) | DataType::Record(_))
        {
            let cells = rows.iter().map(|(segment, row)| {
                let segment = from.get(*segment as usize);
                segment.map_or(NULL, |segment| segment.kept(*row as usize, index))
            });
            return Self::new(schema, index, field, cells, lists);
        }
        let cell = |(segment, row): &Origin| match views.get(*segment as usize) {
            Some(view) => view.cell(*row as usize, index).into_owned(),
            None => Value::Null,
        };
        if is_key {
            return Self::new(schema, index, field, [].iter(), lists);
        }
        let cells: Vec<Value> = rows.iter().map(cell).collect();
        Self::new(schema, index, field, cells.iter(), lists)
    }

    /// Texts by their codes in the dictionary.
    fn of_texts(codes: &[Option<u32>]) -> Self {
        let mut texts: Vec<u32> = codes.iter().flatten().copied().collect();
        if texts.is_empty() {
            return Self::Null;
        }
        texts.sort_unstable();
        texts.dedup();
        let local = |code: &Option<u32>| match code {
            // It is among them.
            Some(code) => texts.binary_search(code).unwrap_or_default() as u32,
            None => texts.len() as u32,
        };
        let local: Vec<u32> = codes.iter().map(local).collect();
        Self::Text(TextColumn {
            codes: Arc::new(Codes::new(&local, texts.len() + 1)),
            texts: texts.into(),
        })
    }

    /// Texts of several columns, whose codes are of one dictionary.
    fn of_text_columns(index: usize, from: &[Arc<Segment>], rows: &[Origin]) -> Self {
        const UNUSED: u32 = u32::MAX;

        // Which texts are there at all, and then what number each gets.
        let columns: Vec<Option<&TextColumn>> =
            from.iter().map(|segment| segment.texts(index)).collect();
        let mut numbers: Vec<Vec<u32>> = columns
            .iter()
            .map(|column| vec![UNUSED; column.map_or(0, |column| column.texts.len() + 1)])
            .collect();
        for (segment, row) in rows {
            let Some(Some(column)) = columns.get(*segment as usize) else {
                continue;
            };
            let local = column.codes.get(*row as usize).unwrap_or_default();
            let numbers = numbers.get_mut(*segment as usize);
            if let Some(number) = numbers.and_then(|numbers| numbers.get_mut(local)) {
                *number = 0;
            }
        }
        let mut texts: Vec<u32> = Vec::new();
        for (column, numbers) in columns.iter().zip(&numbers) {
            let column = column.map(|column| &*column.texts).unwrap_or_default();
            let used = column
                .iter()
                .zip(numbers)
                .filter(|(_, number)| **number == 0);
            texts.extend(used.map(|(code, _)| *code));
        }
        if texts.is_empty() {
            return Self::Null;
        }
        texts.sort_unstable();
        texts.dedup();
        let null = texts.len() as u32;
        for (column, numbers) in columns.iter().zip(&mut numbers) {
            let codes = column.map(|column| &*column.texts).unwrap_or_default();
            let mut at = 0;
            for (code, number) in codes.iter().zip(&mut *numbers) {
                if *number == 0 {
                    while texts.get(at).is_some_and(|text| text < code) {
                        at += 1;
                    }
                    *number = at as u32;
                }
            }
            if let Some(number) = numbers.last_mut() {
                *number = null;
            }
        }
        let local = |(segment, row): &Origin| {
            let column = (*columns.get(*segment as usize)?)?;
            let local = column.codes.get(*row as usize)?;
            numbers.get(*segment as usize)?.get(local).copied()
        };
        let codes: Vec<u32> = rows
            .iter()
            .map(|origin| local(origin).unwrap_or(null))
            .collect();
        Self::Text(TextColumn {
            codes: Arc::new(Codes::new(&codes, texts.len() + 1)),
            texts: texts.into(),
        })
    }

    fn coded<'a>(cells: impl Iterator<Item = &'a Value>, lists: &mut Lists) -> Self {
        let mut seen: HashMap<&Value, u32, RandomState> = HashMap::default();
        let mut values = Vec::new();
        let mut code = |value: &'a Value| {
            *seen.entry(value).or_insert_with(|| {
                values.push(lists.intern(value));
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
        Self::Coded(Arc::new((codes, values.into())))
    }

    /// Bytes of the column itself.
    fn size(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();

        match self {
            Self::KeyTime | Self::KeyId | Self::Null => 0,
            Self::Int(values) => COUNTS + size_of::<Packed>() + values.size(),
            Self::Float(values) => COUNTS + size_of_val(&**values),
            Self::Time(values) => COUNTS + size_of::<Times>() + values.size(),
            Self::Id(values) => COUNTS + size_of_val(&**values),
            Self::Text(column) => {
                2 * COUNTS + size_of::<Codes>() + column.codes.size() + size_of_val(&*column.texts)
            }
            Self::Coded(coded) => {
                COUNTS + size_of_val(&**coded) + coded.0.size() + size_of_val(&*coded.1)
            }
            Self::Plain(values) => COUNTS + size_of_val(&**values),
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
            Self::Coded(coded) => coded.1.iter().map(nested).sum(),
            Self::Plain(values) => values.iter().map(nested).sum(),
            _ => 0,
        }
    }
}

impl Segment {
    /// A value that is kept as it is.
    fn kept(&self, row: usize, column: usize) -> &Value {
        let value = match self.columns.get(column) {
            Some(Column::Coded(coded)) => coded.0.get(row).and_then(|code| coded.1.get(code)),
            Some(Column::Plain(values)) => values.get(row),
            _ => None,
        };
        value.unwrap_or(NULL)
    }
}

/// Whether values of a type are kept once, with a code for each row: truth values, and lists of
/// plain values (methods, flags). Those of records don't repeat.
fn repeats(data_type: &DataType) -> bool {
    match data_type {
        DataType::Bool => true,
        DataType::List(item) => !holds_records(item),
        _ => false,
    }
}

fn holds_records(data_type: &DataType) -> bool {
    match data_type {
        DataType::Record(_) => true,
        DataType::List(item) => holds_records(item),
        _ => false,
    }
}

/// Keeps one copy of each text in the lists and records of a segment.
#[derive(Default)]
struct Lists {
    texts: HashSet<Text, RandomState>,
    size: usize,
}

impl Lists {
    fn intern(&mut self, value: &Value) -> Value {
        match value {
            Value::Text(text) => {
                if let Some(known) = self.texts.get(text) {
                    return Value::Text(known.clone());
                }
                self.size += 16 + text.len();
                self.texts.insert(text.clone());
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
