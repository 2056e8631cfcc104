//! Page tokens: where a page ended, as opaque URL-safe text.

use super::tree::Tree;
use super::{parse, read_expr, write};
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::value::Value;

/// Where a page ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PageToken {
    /// Of the query and its parameters.
    pub(crate) fingerprint: u64,
    /// The newest ingest number that the first page saw.
    pub(crate) newest: u64,
    /// The sort keys of the last row.
    pub(crate) keys: Vec<Value>,
    /// How many rows with exactly these keys were given so far.
    pub(crate) given: u64,
}

/// What the token's form is called; another one is another version.
const FORM: &str = "p1";

fn error(what: &'static str) -> QueryError {
    QueryError::new(QueryErrorKind::PageToken { what })
}

impl PageToken {
    pub(crate) fn to_text(&self) -> String {
        let tree = Tree::List(vec![
            FORM.into(),
            format!("{:x}", self.fingerprint).into(),
            format!("{:x}", self.newest).into(),
            format!("{:x}", self.given).into(),
            Tree::List(self.keys.iter().map(write::literal).collect()),
        ]);
        encode(tree.to_json().as_bytes())
    }

    pub(crate) fn from_text(text: &str) -> Result<Self> {
        const UNREADABLE: &str = "not readable";
        let json = decode(text)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| error(UNREADABLE))?;
        let Ok(Tree::List(parts)) = parse(&json) else {
            return Err(error(UNREADABLE));
        };
        let [form, fingerprint, newest, given, Tree::List(keys)] = parts.as_slice() else {
            return Err(error(UNREADABLE));
        };
        if *form != Tree::from(FORM) {
            return Err(error("of another version"));
        }
        let number = |tree: &Tree| match tree {
            Tree::Text(text) => u64::from_str_radix(text, 16).map_err(|_| error(UNREADABLE)),
            _ => Err(error(UNREADABLE)),
        };
        Ok(Self {
            fingerprint: number(fingerprint)?,
            newest: number(newest)?,
            given: number(given)?,
            keys: keys
                .iter()
                .map(|key| read_expr::literal(key.clone()).map_err(|_| error(UNREADABLE)))
                .collect::<Result<_>>()?,
        })
    }

    /// Checks that the token belongs to a query.
    pub(crate) fn check(&self, fingerprint: u64, keys: usize) -> Result<()> {
        if self.fingerprint == fingerprint && self.keys.len() == keys {
            Ok(())
        } else {
            Err(error("of another query"))
        }
    }
}

/// Base64 in the URL-safe alphabet without padding (RFC 4648, section 5).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0_u8; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for digit in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * digit)) & 0x3f;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut bits = 0_u32;
        for digit in 0..4 {
            let value = match chunk.get(digit) {
                Some(char) => ALPHABET.iter().position(|known| known == char)?,
                None => 0,
            };
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        let [_, group @ ..] = bits.to_be_bytes();
        bytes.extend(group.iter().take(chunk.len() - 1));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_there_and_back() {
        let token = PageToken {
            fingerprint: u64::MAX,
            newest: 12,
            keys: vec![
                Value::Null,
                Value::from("a\"ü"),
                Value::from(uuid::Uuid::from_u128(7)),
                Value::from(1.5),
                Value::from(
                    "2026-11-24T14:32:05.123456789Z"
                        .parse::<chrono::DateTime<chrono::Utc>>()
                        .unwrap(),
                ),
            ],
            given: 3,
        };
        let text = token.to_text();
        assert!(text.bytes().all(|byte| ALPHABET.contains(&byte)));
        assert!(PageToken::from_text(&text).unwrap() == token);
        assert!(token.check(u64::MAX, 5).is_ok());
        assert!(token.check(1, 5).is_err() && token.check(u64::MAX, 4).is_err());
    }

    #[test]
    fn what_is_no_token_is_an_error() {
        for text in ["", "A", "!!!!", "AAAA", "W10", "eyJ9"] {
            let error = PageToken::from_text(text).unwrap_err();
            assert_eq!(error.to_string(), "page token: not readable", "{text}");
        }
    }

    #[test]
    fn base64_of_every_length() {
        assert_eq!(encode(b"Man"), "TWFu");
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
        for length in 0..9_u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
