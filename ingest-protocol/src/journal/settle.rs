//! What opening changes on the disk, after all that is there was looked at.

use super::append::write_new;
use super::error::{Error, Result};
use super::head::name;
use super::marks::MARKS;
use super::scan::{Scanner, Step};
use super::state::Journal;
use super::storage::{Storage, StorageFile};

/// What is to be changed before the journal is written to.
pub(super) struct Repairs {
    /// Files that were never finished.
    pub(super) unfinished: Vec<String>,
    /// Numbers of segments that were to be reclaimed.
    pub(super) leftover: Vec<u64>,
    pub(super) tail: Option<Tail>,
    /// Whether the marks were read, and not guessed.
    pub(super) keep_marks: bool,
    /// Numbers of the oldest and the newest segment file, 0 for none.
    pub(super) oldest: u64,
    pub(super) newest: u64,
}

/// The end of the last segment, as far as nothing confirms that it is durable.
pub(super) struct Tail {
    /// Index of the first entry that is not confirmed.
    pub(super) first: u64,
    /// Offset of that entry.
    pub(super) unconfirmed: u64,
    /// Index after the last entry that counts.
    pub(super) next: u64,
    /// Offset after that entry.
    pub(super) end: u64,
    /// Entries up to this index were durable, readable or not.
    pub(super) confirmed: u64,
    /// Length of the file.
    pub(super) len: u64,
}

impl<S: Storage> Journal<S> {
    pub(super) fn repair(&mut self, repairs: &Repairs) -> Result<()> {
        // First, since it makes room.
        let leftover = repairs.leftover.iter().map(|number| name(*number));
        for file in &repairs.unfinished {
            self.remove(file)?;
        }
        if repairs.keep_marks {
            // That the leftover segments may go is durable before they go.
            self.marks.confirm(&self.storage)?;
        }
        for file in leftover {
            self.remove(&file)?;
        }
        if let Some(tail) = &repairs.tail {
            self.settle(tail)?;
        }
        // A crash, or a full disk, may have kept a segment out of the marks.
        let mut marks = self.marks;
        marks.newest = marks.newest.max(repairs.newest);
        if marks.oldest == 0 {
            marks.oldest = repairs.oldest;
        }
        if !repairs.keep_marks {
            (marks.released, marks.durable) = (self.released, self.durable);
            write_new(&self.storage, MARKS, |file| file.write_at(0, &marks.file()))?;
        }
        self.marks = marks;
        let synced = self.storage.sync_dir();
        synced.map_err(|error| Error::sync("the directory", error))
    }

    fn remove(&self, file: &str) -> Result<()> {
        let removed = self.storage.remove(file);
        removed.map_err(|error| Error::io("remove", file, error))
    }

    /// Makes durable what was found after the last entry that is known to be,
    /// and cuts off the rest.
    ///
    /// After a failed sync, what can be read is not always on the disk, so it is written
    /// again. It is read again for that, and only what is still what recovery found is written:
    /// memory or a disk that fails must not put something else there for good.
    fn settle(&mut self, tail: &Tail) -> Result<()> {
        let Some(segment) = self.segments.back_mut() else {
            return Ok(());
        };
        let file = name(segment.head.number);
        let failed = |operation| {
            let file = &file;
            move |error| Error::io(operation, file, error)
        };
        let unsteady = || Error::Unsteady { file: file.clone() };
        let read = self.storage.open(&file, false).map_err(failed("open"))?;
        let seed = segment.head.seed();
        let mut scanner = Scanner::new(read, seed, tail.unconfirmed, tail.len);
        let mut written = self.storage.open(&file, true).map_err(failed("open"))?;
        let (mut next, mut end) = (tail.first, tail.unconfirmed);
        loop {
            let at = scanner.offset();
            let header = match scanner.step().map_err(failed("read"))? {
                Step::End => break,
                Step::Unreadable => continue,
                Step::Header(header) => header,
            };
            let index = header.marks.index;
            if index < next {
                scanner.skip(&header);
                continue;
            }
            let entry = scanner.take_bytes(&header).map_err(failed("read"))?;
            let Some(entry) = entry else { continue };
            if index > next && index - 1 > tail.confirmed {
                break; // does not count, nor does what comes after it
            }
            if index > next || next == tail.next {
                return Err(unsteady()); // recovery did not see it
            }
            written.write_at(at, entry).map_err(failed("write"))?;
            end = at + entry.len() as u64;
            next = index + 1;
        }
        if (next, end) != (tail.next, tail.end) {
            return Err(unsteady());
        }
        if tail.len > tail.end {
            written.set_len(tail.end).map_err(failed("truncate"))?;
        }
        // Also if nothing was to be cut: it may have been when a disk was full, and not synced.
        written.sync().map_err(|error| Error::sync(&file, error))?;
        segment.bytes = tail.end;
        Ok(())
    }
}
