//! What happens to a sender: answers, failures, time, and what its spool did.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::FrameId;
use super::event::Event;
use super::machine::{Phase, Sender};
use super::retry;
use crate::StreamId;
use crate::answer::{Ack, Action, Answer, Code, Problem};
use crate::frame::{Header, Limits};
use crate::rules::Rule;

/// How often bytes that are intact are sent again to a receiver that calls them damaged, and how
/// often an answer that names no frame must come to be believed.
const VERIFICATIONS: u32 = 3;
/// When so many new streams in a row were refused, the next one waits.
const STREAMS: u32 = 3;

/// The stream is in use already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream {0} was used before: take a new UUID")]
pub struct StreamInUse(StreamId);

impl Sender {
    /// The answer to a frame, whichever it is.
    pub fn handle_answer(&mut self, id: FrameId, answer: Answer, now: Instant) {
        match answer {
            Answer::Ack(ack) => self.handle_ack(id, &ack, now),
            Answer::Problem(problem) => self.handle_problem(id, problem, now),
        }
    }

    /// The frame `id` was acknowledged. An ack of another frame is no answer: the frame is sent
    /// again (S2). An answer to what is not in flight is ignored (S3).
    pub fn handle_ack(&mut self, id: FrameId, ack: &Ack, now: Instant) {
        let Some((sent, is_heartbeat)) = self.answered(id) else {
            return;
        };
        if !ack.answers(&sent) && self.rules.keep(Rule::S2) {
            return self.wait(None, now);
        }
        self.in_flight = None;
        self.recovered();
        if is_heartbeat {
            return;
        }
        self.events.push_back(Event::Acknowledged {
            stream: sent.stream(),
            first_seq: sent.first_seq(),
            count: sent.count(),
            outcome: ack.outcome(),
            rejected_total: ack.rejected_total(),
            rejected: ack.rejected().to_vec(),
        });
        self.finish_head();
    }

    /// The frame at the head is done.
    fn finish_head(&mut self) {
        let Some(at) = self.queue.head() else { return };
        if self.queue[at].place.is_some() {
            self.queue.set_frame(at, None);
        }
        self.queue[at].done = true;
        self.done = self.queue[at].end;
        debug_assert!(
            self.queue
                .iter()
                .all(|slot| slot.done == (slot.end <= self.done))
        );
        self.forget_done(self.config.history);
    }

    /// The header of the frame in flight, if it is the one that was answered.
    fn answered(&self, id: FrameId) -> Option<(Header, bool)> {
        let sent = self.in_flight.as_ref()?;
        let is_it = sent.id == id || !self.rules.keep(Rule::S3);
        is_it.then_some((sent.header, sent.is_heartbeat))
    }

    fn recovered(&mut self) {
        self.retry.succeeded();
        self.verified = 0;
        self.unnamed = 0;
        self.restamped = 0;
        self.phase = Phase::Ready;
    }

    /// The frame `id` was refused. A problem that names another frame is no answer.
    pub fn handle_problem(&mut self, id: FrameId, problem: Problem, now: Instant) {
        let Some((sent, is_heartbeat)) = self.answered(id) else {
            return;
        };
        if !problem.answers(&sent) && self.rules.keep(Rule::S3) {
            return self.wait(None, now);
        }
        self.in_flight = None;
        let told = problem.retry_after;
        let action = problem.action();
        if self.is_doubtful(&problem, action) {
            return self.wait(told, now);
        }
        match action {
            Action::Retry => self.wait(told, now),
            Action::Reauth => {
                self.events.push_back(Event::CredentialsWanted(problem));
                self.wait(told, now);
            }
            Action::Hold => self.hold(problem, now),
            Action::Verify => self.verify(problem, is_heartbeat, now),
            Action::Rewind => self.rewind(&sent, problem, now),
            Action::Restamp => self.restamp(problem, now),
            Action::Split => self.split(&sent, problem, now),
            Action::Downgrade if sent.is_compressed() => {
                self.config.compress = false;
                self.sealer.forget();
                self.was_not_stored(problem, u32::MAX);
                self.events.push_back(Event::Downgraded);
                self.phase = Phase::Ready;
            }
            Action::Downgrade => self.hold(problem, now),
        }
    }

    /// Whether the frame is to be sent again before it is sealed differently: a receiver that could
    /// not read the header of damaged bytes, or a proxy, may have refused something else than what
    /// was stored before. Who says it three times in a row means it.
    fn is_doubtful(&mut self, problem: &Problem, action: Action) -> bool {
        let seals_anew = matches!(action, Action::Split | Action::Downgrade);
        if !seals_anew || problem.names_a_frame() {
            self.unnamed = 0;
            return false;
        }
        self.unnamed += 1;
        if self.unnamed < VERIFICATIONS {
            return true;
        }
        self.unnamed = 0;
        false
    }

    /// No answer came to the frame `id`, or none that could be read. What became of it is not known:
    /// the same frame is sent again.
    pub fn handle_failure(&mut self, id: FrameId, now: Instant) {
        if self.answered(id).is_some() {
            self.in_flight = None;
            self.wait(None, now);
        }
    }

    /// Time went by: seals what is old enough, gives up waiting for an answer.
    pub fn handle_timeout(&mut self, now: Instant) {
        let age = self.config.max_age;
        let due = self.batch.since().and_then(|since| since.checked_add(age));
        if due.is_some_and(|due| now >= due) {
            let _ = self.seal_batch(); // tried again by the next call
        }
        if let Some(sent) = &self.in_flight
            && sent.deadline.is_some_and(|deadline| now >= deadline)
        {
            self.handle_failure(sent.id, now);
        }
        self.wake(now);
    }

    /// Sends again now, whatever it waits for: an operator mended something.
    pub fn retry_now(&mut self) {
        if let Phase::Waiting(_) = self.phase {
            self.phase = Phase::Ready;
        }
    }

    /// From now on, records are sent in a new stream: a UUID of version 7 that was never used. Call
    /// it for [`Event::StreamWanted`], and when the machine is known to be a copy (S5).
    ///
    /// # Errors
    ///
    /// This sender used the stream before.
    pub fn handle_stream(&mut self, stream: StreamId) -> Result<(), StreamInUse> {
        let stream = if self.rules.keep(Rule::S5) {
            stream
        } else {
            self.stream()
        };
        let former = self.former.iter().chain([&self.current]);
        let is_used = former.into_iter().any(|(used, _)| *used == stream);
        if is_used && self.rules.keep(Rule::S5) || stream.0.is_nil() {
            return Err(StreamInUse(stream));
        }
        // What is in flight in the old stream is answered to nobody.
        self.in_flight = None;
        self.former.push(self.current);
        self.former = self.former_in_use();
        self.current = (stream, self.done - 1);
        self.phase = Phase::Ready;
        Ok(())
    }

    /// The frame `id` is durable, at this place in the spool.
    pub fn handle_spooled(&mut self, id: FrameId, place: u64) {
        if !self.config.spooled {
            return; // it was asked for none
        }
        self.last_place = self.last_place.max(place);
        let head = self.queue.head().map(|at| self.queue[at].id);
        let in_flight = self.in_flight.as_ref().map(|sent| sent.id);
        let resealed = self.reseal.as_ref().map(|reseal| reseal.slot.id);
        let Some(slot) = self.slot_mut(id).filter(|slot| slot.place.is_none()) else {
            return;
        };
        slot.place = Some(place);
        let (end, given) = (slot.end, slot.given);
        slot.cursor = None;
        if ![head, in_flight, resealed].contains(&Some(id))
            && let Some(at) = self.queue.position(id)
        {
            self.queue.set_frame(at, None);
        }
        self.spooled_next = self.spooled_next.max(end);
        self.durable_done = self.durable_done.max(given.unwrap_or(self.durable_done));
        if resealed == Some(id) {
            self.take_over();
        }
    }

    /// The frame `id` could not be stored, for want of room: it is given out again, with the state
    /// as it is then.
    pub fn handle_not_spooled(&mut self, id: FrameId) {
        if let Some(slot) = self.slot_mut(id).filter(|slot| slot.place.is_none()) {
            slot.given = None;
        }
    }

    /// The state of a [`Mark`](super::SpoolOp::Mark) could not be stored: it is given out again, as it
    /// is then.
    pub fn handle_not_marked(&mut self) {
        self.marking = None;
    }

    /// The state of a [`Mark`](super::SpoolOp::Mark) is durable, at this place in the spool.
    pub fn handle_marked(&mut self, place: u64) {
        self.last_place = self.last_place.max(place);
        if let Some(done) = self.marking.take() {
            self.durable_done = self.durable_done.max(done);
        }
    }

    /// The frame `id` was read back, or can't be: then its records are declared lost.
    pub fn handle_read(&mut self, id: FrameId, frame: Option<Bytes>) {
        if self.reading != Some(id) {
            return;
        }
        self.reading = None;
        let Some(at) = self.queue.position(id) else {
            return;
        };
        let header = self.queue[at].header;
        match frame.filter(|bytes| self.is_intact(&header, bytes)) {
            Some(bytes) => self.queue.set_frame(at, Some(bytes)),
            None => self.damaged(id),
        }
    }

    fn wait(&mut self, told: Option<u64>, now: Instant) {
        self.in_flight = None;
        self.phase = Phase::Waiting(now + self.retry.wait(told));
    }

    pub(super) fn hold(&mut self, problem: Problem, now: Instant) {
        let told = Duration::from_secs(problem.retry_after.unwrap_or(0).min(3600));
        self.events.push_back(Event::Held(problem));
        self.phase = Phase::Waiting(now + told.max(retry::HOLD));
    }

    /// The receiver says that the bytes are damaged: are they, here?
    fn verify(&mut self, problem: Problem, is_heartbeat: bool, now: Instant) {
        self.verified += 1;
        if let (Some(at), false) = (self.queue.head(), is_heartbeat) {
            let slot = &self.queue[at];
            if slot.place.is_some() {
                self.queue.set_frame(at, None); // read, and looked at, before it is sent again
            } else if let Some(bytes) = slot.frame()
                && !self.is_intact(&slot.header, bytes)
            {
                self.damaged(slot.id);
            }
        }
        if self.verified > VERIFICATIONS {
            self.verified = 0;
            self.hold(problem, now);
        } else {
            self.wait(problem.retry_after, now);
        }
    }

    /// The receiver lacks records before the frame: they are sent again, those that are held.
    fn rewind(&mut self, sent: &Header, problem: Problem, now: Instant) {
        let zero = self.current.1;
        let Some(next_seq) = problem
            .next_seq
            .filter(|next| (1..sent.accounts_from()).contains(next))
            .filter(|_| sent.stream() == self.stream())
        else {
            return self.hold(problem, now); // no gap that can be
        };
        self.done = zero.saturating_add_unsigned(next_seq);
        self.durable_done = self.durable_done.min(self.done);
        for slot in self.queue.iter_mut() {
            if slot.end > self.done {
                slot.done = false;
                slot.first = slot.first.max(self.done);
            }
        }
        let sealed = self.next - self.batch.len() as i64;
        let head = self.queue.head().map(|at| self.queue[at].first);
        let lost = head.unwrap_or(sealed).abs_diff(self.done);
        self.events.push_back(Event::Rewound { next_seq, lost });
        self.phase = Phase::Ready;
    }

    /// The stream can't go on. If no new one can either, an operator has to do something (a clock
    /// that is far behind makes each of them too old); after each wait one more is tried.
    fn restamp(&mut self, problem: Problem, now: Instant) {
        if !self.rules.keep(Rule::S4) {
            return self.finish_head();
        }
        if self.restamped == STREAMS {
            self.restamped -= 1;
            return self.hold(problem, now);
        }
        self.restamped += 1;
        self.phase = Phase::StreamWanted;
        let code = problem.code.unwrap_or(Code::FORK);
        self.events.push_back(Event::StreamWanted(code));
    }

    /// The frame is too large: its records go into smaller ones.
    fn split(&mut self, sent: &Header, problem: Problem, now: Instant) {
        if sent.count() == 0 {
            return self.hold(problem, now);
        }
        let old = self.config.limits;
        let told = problem
            .limits
            .map(|told| smaller(old, told.at_least_floor()));
        let mut at_most = u32::MAX;
        match told {
            Some(told) if sent.within(&told).is_err() || told.record_bytes < old.record_bytes => {
                self.config.limits = told;
                self.sealer.forget();
            }
            // A proxy's limit, which it does not tell: half of the records, and the next frames
            // begin smaller. A single record becomes a tombstone.
            _ => {
                at_most = sent.count() / 2;
                let half = (sent.raw_len() / 2).max(MIN_BODY);
                self.config.max_bytes = self.config.max_bytes.min(half);
            }
        }
        self.events.push_back(Event::Split(self.config.limits));
        self.was_not_stored(problem, at_most);
        self.phase = Phase::Ready;
    }

    /// The receiver refused the frame at the head in a way that says that it was not stored
    /// ([SPEC](crate::spec) section 4): it may be sealed differently.
    fn was_not_stored(&mut self, problem: Problem, at_most: u32) {
        if let Some(at) = self.queue.head() {
            let slot = &mut self.queue[at];
            slot.attempted = false;
            slot.is_refused = true;
            slot.at_most = at_most;
        }
        self.refusal = Some(problem);
    }
}

/// What an unknown limit makes of the size of bodies, at the least.
const MIN_BODY: u32 = 64 * 1024;

fn smaller(a: Limits, b: Limits) -> Limits {
    Limits {
        frame_bytes: a.frame_bytes.min(b.frame_bytes),
        raw_bytes: a.raw_bytes.min(b.raw_bytes),
        records: a.records.min(b.records),
        record_bytes: a.record_bytes.min(b.record_bytes),
    }
}
