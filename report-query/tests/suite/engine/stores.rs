//! What happens to rows: appended, duplicate, conflicting, late, expired.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use proptest::prelude::*;
use report_query::store::{Rejected, WhenFull};
use report_query::{
    DataType, Field, Query, Retention, Schema, Store, StoreOptions, Value, col, count,
    count_distinct, desc, max, sum,
};
use uuid::Uuid;

use super::{minute, now, row, schema, shown, store, store_of};

#[test]
fn duplicates_are_dropped_and_conflicts_kept_out() {
    let store = store();
    let report = store.append(
        [
            row(minute(1), 1, "a", 1),
            row(minute(1), 1, "a", 1), // a duplicate in the batch
            row(minute(1), 1, "b", 1), // a conflict in the batch: the first stays
            row(minute(2), 1, "b", 1), // the same id at another time is another row
        ],
        now(),
    );
    assert_eq!(
        (report.appended, report.duplicates, report.conflicts),
        (2, 1, 1)
    );
    assert_eq!(report.rejected, [(2, Rejected::Conflict)]);
    let report = store.append(
        [
            row(minute(1), 1, "c", 1),
            row(minute(2), 1, "b", 1),
            row(minute(0), 9, "late", 1),
        ],
        now(),
    );
    assert_eq!(
        (report.appended, report.duplicates, report.conflicts),
        (1, 1, 1)
    );
    assert_eq!(
        (report.ingest, report.rejected.as_slice()),
        (Some(2), &[(0, Rejected::Conflict)][..])
    );
    let doors = Query::new()
        .select(["door"])
        .run(&store.snapshot())
        .unwrap();
    assert_eq!(shown(&doors), ["late", "a", "b"]);
    let stats = store.stats();
    assert_eq!(
        (
            stats.rows,
            stats.appended,
            stats.duplicates,
            stats.conflicts
        ),
        (3, 3, 2, 2)
    );
    // A batch that brings nothing has no number.
    assert_eq!(
        store.append([row(minute(1), 1, "a", 1)], now()).ingest,
        None
    );
    assert_eq!(store.snapshot().newest_ingest(), 2);
}

#[test]
fn lists_and_floats_are_compared_when_rows_come_twice() {
    let of = |x: f64, tags: Value| {
        let mut row = row(minute(1), 1, "a", 1);
        row[4] = x.into();
        row[5] = tags;
        row
    };
    let store = store_of([of(f64::NAN, Value::list(["x", "y"]))]);
    assert_eq!(
        store
            .append([of(f64::NAN, Value::list(["x", "y"]))], now())
            .duplicates,
        1
    );
    assert_eq!(
        store
            .append([of(f64::NAN, Value::list(["y", "x"]))], now())
            .conflicts,
        1
    );
    assert_eq!(
        store
            .append([of(1.0, Value::list(["x", "y"]))], now())
            .conflicts,
        1
    );
}

#[test]
fn too_old_and_too_new_rows_are_kept_out_and_counted() {
    let store = store();
    let cut = now() - TimeDelta::days(30);
    let ahead = now() + TimeDelta::days(1);
    let moment = TimeDelta::nanoseconds(1);
    let report = store.append(
        [
            row(cut - moment, 1, "old", 1),
            row(cut, 2, "kept", 1),
            row(ahead, 3, "kept", 1),
            row(ahead + moment, 4, "ahead", 1),
        ],
        now(),
    );
    assert_eq!(
        (report.appended, report.expired, report.quarantined),
        (2, 1, 1)
    );
    assert_eq!(report.rejected, [(3, Rejected::Quarantined)]);
    let forever = Store::new(schema(), StoreOptions::new(Retention::FOREVER)).unwrap();
    let old = "0001-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(forever.append([row(old, 1, "old", 1)], now()).appended, 1);
}

#[test]
fn rows_that_are_not_of_the_schema_are_named() {
    let store = store();
    let mut no_time = row(minute(1), 1, "a", 1);
    no_time[0] = Value::Null;
    let report = store.append(
        [
            row(minute(1), 1, "a", 1),
            vec![Value::Null],
            row(minute(1), 2, 5, 1),
            no_time,
        ],
        now(),
    );
    assert_eq!((report.appended, report.invalid), (1, 3));
    let columns: Vec<_> = report
        .rejected
        .iter()
        .map(|(index, rejected)| match rejected {
            Rejected::Invalid { column, .. } => (*index, *column),
            _ => panic!("{rejected:?}"),
        })
        .collect();
    assert_eq!(columns, [(1, None), (2, Some(2)), (3, Some(0))]);
    let keyless = Schema::new([Field::new("time", DataType::Time).required()]).unwrap();
    assert!(Store::new(keyless, StoreOptions::default()).is_err());
}

#[test]
fn expiry_is_exact_for_queries_and_frees_segments() {
    let options = StoreOptions::new(Retention::days(1)).segment_rows(10);
    let store = Store::new(schema(), options).unwrap();
    let rows = (0..35).map(|at| row(minute(at), at as u128, format!("door {at}"), at));
    store.append(rows, minute(40));
    assert_eq!((store.stats().segments, store.stats().head_chunks), (3, 1));
    let before = store.memory_usage().total();
    let old = store.snapshot();
    let day = TimeDelta::days(1);

    let expiry = store.expire(minute(12) + day);
    assert_eq!((expiry.rows, expiry.segments), (12, 1));
    let n = |store: &Store| {
        let query = Query::new().aggregate([count(), sum(col("n"))]);
        shown(&query.run(&store.snapshot()).unwrap()).concat()
    };
    assert_eq!(n(&store), format!("23|{}", (12..35).sum::<i64>()));
    assert!(store.memory_usage().total() < before);
    // A clock that goes back brings nothing back, and lets nothing old in.
    assert_eq!(
        store.expire(minute(0)),
        report_query::store::Expiry::default()
    );
    assert_eq!(
        store
            .append([row(minute(11), 99, "x", 1)], minute(0))
            .expired,
        1
    );
    assert_eq!(
        store.snapshot().time_range(),
        Some((minute(12), minute(34)))
    );
    // Half of a segment gone: what is left is kept alone.
    let expiry = store.expire(minute(16) + day);
    assert_eq!((expiry.rows, store.snapshot().len()), (4, 19));
    store.expire(minute(1000) + day);
    assert!(store.snapshot().is_empty() && store.snapshot().time_range().is_none());
    assert_eq!(
        (store.stats().dropped, store.memory_usage().total()),
        (35, 0)
    );
    // The snapshot from before still has everything.
    assert_eq!(old.len(), 35);
}

#[test]
fn snapshots_can_be_narrowed_to_a_batch() {
    let store = store();
    store.append(
        [row(minute(5), 1, "a", 1), row(minute(6), 2, "a", 1)],
        now(),
    );
    let first = store.snapshot().newest_ingest();
    store.append([row(minute(1), 3, "late", 1)], now());
    let then = store.snapshot().as_of(first);
    assert_eq!((then.len(), store.snapshot().len()), (2, 3));
    assert_eq!(then.time_range(), Some((minute(5), minute(6))));
    assert_eq!(then.as_of(100).newest_ingest(), first);
    assert!(then.as_of(0).is_empty());
    let doors = Query::new().distinct(["door"]).run(&then).unwrap();
    assert_eq!(shown(&doors), ["a"]);
}

#[test]
fn many_small_batches_stay_few_chunks() {
    let store = Store::new(schema(), StoreOptions::default().segment_rows(100)).unwrap();
    for at in 0..1050 {
        let report = store.append([row(minute((at * 37) % 1050), at as u128, "d", at)], now());
        assert_eq!(report.appended, 1);
        assert!(store.stats().head_chunks <= 8, "{:?}", store.stats());
    }
    assert_eq!(store.stats().segments, 10);
    let result = Query::new()
        .select(["time"])
        .run(&store.snapshot())
        .unwrap();
    let times: Vec<&Value> = result.rows().map(|row| &row[0]).collect();
    assert!(times.is_sorted() && times.len() == 1050);
}

#[test]
fn debug_output_and_reports_hold_no_data() {
    let store = store_of([row(minute(1), 1, "secret door", 1)]);
    let result = Query::new().run(&store.snapshot()).unwrap();
    let shown = format!(
        "{store:?} {:?} {result:?} {:?}",
        store.snapshot(),
        result.row(0)
    );
    assert!(!shown.contains("secret"), "{shown}");
}

/// Four writers and two readers: each batch of ten is seen whole or not at
/// all, counts only grow, and in the end nothing is lost or doubled.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the store is tested from several threads"
)]
fn batches_are_whole_while_many_write_and_read() {
    const WRITERS: u128 = 4;
    const BATCHES: u128 = 60;
    let store = Store::new(schema(), StoreOptions::default().segment_rows(256)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let store = &store;
                scope.spawn(move || {
                    for batch in 0..BATCHES {
                        let id = |of: u128| (writer * BATCHES + batch) * 10 + of;
                        let door = format!("{writer}/{batch}");
                        let rows = (0..10).map(|of| {
                            row(minute((id(of) * 7 % 600) as i64), id(of), door.as_str(), 1)
                        });
                        let report = store.append(rows, now());
                        assert_eq!(report.appended, 10);
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let whole = Query::new()
                    .group_by(["door"])
                    .aggregate([count()])
                    .distinct(["count"]);
                let mut rows = 0;
                while !done.load(Ordering::Relaxed) {
                    let snapshot = store.snapshot();
                    let counts = whole.run(&snapshot).unwrap();
                    assert!(matches!(shown(&counts).concat().as_str(), "" | "10"));
                    assert!(snapshot.len() >= rows && snapshot.len().is_multiple_of(10));
                    rows = snapshot.len();
                }
            });
        }
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let stats = store.stats();
    assert_eq!(u128::from(stats.rows), WRITERS * BATCHES * 10);
    assert_eq!(u128::from(stats.newest_ingest), WRITERS * BATCHES);
    let ids = Query::new()
        .distinct(["id"])
        .run(&store.snapshot())
        .unwrap();
    assert_eq!(ids.len() as u64, stats.rows);
    assert!(ids.value(0, "id") == Some(&Value::from(Uuid::from_u128(0))));
}

#[test]
fn what_threads_share_can_be_shared() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Store>();
    check::<report_query::Snapshot>();
    check::<report_query::Plan>();
    check::<report_query::QueryResult>();
}

fn limited(bytes: usize, when_full: WhenFull, segment_rows: usize) -> Store {
    let options = StoreOptions::new(Retention::MONTH)
        .segment_rows(segment_rows)
        .memory_limit(bytes, when_full);
    Store::new(schema(), options).unwrap()
}

/// Ten rows of a minute.
fn batch(number: i64) -> Vec<Vec<Value>> {
    (0..10)
        .map(|at| {
            let id = (number * 10 + at) as u128;
            row(minute(number), id, format!("door {number} {at}"), at)
        })
        .collect()
}

#[test]
fn a_full_store_refuses_whole_batches_and_counts_them() {
    let limit = 20_000;
    let store = limited(limit, WhenFull::Refuse, 16);
    let mut last = 0;
    while store.append(batch(last), now()).refused == 0 {
        assert!(store.memory_usage().total() <= limit);
        last += 1;
    }
    assert!(last > 3, "{last}");
    let before = store.stats();
    let report = store.append(batch(last).into_iter().chain(batch(0)), now());
    assert_eq!(
        (
            report.appended,
            report.refused,
            report.duplicates,
            report.ingest
        ),
        (0, 10, 10, None)
    );
    assert_eq!(report.rejected, []);
    let stats = store.stats();
    assert_eq!(
        (stats.rows, stats.newest_ingest),
        (before.rows, before.newest_ingest)
    );
    assert_eq!((stats.refused, stats.duplicates), (20, 10));
    assert!(store.memory_usage().total() <= limit);
    // A month later there is room again.
    let later = minute(last - 1) + TimeDelta::days(30);
    store.expire(later);
    let report = store.append(batch(last), later);
    assert_eq!((report.appended, report.refused), (10, 0));
}

#[test]
fn a_full_store_drops_what_is_oldest() {
    let limit = 20_000;
    let store = limited(limit, WhenFull::DropOldest, 16);
    let mut evicted = 0;
    for number in 0..200 {
        let report = store.append(batch(number), now());
        assert_eq!(report.appended, 10);
        evicted += report.evicted;
        assert!(store.memory_usage().total() <= limit);
    }
    let stats = store.stats();
    assert_eq!((stats.appended, stats.evicted), (2_000, evicted));
    assert_eq!(stats.rows, stats.appended - stats.evicted);
    assert!(stats.rows >= 30, "{stats:?}");
    let (oldest, newest) = store.snapshot().time_range().unwrap();
    assert_eq!(newest, minute(199));
    // What is older does not come back.
    assert_eq!(store.append(batch(0), now()).expired, 10);
    let whole = store.snapshot();
    let count = Query::new().filter(col("time").ge(oldest));
    assert_eq!(count.run(&whole).unwrap().len() as u64, stats.rows);
}

#[test]
fn a_batch_that_is_too_large_leaves_nothing_under_any_policy() {
    let refusing = limited(100, WhenFull::Refuse, 16);
    assert_eq!(refusing.append(batch(0), now()).refused, 10);
    let dropping = limited(100, WhenFull::DropOldest, 16);
    let report = dropping.append(batch(0), now());
    assert_eq!((report.appended, report.evicted), (10, 10));
    for store in [refusing, dropping] {
        assert!(store.snapshot().is_empty());
        assert_eq!(store.memory_usage().total(), 0);
    }
}

proptest! {
    #[test]
    fn counts_balance_whatever_is_dropped(
        batches in prop::collection::vec(
            prop::collection::vec((0_i64..60_000, 0_u128..40), 1..20),
            1..30,
        ),
        limit in 200_usize..8_000,
        refuse: bool,
        segment_rows in 1_usize..30,
    ) {
        let when_full = if refuse { WhenFull::Refuse } else { WhenFull::DropOldest };
        let store = limited(limit, when_full, segment_rows);
        for (at, batch) in batches.into_iter().enumerate() {
            let sent = batch.len() as u64;
            let rows = batch.into_iter().map(|(time, id)| row(minute(time / 60), id, "a", 1));
            let report = store.append(rows, now());
            let told = report.appended
                + report.refused
                + report.duplicates
                + report.conflicts
                + report.expired
                + report.quarantined
                + report.invalid;
            prop_assert_eq!(told, sent);
            if at % 5 == 4 {
                store.expire(minute(at as i64 * 20) + TimeDelta::days(30));
                store.erase(col("id").eq(Uuid::from_u128(7))).unwrap();
            }
            let stats = store.stats();
            prop_assert_eq!(
                stats.appended,
                stats.rows + stats.dropped + stats.erased + stats.evicted,
                "{:?}", stats
            );
            prop_assert!(store.memory_usage().total() <= limit);
        }
    }
}

/// Whole records beside what is asked of them: a row's text, long and like its neighbours'.
fn record(id: u128, who: &str) -> String {
    format!(
        "{{\"id\":{id},\"who\":\"{who}\",\"said\":\"{}\"}}",
        "all is well; ".repeat(200)
    )
}

fn of_records(document: bool) -> Store {
    let text = Field::new("record", DataType::Text);
    let schema = Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        Field::new("who", DataType::Text),
        if document { text.document() } else { text },
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .unwrap();
    let options = StoreOptions::new(Retention::MONTH).segment_rows(100);
    let store = Store::new(schema, options).unwrap();
    for rows in (0..450).collect::<Vec<u128>>().chunks(70) {
        let report = store.append(rows.iter().map(|id| with_record(*id)), now());
        assert_eq!(report.appended, rows.len() as u64);
    }
    store
}

/// Each seventh row has no record.
fn with_record(id: u128) -> Vec<Value> {
    let who = ["ana", "kim", "li"][id as usize % 3];
    let text = (!id.is_multiple_of(7)).then(|| record(id, who));
    vec![
        minute(id as i64 / 4).into(),
        Uuid::from_u128(id).into(),
        who.into(),
        text.map_or(Value::Null, Value::text),
    ]
}

#[test]
fn documents_are_as_other_texts_but_take_less() {
    let (store, other) = (of_records(true), of_records(false));
    assert!(store.stats().segments > 3 && store.stats().head_chunks > 0);
    let doc = || col("record");
    let queries = [
        Query::new(),
        Query::new()
            .filter(doc().contains("\"who\":\"kim\""))
            .select(["id"]),
        Query::new().filter(doc().is_null().or(doc().eq(record(8, "li")))),
        Query::new()
            .group_by([doc().length().alias("n")])
            .aggregate([count()]),
        Query::new()
            .group_by(["who"])
            .aggregate([count_distinct(doc()), max(doc()).alias("m")]),
        Query::new().sort([desc("record")]).limit(5),
        Query::new().top_per(["who"], [desc("record")], 1),
    ];
    for query in &queries {
        let result = query.run(&store.snapshot()).unwrap();
        assert!(!result.is_empty());
        assert!(
            result
                .rows()
                .eq(query.run(&other.snapshot()).unwrap().rows())
        );
    }
    if cfg!(feature = "compress") {
        let (packed, plain) = (store.memory_usage().total(), other.memory_usage().total());
        assert!(packed * 2 < plain, "{packed} of {plain}");
    }
    // What comes again is known, also of rows that are packed.
    let report = store.append([with_record(8), with_record(440)], now());
    assert_eq!(report.duplicates, 2);
    let mut changed = with_record(8);
    changed[3] = "another".into();
    assert_eq!(store.append([changed], now()).conflicts, 1);

    // Gone is gone.
    let of_kim = || {
        Query::new()
            .filter(doc().contains("\"kim\""))
            .aggregate([count()])
    };
    let found = |store: &Store| {
        of_kim()
            .run(&store.snapshot())
            .unwrap()
            .value(0, "count")
            .cloned()
    };
    assert!(found(&store) > Some(Value::from(100)));
    store
        .erase(col("who").eq("kim").and(col("time").lt(minute(50))))
        .unwrap();
    store
        .redact(col("who").eq("kim"), [("record", Value::text("-"))])
        .unwrap();
    assert_eq!(found(&store), Some(Value::from(0)));
    let left = Query::new().filter(doc().eq("-")).aggregate([count()]);
    assert!(left.run(&store.snapshot()).unwrap().value(0, "count") > Some(&Value::from(50)));
    let li = Query::new().filter(col("who").eq("li"));
    let of_li = |store: &Store| li.run(&store.snapshot()).unwrap();
    assert!(of_li(&store).rows().eq(of_li(&other).rows()));
}
