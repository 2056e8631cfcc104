//! What does a request cost from text to rows? Beside `serde_json` with `--features peers`:
//! the whole tree, and validation alone.
#![allow(missing_docs, clippy::missing_panics_doc)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hybrid_benches::documents;
use mim_events::activity::Classifier;
use mim_events::request::Request;

/// What a report asks of most requests.
fn touch(request: &Request<'_>) -> usize {
    let creator = request.creator().map_or(0, |creator| creator.text().len());
    let target = request.target().map_or(0, |target| target.text().len());
    let changes = request.parameters().map(|change| {
        let property = change.property().map_or(0, |name| name.len());
        property + usize::from(change.value().is_some())
    });
    request.operation().as_str().len()
        + request.status().as_str().len()
        + creator
        + target
        + changes.sum::<usize>()
}

fn requests(c: &mut Criterion) {
    let documents = documents(3000);
    let bytes: usize = documents.iter().map(String::len).sum();
    let mut group = c.benchmark_group("request/ordinary");
    group
        .sample_size(20)
        .throughput(Throughput::Bytes(bytes as u64));

    group.bench_function("mim-events/parse", |b| {
        b.iter(|| {
            for document in &documents {
                black_box(Request::from_json(document).expect("a request"));
            }
        });
    });
    group.bench_function("mim-events/parse_and_touch", |b| {
        b.iter(|| {
            for document in &documents {
                black_box(touch(&Request::from_json(document).expect("a request")));
            }
        });
    });
    group.bench_function("mim-events/parse_and_classify", |b| {
        b.iter(|| {
            let mut classifier = Classifier::default();
            for document in &documents {
                let request = Request::from_json(document).expect("a request");
                black_box(classifier.classify(&request));
            }
        });
    });
    #[cfg(feature = "peers")]
    group.bench_function("serde_json/validate", |b| {
        b.iter(|| {
            for document in &documents {
                black_box(
                    serde_json::from_str::<&serde_json::value::RawValue>(document).expect("JSON"),
                );
            }
        });
    });
    #[cfg(feature = "peers")]
    group.bench_function("serde_json/value", |b| {
        b.iter(|| {
            for document in &documents {
                black_box(serde_json::from_str::<serde_json::Value>(document).expect("JSON"));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
