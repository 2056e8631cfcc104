//! What a receiver answers: [`Ack`] or [`Problem`], with an open [`Code`] and a
//! closed [`Action`] ([SPEC](crate::spec) sections 6 and 7).

mod lenient;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::StreamId;
use crate::frame::{Header, Limits};

/// Why a frame or a record was refused: an open set of names, of which the known
/// ones are constants. What an unknown code asks for is said by the [`Action`]
/// beside it.
///
/// ```
/// use ingest_protocol::{Action, Code};
///
/// assert_eq!(Code::FORK.action(), Some(Action::Restamp));
/// let later: Code = serde_json::from_str(r#""disk_on_fire""#)?;
/// assert_eq!(later.as_str(), "disk_on_fire");
/// assert_eq!(later.action(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(Cow<'static, str>);

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident = $text:literal, $status:expr, $action:expr, $title:literal;)*) => {
        impl Code {
            $($(#[$meta])* pub const $name: Self = Self::from_static($text);)*

            /// Every code that is registered for frames.
            pub const REGISTERED: &'static [Self] = &[$(Self::$name),*];

            fn registered(&self) -> Option<(u16, Action, &'static str)> {
                match self.as_str() {
                    $($text => Some(($status, $action, $title)),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// The bytes are no frame, or one that contradicts itself.
    MALFORMED = "malformed", 400, Action::Verify, "The frame contradicts itself";
    /// A checksum does not match.
    CORRUPT = "corrupt", 400, Action::Verify, "A checksum does not match";
    /// The sender has not said who it is.
    UNAUTHENTICATED = "unauthenticated", 401, Action::Reauth, "Credentials are missing or old";
    /// The sender may not send here.
    FORBIDDEN = "forbidden", 403, Action::Hold, "Not allowed";
    /// The MAC is missing or wrong, or the body can't be decrypted.
    BAD_MAC = "bad_mac", 403, Action::Hold, "The frame is not authentic";
    /// The receiver does not hold the key.
    UNKNOWN_KEY = "unknown_key", 403, Action::Hold, "The key is not known";
    /// The frame is for another tenant.
    WRONG_AUDIENCE = "wrong_audience", 403, Action::Hold, "The frame is for another audience";
    /// Nothing is here that takes frames.
    NOT_FOUND = "not_found", 404, Action::Hold, "No frames are taken here";
    /// Records before this frame have not arrived.
    GAP = "gap", 409, Action::Rewind, "Records before these are missing";
    /// The sequence numbers were used for other records.
    FORK = "fork", 409, Action::Restamp, "The sequence numbers were used before";
    /// The stream was forgotten with its data.
    STREAM_EXPIRED = "stream_expired", 410, Action::Restamp, "The stream is too old";
    /// The frame is larger than the receiver's limits, which come with the problem.
    TOO_LARGE = "too_large", 413, Action::Split, "The frame is too large";
    /// The frame needs what the receiver does not know.
    UNSUPPORTED = "unsupported", 415, Action::Downgrade, "The frame is of an unknown kind";
    /// The sender sends too much.
    THROTTLED = "throttled", 429, Action::Retry, "Too much at once";
    /// The receiver can't store anything now.
    UNAVAILABLE = "unavailable", 503, Action::Retry, "Nothing can be stored now";
}

impl Code {
    /// A record that is not of the frame's format. For [`Rejected`] alone.
    pub const NOT_JSON: Self = Self::from_static("not_json");
    /// A record that the receiver can't use. For [`Rejected`] alone.
    pub const INVALID: Self = Self::from_static("invalid");

    /// A code of one's own: lower-case letters, digits and `_`.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The code as it is on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a sender does, where the code is registered.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        self.registered().map(|(_, action, _)| action)
    }

    /// The HTTP status, where the code is registered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.registered().map(|(status, _, _)| status)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Code {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

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
    /// Send the same bytes again, later.
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

/// A refusal, as an [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem
/// (`application/problem+json`) with the members of the protocol.
///
/// Members that are not known are ignored, and so is one of the wrong type: the
/// others are read as they are. [`action`](Self::action) always has an answer.
/// It is read from JSON, by `serde_json`, alone.
///
/// ```
/// use ingest_protocol::{Action, Code, Problem};
///
/// let problem = Problem::new(Code::GAP).with_next_seq(42);
/// let json = serde_json::to_string(&problem)?;
/// assert!(json.contains(r#""status":409,"code":"gap","action":"rewind","next_seq":42"#));
///
/// let later: Problem = serde_json::from_str(r#"{"status":507,"code":"full","action":"retry"}"#)?;
/// assert_eq!(later.action(), Action::Retry);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// A URI for the kind of problem; `about:blank` where the code says it all.
    #[serde(rename = "type", default = "about_blank", deserialize_with = "kind")]
    pub kind: Cow<'static, str>,
    /// The kind of problem in words.
    #[serde(
        default,
        skip_serializing_if = "str::is_empty",
        deserialize_with = "lenient::member"
    )]
    pub title: Cow<'static, str>,
    /// The HTTP status; 0 where the body did not say. The status of the transport
    /// goes before.
    #[serde(default, deserialize_with = "lenient::member")]
    pub status: u16,
    /// Why.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::member"
    )]
    pub code: Option<Code>,
    /// What the sender does, as the receiver said it. An action that is not of the
    /// closed set reads as `None`; see [`action`](Self::action).
    #[serde(
        rename = "action",
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::member"
    )]
    pub told_action: Option<Action>,
    /// This occurrence in words: positions and sizes, never what a record holds.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::member"
    )]
    pub detail: Option<String>,
    /// A URI for this occurrence.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::member"
    )]
    pub instance: Option<String>,
    /// The stream of the frame that was refused, where its header could be read.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::member"
    )]
    pub stream: Option<StreamId>,
    /// The first sequence number of the frame that was refused.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::member"
    )]
    pub first_seq: Option<u64>,
    /// Records of the frame that was refused.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::member"
    )]
    pub count: Option<u32>,
    /// CRC-64/NVME of the raw body of the frame that was refused, as in its header.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::member"
    )]
    pub raw_crc: Option<Crc64>,
    /// The sequence number that the receiver expects next in the stream.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::member"
    )]
    pub next_seq: Option<u64>,
    /// The receiver's limits, with `too_large` and `unsupported`. Each that is missing
    /// or no number has the value of the default, and one beyond 32 bits is the most
    /// of 32 bits.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::limits"
    )]
    pub limits: Option<Limits>,
    /// Seconds to wait before sending again, as the `Retry-After` header.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::member"
    )]
    pub retry_after: Option<u64>,
}

fn about_blank() -> Cow<'static, str> {
    Cow::Borrowed("about:blank")
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    let kind = lenient::known(deserializer)?;
    Ok(kind.unwrap_or_else(about_blank))
}

impl Problem {
    /// A problem of this code, with the status, action and title it is registered
    /// with; a code that is not registered is one of status 400 to hold.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let (status, action, title) = code.registered().unwrap_or((400, Action::Hold, ""));
        Self {
            kind: about_blank(),
            title: Cow::Borrowed(title),
            status,
            code: Some(code),
            told_action: Some(action),
            detail: None,
            instance: None,
            stream: None,
            first_seq: None,
            count: None,
            raw_crc: None,
            next_seq: None,
            limits: None,
            retry_after: None,
        }
    }

    /// What is known where a body says nothing.
    fn of_status(status: u16) -> Self {
        Self {
            kind: about_blank(),
            title: Cow::Borrowed(""),
            status,
            code: None,
            told_action: None,
            detail: None,
            instance: None,
            stream: None,
            first_seq: None,
            count: None,
            raw_crc: None,
            next_seq: None,
            limits: None,
            retry_after: None,
        }
    }

    /// Names the frame that is refused.
    #[must_use]
    pub fn with_frame(mut self, header: &Header) -> Self {
        self.stream = Some(header.stream());
        self.first_seq = Some(header.first_seq());
        self.count = Some(header.count());
        self.raw_crc = Some(Crc64(header.fingerprint().raw_crc));
        self
    }

    /// Says this occurrence in words.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says what is expected next in the stream.
    #[must_use]
    pub fn with_next_seq(mut self, next_seq: u64) -> Self {
        self.next_seq = Some(next_seq);
        self
    }

    /// Says what is accepted here.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Says how many seconds to wait.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Whether this can be the answer to the frame of `header`: it names that frame, or none.
    #[must_use]
    pub fn answers(&self, header: &Header) -> bool {
        self.stream.is_none_or(|stream| stream == header.stream())
            && self
                .first_seq
                .is_none_or(|first| first == header.first_seq())
            && self.count.is_none_or(|count| count == header.count())
            && (self.raw_crc).is_none_or(|crc| crc.0 == header.fingerprint().raw_crc)
    }

    /// Whether it names the frame: whoever made it had read an intact header.
    pub(crate) fn names_a_frame(&self) -> bool {
        self.stream.is_some() && self.first_seq.is_some()
    }

    /// What the sender does: as the receiver said it; else as the code is
    /// registered; else by the status.
    #[must_use]
    pub fn action(&self) -> Action {
        self.told_action
            .or_else(|| self.code.as_ref().and_then(Code::action))
            .unwrap_or(Action::of_status(self.status))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = if self.title.is_empty() {
            "Refused"
        } else {
            &self.title
        };
        write!(f, "{title} (status {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, ", {code}")?;
        }
        f.write_str(")")?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl From<&crate::frame::FrameError> for Problem {
    /// The problem a receiver answers for bytes that are wrong. Its limits are added
    /// with [`with_limits`](Problem::with_limits).
    fn from(error: &crate::frame::FrameError) -> Self {
        Self::new(error.code()).with_detail(error.to_string())
    }
}

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

/// A CRC-64/NVME, in JSON as 16 hexadecimal digits, since many readers of JSON know no whole
/// numbers beyond 2^53.
///
/// ```
/// use ingest_protocol::Crc64;
///
/// assert_eq!(serde_json::to_string(&Crc64(0xae8b_1486_0a79_9888))?, r#""ae8b14860a799888""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // a number
pub struct Crc64(pub u64);

impl fmt::Display for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Crc64 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Crc64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(&text, 16).ok().filter(|_| is_hex);
        let number = number.ok_or_else(|| serde::de::Error::custom("not 16 hexadecimal digits"))?;
        Ok(Self(number))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// "You may delete this frame": the one answer that means so.
///
/// A receiver can't make one but by a commit: there is no other constructor. It can be
/// deserialized because that is how a sender, in another process, hears it: from the
/// body of a 200, and as much to be believed as the peer that the transport has
/// authenticated. It is taken for a frame only if it [`answers`](Self::answers) that
/// frame, and unlike a [`Problem`] only if every member is as it must be: half an ack
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, Sealer, Stamp};

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
