//! Running facets: binding them, and one pass over the segments.

use super::columnar::{Counter, Tests, count_facets};
use super::control::Control;
use crate::error::{At, QueryError, Result};
use crate::expr::{Binder, Bound};
use crate::query::{FacetCounts, Facets, STAGE_DEPTH};
use crate::result::{QueryResult, ResultColumn};
use crate::schema::DataType;
use crate::store::Snapshot;
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
        let (tests, _) = Tests::new(&pipeline.stages, schema, snapshot.dictionaries());
        let mut counters: Vec<Counter<'_>> = bound
            .iter()
            .map(|facet| {
                let only = facet.only.as_ref();
                Counter::new(
                    &facet.key,
                    facet.of_list,
                    only,
                    snapshot,
                    self.limits.groups,
                )
            })
            .collect();
        let mut total = 0;
        for part in snapshot.parts() {
            let part = part.between(pipeline.range.from, pipeline.range.to);
            if part.rows.is_empty() {
                continue;
            }
            let selected = tests.select(&part, &control)?;
            total += count_facets(&mut counters, part.segment, selected, &control)?;
        }
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
