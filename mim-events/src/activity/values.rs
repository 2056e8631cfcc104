//! Values as they are shown: cut, hidden or masked.

use std::borrow::Cow;

use super::rules::Hiding;
use crate::request::well_known::{self, Privacy};

/// The most characters of a value that are shown.
const MAX_CHARACTERS: usize = 1_000;

impl Hiding {
    /// How much of an attribute's values may be shown. A user's lists add to what is built in.
    fn of(&self, attribute: &str) -> Privacy {
        let is = |known: &String| known.eq_ignore_ascii_case(attribute);
        if self.masked_phones.iter().any(is) {
            return Privacy::MaskedPhone;
        }
        if self.masked_addresses.iter().any(is) {
            return Privacy::MaskedMail;
        }
        let known = well_known::privacy(attribute);
        if known == Privacy::Open {
            let lower = attribute.to_lowercase();
            if self.secret_attributes.iter().any(is)
                || self.secret_words.iter().any(|word| lower.contains(word))
            {
                return Privacy::Secret;
            }
        }
        known
    }

    /// A value as it is shown; `None` if it never is.
    pub(crate) fn show(&self, attribute: &str, value: &str) -> Option<String> {
        match self.of(attribute.trim()) {
            Privacy::Open => Some(cut(value)),
            Privacy::MaskedPhone => Some(cut(&mask_phone(value))),
            Privacy::MaskedMail => Some(cut(&mask_address(value))),
            _ => None,
        }
    }
}

/// [`cut`], without a copy of a text that is short enough.
pub(crate) fn short(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= MAX_CHARACTERS || text.chars().nth(MAX_CHARACTERS).is_none() {
        return text;
    }
    Cow::Owned(cut(&text))
}

/// A text of at most 1,000 characters, and `…` if it had more.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARACTERS) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// `+1 425 555 0123` to `+* *** *** **23`.
fn mask_phone(text: &str) -> String {
    let signs = text.chars().filter(|c| c.is_alphanumeric()).count();
    let hidden = if signs < 5 { signs } else { signs - 2 };
    let mut seen = 0;
    text.chars()
        .map(|c| {
            if !c.is_alphanumeric() {
                return c;
            }
            seen += 1;
            if seen <= hidden { '*' } else { c }
        })
        .collect()
}

/// `dana@fabrikam.com` to `d***@fabrikam.com`.
fn mask_address(text: &str) -> String {
    match (text.chars().next(), text.rfind('@')) {
        (Some(first), Some(at)) if at > 0 => format!("{first}***{}", &text[at..]),
        _ => "***".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        assert_eq!(mask_phone("+1 425 555 0123"), "+* *** *** **23");
        assert_eq!(mask_phone("1234"), "****");
        assert_eq!(mask_phone("12345"), "***45");
        assert_eq!(mask_phone("٠١٢٣٤٥"), "****٤٥");
        assert_eq!(mask_phone(""), "");
        assert_eq!(mask_address("dana@fabrikam.com"), "d***@fabrikam.com");
        assert_eq!(mask_address("a@b@c"), "a***@c");
        assert_eq!(mask_address("é@c"), "é***@c");
        assert_eq!(mask_address("@fabrikam.com"), "***");
        assert_eq!(mask_address("dana"), "***");
        assert_eq!(mask_address(""), "***");
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let exact = "é".repeat(MAX_CHARACTERS);
        assert_eq!(cut(&exact), exact);
        let long = format!("{exact}x");
        assert_eq!(cut(&long), format!("{exact}…"));
    }
}
