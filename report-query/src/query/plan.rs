//! `Plan`: a query that was checked, ready to run.

use std::fmt;

use super::bind::{self, Pipeline};
use super::pipeline::Query;
use crate::error::Result;
use crate::expr::Parameters;
use crate::result::ResultColumn;
use crate::schema::Schema;

/// How much a query may take on its way. Reaching a limit is
/// [`LimitExceeded`](crate::QueryErrorKind::LimitExceeded), never a shorter result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) rows: u64,
    pub(crate) cells: u64,
    pub(crate) groups: u64,
    pub(crate) values: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 50_000_000,
            cells: 200_000_000,
            groups: 5_000_000,
            values: 50_000_000,
        }
    }
}

impl Limits {
    /// The most that can be set: rows are counted in 32 bits.
    const MOST_ROWS: u64 = u32::MAX as u64 - 1;

    /// Rows between two stages: 50,000,000 by default, at most 2^32 - 2.
    #[must_use]
    pub const fn rows(mut self, rows: u64) -> Self {
        self.rows = if rows < Self::MOST_ROWS {
            rows
        } else {
            Self::MOST_ROWS
        };
        self
    }

    /// Computed cells between two stages, and cells of the result:
    /// 200,000,000 by default, 24 bytes each without texts.
    #[must_use]
    pub const fn cells(mut self, cells: u64) -> Self {
        self.cells = cells;
        self
    }

    /// Groups of one stage: 5,000,000 by default. What `top_per` keeps are rows, and limited as such.
    #[must_use]
    pub const fn groups(mut self, groups: u64) -> Self {
        self.groups = groups;
        self
    }

    /// Values that all collections, distinct counts and percentiles of one
    /// stage hold together: 50,000,000 by default.
    #[must_use]
    pub const fn values(mut self, values: u64) -> Self {
        self.values = values;
        self
    }
}

/// A query bound to a schema: names and types are checked, parameters have
/// their values. It runs on any snapshot of a store with this schema, from any
/// thread, as often as one likes.
#[derive(Clone)]
pub struct Plan {
    query: Query,
    schema: Schema,
    pipeline: Pipeline,
    limits: Limits,
    /// Tells the query of a page token from others.
    fingerprint: u64,
}

impl Plan {
    pub(super) fn new(query: &Query, schema: &Schema, parameters: &Parameters) -> Result<Self> {
        Ok(Self {
            query: query.clone(),
            schema: schema.clone(),
            pipeline: bind::bind(query, schema, parameters)?,
            limits: Limits::default(),
            fingerprint: super::json::fingerprint(query, parameters),
        })
    }

    /// Sets how much the query may take on its way.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The columns of the result.
    #[must_use]
    pub fn columns(&self) -> &[ResultColumn] {
        &self.pipeline.columns
    }

    pub(crate) const fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) const fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// What the plan does, for people: one stage a line, with the times that
    /// it reads and the columns it gives. What a run read and took:
    /// [`analyze`](Self::analyze).
    #[must_use]
    pub fn explain(&self) -> Explain<'_> {
        Explain(self)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("query", &self.query)
            .field("columns", &self.pipeline.columns.len())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The text of [`Plan::explain`]. It holds the query's literals.
pub struct Explain<'a>(&'a Plan);

impl fmt::Debug for Explain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Explain").field(self.0).finish()
    }
}

impl fmt::Display for Explain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        f.write_str("scan")?;
        let range = plan.pipeline.range;
        if let Some(from) = range.from {
            write!(f, " from {}", from.to_rfc3339())?;
        }
        if let Some(to) = range.to {
            write!(f, " to {}", to.to_rfc3339())?;
        }
        if !plan.query.stages.is_empty() {
            write!(f, "\n{}", plan.query)?;
        }
        f.write_str("\ngive")?;
        for (index, column) in plan.pipeline.columns.iter().enumerate() {
            let separator = if index > 0 { "," } else { "" };
            write!(f, "{separator} {} {}", column.name, column.data_type)?;
        }
        Ok(())
    }
}
