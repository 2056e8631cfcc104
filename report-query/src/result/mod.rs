//! Results: typed columns and rows, the same for queries and reports.
//!
//! A [`QueryResult`] knows the name, label, type and unit of each of its
//! columns, and whether a column is approximate. Its rows are in the order that
//! the query states, always the same for the same data.

mod table;

pub use table::{QueryResult, ResultColumn, RunStats};
