//! What tests of aggregates share.

use std::borrow::Cow;

use super::functions::{AggregateFunction, BoundAggregate};
use crate::expr::{Bound, Cells};
use crate::value::Value;

/// Rows of a value and a key.
pub(super) struct Rows<'a>(pub(super) &'a [[Value; 2]]);

impl Cells for Rows<'_> {
    fn cell(&self, row: usize, column: usize) -> Cow<'_, Value> {
        Cow::Borrowed(&self.0[row][column])
    }
}

/// An aggregate of the columns as they come.
pub(super) fn aggregate(function: AggregateFunction) -> BoundAggregate {
    BoundAggregate {
        function,
        arguments: (0..function.arity()).map(Bound::Column).collect(),
        filter: None,
        cap: 1000,
    }
}
