//! One value of an event's data.

use std::fmt;

use super::value;
use crate::text::Utf16;

/// One value of an event's data, with its name where the provider gives one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Datum<'a> {
    /// The `Name` attribute; classic events have none.
    pub name: Option<Utf16<'a>>,
    /// The value.
    pub value: DataValue<'a>,
}

/// A value as the log holds it: a string, or a value of another type that
/// becomes text when it is asked for.
///
/// ```
/// use mim_events::eventlog::{MIM_PROVIDER, OwnedLogEvent, REQUEST};
///
/// let event = OwnedLogEvent::new(MIM_PROVIDER, REQUEST).data("{}");
/// for datum in event.as_event().data() {
///     assert_eq!(datum.value.as_utf16().map(|text| text.len()), Some(2));
///     assert_eq!(datum.value.to_string_lossy(), "{}");
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DataValue<'a> {
    pub(crate) kind: u8,
    pub(crate) bytes: &'a [u8],
}

impl<'a> DataValue<'a> {
    /// The string, undecoded; `None` if the value is of another type.
    #[must_use]
    pub fn as_utf16(self) -> Option<Utf16<'a>> {
        (self.kind == value::STRING).then(|| Utf16::from_le_bytes(self.bytes))
    }

    /// Appends the value as text, and returns how many unpaired surrogates of a
    /// string were replaced by U+FFFD. Values that are no strings are written
    /// as the `evtx` crate 0.15.1 writes them in XML: numbers in decimal, masks
    /// as `0x8000`, GUIDs as `{...}` in lower case, times with seven decimals, SIDs as
    /// `S-1-...`, bytes in hexadecimal.
    pub fn decode_into(self, out: &mut String) -> usize {
        match self.as_utf16() {
            Some(text) => text.decode_into(out),
            None => {
                // Who makes a value makes sure that it can be rendered.
                let _ = value::render(self.kind, self.bytes, out);
                0
            }
        }
    }

    /// The value as text, unpaired surrogates replaced.
    #[must_use]
    pub fn to_string_lossy(self) -> String {
        let mut out = String::new();
        self.decode_into(&mut out);
        out
    }

    /// Whether the value's text is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        match self.as_utf16() {
            Some(text) => text.is_empty(),
            // Text in a code page leaves out NULs; other types never are empty but by size.
            None => self.bytes.iter().all(|&byte| byte == 0) && self.to_string_lossy().is_empty(),
        }
    }

    /// Appends the value as UTF-16LE: a string as it is, another type's text.
    pub fn utf16_into(self, out: &mut Vec<u8>) {
        match self.as_utf16() {
            Some(text) => out.extend_from_slice(text.as_le_bytes()),
            None => {
                let text = self.to_string_lossy();
                out.reserve(text.len() * 2);
                for unit in text.encode_utf16() {
                    out.extend_from_slice(&unit.to_le_bytes());
                }
            }
        }
    }
}

impl PartialEq<str> for DataValue<'_> {
    fn eq(&self, other: &str) -> bool {
        match self.as_utf16() {
            Some(text) => text == *other,
            None => self.to_string_lossy() == other,
        }
    }
}

impl fmt::Display for DataValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_string_lossy())
    }
}

/// Type and length only: event data holds people's data.
impl fmt::Debug for DataValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_utf16() {
            Some(text) => text.fmt(f),
            None => write!(
                f,
                "DataValue(type {:#04x}, {} bytes)",
                self.kind,
                self.bytes.len()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_text_when_asked() {
        let number = DataValue {
            kind: 0x08,
            bytes: &[0x19, 0x10, 0, 0],
        };
        assert_eq!(number.as_utf16(), None);
        assert_eq!(number.to_string(), "4121");
        assert!(number == *"4121" && !number.is_empty());
        let mut utf16 = Vec::new();
        number.utf16_into(&mut utf16);
        assert_eq!(utf16, b"4\x001\x002\x001\0");
        assert_eq!(format!("{number:?}"), "DataValue(type 0x08, 4 bytes)");
        assert!(
            DataValue {
                kind: 0x02,
                bytes: &[0, 0]
            }
            .is_empty()
        );
    }
}
