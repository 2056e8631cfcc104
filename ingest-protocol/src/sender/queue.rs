//! [`Queue`]: the sealed frames that are not forgotten, each a [`Slot`].

use std::collections::VecDeque;
use std::collections::vec_deque::{Iter, IterMut};
use std::ops::{Index, IndexMut};

use bytes::Bytes;

use super::FrameId;
use crate::frame::Header;

/// A sealed frame, by the numbers of its records in the spool. Those are given once, in the order
/// in which records come, and never again, while sequence numbers begin anew with each stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    pub(super) id: FrameId,
    /// The number of the first record that is still to be sent of it, and after the last.
    pub(super) first: i64,
    pub(super) end: i64,
    /// The number of the first record that was sealed.
    pub(super) sealed_first: i64,
    pub(super) header: Header,
    /// Where it is spooled, once it is.
    pub(super) place: Option<u64>,
    /// Its bytes, while they are needed.
    frame: Option<Bytes>,
    /// With the last record.
    pub(super) cursor: Option<Bytes>,
    /// It was given out to be spooled; with a state in which all records below were done.
    pub(super) given: Option<i64>,
    /// It may have been sent.
    pub(super) attempted: bool,
    pub(super) done: bool,
    /// It was refused as it is, and is not stored anywhere.
    pub(super) is_refused: bool,
    /// It is to be sealed anew with at most so many records; 0: one, as a tombstone.
    pub(super) at_most: u32,
}

impl Slot {
    pub(super) fn new(id: FrameId, first: i64, header: Header, frame: Option<Bytes>) -> Self {
        Self {
            id,
            first,
            end: first + i64::from(header.count()),
            sealed_first: first,
            header,
            place: None,
            frame,
            cursor: None,
            given: None,
            attempted: false,
            done: false,
            is_refused: false,
            at_most: u32::MAX,
        }
    }

    /// The number after the last record that was sealed.
    pub(super) fn sealed_end(&self) -> i64 {
        self.sealed_first + i64::from(self.header.count())
    }

    /// The first number that the frame accounts for, as record or as lost.
    pub(super) fn from(&self) -> i64 {
        self.sealed_first
            .saturating_sub_unsigned(self.header.lost())
    }

    /// Whether no other frame took over some of its records.
    pub(super) fn is_whole(&self) -> bool {
        self.first == self.sealed_first && self.end == self.sealed_end()
    }

    /// Its bytes, while they are in memory.
    pub(super) fn frame(&self) -> Option<&Bytes> {
        self.frame.as_ref()
    }

    fn held(&self) -> u64 {
        self.frame.as_ref().map_or(0, |frame| frame.len() as u64)
    }
}

/// Slots in the order they are sent in, those that are done first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Queue {
    slots: VecDeque<Slot>,
    /// Bytes of the frames that are in memory. Each record that is pushed asks for it.
    held: u64,
}

impl Queue {
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    pub(super) fn iter(&self) -> Iter<'_, Slot> {
        self.slots.iter()
    }

    pub(super) fn iter_mut(&mut self) -> IterMut<'_, Slot> {
        self.slots.iter_mut()
    }

    pub(super) fn front(&self) -> Option<&Slot> {
        self.slots.front()
    }

    pub(super) fn back(&self) -> Option<&Slot> {
        self.slots.back()
    }

    /// How many are done.
    pub(super) fn done(&self) -> usize {
        self.head().unwrap_or(self.slots.len())
    }

    /// Where the first is that is not done.
    pub(super) fn head(&self) -> Option<usize> {
        self.slots.iter().position(|slot| !slot.done)
    }

    pub(super) fn position(&self, id: FrameId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.id == id)
    }

    /// Where a slot belongs that begins with this record. A loss stands before the record it has
    /// the number of.
    pub(super) fn place_of(&self, first: i64) -> usize {
        self.slots.partition_point(|slot| slot.end <= first)
    }

    pub(super) fn push(&mut self, slot: Slot) {
        self.insert(self.slots.len(), slot);
    }

    pub(super) fn insert(&mut self, at: usize, slot: Slot) {
        self.held += slot.held();
        self.slots.insert(at, slot);
    }

    pub(super) fn remove(&mut self, at: usize) -> Option<Slot> {
        let slot = self.slots.remove(at)?;
        self.held -= slot.held();
        Some(slot)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Slot) -> bool) {
        let held = &mut self.held;
        self.slots.retain(|slot| {
            let keeps = keep(slot);
            *held -= if keeps { 0 } else { slot.held() };
            keeps
        });
    }

    pub(super) fn set_frame(&mut self, at: usize, frame: Option<Bytes>) {
        if let Some(slot) = self.slots.get_mut(at) {
            self.held -= slot.held();
            slot.frame = frame;
            self.held += slot.held();
        }
    }
}

impl Index<usize> for Queue {
    type Output = Slot;

    fn index(&self, at: usize) -> &Slot {
        &self.slots[at]
    }
}

impl IndexMut<usize> for Queue {
    fn index_mut(&mut self, at: usize) -> &mut Slot {
        &mut self.slots[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Limits, Sealer, Stamp};

    fn slot(id: u64, bytes: Option<usize>) -> Slot {
        let stamp = Stamp::new(uuid::Uuid::nil().into(), uuid::Uuid::max().into(), 1);
        let frame = Sealer::new(Limits::FLOOR).seal(&stamp, &[]).unwrap();
        let header = Header::peek(&frame, &Limits::FLOOR).unwrap();
        let frame = bytes.map(|bytes| vec![0; bytes].into());
        Slot::new(FrameId(id), id as i64, header, frame)
    }

    #[test]
    fn the_bytes_held_are_those_of_the_frames() {
        let mut queue = Queue::default();
        queue.push(slot(1, Some(10)));
        queue.push(slot(2, None));
        queue.insert(1, slot(3, Some(5)));
        assert_eq!(queue.held(), 15);
        queue.set_frame(0, None);
        queue.set_frame(2, Some(vec![0; 7].into()));
        queue.set_frame(9, None);
        assert_eq!(queue.held(), 12);
        assert!(queue.remove(0).is_some() && queue.remove(9).is_none());
        assert_eq!(queue.held(), 12);
        queue.retain(|slot| slot.id != FrameId(3));
        assert_eq!(queue.held(), 7);
    }

    /// What the documentation of `Sender` says of a frame whose bytes are not in memory.
    #[test]
    fn a_slot_takes_about_300_bytes() {
        assert!(
            (200..=304).contains(&size_of::<Slot>()),
            "{}",
            size_of::<Slot>()
        );
    }
}
