//! Erasing and redacting rows by a predicate.

use super::columnar::Tests;
use super::control::Control;
use crate::error::{QueryError, Result};
use crate::expr::Expr;
use crate::query::{Plan, Query};
use crate::store::{Dictionary, Erasure, Part, SegmentView, Store};
use crate::value::Value;

impl Store {
    /// Removes the rows of which a predicate is true, from memory too: the segments that
    /// have such rows are built anew without them, so that no text is left that only they
    /// had. Queries see all of them or none.
    ///
    /// Rows that a [`Snapshot`](crate::Snapshot) holds stay until it is dropped. An
    /// erased row that is appended again is new: what feeds the store has to forget it
    /// first.
    ///
    /// ```
    /// # use chrono::{DateTime, Utc};
    /// # use report_query::{DataType, Field, Retention, Schema, Store, StoreOptions, Value};
    /// use report_query::col;
    /// # let schema = Schema::new([
    /// #     Field::new("time", DataType::Time).required(),
    /// #     Field::new("id", DataType::Id).required(),
    /// #     Field::new("who", DataType::Text),
    /// # ])?.with_key("time", "id")?;
    /// # let store = Store::new(schema, StoreOptions::new(Retention::MONTH))?;
    /// # let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().expect("a time");
    /// # let rows = ["ana", "kim"].iter().enumerate().map(|(id, who)| {
    /// #     vec![now.into(), uuid::Uuid::from_u128(id as u128).into(), Value::from(*who)]
    /// # });
    /// # store.append(rows.collect::<Vec<_>>(), now);
    ///
    /// assert_eq!(store.erase(col("who").eq("kim"))?.rows, 1);
    /// assert_eq!((store.stats().rows, store.stats().erased), (1, 1));
    /// # Ok::<(), report_query::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What is wrong with the predicate, or what it fails with; then no row is removed.
    pub fn erase(&self, predicate: impl Into<Expr>) -> Result<Erasure> {
        let plan = Query::new().filter(predicate).bind(self.schema())?;
        self.remove(|segments, dictionaries| passing(&plan, segments, dictionaries))
    }

    /// Gives columns other values in the rows of which a predicate is true, from memory too: the
    /// segments that have such rows are built anew, so that no text is left that only these
    /// rows had. The rows stay, and so does every count of them. Queries see all of them changed or
    /// none.
    ///
    /// A column that is not named stays as it is: which ones tell who somebody is, the caller has to
    /// know. Rows that a [`Snapshot`](crate::Snapshot) holds stay as they were until it is dropped.
    ///
    /// A redacted row that is appended again is a duplicate, whatever it says: what it said is
    /// not known any more, and must not come back. What feeds the store has to forget it too, since
    /// a store that is filled again has it again.
    ///
    /// ```
    /// # use chrono::{DateTime, Utc};
    /// # use report_query::{DataType, Field, Retention, Schema, Store, StoreOptions, Value};
    /// use report_query::col;
    /// # let schema = Schema::new([
    /// #     Field::new("time", DataType::Time).required(),
    /// #     Field::new("id", DataType::Id).required(),
    /// #     Field::new("who", DataType::Text),
    /// #     Field::new("ip", DataType::Text),
    /// # ])?.with_key("time", "id")?;
    /// # let store = Store::new(schema, StoreOptions::new(Retention::MONTH))?;
    /// # let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().expect("a time");
    /// # let row = |id, who: &str| vec![now.into(), uuid::Uuid::from_u128(id).into(), who.into(), "10.0.0.7".into()];
    /// # store.append([row(1, "ana"), row(2, "kim")], now);
    ///
    /// let redacted = store.redact(col("who").eq("kim"), [("who", "[redacted]".into()), ("ip", Value::Null)])?;
    /// assert_eq!((redacted.rows, store.stats().rows), (1, 2));
    /// // The same row again.
    /// assert_eq!(store.append([row(2, "kim")], now).duplicates, 1);
    /// # Ok::<(), report_query::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What is wrong with the predicate, or what it fails with; a column that is not there, is of the
    /// key, or can't have the value. Then no row is changed.
    pub fn redact(
        &self,
        predicate: impl Into<Expr>,
        columns: impl IntoIterator<Item = (impl AsRef<str>, Value)>,
    ) -> Result<Erasure> {
        let schema = self.schema();
        let mut values: Vec<(usize, Value)> = Vec::new();
        for (name, value) in columns {
            let name = name.as_ref();
            let index = schema.require(name)?;
            let is_key = schema
                .key()
                .is_some_and(|key| key.0 == index || key.1 == index);
            if is_key {
                return Err(QueryError::argument("a column of the key stays").at(name));
            }
            let mismatch = schema
                .fields()
                .get(index)
                .and_then(|field| field.mismatch(&value));
            if let Some(what) = mismatch {
                return Err(QueryError::argument(what).at(name));
            }
            values.push((index, value));
        }
        self.redact_with(predicate, |row| {
            for (index, value) in &values {
                if let Some(cell) = row.get_mut(*index) {
                    cell.clone_from(value);
                }
            }
        })
    }

    /// The same with a function that changes rows. What it makes of them fits the schema and keeps
    /// the key.
    pub(crate) fn redact_with(
        &self,
        predicate: impl Into<Expr>,
        change: impl Fn(&mut [Value]),
    ) -> Result<Erasure> {
        let plan = Query::new().filter(predicate).bind(self.schema())?;
        self.rewrite(
            |segments, dictionaries| passing(&plan, segments, dictionaries),
            change,
        )
    }
}

/// The rows of segments of which the filters of a plan are true. Rows that are expired and still in
/// memory are among them.
fn passing(
    plan: &Plan,
    segments: &[SegmentView<'_>],
    dictionaries: &[Dictionary],
) -> Result<Vec<Vec<u32>>> {
    let pipeline = plan.pipeline();
    let control = Control::new(plan.limits(), &|| false);
    let (tests, _) = Tests::new(&pipeline.stages, plan.schema(), dictionaries, None);
    let of_segment = |segment: &SegmentView<'_>| {
        let part = Part {
            index: 0,
            segment: *segment,
            rows: 0..segment.len(),
            as_of: None,
        };
        let part = part.between(pipeline.range.from, pipeline.range.to);
        let selected = tests.select(&part, &control)?;
        Ok(selected.rows().map(super::batch::position).collect())
    };
    segments.iter().map(of_segment).collect()
}

#[cfg(test)]
mod tests;
