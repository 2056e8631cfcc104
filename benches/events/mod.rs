//! A month of events of thirteen columns, and the questions that engines are compared by.

use chrono::{DateTime, TimeDelta, Utc};
use report_query::{DataType, Field, Retention, Schema, Store, StoreOptions, Value};
use uuid::Uuid;

use crate::logs::random::Random;

pub mod questions;

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
        text("actor").indexed(),
        text("target").indexed(),
        text("target_type"),
        Field::new("latency", DataType::Int),
        text("domain"),
        Field::new("request", DataType::Id).indexed().dictionary(),
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

/// Requests that go on, each for a few events: the next is one of these, or of a new one.
const OPEN_REQUESTS: usize = 1_024;

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

fn id(random: &mut Random) -> u128 {
    u128::from(random.next()) << 64 | u128::from(random.next())
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
    let mut requests: Vec<u128> = (0..OPEN_REQUESTS).map(|_| id(&mut random)).collect();
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
        let name = format!("{word} {target:06} of {}", actor % 97);
        let slot = random.below(OPEN_REQUESTS as u64) as usize;
        if random.below(3) == 0 {
            requests[slot] = id(&mut random);
        }
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
            Uuid::from_u128(requests[slot]).into(),
            methods.value(methods.draw(&mut random)),
            name.into(),
        ]
    })
}

/// A store of them.
#[must_use]
pub fn store(count: usize) -> Store {
    fill(schema(), events(count))
}

/// The columns of the events whose targets are lists.
#[must_use]
pub fn list_schema() -> Schema {
    Schema::new([
        Field::new("time", DataType::Time).required(),
        Field::new("id", DataType::Id).required(),
        Field::new("activity", DataType::Text),
        Field::new("targets", DataType::list(DataType::Text)),
    ])
    .and_then(|schema| schema.with_key("time", "id"))
    .expect("a schema")
}

/// So many events with a list of targets each: a person, a group, or one and up to two of the other.
pub fn list_events(count: usize) -> impl Iterator<Item = Vec<Value>> {
    let mut random = Random::new(11);
    let activities = Zipf::new("activity", 60, 1.1);
    let people = Zipf::new("user", 50_000, 1.0);
    let groups = Zipf::new("group", 20_000, 0.8);
    let step = TimeDelta::days(DAYS).num_microseconds().unwrap_or(0) / count.max(1) as i64;
    (0..count).map(move |n| {
        let time = start() + TimeDelta::microseconds(n as i64 * step);
        let mut targets = vec![people.value(people.draw(&mut random))];
        for _ in 0..random.below(3) {
            targets.push(groups.value(groups.draw(&mut random)));
        }
        vec![
            time.into(),
            Uuid::from_u128(u128::from(random.next()) << 64 | n as u128).into(),
            activities.value(activities.draw(&mut random)),
            Value::list(targets),
        ]
    })
}

/// A store of them.
#[must_use]
pub fn list_store(count: usize) -> Store {
    fill(list_schema(), list_events(count))
}

fn fill(schema: Schema, events: impl Iterator<Item = Vec<Value>>) -> Store {
    let store = Store::new(schema, StoreOptions::new(Retention::FOREVER)).expect("a schema");
    let now = start() + TimeDelta::days(DAYS);
    let mut batch = Vec::with_capacity(65_536);
    for event in events {
        batch.push(event);
        if batch.len() == 65_536 {
            store.append(batch.drain(..), now);
        }
    }
    store.append(batch, now);
    store
}
