//! The text of an option as tokens.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, Timelike, Utc};

use super::error::{Clause, ODataError, ODataErrorKind};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A keyword, function or path of names.
    Word(&'a str),
    Text(Cow<'a, str>),
    Time(DateTime<Utc>),
    Guid(&'a str),
    Open,
    Close,
    Comma,
    Colon,
    End,
}

/// One token ahead.
pub(super) struct Lexer<'a> {
    clause: Clause,
    text: &'a str,
    /// Where the token ahead begins, and where it ends.
    start: usize,
    end: usize,
    ahead: Token<'a>,
}

/// How long an option may be.
pub(super) const MAX_LENGTH: usize = 8192;

impl<'a> Lexer<'a> {
    pub(super) fn new(clause: Clause, text: &'a str) -> Result<Self, ODataError> {
        let mut lexer = Self {
            clause,
            text,
            start: 0,
            end: 0,
            ahead: Token::End,
        };
        if text.len() > MAX_LENGTH {
            return Err(lexer.error(ODataErrorKind::TooLong { limit: MAX_LENGTH }));
        }
        lexer.advance()?;
        Ok(lexer)
    }

    pub(super) const fn peek(&self) -> &Token<'a> {
        &self.ahead
    }

    /// Where the token ahead begins.
    pub(super) const fn position(&self) -> usize {
        self.start
    }

    /// An error at the token ahead.
    pub(super) const fn error(&self, kind: ODataErrorKind) -> ODataError {
        ODataError::new(self.clause, kind, self.start)
    }

    pub(super) const fn error_at(&self, kind: ODataErrorKind, position: usize) -> ODataError {
        ODataError::new(self.clause, kind, position)
    }

    pub(super) const fn expected(&self, what: &'static str) -> ODataError {
        self.error(ODataErrorKind::Expected { what })
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>, ODataError> {
        let token = std::mem::replace(&mut self.ahead, Token::End);
        self.advance()?;
        Ok(token)
    }

    /// Takes a token if it is the one ahead.
    pub(super) fn take(&mut self, token: &Token<'_>) -> Result<bool, ODataError> {
        let found = self.ahead == *token;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// Takes a keyword, in whichever case, if it is ahead.
    pub(super) fn take_word(&mut self, word: &str) -> Result<bool, ODataError> {
        let found = matches!(self.ahead, Token::Word(found) if found.eq_ignore_ascii_case(word));
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn expect(
        &mut self,
        token: &Token<'_>,
        what: &'static str,
    ) -> Result<(), ODataError> {
        if self.take(token)? {
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.end..).unwrap_or_default()
    }

    /// The next characters of which a test is true.
    fn run(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|char| !test(char)).unwrap_or(rest.len());
        self.end += length;
        rest.get(..length).unwrap_or_default()
    }

    fn advance(&mut self) -> Result<(), ODataError> {
        // A plus sign is a blank that was not decoded: there is no operator of this sign.
        self.run(|char| char.is_ascii_whitespace() || char == '+');
        self.start = self.end;
        let Some(first) = self.rest().chars().next() else {
            self.ahead = Token::End;
            return Ok(());
        };
        self.ahead = match first {
            '(' => self.sign(Token::Open),
            ')' => self.sign(Token::Close),
            ',' => self.sign(Token::Comma),
            ':' => self.sign(Token::Colon),
            '\'' => Token::Text(self.quoted()?),
            _ if first.is_ascii_digit() || is_guid(self.rest().get(..36).unwrap_or_default()) => {
                self.bare()?
            }
            _ if is_name(first) => {
                Token::Word(self.run(|char| is_name(char) || matches!(char, '/' | '.')))
            }
            _ => return Err(self.expected("a property, an operator or a literal")),
        };
        Ok(())
    }

    fn sign(&mut self, token: Token<'a>) -> Token<'a> {
        self.end += 1;
        token
    }

    /// A text in quotes, those within it doubled.
    fn quoted(&mut self) -> Result<Cow<'a, str>, ODataError> {
        let mut text = Cow::Borrowed("");
        loop {
            self.end += 1;
            let part = self.run(|char| char != '\'');
            if text.is_empty() {
                text = Cow::Borrowed(part);
            } else {
                text.to_mut().push_str(part);
            }
            if self.rest().is_empty() {
                return Err(self.expected("a text that ends with a quote"));
            }
            self.end += 1;
            if !self.rest().starts_with('\'') {
                return Ok(text);
            }
            text.to_mut().push('\'');
        }
    }

    /// A date, time or GUID.
    fn bare(&mut self) -> Result<Token<'a>, ODataError> {
        let run = self.run(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | ':' | '.'));
        if is_guid(run) {
            return Ok(Token::Guid(run));
        }
        // The sign of an offset may have become a blank.
        let offset = match self.rest().as_bytes() {
            [b'+' | b' ', a, b, b':', c, d, ..]
                if run.contains(['T', 't']) && [a, b, c, d].iter().all(|d| d.is_ascii_digit()) =>
            {
                self.rest().get(1..6)
            }
            _ => None,
        };
        let time = match offset {
            Some(offset) => {
                self.end += 6;
                time(&format!("{run}+{offset}"))
            }
            None => time(run),
        };
        time.map(Token::Time)
            .ok_or_else(|| self.expected("a date, a time or a GUID"))
    }
}

const fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '$' | '@')
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A date (its first moment, UTC) or a time, with seconds and a zone or without (UTC).
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    let Some((date, time)) = text.split_once(['T', 't']) else {
        return Some(date_of(text)?.and_time(NaiveTime::MIN).and_utc());
    };
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = (time.get(..zone)?, time.get(zone..)?);
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    let zone = if zone.is_empty() { "Z" } else { zone };
    date_of(date)?;
    let time = DateTime::parse_from_rfc3339(&format!("{date}T{clock}{seconds}{zone}")).ok()?;
    // A leap second is no moment of the store.
    (time.nanosecond() < 1_000_000_000).then(|| DateTime::<FixedOffset>::to_utc(&time))
}

fn date_of(text: &str) -> Option<NaiveDate> {
    let digits = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    if text.len() != 10 || !digits {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(Clause::Filter, text).unwrap();
        let mut found = Vec::new();
        loop {
            match lexer.next().unwrap() {
                Token::End => return found,
                token => found.push(token),
            }
        }
    }

    #[test]
    fn texts_have_doubled_quotes() {
        let text = |text| vec![Token::Text(Cow::Borrowed(text))];
        assert_eq!(tokens("'O''Hara'"), text("O'Hara"));
        assert_eq!(tokens("''"), text(""));
        assert_eq!(tokens("''''"), text("'"));
        assert_eq!(tokens("'''a'''''"), text("'a''"));
        assert_eq!(tokens("'a+b ü'"), text("a+b ü"));
        for open in ["'", "'a", "'a''", "'''"] {
            assert!(Lexer::new(Clause::Filter, open).is_err(), "{open}");
        }
    }

    #[test]
    fn times_in_every_form() {
        let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        assert_eq!(time("2026-03-02"), at("2026-03-02T00:00:00Z"));
        assert_eq!(time("2026-03-02T08:15Z"), at("2026-03-02T08:15:00Z"));
        assert_eq!(time("2026-03-02T08:15:09"), at("2026-03-02T08:15:09Z"));
        assert_eq!(
            time("2026-03-02T08:15:09.1234567Z"),
            at("2026-03-02T08:15:09.1234567Z")
        );
        assert_eq!(
            time("2026-03-02t08:15:09-01:30"),
            at("2026-03-02T09:45:09Z")
        );
        for wrong in [
            "2026-02-30",
            "2026-3-2",
            "26-03-02",
            "2026-03-02T",
            "2026-03-02T24:00:00Z",
            "2026-03-02T23:59:60Z",
            "2026-03-02T08:15:09X",
            "20260302",
        ] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_plus_sign_is_a_blank_or_the_sign_of_an_offset() {
        let at = |text: &str| Token::Time(text.parse().unwrap());
        let seven = at("2026-03-02T07:15:09Z");
        for text in [
            "ge+2026-03-02T08:15:09+01:00+and",
            "ge 2026-03-02T08:15:09 01:00 and",
            "ge\t2026-03-02T07:15:09Z+and",
        ] {
            let expected = vec![Token::Word("ge"), seven.clone(), Token::Word("and")];
            assert_eq!(tokens(text), expected, "{text}");
        }
    }

    #[test]
    fn guids_need_no_quotes() {
        let guid = "ab0e0c1d-0000-4000-8000-0000000000ff";
        assert_eq!(tokens(guid), [Token::Guid(guid)]);
    }
}
