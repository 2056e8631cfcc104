//! `Schema`: the named, typed columns of a store or of a result.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::error::{QueryError, QueryErrorKind, Result};
use crate::value::Value;

/// The type of a column.
///
/// ```
/// use report_query::{DataType, Field};
///
/// let target = DataType::record([Field::new("name", DataType::Text)]);
/// assert_eq!(DataType::list(target).to_string(), "list of record");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataType {
    /// True or false.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A floating-point number of 64 bits.
    Float,
    /// A moment, UTC.
    Time,
    /// A text.
    Text,
    /// A GUID.
    Id,
    /// Any number of values of one type.
    List(Arc<DataType>),
    /// Named fields.
    Record(Arc<[Field]>),
}

impl DataType {
    /// A list of values of one type.
    #[must_use]
    pub fn list(item: Self) -> Self {
        Self::List(Arc::new(item))
    }

    /// A record of named fields.
    #[must_use]
    pub fn record(fields: impl IntoIterator<Item = Field>) -> Self {
        Self::Record(fields.into_iter().collect())
    }

    /// Whether numbers are kept in it.
    #[must_use]
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }

    /// How many types of text there are in it, which each have a dictionary in a store.
    pub(crate) fn texts(&self) -> usize {
        match self {
            Self::Text => 1,
            Self::List(item) => item.texts(),
            Self::Record(fields) => fields.iter().map(|field| field.data_type.texts()).sum(),
            _ => 0,
        }
    }

    /// What a value lacks to be of this type; null is of every type here.
    pub(crate) fn mismatch(&self, value: &Value) -> Option<&'static str> {
        let fits = match (self, value) {
            (_, Value::Null)
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_))
            | (Self::Float, Value::Float(_))
            | (Self::Time, Value::Time(_))
            | (Self::Text, Value::Text(_))
            | (Self::Id, Value::Id(_)) => true,
            (Self::List(item), Value::List(items)) => {
                return items.iter().find_map(|value| item.mismatch(value));
            }
            (Self::Record(fields), Value::Record(values)) => {
                if fields.len() != values.len() {
                    return Some("record with another number of fields");
                }
                return fields
                    .iter()
                    .zip(values.iter())
                    .find_map(|(field, value)| field.mismatch(value));
            }
            _ => false,
        };
        (!fits).then_some("value of another type")
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.pad("bool"),
            Self::Int => f.pad("int"),
            Self::Float => f.pad("float"),
            Self::Time => f.pad("time"),
            Self::Text => f.pad("text"),
            Self::Id => f.pad("id"),
            Self::List(item) => write!(f, "list of {item}"),
            Self::Record(_) => f.pad("record"),
        }
    }
}

/// What a number counts, for those who show it. Open: a schema may bring its own.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Unit(Cow<'static, str>);

impl Unit {
    /// Seconds of time.
    pub const SECONDS: Self = Self::from_static("s");
    /// Hundredths.
    pub const PERCENT: Self = Self::from_static("%");
    /// Bytes.
    pub const BYTES: Self = Self::from_static("B");

    /// A unit known when the program is written.
    #[must_use]
    pub const fn from_static(symbol: &'static str) -> Self {
        Self(Cow::Borrowed(symbol))
    }

    /// A unit from anywhere.
    #[must_use]
    pub fn new(symbol: impl Into<String>) -> Self {
        Self(Cow::Owned(symbol.into()))
    }

    /// The symbol: `s`, `%`, `B`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A named column, or a named field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The name that queries use.
    pub name: Cow<'static, str>,
    /// The type of its values.
    pub data_type: DataType,
    /// Whether a value may be missing.
    pub nullable: bool,
    /// The name that reports show; empty for the name itself.
    pub label: Cow<'static, str>,
    /// What its numbers count.
    pub unit: Option<Unit>,
    /// What it holds, for people who write queries.
    pub doc: Cow<'static, str>,
    /// Whether a store keeps where its values are; see [`indexed`](Self::indexed).
    pub indexed: bool,
    /// Whether its texts are long and each row has its own; see [`document`](Self::document).
    pub document: bool,
    /// Whether its GUIDs are kept once, with a code for each row; see
    /// [`dictionary`](Self::dictionary).
    pub dictionary: bool,
}

impl Field {
    /// A column that may hold nulls.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, data_type: DataType) -> Self {
        Self {
            name: name.into(),
            data_type,
            nullable: true,
            label: Cow::Borrowed(""),
            unit: None,
            doc: Cow::Borrowed(""),
            indexed: false,
            document: false,
            dictionary: false,
        }
    }

    /// Always has a value.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.nullable = false;
        self
    }

    /// Sets the name that reports show.
    #[must_use]
    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets what its numbers count.
    #[must_use]
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// Keeps, in each sealed segment of a store, which rows have which value: two bytes a row, so
    /// that rows equal to a value are found without looking at the others. For texts and GUIDs that
    /// few rows share; and for lists of texts, and texts of the records in a list, where it takes
    /// four bytes an item. For columns of other types it does nothing.
    #[must_use]
    pub const fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    /// A text that each row has of its own and that is seldom looked at: kept beside the rows
    /// instead of once for all that are equal, in full segments compressed (feature `compress`). To
    /// look at one, some 16 KiB around it are unpacked. One of 4 GiB is refused. For columns of other
    /// types it does nothing.
    #[must_use]
    pub const fn document(mut self) -> Self {
        self.document = true;
        self
    }

    /// GUIDs that rows share, each kept once with a code for each row, as texts are: grouping and
    /// joining by them needs no table of GUIDs. Takes about 30 bytes for each different one and two to
    /// four a row, instead of 16 a row, and some time when rows are appended. For columns of
    /// other types, and fields of records, it does nothing.
    #[must_use]
    pub const fn dictionary(mut self) -> Self {
        self.dictionary = true;
        self
    }

    /// Says what it holds.
    #[must_use]
    pub fn doc(mut self, doc: impl Into<Cow<'static, str>>) -> Self {
        self.doc = doc.into();
        self
    }

    pub(crate) fn mismatch(&self, value: &Value) -> Option<&'static str> {
        if value.is_null() && !self.nullable {
            return Some("null where a value is required");
        }
        self.data_type.mismatch(value)
    }
}

/// Named, typed columns. Cloning is cheap.
///
/// The schema of a [`Store`](crate::Store) has a key: a time column, by which
/// rows are ordered and retained, and an id column. The same (time, id) is the
/// same row.
///
/// ```
/// use report_query::{DataType, Field, Schema};
///
/// let schema = Schema::new([
///     Field::new("at", DataType::Time).required(),
///     Field::new("id", DataType::Id).required(),
///     Field::new("door", DataType::Text).doc("the door that opened"),
/// ])?
/// .with_key("at", "id")?;
/// assert_eq!(schema.index("door"), Some(2));
/// # Ok::<(), report_query::QueryError>(())
/// ```
#[derive(Clone, Debug, Eq)]
pub struct Schema {
    fields: Arc<[Field]>,
    key: Option<(usize, usize)>,
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        // Mostly one is a clone of the other, which every query asks.
        let are_same = Arc::ptr_eq(&self.fields, &other.fields) || self.fields == other.fields;
        are_same && self.key == other.key
    }
}

impl Schema {
    /// A schema without a key.
    ///
    /// # Errors
    ///
    /// [`DuplicateColumn`](QueryErrorKind::DuplicateColumn) if two columns have one name.
    pub fn new(fields: impl IntoIterator<Item = Field>) -> Result<Self> {
        let fields: Arc<[Field]> = fields.into_iter().collect();
        for (index, field) in fields.iter().enumerate() {
            if fields
                .iter()
                .take(index)
                .any(|other| other.name == field.name)
            {
                return Err(QueryError::new(QueryErrorKind::DuplicateColumn {
                    name: field.name.clone().into_owned(),
                }));
            }
        }
        Ok(Self { fields, key: None })
    }

    /// Names the columns that identify a row: a required time and a required id.
    ///
    /// # Errors
    ///
    /// If a column is unknown, of another type, or nullable.
    pub fn with_key(mut self, time: &str, id: &str) -> Result<Self> {
        let time = self.key_column(time, &DataType::Time)?;
        let id = self.key_column(id, &DataType::Id)?;
        self.key = Some((time, id));
        Ok(self)
    }

    fn key_column(&self, name: &str, data_type: &DataType) -> Result<usize> {
        let index = self.require(name)?;
        let field = &self.fields[index];
        if field.data_type != *data_type {
            return Err(QueryError::type_mismatch(data_type, &field.data_type));
        }
        if field.nullable {
            return Err(QueryError::new(QueryErrorKind::Schema {
                what: "a key column must be required",
            }));
        }
        Ok(index)
    }

    /// The columns, in order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Where the column of a name stands.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The column of a name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Where the time and the id column stand, if the schema has a key.
    #[must_use]
    pub const fn key(&self) -> Option<(usize, usize)> {
        self.key
    }

    /// Whether the texts or GUIDs of a column have codes in the store's dictionaries.
    pub(crate) fn is_coded(&self, column: usize) -> bool {
        let is_key = self
            .key
            .is_some_and(|(time, id)| column == time || column == id);
        let field = self.fields.get(column).filter(|_| !is_key);
        field.is_some_and(|field| match field.data_type {
            DataType::Text => !field.document,
            DataType::Id => field.dictionary,
            _ => false,
        })
    }

    /// Whether the codes of a column are of GUIDs.
    pub(crate) fn is_coded_id(&self, column: usize) -> bool {
        let field = self.fields.get(column).filter(|_| self.is_coded(column));
        field.is_some_and(|field| field.data_type == DataType::Id)
    }

    /// The same with other fields, those of the key in their places. Names may be there twice.
    pub(crate) fn with_fields(&self, fields: Vec<Field>) -> Self {
        Self {
            fields: fields.into(),
            key: self.key,
        }
    }

    /// How many dictionaries a store has for its texts: one for each column, whether or not of
    /// texts, and then one for each type of text within the others.
    pub(crate) fn dictionaries(&self) -> usize {
        self.dictionary(self.fields.len())
    }

    /// The number of the first dictionary of a column.
    pub(crate) fn dictionary(&self, column: usize) -> usize {
        match self.fields.get(column) {
            Some(field) if field.data_type == DataType::Text || self.is_coded(column) => column,
            _ => {
                let before = self.fields.iter().take(column);
                let nested = before.filter(|field| field.data_type != DataType::Text);
                self.fields.len() + nested.map(|field| field.data_type.texts()).sum::<usize>()
            }
        }
    }

    /// The columns of lists of which the items are indexed: themselves, or a field of theirs.
    pub(crate) fn indexed_items(&self) -> impl Iterator<Item = (usize, Option<usize>)> {
        let columns = self.fields.iter().enumerate();
        columns.flat_map(|(column, field)| {
            let item = match &field.data_type {
                DataType::List(item) => Some(&**item),
                _ => None,
            };
            let itself = field.indexed && item == Some(&DataType::Text);
            let fields = match item {
                Some(DataType::Record(fields)) => &fields[..],
                _ => &[],
            };
            let fields = fields.iter().enumerate();
            let indexed = fields.filter(|(_, field)| field.indexed);
            let of_fields = indexed.map(|(index, _)| Some(index));
            let all = itself.then_some(None).into_iter().chain(of_fields);
            all.map(move |field| (column, field))
        })
    }

    /// Whether the texts of a column are kept as documents.
    pub(crate) fn is_document(&self, column: usize) -> bool {
        let field = self.fields.get(column);
        field.is_some_and(|field| field.data_type == DataType::Text && field.document)
    }

    /// The column of a name, or an error that names it and the nearest known one.
    pub(crate) fn require(&self, name: &str) -> Result<usize> {
        self.index(name).ok_or_else(|| {
            let names = self.fields.iter().map(|field| field.name.as_ref());
            QueryError::new(QueryErrorKind::UnknownColumn {
                name: name.to_owned(),
                nearest: nearest(name, names),
            })
        })
    }
}

/// The known name that a misspelt one probably means.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    // A name beyond this is no slip of the finger, and the distance is quadratic.
    if name.len() > 64 {
        return None;
    }
    let limit = ((name.chars().count() + 1) / 3).max(1);
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// How many characters to insert, delete or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = *cell;
            left = replaced.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        Schema::new([
            Field::new("time", DataType::Time).required(),
            Field::new("id", DataType::Id).required(),
            Field::new("activity", DataType::Text),
            Field::new(
                "targets",
                DataType::list(DataType::record([
                    Field::new("name", DataType::Text).required()
                ])),
            ),
        ])
        .unwrap()
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        let error = schema().require("activty").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no column `activty`; is `activity` meant?"
        );
        let error = schema().require("colour").unwrap_err();
        assert_eq!(error.to_string(), "no column `colour`");
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
    }

    #[test]
    fn names_are_unique_and_keys_are_checked() {
        let twice = [
            Field::new("a", DataType::Int),
            Field::new("a", DataType::Text),
        ];
        assert_eq!(
            Schema::new(twice).unwrap_err().to_string(),
            "column `a` occurs twice"
        );
        assert_eq!(schema().with_key("time", "id").unwrap().key(), Some((0, 1)));
        assert!(schema().with_key("id", "time").is_err());
        assert!(schema().with_key("time", "nix").is_err());
    }

    #[test]
    fn values_are_checked_to_the_innermost_field() {
        let targets = schema().field("targets").unwrap().clone();
        assert_eq!(targets.mismatch(&Value::list([Value::record(["a"])])), None);
        assert_eq!(targets.mismatch(&Value::Null), None);
        assert!(targets.mismatch(&Value::list(["a"])).is_some());
        let null = Value::list([Value::record([Value::Null])]);
        assert_eq!(
            targets.mismatch(&null),
            Some("null where a value is required")
        );
        assert!(
            schema()
                .field("time")
                .unwrap()
                .mismatch(&Value::Null)
                .is_some()
        );
    }
}
