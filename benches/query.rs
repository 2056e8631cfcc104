//! What do the built-in reports cost over a month of activity?
#![allow(missing_docs, clippy::missing_panics_doc)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hybrid_benches::activities;
use hybrid_benches::events::{self, questions};
use report_query::activity::ActivityStore;
use report_query::{Parameters, ReportDefinition, Retention, Store};

fn reports(c: &mut Criterion) {
    let activities = activities(20_000);
    let now = activities
        .iter()
        .map(|activity| activity.time)
        .max()
        .unwrap_or_default();
    let rows = activities.len() as u64;

    let mut group = c.benchmark_group("store");
    group.sample_size(10).throughput(Throughput::Elements(rows));
    group.bench_function("append", |b| {
        b.iter(|| {
            let store = ActivityStore::new(Retention::FOREVER);
            black_box(store.append(activities.iter().cloned(), now));
        });
    });
    group.finish();

    let store = ActivityStore::new(Retention::FOREVER);
    store.append(activities, now);
    let mut group = c.benchmark_group("report");
    group.sample_size(10).throughput(Throughput::Elements(rows));
    for report in ReportDefinition::builtins() {
        group.bench_function(&report.name, |b| {
            // Of one snapshot later runs would know what the first found.
            b.iter(|| {
                let ran = report.run(&store.snapshot(), &Parameters::new());
                black_box(ran.expect("a report"))
            });
        });
    }
    group.finish();
}

/// A million events; `BENCH_EVENTS=N` for more or fewer.
#[allow(
    clippy::disallowed_methods,
    reason = "no library: how large a bench is may be said from outside"
)]
fn answers(c: &mut Criterion) {
    let count = std::env::var("BENCH_EVENTS")
        .ok()
        .and_then(|count| count.parse().ok());
    let count: usize = count.unwrap_or(1_000_000);
    let (store, lists) = (events::store(count), events::list_store(count));
    let rows = |store: &Store| store.snapshot().len();
    assert_eq!((rows(&store), rows(&lists)), (count, count));
    let mut group = c.benchmark_group("events");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(count as u64));
    for (name, question) in questions::questions() {
        group.bench_function(name, |b| {
            b.iter(|| black_box(question.ask(&store, &lists).expect("an answer")));
        });
    }
    group.finish();
}

criterion_group!(benches, reports, answers);
criterion_main!(benches);
