//! Aggregates: what a group of rows comes to.
//!
//! ```
//! use report_query::{Query, arg_max, col, collect_set, count, count_distinct, count_if, percentile};
//!
//! let by_activity = Query::new().group_by(["activity"]).aggregate([
//!     count().alias("requests"),
//!     count_if(col("result").eq("failure")).alias("failed"),
//!     count_distinct(col("actor")).alias("people"),
//!     arg_max(col("result"), col("time")).alias("latest"),
//!     collect_set(col("service")).filter(col("service").is_not_null()).alias("services"),
//!     percentile(col("wait"), 95.0).alias("p95"),
//! ]);
//! # let _ = by_activity;
//! ```
//!
//! Every aggregate but [`count`] leaves nulls out. All but two are exact; where an
//! exact answer would take more memory than the [limits](crate::Limits) allow,
//! the query fails with a typed error. [`approx_count_distinct`] and
//! [`approx_percentile`] are estimates, and never stand in for the exact ones: how far they
//! may be off is said by their [column](crate::ResultColumn::approximate).

mod distinct;
mod exact_sum;
mod functions;
mod hyper_log_log;
mod log_buckets;
mod partial;
mod percentile;
mod stable_hash;
mod state;

#[cfg(test)]
mod samples;

pub use functions::{
    Aggregate, any, approx_count_distinct, approx_percentile, arg_max, arg_min, avg, collect_list,
    collect_set, count, count_distinct, count_if, every, first, last, max, min, percentile, sum,
};

pub(crate) use distinct::Distinct;
pub(crate) use exact_sum::ExactSum;
pub(crate) use functions::{AggregateFunction, BoundAggregate};
pub(crate) use hyper_log_log::HyperLogLog;
pub(crate) use log_buckets::{LogBuckets, Scale, int_bucket};
pub(crate) use partial::{Partial, Place};
pub(crate) use percentile::{nearest_ranks, rank};
pub(crate) use stable_hash::hash_text;
pub(crate) use state::{Budget, State, int};
