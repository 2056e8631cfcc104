//! [`Action`]: what a sender does with a frame that was refused.

use serde::{Deserialize, Serialize};

/// What a sender does with a frame that was refused. The set is closed: an old
/// sender knows what to do with a code it has never heard of. None of them drops a
/// record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums)] // the set is closed, by the specification
pub enum Action {
    /// Check the stored bytes: intact, send them again, at most three times, then
    /// hold; damaged, declare their records lost.
    Verify,
    /// Get new credentials and send again.
    Reauth,
    /// Keep everything, tell the operator, try again slowly.
    Hold,
    /// Send again from the problem's `next_seq`; what is not held any more is
    /// declared lost, or the stream is stamped anew.
    Rewind,
    /// Stamp every record that was not acknowledged into a new stream.
    Restamp,
    /// Seal again in halves that fit the problem's `limits`; a single record that
    /// does not fit is replaced by a tombstone.
    Split,
    /// Seal again without what the receiver does not know, or hold.
    Downgrade,
    /// Send the same frame again, later.
    Retry,
}

impl Action {
    /// What a sender does with an answer of HTTP `status` that is neither an ack nor
    /// a problem that says more: what a proxy answers, or nothing at all (0).
    ///
    /// ```
    /// use ingest_protocol::Action;
    ///
    /// assert_eq!(Action::of_status(502), Action::Retry);
    /// // A 200 that is not an ack means nothing.
    /// assert_eq!(Action::of_status(200), Action::Retry);
    /// ```
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            400 => Self::Verify,
            401 => Self::Reauth,
            413 => Self::Split,
            415 => Self::Downgrade,
            408 | 409 | 425 | 429 => Self::Retry,
            300..=499 => Self::Hold,
            _ => Self::Retry,
        }
    }
}
