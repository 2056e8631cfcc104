//! Strings without their escapes.

use std::borrow::Cow;

/// Removes the escapes of what stands between the quotes of a valid string. Half a
/// surrogate pair is read as U+FFFD.
pub(crate) fn unescape(inner: &str) -> Cow<'_, str> {
    if !has_escapes(inner) {
        return Cow::Borrowed(inner);
    }
    let first = inner.find('\\').unwrap_or(inner.len());
    let (clean, mut rest) = inner.split_at(first);
    let mut out = String::with_capacity(inner.len());
    out.push_str(clean);
    while let Some(after) = rest.strip_prefix('\\') {
        let mut chars = after.chars();
        let escape = chars.next().unwrap_or('\\');
        rest = chars.as_str();
        match escape {
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let (unit, after) = hex4(rest);
                rest = after;
                let low = (0xD800..0xDC00)
                    .contains(&unit)
                    .then(|| rest.strip_prefix("\\u").map(hex4))
                    .flatten()
                    .filter(|(low, _)| (0xDC00..0xE000).contains(low));
                let code = match low {
                    Some((low, after)) => {
                        rest = after;
                        0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
                    }
                    None => unit,
                };
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            other => out.push(other), // `"`, `\` and `/` stand for themselves
        }
        let next = rest.find('\\').unwrap_or(rest.len());
        let (clean, after) = rest.split_at(next);
        out.push_str(clean);
        rest = after;
    }
    Cow::Owned(out)
}

/// Without a way out of the loop the compiler tests many bytes at once.
fn has_escapes(inner: &str) -> bool {
    inner.bytes().fold(false, |any, byte| any | (byte == b'\\'))
}

fn hex4(text: &str) -> (u32, &str) {
    match text.split_at_checked(4) {
        Some((digits, rest)) => (u32::from_str_radix(digits, 16).unwrap_or(0xFFFD), rest),
        None => (0xFFFD, ""),
    }
}
