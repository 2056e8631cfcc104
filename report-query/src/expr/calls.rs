//! Binding of calls: what types each function takes and gives.

use super::bound::{Bound, Comparison, ValueSet};
use super::function::Function;
use super::text::{Needle, TextTest};
use super::typed::{Typed, comparable, fold, is_ordered, pair, unify};
use crate::error::{At, QueryError, Result};
use crate::schema::DataType;
use crate::value::Value;

/// Takes a call's arguments one by one, each to be of a type.
struct Arguments(std::iter::Enumerate<std::vec::IntoIter<Typed>>);

impl Arguments {
    fn any(&mut self) -> Result<Typed> {
        match self.0.next() {
            Some((_, typed)) => Ok(typed),
            None => Err(QueryError::argument(
                "another number of arguments is needed",
            )),
        }
    }

    fn of(&mut self, wanted: &DataType) -> Result<Bound> {
        match self.0.next() {
            Some((index, typed)) => typed.into_type(wanted).at_index(index),
            None => Err(QueryError::argument(
                "another number of arguments is needed",
            )),
        }
    }

    fn rest(&mut self, wanted: &DataType) -> Result<Vec<Bound>> {
        self.0
            .by_ref()
            .map(|(index, typed)| typed.into_type(wanted).at_index(index))
            .collect()
    }
}

/// Checks the types of a call, and gives its own.
pub(super) fn call(function: Function, arguments: Vec<Typed>) -> Result<Typed> {
    use Function as F;

    let mut next = Arguments(arguments.into_iter().enumerate());
    let boolean = Some(DataType::Bool);
    Ok(match function {
        F::And => fold(Bound::And(next.rest(&DataType::Bool)?), boolean),
        F::Or => fold(Bound::Or(next.rest(&DataType::Bool)?), boolean),
        F::Not => fold(Bound::Not(Box::new(next.of(&DataType::Bool)?)), boolean),
        F::Eq | F::Ne | F::Lt | F::Le | F::Gt | F::Ge => {
            let comparison = Comparison::from_function(function).unwrap_or(Comparison::Eq);
            let (a, b) = pair(next.any()?, next.any()?)?;
            if !matches!(comparison, Comparison::Eq | Comparison::Ne) {
                ordered(&a)?;
            }
            compare(comparison, a.bound, b.bound)
        }
        F::Between => {
            let of = next.any()?;
            ordered(&of)?;
            let (of, from) = pair(of, next.any()?)?;
            let (of, to) = pair(of, next.any()?)?;
            let from = compare(Comparison::Ge, of.bound.clone(), from.bound);
            let to = compare(Comparison::Lt, of.bound, to.bound);
            fold(Bound::And(vec![from.bound, to.bound]), boolean)
        }
        F::In | F::InCi => membership(function, next.any()?, next.any()?)?,
        F::IsNull | F::IsNotNull => fold(Bound::Call(function, vec![next.any()?.bound]), boolean),
        F::Coalesce | F::Greatest | F::Least => {
            let (items, data_type) = unify(next.0.map(|(_, typed)| typed).collect())?;
            if let (F::Greatest | F::Least, Some(data_type)) = (function, &data_type)
                && !is_ordered(data_type)
            {
                return Err(QueryError::type_mismatch("ordered values", data_type));
            }
            fold(Bound::Call(function, items), data_type)
        }
        F::EqCi => text_test(TextTest::Equal, function, next)?,
        F::StartsWith | F::StartsWithCs => text_test(TextTest::StartsWith, function, next)?,
        F::EndsWith | F::EndsWithCs => text_test(TextTest::EndsWith, function, next)?,
        F::Contains | F::ContainsCs => text_test(TextTest::Contains, function, next)?,
        F::HasTerm | F::HasTermCs => text_test(TextTest::HasTerm, function, next)?,
        F::Concat => fold(
            Bound::Call(function, next.rest(&DataType::Text)?),
            Some(DataType::Text),
        ),
        F::Lower | F::Upper | F::Trim | F::Replace => {
            let arguments = next.rest(&DataType::Text)?;
            fold(Bound::Call(function, arguments), Some(DataType::Text))
        }
        F::Substring => {
            let mut arguments = vec![next.of(&DataType::Text)?];
            arguments.extend(next.rest(&DataType::Int)?);
            fold(Bound::Call(function, arguments), Some(DataType::Text))
        }
        F::Split => {
            let arguments = next.rest(&DataType::Text)?;
            fold(
                Bound::Call(function, arguments),
                Some(DataType::list(DataType::Text)),
            )
        }
        F::Length => {
            let of = next.any()?;
            match &of.data_type {
                None | Some(DataType::Text | DataType::List(_)) => {}
                Some(other) => return Err(QueryError::type_mismatch("text or list", other)),
            }
            fold(Bound::Call(function, vec![of.bound]), Some(DataType::Int))
        }
        F::Join => {
            let texts = DataType::list(DataType::Text);
            let arguments = vec![next.of(&texts)?, next.of(&DataType::Text)?];
            fold(Bound::Call(function, arguments), Some(DataType::Text))
        }
        F::Distinct | F::SortItems => {
            let of = list_of(next.any()?)?;
            fold(Bound::Call(function, vec![of.bound]), of.data_type)
        }
        F::Get => {
            let of = list_of(next.any()?)?;
            let arguments = vec![of.bound, next.of(&DataType::Int)?];
            let data_type = match of.data_type {
                Some(DataType::List(item)) => Some((*item).clone()),
                _ => None,
            };
            fold(Bound::Call(function, arguments), data_type)
        }
        F::Take => {
            let of = list_of(next.any()?)?;
            let arguments = vec![of.bound, next.of(&DataType::Int)?];
            fold(Bound::Call(function, arguments), of.data_type)
        }
        F::ConcatLists => {
            let lists = next
                .0
                .map(|(_, typed)| list_of(typed))
                .collect::<Result<_>>()?;
            let (lists, data_type) = unify(lists)?;
            fold(Bound::Call(function, lists), data_type)
        }
        F::Flatten => {
            let of = list_of(next.any()?)?;
            let data_type = match of.data_type {
                Some(DataType::List(item)) => match &*item {
                    DataType::List(_) => Some((*item).clone()),
                    other => {
                        return Err(QueryError::type_mismatch(
                            "list of lists",
                            format!("list of {other}"),
                        ));
                    }
                },
                _ => None,
            };
            fold(Bound::Call(function, vec![of.bound]), data_type)
        }
        F::Add | F::Sub | F::Mul | F::Rem | F::Neg | F::Abs => {
            let (arguments, data_type) = numbers(next)?;
            fold(Bound::Call(function, arguments), Some(data_type))
        }
        F::Div => {
            let arguments = next.rest(&DataType::Float)?;
            fold(Bound::Call(function, arguments), Some(DataType::Float))
        }
        F::Quotient => {
            let arguments = next.rest(&DataType::Int)?;
            fold(Bound::Call(function, arguments), Some(DataType::Int))
        }
        F::Round => {
            let mut arguments = vec![next.of(&DataType::Float)?];
            arguments.extend(next.rest(&DataType::Int)?);
            let data_type = match arguments.len() {
                1 => DataType::Int,
                _ => DataType::Float,
            };
            fold(Bound::Call(function, arguments), Some(data_type))
        }
        F::SecondsBetween => {
            let arguments = next.rest(&DataType::Time)?;
            fold(Bound::Call(function, arguments), Some(DataType::Int))
        }
        F::AddSeconds => {
            let arguments = vec![next.of(&DataType::Time)?, next.of(&DataType::Int)?];
            fold(Bound::Call(function, arguments), Some(DataType::Time))
        }
        F::ToText => fold(
            Bound::Call(function, vec![next.any()?.bound]),
            Some(DataType::Text),
        ),
        F::ToInt | F::ToFloat => {
            let of = next.any()?;
            match &of.data_type {
                None | Some(DataType::Int | DataType::Float | DataType::Text | DataType::Bool) => {}
                Some(other) => {
                    return Err(QueryError::type_mismatch("number, text or bool", other));
                }
            }
            let data_type = match function {
                F::ToInt => DataType::Int,
                _ => DataType::Float,
            };
            fold(Bound::Call(function, vec![of.bound]), Some(data_type))
        }
        F::ToTime | F::ToId => {
            let data_type = match function {
                F::ToTime => DataType::Time,
                _ => DataType::Id,
            };
            let of = next.any()?;
            if of.data_type.as_ref() == Some(&data_type) {
                return Ok(of);
            }
            let of = of.into_type(&DataType::Text)?;
            fold(Bound::Call(function, vec![of]), Some(data_type))
        }
    })
}

fn compare(comparison: Comparison, a: Bound, b: Bound) -> Typed {
    fold(
        Bound::Compare(comparison, Box::new(a), Box::new(b)),
        Some(DataType::Bool),
    )
}

fn ordered(typed: &Typed) -> Result<()> {
    match &typed.data_type {
        Some(data_type) if !is_ordered(data_type) => {
            Err(QueryError::type_mismatch("ordered values", data_type))
        }
        _ => Ok(()),
    }
}

fn list_of(typed: Typed) -> Result<Typed> {
    match &typed.data_type {
        None | Some(DataType::List(_)) => Ok(typed),
        Some(other) => Err(QueryError::type_mismatch("list", other)),
    }
}

/// Numbers of one type.
fn numbers(arguments: Arguments) -> Result<(Vec<Bound>, DataType)> {
    let arguments: Vec<Typed> = arguments.0.map(|(_, typed)| typed).collect();
    for (index, typed) in arguments.iter().enumerate() {
        if let Some(other) = typed.data_type.as_ref().filter(|other| !other.is_number()) {
            return Err(QueryError::type_mismatch("number", other).at_index(index));
        }
    }
    let (arguments, data_type) = unify(arguments)?;
    Ok((arguments, data_type.unwrap_or(DataType::Int)))
}

fn membership(function: Function, value: Typed, list: Typed) -> Result<Typed> {
    let fold_case = function == Function::InCi;
    if let Some(data_type) = value.data_type.as_ref().filter(|_| fold_case)
        && *data_type != DataType::Text
    {
        return Err(QueryError::type_mismatch("text", data_type).at_index(0));
    }
    let list = match (&list.data_type, list.bound) {
        // One value of a parameter, where several would do.
        (Some(data_type), Bound::Const(one)) if !matches!(data_type, DataType::List(_)) => {
            Typed::new(
                Bound::Const(Value::list([one])),
                DataType::list(data_type.clone()),
            )
        }
        (Some(other), _) if !matches!(other, DataType::List(_)) => {
            return Err(QueryError::type_mismatch("list", other).at_index(1));
        }
        (data_type, bound) => Typed {
            data_type: data_type.clone(),
            bound,
        },
    };
    let list = match (&value.data_type, &list.data_type) {
        (Some(value), Some(DataType::List(item))) if !comparable(value, item) => {
            list.into_type(&DataType::list(value.clone())).at_index(1)?
        }
        _ => list.bound,
    };
    let bound = match list {
        Bound::Const(Value::List(items)) => {
            Bound::InSet(Box::new(value.bound), ValueSet::new(&items, fold_case))
        }
        list => Bound::Call(function, vec![value.bound, list]),
    };
    Ok(fold(bound, Some(DataType::Bool)))
}

fn text_test(test: TextTest, function: Function, mut next: Arguments) -> Result<Typed> {
    let text = next.of(&DataType::Text)?;
    let needle = next.of(&DataType::Text)?;
    let bound = match needle {
        Bound::Const(Value::Text(needle)) => {
            let fold_case = function.folds_case();
            Bound::TextTest(test, Box::new(text), Needle::new(&needle, fold_case))
        }
        needle => Bound::Call(function, vec![text, needle]),
    };
    Ok(fold(bound, Some(DataType::Bool)))
}
