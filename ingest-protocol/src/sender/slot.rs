//! [`Slot`]: a sealed frame in the sender's queue.

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
    pub(super) frame: Option<Bytes>,
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
    pub(super) fn new(id: FrameId, first: i64, header: Header, frame: Bytes) -> Self {
        Self {
            id,
            first,
            end: first + i64::from(header.count()),
            sealed_first: first,
            header,
            place: None,
            frame: Some(frame),
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

    /// Bytes in memory.
    pub(super) fn held(&self) -> u64 {
        self.frame.as_ref().map_or(0, |frame| frame.len() as u64)
    }
}
