//! [`ReceiverLog`]: a receiver and the journal it stores to.

use std::borrow::Borrow;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::decide::Commit;
use super::receive::{Receiver, Reception};
use super::state::StreamState;
use crate::StreamId;
use crate::answer::{Ack, Answer, Code, Problem, Rejected};
use crate::frame::Frame;
use crate::journal::{
    Append, Error, FsStorage, Journal, Options, Position, Recovery, Storage, SyncPolicy,
};

/// Stores the frames of one audience in a [`Journal`], each in one write with the state of its
/// stream: what a service embeds.
///
/// ```
/// use ingest_protocol::frame::{Limits, Opener, Record, Sealer, Stamp};
/// use ingest_protocol::journal::{FsStorage, Item, Options};
/// use ingest_protocol::receiver::{Receiver, ReceiverLog, not_json};
/// use ingest_protocol::Answer;
///
/// # let directory = tempfile::tempdir()?;
/// # let (path, random) = (directory.path(), *b"sixteen random B");
/// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
/// # let bytes = Sealer::new(Limits::default()).seal(&Stamp::new(audience, stream, 1), &[Record::new("{}")])?;
/// let receiver = Receiver::new(Opener::new(Limits::default()).with_audience(audience));
/// let (mut log, recovery) = ReceiverLog::open(FsStorage::new(path), Options::new(random), receiver)?;
/// # assert!(!recovery.is_loss());
///
/// let (answer, stored) = log.receive(bytes, None, not_json)?;
/// assert!(matches!(answer, Answer::Ack(_)));
/// let frame = stored.ok_or("not stored")?.0; // on to whoever reads the records
/// assert_eq!(frame.header().next_seq(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ReceiverLog<S: Storage = FsStorage> {
    receiver: Receiver,
    journal: Journal<S>,
}

/// What became of a frame that was to be stored.
#[derive(Clone, Debug)]
#[must_use = "the sender waits for the answer"]
#[allow(clippy::exhaustive_enums)] // stored, or not
pub enum Stored {
    /// It is durable, at this place: answer with the acknowledgement.
    Committed(Ack, Position),
    /// It is not: answer with the problem.
    Refused(Problem),
}

impl<S: Storage> ReceiverLog<S> {
    /// The kind of the entries that hold a frame.
    pub const FRAME: u8 = 1;
    /// The kind of the entry that [`forget`](Self::forget) writes.
    pub const FORGOTTEN: u8 = 2;

    /// Opens the log, or makes one. `receiver` should take the frames of one audience: the
    /// states are kept by stream.
    ///
    /// # Errors
    ///
    /// [`Error`], as [`Journal::open`].
    pub fn open(
        storage: S,
        options: Options,
        receiver: Receiver,
    ) -> Result<(Self, Recovery), Error> {
        let (journal, recovery) = Journal::open(storage, options.sync(SyncPolicy::EachAppend))?;
        Ok((Self { receiver, journal }, recovery))
    }

    /// Receives a frame: decides, stores it durably where it is new, and says what to answer, with the
    /// frame and its place where it was stored now. `quarantine` names the records that can't be used.
    /// See [`Receiver::receive`] for the `horizon`. A full disk is answered with 503.
    ///
    /// Front ends that share a log behind a lock do better with [`Receiver::receive`] outside
    /// of it, between [`state`](Self::state) and [`commit`](Self::commit).
    ///
    /// # Errors
    ///
    /// [`Error`]: the log has to be opened again. Answer 503, or nothing.
    pub fn receive(
        &mut self,
        bytes: Bytes,
        horizon: Option<DateTime<Utc>>,
        quarantine: impl FnOnce(&Frame) -> Vec<Rejected>,
    ) -> Result<(Answer, Option<(Frame, Position)>), Error> {
        let stream = match self.receiver.header(&bytes) {
            Ok(header) => header.stream(),
            Err(problem) => return Ok((Answer::Problem(problem), None)),
        };
        let state = self.state(stream)?;
        match self.receiver.receive(bytes, state.as_ref(), horizon) {
            Reception::Commit(frame, commit) => {
                let rejected = quarantine(&frame);
                Ok(match self.commit(&frame, commit, rejected)? {
                    Stored::Committed(ack, position) => (Answer::Ack(ack), Some((frame, position))),
                    Stored::Refused(problem) => (Answer::Problem(problem), None),
                })
            }
            Reception::Duplicate(ack) => Ok((Answer::Ack(ack), None)),
            Reception::Refuse(problem) => Ok((Answer::Problem(problem), None)),
        }
    }

    /// Stores a frame durably with its stream's new state, in one write, if the state is still
    /// the one that was decided by. If another front end was first, or the disk is full, the answer is
    /// 503: the sender sends again, and is then told what became of the frame.
    ///
    /// # Errors
    ///
    /// [`Error`]: the log has to be opened again. Answer 503, or nothing.
    pub fn commit(
        &mut self,
        frame: &Frame,
        commit: Commit,
        rejected: Vec<Rejected>,
    ) -> Result<Stored, Error> {
        let stored = self.write(frame, commit, rejected)?;
        self.journal.sync()?;
        Ok(stored)
    }

    /// As [`commit`](Self::commit) of each of several frames, with one sync for all of them: frames
    /// that come while the disk is busy wait for one sync together, not for one each.
    ///
    /// ```
    /// # use ingest_protocol::frame::{Limits, Opener, Record, Sealer, Stamp};
    /// # use ingest_protocol::journal::{FsStorage, Options};
    /// # use ingest_protocol::receiver::{Receiver, ReceiverLog, Reception, Stored, not_json};
    /// # let directory = tempfile::tempdir()?;
    /// # let (path, random) = (directory.path(), *b"sixteen random B");
    /// # let audience = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?;
    /// # let arrived = (1..4).map(|n| Sealer::new(Limits::default()).seal(&Stamp::new(audience, uuid::Uuid::from_u128(n).into(), 1), &[Record::new("{}")]));
    /// let receiver = Receiver::new(Opener::new(Limits::default()).with_audience(audience));
    /// let (mut log, _) = ReceiverLog::open(FsStorage::new(path), Options::new(random), receiver.clone())?;
    ///
    /// let mut waiting = Vec::new();
    /// for bytes in arrived {
    ///     match receiver.receive(bytes?, None, None) {
    ///         Reception::Commit(frame, commit) => waiting.push((frame, commit)),
    ///         other => panic!("{other:?}"), // answered at once
    ///     }
    /// }
    /// let stored = log.commit_all(waiting.into_iter().map(|(frame, commit)| {
    ///     let rejected = not_json(&frame);
    ///     (frame, commit, rejected)
    /// }))?;
    /// assert!(stored.iter().all(|stored| matches!(stored, Stored::Committed(..))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error`]: none of them is acknowledged, and the log has to be opened again. Answer 503, or
    /// nothing.
    pub fn commit_all(
        &mut self,
        frames: impl IntoIterator<Item = (impl Borrow<Frame>, Commit, Vec<Rejected>)>,
    ) -> Result<Vec<Stored>, Error> {
        let stored: Result<Vec<_>, _> = frames
            .into_iter()
            .map(|(frame, commit, rejected)| self.write(frame.borrow(), commit, rejected))
            .collect();
        // Also where one failed: those before it must not stay undurable behind their states.
        self.journal.sync()?;
        stored
    }

    /// Writes a frame. What this gives is told to nobody before a sync.
    fn write(
        &mut self,
        frame: &Frame,
        commit: Commit,
        rejected: Vec<Rejected>,
    ) -> Result<Stored, Error> {
        let refuse = |detail: String| {
            let problem = Problem::new(Code::UNAVAILABLE).with_frame(frame.header());
            Stored::Refused(problem.with_detail(detail))
        };
        let stream = frame.header().stream();
        let now = self.state(stream)?.unwrap_or_default().next_seq();
        if now != commit.expected_next_seq() {
            return Ok(refuse("the stream went on meanwhile".to_owned()));
        }
        let state = commit.state().to_bytes();
        let append = Append::new(Self::FRAME, frame.as_bytes()).state(*stream.0.as_bytes(), &state);
        match self.journal.append_written(append) {
            Ok(position) => Ok(Stored::Committed(commit.committed(rejected).1, position)),
            Err(error) if error.is_retryable() => Ok(refuse(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// What is stored of a stream.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`]: a newer version wrote it. [`Error::Poisoned`]: after a failed write or
    /// sync nobody knows what is durable; the log has to be opened again.
    pub fn state(&self, stream: StreamId) -> Result<Option<StreamState>, Error> {
        if self.journal.is_poisoned() {
            return Err(Error::Poisoned);
        }
        let Some(bytes) = self.journal.state(stream.0.as_bytes()) else {
            return Ok(None);
        };
        let state = StreamState::from_bytes(bytes);
        state.map(Some).ok_or_else(|| Error::state(stream))
    }

    /// Forgets a stream, once all of its data are gone. From then on, pass a horizon not before that
    /// data, so that what comes late is not taken for new (R5).
    ///
    /// # Errors
    ///
    /// As [`Journal::append`].
    pub fn forget(&mut self, stream: StreamId) -> Result<(), Error> {
        self.forget_all([stream])
    }

    /// As [`forget`](Self::forget) of each of several streams, with one sync for all of them.
    ///
    /// # Errors
    ///
    /// As [`Journal::append`]: those before the one that failed may be forgotten.
    pub fn forget_all(&mut self, streams: impl IntoIterator<Item = StreamId>) -> Result<(), Error> {
        for stream in streams {
            let append = Append::new(Self::FORGOTTEN, b"").forget(*stream.0.as_bytes());
            self.journal.append_written(append)?;
        }
        self.journal.sync().map(|_| ())
    }

    /// How frames are received.
    #[must_use]
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// The journal, to read it.
    #[must_use]
    pub fn journal(&self) -> &Journal<S> {
        &self.journal
    }

    /// The journal, to read, release and erase. Append to it through [`receive`](Self::receive) alone.
    pub fn journal_mut(&mut self) -> &mut Journal<S> {
        &mut self.journal
    }

    /// Closes the journal.
    ///
    /// # Errors
    ///
    /// As [`Journal::close`].
    pub fn close(self) -> Result<(), Error> {
        self.journal.close()
    }
}
