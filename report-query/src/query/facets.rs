//! `Facets`: how many rows each choice of a list of filters would leave.

use super::parts::{Expand, SortKey};
use super::pipeline::Query;
use super::plan::Limits;
use crate::aggregate::count;
use crate::expr::{Expr, Key, Parameters, col};
use crate::result::QueryResult;
use crate::schema::{DataType, Schema};

/// One facet: what is counted by value, and what is chosen of it.
///
/// ```
/// use report_query::{Facet, col};
///
/// let of_result = Facet::new("result").only(col("result").in_list(["failure", "denied"]));
/// # let _ = of_result;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Facet {
    pub(crate) key: Expr,
    pub(crate) only: Option<Expr>,
}

impl Facet {
    /// Counts by the values of a column or expression; of a list by its items, each once a
    /// row.
    pub fn new(key: impl Into<Key>) -> Self {
        Self {
            key: key.into().0,
            only: None,
        }
    }

    /// What is chosen: all other facets count the rows of which it is true, this one all.
    /// Called again, it is both.
    pub fn only(mut self, predicate: impl Into<Expr>) -> Self {
        let predicate = predicate.into();
        self.only = Some(match self.only {
            Some(before) => before.and(predicate),
            None => predicate,
        });
        self
    }
}

/// The counts beside the choices of several filters, all in one pass over the rows.
///
/// Each facet is counted under the filters for all and under what is chosen of every
/// other facet, but not of its own: so it shows what another choice would give. Counts
/// are exact, and each facet is what its [query](Facets::query) gives.
///
/// ```
/// use report_query::{Facet, Facets, Query, Value, col};
/// # use chrono::{DateTime, Utc};
/// # use report_query::{DataType, Field, Retention, Schema, Store, StoreOptions};
/// # let schema = Schema::new([
/// #     Field::new("time", DataType::Time).required(),
/// #     Field::new("id", DataType::Id).required(),
/// #     Field::new("door", DataType::Text),
/// #     Field::new("result", DataType::Text),
/// # ])?.with_key("time", "id")?;
/// # let store = Store::new(schema, StoreOptions::new(Retention::MONTH))?;
/// # let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().expect("a time");
/// # let rows = [("front", "open"), ("front", "shut"), ("back", "open")];
/// # let rows = rows.iter().enumerate().map(|(id, (door, result))| {
/// #     vec![now.into(), uuid::Uuid::from_u128(id as u128).into(), (*door).into(), (*result).into()]
/// # });
/// # store.append(rows.collect::<Vec<Vec<Value>>>(), now);
///
/// let facets = Facets::new([
///     Facet::new("door").only(col("door").eq("front")),
///     Facet::new("result").only(col("result").eq("open")),
/// ]);
/// let counts = facets.run(&store.snapshot())?;
/// assert_eq!(counts.total(), 1);
/// // Of what is open, one is at the back and one at the front.
/// let doors = counts.get(0).ok_or("no facet")?;
/// assert_eq!(doors.row(0), Some(&["back".into(), 1.into()][..]));
/// assert_eq!(doors.row(1), Some(&["front".into(), 1.into()][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Facets {
    /// The stages for all: filters, and maybe the first row of each key among them.
    base: Query,
    pub(crate) facets: Vec<Facet>,
    pub(crate) parameters: Parameters,
    pub(crate) limits: Limits,
}

impl Facets {
    /// These facets.
    pub fn new(facets: impl IntoIterator<Item = Facet>) -> Self {
        Self {
            base: Query::new(),
            facets: facets.into_iter().collect(),
            parameters: Parameters::new(),
            limits: Limits::default(),
        }
    }

    /// Counts only the rows of which a predicate is true, for all facets alike.
    pub fn filter(mut self, predicate: impl Into<Expr>) -> Self {
        self.base = self.base.filter(predicate);
        self
    }

    /// Counts only the first rows of each key, as [`Query::top_per`] does, of those that the
    /// filters before it let through; a filter after it sees these alone.
    ///
    /// ```
    /// use report_query::{Facet, Facets, col, desc};
    ///
    /// let latest = Facets::new([Facet::new("result")])
    ///     .filter(col("kind").ne("noise"))
    ///     .top_per(["request"], [desc("time")], 1)
    ///     .filter(col("actor").eq("alice"));
    /// # let _ = latest;
    /// ```
    pub fn top_per(
        mut self,
        keys: impl IntoIterator<Item = impl Into<Key>>,
        sort: impl IntoIterator<Item = impl Into<SortKey>>,
        rows: u64,
    ) -> Self {
        self.base = self.base.top_per(keys, sort, rows);
        self
    }

    /// The values of parameters.
    pub fn with_parameters(mut self, parameters: Parameters) -> Self {
        self.parameters = parameters;
        self
    }

    /// Sets how many groups a facet may have.
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The filters for all, and what is chosen of every facet but one: the rows that a
    /// list beside the facets shows, if none is left out.
    #[must_use]
    pub fn rows(&self, without: Option<usize>) -> Query {
        let mut query = self.base();
        for (index, facet) in self.facets.iter().enumerate() {
            if let Some(only) = facet.only.as_ref().filter(|_| without != Some(index)) {
                query = query.filter(only.clone());
            }
        }
        query
    }

    /// The filters for all.
    pub(crate) fn base(&self) -> Query {
        self.base.clone()
    }

    /// The query that counts a facet alone: a row for each value, ascending, nulls last,
    /// with a column `count`; none if there is no such facet. The schema says whether it
    /// is one of a list.
    #[must_use]
    pub fn query(&self, index: usize, schema: &Schema) -> Option<Query> {
        let key = self.facets.get(index)?.key.clone();
        let rows = self.rows(Some(index));
        let select = Query::new().select([key.clone()]);
        let plan = select.bind_with(schema, &self.parameters).ok();
        let is_list = plan.is_some_and(|plan| {
            let mut columns = plan.columns().iter();
            columns.all(|column| matches!(column.data_type, DataType::List(_)))
        });
        let Some(name) = key.name().filter(|_| is_list).cloned() else {
            // Of a key that is wrong, binding it says what.
            return Some(rows.group_by([key]).aggregate([count()]));
        };
        let items = key.without_alias().distinct().alias(name.clone());
        let each = rows
            .extend([items])
            .expand(Expand::new(name.clone()))
            .group_by([col(name)]);
        Some(each.aggregate([count()]))
    }
}

/// What [`Facets`] come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCounts {
    pub(crate) total: u64,
    pub(crate) results: Vec<QueryResult>,
}

impl FacetCounts {
    /// How many rows all choices leave together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The values of a facet and how many rows each has, ascending by value, nulls last.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&QueryResult> {
        self.results.get(index)
    }

    /// Each facet, in the order in which they were given.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &QueryResult> {
        self.results.iter()
    }
}
