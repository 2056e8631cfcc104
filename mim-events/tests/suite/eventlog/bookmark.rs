//! `Bookmark`: what becomes of a log between two visits, and what a reader
//! that goes on then gives.

mod log;

use std::io::{Read, Seek};

use mim_events::eventlog::{Bookmark, Found, LogReader, Resumed};

use super::fixture::*;
use log::Log;

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
