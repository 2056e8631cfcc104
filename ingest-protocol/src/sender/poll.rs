//! What the sender wants now: something spooled, something sent, to be called again.

use std::time::Instant;

use bytes::Bytes;

use super::FrameId;
use super::event::Event;
use super::machine::{InFlight, Phase, Sender};
use super::queue::Slot;
use super::spool::SpoolOp;
use crate::frame::Header;
use crate::rules::Rule;

/// A frame to be sent now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Transmit {
    /// Its name, to be given back with the answer.
    pub id: FrameId,
    /// Its bytes.
    pub frame: Bytes,
    /// Its header.
    pub header: Header,
}

/// A receiver remembers 64 frames. No frame that is further back is sent again after a crash,
/// since so many at most are done and not marked so in the spool, beside 31 of the history.
pub(super) const UNMARKED: usize = 32;
/// A mark is written when so many frames are done since the last.
const MARK: usize = 16;

impl Sender {
    /// The frame to send now, if any; one at a time (S3). Answer it with one of the `handle_`
    /// methods, also if there was no answer.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        self.wake(now);
        if self.phase != Phase::Ready || self.in_flight.is_some() || self.unmarked() >= UNMARKED {
            return None;
        }
        if self.queue.head().is_none() {
            let _ = self.seal_loss(); // tried again at the next poll
        }
        loop {
            let Some(at) = self.queue.head() else {
                return self.heartbeat(now);
            };
            let slot = &self.queue[at];
            let (id, is_durable) = (slot.id, !self.config.spooled || slot.place.is_some());
            if self.is_as_required(slot) {
                if !is_durable && self.rules.keep(Rule::S1) {
                    return None; // S1: it is sent when it is spooled
                }
                let Some(frame) = slot.frame().cloned() else {
                    self.reading = Some(id);
                    return None;
                };
                let header = slot.header;
                let frame = self.config.signed(&header, frame);
                self.queue[at].attempted = true;
                return Some(self.sent(id, header, frame, false, now));
            }
            if self.reseal.is_some() || !is_durable {
                return None;
            }
            if slot.frame().is_none() {
                self.reading = Some(id);
                return None;
            }
            self.reseal(now);
            if self.phase != Phase::Ready || self.reseal.is_some() {
                return None;
            }
        }
    }

    fn sent(
        &mut self,
        id: FrameId,
        header: Header,
        frame: Bytes,
        is_heartbeat: bool,
        now: Instant,
    ) -> Transmit {
        self.sent_at = Some(now);
        self.in_flight = Some(InFlight {
            id,
            header,
            deadline: now.checked_add(self.config.timeout),
            is_heartbeat,
        });
        Transmit { id, frame, header }
    }

    /// A frame that says only where the stream is, when it is time for one.
    fn heartbeat(&mut self, now: Instant) -> Option<Transmit> {
        self.config.heartbeat?;
        self.sent_at.get_or_insert(now);
        if self.heartbeat_due().is_none_or(|due| now < due) {
            return None;
        }
        let stamp = self.stamp(self.next, 0);
        let (header, frame) = self.sealer.seal(&self.config, &stamp, &[]).ok()?;
        let id = self.new_id();
        Some(self.sent(id, header, frame, true, now))
    }

    /// When a heartbeat is to be sent, if there is nothing else to wait for.
    fn heartbeat_due(&self) -> Option<Instant> {
        let is_quiet =
            self.phase == Phase::Ready && self.in_flight.is_none() && self.done == self.next;
        let every = self.config.heartbeat.filter(|_| is_quiet)?;
        self.sent_at?.checked_add(every)
    }

    /// What to do with the spool now; `None` without a [spool](super::SenderConfig::spooled), or
    /// if there is nothing to do. Carry it out before the next
    /// [`poll_transmit`](Self::poll_transmit).
    pub fn poll_spool(&mut self) -> Option<SpoolOp> {
        if !self.config.spooled {
            return None;
        }
        let append = self.append().map(|(_, op)| op);
        append.or_else(|| self.upkeep(false))
    }

    /// What to do with the spool beside storing frames; all that makes room, where it `is_full`.
    pub(super) fn upkeep(&mut self, is_full: bool) -> Option<SpoolOp> {
        if let Some(read) = self.read() {
            return Some(read);
        }
        // A mark makes room if what is done stands before all else in the spool.
        let at_once =
            self.queue.head().is_none() || is_full && self.oldest().is_some_and(|slot| slot.done);
        let wants_mark = self.unmarked() >= if at_once { 1 } else { MARK };
        if wants_mark && self.marking.is_none() {
            self.marking = Some(self.done);
            let state = self.state(0).to_bytes();
            return Some(SpoolOp::Mark { state });
        }
        self.release(if is_full { 0 } else { self.config.history })
    }

    /// The frame that is to be read back.
    pub(super) fn read(&self) -> Option<SpoolOp> {
        let at = self.queue.position(self.reading?)?;
        let slot = &self.queue[at];
        let (id, place) = (slot.id, slot.place?);
        Some(SpoolOp::Read { id, place })
    }

    /// Whether [`poll_spool`](Self::poll_spool) has a frame to store or to read.
    #[cfg(feature = "journal")]
    pub(super) fn wants_spool(&self) -> bool {
        self.reading.is_some() || self.unspooled().is_some()
    }

    /// Whether it has a frame to read, or one that replaces another to store.
    #[cfg(feature = "journal")]
    pub(super) fn wants_room(&self) -> bool {
        let replacing = self.reseal.as_ref().map(|reseal| &reseal.slot);
        self.reading.is_some() || replacing.is_some_and(|slot| slot.given.is_none())
    }

    /// The first frame that is to be spooled, and whether it replaces another.
    fn unspooled(&self) -> Option<(&Slot, bool)> {
        let replacing = self.reseal.iter().map(|reseal| (&reseal.slot, true));
        let mut slots = replacing.chain(self.queue.iter().map(|slot| (slot, false)));
        slots.find(|(slot, _)| slot.given.is_none())
    }

    /// The next frame that is not spooled.
    pub(super) fn append(&mut self) -> Option<(FrameId, SpoolOp)> {
        let (slot, replaces) = self.unspooled()?;
        let (id, end) = (slot.id, slot.end);
        let (frame, cursor) = (slot.frame().cloned()?, slot.cursor.clone());
        let state = self.state(end).to_bytes();
        let done = self.done;
        if let Some(slot) = self.slot_mut(id) {
            slot.given = Some(done);
        }
        let op = SpoolOp::Append {
            id,
            frame,
            cursor,
            state,
            replaces,
        };
        Some((id, op))
    }

    pub(super) fn slot_mut(&mut self, id: FrameId) -> Option<&mut Slot> {
        let resealed = self.reseal.as_mut().map(|reseal| &mut reseal.slot);
        let mut slots = resealed.into_iter().chain(self.queue.iter_mut());
        slots.find(|slot| slot.id == id)
    }

    /// Frames that are done, which the spool does not know yet.
    pub(super) fn unmarked(&self) -> usize {
        if !self.config.spooled {
            return 0;
        }
        let done = self.queue.iter().take_while(|slot| slot.done);
        done.filter(|slot| slot.end > self.durable_done).count()
    }

    /// The frame that stands first in the spool of those that are not forgotten.
    fn oldest(&self) -> Option<&Slot> {
        let spooled = self.queue.iter().filter(|slot| slot.place.is_some());
        spooled.min_by_key(|slot| slot.place)
    }

    /// Forgets frames that are done for good, and says so when there is something to be freed.
    fn release(&mut self, history: usize) -> Option<SpoolOp> {
        self.forget_done(history);
        let oldest = self.oldest().and_then(|slot| slot.place);
        let through = oldest.map_or(self.last_place, |place| place.saturating_sub(1));
        if through <= self.released {
            return None;
        }
        self.released = through;
        Some(SpoolOp::Release { through })
    }

    /// Keeps of the frames that are done those of the history, and those that the spool does
    /// not know to be done.
    pub(super) fn forget_done(&mut self, history: usize) {
        let mut done = self.queue.done();
        while done > history
            && let Some(slot) = self.queue.front()
            && (!self.config.spooled || slot.end <= self.durable_done)
        {
            self.queue.remove(0);
            done -= 1;
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let age = self
            .batch
            .since()
            .and_then(|since| since.checked_add(self.config.max_age));
        let answer = self.in_flight.as_ref().and_then(|sent| sent.deadline);
        let wait = match self.phase {
            Phase::Waiting(until) => Some(until),
            Phase::Ready | Phase::StreamWanted => None,
        };
        let heartbeat = self.heartbeat_due();
        [age, answer, wait, heartbeat].into_iter().flatten().min()
    }

    /// What happened, the oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Ends a wait that is over.
    pub(super) fn wake(&mut self, now: Instant) {
        if let Phase::Waiting(until) = self.phase
            && now >= until
        {
            self.phase = Phase::Ready;
        }
    }
}
