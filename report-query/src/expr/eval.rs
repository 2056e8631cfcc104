//! Evaluation of a bound expression for one row.

use std::borrow::Cow;

use super::bound::Bound;
use super::functions;
use super::tree::Each;
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::value::Value;

/// Rows whose cells are asked for one by one.
pub(crate) trait Cells {
    fn cell(&self, row: usize, column: usize) -> Cow<'_, Value>;

    /// A field of the record in a cell, where the others need not be looked at for it.
    fn field(&self, _row: usize, _column: usize, _field: usize) -> Option<Cow<'_, Value>> {
        None
    }
}

/// The row that columns are taken from.
#[derive(Clone, Copy)]
pub(crate) enum Row<'a> {
    None,
    Of(&'a dyn Cells, usize),
    /// A row of which only one column is known, and only that is asked for.
    Cell(&'a Value),
}

/// What names stand for while an expression is evaluated.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    row: Row<'a>,
    item: Option<&'a Value>,
}

const NULL: &Value = &Value::Null;

impl<'a> Scope<'a> {
    /// No row.
    pub(crate) const EMPTY: Self = Self {
        row: Row::None,
        item: None,
    };

    pub(crate) const fn new(row: Row<'a>) -> Self {
        Self { row, item: None }
    }
}

impl Bound {
    pub(crate) fn eval<'a>(&'a self, scope: &Scope<'a>) -> Result<Cow<'a, Value>> {
        Ok(match self {
            Self::Column(column) => match scope.row {
                Row::Of(cells, row) => cells.cell(row, *column),
                Row::Cell(value) => Cow::Borrowed(value),
                Row::None => Cow::Borrowed(NULL),
            },
            Self::Const(value) => Cow::Borrowed(value),
            Self::Missing(name) => {
                return Err(QueryError::new(QueryErrorKind::MissingParameter {
                    name: name.clone(),
                }));
            }
            Self::Item => Cow::Borrowed(scope.item.unwrap_or(NULL)),
            Self::Field(of, index) => {
                if let (Self::Column(column), Row::Of(cells, row)) = (&**of, scope.row)
                    && let Some(value) = cells.field(row, *column, *index)
                {
                    return Ok(value);
                }
                match of.eval(scope)? {
                    Cow::Borrowed(Value::Record(fields)) => {
                        Cow::Borrowed(fields.get(*index).unwrap_or(NULL))
                    }
                    Cow::Owned(Value::Record(fields)) => {
                        Cow::Owned(fields.get(*index).cloned().unwrap_or_default())
                    }
                    _ => Cow::Borrowed(NULL),
                }
            }
            Self::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.push(item.eval(scope)?.into_owned());
                }
                Cow::Owned(Value::List(values.into()))
            }
            Self::And(_)
            | Self::Or(_)
            | Self::Not(_)
            | Self::Compare(..)
            | Self::InSet(..)
            | Self::TextTest(..) => Cow::Owned(self.test(scope)?.into()),
            Self::Call(function, arguments) => functions::call(*function, arguments, scope)?,
            Self::Each(each, list, inner, _) => Cow::Owned(each_item(*each, list, inner, scope)?),
            Self::Case(arms, otherwise) => {
                for (condition, value) in arms {
                    if condition.test(scope)? == Some(true) {
                        return value.eval(scope);
                    }
                }
                otherwise.eval(scope)?
            }
            Self::Lookup(of, table, otherwise) => {
                let value = of.eval(scope)?;
                match table.binary_search_by(|(from, _)| from.cmp(&value)) {
                    Ok(found) if !value.is_null() => {
                        Cow::Borrowed(table.get(found).map_or(NULL, |(_, to)| to))
                    }
                    _ => otherwise.eval(scope)?,
                }
            }
            Self::Bucket(of, bucket) => match of.eval(scope)?.as_time() {
                Some(time) => {
                    Cow::Owned(Value::Time(bucket.start(time).ok_or_else(|| {
                        QueryError::overflow("the beginning of a bucket")
                    })?))
                }
                None => Cow::Borrowed(NULL),
            },
            Self::Part(of, part, zone) => match of.eval(scope)?.as_time() {
                Some(time) => Cow::Owned(Value::Int(part.of(time, *zone))),
                None => Cow::Borrowed(NULL),
            },
            Self::Format(of, pattern, zone) => match of.eval(scope)?.as_time() {
                Some(time) => Cow::Owned(zone.format(time, pattern).into()),
                None => Cow::Borrowed(NULL),
            },
        })
    }

    /// The truth of a predicate; none for null.
    pub(crate) fn test(&self, scope: &Scope<'_>) -> Result<Option<bool>> {
        match self {
            Self::And(parts) => all(parts.iter(), false, |part| part.test(scope)),
            Self::Or(parts) => all(parts.iter(), true, |part| part.test(scope)),
            Self::Not(of) => Ok(of.test(scope)?.map(|value| !value)),
            Self::Compare(comparison, a, b) => {
                let a = a.eval(scope)?;
                if a.is_null() {
                    return Ok(None);
                }
                let b = b.eval(scope)?;
                Ok((!b.is_null()).then(|| comparison.holds(a.as_ref().cmp(b.as_ref()))))
            }
            Self::InSet(of, set) => Ok(set.has(of.eval(scope)?.as_ref())),
            Self::TextTest(test, of, needle) => Ok(of
                .eval(scope)?
                .as_text()
                .map(|text| needle.test(*test, text))),
            other => Ok(other.eval(scope)?.as_bool()),
        }
    }
}

/// Three-valued `and` (decided by false) or `or` (decided by true), from left
/// to right, ending at the first that decides.
pub(super) fn all<T>(
    parts: impl Iterator<Item = T>,
    decides: bool,
    mut test: impl FnMut(T) -> Result<Option<bool>>,
) -> Result<Option<bool>> {
    let mut unknown = false;
    for part in parts {
        match test(part)? {
            Some(value) if value == decides => return Ok(Some(decides)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok((!unknown).then_some(!decides))
}

fn each_item(each: Each, list: &Bound, inner: &Bound, scope: &Scope<'_>) -> Result<Value> {
    let list = list.eval(scope)?;
    let Some(items) = list.as_list() else {
        return Ok(Value::Null);
    };
    let within = |item| Scope {
        item: Some(item),
        ..*scope
    };
    Ok(match each {
        Each::Any => all(items.iter(), true, |item| inner.test(&within(item)))?.into(),
        Each::All => all(items.iter(), false, |item| inner.test(&within(item)))?.into(),
        Each::Filter => {
            let mut kept = Vec::new();
            for item in items {
                if inner.test(&within(item))? == Some(true) {
                    kept.push(item.clone());
                }
            }
            Value::List(kept.into())
        }
        Each::Map => {
            let mut mapped = Vec::with_capacity(items.len());
            for item in items {
                mapped.push(inner.eval(&within(item))?.into_owned());
            }
            Value::List(mapped.into())
        }
    })
}
