//! From the tree to queries, expressions and aggregates.

use chrono::{DateTime, FixedOffset, Utc};

use super::super::pipeline::{Expand, Join, JoinKind, Page, Query, SortKey, Stage};
use super::VERSION;
use super::tree::Tree;
use crate::aggregate::{Aggregate, AggregateFunction};
use crate::error::{At, QueryError, QueryErrorKind, Result};
use crate::expr::{Bucket, Each, Expr, Function, Node, TimePart, item, lit, parse_offset};
use crate::schema::nearest;
use crate::value::Value;

fn expected(what: &str, found: &Tree) -> QueryError {
    QueryError::form(format!("expected {what}, found {}", found.kind()))
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> QueryError {
    QueryError::form(match nearest(name, known) {
        Some(nearest) => format!("unknown {what} `{name}`; is `{nearest}` meant?"),
        None => format!("unknown {what} `{name}`"),
    })
}

fn text(tree: Tree) -> Result<String> {
    match tree {
        Tree::Text(text) => Ok(text),
        other => Err(expected("a text", &other)),
    }
}

fn list(tree: Tree) -> Result<Vec<Tree>> {
    match tree {
        Tree::List(items) => Ok(items),
        other => Err(expected("an array", &other)),
    }
}

fn count(tree: Tree) -> Result<u64> {
    match tree {
        Tree::Int(value) => u64::try_from(value)
            .map_err(|_| QueryError::form("expected a count, found a negative number")),
        other => Err(expected("a count", &other)),
    }
}

fn truth(tree: Tree) -> Result<bool> {
    match tree {
        Tree::Bool(value) => Ok(value),
        other => Err(expected("a truth value", &other)),
    }
}

/// Each item of an array, with its position in errors.
fn each<T>(tree: Tree, read: impl Fn(Tree) -> Result<T>) -> Result<Vec<T>> {
    list(tree)?
        .into_iter()
        .enumerate()
        .map(|(index, item)| read(item).at_index(index))
        .collect()
}

/// The items of an array of known length.
fn exactly<const N: usize>(tree: Tree) -> Result<[Tree; N]> {
    list(tree)?.try_into().map_err(|items: Vec<Tree>| {
        QueryError::form(format!("expected {N} items, found {}", items.len()))
    })
}

/// The members of an object; those that are not taken are unknown.
struct Members {
    left: Vec<(String, Tree)>,
    known: Vec<&'static str>,
}

impl Members {
    fn of(tree: Tree) -> Result<Self> {
        match tree {
            Tree::Map(members) => Ok(Self {
                left: members,
                known: Vec::new(),
            }),
            other => Err(expected("an object", &other)),
        }
    }

    fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Tree) -> Result<T>,
    ) -> Result<Option<T>> {
        self.known.push(name);
        match self.left.iter().position(|(known, _)| known == name) {
            Some(index) => {
                let (_, value) = self.left.remove(index);
                read(value).at(name).map(Some)
            }
            None => Ok(None),
        }
    }

    fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Tree) -> Result<T>,
    ) -> Result<T> {
        self.take(name, read)?
            .ok_or_else(|| QueryError::form(format!("member `{name}` is missing")))
    }

    fn finish(self) -> Result<()> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => Err(unknown("member", name, self.known.into_iter())),
        }
    }
}

/// The one member of an object that is a tag and its content.
fn tagged(tree: Tree, what: &str) -> Result<(String, Tree)> {
    let Tree::Map(members) = tree else {
        return Err(expected(&format!("an object that is {what}"), &tree));
    };
    let [one]: [_; 1] = members.try_into().map_err(|members: Vec<_>| {
        QueryError::form(format!(
            "expected one member that is {what}, found {}",
            members.len()
        ))
    })?;
    Ok(one)
}

pub(super) fn query(tree: Tree) -> Result<Query> {
    let mut members = Members::of(tree)?;
    let version = members.take("version", |tree| match tree {
        Tree::Int(version) => Ok(version),
        other => Err(expected("a number", &other)),
    })?;
    if let Some(found) = version.filter(|version| !(1..=VERSION).contains(version)) {
        let supported = VERSION;
        return Err(QueryError::new(QueryErrorKind::Version { found, supported }).at("version"));
    }
    let stages = members.required("stages", |tree| each(tree, stage))?;
    members.finish()?;
    Ok(Query { stages })
}

const STAGES: [&str; 13] = [
    "filter",
    "extend",
    "select",
    "expand",
    "group",
    "distinct",
    "sort",
    "limit",
    "page",
    "join",
    "union",
    "sessionize",
    "top_per",
];

fn stage(tree: Tree) -> Result<Stage> {
    let (name, tree) = tagged(tree, "a stage")?;
    let stage = match name.as_str() {
        "filter" => expr(tree).map(Stage::Filter),
        "extend" => each(tree, expr).map(Stage::Extend),
        "select" => each(tree, expr).map(Stage::Select),
        "expand" => expand(tree).map(Stage::Expand),
        "group" => group(tree),
        "distinct" => each(tree, expr).map(|by| Stage::Group {
            by,
            aggregates: Vec::new(),
        }),
        "sort" => each(tree, sort_key).map(Stage::Sort),
        "limit" => count(tree).map(Stage::Limit),
        "page" => page(tree).map(Stage::Page),
        "join" => join(tree).map(|join| Stage::Join(Box::new(join))),
        "union" => query(tree).map(Stage::Union),
        "sessionize" => sessionize(tree),
        "top_per" => top_per(tree),
        other => return Err(unknown("stage", other, STAGES.into_iter())),
    };
    stage.at(&name)
}

fn expand(tree: Tree) -> Result<Expand> {
    if let Tree::Text(column) = tree {
        return Ok(Expand::new(column));
    }
    let mut members = Members::of(tree)?;
    let mut expand = Expand::new(members.required("column", text)?);
    expand.alias = members.take("as", text)?.map(Into::into);
    expand.position = members.take("position", text)?.map(Into::into);
    expand.keep_empty = members.take("keep_empty", truth)?.unwrap_or_default();
    members.finish()?;
    Ok(expand)
}

fn group(tree: Tree) -> Result<Stage> {
    let mut members = Members::of(tree)?;
    let group = Stage::Group {
        by: members
            .take("by", |tree| each(tree, expr))?
            .unwrap_or_default(),
        aggregates: members
            .take("aggregate", |tree| each(tree, aggregate))?
            .unwrap_or_default(),
    };
    members.finish()?;
    Ok(group)
}

fn sort_key(tree: Tree) -> Result<SortKey> {
    let mut members = Members::of(tree)?;
    let ascending = members.take("asc", expr)?;
    let descending = members.take("desc", expr)?;
    let nulls_first = members.take("nulls", |tree| match text(tree)?.as_str() {
        "first" => Ok(true),
        "last" => Ok(false),
        _ => Err(QueryError::form("expected `first` or `last`")),
    })?;
    members.finish()?;
    let (expr, descending) = match (ascending, descending) {
        (Some(expr), None) => (expr, false),
        (None, Some(expr)) => (expr, true),
        _ => return Err(QueryError::form("expected either `asc` or `desc`")),
    };
    Ok(SortKey {
        expr,
        descending,
        nulls_first: nulls_first.unwrap_or_default(),
    })
}

fn page(tree: Tree) -> Result<Page> {
    if let Tree::Int(_) = tree {
        return count(tree).map(Page::new);
    }
    let mut members = Members::of(tree)?;
    let page = Page {
        size: members.required("size", count)?,
        by: members
            .take("by", |tree| each(tree, sort_key))?
            .unwrap_or_default(),
        after: members.take("after", text)?,
    };
    members.finish()?;
    Ok(page)
}

fn join(tree: Tree) -> Result<Join> {
    let mut members = Members::of(tree)?;
    let kind = members.required("kind", |tree| {
        let name = text(tree)?;
        JoinKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| unknown("join", &name, JoinKind::ALL.iter().map(|kind| kind.name())))
    })?;
    let join = Join {
        kind,
        with: members.required("with", query)?,
        on: members.required("on", |tree| {
            each(tree, |pair| {
                let [left, right] = exactly(pair)?;
                Ok((expr(left).at_index(0)?, expr(right).at_index(1)?))
            })
        })?,
        prefix: members.take("prefix", text)?.unwrap_or_default().into(),
    };
    members.finish()?;
    Ok(join)
}

fn sessionize(tree: Tree) -> Result<Stage> {
    let mut members = Members::of(tree)?;
    let stage = Stage::Sessionize {
        name: members.required("as", text)?.into(),
        by: members
            .take("by", |tree| each(tree, expr))?
            .unwrap_or_default(),
        time: members.required("time", expr)?,
        gap_seconds: members.required("gap_seconds", |tree| {
            count(tree).map(|gap| i64::try_from(gap).unwrap_or(i64::MAX))
        })?,
    };
    members.finish()?;
    Ok(stage)
}

fn top_per(tree: Tree) -> Result<Stage> {
    let mut members = Members::of(tree)?;
    let stage = Stage::TopPer {
        by: members.required("by", |tree| each(tree, expr))?,
        sort: members
            .take("sort", |tree| each(tree, sort_key))?
            .unwrap_or_default(),
        rows: members.take("rows", count)?.unwrap_or(1),
    };
    members.finish()?;
    Ok(stage)
}

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
        .ok_or_else(|| match function_name.as_str() {
            "approx_count_distinct" | "approx_percentile" => {
                QueryError::form(format!("`{function_name}` is reserved and not built yet"))
            }
            other => unknown("aggregate", other, names()),
        })?;
    let (function, arguments) = match function {
        AggregateFunction::Percentile(_) => {
            let [of, percent] = exactly(content).at(&function_name)?;
            let percent = match percent {
                Tree::Int(percent) => percent as f64,
                Tree::Float(percent) => percent,
                other => return Err(expected("a number", &other).at_index(1).at(&function_name)),
            };
            let of = expr(of).at_index(0).at(&function_name)?;
            (AggregateFunction::Percentile(percent), vec![of])
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
            let bucket = bucket.at(offset(&mut members)?);
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
            let offset = offset(&mut members)?;
            members.finish()?;
            Node::Part(of, part, offset)
        }
        "format_time" => {
            let (of, mut members) = of_member(content)?;
            let pattern = members.required("pattern", text)?;
            let offset = offset(&mut members)?;
            members.finish()?;
            Node::Format(of, pattern, offset)
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

fn offset(members: &mut Members) -> Result<FixedOffset> {
    let offset = members.take("offset", |tree| {
        parse_offset(&text(tree)?)
            .ok_or_else(|| QueryError::form("expected an offset such as `+05:30` or `Z`"))
    })?;
    match offset.or_else(|| parse_offset("Z")) {
        Some(offset) => Ok(offset),
        None => Err(QueryError::form("expected an offset")),
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
