//! `Approximation`: how far a column of estimates may be off.

use std::fmt;

/// How far the values of a column may be from the exact ones. Only aggregates named
/// `approx_*` give such a column, and what is computed of one.
///
/// Shares are in parts of a million, so that equal columns are equal and one form is written
/// everywhere.
///
/// ```
/// use report_query::{DataType, Field, Query, Schema, approx_count_distinct};
///
/// let schema = Schema::new([Field::new("actor", DataType::Text)])?;
/// let query = Query::new().aggregate([approx_count_distinct("actor").alias("people")]);
/// let plan = query.bind(&schema)?;
/// let error = plan.columns()[0].approximate;
/// assert_eq!(error.map(|error| error.to_string()).as_deref(), Some("standard error 0.8125 %"));
/// assert_eq!(error.and_then(|error| error.relative()), Some(0.008125));
/// # Ok::<(), report_query::QueryError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Approximation {
    /// The standard deviation of the estimate, as a share of the exact value: of 100 estimates
    /// about 68 are within once, 95 within twice, more than 99 within three times of it.
    StandardError {
        /// Parts of a million.
        per_million: u32,
    },
    /// No value is further off than this share of the exact value.
    WithinShare {
        /// Parts of a million.
        per_million: u32,
    },
    /// No moment is further off than this.
    WithinSeconds {
        /// Seconds.
        seconds: u32,
    },
    /// Computed of estimates; how far it is off depends on what was computed.
    Derived,
}

impl Approximation {
    /// The share of the exact value that is a standard error or a bound: 0.01 is a hundredth.
    #[must_use]
    pub fn relative(self) -> Option<f64> {
        match self {
            Self::StandardError { per_million } | Self::WithinShare { per_million } => {
                Some(f64::from(per_million) / 1e6)
            }
            Self::WithinSeconds { .. } | Self::Derived => None,
        }
    }

    /// As one member of a JSON object.
    pub(super) fn json(self) -> String {
        match (self, self.relative()) {
            (Self::StandardError { .. }, Some(share)) => format!("{{\"standard_error\":{share}}}"),
            (Self::WithinShare { .. }, Some(share)) => format!("{{\"within\":{share}}}"),
            (Self::WithinSeconds { seconds }, _) => format!("{{\"within_seconds\":{seconds}}}"),
            _ => "{}".to_owned(),
        }
    }
}

/// For people: `standard error 0.8125 %`, `within 0.7813 %`, `within 30 s`, `of estimates`.
impl fmt::Display for Approximation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |per_million: &u32| f64::from(*per_million) / 1e4;
        match self {
            Self::StandardError { per_million } => {
                write!(f, "standard error {} %", percent(per_million))
            }
            Self::WithinShare { per_million } => write!(f, "within {} %", percent(per_million)),
            Self::WithinSeconds { seconds } => write!(f, "within {seconds} s"),
            Self::Derived => f.write_str("of estimates"),
        }
    }
}
