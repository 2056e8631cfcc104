//! 64 bytes at a time: where the bytes are that JSON text turns on.
//!
//! Each answer has a bit for each byte of a block, the lowest for the first. The loops
//! have no branches and whole words for results, so that compilers make vector code of
//! them where the processor has it.

/// Bytes of a block.
pub(super) const BLOCK: usize = 64;

/// Where the plain text of a string stops, in the block that begins at a place: quotes,
/// backslashes, control characters. Nothing stops it behind the end.
#[inline(always)]
pub(super) fn stops(bytes: &[u8], at: usize) -> u64 {
    #[inline(always)]
    fn of(block: &[u8; BLOCK]) -> u64 {
        bits(block, |byte| {
            (byte == b'"') | (byte == b'\\') | (byte < b' ')
        })
    }

    #[inline(never)]
    fn of_last(bytes: &[u8], at: usize) -> u64 {
        let (block, behind) = last(bytes, at);
        of(&block) >> behind
    }

    match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(block) => of(block),
        None => of_last(bytes, at),
    }
}

/// What tells where an array or an object ends.
pub(super) struct Nesting {
    pub(super) quotes: u64,
    pub(super) backslashes: u64,
    /// `{` and `[`
    pub(super) opens: u64,
    /// `}` and `]`
    pub(super) closes: u64,
}

/// What is in the block that begins at a place; nothing is behind the end.
#[inline(always)]
pub(super) fn nesting(bytes: &[u8], at: usize) -> Nesting {
    // Square and curly brackets differ in this bit alone.
    const CURLY: u8 = 0x20;
    let (block, behind) = match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(block) => (*block, 0),
        None => last(bytes, at),
    };
    let backslash = |byte| byte == b'\\';
    let any = block.iter().fold(false, |any, byte| any | backslash(*byte));
    Nesting {
        quotes: bits(&block, |byte| byte == b'"') >> behind,
        // Rare, so that most blocks have three answers only.
        backslashes: if any {
            bits(&block, backslash) >> behind
        } else {
            0
        },
        opens: bits(&block, |byte| byte | CURLY == b'{') >> behind,
        closes: bits(&block, |byte| byte | CURLY == b'}') >> behind,
    }
}

/// A block with all bytes from a place on, fewer than a block's, and how many others stand
/// before them in it.
fn last(bytes: &[u8], at: usize) -> ([u8; BLOCK], usize) {
    let rest = bytes.get(at..).unwrap_or_default();
    match bytes.last_chunk() {
        Some(block) if !rest.is_empty() => (*block, BLOCK - rest.len()),
        _ => {
            let mut block = [b' '; BLOCK];
            for (to, from) in block.iter_mut().zip(rest) {
                *to = *from;
            }
            (block, 0)
        }
    }
}

/// A bit for each byte of the block that the test finds.
#[inline(always)]
fn bits(block: &[u8; BLOCK], test: impl Fn(u8) -> bool) -> u64 {
    // Eight bytes are a row; each row has a bit of its own in its bytes, so that all rows
    // fit one word, a column in each byte.
    let mut rows = [0; BLOCK];
    for (at, (found, byte)) in rows.iter_mut().zip(block).enumerate() {
        *found = u8::from(test(*byte)) << (at / 8);
    }
    let (rows, _) = rows.as_chunks();
    let rows = rows
        .iter()
        .fold(0, |all, row| all | u64::from_le_bytes(*row));
    transposed(rows)
}

/// Rows and columns of eight times eight bits changed ("Hacker's Delight", section 7-3).
#[inline(always)]
fn transposed(mut bits: u64) -> u64 {
    let swaps = [
        (7, 0x00AA_00AA_00AA_00AA),
        (14, 0x0000_CCCC_0000_CCCC),
        (28, 0x0000_0000_F0F0_F0F0),
    ];
    for (by, pairs) in swaps {
        let unequal = (bits ^ bits >> by) & pairs;
        bits ^= unequal ^ unequal << by;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_bit_is_its_byte(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(br#""\{}[];|"#.to_vec())], 0..160),
            at in 0..170_usize,
        ) {
            let expected = |test: fn(u8) -> bool| {
                let block = bytes.iter().skip(at).take(BLOCK).enumerate();
                block.fold(0, |all, (at, byte)| all | u64::from(test(*byte)) << at)
            };
            prop_assert_eq!(stops(&bytes, at), expected(|byte| byte == b'"' || byte == b'\\' || byte < 0x20));
            let found = nesting(&bytes, at);
            prop_assert_eq!(found.quotes, expected(|byte| byte == b'"'));
            prop_assert_eq!(found.backslashes, expected(|byte| byte == b'\\'));
            prop_assert_eq!(found.opens, expected(|byte| byte == b'{' || byte == b'['));
            prop_assert_eq!(found.closes, expected(|byte| byte == b'}' || byte == b']'));
        }
    }
}
