//! A month of events of thirteen columns, and the questions that engines are compared by.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use report_query::{
    Bucket, DataType, Field, Query, Retention, Schema, Store, StoreOptions, Value, arg_max, col,
    count, count_distinct, desc, percentile,
};
use uuid::Uuid;

use crate::logs::random::Random;

/// Days that the events are of.
const DAYS: i64 = 30;

/// The columns.
#[must_use]
pub fn schema() -> Schema {
    let text = |name| Field::new(name, DataType::Text);
    Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        text("source"),
        text("activity"),
        text("category"),
        text("result"),
        text("actor"),
        text("target"),
        text("target_type"),
        Field::new("latency", DataType::Int),
        text("domain"),
        Field::new("request", DataType::Id),
        text("method"),
        text("display_name"),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .expect("a schema")
}

/// The first moment.
#[must_use]
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 / 86_400 * 86_400, 0).expect("a time")
}

/// From 0 up to 1.
fn part(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Texts of which the n-th is drawn about 1/n^s as often as the first.
struct Zipf {
    texts: Vec<Value>,
    sums: Vec<f64>,
}

impl Zipf {
    fn new(name: &str, count: usize, s: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=count).map(|n| {
            sum += (n as f64).powf(-s);
            sum
        });
        let sums = sums.collect();
        let text = |n| Value::from(format!("{name}-{n:06}").as_str());
        Self {
            texts: (0..count).map(text).collect(),
            sums,
        }
    }

    fn draw(&self, random: &mut Random) -> usize {
        let all = self.sums.last().copied().unwrap_or(1.0);
        let at = part(random) * all;
        self.sums
            .partition_point(|sum| *sum <= at)
            .min(self.texts.len() - 1)
    }

    fn value(&self, n: usize) -> Value {
        self.texts.get(n).cloned().unwrap_or_default()
    }
}

/// So many events, in the order of time.
pub fn events(count: usize) -> impl Iterator<Item = Vec<Value>> {
    let mut random = Random::new(7);
    let sources = Zipf::new("source", 2, 0.5);
    let activities = Zipf::new("activity", 60, 1.1);
    let results = Zipf::new("result", 4, 2.0);
    let actors = Zipf::new("actor", 50_000, 1.0);
    let targets = Zipf::new("target", 200_000, 0.8);
    let types = Zipf::new("type", 20, 1.0);
    let domains = Zipf::new("domain", 5, 1.0);
    let methods = Zipf::new("method", 6, 1.0);
    let categories = Zipf::new("category", 12, 0.0);
    let step = TimeDelta::days(DAYS).num_microseconds().unwrap_or(0) / count.max(1) as i64;
    (0..count).map(move |n| {
        let time = start() + TimeDelta::microseconds(n as i64 * step);
        let activity = activities.draw(&mut random);
        let (actor, target) = (actors.draw(&mut random), targets.draw(&mut random));
        let words = [
            "Night Shift",
            "Helpdesk",
            "Backup Operators",
            "Vienna Office",
            "Payroll",
        ];
        let word = words
            .get(random.below(words.len() as u64) as usize)
            .copied()
            .unwrap_or_default();
        let name: Arc<str> = format!("{word} {target:06} of {}", actor % 97).into();
        let latency = (part(&mut random).powi(4) * 60_000.0) as i64;
        vec![
            time.into(),
            Uuid::from_u128(u128::from(random.next()) << 64 | n as u128).into(),
            sources.value(sources.draw(&mut random)),
            activities.value(activity),
            categories.value(activity % 12),
            results.value(results.draw(&mut random)),
            actors.value(actor),
            targets.value(target),
            types.value(target % 20),
            latency.into(),
            domains.value(actor % 5),
            Uuid::from_u128(u128::from(random.next())).into(),
            methods.value(methods.draw(&mut random)),
            Value::Text(name),
        ]
    })
}

/// A store of them.
#[must_use]
pub fn store(count: usize) -> Store {
    let store = Store::new(schema(), StoreOptions::new(Retention::FOREVER)).expect("a schema");
    let now = start() + TimeDelta::days(DAYS);
    let mut batch = Vec::with_capacity(65_536);
    for event in events(count) {
        batch.push(event);
        if batch.len() == 65_536 {
            store.append(batch.drain(..), now);
        }
    }
    store.append(batch, now);
    store
}

/// The questions, each with its name.
#[must_use]
pub fn questions() -> Vec<(&'static str, Query)> {
    let day = |day| start() + TimeDelta::days(day);
    let newest = |query: Query, rows| query.sort([desc("time")]).limit(rows);
    let query = Query::new;
    vec![
        (
            "q1_count_under_time_source_result",
            query()
                .filter(col("time").between(day(7)..day(14)))
                .filter(
                    col("source")
                        .eq("source-000001")
                        .and(col("result").eq("result-000000")),
                )
                .aggregate([count()]),
        ),
        (
            "q2_by_activity_and_result",
            query()
                .group_by(["activity", "result"])
                .aggregate([count()]),
        ),
        (
            "q3_daily_by_activity",
            query()
                .group_by([col("time").bucket(Bucket::DAY), col("activity")])
                .aggregate([count()]),
        ),
        (
            "q4_top_actors_of_one_activity",
            query()
                .filter(col("activity").eq("activity-000002"))
                .group_by(["actor"])
                .aggregate([count()])
                .sort([desc("count")])
                .limit(10),
        ),
        (
            "q5_distinct_actors_by_activity",
            query()
                .group_by(["activity"])
                .aggregate([count_distinct(col("actor"))]),
        ),
        (
            "q6_substring_rare",
            query()
                .filter(col("display_name").contains("payroll 0001"))
                .aggregate([count()]),
        ),
        (
            "q7_newest_50_of_one_actor",
            newest(query().filter(col("actor").eq("actor-000200")), 50),
        ),
        (
            "q8_newest_100_of_a_category",
            newest(query().filter(col("category").eq("category-000003")), 100),
        ),
        (
            "q9_latency_percentiles_by_activity",
            query().group_by(["activity"]).aggregate([
                percentile(col("latency"), 50.0).alias("p50"),
                percentile(col("latency"), 95.0).alias("p95"),
                percentile(col("latency"), 99.0).alias("p99"),
            ]),
        ),
        (
            "q12_latest_activity_per_person",
            query()
                .group_by(["actor"])
                .aggregate([arg_max(col("activity"), col("time")).alias("latest")]),
        ),
    ]
}
