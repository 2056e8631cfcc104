//! `Bookmark`: what becomes of a log between two visits, and what a reader
//! that goes on then gives.

mod damage;
mod log;
mod model;
mod serial;

use std::io::{Read, Seek};

use mim_events::ErrorKind;
use mim_events::eventlog::{Bookmark, Found, LogFilter, LogReader, Resumed};

use mim_events::message::{Assembler, Header};

use super::fixture::*;
use log::{Log, PER_CHUNK, Shared, Tail};

/// The bookmark as a program finds it after it was killed.
fn stored(bookmark: &Bookmark) -> Bookmark {
    let text = serde_json::to_string(bookmark).unwrap();
    assert!(text.len() < 600, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The numbers of the records that a reader gives.
fn rest<R: Read + Seek>(reader: &mut LogReader<R>) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(event) = reader.next_event() {
        numbers.push(event.unwrap().header_id());
    }
    numbers
}

/// The bookmark after so many events of a log.
fn after(log: &[u8], events: usize) -> Bookmark {
    let mut reader = LogReader::from_slice(log).unwrap();
    for _ in 0..events {
        reader.next_event().unwrap().unwrap();
    }
    stored(&reader.bookmark())
}

fn read_all(log: &Log) -> Bookmark {
    after(&log.bytes(), log.records().count())
}

/// What a new reader finds and gives.
fn resume(log: &[u8], bookmark: &Bookmark) -> (Resumed, Vec<u64>, Bookmark) {
    let (mut reader, resumed) = LogReader::from_slice(log)
        .unwrap()
        .resume(bookmark)
        .unwrap();
    let numbers = rest(&mut reader);
    // What was read to the end has nothing new.
    let bookmark = stored(&reader.bookmark());
    let (mut again, _) = LogReader::from_slice(log)
        .unwrap()
        .resume(&bookmark)
        .unwrap();
    assert_eq!(rest(&mut again), [0; 0]);
    // A reader that stays gives nothing either.
    assert_eq!(reader.refresh().unwrap().lost, 0);
    assert_eq!(rest(&mut reader), [0; 0]);
    (resumed, numbers, bookmark)
}

fn numbers(log: &Log) -> Vec<u64> {
    log.records().map(|record| record.number).collect()
}

#[test]
fn a_log_that_grew_goes_on() {
    let mut log = Log::of(1..=10);
    for events in 0..=10 {
        let bookmark = after(&log.bytes(), events);
        let (resumed, numbers, _) = resume(&log.bytes(), &bookmark);
        let found = if events == 0 {
            Found::Beginning
        } else {
            Found::Continued
        };
        assert_eq!((resumed.found, resumed.lost), (found, 0));
        assert!(resumed.lost_is_exact);
        assert!(numbers.into_iter().eq(events as u64 + 1..=10), "{events}");
    }
    let bookmark = read_all(&log);
    log.grow(7);
    assert_eq!(
        resume(&log.bytes(), &bookmark).1,
        [11, 12, 13, 14, 15, 16, 17]
    );
}

#[test]
fn chunks_behind_are_not_read() {
    let mut log = Log::of(1..=40);
    let bookmark = read_all(&log);
    log.grow(2);
    let bytes = log.bytes();
    let (mut reader, _) = LogReader::from_slice(&bytes)
        .unwrap()
        .resume(&bookmark)
        .unwrap();
    assert_eq!(rest(&mut reader), [41, 42]);
    let summary = reader.summary();
    // Records 37 to 40 filled their chunk.
    assert_eq!((summary.chunks, summary.chunks_behind), (1, 10));
    assert_eq!((summary.events(), summary.records_behind), (2, 0));
    assert!(!summary.has_losses());

    let (mut reader, _) = LogReader::from_slice(&bytes)
        .unwrap()
        .resume(&reader.bookmark().waiting_for([6, 7, 18]))
        .unwrap();
    assert_eq!(rest(&mut reader), [6, 7, 18]);
    let summary = reader.summary();
    assert_eq!((summary.chunks, summary.chunks_behind), (2, 9));
    assert_eq!(summary.records_behind, 5);
}

#[test]
fn a_log_that_wrapped_counts_what_it_lost() {
    let mut log = Log::new(1, 3);
    log.grow(6);
    let bookmark = read_all(&log).waiting_for([2, 5, 6]);
    log.grow(6);
    assert_eq!(resume(&log.bytes(), &bookmark).0.lost, 0);
    // Records 5 to 8 are overwritten: 7 and 8 were not read.
    log.grow(8);
    assert_eq!(numbers(&log)[0], 9);
    let (resumed, read, bookmark) = resume(&log.bytes(), &bookmark);
    assert_eq!(resumed.found, Found::Overwritten);
    assert_eq!((resumed.lost, resumed.lost_is_exact), (2, true));
    assert_eq!(resumed.waiting_lost, 3);
    assert_eq!(read, numbers(&log));
    assert_eq!(
        resumed.to_string(),
        "the log was overwritten; 2 records lost; 3 waiting records lost"
    );
    // Overwritten up to the bookmark, nothing is lost.
    log.grow(12);
    assert_eq!(numbers(&log)[0], bookmark.read_through().unwrap() + 1);
    let (resumed, read, _) = resume(&log.bytes(), &bookmark);
    assert_eq!((resumed.found, resumed.lost), (Found::Continued, 0));
    assert_eq!(read, numbers(&log));
}

#[test]
fn a_log_that_was_cleared_goes_on_or_begins_again() {
    let bookmark = read_all(&Log::of(1..=10)).waiting_for([9]);
    let empty = Log::new(11, 10);
    for bytes in [
        empty.bytes(),
        log_with_flags(&[], 0),
        log_with_flags(&[vec![0; CHUNK]], 0),
    ] {
        let (resumed, read, kept) = resume(&bytes, &bookmark);
        assert_eq!((resumed.found, resumed.lost), (Found::Empty, 0));
        assert!(!resumed.lost_is_exact);
        assert_eq!((read, &kept), (vec![], &bookmark));
    }
    for (first, lost, found) in [(11, 0, Found::Continued), (14, 3, Found::Overwritten)] {
        let mut log = Log::new(first, 10);
        log.grow(5);
        let (resumed, read, _) = resume(&log.bytes(), &bookmark);
        assert_eq!((resumed.found, resumed.lost), (found, lost));
        assert_eq!((resumed.lost_is_exact, resumed.waiting_lost), (true, 1));
        assert_eq!(read, numbers(&log));
    }
    // Beginning again, with fewer records than were read, and with more.
    for count in [3, 30] {
        for first in [1, 4] {
            let mut log = Log::new(first, 100);
            for _ in 0..count {
                log.append(TIME + 1000, "{}");
            }
            let (resumed, read, _) = resume(&log.bytes(), &bookmark);
            assert_eq!(resumed.found, Found::Restarted);
            assert_eq!((resumed.lost, resumed.lost_is_exact), (first - 1, false));
            assert_eq!(resumed.waiting_lost, 1);
            assert!(resumed.found.renumbers());
            assert_eq!(read, numbers(&log));
        }
    }
}

#[test]
fn another_log_is_read_whole() {
    let bookmark = read_all(&Log::of(100..=180));
    for first in [1, 90, 150, 5000] {
        for count in [3, 60] {
            let mut other = Log::new(first, 100);
            for number in 0..count {
                other.append(TIME - 1_000_000_000 + number, "{}");
            }
            let (resumed, read, bookmark) = resume(&other.bytes(), &bookmark);
            assert_eq!(resumed.found, Found::Replaced, "{first} {count}");
            assert!(!resumed.lost_is_exact);
            assert_eq!(read, numbers(&other));
            assert_eq!(bookmark.read_through(), Some(first + count - 1));
        }
    }
}

#[test]
fn a_log_that_was_put_back_gives_only_what_is_new() {
    let log = Log::of(1..=120);
    let bookmark = read_all(&log).waiting_for([30, 90, 119]);
    for to in (1..120).filter(|to| to % 7 == 1 || *to > 110) {
        let mut back = log.clone();
        back.cut_after(to);
        let (resumed, read, after) = resume(&back.bytes(), &bookmark);
        assert_eq!(resumed.found, Found::RolledBack, "{to}");
        assert!(!resumed.lost_is_exact && resumed.found.renumbers());
        let waiting: Vec<u64> = [30, 90, 119].into_iter().filter(|&n| n <= to).collect();
        assert_eq!(resumed.waiting_lost, 3 - waiting.len() as u64);
        assert_eq!(read, waiting);
        assert_eq!(after.read_through(), Some(to));

        // It may only have been a copy that was not complete.
        assert_eq!(resume(&log.bytes(), &after).1, [0; 0]);

        // Or it goes on: from here, or before it was looked at.
        for count in [1, 7, 150] {
            if count == 150 && to % 5 != 0 {
                continue;
            }
            let mut forth = back.clone();
            for n in 0..count {
                forth.append(TIME + 5000 + n, "{}");
            }
            let new: Vec<u64> = (to + 1..=to + count).collect();
            assert_eq!(resume(&forth.bytes(), &after).1, new);
            let (resumed, read, after) = resume(&forth.bytes(), &bookmark);
            assert_eq!(resumed.found, Found::RolledBack);
            assert_eq!(read, [waiting.clone(), new].concat());
            forth.append(TIME + 6000, "{}");
            assert_eq!(resume(&forth.bytes(), &after).1, [to + count + 1]);
        }
    }
}

#[test]
fn a_log_may_come_back_bit_by_bit() {
    let whole = Log::of(1..=100);
    let mut bookmark = read_all(&whole);
    for to in [20, 33, 50, 71, 70, 10, 64, 99, 100] {
        let mut part = whole.clone();
        part.cut_after(to);
        let (_, read, after) = resume(&part.bytes(), &bookmark);
        assert_eq!(read, [0; 0], "{to}");
        bookmark = after;
    }
    let mut log = whole;
    log.grow(3);
    let (resumed, read, _) = resume(&log.bytes(), &bookmark);
    assert_eq!((resumed.found, resumed.lost), (Found::Continued, 0));
    assert_eq!(read, [101, 102, 103]);
}

#[test]
fn a_file_that_was_cut_loses_nothing_when_it_is_whole_again() {
    let log = Log::of(1..=18).bytes();
    let bookmark = after(&log, 18);
    for length in (4096..log.len()).step_by(251) {
        let (mut reader, _) = LogReader::from_slice(&log[..length])
            .unwrap()
            .resume(&bookmark)
            .unwrap();
        while let Some(event) = reader.next_event() {
            assert!(event.unwrap_err().is_recoverable());
        }
        let bookmark = stored(&reader.bookmark());
        let (resumed, read, _) = resume(&log, &bookmark);
        assert_eq!(resumed.found, Found::Continued, "cut at {length}");
        assert_eq!(read, [0; 0], "cut at {length}");
    }
}

#[test]
fn a_state_from_before_all_that_is_known_lies_between_it() {
    // The log has wrapped so far that no anchor is in the backup.
    let mut log = Log::new(1, 10);
    log.grow(38);
    let mut backup = log.clone();
    let mut bookmark = read_all(&log);
    for _ in 0..200 {
        log.grow(5);
        bookmark = resume(&log.bytes(), &bookmark).2;
    }
    backup.grow(18);
    let (resumed, read, after) = resume(&backup.bytes(), &bookmark);
    assert_eq!(resumed.found, Found::RolledBack);
    assert_eq!(read, [0; 0]);
    backup.append(TIME + 1_000_000, "{}");
    assert_eq!(resume(&backup.bytes(), &after).1, [57]);
}

#[test]
fn clocks_and_threads_set_times_back_a_little() {
    let mut log = Log::new(1, 100);
    for number in 1..=60_u64 {
        log.append(TIME + number * 10 - number % 3 * 15, "{}");
    }
    let bookmark = read_all(&log);
    let mut back = log.clone();
    back.cut_after(40);
    for number in 0..20 {
        back.append(TIME + 5000 - number * 20, "{}");
    }
    let (resumed, read, _) = resume(&back.bytes(), &bookmark);
    assert_eq!(resumed.found, Found::RolledBack);
    assert!(read.into_iter().eq(41..=60));
}

#[test]
fn parts_that_wait_are_read_again_and_no_others() {
    let log = Log::of(1..=30).bytes();
    let bookmark = after(&log, 20).waiting_for([3, 17, 4, 25, 3]);
    // What lies beyond is read anyway.
    let ranges: Vec<_> = bookmark.waiting().collect();
    assert_eq!(ranges, [3..=4, 17..=17]);
    let (mut reader, _) = LogReader::from_slice(&log)
        .unwrap()
        .resume(&bookmark)
        .unwrap();
    let first = |reader: &mut LogReader<_>| reader.next_event().unwrap().unwrap().header_id();
    assert_eq!(first(&mut reader), 3);
    // Killed now, 4 and 17 are still to be given, and 3 if it waits.
    let left = stored(&reader.bookmark());
    assert_eq!(resume(&log, &left).1[..3], [4, 17, 21]);
    let left = stored(&reader.bookmark().waiting_for([3]));
    assert_eq!(resume(&log, &left).1[..4], [3, 4, 17, 21]);
    assert_eq!(rest(&mut reader)[..3], [4, 17, 21]);
    assert_eq!(reader.bookmark().waiting().len(), 0);
}

#[test]
fn an_assembler_waits_for_header_numbers() {
    // An exported log: its headers count from 1.
    let id = uuid::Uuid::from_u128(7);
    let texts = [1, 2, 3].map(|part| format!("{}{{}}", Header::new(id, part, 3)));
    let mut chunk = Chunk::new(1);
    for (record, text) in (501..).zip(&texts) {
        let event = Classic {
            id: 4137,
            record,
            strings: strings(&[text]),
            ..Classic::default()
        };
        chunk.record(TIME + record, &event.content());
    }
    let log = log_with_flags(&[chunk.finish()], 0);
    let mut reader = LogReader::from_slice(&log).unwrap();
    let mut assembler = Assembler::new();
    for _ in 0..2 {
        let event = reader.next_event().unwrap().unwrap();
        assert!(assembler.push(&event).unwrap().is_none());
    }
    let waiting = assembler.waiting_records();
    assert_eq!(waiting, [1, 2]);
    let bookmark = stored(&reader.bookmark().waiting_for(waiting));
    assert_eq!(resume(&log, &bookmark).1, [1, 2, 3]);
}

#[test]
fn waiting_parts_that_are_gone_are_counted() {
    let mut bytes = Log::of(1..=12).bytes();
    let bookmark = after(&bytes, 12).waiting_for([2, 6, 7]);
    bytes[FILE_HEADER + CHUNK] ^= 1;
    let (mut reader, resumed) = LogReader::from_slice(&bytes)
        .unwrap()
        .resume(&bookmark)
        .unwrap();
    assert_eq!((resumed.found, resumed.waiting_lost), (Found::Continued, 0));
    assert_eq!(rest(&mut reader), [2]);
    assert_eq!(reader.summary().records_missing, 2);
    assert_eq!(reader.bookmark().waiting().len(), 0);
}

#[test]
fn too_many_that_wait_are_read_again_with_others_between() {
    let log = Log::of(1..=1200);
    let bytes = log.bytes();
    let odd: Vec<u64> = (1..=599)
        .map(|n| n * 2 - 1)
        .filter(|n| n % 3 != 0)
        .collect();
    let mut reader = LogReader::from_slice(&bytes).unwrap();
    assert_eq!(rest(&mut reader).len(), 1200);
    let bookmark = reader.bookmark().waiting_for(odd.iter().copied());
    let text = serde_json::to_string(&bookmark).unwrap();
    assert!(text.len() < 12 << 10, "{}", text.len());
    assert!(bookmark.read_again() > 0 && bookmark.waiting().len() <= 256);
    let (mut reader, _) = LogReader::from_slice(&bytes)
        .unwrap()
        .resume(&serde_json::from_str(&text).unwrap())
        .unwrap();
    let read = rest(&mut reader);
    assert!(odd.iter().all(|n| read.contains(n)));
    assert!(read.len() as u64 <= odd.len() as u64 + bookmark.read_again());
    assert!(read.is_sorted_by(|one, other| one < other));
}

#[test]
fn a_filter_leaves_out_whole_chunks_by_header_numbers() {
    let mut log = Log::of(1..=40);
    let bytes = log.bytes();
    let filter = || LogFilter::all().header_ids(11..=14);
    let mut reader = LogReader::from_slice(&bytes).unwrap().with_filter(filter());
    assert_eq!(rest(&mut reader), [11, 12, 13, 14]);
    let summary = reader.summary();
    assert_eq!((summary.chunks, summary.chunks_filtered), (2, 8));
    assert_eq!(summary.filtered.header_id, 36);
    assert!(!summary.has_losses());
    // What was filtered out is behind the bookmark.
    let bookmark = stored(&reader.bookmark().waiting_for([3]));
    assert_eq!(bookmark.read_through(), Some(40));
    assert_eq!(bookmark.newest(), read_all(&log).newest());
    log.grow(1);
    assert_eq!(resume(&log.bytes(), &bookmark).1, [3, 41]);
    let (mut reader, resumed) = LogReader::from_slice(&bytes)
        .unwrap()
        .with_filter(filter())
        .resume(&bookmark)
        .unwrap();
    assert_eq!(resumed.found, Found::Continued);
    assert_eq!(rest(&mut reader), [0; 0]);
    assert_eq!(reader.summary().records_missing, 0);
    // The newest chunk may have more than its header tells.
    let ahead = log.bytes_as(Tail::Lags(1));
    let filter = LogFilter::all().header_ids(41..);
    let mut reader = LogReader::from_slice(&ahead).unwrap().with_filter(filter);
    assert_eq!(rest(&mut reader), [41]);
    // In an exported log `EventRecordID` is another number.
    let mut exported = Chunk::new(1);
    for record in 501..=504 {
        let event = Classic {
            record,
            ..Classic::default()
        };
        exported.record(TIME, &event.content());
    }
    let exported = super::fixture::log(&[exported.finish()]);
    let by_id = LogFilter::all().record_ids(502..=503);
    let mut reader = LogReader::from_slice(&exported).unwrap().with_filter(by_id);
    assert_eq!(rest(&mut reader), [2, 3]);
    assert_eq!(reader.summary().chunks_filtered, 0);
}

#[test]
fn chunks_in_no_order_are_read_by_their_numbers() {
    let order = [3, 0, 4, 2, 1];
    let chunks = Log::of(1..=20).bytes();
    let mut bytes = chunks[..FILE_HEADER].to_vec();
    for at in order {
        bytes.extend(&chunks[FILE_HEADER + at * CHUNK..][..CHUNK]);
    }
    for events in 1..=20 {
        let bookmark = after(&bytes, events as usize);
        assert!(resume(&bytes, &bookmark).1.into_iter().eq(events + 1..=20));
    }
}

#[test]
fn a_chunk_that_is_overwritten_while_reading_is_read_after_a_refresh() {
    let mut log = Log::new(1, 3);
    log.grow(12);
    let source = Shared::new(log.bytes_as(Tail::Lags(0)));
    let mut reader = LogReader::new(source.clone()).unwrap();
    for number in 1..=3 {
        assert_eq!(reader.next_event().unwrap().unwrap().header_id(), number);
    }
    // Overwrites records 1 to 8; 4 is in the reader's buffer.
    log.grow(8);
    source.put(log.bytes_as(Tail::Lags(0)));
    assert_eq!(rest(&mut reader), [4, 9, 10, 11, 12]);
    let summary = reader.summary();
    assert_eq!(
        (summary.chunks_overwritten, summary.records_missing),
        (1, 4)
    );
    assert_eq!(summary.bytes_overwritten, CHUNK as u64);
    let others = summary.bytes_read + summary.bytes_unused + summary.bytes_unfinished;
    assert_eq!(others + summary.bytes_overwritten, reader.len());
    assert_eq!(summary.bytes_skipped, 0);
    let resumed = reader.refresh().unwrap();
    assert_eq!((resumed.found, resumed.lost), (Found::Continued, 0));
    assert!(rest(&mut reader).into_iter().eq(13..=20));
    assert_eq!(reader.summary().records_missing, 4);
}

#[test]
fn a_record_that_is_being_written_while_its_chunk_is_read_is_not_given_in_part() {
    // Closed, with the newest chunk at the end or, wrapped, at the beginning.
    for newest in [9, 13] {
        let mut log = Log::new(1, 3);
        log.grow(newest);
        let source = Shared::new(log.bytes());
        let mut reader = LogReader::new(source.clone()).unwrap();
        let first = log.records().next().unwrap().number;
        assert_eq!(reader.next_event().unwrap().unwrap().header_id(), first);
        let torn = Tail::Torn {
            told: true,
            bytes: 96,
        };
        source.put(log.bytes_as(torn));
        assert!(rest(&mut reader).into_iter().eq(first + 1..=newest));
        assert_eq!(reader.summary().events_incomplete, 0);
        log.grow(1);
        source.put(log.bytes());
        let resumed = reader.refresh().unwrap();
        assert_eq!((resumed.found, resumed.lost), (Found::Continued, 0));
        assert_eq!(rest(&mut reader), [newest + 1]);
    }
}

#[test]
fn a_file_is_followed_through_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.evtx");
    let mut log = Log::of(1..=5);
    std::fs::write(&path, log.bytes_as(Tail::Lags(2))).unwrap();
    let mut reader = LogReader::open(&path).unwrap();
    assert_eq!(rest(&mut reader).len(), 5);
    log.grow(2);
    std::fs::write(&path, log.bytes_as(Tail::Lags(1))).unwrap();
    assert_eq!(reader.refresh().unwrap().found, Found::Continued);
    assert_eq!(rest(&mut reader), [6, 7]);
    assert_eq!(reader.summary().events(), 7);
    assert_eq!(reader.summary().chunks, 2);

    // Archived, the reader waits; it says so with the file's name. Moved, not
    // deleted: Windows keeps a deleted file's name while a reader has it open.
    std::fs::rename(&path, folder.path().join("archived")).unwrap();
    let error = reader.refresh().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Io);
    assert!(error.to_string().contains("x.evtx"));
    assert!(reader.next_event().is_none());

    // Another file in its place.
    let mut new = Log::new(1, 10);
    new.append(TIME + 9999, "{}");
    std::fs::write(folder.path().join("new"), new.bytes()).unwrap();
    std::fs::rename(folder.path().join("new"), &path).unwrap();
    assert_eq!(reader.refresh().unwrap().found, Found::Restarted);
    assert_eq!(rest(&mut reader), [1]);
}

#[test]
fn reserved_chunks_cost_their_first_bytes_only() {
    let log = Log::of(1..=6);
    let mut bytes = log.bytes_as(Tail::Lags(0));
    bytes.resize(bytes.len() + 50 * CHUNK, 0);
    let mut reader = LogReader::new(Shared::new(bytes)).unwrap();
    assert_eq!(rest(&mut reader).len(), 6);
    let summary = reader.summary();
    assert_eq!(summary.chunks_empty, 50);
    for _ in 0..3 {
        assert_eq!(reader.refresh().unwrap().lost, 0);
        assert_eq!(rest(&mut reader), [0; 0]);
    }
    let after = reader.summary();
    assert_eq!((after.events(), after.chunks_empty), (6, 50));
    assert_eq!((after.chunks, after.records_behind), (summary.chunks, 6));
    // Each look reads the newest chunk's records again, and nothing else.
    assert!(after.bytes_read - summary.bytes_read < 3 * 6000);
}

#[test]
fn every_byte_of_a_resumed_log_is_counted() {
    let log = Log::of(1..=22);
    let bookmark = after(&log.bytes(), 10).waiting_for([2]);
    let mut bytes = log.bytes();
    bytes.resize(bytes.len() + 3 * CHUNK, 0);
    let filter = LogFilter::all().header_ids(..17);
    let (mut reader, _) = LogReader::from_slice(&bytes)
        .unwrap()
        .with_filter(filter)
        .resume(&bookmark)
        .unwrap();
    assert_eq!(rest(&mut reader), [2, 11, 12, 13, 14, 15, 16]);
    let summary = reader.summary();
    assert_eq!((summary.chunks_behind, summary.chunks_filtered), (1, 2));
    let counted = summary.bytes_read + summary.bytes_skipped + summary.bytes_unused;
    assert_eq!(counted + 3 * CHUNK as u64, bytes.len() as u64);
}
