//! The same by several threads as by one.

use std::num::NonZeroUsize;

use mim_events::eventlog::{LogFilter, LogReader, LogWriter, OwnedLogEvent, ReadSummary};
use mim_events::{Error, Result};
use proptest::prelude::*;

fn log(records: usize, text: usize) -> Vec<u8> {
    let mut writer = LogWriter::new(std::io::Cursor::new(Vec::new())).unwrap();
    for number in 0..records {
        let event = OwnedLogEvent::new(["P", "Q"][number % 2], number as u32 % 7)
            .channel("C")
            .data(format!("{number} {}", "x".repeat(text)));
        writer.write(&event.as_event()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

type Row = std::result::Result<(u64, u32, String), String>;

fn row(result: Result<OwnedLogEvent>) -> Row {
    result
        .map(|event| {
            let event = event.as_event();
            let text = event.data().map(|datum| datum.value.to_string_lossy());
            (event.record_id(), event.event_id(), text.collect())
        })
        .map_err(|error: Error| error.to_string())
}

fn by_one(log: &[u8], filter: &LogFilter) -> (Vec<Row>, ReadSummary) {
    let mut reader = LogReader::from_slice(log)
        .unwrap()
        .with_filter(filter.clone());
    let rows = reader.events().map(row).collect();
    (rows, reader.summary())
}

fn by_threads(log: &[u8], filter: &LogFilter, threads: usize) -> (Vec<Row>, ReadSummary) {
    let reader = LogReader::from_slice(log)
        .unwrap()
        .with_filter(filter.clone());
    let threads = NonZeroUsize::new(threads).unwrap();
    let mut events = reader
        .par_map(threads, |event| event.to_owned_event())
        .unwrap();
    let rows = events.by_ref().map(row).collect();
    (rows, events.summary())
}

#[test]
fn order_and_counts_are_the_same() {
    let log = log(3000, 300);
    for filter in [
        LogFilter::all(),
        LogFilter::all().provider("P"),
        LogFilter::all().event_ids([3]).header_ids(500..2000),
    ] {
        let wanted = by_one(&log, &filter);
        assert!(wanted.0.len() > 100);
        for threads in [1, 2, 5] {
            let found = by_threads(&log, &filter, threads);
            assert!(found.0 == wanted.0);
            assert_eq!(found.1, wanted.1);
        }
    }
}

#[test]
fn it_goes_on_in_the_middle_of_a_chunk() {
    let log = log(500, 300);
    let mut reader = LogReader::from_slice(&log).unwrap();
    for _ in 0..7 {
        reader.next_event().unwrap().unwrap();
    }
    let threads = NonZeroUsize::new(3).unwrap();
    let events = reader.par_map(threads, |event| event.record_id()).unwrap();
    let ids: Vec<u64> = events.map(Result::unwrap).collect();
    assert_eq!(ids, (8..=500).collect::<Vec<u64>>());
}

#[test]
fn after_a_bookmark_nothing_comes_again() {
    let log = log(900, 300);
    let mut reader = LogReader::from_slice(&log).unwrap();
    for _ in 0..450 {
        reader.next_event().unwrap().unwrap();
    }
    let bookmark = reader.bookmark();
    let (reader, _) = LogReader::from_slice(&log)
        .unwrap()
        .resume(&bookmark)
        .unwrap();
    let threads = NonZeroUsize::new(2).unwrap();
    let events = reader.par_map(threads, |event| event.record_id()).unwrap();
    let ids: Vec<u64> = events.map(Result::unwrap).collect();
    assert_eq!(ids, (451..=900).collect::<Vec<u64>>());
}

#[test]
fn it_may_be_left_early() {
    let log: &'static [u8] = log(3000, 300).leak();
    let reader = LogReader::from_slice(log).unwrap();
    let threads = NonZeroUsize::new(4).unwrap();
    let mut events = reader.par_map(threads, |event| event.record_id()).unwrap();
    assert_eq!(events.next().unwrap().unwrap(), 1);
    drop(events);
}

#[test]
#[should_panic(expected = "of the caller's own")]
fn a_panic_is_passed_on() {
    let log: &'static [u8] = log(100, 300).leak();
    let reader = LogReader::from_slice(log).unwrap();
    let threads = NonZeroUsize::new(2).unwrap();
    let events = reader
        .par_map(threads, |event| {
            assert!(event.record_id() < 50, "of the caller's own");
        })
        .unwrap();
    events.for_each(drop);
}

proptest! {
    #[test]
    fn damage_is_the_same(flips in prop::collection::vec((4096_usize..300_000, any::<u8>()), 0..20)) {
        let mut log = log(600, 300);
        for (at, flip) in flips {
            let length = log.len();
            log[at % length] ^= flip;
        }
        if LogReader::from_slice(&log).is_ok() {
            let filter = LogFilter::all();
            let (found, wanted) = (by_threads(&log, &filter, 3), by_one(&log, &filter));
            prop_assert!(found.0 == wanted.0);
            prop_assert_eq!(found.1, wanted.1);
        }
    }
}
