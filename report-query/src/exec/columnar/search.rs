//! Looking for a text within the texts of a block, all at once: they stand one behind the other.

use memchr::memmem::Finder;

use crate::expr::{Bound, FOLD_TO_ASCII, Needle, TextTest};
use crate::value::TextBlock;

/// A search for texts that contain another.
pub(super) struct Search<'p> {
    needle: &'p Needle,
    way: Way<'p>,
}

enum Way<'p> {
    Exact(Box<Finder<'p>>),
    /// The needle is ASCII; where in it the byte stands that is looked for, in both cases.
    AnyCase {
        at: usize,
        lower: u8,
        upper: u8,
    },
}

impl<'p> Search<'p> {
    /// `None` if a test is none for a text that a column's texts contain.
    pub(super) fn new(test: &'p Bound) -> Option<Self> {
        let Bound::TextTest(TextTest::Contains, of, needle) = test else {
            return None;
        };
        if !matches!(**of, Bound::Column(_)) {
            return None;
        }
        Self::of(needle)
    }

    fn of(needle: &'p Needle) -> Option<Self> {
        let text = needle.text();
        if text.is_empty() {
            return None;
        }
        if !needle.is_folded() {
            return Some(Self {
                needle,
                way: Way::Exact(Box::new(Finder::new(text))),
            });
        }
        if !text.is_ascii() {
            return None;
        }
        // The byte that texts have least of.
        let (at, byte) = text
            .bytes()
            .enumerate()
            .min_by_key(|(_, byte)| frequency(*byte))?;
        Some(Self {
            needle,
            way: Way::AnyCase {
                at,
                lower: byte,
                upper: byte.to_ascii_uppercase(),
            },
        })
    }

    /// Which texts contain it.
    pub(super) fn find(&self, block: &TextBlock) -> Box<[bool]> {
        let all = block.all();
        let bytes = all.as_bytes();
        let needle = self.needle.text().as_bytes();
        let len = needle.len();
        let mut found = vec![false; block.len()].into_boxed_slice();
        let mut text = 0;
        // Whether what begins there lies within one text, which is then found: where to look next.
        let mut take = |start: usize| {
            while block.end(text).is_some_and(|end| end <= start) {
                text += 1;
            }
            match (block.end(text), found.get_mut(text)) {
                // Whatever else is in the text.
                (Some(end), Some(found)) if start + len <= end => {
                    *found = true;
                    end
                }
                _ => start + 1,
            }
        };
        let mut from = 0;
        match &self.way {
            Way::Exact(finder) => {
                while let Some(at) = bytes.get(from..).and_then(|rest| finder.find(rest)) {
                    from = take(from + at);
                }
            }
            Way::AnyCase { at, lower, upper } => {
                let is_it = |start: usize| {
                    let there = bytes.get(start..start + len);
                    there.is_some_and(|there| there.eq_ignore_ascii_case(needle))
                };
                from = *at;
                while let Some(hit) = bytes
                    .get(from..)
                    .and_then(|rest| memchr::memchr2(*lower, *upper, rest))
                {
                    let hit = from + hit;
                    from = hit + 1;
                    if is_it(hit - at) {
                        from = from.max(take(hit - at) + at);
                    }
                }
                self.ask_of_others(block, &mut found);
            }
        }
        found
    }

    /// Asks each text with a character beyond ASCII that folds to one of it.
    fn ask_of_others(&self, block: &TextBlock, found: &mut [bool]) {
        let all = block.all();
        if all.is_ascii() {
            return;
        }
        for char in FOLD_TO_ASCII {
            let mut text = 0;
            for at in memchr::memmem::find_iter(all.as_bytes(), char) {
                while block.end(text).is_some_and(|end| end <= at) {
                    text += 1;
                }
                if let (Some(found @ false), Some(text)) = (found.get_mut(text), block.get(text)) {
                    *found = self.needle.test(TextTest::Contains, text);
                }
            }
        }
    }
}

/// How often a byte is in texts, roughly: vowels and frequent consonants most, digits, capitals
/// and signs least.
const fn frequency(byte: u8) -> u8 {
    match byte {
        b' ' | b'e' | b'a' | b'i' | b'o' | b'n' | b'r' | b't' | b's' => 3,
        b'l' | b'd' | b'u' | b'c' | b'm' | b'p' | b'g' | b'h' | b'0' => 2,
        b'a'..=b'z' | b'1' => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_each_text_says_itself(
            texts in prop::collection::vec("[aAbBkKsSiIüſ\u{131}\u{212a} ]{0,7}", 0..20),
            needle in "[abABkKsSiI ]{1,3}",
            fold in any::<bool>(),
        ) {
            let block = TextBlock::new(texts.iter().map(String::as_str));
            let needle = Needle::new(&needle, fold);
            let found = Search::of(&needle).unwrap().find(&block);
            for (text, found) in texts.iter().zip(found) {
                prop_assert_eq!(found, needle.test(TextTest::Contains, text), "{:?}", text);
            }
        }
    }

    #[test]
    fn a_border_between_texts_is_none_of_them() {
        let block = TextBlock::new(["ab", "cab", "c", "abc"].into_iter());
        let needle = Needle::new("bc", false);
        let found = Search::of(&needle).unwrap().find(&block);
        assert_eq!(*found, [false, false, false, true]);
    }

    #[test]
    fn what_has_no_bytes_or_other_folds_is_asked_of_each() {
        for needle in [Needle::new("", false), Needle::new("ö", true)] {
            assert!(Search::of(&needle).is_none());
        }
    }
}
