//! Looking for a text within the texts of a block, all at once: they stand one behind the other.

use super::kernels::{BytePair, PlaceBuffer, WINDOW, pair_places};
use crate::expr::{Bound, FOLD_TO_ASCII, Needle, TextTest};
use crate::store::BLOCK;
use crate::value::TextBlock;

/// A bit for each text of a block. All of a dictionary's fit a near cache, where they are looked up
/// in whatever order a segment has its texts.
pub(super) type Answer = [u64; BLOCK / 64];

/// A search for texts that contain another.
pub(super) struct Search<'p> {
    needle: &'p Needle,
    pair: BytePair,
    words: Box<[Word]>,
}

/// Bytes of a needle that are compared at once.
struct Word {
    /// Where in the needle they stand.
    at: usize,
    wanted: u64,
    /// For each byte the bit by which cases differ, or nothing.
    fold: u64,
    /// The bits of those that count.
    mask: u64,
}

impl<'p> Search<'p> {
    /// `None` if a test is none for a text that a column's texts contain. Some of these texts help
    /// to look for what they have least of.
    pub(super) fn new(test: &'p Bound, some: Option<&TextBlock>) -> Option<Self> {
        let Bound::TextTest(TextTest::Contains, of, needle) = test else {
            return None;
        };
        if !matches!(**of, Bound::Column(_)) {
            return None;
        }
        Self::of(needle, some.map(|some| some.all()).unwrap_or_default())
    }

    fn of(needle: &'p Needle, some: &str) -> Option<Self> {
        let text = needle.text();
        if text.is_empty() || needle.is_folded() && !text.is_ascii() {
            return None;
        }
        let fold = |byte: u8| u8::from(needle.is_folded() && byte.is_ascii_alphabetic()) << 5;
        let fold: Box<[u8]> = text.bytes().map(fold).collect();
        Some(Self {
            needle,
            pair: rarest_pair(text.as_bytes(), &fold, some.as_bytes()),
            words: words(text.as_bytes(), &fold).collect(),
        })
    }

    /// Whether the needle stands at a place, within some bytes.
    #[inline]
    fn is_at(&self, bytes: &[u8], start: usize) -> bool {
        self.words.iter().all(|word| {
            let there = eight(bytes.get(start + word.at..).unwrap_or_default());
            (there | word.fold) & word.mask == word.wanted
        })
    }

    /// Which texts contain it.
    pub(super) fn find(&self, block: &TextBlock, buffer: &mut PlaceBuffer) -> Answer {
        let bytes = block.all().as_bytes();
        let len = self.needle.text().len();
        let density = block.density();
        let mut found = [0; BLOCK / 64];
        let (mut text, mut next) = (0, 0);
        let mut window = 0;
        while window < bytes.len() {
            for place in pair_places(bytes, window, &self.pair, buffer) {
                let start = window + *place as usize;
                if start < next || !self.is_at(bytes, start) {
                    continue;
                }
                text = block.text_of(start, text, density);
                // Within one text, of which whatever follows does not matter.
                if let Some(end) = block.end(text)
                    && start + len <= end
                {
                    set(&mut found, text);
                    next = end;
                }
            }
            window = next.max(window + WINDOW);
        }
        if self.needle.is_folded() {
            self.ask_of_others(block, &mut found);
        }
        found
    }

    /// Asks each text with a character beyond ASCII that folds to one of it.
    fn ask_of_others(&self, block: &TextBlock, found: &mut Answer) {
        let all = block.all();
        if all.is_ascii() {
            return;
        }
        let density = block.density();
        for char in FOLD_TO_ASCII {
            let mut text = 0;
            for at in memchr::memmem::find_iter(all.as_bytes(), char) {
                text = block.text_of(at, text, density);
                let is_it = |text: &str| self.needle.test(TextTest::Contains, text);
                if block.get(text).is_some_and(is_it) {
                    set(found, text);
                }
            }
        }
    }
}

/// A needle in words of eight bytes.
fn words(needle: &[u8], fold: &[u8]) -> impl Iterator<Item = Word> {
    let words = needle.chunks(8).zip(fold.chunks(8)).enumerate();
    words.map(move |(n, (bytes, fold))| Word {
        at: 8 * n,
        wanted: eight(bytes),
        fold: eight(fold),
        mask: u64::MAX >> (64 - 8 * bytes.len()),
    })
}

/// The first eight bytes as a number; what is missing is zero.
#[inline]
fn eight(bytes: &[u8]) -> u64 {
    let eight = bytes.first_chunk::<8>().copied().unwrap_or_else(|| {
        let mut last = [0; 8];
        let places = last.iter_mut().zip(bytes);
        places.for_each(|(to, byte)| *to = *byte);
        last
    });
    u64::from_le_bytes(eight)
}

/// Sets the bit of a text.
pub(super) fn set(answer: &mut Answer, at: usize) {
    if let Some(word) = answer.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

/// The two bytes of a needle that stand beside each other least in some texts.
fn rarest_pair(needle: &[u8], fold: &[u8], some: &[u8]) -> BytePair {
    /// Bytes of a needle that are tried: as many as these of a long one are rare enough.
    const TRIED: usize = 64;

    let mut buffer = PlaceBuffer::new();
    let byte = |at: usize| {
        let byte = needle.get(at).copied().unwrap_or_default();
        (byte, fold.get(at).copied().unwrap_or_default())
    };
    let pair = |a: usize, b: usize| {
        let (a, b) = (a.min(b), a.max(b));
        let ((of_a, fold_a), (of_b, fold_b)) = (byte(a), byte(b));
        BytePair {
            at: [a, b],
            bytes: [of_a, of_b],
            fold: [fold_a, fold_b],
        }
    };
    // In one window: a short search must not wait for it.
    let mut count = |a: usize, b: usize| {
        let count = pair_places(some, 0, &pair(a, b), &mut buffer).len();
        (count, frequency(byte(a).0) + frequency(byte(b).0))
    };
    let all = || 0..needle.len().min(TRIED);
    let rarest = all().min_by_key(|at| count(*at, *at)).unwrap_or_default();
    let other = all().filter(|at| *at != rarest);
    let other = other.min_by_key(|at| count(rarest, *at)).unwrap_or(rarest);
    pair(rarest, other)
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

    fn check(texts: &[String], needle: &str, fold: bool) {
        let block = TextBlock::new(texts.iter().map(String::as_str));
        let needle = Needle::new(needle, fold);
        for some in ["", block.all()] {
            let search = Search::of(&needle, some).unwrap();
            let found = search.find(&block, &mut PlaceBuffer::new());
            for (at, text) in texts.iter().enumerate() {
                let is_found = found[at / 64] >> (at % 64) & 1 == 1;
                assert_eq!(
                    is_found,
                    needle.test(TextTest::Contains, text),
                    "{text:?} {needle:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn finds_what_each_text_says_itself(
            texts in prop::collection::vec("[aAbBkKsSiIüſ\u{131}\u{212a} ]{0,7}", 0..90),
            needle in "[abABkKsSiI ]{1,3}",
            fold in any::<bool>(),
        ) {
            check(&texts, &needle, fold);
        }

        // More than one window, and needles of several words.
        #[test]
        fn finds_long_texts_in_longer_ones(
            texts in prop::collection::vec("[abAB0 ]{0,60}", 1..400),
            (of, start, len) in (any::<prop::sample::Index>(), 0_usize..50, 1_usize..30),
            fold in any::<bool>(),
        ) {
            let text = of.get(&texts);
            let start = start.min(text.len());
            let needle = text.get(start..text.len().min(start + len)).unwrap_or_default();
            if !needle.is_empty() {
                check(&texts, needle, fold);
            }
        }
    }

    #[test]
    fn a_border_between_texts_is_none_of_them() {
        let block = TextBlock::new(["ab", "cab", "c", "abc"].into_iter());
        let needle = Needle::new("bc", false);
        let found = Search::of(&needle, "")
            .unwrap()
            .find(&block, &mut PlaceBuffer::new());
        assert_eq!(found[0], 1 << 3);
    }

    #[test]
    fn what_texts_have_least_of_is_looked_for() {
        let needle = Needle::new("Payroll 0001", false);
        let some = "Payroll 110203 of 7, Payroll 130224 of 11, ".repeat(9);
        let pair = Search::of(&needle, &some).unwrap().pair;
        assert_eq!((pair.at[1], pair.bytes[1]), (11, b'1'));
        let pair = Search::of(&needle, "").unwrap().pair;
        assert_eq!(pair.bytes, [b'P', b'y']);
    }

    #[test]
    fn what_has_no_bytes_or_other_folds_is_asked_of_each() {
        for needle in [Needle::new("", false), Needle::new("ö", true)] {
            assert!(Search::of(&needle, "").is_none());
        }
    }
}
