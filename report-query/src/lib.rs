//! Query.
#![forbid(unsafe_code)]

#[cfg(feature = "activity")]
pub mod activity;
pub mod aggregate;
pub mod expr;
pub mod query;
pub mod report;
pub mod result;
pub mod store;

#[doc = include_str!("../docs/SEMANTICS.md")]
pub mod semantics {}

mod error;
mod exec;
mod schema;
mod value;

pub use aggregate::{
    Aggregate, any, arg_max, arg_min, avg, collect_list, collect_set, count, count_distinct,
    count_if, every, first, last, max, min, percentile, sum,
};
pub use error::{QueryError, QueryErrorKind, Result};
pub use expr::{
    Bucket, Expr, Key, Parameters, TimePart, case, col, concat, field, if_then_else, item, list,
    lit, param, when_param,
};
pub use query::{Expand, Join, JoinKind, Limits, Page, Plan, Query, SortKey, asc, desc};
pub use report::{ReportDefinition, ReportError};
pub use result::{QueryResult, ResultColumn};
pub use schema::{DataType, Field, Schema, Unit};
pub use store::{AppendReport, Retention, Snapshot, Store, StoreOptions, StoreStats};
pub use value::Value;
