//! Random pipelines on random rows: the front on columns beside all stages row by row.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use crate::{
    Aggregate, Bucket, DataType, Expr, Field, Page, Query, Retention, Schema, Snapshot, Store,
    StoreOptions, Value, Zone, any as any_of, arg_max, arg_min, asc, avg, col, collect_list,
    collect_set, count, count_distinct, count_if, desc, every, first, item, last, lit, max, min,
    percentile, sum,
};

const DOORS: [&str; 6] = ["front", "Back", "back door", "side", "BACK", "Hinterhöf"];

fn schema() -> Schema {
    Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        Field::new("door", DataType::Text),
        Field::new("kind", DataType::Text),
        Field::new("n", DataType::Int),
        Field::new("x", DataType::Float),
        Field::new("open", DataType::Bool),
        Field::new("at", DataType::Time),
        Field::new("tags", DataType::list(DataType::Text)),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .unwrap()
}

fn start() -> DateTime<Utc> {
    "2026-11-20T00:00:00Z".parse().unwrap()
}

fn rows() -> impl Strategy<Value = Vec<Vec<Value>>> {
    let text = |some: &'static [&'static str]| prop::option::of(prop::sample::select(some));
    let row = (
        0_i64..6_000,
        text(&DOORS),
        text(&["in", "out", ""]),
        prop::option::of(-3_i64..4),
        prop::option::of(prop::sample::select(vec![0.5, -0.0, 0.0, 1e300, 0.1])),
        prop::option::of(any::<bool>()),
        prop::option::of(0_i64..100),
        prop::option::of(prop::collection::vec(
            prop::sample::select(vec!["a", "B"]),
            0..3,
        )),
    );
    // Some with many ties of time.
    let rows = (
        prop::collection::vec(row, 0..90),
        prop::sample::select(vec![7, 600]),
    );
    rows.prop_map(|(rows, step)| {
        let minute = |minutes| start() + TimeDelta::minutes(minutes);
        rows.into_iter()
            .enumerate()
            .map(|(id, (at, door, kind, n, x, open, other, tags))| {
                vec![
                    // The ids of ties do not follow the order of coming.
                    minute(at / step * step).into(),
                    Uuid::from_u128((id as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15)).into(),
                    door.into(),
                    kind.into(),
                    n.into(),
                    x.into(),
                    open.into(),
                    other.map(minute).into(),
                    tags.map_or(Value::Null, |tags| {
                        Value::list(tags.into_iter().map(Value::from))
                    }),
                ]
            })
            .collect()
    })
}

fn predicates() -> impl Strategy<Value = Expr> {
    let at = |minutes| lit(start() + TimeDelta::minutes(minutes));
    let leaf = prop_oneof![
        prop::sample::select(&DOORS[..]).prop_map(|door| col("door").eq(door)),
        prop::sample::select(&DOORS[..]).prop_map(|door| col("door").ne(door)),
        prop::sample::select(&["back", "RÖ", "f", ""][..])
            .prop_map(|part| col("door").contains(part)),
        Just(col("kind").in_list(["in", "nowhere"])),
        Just(col("door").eq(col("kind"))),
        Just(col("door").is_null()),
        Just(col("kind").lower().length().gt(2)),
        Just(col("tags").any(item().eq("a"))),
        (-3_i64..4).prop_map(|n| col("n").ge(n)),
        // Fails where it comes to a row with the greatest number.
        Just(col("n").add(i64::MAX - 2).gt(0)),
        Just(col("open").eq(true)),
        (0_i64..6_000).prop_map(move |minutes| col("time").ge(at(minutes))),
        (0_i64..6_000).prop_map(move |minutes| col("time").lt(at(minutes))),
        (0_i64..100).prop_map(move |minutes| col("at").le(at(minutes))),
        (0_i64..6_000).prop_map(move |minutes| col("time").ne(at(minutes / 7 * 7))),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Expr::not),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a.and(b)),
            (inner.clone(), inner).prop_map(|(a, b)| a.or(b)),
        ]
    })
}

fn lord_howe() -> Zone {
    Zone::named("Australia/Lord_Howe").unwrap_or(Zone::UTC)
}

fn keys() -> impl Strategy<Value = Vec<Expr>> {
    let hours = FixedOffset::east_opt(5 * 3600 + 1800).unwrap();
    let key = prop::sample::select(vec![
        col("door").alias("k1"),
        col("door").lower().alias("k2"),
        col("kind").alias("k3"),
        col("kind")
            .lookup_or([("in", 1), ("out", 2)], 3)
            .alias("k4"),
        col("time").bucket(Bucket::HOUR).alias("k5"),
        col("time").bucket(Bucket::DAY.at(hours)).alias("k6"),
        // UTC without the feature.
        col("time")
            .bucket(Bucket::WEEK.in_zone(lord_howe()))
            .alias("k11"),
        col("time").bucket(Bucket::MONTH).alias("k7"),
        col("tags").alias("k8"),
        col("n").alias("k9"),
        col("at").bucket(Bucket::HOUR).alias("k10"),
    ]);
    prop::collection::vec(key, 0..4)
}

fn aggregates() -> impl Strategy<Value = Vec<Aggregate>> {
    let all = vec![
        count(),
        count().filter(col("kind").eq("in")),
        count_if(col("open")),
        count_if(col("door").starts_with("b")).filter(col("n").gt(0)),
        count_distinct(col("door")),
        count_distinct(col("n")),
        count_distinct(col("door")).filter(col("kind").is_null()),
        count_distinct(col("tags")),
        sum(col("n")),
        sum(col("x")),
        avg(col("n")),
        avg(col("x")),
        min(col("door")),
        max(col("at")),
        arg_max(col("id"), col("n")),
        arg_min(col("door"), col("x")),
        first(col("n")),
        last(col("door")),
        collect_set(col("door")),
        collect_list(col("n")),
        any_of(col("open")),
        every(col("n").gt(0)),
        percentile(col("n"), 50.0),
    ];
    prop::collection::vec(prop::sample::select(all), 1..5).prop_map(|chosen| {
        let named = |(at, aggregate): (usize, Aggregate)| aggregate.alias(format!("a{at}"));
        chosen.into_iter().enumerate().map(named).collect()
    })
}

fn filled(rows: &[Vec<Value>], batch: usize, segment: usize) -> Store {
    let options = StoreOptions::new(Retention::FOREVER).segment_rows(segment);
    let store = Store::new(schema(), options).unwrap();
    let now = start() + TimeDelta::days(30);
    for rows in rows.chunks(batch) {
        store.append(rows.iter().cloned(), now);
    }
    store
}

/// Both ways come to the same rows, or both to an error of one kind.
fn compare(query: &Query, snapshot: &Snapshot) -> Result<(), TestCaseError> {
    let plan = query.bind(snapshot.schema()).unwrap();
    let by_rows = plan.run_by_rows(snapshot);
    match (plan.run(snapshot), by_rows) {
        (Ok(result), Ok(rows)) => {
            let cells: Vec<Vec<Value>> = result.rows().map(<[Value]>::to_vec).collect();
            // Bit by bit, since a float must not depend on the way either.
            prop_assert_eq!(format!("{cells:?}"), format!("{rows:?}"));
            prop_assert_eq!(cells, rows);
        }
        // Where two stages fail, the one that is met first depends on the way.
        (Err(error), Err(other)) => {
            prop_assert_eq!(format!("{:?}", error.kind()), format!("{:?}", other.kind()));
        }
        (one, other) => prop_assert!(false, "{one:?} beside {other:?}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_front_on_columns_is_as_row_by_row(
        rows in rows(),
        tests in prop::collection::vec(predicates(), 0..3),
        keys in keys(),
        aggregates in aggregates(),
        (batch, segment) in (1_usize..50, 1_usize..40),
        (in_order, shape, as_of) in (any::<bool>(), 0..8, 0_u64..8),
        limit in 0_u64..12,
    ) {
        let mut rows = rows;
        if in_order {
            rows.sort_by(|a, b| a[..2].cmp(&b[..2]));
        }
        let store = filled(&rows, batch, segment);
        let mut query = Query::new();
        for test in tests {
            query = query.filter(test);
        }
        query = match shape {
            0 => query,
            1 => query.limit(limit),
            2 => query.sort([desc("time")]).limit(limit).select(["door", "time", "id"]),
            3 => query.sort([asc("time")]).limit(limit),
            4 => query.sort([desc("time"), asc("door"), desc("id")]).limit(limit),
            5 => query.page(Page::new(limit + 1)),
            6 => query.page(Page::new(limit + 1).by([asc("time"), desc(col("n").add(1))])),
            _ => query.group_by(distinct(keys)).aggregate(aggregates),
        };
        let snapshot = store.snapshot();
        compare(&query, &snapshot)?;
        compare(&query, &snapshot.as_of(as_of))?;
    }
}

proptest! {
    #[test]
    fn pages_by_time_are_the_whole_in_their_order(
        rows in rows(),
        tests in prop::collection::vec(predicates(), 0..2),
        (batch, segment) in (1_usize..50, 1_usize..40),
        (order, size, as_of) in (0..5, 1_u64..9, 0_u64..8),
    ) {
        let store = filled(&rows, batch, segment);
        let mut query = Query::new();
        for test in tests {
            query = query.filter(test);
        }
        let keys = match order {
            0 => vec![desc("time"), desc("id")],
            1 => vec![asc("time"), asc("id")],
            2 => vec![desc("time"), asc("door")],
            3 => vec![asc("time")],
            _ => vec![desc("time"), desc(col("n").add(1))],
        };
        let mut snapshot = store.snapshot();
        if as_of > 0 {
            snapshot = snapshot.as_of(as_of);
        }
        let all = query.clone().sort(keys.clone()).run(&snapshot);
        let Ok(all) = all else {
            // A row that fails may stand in no page.
            return Ok(());
        };
        let mut paged: Vec<Vec<Value>> = Vec::new();
        let mut page = Page::new(size).by(keys);
        loop {
            let result = query.clone().page(page.clone()).run(&snapshot).unwrap();
            paged.extend(result.rows().map(<[Value]>::to_vec));
            prop_assert!(result.len() as u64 == size || result.next_page().is_none());
            match result.next_page() {
                Some(token) => page = page.after(token),
                None => break,
            }
        }
        prop_assert!(all.rows().eq(paged.iter().map(Vec::as_slice)));
    }
}

#[test]
fn a_page_by_time_reads_its_own_segments() {
    let row = |minute: i64| {
        let mut row = vec![Value::Null; 9];
        // Two of a time.
        row[0] = (start() + TimeDelta::minutes(minute / 2)).into();
        row[1] = Uuid::from_u128(minute as u128).into();
        row[4] = minute.into();
        row
    };
    let rows: Vec<Vec<Value>> = (0..100).map(row).collect();
    let snapshot = filled(&rows, 10, 10).snapshot();
    let newest = Page::new(5);
    let oldest = Page::new(5).by([asc("time"), asc("id")]);
    for (page, first) in [(newest, 99), (oldest, 0)] {
        let mut page = page;
        for number in 0..20 {
            let result = Query::new().page(page.clone()).run(&snapshot).unwrap();
            let found = result.value(0, "n").and_then(Value::as_int);
            assert_eq!(found, Some(i64::abs(first - number * 5)));
            // Of a page that ends with a segment, the next row is in another one.
            let stats = result.stats();
            assert!(stats.segments <= 2, "page {number}: {stats:?}");
            assert_eq!(stats.segments + stats.segments_skipped, 10);
            match result.next_page() {
                Some(token) => page = page.after(token),
                None => assert_eq!(number, 19),
            }
        }
    }
}

#[test]
fn segments_that_a_limit_leaves_no_row_of_are_not_read() {
    let row = |minute: i64| {
        let mut row = vec![Value::Null; 9];
        row[0] = (start() + TimeDelta::minutes(minute)).into();
        row[1] = Uuid::from_u128(minute as u128).into();
        row[4] = minute.into();
        row
    };
    let rows: Vec<Vec<Value>> = (0..100).map(row).collect();
    let snapshot = filled(&rows, 10, 10).snapshot();
    for (query, minutes, segments) in [
        (Query::new().limit(3), vec![0, 1, 2], 1),
        (Query::new().limit(0), vec![], 0),
        (
            Query::new().sort([asc("time")]).limit(11),
            (0..11).collect(),
            2,
        ),
        (Query::new().sort([desc("time")]).limit(2), vec![99, 98], 1),
        (
            // Of the newest segment two rows pass, so the next one is read, too.
            Query::new()
                .filter(col("n").in_list([91, 94, 85, 60]))
                .sort([desc("time")])
                .limit(3),
            vec![94, 91, 85],
            2,
        ),
        (Query::new().sort([desc("n")]).limit(1), vec![99], 10),
    ] {
        let result = query.select(["n"]).run(&snapshot).unwrap();
        let found: Vec<i64> = result.rows().filter_map(|row| row[0].as_int()).collect();
        assert_eq!(found, minutes);
        let stats = result.stats();
        assert_eq!(
            (stats.segments, stats.segments_skipped),
            (segments, 10 - segments)
        );
        assert_eq!(stats.rows_scanned, 10 * segments as u64);
    }
}

/// No column has a name twice.
fn distinct(keys: Vec<Expr>) -> Vec<Expr> {
    let mut kept: Vec<Expr> = Vec::new();
    for key in keys {
        if !kept.contains(&key) {
            kept.push(key);
        }
    }
    kept
}
