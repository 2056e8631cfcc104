//! [`Problem`]: a refusal, as JSON.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Action, Code, Crc64, lenient};
use crate::StreamId;
use crate::frame::{FrameError, Header, Limits};

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
            title: Cow::Borrowed(title),
            code: Some(code),
            told_action: Some(action),
            ..Self::of_status(status)
        }
    }

    /// What is known where a body says nothing.
    pub(super) fn of_status(status: u16) -> Self {
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

impl From<&FrameError> for Problem {
    /// The problem a receiver answers for bytes that are wrong. Its limits are added
    /// with [`with_limits`](Problem::with_limits).
    fn from(error: &FrameError) -> Self {
        Self::new(error.code()).with_detail(error.to_string())
    }
}
