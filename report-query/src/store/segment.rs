//! A segment: immutable rows in the order of time and id, column by column.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::codes::Codes;
use super::column::{Column, Origin, TRUTHS, TextColumn};
use super::dictionary::Dictionary;
use super::encode::Encoder;
use super::lists::{Items, ListColumn, each_text};
use super::packed::{Bits, Packed, Times};
use super::postings::{ItemPostings, Postings};
use crate::expr::Cells;
use crate::schema::Schema;
use crate::value::Value;

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

/// The number of the next segment.
static NUMBER: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Segment {
    /// Tells its rows from those of all other segments.
    number: u64,
    rows: Arc<Keys>,
    columns: Vec<Column>,
    /// Rows that don't have the values any more that they came with.
    redacted: Option<Arc<Bits>>,
    is_sealed: bool,
    /// Of columns that are indexed, if it is sealed.
    postings: Vec<(usize, Arc<Postings>)>,
    /// Of the items of columns of lists, or of a field of theirs.
    item_postings: Vec<(usize, Option<usize>, Arc<ItemPostings>)>,
    memory: SegmentMemory,
}

/// What a row is known by.
#[derive(Default)]
struct Keys {
    len: usize,
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
    pub(super) postings: usize,
    pub(super) documents: usize,
}

const NULL: &Value = &Value::Null;

impl Segment {
    /// Builds a segment of a batch's rows, in ascending order of their keys, fewer than 2^32;
    /// gives the dictionaries that know its texts.
    pub(super) fn of_batch(
        schema: &Schema,
        dictionaries: &[Dictionary],
        rows: &[&StoredRow],
        ingest: u64,
    ) -> (Self, Vec<Dictionary>) {
        let mut encoder = Encoder::new(dictionaries);
        let mut columns = Vec::with_capacity(schema.fields().len());
        for (index, field) in schema.fields().iter().enumerate() {
            let cells = rows.iter().map(|row| row.values.get(index).unwrap_or(NULL));
            columns.push(match key_column(schema, index) {
                Some(column) => column,
                None if schema.is_document(index) => Column::of_documents(cells.map(Cow::Borrowed)),
                None if schema.is_coded_id(index) => encoder.ids(index, cells),
                None => encoder.column(&field.data_type, schema.dictionary(index), cells),
            });
        }
        let keys = Keys::new(
            rows.iter().map(|row| Some(row.time)).collect(),
            rows.iter().map(|row| row.id).collect(),
            &vec![number(ingest); rows.len()],
        );
        (Self::with(Arc::new(keys), columns, None), encoder.finish())
    }

    /// Builds a segment of rows of others, in ascending order of their keys.
    pub(super) fn of_rows(schema: &Schema, from: &[Arc<Self>], rows: &[Origin]) -> Self {
        let indexes = 0..schema.fields().len();
        let columns = indexes
            .map(|index| column_of_rows(schema, index, from.iter().map(|of| &**of), rows))
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
        let is_redacted = |(segment, row): &Origin| {
            let segment = from.get(*segment as usize);
            segment.is_some_and(|segment| segment.is_redacted(*row as usize))
        };
        let redacted = rows.iter().any(is_redacted);
        let redacted = redacted.then(|| Arc::new(rows.iter().map(is_redacted).collect()));
        Self::with(Arc::new(keys), columns, redacted)
    }

    /// The same with the values of other rows for those at ascending positions, which stand for
    /// them as redacted. Columns of which no such row changes may be kept.
    pub(super) fn redacted(
        schema: &Schema,
        of: &Arc<Self>,
        rows: &[u32],
        values: Arc<Self>,
        is_same: impl Fn(usize) -> bool,
    ) -> Self {
        let from = [Arc::clone(of), values];
        let mut origins: Vec<Origin> = (0..of.len() as u32).map(|row| (0, row)).collect();
        for (at, row) in (0..).zip(rows) {
            if let Some(origin) = origins.get_mut(*row as usize) {
                *origin = (1, at);
            }
        }
        let columns = of.columns.iter().enumerate();
        let columns = columns.map(|(index, column)| {
            if is_same(index) {
                return column.clone();
            }
            column_of_rows(schema, index, from.iter().map(|of| &**of), &origins)
        });
        let columns = columns.collect();
        let of_row = |(row, (segment, _)): (usize, &Origin)| *segment == 1 || of.is_redacted(row);
        let redacted = origins.iter().enumerate().map(of_row).collect();
        let redacted = Some(Arc::new(redacted));
        Self::with(Arc::clone(&of.rows), columns, redacted)
    }

    fn with(rows: Arc<Keys>, columns: Vec<Column>, redacted: Option<Arc<Bits>>) -> Self {
        let memory = SegmentMemory {
            columns: size_of::<Self>()
                + rows.size()
                + redacted.as_ref().map_or(0, |bits| 16 + bits.size())
                + columns.capacity() * size_of::<Column>()
                + columns.iter().map(Column::size).sum::<usize>(),
            postings: 0,
            documents: columns.iter().map(Column::documents_size).sum(),
        };
        Self {
            number: NUMBER.fetch_add(1, Relaxed),
            rows,
            columns,
            redacted,
            is_sealed: false,
            postings: Vec::new(),
            item_postings: Vec::new(),
            memory,
        }
    }

    /// A segment of so many items of the rows of another, given the row of each item if the keys
    /// are needed.
    pub(super) fn of_items(
        of: &Self,
        columns: Vec<Column>,
        items: usize,
        parents: Option<&[u32]>,
    ) -> Self {
        let keys = parents.map(|parents| {
            let keys = parents.iter().map(|row| of.key(*row as usize));
            Keys::new(
                keys.clone().map(|key| Some(key?.0)).collect(),
                keys.flatten().map(|(_, id)| id).collect(),
                &vec![number(0); parents.len()],
            )
        });
        let keys = keys.unwrap_or_else(|| Keys {
            len: items,
            ..Keys::default()
        });
        Self::with(Arc::new(keys), columns, None)
    }

    /// A column of some of its rows.
    pub(super) fn column_of_rows(&self, schema: &Schema, index: usize, rows: &[u32]) -> Column {
        let rows: Vec<Origin> = rows.iter().map(|row| (0, *row)).collect();
        column_of_rows(schema, index, [self], &rows)
    }

    /// The same with the codes that its texts have in other dictionaries: for each the new code of
    /// each old one, if they change. The order of codes is the same.
    pub(super) fn renumbered(&self, remaps: &[Option<Box<[u32]>>]) -> Self {
        let columns = self.columns.iter();
        Self {
            number: self.number,
            rows: Arc::clone(&self.rows),
            columns: columns.map(|column| column.renumbered(remaps)).collect(),
            redacted: self.redacted.clone(),
            is_sealed: self.is_sealed,
            // Rows have the same codes within the segment.
            postings: self.postings.clone(),
            item_postings: self.item_postings.clone(),
            memory: self.memory,
        }
    }

    /// The same with the postings of a sealed one, and with its documents packed.
    pub(super) fn sealed(mut self, schema: &Schema) -> Self {
        self.is_sealed = true;
        for column in &mut self.columns {
            *column = std::mem::replace(column, Column::Null).packed();
        }
        self.memory.documents = self.columns.iter().map(Column::documents_size).sum();
        let fields = schema.fields().iter().enumerate();
        for (index, _) in fields.filter(|(_, field)| field.indexed) {
            let postings = match self.columns.get(index) {
                Some(Column::Text(column)) => Postings::of_codes(column.codes()),
                Some(Column::Id(ids)) => Postings::of_ids(ids),
                _ => None,
            };
            if let Some(postings) = postings {
                self.memory.postings += postings.size() + 2 * size_of::<usize>();
                self.postings.push((index, Arc::new(postings)));
            }
        }
        self.postings.shrink_to_fit();
        self.memory.postings += self.postings.capacity() * size_of::<(usize, Arc<Postings>)>();
        self.with_item_postings(schema)
    }

    fn with_item_postings(mut self, schema: &Schema) -> Self {
        for (column, field) in schema.indexed_items() {
            let lists = self.columns.get(column).and_then(Column::lists);
            // What rows share is asked once for all of them.
            let own = lists.filter(|lists| lists.shared().is_none());
            let Some(items) = own.map(|lists| Items::new(lists, &[])) else {
                continue;
            };
            let of_field = field.map_or(items, |field| items.field(field));
            if let Some(texts) = of_field.texts() {
                let postings = ItemPostings::new(texts.codes());
                self.memory.postings += postings.size() + 2 * size_of::<usize>();
                self.item_postings.push((column, field, Arc::new(postings)));
            }
        }
        self.item_postings.shrink_to_fit();
        self.memory.postings += size_of_val(&*self.item_postings);
        self
    }

    /// The same, sealed if the segment that it was made of is.
    pub(super) fn like(self, other: &Self, schema: &Schema) -> Self {
        if other.is_sealed {
            self.sealed(schema)
        } else {
            self
        }
    }

    /// The rows of a column by their values, if that is kept.
    pub(crate) fn postings(&self, column: usize) -> Option<&Postings> {
        let mut all = self.postings.iter();
        let (_, postings) = all.find(|(index, _)| *index == column)?;
        Some(postings)
    }

    /// The items of a column of lists by their texts, or by those of a field of theirs, if that is
    /// kept.
    pub(crate) fn item_postings(
        &self,
        column: usize,
        field: Option<usize>,
    ) -> Option<&ItemPostings> {
        let mut all = self.item_postings.iter();
        let (.., postings) = all.find(|(of, index, _)| (*of, *index) == (column, field))?;
        Some(postings)
    }

    /// Whether a row was redacted.
    pub(super) fn is_redacted(&self, row: usize) -> bool {
        self.redacted.as_ref().is_some_and(|bits| bits.has(row))
    }

    /// Whether its columns of texts have the same codes as those of another segment.
    pub(super) fn has_codes_of<'a>(&'a self, other: &'a Self) -> bool {
        let texts = |segment: &'a Self| {
            let mut all: Vec<(&'a TextColumn, usize)> = Vec::new();
            for column in &segment.columns {
                each_text(column, segment.len(), &mut |texts, rows| {
                    all.push((texts, rows));
                });
            }
            all
        };
        let (own, others) = (texts(self), texts(other));
        let is_same = |((a, rows), (b, others)): (&(&TextColumn, usize), &(&TextColumn, usize))| {
            a.dictionary() == b.dictionary()
                && rows == others
                && (0..*rows).all(|row| a.code(row) == b.code(row))
        };
        own.len() == others.len() && own.iter().zip(&others).all(is_same)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len
    }

    /// Bytes of a column, for all rows.
    pub(crate) fn bytes_of(&self, column: usize) -> usize {
        match self.columns.get(column) {
            Some(Column::KeyTime) => self.rows.times.size(),
            Some(Column::KeyId) => size_of_val(&*self.rows.ids),
            Some(column) => column.size() + column.documents_size(),
            None => 0,
        }
    }

    pub(super) const fn memory(&self) -> SegmentMemory {
        self.memory
    }

    /// A number that only segments of the same rows have, whatever the codes of their texts are.
    pub(crate) const fn number(&self) -> u64 {
        self.number
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

    /// The key of the first row.
    pub(crate) fn first_key(&self) -> Option<(DateTime<Utc>, Uuid)> {
        Some((self.rows.first?, *self.rows.ids.first()?))
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

    /// A column of lists.
    pub(crate) fn lists(&self, column: usize) -> Option<&ListColumn> {
        self.columns.get(column)?.lists()
    }

    /// A column of texts.
    pub(crate) fn texts(&self, column: usize) -> Option<&TextColumn> {
        self.columns.get(column)?.texts()
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

    /// Marks the codes that its rows have, for each dictionary.
    pub(super) fn mark_used(&self, used: &mut [Vec<bool>]) {
        for column in &self.columns {
            each_text(column, 0, &mut |texts, _| {
                let Some(used) = used.get_mut(texts.dictionary()) else {
                    return;
                };
                for code in texts.texts() {
                    if let Some(used) = used.get_mut(*code as usize) {
                        *used = true;
                    }
                }
            });
        }
    }
}

/// A column of rows of other segments.
fn column_of_rows<'s>(
    schema: &Schema,
    index: usize,
    from: impl IntoIterator<Item = &'s Segment>,
    rows: &[Origin],
) -> Column {
    if let Some(column) = key_column(schema, index) {
        return column;
    }
    // Each segment has each column.
    let from = from.into_iter();
    let columns: Vec<&Column> = from.filter_map(|of| of.columns.get(index)).collect();
    match schema.fields().get(index) {
        Some(field) => {
            let is_document = schema.is_document(index);
            Column::of_rows(&field.data_type, &columns, rows, is_document)
        }
        None => Column::Null,
    }
}

/// The column of the key that stands at a place, if one does.
fn key_column(schema: &Schema, index: usize) -> Option<Column> {
    match schema.key()? {
        (time, _) if time == index => Some(Column::KeyTime),
        (_, id) if id == index => Some(Column::KeyId),
        _ => None,
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

    fn field(&self, row: usize, column: usize, field: usize) -> Option<Cow<'_, Value>> {
        let records = self.segment.columns.get(column)?.records()?;
        // The fields of what is missing are null.
        Some(records.field(field).cell(row, self.dictionaries))
    }
}

/// Values that repeat, by a code for each row; the last of them is null.
pub(crate) struct Coded<'s> {
    pub(crate) codes: &'s Codes,
    /// How many values there are.
    pub(crate) len: usize,
    lists: Option<(&'s ListColumn, &'s [Dictionary])>,
}

impl Coded<'_> {
    /// The value of a code.
    pub(crate) fn value(&self, code: usize) -> Value {
        match self.lists {
            Some((lists, dictionaries)) if code + 1 < self.len => lists.value(code, dictionaries),
            Some(_) => Value::Null,
            None => TRUTHS.get(code).cloned().unwrap_or_default(),
        }
    }
}

impl<'s> SegmentView<'s> {
    /// A column of values that repeat, but for texts.
    pub(crate) fn coded(&self, column: usize) -> Option<Coded<'s>> {
        match self.segment.columns.get(column)? {
            Column::Bool(codes) => Some(Coded {
                codes,
                len: TRUTHS.len(),
                lists: None,
            }),
            Column::List(lists) => {
                let (codes, count) = lists.shared()?;
                Some(Coded {
                    codes,
                    len: count + 1,
                    lists: Some((lists, self.dictionaries)),
                })
            }
            _ => None,
        }
    }

    /// The items of a column of lists.
    pub(crate) const fn items(&self, lists: &'s ListColumn) -> Items<'s> {
        Items::new(lists, self.dictionaries)
    }

    /// A cell.
    pub(crate) fn cell_of(&self, row: usize, column: usize) -> Cow<'s, Value> {
        let segment = self.segment;
        match segment.columns.get(column) {
            Some(Column::KeyTime) => Cow::Owned(segment.rows.times.get(row).into()),
            Some(Column::KeyId) => Cow::Owned(segment.rows.ids.get(row).copied().into()),
            Some(other) => other.cell(row, self.dictionaries),
            None => Cow::Borrowed(NULL),
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
            len: ids.len(),
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
