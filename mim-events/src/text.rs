//! Strings as the sources hold them: UTF-16 that is not decoded yet.

use std::fmt;
use std::mem;

/// A string of an event log record: UTF-16LE bytes, lent and not decoded.
///
/// Event log strings may hold unpaired surrogates; decoding replaces each by
/// U+FFFD and says how many were replaced.
///
/// ```
/// use mim_events::text::Utf16;
///
/// let bytes: Vec<u8> = "Zoë".encode_utf16().flat_map(u16::to_le_bytes).collect();
/// let mut text = String::new();
/// assert_eq!(Utf16::from_le_bytes(&bytes).decode_into(&mut text), 0);
/// assert_eq!(text, "Zoë");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Utf16<'a>(&'a [u8]);

impl<'a> Utf16<'a> {
    /// Takes UTF-16LE bytes; an odd last byte is left out.
    #[must_use]
    pub fn from_le_bytes(bytes: &'a [u8]) -> Self {
        Self(&bytes[..bytes.len() & !1])
    }

    /// The bytes, two for each code unit, little-endian.
    #[must_use]
    pub fn as_le_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The number of UTF-16 code units.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.len() / 2
    }

    /// Whether there is no code unit.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The code units, in order.
    pub fn units(
        self,
    ) -> impl DoubleEndedIterator<Item = u16> + ExactSizeIterator + Clone + use<'a> {
        self.0
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
    }

    /// Appends the decoded text and returns how many unpaired surrogates were
    /// replaced by U+FFFD.
    pub fn decode_into(self, out: &mut String) -> usize {
        if self.len() <= SHORT && push_short(self.0, out) {
            return 0;
        }
        // Checked once at the end: a check of each block would take longer.
        let mut bytes = match out.is_empty() {
            true => mem::take(out).into_bytes(),
            false => Vec::new(),
        };
        let replaced = self.push_onto(&mut bytes);
        match String::from_utf8(bytes) {
            Ok(text) if out.is_empty() => *out = text,
            Ok(text) => out.push_str(&text),
            Err(error) => out.push_str(&String::from_utf8_lossy(error.as_bytes())),
        }
        replaced
    }

    /// Appends the text in UTF-8; returns how many surrogates were replaced.
    fn push_onto(self, out: &mut Vec<u8>) -> usize {
        out.reserve(self.len());
        let mut rest = self.0;
        let mut replaced = 0;
        let mut is_plain = true;
        loop {
            // The larger the block, the fewer instructions; and the more in vain where
            // other letters are.
            if is_plain {
                rest = push_ascii::<256>(rest, out);
            }
            let before = rest.len();
            rest = push_ascii::<64>(rest, out);
            rest = push_ascii::<8>(rest, out);
            is_plain = before - rest.len() >= 256;
            if rest.is_empty() {
                return replaced;
            }
            // Not ASCII, or less than a block: some units one by one. A pair of
            // surrogates stays together.
            let mut length = Self(rest).len().min(8);
            let is = |unit: usize, kind| {
                rest.get(unit * 2 + 1)
                    .is_some_and(|high| high & 0xFC == kind)
            };
            if is(length - 1, 0xD8) && is(length, 0xDC) {
                length += 1;
            }
            let (slow, after) = rest.split_at(length * 2);
            for unit in char::decode_utf16(Self(slow).units()) {
                let unit = unit.unwrap_or_else(|_| {
                    replaced += 1;
                    char::REPLACEMENT_CHARACTER
                });
                out.extend_from_slice(unit.encode_utf8(&mut [0; 4]).as_bytes());
            }
            rest = after;
        }
    }

    /// The number of units before the first NUL, if there is one.
    #[cfg(feature = "eventlog")]
    pub(crate) fn find_nul(self) -> Option<usize> {
        const BLOCK: usize = 32;
        let is_nul = |unit: &[u8; 2]| *unit == [0, 0];
        let (units, _) = self.0.as_chunks::<2>();
        let (blocks, rest) = units.as_chunks::<BLOCK>();
        // Without a way out of the loop the compiler tests many units at once.
        let any = |block: &[[u8; 2]; BLOCK]| {
            block
                .iter()
                .fold(0, |any, unit| any | u16::from(is_nul(unit)))
                != 0
        };
        match blocks.iter().position(any) {
            Some(at) => blocks
                .get(at)
                .and_then(|block| block.iter().position(is_nul))
                .map(|unit| at * BLOCK + unit),
            None => rest
                .iter()
                .position(is_nul)
                .map(|unit| blocks.len() * BLOCK + unit),
        }
    }

    /// The decoded text, unpaired surrogates replaced.
    #[must_use]
    pub fn to_string_lossy(self) -> String {
        let mut out = String::new();
        self.decode_into(&mut out);
        out
    }
}

/// Texts up to this many units are decoded at one go.
const SHORT: usize = 32;

/// Appends a short text of ASCII; `false` if it is none.
fn push_short(bytes: &[u8], out: &mut String) -> bool {
    let mut wide = [0; SHORT * 2];
    let Some(place) = wide.get_mut(..bytes.len()) else {
        return false;
    };
    place.copy_from_slice(bytes);
    let mut narrow = [0; SHORT];
    let mut all = 0;
    for (to, unit) in narrow.iter_mut().zip(wide.as_chunks::<2>().0) {
        let unit = u16::from_le_bytes(*unit);
        all |= unit;
        *to = unit as u8;
    }
    // Testing all of it is cheaper than testing some bytes of it one by one.
    match std::str::from_utf8(&narrow).map(|text| text.get(..bytes.len() / 2)) {
        Ok(Some(text)) if all < 0x80 => {
            out.push_str(text);
            true
        }
        _ => false,
    }
}

/// Appends whole blocks of `N` ASCII units, up to the first block that has
/// another unit; returns the rest.
fn push_ascii<'a, const N: usize>(bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut block = [0; N];
    let mut done = 0;
    for units in bytes.as_chunks::<2>().0.as_chunks::<N>().0 {
        let mut all = 0;
        for (to, unit) in block.iter_mut().zip(units) {
            let unit = u16::from_le_bytes(*unit);
            all |= unit;
            *to = unit as u8;
        }
        if all >= 0x80 {
            break;
        }
        out.extend_from_slice(&block);
        done += N * 2;
    }
    bytes.get(done..).unwrap_or_default()
}

impl PartialEq<str> for Utf16<'_> {
    fn eq(&self, other: &str) -> bool {
        self.units().eq(other.encode_utf16())
    }
}

impl fmt::Display for Utf16<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_string_lossy())
    }
}

/// The length only: event strings hold people's data.
impl fmt::Debug for Utf16<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Utf16({} units)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    fn bytes(units: &[u16]) -> Vec<u8> {
        units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
    }

    #[test]
    fn unpaired_surrogates_are_replaced_and_counted() {
        let bytes = bytes(&[0x41, 0xD83D, 0x42, 0xDE00, 0xD83D, 0xDE00, 0xD83D]);
        let mut out = String::from(">");
        assert_eq!(Utf16::from_le_bytes(&bytes).decode_into(&mut out), 3);
        assert_eq!(out, ">A\u{FFFD}B\u{FFFD}\u{1F600}\u{FFFD}");
    }

    #[test]
    fn every_place_of_a_block_is_decoded() {
        // Each kind of text at each place around the blocks' edges.
        for odd in ["", "é", "\u{1F600}", "\u{FFFF}", "\0"] {
            for before in 0..140 {
                let text = "a".repeat(before) + odd + &"b".repeat(70) + odd;
                let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                let utf16 = Utf16::from_le_bytes(&bytes);
                assert_eq!(utf16.to_string_lossy(), text);
                #[cfg(feature = "eventlog")]
                assert_eq!(utf16.find_nul(), utf16.units().position(|unit| unit == 0));
            }
        }
    }

    #[test]
    fn lone_surrogates_at_a_blocks_edge() {
        for before in 0..80 {
            for lone in [0xD83D, 0xDE00] {
                let mut units = vec![0x61; before];
                units.extend([lone, 0x62]);
                let bytes = bytes(&units);
                let mut out = String::new();
                assert_eq!(Utf16::from_le_bytes(&bytes).decode_into(&mut out), 1);
                assert_eq!(out, "a".repeat(before) + "\u{FFFD}b");
            }
        }
    }

    #[test]
    fn a_pair_after_lone_surrogates_stays_together() {
        for before in 0..20 {
            for lone in 0..40 {
                let mut units = vec![0xE9; before];
                units.extend(std::iter::repeat_n(0xD83D, lone));
                units.extend([0xD83D, 0xDE00, 0x62]);
                let bytes = bytes(&units);
                let mut out = String::new();
                assert_eq!(Utf16::from_le_bytes(&bytes).decode_into(&mut out), lone);
                let wanted = "é".repeat(before) + &"\u{FFFD}".repeat(lone) + "\u{1F600}b";
                assert_eq!(out, wanted);
            }
        }
    }

    #[test]
    fn an_odd_byte_is_left_out() {
        assert_eq!(
            Utf16::from_le_bytes(&[0x41, 0, 0x42]).to_string_lossy(),
            "A"
        );
    }

    proptest! {
        #[test]
        fn any_units_are_decoded_as_the_standard_library_does(
            units in vec(select(vec![0x41, 0x42, 0xE9, 0xD83D, 0xDBFF, 0xDE00, 0xDC00, 0xFFFF]), 0..400),
            run in vec(Just(0x61_u16), 0..300),
            at in any::<Index>(),
        ) {
            let mut units: Vec<u16> = units;
            let at = at.index(units.len() + 1);
            units.splice(at..at, run);
            let bytes = bytes(&units);
            let mut out = String::new();
            let replaced = Utf16::from_le_bytes(&bytes).decode_into(&mut out);
            prop_assert!(out == String::from_utf16_lossy(&units));
            let lone = char::decode_utf16(units).filter(Result::is_err).count();
            prop_assert_eq!(replaced, lone);
        }
    }

    #[test]
    fn compares_without_decoding() {
        let bytes = bytes(&"Zoë 😀".encode_utf16().collect::<Vec<_>>());
        assert!(Utf16::from_le_bytes(&bytes) == *"Zoë 😀");
        assert!(Utf16::from_le_bytes(&bytes) != *"Zoë");
    }
}
