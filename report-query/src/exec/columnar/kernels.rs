//! Loops over many numbers of a column. With feature `simd` each is compiled once for every level
//! of vectors, and that of the machine is taken; without it the loops are for what all machines of
//! a kind have.

#[cfg(feature = "simd")]
use fearless_simd::{Level, Simd, dispatch};

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

    #[test]
    fn as_many_ones_as_one_likes_are_counted() {
        for level in levels() {
            for count in [0, 127, 128, 129, 255, 256, 70_000] {
                assert_eq!(ones_at(level, &vec![1; count]), count);
            }
        }
    }
}
