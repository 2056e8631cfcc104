//! [`Answer`]: what came back, read from what the transport brought.

use super::{Ack, Problem};

/// What a receiver answers.
///
/// ```
/// use ingest_protocol::{Action, Answer};
///
/// // What a proxy answers in its own words.
/// let Answer::Problem(problem) = Answer::read(502, None, b"<html>Bad gateway") else { panic!() };
/// assert_eq!(problem.action(), Action::Retry);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // SPEC section 6
pub enum Answer {
    /// The frame may be deleted.
    Ack(Ack),
    /// It may not, and this is what to do.
    Problem(Problem),
}

impl Answer {
    /// Reads an answer from what the transport brought: its status (of HTTP; 0 if there is
    /// none), its `Retry-After` in seconds, and the body. Never fails: what can't be read is a
    /// problem of that status.
    #[must_use]
    pub fn read(status: u16, retry_after: Option<u64>, body: &[u8]) -> Self {
        if matches!(status, 0 | 200)
            && let Ok(ack) = serde_json::from_slice(body)
        {
            return Self::Ack(ack);
        }
        let mut problem =
            serde_json::from_slice(body).unwrap_or_else(|_| Problem::of_status(status));
        if status != 0 {
            problem.status = status;
        }
        problem.retry_after = retry_after.or(problem.retry_after);
        Self::Problem(problem)
    }
}
