//! What an aggregate knows of the rows seen so far.
//!
//! A state is begun for each group, [updated](State::update) row by row,
//! [merged](State::merge) with the state of the same group over later rows,
//! and [finished](State::finish). Merging in the order of the rows gives what
//! one state over all rows gives.

use super::distinct::Distinct;
use super::exact_sum::ExactSum;
use super::functions::{AggregateFunction, BoundAggregate};
use super::hyper_log_log::HyperLogLog;
use super::log_buckets::LogBuckets;
use super::percentile::nearest_rank;
use crate::error::{QueryError, Result};
use crate::expr::Scope;
use crate::value::Value;

/// How many values all states of a query may still hold.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
    limit: u64,
}

impl Budget {
    pub(crate) const fn new(limit: u64) -> Self {
        Self { left: limit, limit }
    }

    /// How many are left.
    pub(crate) const fn left(&self) -> u64 {
        self.left
    }

    pub(crate) fn take(&mut self, values: u64) -> Result<()> {
        match self.left.checked_sub(values) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(QueryError::limit("values in aggregates", self.limit)),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum State {
    Count(u64),
    /// Cannot overflow: 2^64 rows of 64-bit integers fit 128 bits.
    SumInt(i128, u64),
    SumFloat(Box<ExactSum>, u64),
    Avg {
        ints: i128,
        /// None before the first.
        floats: Option<Box<ExactSum>>,
        count: u64,
    },
    Min(Value),
    Max(Value),
    /// Key and value.
    ArgMin(Value, Value),
    ArgMax(Value, Value),
    First(Value),
    Last(Value),
    Any(bool),
    Every(bool),
    CountDistinct(Distinct),
    Set(Distinct),
    List(Vec<Value>),
    Percentile(Vec<Value>),
    ApproxCountDistinct(HyperLogLog),
    ApproxPercentile(LogBuckets),
}

impl State {
    /// The state of no rows.
    pub(crate) fn new(function: AggregateFunction) -> Self {
        use AggregateFunction as F;

        match function {
            F::Count | F::CountIf => Self::Count(0),
            F::CountDistinct => Self::CountDistinct(Distinct::default()),
            // Becomes a sum of floats with the first of them.
            F::Sum => Self::SumInt(0, 0),
            F::Avg => Self::Avg {
                ints: 0,
                floats: None,
                count: 0,
            },
            F::Min => Self::Min(Value::Null),
            F::Max => Self::Max(Value::Null),
            F::ArgMin => Self::ArgMin(Value::Null, Value::Null),
            F::ArgMax => Self::ArgMax(Value::Null, Value::Null),
            F::First => Self::First(Value::Null),
            F::Last => Self::Last(Value::Null),
            F::CollectSet => Self::Set(Distinct::default()),
            F::CollectList => Self::List(Vec::new()),
            F::Any => Self::Any(false),
            F::Every => Self::Every(true),
            F::Percentile(_) => Self::Percentile(Vec::new()),
            F::ApproxCountDistinct => Self::ApproxCountDistinct(HyperLogLog::default()),
            F::ApproxPercentile(_) => Self::ApproxPercentile(LogBuckets::default()),
        }
    }

    /// Takes one more row in.
    pub(crate) fn update(
        &mut self,
        aggregate: &BoundAggregate,
        scope: &Scope<'_>,
        budget: &mut Budget,
    ) -> Result<()> {
        if let Some(filter) = &aggregate.filter
            && filter.test(scope)? != Some(true)
        {
            return Ok(());
        }
        let Some(argument) = aggregate.arguments.first() else {
            if let Self::Count(count) = self {
                *count += 1;
            }
            return Ok(());
        };
        match self {
            Self::Count(count) => {
                *count += u64::from(argument.test(scope)? == Some(true));
                return Ok(());
            }
            Self::Any(any) => {
                *any |= argument.test(scope)? == Some(true);
                return Ok(());
            }
            Self::Every(every) => {
                *every &= argument.test(scope)? != Some(false);
                return Ok(());
            }
            // Null values count here: it is the key that decides.
            Self::ArgMin(best, value) | Self::ArgMax(best, value) => {
                let least = aggregate.function == AggregateFunction::ArgMin;
                let Some(key) = aggregate.arguments.get(1) else {
                    return Ok(());
                };
                let key = key.eval(scope)?;
                if better(least, key.as_ref(), best) {
                    *best = key.into_owned();
                    *value = argument.eval(scope)?.into_owned();
                }
                return Ok(());
            }
            // Decided by the first value; the rest need not be evaluated.
            Self::First(first) if !first.is_null() => return Ok(()),
            _ => {}
        }
        self.take(aggregate, argument.eval(scope)?.as_ref(), budget)
    }

    /// Takes in the value of an aggregate that is of values.
    pub(crate) fn take(
        &mut self,
        aggregate: &BoundAggregate,
        value: &Value,
        budget: &mut Budget,
    ) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        match self {
            Self::SumInt(sum, count) => match value {
                Value::Int(int) => {
                    *sum += i128::from(*int);
                    *count += 1;
                }
                value => {
                    let mut sum = Box::new(ExactSum::default());
                    sum.add(value.as_float().unwrap_or_default());
                    *self = Self::SumFloat(sum, 1);
                }
            },
            Self::SumFloat(sum, count) => {
                sum.add(value.as_float().unwrap_or_default());
                *count += 1;
            }
            Self::Avg {
                ints,
                floats,
                count,
            } => {
                match value {
                    Value::Int(int) => *ints += i128::from(*int),
                    value => floats
                        .get_or_insert_default()
                        .add(value.as_float().unwrap_or_default()),
                }
                *count += 1;
            }
            Self::Min(least) => {
                // Null is greater than all, so the first value replaces it.
                if *value < *least {
                    *least = value.clone();
                }
            }
            Self::Max(greatest) => {
                if greatest.is_null() || *value > *greatest {
                    *greatest = value.clone();
                }
            }
            Self::First(kept) | Self::Last(kept) => *kept = value.clone(),
            Self::CountDistinct(distinct) => distinct.insert(value, u64::MAX, budget)?,
            Self::Set(distinct) => distinct.insert(value, aggregate.cap, budget)?,
            Self::List(values) => {
                aggregate.check_cap(values.len() as u64 + 1)?;
                budget.take(1)?;
                values.push(value.clone());
            }
            Self::Percentile(values) => {
                budget.take(1)?;
                values.push(value.clone());
            }
            Self::ApproxCountDistinct(known) => known.insert(value, budget)?,
            Self::ApproxPercentile(known) => known.insert(value, budget)?,
            Self::Count(_)
            | Self::Any(_)
            | Self::Every(_)
            | Self::ArgMin(..)
            | Self::ArgMax(..) => {}
        }
        Ok(())
    }

    /// Takes in the state of the same aggregate over rows that come after. Of what is
    /// [free of order](AggregateFunction::is_order_free) they may come before as well.
    pub(crate) fn merge(&mut self, later: Self, budget: &mut Budget) -> Result<()> {
        match (&mut *self, later) {
            (Self::Count(a), Self::Count(b)) => add(a, b)?,
            (Self::SumInt(a, n), Self::SumInt(b, m)) => {
                add_wide(a, b)?;
                add(n, m)?;
            }
            (Self::SumFloat(a, n), Self::SumFloat(b, m)) => {
                a.merge(*b);
                add(n, m)?;
            }
            // A sum of no floats is still one of integers.
            (Self::SumInt(_, 0), later @ Self::SumFloat(..)) => *self = later,
            (
                Self::Avg {
                    ints,
                    floats,
                    count,
                },
                Self::Avg {
                    ints: more_ints,
                    floats: more_floats,
                    count: more,
                },
            ) => {
                add_wide(ints, more_ints)?;
                if let Some(more) = more_floats {
                    floats.get_or_insert_default().merge(*more);
                }
                add(count, more)?;
            }
            (Self::Min(a), Self::Min(b)) if b < *a => {
                *a = b;
            }
            (Self::Max(a), Self::Max(b)) if !b.is_null() && (a.is_null() || b > *a) => {
                *a = b;
            }
            (Self::ArgMin(key, value), Self::ArgMin(other, other_value))
                if better(true, &other, key) =>
            {
                (*key, *value) = (other, other_value);
            }
            (Self::ArgMax(key, value), Self::ArgMax(other, other_value))
                if better(false, &other, key) =>
            {
                (*key, *value) = (other, other_value);
            }
            (Self::First(a), Self::First(b)) if a.is_null() => *a = b,
            (Self::Last(a), Self::Last(b)) if !b.is_null() => *a = b,
            (Self::Any(a), Self::Any(b)) => *a |= b,
            (Self::Every(a), Self::Every(b)) => *a &= b,
            (Self::CountDistinct(a), Self::CountDistinct(b)) | (Self::Set(a), Self::Set(b)) => {
                a.merge(b, budget)?;
            }
            (Self::List(a), Self::List(b)) | (Self::Percentile(a), Self::Percentile(b)) => {
                budget.take(b.len() as u64)?;
                a.extend(b);
            }
            (Self::ApproxCountDistinct(a), Self::ApproxCountDistinct(b)) => a.merge(b, budget)?,
            (Self::ApproxPercentile(a), Self::ApproxPercentile(b)) => a.merge(b, budget)?,
            _ => {}
        }
        Ok(())
    }

    /// How many values it holds that a budget counts.
    pub(crate) fn held(&self) -> u64 {
        match self {
            Self::CountDistinct(distinct) | Self::Set(distinct) => distinct.len() as u64,
            Self::List(values) | Self::Percentile(values) => values.len() as u64,
            Self::ApproxCountDistinct(known) => known.held(),
            Self::ApproxPercentile(known) => known.held(),
            _ => 0,
        }
    }

    /// The value of the group.
    pub(crate) fn finish(self, function: AggregateFunction) -> Result<Value> {
        Ok(match self {
            Self::Count(count) => int(count)?,
            Self::SumInt(_, 0) => Value::Null,
            Self::SumInt(sum, _) => {
                Value::Int(i64::try_from(sum).map_err(|_| QueryError::overflow("a sum"))?)
            }
            Self::SumFloat(sum, _) => Value::Float(sum.value()),
            Self::Avg { count: 0, .. } => Value::Null,
            Self::Avg {
                ints,
                floats,
                count,
            } => {
                let floats = floats.map_or(0.0, |sum| sum.value());
                Value::Float((ints as f64 + floats) / count as f64)
            }
            // Of equal values it must not matter which one came first.
            Self::Min(value) | Self::Max(value) => value.normalized(),
            Self::ArgMin(_, value)
            | Self::ArgMax(_, value)
            | Self::First(value)
            | Self::Last(value) => value,
            Self::Any(value) | Self::Every(value) => Value::Bool(value),
            Self::CountDistinct(distinct) => int(distinct.len() as u64)?,
            Self::Set(distinct) => Value::List(distinct.into_sorted().into()),
            Self::List(values) => Value::List(values.into()),
            Self::Percentile(values) => match function {
                AggregateFunction::Percentile(percent) => nearest_rank(values, percent)
                    .unwrap_or_default()
                    .normalized(),
                _ => Value::Null,
            },
            Self::ApproxCountDistinct(known) => int(known.estimate())?,
            Self::ApproxPercentile(known) => match function {
                AggregateFunction::ApproxPercentile(percent) => known.percentile(percent)?,
                _ => Value::Null,
            },
        })
    }
}

/// Whether a later row's key takes the place of the best so far. Of equal
/// keys the least stays with its first row, the greatest goes to its last.
pub(super) fn better(least: bool, key: &Value, best: &Value) -> bool {
    if key.is_null() {
        false
    } else if best.is_null() {
        true
    } else if least {
        key < best
    } else {
        key >= best
    }
}

fn add(a: &mut u64, b: u64) -> Result<()> {
    *a = a
        .checked_add(b)
        .ok_or_else(|| QueryError::overflow("a count"))?;
    Ok(())
}

fn add_wide(a: &mut i128, b: i128) -> Result<()> {
    *a = a
        .checked_add(b)
        .ok_or_else(|| QueryError::overflow("a sum"))?;
    Ok(())
}

/// A count as a value.
pub(crate) fn int(count: u64) -> Result<Value> {
    i64::try_from(count)
        .map(Value::Int)
        .map_err(|_| QueryError::overflow("a count"))
}

#[cfg(test)]
mod tests;
