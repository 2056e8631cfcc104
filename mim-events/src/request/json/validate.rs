//! One pass over a text that accepts exactly JSON (RFC 8259), as `serde_json` does, and
//! meets the members of the top level on its way, and one key of those below.
//!
//! Half a surrogate pair in an escape is JSON; such halves are counted. Nesting has no
//! limit here, only a measure: what is no JSON is called so first.

use std::mem;
use std::ops::Range;

use super::skip::{Window, is_at, skip_blanks};
use super::unescape;

/// What is known of a text that is valid JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Valid {
    /// The deepest nesting of arrays and objects.
    pub(crate) depth: usize,
    /// Escaped halves of surrogate pairs without their other half.
    pub(crate) halves: usize,
}

/// Where a text stops being JSON: how many bytes were read to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid(pub(crate) usize);

/// A member of the top level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TopMember {
    /// Between its quotes.
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
    /// If the value is an object, the key in it that was looked for, between its quotes: the
    /// last of those that are equal but for ASCII case. Empty where there is none.
    pub(crate) inner: Range<usize>,
}

/// Validates a text and calls `member` for each member of the object that it is, in order.
/// In those that are objects themselves it looks for the key `inner`, unless that is empty.
pub(crate) fn validate(
    text: &str,
    inner: &str,
    member: impl FnMut(TopMember),
) -> Result<Valid, Invalid> {
    let mut pass = Pass {
        text,
        bytes: text.as_bytes(),
        at: 0,
        window: Window::default(),
        halves: 0,
        high: None,
        sought: inner,
        found: 0..0,
    };
    let depth = pass.document(member)?;
    let halves = pass.halves;
    Ok(Valid { depth, halves })
}

struct Pass<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    window: Window,
    halves: usize,
    /// Where the escape of a first half without its second ended.
    high: Option<usize>,
    /// A key of the objects right below the top level.
    sought: &'a str,
    /// Where it was found last in the member that is being read.
    found: Range<usize>,
}

impl Pass<'_> {
    /// The byte here; 0 behind the end, which JSON has no use for either.
    #[inline(always)]
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn blanks(&mut self) {
        if self.peek() <= b' ' {
            self.at = skip_blanks(self.bytes, self.at);
        }
    }

    /// Not JSON from the byte here on.
    #[cold]
    fn fail<T>(&self) -> Result<T, Invalid> {
        self.fail_at(self.at + 1)
    }

    #[cold]
    fn fail_at<T>(&self, read: usize) -> Result<T, Invalid> {
        Err(Invalid(read.min(self.bytes.len())))
    }

    /// The whole text; gives the deepest nesting.
    fn document(&mut self, mut member: impl FnMut(TopMember)) -> Result<usize, Invalid> {
        let mut nest = Nest::default();
        let (mut key, mut value) = (0..0, 0);
        self.blanks();
        'value: loop {
            // Whether a key comes next.
            let mut keyed = match self.peek() {
                b'"' => {
                    let texts = if nest.depth > 1 {
                        let in_object = nest.in_object();
                        let sought = if nest.depth == 2 {
                            self.sought.len()
                        } else {
                            0
                        };
                        self.texts(in_object, sought)
                    } else {
                        let mut window = self.window;
                        let stop = window.next_stop(self.bytes, self.at + 1);
                        Texts {
                            window,
                            stop,
                            key: None,
                        }
                    };
                    self.window = texts.window;
                    self.at = self.string_end(texts.stop)? + 1;
                    if let Some(key) = texts.key {
                        if nest.depth == 2 {
                            self.note(key..self.at - 1);
                        }
                        self.colon()?;
                        continue 'value;
                    }
                    false
                }
                b'{' => {
                    nest.push(true);
                    self.at += 1;
                    self.blanks();
                    let empty = self.peek() == b'}';
                    if empty {
                        self.at += 1;
                        nest.pop();
                    }
                    !empty
                }
                b'[' => {
                    nest.push(false);
                    self.at += 1;
                    self.blanks();
                    if self.peek() != b']' {
                        continue 'value;
                    }
                    self.at += 1;
                    nest.pop();
                    false
                }
                b'-' | b'0'..=b'9' => {
                    self.number()?;
                    false
                }
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => return self.fail(),
            };
            // Behind a value, or before a key.
            while !keyed {
                if nest.depth == 0 {
                    break 'value;
                }
                if nest.depth == 1 && nest.in_object() {
                    member(TopMember {
                        key: key.clone(),
                        value: value..self.at,
                        inner: mem::take(&mut self.found),
                    });
                }
                self.blanks();
                match (self.peek(), nest.in_object()) {
                    (b',', true) => {
                        self.at += 1;
                        self.blanks();
                        keyed = true;
                    }
                    (b',', false) => {
                        self.at += 1;
                        self.blanks();
                        continue 'value;
                    }
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        nest.pop();
                    }
                    _ => return self.fail(),
                }
            }
            if self.peek() != b'"' {
                return self.fail();
            }
            let start = self.at + 1;
            let stop = self.window.next_stop(self.bytes, start);
            let end = self.string_end(stop)?;
            self.at = end + 1;
            self.colon()?;
            if nest.depth == 1 {
                (key, value) = (start..end, self.at);
            } else if nest.depth == 2 {
                self.note(start..end);
            }
        }
        self.blanks();
        if self.at < self.bytes.len() {
            return self.fail();
        }
        Ok(nest.deepest)
    }

    /// The colon behind a key, and the blanks around it.
    #[inline(always)]
    fn colon(&mut self) -> Result<(), Invalid> {
        self.blanks();
        if self.peek() != b':' {
            return self.fail();
        }
        self.at += 1;
        self.blanks();
        Ok(())
    }

    /// The closing quote of a string, given where its plain text stops first.
    #[inline(always)]
    fn string_end(&mut self, stop: usize) -> Result<usize, Invalid> {
        if self.bytes.get(stop) == Some(&b'"') {
            return Ok(stop);
        }
        self.escaped_end(stop)
    }

    /// As [`string_end`](Self::string_end), where a string has escapes or what can't be in it.
    #[inline(never)]
    fn escaped_end(&mut self, mut stop: usize) -> Result<usize, Invalid> {
        loop {
            match self.bytes.get(stop) {
                Some(b'"') => return Ok(stop),
                Some(b'\\') => self.escape(stop)?,
                // A control character, or the end.
                _ => return self.fail_at(stop),
            }
            stop = self.window.next_stop(self.bytes, self.at);
        }
    }

    fn escape(&mut self, start: usize) -> Result<(), Invalid> {
        match self.bytes.get(start + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at = start + 2;
                return Ok(());
            }
            Some(b'u') => self.at = start + 6,
            _ => return self.fail_at(start + 2),
        }
        let digits = self.bytes.get(start + 2..self.at);
        let Some(unit) = digits.and_then(hex) else {
            return self.fail_at(self.at);
        };
        match unit {
            0xD800..0xDC00 => {
                self.halves += 1;
                self.high = Some(self.at);
            }
            // The second half of what ended here.
            0xDC00..0xE000 if self.high == Some(start) => {
                self.halves -= 1;
                self.high = None;
            }
            0xDC00..0xE000 => self.halves += 1,
            _ => {}
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Invalid> {
        if self.peek() == b'-' {
            self.at += 1;
        }
        match self.peek() {
            b'0' => {
                self.at += 1;
                if self.peek().is_ascii_digit() {
                    return self.fail();
                }
            }
            b'1'..=b'9' => self.digits(),
            _ => return self.fail(),
        }
        if self.peek() == b'.' {
            self.at += 1;
            if !self.peek().is_ascii_digit() {
                return self.fail();
            }
            self.digits();
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            if !self.peek().is_ascii_digit() {
                return self.fail();
            }
            self.digits();
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
    }

    /// A word, behind which no key can be.
    fn word(&mut self, word: &[u8]) -> Result<bool, Invalid> {
        for expected in word {
            if self.peek() != *expected {
                return self.fail();
            }
            self.at += 1;
        }
        Ok(false)
    }

    /// Notes a key right below the top level if it is the one that is looked for, whose
    /// escapes only make it longer.
    #[inline(always)]
    fn note(&mut self, key: Range<usize>) {
        if key.len() >= self.sought.len() && !self.sought.is_empty() {
            self.compare(key);
        }
    }

    #[inline(never)]
    fn compare(&mut self, key: Range<usize>) {
        let own = self.text.get(key.clone()).unwrap_or_default();
        // Most are spelled as they are looked for, which is quicker to see.
        if own == self.sought
            || own.eq_ignore_ascii_case(self.sought)
            || own.contains('\\') && unescape(own).eq_ignore_ascii_case(self.sought)
        {
            self.found = key;
        }
    }

    /// Most text is texts behind each other, without escapes in them and blanks between: reads
    /// on over such from the text here, an element of an array or a value in an object. Keys
    /// of the length that is looked for are compared (0: none is).
    #[inline(never)]
    fn texts(&mut self, in_object: bool, sought: usize) -> Texts {
        let (bytes, mut window) = (self.bytes, self.window);
        let mut stop = window.next_stop(bytes, self.at + 1);
        let mut key = None;
        while is_at(bytes, stop, b"\",\"") {
            let start = stop + 3;
            stop = window.next_stop(bytes, start);
            if in_object {
                if !is_at(bytes, stop, b"\":\"") {
                    key = Some(start);
                    break;
                }
                if stop - start == sought {
                    self.compare(start..stop);
                }
                stop = window.next_stop(bytes, stop + 3);
            }
        }
        Texts { window, stop, key }
    }
}

/// Where a run of texts is no longer plain.
struct Texts {
    window: Window,
    /// What stops the plain text of the last string.
    stop: usize,
    /// Where the key begins that this string is, if it is one.
    key: Option<usize>,
}

/// Four hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| {
        Some(value << 4 | char::from(*digit).to_digit(16)?)
    })
}

/// What the place is inside of: for each level, whether it is an object.
#[derive(Default)]
struct Nest {
    depth: usize,
    deepest: usize,
    /// The innermost levels, at most 64; the lowest bit is the innermost.
    inner: u64,
    /// The levels around them, 64 in each.
    outer: Vec<u64>,
}

impl Nest {
    #[inline(always)]
    fn in_object(&self) -> bool {
        self.inner & 1 == 1
    }

    #[inline(always)]
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.inner);
        }
        self.inner = self.inner << 1 | u64::from(object);
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
    }

    #[inline(always)]
    fn pop(&mut self) {
        self.inner >>= 1;
        self.depth -= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.inner = self.outer.pop().unwrap_or_default();
        }
    }
}
