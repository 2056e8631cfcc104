//! Percentiles by nearest rank, exactly.

use crate::error::{QueryError, Result};

/// Checks that a percentile is one.
pub(super) fn check_fraction(percent: f64) -> Result<()> {
    if (0.0..=100.0).contains(&percent) {
        Ok(())
    } else {
        Err(QueryError::argument("a percentile lies between 0 and 100"))
    }
}

/// The position of rank ⌈percent / 100 · n⌉, counted from 0, of n values in ascending order; that
/// of the least for percent 0.
pub(crate) fn rank(percent: f64, n: usize) -> usize {
    // The product first: 100 · 29 / 100 is 29, while 29 / 100 · 100 is more in floats.
    let rank = (percent * n as f64 / 100.0).ceil() as usize;
    rank.clamp(1, n.max(1)) - 1
}

/// The value of a percentile's rank. None of no value.
pub(crate) fn nearest_rank<T: Ord + Clone>(values: Vec<T>, percent: f64) -> Option<T> {
    nearest_ranks(values, &[percent]).pop().flatten()
}

/// The same for several percentiles of the same values.
pub(crate) fn nearest_ranks<T: Ord + Clone>(
    mut values: Vec<T>,
    percents: &[f64],
) -> Vec<Option<T>> {
    let mut found = vec![None; percents.len()];
    let mut wanted: Vec<(usize, usize)> = percents
        .iter()
        .enumerate()
        .map(|(at, percent)| (rank(*percent, values.len()), at))
        .collect();
    wanted.sort_unstable();
    // What is before a value that was found is not greater than it, and not looked at again.
    let mut from = 0;
    for (rank, at) in wanted {
        let rest = values.get_mut(from..).unwrap_or_default();
        if rank - from >= rest.len() {
            break;
        }
        let value = rest.select_nth_unstable(rank - from).1.clone();
        from = rank;
        if let Some(place) = found.get_mut(at) {
            *place = Some(value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(values: &[i64], percent: f64) -> Option<i64> {
        nearest_rank(values.to_vec(), percent)
    }

    proptest! {
        #[test]
        fn several_are_as_each_on_its_own(
            values in prop::collection::vec(-20_i64..20, 0..40),
            percents in prop::collection::vec(prop_oneof![Just(0.0), Just(100.0), 0.0..100.0], 0..5),
        ) {
            let each: Vec<_> = percents.iter().map(|percent| value(&values, *percent)).collect();
            prop_assert_eq!(nearest_ranks(values, &percents), each);
        }
    }

    #[test]
    fn is_always_one_of_the_values() {
        let values = [35, 20, 15, 50, 40];
        assert_eq!(value(&values, 0.0), Some(15));
        assert_eq!(value(&values, 5.0), Some(15));
        assert_eq!(value(&values, 30.0), Some(20));
        assert_eq!(value(&values, 40.0), Some(20));
        assert_eq!(value(&values, 40.1), Some(35));
        assert_eq!(value(&values, 50.0), Some(35));
        assert_eq!(value(&values, 100.0), Some(50));
        assert_eq!(value(&[7], 99.0), Some(7));
        assert_eq!(value(&[], 50.0), None);
    }

    #[test]
    fn hundredths_of_a_hundred_are_whole_ranks() {
        let values: Vec<i64> = (1..=100).collect();
        for percent in 1..=100_u32 {
            assert_eq!(value(&values, f64::from(percent)), Some(i64::from(percent)));
        }
    }

    #[test]
    fn the_share_is_checked() {
        assert!(check_fraction(100.0).is_ok());
        assert!(check_fraction(100.1).is_err());
        assert!(check_fraction(f64::NAN).is_err());
    }
}
