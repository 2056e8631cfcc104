//! Two sides by turns: the ratio of each turn, and of all turns the median and the
//! quartiles, so that a machine that is busy now and then moves both sides alike.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What all turns together take, unless they are few.
const LONGEST: Duration = Duration::from_secs(3);

/// The wall clock since it was asked first.
#[must_use]
#[allow(
    clippy::disallowed_methods,
    reason = "no library: a disk is waited for"
)]
pub fn wall() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// The processor time of this thread, so that a busy machine does not blur ratios; the wall
/// clock off Unix.
#[cfg(unix)]
#[must_use]
pub fn processor() -> Duration {
    crate::cpu::now()
}

/// The wall clock, in place of the processor time of this thread.
#[cfg(not(unix))]
#[must_use]
pub fn processor() -> Duration {
    wall()
}

/// Ratios of the turns, ascending.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "the benches' own")]
pub struct Ratios(Vec<f64>);

impl Ratios {
    /// Of these turns.
    #[must_use]
    pub fn new(mut ratios: Vec<f64>) -> Self {
        ratios.sort_by(f64::total_cmp);
        Self(ratios)
    }

    /// Below it is this part of all turns.
    #[must_use]
    pub fn quantile(&self, part: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let at = (last as f64 * part).round() as usize;
        self.0.get(at).copied().unwrap_or(f64::NAN)
    }

    /// The median.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// Median, and quartiles in brackets.
impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantile = |part| self.quantile(part);
        let digits = if self.median() < 10.0 { 2 } else { 1 };
        write!(
            f,
            "{:.digits$} [{:.digits$}, {:.digits$}]",
            quantile(0.5),
            quantile(0.25),
            quantile(0.75)
        )
    }
}

/// How many times longer `over` takes than `under`. Each turn runs either for about
/// `span`, by the clock `now`, and every other turn begins with the other one. Of what takes
/// long by itself there are fewer turns, but 11 at least.
pub fn ratios(
    turns: usize,
    span: Duration,
    now: fn() -> Duration,
    over: &mut dyn FnMut(),
    under: &mut dyn FnMut(),
) -> Ratios {
    let time = |side: &mut dyn FnMut(), passes: u32| {
        let start = now();
        for _ in 0..passes {
            side();
        }
        (now() - start).as_secs_f64() / f64::from(passes)
    };
    let passes = |side: &mut dyn FnMut()| {
        time(side, 1);
        let once = time(side, 1).max(1e-9);
        let passes = (span.as_secs_f64() / once).clamp(1.0, 1e6).floor();
        (passes as u32, passes * once)
    };
    let (over_passes, over_time) = passes(over);
    let (under_passes, under_time) = passes(under);
    let fit = (LONGEST.as_secs_f64() / (over_time + under_time)) as usize;
    let turns = turns.min(fit.max(11));
    let turn = |turn| {
        if turn % 2 == 0 {
            let over = time(over, over_passes);
            over / time(under, under_passes)
        } else {
            let under = time(under, under_passes);
            time(over, over_passes) / under
        }
    };
    Ratios::new((0..turns).map(turn).collect())
}
