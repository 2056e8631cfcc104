//! Columns of lists and of records: tables of what stands in them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::codes::Codes;
use super::column::{Column, Origin, TextColumn};
use super::dictionary::Dictionary;
use super::packed::Bits;
use crate::schema::{DataType, Field};
use crate::value::Value;

/// The lists of rows, as a table of their items.
pub(crate) struct ListColumn {
    /// Which of the lists each row has, where rows share them; null's is their number. Without it
    /// each row has its own.
    shared: Option<Codes>,
    /// Where the items of each list end. Those of the first begin at 0.
    ends: Codes,
    /// Rows without a list, of those that have their own.
    missing: Option<Bits>,
    items: Column,
}

/// The records of rows, field by field.
pub(crate) struct RecordColumn {
    missing: Option<Bits>,
    fields: Box<[Column]>,
}

const NULL: &Column = &Column::Null;
/// No list.
const NONE: u32 = u32::MAX;

impl ListColumn {
    /// Of the lengths of lists, none for null, and their items, one list after the other.
    pub(super) fn new(lengths: &[Option<usize>], items: Column) -> Self {
        let missing = lengths.contains(&None);
        Self {
            shared: None,
            ends: ends(lengths.iter().map(|length| length.unwrap_or_default())),
            missing: missing.then(|| lengths.iter().map(Option::is_none).collect()),
            items,
        }
    }

    /// Of the list that each row has, or their number for none; the lengths of the lists, and
    /// their items.
    pub(super) fn of_shared(rows: &[u32], lengths: &[usize], items: Column) -> Self {
        Self {
            shared: Some(Codes::new(rows, lengths.len() + 1)),
            ends: ends(lengths.iter().copied()),
            missing: None,
            items,
        }
    }

    /// Which list each row has, if rows share them: a number of those, of which there are so many;
    /// that number for null.
    pub(crate) fn shared(&self) -> Option<(&Codes, usize)> {
        Some((self.shared.as_ref()?, self.ends.len()))
    }

    /// The items of all lists.
    pub(super) const fn items(&self) -> &Column {
        &self.items
    }

    /// The rows of ascending items, of rows that have their own lists, of which there are at most
    /// 65,536; a row as often as it has such an item.
    pub(crate) fn rows_of(&self, items: &[u32]) -> Option<Vec<u16>> {
        let row = |item: &u32| {
            let (mut start, mut end) = (0, self.ends.len());
            // The first list that ends behind the item.
            while start < end {
                let middle = start.midpoint(end);
                if self.ends.get(middle)? <= *item as usize {
                    start = middle + 1;
                } else {
                    end = middle;
                }
            }
            u16::try_from(start).ok()
        };
        items.iter().map(row).collect()
    }

    /// The row of each item, of rows that have their own lists.
    pub(super) fn parents(&self) -> Vec<u32> {
        let mut rows = vec![0; self.items_len()];
        for (list, row) in (0..self.ends.len()).zip(0..) {
            if let Some(rows) = rows.get_mut(self.range(list)) {
                rows.fill(row);
            }
        }
        rows
    }

    /// How many items all lists have.
    pub(crate) fn items_len(&self) -> usize {
        let last = self.ends.len().checked_sub(1);
        last.and_then(|last| self.ends.get(last))
            .unwrap_or_default()
    }

    /// The list of a row.
    fn list(&self, row: usize) -> Option<usize> {
        match &self.shared {
            Some(lists) => lists.get(row).filter(|list| *list < self.ends.len()),
            None => {
                let is_missing = self.missing.as_ref().is_some_and(|bits| bits.has(row));
                (!is_missing).then_some(row)
            }
        }
    }

    /// The items of a list.
    pub(crate) fn range(&self, list: usize) -> Range<usize> {
        let start = match list.checked_sub(1) {
            Some(before) => self.ends.get(before).unwrap_or_default(),
            None => 0,
        };
        start..self.ends.get(list).unwrap_or(start)
    }

    /// The items of a row; none if it has no list.
    pub(crate) fn of_row(&self, row: usize) -> Option<Range<usize>> {
        self.list(row).map(|list| self.range(list))
    }

    pub(super) fn cell(&self, row: usize, dictionaries: &[Dictionary]) -> Value {
        self.list(row)
            .map_or(Value::Null, |list| self.value(list, dictionaries))
    }

    /// The value of a list.
    pub(super) fn value(&self, list: usize, dictionaries: &[Dictionary]) -> Value {
        let items = self.range(list);
        let item = |item| self.items.cell(item, dictionaries).into_owned();
        Value::List(items.map(item).collect())
    }

    /// Of rows of several columns.
    pub(super) fn of_rows(item: &DataType, from: &[&Column], rows: &[Origin]) -> Self {
        let lists: Vec<Option<&Self>> = from.iter().map(|column| column.lists()).collect();
        let items: Vec<&Column> = lists
            .iter()
            .map(|lists| lists.map_or(NULL, |lists| &lists.items))
            .collect();
        let list_of = |(segment, row): &Origin| {
            let lists = lists.get(*segment as usize).copied().flatten()?;
            Some((lists, *segment, lists.list(*row as usize)?))
        };
        if *item == DataType::Text
            && let Some(shared) = Shared::of(&lists, rows, list_of)
        {
            let origins = shared.lists.iter().flat_map(|(segment, list)| {
                let lists = lists.get(*segment as usize).copied().flatten();
                let range = lists.map(|lists| lists.range(*list as usize));
                of_range(*segment, range.unwrap_or_default())
            });
            let origins: Vec<Origin> = origins.collect();
            let items = Column::of_rows(item, &items, &origins, false);
            return Self::of_shared(&shared.of_row, &shared.lengths, items);
        }
        let mut lengths = Vec::with_capacity(rows.len());
        let mut origins: Vec<Origin> = Vec::new();
        for row in rows {
            let Some((lists, segment, list)) = list_of(row) else {
                lengths.push(None);
                continue;
            };
            let range = lists.range(list);
            lengths.push(Some(range.len()));
            origins.extend(of_range(segment, range));
        }
        Self::new(&lengths, Column::of_rows(item, &items, &origins, false))
    }

    /// The same with other columns of texts; see [`Column::with_texts`].
    pub(super) fn with_texts(&self, of: &dyn Fn(&TextColumn) -> Option<TextColumn>) -> Self {
        Self {
            shared: self.shared.clone(),
            ends: self.ends.clone(),
            missing: self.missing.clone(),
            items: self.items.with_texts(of),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.shared.as_ref().map_or(0, Codes::size)
            + self.ends.size()
            + self.missing.as_ref().map_or(0, Bits::size)
            + self.items.size()
    }
}

/// The items of lists, or one field of them.
#[derive(Clone, Copy)]
pub(crate) struct Items<'s> {
    column: &'s Column,
    dictionaries: &'s [Dictionary],
}

impl<'s> Items<'s> {
    pub(super) const fn new(lists: &'s ListColumn, dictionaries: &'s [Dictionary]) -> Self {
        Self {
            column: &lists.items,
            dictionaries,
        }
    }

    /// A field of items that are records.
    pub(crate) fn field(self, index: usize) -> Self {
        let records = self.column.records();
        Self {
            column: records.map_or(NULL, |records| records.field(index)),
            ..self
        }
    }

    /// The texts, if these are any.
    pub(crate) fn texts(self) -> Option<&'s TextColumn> {
        self.column.texts()
    }

    /// An item's value.
    pub(crate) fn cell(self, item: usize) -> Cow<'s, Value> {
        self.column.cell(item, self.dictionaries)
    }
}

/// Where lists of these lengths end, one after the other.
fn ends(lengths: impl Iterator<Item = usize>) -> Codes {
    let mut end = 0;
    let ends = lengths.map(|length| {
        end += length;
        // As many items would take 16 GiB in the rows that they come from.
        u32::try_from(end).unwrap_or(u32::MAX)
    });
    let ends: Vec<u32> = ends.collect();
    Codes::new(&ends, ends.last().map_or(0, |last| *last as usize + 1))
}

fn of_range(segment: u32, range: Range<usize>) -> impl Iterator<Item = Origin> {
    range.map(move |item| (segment, item as u32))
}

/// Lists of texts that rows share.
struct Shared {
    of_row: Vec<u32>,
    /// Where each of the lists is first.
    lists: Vec<(u32, u32)>,
    lengths: Vec<usize>,
}

impl Shared {
    /// `None` where most rows have one of their own.
    fn of<'c>(
        lists: &[Option<&'c ListColumn>],
        rows: &[Origin],
        list_of: impl Fn(&Origin) -> Option<(&'c ListColumn, u32, usize)>,
    ) -> Option<Self> {
        let mut seen: HashMap<Box<[u32]>, u32, RandomState> = HashMap::default();
        // The number of each list of each segment, once it is known.
        let mut known: Vec<Vec<u32>> = lists
            .iter()
            .map(|lists| vec![NONE; lists.map_or(0, |lists| lists.ends.len())])
            .collect();
        let mut shared = Self {
            of_row: Vec::with_capacity(rows.len()),
            lists: Vec::new(),
            lengths: Vec::new(),
        };
        for row in rows {
            let Some((of, segment, list)) = list_of(row) else {
                shared.of_row.push(NONE);
                continue;
            };
            let known = known.get_mut(segment as usize)?.get_mut(list)?;
            if *known == NONE {
                let range = of.range(list);
                let texts = of.items.texts();
                let code = |item| texts.and_then(|texts| texts.code(item)).unwrap_or(NONE);
                let key: Box<[u32]> = range.clone().map(code).collect();
                let next = shared.lists.len() as u32;
                *known = *seen.entry(key).or_insert(next);
                if *known == next {
                    shared.lists.push((segment, list as u32));
                    shared.lengths.push(range.len());
                    if are_own(shared.lists.len(), rows.len()) {
                        return None;
                    }
                }
            }
            shared.of_row.push(*known);
        }
        let null = shared.lists.len() as u32;
        for list in &mut shared.of_row {
            *list = (*list).min(null);
        }
        Some(shared)
    }
}

/// Whether so many lists are too many for so many rows to share them.
pub(super) const fn are_own(lists: usize, rows: usize) -> bool {
    lists > rows / 2
}

impl RecordColumn {
    pub(super) fn new(missing: Option<Bits>, fields: Vec<Column>) -> Self {
        Self {
            missing,
            fields: fields.into(),
        }
    }

    /// A field of all records.
    pub(super) fn field(&self, index: usize) -> &Column {
        self.fields.get(index).unwrap_or(NULL)
    }

    pub(super) fn is_missing(&self, row: usize) -> bool {
        self.missing.as_ref().is_some_and(|bits| bits.has(row))
    }

    pub(super) fn cell(&self, row: usize, dictionaries: &[Dictionary]) -> Value {
        if self.is_missing(row) {
            return Value::Null;
        }
        let cells = self.fields.iter();
        Value::Record(
            cells
                .map(|field| field.cell(row, dictionaries).into_owned())
                .collect(),
        )
    }

    /// Of rows of several columns.
    pub(super) fn of_rows(fields: &[Field], from: &[&Column], rows: &[Origin]) -> Self {
        let records: Vec<Option<&Self>> = from.iter().map(|column| column.records()).collect();
        let is_missing = |(segment, row): &Origin| {
            let records = records.get(*segment as usize).copied().flatten();
            records.is_none_or(|records| records.is_missing(*row as usize))
        };
        let missing = rows.iter().any(is_missing);
        let of_field = |(index, field): (usize, &Field)| {
            let from: Vec<&Column> = records
                .iter()
                .map(|records| records.map_or(NULL, |records| records.field(index)))
                .collect();
            Column::of_rows(&field.data_type, &from, rows, false)
        };
        Self::new(
            missing.then(|| rows.iter().map(is_missing).collect()),
            fields.iter().enumerate().map(of_field).collect(),
        )
    }

    /// The same with other columns of texts; see [`Column::with_texts`].
    pub(super) fn with_texts(&self, of: &dyn Fn(&TextColumn) -> Option<TextColumn>) -> Self {
        let fields = self.fields.iter();
        Self {
            missing: self.missing.clone(),
            fields: fields.map(|field| field.with_texts(of)).collect(),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.missing.as_ref().map_or(0, Bits::size)
            + size_of_val(&*self.fields)
            + self.fields.iter().map(Column::size).sum::<usize>()
    }
}

/// The columns of texts of a column, with their numbers of rows.
pub(super) fn each_text<'c>(
    column: &'c Column,
    rows: usize,
    of: &mut dyn FnMut(&'c TextColumn, usize),
) {
    match column {
        Column::Text(texts) => of(texts, rows),
        Column::List(lists) => each_text(&lists.items, lists.items_len(), of),
        Column::Record(records) => {
            for field in &records.fields {
                each_text(field, rows, of);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
