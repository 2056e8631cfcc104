//! [`Code`]: why a frame or a record was refused.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Action;

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

            pub(super) fn registered(&self) -> Option<(u16, Action, &'static str)> {
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
    /// A record that is not of the frame's format. For [`Rejected`](super::Rejected) alone.
    pub const NOT_JSON: Self = Self::from_static("not_json");
    /// A record that the receiver can't use. For [`Rejected`](super::Rejected) alone.
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
