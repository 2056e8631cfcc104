//! What target and seeds of partial results share.

use chrono::{DateTime, TimeDelta, Utc};
use report_query::{
    DataType, Field, Plan, Query, Retention, Schema, Snapshot, Store, StoreOptions, Value, any,
    approx_count_distinct, approx_percentile, arg_max, avg, col, collect_list, collect_set, count,
    count_distinct, count_if, desc, every, first, last, max, min, percentile, sum,
};

/// Every aggregate, and stages behind them that compare and compute.
pub fn plan(schema: &Schema) -> report_query::Result<Plan> {
    Query::new()
        .group_by(["door"])
        .aggregate([
            count(),
            count_if(col("ok")).alias("ok"),
            count_distinct(col("x")).alias("different"),
            sum(col("n")).alias("sum"),
            sum(col("x")).alias("float_sum"),
            avg(col("x")).alias("avg"),
            min(col("time")).alias("min"),
            max(col("door")).alias("max"),
            percentile(col("n"), 50.0).alias("p50"),
            arg_max(col("x"), col("time")).alias("latest"),
            first(col("id")).alias("first"),
            last(col("n")).alias("last"),
            any(col("ok")).alias("any"),
            every(col("ok")).alias("every"),
            collect_set(col("n")).alias("set"),
            collect_list(col("door")).alias("list"),
            approx_count_distinct(col("x")).alias("about"),
            approx_percentile(col("n"), 50.0).alias("about_n"),
            approx_percentile(col("x"), 50.0).alias("about_x"),
            approx_percentile(col("time"), 50.0).alias("about_time"),
        ])
        .extend([col("sum").add(col("last")).alias("more")])
        .filter(col("avg").gt(0.0).or(col("max").contains("a")))
        .sort([desc("more"), desc("door")])
        .limit(20)
        .bind(schema)
}

/// A few rows, with nulls.
pub fn snapshot() -> Snapshot {
    let schema = Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        Field::new("door", DataType::Text),
        Field::new("n", DataType::Int),
        Field::new("x", DataType::Float),
        Field::new("ok", DataType::Bool),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .expect("a schema");
    let store = Store::new(schema, StoreOptions::new(Retention::FOREVER)).expect("a store");
    let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000);
    store.append(
        (0..6_i64).map(|at| {
            let or_null = |value: Value| if at == 3 { Value::Null } else { value };
            vec![
                (now - TimeDelta::seconds(at)).into(),
                uuid::Uuid::from_u128(at as u128).into(),
                or_null(["front", "back"][at as usize % 2].into()),
                or_null((at * 7 - 9).into()),
                or_null((at as f64 / 3.0).into()),
                or_null((at % 2 == 0).into()),
            ]
        }),
        now,
    );
    store.snapshot()
}
