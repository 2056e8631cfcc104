//! The serialised form of partial results.
//!
//! Groups stand in ascending order of their keys and states in their one form, so that equal
//! results are equal bytes. Floats are texts, since readers of JSON may round numbers.

use chrono::DateTime;

use super::super::partial::{Groups, PartialResult, error};
use super::members::{Members, count, each, exactly, expected, list, tagged, text, truth};
use super::tree::Tree;
use crate::aggregate::{
    AggregateFunction, Distinct, ExactSum, HyperLogLog, LogBuckets, Partial, Place, Scale, State,
};
use crate::error::{At, QueryError, Result};
use crate::value::Value;

/// The newest version of the form.
const VERSION: i64 = 1;

impl PartialResult {
    /// Writes the JSON form, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        write(self).to_json()
    }

    /// Reads the JSON form.
    ///
    /// It takes memory in proportion to the text, so its length is what to limit.
    ///
    /// # Errors
    ///
    /// With its line and column if it is no JSON, else with its path; a newer version. Whether
    /// it is of a plan's query is checked when it is [finished](crate::Plan::finish).
    pub fn from_json(json: &str) -> Result<Self> {
        read(super::parse(json)?)
    }
}

pub(super) fn write(partial: &PartialResult) -> Tree {
    let mut groups: Vec<(&[Value], &[Partial])> = partial
        .groups
        .iter()
        .map(|(key, states)| (&**key, &**states))
        .collect();
    groups.sort_unstable_by_key(|(key, _)| *key);
    let group = |(key, states): (&[Value], &[Partial])| {
        let states = states.iter().map(state).collect();
        Tree::List(vec![values(key.iter()), Tree::List(states)])
    };
    let functions = partial
        .functions
        .iter()
        .map(|function| Tree::from(function.name()));
    Tree::Map(vec![
        ("version".to_owned(), Tree::Int(VERSION)),
        (
            "query".to_owned(),
            format!("{:016x}", partial.fingerprint).into(),
        ),
        ("keys".to_owned(), Tree::from(partial.keys as u64)),
        ("aggregates".to_owned(), Tree::List(functions.collect())),
        (
            "groups".to_owned(),
            Tree::List(groups.into_iter().map(group).collect()),
        ),
    ])
}

pub(super) fn read(tree: Tree) -> Result<PartialResult> {
    let mut members = Members::of(tree)?;
    let version = members.required("version", count)?;
    if version != VERSION as u64 {
        return Err(error("of another version").at("version"));
    }
    let fingerprint = members.required("query", |tree| {
        u64::from_str_radix(&text(tree)?, 16).map_err(|_| error("not readable"))
    })?;
    let keys = members.required("keys", count)?;
    let keys = usize::try_from(keys).map_err(|_| error("not readable").at("keys"))?;
    let functions = members.required("aggregates", |tree| each(tree, function))?;
    let groups = members.required("groups", |tree| {
        let mut groups = Groups::new();
        for (index, tree) in list(tree)?.into_iter().enumerate() {
            let (key, states) = group(tree, keys, &functions).at_index(index)?;
            if groups.insert(key, states).is_some() {
                return Err(error("a group occurs twice").at_index(index));
            }
        }
        Ok(groups)
    })?;
    members.finish()?;
    Ok(PartialResult {
        fingerprint,
        keys,
        functions,
        groups,
    })
}

fn function(tree: Tree) -> Result<AggregateFunction> {
    let name = text(tree)?;
    AggregateFunction::ALL
        .into_iter()
        .find(|function| function.name() == name)
        .ok_or_else(|| error("of an aggregate that is not known"))
}

type Group = (Box<[Value]>, Box<[Partial]>);

fn group(tree: Tree, keys: usize, functions: &[AggregateFunction]) -> Result<Group> {
    let [key, states] = exactly(tree)?;
    let key = each(key, read_value).at_index(0)?;
    let states = list(states).at_index(1)?;
    if key.len() != keys || states.len() != functions.len() {
        return Err(error("a group of another shape"));
    }
    let states = states
        .into_iter()
        .zip(functions)
        .enumerate()
        .map(|(index, (tree, function))| read_state(tree, *function).at_index(index).at_index(1))
        .collect::<Result<_>>()?;
    let key = key.into_iter().map(Value::normalized).collect();
    Ok((key, states))
}

fn state(partial: &Partial) -> Tree {
    let none = || Tree::Null;
    match partial {
        Partial::Edge(edge) => edge.as_ref().map_or_else(none, |(place, of)| {
            Tree::List(vec![write_place(place), value(of)])
        }),
        Partial::Best(best) => best.as_ref().map_or_else(none, |(key, place, of)| {
            Tree::List(vec![value(key), write_place(place), value(of)])
        }),
        Partial::List(values) => {
            let pair =
                |(place, of): &(Place, Value)| Tree::List(vec![write_place(place), value(of)]);
            Tree::List(values.iter().map(pair).collect())
        }
        Partial::Free(state) => free(state),
    }
}

fn free(state: &State) -> Tree {
    match state {
        State::Count(count) => Tree::from(*count),
        State::SumInt(sum, count) => {
            Tree::List(vec!["int".into(), sum.to_string().into(), (*count).into()])
        }
        State::SumFloat(sum, count) => {
            Tree::List(vec!["float".into(), sum.to_text().into(), (*count).into()])
        }
        State::Avg {
            ints,
            floats,
            count,
        } => Tree::List(vec![
            ints.to_string().into(),
            floats
                .as_ref()
                .map(|sum| sum.to_text())
                .unwrap_or_default()
                .into(),
            (*count).into(),
        ]),
        State::Min(of) | State::Max(of) => value(&of.clone().normalized()),
        State::Any(is) | State::Every(is) => Tree::Bool(*is),
        State::CountDistinct(distinct) | State::Set(distinct) => {
            values(distinct.clone().into_sorted().iter())
        }
        State::Percentile(of) => {
            let mut of: Vec<Value> = of.iter().cloned().map(Value::normalized).collect();
            of.sort_unstable();
            values(of.iter())
        }
        State::ApproxCountDistinct(known) => known.to_text().into(),
        State::ApproxPercentile(known) => {
            let bucket = |(bucket, values): (i64, u64)| {
                Tree::List(vec![Tree::Int(bucket), Tree::from(values)])
            };
            let buckets = known.sorted().into_iter().map(bucket).collect();
            let scale = known.scale().unwrap_or_default();
            Tree::List(vec![scale.name().into(), Tree::List(buckets)])
        }
        // These go by the order of rows, so a partial result has others in their place.
        State::ArgMin(..)
        | State::ArgMax(..)
        | State::First(_)
        | State::Last(_)
        | State::List(_) => Tree::Null,
    }
}

fn read_state(tree: Tree, function: AggregateFunction) -> Result<Partial> {
    use AggregateFunction as F;

    let state = match function {
        F::Count | F::CountIf => State::Count(count(tree)?),
        F::Sum => {
            let [kind, sum, number] = exactly(tree)?;
            let (sum, number) = (text(sum).at_index(1)?, count(number).at_index(2)?);
            match text(kind).at_index(0)?.as_str() {
                "int" => State::SumInt(wide(&sum).at_index(1)?, number),
                "float" => State::SumFloat(Box::new(exact(&sum).at_index(1)?), number),
                _ => return Err(error("not readable").at_index(0)),
            }
        }
        F::Avg => {
            let [ints, floats, number] = exactly(tree)?;
            let floats = exact(&text(floats).at_index(1)?).at_index(1)?;
            State::Avg {
                ints: wide(&text(ints).at_index(0)?).at_index(0)?,
                floats: Some(Box::new(floats)),
                count: count(number).at_index(2)?,
            }
        }
        F::Min => State::Min(read_value(tree)?),
        F::Max => State::Max(read_value(tree)?),
        F::Any => State::Any(truth(tree)?),
        F::Every => State::Every(truth(tree)?),
        F::CountDistinct => State::CountDistinct(Distinct::from_values(each(tree, read_value)?)),
        F::CollectSet => State::Set(Distinct::from_values(each(tree, read_value)?)),
        F::Percentile(_) => State::Percentile(each(tree, read_value)?),
        F::ApproxCountDistinct => {
            let known = HyperLogLog::from_text(&text(tree)?);
            State::ApproxCountDistinct(known.ok_or_else(|| error("not readable"))?)
        }
        F::ApproxPercentile(_) => State::ApproxPercentile(buckets(tree)?),
        F::First | F::Last => {
            return Ok(Partial::Edge(maybe(tree, pair)?));
        }
        F::ArgMin | F::ArgMax => {
            return Ok(Partial::Best(maybe(tree, |tree| {
                let [key, place, value] = exactly(tree)?;
                let key = read_value(key).at_index(0)?;
                Ok((
                    key,
                    read_place(place).at_index(1)?,
                    read_value(value).at_index(2)?,
                ))
            })?));
        }
        F::CollectList => {
            let values = each(tree, pair)?;
            return if values.is_sorted() {
                Ok(Partial::List(values))
            } else {
                Err(error("values out of order"))
            };
        }
    };
    Ok(Partial::Free(state))
}

fn buckets(tree: Tree) -> Result<LogBuckets> {
    let [scale, buckets] = exactly(tree)?;
    let name = text(scale).at_index(0)?;
    let scale = Scale::ALL.into_iter().find(|scale| scale.name() == name);
    let scale = scale.ok_or_else(|| error("not readable").at_index(0))?;
    let buckets = each(buckets, |tree| {
        let [bucket, values] = exactly(tree)?;
        let Tree::Int(bucket) = bucket else {
            return Err(expected("a number", &bucket).at_index(0));
        };
        Ok((bucket, count(values).at_index(1)?))
    });
    LogBuckets::from_sorted(scale, buckets.at_index(1)?)
        .ok_or_else(|| error("not readable").at_index(1))
}

fn maybe<T>(tree: Tree, read: impl FnOnce(Tree) -> Result<T>) -> Result<Option<T>> {
    match tree {
        Tree::Null => Ok(None),
        tree => read(tree).map(Some),
    }
}

fn pair(tree: Tree) -> Result<(Place, Value)> {
    let [place, value] = exactly(tree)?;
    Ok((
        read_place(place).at_index(0)?,
        read_value(value).at_index(1)?,
    ))
}

fn wide(text: &str) -> Result<i128> {
    text.parse().map_err(|_| error("not readable"))
}

fn exact(text: &str) -> Result<ExactSum> {
    ExactSum::from_text(text).ok_or_else(|| error("not readable"))
}

fn write_place((time, id, at): &Place) -> Tree {
    Tree::List(vec![
        Tree::Int(time.timestamp()),
        Tree::Int(time.timestamp_subsec_nanos().into()),
        id.hyphenated().to_string().into(),
        Tree::Int((*at).into()),
    ])
}

fn read_place(tree: Tree) -> Result<Place> {
    let [seconds, nanos, id, at] = exactly(tree)?;
    let time = time(seconds, nanos)?;
    let id = text(id).at_index(2)?;
    let id = id.parse().map_err(|_| error("not readable").at_index(2))?;
    let at = u32::try_from(count(at).at_index(3)?);
    Ok((time, id, at.map_err(|_| error("not readable").at_index(3))?))
}

fn time(seconds: Tree, nanos: Tree) -> Result<DateTime<chrono::Utc>> {
    let Tree::Int(seconds) = seconds else {
        return Err(expected("a number", &seconds).at_index(0));
    };
    u32::try_from(count(nanos).at_index(1)?)
        .ok()
        .and_then(|nanos| DateTime::from_timestamp(seconds, nanos))
        .ok_or_else(|| error("not readable"))
}

fn values<'a>(of: impl Iterator<Item = &'a Value>) -> Tree {
    Tree::List(of.map(value).collect())
}

fn value(of: &Value) -> Tree {
    match of {
        Value::Null => Tree::Null,
        Value::Bool(value) => Tree::Bool(*value),
        Value::Int(value) => Tree::Int(*value),
        // The shortest text that reads back, and the names of what is no number.
        Value::Float(value) => Tree::tagged("float", format!("{value:?}")),
        Value::Time(time) => {
            let nanos = Tree::Int(time.timestamp_subsec_nanos().into());
            Tree::tagged("time", vec![Tree::Int(time.timestamp()), nanos])
        }
        Value::Text(text) => Tree::from(&**text),
        Value::Id(id) => Tree::tagged("id", id.hyphenated().to_string()),
        Value::List(items) => values(items.iter()),
        Value::Record(fields) => Tree::tagged("record", values(fields.iter())),
    }
}

fn read_value(tree: Tree) -> Result<Value> {
    Ok(match tree {
        Tree::Null => Value::Null,
        Tree::Bool(value) => Value::Bool(value),
        Tree::Int(value) => Value::Int(value),
        Tree::Text(text) => Value::from(text),
        Tree::List(items) => Value::list(each(Tree::List(items), read_value)?),
        Tree::Map(_) => {
            let (tag, content) = tagged(tree, "a value")?;
            return match tag.as_str() {
                "float" => text(content).and_then(|text| {
                    text.parse()
                        .map(Value::Float)
                        .map_err(|_| error("not readable"))
                }),
                "time" => exactly(content)
                    .and_then(|[seconds, nanos]| time(seconds, nanos).map(Value::Time)),
                "id" => text(content).and_then(|text| {
                    text.parse()
                        .map(Value::Id)
                        .map_err(|_| error("not readable"))
                }),
                "record" => each(content, read_value).map(Value::record),
                // Its name may be anything, so it is not told.
                _ => return Err(QueryError::form("expected a value")),
            }
            .at(&tag);
        }
        Tree::Float(_) => return Err(expected("a value", &tree)),
    })
}
