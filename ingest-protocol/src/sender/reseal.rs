//! Sealing anew what was sealed for another stream, or too large, before it is sent.

use std::time::Instant;

use bytes::Bytes;

use super::FrameId;
use super::batch;
use super::event::Event;
use super::machine::{Phase, Sender};
use super::queue::Slot;
use super::retry;
use super::tombstone::bury;
use crate::frame::{Frame, Header, Record, SealError};

/// A frame that takes over the first records of one in the queue, once it is spooled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reseal {
    pub(super) of: FrameId,
    pub(super) slot: Slot,
}

impl Sender {
    /// Whether the frame can be sent as it is: its stamp is the one that comes next in the current
    /// stream, and it may have been sent already (S1) or is within what the receiver takes.
    pub(super) fn is_as_required(&self, slot: &Slot) -> bool {
        let header = &slot.header;
        let lost = slot.first.abs_diff(self.done);
        let is_next = slot.is_whole() && *header.stamp() == self.stamp(slot.first, lost);
        let is_taken = !slot.is_refused
            && header.count() <= slot.at_most
            && header.within(&self.config.limits).is_ok()
            && (self.config.compress || !header.is_compressed());
        is_next && (slot.attempted || is_taken)
    }

    /// Seals the first records of the frame at the head anew. Its bytes must be in memory.
    pub(super) fn reseal(&mut self, now: Instant) {
        let Some(at) = self.queue.head() else { return };
        let slot = self.queue[at].clone();
        let Some(bytes) = slot.frame().cloned() else {
            return;
        };
        let Ok(frame) = self.config.opener().open(bytes) else {
            return self.damaged(slot.id);
        };
        let mut records = live_records(&frame, &slot);
        let lost = slot.first.abs_diff(self.done);
        let mut count = self.fitting(&records).min((slot.at_most as usize).max(1));
        let mut buried = Vec::new();
        for (index, record) in records.iter_mut().enumerate().take(count) {
            if slot.at_most == 0 || self.is_oversize(record) {
                buried.extend(bury(record).map(|record| (index, record)));
            }
        }
        count = count.min(records.len());
        let (header, sealed) = loop {
            let stamp = self.stamp(slot.first, lost);
            match self.sealer.seal(&self.config, &stamp, &records[..count]) {
                Ok(sealed) => break sealed,
                Err(SealError::Codec { .. }) => return self.pause(now),
                Err(_) if count > 1 => count = count.div_ceil(2),
                Err(_) => match records.first_mut().and_then(bury) {
                    Some(record) => buried.push((0, record)),
                    // Limits that let not even a tombstone through are far below the floor.
                    None => return self.pause(now),
                },
            }
        };
        if slot.is_refused && is_same(&header, &slot.header) {
            // Sealed anew it is what was refused: an operator has to do something.
            self.queue[at].is_refused = false;
            self.queue[at].at_most = u32::MAX;
            if let Some(problem) = self.refusal.take() {
                self.hold(problem, now);
            }
            return;
        }
        // Those further back come when their turn does.
        let buried = buried.into_iter().filter(|(index, _)| *index < count);
        self.events
            .extend(buried.map(|(_, record)| Event::Oversize(record)));
        self.reseal = Some(Reseal {
            of: slot.id,
            slot: Slot::new(self.new_id(), slot.first, header, Some(sealed)),
        });
        if !self.config.spooled {
            self.take_over();
        }
    }

    /// Nothing can be sealed: tries again later.
    fn pause(&mut self, now: Instant) {
        self.phase = Phase::Waiting(now + retry::HOLD);
    }

    /// How many of the records go into one frame, as far as their sizes say.
    fn fitting(&self, records: &[Record]) -> usize {
        let mut left = self.config.body_bytes();
        let fits = |record: &&Record| {
            let rest = left.checked_sub(batch::size(record));
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        let count = records
            .iter()
            .take(self.config.records())
            .take_while(fits)
            .count();
        count.max(1)
    }

    /// The frame that was sealed anew is spooled: it stands before what is left of the other one.
    pub(super) fn take_over(&mut self) {
        let Some(Reseal { of, slot }) = self.reseal.take() else {
            return;
        };
        let Some(at) = self.queue.position(of) else {
            return;
        };
        let rest = &mut self.queue[at];
        rest.first = slot.end;
        rest.attempted = false;
        if rest.first >= rest.end {
            self.queue.remove(at);
        }
        self.queue.insert(at, slot);
    }

    /// The frame can't be read: its records are lost, and the next frame will say so.
    pub(super) fn damaged(&mut self, id: FrameId) {
        // What is looked at is in memory: it is neither being read nor sealed anew.
        debug_assert!(self.reading != Some(id));
        debug_assert!(self.reseal.as_ref().is_none_or(|reseal| reseal.of != id));
        if let Some(at) = self.queue.position(id)
            && let Some(slot) = self.queue.remove(at)
        {
            let records = slot.end.abs_diff(slot.first);
            self.events.push_back(Event::Damaged { records });
        }
    }

    /// Whether `bytes` are the frame that was sealed; all of it, where the receiver doubts it.
    pub(super) fn is_intact(&self, header: &Header, bytes: &Bytes) -> bool {
        let opener = self.config.opener();
        let found = if self.verified > 0 {
            opener.open(bytes.clone()).map(|frame| *frame.header())
        } else {
            opener.check(bytes)
        };
        found.is_ok_and(|found| found == *header)
    }
}

/// Whether a receiver that refused the one refuses the other.
fn is_same(a: &Header, b: &Header) -> bool {
    a.fingerprint() == b.fingerprint() && a.is_compressed() == b.is_compressed()
}

/// The records of a frame that no other frame took over.
fn live_records(frame: &Frame, slot: &Slot) -> Vec<Record> {
    let skip = slot.first.abs_diff(slot.sealed_first) as usize;
    let count = slot.end.abs_diff(slot.first) as usize;
    let records = frame.records().skip(skip).take(count);
    records.map(|record| record.to_record()).collect()
}
