//! From queries, expressions and aggregates to the tree.

use chrono::SecondsFormat;

use super::super::parts::SortKey;
use super::super::pipeline::{Query, Stage};
use super::VERSION;
use super::tree::Tree;
use crate::aggregate::Aggregate;
use crate::expr::{Expr, Node, Zone};
use crate::value::Value;

/// An object, member by member.
#[derive(Default)]
struct Members(Vec<(String, Tree)>);

impl Members {
    fn with(mut self, name: &str, value: impl Into<Tree>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    fn maybe<T: Into<Tree>>(self, name: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn tree(self) -> Tree {
        Tree::Map(self.0)
    }
}

fn list<'a, T: 'a>(items: impl IntoIterator<Item = &'a T>, write: impl Fn(&T) -> Tree) -> Tree {
    Tree::List(items.into_iter().map(write).collect())
}

pub(super) fn query(query: &Query) -> Tree {
    Members::default()
        .with("version", Tree::Int(VERSION))
        .with("stages", list(&query.stages, stage))
        .tree()
}

/// A query within a query: the version stands outermost only.
fn nested(query: &Query) -> Tree {
    Tree::tagged("stages", list(&query.stages, stage))
}

fn stage(stage: &Stage) -> Tree {
    let content = match stage {
        Stage::Filter(predicate) => expr(predicate),
        Stage::Extend(columns) | Stage::Select(columns) => list(columns, expr),
        Stage::Expand(expand) => {
            let members = Members::default()
                .with("column", expand.column.as_ref())
                .maybe("as", expand.alias.as_deref())
                .maybe("position", expand.position.as_deref())
                .maybe("keep_empty", expand.keep_empty.then_some(true));
            members.tree()
        }
        Stage::Group { by, aggregates } => Members::default()
            .with("by", list(by, expr))
            .with("aggregate", list(aggregates, aggregate))
            .tree(),
        Stage::Sort(keys) => list(keys, sort_key),
        Stage::Limit(rows) => Tree::from(*rows),
        Stage::Page(page) => Members::default()
            .with("size", page.size)
            .maybe(
                "by",
                (!page.by.is_empty()).then(|| list(&page.by, sort_key)),
            )
            .maybe("after", page.after.as_deref())
            .tree(),
        Stage::Join(join) => Members::default()
            .with("kind", join.kind.name())
            .with("with", nested(&join.with))
            .with(
                "on",
                list(&join.on, |(left, right)| {
                    Tree::List(vec![expr(left), expr(right)])
                }),
            )
            .maybe(
                "prefix",
                (!join.prefix.is_empty()).then_some(join.prefix.as_ref()),
            )
            .tree(),
        Stage::Union(other) => nested(other),
        Stage::Sessionize {
            name,
            by,
            time,
            gap_seconds,
        } => Members::default()
            .with("as", name.as_ref())
            .with("by", list(by, expr))
            .with("time", expr(time))
            .with("gap_seconds", Tree::Int(*gap_seconds))
            .tree(),
        Stage::TopPer { by, sort, rows } => Members::default()
            .with("by", list(by, expr))
            .with("sort", list(sort, sort_key))
            .with("rows", *rows)
            .tree(),
    };
    Tree::tagged(stage.name(), content)
}

fn sort_key(key: &SortKey) -> Tree {
    Members::default()
        .with(if key.descending { "desc" } else { "asc" }, expr(&key.expr))
        .maybe("nulls", key.nulls_first.then_some("first"))
        .tree()
}

pub(super) fn aggregate(aggregate: &Aggregate) -> Tree {
    let content = match aggregate.function.percent() {
        Some(percent) => {
            let mut content: Vec<Tree> = aggregate.arguments.iter().map(expr).collect();
            content.push(literal(&Value::Float(percent)));
            Tree::List(content)
        }
        None => arguments(&aggregate.arguments),
    };
    Members::default()
        .with(aggregate.function.name(), content)
        .maybe("as", aggregate.name.as_deref())
        .maybe("filter", aggregate.filter.as_ref().map(expr))
        .maybe("cap", aggregate.cap)
        .tree()
}

/// One argument stands alone, unless it is an array itself.
fn arguments(arguments: &[Expr]) -> Tree {
    match arguments {
        [one] if !matches!(one.0, Node::List(_)) => expr(one),
        more => list(more, expr),
    }
}

pub(super) fn expr(of: &Expr) -> Tree {
    match &of.0 {
        Node::Column(name) => Tree::tagged("col", name.as_ref()),
        Node::Literal(value) => literal(value),
        Node::Param(name) => Tree::tagged("param", name.as_ref()),
        Node::WhenParam(name, predicate) => {
            Tree::tagged("when_param", vec![name.as_ref().into(), expr(predicate)])
        }
        Node::List(items) => list(items, expr),
        Node::Item => Tree::tagged("item", Vec::new()),
        Node::Field(of, name) => match &of.0 {
            Node::Item => Tree::tagged("field", name.as_ref()),
            _ => Tree::tagged("field", vec![expr(of), name.as_ref().into()]),
        },
        Node::Alias(of, name) => Tree::tagged("as", vec![name.as_ref().into(), expr(of)]),
        Node::Call(function, items) => Tree::tagged(function.name(), arguments(items)),
        Node::Each(each, list, inner) => Tree::tagged(each.name(), vec![expr(list), expr(inner)]),
        Node::Case(arms, otherwise) => match (arms.as_slice(), otherwise) {
            ([(condition, then)], Some(otherwise)) => {
                Tree::tagged("if", vec![expr(condition), expr(then), expr(otherwise)])
            }
            (arms, otherwise) => {
                let arms = list(arms, |(condition, value)| {
                    Tree::List(vec![expr(condition), expr(value)])
                });
                let case = Members::default()
                    .with("when", arms)
                    .maybe("else", otherwise.as_deref().map(expr));
                Tree::tagged("case", case.tree())
            }
        },
        Node::Lookup(of, pairs, otherwise) => {
            let table = list(pairs, |(from, to)| {
                Tree::List(vec![literal(from), literal(to)])
            });
            let lookup = Members::default()
                .with("of", expr(of))
                .with("table", table)
                .maybe("else", otherwise.as_deref().map(expr));
            Tree::tagged("lookup", lookup.tree())
        }
        Node::Bucket(of, bucket) => {
            let members = Members::default()
                .with("of", expr(of))
                .with("by", bucket.name())
                .maybe(zone_member(bucket.zone()), zone(bucket.zone()));
            Tree::tagged("bucket", members.tree())
        }
        Node::Part(of, part, at) => {
            let members = Members::default()
                .with("of", expr(of))
                .with("part", part.name())
                .maybe(zone_member(*at), zone(*at));
            Tree::tagged("part", members.tree())
        }
        Node::Format(of, pattern, at) => {
            let members = Members::default()
                .with("of", expr(of))
                .with("pattern", pattern.as_str())
                .maybe(zone_member(*at), zone(*at));
            Tree::tagged("format_time", members.tree())
        }
    }
}

const fn zone_member(zone: Zone) -> &'static str {
    if zone.offset().is_some() {
        "offset"
    } else {
        "zone"
    }
}

fn zone(zone: Zone) -> Option<String> {
    (zone != Zone::UTC).then(|| zone.to_string())
}

pub(super) fn literal(value: &Value) -> Tree {
    match value {
        Value::Null => Tree::Null,
        Value::Bool(value) => Tree::Bool(*value),
        Value::Int(value) => Tree::Int(*value),
        Value::Float(value) if value.is_nan() => Tree::tagged("float", "NaN"),
        Value::Float(value) if value.is_infinite() => {
            Tree::tagged("float", if *value > 0.0 { "inf" } else { "-inf" })
        }
        Value::Float(value) => Tree::Float(*value),
        Value::Time(time) => {
            Tree::tagged("time", time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        }
        Value::Text(text) => Tree::from(&**text),
        Value::Id(id) => Tree::tagged("id", id.hyphenated().to_string()),
        // A record is no literal; binding refuses it before it matters.
        Value::List(items) | Value::Record(items) => list(items.iter(), literal),
    }
}
