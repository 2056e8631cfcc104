//! [`SpooledSender`]: a sender and the journal it spools to.

use std::time::Instant;

use bytes::Bytes;

use super::config::SenderConfig;
use super::event::Event;
use super::handle::StreamInUse;
use super::machine::{FrameId, PushError, Sender};
use super::poll::Transmit;
use super::recover::{RecoverError, spooled_header};
use super::spool::SpoolOp;
use crate::StreamId;
use crate::answer::Answer;
use crate::frame::{Record, SealError};
use crate::journal::{
    Append, Error, FsStorage, Item, Journal, Options, Reader, Recovery, Rewrite, Storage,
    SyncPolicy,
};
use crate::rules::Rule;

/// Kinds of entries.
const FRAME: u8 = 1;
const MARK: u8 = 2;
/// Under this id the sender's state is in the journal.
const STATE: [u8; 16] = [0; 16];

/// Why the spool failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] Error),
    /// What is in it can't be gone on with.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// Records can't be sealed; they are still in memory.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl SpoolError {
    /// Whether it helps to make room, or to wait until what is spooled was sent. Else the spool has to
    /// be opened again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Journal(error) => error.is_retryable(),
            Self::Recover(_) => false,
            Self::Seal(_) => true,
        }
    }
}

/// A [`Sender`] whose spool is a [`Journal`]: what an agent embeds. Records go in with the cursor
/// of their source, and only what is durable is sent.
///
/// ```
/// use std::time::Instant;
/// use ingest_protocol::frame::Record;
/// use ingest_protocol::journal::{FsStorage, Options};
/// use ingest_protocol::sender::{SenderConfig, SpooledSender};
///
/// # let directory = tempfile::tempdir()?;
/// # let (path, random) = (directory.path(), *b"sixteen random B");
/// # let tenant: ingest_protocol::Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
/// # let fresh = "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?;
/// let (storage, options) = (FsStorage::new(path), Options::new(random).cap_bytes(1 << 30));
/// let (mut spool, recovery) = SpooledSender::open(storage, options, SenderConfig::new(tenant), fresh)?;
/// if recovery.is_loss() {
///     eprintln!("{recovery}");
/// }
/// let from = spool.cursor().map(<[u8]>::to_vec); // read the source from here
/// # assert_eq!(from, None);
///
/// let now = Instant::now();
/// spool.push(Record::new(r#"{"line":1}"#), "line 1", now)?;
/// spool.flush()?; // durable
/// assert_eq!(spool.cursor(), Some(&b"line 1"[..]));
/// while let Some(transmit) = spool.poll_transmit(now)? {
///     // send transmit.frame, and with what came back, or did not:
///     spool.handle_failure(transmit.id, now);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SpooledSender<S: Storage = FsStorage> {
    sender: Sender,
    journal: Journal<S>,
    /// Where the last frame was read back.
    reader: Reader,
    /// Appended, not yet durable.
    unsynced: Vec<(FrameId, u64)>,
}

impl<S: Storage> SpooledSender<S> {
    /// Opens the spool, or makes one, whose records are sent in the stream `fresh`: a
    /// UUID of version 7 that was never used. The journal is synced as the sender needs it, whatever
    /// `options` say of that.
    ///
    /// # Errors
    ///
    /// [`SpoolError`]: nothing was lost; see there.
    pub fn open(
        storage: S,
        options: Options,
        config: SenderConfig,
        fresh: StreamId,
    ) -> Result<(Self, Recovery), SpoolError> {
        let options = options.sync(SyncPolicy::Caller);
        let (mut journal, recovery) = Journal::open(storage, options)?;
        let (mut frames, mut reader) = (Vec::new(), journal.reader());
        while let Some(item) = journal.read(&mut reader)? {
            // What is lost or no frame is a hole, and declared lost.
            if let Item::Entry(entry) = item
                && entry.kind() == FRAME
                && let Some(header) = spooled_header(entry.body())
            {
                frames.push((entry.index(), header));
            }
        }
        let sender = Sender::recover(config, fresh, journal.state(&STATE), frames)?;
        let spool = Self {
            reader: journal.reader(),
            unsynced: Vec::new(),
            sender,
            journal,
        };
        Ok((spool, recovery))
    }

    /// How far the source was read, as of the last frame that is spooled.
    #[must_use]
    pub fn cursor(&self) -> Option<&[u8]> {
        self.journal.cursor()
    }

    /// The state machine.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The state machine, for what is not offered here.
    pub fn sender_mut(&mut self) -> &mut Sender {
        &mut self.sender
    }

    /// Takes a record, and where the source is to be read on from after it. See
    /// [`Sender::push_at`].
    ///
    /// # Errors
    ///
    /// [`PushError`]: nothing was taken. Where it is full, call [`settle`](Self::settle).
    pub fn push(
        &mut self,
        record: Record,
        cursor: impl Into<Bytes>,
        now: Instant,
    ) -> Result<(), PushError> {
        self.sender.push_at(record, cursor, now)
    }

    /// Seals and spools what was pushed: it is durable when this returns, and so is the cursor.
    ///
    /// # Errors
    ///
    /// [`SpoolError`]; the records are still in memory.
    pub fn flush(&mut self) -> Result<(), SpoolError> {
        self.sender.flush()?;
        self.settle()
    }

    /// Makes a cursor durable without a record: the source was read on, and what was read held
    /// nothing to send. What was pushed is spooled before, so that the cursor tells of nothing
    /// that a kill would take.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use ingest_protocol::frame::Record;
    /// # use ingest_protocol::journal::{FsStorage, Options};
    /// # use ingest_protocol::sender::{SenderConfig, SpooledSender};
    /// # let directory = tempfile::tempdir()?;
    /// # let tenant: ingest_protocol::Audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
    /// # let fresh: ingest_protocol::StreamId = "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?;
    /// # let open = |opening| {
    /// #     let (storage, options) = (FsStorage::new(directory.path()), Options::new([opening; 16]));
    /// #     SpooledSender::open(storage, options, SenderConfig::new(tenant), fresh)
    /// # };
    /// # let (mut spool, _) = open(1)?;
    /// spool.push(Record::new(r#"{"line":1}"#), "line 1", Instant::now())?;
    /// spool.advance("line 2, which is a comment")?;
    /// # drop(spool);
    /// # let (spool, _) = open(2)?;
    /// assert_eq!(spool.cursor(), Some(&b"line 2, which is a comment"[..]));
    /// assert_eq!(spool.sender().backlog(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SpoolError`]: nothing was lost, and the cursor is not durable yet.
    pub fn advance(&mut self, cursor: impl AsRef<[u8]>) -> Result<(), SpoolError> {
        self.flush()?;
        let mark = Append::new(MARK, b"").cursor(cursor.as_ref());
        let position = match self.journal.append_written(mark) {
            Err(error) if error.is_retryable() && self.make_room()? => {
                self.journal.append_written(mark)?
            }
            appended => appended?,
        };
        self.journal.sync()?;
        self.sender.last_place = self.sender.last_place.max(position.index());
        Ok(())
    }

    /// Gives up the oldest frame that was never sent, to make room. How many records that declares
    /// lost; 0 if there is no such frame.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Journal`].
    pub fn evict(&mut self) -> Result<u64, SpoolError> {
        let Some((records, place)) = self.sender.evict() else {
            return Ok(0);
        };
        if let Some(place) = place {
            self.journal.erase(|entry| match entry.index() == place {
                true => Rewrite::Erase,
                false => Rewrite::Keep,
            })?;
        }
        Ok(records)
    }

    /// Carries out what the sender wants of its spool: stores, marks, reads, releases. The other
    /// methods do so where it is needed.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Journal`]. What could not be stored for want of room is stored by a later
    /// call.
    pub fn settle(&mut self) -> Result<(), SpoolError> {
        let stored = self.store();
        // What is spooled is sent also while what comes behind it finds no room.
        if stored.as_ref().is_err_and(SpoolError::is_retryable)
            && let Some(op) = self.sender.read()
        {
            self.carry_out(&op)?;
        }
        stored
    }

    fn store(&mut self) -> Result<(), SpoolError> {
        loop {
            while let Some((id, op)) = self.sender.append() {
                let Err(error) = self.carry_out(&op) else {
                    continue;
                };
                self.sender.handle_not_spooled(id);
                if !error.is_retryable() {
                    return Err(error.into());
                }
                self.sync()?;
                if !self.make_room()? {
                    return Err(error.into());
                }
            }
            // Before the rest is asked for: it is given out once, and a full disk may refuse this.
            self.sync()?;
            match self.sender.upkeep(false) {
                Some(op) => self.upkeep(&op)?,
                None => return Ok(()),
            }
        }
    }

    /// While a frame finds no room, those before it go on, and the history goes: whether anything
    /// was released.
    fn make_room(&mut self) -> Result<bool, SpoolError> {
        let mut has_released = false;
        while let Some(op) = self.sender.upkeep(true) {
            self.upkeep(&op)?;
            has_released |= matches!(op, SpoolOp::Release { .. });
        }
        Ok(has_released)
    }

    /// Carries out what stores no frame.
    fn upkeep(&mut self, op: &SpoolOp) -> Result<(), SpoolError> {
        let done = self.carry_out(op);
        if done.is_err() {
            self.sender.handle_not_marked(); // if it was a mark
        }
        Ok(done?)
    }

    /// What is appended is durable.
    fn sync(&mut self) -> Result<(), SpoolError> {
        if !self.unsynced.is_empty() {
            self.journal.sync()?;
            for (id, place) in self.unsynced.drain(..) {
                self.sender.handle_spooled(id, place);
            }
        }
        Ok(())
    }

    /// Each entry is written at once: one for which a full disk has no room must not keep those
    /// before it from being synced, nor what is spooled from being read.
    fn carry_out(&mut self, op: &SpoolOp) -> Result<(), Error> {
        match op {
            SpoolOp::Append {
                id,
                frame,
                cursor,
                state,
                replaces,
            } => {
                let mut append = Append::new(FRAME, frame).state(STATE, state);
                if let Some(cursor) = cursor {
                    append = append.cursor(cursor);
                }
                let append = append.over_cap(*replaces);
                let position = self.journal.append_written(append)?;
                self.unsynced.push((*id, position.index()));
            }
            SpoolOp::Mark { state } => {
                let mark = Append::new(MARK, b"").state(STATE, state).over_cap(true);
                let position = self.journal.append_written(mark)?;
                self.journal.sync()?;
                self.sender.handle_marked(position.index());
            }
            SpoolOp::Read { id, place } => {
                if self.reader.next_index() != *place {
                    self.reader = self.journal.reader_from(*place);
                }
                let item = self.journal.read(&mut self.reader)?;
                // The sender sees whether it is the frame that it wants.
                let frame = match item {
                    Some(Item::Entry(entry)) => Some(entry.body().clone()),
                    _ => None,
                };
                self.sender.handle_read(*id, frame);
            }
            SpoolOp::Release { through } => {
                self.journal.release(*through)?;
            }
        }
        Ok(())
    }

    /// The frame to send now, if any; it is durable. See [`Sender::poll_transmit`].
    ///
    /// # Errors
    ///
    /// [`SpoolError::Journal`], if the journal has to be opened again. That it is full is no error here:
    /// what is spooled is sent.
    pub fn poll_transmit(&mut self, now: Instant) -> Result<Option<Transmit>, SpoolError> {
        if !self.sender.rules.keep(Rule::S1)
            && let Some(transmit) = self.sender.poll_transmit(now)
        {
            return Ok(Some(transmit));
        }
        let mut again = 0..2;
        loop {
            let settled = match self.settle() {
                Err(error) if !error.is_retryable() => return Err(error),
                settled => settled.is_ok(),
            };
            if let Some(transmit) = self.sender.poll_transmit(now) {
                return Ok(Some(transmit));
            }
            // It may have sealed anew, or want to read. Where nothing finds room, not for ever.
            let wants = if settled {
                self.sender.wants_spool()
            } else {
                again.next().is_some() && self.sender.wants_room()
            };
            if !wants {
                return Ok(None);
            }
        }
    }

    /// See [`Sender::handle_answer`].
    pub fn handle_answer(&mut self, id: FrameId, answer: Answer, now: Instant) {
        self.sender.handle_answer(id, answer, now);
    }

    /// See [`Sender::handle_failure`].
    pub fn handle_failure(&mut self, id: FrameId, now: Instant) {
        self.sender.handle_failure(id, now);
    }

    /// See [`Sender::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.sender.handle_timeout(now);
    }

    /// See [`Sender::handle_stream`].
    ///
    /// # Errors
    ///
    /// The stream was used before.
    pub fn handle_stream(&mut self, stream: StreamId) -> Result<(), StreamInUse> {
        self.sender.handle_stream(stream)
    }

    /// See [`Sender::poll_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.sender.poll_timeout()
    }

    /// See [`Sender::poll_event`].
    pub fn poll_event(&mut self) -> Option<Event> {
        self.sender.poll_event()
    }

    /// Whether everything is acknowledged, and the spool knows it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sender.is_idle()
    }

    /// Spools what was pushed, and closes the journal.
    ///
    /// # Errors
    ///
    /// [`SpoolError`]; what could not be spooled is lost with this, and the cursor stands before it.
    pub fn close(mut self) -> Result<(), SpoolError> {
        let flushed = self.flush();
        self.journal.close()?;
        flushed
    }
}
