//! Text from outside, made safe to look at: what would move the cursor, turn
//! the reading direction round or hide is written out, and what a spreadsheet
//! would run as a formula is marked as text.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// The text with every character that acts instead of showing written as
/// `\u{202e}`: control characters (line breaks too), marks of the reading
/// direction, characters without width or shape, private and unassigned ones.
///
/// Combining marks stay where they have something to combine with. So do the two
/// joiners between letters: names in Persian or Hindi need them.
///
/// A line break becomes `\u{a}` and not `\n`, since `HQ\nlane` is an ordinary
/// account name.
///
/// ```
/// use report_query::result::visible;
///
/// assert_eq!(visible("Dana Okafor"), "Dana Okafor");
/// assert_eq!(visible("Night\u{202e}tfihS"), "Night\\u{202e}tfihS");
/// assert_eq!(visible("two\nlines"), "two\\u{a}lines");
/// ```
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    // Nearly all text is this.
    if text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return Cow::Borrowed(text);
    }
    let mut before = None;
    let mut shown: Option<String> = None;
    for (at, character) in text.char_indices() {
        let after = text[at + character.len_utf8()..].chars().next();
        if acts(character, before, after) {
            let shown = shown.get_or_insert_with(|| text[..at].to_owned());
            // Writing to a String does not fail.
            let _ = write!(shown, "{}", character.escape_unicode());
            before = None;
        } else {
            if let Some(shown) = &mut shown {
                shown.push(character);
            }
            before = Some(character);
        }
    }
    shown.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Whether a character does something else than show itself.
fn acts(character: char, before: Option<char>, after: Option<char>) -> bool {
    match character {
        ' '..='~' => false,
        // Controls of ASCII and Latin-1, the soft hyphen.
        '\0'..='\u{9f}' | '\u{ad}' => true,
        // Joiners: between two characters that are not ASCII they shape letters
        // and emoji; anywhere else they only hide.
        '\u{200c}' | '\u{200d}' => {
            !(before.is_some_and(|before| !before.is_ascii())
                && after.is_some_and(|after| {
                    !after.is_ascii() && !matches!(after, '\u{200b}'..='\u{200f}')
                }))
        }
        // Reading direction.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        // Without width: zero-width space, word joiner and invisible operators,
        // the byte order mark, the Mongolian vowel separator, grapheme joiner.
        '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}'
        | '\u{180b}'..='\u{180f}'
        | '\u{34f}' => true,
        // Letters that are blank by design.
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' => true,
        // Line and paragraph separators, interlinear notes.
        '\u{2028}' | '\u{2029}' | '\u{fff0}'..='\u{fffb}' => true,
        // Variation selectors belong to the character before them.
        '\u{fe00}'..='\u{fe0f}' => before.is_none(),
        // Tags, the other variation selectors, private use, noncharacters.
        '\u{e0000}'..='\u{e0fff}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => true,
        '\u{fdd0}'..='\u{fdef}' => true,
        _ if u32::from(character) & 0xfffe == 0xfffe => true,
        // A combining mark with nothing under it would settle on the table's own text.
        _ => before.is_none() && character.width() == Some(0),
    }
}

/// The text as a spreadsheet may open it: one that begins, after blanks, like a
/// formula (`=`, `+`, `-`, `@`, a tab or a line break, or the wide forms of the
/// signs) gets an apostrophe in front, which spreadsheets take for "this is text".
///
/// A text that already begins with apostrophes and then like a formula gets one
/// more, so that [`formula_original`] always gives back what was there.
#[must_use]
pub(crate) fn formula_safe(text: &str) -> Cow<'_, str> {
    if is_formula(text.trim_start_matches('\'')) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text before the apostrophe that [`write_csv`](crate::QueryResult::write_csv)
/// puts in front of what looks like a formula.
///
/// ```
/// use report_query::result::formula_original;
///
/// assert_eq!(formula_original("'=1+1"), "=1+1");
/// assert_eq!(formula_original("'tis"), "'tis");
/// ```
#[must_use]
pub fn formula_original(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text.trim_start_matches('\'')) => text,
        _ => cell,
    }
}

fn is_formula(text: &str) -> bool {
    // Some programs drop blanks and characters without width before they look.
    let skipped = |c: char| {
        c != '\t'
            && c != '\r'
            && c != '\n'
            && (c.is_whitespace() || c.width() == Some(0) || c.is_control() || c == '\u{feff}')
    };
    matches!(
        text.trim_start_matches(skipped).chars().next(),
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acting_characters_are_written_out() {
        for (text, shown) in [
            ("", ""),
            ("plain ~", "plain ~"),
            ("a\tb\r\nc\0", "a\\u{9}b\\u{d}\\u{a}c\\u{0}"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{85}\u{9b}", "\\u{85}\\u{9b}"),
            ("abc\u{202e}def\u{2069}", "abc\\u{202e}def\\u{2069}"),
            (
                "pay\u{200b}roll\u{feff}\u{ad}",
                "pay\\u{200b}roll\\u{feff}\\u{ad}",
            ),
            ("a\u{2028}b", "a\\u{2028}b"),
            ("\u{e000}\u{fffe}\u{e0041}", "\\u{e000}\\u{fffe}\\u{e0041}"),
            ("ad\u{200d}min", "ad\\u{200d}min"),
        ] {
            assert_eq!(visible(text), shown, "{text:?}");
        }
    }

    #[test]
    fn real_names_stay_as_they_are() {
        for name in [
            "Zoë Ångström",
            "e\u{301}clair",
            "李雷",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "👩\u{200d}🔬",
            "❤\u{fe0f}",
            "עברית",
        ] {
            assert!(matches!(visible(name), Cow::Borrowed(_)), "{name}");
        }
    }

    #[test]
    fn a_mark_without_a_letter_is_written_out() {
        assert_eq!(visible("\u{301}x"), "\\u{301}x");
        assert_eq!(visible("\u{202e}\u{301}"), "\\u{202e}\\u{301}");
    }

    #[test]
    fn formulas_are_marked_and_given_back() {
        for text in [
            "=1",
            "+49 30",
            "-1",
            "@x",
            "\tx",
            "\rx",
            "\nx",
            "  =1",
            "\u{a0}=1",
            "\u{feff}=1",
            "\u{200b}=1",
            "＝1",
            "'=1",
            "''-",
        ] {
            assert_eq!(formula_safe(text), format!("'{text}"), "{text:?}");
            assert_eq!(formula_original(&formula_safe(text)), text);
        }
        for text in ["", "x=1", "'tis", "'", "  ", "1-2", "Dana"] {
            assert_eq!(formula_safe(text), text);
            assert_eq!(formula_original(text), text);
        }
    }
}
