//! Just enough XML to read back what the `evtx` crate writes.

use std::borrow::Cow;

/// A piece of a document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Open(&'a str),
    Attribute(&'a str, String),
    Text(Cow<'a, str>),
    Close,
}

/// Gives the tokens of a document in order. Tags need not match: it reads what
/// a program wrote. `Some(None)` ends a document that can't be read.
pub(crate) struct Reader<'a> {
    rest: &'a str,
    in_tag: bool,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            in_tag: false,
            depth: 0,
        }
    }

    pub(crate) fn next(&mut self) -> Option<Option<Token<'a>>> {
        let token = self.token();
        if token == Some(None) {
            self.rest = "";
            self.in_tag = false;
            self.depth = 0;
        }
        token
    }

    fn token(&mut self) -> Option<Option<Token<'a>>> {
        loop {
            if self.in_tag {
                return Some(self.in_tag());
            }
            if self.rest.is_empty() {
                // All that was opened must have been closed.
                return (self.depth > 0).then_some(None);
            }
            if let Some(rest) = self.rest.strip_prefix("<![CDATA[") {
                let Some((text, rest)) = rest.split_once("]]>") else {
                    return Some(None);
                };
                self.rest = rest;
                return Some(Some(Token::Text(Cow::Borrowed(text))));
            }
            let skipped = [("<?", "?>"), ("<!--", "-->"), ("<!", ">")]
                .into_iter()
                .find(|(begin, _)| self.rest.starts_with(begin));
            if let Some((_, end)) = skipped {
                let Some((_, rest)) = self.rest.split_once(end) else {
                    return Some(None);
                };
                self.rest = rest;
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix("</") {
                let Some((_, rest)) = rest.split_once('>') else {
                    return Some(None);
                };
                self.rest = rest;
                return Some(self.close());
            }
            if let Some(rest) = self.rest.strip_prefix('<') {
                let (name, rest) = rest.split_at(name_end(rest));
                self.rest = rest;
                self.in_tag = true;
                self.depth += 1;
                return Some(Some(Token::Open(name)));
            }
            let end = self.rest.find('<').unwrap_or(self.rest.len());
            let (text, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(Some(Token::Text(unescape(text))));
        }
    }

    fn close(&mut self) -> Option<Token<'a>> {
        self.depth = self.depth.checked_sub(1)?;
        Some(Token::Close)
    }

    /// An attribute, or the token after the start tag. The crate writes names as
    /// they are in the file; what a damaged one leaves in the tag is passed over.
    fn in_tag(&mut self) -> Option<Token<'a>> {
        loop {
            self.rest = self.rest.trim_start_matches(SPACE);
            if let Some(rest) = self.rest.strip_prefix("/>") {
                self.rest = rest;
                self.in_tag = false;
                return self.close();
            }
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                self.in_tag = false;
                return self.next().flatten();
            }
            let end = name_end(self.rest);
            let (name, value) = match self.rest.get(..end)?.find('=') {
                Some(equals) => (self.rest.get(..equals)?, self.rest.get(equals + 1..)?),
                None => {
                    let (name, rest) = self.rest.split_at(end);
                    let rest = rest.trim_start_matches(SPACE);
                    match rest.strip_prefix('=') {
                        Some(value) => (name, value),
                        None if self.rest.is_empty() => return None,
                        None => {
                            self.rest = rest;
                            continue;
                        }
                    }
                }
            };
            self.rest = value.trim_start_matches(SPACE);
            let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
                continue;
            };
            let (value, rest) = self.rest.get(1..)?.split_once(quote)?;
            self.rest = rest;
            if !name.is_empty() {
                return Some(Token::Attribute(name, unescape(value).into_owned()));
            }
        }
    }
}

/// What XML takes for space; Unicode knows more.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Where the name at the beginning of `text` ends, which is inside a start tag.
fn name_end(text: &str) -> usize {
    text.char_indices()
        .find(|&(at, c)| {
            SPACE.contains(&c) || c == '>' || (c == '/' && text[at..].starts_with("/>"))
        })
        .map_or(text.len(), |(at, _)| at)
}

/// Resolves references; one that stands for no character stays as it is.
fn unescape(text: &str) -> Cow<'_, str> {
    let Some((first, mut rest)) = text.split_once('&') else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(first);
    loop {
        match reference(rest) {
            Some((character, after)) => {
                out.push(character);
                rest = after;
            }
            None => out.push('&'),
        }
        let Some((text, next)) = rest.split_once('&') else {
            out.push_str(rest);
            return Cow::Owned(out);
        };
        out.push_str(text);
        rest = next;
    }
}

/// The character of the reference whose `&` was before `text`, and what follows.
fn reference(text: &str) -> Option<(char, &str)> {
    // `#x10FFFF` is the longest.
    let end = text.bytes().take(9).position(|byte| byte == b';')?;
    let (name, after) = (text.get(..end)?, text.get(end + 1..)?);
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            code.ok().and_then(char::from_u32)?
        }
    };
    Some((character, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_in_order() {
        let mut reader = Reader::new("<?x?><a b = 'c&#x44;'><!-- - --><d/>e</a>");
        let mut tokens = Vec::new();
        while let Some(token) = reader.next() {
            tokens.push(token.unwrap());
        }
        assert_eq!(
            tokens,
            [
                Token::Open("a"),
                Token::Attribute("b", "cD".to_owned()),
                Token::Open("d"),
                Token::Close,
                Token::Text("e".into()),
                Token::Close,
            ]
        );
    }

    #[test]
    fn a_document_that_ends_early_ends_once() {
        for text in [
            "<a",
            "<a><b></b>",
            "</a>",
            "<a>&",
            "<![CDATA[x",
            "<a b='c/>",
        ] {
            let mut reader = Reader::new(text);
            let mut seen = 0;
            while let Some(token) = reader.next() {
                seen += u32::from(token.is_none());
            }
            assert_eq!(seen, 1, "{text}");
        }
    }
    #[test]
    fn a_damaged_name_costs_no_more_than_itself() {
        for (name, read) in [
            ("Le\u{c}el", "Le\u{c}el"),
            ("", ""),
            ("Le el", "Le"),
            ("Le\nel", "Le"),
            ("Le/el", "Le/el"),
            ("Le>el", "Le"),
            ("Le<el", "Le<el"),
            ("Le=el", "Le=el"),
            ("Le e=l", "Le"),
            ("Le\"el", "Le\"el"),
            ("Le =", "Le"),
        ] {
            let text = format!("<a><{name} b=\"c\">d</{name}><e/></a>");
            let mut reader = Reader::new(&text);
            let (mut open, mut attributes) = (Vec::new(), Vec::new());
            while let Some(token) = reader.next() {
                match token.unwrap_or_else(|| panic!("{text}")) {
                    Token::Open(name) => open.push(name),
                    Token::Attribute(name, value) => attributes.push((name, value)),
                    Token::Text(_) | Token::Close => {}
                }
            }
            assert_eq!(open, ["a", read, "e"], "{text}");
            // What follows `>` in a name is text.
            let wanted = usize::from(!name.contains('>'));
            assert_eq!(attributes.len(), wanted, "{text}");
        }
    }

    #[test]
    fn references_that_stand_for_nothing_stay() {
        for (text, read) in [
            ("a&lt;b&#65;&#x42;", "a<bAB"),
            ("&x;&#xD800;&", "&x;&#xD800;&"),
            ("&amp;lt;", "&lt;"),
            ("&&amp;&", "&&&"),
        ] {
            assert_eq!(unescape(text), read);
        }
    }
}
