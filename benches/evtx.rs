//! How fast is a log read? Beside the `evtx` crate with `--features peers`.
//!
//! Rows and how to read them: `README.md`. `BENCH_MB=10` makes the logs smaller.
#![allow(missing_docs, clippy::missing_panics_doc)]

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::measurement::Measurement;
use criterion::{
    BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use hybrid_benches::logs::agree::agree;
use hybrid_benches::logs::own::{self, Source};
use hybrid_benches::logs::{Picked, Set, floor, megabytes};
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
        ours(&mut group, &path, set);
        #[cfg(feature = "peers")]
        peers(&mut group, &path, set);
        group.finish();
    }
}

fn ours<M: Measurement>(group: &mut BenchmarkGroup<'_, M>, path: &Path, set: Set) {
    let log = Source::new(path);
    let mut buffer = vec![0; 65_536];
    group.bench_function("floor", |b| b.iter(|| floor::read(path, &mut buffer)));
    group.bench_function("floor_crc", |b| {
        b.iter(|| floor::read_and_check(path, &mut buffer));
    });
    group.bench_function("reject_by_id", |b| b.iter(|| own::reject_by_id(log)));
    group.bench_function("reject_by_provider", |b| {
        b.iter(|| own::reject_by_provider(log));
    });
    group.bench_function("pick", |b| b.iter(|| own::pick(log, set, look)));
    group.bench_function("whole", |b| b.iter(|| own::whole(log)));
    if set != Set::Manifest {
        group.bench_function("request", |b| b.iter(|| own::request(log)));
        group.bench_function("activities", |b| b.iter(|| own::activities(log)));
    }
}

#[cfg(feature = "peers")]
fn peers<M: Measurement>(group: &mut BenchmarkGroup<'_, M>, path: &Path, set: Set) {
    use hybrid_benches::logs::peers;

    group.bench_function("evtx_instances_pick", |b| {
        b.iter(|| peers::pick_instances(path, set, look));
    });
    group.bench_function("evtx_serialized_pick", |b| {
        b.iter(|| peers::pick_serialized(path, set, look));
    });
    group.bench_function("evtx_json_value_pick", |b| {
        b.iter(|| peers::pick_json_value(path, set, look));
    });
    group.bench_function("evtx_json", |b| b.iter(|| peers::records_json(path)));
    if set != Set::Manifest {
        group.bench_function("evtx_json_value_request", |b| {
            b.iter(|| peers::request(path, set));
        });
    }
}

fn look(event: Picked<'_>) {
    black_box(event);
}

criterion_group!(name = benches; config = by_thread_time(Duration::from_secs(2)); targets = read);
criterion_main!(benches);
