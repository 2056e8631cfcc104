//! `Partial`: what an aggregate knows of some rows of a group, to be merged with what it knows
//! of others in any order.
//!
//! Most states come to the same in any order. The others keep, beside each value, where
//! its row stands among all rows; so they too do not ask in which order they are merged.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::functions::{AggregateFunction, BoundAggregate};
use super::log_buckets::Scale;
use super::state::{Budget, State, better};
use crate::error::Result;
use crate::expr::Scope;
use crate::schema::DataType;
use crate::value::Value;

/// Where a row stands: its time and id, and its place among the rows that were made of it.
pub(crate) type Place = (DateTime<Utc>, Uuid, u32);

#[derive(Clone, Debug)]
pub(crate) enum Partial {
    /// Of what is free of order.
    Free(State),
    /// The first or the last value.
    Edge(Option<(Place, Value)>),
    /// The least or greatest key, where it is, and the value there.
    Best(Option<(Value, Place, Value)>),
    /// Values in the order of their rows.
    List(Vec<(Place, Value)>),
}

impl Partial {
    /// The state of no rows.
    pub(crate) fn new(function: AggregateFunction) -> Self {
        use AggregateFunction as F;

        match function {
            F::First | F::Last => Self::Edge(None),
            F::ArgMin | F::ArgMax => Self::Best(None),
            F::CollectList => Self::List(Vec::new()),
            other => Self::Free(State::new(other)),
        }
    }

    /// Takes one more row in, which stands behind those taken in before.
    pub(crate) fn update(
        &mut self,
        aggregate: &BoundAggregate,
        scope: &Scope<'_>,
        place: Place,
        budget: &mut Budget,
    ) -> Result<()> {
        let function = aggregate.function;
        if let Self::Free(state) = self {
            return state.update(aggregate, scope, budget);
        }
        if let Some(filter) = &aggregate.filter
            && filter.test(scope)? != Some(true)
        {
            return Ok(());
        }
        let Some(argument) = aggregate.arguments.first() else {
            return Ok(());
        };
        if let Self::Best(best) = self {
            let Some(key) = aggregate.arguments.get(1) else {
                return Ok(());
            };
            let key = key.eval(scope)?;
            let known = best.as_ref().map_or(&Value::Null, |(key, ..)| key);
            if better(function == AggregateFunction::ArgMin, key.as_ref(), known) {
                let value = argument.eval(scope)?.into_owned();
                *best = Some((key.into_owned(), place, value));
            }
            return Ok(());
        }
        if function == AggregateFunction::First && matches!(self, Self::Edge(Some(_))) {
            return Ok(());
        }
        let value = argument.eval(scope)?;
        if value.is_null() {
            return Ok(());
        }
        match self {
            Self::Edge(edge) => *edge = Some((place, value.into_owned())),
            Self::List(values) => {
                aggregate.check_cap(values.len() as u64 + 1)?;
                budget.take(1)?;
                values.push((place, value.into_owned()));
            }
            Self::Free(_) | Self::Best(_) => {}
        }
        Ok(())
    }

    /// The same with texts of its own, of what is least or greatest; others keep none.
    pub(crate) fn detached(self) -> Self {
        match self {
            Self::Free(State::Min(value)) => Self::Free(State::Min(value.detached())),
            Self::Free(State::Max(value)) => Self::Free(State::Max(value.detached())),
            other => other,
        }
    }

    /// Takes in what is known of other rows. Values of one place, which a row has that is in both by
    /// mistake, have an order too: so the order of merges never matters.
    pub(crate) fn merge(
        &mut self,
        function: AggregateFunction,
        other: Self,
        budget: &mut Budget,
    ) -> Result<()> {
        use AggregateFunction as F;

        match (self, other) {
            (Self::Free(a), Self::Free(b)) => a.merge(b, budget)?,
            (Self::Edge(a), Self::Edge(Some(b))) => {
                let is_better = a.as_ref().is_none_or(|a| match function {
                    F::Last => b > *a,
                    _ => b < *a,
                });
                if is_better {
                    *a = Some(b);
                }
            }
            (Self::Best(a), Self::Best(Some(b))) => {
                let is_better = a.as_ref().is_none_or(|a| match function {
                    F::ArgMax => b > *a,
                    _ => b < *a,
                });
                if is_better {
                    *a = Some(b);
                }
            }
            (Self::List(a), Self::List(b)) => {
                budget.take(b.len() as u64)?;
                let is_behind = match (a.last(), b.first()) {
                    (Some((last, _)), Some((first, _))) => last < first,
                    _ => true,
                };
                a.extend(b);
                if !is_behind {
                    // Of two sorted runs, so it is a merge.
                    a.sort();
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// How many values it holds that a budget counts.
    pub(crate) fn held(&self) -> u64 {
        match self {
            Self::Free(state) => state.held(),
            Self::List(values) => values.len() as u64,
            Self::Edge(_) | Self::Best(_) => 0,
        }
    }

    /// The value of the group.
    pub(crate) fn finish(self, aggregate: &BoundAggregate) -> Result<Value> {
        match self {
            Self::Free(state) => {
                if let State::Set(values) = &state {
                    aggregate.check_cap(values.len() as u64)?;
                }
                state.finish(aggregate.function)
            }
            Self::Edge(edge) => Ok(edge.map(|(_, value)| value).unwrap_or_default()),
            Self::Best(best) => Ok(best.map(|(.., value)| value).unwrap_or_default()),
            Self::List(values) => {
                aggregate.check_cap(values.len() as u64)?;
                Ok(Value::List(
                    values.into_iter().map(|(_, value)| value).collect(),
                ))
            }
        }
    }

    /// Whether it is of this function, and all it holds of a type that the function's
    /// column has: nothing that was read from elsewhere is trusted before.
    pub(crate) fn fits(&self, function: AggregateFunction, column: &DataType) -> bool {
        use AggregateFunction as F;

        let item = match column {
            DataType::List(item) => item,
            other => other,
        };
        let is = |data_type: &DataType, value: &Value| data_type.mismatch(value).is_none();
        match (self, function) {
            (Self::Edge(edge), F::First | F::Last) => {
                edge.as_ref().is_none_or(|(_, value)| is(column, value))
            }
            (Self::Best(best), F::ArgMin | F::ArgMax) => {
                best.as_ref().is_none_or(|(.., value)| is(column, value))
            }
            (Self::List(values), F::CollectList) => values.iter().all(|(_, value)| is(item, value)),
            (Self::Free(state), function) => match (state, function) {
                (State::SumInt(_, count), F::Sum) => *count == 0 || *column == DataType::Int,
                (State::SumFloat(..), F::Sum) => *column == DataType::Float,
                (State::Min(value), F::Min) | (State::Max(value), F::Max) => is(column, value),
                (State::Set(values), F::CollectSet) => values.iter().all(|value| is(item, value)),
                (State::Percentile(values), F::Percentile(_)) => {
                    values.iter().all(|value| is(column, value))
                }
                (State::ApproxPercentile(known), F::ApproxPercentile(_)) => {
                    matches!(
                        (known.scale(), column),
                        (None, _)
                            | (Some(Scale::Int), DataType::Int)
                            | (Some(Scale::Float), DataType::Float)
                            | (Some(Scale::Time), DataType::Time)
                    )
                }
                (State::Count(_), F::Count | F::CountIf)
                | (State::Avg { .. }, F::Avg)
                | (State::CountDistinct(_), F::CountDistinct)
                | (State::ApproxCountDistinct(_), F::ApproxCountDistinct)
                | (State::Any(_), F::Any)
                | (State::Every(_), F::Every) => true,
                _ => false,
            },
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aggregate::samples::{Rows, aggregate};
    use crate::expr::Row;

    fn budget() -> Budget {
        Budget::new(u64::MAX)
    }

    /// Rows of a value and a key, ten of a time.
    fn rows() -> impl Strategy<Value = Vec<[Value; 2]>> {
        let value = prop::option::of(prop::sample::select(vec![
            -0.0,
            0.0,
            0.1,
            1e300,
            -1e300,
            f64::NAN,
        ]));
        let key = prop::option::of(0_i64..3);
        prop::collection::vec((value, key), 0..30).prop_map(|rows| {
            rows.into_iter()
                .map(|(value, key)| [value.into(), key.into()])
                .collect()
        })
    }

    fn partial_of(
        aggregate: &BoundAggregate,
        rows: &[[Value; 2]],
        taken: impl Fn(usize) -> bool,
    ) -> Partial {
        let mut partial = Partial::new(aggregate.function);
        let cells = Rows(rows);
        for row in (0..rows.len()).filter(|row| taken(*row)) {
            let time = DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::seconds(row as i64 / 10);
            let place = (time, Uuid::from_u128(row as u128 / 2), row as u32 % 2);
            partial
                .update(
                    aggregate,
                    &Scope::new(Row::Of(&cells, row)),
                    place,
                    &mut budget(),
                )
                .unwrap();
        }
        partial
    }

    proptest! {
        #[test]
        fn parts_of_any_rows_merged_in_any_order_give_the_whole(
            rows in rows(),
            parts in prop::collection::vec(0_usize..4, 30),
            order in Just([0_usize, 1, 2, 3]).prop_shuffle(),
            is_paired in any::<bool>(),
        ) {
            let functions = AggregateFunction::ALL.into_iter().filter(|function| {
                use AggregateFunction as F;
                !matches!(function, F::CountIf | F::Any | F::Every)
            });
            for function in functions {
                let aggregate = aggregate(function);
                let whole = partial_of(&aggregate, &rows, |_| true);
                let mut of = order.iter().map(|part| partial_of(&aggregate, &rows, |row| parts[row] == *part));
                let mut next = || of.next().unwrap();
                let (mut a, b, mut c, d) = (next(), next(), next(), next());
                let merge = |a: &mut Partial, b| a.merge(function, b, &mut budget()).unwrap();
                if is_paired {
                    merge(&mut a, b);
                    merge(&mut c, d);
                    merge(&mut a, c);
                } else {
                    [b, c, d].into_iter().for_each(|b| merge(&mut a, b));
                }
                prop_assert_eq!(a.held(), whole.held());
                // As one state over all rows gives it, too.
                let cells = Rows(&rows);
                let mut state = State::new(function);
                for row in 0..rows.len() {
                    state.update(&aggregate, &Scope::new(Row::Of(&cells, row)), &mut budget()).unwrap();
                }
                let state = format!("{:?}", state.finish(function).unwrap());
                prop_assert_eq!(format!("{:?}", whole.finish(&aggregate).unwrap()), &*state, "{:?}", function);
                prop_assert_eq!(format!("{:?}", a.finish(&aggregate).unwrap()), state, "{:?}", function);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let text = Partial::Free(State::Min(Value::from("a")));
        assert!(text.fits(AggregateFunction::Min, &DataType::Text));
        assert!(!text.fits(AggregateFunction::Min, &DataType::Int));
        assert!(!text.fits(AggregateFunction::Max, &DataType::Text));
        let list = Partial::List(vec![(
            (DateTime::UNIX_EPOCH, Uuid::nil(), 0),
            Value::from(1),
        )]);
        assert!(list.fits(
            AggregateFunction::CollectList,
            &DataType::list(DataType::Int)
        ));
        assert!(!list.fits(
            AggregateFunction::CollectList,
            &DataType::list(DataType::Text)
        ));
        assert!(!list.fits(
            AggregateFunction::CollectSet,
            &DataType::list(DataType::Int)
        ));
    }
}
