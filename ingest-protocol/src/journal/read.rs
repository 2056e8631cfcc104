//! Reading durable entries back, in order.

use super::entry::Entry;
use super::error::{Error, Result};
use super::head::name;
use super::position::{Position, PositionProblem};
use super::scan::{Scanner, Step};
use super::state::{Journal, Segment};
use super::storage::Storage;

/// A place in a journal to read on from; it borrows nothing, and stays good while
/// entries are appended, released and erased.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Index of the entry that is next.
    next: u64,
    /// Where it may be found, so that a segment is not searched from its beginning.
    segment: u64,
    rewrites: u64,
    offset: u64,
}

impl Reader {
    /// Index of the entry that is next.
    pub fn next_index(&self) -> u64 {
        self.next
    }
}

/// What a [`Reader`] comes upon.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// A durable entry.
    Entry(Entry),
    /// Entries that can't be read; opening the journal reported them.
    Lost {
        /// Index of the first.
        first: u64,
        /// Index of the last.
        last: u64,
    },
}

/// The file that was read last.
#[derive(Debug)]
pub(super) struct Cached<F> {
    pub(super) segment: u64,
    rewrites: u64,
    scanner: Scanner<F>,
}

impl<S: Storage> Journal<S> {
    /// Reads from the first entry that is not released.
    pub fn reader(&self) -> Reader {
        self.reader_at(self.released + 1)
    }

    /// Reads from the entry after a position that was kept elsewhere.
    ///
    /// # Errors
    /// [`Position`](Error::Position), if what follows the position is not all there, or
    /// if the journal is not, or no longer, the one that the position was taken from.
    ///
    /// ```
    /// # use ingest_protocol::journal::{Append, FsStorage, Item, Journal, Options};
    /// # let directory = tempfile::tempdir()?;
    /// # let storage = FsStorage::new(directory.path());
    /// # let (mut journal, _) = Journal::open(storage, Options::new([1; 16]))?;
    /// let contained = journal.append(Append::new(1, b"in the snapshot"))?;
    /// journal.append(Append::new(1, b"after it"))?;
    ///
    /// let mut reader = journal.reader_after(&contained)?;
    /// while let Some(item) = journal.read(&mut reader)? {
    ///     match item {
    ///         Item::Entry(entry) => assert_eq!(entry.body().as_ref(), b"after it"),
    ///         Item::Lost { first, last } => eprintln!("{first} to {last} are lost"),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reader_after(&self, position: &Position) -> Result<Reader> {
        let problem = if position.journal != self.marks.journal {
            PositionProblem::OtherJournal
        } else if position.index > self.durable {
            PositionProblem::Ahead { end: self.durable }
        } else if position.index < self.released {
            PositionProblem::Reclaimed {
                released: self.released,
            }
        } else if position.opening != self.opening_of(position.index) {
            PositionProblem::Forked
        } else {
            return Ok(self.reader_at(position.index + 1));
        };
        Err(Error::Position { problem })
    }

    /// Reads from the entry of this index.
    pub fn reader_from(&self, index: u64) -> Reader {
        self.reader_at(index)
    }

    fn reader_at(&self, next: u64) -> Reader {
        Reader {
            next,
            segment: 0,
            rewrites: 0,
            offset: 0,
        }
    }

    /// The next durable entry, `None` if there is none yet. Entries that are
    /// released meanwhile are passed over.
    ///
    /// # Errors
    /// [`Io`](Error::Io); the reader stays where it is.
    pub fn read(&mut self, reader: &mut Reader) -> Result<Option<Item>> {
        loop {
            match self.read_any(reader)? {
                // A later version's, which earlier ones may ignore.
                Some(Item::Entry(entry)) if entry.is_unknown() => {}
                item => return Ok(item),
            }
        }
    }

    fn read_any(&mut self, reader: &mut Reader) -> Result<Option<Item>> {
        reader.next = reader.next.max(self.released + 1);
        if reader.next > self.durable {
            return Ok(None);
        }
        let after = self
            .segments
            .partition_point(|s| s.head.first <= reader.next);
        let Some(at) = after.checked_sub(1) else {
            let first = self.segments.front().map(|segment| segment.head.first);
            return Ok(Some(self.lost(reader, first.map(|first| first - 1))));
        };
        let segment = self.segments[at];
        let number = segment.head.number;
        let found = self.search(&segment, reader);
        match found.map_err(|error| Error::io("read", &name(number), error))? {
            Some(entry) if entry.index() == reader.next => {
                reader.next += 1;
                Ok(Some(Item::Entry(entry)))
            }
            Some(entry) => Ok(Some(self.lost(reader, Some(entry.index() - 1)))),
            None => {
                let next = self.segments.get(at + 1).map(|next| next.head.first - 1);
                Ok(Some(self.lost(reader, next)))
            }
        }
    }

    /// Passes over what is missing, to `last` or to the end.
    fn lost(&self, reader: &mut Reader, last: Option<u64>) -> Item {
        let first = reader.next;
        let last = last.unwrap_or(self.durable).min(self.durable).max(first);
        reader.next = last + 1;
        Item::Lost { first, last }
    }

    /// The entry with the reader's index, or the first after it in the segment.
    fn search(&mut self, segment: &Segment, reader: &mut Reader) -> std::io::Result<Option<Entry>> {
        let (number, rewrites) = (segment.head.number, segment.head.rewrites);
        let mut cached = match self.cached.take() {
            Some(cached) if (cached.segment, cached.rewrites) == (number, rewrites) => cached,
            _ => Cached {
                segment: number,
                rewrites,
                scanner: Scanner::new(
                    self.storage.open(&name(number), false)?,
                    segment.head.seed(),
                    segment.entries_at,
                    segment.end,
                ),
            },
        };
        let scanner = &mut cached.scanner;
        scanner.extend(segment.end);
        let known = (reader.segment, reader.rewrites) == (number, rewrites);
        scanner.seek(if known {
            reader.offset
        } else {
            segment.entries_at
        });
        let found = loop {
            let at = scanner.offset();
            match scanner.step()? {
                Step::End => break None,
                Step::Unreadable => {}
                Step::Header(header) if header.marks.index < reader.next => scanner.skip(&header),
                Step::Header(header) => {
                    if let Some(entry) = scanner.take(&header)? {
                        let hit = entry.index() == reader.next;
                        let offset = if hit { scanner.offset() } else { at };
                        (reader.segment, reader.rewrites) = (number, rewrites);
                        reader.offset = offset;
                        break Some(entry);
                    }
                }
            }
        };
        self.cached = Some(cached);
        Ok(found)
    }
}
