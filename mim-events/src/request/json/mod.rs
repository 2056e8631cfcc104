//! Lazy views of JSON text that was validated once: nothing is copied, nothing
//! rewritten, and what is not asked for is not parsed.

mod blocks;
mod skip;
mod unescape;
mod validate;
mod walk;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub(crate) use unescape::unescape;
pub(crate) use validate::{Invalid, TopMember, Valid, validate};
use walk::{Elements, Members, Walk};

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

    /// The value that a text is, with or without blanks around; `None` if it is no JSON.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        validate(text, "", |_| {}).ok()?;
        Some(Self(text.trim_matches([' ', '\t', '\n', '\r'])))
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
        Some(unescape(inner))
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
        let array = self.kind() == ValueKind::Array;
        Elements(Walk::new(if array { self.0 } else { "" }))
    }
}

/// The kind and the length: values are people's data.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?}, {} bytes)", self.kind(), self.0.len())
    }
}

/// Whether a text says nothing: most show at their first character that they do.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
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
        Members(Walk::new(self.0))
    }

    /// The value of a key, compared without regard to ASCII case. Of duplicates
    /// the last wins.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        let [value] = self.pick([key]);
        value
    }

    /// The plain text of a key's value ([`Value::to_text`]), if it is not blank.
    #[must_use]
    pub fn text(self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)
            .and_then(Value::to_text)
            .filter(|text| !is_blank(text))
    }

    /// The value of the member whose key's closing quote is at a place.
    pub(crate) fn value_behind(self, quote: usize) -> Option<Value<'a>> {
        let value = self.0.get(walk::value_behind(self.0, quote))?;
        (!value.is_empty()).then_some(Value(value))
    }

    /// The values of several keys in one pass, each as [`get`](Self::get) finds it.
    pub(crate) fn pick<const N: usize>(self, keys: [&str; N]) -> [Option<Value<'a>>; N] {
        let mut found = [const { 0..0 }; N];
        let mut walk = Walk::new(self.0);
        while let Some(member) = walk.member() {
            for (key, found) in keys.iter().zip(&mut found) {
                if member.is(self.0, key) {
                    *found = member.value.clone();
                }
            }
        }
        found.map(|value| self.0.get(value).filter(|text| !text.is_empty()).map(Value))
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} bytes)", self.0.len())
    }
}
