//! Columns of the values of a batch, whose texts get their codes.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::column::Column;
use super::dictionary::{Dictionary, Interner};
use super::id_text;
use super::lists::{ListColumn, RecordColumn, are_own};
use crate::schema::{DataType, Field};
use crate::value::{Text, TextBlock, Value};

const NULL: &Value = &Value::Null;

/// Builds columns, and gathers the dictionaries that know their texts.
pub(super) struct Encoder<'d> {
    dictionaries: &'d [Dictionary],
    next: Vec<Dictionary>,
}

impl<'d> Encoder<'d> {
    pub(super) fn new(dictionaries: &'d [Dictionary]) -> Self {
        Self {
            dictionaries,
            next: dictionaries.to_vec(),
        }
    }

    /// The dictionaries with the texts of all columns that were built.
    pub(super) fn finish(self) -> Vec<Dictionary> {
        self.next
    }

    /// A column of values, whose texts are of the dictionaries from a number on.
    pub(super) fn column<'v>(
        &mut self,
        data_type: &DataType,
        dictionary: usize,
        cells: impl ExactSizeIterator<Item = &'v Value> + Clone,
    ) -> Column {
        match data_type {
            DataType::Text => self.texts(dictionary, cells),
            _ if cells.clone().all(Value::is_null) => Column::Null,
            DataType::List(item) => {
                Column::List(self.lists(item, dictionary, cells.collect()).into())
            }
            DataType::Record(fields) => Column::Record(
                self.records(fields, dictionary, &cells.collect::<Vec<_>>())
                    .into(),
            ),
            data_type => Column::of_values(data_type, cells),
        }
    }

    fn texts<'v>(
        &mut self,
        number: usize,
        cells: impl ExactSizeIterator<Item = &'v Value>,
    ) -> Column {
        // There is one for each type of text of the schema.
        let Some(dictionary) = self.dictionaries.get(number) else {
            return Column::Null;
        };
        let mut interner = Interner::new(dictionary);
        let numbers = interner.numbers(cells);
        let (codes, dictionary) = interner.finish();
        if let Some(next) = self.next.get_mut(number) {
            *next = dictionary;
        }
        Column::of_texts(number, &numbers, &codes)
    }

    /// A column of GUIDs, whose texts are of a dictionary.
    pub(super) fn ids<'v>(
        &mut self,
        dictionary: usize,
        cells: impl ExactSizeIterator<Item = &'v Value> + Clone,
    ) -> Column {
        let texts: Vec<[u8; id_text::LEN]> = cells
            .clone()
            .map(|cell| cell.as_id().map(id_text::encode).unwrap_or_default())
            .collect();
        let texts = texts
            .iter()
            .map(|text| str::from_utf8(text).unwrap_or_default());
        let block = Arc::new(TextBlock::new(texts));
        let text = |(at, cell): (u32, &Value)| match cell {
            Value::Id(_) => Value::Text(Text::of(&block, at)),
            _ => Value::Null,
        };
        let texts: Vec<Value> = (0..).zip(cells).map(text).collect();
        self.texts(dictionary, texts.iter())
    }

    fn lists(&mut self, item: &DataType, dictionary: usize, cells: Vec<&Value>) -> ListColumn {
        if *item == DataType::Text
            && let Some((rows, lists)) = shared(&cells)
        {
            let lengths: Vec<usize> = lists.iter().map(|list| list.len()).collect();
            let items: Vec<&Value> = lists.into_iter().flatten().collect();
            let items = self.column(item, dictionary, items.into_iter());
            return ListColumn::of_shared(&rows, &lengths, items);
        }
        let lists = cells.iter().map(|cell| cell.as_list());
        let lengths: Vec<Option<usize>> = lists.clone().map(|list| Some(list?.len())).collect();
        let items: Vec<&Value> = lists.flatten().flatten().collect();
        ListColumn::new(&lengths, self.column(item, dictionary, items.into_iter()))
    }

    fn records<'v>(
        &mut self,
        fields: &[Field],
        mut dictionary: usize,
        cells: &[&'v Value],
    ) -> RecordColumn {
        let missing = cells.iter().any(|cell| cell.is_null());
        let missing = missing.then(|| cells.iter().map(|cell| cell.is_null()).collect());
        let mut columns = Vec::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            let records = cells.iter().map(|cell| cell.as_record());
            let value = |record: Option<&'v [Value]>| record?.get(index);
            let values: Vec<&Value> = records
                .map(|record| value(record).unwrap_or(NULL))
                .collect();
            columns.push(self.column(&field.data_type, dictionary, values.into_iter()));
            dictionary += field.data_type.texts();
        }
        RecordColumn::new(missing, columns)
    }
}

/// The different lists of texts among some, and which each is, or their number for null; `None` if
/// most have their own.
fn shared<'v>(cells: &[&'v Value]) -> Option<(Vec<u32>, Vec<&'v [Value]>)> {
    let mut seen: HashMap<&[Value], u32, RandomState> = HashMap::default();
    let mut lists = Vec::new();
    let mut rows = Vec::with_capacity(cells.len());
    for cell in cells {
        let Some(list) = cell.as_list() else {
            rows.push(u32::MAX);
            continue;
        };
        let next = lists.len() as u32;
        let number = *seen.entry(list).or_insert(next);
        if number == next {
            lists.push(list);
            if are_own(lists.len(), cells.len()) {
                return None;
            }
        }
        rows.push(number);
    }
    let null = lists.len() as u32;
    for row in &mut rows {
        *row = (*row).min(null);
    }
    Some((rows, lists))
}
