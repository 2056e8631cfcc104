//! Steps over strings and whole values of JSON text that is known to be valid.

use super::blocks::{BLOCK, nesting, stops};

/// The block that was looked at last. Strings are short: one look serves several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// A multiple of the block's size: where the next block is does not depend on what was
    /// found in this one, so that the processor may look ahead.
    start: usize,
    stops: u64,
}

impl Default for Window {
    fn default() -> Self {
        // Far from every place.
        let start = 1 << (usize::BITS - 1);
        Self { start, stops: 0 }
    }
}

impl Window {
    /// The next quote, backslash or control character at or behind a place, or where the
    /// text ends. Places are asked for in ascending order.
    #[inline(always)]
    pub(super) fn next_stop(&mut self, bytes: &[u8], at: usize) -> usize {
        let inside = at.wrapping_sub(self.start);
        if inside < BLOCK {
            let ahead = self.stops >> inside;
            if ahead != 0 {
                return at + ahead.trailing_zeros() as usize;
            }
        }
        *self = self.moved(bytes, at);
        if self.stops == 0 {
            return bytes.len();
        }
        self.start + self.stops.trailing_zeros() as usize
    }

    /// The block with the next stop at or behind a place, without stops before that.
    #[inline(never)]
    fn moved(self, bytes: &[u8], at: usize) -> Self {
        let start = if at.wrapping_sub(self.start) < 2 * BLOCK {
            self.start + BLOCK
        } else {
            at - at % BLOCK
        };
        let stops = stops(bytes, start) & u64::MAX << at.saturating_sub(start);
        if stops != 0 {
            return Self { start, stops };
        }
        Self::after(bytes, start + BLOCK)
    }

    #[inline(never)]
    fn after(bytes: &[u8], mut start: usize) -> Self {
        while start < bytes.len() {
            let stops = stops(bytes, start);
            if stops != 0 {
                return Self { start, stops };
            }
            start += BLOCK;
        }
        Self { start, stops: 0 }
    }
}

/// Whether these three bytes are at a place, with one more behind.
#[inline(always)]
pub(super) fn is_at(bytes: &[u8], at: usize, wanted: &[u8; 3]) -> bool {
    let [a, b, c] = *wanted;
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found.is_some_and(|found| u32::from_le_bytes(*found) << 8 == u32::from_le_bytes([0, a, b, c]))
}

#[inline(always)]
pub(super) fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The closing quote of a string, given where its plain text stops first.
#[inline(always)]
pub(super) fn closing_quote(bytes: &[u8], mut stop: usize, window: &mut Window) -> usize {
    while bytes.get(stop) == Some(&b'\\') {
        stop = window.next_stop(bytes, stop + 2);
    }
    stop
}

/// Behind the string whose opening quote is at a place.
#[inline(always)]
pub(super) fn string_end(bytes: &[u8], at: usize, window: &mut Window) -> usize {
    let stop = window.next_stop(bytes, at + 1);
    (closing_quote(bytes, stop, window) + 1).min(bytes.len())
}

/// Behind the value that begins at a place.
#[inline]
pub(super) fn value_end(bytes: &[u8], at: usize, window: &mut Window) -> usize {
    match bytes.get(at) {
        Some(b'"') => string_end(bytes, at, window),
        Some(b'{' | b'[') => container_end(bytes, at),
        _ => {
            let rest = bytes.get(at..).unwrap_or_default();
            let ends =
                |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
            at + rest.iter().position(ends).unwrap_or(rest.len())
        }
    }
}

/// Behind the array or object that begins at a place.
fn container_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_u32;
    // All ones inside of a string.
    let mut inside = 0_u64;
    // Whether the first byte of the block is escaped by the last one before.
    let mut carried = 0_u64;
    while at < bytes.len() {
        let found = nesting(bytes, at);
        let mut quotes = found.quotes;
        if found.backslashes | carried != 0 {
            let (escaped, next) = escaped(found.backslashes, carried);
            quotes &= !escaped;
            carried = next;
        }
        let strings = until_next(quotes) ^ inside;
        inside = 0_u64.wrapping_sub(strings >> (BLOCK - 1));
        let opens = found.opens & !strings;
        let mut closes = found.closes & !strings;
        if depth > closes.count_ones() {
            depth = depth + opens.count_ones() - closes.count_ones();
        } else {
            // The end is near: which bracket is it?
            let before = depth;
            let mut closed = 0;
            while closes != 0 {
                closed += 1;
                let place = closes.trailing_zeros();
                let opened = (opens & ((1 << place) - 1)).count_ones();
                if before + opened <= closed {
                    return at + place as usize + 1;
                }
                closes &= closes - 1;
            }
            depth = (before + opens.count_ones()).saturating_sub(closed);
        }
        at += BLOCK;
    }
    bytes.len()
}

/// From every odd bit up to the next one: the bytes of strings, given their quotes.
fn until_next(mut bits: u64) -> u64 {
    for by in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << by;
    }
    bits
}

/// Which bytes are escaped, and whether the next block's first one is (1 or 0).
fn escaped(backslashes: u64, carried: u64) -> (u64, u64) {
    let mut escaped = carried;
    let mut next = 0;
    let mut rest = backslashes & !carried;
    while rest != 0 {
        let escape = rest & rest.wrapping_neg();
        escaped |= escape << 1;
        next = escape >> (BLOCK - 1);
        rest &= !(escape | escape << 1);
    }
    (escaped, next)
}
