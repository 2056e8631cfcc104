//! A log that grows and wraps, an agent that is killed, and bookmarks that no one wrote.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use mim_events::eventlog::{Bookmark, Found, LogReader, Resumed};

use self::log::{Log, Shared, Tail};
use crate::input::Input;

#[allow(dead_code)]
#[path = "../../../tests/suite/eventlog/bookmark/log.rs"]
mod log;

/// A bookmark of any JSON, a life with a log, or a log that is damaged between
/// two visits.
pub fn bookmark(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() {
        0..=79 => any_json(&mut input),
        80..=159 => life(&mut input),
        _ => damaged(&mut input),
    }
}

/// The bookmark as a program finds it after it was killed.
fn stored(bookmark: &Bookmark) -> Bookmark {
    let text = serde_json::to_string(bookmark).expect("a bookmark can be stored");
    assert!(text.len() <= 12 << 10, "{}", text.len());
    let read = serde_json::from_str(&text).expect("what was stored is read");
    assert_eq!(*bookmark, read);
    read
}

fn resume<R: Read + Seek>(reader: LogReader<R>, bookmark: &Bookmark) -> (LogReader<R>, Resumed) {
    reader.resume(bookmark).expect("memory can be read")
}

/// The numbers of the records that the reader gives.
fn rest<R: Read + Seek>(reader: &mut LogReader<R>) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(event) = reader.next_event() {
        numbers.push(event.expect("nothing is damaged").header_id());
    }
    numbers
}

fn any_json(input: &mut Input<'_>) {
    let mut log = Log::new(1 + u64::from(input.byte()), 1 + input.below(5));
    log.grow(u64::from(input.byte() % 32));
    let bytes = log.bytes();
    let Ok(bookmark) = serde_json::from_slice::<Bookmark>(input.0) else {
        return;
    };
    let reader = LogReader::from_slice(&bytes).expect("a log");
    let (mut reader, resumed) = match reader.resume(&bookmark) {
        Ok(resumed) => resumed,
        Err(error) => {
            assert!(bookmark.version() > 1, "{error}");
            return;
        }
    };
    let bookmark = stored(&bookmark);
    let numbers = rest(&mut reader);
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let through = bookmark.read_through();
    let all: Vec<u64> = log.records().map(|record| record.number).collect();
    let wanted: Vec<u64> = match resumed.found {
        Found::Beginning | Found::Replaced | Found::Restarted => all,
        Found::Empty => Vec::new(),
        Found::Continued | Found::Overwritten => {
            let waits = |number| bookmark.waiting().any(|range| range.contains(&number));
            let is_wanted = |&number: &u64| Some(number) > through || waits(number);
            all.into_iter().filter(is_wanted).collect()
        }
        _ => numbers.clone(),
    };
    assert_eq!(numbers, wanted, "{resumed:?}");
    // What was read to its end has nothing new.
    let after = stored(&reader.bookmark());
    let reader = LogReader::from_slice(&bytes).expect("a log");
    let (mut reader, again) = resume(reader, &after);
    assert_eq!(rest(&mut reader), [0; 0], "{again:?}");
    assert_eq!(again.lost, 0);
}

fn life(input: &mut Input<'_>) {
    let mut log = Log::new(1 + u64::from(input.byte()), 2 + input.below(6));
    log.grow(1);
    let base = log.records().next().expect("one was written").number;
    let mut agent = Agent::default();
    let mut tail = Tail::Closed;
    // Without a record by which the log is known again, nothing is certain.
    agent.visit(&log, tail, Some(1), true);
    for _ in 0..60 {
        if input.is_empty() {
            break;
        }
        let what = input.byte();
        let count = what >> 3;
        match what & 7 {
            0 | 1 => log.grow(u64::from(count)),
            2 => agent.visit(&log, tail, Some(count), true),
            3 => agent.visit(&log, tail, Some(count), false),
            // It reads on while the log is written to.
            4 => {
                agent.publish(&log, tail);
                for _ in 0..count {
                    agent.event();
                }
                agent.save();
            }
            5 => tail = Tail::Closed,
            6 => tail = Tail::Lags(usize::from(count % 5)),
            _ => {
                tail = Tail::Torn {
                    told: count & 1 == 0,
                    bytes: usize::from(count) * 16,
                };
            }
        }
    }
    agent.visit(&log, tail, None, false);
    let unseen = (base..log.next).filter(|number| !agent.seen.contains(number));
    let (unseen, counted) = (unseen.count() as u64, agent.lost + agent.missing);
    assert!(counted <= unseen, "{counted} of {unseen}");
    assert!(
        counted == unseen || agent.is_unsure,
        "{counted} of {unseen}"
    );
    let kept = log.records().map(|record| record.number);
    assert!(kept.into_iter().all(|number| agent.seen.contains(&number)));
}

#[derive(Default)]
struct Agent {
    source: Shared,
    reader: Option<LogReader<Shared>>,
    saved: Bookmark,
    seen: BTreeSet<u64>,
    lost: u64,
    /// Of readers that were killed, and of this one.
    missing: u64,
    missing_of_reader: u64,
    /// Whether more may be lost than was told.
    is_unsure: bool,
}

impl Agent {
    fn publish(&self, log: &Log, tail: Tail) {
        let full = log.chunks[log.current].len() == log::PER_CHUNK;
        let tail = match tail {
            Tail::Torn { .. } if full => Tail::Lags(0),
            tail => tail,
        };
        self.source.put(log.bytes_as(tail));
    }

    fn visit(&mut self, log: &Log, tail: Tail, events: Option<u8>, killed: bool) {
        self.publish(log, tail);
        let resumed = match &mut self.reader {
            Some(reader) => reader.refresh().expect("memory can be read"),
            None => {
                let reader = LogReader::new(self.source.clone()).expect("a log");
                let (reader, resumed) = resume(reader, &self.saved);
                self.reader = Some(reader);
                self.missing_of_reader = 0;
                resumed
            }
        };
        let known = [Found::Beginning, Found::Continued, Found::Overwritten];
        assert!(known.contains(&resumed.found), "{resumed:?}");
        self.is_unsure |= !resumed.lost_is_exact;
        if resumed.found == Found::Beginning {
            assert!(self.seen.is_empty());
        }
        self.lost += resumed.lost;
        for _ in 0..events.unwrap_or(u8::MAX) {
            if !self.event() {
                break;
            }
        }
        self.save();
        if killed {
            self.reader = None;
        }
    }

    /// Takes one event; whether there was one.
    fn event(&mut self) -> bool {
        let Some(event) = self.reader.as_mut().and_then(LogReader::next_event) else {
            return false;
        };
        let number = event.expect("nothing is damaged").header_id();
        assert!(self.seen.insert(number), "{number} again");
        true
    }

    fn save(&mut self) {
        let Some(reader) = &self.reader else { return };
        self.saved = stored(&reader.bookmark());
        let missing = reader.summary().records_missing;
        self.missing += missing - self.missing_of_reader;
        self.missing_of_reader = missing;
    }
}

/// Whatever became of the log, no record is given twice, and reading ends.
fn damaged(input: &mut Input<'_>) {
    let mut log = Log::new(1 + u64::from(input.byte()), 1 + input.below(4));
    log.grow(u64::from(input.byte() % 24));
    let source = Shared::new(log.bytes());
    let mut reader = LogReader::new(source.clone()).expect("a log");
    for _ in 0..5 {
        for _ in 0..input.byte() % 16 {
            reader.next_event();
        }
        let bookmark = stored(&reader.bookmark());
        log.grow(u64::from(input.byte() % 8));
        let mut bytes = log.bytes();
        for _ in 0..input.byte() % 4 {
            // Headers, then the chunks' first records.
            let chunk = input.below(log.chunks.len());
            let at = 4096 + chunk * 65_536 + input.below(2048) % 2000;
            let patch = input.bytes(4);
            bytes[at..at + patch.len()].copy_from_slice(patch);
        }
        let most = bytes.len() / 4;
        source.put(bytes);
        if input.byte() & 1 == 0 {
            if reader.refresh().is_err() {
                return;
            }
        } else {
            let Ok(other) = LogReader::new(source.clone()) else {
                return;
            };
            reader = resume(other, &bookmark).0;
        }
        let mut given = BTreeSet::new();
        let mut count = 0;
        let mut peek = LogReader::new(source.clone()).expect("it was read just now");
        peek = resume(peek, &bookmark).0;
        while let Some(event) = peek.next_event() {
            count += 1;
            assert!(count <= most, "it goes on and on");
            if let Ok(event) = event {
                assert!(given.insert(event.offset()), "a record is given twice");
            }
        }
        stored(&peek.bookmark());
    }
}
