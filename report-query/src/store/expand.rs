//! A list column's items as rows of a store of their own, for one query.

use std::collections::HashMap;
use std::sync::Arc;

use super::column::{Column, Origin, TextColumn};
use super::dictionary::Dictionary;
use super::lists::ListColumn;
use super::segment::Segment;
use super::snapshot::Snapshot;
use super::store::State;
use crate::schema::{DataType, Field, Schema};

/// The items of the lists of some rows.
pub(crate) struct ItemRows {
    /// A segment for each of those that were given. The list column has the items; behind the
    /// columns that were there come the fields of items that are records.
    pub(crate) snapshot: Snapshot,
    /// Which rows of each segment are items of the rows that were given, ascending.
    pub(crate) rows: Vec<Vec<u32>>,
}

/// Which dictionaries columns get, by the number of those that they have.
type Places = HashMap<usize, usize>;

impl Snapshot {
    /// Makes rows of the items that rows of segments have in a list column, each with the columns
    /// of its row that are needed. Rows stand with the position of their segment; they are fewer
    /// than 2^32, and so are their items.
    pub(crate) fn expanded(
        &self,
        list: usize,
        needed: &[usize],
        rows: Vec<(usize, Vec<u32>)>,
    ) -> ItemRows {
        let (schema, sources) = schema_of_items(self.schema(), list);
        let mut dictionaries = vec![Dictionary::new(0); schema.dictionaries()];
        let mut places = Vec::with_capacity(sources.len());
        for (column, (source, field)) in sources.iter().zip(schema.fields()).enumerate() {
            let first = schema.dictionary(column);
            let texts = 0..field.data_type.texts().max(schema.is_coded(column).into());
            let of_column: Places = texts.map(|text| (source + text, first + text)).collect();
            for (source, place) in &of_column {
                let dictionary = self.dictionaries().get(*source);
                if let Some((place, dictionary)) = dictionaries.get_mut(*place).zip(dictionary) {
                    *place = dictionary.clone();
                }
            }
            places.push(of_column);
        }
        let has_keys = schema
            .key()
            .is_some_and(|(time, id)| needed.contains(&time) || needed.contains(&id));
        let of_rows = |column: &usize| *column != list && *column < self.schema().fields().len();
        let has_parents = needed.iter().any(of_rows);
        let mut chosen = Vec::with_capacity(rows.len());
        let mut segments = Vec::with_capacity(rows.len());
        for (index, rows) in rows {
            let of = self.segments().get(index);
            let Some((of, lists)) = of.and_then(|of| Some((of, of.lists(list)?))) else {
                continue;
            };
            let (items, rows, parents) = if lists.shared().is_none() {
                // The table as it is.
                let items = rows.iter().filter_map(|row| lists.of_row(*row as usize));
                let chosen = items.flatten().map(|item| item as u32).collect();
                let parents = if has_parents {
                    lists.parents()
                } else {
                    Vec::new()
                };
                (lists.items().clone(), chosen, parents)
            } else {
                items_of(lists, &rows, self.schema(), list)
            };
            let count = match lists.shared() {
                None => lists.items_len(),
                Some(_) => parents.len(),
            };
            let columns = places.iter().enumerate().map(|(column, places)| {
                let from = if column == list {
                    items.clone()
                } else if let Some(field) = column.checked_sub(self.schema().fields().len()) {
                    let records = items.records();
                    records.map_or(Column::Null, |records| records.field(field).clone())
                } else if needed.contains(&column) {
                    of.column_of_rows(self.schema(), column, &parents)
                } else {
                    Column::Null
                };
                let moved = |texts: &TextColumn| {
                    let place = places.get(&texts.dictionary());
                    place.map(|place| texts.in_dictionary(*place))
                };
                from.with_texts(&moved)
            });
            let columns = columns.collect();
            let parents = has_keys.then_some(&*parents);
            let segment = Segment::of_items(of, columns, count, parents);
            segments.push(Arc::new(segment));
            chosen.push(rows);
        }
        let state = State {
            segments,
            dictionaries,
            ..State::default()
        };
        ItemRows {
            snapshot: Snapshot::new(&schema, Arc::new(state), None),
            rows: chosen,
        }
    }
}

/// The schema of the rows, and the first dictionary of each column there was.
fn schema_of_items(schema: &Schema, list: usize) -> (Schema, Vec<usize>) {
    let mut fields: Vec<Field> = schema.fields().to_vec();
    let mut sources: Vec<usize> = (0..fields.len())
        .map(|column| schema.dictionary(column))
        .collect();
    let mut of_item = Vec::new();
    if let Some(field) = fields.get_mut(list)
        && let DataType::List(item) = &field.data_type
    {
        *field = plain(field, DataType::clone(item));
        if let DataType::Record(records) = &field.data_type {
            of_item = records.to_vec();
        }
    }
    let mut source = schema.dictionary(list);
    for field in of_item {
        sources.push(source);
        source += field.data_type.texts();
        fields.push(plain(&field, field.data_type.clone()));
    }
    (schema.with_fields(fields), sources)
}

/// A field of another type, kept as what stands in lists is: whatever it says.
fn plain(field: &Field, data_type: DataType) -> Field {
    let mut plain = field.clone();
    plain.data_type = data_type;
    (plain.document, plain.dictionary, plain.indexed) = (false, false, false);
    plain
}

/// A table of the items of some rows that share lists, which are all of them, and the row that each
/// is of.
fn items_of(
    lists: &ListColumn,
    rows: &[u32],
    schema: &Schema,
    list: usize,
) -> (Column, Vec<u32>, Vec<u32>) {
    let mut parents = Vec::new();
    let mut origins: Vec<Origin> = Vec::new();
    for row in rows {
        let items = lists.of_row(*row as usize).unwrap_or_default();
        parents.resize(parents.len() + items.len(), *row);
        origins.extend(items.map(|item| (0, item as u32)));
    }
    let items = match schema.fields().get(list).map(|field| &field.data_type) {
        Some(DataType::List(item)) => Column::of_rows(item, &[lists.items()], &origins, false),
        _ => Column::Null,
    };
    let all = 0..parents.len() as u32;
    (items, all.collect(), parents)
}
