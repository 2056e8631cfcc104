//! [`Receiver`]: all checks of a frame that arrives, in the order of the specification.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::decide::{Commit, Decision};
use super::state::StreamState;
use crate::StreamId;
use crate::answer::{Ack, Code, Problem};
use crate::frame::{Frame, FrameError, Header, Limits, Opener};
use crate::rules::{Rule, Rules};

/// Receives frames: opens them with an [`Opener`], and decides what becomes of them. It
/// holds no state of any stream. See the [module](super).
#[derive(Clone, Debug)]
pub struct Receiver {
    opener: Opener,
    /// For what is decided before the limits: nothing of it is allocated.
    unlimited: Opener,
    rules: Rules,
}

/// What is to be done with a frame that arrived.
#[derive(Clone, Debug)]
#[must_use = "every frame is answered"]
#[allow(clippy::exhaustive_enums)] // an answer is an ack or a problem
#[allow(clippy::large_enum_variant)] // one at a time, on the stack
pub enum Reception {
    /// Store the records with the state, then acknowledge.
    Commit(Frame, Commit),
    /// Answer with the acknowledgement.
    Duplicate(Ack),
    /// Answer with the problem.
    Refuse(Problem),
}

impl Receiver {
    /// Receives what `opener` opens, within its limits, for its audience, with its keys.
    #[must_use]
    pub fn new(opener: Opener) -> Self {
        Self {
            unlimited: opener.clone().with_limits(Limits::MAX),
            opener,
            rules: Rules::default(),
        }
    }

    /// Leaves out a rule, for a test of what would come of it.
    #[cfg(feature = "sim")]
    #[doc(hidden)]
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// How frames are opened.
    #[must_use]
    pub fn opener(&self) -> &Opener {
        &self.opener
    }

    /// The header of a frame that arrived, to look up its stream by. The first 96 to 1,024 bytes
    /// are enough.
    ///
    /// # Errors
    ///
    /// The problem to be answered: the bytes begin no frame that is known here.
    #[allow(clippy::result_large_err)] // once for each request
    pub fn header(&self, bytes: &[u8]) -> Result<Header, Problem> {
        Header::peek(bytes, &Limits::MAX).map_err(|error| self.problem(&error, None))
    }

    /// What is to be done with the frame `bytes`, if `state` is what is stored of its
    /// stream, and `None` if nothing is.
    ///
    /// Who deletes the state of streams together with their data, passes the `horizon` before which
    /// that happened: a stream that is not known and began before it is answered
    /// `stream_expired`, never taken for a new one (R5). Only streams with a UUID of version 7
    /// have a beginning.
    pub fn receive(
        &self,
        bytes: Bytes,
        state: Option<&StreamState>,
        horizon: Option<DateTime<Utc>>,
    ) -> Reception {
        let header = match self.header(&bytes) {
            Ok(header) => header,
            Err(problem) => return Reception::Refuse(problem),
        };
        let refuse = |error: &FrameError| Reception::Refuse(self.problem(error, Some(&header)));
        let is_expired = |horizon| began_before(header.stream(), horizon);
        let state = match state {
            Some(state) => state,
            None if horizon.is_some_and(is_expired) && self.rules.keep(Rule::R5) => {
                return match self.unlimited.check(&bytes) {
                    Ok(_) => {
                        Reception::Refuse(Problem::new(Code::STREAM_EXPIRED).with_frame(&header))
                    }
                    Err(error) => refuse(&error),
                };
            }
            None => &StreamState::default(),
        };
        match state.decide_by(&header, self.rules) {
            Decision::Commit(commit) => match self.opener.open(bytes) {
                Ok(frame) => Reception::Commit(frame, commit),
                Err(error) => refuse(&error),
            },
            // Who can't make a frame is told nothing of the stream.
            Decision::Duplicate(ack) => match self.unlimited.check(&bytes) {
                Ok(_) => Reception::Duplicate(ack),
                Err(error) => refuse(&error),
            },
            Decision::Refuse(problem) => match self.opener.check(&bytes) {
                Ok(_) => Reception::Refuse(problem),
                Err(error) => refuse(&error),
            },
        }
    }

    /// The problem for a fault, with what a sender needs to know.
    fn problem(&self, error: &FrameError, header: Option<&Header>) -> Problem {
        let mut problem = Problem::from(error);
        if let Some(header) = header {
            problem = problem.with_frame(header);
        }
        if matches!(problem.status, 413 | 415) {
            problem = problem.with_limits(*self.opener.limits());
        }
        problem
    }
}

/// Whether the stream's UUID is of version 7 and its time before `horizon`.
fn began_before(stream: StreamId, horizon: DateTime<Utc>) -> bool {
    let began = (stream.0.get_version_num() == 7)
        .then(|| stream.0.get_timestamp())
        .flatten()
        .and_then(|time| {
            let (seconds, nanos) = time.to_unix();
            DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
        });
    began.is_some_and(|began| began < horizon)
}
