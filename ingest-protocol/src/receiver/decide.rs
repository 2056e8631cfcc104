//! [`StreamState::decide`]: rules R1 to R4, from the header alone.

use std::cmp::Ordering;

use super::state::StreamState;
use crate::answer::{Ack, Code, Outcome, Problem, Rejected};
use crate::frame::Header;
use crate::rules::{Rule, Rules};

/// What becomes of a frame, by its header and the state of its stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "a decision that nobody carries out is none"]
#[allow(clippy::exhaustive_enums)] // R1 to R4
#[allow(clippy::large_enum_variant)] // one at a time, on the stack
pub enum Decision {
    /// Its records come next: store them, then acknowledge.
    Commit(Commit),
    /// It was stored before: nothing is to be done but to acknowledge.
    Duplicate(Ack),
    /// It can't be stored now, or not as it is.
    Refuse(Problem),
}

impl StreamState {
    /// Decides by the header alone (R1 to R4). The body is to be opened before what this
    /// says is carried out: a frame that can't be opened is refused for that.
    ///
    /// ```
    /// use ingest_protocol::frame::{Header, Limits, Record, Sealer, Stamp};
    /// use ingest_protocol::receiver::{Decision, StreamState};
    /// use ingest_protocol::Code;
    ///
    /// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
    /// let frame = Sealer::new(Limits::default())
    ///     .seal(&Stamp::new(audience, stream, 11), &[Record::new("{}")])?;
    /// let header = Header::peek(&frame, &Limits::default())?;
    ///
    /// // Records 1 to 10 are not here.
    /// let Decision::Refuse(problem) = StreamState::default().decide(&header) else { panic!() };
    /// assert_eq!((problem.code, problem.next_seq), (Some(Code::GAP), Some(1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decide(&self, header: &Header) -> Decision {
        self.decide_by(header, Rules::default())
    }

    pub(crate) fn decide_by(&self, header: &Header, rules: Rules) -> Decision {
        let duplicate = || {
            Decision::Duplicate(Ack::new(
                header,
                self.next_seq(),
                Outcome::Duplicate,
                vec![],
            ))
        };
        let refuse = |code| {
            let problem = Problem::new(code).with_frame(header);
            Decision::Refuse(problem.with_next_seq(self.next_seq()))
        };
        let commit = || {
            Decision::Commit(Commit {
                header: *header,
                expected_next_seq: self.next_seq(),
                state: self.after(header),
            })
        };
        if self.knows(header) && rules.keep(Rule::R2) {
            return duplicate();
        }
        let order = header.accounts_from().cmp(&self.next_seq());
        if order.is_ne() && !rules.keep(Rule::R1) {
            return commit();
        }
        match order {
            // A heartbeat changes nothing.
            Ordering::Equal if header.count() == 0 && header.lost() == 0 => duplicate(),
            Ordering::Equal => commit(),
            Ordering::Greater => {
                if rules.keep(Rule::R3) {
                    refuse(Code::GAP)
                } else {
                    commit()
                }
            }
            Ordering::Less => {
                if rules.keep(Rule::R4) {
                    refuse(Code::FORK)
                } else {
                    duplicate()
                }
            }
        }
    }
}

/// The right to acknowledge a frame, once its records are stored together with
/// [`state`](Self::state), in one transaction. Dropping it takes nothing: the frame is sent
/// again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "store the records with `state()`, then call `committed`; else the frame is sent again"]
pub struct Commit {
    header: Header,
    expected_next_seq: u64,
    state: StreamState,
}

impl Commit {
    /// The frame's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The stream's state to be stored with the records.
    #[must_use]
    pub fn state(&self) -> &StreamState {
        &self.state
    }

    /// The `next_seq` that the stored state must still have, for the transaction to happen.
    #[must_use]
    pub fn expected_next_seq(&self) -> u64 {
        self.expected_next_seq
    }

    /// Sequence numbers that the sender declares lost, to be reported.
    #[must_use]
    pub fn lost(&self) -> std::ops::Range<u64> {
        self.header.accounts_from()..self.header.first_seq()
    }

    /// The transaction is durable: the new state, and the acknowledgement, which lists the records
    /// that were quarantined.
    pub fn committed(self, rejected: Vec<Rejected>) -> (StreamState, Ack) {
        let ack = Ack::new(
            &self.header,
            self.state.next_seq(),
            Outcome::Committed,
            rejected,
        );
        (self.state, ack)
    }
}
