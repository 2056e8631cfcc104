//! A walk over the items of an array or object that is known to be valid.

use std::borrow::Cow;
use std::ops::Range;

use super::skip::{Window, closing_quote, is_at, skip_blanks, string_end, value_end};
use super::{Value, unescape};

/// The members of a valid object, in order.
#[derive(Clone)]
pub(super) struct Members<'a>(pub(super) Walk<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.0.member()?;
        let key = self.0.text.get(member.key)?;
        let value = Value(self.0.text.get(member.value)?);
        let key = if member.escaped {
            unescape(key)
        } else {
            Cow::Borrowed(key)
        };
        Some((key, value))
    }
}

/// The elements of a valid array, in order.
#[derive(Clone)]
pub(super) struct Elements<'a>(pub(super) Walk<'a>);

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let element = self.0.element()?;
        self.0.text.get(element).map(Value)
    }
}

/// Where the parts of a member are.
pub(super) struct Member {
    /// Between its quotes.
    key: Range<usize>,
    /// Whether the key has escapes.
    escaped: bool,
    pub(super) value: Range<usize>,
}

impl Member {
    /// Whether a key is this member's, without regard to ASCII case.
    #[inline(always)]
    pub(super) fn is(&self, text: &str, key: &str) -> bool {
        if self.escaped {
            let own = text.get(self.key.clone()).unwrap_or_default();
            return unescape(own).eq_ignore_ascii_case(key);
        }
        if self.key.len() != key.len() {
            return false;
        }
        let own = text.as_bytes().get(self.key.clone()).unwrap_or_default();
        own == key.as_bytes() || own.eq_ignore_ascii_case(key.as_bytes())
    }
}

#[derive(Clone)]
pub(super) struct Walk<'a> {
    text: &'a str,
    /// The bracket or comma before the next item, blanks before it, or the last bracket.
    at: usize,
    window: Window,
}

impl<'a> Walk<'a> {
    /// Over the items of an array or object from its opening bracket on.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            window: Window::default(),
        }
    }

    #[inline]
    pub(super) fn element(&mut self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let start = next_item(bytes, self.at)?;
        self.at = value_end(bytes, start, &mut self.window);
        Some(start..self.at)
    }

    #[inline]
    pub(super) fn member(&mut self) -> Option<Member> {
        let bytes = self.text.as_bytes();
        let key = next_item(bytes, self.at)? + 1;
        let stop = self.window.next_stop(bytes, key);
        if is_at(bytes, stop, b"\":\"") {
            // Most members: a text without blanks before it.
            let value = stop + 2;
            self.at = string_end(bytes, value, &mut self.window);
            return Some(Member {
                key: key..stop,
                escaped: false,
                value: value..self.at,
            });
        }
        let end = closing_quote(bytes, stop, &mut self.window);
        let value = value_start(bytes, end);
        self.at = value_end(bytes, value, &mut self.window);
        Some(Member {
            key: key..end,
            escaped: end != stop,
            value: value..self.at,
        })
    }
}

/// Where the value begins, behind the quote that ends its key.
#[inline(always)]
fn value_start(bytes: &[u8], end: usize) -> usize {
    // The colon has blanks around it, or none.
    let colon = skip_blanks(bytes, end + 1);
    skip_blanks(bytes, colon + 1)
}

/// Where the value is, behind the quote that ends its key.
pub(super) fn value_behind(text: &str, end: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let start = value_start(bytes, end);
    start..value_end(bytes, start, &mut Window::default())
}

/// Where the next item begins, from the bracket or comma before it; `None` at the end.
#[inline(always)]
fn next_item(bytes: &[u8], at: usize) -> Option<usize> {
    let before = skip_blanks(bytes, at);
    if !matches!(bytes.get(before), Some(b',' | b'{' | b'[')) {
        return None;
    }
    let start = skip_blanks(bytes, before + 1);
    // Where there are no items, a bracket follows.
    (!matches!(bytes.get(start), None | Some(b'}' | b']'))).then_some(start)
}
