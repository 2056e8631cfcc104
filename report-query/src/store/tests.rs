//! What a store keeps of texts, and for how long.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::documents::LONGEST;
use super::{Rejected, Retention, Store, StoreOptions};
use crate::{DataType, Field, Query, Schema, Value, col, count};

fn day(number: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + number)
}

fn store(days: u32) -> Store {
    let schema = Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        Field::new("actor", DataType::Text).indexed(),
        Field::new("result", DataType::Text),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .expect("a schema");
    let options = StoreOptions::new(Retention::days(days)).segment_rows(256);
    Store::new(schema, options).expect("a key")
}

/// Rows of a day: as many people, each of that day alone.
fn rows(number: i64, people: usize) -> Vec<Vec<Value>> {
    let row = |person: usize| {
        vec![
            (day(number) + TimeDelta::seconds(person as i64)).into(),
            Uuid::from_u128((number as u128) << 64 | person as u128).into(),
            format!("day {number:03} person {person:04}").into(),
            ["success", "failure"][person % 2].into(),
        ]
    };
    (0..people).map(row).collect()
}

/// Whether a text is anywhere in the dictionaries.
fn holds(store: &Store, text: &str) -> bool {
    let snapshot = store.snapshot();
    let mut dictionaries = snapshot.dictionaries().iter();
    dictionaries.any(|of| of.blocks().any(|block| block.all().contains(text)))
}

#[test]
fn texts_are_freed_with_the_rows_that_had_them() {
    const DAYS: i64 = 100;
    const KEPT: i64 = 2;

    let store = store(KEPT as u32);
    let mut most = 0;
    for number in 0..DAYS {
        store.append(rows(number, 700), day(number));
        store.expire(day(number));
        if number == KEPT + 1 {
            most = store.memory_usage().total();
        }
        for old in 0..=number {
            let is_kept = old >= number - KEPT;
            // A segment that is gone by less than half still has its texts.
            if is_kept || old < number - KEPT - 1 {
                assert_eq!(
                    holds(&store, &format!("day {old:03}")),
                    is_kept,
                    "{old} on {number}"
                );
            }
        }
        if number > KEPT {
            let used = store.memory_usage().total();
            assert!(used < most * 3 / 2, "{used} on {number}, {most} before");
        }
    }
    let stats = store.stats();
    assert_eq!(stats.appended, 700 * DAYS as u64);
    assert_eq!(stats.rows, 700 * (KEPT as u64 + 1));
    assert_eq!(stats.rows + stats.dropped, stats.appended);
}

#[test]
fn a_snapshot_keeps_its_texts_when_codes_are_given_anew() {
    let store = store(1);
    store.append(rows(0, 900), day(0));
    store.append(rows(1, 300), day(1));
    let before = store.snapshot();
    let by_actor = Query::new().group_by(["actor"]).aggregate([count()]);
    let answer = by_actor.run(&before).expect("an answer");
    // Most texts go, so that those that stay get other codes.
    store.expire(day(1) + TimeDelta::hours(12));
    assert!(!holds(&store, "day 000"));
    let after = by_actor.run(&store.snapshot()).expect("an answer");
    assert_eq!(after.len(), 300);
    assert_eq!(after.value(0, "actor"), Some(&"day 001 person 0000".into()));
    assert!(
        by_actor
            .run(&before)
            .expect("an answer")
            .rows()
            .eq(answer.rows())
    );
    assert_eq!(answer.len(), 1_200);
    // What comes now finds the texts that were there.
    store.append(rows(1, 400), day(1) + TimeDelta::hours(12));
    let one = Query::new().filter(col("actor").eq("day 001 person 0399"));
    assert_eq!(one.run(&store.snapshot()).expect("an answer").len(), 1);
    assert_eq!(store.stats().duplicates, 300);
}

#[test]
fn sealed_segments_keep_their_postings_whatever_becomes_of_them() {
    let store = store(30);
    for number in 0..4 {
        store.append(rows(number, 700), day(4));
    }
    let kept = || {
        let snapshot = store.snapshot();
        let has = |at: usize| snapshot.segments()[at].postings(2).is_some();
        let sealed = snapshot.sealed();
        assert!(sealed > 0 && (0..sealed).all(has));
        assert!(!(sealed..snapshot.segments().len()).any(has));
        store.memory_usage().postings
    };
    let of = |person: &str| {
        let query = Query::new()
            .filter(col("actor").eq(person))
            .select(["actor"]);
        query.run(&store.snapshot()).expect("a query").len()
    };
    let before = kept();
    assert!(before >= 2 * 2_000);
    assert_eq!(of("day 002 person 0009"), 1);
    // Rows go, texts with them, and codes are given anew.
    store
        .erase(col("result").eq("failure"))
        .expect("a predicate");
    assert!(kept() < before);
    assert_eq!(
        (of("day 002 person 0009"), of("day 002 person 0010")),
        (0, 1)
    );
    store
        .redact(
            col("actor").eq("day 002 person 0010"),
            [("actor", Value::Null)],
        )
        .expect("a predicate");
    kept();
    assert_eq!(
        (of("day 002 person 0010"), of("day 002 person 0012")),
        (0, 1)
    );
    store.expire(day(33));
    kept();
    assert_eq!(
        (of("day 002 person 0012"), of("day 003 person 0012")),
        (0, 1)
    );
}

#[test]
fn a_document_that_is_too_long_is_refused_and_named() {
    let schema = Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        Field::new("record", DataType::Text).document(),
    ])
    .and_then(|schema| schema.with_key("time", "id"));
    let store = Store::new(schema.expect("a schema"), StoreOptions::default()).expect("a key");
    let row = |id: u128, length: usize| {
        let record = "x".repeat(length);
        vec![
            day(0).into(),
            Uuid::from_u128(id).into(),
            Value::text(record),
        ]
    };
    let report = store.append([row(1, LONGEST), row(2, LONGEST + 1)], day(0));
    assert_eq!((report.appended, report.invalid), (1, 1));
    let what = "a document that is too long";
    assert_eq!(
        report.rejected,
        [(
            1,
            Rejected::Invalid {
                column: Some(2),
                what
            }
        )]
    );
}
