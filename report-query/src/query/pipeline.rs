//! `Query`: a pipeline of stages, as it is written.

use std::borrow::Cow;

use chrono::TimeDelta;

use super::parts::{Expand, Join, Page, SortKey};
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
