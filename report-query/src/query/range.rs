//! The time range of a pipeline, by which segments are skipped.

use chrono::{DateTime, Utc};

use super::bind::BoundStage;
use crate::expr::{Bound, Comparison};
use crate::schema::Schema;
use crate::value::Value;

/// A half-open range of times; an open end has no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeRange {
    pub(crate) from: Option<DateTime<Utc>>,
    pub(crate) to: Option<DateTime<Utc>>,
}

/// The times that the filters in front let through, as far as they say so
/// plainly: comparisons of the time column with literals, joined by `and`.
pub(super) fn time_range(stages: &[BoundStage], schema: &Schema) -> TimeRange {
    let mut range = TimeRange::default();
    let Some((time, _)) = schema.key() else {
        return range;
    };
    for stage in stages {
        let BoundStage::Filter(predicate) = stage else {
            break;
        };
        match predicate {
            Bound::And(parts) => parts.iter().for_each(|part| {
                range.narrow(part, time);
            }),
            one => {
                range.narrow(one, time);
            }
        }
    }
    range
}

impl TimeRange {
    /// Narrows it to what a predicate lets through; whether that is all it says.
    pub(crate) fn narrow(&mut self, predicate: &Bound, time: usize) -> bool {
        let Bound::Compare(comparison, a, b) = predicate else {
            return false;
        };
        let (Bound::Column(column), Bound::Const(Value::Time(bound))) = (&**a, &**b) else {
            return false;
        };
        if *column != time {
            return false;
        }
        let next = || bound.checked_add_signed(chrono::TimeDelta::nanoseconds(1));
        let (from, to) = match comparison {
            Comparison::Ge => (Some(*bound), None),
            Comparison::Gt => (next(), None),
            Comparison::Lt => (None, Some(*bound)),
            Comparison::Le => (None, next()),
            Comparison::Eq => (Some(*bound), next()),
            Comparison::Ne => (None, None),
        };
        // None is less than any time, so the later start wins by itself.
        self.from = self.from.max(from);
        self.to = match (self.to, to) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        // At the end of time there is no later one to end before.
        *comparison != Comparison::Ne && next().is_some()
    }
}
