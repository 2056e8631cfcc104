//! Running a bound pipeline on a snapshot.
//!
//! Rows of the store are positions as long as possible: a filter, a sort or a
//! limit moves positions, and cells are read when an expression or the result
//! asks for them. What is computed stands in columns beside. The filters that lead and
//! the first group work on the columns of segments.

mod batch;
mod cached;
mod coding;
mod columnar;
mod control;
mod erase;
mod expanded;
mod facets;
mod group;
mod join;
mod numbers;
mod partial;
mod run;
mod sort;
mod stage;
mod steps;

#[cfg(test)]
mod approx_tests;
#[cfg(test)]
pub(crate) mod random;
