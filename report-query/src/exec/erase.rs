//! Erasing rows by a predicate.

use super::columnar::Tests;
use super::control::Control;
use crate::error::Result;
use crate::expr::Expr;
use crate::query::{Limits, Query};
use crate::store::{Erasure, Part, SegmentView, Store};

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
        let pipeline = plan.pipeline();
        let limits = Limits::default();
        let control = Control::new(&limits, &|| false);
        self.remove(|segments, dictionaries| {
            let (tests, _) = Tests::new(&pipeline.stages, self.schema(), dictionaries);
            let doomed = |segment: &SegmentView<'_>| {
                // Rows that are expired and still in memory go too.
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
            segments.iter().map(doomed).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use chrono::{DateTime, TimeDelta, Utc};
    use proptest::prelude::*;
    use uuid::Uuid;

    use crate::{
        DataType, Field, Query, QueryErrorKind, Retention, Schema, Store, StoreOptions, Value, col,
        item,
    };

    const WHO: [&str; 4] = ["ana", "kim", "Kim", "li"];

    fn now() -> DateTime<Utc> {
        "2026-11-24T12:00:00Z".parse().expect("a time")
    }

    fn store(segment_rows: usize) -> Store {
        let schema = Schema::new([
            Field::new("time", DataType::Time).required(),
            Field::new("id", DataType::Id).required(),
            Field::new("who", DataType::Text),
            Field::new("n", DataType::Int),
            Field::new("with", DataType::list(DataType::Text)),
        ])
        .and_then(|schema| schema.with_key("time", "id"));
        let options = StoreOptions::new(Retention::MONTH).segment_rows(segment_rows);
        Store::new(schema.expect("a schema"), options).expect("a store")
    }

    fn row(id: usize, minutes: i64, who: &str, n: i64, with: &str) -> Vec<Value> {
        vec![
            (now() - TimeDelta::minutes(minutes)).into(),
            Uuid::from_u128(id as u128).into(),
            who.into(),
            n.into(),
            Value::list([with]),
        ]
    }

    /// Whether a text is anywhere in the memory of the segments.
    fn holds(store: &Store, text: &str) -> bool {
        fn within(value: &Value, text: &str) -> bool {
            match value {
                Value::List(items) => items.iter().any(|item| within(item, text)),
                value => value.as_text() == Some(text),
            }
        }
        let snapshot = store.snapshot();
        let mut dictionaries = snapshot.dictionaries().iter();
        dictionaries.any(|of| of.blocks().any(|block| block.all().contains(text)))
            || snapshot.parts().any(|part| {
                let segment = part.segment;
                (0..store.schema().fields().len()).any(|column| match segment.coded(column) {
                    Some((_, values)) => values.iter().any(|value| within(value, text)),
                    None => {
                        (0..segment.len()).any(|row| within(&segment.cell_of(row, column), text))
                    }
                })
            })
    }

    proptest! {
        #[test]
        fn what_is_not_erased_stays_as_it_was(
            rows in prop::collection::vec((0_i64..2_000, 0_usize..4, -3_i64..3, 0_usize..4), 0..60),
            segment_rows in 1_usize..20,
            batch in 1_usize..20,
            (who, n) in (0_usize..4, -3_i64..3),
        ) {
            let store = store(segment_rows);
            let rows: Vec<Vec<Value>> = rows
                .into_iter()
                .enumerate()
                .map(|(id, (at, who, n, with))| row(id, at, WHO[who], n, WHO[with]))
                .collect();
            for rows in rows.chunks(batch) {
                store.append(rows.to_vec(), now());
            }
            let before = store.snapshot();
            let of_person = col("who")
                .eq(WHO[who])
                .or(col("with").any(item().eq(WHO[who])));
            let predicate = of_person.or(col("n").eq(n)).and(col("n").ne(2));
            let all = Query::new().run(&before).unwrap();
            let kept = Query::new().filter(predicate.clone().not()).run(&before).unwrap();

            let erasure = store.erase(predicate.clone()).unwrap();
            let after = Query::new().run(&store.snapshot()).unwrap();
            prop_assert!(after.rows().eq(kept.rows()));
            prop_assert_eq!(erasure.rows, (all.len() - kept.len()) as u64);
            prop_assert_eq!(store.stats().erased, erasure.rows);
            prop_assert_eq!(store.stats().rows, kept.len() as u64);
            prop_assert_eq!(erasure.segments == 0, erasure.rows == 0);
            // A snapshot stays as it was, and there is nothing left to erase.
            let still = Query::new().run(&before).unwrap();
            prop_assert!(still.rows().eq(all.rows()));
            prop_assert_eq!(store.erase(predicate.clone()).unwrap().rows, 0);
            // Rows keep their batches.
            let not_erased = Query::new().filter(predicate.not());
            for number in 0..=before.newest_ingest() {
                let then = not_erased.run(&before.as_of(number)).unwrap();
                let now = Query::new().run(&store.snapshot().as_of(number)).unwrap();
                prop_assert!(now.rows().eq(then.rows()));
            }
        }
    }

    #[test]
    fn no_text_of_an_erased_row_is_left() {
        let store = store(4);
        let rows = (0..40).map(|id| {
            let who = ["ana", "kim"][id % 2];
            row(id, id as i64, who, 1, ["li", "kim's desk"][id % 2])
        });
        store.append(rows, now());
        let used = store.memory_usage().total();
        assert!(holds(&store, "kim") && holds(&store, "kim's desk"));
        store.erase(col("who").eq("kim")).unwrap();
        assert!(!holds(&store, "kim") && !holds(&store, "kim's desk"));
        assert!(holds(&store, "ana") && holds(&store, "li"));
        assert!(store.memory_usage().total() < used);
        store.erase(col("n").eq(1)).unwrap();
        assert_eq!(store.memory_usage().total(), 0);
        assert_eq!((store.stats().segments, store.stats().head_chunks), (0, 0));
    }

    #[test]
    fn expired_rows_in_memory_go_too_and_do_not_count() {
        let store = store(100);
        let old = 29 * 24 * 60;
        let rows = [
            row(0, old, "kim", 1, ""),
            row(1, 5, "ana", 1, ""),
            row(2, 4, "kim", 1, ""),
            row(3, 3, "ana", 1, ""),
        ];
        store.append(rows, now());
        store.expire(now() + TimeDelta::days(2));
        assert!(holds(&store, "kim"));
        assert_eq!(store.stats().rows, 3);
        let erasure = store.erase(col("who").eq("kim")).unwrap();
        assert_eq!((erasure.rows, erasure.segments), (1, 1));
        assert!(!holds(&store, "kim"));
        assert_eq!((store.stats().rows, store.stats().dropped), (2, 1));
    }

    #[test]
    fn a_wrong_or_failing_predicate_removes_nothing() {
        let store = store(2);
        store.append(
            (0..6).map(|id| row(id, id as i64, "kim", id as i64, "")),
            now(),
        );
        let error = store.erase(col("whom").eq("kim")).unwrap_err();
        assert!(matches!(error.kind(), QueryErrorKind::UnknownColumn { .. }));
        let error = store.erase(col("n").add(i64::MAX - 3).gt(0)).unwrap_err();
        assert!(matches!(error.kind(), QueryErrorKind::Overflow { .. }));
        assert_eq!(store.stats().rows, 6);
        // By time, which is a range and no test of rows.
        let recent = store
            .erase(col("time").ge(now() - TimeDelta::minutes(2)))
            .unwrap();
        assert_eq!(recent.rows, 3);
    }

    #[test]
    fn rows_that_come_meanwhile_are_not_lost() {
        let store = store(64);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for batch in 0..200 {
                    let rows = (0..10).map(|at| {
                        let who = ["ana", "kim"][at % 2];
                        row(batch * 10 + at, batch as i64, who, 1, "")
                    });
                    store.append(rows, now());
                }
                done.store(true, Ordering::Release);
            });
            while !done.load(Ordering::Acquire) {
                store.erase(col("who").eq("kim")).unwrap();
            }
        });
        store.erase(col("who").eq("kim")).unwrap();
        let stats = store.stats();
        assert_eq!(
            (stats.appended, stats.erased, stats.rows),
            (2_000, 1_000, 1_000)
        );
        assert!(!holds(&store, "kim"));
    }
}
