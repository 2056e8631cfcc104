//! Running the stages of a pipeline one after the other.

use std::time::Duration;

use super::batch::{Batch, Pick, check_cells, position};
use super::cached::{self, Cached};
use super::columnar::{Ends, Grouping, Selected, Tests, Wanted, threads};
use super::control::Control;
use super::expanded::ItemGroups;
use super::steps::{Steps, columns_of};
use super::{join, sort, stage};
use crate::error::{At, QueryError, QueryErrorKind, Result};
#[cfg(test)]
use crate::expr::Cells;
use crate::expr::{Bound, Parameters};
use crate::query::{BoundStage, PageToken, Pipeline, Plan, Query};
use crate::result::{Analysis, QueryResult, RunStats, Step};
use crate::store::{Part, Snapshot};

impl Query {
    /// Binds and runs.
    ///
    /// # Errors
    ///
    /// As [`bind`](Query::bind) and [`Plan::run`].
    pub fn run(&self, snapshot: &Snapshot) -> Result<QueryResult> {
        self.bind(snapshot.schema())?.run(snapshot)
    }

    /// Binds and runs with the values of parameters.
    ///
    /// # Errors
    ///
    /// As [`bind_with`](Query::bind_with) and [`Plan::run`].
    pub fn run_with(&self, snapshot: &Snapshot, parameters: &Parameters) -> Result<QueryResult> {
        self.bind_with(snapshot.schema(), parameters)?.run(snapshot)
    }
}

impl Plan {
    /// Runs on a snapshot.
    ///
    /// # Errors
    ///
    /// [`Schema`](QueryErrorKind::Schema) if the snapshot's store has another
    /// schema; a missing parameter; an overflow; a limit; a page token that is
    /// not of this query. There is no partial result.
    pub fn run(&self, snapshot: &Snapshot) -> Result<QueryResult> {
        self.run_until(snapshot, &|| false)
    }

    /// Runs on a snapshot until it is done, or until `stop` says true: then there is no
    /// result, but the error [`Cancelled`](QueryErrorKind::Cancelled).
    ///
    /// `stop` is asked in every stage, once for each segment, a thousand texts of a search, some
    /// thousand rows or some thousand comparisons of a sort; not while the values of one group are
    /// put in order for a percentile, nor while the texts of a column are put in order for all
    /// queries that follow, nor while rows are compared with a page's token. It may look at a flag
    /// that another thread sets, or at a clock.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// # use report_query::{DataType, Field, Query, QueryErrorKind, Retention, Schema, Store, StoreOptions};
    /// # let schema = Schema::new([
    /// #     Field::new("time", DataType::Time).required(),
    /// #     Field::new("id", DataType::Id).required(),
    /// # ])?.with_key("time", "id")?;
    /// # let store = Store::new(schema, StoreOptions::new(Retention::MONTH))?;
    ///
    /// let gone = AtomicBool::new(false); // set when the client hangs up
    /// let plan = Query::new().bind(store.schema())?;
    /// let stop = || gone.load(Ordering::Relaxed);
    /// assert!(plan.run_until(&store.snapshot(), &stop).is_ok());
    ///
    /// gone.store(true, Ordering::Relaxed);
    /// let error = plan.run_until(&store.snapshot(), &stop).unwrap_err();
    /// assert_eq!(*error.kind(), QueryErrorKind::Cancelled);
    /// # Ok::<(), report_query::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Plan::run), and [`Cancelled`](QueryErrorKind::Cancelled).
    pub fn run_until(
        &self,
        snapshot: &Snapshot,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<QueryResult> {
        let (result, _) = self.run_timed(snapshot, stop, None)?;
        Ok(result)
    }

    /// Runs on a snapshot, and says what was read and what each step took by a clock: time that
    /// has passed since any moment. The library has none of its own.
    ///
    /// ```
    /// use std::time::Instant;
    /// # use report_query::{DataType, Field, Query, Retention, Schema, Store, StoreOptions, asc};
    /// # let schema = Schema::new([
    /// #     Field::new("time", DataType::Time).required(),
    /// #     Field::new("id", DataType::Id).required(),
    /// # ])?.with_key("time", "id")?;
    /// # let store = Store::new(schema, StoreOptions::new(Retention::MONTH))?;
    ///
    /// let plan = Query::new().sort([asc("id")]).limit(10).bind(store.schema())?;
    /// let started = Instant::now();
    /// let analysis = plan.analyze(&store.snapshot(), &|| started.elapsed())?;
    /// println!("{analysis}");
    /// assert_eq!(analysis.steps.len(), 3); // scan, sort, limit
    /// # Ok::<(), report_query::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Plan::run).
    pub fn analyze(&self, snapshot: &Snapshot, clock: &dyn Fn() -> Duration) -> Result<Analysis> {
        let (result, steps) = self.run_timed(snapshot, &|| false, Some(clock))?;
        Ok(Analysis { result, steps })
    }

    fn run_timed(
        &self,
        snapshot: &Snapshot,
        stop: &(dyn Fn() -> bool + Sync),
        clock: Option<&dyn Fn() -> Duration>,
    ) -> Result<(QueryResult, Vec<Step>)> {
        self.check_schema(snapshot)?;
        let pipeline = self.pipeline();
        let after = page_token(pipeline, self.fingerprint(), snapshot)?;
        let snapshot = match &after {
            Some(token) => &snapshot.as_of(token.newest),
            None => snapshot,
        };
        let control = Control::new(self.limits(), stop);
        control.check()?;
        let mut run = Run {
            snapshot,
            control,
            fingerprint: self.fingerprint(),
            after,
            next: None,
            stats: RunStats::default(),
            steps: Steps::new(clock),
        };
        let batch = run.pipeline(pipeline, false)?;
        let result = result(pipeline, batch, &control)?;
        let result = result.with_run(run.next.map(|token| token.to_text()), run.stats);
        Ok((result, run.steps.done))
    }

    pub(super) fn check_schema(&self, snapshot: &Snapshot) -> Result<()> {
        if snapshot.schema() == self.schema() {
            return Ok(());
        }
        Err(QueryError::new(QueryErrorKind::Schema {
            what: "the plan was made for another schema",
        }))
    }
}

/// The rows of the last stage as a result.
pub(super) fn result(
    pipeline: &Pipeline,
    batch: Batch<'_>,
    control: &Control<'_>,
) -> Result<QueryResult> {
    let (rows, width) = (batch.len(), batch.width());
    let cells = rows * width;
    check_cells(cells as u64, control.limits)?;
    let values = batch.into_cells(control)?;
    Ok(QueryResult::from_cells(
        pipeline.columns.clone(),
        values,
        rows,
    ))
}

/// The stages from a number on, one after the other.
pub(super) fn behind<'s>(
    pipeline: &Pipeline,
    from: usize,
    mut batch: Batch<'s>,
    control: &Control<'_>,
    mut apply: impl FnMut(Batch<'s>, &BoundStage, Option<u64>) -> Result<Batch<'s>>,
) -> Result<Batch<'s>> {
    let mut stages = pipeline.stages.iter().enumerate().skip(from).peekable();
    while let Some((index, stage)) = stages.next() {
        let limit = match stages.peek() {
            Some((_, BoundStage::Limit(rows))) => Some(*rows),
            _ => None,
        };
        batch = apply(batch, stage, limit)
            .and_then(|batch| batch.check(control.limits).map(|()| batch))
            .map_err(place(index, stage))?;
    }
    Ok(batch)
}

/// Every stage row by row, which the columns are compared with.
#[cfg(test)]
impl Plan {
    pub(super) fn run_by_rows(&self, snapshot: &Snapshot) -> Result<Vec<Vec<crate::Value>>> {
        let mut run = Run {
            snapshot,
            control: Control::new(self.limits(), &|| false),
            fingerprint: self.fingerprint(),
            after: None,
            next: None,
            stats: RunStats::default(),
            steps: Steps::new(None),
        };
        let mut picks = Vec::new();
        for part in snapshot.parts() {
            let segment = position(part.index);
            let range = self.pipeline().range;
            let part = part.between(range.from, range.to);
            picks.extend(part.visible().map(|row| Pick {
                segment,
                row: position(row),
            }));
        }
        let columns = snapshot.schema().fields().len();
        let mut batch = Batch::scan(snapshot, columns, picks);
        batch.sort_by_key(&run.control)?;
        for (index, stage) in self.pipeline().stages.iter().enumerate() {
            batch = run
                .stage(batch, stage, (None, None), false)
                .map_err(place(index, stage))?;
        }
        let row = |row| (0..batch.width()).map(move |column| (row, column));
        let cell = |(row, column)| batch.cell(row, column).into_owned();
        Ok((0..batch.len())
            .map(|at| row(at).map(cell).collect())
            .collect())
    }
}

/// The token that the page begins after, checked.
fn page_token(
    pipeline: &Pipeline,
    fingerprint: u64,
    snapshot: &Snapshot,
) -> Result<Option<PageToken>> {
    for (index, stage) in pipeline.stages.iter().enumerate() {
        let BoundStage::Page {
            by,
            after: Some(text),
            ..
        } = stage
        else {
            continue;
        };
        let read = PageToken::from_text(text).and_then(|token| {
            token.check(fingerprint, by.len())?;
            if token.newest > snapshot.newest_ingest() {
                let what = "of another store, or of a newer snapshot";
                return Err(QueryError::new(QueryErrorKind::PageToken { what }));
            }
            Ok(token)
        });
        return read
            .at("after")
            .at("page")
            .at_index(index)
            .at("stages")
            .map(Some);
    }
    Ok(None)
}

struct Run<'s, 'p> {
    snapshot: &'s Snapshot,
    control: Control<'p>,
    fingerprint: u64,
    after: Option<PageToken>,
    next: Option<PageToken>,
    stats: RunStats,
    steps: Steps<'p>,
}

impl<'s> Run<'s, '_> {
    /// Runs a pipeline, whose rows are wanted in its order or in any.
    fn pipeline(&mut self, pipeline: &Pipeline, any_order: bool) -> Result<Batch<'s>> {
        let started = self.steps.begin();
        let (front, batch) = self.front(pipeline, any_order)?;
        let stages = pipeline.stages.iter().take(front);
        self.steps.end(started, stages, batch.len());
        let control = self.control;
        let mut rest = pipeline.stages.get(front..).unwrap_or_default().iter();
        behind(pipeline, front, batch, &control, |batch, stage, limit| {
            rest.next();
            let any = matches!(Wanted::by(rest.as_slice(), any_order), Wanted::Any);
            let filter = match rest.as_slice() {
                [BoundStage::Filter(filter), ..] => Some(filter),
                _ => None,
            };
            let started = self.steps.begin();
            let batch = self.stage(batch, stage, (limit, filter), any)?;
            self.steps.end(started, [stage], batch.len());
            Ok(batch)
        })
    }

    /// The rows that pass the filters in front, or the groups that they are in; and how many
    /// stages that was.
    fn front(&mut self, pipeline: &Pipeline, any_order: bool) -> Result<(usize, Batch<'s>)> {
        let stages = &pipeline.stages;
        let schema = self.snapshot.schema();
        let (from, to) = (pipeline.range.from, pipeline.range.to);
        let all = self.snapshot.parts().map(|part| part.between(from, to));
        let mut parts: Vec<Part<'s>> = all.filter(|part| !part.rows.is_empty()).collect();
        self.stats.segments_skipped += self.snapshot.segments().len() - parts.len();
        parts.sort_by_key(|part| part.segment.first_key());
        let (tests, filters) = Tests::with_first(stages, self.snapshot, &parts, &self.control)?;
        if let Some(stage @ BoundStage::Group { by, aggregates, .. }) = stages.get(filters) {
            let grouping = Grouping {
                by,
                aggregates,
                stage: filters,
            };
            let cached = cached::grouped(
                pipeline,
                &grouping,
                self.snapshot,
                &parts,
                &tests,
                &self.control,
            )?;
            if let Some(Cached {
                batch,
                segments,
                read,
            }) = cached
            {
                batch
                    .check(self.control.limits)
                    .map_err(place(filters, stage))?;
                let columns = columns_of(stages.get(..=filters).unwrap_or_default());
                self.looked_at_all(&read, &columns);
                self.stats.segments_cached += segments;
                return Ok((filters + 1, batch));
            }
            let behind = stages.get(filters + 1..).unwrap_or_default();
            let wanted = Wanted::by(behind, any_order);
            let grouped = grouping.group(self.snapshot, &parts, &tests, &wanted, &self.control)?;
            if let Some(batch) = grouped {
                batch
                    .check(self.control.limits)
                    .map_err(place(filters, stage))?;
                let columns = columns_of(stages.get(..=filters).unwrap_or_default());
                self.looked_at_all(&parts, &columns);
                return Ok((filters + 1, batch));
            }
        }
        if let Some(groups) = ItemGroups::new(stages, filters) {
            let end = filters + groups.len();
            let wanted = Wanted::by(stages.get(end..).unwrap_or_default(), any_order);
            let grouped = groups.group(self.snapshot, &parts, &tests, &wanted, &self.control)?;
            if let Some(batch) = grouped {
                if let Some(stage) = stages.get(end - 1) {
                    batch
                        .check(self.control.limits)
                        .map_err(place(end - 1, stage))?;
                }
                let columns = columns_of(stages.get(..end).unwrap_or_default());
                self.looked_at_all(&parts, &columns);
                return Ok((end, batch));
            }
        }
        let (on_columns, behind) = stages.split_at_checked(filters).unwrap_or_default();
        let looked_at = columns_of(on_columns);
        let token = self.after.as_ref();
        let mut ends = Ends::new(behind, schema, token).filter(|_| tests.are_total());
        if let Some(ends) = &ends {
            let before = parts.len();
            parts = parts.into_iter().map(|part| ends.left(part)).collect();
            parts.retain(|part| !part.rows.is_empty());
            self.stats.segments_skipped += before - parts.len();
            ends.sort(&mut parts);
        }
        let mut picks = Vec::new();
        if let Some(ends) = &mut ends {
            for mut part in parts {
                let rows = part.rows.len();
                while let Some(next) = ends.next(&mut part) {
                    let selected = tests.select(&next, &self.control)?;
                    picks.extend(of_part(&next, &ends.add(&next, selected)));
                }
                match rows - part.rows.len() {
                    0 => self.stats.segments_skipped += 1,
                    rows => self.looked_at(&part, rows, &looked_at),
                }
            }
        } else {
            self.looked_at_all(&parts, &looked_at);
            let control = &self.control;
            tests.prepare(&parts, control)?;
            let of_parts = threads::of_parts(&parts, |part| tests.select(part, control))?;
            for (part, selected) in parts.iter().zip(of_parts) {
                picks.extend(of_part(part, &selected));
            }
        }
        let columns = schema.fields().len();
        let mut batch = Batch::scan(self.snapshot, columns, picks);
        batch.sort_by_key(&self.control)?;
        Ok((filters, batch))
    }

    /// The pipeline that a stage is with.
    fn within(&mut self, pipeline: &Pipeline, any_order: bool) -> Result<Batch<'s>> {
        self.steps.depth += 1;
        let batch = self.pipeline(pipeline, any_order);
        self.steps.depth -= 1;
        batch
    }

    fn looked_at_all(&mut self, parts: &[Part<'_>], columns: &[usize]) {
        for part in parts {
            self.looked_at(part, part.rows.len(), columns);
        }
    }

    /// Counts a segment, and so many rows of it.
    fn looked_at(&mut self, part: &Part<'_>, rows: usize, columns: &[usize]) {
        self.stats.segments += 1;
        self.stats.rows_scanned += rows as u64;
        let segment = part.segment.segment;
        let bytes: usize = columns.iter().map(|column| segment.bytes_of(*column)).sum();
        let of_rows = bytes as u128 * rows as u128 / segment.len().max(1) as u128;
        self.stats.bytes_touched += u64::try_from(of_rows).unwrap_or(u64::MAX);
    }

    fn stage(
        &mut self,
        batch: Batch<'s>,
        stage: &BoundStage,
        // What comes behind.
        (limit, filter): (Option<u64>, Option<&Bound>),
        any_order: bool,
    ) -> Result<Batch<'s>> {
        let control = &self.control;
        control.check()?;
        Ok(match stage {
            BoundStage::Page { size, by, .. } => {
                let newest = self.snapshot.newest_ingest();
                let at = (self.fingerprint, newest);
                let page = sort::page(&batch, by, *size, self.after.as_ref(), at, control)?;
                let rows = batch.take(&page.rows, control)?;
                self.next = page.next;
                rows
            }
            BoundStage::Join(join) => {
                let right = self.within(&join.with, any_order).at("with")?;
                join::join(batch, &right, join, filter, &self.control)?
            }
            BoundStage::Union { other, columns } => {
                let right = self.within(other, false)?;
                join::union(batch, &right, columns, &self.control)?
            }
            stage => stage::apply(batch, stage, limit, control)?,
        })
    }
}

fn of_part(part: &Part<'_>, selected: &Selected) -> impl Iterator<Item = Pick> {
    let segment = position(part.index);
    selected.rows().map(move |row| Pick {
        segment,
        row: position(row),
    })
}

/// Says which stage an error comes from.
pub(super) fn place(index: usize, stage: &BoundStage) -> impl FnOnce(QueryError) -> QueryError {
    let name = stage.name();
    move |error| error.at(name).at_index(index).at("stages")
}
