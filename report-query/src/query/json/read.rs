//! From the tree to queries.

use super::super::parts::{Expand, Join, JoinKind, Page, SortKey};
use super::super::pipeline::{Query, Stage};
use super::VERSION;
use super::members::{Members, count, each, exactly, expected, tagged, text, truth, unknown};
use super::read_expr::{aggregate, expr};
use super::tree::Tree;
use crate::error::{At, QueryError, QueryErrorKind, Result};

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
