//! Loops over many numbers of a column. With feature `simd` each is compiled once for every level
//! of vectors, and that of the machine is taken; without it the loops are for what all machines of
//! a kind have.

#[cfg(feature = "simd")]
use fearless_simd::prelude::*;
#[cfg(feature = "simd")]
use fearless_simd::{Level, dispatch, u8x64};

/// What a loop is compiled for.
#[cfg(not(feature = "simd"))]
#[derive(Clone, Copy)]
struct Level;

#[cfg(not(feature = "simd"))]
impl Level {
    const fn new() -> Self {
        Self
    }
}

/// Runs a block at a level.
#[cfg(feature = "simd")]
macro_rules! at {
    ($level:expr, $block:expr) => {
        dispatch!($level, simd => simd.vectorize(
            #[inline(always)]
            || $block
        ))
    };
}
#[cfg(not(feature = "simd"))]
macro_rules! at {
    ($level:expr, $block:expr) => {{
        let Level = $level;
        $block
    }};
}

/// Reads through numbers that are then looked up here and there so often: memory gives what follows
/// each other many times faster. A few of them are better looked up alone.
pub(super) fn read_through(numbers: &[u32], lookups: usize) {
    /// Numbers that come together.
    const LINE: usize = 16;

    if lookups < numbers.len() / LINE {
        return;
    }
    let all = numbers
        .iter()
        .step_by(LINE)
        .fold(0, |all, number| all | number);
    std::hint::black_box(all);
}

/// A mark for each number that passes.
#[inline(never)]
pub(super) fn marks<T: Copy>(numbers: &[T], test: impl Fn(T) -> bool) -> Vec<u8> {
    marks_at(Level::new(), numbers, test)
}

/// Takes the marks from those that don't pass.
#[inline(never)]
pub(super) fn keep_marks<T: Copy>(marks: &mut [u8], numbers: &[T], test: impl Fn(T) -> bool) {
    keep_marks_at(Level::new(), marks, numbers, test);
}

/// How many ones there are.
pub(super) fn ones(marks: &[u8]) -> usize {
    ones_at(Level::new(), marks)
}

/// The numbers of those that have a one, of numbers from the first on; `count` of them do.
pub(super) fn places(marks: &[u8], first: u32, count: usize) -> Vec<u32> {
    places_at(Level::new(), marks, first, count)
}

fn places_at(level: Level, marks: &[u8], first: u32, count: usize) -> Vec<u32> {
    #[cfg(feature = "simd")]
    return dispatch!(level, simd => simd.vectorize(
        #[inline(always)]
        || places_of(marks, first, count, |block| {
            u8x64::simd_from(simd, *block).simd_eq(1).to_bitmask()
        })
    ));
    #[cfg(not(feature = "simd"))]
    {
        let Level = level;
        places_of(marks, first, count, bits_of_block)
    }
}

/// Two bytes of a text that is looked for, and where in it they stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct BytePair {
    pub(super) at: [usize; 2],
    /// As they are with the bits of `fold` set.
    pub(super) bytes: [u8; 2],
    /// What is set before bytes are compared: the bit by which cases differ, or nothing.
    pub(super) fold: [u8; 2],
}

impl BytePair {
    fn is_at(&self, bytes: &[u8], start: usize) -> bool {
        let is_it = |n: usize| {
            let byte = bytes.get(start + self.at[n]);
            byte.is_some_and(|byte| byte | self.fold[n] == self.bytes[n])
        };
        is_it(0) && is_it(1)
    }
}

/// Bytes that a text is looked for in at a time.
pub(super) const WINDOW: usize = 4096;

/// The places of a window, which begins somewhere among bytes, where a text may stand that has the
/// pair, ascending. They are told from the beginning of the window, and kept in a buffer.
pub(super) fn pair_places<'b>(
    bytes: &[u8],
    start: usize,
    pair: &BytePair,
    buffer: &'b mut PlaceBuffer,
) -> &'b [u32] {
    pair_places_at(Level::new(), bytes, start, pair, buffer)
}

/// Room for all places of a window.
pub(super) struct PlaceBuffer(Box<[u32]>);

impl PlaceBuffer {
    pub(super) fn new() -> Self {
        Self(vec![0; WINDOW + ROOM].into())
    }
}

fn pair_places_at<'b>(
    level: Level,
    bytes: &[u8],
    start: usize,
    pair: &BytePair,
    buffer: &'b mut PlaceBuffer,
) -> &'b [u32] {
    #[cfg(feature = "simd")]
    return dispatch!(level, simd => simd.vectorize(
        #[inline(always)]
        || pair_places_of(bytes, start, pair, buffer, |blocks| {
            let is_it = |n: usize| {
                let block = u8x64::simd_from(simd, *blocks[n]);
                (block | pair.fold[n]).simd_eq(pair.bytes[n])
            };
            (is_it(0) & is_it(1)).to_bitmask()
        })
    ));
    #[cfg(not(feature = "simd"))]
    {
        let Level = level;
        pair_places_of(bytes, start, pair, buffer, |blocks| {
            let mut marks = [0; 64];
            for (mark, (a, b)) in marks.iter_mut().zip(blocks[0].iter().zip(blocks[1])) {
                let is_a = a | pair.fold[0] == pair.bytes[0];
                let is_b = b | pair.fold[1] == pair.bytes[1];
                *mark = u8::from(is_a & is_b);
            }
            // Mostly there is none.
            if marks == [0; 64] {
                return 0;
            }
            bits_of_block(&marks)
        })
    }
}

#[inline(always)]
fn pair_places_of<'b>(
    bytes: &[u8],
    start: usize,
    pair: &BytePair,
    buffer: &'b mut PlaceBuffer,
    bits: impl Fn([&[u8; 64]; 2]) -> u64,
) -> &'b [u32] {
    let window = |at: usize| {
        let rest = bytes.get(start + at..).unwrap_or_default();
        rest.get(..WINDOW).unwrap_or(rest)
    };
    let [of_a, of_b] = pair.at.map(window);
    let (blocks_a, _) = of_a.as_chunks::<64>();
    let (blocks_b, _) = of_b.as_chunks::<64>();
    let mut all = [0; WINDOW / 64];
    let (mut blocks, mut ones) = (0, 0);
    for (word, (a, b)) in all.iter_mut().zip(blocks_a.iter().zip(blocks_b)) {
        *word = bits([a, b]);
        ones += word.count_ones() as usize;
        blocks += 1;
    }
    let places = &mut buffer.0;
    let mut len = 0;
    // Whether a block has any is looked at only where it can be guessed.
    let words = (0_u32..).step_by(64).zip(all).take(blocks);
    if ones < blocks / 4 {
        for (at, bits) in words.filter(|(_, bits)| *bits != 0) {
            len = put_places::<2>(bits, at, places, len);
        }
    } else if ones < blocks * 2 {
        for (at, bits) in words {
            len = put_places::<2>(bits, at, places, len);
        }
    } else {
        for (at, bits) in words {
            len = put_places::<ROOM>(bits, at, places, len);
        }
    }
    // What is left of the last window.
    for place in blocks * 64..of_a.len().min(of_b.len()) {
        if pair.is_at(bytes, start + place)
            && let Some(to) = places.get_mut(len)
        {
            *to = place as u32;
            len += 1;
        }
    }
    places.get(..len).unwrap_or_default()
}

fn marks_at<T: Copy>(level: Level, numbers: &[T], test: impl Fn(T) -> bool) -> Vec<u8> {
    at!(level, marks_of(numbers, test))
}

fn keep_marks_at<T: Copy>(level: Level, marks: &mut [u8], numbers: &[T], test: impl Fn(T) -> bool) {
    at!(level, keep_marks_of(marks, numbers, test));
}

fn ones_at(level: Level, marks: &[u8]) -> usize {
    at!(level, ones_of(marks))
}

#[inline(always)]
fn marks_of<T: Copy>(numbers: &[T], test: impl Fn(T) -> bool) -> Vec<u8> {
    let mark = |number: &T| u8::from(test(*number));
    numbers.iter().map(mark).collect()
}

#[inline(always)]
fn keep_marks_of<T: Copy>(marks: &mut [u8], numbers: &[T], test: impl Fn(T) -> bool) {
    for (mark, number) in marks.iter_mut().zip(numbers) {
        *mark &= u8::from(test(*number));
    }
}

/// Sums of bytes that can't overflow are what is summed fast.
#[inline(always)]
fn ones_of(marks: &[u8]) -> usize {
    let (blocks, rest) = marks.as_chunks::<128>();
    let mut total = 0;
    for block in blocks {
        let mut sum = 0_u32;
        for mark in block {
            sum += u32::from(*mark);
        }
        total += sum as usize;
    }
    total + rest.iter().map(|mark| usize::from(*mark)).sum::<usize>()
}

/// Ones of 64 above which they are taken eight places at a time instead of one by one.
const MANY: u32 = 16;

/// Places that are written at a time, of which those that count stay.
const ROOM: usize = 8;

#[inline(always)]
fn places_of(marks: &[u8], first: u32, count: usize, bits: impl Fn(&[u8; 64]) -> u64) -> Vec<u32> {
    let mut places = vec![0; count + ROOM];
    let mut len = 0;
    let (blocks, rest) = marks.as_chunks::<64>();
    let mut at = first;
    for block in blocks {
        let bits = bits(block);
        if bits != 0 {
            len = put_places::<ROOM>(bits, at, &mut places, len);
        }
        at += 64;
    }
    places.truncate(len);
    let rest = (at..).zip(rest).filter(|(_, mark)| **mark == 1);
    places.extend(rest.map(|(place, _)| place));
    places
}

/// Puts the places of the ones of 64, the first of which is at a place, behind so many others, some
/// at a time; says how many there are then.
#[inline(always)]
fn put_places<const SOME: usize>(
    mut bits: u64,
    at: u32,
    places: &mut [u32],
    mut len: usize,
) -> usize {
    let ones = bits.count_ones();
    if ones <= MANY {
        // Without asking how many there are, which nobody could guess.
        let end = len + ones as usize;
        loop {
            for place in places.get_mut(len..len + SOME).unwrap_or_default() {
                *place = at.wrapping_add(bits.trailing_zeros());
                bits &= bits.wrapping_sub(1);
            }
            len += SOME;
            if len >= end {
                return end;
            }
        }
    }
    for (at, bits) in (at..).step_by(8).zip(bits.to_le_bytes()) {
        let eight = places.get_mut(len..len + ROOM).unwrap_or_default();
        let ones = PLACES.get(usize::from(bits)).unwrap_or(&[0; 8]);
        for (place, one) in eight.iter_mut().zip(ones) {
            *place = at + u32::from(*one);
        }
        len += bits.count_ones() as usize;
    }
    len
}

/// A bit for each of 64 marks, from the lowest on.
#[cfg(any(test, not(feature = "simd")))]
#[inline(always)]
fn bits_of_block(block: &[u8; 64]) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    let bits = |bits, word: &[u8; 8]| bits >> 8 | u64::from(bits_of(*word)) << 56;
    words.iter().fold(0, bits)
}

/// A bit for each of eight marks, from the lowest on.
pub(super) const fn bits_of(marks: [u8; 8]) -> u8 {
    // The product's highest byte has the lowest bit of each of the eight bytes.
    (u64::from_le_bytes(marks).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// The bits of a byte as eight marks, from the lowest on.
pub(super) const SPREAD: [[u8; 8]; 256] = {
    let mut all = [[0; 8]; 256];
    let mut bits = 0;
    while bits < 256 {
        let mut place = 0;
        while place < 8 {
            all[bits][place] = (bits >> place & 1) as u8;
            place += 1;
        }
        bits += 1;
    }
    all
};

/// The places of the ones in a byte, from the lowest on.
const PLACES: [[u8; 8]; 256] = {
    let mut all = [[0; 8]; 256];
    let mut bits = 0;
    while bits < 256 {
        let (mut place, mut len) = (0, 0);
        while place < 8 {
            if bits >> place & 1 == 1 {
                all[bits][len] = place as u8;
                len += 1;
            }
            place += 1;
        }
        bits += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What all machines have, and all that this one has.
    #[cfg(feature = "simd")]
    fn levels() -> Vec<Level> {
        let best = Level::new();
        let mut levels = vec![Level::baseline(), best];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(best.as_sse4_2().map(Level::Sse4_2));
            levels.extend(best.as_avx2().map(Level::Avx2));
        }
        levels
    }

    #[cfg(not(feature = "simd"))]
    fn levels() -> Vec<Level> {
        vec![Level::new()]
    }

    fn check<T: Copy + PartialOrd>(numbers: &[T], bound: T) {
        let expected: Vec<u8> = numbers.iter().map(|n| u8::from(*n >= bound)).collect();
        let count = expected.iter().filter(|mark| **mark == 1).count();
        for level in levels() {
            let mut marks = marks_at(level, numbers, |number| number >= bound);
            assert_eq!(marks, expected);
            assert_eq!(ones_at(level, &marks), count);
            let places = places_at(level, &marks, 7, count);
            let ones = (7..).zip(&marks).filter(|(_, mark)| **mark == 1);
            assert_eq!(places, ones.map(|(at, _)| at).collect::<Vec<u32>>());
            keep_marks_at(level, &mut marks, numbers, |number| number == bound);
            let equal = numbers.iter().filter(|number| **number == bound).count();
            assert_eq!(ones_at(level, &marks), equal);
        }
    }

    proptest! {
        #[test]
        fn every_level_finds_the_same(
            numbers in prop::collection::vec(any::<u32>(), 0..900),
            bound: u32,
        ) {
            check(&numbers, bound);
            let narrow: Vec<u16> = numbers.iter().map(|number| *number as u16 % 5).collect();
            check(&narrow, (bound % 6) as u16);
            let narrow: Vec<u8> = numbers.iter().map(|number| *number as u8).collect();
            check(&narrow, bound as u8);
        }
    }

    proptest! {
        #[test]
        fn every_level_finds_all_places_of_a_pair(
            bytes in prop::collection::vec(prop::sample::select(b"abAB ".to_vec()), 0..300),
            at in (0_usize..5, 0_usize..5),
            wanted in (0_usize..3, 0_usize..3),
            folds: bool,
            times in prop::sample::select(vec![1_usize, 40]),
        ) {
            let bytes = bytes.repeat(times);
            let fold = |byte: u8| u8::from(folds && byte.is_ascii_alphabetic()) << 5;
            let wanted = [b"ab "[wanted.0], b"ab "[wanted.1]];
            let pair = BytePair { at: at.into(), bytes: wanted, fold: wanted.map(fold) };
            let expected: Vec<usize> =
                (0..bytes.len()).filter(|place| pair.is_at(&bytes, *place)).collect();
            for level in levels() {
                let mut buffer = PlaceBuffer::new();
                let mut found = Vec::new();
                for start in (0..bytes.len()).step_by(WINDOW) {
                    let places = pair_places_at(level, &bytes, start, &pair, &mut buffer);
                    found.extend(places.iter().map(|place| start + *place as usize));
                }
                prop_assert_eq!(&found, &expected);
            }
        }
    }

    #[test]
    fn bits_of_a_block_are_its_marks() {
        let mut block = [0; 64];
        for at in [0, 3, 7, 8, 40, 63] {
            block[at] = 1;
        }
        assert_eq!(
            bits_of_block(&block),
            1 << 63 | 1 << 40 | 1 << 8 | 1 << 7 | 1 << 3 | 1
        );
    }

    #[test]
    fn as_many_ones_as_one_likes_are_counted() {
        for level in levels() {
            for count in [0, 127, 128, 129, 255, 256, 70_000] {
                assert_eq!(ones_at(level, &vec![1; count]), count);
            }
        }
    }
}
