//! [`SpoolOp`]: what a sender wants of the spool, and [`SenderState`], what it keeps there.

use bytes::Bytes;

use super::FrameId;
use crate::StreamId;

/// What the embedding program does with its spool for a [`Sender`](super::Sender), in this
/// order. The `journal` feature brings one that is made for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "the sender waits for it"]
#[non_exhaustive]
pub enum SpoolOp {
    /// Store the frame, the cursor and the state in one write, make them durable, then call
    /// [`handle_spooled`](super::Sender::handle_spooled) with where the frame is. Several may be
    /// stored before they are made durable together. If there is no room, call
    /// [`handle_not_spooled`](super::Sender::handle_not_spooled), and it is given out again.
    Append {
        /// Which frame.
        id: FrameId,
        /// Its bytes.
        frame: Bytes,
        /// How far the source was read, where one of the records said.
        cursor: Option<Bytes>,
        /// What [`Sender::recover`](super::Sender::recover) needs.
        state: Bytes,
        /// It takes over records of a frame that can be released then: there should be room for it
        /// when there is none for new frames.
        replaces: bool,
    },
    /// Read a frame back, and call [`handle_read`](super::Sender::handle_read).
    Read {
        /// Which frame.
        id: FrameId,
        /// Where it is.
        place: u64,
    },
    /// Store the state, make it durable, then call
    /// [`handle_marked`](super::Sender::handle_marked); if there is no room,
    /// [`handle_not_marked`](super::Sender::handle_not_marked).
    Mark {
        /// What [`Sender::recover`](super::Sender::recover) needs.
        state: Bytes,
    },
    /// The frames up to this place are not needed any more. Nothing is to be called.
    Release {
        /// The place of the last one.
        through: u64,
    },
}

/// What a sender keeps beside the frames. In bytes: a version (1), 3 zeros, the number of
/// streams (u32), the first number that is not done, and the next to be given (i64 both), then
/// of each stream, the current one last, its id and the number of its sequence number 0 (i64);
/// little-endian.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SenderState {
    pub(super) done: i64,
    pub(super) next: i64,
    pub(super) streams: Vec<(StreamId, i64)>,
}

const VERSION: u8 = 1;
const HEAD: usize = 24;
const EACH: usize = 24;

impl SenderState {
    pub(super) fn to_bytes(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(HEAD + EACH * self.streams.len());
        bytes.extend_from_slice(&[VERSION, 0, 0, 0]);
        bytes.extend_from_slice(&(self.streams.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.done.to_le_bytes());
        bytes.extend_from_slice(&self.next.to_le_bytes());
        for (stream, zero) in &self.streams {
            bytes.extend_from_slice(stream.0.as_bytes());
            bytes.extend_from_slice(&zero.to_le_bytes());
        }
        bytes.into()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let (each, []) = rest.as_chunks::<EACH>() else {
            return None;
        };
        let (words, _) = head.as_chunks::<8>();
        let &[[VERSION, 0, 0, 0, count @ ..], done, next] = words else {
            return None;
        };
        let (done, next) = (i64::from_le_bytes(done), i64::from_le_bytes(next));
        let streams = each.iter().map(|each| {
            let (id, zero) = each.split_first_chunk::<16>()?;
            let zero = i64::from_le_bytes(zero.try_into().ok()?);
            Some((StreamId(uuid::Uuid::from_bytes(*id)), zero))
        });
        let streams: Option<Vec<_>> = streams.collect();
        let streams = streams.filter(|s| s.len() == u32::from_le_bytes(count) as usize)?;
        // Numbers far from the ends of 64 bits, so that none of them overflows.
        let sane = |number: i64| number.unsigned_abs() < 1 << 62;
        let last = streams.last()?;
        let can_be = sane(done)
            && sane(next)
            && done <= next
            && last.1 < done
            && streams.iter().all(|(_, zero)| sane(*zero));
        can_be.then_some(Self {
            done,
            next,
            streams,
        })
    }
}
