//! How fast is a log read? Beside the `evtx` crate with `--features peers`.
//!
//! Rows and how to read them: `README.md`. `BENCH_MB=10` makes the logs smaller.
#![allow(missing_docs, clippy::missing_panics_doc)]

use std::time::Duration;

use criterion::measurement::Measurement;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use hybrid_benches::logs::agree::agree;
use hybrid_benches::logs::way::{OURS, PEERS, way};
use hybrid_benches::logs::{Set, megabytes};
use hybrid_benches::settings::by_thread_time;

fn read<M: Measurement>(c: &mut Criterion<M>) {
    for set in Set::ALL {
        let path = set.file(megabytes());
        agree(&path, set);
        let mut group = c.benchmark_group(format!("evtx/{}", set.name()));
        let bytes = std::fs::metadata(&path).expect("a file").len();
        group
            .throughput(Throughput::Bytes(bytes))
            .sampling_mode(SamplingMode::Flat);
        for name in OURS.iter().chain(PEERS) {
            if let Some(mut way) = way(name, set) {
                group.bench_function(*name, |b| b.iter(&mut way));
            }
        }
        group.finish();
    }
}

criterion_group!(name = benches; config = by_thread_time(Duration::from_secs(2)); targets = read);
criterion_main!(benches);
