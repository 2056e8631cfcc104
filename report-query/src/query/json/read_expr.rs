//! From the tree to expressions and aggregates.

use chrono::{DateTime, FixedOffset, Utc};

use super::members::{Members, count, each, exactly, expected, tagged, text, unknown};
use super::tree::Tree;
use crate::aggregate::{Aggregate, AggregateFunction};
use crate::error::{At, QueryError, Result};
use crate::expr::{Bucket, Each, Expr, Function, Node, TimePart, Zone, item, lit, parse_offset};
use crate::value::Value;

pub(super) fn aggregate(tree: Tree) -> Result<Aggregate> {
    let mut members = Members::of(tree)?;
    let name = members.take("as", text)?;
    let filter = members.take("filter", expr)?;
    let cap = members.take("cap", count)?;
    let names = || {
        AggregateFunction::ALL
            .iter()
            .map(|function| function.name())
    };
    let [(function_name, content)]: [_; 1] = members.left.try_into().map_err(|left: Vec<_>| {
        QueryError::form(format!("expected one aggregate, found {}", left.len()))
    })?;
    let function = AggregateFunction::ALL
        .into_iter()
        .find(|function| function.name() == function_name)
        .ok_or_else(|| unknown("aggregate", &function_name, names()))?;
    let (function, arguments) = match function {
        AggregateFunction::Percentile(_) | AggregateFunction::ApproxPercentile(_) => {
            let [of, percent] = exactly(content).at(&function_name)?;
            let percent = match percent {
                Tree::Int(percent) => percent as f64,
                Tree::Float(percent) => percent,
                other => return Err(expected("a number", &other).at_index(1).at(&function_name)),
            };
            let of = expr(of).at_index(0).at(&function_name)?;
            let function = match function {
                AggregateFunction::Percentile(_) => AggregateFunction::Percentile(percent),
                _ => AggregateFunction::ApproxPercentile(percent),
            };
            (function, vec![of])
        }
        function => (function, arguments(content).at(&function_name)?),
    };
    if arguments.len() != function.arity() {
        return Err(QueryError::form(format!(
            "expected {} arguments, found {}",
            function.arity(),
            arguments.len()
        ))
        .at(&function_name));
    }
    Ok(Aggregate {
        function,
        arguments,
        filter,
        cap,
        name: name.map(Into::into),
    })
}

/// Arguments: an array of them, or one alone.
fn arguments(tree: Tree) -> Result<Vec<Expr>> {
    match tree {
        list @ Tree::List(_) => each(list, expr),
        one => Ok(vec![expr(one)?]),
    }
}

/// Operators that are no functions.
const OPERATORS: [&str; 20] = [
    "col",
    "lit",
    "time",
    "id",
    "float",
    "param",
    "when_param",
    "item",
    "field",
    "as",
    "any",
    "all",
    "filter",
    "map",
    "case",
    "lookup",
    "bucket",
    "format_time",
    "if",
    "part",
];

pub(super) fn expr(tree: Tree) -> Result<Expr> {
    let tree = match tree {
        Tree::Map(_) => tree,
        Tree::List(items) => {
            return each(Tree::List(items), expr).map(|items| Expr(Node::List(items)));
        }
        scalar => return literal(scalar).map(lit),
    };
    let (name, content) = tagged(tree, "an operator")?;
    operator(&name, content).at(&name)
}

fn operator(name: &str, content: Tree) -> Result<Expr> {
    let node = match name {
        "col" => Node::Column(text(content)?.into()),
        "lit" | "time" | "id" | "float" => {
            let tree = match name {
                "lit" => content,
                name => Tree::tagged(name, content),
            };
            return literal(tree).map(lit);
        }
        "param" => Node::Param(text(content)?.into()),
        "when_param" => {
            let [name, predicate] = exactly(content)?;
            let name = text(name).at_index(0)?.into();
            Node::WhenParam(name, Box::new(expr(predicate).at_index(1)?))
        }
        "item" => {
            let [] = exactly(content)?;
            Node::Item
        }
        "field" => match content {
            Tree::Text(name) => Node::Field(Box::new(item()), name.into()),
            content => {
                let [of, name] = exactly(content)?;
                let of = expr(of).at_index(0)?;
                Node::Field(Box::new(of), text(name).at_index(1)?.into())
            }
        },
        "as" => {
            let [name, of] = exactly(content)?;
            let name = text(name).at_index(0)?.into();
            Node::Alias(Box::new(expr(of).at_index(1)?), name)
        }
        "if" => {
            let [condition, then, otherwise] = exactly(content)?;
            let arm = (expr(condition).at_index(0)?, expr(then).at_index(1)?);
            let otherwise = expr(otherwise).at_index(2)?;
            Node::Case(vec![arm], Some(Box::new(otherwise)))
        }
        "case" => {
            let mut members = Members::of(content)?;
            let arms = members.required("when", |tree| {
                each(tree, |arm| {
                    let [condition, value] = exactly(arm)?;
                    Ok((expr(condition).at_index(0)?, expr(value).at_index(1)?))
                })
            })?;
            let otherwise = members.take("else", expr)?;
            members.finish()?;
            Node::Case(arms, otherwise.map(Box::new))
        }
        "lookup" => {
            let mut members = Members::of(content)?;
            let of = members.required("of", expr)?;
            let table = members.required("table", |tree| {
                each(tree, |pair| {
                    let [from, to] = exactly(pair)?;
                    Ok((literal(from).at_index(0)?, literal(to).at_index(1)?))
                })
            })?;
            let otherwise = members.take("else", expr)?;
            members.finish()?;
            Node::Lookup(Box::new(of), table, otherwise.map(Box::new))
        }
        "bucket" => {
            let (of, mut members) = of_member(content)?;
            let bucket = members.required("by", |tree| {
                let name = text(tree)?;
                Bucket::from_name(&name).ok_or_else(|| {
                    let known = ["minute", "hour", "day", "week", "month"];
                    unknown("bucket", &name, known.into_iter())
                })
            })?;
            let bucket = bucket.in_zone(zone(&mut members)?);
            members.finish()?;
            Node::Bucket(of, bucket)
        }
        "part" => {
            let (of, mut members) = of_member(content)?;
            let part = members.required("part", |tree| {
                let name = text(tree)?;
                TimePart::from_name(&name).ok_or_else(|| {
                    let known = ["year", "month", "day", "weekday", "hour", "minute"];
                    unknown("part of a time", &name, known.into_iter())
                })
            })?;
            let zone = zone(&mut members)?;
            members.finish()?;
            Node::Part(of, part, zone)
        }
        "format_time" => {
            let (of, mut members) = of_member(content)?;
            let pattern = members.required("pattern", text)?;
            let zone = zone(&mut members)?;
            members.finish()?;
            Node::Format(of, pattern, zone)
        }
        name => {
            if let Some(each) = Each::ALL.into_iter().find(|each| each.name() == name) {
                let [list, inner] = exactly(content)?;
                let list = Box::new(expr(list).at_index(0)?);
                Node::Each(each, list, Box::new(expr(inner).at_index(1)?))
            } else if let Some(function) = Function::from_name(name) {
                Node::Call(function, arguments(content)?)
            } else {
                let functions = Function::ALL.iter().map(|function| function.name());
                let known = OPERATORS.into_iter().chain(functions);
                return Err(unknown("operator", name, known));
            }
        }
    };
    Ok(Expr(node))
}

fn of_member(tree: Tree) -> Result<(Box<Expr>, Members)> {
    let mut members = Members::of(tree)?;
    let of = members.required("of", expr)?;
    Ok((Box::new(of), members))
}

/// A fixed offset or the name of a zone; neither is UTC.
fn zone(members: &mut Members) -> Result<Zone> {
    let offset = members.take("offset", |tree| {
        parse_offset(&text(tree)?)
            .ok_or_else(|| QueryError::form("expected an offset such as `+05:30` or `Z`"))
    })?;
    let zone = members.take("zone", |tree| Zone::named(&text(tree)?))?;
    match (offset, zone) {
        (Some(_), Some(_)) => Err(QueryError::form("expected either `offset` or `zone`")),
        (offset, zone) => Ok(zone.or(offset.map(Zone::fixed)).unwrap_or(Zone::UTC)),
    }
}

/// A literal: a scalar, or a tagged time, id or unusual float.
pub(super) fn literal(tree: Tree) -> Result<Value> {
    Ok(match tree {
        Tree::Null => Value::Null,
        Tree::Bool(value) => Value::Bool(value),
        Tree::Int(value) => Value::Int(value),
        Tree::Float(value) => Value::Float(value),
        Tree::Text(text) => Value::from(text),
        Tree::List(items) => Value::list(each(Tree::List(items), literal)?),
        map @ Tree::Map(_) => {
            let (tag, content) = tagged(map, "a literal")?;
            let content = text(content).at(&tag)?;
            match tag.as_str() {
                "time" => content
                    .parse::<DateTime<FixedOffset>>()
                    .map(|time| Value::Time(time.with_timezone(&Utc)))
                    .map_err(|_| QueryError::form("expected a time in RFC 3339 form").at(&tag))?,
                "id" => content
                    .parse()
                    .map(Value::Id)
                    .map_err(|_| QueryError::form("expected a GUID").at(&tag))?,
                "float" => match content.as_str() {
                    "NaN" => Value::Float(f64::NAN),
                    "inf" => Value::Float(f64::INFINITY),
                    "-inf" => Value::Float(f64::NEG_INFINITY),
                    _ => return Err(QueryError::form("expected `NaN`, `inf` or `-inf`").at(&tag)),
                },
                other => {
                    return Err(unknown(
                        "literal",
                        other,
                        ["time", "id", "float"].into_iter(),
                    ));
                }
            }
        }
    })
}
