//! How long things took, in memory that does not grow.

use std::fmt;
use std::time::Duration;

/// Durations by buckets that are an eighth wide.
pub struct Times {
    counts: Box<[u64]>,
    greatest: Duration,
}

/// Buckets of a power of two.
const PARTS: u64 = 8;

impl Default for Times {
    fn default() -> Self {
        Self {
            counts: vec![0; 64 * PARTS as usize].into(),
            greatest: Duration::ZERO,
        }
    }
}

impl Times {
    pub fn add(&mut self, time: Duration) {
        let micros = (time.as_micros() as u64).max(1);
        let power = u64::from(micros.ilog2());
        let part = ((micros << (63 - power)) >> 60) % PARTS;
        if let Some(count) = self.counts.get_mut((power * PARTS + part) as usize) {
            *count += 1;
        }
        self.greatest = self.greatest.max(time);
    }

    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.greatest = self.greatest.max(other.greatest);
    }

    pub fn len(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The upper end of the bucket in which so many hundredths end.
    fn percentile(&self, percent: u64) -> Duration {
        let wanted = (self.len() * percent).div_ceil(100);
        let mut before = 0;
        for (bucket, count) in (0..).zip(&self.counts) {
            before += count;
            if before >= wanted && before > 0 {
                let (power, part) = (bucket / PARTS, bucket % PARTS);
                let end = (PARTS + part + 1) as f64 * 2.0_f64.powi(power as i32 - 3);
                return Duration::from_secs_f64(end / 1e6).min(self.greatest);
            }
        }
        Duration::ZERO
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {:.1?}, p99 {:.1?}, most {:.1?}",
            self.percentile(50),
            self.percentile(99),
            self.greatest
        )
    }
}
