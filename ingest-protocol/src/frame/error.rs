//! What can be wrong with a frame's bytes, and what follows from it.

use crate::answer::{Action, Code};
use crate::{Audience, KeyId};

/// What is wrong with a frame's bytes, and where. [`code`](Self::code) and
/// [`action`](Self::action) say what a receiver answers and what its sender then
/// does ([SPEC](crate::spec) section 6).
///
/// Bytes that end too early are told from bytes that are wrong:
///
/// ```
/// use ingest_protocol::frame::{Header, Limits};
///
/// let torn = Header::peek(b"\x89IGB", &Limits::default()).unwrap_err();
/// assert_eq!(torn.needed(), Some(96));
/// let wrong = Header::peek(b"{\"a\":1}", &Limits::default()).unwrap_err();
/// assert_eq!(wrong.needed(), None);
/// assert_eq!(wrong.code().as_str(), "malformed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct FrameError {
    kind: FrameErrorKind,
    offset: u64,
}

/// The rule that a frame's bytes break. New kinds may be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameErrorKind {
    /// The bytes end before the frame does: read on, or send it again.
    #[error("the frame is torn: {needed} bytes are needed, {available} are there")]
    Truncated {
        /// Bytes that are needed to go on. This is the length of the whole frame
        /// once its header is there.
        needed: u64,
        /// Bytes that are there.
        available: u64,
    },
    /// Bytes follow the frame. Where frames follow each other, cut them first by
    /// [`Header::frame_len`](super::Header::frame_len).
    #[error("{extra} bytes follow the frame")]
    Trailing {
        /// Bytes that follow.
        extra: u64,
    },
    /// The bytes do not begin as a frame does.
    #[error("not a frame: it begins with other bytes")]
    Magic,
    /// A version of the protocol that this build can't read: update it, or seal
    /// for the older version.
    #[error("a frame of version {major}, and only 1 is known")]
    Version {
        /// The frame's major version.
        major: u8,
    },
    /// The header's length can't be.
    #[error("a header of {length} bytes can't be")]
    HeaderLength {
        /// The length that the header gives for itself.
        length: u16,
    },
    /// The header's checksum does not match its bytes. Nothing in it is believed.
    #[error("the header's checksum does not match")]
    HeaderChecksum,
    /// The frame needs what this version does not know.
    #[error("the frame needs what is not known here: flags {flags:#010x}")]
    Flags {
        /// The bits of `must` that are not known.
        flags: u32,
    },
    /// The frame needs what this build leaves out.
    #[error("the frame needs the feature `{feature}`, which this program was built without")]
    Feature {
        /// The crate's feature.
        feature: &'static str,
    },
    /// The records have a format that is not registered.
    #[error("records of the unknown format {format}")]
    Format {
        /// The format's number.
        format: u16,
    },
    /// A field of the header has a value that can't be.
    #[error("the header's `{field}` has a value that can't be")]
    Field {
        /// The field, named as in the specification.
        field: &'static str,
    },
    /// The frame is larger than it may be: split it.
    #[error("the frame has {value} of `{limit}`, at most {allowed} are accepted")]
    Limit {
        /// The member of [`Limits`](super::Limits).
        limit: &'static str,
        /// What the frame has.
        value: u64,
        /// What is accepted.
        allowed: u64,
    },
    /// The body's checksum does not match its bytes.
    #[error("the body's checksum does not match")]
    BodyChecksum,
    /// The compressed body can't be expanded to what the header says.
    #[error("the compressed body is damaged: {problem}")]
    Codec {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A section of the body contradicts the header or itself.
    #[error("section {section:#06x} of the body is damaged: {problem}")]
    Section {
        /// The section's kind.
        section: u16,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A section that must be understood is not known.
    #[error("section {section:#06x} of the body is not known here")]
    UnknownSection {
        /// The section's kind.
        section: u16,
    },
    /// The frame is for someone else.
    #[error("the frame is for another audience")]
    WrongAudience {
        /// For whom it is.
        audience: Audience,
    },
    /// A MAC is required and the frame has none.
    #[error("the frame carries no MAC, and one is required")]
    MacMissing,
    /// No key of this name is held for the frame's audience.
    #[error("no key {key_id} is held for the frame's audience")]
    UnknownKey {
        /// The key that is missing.
        key_id: KeyId,
    },
    /// The MAC does not match: the key differs, or the bytes were changed.
    #[error("the MAC does not match: the key differs, or the frame was changed")]
    Mac,
    /// The body is encrypted, and no keys were given.
    #[error("the body is encrypted, and no keys were given")]
    Encrypted,
    /// Encryption is required and the body is in the clear.
    #[error("the body is in the clear, and encryption is required")]
    Cleartext,
    /// The body can't be decrypted: the key differs, or the bytes were changed.
    #[error("the body can't be decrypted: the key differs, or the frame was changed")]
    Decrypt,
}

impl FrameErrorKind {
    pub(crate) fn at(self, offset: usize) -> FrameError {
        FrameError {
            kind: self,
            offset: offset as u64,
        }
    }
}

impl FrameError {
    /// The rule that is broken.
    #[must_use]
    pub fn kind(&self) -> &FrameErrorKind {
        &self.kind
    }

    /// Where, in bytes from the beginning of the frame. In the sections of a body
    /// that was compressed or encrypted: from the beginning of the header as if the
    /// body were neither.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes are needed to go on, where the only fault is that they end too
    /// early; `None` where more bytes can't help.
    #[must_use]
    pub fn needed(&self) -> Option<u64> {
        match self.kind {
            FrameErrorKind::Truncated { needed, .. } => Some(needed),
            _ => None,
        }
    }

    /// What a receiver answers.
    #[must_use]
    pub fn code(&self) -> Code {
        use FrameErrorKind::*;
        match self.kind {
            Truncated { .. }
            | Trailing { .. }
            | Magic
            | HeaderLength { .. }
            | Field { .. }
            | Section { .. } => Code::MALFORMED,
            HeaderChecksum | BodyChecksum | Codec { .. } => Code::CORRUPT,
            Version { .. }
            | Flags { .. }
            | Feature { .. }
            | Format { .. }
            | UnknownSection { .. }
            | Encrypted => Code::UNSUPPORTED,
            Limit { .. } => Code::TOO_LARGE,
            WrongAudience { .. } => Code::WRONG_AUDIENCE,
            UnknownKey { .. } => Code::UNKNOWN_KEY,
            MacMissing | Mac | Cleartext | Decrypt => Code::BAD_MAC,
        }
    }

    /// What the sender does then.
    #[must_use]
    pub fn action(&self) -> Action {
        self.code().action().unwrap_or(Action::Hold)
    }
}
