//! Text tests, exact and without regard to case.
//!
//! Without regard to case means: characters are compared after folding each on
//! its own to the lower case of its upper case, where that is one character
//! (the simple folding of Unicode, with the dotless i as an i). `ß` and `SS`
//! differ; `Σ`, `σ` and `ς` are one.

use std::borrow::Cow;

/// How a text is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    Equal,
    StartsWith,
    EndsWith,
    Contains,
    HasTerm,
}

/// A text that is looked for, folded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needle {
    text: String,
    fold: bool,
}

impl Needle {
    pub(crate) fn new(text: &str, fold: bool) -> Self {
        let text = if fold {
            folded(text).into_owned()
        } else {
            text.to_owned()
        };
        Self { text, fold }
    }

    /// The text, folded if that is asked for.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether case does not matter.
    pub(crate) const fn is_folded(&self) -> bool {
        self.fold
    }

    pub(crate) fn test(&self, how: TextTest, text: &str) -> bool {
        if !self.fold {
            return test(how, text, &self.text);
        }
        match how {
            TextTest::Equal if text.is_ascii() => text.eq_ignore_ascii_case(&self.text),
            TextTest::StartsWith if text.is_ascii() => text
                .as_bytes()
                .get(..self.text.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(self.text.as_bytes())),
            _ => test(how, &folded(text), &self.text),
        }
    }
}

fn test(how: TextTest, text: &str, needle: &str) -> bool {
    match how {
        TextTest::Equal => text == needle,
        TextTest::StartsWith => text.starts_with(needle),
        TextTest::EndsWith => text.ends_with(needle),
        TextTest::Contains => text.contains(needle),
        TextTest::HasTerm => has_term(text, needle),
    }
}

/// Whether the needle occurs with a border at either end. A border lies
/// between two characters unless both are letters or digits.
fn has_term(text: &str, needle: &str) -> bool {
    let (Some(first), Some(last)) = (needle.chars().next(), needle.chars().next_back()) else {
        return false;
    };
    let border = |inside: char, outside: Option<char>| {
        !(inside.is_alphanumeric() && outside.is_some_and(char::is_alphanumeric))
    };
    // Occurrences may overlap, so each search starts one character further on.
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(needle)) {
        let at = from + at;
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text
            .get(at + needle.len()..)
            .and_then(|tail| tail.chars().next());
        if border(first, before) && border(last, after) {
            return true;
        }
        from = at + first.len_utf8();
    }
    false
}

/// The text with each character folded.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    Cow::Owned(text.chars().map(fold_char).collect())
}

/// All characters beyond ASCII that fold to one of it: ı, ſ, and the Kelvin sign.
pub(crate) const FOLD_TO_ASCII: [&str; 3] = ["\u{131}", "\u{17f}", "\u{212a}"];

fn fold_char(char: char) -> char {
    if char.is_ascii() {
        return char.to_ascii_lowercase();
    }
    let upper = single(char, char.to_uppercase());
    single(upper, upper.to_lowercase())
}

/// The mapped character, unless the mapping gives several.
fn single(char: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => char,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(how: TextTest, text: &str, needle: &str) -> (bool, bool) {
        (
            Needle::new(needle, true).test(how, text),
            Needle::new(needle, false).test(how, text),
        )
    }

    #[test]
    fn case_is_folded_character_by_character() {
        assert_eq!(check(TextTest::Equal, "Alice", "aLICE"), (true, false));
        assert_eq!(check(TextTest::Equal, "MÜLLER", "müller"), (true, false));
        assert_eq!(check(TextTest::Equal, "ΣΊΣΥΦΟΣ", "σίσυφος"), (true, false));
        assert_eq!(check(TextTest::Equal, "STRASSE", "straße"), (false, false));
        assert_eq!(check(TextTest::Equal, "\u{212A}", "k"), (true, false)); // the Kelvin sign
        assert_eq!(check(TextTest::Equal, "İ", "i"), (false, false));
    }

    #[test]
    fn few_characters_fold_to_ascii() {
        let beyond = '\u{80}'..=char::MAX;
        let found = beyond.filter(|char| fold_char(*char).is_ascii());
        assert!(found.map(String::from).eq(FOLD_TO_ASCII));
        for ascii in '\0'..='\u{7f}' {
            let upper = single(ascii, ascii.to_uppercase());
            assert_eq!(fold_char(ascii), single(upper, upper.to_lowercase()));
        }
    }

    #[test]
    fn ends_and_parts() {
        assert_eq!(
            check(TextTest::StartsWith, "Night Shift", "night"),
            (true, false)
        );
        assert_eq!(check(TextTest::StartsWith, "ni", "night"), (false, false));
        assert_eq!(check(TextTest::StartsWith, "Änne", "än"), (true, false));
        assert_eq!(
            check(TextTest::EndsWith, "Night Shift", "Shift"),
            (true, true)
        );
        assert_eq!(
            check(TextTest::Contains, "Night Shift", "T S"),
            (true, false)
        );
        assert_eq!(check(TextTest::Contains, "anything", ""), (true, true));
    }

    #[test]
    fn a_term_has_borders() {
        for (text, needle, expected) in [
            ("administrator", "admin", false),
            ("role-admin", "admin", true),
            ("Admin", "admin", true),
            ("admin_2", "admin", true),
            ("admin2", "admin", false),
            ("xadmin admin", "admin", true),
            ("a.b.c", "b.c", true),
            ("a.b.cd", "b.c", false),
            ("(x)", "(x", true),
            ("über uns", "über", true),
            ("aaa a", "a", true),
            ("aaa", "aa", false),
            ("anything", "", false),
        ] {
            assert_eq!(
                Needle::new(needle, true).test(TextTest::HasTerm, text),
                expected,
                "{text} {needle}"
            );
        }
    }
}
