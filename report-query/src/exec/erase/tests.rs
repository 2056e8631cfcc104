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

/// Two rows of kim and two of ana, of which kim's first is expired and still in memory.
fn with_an_expired_row() -> Store {
    let store = store(100);
    let rows = [
        row(0, 29 * 24 * 60, "kim", 1, ""),
        row(1, 5, "ana", 1, ""),
        row(2, 4, "kim", 1, ""),
        row(3, 3, "ana", 1, ""),
    ];
    store.append(rows, now());
    store.expire(now() + TimeDelta::days(2));
    store
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
            (0..store.schema().fields().len()).any(|column| {
                (0..segment.len()).any(|row| within(&segment.cell_of(row, column), text))
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
    let store = with_an_expired_row();
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

const GONE: &str = "[redacted]";

/// Takes a person's name out of both columns that may have it.
fn redact(store: &Store, who: &str) -> crate::Result<crate::store::Erasure> {
    let is_of = col("who").eq(who).or(col("with").any(item().eq(who)));
    store.redact(
        is_of,
        [
            ("who", Value::from(GONE)),
            ("with", Value::list([GONE])),
            ("n", Value::Null),
        ],
    )
}

/// The same of rows.
fn redacted(rows: &[Vec<Value>], who: &str) -> Vec<Vec<Value>> {
    let mut rows = rows.to_vec();
    for row in &mut rows {
        if row[2].as_text() == Some(who) || row[4] == Value::list([who]) {
            row[2] = GONE.into();
            row[3] = Value::Null;
            row[4] = Value::list([GONE]);
        }
    }
    rows
}

proptest! {
    #[test]
    fn redacted_rows_stay_and_the_others_are_as_they_were(
        rows in prop::collection::vec((0_i64..2_000, 0_usize..4, -3_i64..3, 0_usize..4), 0..60),
        segment_rows in 1_usize..20,
        batch in 1_usize..20,
        (first, second) in (0_usize..4, 0_usize..4),
        is_late in any::<bool>(),
    ) {
        let store = store(segment_rows);
        let rows: Vec<Vec<Value>> = rows
            .into_iter()
            .enumerate()
            .map(|(id, (at, who, n, with))| row(id, at, WHO[who], n, WHO[with]))
            .collect();
        // Some rows come after the first of two names went.
        let (early, late) = rows.split_at(if is_late { rows.len() / 2 } else { rows.len() });
        for rows in early.chunks(batch) {
            store.append(rows.to_vec(), now());
        }
        let before = store.snapshot();
        let all = Query::new().run(&before).unwrap();
        let erasure = redact(&store, WHO[first]).unwrap();
        let mut expected = redacted(early, WHO[first]);
        let changed = expected.iter().zip(early).filter(|(a, b)| a != b).count();
        prop_assert_eq!(erasure.rows, changed as u64);
        prop_assert_eq!(erasure.segments == 0, erasure.rows == 0);
        prop_assert_eq!(store.stats().redacted, erasure.rows);
        prop_assert!(!holds(&store, WHO[first]) || WHO[first] == "kim" && changed == 0);
        // A snapshot stays as it was, and there is nothing left to redact.
        prop_assert!(Query::new().run(&before).unwrap().rows().eq(all.rows()));
        prop_assert_eq!(redact(&store, WHO[first]).unwrap().rows, 0);
        // What comes again is a duplicate, whatever it was made of.
        let mut again = store.append(early.to_vec(), now());
        prop_assert_eq!((again.duplicates, again.rejected.len()), (early.len() as u64, 0));

        for rows in late.chunks(batch) {
            store.append(rows.to_vec(), now());
        }
        expected.extend_from_slice(late);
        redact(&store, WHO[second]).unwrap();
        expected = redacted(&expected, WHO[second]);
        expected.sort_by(|a, b| a[..2].cmp(&b[..2]));
        let after = Query::new().run(&store.snapshot()).unwrap();
        prop_assert!(after.rows().eq(expected.iter().map(Vec::as_slice)));
        prop_assert_eq!(store.stats().rows, rows.len() as u64);
        again = store.append(rows.clone(), now());
        prop_assert_eq!(again.duplicates, rows.len() as u64);
        // Rows keep their batches.
        for number in 0..=before.newest_ingest() {
            let then = before.as_of(number).len();
            prop_assert_eq!(store.snapshot().as_of(number).len(), then);
        }
    }
}

#[test]
fn no_text_of_a_redacted_row_is_left() {
    let store = store(4);
    let desk = format!("kim's desk{}", " and chair".repeat(200));
    let rows = |from: usize| {
        (from..from + 40).map(|id| {
            let who = ["ana", "kim"][id % 2];
            row(id, id as i64, who, 1, ["li", &desk][id % 2])
        })
    };
    store.append(rows(0), now());
    let snapshot = store.snapshot();
    let used = store.memory_usage().total();
    assert_eq!(redact(&store, "kim").unwrap().rows, 20);
    assert!(!holds(&store, "kim") && !holds(&store, &desk));
    assert!(holds(&store, "ana") && holds(&store, "li") && holds(&store, GONE));
    assert!(store.memory_usage().total() < used);
    let count = Query::new().filter(col("who").eq("kim")).run(&snapshot);
    assert_eq!(count.unwrap().len(), 20);
    // Merged and sealed with others they are still known as redacted.
    store.append(rows(40), now());
    assert_eq!(store.append(rows(0), now()).duplicates, 40);
    // Erasing forgets them.
    store.erase(col("who").eq(GONE)).unwrap();
    assert_eq!(store.append(rows(0), now()).appended, 20);
}

#[test]
fn expired_rows_in_memory_are_redacted_too_and_do_not_count() {
    let store = with_an_expired_row();
    let redacted = redact(&store, "kim").unwrap();
    assert_eq!((redacted.rows, redacted.segments), (1, 1));
    assert!(!holds(&store, "kim"));
    assert_eq!((store.stats().rows, store.stats().redacted), (3, 1));
}

#[test]
fn what_is_wrong_redacts_nothing() {
    let store = store(2);
    store.append(
        (0..6).map(|id| row(id, id as i64, "kim", id as i64, "")),
        now(),
    );
    let with = |column: &str, value: Value| {
        let error = store.redact(col("who").eq("kim"), [(column, value)]);
        error.unwrap_err().to_string()
    };
    assert_eq!(with("whom", 1.into()), "no column `whom`; is `who` meant?");
    assert_eq!(with("id", Value::Null), "id: a column of the key stays");
    assert_eq!(with("who", 1.into()), "who: value of another type");
    let fails = col("n").add(i64::MAX - 3).gt(0);
    assert!(store.redact(fails, [("who", Value::Null)]).is_err());
    let left = Query::new()
        .filter(col("who").eq("kim"))
        .run(&store.snapshot());
    assert_eq!(left.unwrap().len(), 6);
}

#[test]
fn redacting_ends_though_rows_come_all_the_time() {
    let store = store(64);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for batch in 0..200 {
                let rows = (0..10).map(|at| {
                    let who = ["ana", "kim"][at % 2];
                    let desk = format!("desk {batch}");
                    row(batch * 10 + at, batch as i64, who, 1, &desk)
                });
                store.append(rows, now());
                if batch % 20 == 0 {
                    store.erase(col("n").eq(2)).unwrap();
                    store.expire(now() + TimeDelta::seconds(batch as i64));
                }
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            redact(&store, "kim").unwrap();
        }
    });
    redact(&store, "kim").unwrap();
    let stats = store.stats();
    assert_eq!(
        (stats.appended, stats.redacted, stats.rows),
        (2_000, 1_000, 2_000)
    );
    assert!(!holds(&store, "kim"));
    let gone = Query::new()
        .filter(col("who").eq(GONE))
        .run(&store.snapshot());
    assert_eq!(gone.unwrap().len(), 1_000);
}
