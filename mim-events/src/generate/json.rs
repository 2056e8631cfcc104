//! JSON text, written key by key in the order that the sources write it.

use std::fmt::Write;

/// An object that is being written.
pub(crate) struct Object<'o> {
    out: &'o mut String,
    empty: bool,
}

impl<'o> Object<'o> {
    pub(crate) fn new(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    fn key(&mut self, key: &str) -> &mut String {
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
        text(self.out, key);
        self.out.push(':');
        self.out
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        text(self.key(key), value);
        self
    }

    pub(crate) fn optional(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// The text of the value, or `null`.
    pub(crate) fn text_or_null(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// What shows itself without characters that JSON escapes: numbers, GUIDs.
    pub(crate) fn plain(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        let out = self.key(key);
        // Writing to a string can't fail.
        let _ = write!(out, "\"{value}\"");
        self
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key).push_str(json);
        self
    }

    /// A value that `write` writes.
    pub(crate) fn with(&mut self, key: &str, write: impl FnOnce(&mut String)) -> &mut Self {
        write(self.key(key));
        self
    }

    pub(crate) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        let mut inner = Object::new(self.key(key));
        fill(&mut inner);
        inner.end();
        self
    }

    /// One as it is, many as an array, none not at all: how MIM writes what can be many.
    pub(crate) fn many<T>(
        &mut self,
        key: &str,
        items: &[T],
        mut write: impl FnMut(&mut String, &T),
    ) -> &mut Self {
        match items {
            [] => {}
            [one] => write(self.key(key), one),
            many => array(self.key(key), many, write),
        }
        self
    }

    pub(crate) fn end(self) {
        self.out.push('}');
    }
}

/// An object as text of its own.
pub(crate) fn object(fill: impl FnOnce(&mut Object<'_>)) -> String {
    let mut out = String::new();
    let mut object = Object::new(&mut out);
    fill(&mut object);
    object.end();
    out
}

/// An array, however many there are.
pub(crate) fn array<T>(out: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// A string with its quotes and the escapes that JSON demands.
pub(crate) fn text(out: &mut String, value: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in value.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1F => "",
            _ => continue,
        };
        out.push_str(&value[plain..at]);
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
        plain = at + 1;
    }
    out.push_str(&value[plain..]);
    out.push('"');
}

/// The same document with every character beyond ASCII as an escape.
pub(crate) fn ascii(document: &str) -> String {
    let mut out = String::with_capacity(document.len() * 2);
    for c in document.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_back_as_they_were() {
        let nasty = "a\"b\\c\n\r\t\u{1}\u{1F}é 😀 'x': y";
        let mut out = String::new();
        text(&mut out, nasty);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), nasty);
        let escaped = ascii(&out);
        assert!(escaped.is_ascii());
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), nasty);
    }

    #[test]
    fn keys_keep_their_order_and_one_is_no_array() {
        let written = object(|o| {
            o.text("b", "x")
                .many("none", &[] as &[u8], |_, _| {})
                .many("one", &[1], |out, n| out.push_str(&n.to_string()))
                .many("two", &[1, 2], |out, n| out.push_str(&n.to_string()))
                .object("a", |o| {
                    o.plain("n", 7);
                });
        });
        assert_eq!(written, r#"{"b":"x","one":1,"two":[1,2],"a":{"n":"7"}}"#);
    }
}
