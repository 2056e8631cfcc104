//! How fast is a log of requests read? Beside the `evtx` crate with `--features peers`.
#![allow(missing_docs, clippy::missing_panics_doc)]

use std::hint::black_box;
use std::io::{Cursor, Read};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hybrid_benches::{documents, log_of};
use mim_events::eventlog::{LogFilter, LogReader};
use mim_events::message::Assembler;

/// Bytes of the log.
const SIZE: usize = 16 << 20;

fn read(c: &mut Criterion) {
    let log = log_of(&documents(3000), SIZE);
    let mut group = c.benchmark_group("log/ordinary_requests");
    group
        .sample_size(10)
        .throughput(Throughput::Bytes(log.len() as u64));

    group.bench_function("floor/read_64k", |b| {
        let mut buffer = vec![0; 65_536];
        b.iter(|| {
            let mut source = Cursor::new(&log);
            while source.read(&mut buffer).expect("memory") > 0 {
                black_box(&buffer);
            }
        });
    });
    group.bench_function("mim-events/reject_all", |b| {
        b.iter(|| {
            let mut reader = LogReader::from_slice(&log)
                .expect("a log")
                .with_filter(LogFilter::all().event_ids([1]));
            assert!(reader.next_event().is_none());
        });
    });
    group.bench_function("mim-events/first_string", |b| {
        let mut text = String::new();
        b.iter(|| {
            let mut reader = LogReader::from_slice(&log).expect("a log");
            while let Some(event) = reader.next_event() {
                let event = event.expect("undamaged");
                text.clear();
                if let Some(datum) = event.data().next() {
                    datum.value.decode_into(&mut text);
                }
                black_box((event.event_id(), event.created(), event.computer(), &text));
            }
        });
    });
    group.bench_function("mim-events/request", |b| {
        b.iter(|| {
            let mut reader = LogReader::from_slice(&log)
                .expect("a log")
                .with_filter(LogFilter::requests());
            let mut assembler = Assembler::new();
            while let Some(event) = reader.next_event() {
                if let Some(document) = assembler
                    .push(&event.expect("undamaged"))
                    .expect("a document")
                {
                    black_box(document.parse().expect("a request").parameters().count());
                }
            }
        });
    });
    #[cfg(feature = "peers")]
    peers(&mut group, &log);
    group.finish();
}

#[cfg(feature = "peers")]
fn peers(group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>, log: &[u8]) {
    use evtx::{EvtxParser, ParserSettings};

    let parser = || {
        EvtxParser::from_read_seek(Cursor::new(log))
            .expect("a log")
            .with_configuration(ParserSettings::new().num_threads(1).indent(false))
    };
    group.bench_function("evtx/records_json", |b| {
        b.iter(|| {
            parser()
                .records_json()
                .for_each(|record| drop(black_box(record)))
        });
    });
    group.bench_function("evtx/records_json_value", |b| {
        b.iter(|| {
            parser()
                .records_json_value()
                .for_each(|record| drop(black_box(record)))
        });
    });
    group.bench_function("evtx/request_as_value", |b| {
        b.iter(|| {
            for record in parser().records_json_value() {
                let record = record.expect("undamaged").data;
                let text = record["Event"]["EventData"]["Data"]["#text"]
                    .as_str()
                    .map(str::to_owned);
                let text = text.or_else(|| {
                    record["Event"]["EventData"]["Data"]
                        .as_str()
                        .map(str::to_owned)
                });
                let document: serde_json::Value =
                    serde_json::from_str(&text.expect("a string")).expect("JSON");
                black_box(document);
            }
        });
    });
}

criterion_group!(benches, read);
criterion_main!(benches);
