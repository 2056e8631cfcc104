//! `LogBuckets`: how many values fall into each of buckets whose width grows with the values, of
//! which percentiles are found with a bounded error.
//!
//! A number's bucket is its power of two and the six binary digits behind the first one: the bits of
//! a float say it, without a logarithm that machines may round in different ways. So a bucket is
//! at most 1/64 of its least value wide, and its middle at most 1/128 off any value in it.
//! Moments have buckets of a minute. What is known depends on the values alone: neither on their
//! order nor on what was merged.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use foldhash::fast::RandomState;

use super::percentile::rank;
use super::state::Budget;
use crate::error::{QueryError, Result};
use crate::value::Value;

/// Bits of a float that are below those of its bucket.
const SHIFT: u32 = 46;
/// The buckets of infinity, and of what is no number.
const INFINITY: i64 = 2047 << 6;
const NAN: i64 = INFINITY + 1;
/// The buckets of the least integer, and of the greatest.
const INTS: (i64, i64) = (-((1023 + 63) << 6), (1023 + 62) << 6 | 63);
/// The first bucket of floats of full precision; what is closer to zero has zero's.
const NORMAL: i64 = 1 << 6;
/// Seconds of a bucket of moments.
const SECONDS: i64 = 60;

/// The most that a number is off, in parts of a million: 1/128, which is 0.0078125.
pub(crate) const NUMBER_ERROR: u32 = 7813;
/// The most that a moment is off, in seconds.
pub(crate) const TIME_ERROR: u32 = SECONDS as u32 / 2;

/// What the values of buckets are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scale {
    #[default]
    Int,
    Float,
    Time,
}

impl Scale {
    pub(crate) const ALL: [Self; 3] = [Self::Int, Self::Float, Self::Time];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Float => "float",
            Self::Time => "time",
        }
    }

    /// The middle of the bucket in which the percentile's rank is, of ascending buckets with how
    /// many values each has; null of no value.
    pub(crate) fn percentile(self, buckets: &[(i64, u64)], percent: f64) -> Result<Value> {
        let total = buckets
            .iter()
            .try_fold(0_u64, |total, (_, values)| total.checked_add(*values))
            .and_then(|total| usize::try_from(total).ok())
            .ok_or_else(|| QueryError::overflow("a count"))?;
        let rank = rank(percent, total) as u64;
        let mut before = 0;
        for (bucket, values) in buckets {
            before += values;
            if rank < before {
                return Ok(self.middle(*bucket));
            }
        }
        Ok(Value::Null)
    }

    /// Whether there is a bucket of this number.
    fn has(self, bucket: i64) -> bool {
        let magnitude = bucket.unsigned_abs() as i64;
        match self {
            Self::Int => {
                (INTS.0..=INTS.1).contains(&bucket) && (bucket == 0 || magnitude >= int_bucket(1))
            }
            Self::Float => bucket == 0 || bucket == NAN || (NORMAL..=INFINITY).contains(&magnitude),
            Self::Time => (time_bucket(DateTime::<Utc>::MIN_UTC)
                ..=time_bucket(DateTime::<Utc>::MAX_UTC))
                .contains(&bucket),
        }
    }

    /// The value in the middle of a bucket.
    fn middle(self, bucket: i64) -> Value {
        match self {
            Self::Int => Value::Int(int_middle(bucket)),
            Self::Float => Value::Float(float_middle(bucket)),
            Self::Time => {
                let seconds = bucket.saturating_mul(SECONDS).saturating_add(SECONDS / 2);
                let end = if bucket < 0 {
                    DateTime::<Utc>::MIN_UTC
                } else {
                    DateTime::<Utc>::MAX_UTC
                };
                Value::Time(DateTime::from_timestamp(seconds, 0).unwrap_or(end))
            }
        }
    }
}

/// The bucket of an integer.
#[inline]
pub(crate) const fn int_bucket(value: i64) -> i64 {
    let magnitude = value.unsigned_abs();
    if magnitude == 0 {
        return 0;
    }
    let zeros = magnitude.leading_zeros();
    // As a float's bits would have it, without rounding it to a float.
    let power = 1023 + 63 - zeros as i64;
    let digits = (magnitude << zeros) >> 57 & 63;
    let bucket = power << 6 | digits as i64;
    if value < 0 { -bucket } else { bucket }
}

const fn float_bucket(value: f64) -> i64 {
    if value.is_nan() {
        return NAN;
    }
    let bucket = (value.abs().to_bits() >> SHIFT) as i64;
    if bucket < NORMAL {
        0
    } else if value < 0.0 {
        -bucket
    } else {
        bucket
    }
}

fn time_bucket(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(SECONDS)
}

fn int_middle(bucket: i64) -> i64 {
    let magnitude = bucket.unsigned_abs();
    if magnitude == 0 {
        return 0;
    }
    let power = (magnitude >> 6).saturating_sub(1023) as u32;
    let leading = u128::from(64 | magnitude & 63);
    let middle = match power.checked_sub(6) {
        Some(shift) => (leading << shift) + ((1 << shift) - 1) / 2,
        None => leading >> (6 - power),
    } as i128;
    let middle = if bucket < 0 { -middle } else { middle };
    // Of the least integer's bucket it is the only value.
    i64::try_from(middle).unwrap_or(if bucket < 0 { i64::MIN } else { i64::MAX })
}

fn float_middle(bucket: i64) -> f64 {
    let magnitude = bucket.unsigned_abs();
    let middle = match bucket {
        0 => return 0.0,
        NAN => return f64::NAN,
        INFINITY => return f64::INFINITY,
        bucket if bucket == -INFINITY => return f64::NEG_INFINITY,
        _ => f64::from_bits(magnitude << SHIFT | 1 << (SHIFT - 1)),
    };
    if bucket < 0 { -middle } else { middle }
}

/// How many values are in each bucket that has some.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogBuckets {
    scale: Scale,
    counts: HashMap<i64, u64, RandomState>,
}

impl LogBuckets {
    pub(super) fn insert(&mut self, value: &Value, budget: &mut Budget) -> Result<()> {
        let (scale, bucket) = match value {
            Value::Int(value) => (Scale::Int, int_bucket(*value)),
            Value::Float(value) => (Scale::Float, float_bucket(*value)),
            Value::Time(time) => (Scale::Time, time_bucket(*time)),
            _ => return Ok(()),
        };
        self.meet(scale);
        budget.take(self.add(bucket, 1)?)
    }

    /// A column has one type; where integers stood beside floats, all are floats.
    fn meet(&mut self, scale: Scale) {
        if self.counts.is_empty() || (self.scale, scale) == (Scale::Int, Scale::Float) {
            self.scale = scale;
        }
    }

    /// Counts values of a bucket; gives how many buckets are new.
    pub(crate) fn add(&mut self, bucket: i64, values: u64) -> Result<u64> {
        let count = self.counts.entry(bucket).or_insert(0);
        let new = u64::from(*count == 0);
        *count = count
            .checked_add(values)
            .ok_or_else(|| QueryError::overflow("a count"))?;
        Ok(new)
    }

    pub(crate) fn merge(&mut self, other: Self, budget: &mut Budget) -> Result<()> {
        if !other.counts.is_empty() {
            self.meet(other.scale);
        }
        for (bucket, values) in other.counts {
            budget.take(self.add(bucket, values)?)?;
        }
        Ok(())
    }

    /// How many buckets have values: that is what a budget counts.
    pub(crate) fn held(&self) -> u64 {
        self.counts.len() as u64
    }

    /// Of which values it is; none if there are none.
    pub(crate) fn scale(&self) -> Option<Scale> {
        (!self.counts.is_empty()).then_some(self.scale)
    }

    /// The middle of the bucket in which the percentile's rank is; null of no value.
    pub(super) fn percentile(&self, percent: f64) -> Result<Value> {
        self.scale.percentile(&self.sorted(), percent)
    }

    /// The buckets that have values, ascending, and how many each has.
    pub(crate) fn sorted(&self) -> Vec<(i64, u64)> {
        let counts = self.counts.iter();
        let mut buckets: Vec<_> = counts.map(|(bucket, count)| (*bucket, *count)).collect();
        buckets.sort_unstable();
        buckets
    }

    /// As [`sorted`](Self::sorted) gives them; `None` if they can't be those of any values.
    pub(crate) fn from_sorted(scale: Scale, buckets: Vec<(i64, u64)>) -> Option<Self> {
        let is_ascending = buckets.is_sorted_by(|(a, _), (b, _)| a < b);
        let fits = |(bucket, values): &(i64, u64)| scale.has(*bucket) && *values > 0;
        (is_ascending && buckets.iter().all(fits)).then(|| Self {
            scale,
            counts: buckets.into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests;
