//! What a sender tells beside what it sends.

use crate::answer::{Code, Outcome, Problem, Rejected};
use crate::frame::Record;
use crate::{StreamId, frame::Limits};

/// What the embedding program may want to log, count or act on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A frame was acknowledged: the receiver has its records.
    Acknowledged {
        /// The frame's stream.
        stream: StreamId,
        /// The sequence number of its first record.
        first_seq: u64,
        /// Its records.
        count: u32,
        /// Whether they were stored now or before.
        outcome: Outcome,
        /// How many the receiver set aside.
        rejected_total: u64,
        /// Which, at most 1,000, and why.
        rejected: Vec<Rejected>,
    },
    /// A record is longer than the receiver takes. It was replaced by a tombstone: this is the
    /// record itself, to be kept for the operator.
    Oversize(Record),
    /// The stream can't go on, for the reason of this code. Call
    /// [`handle_stream`](super::Sender::handle_stream) with a new one: what is not acknowledged
    /// is stamped anew. Nothing is sent before. Where the receiver refuses three new streams in a
    /// row, it is [held](Self::Held) for 15 minutes before one more is wanted.
    StreamWanted(Code),
    /// The receiver refuses, and an operator has to do something. Everything is kept, and sent
    /// again every 15 minutes.
    Held(Problem),
    /// The credentials are not accepted: get new ones.
    CredentialsWanted(Problem),
    /// The receiver no longer has records that it had acknowledged: it was restored from a
    /// backup. Those that are still held are sent again.
    Rewound {
        /// The sequence number that the receiver expects.
        next_seq: u64,
        /// Records that are not held any more. They are declared lost.
        lost: u64,
    },
    /// Stored frames can't be read back. Their records are declared lost.
    Damaged {
        /// How many records.
        records: u64,
    },
    /// The receiver takes less than was sent: sealed anew within these limits.
    Split(Limits),
    /// The receiver does not know compression: sealed anew without.
    Downgraded,
}
