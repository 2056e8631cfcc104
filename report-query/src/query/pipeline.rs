//! `Query`: a pipeline of stages, as it is written.

use std::borrow::Cow;
use std::fmt;

use chrono::TimeDelta;

use super::plan::Plan;
use crate::aggregate::Aggregate;
use crate::error::Result;
use crate::expr::{Expr, Key, Parameters};
use crate::schema::Schema;

/// A pipeline of stages over the rows of a store.
///
/// ```
/// use report_query::{Bucket, Expr, Query, col, count, count_distinct, desc};
///
/// const TIME: Expr = Expr::column("time");
///
/// let busy_days = Query::new()
///     .filter(col("result").ne("success"))
///     .group_by([col("activity"), TIME.bucket(Bucket::DAY)])
///     .aggregate([count().alias("requests"), count_distinct(col("actor")).alias("people")])
///     .filter(col("requests").gt(10))
///     .sort([desc("requests")])
///     .limit(10);
/// # let _ = busy_days;
/// ```
///
/// `Display` writes one stage a line, with literals; `Debug` leaves literals out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub(crate) stages: Vec<Stage>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stage {
    Filter(Expr),
    Extend(Vec<Expr>),
    Select(Vec<Expr>),
    Expand(Expand),
    Group {
        by: Vec<Expr>,
        aggregates: Vec<Aggregate>,
    },
    Sort(Vec<SortKey>),
    Limit(u64),
    Page(Page),
    Join(Box<Join>),
    Union(Query),
    Sessionize {
        name: Cow<'static, str>,
        by: Vec<Expr>,
        time: Expr,
        gap_seconds: i64,
    },
    TopPer {
        by: Vec<Expr>,
        sort: Vec<SortKey>,
        rows: u64,
    },
}

impl Stage {
    /// The name in the JSON form.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Filter(_) => "filter",
            Self::Extend(_) => "extend",
            Self::Select(_) => "select",
            Self::Expand(_) => "expand",
            Self::Group { .. } => "group",
            Self::Sort(_) => "sort",
            Self::Limit(_) => "limit",
            Self::Page(_) => "page",
            Self::Join(_) => "join",
            Self::Union(_) => "union",
            Self::Sessionize { .. } => "sessionize",
            Self::TopPer { .. } => "top_per",
        }
    }
}

fn exprs(keys: impl IntoIterator<Item = impl Into<Key>>) -> Vec<Expr> {
    keys.into_iter().map(|key| key.into().0).collect()
}

impl Query {
    /// All rows and columns of the store.
    #[must_use]
    pub const fn new() -> Self {
        Self { stages: Vec::new() }
    }

    fn with(mut self, stage: Stage) -> Self {
        self.stages.push(stage);
        self
    }

    /// Keeps the rows of which the predicate is true: not those of which it is
    /// false or null.
    #[must_use]
    pub fn filter(self, predicate: impl Into<Expr>) -> Self {
        self.with(Stage::Filter(predicate.into()))
    }

    /// Adds computed columns, named by [`Expr::alias`]. One with the name of a
    /// column takes that column's place. All see the columns as they were before.
    #[must_use]
    pub fn extend(self, columns: impl IntoIterator<Item = impl Into<Key>>) -> Self {
        self.with(Stage::Extend(exprs(columns)))
    }

    /// Keeps these columns, in this order; each a column or a named expression.
    #[must_use]
    pub fn select(self, columns: impl IntoIterator<Item = impl Into<Key>>) -> Self {
        self.with(Stage::Select(exprs(columns)))
    }

    /// Makes one row of each item of a list column. See [`Expand`] for rows
    /// without an item.
    #[must_use]
    pub fn expand(self, expand: impl Into<Expand>) -> Self {
        self.with(Stage::Expand(expand.into()))
    }

    /// Groups rows whose keys are equal, null keys too; what the groups come
    /// to is said by [`GroupBy::aggregate`].
    #[must_use]
    pub fn group_by(self, keys: impl IntoIterator<Item = impl Into<Key>>) -> GroupBy {
        GroupBy {
            query: self,
            by: exprs(keys),
        }
    }

    /// Makes one group of all rows: always one row, even of none.
    #[must_use]
    pub fn aggregate(self, aggregates: impl IntoIterator<Item = Aggregate>) -> Self {
        self.with(Stage::Group {
            by: Vec::new(),
            aggregates: aggregates.into_iter().collect(),
        })
    }

    /// One row for each different combination of the keys, in ascending order.
    #[must_use]
    pub fn distinct(self, keys: impl IntoIterator<Item = impl Into<Key>>) -> Self {
        self.group_by(keys).aggregate([])
    }

    /// Sorts by several keys, the first first. Rows that are equal in all of
    /// them stay in the order they had.
    #[must_use]
    pub fn sort(self, keys: impl IntoIterator<Item = impl Into<SortKey>>) -> Self {
        self.with(Stage::Sort(keys.into_iter().map(Into::into).collect()))
    }

    /// Keeps at most so many rows, the first ones.
    #[must_use]
    pub fn limit(self, rows: u64) -> Self {
        self.with(Stage::Limit(rows))
    }

    /// Sorts, and keeps one page. The result has the
    /// [token of the next page](crate::QueryResult::next_page).
    /// Only `extend` and `select` may come after it.
    #[must_use]
    pub fn page(self, page: impl Into<Page>) -> Self {
        self.with(Stage::Page(page.into()))
    }

    /// Joins with the rows of another query over the same store.
    #[must_use]
    pub fn join(self, join: Join) -> Self {
        self.with(Stage::Join(Box::new(join)))
    }

    /// These rows, and then the rows of another query over the same store.
    /// Columns are matched by name; what one side lacks is null there.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        self.with(Stage::Union(other))
    }

    /// Adds a column that tells sessions apart: rows with equal keys, each at
    /// most `gap` after the one before it, have the time of the first of them
    /// there. So a group by the keys and this column makes one row of each session.
    ///
    /// ```
    /// use chrono::TimeDelta;
    /// use report_query::{Query, col, collect_set, min};
    ///
    /// let registrations = Query::new()
    ///     .sessionize("session", ["actor"], col("time"), TimeDelta::minutes(10))
    ///     .group_by(["actor", "session"])
    ///     .aggregate([min(col("time")).alias("time"), collect_set(col("method")).alias("methods")]);
    /// # let _ = registrations;
    /// ```
    ///
    /// Rows without a time have no session (null). The gap counts in whole seconds.
    #[must_use]
    pub fn sessionize(
        self,
        name: impl Into<Cow<'static, str>>,
        keys: impl IntoIterator<Item = impl Into<Key>>,
        time: impl Into<Expr>,
        gap: TimeDelta,
    ) -> Self {
        self.with(Stage::Sessionize {
            name: name.into(),
            by: exprs(keys),
            time: time.into(),
            gap_seconds: gap.num_seconds(),
        })
    }

    /// Of the rows with equal keys keeps at most so many, the first in an
    /// order: the latest row of each request is
    /// `top_per(["request"], [desc("time")], 1)`. The kept rows stay in their
    /// order; rows equal in the sort keys count in the order they have.
    #[must_use]
    pub fn top_per(
        self,
        keys: impl IntoIterator<Item = impl Into<Key>>,
        sort: impl IntoIterator<Item = impl Into<SortKey>>,
        rows: u64,
    ) -> Self {
        self.with(Stage::TopPer {
            by: exprs(keys),
            sort: sort.into_iter().map(Into::into).collect(),
            rows,
        })
    }

    /// Checks every name and type against a schema.
    ///
    /// Parameters have no values then; the plan runs only if it needs none.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its place.
    pub fn bind(&self, schema: &Schema) -> Result<Plan> {
        self.bind_with(schema, &Parameters::new())
    }

    /// As [`bind`](Query::bind), with the values of parameters.
    ///
    /// # Errors
    ///
    /// As [`bind`](Query::bind). A parameter that is not given is an error
    /// only when the plan runs.
    pub fn bind_with(&self, schema: &Schema, parameters: &Parameters) -> Result<Plan> {
        Plan::new(self, schema, parameters)
    }
}

/// A query that waits for the aggregates of its groups.
#[derive(Clone, Debug)]
#[must_use]
pub struct GroupBy {
    query: Query,
    by: Vec<Expr>,
}

impl GroupBy {
    /// What each group comes to. The rows come in ascending order of the keys,
    /// nulls last; the columns are the keys and then the aggregates.
    #[must_use]
    pub fn aggregate(self, aggregates: impl IntoIterator<Item = Aggregate>) -> Query {
        self.query.with(Stage::Group {
            by: self.by,
            aggregates: aggregates.into_iter().collect(),
        })
    }
}

/// A key to sort by. Nulls come last in both directions, unless
/// [said otherwise](SortKey::nulls_first).
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// From the least to the greatest.
#[must_use]
pub fn asc(key: impl Into<Key>) -> SortKey {
    SortKey {
        expr: key.into().0,
        descending: false,
        nulls_first: false,
    }
}

/// From the greatest to the least.
#[must_use]
pub fn desc(key: impl Into<Key>) -> SortKey {
    SortKey {
        descending: true,
        ..asc(key)
    }
}

impl SortKey {
    /// Puts nulls before all values.
    #[must_use]
    pub const fn nulls_first(mut self) -> Self {
        self.nulls_first = true;
        self
    }
}

/// Makes rows of the items of a list.
///
/// A row whose list is empty or null gives no row, unless
/// [kept](Expand::keep_empty).
///
/// ```
/// use report_query::{Expand, Query, col, count};
///
/// let by_target = Query::new()
///     .expand(Expand::new("targets").alias("target"))
///     .group_by([col("target").field("type")])
///     .aggregate([count()]);
/// # let _ = by_target;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expand {
    pub(crate) column: Cow<'static, str>,
    pub(crate) alias: Option<Cow<'static, str>>,
    pub(crate) position: Option<Cow<'static, str>>,
    pub(crate) keep_empty: bool,
}

impl Expand {
    /// Of a list column, whose name the item keeps.
    #[must_use]
    pub fn new(column: impl Into<Cow<'static, str>>) -> Self {
        Self {
            column: column.into(),
            alias: None,
            position: None,
            keep_empty: false,
        }
    }

    /// Names the column of the item.
    #[must_use]
    pub fn alias(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.alias = Some(name.into());
        self
    }

    /// Adds a column with the item's position in its list, from 0.
    #[must_use]
    pub fn position(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.position = Some(name.into());
        self
    }

    /// Makes one row with a null of an empty list, and of a null.
    #[must_use]
    pub const fn keep_empty(mut self) -> Self {
        self.keep_empty = true;
        self
    }
}

impl From<&'static str> for Expand {
    fn from(column: &'static str) -> Self {
        Self::new(column)
    }
}

/// One page of the rows in a sorted order.
///
/// Without keys of its own a page sorts by the store's time and id, newest
/// first. The token of a page holds the sort keys of its last row and the
/// newest ingest number of the first page's snapshot: rows that come later are
/// in no later page, so each row is seen once. Rows equal in all keys are
/// counted, so keys need not be unique.
#[derive(Clone, PartialEq)]
pub struct Page {
    pub(crate) size: u64,
    pub(crate) by: Vec<SortKey>,
    pub(crate) after: Option<String>,
}

impl Page {
    /// The first page of so many rows.
    #[must_use]
    pub const fn new(size: u64) -> Self {
        Self {
            size,
            by: Vec::new(),
            after: None,
        }
    }

    /// Sets the keys to sort by.
    #[must_use]
    pub fn by(mut self, keys: impl IntoIterator<Item = SortKey>) -> Self {
        self.by = keys.into_iter().collect();
        self
    }

    /// The page after the one whose result gave this token.
    #[must_use]
    pub fn after(mut self, token: impl Into<String>) -> Self {
        self.after = Some(token.into());
        self
    }
}

impl From<u64> for Page {
    fn from(size: u64) -> Self {
        Self::new(size)
    }
}

/// The token holds values of a row, so it is not shown.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("size", &self.size)
            .field("by", &self.by)
            .field("after", &self.after.is_some())
            .finish()
    }
}

/// Which rows a join gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JoinKind {
    /// Each pair of rows with equal keys.
    Inner,
    /// As inner, and each left row without a partner once, with nulls.
    Left,
    /// Each left row that has a partner, once, alone.
    Semi,
    /// Each left row that has no partner, alone.
    Anti,
}

impl JoinKind {
    pub(crate) const ALL: [Self; 4] = [Self::Inner, Self::Left, Self::Semi, Self::Anti];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Inner => "inner",
            Self::Left => "left",
            Self::Semi => "semi",
            Self::Anti => "anti",
        }
    }
}

/// A join with another query over the same store.
///
/// Rows are partners when all keys are equal and none is null. The rows come in
/// the order of the left side, and for one left row in the order of the right.
///
/// ```
/// use report_query::{Join, Query, col};
///
/// let decisions = Query::new().filter(col("activity").eq("approve")).select(["request", "actor"]);
/// let decided = Query::new()
///     .filter(col("activity").eq("request"))
///     .join(Join::left(decisions).on("id", "request").prefix("decision_"));
/// # let _ = decided;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    pub(crate) kind: JoinKind,
    pub(crate) with: Query,
    pub(crate) on: Vec<(Expr, Expr)>,
    pub(crate) prefix: Cow<'static, str>,
}

impl Join {
    /// A join of a kind.
    #[must_use]
    pub const fn new(kind: JoinKind, with: Query) -> Self {
        Self {
            kind,
            with,
            on: Vec::new(),
            prefix: Cow::Borrowed(""),
        }
    }

    /// Each pair of rows with equal keys.
    #[must_use]
    pub const fn inner(with: Query) -> Self {
        Self::new(JoinKind::Inner, with)
    }

    /// As inner, and each left row without a partner once, with nulls.
    #[must_use]
    pub const fn left(with: Query) -> Self {
        Self::new(JoinKind::Left, with)
    }

    /// Each left row that has a partner, once, alone.
    #[must_use]
    pub const fn semi(with: Query) -> Self {
        Self::new(JoinKind::Semi, with)
    }

    /// Each left row that has no partner, alone.
    #[must_use]
    pub const fn anti(with: Query) -> Self {
        Self::new(JoinKind::Anti, with)
    }

    /// Adds a pair of keys: of this side, and of the other query's result.
    #[must_use]
    pub fn on(mut self, left: impl Into<Key>, right: impl Into<Key>) -> Self {
        self.on.push((left.into().0, right.into().0));
        self
    }

    /// Puts a text before the names of the other query's columns, so that no
    /// two columns have one name.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Cow<'static, str>>) -> Self {
        self.prefix = prefix.into();
        self
    }
}

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
        write!(f, "{}({})", self.function.name(), Listed(&self.arguments))?;
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
