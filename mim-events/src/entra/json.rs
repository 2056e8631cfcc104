//! One element of an export as an ordered tree.
//!
//! Not `serde_json::Value`: members keep their order and their repetitions, numbers
//! their digits, and `"\ud800"`, which services do write, is read as U+FFFD.

/// A JSON value that has lost nothing but white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Objects and arrays inside one another, at most.
pub(super) const MAX_DEPTH: usize = 128;

/// Values of one element, at most. Each takes some 60 bytes, in the text as few as two;
/// records of real exports have hundreds.
pub(super) const MAX_VALUES: usize = 1 << 20;

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not JSON at this byte.
    Syntax(usize),
    /// More than [`MAX_DEPTH`] levels.
    Depth,
    /// More than [`MAX_VALUES`] values.
    Values,
}

impl Json {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let mut parser = Parser {
            text,
            at: 0,
            values: 0,
        };
        parser.blanks();
        let value = parser.value(0)?;
        parser.blanks();
        if parser.at < text.len() {
            return parser.fail();
        }
        Ok(value)
    }

    /// The member of this name: the last that is spelled so, else the last that
    /// differs only in ASCII case.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let last = |same: fn(&str, &str) -> bool| {
            let member = members.iter().rev().find(|(key, _)| same(key, name));
            member.map(|(_, value)| value)
        };
        last(|a, b| a == b).or_else(|| last(str::eq_ignore_ascii_case))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The text of a member that is not blank.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_line()
    }

    /// A text, number or boolean as text, trimmed; `None` if blank or anything else.
    pub(super) fn as_line(&self) -> Option<String> {
        let line = match self {
            Self::Text(text) | Self::Number(text) => text.trim(),
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Null | Self::Array(_) | Self::Object(_) => return None,
        };
        (!line.is_empty()).then(|| line.to_owned())
    }

    /// The elements of an array, or the one value that stands where an array is usual.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            Self::Object(_) => std::slice::from_ref(self),
            _ => &[],
        }
    }

    /// Whether it says nothing: null, a blank text, no members.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::Array(items) => items.is_empty(),
            Self::Object(members) => members.is_empty(),
            Self::Bool(_) | Self::Number(_) => false,
        }
    }

    /// JSON without white space.
    pub(super) fn to_compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => out.push_str(&quote(text)),
            Self::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    out.push_str(&quote(key));
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// A text as a JSON string.
pub(super) fn quote(text: &str) -> String {
    // Writing a `str` to memory can't fail.
    serde_json::to_string(text).unwrap_or_default()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fail<T>(&self) -> Result<T, Fault> {
        Err(Fault::Syntax(self.at))
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, Fault> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Fault::Values);
        }
        match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => Err(Fault::Depth),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => self.fail(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, Fault> {
        self.at += 1;
        let mut members = Vec::new();
        self.blanks();
        if self.eat(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return self.fail();
            }
            let key = self.string()?;
            self.blanks();
            if !self.eat(b':') {
                return self.fail();
            }
            self.blanks();
            members.push((key, self.value(depth + 1)?));
            self.blanks();
            if self.eat(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.eat(b',') {
                return self.fail();
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.eat(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            self.blanks();
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.eat(b']') {
                return Ok(Json::Array(items));
            }
            if !self.eat(b',') {
                return self.fail();
            }
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, Fault> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return self.fail();
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Json, Fault> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Json::Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.fail();
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let run = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\')) {
                self.at += 1;
            }
            out.push_str(&self.text[run..self.at]);
            if self.eat(b'"') {
                return Ok(out);
            }
            if !self.eat(b'\\') {
                return self.fail();
            }
            let Some(escape) = self.peek() else {
                return self.fail();
            };
            out.push(match escape {
                b'"' | b'\\' | b'/' => char::from(escape),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => {
                    self.at += 1;
                    out.push(self.unicode()?);
                    continue;
                }
                _ => return self.fail(),
            });
            self.at += 1;
        }
    }

    /// The character after `\u`; half of a surrogate pair gives U+FFFD.
    fn unicode(&mut self) -> Result<char, Fault> {
        let first = self.hex()?;
        if !(0xD800..0xDC00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let after_first = self.at;
        if self.eat(b'\\') && self.eat(b'u') {
            let second = self.hex()?;
            if (0xDC00..0xE000).contains(&second) {
                let both = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.at = after_first;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let value = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(value) = value else {
            return self.fail();
        };
        self.at += 4;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_order_digits_and_half_surrogates() {
        let text =
            r#"{"b":1.10,"a":[true,null,"x\ud83d\ude00\ud800y\/"],"b":12345678901234567890123}"#;
        let value = Json::parse(text).unwrap();
        assert_eq!(
            value.to_compact(),
            r#"{"b":1.10,"a":[true,null,"x😀�y/"],"b":12345678901234567890123}"#
        );
        assert_eq!(value.text("B").unwrap(), "12345678901234567890123");
    }

    #[test]
    fn an_exact_name_is_preferred() {
        let value = Json::parse(r#"{"level":"Informational","Level":4}"#).unwrap();
        assert_eq!(value.text("Level").unwrap(), "4");
        assert_eq!(value.text("level").unwrap(), "Informational");
        assert_eq!(value.text("LEVEL").unwrap(), "4");
    }

    #[test]
    fn says_where() {
        assert_eq!(Json::parse(r#"{"a":nope}"#), Err(Fault::Syntax(5)));
        assert_eq!(Json::parse("[1] 2"), Err(Fault::Syntax(4)));
        assert_eq!(Json::parse(r#""\u12"#), Err(Fault::Syntax(3)));
        assert_eq!(Json::parse(&"[".repeat(129)), Err(Fault::Depth));
    }

    #[test]
    fn values_are_bounded() {
        let most = format!("[{}0]", "0,".repeat(MAX_VALUES - 2));
        assert!(Json::parse(&most).is_ok());
        let more = format!("[{}0]", "0,".repeat(MAX_VALUES - 1));
        assert_eq!(Json::parse(&more), Err(Fault::Values));
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in r#"[\[\]{}:," a-c0-9.eE+\\untrlfsd-]{0,40}"#) {
            let own = Json::parse(&text);
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert!(own.is_ok());
            }
            if let Ok(own) = own {
                prop_assert_eq!(Json::parse(&own.to_compact()), Ok(own));
            }
        }

        #[test]
        fn strings_survive(text in any::<String>()) {
            prop_assert_eq!(Json::parse(&quote(&text)), Ok(Json::Text(text)));
        }
    }
}
