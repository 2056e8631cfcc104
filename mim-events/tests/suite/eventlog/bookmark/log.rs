//! A log in memory that does what a Windows log does to its chunks.

use std::cell::RefCell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::rc::Rc;

use crate::eventlog::fixture::*;

/// Records that fit one chunk of these logs.
pub(super) const PER_CHUNK: usize = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The number in its header and `EventRecordID`.
    pub(super) number: u64,
    pub(super) written: u64,
    pub(super) text: String,
}

/// The chunks in the order of the file; the one at `current` is being filled.
#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) chunks: Vec<Vec<Record>>,
    pub(super) current: usize,
    /// The most chunks; beyond, the oldest is overwritten.
    pub(super) capacity: usize,
    pub(super) next: u64,
}

/// How the newest chunk looks while the service writes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// The log was closed.
    Closed,
    /// The header tells of so many records less than there are.
    Lags(usize),
    /// Then a record follows that is not whole, of which the header tells or not.
    Torn { told: bool, bytes: usize },
}

impl Log {
    pub(super) fn new(first: u64, capacity: usize) -> Self {
        Self {
            chunks: vec![Vec::new()],
            current: 0,
            capacity,
            next: first,
        }
    }

    /// A log of as many records as are in the range, ten ticks apart.
    pub(super) fn of(numbers: std::ops::RangeInclusive<u64>) -> Self {
        let mut log = Self::new(*numbers.start(), 1000);
        for number in numbers {
            log.append(TIME + number * 10, &format!("{{\"n\":{number}}}"));
        }
        log
    }

    /// Appends a record; returns those that it overwrote.
    pub(super) fn append(&mut self, written: u64, text: &str) -> Vec<Record> {
        let mut gone = Vec::new();
        if self.chunks[self.current].len() == PER_CHUNK {
            if self.chunks.len() < self.capacity {
                self.current = self.chunks.len();
                self.chunks.push(Vec::new());
            } else {
                self.current = (self.current + 1) % self.capacity;
                gone = std::mem::take(&mut self.chunks[self.current]);
            }
        }
        self.chunks[self.current].push(Record {
            number: self.next,
            written,
            text: text.into(),
        });
        self.next += 1;
        gone
    }

    /// Appends so many records, ten ticks apart.
    pub(super) fn grow(&mut self, count: u64) {
        for _ in 0..count {
            let number = self.next;
            self.append(TIME + number * 10, &format!("{{\"n\":{number}}}"));
        }
    }

    /// All records, oldest first.
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        let (new, old) = self.chunks.split_at(self.current + 1);
        old.iter().chain(new).flatten()
    }

    /// Keeps the records up to this number, as a backup from then would.
    pub(super) fn cut_after(&mut self, number: u64) {
        assert_eq!(self.current + 1, self.chunks.len(), "it did not wrap");
        for chunk in &mut self.chunks {
            chunk.retain(|record| record.number <= number);
        }
        self.chunks.retain(|chunk| !chunk.is_empty());
        if self.chunks.is_empty() {
            self.chunks.push(Vec::new());
        }
        self.current = self.chunks.len() - 1;
        self.next = number + 1;
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes_as(Tail::Closed)
    }

    pub(super) fn bytes_as(&self, tail: Tail) -> Vec<u8> {
        let mut chunks: Vec<Vec<u8>> = Vec::new();
        for (at, records) in self.chunks.iter().enumerate() {
            let first = records.first().map_or(self.next, |record| record.number);
            if at == self.current && tail != Tail::Closed {
                chunks.push(newest(first, records, tail));
            } else {
                chunks.push(chunk(first, records).finish());
            }
        }
        let flags = u32::from(tail != Tail::Closed);
        log_with_flags(&chunks, flags)
    }
}

fn chunk(first: u64, records: &[Record]) -> Chunk {
    let mut chunk = Chunk::new(first);
    for record in records {
        let event = Classic {
            record: record.number,
            time: record.written,
            id: if record.text.starts_with('{') {
                4121
            } else {
                4137
            },
            strings: strings(&[&record.text]),
            ..Classic::default()
        };
        chunk.record(record.written, &event.content());
    }
    chunk
}

fn newest(first: u64, records: &[Record], tail: Tail) -> Vec<u8> {
    let whole = chunk(first, records).finish();
    match tail {
        Tail::Closed => whole,
        Tail::Lags(behind) => {
            let told = &records[..records.len().saturating_sub(behind)];
            let mut bytes = whole;
            bytes[..512].copy_from_slice(&chunk(first, told).finish()[..512]);
            bytes
        }
        Tail::Torn { told, bytes: part } => {
            let mut more = records.to_vec();
            more.push(Record {
                number: first + records.len() as u64,
                written: TIME * 2,
                text: "{}".into(),
            });
            let torn = chunk(first, &more);
            let end = torn.bytes.len();
            let start = chunk(first, records).bytes.len();
            let mut bytes = torn.finish();
            if !told {
                bytes[..512].copy_from_slice(&whole[..512]);
            }
            bytes[start + part.min(end - start - 4)..end].fill(0);
            bytes
        }
    }
}

/// A file that changes while it is open.
#[derive(Clone, Default)]
pub(super) struct Shared {
    bytes: Rc<RefCell<Vec<u8>>>,
    at: u64,
}

impl Shared {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let shared = Self::default();
        shared.put(bytes);
        shared
    }

    pub(super) fn put(&self, bytes: Vec<u8>) {
        *self.bytes.borrow_mut() = bytes;
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes.borrow();
        let mut cursor = Cursor::new(bytes.as_slice());
        cursor.set_position(self.at);
        let count = cursor.read(buffer)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let bytes = self.bytes.borrow();
        let mut cursor = Cursor::new(bytes.as_slice());
        cursor.set_position(self.at);
        self.at = cursor.seek(to)?;
        Ok(self.at)
    }
}
