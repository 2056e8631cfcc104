//! `ExactSum`: floats added without rounding, so that no order of them matters.
//!
//! A float is a whole number of the least float there is, 2^-1074. Such numbers are added as
//! integers of as many digits as the sum needs, and rounded once in the end.

/// Bits of a digit.
const DIGIT: u32 = 32;
/// Digits take in so many floats before carries are due: each adds less than 2^32.
const PENDING: u32 = 1 << 30;
/// Digits that a sum of 2^64 floats can have at most: 2,098 bits of one, and 64 more.
const MOST_DIGITS: usize = 68;

/// The exact sum of floats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExactSum {
    /// How many digits of zero stand below the first one.
    low: usize,
    /// Digits to the base 2^32, the lowest first; of either sign until they are carried.
    digits: Vec<i64>,
    pending: u32,
    nan: bool,
    plus_infinity: bool,
    minus_infinity: bool,
}

impl ExactSum {
    pub(crate) fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.nan |= value.is_nan();
            self.plus_infinity |= value == f64::INFINITY;
            self.minus_infinity |= value == f64::NEG_INFINITY;
            return;
        }
        let bits = value.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as u32;
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, shift) = match exponent {
            0 => (fraction, 0),
            exponent => (fraction | 1 << 52, exponent - 1),
        };
        if mantissa == 0 {
            return;
        }
        let wide = u128::from(mantissa) << (shift % DIGIT);
        let sign = if value < 0.0 { -1 } else { 1 };
        let places = self.places((shift / DIGIT) as usize, 3);
        for (index, place) in places.iter_mut().enumerate() {
            *place += sign * i64::from((wide >> (DIGIT * index as u32)) as u32);
        }
        self.pending += 1;
        if self.pending >= PENDING {
            self.carry();
        }
    }

    pub(crate) fn merge(&mut self, mut other: Self) {
        self.nan |= other.nan;
        self.plus_infinity |= other.plus_infinity;
        self.minus_infinity |= other.minus_infinity;
        self.carry();
        other.carry();
        let places = self.places(other.low, other.digits.len());
        for (place, digit) in places.iter_mut().zip(&other.digits) {
            *place += digit;
        }
        self.carry();
    }

    /// The digits from a place on, made where there are none.
    fn places(&mut self, from: usize, count: usize) -> &mut [i64] {
        if self.digits.is_empty() {
            self.low = from;
        }
        if from < self.low {
            let below = std::iter::repeat_n(0, self.low - from);
            self.digits.splice(0..0, below);
            self.low = from;
        }
        let start = from - self.low;
        if self.digits.len() < start + count {
            self.digits.resize(start + count, 0);
        }
        self.digits
            .get_mut(start..start + count)
            .unwrap_or_default()
    }

    /// Makes all digits of one sign and less than 2^32, and leaves out zeros at both ends: then
    /// equal sums have equal digits.
    fn carry(&mut self) {
        self.pending = 0;
        self.carry_up();
        if self.digits.last().is_some_and(|top| *top < 0) {
            self.negate();
            self.carry_up();
            self.negate();
        }
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
        self.low = if self.digits.is_empty() {
            0
        } else {
            self.low + zeros
        };
    }

    fn negate(&mut self) {
        self.digits.iter_mut().for_each(|digit| *digit = -*digit);
    }

    /// Leaves digits that are not negative below the top one, which says the sign.
    fn carry_up(&mut self) {
        let mut carry = 0_i64;
        for digit in &mut self.digits {
            let sum = *digit + carry;
            carry = sum >> DIGIT;
            *digit = sum - (carry << DIGIT);
        }
        // What is beyond all digits is one more, or tells a negative number.
        if carry != 0 {
            self.digits.push(carry);
        }
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
    }

    /// The float that is nearest to the sum; of two as near, the even one.
    pub(crate) fn value(mut self) -> f64 {
        if self.nan || (self.plus_infinity && self.minus_infinity) {
            return f64::NAN;
        }
        if self.plus_infinity {
            return f64::INFINITY;
        }
        if self.minus_infinity {
            return f64::NEG_INFINITY;
        }
        self.carry();
        let Some(top) = self.digits.last().copied() else {
            return 0.0;
        };
        let magnitude: Vec<u32> = std::iter::repeat_n(0, self.low)
            .chain(self.digits.iter().map(|digit| digit.unsigned_abs() as u32))
            .collect();
        let value = nearest(&magnitude);
        if top < 0 { -value } else { value }
    }

    /// Sign, place of the lowest digit and digits; what is no number at all by its name.
    pub(crate) fn to_text(&self) -> String {
        let mut sum = self.clone();
        sum.carry();
        let mut text = String::new();
        for (is, name) in [
            (sum.nan, "nan;"),
            (sum.plus_infinity, "inf;"),
            (sum.minus_infinity, "-inf;"),
        ] {
            text.push_str(if is { name } else { "" });
        }
        if let Some(top) = sum.digits.last() {
            text.push_str(if *top < 0 { "-" } else { "" });
            text.push_str(&sum.low.to_string());
            for digit in &sum.digits {
                text.push_str(&format!(":{:x}", digit.unsigned_abs()));
            }
        }
        text
    }

    /// Reads what [`to_text`](Self::to_text) writes.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut sum = Self::default();
        let mut rest = text;
        for (name, flag) in [
            ("nan;", &mut sum.nan),
            ("inf;", &mut sum.plus_infinity),
            ("-inf;", &mut sum.minus_infinity),
        ] {
            if let Some(behind) = rest.strip_prefix(name) {
                *flag = true;
                rest = behind;
            }
        }
        if rest.is_empty() {
            return Some(sum);
        }
        let (sign, rest) = match rest.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, rest),
        };
        let mut parts = rest.split(':');
        sum.low = parts.next()?.parse().ok()?;
        for part in parts {
            if sum.low.checked_add(sum.digits.len())? >= MOST_DIGITS {
                return None;
            }
            let digit = u32::from_str_radix(part, 16).ok()?;
            sum.digits.push(sign * i64::from(digit));
        }
        // One number is written in one way.
        (sum.to_text() == text).then_some(sum)
    }
}

/// The float nearest to a whole number of 2^-1074, its lowest digit first and its highest not 0.
fn nearest(digits: &[u32]) -> f64 {
    let bit = |at: usize| {
        digits
            .get(at / 32)
            .is_some_and(|digit| digit >> (at % 32) & 1 == 1)
    };
    let top = digits.last().map_or(0, |digit| digit.ilog2() as usize);
    let length = (digits.len().saturating_sub(1)) * 32 + top + 1;
    let mut shift = length.saturating_sub(53);
    let mut mantissa = 0_u64;
    for at in (shift..length).rev() {
        mantissa = mantissa << 1 | u64::from(bit(at));
    }
    if shift > 0 && bit(shift - 1) {
        let is_more = (0..shift - 1).any(bit);
        if is_more || mantissa & 1 == 1 {
            mantissa += 1;
        }
        if mantissa == 1 << 53 {
            mantissa >>= 1;
            shift += 1;
        }
    }
    if mantissa < 1 << 52 {
        return f64::from_bits(mantissa);
    }
    let exponent = shift as u64 + 1;
    if exponent > 2046 {
        return f64::INFINITY;
    }
    f64::from_bits(exponent << 52 | (mantissa & ((1 << 52) - 1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum
    }

    #[test]
    fn what_is_lost_by_adding_in_turn_is_kept() {
        for (values, expected) in [
            (&[][..], 0.0),
            (&[-0.0], 0.0),
            (&[0.1; 10], 1.0),
            (&[1e16, 1.0, -1e16], 1.0),
            (&[1e308, 1e308, -1e308], 1e308),
            (&[f64::MAX, f64::MAX], f64::INFINITY),
            (&[-f64::MAX, -f64::MAX], f64::NEG_INFINITY),
            (&[f64::MAX, -f64::MAX, 5e-324], 5e-324),
            (&[5e-324, 5e-324, -1.5e-323], -5e-324),
            (
                &[2.225_073_858_507_201_4e-308, -5e-324],
                2.225_073_858_507_201e-308,
            ),
            // Half-way between two floats: to the even one, but for what is far below.
            (&[9_007_199_254_740_992.0, 1.0], 9_007_199_254_740_992.0),
            (&[9_007_199_254_740_994.0, 1.0], 9_007_199_254_740_996.0),
            (
                &[9_007_199_254_740_992.0, 1.0, 1e-300],
                9_007_199_254_740_994.0,
            ),
            (&[f64::INFINITY, -1.0], f64::INFINITY),
            (&[f64::NEG_INFINITY, 1.0], f64::NEG_INFINITY),
        ] {
            let found = sum(values).value();
            assert_eq!(found.to_bits(), expected.to_bits(), "{values:?}: {found:?}");
        }
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).value().is_nan());
        assert!(sum(&[f64::NAN, 1.0]).value().is_nan());
    }

    #[test]
    fn what_is_no_sum_is_not_read() {
        for text in [
            "x",
            "0",
            "-0",
            "0:0",
            "1:",
            "0:1:0",
            "0:0:1",
            "0:100000000",
            "67:1:1",
            "-:1",
            "00:1",
            "0:01",
            "-inf;inf;",
            "18446744073709551615:1",
        ] {
            assert_eq!(ExactSum::from_text(text), None, "{text}");
        }
        assert!(ExactSum::from_text("67:1").is_some());
    }

    fn floats() -> impl Strategy<Value = Vec<f64>> {
        let one = prop_oneof![
            prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
            (-1_000_000_i64..1_000_000).prop_map(|n| n as f64 / 1024.0),
            prop::sample::select(vec![
                f64::MAX,
                -f64::MAX,
                1e300,
                -1e300,
                1.0,
                5e-324,
                -5e-324
            ]),
        ];
        prop::collection::vec(one, 0..40)
    }

    proptest! {
        #[test]
        fn one_float_is_itself(value in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
            prop_assert_eq!(sum(&[value]).value().to_bits(), value.to_bits());
        }

        #[test]
        fn the_sum_is_that_of_the_integers(values in prop::collection::vec(any::<i32>(), 0..50)) {
            let floats: Vec<f64> = values.iter().map(|value| f64::from(*value) / 65_536.0).collect();
            let exact: i64 = values.iter().map(|value| i64::from(*value)).sum();
            prop_assert_eq!(sum(&floats).value(), exact as f64 / 65_536.0);
        }

        #[test]
        fn neither_order_nor_parts_matter(values in floats(), cut in 0_usize..40, by in 0_usize..40) {
            let whole = sum(&values);
            let (a, b) = values.split_at(cut.min(values.len()));
            let mut merged = sum(b);
            merged.merge(sum(a));
            let mut turned = values.clone();
            turned.rotate_left(by.min(values.len()));
            turned.reverse();
            for other in [merged, sum(&turned)] {
                prop_assert_eq!(other.to_text(), whole.to_text());
                prop_assert_eq!(other.value().to_bits(), whole.clone().value().to_bits());
            }
            let text = whole.to_text();
            let read = ExactSum::from_text(&text).unwrap();
            prop_assert_eq!(read.value().to_bits(), whole.value().to_bits());
        }

        #[test]
        fn all_taken_away_again_is_nothing(values in floats()) {
            let mut all = sum(&values);
            all.merge(sum(&values.iter().map(|value| -value).collect::<Vec<_>>()));
            prop_assert_eq!(all.to_text(), "");
        }
    }
}
