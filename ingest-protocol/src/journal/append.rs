//! Appending, syncing, and beginning segments.

use super::entry::{Append, EntryMarks, RESERVED};
use super::error::{Error, Result};
use super::head::{Head, UNFINISHED, name};
use super::options::SyncPolicy;
use super::position::Position;
use super::state::{Active, Journal, Segment};
use super::storage::{Storage, StorageFile};

/// What is written at once, if no sync comes before.
pub(super) const WRITE: usize = 1 << 20;
/// What of the write buffer is kept for the next entries.
const KEEP: usize = 4 * WRITE;

impl<S: Storage> Journal<S> {
    /// Appends an entry. It is durable when [`sync`](Journal::sync) has returned, or now, if the
    /// [policy](SyncPolicy) syncs; [`position`](Journal::position) says how far the journal is durable.
    ///
    /// # Errors
    /// [`Full`](Error::Full) and [`DiskFull`](Error::DiskFull): nothing was appended, and appending
    /// again after making room works. [`TooLarge`](Error::TooLarge), [`ReservedKind`](Error::ReservedKind),
    /// [`ReadOnly`](Error::ReadOnly), [`Poisoned`](Error::Poisoned): nothing was appended.
    /// [`SyncFailed`](Error::SyncFailed), [`Io`](Error::Io): the journal has to be opened again to
    /// learn whether this and the other entries since the last sync are there.
    ///
    /// ```
    /// use ingest_protocol::journal::{Append, Error};
    /// # use ingest_protocol::journal::{FsStorage, Journal, Options};
    /// # let directory = tempfile::tempdir()?;
    /// # let storage = FsStorage::new(directory.path());
    /// # let (mut journal, _) = Journal::open(storage, Options::new([1; 16]))?;
    /// match journal.append(Append::new(1, b"a frame").cursor(b"record 12")) {
    ///     Ok(position) => assert_eq!(position.index(), 1),
    ///     Err(error) if error.is_retryable() => { /* make room, or wait: the bytes are still here */ }
    ///     Err(error) => return Err(error.into()), // open the journal again
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn append(&mut self, append: Append<'_>) -> Result<Position> {
        let (position, due) = self.append_entry(append, false)?;
        if due {
            self.sync()?;
        }
        Ok(position)
    }

    /// Appends an entry, and hands it to the operating system whatever the policy: a full disk
    /// refuses this entry alone. Only [`sync`](Journal::sync) makes it durable.
    pub(crate) fn append_written(&mut self, append: Append<'_>) -> Result<Position> {
        Ok(self.append_entry(append, true)?.0)
    }

    /// Appends an entry; whether the policy wants a sync now.
    fn append_entry(&mut self, append: Append<'_>, write: bool) -> Result<(Position, bool)> {
        self.check_writable("append")?;
        if append.kind >= RESERVED {
            return Err(Error::ReservedKind { kind: append.kind });
        }
        let limit = self.options.entry_bytes;
        if append.len() as u64 > limit {
            return Err(Error::TooLarge {
                what: "entry",
                actual: append.len() as u64,
                limit,
            });
        }
        self.make_room(append.encoded_len(), append.over_cap)?;
        let marks = EntryMarks {
            index: self.next_index,
            durable: self.durable,
            released: self.released,
        };
        let unsynced = self.next_index - self.durable;
        let (Some(active), Some(segment)) = (&mut self.active, self.segments.back()) else {
            return Err(Error::Poisoned); // room is in an active segment
        };
        let before = active.pending.len();
        append.encode(marks, &active.seed, &mut active.pending);
        let pending = active.pending.len();
        let due = match self.options.sync {
            SyncPolicy::EachAppend => true,
            SyncPolicy::Group { entries, bytes } => {
                let unsynced_bytes = active.written - segment.end + pending as u64;
                unsynced >= entries || unsynced_bytes >= bytes
            }
            SyncPolicy::Caller => false,
        };
        if due || write || pending >= WRITE {
            let written = self.write_out();
            if let (Err(_), Some(active)) = (&written, &mut self.active) {
                // It is refused; those before it still wait.
                active.pending.truncate(before);
            }
            self.poison_on(written)?;
        }
        self.next_index += 1;
        append.apply(&mut self.state);
        self.count_bytes();
        Ok((self.position_of(marks.index), due))
    }

    /// Makes durable what was appended. Returns the place after the last entry:
    /// everything up to it is on the disk.
    ///
    /// # Errors
    /// [`DiskFull`](Error::DiskFull): the entries still wait, and syncing again after making room
    /// works. [`SyncFailed`](Error::SyncFailed), [`Io`](Error::Io): the journal has to be opened
    /// again to learn what is on the disk. [`Poisoned`](Error::Poisoned), [`ReadOnly`](Error::ReadOnly).
    pub fn sync(&mut self) -> Result<Position> {
        self.check_writable("sync")?;
        if self.durable + 1 < self.next_index {
            let written = self.write_out();
            self.poison_on(written)?;
            if let (Some(active), Some(segment)) = (&mut self.active, self.segments.back_mut()) {
                if let Err(error) = active.file.sync() {
                    self.poisoned = true;
                    return Err(Error::sync(&name(segment.head.number), error));
                }
                self.durable = self.next_index - 1;
                segment.end = active.written;
            }
        }
        Ok(self.position())
    }

    /// Ends the segment that is appended to, if it has an entry, and begins another. Segments end by
    /// their [size](super::Options::segment_bytes); where entries must be gone by a date, end them by
    /// time, too: [`release`](Journal::release) removes whole segments, and never the last.
    ///
    /// # Errors
    /// As [`append`](Journal::append). Nothing is lost that was appended.
    ///
    /// ```
    /// # use ingest_protocol::journal::{Append, FsStorage, Journal, Options};
    /// # let directory = tempfile::tempdir()?;
    /// # let storage = FsStorage::new(directory.path());
    /// # let (mut journal, _) = Journal::open(storage, Options::new([1; 16]))?;
    /// let old = journal.append(Append::new(1, b"of yesterday"))?;
    /// journal.end_segment()?;
    /// assert_eq!(journal.release(old.index())?, 1); // its file is gone
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end_segment(&mut self) -> Result<()> {
        self.check_writable("end a segment of")?;
        let has_entry = |segment: &Segment| segment.bytes > segment.entries_at;
        match self.segments.back() {
            Some(last) if has_entry(last) => self.begin_segment(),
            _ => Ok(()),
        }
    }

    /// Syncs, and notes how far the journal goes, so that even damage to its very
    /// end is told from a crash when it is opened again.
    ///
    /// # Errors
    /// As [`sync`](Journal::sync). Nothing is lost that was durable.
    pub fn close(mut self) -> Result<()> {
        if self.options.read_only {
            return Ok(());
        }
        self.sync()?;
        self.store_marks()
    }

    pub(super) fn store_marks(&mut self) -> Result<()> {
        self.marks.released = self.released;
        self.marks.durable = self.marks.durable.max(self.durable);
        let stored = self.marks.store(&self.storage);
        self.poison_on(stored)
    }

    /// Sees to it that there is an active segment with room for `len` bytes.
    fn make_room(&mut self, len: u64, over_cap: bool) -> Result<()> {
        let cap = if over_cap {
            u64::MAX
        } else {
            self.options.cap_bytes
        };
        let mut needed = len;
        let mut begin = match (&self.active, self.segments.back()) {
            (Some(_), Some(segment)) => {
                let filled = segment.bytes - segment.entries_at;
                let target = self.options.segment_bytes;
                let target = target.max(segment.head.checkpoint_len.saturating_mul(4));
                filled > 0 && filled.saturating_add(len) > target
            }
            _ => true,
        };
        if begin {
            needed += Head::begin_len(self.state.encoded_len());
        }
        let over = |journal: &Self, needed: u64| {
            cap < u64::MAX && journal.used_bytes().saturating_add(needed) > cap
        };
        if over(self, needed) && self.all_released() {
            // Everything may go, but the last segment can only when there is another.
            self.begin_segment()?;
            self.reclaim()?;
            (begin, needed) = (false, len);
        }
        if over(self, needed) {
            let used = self.used_bytes();
            return Err(Error::Full { needed, used, cap });
        }
        if begin {
            self.begin_segment()?;
        }
        Ok(())
    }

    /// Whether nothing but released entries is there, and at least one of them.
    fn all_released(&self) -> bool {
        let empty = |segment: &Segment| segment.bytes == segment.entries_at;
        self.released + 1 == self.next_index && self.segments.back().is_some_and(|s| !empty(s))
    }

    /// Ends the active segment and begins another with a checkpoint.
    pub(super) fn begin_segment(&mut self) -> Result<()> {
        self.sync()?;
        let head = Head {
            journal: self.marks.journal,
            opening: self.options.opening,
            before: self.opening_of(self.next_index - 1),
            number: self.marks.newest + 1,
            first: self.next_index,
            rewrites: 0,
            checkpoint_len: 0,
            checkpoint_crc: 0,
            whole: false,
        };
        let (head, bytes) = head.begin(&self.state.encode());
        let file = write_new(&self.storage, &name(head.number), |file| {
            file.write_at(0, &bytes)
        });
        let file = self.poison_on(file)?;
        let end = bytes.len() as u64;
        self.segments.push_back(Segment {
            head,
            entries_at: end,
            end,
            bytes: end,
            checkpoint: true,
        });
        self.active = Some(Active {
            file,
            seed: head.seed(),
            pending: Vec::new(),
            written: end,
        });
        self.marks.newest = head.number;
        if self.marks.oldest == 0 {
            self.marks.oldest = head.number;
        }
        match self.store_marks() {
            // They only help to notice that the segment is missing.
            Err(Error::DiskFull { .. }) => Ok(()),
            other => other,
        }
    }

    /// Writes what is pending at the same place as before, if that failed for want of room.
    fn write_out(&mut self) -> Result<()> {
        let (Some(active), Some(segment)) = (&mut self.active, self.segments.back()) else {
            return Ok(());
        };
        if active.pending.is_empty() {
            return Ok(());
        }
        if let Err(error) = active.file.write_at(active.written, &active.pending) {
            let error = Error::io("write", &name(segment.head.number), error);
            if let Error::DiskFull { .. } = error {
                // Gives back what it took. If that fails, too: the last entry is not whole there, and
                // the next write goes over it.
                let _ = active.file.set_len(active.written);
            }
            return Err(error);
        }
        active.written += active.pending.len() as u64;
        active.pending.clear();
        active.pending.shrink_to(KEEP);
        Ok(())
    }

    fn count_bytes(&mut self) {
        if let (Some(active), Some(segment)) = (&self.active, self.segments.back_mut()) {
            segment.bytes = active.written + active.pending.len() as u64;
        }
    }
}

/// Writes a file whole and durably before it gets its name, durably.
pub(super) fn write_new<S: Storage>(
    storage: &S,
    name: &str,
    write: impl FnOnce(&mut S::File) -> std::io::Result<()>,
) -> Result<S::File> {
    let file = put_new(storage, name, write)?;
    match storage.sync_dir() {
        Ok(()) => Ok(file),
        Err(error) => Err(Error::sync(name, error)),
    }
}

/// The same, but the name is not durable yet.
pub(super) fn put_new<S: Storage>(
    storage: &S,
    name: &str,
    write: impl FnOnce(&mut S::File) -> std::io::Result<()>,
) -> Result<S::File> {
    let unfinished = format!("{name}{UNFINISHED}");
    let fail = |operation, error| {
        let _ = storage.remove(&unfinished);
        Err(Error::io(operation, &unfinished, error))
    };
    let mut file = match storage.create(&unfinished) {
        Ok(file) => file,
        Err(error) => return fail("create", error),
    };
    if let Err(error) = write(&mut file) {
        return fail("write", error);
    }
    if let Err(error) = file.sync() {
        let _ = storage.remove(&unfinished);
        return Err(Error::sync(&unfinished, error));
    }
    match storage.rename(&unfinished, name) {
        Ok(()) => Ok(file),
        Err(error) => fail("rename", error),
    }
}
