//! What a store says of its memory, beside what the allocator gave it.

use std::alloc::System;

use cap::Cap;
use chrono::{DateTime, TimeDelta, Utc};
use hybrid_benches::{activities, events};
use report_query::activity::ActivityStore;
use report_query::{Retention, Store, StoreOptions, Value};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What is said is within a twentieth of what was taken.
fn check(what: &str, said: usize, taken: usize) {
    let (said, taken) = (said as f64, taken as f64);
    let off = (said - taken).abs() / taken;
    assert!(off < 0.05, "{what}: {said} bytes said, {taken} taken");
}

fn append(store: &Store, rows: impl Iterator<Item = Vec<Value>>, batch: usize, now: DateTime<Utc>) {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let rows: Vec<Vec<Value>> = rows.by_ref().take(batch).collect();
        store.append(rows, now);
    }
}

#[test]
fn memory_usage_is_what_the_allocator_gave() {
    let now = events::start() + TimeDelta::days(30);
    for (batch, count) in [(1_000, 30_000), (40_000, 150_000)] {
        let before = ALLOCATOR.allocated();
        let options = StoreOptions::new(Retention::FOREVER);
        let store = Store::new(events::schema(), options).expect("a schema");
        append(&store, events::events(count), batch, now);
        let taken = ALLOCATOR.allocated() - before;
        check(
            &format!("{count} events"),
            store.memory_usage().total(),
            taken,
        );
    }

    // Lists and records. What the texts of these share with the activities goes with them.
    let activities = activities(4_000);
    let now = activities.iter().map(|activity| activity.time).max();
    // In the head, and in segments, where documents are packed and some columns have postings.
    for rows in [65_536, 1_000] {
        let before = ALLOCATOR.allocated();
        let options = StoreOptions::new(Retention::FOREVER).segment_rows(rows);
        let store = ActivityStore::with_options(options);
        store.append(activities.iter().cloned(), now.unwrap_or_default());
        let taken = ALLOCATOR.allocated() - before;
        let usage = store.memory_usage();
        check(&format!("activities by {rows}"), usage.total(), taken);
        assert_eq!(usage.postings > 0, rows < activities.len());
    }

    // What has gone is given back.
    let dropped = Retention::days(1);
    let mut rows = events::events(60_000).peekable();
    let before = ALLOCATOR.allocated();
    let store = Store::new(
        events::schema(),
        StoreOptions::new(dropped).segment_rows(4_096),
    );
    let store = store.expect("a schema");
    let now = |row: &Vec<Value>| row.first().and_then(Value::as_time).unwrap_or_default();
    while let Some(first) = rows.peek() {
        let now = now(first);
        store.append(rows.by_ref().take(1_000).collect::<Vec<_>>(), now);
        store.expire(now);
    }
    let taken = ALLOCATOR.allocated() - before;
    check(
        "a month that came and went",
        store.memory_usage().total(),
        taken,
    );
}
