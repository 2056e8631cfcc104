//! Running facets: binding them, and one pass over the segments.

use super::columnar::{Counter, Tests, count_facets};
use super::control::{Control, Most};
use crate::aggregate::count;
use crate::error::{At, QueryError, Result};
use crate::expr::{Binder, Bound};
use crate::query::{FacetCounts, Facets, Query, STAGE_DEPTH};
use crate::result::{QueryResult, ResultColumn};
use crate::schema::DataType;
use crate::store::{Part, Snapshot};
use crate::value::Value;

/// How many facets may be counted at once.
const MOST: usize = 1000;

/// A facet whose columns are positions.
struct BoundFacet {
    key: Bound,
    of_list: bool,
    only: Option<Bound>,
    columns: Vec<ResultColumn>,
}

impl Facets {
    /// Binds and counts.
    ///
    /// # Errors
    ///
    /// What is wrong with a filter, a key or a choice, with its place
    /// (`facets[1].only`); a missing parameter; an overflow, also of a row that another
    /// choice leaves out; a limit.
    pub fn run(&self, snapshot: &Snapshot) -> Result<FacetCounts> {
        self.run_until(snapshot, &|| false)
    }

    /// Counts until it is done, or until `stop` says true; see
    /// [`Plan::run_until`](crate::Plan::run_until).
    ///
    /// # Errors
    ///
    /// As [`run`](Facets::run), and [`Cancelled`](crate::QueryErrorKind::Cancelled).
    pub fn run_until(
        &self,
        snapshot: &Snapshot,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<FacetCounts> {
        let schema = snapshot.schema();
        let bound = self.bound(snapshot)?;
        let base = self.base().bind_with(schema, &self.parameters)?;
        let control = Control::new(&self.limits, stop);
        control.check()?;

        let pipeline = base.pipeline();
        let parts = snapshot.parts();
        let parts = parts.map(|part| part.between(pipeline.range.from, pipeline.range.to));
        let mut parts: Vec<Part<'_>> = parts.filter(|part| !part.rows.is_empty()).collect();
        parts.sort_by_key(|part| part.segment.first_key());
        let (tests, front) = Tests::with_first(&pipeline.stages, snapshot, &parts, &control)?;
        if front < pipeline.stages.len() {
            return self.one_by_one(snapshot, stop);
        }
        let mut counters: Vec<Counter<'_>> = bound
            .iter()
            .map(|facet| {
                let only = facet.only.as_ref();
                Counter::new(
                    &facet.key,
                    facet.of_list,
                    only,
                    snapshot,
                    Most::groups(&self.limits),
                )
            })
            .collect();
        let total = count_facets(&mut counters, &parts, &tests, &control)?;
        let counts: Vec<Vec<(Value, u64)>> = counters.into_iter().map(Counter::finish).collect();
        let results = bound
            .iter()
            .zip(counts)
            .map(|(facet, counts)| {
                let rows = counts.len();
                let cell = |(value, count)| {
                    // More rows than that there are not.
                    [value, Value::Int(i64::try_from(count).unwrap_or(i64::MAX))]
                };
                let cells = counts.into_iter().flat_map(cell).collect();
                QueryResult::from_cells(facet.columns.clone(), cells, rows)
            })
            .collect();
        Ok(FacetCounts { total, results })
    }

    /// Each facet by its own query, where the rows are not found on columns.
    fn one_by_one(
        &self,
        snapshot: &Snapshot,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<FacetCounts> {
        let schema = snapshot.schema();
        let run = |query: Query| {
            let plan = query.bind_with(schema, &self.parameters)?;
            plan.with_limits(self.limits).run_until(snapshot, stop)
        };
        let total = run(self.rows(None).aggregate([count()]))?;
        let total = total.value(0, "count").and_then(Value::as_int);
        let queries = (0..self.facets.len()).filter_map(|index| self.query(index, schema));
        Ok(FacetCounts {
            total: total
                .and_then(|total| u64::try_from(total).ok())
                .unwrap_or_default(),
            results: queries.map(run).collect::<Result<_>>()?,
        })
    }

    fn bound(&self, snapshot: &Snapshot) -> Result<Vec<BoundFacet>> {
        if self.facets.len() > MOST {
            return Err(QueryError::limit("facets", MOST as u64));
        }
        let columns: Vec<ResultColumn> = snapshot
            .schema()
            .fields()
            .iter()
            .map(ResultColumn::from)
            .collect();
        let binder = Binder {
            columns: &columns,
            parameters: &self.parameters,
            depth: STAGE_DEPTH,
        };
        let facet = |(index, facet): (usize, &crate::query::Facet)| {
            let only = facet.only.as_ref();
            let only = only.map(|only| binder.predicate(only)).transpose();
            let (mut column, key) = binder.named(&facet.key).at("key").at_index(index)?;
            let of_list = match &column.data_type {
                DataType::List(item) => {
                    column.data_type = (**item).clone();
                    true
                }
                _ => false,
            };
            Ok(BoundFacet {
                key,
                of_list,
                only: only.at("only").at_index(index)?,
                columns: vec![column, ResultColumn::new("count", DataType::Int)],
            })
        };
        self.facets
            .iter()
            .enumerate()
            .map(facet)
            .collect::<Result<_>>()
            .at("facets")
    }
}
