//! Tests of `engine` through the public API.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod cancel;
mod facets;
mod oracle;
mod pipelines;
mod plans;
mod stores;

use chrono::{DateTime, TimeDelta, Utc};
use report_query::{DataType, Field, QueryResult, Retention, Schema, Store, StoreOptions, Value};
use uuid::Uuid;

/// Doors that are opened: a domain that has nothing to do with identities.
fn schema() -> Schema {
    let guest = DataType::record([
        Field::new("name", DataType::Text).required(),
        Field::new("age", DataType::Int),
    ]);
    Schema::new([
        Field::new("time", DataType::Time).required().label("Time"),
        Field::new("id", DataType::Id).required(),
        Field::new("door", DataType::Text).label("Door"),
        Field::new("n", DataType::Int).unit(report_query::Unit::SECONDS),
        Field::new("x", DataType::Float),
        Field::new("tags", DataType::list(DataType::Text)),
        Field::new("guests", DataType::list(guest)),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn minute(minute: i64) -> DateTime<Utc> {
    "2026-11-23T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

/// A row; what is not named is null.
fn row(at: DateTime<Utc>, id: u128, door: impl Into<Value>, n: impl Into<Value>) -> Vec<Value> {
    vec![
        at.into(),
        Uuid::from_u128(id).into(),
        door.into(),
        n.into(),
        Value::Null,
        Value::Null,
        Value::Null,
    ]
}

fn guests(of: &[(&str, Option<i64>)]) -> Value {
    Value::list(
        of.iter()
            .map(|(name, age)| Value::record([Value::from(*name), Value::from(*age)])),
    )
}

fn store() -> Store {
    Store::new(schema(), StoreOptions::new(Retention::MONTH)).unwrap()
}

fn store_of(rows: impl IntoIterator<Item = Vec<Value>>) -> Store {
    let store = store();
    store.append(rows, now());
    store
}

/// The rows as text: cells joined by `|`, null as `-`.
fn shown(result: &QueryResult) -> Vec<String> {
    result
        .rows()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .map(|value| match value {
                    Value::Null => "-".to_owned(),
                    value => value.to_string(),
                })
                .collect();
            cells.join("|")
        })
        .collect()
}
