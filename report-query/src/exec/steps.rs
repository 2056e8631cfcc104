//! What the steps of a run read and take.

use std::time::Duration;

use crate::aggregate::BoundAggregate;
use crate::query::BoundStage;
use crate::result::Step;

/// The steps of a run, if somebody wants to know them.
pub(super) struct Steps<'c> {
    clock: Option<&'c dyn Fn() -> Duration>,
    /// In how many joins and unions the run is.
    pub(super) depth: usize,
    pub(super) done: Vec<Step>,
}

impl<'c> Steps<'c> {
    pub(super) const fn new(clock: Option<&'c dyn Fn() -> Duration>) -> Self {
        Self {
            clock,
            depth: 0,
            done: Vec::new(),
        }
    }

    pub(super) fn begin(&self) -> Duration {
        self.clock.map(|clock| clock()).unwrap_or_default()
    }

    pub(super) fn end<'p>(
        &mut self,
        started: Duration,
        stages: impl IntoIterator<Item = &'p BoundStage>,
        rows: usize,
    ) {
        if let Some(clock) = self.clock {
            self.done.push(Step {
                stages: stages.into_iter().map(BoundStage::name).collect(),
                depth: self.depth,
                rows: rows as u64,
                time: clock().saturating_sub(started),
            });
        }
    }
}

/// The columns that stages look at, each once.
pub(super) fn columns_of(stages: &[BoundStage]) -> Vec<usize> {
    let mut columns = Vec::new();
    for stage in stages {
        match stage {
            BoundStage::Filter(test) => test.columns(&mut columns),
            BoundStage::Group { by, aggregates, .. } => {
                by.iter().for_each(|key| key.columns(&mut columns));
                let of = |aggregate: &'_ BoundAggregate| {
                    let all = aggregate.arguments.iter().chain(&aggregate.filter);
                    all.for_each(|of| of.columns(&mut columns));
                };
                aggregates.iter().for_each(of);
            }
            BoundStage::TopPer { by, sort, .. } => {
                let all = by.iter().chain(sort.iter().map(|sort| &sort.key));
                all.for_each(|of| of.columns(&mut columns));
            }
            BoundStage::Expand { column, .. } => columns.push(*column),
            _ => {}
        }
    }
    columns.sort_unstable();
    columns.dedup();
    columns
}
