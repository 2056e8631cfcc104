//! `PartialResult`: what a query knows of a part of the rows.

use std::collections::HashMap;
use std::fmt;

use super::plan::Limits;
use crate::aggregate::{AggregateFunction, Budget, Partial};
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::value::Value;

/// Groups by their keys; a state for each aggregate.
pub(crate) type Groups = HashMap<Box<[Value]>, Box<[Partial]>>;

/// What a query knows of a part of the rows: each group with the states of its aggregates.
/// A [`Plan`](crate::Plan) [makes](crate::Plan::partial) it of a snapshot, and
/// [finishes](crate::Plan::finish) those of several stores, which may be on several machines,
/// to the one answer that a store of all the rows would give.
///
/// Neither order nor grouping matters when partial results are merged: where an aggregate goes
/// by the order of rows, its state says where they stand. No row may be in two of them, since
/// it would count twice.
///
/// It is written and read with serde, or as JSON: equal rows give equal bytes, whatever store
/// and segments they come from. The form has a version. What is read is checked: it may come
/// from anywhere.
///
/// ```
/// use report_query::{Limits, PartialResult, Query, Value, avg, col, count};
/// # use chrono::{DateTime, Utc};
/// # use report_query::{DataType, Field, Retention, Schema, Store, StoreOptions};
/// # let schema = Schema::new([
/// #     Field::new("time", DataType::Time).required(),
/// #     Field::new("id", DataType::Id).required(),
/// #     Field::new("door", DataType::Text),
/// #     Field::new("n", DataType::Int),
/// # ])?.with_key("time", "id")?;
/// # let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse()?;
/// # let site = |first: u128| {
/// #     let store = Store::new(schema.clone(), StoreOptions::new(Retention::MONTH)).expect("a store");
/// #     let row = |id: u128| vec![now.into(), uuid::Uuid::from_u128(id).into(), "front".into(), (id as i64).into()];
/// #     store.append((first..first + 2).map(row), now);
/// #     store
/// # };
/// # let (here, there) = (site(0), site(2));
///
/// let query = Query::new().group_by(["door"]).aggregate([count(), avg(col("n")).alias("n")]);
/// let plan = query.bind(here.schema())?;
/// let sent = plan.partial(&there.snapshot())?.to_json(); // over the network
///
/// let partials = [plan.partial(&here.snapshot())?, PartialResult::from_json(&sent)?];
/// let result = plan.finish(partials)?;
/// assert_eq!(result.row(0), Some(&["front".into(), 4.into(), 1.5.into()][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `Debug` shows the shape only, since keys and states hold people's data.
#[derive(Clone)]
pub struct PartialResult {
    /// Of the query and its parameters.
    pub(crate) fingerprint: u64,
    pub(crate) keys: usize,
    pub(crate) functions: Vec<AggregateFunction>,
    pub(crate) groups: Groups,
}

impl PartialResult {
    /// What is known of the rows of both.
    ///
    /// # Errors
    ///
    /// [`PartialResult`](QueryErrorKind::PartialResult) if they are of two queries; a limit;
    /// an overflow.
    pub fn merge(self, other: Self, limits: &Limits) -> Result<Self> {
        self.check_query(&other)?;
        // It does not matter which one is merged into the other.
        let (into, from) = if self.groups.len() < other.groups.len() {
            (other, self)
        } else {
            (self, other)
        };
        let mut merging = Merging::new(&into.functions, limits);
        merging.add(into.groups)?;
        merging.add(from.groups)?;
        Ok(Self {
            groups: merging.groups,
            functions: into.functions,
            ..from
        })
    }

    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is no group.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    pub(crate) fn check_query(&self, other: &Self) -> Result<()> {
        let names = |of: &Self| {
            of.functions
                .iter()
                .map(|function| function.name())
                .collect::<Vec<_>>()
        };
        if self.fingerprint == other.fingerprint
            && self.keys == other.keys
            && names(self) == names(other)
        {
            return Ok(());
        }
        Err(error("of another query"))
    }
}

pub(crate) fn error(what: &'static str) -> QueryError {
    QueryError::new(QueryErrorKind::PartialResult { what })
}

impl fmt::Debug for PartialResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartialResult")
            .field("keys", &self.keys)
            .field("functions", &self.functions)
            .field("groups", &self.groups.len())
            .finish_non_exhaustive()
    }
}

/// Groups that others are merged into, within limits.
pub(crate) struct Merging<'p> {
    pub(crate) groups: Groups,
    functions: &'p [AggregateFunction],
    budget: Budget,
    most: u64,
}

impl<'p> Merging<'p> {
    pub(crate) fn new(functions: &'p [AggregateFunction], limits: &Limits) -> Self {
        Self {
            groups: Groups::new(),
            functions,
            budget: Budget::new(limits.values),
            most: limits.groups,
        }
    }

    pub(crate) fn add(
        &mut self,
        groups: impl IntoIterator<Item = (Box<[Value]>, Box<[Partial]>)>,
    ) -> Result<()> {
        for (key, states) in groups {
            match self.groups.get_mut(&key) {
                Some(known) => merge(known, states, self.functions, &mut self.budget)?,
                None => self.insert(key, states)?,
            }
        }
        Ok(())
    }

    fn insert(&mut self, key: Box<[Value]>, states: Box<[Partial]>) -> Result<()> {
        if self.groups.len() as u64 >= self.most {
            return Err(QueryError::limit("groups", self.most));
        }
        self.budget.take(states.iter().map(Partial::held).sum())?;
        self.groups.insert(key, states);
        Ok(())
    }
}

fn merge(
    known: &mut [Partial],
    states: Box<[Partial]>,
    functions: &[AggregateFunction],
    budget: &mut Budget,
) -> Result<()> {
    for ((known, state), function) in known.iter_mut().zip(states).zip(functions) {
        known.merge(*function, state, budget)?;
    }
    Ok(())
}
