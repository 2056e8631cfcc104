//! What stages are made of: sort keys, expansions, pages, joins.

use std::borrow::Cow;
use std::fmt;

use super::pipeline::Query;
use crate::expr::{Expr, Key};

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
