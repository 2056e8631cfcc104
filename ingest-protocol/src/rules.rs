//! [`Rules`]: the rules of [SPEC](crate::spec) sections 3 and 4, each of which can be
//! left out where a test shows what would come of it.

/// A rule of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // the rules of version 1
pub enum Rule {
    /// Store a sealed frame before it is sent first.
    S1,
    /// A frame is done only by an ack for it.
    S2,
    /// An answer to what is not in flight is ignored.
    S3,
    /// After a fork or a gap that can't be healed, stamp anew; never discard.
    S4,
    /// Where a new stream is due, take one.
    S5,
    /// Evict only what was never attempted, and declare it.
    S6,
    /// Commit only what follows on the watermark.
    R1,
    /// A frame whose fingerprint is known is a duplicate.
    R2,
    /// What comes too early is a gap.
    R3,
    /// Anything else is a fork.
    R4,
    /// State does not expire for being idle.
    R5,
}

/// Which rules are kept: all of them, outside of tests of the rules themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rules {
    #[cfg(feature = "sim")]
    left_out: Option<Rule>,
}

impl Rules {
    /// All rules but one.
    #[cfg(feature = "sim")]
    #[must_use]
    pub fn without(rule: Rule) -> Self {
        Self {
            left_out: Some(rule),
        }
    }

    /// Whether the rule is kept.
    #[inline]
    #[must_use]
    pub fn keep(self, rule: Rule) -> bool {
        #[cfg(feature = "sim")]
        return self.left_out != Some(rule);
        #[cfg(not(feature = "sim"))]
        {
            let _ = rule;
            true
        }
    }
}
