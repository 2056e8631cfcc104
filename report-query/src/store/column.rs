//! A column of a segment, in the way that suits its type.

use std::borrow::Cow;
use std::sync::Arc;

use uuid::Uuid;

use super::codes::Codes;
use super::dictionary::Dictionary;
use super::documents::Documents;
use super::lists::{ListColumn, RecordColumn, each_text};
use super::packed::{Packed, Times};
use crate::schema::DataType;
use crate::value::Value;

/// A column of a segment, or of what stands in the lists of one.
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
    /// 0 for false, 1 for true, 2 for null.
    Bool(Arc<Codes>),
    List(Arc<ListColumn>),
    Record(Arc<RecordColumn>),
    Documents(Arc<Documents>),
}

/// What each code of a column of truth values stands for.
pub(super) static TRUTHS: [Value; 3] = [Value::Bool(false), Value::Bool(true), Value::Null];

/// Texts, or GUIDs, by their codes in the dictionary of the column.
#[derive(Clone)]
pub(crate) struct TextColumn {
    /// Which of the store's dictionaries they are in.
    dictionary: usize,
    /// A position in `texts` for each row; null's is their number.
    codes: Arc<Codes>,
    /// Ascending.
    texts: Arc<[u32]>,
}

impl TextColumn {
    /// Of a position in the texts for each row, or their count where there is none.
    fn new(dictionary: usize, codes: &[u32], texts: Vec<u32>) -> Self {
        // Where each row has a text, null needs no code, and may not fit.
        let null = texts.len() as u32;
        let count = texts.len() + usize::from(codes.contains(&null));
        Self {
            dictionary,
            codes: Arc::new(Codes::new(codes, count)),
            texts: texts.into(),
        }
    }

    /// A number for each row: of [texts](Self::texts), or their count where there is none.
    pub(crate) fn codes(&self) -> &Codes {
        &self.codes
    }

    /// The number of the dictionary.
    pub(crate) const fn dictionary(&self) -> usize {
        self.dictionary
    }

    /// The same in a dictionary of another number that has the same texts.
    pub(super) fn in_dictionary(&self, dictionary: usize) -> Self {
        Self {
            dictionary,
            ..self.clone()
        }
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
    /// Of values of a type that has no others in it, and is not text.
    pub(super) fn of_values<'a>(
        data_type: &DataType,
        cells: impl Iterator<Item = &'a Value> + Clone,
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
            DataType::Bool => {
                let code = |cell: &Value| cell.as_bool().map_or(2, u32::from);
                let codes: Vec<u32> = cells.map(code).collect();
                Self::Bool(Arc::new(Codes::new(&codes, TRUTHS.len())))
            }
            // These are built of their parts.
            DataType::Text | DataType::List(_) | DataType::Record(_) => Self::Null,
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
    ) -> Self {
        match data_type {
            DataType::Text if !is_document => return Self::of_text_columns(from, rows),
            DataType::Id if from.iter().any(|column| column.texts().is_some()) => {
                return Self::of_text_columns(from, rows);
            }
            DataType::List(item) if from.iter().any(|column| column.lists().is_some()) => {
                return Self::List(Arc::new(ListColumn::of_rows(item, from, rows)));
            }
            DataType::Record(fields) if from.iter().any(|column| column.records().is_some()) => {
                return Self::Record(Arc::new(RecordColumn::of_rows(fields, from, rows)));
            }
            _ => {}
        }
        let cell = |(segment, row): &Origin| match from.get(*segment as usize) {
            // No texts are asked for.
            Some(column) => column.cell(*row as usize, &[]),
            None => Cow::Borrowed(NULL),
        };
        if is_document {
            return Self::of_documents(rows.iter().map(cell));
        }
        let cells: Vec<Cow<'_, Value>> = rows.iter().map(cell).collect();
        Self::of_values(data_type, cells.iter().map(|cell| &**cell))
    }

    /// A cell, but of the key, given what the codes of texts stand for in each dictionary.
    #[inline]
    pub(super) fn cell(&self, row: usize, dictionaries: &[Dictionary]) -> Cow<'_, Value> {
        let owned = |value: Value| Cow::Owned(value);
        match self {
            Self::Int(values) => owned(values.get(row).into()),
            Self::Float(values) => owned(values.get(row).copied().flatten().into()),
            Self::Time(values) => owned(values.get(row).into()),
            Self::Id(values) => owned(values.get(row).copied().flatten().into()),
            Self::Text(texts) => match (texts.code(row), dictionaries.get(texts.dictionary)) {
                (Some(code), Some(dictionary)) => owned(dictionary.value(code)),
                _ => Cow::Borrowed(NULL),
            },
            Self::Bool(codes) => {
                let truth = codes.get(row).and_then(|code| TRUTHS.get(code));
                owned(truth.cloned().unwrap_or_default())
            }
            Self::List(lists) => owned(lists.cell(row, dictionaries)),
            Self::Record(records) => owned(records.cell(row, dictionaries)),
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

    /// The lists, if it is a column of these and has any.
    pub(super) fn lists(&self) -> Option<&ListColumn> {
        match self {
            Self::List(lists) => Some(lists),
            _ => None,
        }
    }

    /// The records, if it is a column of these and has any.
    pub(super) fn records(&self) -> Option<&RecordColumn> {
        match self {
            Self::Record(records) => Some(records),
            _ => None,
        }
    }

    /// The same with other codes of texts, for each dictionary given the new one of each old one,
    /// if they change: their order is the same.
    pub(super) fn renumbered(&self, remaps: &[Option<Box<[u32]>>]) -> Self {
        let of = |texts: &TextColumn| {
            let remap = remaps.get(texts.dictionary)?.as_deref()?;
            let new = |code: &u32| remap.get(*code as usize).copied();
            Some(TextColumn {
                texts: texts.texts.iter().filter_map(new).collect(),
                ..texts.clone()
            })
        };
        self.with_texts(&of)
    }

    /// The same with what a function makes of the columns of texts in it, where it makes any.
    pub(super) fn with_texts(&self, of: &dyn Fn(&TextColumn) -> Option<TextColumn>) -> Self {
        let mut is_same = true;
        each_text(self, 0, &mut |texts, _| is_same &= of(texts).is_none());
        match self {
            _ if is_same => self.clone(),
            Self::Text(texts) => Self::Text(of(texts).unwrap_or_else(|| texts.clone())),
            Self::List(lists) => Self::List(Arc::new(lists.with_texts(of))),
            Self::Record(records) => Self::Record(Arc::new(records.with_texts(of))),
            other => other.clone(),
        }
    }

    /// Texts by numbers that each has a code of its own in a dictionary.
    pub(super) fn of_texts(dictionary: usize, numbers: &[Option<u32>], codes: &[u32]) -> Self {
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
        Self::Text(TextColumn::new(dictionary, &rows, texts))
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
        let dictionary = columns
            .iter()
            .flatten()
            .map(|column| column.dictionary)
            .next();
        let Some(dictionary) = dictionary.filter(|_| !texts.is_empty()) else {
            return Self::Null;
        };
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
        Self::Text(TextColumn::new(dictionary, &codes, texts))
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
            Self::Bool(codes) => COUNTS + size_of::<Codes>() + codes.size(),
            Self::List(lists) => COUNTS + size_of::<ListColumn>() + lists.size(),
            Self::Record(records) => COUNTS + size_of::<RecordColumn>() + records.size(),
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
            let Column::Text(texts) = Column::of_texts(0, &numbers, &codes) else {
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
}
