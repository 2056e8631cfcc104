//! Logs with a maximum size, and logs that are read while they are written.

use mim_events::eventlog::{LogReader, check};
use proptest::prelude::*;

use super::*;

fn size(chunks: u64) -> u64 {
    4096 + chunks * 65_536
}

/// Header ids of all records, by our reader; nothing may be wrong with them.
fn numbers(file: &[u8]) -> Vec<u64> {
    let mut reader = LogReader::from_slice(file).unwrap().strict(true);
    let numbers = reader
        .events()
        .map(|event| event.unwrap().as_event().header_id())
        .collect();
    let summary = reader.summary();
    assert!(!summary.has_losses() && summary.checksum_mismatches == 0);
    numbers
}

fn u64_at(file: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(file[at..at + 8].try_into().unwrap())
}

#[test]
fn a_full_log_overwrites_its_oldest_chunk() {
    // Three events a chunk, four chunks.
    let mut writer = LogWriter::new(Cursor::new(Vec::new()))
        .unwrap()
        .with_max_size(size(4) + 60_000);
    for _ in 0..29 {
        writer
            .write(&request().data("x".repeat(10_000)).as_event())
            .unwrap();
        assert!(writer.bytes() <= size(4));
    }
    let length = writer.bytes();
    let file = writer.finish().unwrap().into_inner();
    assert_eq!((file.len() as u64, length), (size(4), size(4)));
    // Chunks 0 to 9 were written, the tenth with two events to place 1.
    assert_eq!(numbers(&file), (19..=29).collect::<Vec<_>>());
    assert_eq!((u64_at(&file, 8), u64_at(&file, 16)), (2, 1));
    assert_eq!(u64_at(&file, 24), 30);
    assert_eq!(file[42..44], [4, 0]);
    let ids: Vec<_> = read(&file)
        .iter()
        .map(|record| record["Event"]["System"]["EventRecordID"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (19..=29).collect::<Vec<_>>());
}

#[test]
fn the_smallest_log_has_one_chunk() {
    for max in [0, 4096, 69_631, size(1), size(2) - 1] {
        let mut writer = LogWriter::new(Cursor::new(Vec::new()))
            .unwrap()
            .with_max_size(max);
        for _ in 0..10 {
            writer
                .write(&request().data("x".repeat(20_000)).as_event())
                .unwrap();
        }
        let file = writer.finish().unwrap().into_inner();
        assert_eq!(file.len() as u64, size(1));
        assert_eq!(numbers(&file), [10]);
        assert!(check(&file).is_ok());
    }
}

#[test]
fn a_flush_shows_all_events_to_readers() {
    let mut writer = LogWriter::new(Cursor::new(Vec::new()))
        .unwrap()
        .with_max_size(size(2));
    writer.flush().unwrap();
    assert!(numbers(writer.get_ref().get_ref()).is_empty());
    for number in 1..=40 {
        writer
            .write(&request().data("x".repeat(9_000)).as_event())
            .unwrap();
        writer.flush().unwrap();
        writer.flush().unwrap();
        let file = writer.get_ref().get_ref();
        assert_eq!(file.len() as u64, writer.bytes());
        assert_eq!(file[120], 1, "the log is open");
        let found = numbers(file);
        assert_eq!(found.last(), Some(&number));
        let chunk = |number: u64| (number - 1) / 3;
        let first = chunk(number).saturating_sub(1) * 3 + 1;
        assert_eq!(found, (first..=number).collect::<Vec<_>>());
        let report = check(file);
        assert_eq!(report.total, 1, "{report}");
    }
    let open = writer.get_ref().get_ref().clone();
    let file = writer.finish().unwrap().into_inner();
    assert_eq!(file[4096..], open[4096..]);
    assert!(check(&file).is_ok());
}

#[test]
fn what_was_not_flushed_is_not_there() {
    let mut writer = LogWriter::new(Cursor::new(Vec::new()))
        .unwrap()
        .with_layout(Layout::V3_2);
    for _ in 0..4 {
        writer
            .write(&request().data("x".repeat(10_000)).as_event())
            .unwrap();
    }
    let file = writer.get_ref().get_ref();
    assert_eq!(numbers(file), [1, 2, 3]);
    assert_eq!(file[36], 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is written and flushed: a reader sees the newest events, all in
    /// a row, and the file stays in its bounds and sound.
    #[test]
    fn a_circular_log_holds_the_newest_events(
        chunks in 1_u64..5,
        first in 1_u64..1000,
        sizes in proptest::collection::vec((0_usize..31_000, any::<bool>()), 0..60),
    ) {
        let mut writer = LogWriter::new(Cursor::new(Vec::new())).unwrap()
            .with_max_size(size(chunks))
            .with_first_record(first);
        let mut last = first - 1;
        for (length, flush) in sizes {
            last = writer.write(&request().data("x".repeat(length)).as_event()).unwrap();
            if flush {
                writer.flush().unwrap();
                prop_assert_eq!(numbers(writer.get_ref().get_ref()).pop(), Some(last));
            }
        }
        let file = writer.finish().unwrap().into_inner();
        prop_assert!(file.len() as u64 <= size(chunks));
        let report = check(&file);
        prop_assert!(report.is_ok(), "{}", report);
        let found = numbers(&file);
        prop_assert!(found.is_empty() == (last < first));
        let from = last + 1 - found.len() as u64;
        prop_assert_eq!(found, (from..=last).collect::<Vec<_>>());
        read(&file);
    }
}
