//! What does a batch take to seal and to open? Beside OTLP, NDJSON, postcard and Arrow
//! IPC with `--features peers`. And a journal's group commit beside a bare file's.
//!
//! Rows and how to read them: `README.md`. The ratios there are those of the program
//! `protocol_ratios`, which runs both sides by turns.
#![allow(missing_docs, clippy::missing_panics_doc)]

use std::time::Duration;

use criterion::measurement::Measurement;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use hybrid_benches::batches::disk::{Plain, Scratch, Spool};
use hybrid_benches::batches::own::Frames;
use hybrid_benches::batches::{Batch, Codec as _, Set, ways};
use hybrid_benches::beside::wall;
use hybrid_benches::settings::{by_thread_time, settings};

fn codecs<M: Measurement>(c: &mut Criterion<M>) {
    for set in Set::ALL {
        let batches = set.batches();
        let mut group = c.benchmark_group(format!("protocol/{}", set.name()));
        let bytes: usize = batches.iter().map(Batch::text_bytes).sum();
        group
            .throughput(Throughput::Bytes(bytes as u64))
            .sampling_mode(SamplingMode::Flat);
        for mut way in ways(&batches) {
            group.bench_function(way.name, |b| b.iter(|| way.run()));
        }
        group.finish();
    }
}

/// By the wall clock, since a disk is waited for.
fn journal(c: &mut Criterion) {
    for set in Set::ALL {
        let batches = set.batches();
        let mut sealer = Frames::new(true, false);
        let frames: Vec<_> = batches.iter().map(|batch| sealer.encode(batch)).collect();
        let frames: Vec<_> = frames.into_iter().cycle().take(16).collect();
        let mut group = c.benchmark_group(format!("journal/{}", set.name()));
        let bytes: usize = frames.iter().map(bytes::Bytes::len).sum();
        group
            .throughput(Throughput::Bytes(bytes as u64))
            .sampling_mode(SamplingMode::Flat);
        let scratch = Scratch::new("protocol");
        let mut spool = Spool::new(&scratch);
        let mut growing = Plain::new(&scratch, false);
        let mut over = Plain::new(&scratch, true);
        // Measured one by one, so that what is between two is not in it.
        let timed = |passes, commit: &mut dyn FnMut(), release: &mut dyn FnMut()| {
            let mut time = Duration::ZERO;
            for pass in 0..passes {
                let start = wall();
                commit();
                time += wall() - start;
                if pass % 64 == 63 {
                    release();
                }
            }
            time
        };
        let spool = std::cell::RefCell::new(&mut spool);
        group.bench_function("journal", |b| {
            b.iter_custom(|passes| {
                let commit = &mut || spool.borrow_mut().commit(&frames);
                timed(passes, commit, &mut || spool.borrow_mut().release())
            });
        });
        for (name, plain) in [("growing", &mut growing), ("over", &mut over)] {
            let plain = std::cell::RefCell::new(plain);
            group.bench_function(name, |b| {
                b.iter_custom(|passes| {
                    let commit = &mut || plain.borrow_mut().commit(&frames);
                    timed(passes, commit, &mut || plain.borrow_mut().release())
                });
            });
        }
        group.finish();
    }
}

criterion_group!(name = codecs_group; config = by_thread_time(Duration::from_secs(1)); targets = codecs);
criterion_group!(name = journal_group; config = settings(Criterion::default(), Duration::from_secs(1)); targets = journal);
criterion_main!(codecs_group, journal_group);
