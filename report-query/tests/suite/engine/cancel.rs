//! Tests of `Plan::run_until`: how often it asks, and that it ends when told so.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use report_query::{
    Bucket, Expand, Join, JoinKind, Page, Query, QueryErrorKind, Retention, Store, StoreOptions,
    Value, asc, avg, col, collect_set, count, count_distinct, desc, min, percentile,
};
use uuid::Uuid;

use super::{minute, now, schema};

const ROWS: usize = 30_000;
/// The steps between two questions, as the documentation has it: some thousand.
const STEPS: usize = 5_000;

fn store() -> Store {
    let options = StoreOptions::new(Retention::MONTH).segment_rows(8_192);
    let store = Store::new(schema(), options).unwrap();
    let rows = (0..ROWS).map(|at| {
        let mixed = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        vec![
            Value::from(minute((at / 40) as i64)),
            Value::from(Uuid::from_u128(u128::from(mixed))),
            Value::from(["front", "back", "side"][at % 3]),
            Value::from((mixed >> 40) as i64),
            Value::from((mixed >> 30) as f64 / 3.0),
            Value::list(["a", "b"]),
            Value::list([] as [Value; 0]),
        ]
    });
    assert_eq!(store.append(rows, now()).appended, ROWS as u64);
    store
}

/// How often it was asked while it ran to its end, and what came of it.
fn asked(query: &Query, store: &Store) -> (usize, String) {
    let asked = AtomicUsize::new(0);
    let stop = || {
        asked.fetch_add(1, Ordering::Relaxed);
        false
    };
    let plan = query.bind(store.schema()).unwrap();
    let result = plan.run_until(&store.snapshot(), &stop).unwrap();
    let mut text = Vec::new();
    result.write_json(&mut text).unwrap();
    (asked.into_inner(), String::from_utf8(text).unwrap())
}

/// What it comes to if the answer to the question of this number is yes.
fn stopped_at(query: &Query, store: &Store, number: usize) {
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) == number;
    let plan = query.bind(store.schema()).unwrap();
    let error = plan.run_until(&store.snapshot(), &stop).unwrap_err();
    assert_eq!(*error.kind(), QueryErrorKind::Cancelled);
    assert_eq!(asked.into_inner(), number + 1, "asked again after a yes");
}

/// Queries, each with the rows that its last stages go over, time and again.
fn queries() -> Vec<(&'static str, Query, Query, usize)> {
    let all = Query::new;
    // Computed, so that what follows goes row by row.
    let computed = || all().extend([col("n").add(1).alias("m")]);
    let doors = || all().distinct([col("door")]);
    vec![
        (
            "filter",
            computed(),
            computed().filter(col("m").gt(0)),
            ROWS,
        ),
        ("extend", all(), computed(), ROWS),
        (
            "select",
            all(),
            all().select([col("id"), col("n").neg().alias("m")]),
            ROWS,
        ),
        ("expand", all(), all().expand(Expand::new("tags")), 2 * ROWS),
        (
            "group",
            computed(),
            computed()
                .group_by([col("m").alias("id")])
                .aggregate([count()]),
            2 * ROWS,
        ),
        ("sort", all(), all().sort([desc("n")]), 2 * ROWS),
        (
            "first of a sort",
            all(),
            all().sort([desc("n")]).limit(10),
            ROWS,
        ),
        (
            "page",
            all(),
            all().page(Page::new(10).by([asc("n")])),
            ROWS,
        ),
        (
            "join",
            all(),
            all().join(
                Join::new(JoinKind::Inner, doors())
                    .on("door", "door")
                    .prefix("d_"),
            ),
            3 * ROWS,
        ),
        ("union", computed(), computed().union(computed()), 4 * ROWS),
        (
            "sessionize",
            all(),
            all().sessionize("s", ["door"], col("time"), TimeDelta::minutes(1)),
            3 * ROWS,
        ),
        (
            "top per key",
            computed(),
            computed().top_per(["door"], [desc("m")], 1),
            2 * ROWS,
        ),
        (
            "first per key, on columns",
            all(),
            all().top_per(["door"], [desc("n")], 1),
            ROWS,
        ),
    ]
}

#[test]
fn every_stage_asks_while_it_runs() {
    let store = store();
    for (name, before, with, rows) in queries() {
        // Results are written out row by row, which asks as well: so there are none.
        let nothing = |query: Query| query.select([col("id")]).limit(0);
        let with = if name == "page" { with } else { nothing(with) };
        let (before, _) = asked(&nothing(before), &store);
        let (with, _) = asked(&with, &store);
        let least = rows / STEPS;
        assert!(
            with >= before + least,
            "{name}: {before} and then {with}, at least {least} more"
        );
    }
}

#[test]
fn the_columns_of_every_segment_are_asked_about() {
    let store = store();
    let segments = store.stats().segments + store.stats().head_chunks;
    assert!(segments > 3);
    let grouped = Query::new()
        .filter(col("door").ne("side"))
        .group_by([col("time").bucket(Bucket::HOUR)])
        .aggregate([count()]);
    let states = Query::new().group_by([col("door")]).aggregate([
        avg(col("n")),
        percentile(col("n"), 50.0),
        count_distinct(col("x")),
        collect_set(col("tags")),
        min(col("x")),
    ]);
    let by_row = Query::new()
        .filter(col("n").add(1).gt(0))
        .group_by([col("door")]);
    let by_row = by_row.aggregate([count()]);
    let newest = Query::new()
        .filter(col("n").gt(5))
        .sort([desc("time")])
        .limit(ROWS as u64);
    for (query, least) in [
        (grouped, segments),
        (states, 6 * segments),
        (by_row, segments + ROWS / STEPS),
        (newest, segments),
    ] {
        let (asked, _) = asked(&query, &store);
        assert!(asked >= least, "{asked} of {least}: {query}");
    }
}

#[test]
fn a_run_ends_at_the_first_yes_and_else_gives_the_same() {
    let store = store();
    for (name, _, query, _) in queries() {
        let (asked, text) = asked(&query, &store);
        let mut plain = Vec::new();
        let result = query.run(&store.snapshot()).unwrap();
        result.write_json(&mut plain).unwrap();
        assert!(plain == text.into_bytes(), "{name}");
        for number in [0, 1, asked / 3, asked / 2, asked - 1] {
            stopped_at(&query, &store, number);
        }
    }
}

#[test]
fn a_search_asks_for_each_block_of_texts() {
    const BLOCK: usize = 1_024;

    let options = StoreOptions::new(Retention::MONTH);
    let store = Store::new(schema(), options).unwrap();
    let rows = (0..ROWS).map(|at| {
        let mut row = vec![Value::Null; 7];
        row[0] = minute((at / 40) as i64).into();
        row[1] = Uuid::from_u128(at as u128).into();
        row[2] = format!("door {at} of {ROWS}").into();
        row
    });
    assert_eq!(store.append(rows, now()).appended, ROWS as u64);
    let find = |filter| Query::new().filter(filter).aggregate([count()]);
    let query = find(col("door").contains("99 OF"));
    let (asked, _) = asked(&query, &store);
    assert!(asked >= ROWS / BLOCK, "{asked}");
    for number in [1, asked / 3, asked / 2] {
        stopped_at(&query, &store, number);
    }
}

#[test]
fn a_cancelled_query_says_so() {
    let plan = Query::new().bind(&schema()).unwrap();
    let error = plan.run_until(&store().snapshot(), &|| true).unwrap_err();
    assert_eq!(error.to_string(), "cancelled");
}
