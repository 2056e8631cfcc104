//! Typed values as text, exactly as the `evtx` crate 0.15.1 renders them in XML.
//!
//! Types that are not here (floating point, SYSTEMTIME, arrays other than of
//! strings, ANSI text beyond ASCII, ...) are left to the second lane.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

#[cfg(feature = "eventlog")]
use super::event::Moment;
use crate::time::from_filetime;

pub(crate) const NULL: u8 = 0x00;
pub(crate) const STRING: u8 = 0x01;
pub(crate) const BINARY: u8 = 0x0E;
pub(crate) const FILETIME: u8 = 0x11;
pub(crate) const SID: u8 = 0x13;
/// A fragment of BinXML.
#[cfg(feature = "eventlog")]
pub(crate) const BINXML: u8 = 0x21;
#[cfg(feature = "eventlog")]
pub(crate) const STRING_ARRAY: u8 = 0x81;

/// FILETIME of the first moment of the year 10000.
const YEAR_10000: u64 = 2_650_467_744_000_000_000;

/// Appends the value's text, or returns `None` for a type or size that is left
/// to the second lane.
pub(crate) fn render(kind: u8, bytes: &[u8], out: &mut String) -> Option<()> {
    match kind {
        NULL => {}
        // Text in the system's code page: NULs are left out.
        0x02 => {
            if !bytes.is_ascii() {
                return None;
            }
            out.extend(bytes.iter().filter(|&&b| b != 0).map(|&b| char::from(b)));
        }
        0x03 => show(i8::from_le_bytes(exact(bytes)?), out),
        0x04 => decimal(u64::from(u8::from_le_bytes(exact(bytes)?)), out),
        0x05 => show(i16::from_le_bytes(exact(bytes)?), out),
        0x06 => decimal(u64::from(u16::from_le_bytes(exact(bytes)?)), out),
        0x07 => show(i32::from_le_bytes(exact(bytes)?), out),
        0x08 => decimal(u64::from(u32::from_le_bytes(exact(bytes)?)), out),
        0x09 => show(i64::from_le_bytes(exact(bytes)?), out),
        0x0A => decimal(u64::from_le_bytes(exact(bytes)?), out),
        // Windows keeps bit masks in some; they stay numbers.
        0x0D => match i32::from_le_bytes(exact(bytes)?) {
            0 => out.push_str("false"),
            1 => out.push_str("true"),
            other => show(other, out),
        },
        BINARY => {
            out.reserve(bytes.len() * 2);
            for &byte in bytes {
                out.push(digit(byte >> 4, b'A'));
                out.push(digit(byte & 15, b'A'));
            }
        }
        0x0F => guid(&exact(bytes)?, out),
        0x10 | 0x14 if bytes.len() == 4 => {
            hex(u64::from(u32::from_le_bytes(exact(bytes)?)), out);
        }
        0x10 | 0x15 => hex(u64::from_le_bytes(exact(bytes)?), out),
        FILETIME => time(filetime(u64::from_le_bytes(exact(bytes)?))?, out),
        SID => sid(bytes, out)?,
        _ => return None,
    }
    Some(())
}

/// Whether a value of this type and size can be put out without a look at it.
#[cfg(feature = "eventlog")]
#[inline]
pub(crate) fn fits(kind: u8, size: usize) -> bool {
    const SIZES: [(u16, u16); 256] = sizes();
    let (bits, wanted) = SIZES.get(usize::from(kind)).copied().unwrap_or(UNKNOWN);
    size & usize::from(bits) == usize::from(wanted)
}

/// No size will do: it takes a look at the value.
#[cfg(feature = "eventlog")]
const UNKNOWN: (u16, u16) = (0, 1);

/// For each type what the size must be, of which bits. A value of an instance
/// counts its bytes in 16 bits.
#[cfg(feature = "eventlog")]
const fn sizes() -> [(u16, u16); 256] {
    const ANY: (u16, u16) = (0, 0);
    const EVEN: (u16, u16) = (1, 0);
    const fn exactly(bytes: u16) -> (u16, u16) {
        (u16::MAX, bytes)
    }
    let mut sizes = [UNKNOWN; 256];
    sizes[NULL as usize] = ANY;
    sizes[BINARY as usize] = ANY;
    sizes[STRING as usize] = EVEN;
    sizes[STRING_ARRAY as usize] = EVEN;
    sizes[0x03] = exactly(1);
    sizes[0x04] = exactly(1);
    sizes[0x05] = exactly(2);
    sizes[0x06] = exactly(2);
    sizes[0x07] = exactly(4);
    sizes[0x08] = exactly(4);
    sizes[0x0D] = exactly(4);
    sizes[0x14] = exactly(4);
    sizes[0x09] = exactly(8);
    sizes[0x0A] = exactly(8);
    sizes[0x15] = exactly(8);
    sizes[0x0F] = exactly(16);
    sizes
}

/// A SID's second byte counts the parts of four bytes after its first eight.
#[cfg(feature = "eventlog")]
#[inline]
pub(crate) fn is_sid(bytes: &[u8]) -> bool {
    let parts = bytes.get(1).copied().unwrap_or_default();
    bytes.len() == 8 + 4 * usize::from(parts)
}

/// Whether [`render`] knows the type, and the value can be of it.
#[cfg(feature = "eventlog")]
#[inline(never)] // where it is inlined differs from folder to folder, and costs a tenth
pub(crate) fn can_render(kind: u8, bytes: &[u8]) -> bool {
    match kind {
        STRING | STRING_ARRAY => false,
        0x02 => bytes.is_ascii(),
        0x10 => matches!(bytes.len(), 4 | 8),
        FILETIME => exact(bytes).is_some_and(|ticks| u64::from_le_bytes(ticks) < YEAR_10000),
        SID => is_sid(bytes),
        _ => fits(kind, bytes.len()),
    }
}

/// An unsigned number of any width.
#[cfg(feature = "eventlog")]
pub(crate) fn unsigned(kind: u8, bytes: &[u8]) -> Option<u64> {
    Some(match kind {
        0x04 => u64::from(u8::from_le_bytes(exact(bytes)?)),
        0x06 => u64::from(u16::from_le_bytes(exact(bytes)?)),
        0x08 => u64::from(u32::from_le_bytes(exact(bytes)?)),
        0x0A => u64::from_le_bytes(exact(bytes)?),
        _ => return None,
    })
}

/// FILETIME up to the year 9999; the `evtx` crate renders later ones otherwise.
pub(crate) fn filetime(ticks: u64) -> Option<DateTime<Utc>> {
    from_filetime(ticks).filter(|_| ticks < YEAR_10000)
}

/// The same, not converted yet.
#[cfg(feature = "eventlog")]
pub(crate) fn filetime_moment(ticks: u64) -> Moment {
    if ticks < YEAR_10000 {
        Moment::Ticks(ticks)
    } else {
        Moment::None
    }
}

/// Seven decimals, the 100 ns that a FILETIME counts.
fn time(time: DateTime<Utc>, out: &mut String) {
    show(
        format_args!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.nanosecond() / 100
        ),
        out,
    );
}

/// `S-1-5-21-...`: revision, count, six bytes of authority, then the parts.
pub(crate) fn sid(bytes: &[u8], out: &mut String) -> Option<()> {
    let &[revision, count, a, b, c, d, e, f, ref parts @ ..] = bytes else {
        return None;
    };
    if parts.len() != usize::from(count) * 4 {
        return None;
    }
    let authority = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    out.push_str("S-");
    decimal(u64::from(revision), out);
    out.push('-');
    decimal(authority, out);
    for part in parts.chunks_exact(4) {
        out.push('-');
        decimal(u64::from(u32::from_le_bytes(exact(part)?)), out);
    }
    Some(())
}

/// Appends the bytes that hexadecimal digits stand for.
#[cfg(feature = "eventlog")]
pub(crate) fn hexadecimal(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    for pair in text.as_bytes().chunks_exact(2) {
        out.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(())
}

/// Lower case in braces.
fn guid(bytes: &[u8; 16], out: &mut String) {
    let mut text = [0; uuid::fmt::Braced::LENGTH];
    out.push_str(
        uuid::Uuid::from_bytes_le(*bytes)
            .braced()
            .encode_lower(&mut text),
    );
}

/// Decimal digits. Formatting as `Display` does it costs several times as much.
fn decimal(mut number: u64, out: &mut String) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    for place in digits.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
        at -= 1;
        if number == 0 {
            break;
        }
    }
    let digits = digits.get(at..).unwrap_or_default();
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

/// `0x` and hexadecimal digits, lower case.
fn hex(number: u64, out: &mut String) {
    out.push_str("0x");
    let digits = (64 - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        out.push(digit((number >> (place * 4)) as u8 & 15, b'a'));
    }
}

fn digit(value: u8, letters: u8) -> char {
    char::from(match value {
        0..=9 => b'0' + value,
        _ => letters + (value - 10),
    })
}

fn exact<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

fn show(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a `String` can't fail.
    let _ = write!(out, "{value}");
}

#[cfg(all(test, feature = "eventlog"))]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: u8, bytes: &[u8], wanted: &str) {
        let mut out = String::new();
        assert_eq!(render(kind, bytes, &mut out), Some(()));
        assert!(can_render(kind, bytes));
        assert_eq!(out, wanted);
    }

    #[test]
    fn every_type() {
        check(0x00, &[], "");
        check(0x02, b"a\0b\0", "ab");
        check(0x03, &[0xFF], "-1");
        check(0x04, &[0], "0");
        check(0x08, &[0xFF; 4], "4294967295");
        check(0x0A, &[0xFF; 8], "18446744073709551615");
        check(0x15, &[0xFF; 8], "0xffffffffffffffff");
        check(0x15, &[0x0A, 0, 0, 0, 0, 0, 0, 0], "0xa");
        check(0x06, &[0x19, 0x10], "4121");
        check(0x09, &[0xFF; 8], "-1");
        check(0x0D, &[1, 0, 0, 0], "true");
        check(0x0D, &[0x10, 0, 0, 0], "16");
        check(0x0E, &[0xE1, 0x07], "E107");
        check(0x10, &[0x1F, 0, 0, 0], "0x1f");
        check(0x14, &[0; 4], "0x0");
        check(0x15, &[0, 0, 0, 0, 0, 0, 0x80, 0], "0x80000000000000");
        check(
            0x0F,
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xAB],
            "{04030201-0605-0807-090a-0b0c0d0e0fab}",
        );
        check(
            FILETIME,
            &132_210_191_826_330_001_u64.to_le_bytes(),
            "2019-12-17T01:19:42.6330001Z",
        );
        check(
            SID,
            &[1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            "S-1-5-21-4294967295",
        );
    }

    #[test]
    fn the_last_filetime() {
        check(
            FILETIME,
            &(YEAR_10000 - 1).to_le_bytes(),
            "9999-12-31T23:59:59.9999999Z",
        );
    }

    #[test]
    fn other_types_and_sizes_are_left_to_the_second_lane() {
        let mut out = String::new();
        for (kind, bytes) in [
            (0x02, &[0xE9][..]),
            (0x06, &[1]),
            (0x0B, &[0; 4]),
            (0x10, &[0; 2]),
            (0x12, &[0; 16]),
            (0x14, &[0; 8]),
            (0x15, &[0; 4]),
            (FILETIME, &[0xFF; 8]),
            (FILETIME, &YEAR_10000.to_le_bytes()),
            (SID, &[1, 1, 0, 0, 0, 0, 0, 5]),
            (0x88, &[0; 8]),
        ] {
            assert_eq!(render(kind, bytes, &mut out), None, "{kind:#x}");
            assert!(!can_render(kind, bytes), "{kind:#x}");
        }
    }
}
