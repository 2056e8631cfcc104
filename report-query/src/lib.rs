//! Filter, group and report a month of identity activity in memory: typed columns,
//! queries as pipelines of stages, reports as data.
//!
#![cfg_attr(feature = "activity", doc = "```")]
#![cfg_attr(not(feature = "activity"), doc = "```ignore")]
//! use report_query::activity::{ActivityStore, columns::{ACTIVITY, ACTOR, RESULT, TIME}};
//! use report_query::{Bucket, Parameters, Query, ReportDefinition, Retention, col, count, count_distinct, desc};
//!
//! # use mim_events::activity::{Activity, Kind, Source};
//! # let now: chrono::DateTime<chrono::Utc> = "2026-03-02T09:00:00Z".parse()?;
//! # let week_ago = now - chrono::TimeDelta::days(7);
//! # let activities = (0..12).map(|n| {
//! #     let id = uuid::Uuid::from_u128(n);
//! #     let kind = Kind::from_static("member.add");
//! #     let mut activity = Activity::new(id, week_ago, Source::IdentityManager, kind, "Add member to group");
//! #     activity.actor.account = Some("alice".to_owned());
//! #     activity
//! # });
//! let store = ActivityStore::new(Retention::MONTH);
//! store.append(activities, now);                       // any iterator of activities, from any thread
//!
//! let failures = Query::new()
//!     .filter(TIME.between(week_ago..now).and(RESULT.ne("success")))
//!     .group_by([ACTIVITY, TIME.bucket(Bucket::DAY)])
//!     .aggregate([count().alias("requests"), count_distinct(ACTOR).alias("people")])
//!     .filter(col("requests").gt(10))                  // a stage sees the result of the one before
//!     .sort([desc("requests")])
//!     .limit(10);
//! println!("{}", failures.run(&store.snapshot())?);    // a text table
//!
//! let audit = ReportDefinition::builtin("audit-log").ok_or("no such report")?;
//! audit.run(&store.snapshot(), &Parameters::new().set("actor", "alice"))?.write_csv(std::io::stdout())?;
//! # assert_eq!(failures.run(&store.snapshot())?.value(0, "requests"), Some(&report_query::Value::from(12)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What people did in Microsoft Identity Manager and in Microsoft Entra ID comes in
//! as activities of `mim-events`; what auditors ask comes out as tables. The engine
//! itself knows neither: it works over any [`Schema`] of typed columns, with rows of
//! your own.
//!
//! # The way of the data
//!
//! ```text
//!  activities, or rows of any schema
//!     | activity   ActivityStore        columns that reports need, computed once
//!     | store      Store -> Snapshot    time-ordered, immutable segments; retention
//!     | query      Query -> Plan        stages; every name and type checked before it runs
//!     | report     ReportDefinition     a query with parameters, labels and a chart hint
//!     v result     QueryResult          text table, CSV, JSON, NDJSON
//! ```
//!
//! | Module | What it holds |
//! |---|---|
//! | [`store`] | rows in memory: appended from any thread, read as snapshots, kept for a time |
//! | [`query`] | pipelines: filter, extend, expand, group, sort, limit, page, join, union; as code or as JSON; facets |
//! | [`expr`] | one type of expression for filters, computed columns, keys |
//! | [`aggregate`] | counts, distinct counts, percentiles, collections; all exact |
//! | [`result`] | typed results, and how they are written |
//! | [`report`] | report definitions, their parameters, the built-in reports |
//! | [`activity`] | the schema of the hybrid report and its store |
//! | `odata` | Microsoft Graph's `$filter` and `$orderby` as expressions (feature `odata`) |
//! | [`semantics`] | what null, case, order and overflow mean |
//!
//! # Reports
//!
//! Four come with the crate: `password-reset`, `password-reset-registration`,
//! `self-service-groups` and `audit-log`, each over both sources
//! ([the list](report#the-built-in-reports)). They are data files; your own are
//! written the same way, in JSON, TOML or whatever serde reads.
//!
//! # What it promises
//!
//! - **Exact or an error.** An answer that would need more than the [`Limits`]
//!   allow is [`LimitExceeded`](QueryErrorKind::LimitExceeded), never a shorter or
//!   an estimated one. Estimates are functions of their own
//!   ([`approx_count_distinct`], [`approx_percentile`]), and their columns say how far they may
//!   be [off](result::Approximation).
//! - **Errors before work.** Unknown names and wrong types are found when a query
//!   is bound, with the place in its JSON form.
//! - **The same result every time.** Rows come in a stated order, and equal data
//!   give equal bytes.
//! - **Nothing lost in silence.** A row that is too old, too far ahead, a duplicate
//!   or not of the schema is counted in the [`AppendReport`].
//! - **Nothing said of people.** Errors, counters and `Debug` hold names of columns
//!   and sizes, never a value.
//!
//! # What it does not do
//!
//! It reads no file, clock or environment, starts no thread (but with feature `parallel`),
//! writes to nothing but the writer it is given, and keeps nothing on disk: the source is the log, and a
//! store is filled again from it.
//!
//! # Features
//!
//! | Feature | Default | Brings |
//! |---|---|---|
//! | `activity` | yes | the activity table, its store and the built-in reports; needs `mim-events` without its default features |
//! | `simd` | yes | filters over columns in the widest vectors of the machine that a program runs on, with `fearless_simd`; without it in those that all machines of its kind have |
//! | `compress` | no | [documents](Field::document), the whole activities of the activity table, are compressed in memory, with `lz4_flex` |
//! | `odata` | no | `$filter` and `$orderby` of Microsoft Graph over the activity table; no further dependency |
//! | `parallel` | no | queries over many rows share the work among the threads of the `rayon` pool that they are run in, the global one if none was installed; answers are the same |
//! | `tz` | no | buckets and parts of times by the clocks of IANA time zones, with `chrono-tz` |
//!
//! Without default features the engine stands alone, for events of any other kind.
#![cfg_attr(docsrs_report_query, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "activity")]
pub mod activity;
pub mod aggregate;
pub mod expr;
#[cfg(feature = "odata")]
pub mod odata;
pub mod query;
pub mod report;
pub mod result;
pub mod store;

#[doc = include_str!("../docs/SEMANTICS.md")]
pub mod semantics {}

mod error;
mod exec;
mod gallop;
mod schema;
mod value;

pub use aggregate::{
    Aggregate, any, approx_count_distinct, approx_percentile, arg_max, arg_min, avg, collect_list,
    collect_set, count, count_distinct, count_if, every, first, last, max, min, percentile, sum,
};
pub use error::{QueryError, QueryErrorKind, Result};
pub use expr::{
    Bucket, Expr, Key, Parameters, TimePart, Zone, case, col, concat, field, if_then_else, item,
    list, lit, param, when_param,
};
pub use query::{
    Expand, Facet, FacetCounts, Facets, Join, JoinKind, Limits, Page, PartialResult, Plan, Query,
    SortKey, asc, desc,
};
pub use report::{ReportDefinition, ReportError};
pub use result::{Analysis, QueryResult, ResultColumn};
pub use schema::{DataType, Field, Schema, Unit};
pub use store::{AppendReport, Retention, Snapshot, Store, StoreOptions, StoreStats};
pub use value::{Text, Value};

/// The README's example is compiled.
#[cfg(all(doctest, feature = "activity"))]
#[doc = include_str!("../README.md")]
struct Readme;
