//! A search of what is ordered, for what is mostly near its beginning.

/// How many items pass a test, of which those that do come first.
pub(crate) fn gallop<T>(items: &[T], passes: impl Fn(&T) -> bool) -> usize {
    let (mut low, mut step) = (0, 1);
    while items.get(low + step - 1).is_some_and(&passes) {
        low += step;
        step *= 2;
    }
    let high = items.len().min(low + step);
    let left = items.get(low..high).unwrap_or_default();
    low + left.partition_point(passes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_pass_are_counted() {
        for len in 0..40 {
            let items: Vec<usize> = (0..len).collect();
            for passing in 0..=len {
                assert_eq!(gallop(&items, |item| *item < passing), passing);
            }
        }
    }
}
