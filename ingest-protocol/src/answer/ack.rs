//! [`Ack`]: the one answer that means that records may go.

use serde::{Deserialize, Serialize};

use super::{Code, Crc64};
use crate::StreamId;
use crate::frame::Header;

/// Whether an acknowledged frame was stored now or had been before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums)] // a third outcome would not be an acknowledgement
pub enum Outcome {
    /// Stored now.
    Committed,
    /// Stored before; nothing was changed.
    Duplicate,
}

/// A record that was quarantined: kept by the receiver, apart from the good ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rejected {
    /// The record's sequence number.
    pub seq: u64,
    /// Why.
    pub code: Code,
    /// Why, in words: positions and sizes, never what the record holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Rejected {
    /// The record `seq` is quarantined because of `code`.
    ///
    /// ```
    /// use ingest_protocol::{Code, Rejected};
    ///
    /// let rejected = Rejected::new(17, Code::NOT_JSON).with_detail("line 1, column 3");
    /// assert_eq!(
    ///     serde_json::to_string(&rejected)?,
    ///     r#"{"seq":17,"code":"not_json","detail":"line 1, column 3"}"#,
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(seq: u64, code: Code) -> Self {
        Self {
            seq,
            code,
            detail: None,
        }
    }

    /// Says why in words.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// "You may delete this frame": the one answer that means so.
///
/// A receiver can't make one but by a commit: there is no other constructor. It can be
/// deserialized because that is how a sender, in another process, hears it: from the
/// body of a 200, and as much to be believed as the peer that the transport has
/// authenticated. It is taken for a frame only if it [`answers`](Self::answers) that
/// frame, and unlike a [`Problem`](super::Problem) only if every member is as it must be: half an ack
/// is none, and the frame is sent again.
///
/// ```
/// use ingest_protocol::{Ack, Outcome};
///
/// let ack: Ack = serde_json::from_str(
///     r#"{"stream":"0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01","first_seq":1,"count":2,
///         "raw_crc":"41d1a2cf7b1e0c40","next_seq":3,"outcome":"committed","rejected_total":0}"#,
/// )?;
/// assert_eq!(ack.outcome(), Outcome::Committed);
/// assert_eq!(ack.next_seq(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[must_use = "an acknowledgement that nobody hears is sent for again"]
pub struct Ack {
    stream: StreamId,
    first_seq: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    lost: u64,
    count: u32,
    raw_crc: Crc64,
    next_seq: u64,
    outcome: Outcome,
    #[serde(default)]
    rejected_total: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rejected: Vec<Rejected>,
}

impl Ack {
    /// The most quarantined records that are listed; the total counts them all.
    pub const MAX_REJECTED: usize = 1_000;

    /// Whoever calls this has the frame's records stored durably.
    pub(crate) fn new(
        header: &Header,
        next_seq: u64,
        outcome: Outcome,
        mut rejected: Vec<Rejected>,
    ) -> Self {
        let rejected_total = rejected.len() as u64;
        rejected.truncate(Self::MAX_REJECTED);
        Self {
            stream: header.stream(),
            first_seq: header.first_seq(),
            lost: header.lost(),
            count: header.count(),
            raw_crc: Crc64(header.fingerprint().raw_crc),
            next_seq,
            outcome,
            rejected_total,
            rejected,
        }
    }

    /// Whether this is the answer to the frame of `header`. An ack that is not is no
    /// answer: the frame is sent again.
    #[must_use]
    pub fn answers(&self, header: &Header) -> bool {
        self.stream == header.stream()
            && self.first_seq == header.first_seq()
            && self.lost == header.lost()
            && self.count == header.count()
            && self.raw_crc.0 == header.fingerprint().raw_crc
            && self.next_seq >= header.next_seq()
    }

    /// The stream of the frame.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// The first sequence number of the frame.
    #[must_use]
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// Records of the frame.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The sequence number that is expected next in the stream.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Whether the frame was stored now or before.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// How many records were quarantined. 0 for a duplicate, of which only the first
    /// answer tells.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected_total
    }

    /// The records that were quarantined, at most [`MAX_REJECTED`](Self::MAX_REJECTED).
    #[must_use]
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, Limits, Sealer, Stamp};

    #[test]
    fn an_ack_lists_at_most_so_many_and_counts_all() {
        let (audience, stream) = (
            uuid::Uuid::from_u128(1).into(),
            uuid::Uuid::from_u128(2).into(),
        );
        let limits = Limits::default();
        let frame = Sealer::new(limits).seal(&Stamp::new(audience, stream, 5), &[]);
        let header = Frame::check(&frame.unwrap(), &limits).unwrap();
        let rejected = (0..1_500)
            .map(|seq| Rejected::new(seq, Code::INVALID))
            .collect();
        let ack = Ack::new(&header, 5, Outcome::Committed, rejected);
        assert_eq!(ack.rejected_total(), 1_500);
        assert_eq!(ack.rejected().len(), Ack::MAX_REJECTED);
        assert_eq!(
            ack.rejected().last().map(|rejected| rejected.seq),
            Some(999)
        );
        assert!(ack.answers(&header));
        assert_eq!((ack.stream(), ack.first_seq(), ack.count()), (stream, 5, 0));
    }
}
