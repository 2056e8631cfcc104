//! [`Sender::recover`]: a sender over what is in its spool.

use super::config::SenderConfig;
use super::machine::Sender;
use super::poll::UNMARKED;
use super::queue::Slot;
use super::spool::SenderState;
use crate::StreamId;
use crate::frame::{Header, Limits};

/// Why a spool's content can't be gone on with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// There are frames, and no state that this version knows.
    #[error("the spool's state can't be read: was it written by a newer version?")]
    State,
}

impl Sender {
    /// A sender that goes on with what is in a spool: the last durable state, and the frames
    /// that are not released, each with its place, in the order of places. A frame that can't be read is
    /// left out: its records are declared lost. With neither state nor frames this is
    /// [`new`](Self::new) with the stream `fresh`.
    ///
    /// # Errors
    ///
    /// [`RecoverError`]: nothing is to be sent, or what is stored would be sent in part.
    pub fn recover(
        mut config: SenderConfig,
        fresh: StreamId,
        state: Option<&[u8]>,
        frames: impl IntoIterator<Item = (u64, Header)>,
    ) -> Result<Self, RecoverError> {
        config.spooled = true;
        let mut sender = Self::new(config, fresh);
        let mut frames = frames.into_iter().peekable();
        let Some(state) = state else {
            return match frames.peek() {
                None => Ok(sender),
                Some(_) => Err(RecoverError::State),
            };
        };
        let state = SenderState::from_bytes(state).ok_or(RecoverError::State)?;
        sender.former = state.streams;
        sender.current = sender.former.pop().ok_or(RecoverError::State)?;
        (sender.done, sender.durable_done) = (state.done, state.done);
        for (place, header) in frames {
            sender.last_place = sender.last_place.max(place);
            // A stream that is not known any more: all of its frames are done or taken over.
            let Some(zero) = sender.zero_of(header.stream()) else {
                continue;
            };
            // No spool ever gave such numbers, nor a frame that accounts for nothing.
            let Some(first) = number(zero, &header) else {
                continue;
            };
            if header.count() == 0 && header.lost() == 0 {
                continue;
            }
            sender.insert(place, first, header);
        }
        sender.begin(state.next);
        Ok(sender)
    }

    /// The number of a stream's sequence number 0.
    fn zero_of(&self, stream: StreamId) -> Option<i64> {
        let mut streams = self.former.iter().chain([&self.current]);
        let (_, zero) = streams.find(|(id, _)| *id == stream)?;
        Some(*zero)
    }

    /// Puts in a frame that is newer than all in the queue, and takes over their records.
    fn insert(&mut self, place: u64, first: i64, header: Header) {
        let mut slot = Slot::new(self.new_id(), first, header, None);
        slot.place = Some(place);
        slot.given = Some(self.done);
        let (from, end) = (slot.from(), slot.end);
        if self.queue.back().is_none_or(|last| last.end <= from) {
            return self.queue.push(slot); // nearly always
        }
        let with_records = |older: &&mut Slot| older.header.count() > 0;
        for older in self.queue.iter_mut().filter(with_records) {
            if older.first < from {
                older.end = older.end.min(from);
            } else {
                older.first = older.first.max(end); // what is behind it is still to be sent
            }
        }
        self.queue.retain(|older| {
            let is_loss = older.header.count() == 0;
            let is_within = from < older.first && older.first <= end;
            if is_loss {
                !is_within
            } else {
                older.first < older.end
            }
        });
        self.queue.insert(self.queue.place_of(slot.first), slot);
    }

    /// Sorts out what is done, and what may have been sent.
    fn begin(&mut self, next: i64) {
        let mut live = 0;
        for slot in self.queue.iter_mut() {
            slot.done = slot.end <= self.done;
            if !slot.done {
                slot.first = slot.first.max(self.done);
                live += 1;
                slot.attempted = live <= UNMARKED;
            }
        }
        let end = self.queue.back().map_or(self.done, |slot| slot.end);
        self.next = end.max(next).max(self.done);
        self.spooled_next = self.next;
        self.forget_done(self.config.history);
    }
}

/// The number of a frame's first record, unless it is far out.
fn number(zero: i64, header: &Header) -> Option<i64> {
    let first = zero.checked_add_unsigned(header.first_seq())?;
    (first.unsigned_abs() < 1 << 62).then_some(first)
}

/// The header of a spooled frame, or `None` if it is none.
///
/// ```
/// use ingest_protocol::frame::{Limits, Record, Sealer, Stamp};
/// use ingest_protocol::sender::spooled_header;
///
/// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
/// let frame = Sealer::new(Limits::default()).seal(&Stamp::new(audience, stream, 7), &[])?;
/// assert_eq!(spooled_header(&frame).map(|header| header.first_seq()), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn spooled_header(frame: &[u8]) -> Option<Header> {
    let header = Header::peek(frame, &Limits::MAX).ok()?;
    (header.frame_len() == frame.len() as u64).then_some(header)
}
