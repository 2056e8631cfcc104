//! Values from outside, made harmless to look at. Every name, reason, id and document
//! that came in a record passes one of these functions and no other way.
//!
//! What acts instead of showing (controls, marks of the reading direction, characters
//! without width, private ones) is drawn as a box with its code point; the text around it
//! is isolated, so that it can't move its neighbours.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

/// Characters shown of a value in a table or a list.
pub const SHORT: usize = 160;
/// Characters shown of a value on a page of its own.
pub const LONG: usize = 4_000;
/// Marks that may sit on one character before they are boxed: names need three at most.
const MOST_MARKS: usize = 4;

/// A value in a line of text.
pub fn value(text: &str) -> Markup {
    shown(text, SHORT)
}

/// A value with more room.
pub fn long(text: &str) -> Markup {
    shown(text, LONG)
}

fn shown(text: &str, most: usize) -> Markup {
    let (part, cut) = clip(text, most);
    html! {
        bdi { (boxed(part, false)) @if cut { "…" } }
        @if cut {
            span.sub { (super::numbers::grouped(text.chars().count() as u64)) " characters" }
        }
    }
}

/// A text of several lines; line breaks and tabs stay.
pub fn block(text: &str) -> Markup {
    html! { span dir="auto" { (boxed(text, true)) } }
}

/// The value for an attribute or an SVG `title`: plain text, with what acts written out.
pub fn plain(text: &str) -> String {
    let (part, cut) = clip(text, SHORT);
    let mut plain = String::with_capacity(part.len());
    for character in part.chars() {
        if acts(character) {
            // Writing to a String does not fail.
            let _ = write!(plain, "[U+{:04X}]", u32::from(character));
        } else {
            plain.push(character);
        }
    }
    if cut {
        plain.push('…');
    }
    plain
}

fn clip(text: &str, most: usize) -> (&str, bool) {
    match text.char_indices().nth(most) {
        Some((at, _)) => (text.get(..at).unwrap_or_default(), true),
        None => (text, false),
    }
}

fn boxed(text: &str, lines: bool) -> Markup {
    let mut out = String::with_capacity(text.len() + 16);
    let mut marks = 0;
    let mut before = None;
    for character in text.chars() {
        let mark = is_mark(character);
        marks = if mark { marks + 1 } else { 0 };
        let kept = lines && matches!(character, '\n' | '\t');
        if (acts(character) && !kept) || marks > MOST_MARKS {
            push_box(&mut out, character);
            before = None;
            continue;
        }
        if mark && before.is_none() {
            // A mark needs something to sit on, or it sits on the neighbour.
            out.push('\u{25cc}');
        }
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
        before = Some(character);
    }
    PreEscaped(out)
}

fn push_box(out: &mut String, character: char) {
    let code = u32::from(character);
    let _ = match name(character) {
        Some(name) => write!(
            out,
            "<span class=\"ctl\" title=\"U+{code:04X} {name}\">U+{code:04X}</span>"
        ),
        None => write!(out, "<span class=\"ctl\">U+{code:04X}</span>"),
    };
}

/// The names of those that are used to deceive.
const fn name(character: char) -> Option<&'static str> {
    Some(match character {
        '\0' => "NULL",
        '\t' => "TAB",
        '\n' => "LINE FEED",
        '\r' => "CARRIAGE RETURN",
        '\u{ad}' => "SOFT HYPHEN",
        '\u{200b}' => "ZERO WIDTH SPACE",
        '\u{200e}' => "LEFT-TO-RIGHT MARK",
        '\u{200f}' => "RIGHT-TO-LEFT MARK",
        '\u{202a}' => "LEFT-TO-RIGHT EMBEDDING",
        '\u{202b}' => "RIGHT-TO-LEFT EMBEDDING",
        '\u{202c}' => "POP DIRECTIONAL FORMATTING",
        '\u{202d}' => "LEFT-TO-RIGHT OVERRIDE",
        '\u{202e}' => "RIGHT-TO-LEFT OVERRIDE",
        '\u{2066}' => "LEFT-TO-RIGHT ISOLATE",
        '\u{2067}' => "RIGHT-TO-LEFT ISOLATE",
        '\u{2068}' => "FIRST STRONG ISOLATE",
        '\u{2069}' => "POP DIRECTIONAL ISOLATE",
        '\u{feff}' => "ZERO WIDTH NO-BREAK SPACE",
        _ => return None,
    })
}

/// Whether a character does something else than show itself. The two joiners stay:
/// names in Persian and Hindi need them.
const fn acts(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}'..='\u{ffff}'
            | '\u{e0000}'..='\u{10ffff}'
    )
}

/// Marks that stack on the character before them, of the scripts in which that is abused.
const fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}'
            | '\u{483}'..='\u{489}'
            | '\u{591}'..='\u{5bd}'
            | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}'
            | '\u{e31}'
            | '\u{e34}'..='\u{e3a}'
            | '\u{e47}'..='\u{e4e}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        value(text).into_string()
    }

    #[test]
    fn ordinary_names_are_themselves() {
        for name in [
            "Dana Okafor",
            "Tomasz Zieliński",
            "مريم الفارسي",
            "प्रिया नायर",
            "می\u{200c}خواهم",
        ] {
            assert_eq!(html(name), format!("<bdi>{name}</bdi>"));
            assert_eq!(plain(name), name);
        }
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            html("<script>alert('1')</script>&\""),
            "<bdi>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;</bdi>"
        );
    }

    #[test]
    fn what_acts_is_boxed() {
        let shown = html("Anna \u{202e}nimdA");
        assert!(shown.contains(">U+202E</span>nimdA"), "{shown}");
        assert!(!shown.contains('\u{202e}'));
        assert_eq!(plain("a\u{202e}b\0"), "a[U+202E]b[U+0000]");
        for character in [
            '\u{61c}',
            '\u{200b}',
            '\u{2066}',
            '\u{feff}',
            '\u{e000}',
            '\n',
            '\u{e0041}',
        ] {
            let shown = html(&format!("a{character}b"));
            assert!(!shown.contains(character), "{shown}");
            assert!(
                shown.contains(&format!("U+{:04X}", u32::from(character))),
                "{shown}"
            );
        }
    }

    #[test]
    fn marks_stay_in_their_place() {
        assert_eq!(html("\u{301}a"), "<bdi>\u{25cc}\u{301}a</bdi>");
        let tower = format!("a{}", "\u{301}".repeat(50));
        let shown = html(&tower);
        assert_eq!(shown.matches('\u{301}').count(), MOST_MARKS);
        assert_eq!(shown.matches("U+0301").count(), 50 - MOST_MARKS);
    }

    #[test]
    fn long_values_are_cut_and_say_so() {
        let shown = html(&"ü".repeat(10_000));
        assert!(shown.contains("10\u{202f}000 characters"), "{shown}");
        assert!(shown.len() < 1_000);
        assert!(plain(&"x".repeat(10_000)).ends_with('…'));
    }

    #[test]
    fn blocks_keep_their_lines_and_nothing_else() {
        let shown = block("a\n\tb\r\u{202e}").into_string();
        assert!(shown.contains("a\n\tb"), "{shown}");
        assert!(
            !shown.contains('\r') && !shown.contains('\u{202e}'),
            "{shown}"
        );
    }
}
