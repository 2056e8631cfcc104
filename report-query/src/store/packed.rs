//! Whole numbers and times in as few bytes as they need: the least of them, and what each row
//! has more.

use std::ops::Range;

use chrono::{DateTime, Utc};

/// Whole numbers, of which some may be missing.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    least: i64,
    greatest: i64,
    /// What a step of the differences is worth.
    unit: u64,
    more: Differences,
    missing: Option<Bits>,
}

/// How much more than the least each row has, in units.
#[derive(Debug)]
pub(crate) enum Differences {
    /// So many rows with the least.
    None(usize),
    U8(Box<[u8]>),
    U16(Box<[u16]>),
    U32(Box<[u32]>),
    /// The low 32 bits, and the 16 above.
    U48(Box<[u32]>, Box<[u16]>),
    U64(Box<[u64]>),
}

/// Runs a block with the differences of whole numbers that are none missing as a slice, once for
/// each width that has one.
macro_rules! with_differences {
    ($packed:expr, $slice:ident => $block:expr, else $other:expr) => {
        match $packed.differences() {
            Some($crate::store::Differences::U8($slice)) => $block,
            Some($crate::store::Differences::U16($slice)) => $block,
            Some($crate::store::Differences::U32($slice)) => $block,
            _ => $other,
        }
    };
}
pub(crate) use with_differences;

/// Runs a block with a function that gives the number of a row, once for each width.
macro_rules! with_numbers {
    ($packed:expr, $get:ident => $block:expr) => {{
        let packed: &$crate::store::Packed = $packed;
        match packed.all_more() {
            Some($crate::store::Differences::U16(all)) => {
                let $get = |row: usize| all.get(row).map(|more| packed.number(u64::from(*more)));
                $block
            }
            Some($crate::store::Differences::U32(all)) => {
                let $get = |row: usize| all.get(row).map(|more| packed.number(u64::from(*more)));
                $block
            }
            _ => {
                let $get = |row: usize| packed.get(row);
                $block
            }
        }
    }};
}
pub(crate) use with_numbers;

impl Default for Differences {
    fn default() -> Self {
        Self::None(0)
    }
}

impl Packed {
    pub(crate) fn new(numbers: &[Option<i64>]) -> Self {
        Self::in_units::<1>(numbers)
    }

    /// Numbers that are whole units more than each other. The unit is known when this is built, so
    /// that nothing is divided by a number that might be any.
    fn in_units<const UNIT: u64>(numbers: &[Option<i64>]) -> Self {
        let there = || numbers.iter().flatten();
        let least = there().min().copied().unwrap_or_default();
        let more = |number: &Option<i64>| number.map_or(0, |number| number.abs_diff(least) / UNIT);
        let most = numbers.iter().map(more).max().unwrap_or_default();
        let all = numbers.iter().map(more);
        // What does not fit its width is not at most `most`.
        let more = match most {
            0 => Differences::None(numbers.len()),
            1..0x100 => Differences::U8(all.map(|more| more as u8).collect()),
            0x100..0x1_0000 => Differences::U16(all.map(|more| more as u16).collect()),
            0x1_0000..0x1_0000_0000 => Differences::U32(all.map(|more| more as u32).collect()),
            0x1_0000_0000..0x1_0000_0000_0000 => Differences::U48(
                all.clone().map(|more| more as u32).collect(),
                all.map(|more| (more >> 32) as u16).collect(),
            ),
            _ => Differences::U64(all.collect()),
        };
        let missing = numbers.contains(&None);
        Self {
            least,
            greatest: there().max().copied().unwrap_or_default(),
            unit: UNIT,
            more,
            missing: missing.then(|| numbers.iter().map(Option::is_none).collect()),
        }
    }

    /// The number of a row.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<i64> {
        let more = match &self.more {
            Differences::None(len) => (row < *len).then_some(0)?,
            Differences::U8(more) => u64::from(*more.get(row)?),
            Differences::U16(more) => u64::from(*more.get(row)?),
            Differences::U32(more) => u64::from(*more.get(row)?),
            Differences::U48(low, high) => {
                u64::from(*low.get(row)?) | u64::from(*high.get(row)?) << 32
            }
            Differences::U64(more) => *more.get(row)?,
        };
        if self.is_missing(row) {
            return None;
        }
        Some(self.number(more))
    }

    /// The least and the greatest number; zeros if there is none.
    pub(crate) const fn ends(&self) -> (i64, i64) {
        (self.least, self.greatest)
    }

    /// What each row has more, if each has a number.
    pub(crate) const fn all_more(&self) -> Option<&Differences> {
        match &self.missing {
            None => Some(&self.more),
            Some(_) => None,
        }
    }

    /// The number that has so much more.
    #[inline]
    pub(crate) const fn number(&self, more: u64) -> i64 {
        self.least
            .wrapping_add_unsigned(more.wrapping_mul(self.unit))
    }

    /// How much more than the least each row has, if each has a number, of units of 1.
    pub(crate) const fn differences(&self) -> Option<&Differences> {
        match self.unit {
            1 => self.all_more(),
            _ => None,
        }
    }

    #[inline]
    fn is_missing(&self, row: usize) -> bool {
        self.missing.as_ref().is_some_and(|bits| bits.has(row))
    }

    /// Bytes of it.
    pub(super) fn size(&self) -> usize {
        let more = match &self.more {
            Differences::None(_) => 0,
            Differences::U8(more) => size_of_val(&**more),
            Differences::U16(more) => size_of_val(&**more),
            Differences::U32(more) => size_of_val(&**more),
            Differences::U48(low, high) => size_of_val(&**low) + size_of_val(&**high),
            Differences::U64(more) => size_of_val(&**more),
        };
        more + self.missing.as_ref().map_or(0, Bits::size)
    }
}

/// Times, of which some may be missing.
#[derive(Debug)]
pub(crate) enum Times {
    /// Nanoseconds since 1970.
    Packed(Packed),
    /// What these can't say: before 1677, after 2262, leap seconds.
    Wide(Box<[Option<DateTime<Utc>>]>),
}

impl Default for Times {
    fn default() -> Self {
        Self::Packed(Packed::default())
    }
}

impl Times {
    pub(super) fn new(times: &[Option<DateTime<Utc>>]) -> Self {
        let nanos = |time: &Option<DateTime<Utc>>| match time {
            None => Some(None),
            Some(time) => nanoseconds(*time).map(Some),
        };
        let Some(numbers) = times.iter().map(nanos).collect::<Option<Vec<_>>>() else {
            return Self::Wide(times.into());
        };
        const SECOND: u64 = 1_000_000_000;
        const MILLI: u64 = 1_000_000;
        const MICRO: u64 = 1_000;

        let least = numbers.iter().flatten().min().copied().unwrap_or_default();
        Self::Packed(if are_of::<SECOND>(&numbers, least) {
            Packed::in_units::<SECOND>(&numbers)
        } else if are_of::<MILLI>(&numbers, least) {
            Packed::in_units::<MILLI>(&numbers)
        } else if are_of::<MICRO>(&numbers, least) {
            Packed::in_units::<MICRO>(&numbers)
        } else {
            Packed::new(&numbers)
        })
    }

    /// The time of a row.
    pub(crate) fn get(&self, row: usize) -> Option<DateTime<Utc>> {
        match self {
            Self::Packed(numbers) => numbers.get(row).map(DateTime::from_timestamp_nanos),
            Self::Wide(times) => times.get(row).copied().flatten(),
        }
    }

    /// Nanoseconds since 1970, of times that these can say.
    pub(crate) const fn nanoseconds(&self) -> Option<&Packed> {
        match self {
            Self::Packed(numbers) => Some(numbers),
            Self::Wide(_) => None,
        }
    }

    /// Of ascending times within a range of rows: the first of which a predicate is false.
    pub(crate) fn partition_point(
        &self,
        rows: Range<usize>,
        holds: impl Fn(DateTime<Utc>) -> bool,
    ) -> usize {
        let Range { mut start, mut end } = rows;
        while start < end {
            let middle = start.midpoint(end);
            if self.get(middle).is_some_and(&holds) {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        start
    }

    pub(super) fn size(&self) -> usize {
        match self {
            Self::Packed(numbers) => numbers.size(),
            Self::Wide(times) => size_of_val(&**times),
        }
    }
}

/// Whether numbers are whole units more than the least.
fn are_of<const UNIT: u64>(numbers: &[Option<i64>], least: i64) -> bool {
    let mut there = numbers.iter().flatten();
    there.all(|number| number.abs_diff(least).is_multiple_of(UNIT))
}

/// Nanoseconds since 1970, if they say it all.
fn nanoseconds(time: DateTime<Utc>) -> Option<i64> {
    let is_leap = time.timestamp_subsec_nanos() >= 1_000_000_000;
    time.timestamp_nanos_opt().filter(|_| !is_leap)
}

/// A bit for each row.
#[derive(Clone, Debug)]
pub(crate) struct Bits(Box<[u64]>);

impl Bits {
    pub(crate) fn has(&self, row: usize) -> bool {
        let word = self.0.get(row / 64).copied().unwrap_or_default();
        word >> (row % 64) & 1 == 1
    }

    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.0)
    }
}

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> Self {
        let mut words = Vec::new();
        for (at, bit) in bits.into_iter().enumerate() {
            if at % 64 == 0 {
                words.push(0);
            }
            if let Some(word) = words.last_mut() {
                *word |= u64::from(bit) << (at % 64);
            }
        }
        Self(words.into())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_width_is_used_where_it_is_enough() {
        for (most, size) in [
            (0, 0),
            (255, 2),
            (256, 4),
            (65_535, 4),
            (65_536, 8),
            (u64::from(u32::MAX), 8),
            (1 << 32, 12),
            ((1 << 48) - 1, 12),
            (1 << 48, 16),
            (u64::MAX, 16),
        ] {
            let numbers = [Some(i64::MIN), Some(i64::MIN.wrapping_add_unsigned(most))];
            let packed = Packed::new(&numbers);
            assert_eq!(packed.size(), size, "{most}");
            assert_eq!([packed.get(0), packed.get(1)], numbers);
            assert_eq!(packed.get(2), None);
        }
    }

    #[test]
    fn times_of_whole_units_take_fewer_bytes() {
        let start: DateTime<Utc> = "2026-11-24T12:00:00.123456789Z".parse().unwrap();
        for (step, size) in [
            (TimeDelta::seconds(1), 1),
            (TimeDelta::milliseconds(1), 1),
            (TimeDelta::microseconds(300), 2),
            (TimeDelta::nanoseconds(70_000), 2),
            (TimeDelta::nanoseconds(1_000_001), 4),
        ] {
            let times: Vec<_> = (0..100).map(|n| Some(start + step * n)).collect();
            let packed = Times::new(&times);
            assert_eq!(packed.size(), size * times.len(), "{step}");
            assert!((0..100).all(|row| packed.get(row) == times[row]));
        }
    }

    #[test]
    fn times_that_nanoseconds_cannot_say_stay_as_they_are() {
        let leap: DateTime<Utc> = "2016-12-31T23:59:60.5Z".parse().unwrap();
        for odd in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, leap] {
            let times = [Some(odd), None];
            let kept = Times::new(&times);
            assert!(matches!(kept, Times::Wide(_)));
            assert_eq!([kept.get(0), kept.get(1)], times);
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            numbers in prop::collection::vec(prop::option::of(prop_oneof![any::<i64>(), -9_i64..9]), 0..70),
            bound in any::<i64>(),
        ) {
            let packed = Packed::new(&numbers);
            prop_assert_eq!(packed.get(numbers.len()), None);
            for (row, number) in numbers.iter().enumerate() {
                prop_assert_eq!(packed.get(row), *number);
                prop_assert_eq!(packed.is_missing(row), number.is_none());
            }
            let mut ascending: Vec<i64> = numbers.iter().flatten().copied().collect();
            ascending.sort_unstable();
            let time = DateTime::from_timestamp_nanos;
            let times: Vec<_> = ascending.iter().map(|n| Some(time(*n))).collect();
            let times = Times::new(&times);
            prop_assert_eq!(
                times.partition_point(0..ascending.len(), |other| other < time(bound)),
                ascending.partition_point(|other| *other < bound)
            );
        }
    }
}
