//! Reading a segment from front to back, over whatever is in it.

use std::io;

use crc_fast::Digest;

use super::entry::{Entry, HEADER, Header};
use super::storage::StorageFile;

const WINDOW: u64 = 64 << 10;

/// A file read through a window, up to a limit.
#[derive(Debug)]
struct Window<F> {
    file: F,
    limit: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<F: StorageFile> Window<F> {
    /// `len` bytes at `offset`, `None` if they are not all there.
    fn get(&mut self, offset: u64, len: u64) -> io::Result<Option<&[u8]>> {
        let Some(end) = offset.checked_add(len).filter(|end| *end <= self.limit) else {
            return Ok(None);
        };
        if offset < self.start || end > self.start + self.bytes.len() as u64 {
            // Never more than the file has: the limit is its length, or less.
            let fill = len.max(WINDOW).min(self.limit - offset);
            let fill = usize::try_from(fill).map_err(|_| io::ErrorKind::OutOfMemory)?;
            self.bytes.resize(fill, 0);
            let read = self.file.read_at(offset, &mut self.bytes);
            self.start = offset;
            self.bytes.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        let from = (offset - self.start) as usize;
        Ok(self.bytes.get(from..from + len as usize))
    }
}

/// What comes next in a segment.
#[derive(Debug)]
pub(super) enum Step {
    /// An entry's header; its payload is not checked yet.
    Header(Header),
    /// Bytes that are no entry, up to the next header or the end.
    Unreadable,
    /// The end.
    End,
}

/// Walks over the entries of a segment.
#[derive(Debug)]
pub(super) struct Scanner<F> {
    window: Window<F>,
    seed: Digest,
    offset: u64,
}

impl<F: StorageFile> Scanner<F> {
    /// From `offset`, where an entry begins, to `limit`.
    pub(super) fn new(file: F, seed: Digest, offset: u64, limit: u64) -> Self {
        let window = Window {
            file,
            limit,
            start: 0,
            bytes: Vec::new(),
        };
        Self {
            window,
            seed,
            offset,
        }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn seek(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// More of the file is now to be read.
    pub(super) fn extend(&mut self, limit: u64) {
        self.window.limit = limit;
    }

    /// Looks at what is at the offset. Headers are not moved past: that is for
    /// [`skip`](Scanner::skip) and [`take`](Scanner::take).
    pub(super) fn step(&mut self) -> io::Result<Step> {
        let from = self.offset;
        while self.offset < self.window.limit {
            let Some(bytes) = self.window.get(self.offset, HEADER as u64)? else {
                break;
            };
            match Header::parse(bytes, &self.seed) {
                Some(header) if self.offset == from => return Ok(Step::Header(header)),
                Some(_) => return Ok(Step::Unreadable),
                // Entries are aligned.
                None => self.offset = (self.offset + 8) & !7,
            }
        }
        self.offset = self.window.limit;
        Ok(if from == self.offset {
            Step::End
        } else {
            Step::Unreadable
        })
    }

    /// Moves past an entry.
    pub(super) fn skip(&mut self, header: &Header) {
        // The end may be missing.
        let end = self.offset.saturating_add(header.encoded_len());
        self.offset = end.min(self.window.limit);
    }

    /// Reads the entry under `header` and moves past it; `None` if it is damaged.
    pub(super) fn take(&mut self, header: &Header) -> io::Result<Option<Entry>> {
        let at = self.offset + HEADER as u64;
        let payload = self.window.get(at, header.checked_len())?;
        let entry = match payload {
            Some(payload) if header.verify(payload, &self.seed) => {
                Some(header.entry(payload[..header.payload_len() as usize].to_vec()))
            }
            _ => None,
        };
        self.skip(header);
        Ok(entry)
    }

    /// The bytes of the entry under `header`, as they are, and moves past it; `None` if they are
    /// damaged, or not the same any more.
    pub(super) fn take_bytes(&mut self, header: &Header) -> io::Result<Option<&[u8]>> {
        let at = self.offset;
        self.skip(header);
        let Some(bytes) = self.window.get(at, header.encoded_len())? else {
            return Ok(None);
        };
        // The window may have been filled anew: nothing is verified but what is returned.
        let (first, payload) = bytes.split_at(HEADER);
        let same = Header::parse(first, &self.seed).is_some_and(|first| {
            first.marks.index == header.marks.index && first.verify(payload, &self.seed)
        });
        Ok(same.then_some(bytes))
    }
}
