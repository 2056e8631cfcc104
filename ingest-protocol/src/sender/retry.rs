//! [`Retry`]: how long to wait before sending again ([SPEC](crate::spec) section 6).

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5 * 60);
const TOLD_LONGEST: Duration = Duration::from_secs(60 * 60);
/// Between attempts while an operator has to do something.
pub(super) const HOLD: Duration = Duration::from_secs(15 * 60);

/// Full jitter over a bound that doubles from one second to five minutes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Retry {
    failures: u32,
    random: u64,
}

impl Retry {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            failures: 0,
            random: seed,
        }
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure; what the receiver `told`, in seconds, goes before.
    pub(super) fn wait(&mut self, told: Option<u64>) -> Duration {
        let bound = FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        match told {
            Some(seconds) => Duration::from_secs(seconds).clamp(FIRST, TOLD_LONGEST),
            None => self.share(bound),
        }
    }

    /// A random share of `bound`.
    fn share(&mut self, bound: Duration) -> Duration {
        // SplitMix64: one step of a counter, well mixed.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        bound.mul_f64((mixed >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_five_minutes_with_full_jitter() {
        let mut longest = [Duration::ZERO; 12];
        let mut shortest = [LONGEST; 12];
        for seed in 0..500 {
            let mut retry = Retry::new(seed);
            for failure in 0..12 {
                let wait = retry.wait(None);
                longest[failure] = longest[failure].max(wait);
                shortest[failure] = shortest[failure].min(wait);
            }
        }
        for failure in 0..12 {
            let bound = Duration::from_secs(1 << failure).min(LONGEST);
            assert!(longest[failure] <= bound);
            assert!(longest[failure] > bound.mul_f64(0.97), "{failure}");
            assert!(shortest[failure] < bound.mul_f64(0.03), "{failure}");
        }
    }

    #[test]
    fn shares_are_those_of_splitmix64() {
        // The first outputs of its reference implementation for this seed.
        let mut retry = Retry::new(1_234_567);
        for random in [
            6_457_827_717_110_365_317_u64,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ] {
            // The upper 53 bits, which is what a double holds.
            let share = (random / 2048) as f64 / 9_007_199_254_740_992.0;
            assert_eq!(retry.share(LONGEST), LONGEST.mul_f64(share));
        }
    }

    #[test]
    fn what_the_receiver_tells_goes_before_within_a_second_and_an_hour() {
        let mut retry = Retry::new(1);
        assert_eq!(retry.wait(Some(0)), Duration::from_secs(1));
        assert_eq!(retry.wait(Some(77)), Duration::from_secs(77));
        assert_eq!(retry.wait(Some(u64::MAX)), Duration::from_secs(3600));
    }

    #[test]
    fn a_success_begins_anew() {
        let mut retry = Retry::new(3);
        for _ in 0..100 {
            assert!(retry.wait(None) <= LONGEST);
        }
        retry.succeeded();
        assert!(retry.wait(None) <= FIRST);
    }
}
