use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::aggregate::percentile::nearest_rank;

fn of(values: &[Value]) -> LogBuckets {
    let mut all = LogBuckets::default();
    let mut budget = Budget::new(u64::MAX);
    values
        .iter()
        .for_each(|value| all.insert(value, &mut budget).unwrap());
    all
}

/// Whether an estimate is as near to the exact value as is said.
fn is_near(estimate: &Value, exact: &Value) -> bool {
    let share = f64::from(NUMBER_ERROR) / 1e6;
    match (estimate, exact) {
        (Value::Int(estimate), Value::Int(exact)) => {
            let off = (i128::from(*estimate) - i128::from(*exact)).unsigned_abs();
            off <= u128::from(exact.unsigned_abs()) / 128
        }
        (Value::Float(estimate), Value::Float(exact)) if exact.is_finite() => {
            let off = (estimate - exact).abs();
            off <= share * exact.abs() || (exact.abs() < f64::MIN_POSITIVE && *estimate == 0.0)
        }
        (Value::Time(estimate), Value::Time(exact)) => {
            (*estimate - *exact).abs() <= TimeDelta::seconds(TIME_ERROR.into())
        }
        (estimate, exact) => estimate == exact,
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-300_i64..300).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![i64::MIN, i64::MIN + 1, i64::MAX, 0]).prop_map(Value::from),
    ]
}

fn float() -> impl Strategy<Value = Value> {
    prop_oneof![
        (prop::num::f64::ANY).prop_map(Value::from),
        (-1e3..1e3).prop_map(Value::from),
        prop::sample::select(vec![
            f64::MIN_POSITIVE,
            5e-324,
            -0.0,
            f64::MAX,
            f64::MIN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ])
        .prop_map(Value::from),
    ]
}

fn time() -> impl Strategy<Value = Value> {
    (-90_000_000_i64..90_000_000).prop_map(|tenths| {
        (DateTime::<Utc>::UNIX_EPOCH + TimeDelta::milliseconds(tenths * 100)).into()
    })
}

fn values() -> impl Strategy<Value = Vec<Value>> {
    prop_oneof![
        prop::collection::vec(value(), 0..60),
        prop::collection::vec(float(), 0..60),
        prop::collection::vec(time(), 0..60),
    ]
}

proptest! {
    #[test]
    fn a_percentile_is_near_the_exact_one(values in values(), percent in 0.0..=100.0) {
        let estimate = of(&values).percentile(percent).unwrap();
        let exact = nearest_rank(values, percent).unwrap_or_default();
        prop_assert!(is_near(&estimate, &exact), "{} for {}", estimate, exact);
    }

    #[test]
    fn buckets_are_in_the_order_of_their_values(mut values in values()) {
        values.sort_unstable();
        let bucket = |value: &Value| of(std::slice::from_ref(value)).sorted()[0].0;
        prop_assert!(values.iter().map(bucket).is_sorted());
    }

    #[test]
    fn neither_order_nor_parts_matter(
        values in values(),
        parts in prop::collection::vec(0_usize..3, 60),
        order in Just([0_usize, 1, 2]).prop_shuffle(),
    ) {
        let whole = of(&values);
        let mut budget = Budget::new(whole.held());
        let mut merged = LogBuckets::default();
        for part in order {
            let of_part = values.iter().zip(&parts).filter(|(_, of)| **of == part);
            let of_part: Vec<Value> = of_part.map(|(value, _)| value.clone()).collect();
            merged.merge(of(&of_part), &mut budget).unwrap();
        }
        prop_assert_eq!(budget.left(), 0);
        prop_assert_eq!((merged.scale(), merged.sorted()), (whole.scale(), whole.sorted()));
        if let Some(scale) = whole.scale() {
            let read = LogBuckets::from_sorted(scale, whole.sorted()).unwrap();
            prop_assert_eq!((read.scale(), read.sorted()), (whole.scale(), whole.sorted()));
        }
    }
}

#[test]
fn small_whole_numbers_are_exact() {
    for value in -128..=128_i64 {
        assert!(of(&[value.into()]).percentile(50.0).unwrap() == value.into());
    }
}

#[test]
fn few_buckets_hold_many_values() {
    let values: Vec<Value> = (0..100_000_i64).map(Value::from).collect();
    let all = of(&values);
    // Zero, those up to 63, 64 of each power of two, and what is left from 2^16 on.
    assert_eq!(all.held(), 1 + 63 + 64 * 10 + 34);
    for percent in [1.0, 50.0, 95.0, 99.0, 99.9] {
        let exact = nearest_rank(values.clone(), percent).unwrap();
        assert!(is_near(&all.percentile(percent).unwrap(), &exact));
    }
    let mut budget = Budget::new(3);
    let mut few = LogBuckets::default();
    for value in [1, 2, 3, 1, 2, 3] {
        assert!(few.insert(&Value::from(value), &mut budget).is_ok());
    }
    assert!(few.insert(&Value::from(4), &mut budget).is_err());
}

#[test]
fn what_is_no_state_is_not_read() {
    let far = time_bucket(DateTime::<Utc>::MAX_UTC);
    for (scale, buckets) in [
        (Scale::Int, vec![(0, 0)]),
        (Scale::Int, vec![(0, 1), (0, 1)]),
        (Scale::Int, vec![(int_bucket(9), 1), (0, 1)]),
        (Scale::Int, vec![(1, 1)]),
        (Scale::Int, vec![(INTS.1 + 1, 1)]),
        (Scale::Int, vec![(INTS.0 - 1, 1)]),
        (Scale::Float, vec![(1, 1)]),
        (Scale::Float, vec![(NAN + 1, 1)]),
        (Scale::Float, vec![(-NAN, 1)]),
        (Scale::Float, vec![(i64::MIN, 1)]),
        (Scale::Time, vec![(i64::MIN, 1)]),
        (Scale::Time, vec![(far + 1, 1)]),
    ] {
        assert!(
            LogBuckets::from_sorted(scale, buckets.clone()).is_none(),
            "{scale:?} {buckets:?}"
        );
    }
    for bucket in [far, time_bucket(DateTime::<Utc>::MIN_UTC)] {
        let all = LogBuckets::from_sorted(Scale::Time, vec![(bucket, 1)]).unwrap();
        assert!(all.percentile(50.0).is_ok());
    }
    let most = vec![(0, u64::MAX), (int_bucket(1), 1)];
    let all = LogBuckets::from_sorted(Scale::Int, most).unwrap();
    assert!(all.percentile(50.0).is_err());
    let mut twice = all.clone();
    assert!(twice.merge(all, &mut Budget::new(9)).is_err());
}
