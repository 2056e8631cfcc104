//! Bound expressions with their types: bringing values to one type, and
//! folding what needs no row.

use chrono::FixedOffset;

use super::bound::Bound;
use super::eval::Scope;
use super::function::Function;
use crate::error::{At, QueryError, Result};
use crate::schema::DataType;
use crate::value::Value;

/// A bound expression and its type; none for null and for missing parameters.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) bound: Bound,
    pub(crate) data_type: Option<DataType>,
}

impl Typed {
    pub(super) const fn new(bound: Bound, data_type: DataType) -> Self {
        Self {
            bound,
            data_type: Some(data_type),
        }
    }

    pub(super) fn constant(value: Value) -> Self {
        Self {
            data_type: type_of(&value),
            bound: Bound::Const(value),
        }
    }

    pub(super) fn type_name(&self) -> String {
        self.data_type
            .as_ref()
            .map_or_else(|| "null".to_owned(), ToString::to_string)
    }

    /// Makes it a value of a type: integers become floats, literal texts
    /// become the moments or GUIDs that they spell.
    pub(crate) fn into_type(self, wanted: &DataType) -> Result<Bound> {
        match (&self.data_type, wanted) {
            (None, _) => Ok(self.bound),
            (Some(found), wanted) if found == wanted => Ok(self.bound),
            (Some(DataType::Int), DataType::Float) => Ok(match self.bound {
                Bound::Const(value) => Bound::Const(value.as_float().into()),
                bound => Bound::Call(Function::ToFloat, vec![bound]),
            }),
            (Some(found), wanted) => match &self.bound {
                Bound::Const(value) => match spelled(value, wanted) {
                    Some(value) => Ok(Bound::Const(value)),
                    None => Err(QueryError::type_mismatch(wanted, found)),
                },
                _ => Err(QueryError::type_mismatch(wanted, found)),
            },
        }
    }
}

/// The moment or GUID, or list of them, that a literal text spells.
fn spelled(value: &Value, wanted: &DataType) -> Option<Value> {
    match (value, wanted) {
        (Value::Text(text), DataType::Time) => Some(Value::Time(
            text.parse::<chrono::DateTime<FixedOffset>>().ok()?.into(),
        )),
        (Value::Text(text), DataType::Id) => Some(Value::Id(text.parse().ok()?)),
        (Value::List(items), DataType::List(wanted)) => items
            .iter()
            .map(|item| match item {
                Value::Null => Some(Value::Null),
                item => spelled(item, wanted),
            })
            .collect::<Option<Vec<_>>>()
            .map(Value::from),
        _ => None,
    }
}

/// The type of a literal or parameter; none for null and for lists of nothing.
fn type_of(value: &Value) -> Option<DataType> {
    Some(match value {
        Value::Null | Value::Record(_) => return None,
        Value::Bool(_) => DataType::Bool,
        Value::Int(_) => DataType::Int,
        Value::Float(_) => DataType::Float,
        Value::Time(_) => DataType::Time,
        Value::Text(_) => DataType::Text,
        Value::Id(_) => DataType::Id,
        Value::List(items) => {
            let mut types = items.iter().filter_map(type_of);
            let first = types.next()?;
            let item = types.fold(first, |so_far, next| {
                if so_far == DataType::Int && next == DataType::Float {
                    next
                } else {
                    so_far
                }
            });
            DataType::list(item)
        }
    })
}

/// Whether two values can be equal or not: one type, or both numbers.
pub(super) fn comparable(a: &DataType, b: &DataType) -> bool {
    a == b || a.is_number() && b.is_number()
}

/// Whether values of the type are ordered by `lt` and the like, and by sorts.
pub(crate) const fn is_ordered(data_type: &DataType) -> bool {
    !matches!(data_type, DataType::List(_) | DataType::Record(_))
}

/// Brings values to one type: the first that is known; integers beside floats become floats.
pub(super) fn unify(values: Vec<Typed>) -> Result<(Vec<Bound>, Option<DataType>)> {
    let mut wanted: Option<DataType> = None;
    for typed in &values {
        match (&wanted, &typed.data_type) {
            (None, Some(found)) => wanted = Some(found.clone()),
            (Some(DataType::Int), Some(DataType::Float)) => wanted = Some(DataType::Float),
            // A literal text takes the type of a moment or GUID beside it.
            (Some(DataType::Text), Some(found @ (DataType::Time | DataType::Id))) => {
                wanted = Some(found.clone());
            }
            _ => {}
        }
    }
    let bound = values
        .into_iter()
        .enumerate()
        .map(|(index, typed)| match &wanted {
            Some(wanted) => typed.into_type(wanted).at_index(index),
            None => Ok(typed.bound),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((bound, wanted))
}

/// Brings two values to types that can be compared.
pub(super) fn pair(a: Typed, b: Typed) -> Result<(Typed, Typed)> {
    let (Some(left), Some(right)) = (&a.data_type, &b.data_type) else {
        return Ok((a, b));
    };
    if comparable(left, right) {
        return Ok((a, b));
    }
    // A literal takes the type of what it is compared with.
    if matches!(b.bound, Bound::Const(_)) {
        let left = left.clone();
        return Ok((a, Typed::new(b.into_type(&left).at_index(1)?, left)));
    }
    let right = right.clone();
    Ok((Typed::new(a.into_type(&right).at_index(0)?, right), b))
}

/// Evaluates what needs no row. What would fail is left for the run, which
/// may never come to it.
pub(super) fn fold(bound: Bound, data_type: Option<DataType>) -> Typed {
    let bound = match bound {
        Bound::And(parts) => simplify(parts, true),
        Bound::Or(parts) => simplify(parts, false),
        bound => bound,
    };
    let constant = match &bound {
        Bound::Const(_) => None,
        bound if bound.is_constant() => bound
            .eval(&Scope::EMPTY)
            .ok()
            .map(|value| value.into_owned()),
        _ => None,
    };
    Typed {
        bound: constant.map_or(bound, Bound::Const),
        data_type,
    }
}

/// Drops what decides nothing from an `and` (true) or an `or` (false).
fn simplify(parts: Vec<Bound>, neutral: bool) -> Bound {
    let mut kept = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Bound::Const(Value::Bool(value)) if value == neutral => {}
            // What stands before may fail, so only a first part decides alone.
            Bound::Const(Value::Bool(value)) if kept.is_empty() => {
                return Bound::Const(Value::Bool(value));
            }
            Bound::And(inner) if neutral => kept.extend(inner),
            Bound::Or(inner) if !neutral => kept.extend(inner),
            part => kept.push(part),
        }
    }
    match kept.len() {
        0 => Bound::Const(Value::Bool(neutral)),
        1 => kept.swap_remove(0),
        _ if neutral => Bound::And(kept),
        _ => Bound::Or(kept),
    }
}
