use proptest::prelude::*;

use super::*;
use crate::aggregate::samples::{Rows, aggregate};
use crate::expr::Row;

fn state_of(aggregate: &BoundAggregate, rows: &[[Value; 2]]) -> Result<State> {
    let cells = Rows(rows);
    let mut state = State::new(aggregate.function);
    let mut budget = Budget::new(u64::MAX);
    for row in 0..rows.len() {
        state.update(aggregate, &Scope::new(Row::Of(&cells, row)), &mut budget)?;
    }
    Ok(state)
}

fn value_of(function: AggregateFunction, rows: &[[Value; 2]]) -> Value {
    let state = state_of(&aggregate(function), rows).unwrap();
    state.finish(function).unwrap()
}

fn ints(values: &[Option<i64>]) -> Vec<[Value; 2]> {
    values
        .iter()
        .enumerate()
        .map(|(row, value)| [Value::from(*value), Value::from(row as i64 / 2)])
        .collect()
}

#[test]
fn nulls_are_left_out() {
    let rows = ints(&[None, Some(3), Some(1), None, Some(3)]);
    for (function, expected) in [
        (AggregateFunction::Count, Value::from(5)),
        (AggregateFunction::Sum, Value::from(7)),
        (AggregateFunction::Avg, Value::from(7.0 / 3.0)),
        (AggregateFunction::Min, Value::from(1)),
        (AggregateFunction::Max, Value::from(3)),
        (AggregateFunction::First, Value::from(3)),
        (AggregateFunction::Last, Value::from(3)),
        (AggregateFunction::CountDistinct, Value::from(2)),
        (AggregateFunction::CollectSet, Value::list([1, 3])),
        (AggregateFunction::CollectList, Value::list([3, 1, 3])),
        (AggregateFunction::Percentile(50.0), Value::from(3)),
    ] {
        let value = value_of(function, &rows);
        assert!(value == expected, "{function:?}: {value}");
    }
}

#[test]
fn of_no_rows() {
    for (function, expected) in [
        (AggregateFunction::Count, Value::from(0)),
        (AggregateFunction::CountDistinct, Value::from(0)),
        (AggregateFunction::Sum, Value::Null),
        (AggregateFunction::Avg, Value::Null),
        (AggregateFunction::Min, Value::Null),
        (AggregateFunction::ArgMax, Value::Null),
        (AggregateFunction::CollectSet, Value::list([0_i64; 0])),
        (AggregateFunction::Any, Value::from(false)),
        (AggregateFunction::Every, Value::from(true)),
        (AggregateFunction::Percentile(50.0), Value::Null),
    ] {
        let value = value_of(function, &[]);
        assert!(value == expected, "{function:?}: {value}");
    }
}

#[test]
fn ties_of_keys_are_decided() {
    // Keys 0, 0, 1, 1: of the greatest the last row, of the least the first.
    let rows = ints(&[Some(10), Some(11), Some(12), None]);
    assert!(value_of(AggregateFunction::ArgMax, &rows).is_null());
    assert!(value_of(AggregateFunction::ArgMin, &rows) == Value::from(10));
    let no_key = [[Value::from(1), Value::Null]];
    assert!(value_of(AggregateFunction::ArgMax, &no_key).is_null());
}

#[test]
fn integers_are_added_wide_and_must_fit_in_the_end() {
    let rows = ints(&[Some(i64::MAX), Some(i64::MAX), Some(-i64::MAX)]);
    assert!(value_of(AggregateFunction::Sum, &rows) == Value::from(i64::MAX));
    let rows = ints(&[Some(i64::MAX), Some(1)]);
    let state = state_of(&aggregate(AggregateFunction::Sum), &rows).unwrap();
    let error = state.finish(AggregateFunction::Sum).unwrap_err();
    assert_eq!(error.to_string(), "a sum overflows");
}

#[test]
fn collections_are_capped_and_all_states_have_a_budget() {
    let mut capped = aggregate(AggregateFunction::CollectSet);
    capped.cap = 2;
    let rows = ints(&[Some(1), Some(2), Some(1)]);
    assert!(state_of(&capped, &rows).is_ok());
    let rows = ints(&[Some(1), Some(2), Some(3)]);
    let error = state_of(&capped, &rows).unwrap_err();
    assert_eq!(error.to_string(), "more than 2 values in a collection");
    let mut budget = Budget::new(2);
    assert!(budget.take(2).is_ok() && budget.take(1).is_err());
}

proptest! {
    #[test]
    fn merging_parts_gives_the_whole(
        values in prop::collection::vec(prop::option::of(-3_i64..4), 0..20),
        cut in 0_usize..20,
    ) {
        let rows = ints(&values);
        let cut = cut.min(rows.len());
        let functions = AggregateFunction::ALL.into_iter().filter(|function| {
            !matches!(
                function,
                AggregateFunction::CountIf | AggregateFunction::Any | AggregateFunction::Every
            )
        });
        for function in functions {
            let aggregate = aggregate(function);
            let mut merged = state_of(&aggregate, &rows[..cut]).unwrap();
            let mut budget = Budget::new(u64::MAX);
            merged.merge(state_of(&aggregate, &rows[cut..]).unwrap(), &mut budget).unwrap();
            let merged = merged.finish(function).unwrap();
            let whole = value_of(function, &rows);
            prop_assert!(merged == whole, "{:?}: {} and {}", function, merged, whole);
        }
    }
}
