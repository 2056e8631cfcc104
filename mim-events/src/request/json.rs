//! Lazy views of JSON text that was validated once: nothing is copied, nothing
//! rewritten, and what is not asked for is not parsed.

use std::borrow::Cow;
use std::fmt;

use crate::{Error, ErrorKind, Result};

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(
    clippy::exhaustive_enums,
    reason = "JSON has no other kinds (RFC 8259, section 3)"
)]
pub enum ValueKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, kept as it was written.
    Number,
    /// A string.
    Text,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A JSON value as a slice of a validated document.
///
/// The raw text stays: numbers keep their digits, objects the order of their keys
/// and their duplicates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// `text` must be one JSON value without blanks around, which was validated.
    pub(crate) fn from_valid(text: &'a str) -> Self {
        Self(text)
    }

    /// The JSON text, exactly as in the document.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.0
    }

    /// What the value is.
    #[must_use]
    pub fn kind(self) -> ValueKind {
        match self.0.as_bytes().first() {
            Some(b'"') => ValueKind::Text,
            Some(b'{') => ValueKind::Object,
            Some(b'[') => ValueKind::Array,
            Some(b't' | b'f') => ValueKind::Bool,
            Some(b'n') | None => ValueKind::Null,
            Some(_) => ValueKind::Number,
        }
    }

    /// The text of a string, without its escapes; `None` for anything else.
    ///
    /// Half a surrogate pair (`\ud83d` alone), which JSON allows and Unicode does
    /// not, is read as U+FFFD.
    #[must_use]
    pub fn as_text(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(unescape(inner).0)
    }

    /// The value as plain text: of a string its text, of a number or boolean what
    /// is written; `None` for null, arrays and objects.
    #[must_use]
    pub fn to_text(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            ValueKind::Text => self.as_text(),
            ValueKind::Number | ValueKind::Bool => Some(Cow::Borrowed(self.0)),
            ValueKind::Null | ValueKind::Array | ValueKind::Object => None,
        }
    }

    /// A boolean in any form that MIM writes: `"0"`, `"1"`, `"true"`, `"False"`,
    /// `true`, `1`.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        let text = self.to_text()?;
        let text = text.trim();
        if text == "1" || text.eq_ignore_ascii_case("true") {
            Some(true)
        } else if text == "0" || text.eq_ignore_ascii_case("false") {
            Some(false)
        } else {
            None
        }
    }

    /// The object; `None` for anything else.
    #[must_use]
    pub fn as_object(self) -> Option<Object<'a>> {
        (self.kind() == ValueKind::Object).then_some(Object(self.0))
    }

    /// Whether the value says nothing: `null`, `""` or `[]`.
    #[must_use]
    pub fn is_none(self) -> bool {
        match self.kind() {
            ValueKind::Null => true,
            ValueKind::Text => self.0.len() <= 2,
            ValueKind::Array => self.elements().next().is_none(),
            _ => false,
        }
    }

    /// One or many: the elements of an array, or the value itself. `null`, `""`
    /// and `[]` are none. MIM writes a single value of a list without its brackets.
    pub fn items(self) -> impl Iterator<Item = Value<'a>> + Clone + use<'a> {
        let single = (self.kind() != ValueKind::Array && !self.is_none()).then_some(self);
        single.into_iter().chain(self.elements())
    }

    /// The elements of an array; none of anything else.
    fn elements(self) -> Elements<'a> {
        let rest = match self.kind() {
            ValueKind::Array => self
                .0
                .get(1..self.0.len().saturating_sub(1))
                .unwrap_or_default(),
            _ => "",
        };
        Elements { rest }
    }
}

/// The kind and the length: values are people's data.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?}, {} bytes)", self.kind(), self.0.len())
    }
}

/// A JSON object as a slice of a validated document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Object<'a>(&'a str);

impl<'a> Object<'a> {
    pub(crate) fn from_valid(text: &'a str) -> Self {
        Self(text)
    }

    /// The JSON text, exactly as in the document.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.0
    }

    /// The members in the document's order, duplicates included.
    pub fn members(self) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>)> + Clone + use<'a> {
        self.raw_members()
            .map(|(key, value)| (unescape(key).0, value))
    }

    /// The value of a key, compared without regard to ASCII case. Of duplicates
    /// the last wins.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        self.raw_members()
            .filter(|(raw, _)| key_is(raw, key))
            .last()
            .map(|(_, value)| value)
    }

    /// The plain text of a key's value ([`Value::to_text`]), if it is not blank.
    #[must_use]
    pub fn text(self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)
            .and_then(Value::to_text)
            .filter(|text| !text.trim().is_empty())
    }

    pub(crate) fn raw_members(self) -> Members<'a> {
        Members {
            rest: self
                .0
                .get(1..self.0.len().saturating_sub(1))
                .unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} bytes)", self.0.len())
    }
}

/// Whether a key as written is a name, without regard to ASCII case.
pub(crate) fn key_is(raw: &str, name: &str) -> bool {
    raw.eq_ignore_ascii_case(name)
        || (raw.contains('\\') && unescape(raw).0.eq_ignore_ascii_case(name))
}

#[derive(Clone)]
struct Elements<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let start = skip_blanks(self.rest);
        let (value, rest) = start.split_at(value_len(start));
        self.rest = skip_comma(rest);
        (!value.is_empty()).then_some(Value(value))
    }
}

/// Keys as written between their quotes, with their values.
#[derive(Clone)]
pub(crate) struct Members<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = skip_blanks(self.rest);
        let (key, rest) = start.split_at(value_len(start));
        let key = key.strip_prefix('"')?.strip_suffix('"')?;
        let start = skip_blanks(skip_blanks(rest).strip_prefix(':')?);
        let (value, rest) = start.split_at(value_len(start));
        self.rest = skip_comma(rest);
        Some((key, Value(value)))
    }
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

fn skip_comma(text: &str) -> &str {
    let text = skip_blanks(text);
    text.strip_prefix(',').unwrap_or(text)
}

/// The length of the valid JSON value that the text begins with.
fn value_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b'"') => string_len(bytes),
        Some(b'{' | b'[') => {
            let (mut at, mut depth) = (0, 0_usize);
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => {
                        at += string_len(bytes.get(at..).unwrap_or_default());
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return at + 1;
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
            at
        }
        _ => bytes
            .iter()
            .take_while(|byte| !matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
            .count(),
    }
}

/// The length of the string that the bytes begin with, quotes included.
fn string_len(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Removes the escapes of a valid string's inner text; also returns how many
/// halves of surrogate pairs were replaced.
pub(crate) fn unescape(inner: &str) -> (Cow<'_, str>, usize) {
    let Some(first) = inner.find('\\') else {
        return (Cow::Borrowed(inner), 0);
    };
    let (clean, mut rest) = inner.split_at(first);
    let mut out = String::with_capacity(inner.len());
    out.push_str(clean);
    let mut replaced = 0;
    while let Some(after) = rest.strip_prefix('\\') {
        let mut chars = after.chars();
        let escape = chars.next().unwrap_or('\\');
        rest = chars.as_str();
        match escape {
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let (unit, after) = hex4(rest);
                rest = after;
                let low = (0xD800..0xDC00)
                    .contains(&unit)
                    .then(|| rest.strip_prefix("\\u").map(hex4))
                    .flatten()
                    .filter(|(low, _)| (0xDC00..0xE000).contains(low));
                let code = match low {
                    Some((low, after)) => {
                        rest = after;
                        0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
                    }
                    None => unit,
                };
                out.push(char::from_u32(code).unwrap_or_else(|| {
                    replaced += 1;
                    char::REPLACEMENT_CHARACTER
                }));
            }
            other => out.push(other), // `"`, `\` and `/` stand for themselves
        }
        let next = rest.find('\\').unwrap_or(rest.len());
        let (clean, after) = rest.split_at(next);
        out.push_str(clean);
        rest = after;
    }
    (Cow::Owned(out), replaced)
}

fn hex4(text: &str) -> (u32, &str) {
    match text.split_at_checked(4) {
        Some((digits, rest)) => (u32::from_str_radix(digits, 16).unwrap_or(0xFFFD), rest),
        None => (0xFFFD, ""),
    }
}

/// Checks that nesting stays within a limit. The text is valid JSON.
pub(crate) fn check_depth(text: &str, limit: usize) -> Result<()> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut deepest) = (0, 0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += string_len(bytes.get(at..).unwrap_or_default());
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    if deepest > limit {
        let what = "nesting depth";
        return Err(Error::new(ErrorKind::Limit {
            what,
            actual: deepest as u64,
            limit: limit as u64,
        }));
    }
    Ok(())
}

/// How many halves of surrogate pairs the valid text escapes. Cheap where there is no `\u`.
pub(crate) fn count_replaced(text: &str) -> usize {
    if !text.contains("\\u") {
        return 0;
    }
    let bytes = text.as_bytes();
    let (mut at, mut count) = (0, 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('"')) {
        let start = at + found;
        at = start + string_len(bytes.get(start..).unwrap_or_default());
        count += text
            .get(start + 1..at.saturating_sub(1))
            .map_or(0, |inner| unescape(inner).1);
    }
    count
}
