//! The functions of expressions, evaluated.

use std::borrow::Cow;
use std::collections::HashSet;

use chrono::TimeDelta;

use super::bound::{Bound, ValueSet};
use super::eval::Scope;
use super::function::Function;
use super::text::{Needle, TextTest};
use crate::error::{QueryError, Result};
use crate::value::Value;

/// Calls a function; a null argument makes a null of most.
pub(super) fn call<'a>(
    function: Function,
    arguments: &'a [Bound],
    scope: &Scope<'a>,
) -> Result<Cow<'a, Value>> {
    match function {
        Function::IsNull | Function::IsNotNull => {
            let mut null = false;
            for argument in arguments {
                null |= argument.eval(scope)?.is_null();
            }
            return Ok(Cow::Owned(Value::Bool(
                null == (function == Function::IsNull),
            )));
        }
        Function::Coalesce => {
            for argument in arguments {
                let value = argument.eval(scope)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            return Ok(Cow::Owned(Value::Null));
        }
        _ => {}
    }
    // The common numbers of arguments without an allocation.
    let value = match arguments {
        [a] => apply(function, &[a.eval(scope)?])?,
        [a, b] => {
            let a = a.eval(scope)?;
            if a.is_null() && function.is_strict() {
                return Ok(Cow::Owned(Value::Null));
            }
            apply(function, &[a, b.eval(scope)?])?
        }
        more => {
            let values = more
                .iter()
                .map(|argument| argument.eval(scope))
                .collect::<Result<Vec<_>>>()?;
            apply(function, &values)?
        }
    };
    Ok(Cow::Owned(value))
}

fn apply(function: Function, values: &[Cow<'_, Value>]) -> Result<Value> {
    if function.is_strict() && values.iter().any(|value| value.is_null()) {
        return Ok(Value::Null);
    }
    let value = |index: usize| values.get(index).map(AsRef::as_ref).unwrap_or(&Value::Null);
    // Binding checked the types, so the fallbacks are never taken.
    let text = |index: usize| value(index).as_text().unwrap_or_default();
    let int = |index: usize| value(index).as_int().unwrap_or_default();
    let items = |index: usize| value(index).as_list().unwrap_or_default();
    Ok(match function {
        // These are nodes of their own, or were handled before.
        Function::And
        | Function::Or
        | Function::Not
        | Function::Eq
        | Function::Ne
        | Function::Lt
        | Function::Le
        | Function::Gt
        | Function::Ge
        | Function::Between
        | Function::IsNull
        | Function::IsNotNull
        | Function::Coalesce => Value::Null,

        Function::In | Function::InCi => ValueSet::new(items(1), function.folds_case())
            .has(value(0))
            .into(),
        Function::EqCi => text_test(TextTest::Equal, function, text(0), text(1)),
        Function::StartsWith | Function::StartsWithCs => {
            text_test(TextTest::StartsWith, function, text(0), text(1))
        }
        Function::EndsWith | Function::EndsWithCs => {
            text_test(TextTest::EndsWith, function, text(0), text(1))
        }
        Function::Contains | Function::ContainsCs => {
            text_test(TextTest::Contains, function, text(0), text(1))
        }
        Function::HasTerm | Function::HasTermCs => {
            text_test(TextTest::HasTerm, function, text(0), text(1))
        }

        Function::Concat => values
            .iter()
            .filter_map(|value| value.as_text())
            .collect::<String>()
            .into(),
        Function::Lower => text(0).to_lowercase().into(),
        Function::Upper => text(0).to_uppercase().into(),
        Function::Trim => text(0).trim().into(),
        Function::Replace if text(1).is_empty() => text(0).into(),
        Function::Replace => text(0).replace(text(1), text(2)).into(),
        Function::Substring => {
            let start = usize::try_from(int(1)).unwrap_or(0);
            let length = match values.len() {
                2 => usize::MAX,
                _ => usize::try_from(int(2)).unwrap_or(0),
            };
            let cut: String = text(0).chars().skip(start).take(length).collect();
            cut.into()
        }
        Function::Split if text(1).is_empty() => Value::list([text(0)]),
        Function::Split => Value::list(text(0).split(text(1))),
        Function::Length => Value::Int(match value(0) {
            Value::List(items) => count(items.len()),
            _ => count(text(0).chars().count()),
        }),

        Function::Join => {
            let mut joined = String::new();
            let texts = items(0).iter().filter_map(Value::as_text);
            for (index, item) in texts.enumerate() {
                if index > 0 {
                    joined.push_str(text(1));
                }
                joined.push_str(item);
            }
            joined.into()
        }
        Function::Distinct => {
            let mut seen = HashSet::with_capacity(items(0).len());
            Value::List(
                items(0)
                    .iter()
                    .filter(|item| seen.insert(*item))
                    .cloned()
                    .collect(),
            )
        }
        Function::SortItems => {
            let mut sorted = items(0).to_vec();
            sorted.sort();
            Value::List(sorted.into())
        }
        Function::Get => {
            let (items, at) = (items(0), int(1));
            let from_end = || {
                items
                    .len()
                    .checked_sub(usize::try_from(at.unsigned_abs()).ok()?)
            };
            let at = if at < 0 {
                from_end()
            } else {
                usize::try_from(at).ok()
            };
            at.and_then(|at| items.get(at)).cloned().unwrap_or_default()
        }
        Function::Take => {
            let most = usize::try_from(int(1)).unwrap_or(0).min(items(0).len());
            Value::List(items(0).iter().take(most).cloned().collect())
        }
        Function::ConcatLists => Value::List(
            values
                .iter()
                .filter_map(|value| value.as_list())
                .flatten()
                .cloned()
                .collect(),
        ),
        Function::Flatten => Value::List(
            items(0)
                .iter()
                .filter_map(Value::as_list)
                .flatten()
                .cloned()
                .collect(),
        ),

        Function::Add => arithmetic("a sum", value(0), value(1), i64::checked_add, |a, b| a + b)?,
        Function::Sub => arithmetic(
            "a difference",
            value(0),
            value(1),
            i64::checked_sub,
            |a, b| a - b,
        )?,
        Function::Mul => arithmetic("a product", value(0), value(1), i64::checked_mul, |a, b| {
            a * b
        })?,
        Function::Div => match (value(0).as_float(), value(1).as_float()) {
            (Some(a), Some(b)) if b != 0.0 => Value::Float(a / b),
            _ => Value::Null,
        },
        Function::Quotient if int(1) == 0 => Value::Null,
        Function::Quotient => Value::Int(
            int(0)
                .checked_div(int(1))
                .ok_or_else(|| QueryError::overflow("a quotient"))?,
        ),
        Function::Rem => match (value(0), value(1)) {
            (Value::Int(_), Value::Int(0)) => Value::Null,
            // The one overflow (the least integer by -1) leaves nothing over.
            (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_rem(*b).unwrap_or(0)),
            (a, b) => match (a.as_float(), b.as_float()) {
                (Some(a), Some(b)) if b != 0.0 => Value::Float(a % b),
                _ => Value::Null,
            },
        },
        Function::Neg => match value(0) {
            Value::Int(value) => Value::Int(
                value
                    .checked_neg()
                    .ok_or_else(|| QueryError::overflow("a negation"))?,
            ),
            value => value.as_float().map(|value| -value).into(),
        },
        Function::Abs => match value(0) {
            Value::Int(value) => Value::Int(
                value
                    .checked_abs()
                    .ok_or_else(|| QueryError::overflow("a number without its sign"))?,
            ),
            value => value.as_float().map(f64::abs).into(),
        },
        Function::Round => match value(0).as_float() {
            None => Value::Null,
            Some(float) if values.len() == 1 => whole(float.round()),
            Some(float) => {
                let digits = i32::try_from(int(1)).unwrap_or(0).clamp(-300, 300);
                let scale = 10_f64.powi(digits);
                let rounded = (float * scale).round() / scale;
                Value::Float(if rounded.is_finite() { rounded } else { float })
            }
        },
        Function::Greatest => present(values).max().cloned().unwrap_or_default(),
        Function::Least => present(values).min().cloned().unwrap_or_default(),

        Function::SecondsBetween => match (value(0).as_time(), value(1).as_time()) {
            (Some(from), Some(to)) => Value::Int((to - from).num_seconds()),
            _ => Value::Null,
        },
        Function::AddSeconds => match value(0).as_time() {
            None => Value::Null,
            Some(time) => TimeDelta::try_seconds(int(1))
                .and_then(|delta| time.checked_add_signed(delta))
                .map(Value::Time)
                .ok_or_else(|| QueryError::overflow("a moment"))?,
        },

        Function::ToText => value(0).to_string().into(),
        Function::ToInt => match value(0) {
            Value::Int(value) => Value::Int(*value),
            Value::Bool(value) => Value::Int(i64::from(*value)),
            Value::Float(value) => whole(value.trunc()),
            _ => text(0).trim().parse::<i64>().ok().into(),
        },
        Function::ToFloat => match value(0) {
            Value::Bool(value) => Value::Float(f64::from(u8::from(*value))),
            Value::Text(text) => text.trim().parse::<f64>().ok().into(),
            value => value.as_float().into(),
        },
        Function::ToTime => chrono::DateTime::parse_from_rfc3339(text(0).trim())
            .ok()
            .map(|time| time.to_utc())
            .into(),
        Function::ToId => text(0).trim().parse::<uuid::Uuid>().ok().into(),
    })
}

fn text_test(test: TextTest, function: Function, text: &str, needle: &str) -> Value {
    Needle::new(needle, function.folds_case())
        .test(test, text)
        .into()
}

fn arithmetic(
    what: &'static str,
    a: &Value,
    b: &Value,
    ints: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
) -> Result<Value> {
    if let (Value::Int(a), Value::Int(b)) = (a, b) {
        let result = ints(*a, *b).ok_or_else(|| QueryError::overflow(what))?;
        return Ok(Value::Int(result));
    }
    Ok(match (a.as_float(), b.as_float()) {
        (Some(a), Some(b)) => Value::Float(floats(a, b)),
        _ => Value::Null,
    })
}

/// A float without a fraction as an integer; null where none holds it.
fn whole(float: f64) -> Value {
    // 2^63 itself is the first that does not fit.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&float) {
        Value::Int(float as i64)
    } else {
        Value::Null
    }
}

fn present<'a>(values: &'a [Cow<'_, Value>]) -> impl Iterator<Item = &'a Value> {
    values
        .iter()
        .map(AsRef::as_ref)
        .filter(|value| !value.is_null())
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
