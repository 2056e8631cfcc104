//! Strings as the sources hold them: UTF-16 that is not decoded yet.

use std::fmt;

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
        let ascii = self
            .0
            .chunks_exact(2)
            .take_while(|pair| pair[1] == 0 && pair[0] < 0x80)
            .count();
        out.reserve(self.len());
        out.extend(
            self.0[..ascii * 2]
                .chunks_exact(2)
                .map(|pair| char::from(pair[0])),
        );
        let mut replaced = 0;
        for unit in char::decode_utf16(Self(&self.0[ascii * 2..]).units()) {
            out.push(unit.unwrap_or_else(|_| {
                replaced += 1;
                char::REPLACEMENT_CHARACTER
            }));
        }
        replaced
    }

    /// The decoded text, unpaired surrogates replaced.
    #[must_use]
    pub fn to_string_lossy(self) -> String {
        let mut out = String::new();
        self.decode_into(&mut out);
        out
    }
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
    fn an_odd_byte_is_left_out() {
        assert_eq!(
            Utf16::from_le_bytes(&[0x41, 0, 0x42]).to_string_lossy(),
            "A"
        );
    }

    #[test]
    fn compares_without_decoding() {
        let bytes = bytes(&"Zoë 😀".encode_utf16().collect::<Vec<_>>());
        assert!(Utf16::from_le_bytes(&bytes) == *"Zoë 😀");
        assert!(Utf16::from_le_bytes(&bytes) != *"Zoë");
    }
}
