//! `HyperLogLog`: about how many different values there are, in little memory.
//!
//! Few hashes are kept as they are. Of more, each falls by its first bits on one of the registers,
//! which keeps the most zeros that a hash had behind these bits. What is known depends on the set
//! of the hashes alone: neither on their order nor on what was merged.

use super::stable_hash::hash_value;
use crate::error::Result;
use crate::value::Value;

use super::state::Budget;

/// Bits of a hash that say its register.
const BITS: u32 = 14;
/// Registers: 16 KiB of them.
const REGISTERS: usize = 1 << BITS;
/// What a register holds at most: one more than the zeros that a hash can have.
const MOST: u8 = (u64::BITS - BITS) as u8 + 1;
/// Hashes that are kept as they are, and what is counted of a budget at most.
const FEW: usize = if cfg!(test) { 20 } else { 1024 };

/// The standard error in parts of a million: 1.04 / √16384, which is 0.008125.
pub(crate) const STANDARD_ERROR: u32 = 8125;

/// What is known of the hashes of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HyperLogLog(Kept);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    /// All of them, ascending.
    Few(Vec<u64>),
    Registers(Box<[u8; REGISTERS]>),
}

impl Default for HyperLogLog {
    fn default() -> Self {
        Self(Kept::Few(Vec::new()))
    }
}

/// Of hashes that may come in any order, and more than once.
impl FromIterator<u64> for HyperLogLog {
    fn from_iter<I: IntoIterator<Item = u64>>(hashes: I) -> Self {
        let mut hashes = hashes.into_iter();
        let mut few: Vec<u64> = hashes.by_ref().take(FEW).collect();
        few.sort_unstable();
        few.dedup();
        let mut all = Self(Kept::Few(few));
        hashes.for_each(|hash| {
            all.insert_hash(hash);
        });
        all
    }
}

impl HyperLogLog {
    /// The most that a budget [counts](Self::held) for one.
    pub(crate) const MOST_HELD: u64 = FEW as u64;

    pub(super) fn insert(&mut self, value: &Value, budget: &mut Budget) -> Result<()> {
        if self.insert_hash(hash_value(value)) {
            budget.take(1)?;
        }
        Ok(())
    }

    /// Takes in a hash; whether [more](Self::held) is held then.
    #[inline]
    pub(crate) fn insert_hash(&mut self, hash: u64) -> bool {
        match &mut self.0 {
            Kept::Registers(registers) => {
                set(registers, hash);
                false
            }
            Kept::Few(hashes) => match hashes.binary_search(&hash) {
                Ok(_) => false,
                Err(at) if hashes.len() < FEW => {
                    hashes.insert(at, hash);
                    true
                }
                Err(_) => {
                    let mut registers = registers_of(hashes);
                    set(&mut registers, hash);
                    self.0 = Kept::Registers(registers);
                    false
                }
            },
        }
    }

    pub(crate) fn merge(&mut self, other: Self, budget: &mut Budget) -> Result<()> {
        let before = self.held();
        let other = match (&mut self.0, other.0) {
            (Kept::Registers(all), Kept::Registers(others)) => {
                for (kept, other) in all.iter_mut().zip(others.iter()) {
                    *kept = (*kept).max(*other);
                }
                return Ok(());
            }
            (Kept::Few(own), Kept::Registers(mut registers)) => {
                own.iter().for_each(|hash| set(&mut registers, *hash));
                self.0 = Kept::Registers(registers);
                Vec::new()
            }
            (_, Kept::Few(hashes)) => hashes,
        };
        for hash in other {
            self.insert_hash(hash);
        }
        budget.take(self.held() - before)
    }

    /// How many values a budget counts for it: the registers take less than so many hashes.
    pub(crate) fn held(&self) -> u64 {
        match &self.0 {
            Kept::Few(hashes) => hashes.len() as u64,
            Kept::Registers(_) => FEW as u64,
        }
    }

    /// About how many different hashes there were; few are counted.
    ///
    /// The estimator is the improved raw one of O. Ertl, "New cardinality estimation algorithms for
    /// HyperLogLog sketches", 2017, algorithm 6. It computes with what IEEE 754 rounds in one way
    /// alone, so that it is the same on every machine.
    pub(super) fn estimate(&self) -> u64 {
        let registers = match &self.0 {
            Kept::Few(hashes) => return hashes.len() as u64,
            Kept::Registers(registers) => registers,
        };
        let mut counts = [0_u32; MOST as usize + 1];
        for register in registers.iter() {
            if let Some(count) = counts.get_mut(usize::from(*register)) {
                *count += 1;
            }
        }
        let [none, between @ .., full] = counts;
        let m = REGISTERS as f64;
        let mut z = m * tau(1.0 - f64::from(full) / m);
        for count in between.into_iter().rev() {
            z = 0.5 * (z + f64::from(count));
        }
        z += m * sigma(f64::from(none) / m);
        (m * m / (2.0 * std::f64::consts::LN_2) / z).round() as u64
    }

    /// The hashes in hexadecimal, or a letter for each register.
    pub(crate) fn to_text(&self) -> String {
        match &self.0 {
            Kept::Few(hashes) => hashes.iter().map(|hash| format!("{hash:016x}")).collect(),
            Kept::Registers(registers) => {
                let letter = |register: &u8| match register {
                    0..26 => char::from(b'A' + register),
                    more => char::from(b'a' + (more - 26)),
                };
                registers.iter().map(letter).collect()
            }
        }
    }

    /// Reads what [`to_text`](Self::to_text) writes.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() == REGISTERS {
            let mut registers = Box::new([0; REGISTERS]);
            for (register, letter) in registers.iter_mut().zip(bytes) {
                *register = match letter {
                    b'A'..=b'Z' => letter - b'A',
                    b'a'..=b'z' => letter - b'a' + 26,
                    _ => return None,
                };
                if *register > MOST {
                    return None;
                }
            }
            return Some(Self(Kept::Registers(registers)));
        }
        let (hashes, rest) = bytes.as_chunks::<16>();
        if hashes.len() > FEW || !rest.is_empty() {
            return None;
        }
        let digit = |digit: &u8| match digit {
            b'0'..=b'9' => Some(u64::from(digit - b'0')),
            b'a'..=b'f' => Some(u64::from(digit - b'a' + 10)),
            _ => None,
        };
        let hash = |digits: &[u8; 16]| {
            let mut digits = digits.iter().map(digit);
            digits.try_fold(0, |hash, digit| Some(hash << 4 | digit?))
        };
        let hashes: Vec<u64> = hashes.iter().map(hash).collect::<Option<_>>()?;
        let is_ascending = hashes.is_sorted_by(|a, b| a < b);
        is_ascending.then_some(Self(Kept::Few(hashes)))
    }
}

#[inline]
fn set(registers: &mut [u8; REGISTERS], hash: u64) {
    let rank = ((hash << BITS).leading_zeros() as u8 + 1).min(MOST);
    if let Some(register) = registers.get_mut((hash >> (u64::BITS - BITS)) as usize)
        && *register < rank
    {
        *register = rank;
    }
}

fn registers_of(hashes: &[u64]) -> Box<[u8; REGISTERS]> {
    let mut registers = Box::new([0; REGISTERS]);
    hashes.iter().for_each(|hash| set(&mut registers, *hash));
    registers
}

/// x + the sum over k ≥ 1 of x^(2^k) · 2^(k-1).
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// (1 - x - the sum over k ≥ 1 of (1 - x^(2^-k))² · 2^-k) / 3.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(hashes: impl IntoIterator<Item = u64>) -> HyperLogLog {
        let hashes: Vec<u64> = hashes.into_iter().collect();
        let mut all = HyperLogLog::default();
        for hash in &hashes {
            all.insert_hash(*hash);
        }
        assert_eq!(all, hashes.into_iter().collect());
        all
    }

    fn of_numbers(numbers: std::ops::Range<i64>) -> HyperLogLog {
        of(numbers.map(|number| hash_value(&Value::from(number))))
    }

    fn budget() -> Budget {
        Budget::new(u64::MAX)
    }

    #[test]
    fn few_are_counted() {
        for count in [0, 1, 2, FEW as i64] {
            let all = of((0..2).flat_map(|_| 0..count).map(|n| hash_value(&n.into())));
            assert_eq!((all.estimate(), all.held()), (count as u64, count as u64));
        }
    }

    /// Sets of one size are as far off in the mean as the standard error says, and none is further
    /// off than four times of it. Seeds are fixed, so it always passes or never.
    #[test]
    fn the_error_is_what_is_said() {
        let allowed = f64::from(STANDARD_ERROR) / 1e6;
        for (size, sets) in [
            (FEW as i64 + 1, 40),
            (1_000, 40),
            (10_000, 40),
            (40_000, 30),
            (100_000, 20),
            (1_000_000, 3),
        ] {
            let mut squares = 0.0;
            for set in 0..sets {
                let from = (set + 1) * 10_000_000;
                let estimate = of_numbers(from..from + size).estimate() as f64;
                let error = (estimate - size as f64) / size as f64;
                assert!(error.abs() < 4.0 * allowed, "{size}: {error}");
                squares += error * error;
            }
            let error = (squares / sets as f64).sqrt();
            assert!(error < 1.35 * allowed, "{size}: {error}");
        }
    }

    #[test]
    fn what_is_no_state_is_not_read() {
        let short = "0".repeat(15);
        let twice = "0123456789abcdef".repeat(2);
        let many: String = (0..=FEW).map(|hash| format!("{hash:016x}")).collect();
        let registers = |letter: &str| letter.repeat(REGISTERS);
        for text in [
            &*short,
            &twice,
            &many,
            "0123456789ABCDEF",
            "x123456789abcdef",
            &registers("0"),
            &"é".repeat(REGISTERS / 2),
        ] {
            assert_eq!(HyperLogLog::from_text(text), None, "{} bytes", text.len());
        }
        // The most that there can be has a letter, and is no harm.
        assert!(HyperLogLog::from_text(&registers("z")).is_some_and(|all| all.estimate() > 0));
        assert_eq!(
            HyperLogLog::from_text(&registers("A")).map(|all| all.estimate()),
            Some(0)
        );
    }

    proptest! {
        #[test]
        fn neither_order_nor_parts_matter(
            numbers in prop::collection::vec(0_i64..80, 0..90),
            parts in prop::collection::vec(0_usize..3, 90),
            order in Just([0_usize, 1, 2]).prop_shuffle(),
        ) {
            let hash = |number: &i64| hash_value(&Value::from(*number));
            let whole = of(numbers.iter().map(hash));
            let mut budget = Budget::new(90 * 3);
            let mut merged = HyperLogLog::default();
            for part in order {
                let of_part = numbers.iter().zip(&parts).filter(|(_, of)| **of == part);
                merged.merge(of(of_part.map(|(number, _)| hash(number))), &mut budget).unwrap();
            }
            prop_assert_eq!(budget.left(), 90 * 3 - whole.held());
            prop_assert_eq!(&merged, &whole);
            let read = HyperLogLog::from_text(&whole.to_text()).unwrap();
            prop_assert_eq!(&read, &whole);
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            prop_assert_eq!(of(sorted.iter().map(hash)), whole);
        }
    }

    #[test]
    fn a_budget_ends_it() {
        let mut all = HyperLogLog::default();
        let mut budget = Budget::new(1);
        assert!(all.insert(&Value::from(1), &mut budget).is_ok());
        assert!(all.insert(&Value::from(1), &mut budget).is_ok());
        assert!(all.insert(&Value::from(2), &mut budget).is_err());
        assert!(
            of_numbers(0..3)
                .merge(of_numbers(3..9), &mut budget)
                .is_err()
        );
        let (mut many, more) = (of_numbers(0..900), of_numbers(900..2000));
        assert!(many.merge(more, &mut self::budget()).is_ok());
        assert_eq!(many.held(), FEW as u64);
    }
}
