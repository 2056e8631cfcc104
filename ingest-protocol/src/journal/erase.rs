//! Erasing bodies by rewriting segments.

use super::append::{WRITE, put_new};
use super::entry::{Append, ERASED, Entry, EntryMarks, RESERVED};
use super::error::{Error, Result};
use super::head::{HEAD_BYTES, Head, name};
use super::scan::{Scanner, Step};
use super::state::{Journal, Segment};
use super::storage::{Storage, StorageFile};

/// What is to become of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rewrite {
    /// It stays as it is.
    Keep,
    /// Its body goes; its index, cursor and state stay.
    Erase,
    /// Its body becomes this one.
    Replace(Vec<u8>),
}

impl<S: Storage> Journal<S> {
    /// Offers every entry that is on the disk and not erased yet, released ones included, and rewrites the
    /// segments of those that are to change. The new file is durable before it takes the
    /// place of the old one, whose blocks the file system frees; it does not overwrite them.
    /// Indices, positions, cursors and states stay as they are: they should hold nothing
    /// that has to be erased.
    ///
    /// Returns how many entries changed. If it fails, each segment is either as it was or as it
    /// shall be: call it again.
    ///
    /// # Errors
    /// [`TooLarge`](Error::TooLarge) for a replacement that makes the entry, its cursor and state
    /// included, larger than the limit of one; its segment stays as it was. Else as
    /// [`append`](Journal::append).
    ///
    /// ```
    /// use ingest_protocol::journal::Rewrite;
    /// # use ingest_protocol::journal::{Append, FsStorage, Journal, Options};
    /// # let directory = tempfile::tempdir()?;
    /// # let storage = FsStorage::new(directory.path());
    /// # let (mut journal, _) = Journal::open(storage, Options::new([1; 16]))?;
    /// journal.append(Append::new(1, b"about alice"))?;
    /// journal.append(Append::new(1, b"about bob"))?;
    /// let erased = journal.erase(|entry| match entry.body().as_ref() {
    ///     b"about alice" => Rewrite::Erase,
    ///     _ => Rewrite::Keep,
    /// })?;
    /// assert_eq!(erased, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn erase(&mut self, mut decide: impl FnMut(&Entry) -> Rewrite) -> Result<u64> {
        self.check_writable("erase")?;
        self.sync()?;
        // Windows does not replace a file that is open.
        self.cached = None;
        let mut changed = 0;
        for at in 0..self.segments.len() {
            let mut changes = Vec::new();
            self.each_entry(at, |_, entry| {
                // The others are erased already, or a later version's.
                if entry.kind() < RESERVED {
                    let choice = decide(&entry);
                    self.check_size(&entry, &choice)?;
                    if choice != Rewrite::Keep {
                        changes.push((entry.index(), choice));
                    }
                }
                Ok(())
            })?;
            if changes.is_empty() {
                continue;
            }
            if at + 1 == self.segments.len() {
                // The last segment is never rewritten: it may be the one appended to.
                self.begin_segment()?;
            }
            let rewritten = self.rewrite(at, &changes);
            self.poison_on(rewritten)?;
            changed += changes.len() as u64;
        }
        Ok(changed)
    }

    fn check_size(&self, entry: &Entry, choice: &Rewrite) -> Result<()> {
        let limit = self.options.entry_bytes;
        let actual = changed(entry.as_append(), choice).len() as u64;
        // What was appended under a larger limit may stay as it is.
        if actual > limit && matches!(choice, Rewrite::Replace(_)) {
            return Err(Error::TooLarge {
                what: "entry with its replacement",
                actual,
                limit,
            });
        }
        Ok(())
    }

    /// Every readable entry of a segment.
    fn each_entry(
        &self,
        at: usize,
        mut each: impl FnMut(EntryMarks, Entry) -> Result<()>,
    ) -> Result<()> {
        let segment = &self.segments[at];
        let file = name(segment.head.number);
        let failed = |error| Error::io("read", &file, error);
        let opened = self.storage.open(&file, false).map_err(failed)?;
        let seed = segment.head.seed();
        let mut scanner = Scanner::new(opened, seed, segment.entries_at, segment.end);
        let mut next = segment.head.first;
        loop {
            match scanner.step().map_err(failed)? {
                Step::End => return Ok(()),
                Step::Unreadable => {}
                Step::Header(header) if header.marks.index < next => scanner.skip(&header),
                Step::Header(header) => {
                    if let Some(entry) = scanner.take(&header).map_err(failed)? {
                        next = header.marks.index + 1;
                        each(header.marks, entry)?;
                    }
                }
            }
        }
    }

    fn rewrite(&mut self, at: usize, changes: &[(u64, Rewrite)]) -> Result<()> {
        let segment = self.segments[at];
        let file = name(segment.head.number);
        let head = Head {
            // Only told apart from the one before, by readers that were amid the segment.
            rewrites: segment.head.rewrites.wrapping_add(1),
            whole: true,
            ..segment.head
        };
        let checkpoint = self.raw_checkpoint(&segment)?;
        let mut bytes = head.bytes(&checkpoint);
        let mut written = 0;
        let mut failure = None;
        let mut changes = changes.iter().peekable();
        let seed = head.seed();
        put_new(&self.storage, &file, |new| {
            let copied = self.each_entry(at, |marks, entry| {
                let mut append = entry.as_append();
                if let Some((_, change)) = changes.next_if(|(index, _)| *index == marks.index) {
                    append = changed(append, change);
                }
                append.encode(marks, &seed, &mut bytes);
                if bytes.len() >= WRITE {
                    new.write_at(written, &bytes)
                        .map_err(|error| Error::io("write", &file, error))?;
                    written += bytes.len() as u64;
                    bytes.clear();
                }
                Ok(())
            });
            if let Err(error) = copied {
                failure = Some(error);
                return Err(std::io::ErrorKind::Other.into());
            }
            new.write_at(written, &bytes)?;
            written += bytes.len() as u64;
            Ok(())
        })
        .map_err(|error| failure.unwrap_or(error))?;
        self.segments[at] = Segment {
            head,
            end: written,
            bytes: written,
            ..segment
        };
        // From here on it is this file that is read, even if its name is not durable.
        let synced = self.storage.sync_dir();
        synced.map_err(|error| Error::sync(&file, error))
    }

    /// The checkpoint's bytes, damaged or not: what is damaged stays known as that.
    fn raw_checkpoint(&self, segment: &Segment) -> Result<Vec<u8>> {
        let file = name(segment.head.number);
        let read = || {
            let mut bytes = vec![0; (segment.entries_at - HEAD_BYTES) as usize];
            self.storage
                .open(&file, false)?
                .read_at(HEAD_BYTES, &mut bytes)?;
            bytes.truncate(segment.head.checkpoint_len as usize);
            Ok(bytes)
        };
        read().map_err(|error| Error::io("read", &file, error))
    }
}

fn changed<'a>(append: Append<'a>, change: &'a Rewrite) -> Append<'a> {
    match change {
        Rewrite::Keep => append,
        Rewrite::Erase => Append {
            kind: ERASED,
            body: &[],
            ..append
        },
        Rewrite::Replace(body) => Append { body, ..append },
    }
}
