//! `Analysis`: a result, and what its stages took.

use std::fmt;
use std::time::Duration;

use super::table::{QueryResult, RunStats};

/// What a query gave, and how: see [`Plan::analyze`](crate::Plan::analyze).
///
/// `Display` is for people: what was read, then the steps with their rows and times. It holds
/// names of stages and numbers, none of the query's literals and no value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Analysis {
    /// What [`Plan::run`](crate::Plan::run) gives.
    pub result: QueryResult,
    /// The steps in the order in which they were done.
    pub steps: Vec<Step>,
}

/// Stages of a pipeline that were done together, and what that took.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The names of the stages in the JSON form. The first step of a pipeline reads the store: it
    /// has the stages that work on the columns there, maybe none.
    pub stages: Vec<&'static str>,
    /// In how many joins and unions it stands: 0 in the query itself. What a join or a union is
    /// with comes before it.
    pub depth: usize,
    /// Rows that came out.
    pub rows: u64,
    /// What it took, of a join or a union with the steps within.
    pub time: Duration,
}

impl Analysis {
    /// What was read of the store, over all pipelines of the query.
    #[must_use]
    pub const fn stats(&self) -> RunStats {
        self.result.stats()
    }
}

impl fmt::Display for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        write!(
            f,
            "read {} segments ({} skipped, {} known), {} rows, {} bytes",
            stats.segments,
            stats.segments_skipped,
            stats.segments_cached,
            stats.rows_scanned,
            stats.bytes_touched
        )?;
        let name = |step: &Step| {
            let indent = "  ".repeat(step.depth);
            let stages = match step.stages.is_empty() {
                true => "scan".to_owned(),
                false => step.stages.join(", "),
            };
            format!("{indent}{stages}")
        };
        let names: Vec<String> = self.steps.iter().map(name).collect();
        let width = names.iter().map(String::len).max().unwrap_or_default();
        for (name, step) in names.iter().zip(&self.steps) {
            let millis = step.time.as_secs_f64() * 1e3;
            write!(
                f,
                "\n{name:width$}  {:>9} rows  {millis:>9.3} ms",
                step.rows
            )?;
        }
        Ok(())
    }
}
