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
                let (name, rest) = split_name(rest);
                self.rest = rest;
                self.in_tag = true;
                self.depth += 1;
                return Some((!name.is_empty()).then_some(Token::Open(name)));
            }
            let end = self.rest.find('<').unwrap_or(self.rest.len());
            let (text, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(unescape(text).map(Token::Text));
        }
    }

    fn close(&mut self) -> Option<Token<'a>> {
        self.depth = self.depth.checked_sub(1)?;
        Some(Token::Close)
    }

    /// An attribute, or the token after the start tag.
    fn in_tag(&mut self) -> Option<Token<'a>> {
        self.rest = self.rest.trim_start();
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
        let (name, rest) = split_name(self.rest);
        let rest = rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, rest) = rest.get(1..)?.split_once(quote)?;
        self.rest = rest;
        (!name.is_empty()).then_some(())?;
        Some(Token::Attribute(name, unescape(value)?.into_owned()))
    }
}

fn split_name(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '=' | '<' | '"'))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// Resolves references; `None` at one that stands for no character.
fn unescape(text: &str) -> Option<Cow<'_, str>> {
    let Some((first, mut rest)) = text.split_once('&') else {
        return Some(Cow::Borrowed(text));
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(first);
    loop {
        let (name, after) = rest.split_once(';')?;
        out.push(match name {
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
        });
        let Some((text, next)) = after.split_once('&') else {
            out.push_str(after);
            return Some(Cow::Owned(out));
        };
        out.push_str(text);
        rest = next;
    }
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
        for text in ["<a", "<a><b></b>", "</a>", "<a>&", "<![CDATA[x", "<a b=c/>"] {
            let mut reader = Reader::new(text);
            let mut seen = 0;
            while let Some(token) = reader.next() {
                seen += u32::from(token.is_none());
            }
            assert_eq!(seen, 1, "{text}");
        }
    }
}
