//! A small deterministic generator of random numbers: the same seed gives the
//! same numbers on every platform and in every version of this crate.
//!
//! The state is that of xoshiro256** (Blackman and Vigna), filled by
//! SplitMix64. Only integers are used: floating point functions may differ in
//! their last bit from platform to platform, and with it every byte after.

use uuid::Uuid;

/// One stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The stream of a seed; streams of one seed with different names share no numbers.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut mixer = seed ^ stream.wrapping_mul(0xA24B_AED4_963E_E407);
        let mut next = || {
            mixer = mixer.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = mixer;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^ (mixed >> 31)
        };
        Self {
            state: [next(), next(), next(), next()],
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        let state = &mut self.state;
        let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// A number below `end`; 0 where `end` is 0. The bias of at most `end / 2^64` does no harm here.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// An index below `len`.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// A number from `low` to `high` that is mostly near `low`: the square of an even one.
    pub(crate) fn skewed(&mut self, low: u64, high: u64) -> u64 {
        let even = self.below(1 << 20);
        low + ((u128::from(even * even) * u128::from(high.saturating_sub(low) + 1)) >> 40) as u64
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the items. The slice must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// One of the words, of which there must be one.
    pub(crate) fn word(&mut self, words: &[&'static str]) -> &'static str {
        words[self.index(words.len())]
    }

    /// An index, each as probable as its weight says.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = u64> + Clone) -> usize {
        let total = weights.clone().sum();
        let mut at = self.below(total);
        for (index, weight) in weights.enumerate() {
            if at < weight {
                return index;
            }
            at -= weight;
        }
        0
    }

    /// A GUID of version 4.
    pub(crate) fn uuid(&mut self) -> Uuid {
        let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut rng = Rng::new(1, 0);
        let first: Vec<u64> = (0..3).map(|_| rng.next()).collect();
        let mut again = Rng::new(1, 0);
        assert_eq!(first, (0..3).map(|_| again.next()).collect::<Vec<_>>());
        assert_eq!(
            first,
            [
                12_966_619_160_104_079_557,
                9_600_361_134_598_540_522,
                10_590_380_919_521_690_900
            ]
        );
        assert_ne!(first[0], Rng::new(1, 1).next());
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut rng = Rng::new(7, 3);
        for _ in 0..10_000 {
            assert!((5..=9).contains(&rng.between(5, 9)));
            assert!((5..=9).contains(&rng.skewed(5, 9)));
            assert!(rng.weighted([0, 3, 0, 1].into_iter()) % 2 == 1);
        }
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.uuid().get_version_num(), 4);
    }

    #[test]
    fn skewed_numbers_are_mostly_small() {
        let mut rng = Rng::new(7, 4);
        let small = (0..1_000).filter(|_| rng.skewed(0, 99) < 25).count();
        assert!((450..550).contains(&small), "{small}");
    }
}
