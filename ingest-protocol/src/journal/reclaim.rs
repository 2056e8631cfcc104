//! Releasing entries, and giving back the space of whole segments.

use super::error::{Error, Result};
use super::head::name;
use super::position::PositionProblem;
use super::state::Journal;
use super::storage::Storage;

impl<S: Storage> Journal<S> {
    /// Says that entries up to an index, which must be durable, are not needed any more: they
    /// were acknowledged, or are contained in a snapshot. Segments that hold nothing
    /// else are removed; the checkpoint of the next has each stream's state. What is released
    /// is not read again; that it was becomes durable with the next append that is,
    /// with a removed segment, or with [`close`](Journal::close).
    ///
    /// Returns how many segments were removed.
    ///
    /// # Errors
    /// [`Position`](Error::Position), if the index is not durable. Else as the disk says: the
    /// entries are released, and what could not be removed will be by a later call.
    ///
    /// ```
    /// # use ingest_protocol::journal::{Append, FsStorage, Journal, Options};
    /// # let directory = tempfile::tempdir()?;
    /// # let storage = FsStorage::new(directory.path());
    /// # let (mut journal, _) = Journal::open(storage, Options::new([1; 16]))?;
    /// let sent = journal.append(Append::new(1, b"a frame"))?;
    /// journal.release(sent.index())?; // the receiver acknowledged it
    /// assert_eq!(journal.backlog(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn release(&mut self, through: u64) -> Result<usize> {
        self.check_writable("release")?;
        if through > self.durable {
            let problem = PositionProblem::Ahead { end: self.durable };
            return Err(Error::Position { problem });
        }
        self.released = self.released.max(through);
        self.reclaim()
    }

    pub(super) fn reclaim(&mut self) -> Result<usize> {
        // Segments go whose entries were all released. The first that stays must have a
        // checkpoint, and the last stays.
        let last = self
            .segments
            .partition_point(|segment| segment.head.first <= self.released + 1);
        let keeps = |at: &usize| self.segments.get(*at).is_some_and(|s| s.checkpoint);
        let Some(first) = (1..last).rev().find(keeps) else {
            return Ok(0);
        };
        let oldest = self.segments[first].head.number;
        // That they may go is durable before they go, so that they are not missed.
        self.marks.oldest = oldest;
        self.store_marks()?;
        if self.cached.as_ref().is_some_and(|c| c.segment < oldest) {
            self.cached = None;
        }
        let mut removed = 0;
        while let Some(segment) = self.segments.front().filter(|s| s.head.number < oldest) {
            self.remove_segment(segment.head.number)?;
            self.segments.pop_front();
            removed += 1;
        }
        while let Some((number, _)) = self.unreadable.first().filter(|(n, _)| *n < oldest) {
            self.remove_segment(*number)?;
            self.unreadable.remove(0);
            removed += 1;
        }
        let synced = self.storage.sync_dir();
        self.poison_on(synced.map_err(|error| Error::sync("the directory", error)))?;
        Ok(removed)
    }

    fn remove_segment(&self, number: u64) -> Result<()> {
        match self.storage.remove(&name(number)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", &name(number), error))
            }
            _ => Ok(()),
        }
    }
}
