//! `Numbers`: whole numbers or times of a computed column, without a value of each.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::batch::Batch;
use super::control::Control;
use crate::error::Result;
use crate::expr::{Bound, Comparison, Function};
use crate::value::Value;

/// A number for each row.
#[derive(Clone)]
pub(super) struct Numbers {
    numbers: Arc<Vec<i64>>,
    are: Are,
}

/// What numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Are {
    Ints,
    /// Nanoseconds since 1970.
    Times,
}

impl Numbers {
    /// What stands for null: no number is that.
    pub(super) const NULL: i64 = i64::MIN;

    pub(super) fn new(numbers: Vec<i64>, are: Are) -> Self {
        Self {
            numbers: Arc::new(numbers),
            are,
        }
    }

    pub(super) fn all(&self) -> &[i64] {
        &self.numbers
    }

    /// The number of a row; null's where there is no such row.
    fn number(&self, row: u32) -> i64 {
        let number = self.numbers.get(row as usize).copied();
        number.unwrap_or(Self::NULL)
    }

    pub(super) fn value(&self, row: usize) -> Option<Value> {
        let number = *self.numbers.get(row)?;
        Some(match self.are {
            _ if number == Self::NULL => Value::Null,
            Are::Ints => Value::Int(number),
            Are::Times => Value::Time(time(number)),
        })
    }

    /// Those of rows; null where there is no such row.
    pub(super) fn at(&self, rows: &[u32]) -> Self {
        let numbers = rows.iter().map(|row| self.number(*row));
        Self::new(numbers.collect(), self.are)
    }
}

fn time(nanoseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanoseconds)
}

/// The numbers of two columns of one kind.
fn pair<'b>(batch: &'b Batch<'_>, a: &Bound, b: &Bound) -> Option<[&'b Numbers; 2]> {
    let (Bound::Column(a), Bound::Column(b)) = (a, b) else {
        return None;
    };
    let (a, b) = (batch.numbers(*a)?, batch.numbers(*b)?);
    (a.are == b.are).then_some([a, b])
}

/// Of which rows it is true, if that is a comparison of two columns of numbers.
pub(super) fn compared<'b>(
    batch: &'b Batch<'_>,
    predicate: &Bound,
) -> Option<impl Iterator<Item = bool> + use<'b>> {
    let Bound::Compare(comparison, a, b) = predicate else {
        return None;
    };
    let [a, b] = pair(batch, a, b)?;
    let comparison = *comparison;
    let both = a.all().iter().zip(b.all());
    Some(both.map(move |(a, b)| holds(comparison, *a, *b)))
}

/// Whether two numbers compare so; null compares with nothing.
fn holds(comparison: Comparison, a: i64, b: i64) -> bool {
    a != Numbers::NULL && b != Numbers::NULL && comparison.holds(a.cmp(&b))
}

/// The column of an expression, if it is the time between two columns of times.
pub(super) fn computed(
    batch: &Batch<'_>,
    expr: &Bound,
    control: &Control<'_>,
) -> Result<Option<Numbers>> {
    const SECOND: i128 = 1_000_000_000;

    let Bound::Call(Function::SecondsBetween, arguments) = expr else {
        return Ok(None);
    };
    let [from, to] = &arguments[..] else {
        return Ok(None);
    };
    let Some([from, to]) = pair(batch, from, to).filter(|[from, _]| from.are == Are::Times) else {
        return Ok(None);
    };
    let seconds = |(from, to): (&i64, &i64)| {
        if *from == Numbers::NULL || *to == Numbers::NULL {
            return Numbers::NULL;
        }
        // Whole seconds, which fit many times over.
        let seconds = (i128::from(*to) - i128::from(*from)) / SECOND;
        i64::try_from(seconds).unwrap_or(Numbers::NULL)
    };
    let mut ticker = control.ticker();
    let pairs = from.all().iter().zip(to.all());
    let numbers = pairs.map(|pair| ticker.step().map(|()| seconds(pair)));
    let numbers = numbers.collect::<Result<_>>()?;
    Ok(Some(Numbers::new(numbers, Are::Ints)))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::expr::{Row, Scope};
    use crate::query::Limits;

    fn instants() -> impl Strategy<Value = Vec<(i64, i64)>> {
        let one = prop_oneof![
            Just(Numbers::NULL),
            (i64::MIN + 1)..=i64::MAX,
            -3_000_000_000_i64..3_000_000_000,
        ];
        prop::collection::vec((one.clone(), one), 0..40)
    }

    proptest! {
        #[test]
        fn numbers_say_what_their_values_say(pairs in instants()) {
            let (a, b): (Vec<i64>, Vec<i64>) = pairs.into_iter().unzip();
            let rows = a.len();
            let columns = [a, b].map(|numbers| Numbers::new(numbers, Are::Times));
            let by_number = Batch::of_columns(columns.clone().map(Into::into).into(), rows);
            let values = |numbers: &Numbers| (0..rows).filter_map(|row| numbers.value(row)).collect();
            let by_value = Batch::computed(columns.iter().map(values).collect(), rows);
            let column = |at| Box::new(Bound::Column(at));
            let between = Bound::Call(Function::SecondsBetween, vec![Bound::Column(0), Bound::Column(1)]);
            let limits = Limits::default();
            let control = Control::new(&limits, &|| false);
            let seconds = computed(&by_number, &between, &control).unwrap().unwrap();
            prop_assert!(computed(&by_value, &between, &control).unwrap().is_none());
            for row in 0..rows {
                let scope = Scope::new(Row::Of(&by_value, row));
                prop_assert_eq!(seconds.value(row).unwrap(), between.eval(&scope).unwrap().into_owned());
            }
            use Comparison as C;
            for comparison in [C::Eq, C::Ne, C::Lt, C::Le, C::Gt, C::Ge] {
                let test = Bound::Compare(comparison, column(0), column(1));
                let said: Vec<bool> = compared(&by_number, &test).unwrap().collect();
                for (row, said) in said.into_iter().enumerate() {
                    let scope = Scope::new(Row::Of(&by_value, row));
                    prop_assert_eq!(said, test.test(&scope).unwrap() == Some(true));
                }
            }
        }
    }

    #[test]
    fn rows_without_a_partner_are_null() {
        let time = time(0) + TimeDelta::seconds(5);
        let numbers = Numbers::new(vec![5_000_000_000, Numbers::NULL], Are::Times);
        let at = numbers.at(&[0, u32::MAX, 1, 9]);
        let values: Vec<Value> = (0..4).filter_map(|row| at.value(row)).collect();
        assert_eq!(
            values,
            [Value::Time(time), Value::Null, Value::Null, Value::Null]
        );
        assert!(at.value(4).is_none());
    }
}
