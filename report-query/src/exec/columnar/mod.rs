//! The front of a pipeline, on the columns of each segment instead of row by row: the filters
//! that lead, the first group behind them, and the oldest or newest rows alone.
//!
//! ```text
//!  segment -> select: rows that pass the filters -> group: a number for each row -> aggregates
//!               (top: maybe the first of each key alone)
//! ```
//!
//! What is asked of a column whose values repeat is asked once for each different value of a
//! segment, and of a text once for the whole store. The answers are those of the stages row by row, which the tests compare.

mod aggregate;
mod approx;
mod chosen;
mod code_bits;
mod counts;
mod direct;
mod distinct;
mod ends;
mod facets;
mod first_rows;
mod group;
mod int_buckets;
mod items;
mod kernels;
mod keys;
mod order;
mod percentile;
mod row_groups;
mod row_order;
mod search;
mod segment_keys;
mod select;
mod selected;
mod space;
mod tally;
mod texts;
pub(super) mod threads;
mod top;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod top_tests;

pub(super) use ends::Ends;
pub(super) use facets::{Counter, count as count_facets};
pub(super) use group::Grouping;
pub(super) use order::Wanted;
pub(super) use select::Tests;
pub(super) use selected::Selected;
