//! A column of a segment, in the way that suits its type.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use uuid::Uuid;

use super::codes::Codes;
use super::dictionary::Dictionary;
use super::documents::Documents;
use super::packed::{Packed, Times};
use crate::schema::DataType;
use crate::value::{Text, Value};

/// A column of a segment.
#[derive(Clone)]
pub(super) enum Column {
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
    Documents(Arc<Documents>),
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
    /// Of a position in the texts for each row, or their count where there is none.
    fn new(codes: &[u32], texts: Vec<u32>) -> Self {
        // Where each row has a text, null needs no code, and may not fit.
        let null = texts.len() as u32;
        let count = texts.len() + usize::from(codes.contains(&null));
        Self {
            codes: Arc::new(Codes::new(codes, count)),
            texts: texts.into(),
        }
    }

    /// A number for each row: of [texts](Self::texts), or their count where there is none.
    pub(crate) fn codes(&self) -> &Codes {
        &self.codes
    }

    /// The codes of the texts, in the dictionary of the column.
    pub(crate) fn texts(&self) -> &[u32] {
        &self.texts
    }

    /// The code of a row's text in the dictionary.
    #[inline]
    pub(crate) fn code(&self, row: usize) -> Option<u32> {
        self.texts.get(self.codes.get(row)?).copied()
    }
}

const NULL: &Value = &Value::Null;

/// Where a row comes from when segments are built of others: which one, and its row.
pub(super) type Origin = (u32, u32);

impl Column {
    /// Of values of another type than text.
    pub(super) fn new<'a>(
        data_type: &DataType,
        cells: impl Iterator<Item = &'a Value> + Clone,
        lists: &mut Lists,
    ) -> Self {
        if cells.clone().all(Value::is_null) {
            return Self::Null;
        }
        match data_type {
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

    /// Of texts that are kept as documents.
    pub(super) fn of_documents<'a>(cells: impl Iterator<Item = Cow<'a, Value>>) -> Self {
        let text = |cell: Cow<'a, Value>| match cell {
            Cow::Borrowed(Value::Text(text)) => Some(Cow::Borrowed(text.as_str())),
            Cow::Owned(Value::Text(text)) => Some(Cow::Owned(text.to_string())),
            _ => None,
        };
        let documents = Documents::new(cells.map(text), false);
        if documents.is_empty() {
            return Self::Null;
        }
        Self::Documents(Arc::new(documents))
    }

    /// The same with documents packed.
    pub(super) fn packed(self) -> Self {
        match self {
            Self::Documents(documents) if cfg!(feature = "compress") => {
                Self::Documents(Arc::new(documents.packed()))
            }
            other => other,
        }
    }

    /// Of rows of the same column of several segments, but for the key.
    pub(super) fn of_rows(
        data_type: &DataType,
        from: &[&Self],
        rows: &[Origin],
        is_document: bool,
        lists: &mut Lists,
    ) -> Self {
        if *data_type == DataType::Text && !is_document {
            return Self::of_text_columns(from, rows);
        }
        let cell = |(segment, row): &Origin| match from.get(*segment as usize) {
            // No texts are asked for.
            Some(column) => column.cell(*row as usize, None),
            None => Cow::Borrowed(NULL),
        };
        if is_document {
            return Self::of_documents(rows.iter().map(cell));
        }
        let cells: Vec<Cow<'_, Value>> = rows.iter().map(cell).collect();
        Self::new(data_type, cells.iter().map(|cell| &**cell), lists)
    }

    /// A cell, but of the key, given what the codes of texts stand for.
    #[inline]
    pub(super) fn cell(&self, row: usize, dictionary: Option<&Dictionary>) -> Cow<'_, Value> {
        let owned = |value: Value| Cow::Owned(value);
        match self {
            Self::Int(values) => owned(values.get(row).into()),
            Self::Float(values) => owned(values.get(row).copied().flatten().into()),
            Self::Time(values) => owned(values.get(row).into()),
            Self::Id(values) => owned(values.get(row).copied().flatten().into()),
            Self::Text(texts) => match (texts.code(row), dictionary) {
                (Some(code), Some(dictionary)) => owned(dictionary.value(code)),
                _ => Cow::Borrowed(NULL),
            },
            Self::Coded(coded) => {
                let value = coded.0.get(row).and_then(|code| coded.1.get(code));
                Cow::Borrowed(value.unwrap_or(NULL))
            }
            Self::Plain(values) => Cow::Borrowed(values.get(row).unwrap_or(NULL)),
            Self::Documents(documents) => owned(documents.get(row)),
            Self::KeyTime | Self::KeyId | Self::Null => Cow::Borrowed(NULL),
        }
    }

    /// The texts, if it is a column of these and has any.
    pub(super) const fn texts(&self) -> Option<&TextColumn> {
        match self {
            Self::Text(texts) => Some(texts),
            _ => None,
        }
    }

    /// The same with other codes of texts, given the new one of each old one: their order is the
    /// same.
    pub(super) fn renumbered(&self, remap: Option<&[u32]>) -> Self {
        match (self, remap) {
            (Self::Text(column), Some(remap)) => {
                let new = |code: &u32| remap.get(*code as usize).copied();
                Self::Text(TextColumn {
                    codes: Arc::clone(&column.codes),
                    texts: column.texts.iter().filter_map(new).collect(),
                })
            }
            (column, _) => column.clone(),
        }
    }

    /// Texts by numbers that each has a code of its own in the dictionary.
    pub(super) fn of_texts(numbers: &[Option<u32>], codes: &[u32]) -> Self {
        if codes.is_empty() {
            return Self::Null;
        }
        let mut sorted: Vec<(u32, u32)> = codes.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        let null = sorted.len() as u32;
        let mut places = vec![null; codes.len()];
        for ((_, number), place) in sorted.iter().zip(0..) {
            if let Some(to) = places.get_mut(*number as usize) {
                *to = place;
            }
        }
        let place = |number: &Option<u32>| {
            let place = number.and_then(|number| places.get(number as usize).copied());
            place.unwrap_or(null)
        };
        let rows: Vec<u32> = numbers.iter().map(place).collect();
        let texts = sorted.into_iter().map(|(code, _)| code).collect();
        Self::Text(TextColumn::new(&rows, texts))
    }

    /// Texts of several columns, whose codes are of one dictionary.
    fn of_text_columns(from: &[&Self], rows: &[Origin]) -> Self {
        const UNUSED: u32 = u32::MAX;

        // Which texts are there at all, and then what number each gets.
        let columns: Vec<Option<&TextColumn>> = from.iter().map(|column| column.texts()).collect();
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
        Self::Text(TextColumn::new(&codes, texts))
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
    pub(super) fn size(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();

        match self {
            // Documents are counted by themselves.
            Self::KeyTime | Self::KeyId | Self::Null | Self::Documents(_) => 0,
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

    /// Bytes of documents.
    pub(super) fn documents_size(&self) -> usize {
        match self {
            Self::Documents(documents) => {
                2 * size_of::<usize>() + size_of::<Documents>() + documents.size()
            }
            _ => 0,
        }
    }

    /// Bytes of lists and records, without the texts in them.
    pub(super) fn nested_size(&self) -> usize {
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
pub(super) struct Lists {
    texts: HashSet<Text, RandomState>,
    /// Bytes of the texts.
    pub(super) size: usize,
}

impl Lists {
    fn intern(&mut self, value: &Value) -> Value {
        match value {
            Value::Text(text) => {
                if let Some(known) = self.texts.get(text) {
                    return Value::Text(known.clone());
                }
                self.size += 16 + text.len();
                // Of its own: a slice would keep all texts of its block.
                let own = text.to_owned_text();
                self.texts.insert(own.clone());
                Value::Text(own)
            }
            Value::List(items) => Value::List(items.iter().map(|item| self.intern(item)).collect()),
            Value::Record(items) => {
                Value::Record(items.iter().map(|item| self.intern(item)).collect())
            }
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_for_null_is_only_where_a_row_is_null() {
        for (count, null, width) in [
            (256, false, 1),
            (256, true, 2),
            (65_536, false, 2),
            (65_536, true, 4),
        ] {
            // The last text comes first.
            let codes: Vec<u32> = (0..count).map(|number| 7 + 3 * (count - number)).collect();
            let mut numbers: Vec<Option<u32>> = (0..count).map(Some).collect();
            numbers.extend(null.then_some(None));
            let Column::Text(texts) = Column::of_texts(&numbers, &codes) else {
                panic!("texts");
            };
            assert_eq!(
                texts.codes().size(),
                width * numbers.len(),
                "{count} {null}"
            );
            let code = |number: u32| codes[number as usize];
            assert!((0..numbers.len()).all(|row| texts.code(row) == numbers[row].map(code)));
        }
    }

    #[test]
    fn a_text_of_a_list_keeps_no_block() {
        let block = Arc::new(crate::value::TextBlock::new(["ana", "kim"].into_iter()));
        let value = Value::list([Value::Text(Text::of(&block, 0))]);
        let mut lists = Lists::default();
        let column = Column::new(
            &DataType::list(DataType::Text),
            [&value].into_iter(),
            &mut lists,
        );
        assert_eq!(*column.cell(0, None), value);
        drop(value);
        assert_eq!(Arc::strong_count(&block), 1);
    }
}
