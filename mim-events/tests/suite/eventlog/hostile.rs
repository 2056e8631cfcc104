//! Files that try to make their reader slow: what is asked of it is bounded, chunk by
//! chunk, and what is beyond is refused and said.
//!
//! Here the work is counted; `fuzz/examples/hostile.rs` measures the time.

mod files;

use mim_events::ErrorKind;
use mim_events::eventlog::{self, Lane};

use super::claims::{How, Reading, read};
use super::fixture::*;
use super::kinds::{Kind, Kinds, differences};
use files::files;

/// Chunks are alike, and none is asked less for what was asked of another.
const CHUNKS: usize = if cfg!(debug_assertions) { 1 } else { 2 };
/// Values that a chunk may give, and bytes of their text: the steps of the first lane
/// and what is taken of the second one's XML.
const VALUES: usize = 600_000;
const TEXT: usize = 24 << 20;

fn shortened() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    files().into_iter().map(|(name, mut log)| {
        assert_eq!(log.len(), FILE_HEADER + (1 << 20), "{name}");
        log.truncate(FILE_HEADER + CHUNKS * CHUNK);
        (name, log)
    })
}

fn file(wanted: &str) -> Vec<u8> {
    let found = shortened().find(|(name, _)| *name == wanted);
    found.expect("a file of this name").1
}

/// How many values the events have, and bytes of their text.
fn work(reading: &Reading) -> (usize, usize) {
    let events = reading.events.iter().map(|event| {
        let data = event.as_event().data();
        data.fold((0, 0), |(values, text), datum| {
            (values + 1, text + datum.value.to_string_lossy().len())
        })
    });
    events.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

#[test]
fn no_chunk_gives_more_than_its_share() {
    for (name, log) in shortened() {
        for lane in [None, Some(Lane::Own), Some(Lane::Evtx)] {
            let how = How {
                lane,
                ..How::default()
            };
            let reading = read(&log, how).unwrap();
            let (values, text) = work(&reading);
            assert!(values <= VALUES * CHUNKS, "{name}, {lane:?}: {values}");
            assert!(text <= TEXT * CHUNKS, "{name}, {lane:?}: {text}");
        }
    }
}

#[test]
fn lanes_agree_on_them() {
    let mut all = Kinds::new();
    for (_, log) in shortened() {
        for (kind, count) in differences(&log) {
            *all.entry(kind).or_default() += count;
        }
    }
    assert!(all.contains_key(&Kind::Limit), "{all:?}");
}

#[test]
fn the_check_ends() {
    for (name, log) in shortened() {
        let report = eventlog::check(&log);
        assert!(report.findings.len() <= 100);
        // A record takes 28 bytes, and each has one finding or two.
        assert!(report.total <= (log.len() / 8) as u64, "{name}");
    }
}

/// What takes too many steps is refused by the own lane, record by record.
#[test]
fn what_is_beyond_is_said() {
    for name in [
        "bytes in many values",
        "an array of nothing in many values",
        "one value of many bytes",
        "literals of System that change",
    ] {
        let reading = read(&file(name), How::by(Lane::Own)).unwrap();
        assert!(reading.summary.events_own > 0, "{name}");
        assert!(reading.summary.records_unsupported > 0, "{name}");
        for error in &reading.errors {
            assert_eq!(*error.kind(), ErrorKind::UnsupportedShape, "{name}");
        }
    }
}

/// A record that renders to more than the `evtx` crate allows ends its chunk for
/// the second lane: the next would take as long.
#[test]
fn an_excess_is_not_repeated() {
    let reading = read(&file("only the second lane: long names"), How::default()).unwrap();
    assert_eq!(reading.summary.events(), 0);
    let records = reading.summary.records_damaged;
    assert_eq!(reading.errors.len() as u64, records);
    assert_eq!(records, 464 * CHUNKS as u64);
}
