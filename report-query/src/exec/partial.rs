//! Answering in parts: the groups of some rows with the states of their aggregates, and
//! the one answer made of several of these.

use super::batch::{Batch, Pick, position};
use super::columnar::{Grouping, Tests};
use super::control::{Control, Most};
use super::group::{self, Numbered};
use super::run::{behind, place, result};
use super::stage::{self, by_row, not_splittable};
use crate::aggregate::{AggregateFunction, Budget, Partial, Place};
use crate::error::{QueryError, Result};
use crate::query::{BoundStage, Groups, Merging, PartialResult, Pipeline, Plan, partial_error};
use crate::result::QueryResult;
use crate::schema::{DataType, Schema};
use crate::store::{Part, Segment, Snapshot};
use crate::value::Value;

impl Plan {
    /// What the query knows of the rows of a snapshot, to be [finished](Plan::finish) with what
    /// it knows of the rows of others.
    ///
    /// That is so for a query whose first group stands behind stages that look at one row
    /// at a time: `filter`, `extend`, `select`, `expand`. Behind the group there may be any
    /// stage but `page`, `join` and `union`.
    ///
    /// # Errors
    ///
    /// [`NotSplittable`](crate::QueryErrorKind::NotSplittable) for other queries, with the stage;
    /// otherwise as [`run`](Plan::run).
    pub fn partial(&self, snapshot: &Snapshot) -> Result<PartialResult> {
        self.partial_until(snapshot, &|| false)
    }

    /// As [`partial`](Plan::partial), until it is done or `stop` says true; see
    /// [`run_until`](Plan::run_until).
    ///
    /// # Errors
    ///
    /// As [`partial`](Plan::partial), and [`Cancelled`](crate::QueryErrorKind::Cancelled).
    pub fn partial_until(
        &self,
        snapshot: &Snapshot,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<PartialResult> {
        self.check_schema(snapshot)?;
        let pipeline = self.pipeline();
        let split = Split::new(pipeline)?;
        split.check_behind(pipeline)?;
        let control = Control::new(self.limits(), stop);
        control.check()?;
        let schema = snapshot.schema();
        let (dictionaries, memo) = (snapshot.dictionaries(), Some(snapshot.memo()));
        let (tests, filters) = Tests::new(&pipeline.stages, schema, dictionaries, memo);
        let (from, to) = (pipeline.range.from, pipeline.range.to);
        let parts = snapshot.parts().map(|part| part.between(from, to));
        let parts: Vec<Part<'_>> = parts.filter(|part| !part.rows.is_empty()).collect();
        let front = Front {
            snapshot,
            schema,
            tests: &tests,
            split: &split,
            rows: pipeline
                .stages
                .get(filters..split.grouping.stage)
                .unwrap_or_default(),
            filters,
            control,
        };
        let functions = split.functions();
        let mut merging = Merging::new(&functions, control.limits);
        if let Some(groups) = front.on_columns(&parts)? {
            merging.add(groups).map_err(|error| split.place(error))?;
        } else {
            for part in &parts {
                let groups = front.by_rows(part)?;
                merging.add(groups).map_err(|error| split.place(error))?;
            }
        }
        let mut groups = merging.groups;
        split.complete(&mut groups);
        Ok(PartialResult {
            fingerprint: self.fingerprint(),
            keys: split.grouping.by.len(),
            functions,
            groups,
        })
    }

    /// The answer over all the rows that partial results of this query know of.
    ///
    /// # Errors
    ///
    /// [`PartialResult`](crate::QueryErrorKind::PartialResult) if one is of another query, of
    /// other parameters or of other types; otherwise as [`partial`](Plan::partial).
    pub fn finish(&self, partials: impl IntoIterator<Item = PartialResult>) -> Result<QueryResult> {
        let pipeline = self.pipeline();
        let split = Split::new(pipeline)?;
        split.check_behind(pipeline)?;
        let control = Control::new(self.limits(), &|| false);
        let functions = split.functions();
        let own = PartialResult {
            fingerprint: self.fingerprint(),
            keys: split.grouping.by.len(),
            functions: functions.clone(),
            groups: Groups::new(),
        };
        let mut merging = Merging::new(&functions, control.limits);
        for partial in partials {
            own.check_query(&partial)?;
            split.check_types(&partial.groups)?;
            merging
                .add(partial.groups)
                .map_err(|error| split.place(error))?;
        }
        let batch = split.finish(merging.groups, &control)?;
        let batch = behind(
            pipeline,
            split.grouping.stage + 1,
            batch,
            &control,
            |batch, stage, limit| stage::apply(batch, stage, limit, &control),
        )?;
        result(pipeline, batch, &control)
    }
}

/// A pipeline whose first group can be made of parts of the rows.
pub(super) struct Split<'p> {
    grouping: Grouping<'p>,
    /// Of the keys and then of the aggregates.
    types: &'p [DataType],
}

impl<'p> Split<'p> {
    pub(super) fn new(pipeline: &'p Pipeline) -> Result<Self> {
        for (index, stage) in pipeline.stages.iter().enumerate() {
            match stage {
                BoundStage::Filter(_)
                | BoundStage::Extend(_)
                | BoundStage::Select(_)
                | BoundStage::Expand { .. } => {}
                BoundStage::Group {
                    by,
                    aggregates,
                    types,
                } => {
                    let grouping = Grouping {
                        by,
                        aggregates,
                        stage: index,
                    };
                    return Ok(Self { grouping, types });
                }
                other => {
                    let error = not_splittable("the stage needs all rows at once");
                    return Err(place(index, other)(error));
                }
            }
        }
        Err(not_splittable("a group is needed"))
    }

    /// Whether the stages behind the group need no store.
    fn check_behind(&self, pipeline: &Pipeline) -> Result<()> {
        for (index, stage) in pipeline
            .stages
            .iter()
            .enumerate()
            .skip(self.grouping.stage + 1)
        {
            if let BoundStage::Page { .. } | BoundStage::Join(_) | BoundStage::Union { .. } = stage
            {
                let error = not_splittable("the stage needs the store itself");
                return Err(place(index, stage)(error));
            }
        }
        Ok(())
    }

    pub(super) fn functions(&self) -> Vec<AggregateFunction> {
        let functions = self.grouping.aggregates.iter();
        functions.map(|aggregate| aggregate.function).collect()
    }

    fn place(&self, error: QueryError) -> QueryError {
        self.grouping.place(error)
    }

    /// Whether groups that come from elsewhere are of the types of this query's.
    fn check_types(&self, groups: &Groups) -> Result<()> {
        let (keys, columns) = self
            .types
            .split_at_checked(self.grouping.by.len())
            .unwrap_or_default();
        let fits = groups.iter().all(|(key, states)| {
            let mut key = key.iter().zip(keys);
            let mut states = states.iter().zip(self.grouping.aggregates).zip(columns);
            key.all(|(value, data_type)| data_type.mismatch(value).is_none())
                && states.all(|((state, aggregate), column)| state.fits(aggregate.function, column))
        });
        if fits {
            Ok(())
        } else {
            Err(partial_error("of other types"))
        }
    }

    /// Without keys there is one group of all rows, even of none.
    fn complete(&self, groups: &mut Groups) {
        if self.grouping.by.is_empty() {
            let none = || {
                self.grouping
                    .aggregates
                    .iter()
                    .map(|of| Partial::new(of.function))
            };
            let group = groups.entry(Box::default());
            group.or_insert_with(|| none().collect());
        }
    }

    /// A row for each group, ascending by the keys.
    pub(super) fn finish<'s>(
        &self,
        mut groups: Groups,
        control: &Control<'_>,
    ) -> Result<Batch<'s>> {
        self.complete(&mut groups);
        let mut ticker = control.ticker();
        let mut keys = Vec::with_capacity(groups.len());
        let mut columns: Vec<Vec<Value>> =
            vec![Vec::with_capacity(groups.len()); self.grouping.aggregates.len()];
        for (key, states) in groups {
            keys.push(key);
            for ((state, aggregate), column) in states
                .into_iter()
                .zip(self.grouping.aggregates)
                .zip(&mut columns)
            {
                ticker.steps(group::FINISH_STEPS)?;
                let value = state.finish(aggregate).map_err(|error| self.place(error))?;
                column.push(value);
            }
        }
        Numbered { keys, columns }
            .into_batch(self.grouping.by.len(), control)
            .and_then(|batch| batch.check(control.limits).map(|()| batch))
            .map_err(|error| self.place(error))
    }
}

/// The stages up to the group, on the rows of one segment.
struct Front<'s, 'p> {
    snapshot: &'s Snapshot,
    schema: &'s Schema,
    tests: &'p Tests<'p>,
    split: &'p Split<'p>,
    /// The stages between the leading filters and the group.
    rows: &'p [BoundStage],
    filters: usize,
    control: Control<'p>,
}

impl<'s> Front<'s, '_> {
    /// The groups of segments; `None` if they are not made on columns.
    fn on_columns(&self, parts: &[Part<'s>]) -> Result<Option<Groups>> {
        if !self.rows.is_empty() {
            return Ok(None);
        }
        let grouping = &self.split.grouping;
        grouping.partial(self.snapshot, parts, self.tests, &self.control)
    }

    /// The groups of a segment, row by row.
    fn by_rows(&self, part: &Part<'_>) -> Result<Groups> {
        let selected = self.tests.select(part, &self.control)?;
        let segment = position(part.index);
        let picks: Vec<Pick> = selected
            .rows()
            .map(|row| Pick {
                segment,
                row: position(row),
            })
            .collect();
        let mut origins: Vec<u32> = picks.iter().map(|pick| pick.row).collect();
        let columns = self.schema.fields().len();
        let mut batch = Batch::scan(self.snapshot, columns, picks);
        for (index, stage) in self.rows.iter().enumerate() {
            self.control.check()?;
            let (next, rows) = by_row(batch, stage, &self.control)
                .and_then(|made| made.0.check(self.control.limits).map(|()| made))
                .map_err(place(self.filters + index, stage))?;
            if let Some(rows) = rows {
                let of = |row: &u32| origins.get(*row as usize).copied();
                origins = rows.iter().filter_map(of).collect();
            }
            batch = next;
        }
        self.grouped(&batch, &places(part.segment.segment, &origins))
            .map_err(|error| self.split.place(error))
    }

    fn grouped(&self, batch: &Batch<'_>, places: &[Place]) -> Result<Groups> {
        let control = &self.control;
        let groups = group::groups(
            batch,
            self.split.grouping.by,
            Most::groups(control.limits),
            control,
        )?;
        let keys = groups.keys;
        let mut budget = Budget::new(control.limits.values);
        let mut ticker = control.ticker();
        let mut states: Vec<Vec<Partial>> = vec![Vec::new(); keys.len()];
        for aggregate in self.split.grouping.aggregates {
            for states in &mut states {
                states.push(Partial::new(aggregate.function));
            }
            let of_rows = groups.of_row.iter().zip(places);
            for (row, (group, place)) in of_rows.enumerate() {
                ticker.step()?;
                let state = states.get_mut(*group as usize);
                if let Some(state) = state.and_then(|states| states.last_mut()) {
                    state.update(aggregate, &batch.scope(row), *place, &mut budget)?;
                }
            }
        }
        let keys = keys
            .into_iter()
            .map(|key| key.into_iter().map(Value::normalized).collect());
        let states = states.into_iter().map(Vec::into_boxed_slice);
        Ok(keys.zip(states).collect())
    }
}

/// Where rows stand that were made of rows of a segment, in their order.
fn places(segment: &Segment, origins: &[u32]) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::with_capacity(origins.len());
    let mut before = None;
    let mut at = 0;
    for origin in origins {
        at = if before == Some(*origin) { at + 1 } else { 0 };
        before = Some(*origin);
        let (time, id) = segment.key(*origin as usize).unwrap_or_default();
        places.push((time, id, at));
    }
    places
}

#[cfg(test)]
mod tests;
