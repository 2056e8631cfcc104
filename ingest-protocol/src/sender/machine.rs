//! [`Sender`]: its state, and how records become frames in its queue.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::batch::{self, Batch};
use super::config::SenderConfig;
use super::event::Event;
use super::queue::{Queue, Slot};
use super::reseal::Reseal;
use super::retry::Retry;
use super::seal::SealerCell;
use super::spool::SenderState;
use super::tombstone::{self, bury};
use crate::StreamId;
use crate::answer::Problem;
use crate::frame::{Header, Record, SealError, Stamp};
use crate::rules::{Rule, Rules};

/// The name of a frame within one [`Sender`]. A frame that is sealed anew has a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId(pub(super) u64);

/// Sends records: batches them into frames, has the frames spooled, sends one at a time until it is
/// acknowledged. A pure state machine; see the [module](super) for how to drive it.
///
/// In memory are the records that are not sealed, the frames that are not spooled and the one
/// in flight, and about 300 bytes of each other frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    pub(super) config: SenderConfig,
    pub(super) rules: Rules,
    pub(super) sealer: SealerCell,
    /// The stream that is sent in, and the number of its sequence number 0.
    pub(super) current: (StreamId, i64),
    /// Likewise those before, of which frames are in the queue.
    pub(super) former: Vec<(StreamId, i64)>,
    /// The number of the next record that is not accounted for at the receiver.
    pub(super) done: i64,
    /// The `done` of the last state that is durable.
    pub(super) durable_done: i64,
    /// The `done` of a mark that was given out.
    pub(super) marking: Option<i64>,
    /// The number of the next record.
    pub(super) next: i64,
    /// The number after the last record that was ever spooled.
    pub(super) spooled_next: i64,
    pub(super) batch: Batch,
    /// With a loss that no frame declares yet.
    pub(super) loss_cursor: Option<Bytes>,
    pub(super) queue: Queue,
    pub(super) reseal: Option<Reseal>,
    pub(super) reading: Option<FrameId>,
    pub(super) released: u64,
    pub(super) last_place: u64,
    pub(super) next_id: u64,
    pub(super) phase: Phase,
    pub(super) in_flight: Option<InFlight>,
    pub(super) retry: Retry,
    /// How often the frame at the head was to be verified.
    pub(super) verified: u32,
    /// How often in a row it was refused as too large, or of an unknown kind, by who did not name it.
    pub(super) unnamed: u32,
    /// How many new streams were wanted since the last acknowledgement.
    pub(super) restamped: u32,
    /// Why the frame at the head is to be sealed anew.
    pub(super) refusal: Option<Problem>,
    pub(super) sent_at: Option<Instant>,
    pub(super) events: VecDeque<Event>,
}

/// What the sender waits for before it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Ready,
    /// Until then.
    Waiting(Instant),
    /// For a new stream.
    StreamWanted,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct InFlight {
    pub(super) id: FrameId,
    pub(super) header: Header,
    /// `None` is never.
    pub(super) deadline: Option<Instant>,
    pub(super) is_heartbeat: bool,
}

/// The record could not be taken, and is here again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// Carry out what [`poll_spool`](Sender::poll_spool) says; without a spool, send first.
    #[error("{held} bytes are held already: have them spooled or sent first")]
    Full {
        /// The record.
        record: Record,
        /// Bytes in memory.
        held: u64,
    },
    /// The frame could not be sealed. Memory ran out.
    #[error("the frame can't be sealed")]
    Seal {
        /// The record.
        record: Record,
        /// Why.
        #[source]
        error: SealError,
    },
}

impl PushError {
    /// The record, to be pushed again later.
    #[must_use]
    pub fn into_record(self) -> Record {
        match self {
            Self::Full { record, .. } | Self::Seal { record, .. } => record,
        }
    }
}

impl Sender {
    /// A sender with an empty spool. Take a new stream (a UUID of version 7), never one that was used
    /// before (S5); to go on with what is in a spool there is [`recover`](Self::recover).
    #[must_use]
    pub fn new(config: SenderConfig, stream: StreamId) -> Self {
        Self {
            sealer: SealerCell::default(),
            rules: Rules::default(),
            current: (stream, 0),
            former: Vec::new(),
            done: 1,
            durable_done: 1,
            marking: None,
            next: 1,
            spooled_next: 1,
            batch: Batch::default(),
            loss_cursor: None,
            queue: Queue::default(),
            reseal: None,
            reading: None,
            released: 0,
            last_place: 0,
            next_id: 1,
            phase: Phase::Ready,
            in_flight: None,
            retry: Retry::new(config.seed),
            verified: 0,
            unnamed: 0,
            restamped: 0,
            refusal: None,
            sent_at: None,
            events: VecDeque::new(),
            config,
        }
    }

    /// Leaves out a rule, for a test of what would come of it.
    #[cfg(feature = "sim")]
    #[doc(hidden)]
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// The stream that records are sent in now.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        self.current.0
    }

    /// Records that are not acknowledged: in frames, and not yet sealed.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        let live = self.queue.iter().filter(|slot| !slot.done);
        let sealed: u64 = live.map(|slot| slot.end.abs_diff(slot.first)).sum();
        sealed + self.batch.len() as u64
    }

    /// Records that are lost ([`lose`](Self::lose), [`evict`](Self::evict), damage) and that no
    /// acknowledged frame has declared yet. Those that it has are the `lost` of its header, so
    /// a program that adds these up knows at any time how many records were lost.
    #[must_use]
    pub fn undeclared(&self) -> u64 {
        self.next.abs_diff(self.done).saturating_sub(self.backlog())
    }

    /// The stream that is sent in now, and its first sequence number that no acknowledgement
    /// accounts for yet. After a kill it can be one that was acknowledged before: the spool may
    /// not know so yet, and the frame is sent again. What a program noted of acknowledgements at
    /// or behind it in this stream, it is told again.
    #[must_use]
    pub fn first_unacknowledged(&self) -> (StreamId, u64) {
        let (stream, zero) = self.current;
        (stream, self.done.abs_diff(zero))
    }

    /// Whether everything that was pushed is acknowledged, and the spool knows it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.done == self.next
            && self.in_flight.is_none()
            && !(self.config.spooled && self.durable_done < self.done)
    }

    /// Bytes of records and frames in memory.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.batch.bytes() + self.queue.held()
    }

    /// Takes a record. It is sent when its frame is full, old enough or [flushed](Self::flush). One
    /// that is longer than the limits is replaced by a tombstone ([`Event::Oversize`]).
    ///
    /// # Errors
    ///
    /// [`PushError`]: nothing was taken, and the record is in the error.
    pub fn push(&mut self, record: Record, now: Instant) -> Result<(), PushError> {
        self.push_with(record, None, now)
    }

    /// Takes a record, and with it where the source is to be read on from after it. Once
    /// the record's frame is spooled, so is the cursor.
    ///
    /// # Errors
    ///
    /// [`PushError`]: nothing was taken, and the record is in the error.
    pub fn push_at(
        &mut self,
        record: Record,
        cursor: impl Into<Bytes>,
        now: Instant,
    ) -> Result<(), PushError> {
        self.push_with(record, Some(cursor.into()), now)
    }

    fn push_with(
        &mut self,
        mut record: Record,
        cursor: Option<Bytes>,
        now: Instant,
    ) -> Result<(), PushError> {
        let needed = batch::size(&record);
        if self.held_bytes() + needed > self.config.max_memory {
            self.forget_done(0); // the history is the first to go
        }
        let held = self.held_bytes();
        if held > 0 && held + needed > self.config.max_memory {
            return Err(PushError::Full { record, held });
        }
        let is_oversize = self.is_oversize(&record);
        let size = if is_oversize { tombstone::MAX } else { needed };
        if !self.batch.is_empty()
            && self.batch.bytes() + size > self.config.body_bytes()
            && let Err(error) = self.seal_batch()
        {
            return Err(PushError::Seal { record, error });
        }
        if is_oversize && let Some(buried) = bury(&mut record) {
            self.events.push_back(Event::Oversize(buried));
        }
        self.batch.push(record, cursor, now);
        self.next += 1;
        if self.batch.len() >= self.config.records() {
            // What can't be sealed now is tried again with the next record, or by age.
            let _ = self.seal_batch();
        }
        Ok(())
    }

    pub(super) fn is_oversize(&self, record: &Record) -> bool {
        let bytes = record.payload().len() as u64;
        bytes > u64::from(self.config.limits.record_bytes)
            || batch::size(record) > self.config.fitting_bytes()
    }

    /// Seals what was pushed, without waiting for more.
    ///
    /// # Errors
    ///
    /// [`SealError::Codec`]: memory ran out; the records are still here.
    pub fn flush(&mut self) -> Result<(), SealError> {
        if self.batch.is_empty() {
            self.seal_loss()
        } else {
            self.seal_batch()
        }
    }

    /// The next `records` of the source are lost (a log that wrapped before it was read): the next
    /// frame declares them. The `cursor` is where the source is to be read on from after
    /// them; without it, a restart would lose them again.
    ///
    /// # Errors
    ///
    /// [`SealError::Codec`]: memory ran out; nothing was declared.
    pub fn lose(&mut self, records: u64, cursor: Option<Bytes>) -> Result<(), SealError> {
        if !self.batch.is_empty() {
            self.seal_batch()?;
        }
        self.next = self.next.saturating_add_unsigned(records.min(1 << 40));
        self.loss_cursor = cursor.or(self.loss_cursor.take());
        Ok(())
    }

    /// Gives up the oldest frame that was never sent, to make room: its records are declared
    /// lost with the next frame. How many, and where the frame was spooled; `None` if there is no
    /// such frame (S6).
    pub fn evict(&mut self) -> Option<(u64, Option<u64>)> {
        let in_flight = self.in_flight.as_ref().map(|sent| sent.id);
        let busy = self.reseal.as_ref().map(|reseal| reseal.of);
        let any = !self.rules.keep(Rule::S6);
        let at = self.queue.iter().position(|slot| {
            !slot.done
                && (any || !slot.attempted)
                && slot.place.is_some() == self.config.spooled
                && ![in_flight, busy, self.reading].contains(&Some(slot.id))
        })?;
        let slot = self.queue.remove(at)?;
        Some((slot.end.abs_diff(slot.first), slot.place))
    }

    /// Seals all of the batch, in as many frames as it takes.
    pub(super) fn seal_batch(&mut self) -> Result<(), SealError> {
        while !self.batch.is_empty() {
            let first = self.next - self.batch.len() as i64;
            let lost = first.abs_diff(self.sealed_next());
            let mut count = self.batch.len().min(self.config.records());
            let (header, frame) = loop {
                let records = &self.batch.records()[..count];
                match self
                    .sealer
                    .seal(&self.config, &self.stamp(first, lost), records)
                {
                    Ok(sealed) => break sealed,
                    Err(SealError::Codec { what }) => return Err(SealError::Codec { what }),
                    Err(_) if count > 1 => count = count.div_ceil(2),
                    Err(error) => {
                        let buried = self.batch.bury_first().ok_or(error)?;
                        self.events.push_back(Event::Oversize(buried));
                    }
                }
            };
            // The loss before them is declared with them.
            let lost_before = self.loss_cursor.take();
            let cursor = self.batch.take(count).or(lost_before);
            self.enqueue(first, header, frame, cursor);
        }
        Ok(())
    }

    /// A frame without records that declares the loss of what comes after the last one, unless
    /// records that wait will.
    pub(super) fn seal_loss(&mut self) -> Result<(), SealError> {
        let end = self.sealed_next();
        if end < self.next && self.batch.is_empty() {
            let stamp = self.stamp(self.next, self.next.abs_diff(end));
            let (header, frame) = self.sealer.seal(&self.config, &stamp, &[])?;
            let cursor = self.loss_cursor.take();
            self.enqueue(self.next, header, frame, cursor);
        }
        Ok(())
    }

    /// The number after the last record that is sealed, or done.
    fn sealed_next(&self) -> i64 {
        self.queue
            .back()
            .map_or(self.done, |slot| slot.end.max(self.done))
    }

    fn enqueue(&mut self, first: i64, header: Header, frame: Bytes, cursor: Option<Bytes>) {
        let mut slot = Slot::new(self.new_id(), first, header, Some(frame));
        slot.cursor = cursor;
        self.queue.push(slot);
    }

    pub(super) fn new_id(&mut self) -> FrameId {
        let id = FrameId(self.next_id);
        self.next_id += 1;
        id
    }

    /// The stamp in the current stream of a frame that begins with record `first`, before which
    /// `lost` are lost.
    pub(super) fn stamp(&self, first: i64, lost: u64) -> Stamp {
        let (stream, zero) = self.current;
        Stamp::new(self.config.audience, stream, first.abs_diff(zero))
            .with_lost(lost)
            .with_format(self.config.format)
    }

    /// The former streams that frames in the queue are sealed in.
    pub(super) fn former_in_use(&self) -> Vec<(StreamId, i64)> {
        let used = |stream: StreamId| self.queue.iter().any(|slot| slot.header.stream() == stream);
        let former = self.former.iter().filter(|(stream, _)| used(*stream));
        former.copied().collect()
    }

    /// The state that is right once records up to `next` are spooled.
    pub(super) fn state(&self, next: i64) -> SenderState {
        let mut streams = self.former_in_use();
        streams.push(self.current);
        SenderState {
            done: self.done,
            next: self.spooled_next.max(next).max(self.done),
            streams,
        }
    }
}
