//! The header of a part.

use std::fmt;

use uuid::Uuid;

use crate::text::Utf16;

/// The header with which every part of a long request begins.
///
/// `Display` writes the form in which MIM is known to write it.
///
/// ```
/// use mim_events::message::Header;
/// use mim_events::text::Utf16;
///
/// let text = "Request '9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01', message 2 out of 3: \n{}";
/// let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
/// let (header, body) = Header::parse(Utf16::from_le_bytes(&bytes)).ok_or("no header")?;
/// assert_eq!((header.number, header.total), (2, 3));
/// assert_eq!(body.to_string(), "{}");
/// assert_eq!(header.to_string() + "{}", text);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Header {
    /// The GUID that all parts of a document share.
    pub request: Uuid,
    /// The part's number, from 1. Not checked: see [`Assembler`](crate::message::Assembler).
    pub number: u64,
    /// How many parts there are. Numbers beyond 64 bits read as the largest.
    pub total: u64,
}

impl Header {
    /// A part's header.
    #[must_use]
    pub fn new(request: Uuid, number: u64, total: u64) -> Self {
        Self {
            request,
            number,
            total,
        }
    }

    /// Reads a header and returns it with what follows, the part's body.
    /// `None` if the text does not begin with one.
    #[must_use]
    pub fn parse(text: Utf16<'_>) -> Option<(Self, Utf16<'_>)> {
        let mut cursor = Cursor(text.as_le_bytes());
        cursor.blanks();
        cursor.word("Request")?;
        cursor.blanks();
        cursor.eat(b':');
        cursor.blanks();
        cursor.quote();
        let request = cursor.guid()?;
        cursor.quote();
        cursor.blanks();
        cursor.eat(b',').then_some(())?;
        cursor.blanks();
        cursor.word("message")?;
        cursor.some_blanks()?;
        let number = cursor.number()?;
        cursor.some_blanks()?;
        cursor.word("out")?;
        cursor.some_blanks()?;
        cursor.word("of")?;
        cursor.some_blanks()?;
        let total = cursor.number()?;
        cursor.blanks_of_line();
        cursor.eat(b':');
        cursor.blanks_of_line();
        cursor.line_break();
        Some((
            Self::new(request, number, total),
            Utf16::from_le_bytes(cursor.0),
        ))
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Request '{}', message {} out of {}: ",
            self.request, self.number, self.total
        )
    }
}

/// Whether a code unit is white space. No white space lies beyond the first plane.
pub(super) fn is_blank(unit: u16) -> bool {
    char::from_u32(u32::from(unit)).is_some_and(char::is_whitespace)
}

/// The bytes that are left, two for each unit.
#[derive(Clone, Copy)]
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn peek(&self) -> Option<u16> {
        self.0.first_chunk().copied().map(u16::from_le_bytes)
    }

    fn skip(&mut self) {
        self.0 = self.0.get(2..).unwrap_or_default();
    }

    fn peek_ascii(&self) -> Option<u8> {
        self.peek().and_then(|unit| u8::try_from(unit).ok())
    }

    fn eat(&mut self, wanted: u8) -> bool {
        let found = self.peek_ascii() == Some(wanted);
        if found {
            self.skip();
        }
        found
    }

    fn quote(&mut self) {
        let _ = self.eat(b'\'') || self.eat(b'"');
    }

    fn word(&mut self, word: &str) -> Option<()> {
        for letter in word.bytes() {
            self.peek_ascii()
                .filter(|found| found.eq_ignore_ascii_case(&letter))?;
            self.skip();
        }
        Some(())
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.skip();
        }
    }

    fn some_blanks(&mut self) -> Option<()> {
        self.peek().filter(|&unit| is_blank(unit))?;
        self.blanks();
        Some(())
    }

    fn blanks_of_line(&mut self) {
        while self.eat(b' ') || self.eat(b'\t') {}
    }

    fn line_break(&mut self) {
        let mut after = *self;
        after.eat(b'\r');
        if after.eat(b'\n') {
            *self = after;
        }
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = None;
        while let Some(digit) = self.peek_ascii().filter(u8::is_ascii_digit) {
            let digit = u64::from(digit - b'0');
            number = Some(
                number
                    .unwrap_or(0_u64)
                    .saturating_mul(10)
                    .saturating_add(digit),
            );
            self.skip();
        }
        number
    }

    /// 32 hexadecimal digits, in groups or not, in braces or not.
    fn guid(&mut self) -> Option<Uuid> {
        let braces = self.eat(b'{');
        let mut hyphens = None;
        let mut value = 0_u128;
        for at in 0..32 {
            if matches!(at, 8 | 12 | 16 | 20) {
                let hyphen = self.eat(b'-');
                if *hyphens.get_or_insert(hyphen) != hyphen {
                    return None;
                }
            }
            let digit = char::from(self.peek_ascii()?).to_digit(16)?;
            value = value << 4 | u128::from(digit);
            self.skip();
        }
        (!braces || self.eat(b'}')).then(|| Uuid::from_u128(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(0x3f0a_9d52_7c1e_4d1b_b0a4_5b0c_2b1f_9e77);

    fn parse(text: &str) -> Option<(u64, u64, String)> {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (header, body) = Header::parse(Utf16::from_le_bytes(&bytes))?;
        assert_eq!(header.request, ID, "{text}");
        Some((header.number, header.total, body.to_string_lossy()))
    }

    fn reads(text: &str, number: u64, total: u64, body: &str) {
        assert_eq!(parse(text), Some((number, total, body.into())), "{text:?}");
    }

    #[test]
    fn both_known_forms() {
        reads(
            "Request '3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77', message 2 out of 3: \n{\"a\":1}",
            2,
            3,
            "{\"a\":1}",
        );
        reads(
            "Request: {3F0A9D52-7C1E-4D1B-B0A4-5B0C2B1F9E77} , message 2 out of 3\r\n{\"a\":1}",
            2,
            3,
            "{\"a\":1}",
        );
    }

    #[test]
    fn variants_of_the_grammar() {
        let id = "3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77";
        for guid in [
            id,
            "3F0A9d52-7c1e-4D1B-b0a4-5b0c2b1f9e77",
            "{3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77}",
            "3f0a9d527c1e4d1bb0a45b0c2b1f9e77",
            "{3F0A9D527C1E4D1BB0A45B0C2B1F9E77}",
        ] {
            for (open, close) in [("", ""), ("'", "'"), ("\"", "\""), ("'", ""), ("", "\"")] {
                for start in ["Request ", "request:", " \r\n REQUEST\t: ", "Request"] {
                    let text = format!("{start}{open}{guid}{close},message 1 OUT  of\n12:x");
                    reads(&text, 1, 12, "x");
                }
            }
        }
        reads(
            &format!("\u{2003}Request {id}\u{A0},\nMessage 1 out of 2"),
            1,
            2,
            "",
        );
        reads(&format!("Request {id}, message 007 out of 0008:"), 7, 8, "");
        reads(
            &format!("Request {id}, message 0 out of 99999999999999999999999"),
            0,
            u64::MAX,
            "",
        );
    }

    #[test]
    fn exactly_one_line_break_is_the_headers() {
        let id = "Request '3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77', message 1 out of 2";
        for (rest, body) in [
            (": \n\n x \n", "\n x \n"),
            (": \r\n\r\nx", "\r\nx"),
            (":\nx", "x"),
            ("\nx", "x"),
            (" \t:\t \n  x", "  x"),
            ("   \n\tx", "\tx"),
            (": x", "x"),
            (": \rx", "\rx"),
            (": \r", "\r"),
            (": \n", ""),
            ("", ""),
            (" {", "{"),
            // A document may be cut before a colon; the header's is on its line.
            ("\n:1}", ":1}"),
            (": \n:1}", ":1}"),
            ("::1}", ":1}"),
            (": \n\u{FEFF}{", "\u{FEFF}{"),
        ] {
            reads(&format!("{id}{rest}"), 1, 2, body);
        }
    }

    #[test]
    fn what_is_no_header() {
        let id = "3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77";
        for text in [
            String::new(),
            "{\"Operation\":\"Put\"}".into(),
            "Request".into(),
            format!("Request '{id}'"),
            format!("Request '{id}' message 1 out of 2"),
            format!("Request '{id}', message out of 2"),
            format!("Request '{id}', message 1 of 2"),
            format!("Request '{id}', message 1out of 2"),
            format!("Request '{id}', message 1 outof 2"),
            format!("Request '{id}', message -1 out of 2"),
            format!("Request '{id}', message 1 out of two"),
            format!("Request '{{{id}', message 1 out of 2"),
            format!("Request '{id}}}', message 1 out of 2"),
            format!("Request ''{id}'', message 1 out of 2"),
            format!("Request '{id}0', message 1 out of 2"),
            "Request '3f0a9d52-7c1e4d1b-b0a4-5b0c2b1f9e77', message 1 out of 2".into(),
            "Request '3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e7', message 1 out of 2".into(),
            "Request 'g f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77', message 1 out of 2".into(),
            format!("A Request '{id}', message 1 out of 2"),
        ] {
            assert_eq!(parse(&text), None, "{text}");
        }
    }
}
