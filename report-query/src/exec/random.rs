//! Random rows, predicates, keys and aggregates for the tests of the engine.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use crate::{
    Aggregate, Bucket, DataType, Expr, Field, Retention, Schema, Store, StoreOptions, Value, Zone,
    any as any_of, approx_count_distinct, approx_percentile, arg_max, arg_min, avg, col,
    collect_list, collect_set, count, count_distinct, count_if, every, first, item, last, lit, max,
    min, percentile, sum,
};

const DOORS: [&str; 6] = ["front", "Back", "back door", "side", "BACK", "Hinterhöf"];

/// A value, or with some luck none.
pub(crate) fn maybe(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::option::weighted(0.8, value).prop_map(Option::unwrap_or_default)
}

/// A list of a few items, or with some luck none.
pub(crate) fn list(item: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    maybe(prop::collection::vec(item, 0..4).prop_map(Value::list))
}

pub(super) fn schema() -> Schema {
    Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        Field::new("door", DataType::Text).indexed(),
        Field::new("kind", DataType::Text),
        Field::new("n", DataType::Int),
        Field::new("x", DataType::Float),
        Field::new("open", DataType::Bool),
        Field::new("at", DataType::Time),
        Field::new("tags", DataType::list(DataType::Text)),
        Field::new("badge", DataType::Id).indexed(),
        Field::new("room", DataType::Id).indexed().dictionary(),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .unwrap()
}

pub(super) fn start() -> DateTime<Utc> {
    "2026-11-20T00:00:00Z".parse().unwrap()
}

pub(super) fn rows() -> impl Strategy<Value = Vec<Vec<Value>>> {
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
        prop::option::of(0_u128..5),
        prop::option::of(0_u128..7),
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
            .map(
                |(id, (at, door, kind, n, x, open, other, tags, badge, room))| {
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
                        badge.map(Uuid::from_u128).into(),
                        room.map(|room| Uuid::from_u128(room << 125 | room)).into(),
                    ]
                },
            )
            .collect()
    })
}

pub(super) fn predicates() -> impl Strategy<Value = Expr> {
    let at = |minutes| lit(start() + TimeDelta::minutes(minutes));
    let leaf = prop_oneof![
        prop::sample::select(&DOORS[..]).prop_map(|door| col("door").eq(door)),
        prop::sample::select(&DOORS[..]).prop_map(|door| col("door").ne(door)),
        prop::sample::select(&["back", "RÖ", "f", ""][..])
            .prop_map(|part| col("door").contains(part)),
        Just(col("kind").in_list(["in", "nowhere"])),
        (0_u128..5).prop_map(|badge| col("badge").eq(Uuid::from_u128(badge))),
        (0_u128..8).prop_map(|room| col("room").eq(Uuid::from_u128(room << 125 | room))),
        (0_u128..8).prop_map(|room| col("room").lt(Uuid::from_u128(room << 125))),
        Just(col("room").in_list([Uuid::nil(), Uuid::from_u128(3 << 125 | 3)])),
        Just(col("room").ne(col("badge"))),
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

pub(super) fn keys() -> impl Strategy<Value = Vec<Expr>> {
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
        col("badge").alias("k12"),
        col("room").alias("k14"),
        col("room").is_null().alias("k15"),
        col("open").alias("k13"),
    ]);
    prop::collection::vec(key, 0..7)
}

pub(super) fn aggregates() -> impl Strategy<Value = Vec<Aggregate>> {
    let all = vec![
        count(),
        count().filter(col("kind").eq("in")),
        count_if(col("open")),
        count_if(col("door").starts_with("b")).filter(col("n").gt(0)),
        count_distinct(col("door")),
        count_distinct(col("n")),
        count_distinct(col("room")),
        collect_set(col("room")),
        min(col("room")),
        arg_max(col("room"), col("time")),
        approx_count_distinct(col("room")),
        last(col("room")),
        count_distinct(col("door")).filter(col("kind").is_null()),
        count_distinct(col("tags")),
        sum(col("n")),
        sum(col("x")),
        avg(col("n")),
        avg(col("x")),
        min(col("door")),
        max(col("at")),
        min(col("time")),
        max(col("time")),
        arg_max(col("door"), col("time")),
        arg_min(col("kind"), col("time")),
        first(col("door")),
        collect_set(col("kind")),
        percentile(col("n"), 95.0),
        arg_max(col("id"), col("n")),
        arg_min(col("door"), col("x")),
        first(col("n")),
        last(col("door")),
        collect_set(col("door")),
        collect_list(col("n")),
        any_of(col("open")),
        every(col("n").gt(0)),
        percentile(col("n"), 50.0),
        approx_count_distinct(col("door")),
        approx_count_distinct(col("id")),
        approx_count_distinct(col("kind")).filter(col("n").gt(0)),
        approx_count_distinct(col("tags")),
        approx_percentile(col("n"), 50.0),
        approx_percentile(col("n").mul(1_000_000_007), 95.0),
        approx_percentile(col("x"), 99.0),
        approx_percentile(col("at"), 0.0),
    ];
    prop::collection::vec(prop::sample::select(all), 1..5).prop_map(|chosen| {
        let named = |(at, aggregate): (usize, Aggregate)| aggregate.alias(format!("a{at}"));
        chosen.into_iter().enumerate().map(named).collect()
    })
}

pub(super) fn filled(rows: &[Vec<Value>], batch: usize, segment: usize) -> Store {
    let options = StoreOptions::new(Retention::FOREVER).segment_rows(segment);
    let store = Store::new(schema(), options).unwrap();
    let now = start() + TimeDelta::days(30);
    // Rows that are written out may end before the last columns.
    let columns = store.schema().fields().len();
    let whole = |row: &Vec<Value>| {
        let mut row = row.clone();
        row.resize(columns, Value::Null);
        row
    };
    for rows in rows.chunks(batch) {
        store.append(rows.iter().map(whole), now);
    }
    store
}

/// No column has a name twice.
pub(super) fn distinct(keys: Vec<Expr>) -> Vec<Expr> {
    let mut kept: Vec<Expr> = Vec::new();
    for key in keys {
        if !kept.contains(&key) {
            kept.push(key);
        }
    }
    kept
}
