//! The text of a query, one stage a line.

use std::fmt;

use super::parts::SortKey;
use super::pipeline::{Query, Stage};
use crate::aggregate::Aggregate;

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, stage) in self.stages.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{stage}")?;
        }
        Ok(())
    }
}

struct Listed<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for SortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)?;
        if self.descending {
            f.write_str(" desc")?;
        }
        if self.nulls_first {
            f.write_str(" nulls first")?;
        }
        Ok(())
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}", self.function.name(), Listed(&self.arguments))?;
        if let Some(percent) = self.function.percent() {
            write!(f, ", {percent}")?;
        }
        f.write_str(")")?;
        if let Some(filter) = &self.filter {
            write!(f, " where {filter}")?;
        }
        if let Some(name) = &self.name {
            write!(f, " as {name}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.name())?;
        match self {
            Self::Filter(predicate) => predicate.fmt(f),
            Self::Extend(columns) | Self::Select(columns) => Listed(columns).fmt(f),
            Self::Expand(expand) => f.write_str(&expand.column),
            Self::Group { by, aggregates } => {
                write!(f, "by {}: {}", Listed(by), Listed(aggregates))
            }
            Self::Sort(keys) => Listed(keys).fmt(f),
            Self::Limit(rows) => rows.fmt(f),
            Self::Page(page) => write!(f, "of {} by {}", page.size, Listed(&page.by)),
            Self::Join(join) => {
                write!(f, "{}", join.kind.name())?;
                for (left, right) in &join.on {
                    write!(f, " {left} = {right}")?;
                }
                indented(f, &join.with)
            }
            Self::Union(query) => indented(f, query),
            Self::Sessionize {
                name,
                by,
                time,
                gap_seconds,
            } => write!(f, "{name} by {}: {time} within {gap_seconds} s", Listed(by)),
            Self::TopPer { by, sort, rows } => {
                write!(f, "{rows} by {}: {}", Listed(by), Listed(sort))
            }
        }
    }
}

fn indented(f: &mut fmt::Formatter<'_>, query: &Query) -> fmt::Result {
    for line in query.to_string().lines() {
        write!(f, "\n    {line}")?;
    }
    Ok(())
}
