//! The first pass over a document: is it JSON, and where are its known members?

use std::borrow::Cow;
use std::ops::Range;

use super::json::{Invalid, TopMember, Valid, unescape, validate};
use super::reference::Resource;
use crate::{Error, ErrorKind, Result};

/// A byte range of the source; `0..0` where there is nothing.
pub(super) type Span = Range<u32>;

macro_rules! fields {
    ($($field:ident = $key:literal),* $(,)?) => {
        /// Where the known members of a document are; of duplicates the last.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(super) struct Fields { $(pub(super) $field: Span,)* }

        impl Fields {
            pub(super) const KEYS: &'static [&'static str] = &[$($key),*];

            /// From the spans of the [`KEYS`](Self::KEYS), in their order.
            fn new(spans: [Span; Self::KEYS.len()]) -> Self {
                let [$($field),*] = spans;
                Self { $($field),* }
            }
        }
    };
}

fields! {
    id = "HybridObjectID",
    committed = "CommittedTime",
    created = "CreatedTime",
    expires = "ExpirationTime",
    completed = "msidmCompletedTime",
    creator = "Creator",
    policies = "ManagementPolicy",
    target = "Target",
    authentication = "AuthenticationWorkflowInstance",
    authorization = "AuthorizationWorkflowInstance",
    action = "ActionWorkflowInstance",
    display_name = "DisplayName",
    object_type = "ObjectType",
    operation = "Operation",
    status = "RequestStatus",
    target_type = "TargetObjectType",
    partition = "ServicePartitionName",
    parameters = "RequestParameter",
    parent = "ParentRequest",
    computed_actor = "ComputedActor",
    justification = "Justification",
    reason = "Reason",
    status_detail = "RequestStatusDetail",
    control = "RequestControl",
    collateral = "HasCollateralRequest",
    context = "msidmRequestContext",
    description = "Description",
    locale = "Locale",
    resource_time = "ResourceTime",
    deleted = "DeletedTime",
    mv_object_id = "MVObjectID",
    detected_rules = "DetectedRulesList",
    expected_rules = "ExpectedRulesList",
}

/// A valid document in a text.
pub(super) struct Located {
    pub(super) top: Span,
    pub(super) fields: Fields,
    pub(super) ids: Ids,
    pub(super) valid: Valid,
}

/// Where the key `HybridObjectID` ends in the resources that are asked for it most: the place
/// of its closing quote, counted from the resource's first byte, or 0 where there is none.
/// To look for it later would be to read all of the resource again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) creator: u32,
    pub(super) target: u32,
}

impl Ids {
    /// That of the known member of this number.
    #[inline(always)]
    fn of(&mut self, known: usize) -> Option<&mut u32> {
        const CREATOR: usize = number(b"Creator");
        const TARGET: usize = number(b"Target");
        if known == CREATOR {
            Some(&mut self.creator)
        } else if known == TARGET {
            Some(&mut self.target)
        } else {
            None
        }
    }
}

/// The number of a known key.
const fn number(key: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let known = Fields::KEYS[at].as_bytes();
        let mut same = 0;
        while same < known.len() && same < key.len() && known[same] == key[same] {
            same += 1;
        }
        if same == known.len() && same == key.len() {
            return at;
        }
        at += 1;
    }
}

/// Validates the document and finds its known members. The text is at most 4 GiB - 1.
pub(super) fn locate(text: &str) -> Result<Located> {
    let top = trimmed(text);
    let document = text.get(top.clone()).unwrap_or_default();
    let start = top.start as u32;
    let mut spans = [const { 0..0 }; Fields::KEYS.len()];
    let mut ids = Ids::default();
    let valid = validate(document, Resource::ID, |member| {
        let TopMember { key, value, inner } = member;
        let known = document.get(key).and_then(position);
        let Some((at, span)) = known.and_then(|at| Some((at, spans.get_mut(at)?))) else {
            return;
        };
        if let Some(id) = ids.of(at) {
            *id = inner.end.saturating_sub(value.start) as u32;
        }
        *span = start + value.start as u32..start + value.end as u32;
    });
    let valid = valid.map_err(|Invalid(read)| {
        let (line, column) = place(text, top.start + read);
        Error::new(ErrorKind::Json).at_line(line, column)
    })?;
    let top = start..top.end as u32;
    let fields = Fields::new(spans);
    Ok(Located {
        top,
        fields,
        ids,
        valid,
    })
}

/// The line, from 1, and the column, in bytes, of the last of so many bytes.
fn place(text: &str, read: usize) -> (u64, u64) {
    let read = text.as_bytes().get(..read).unwrap_or_default();
    let line = read.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let column = read.iter().rev().take_while(|byte| **byte != b'\n').count();
    (line, column as u64)
}

/// Which of the known keys this is, without regard to ASCII case.
fn position(key: &str) -> Option<usize> {
    /// For each length the keys that have it, a bit for each.
    const OF_LENGTH: [u64; 32] = {
        let mut lengths = [0; 32];
        let mut at = 0;
        while at < Fields::KEYS.len() {
            lengths[Fields::KEYS[at].len()] |= 1 << at;
            at += 1;
        }
        lengths
    };
    let same_length = OF_LENGTH.get(key.len()).copied().unwrap_or(0);
    let find = |same: fn(&str, &str) -> bool| {
        let mut rest = same_length;
        while rest != 0 {
            let at = rest.trailing_zeros() as usize;
            if same(Fields::KEYS.get(at)?, key) {
                return Some(at);
            }
            rest &= rest - 1;
        }
        None
    };
    // Most are spelled as they are here, which is quicker to see.
    if let Some(at) = find(|a, b| a == b).or_else(|| find(str::eq_ignore_ascii_case)) {
        return Some(at);
    }
    // No known key needs escapes, but may have them.
    let plain = unescape(key);
    if let Cow::Borrowed(_) = plain {
        return None;
    }
    let same = |known: &&str| known.eq_ignore_ascii_case(&plain);
    Fields::KEYS.iter().position(same)
}

/// The document inside a byte order mark, NULs and blanks.
fn trimmed(source: &str) -> Range<usize> {
    let blank = |c: char| matches!(c, '\u{FEFF}' | '\0' | ' ' | '\t' | '\r' | '\n');
    let end = source.trim_end_matches(blank).len();
    let start = source.len() - source.trim_start_matches(blank).len();
    start.min(end)..end
}

/// Escapes control characters inside strings, leaving the rest as it is.
pub(super) fn escape_controls(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut inside, mut escaped, mut copied) = (false, false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => inside = !inside,
            c if inside && (c as u32) < 0x20 => {
                out.push_str(text.get(copied..at).unwrap_or_default());
                // A backslash before it would make the escape mean something else.
                out.push_str(if escaped { "\\" } else { "" });
                out.push_str(&format!("\\u{:04x}", c as u32));
                copied = at + 1;
            }
            _ => {}
        }
        escaped = inside && c == '\\' && !escaped;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}
