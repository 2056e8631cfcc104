//! Reports: a query with parameters, columns and a chart hint, written down as data.
//!
//! A [`ReportDefinition`] is plain serde, so it is JSON, TOML or whatever else;
//! there is no code in it. [Running](ReportDefinition::run) one takes a snapshot
//! and [`Parameters`](crate::Parameters):
//!
//! ```
//! # #[cfg(feature = "activity")] {
//! use report_query::activity::ActivityStore;
//! use report_query::{Parameters, ReportDefinition, Retention};
//!
//! let store = ActivityStore::new(Retention::MONTH);
//! let resets = ReportDefinition::builtin("password-reset").ok_or("no such report")?;
//! let table = resets.run(&store.snapshot(), &Parameters::new().set("result", "failed"))?;
//! assert_eq!(table.columns()[0].label, "User");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Parameters
//!
//! A report names its parameters with a type, a default and what they mean. A
//! name that it does not know is an [error](ReportError::UnknownParameter) that
//! lists those it knows. Values come as they are or as text, so that a command
//! line or an address bar can pass on what it got:
//!
//! | Type | As text |
//! |---|---|
//! | `text` | itself; of a parameter with [choices](ParameterDefinition::choices), any of their names without regard to case |
//! | `time` | RFC 3339 (`2026-03-02T08:15:00Z`), a day (`2026-03-02`, UTC), `newest` for the newest row, `newest-P1M` for a month (`P14D`, `PT6H`) before it |
//! | `bool` | `true`, `yes`, `1` and `false`, `no`, `0` |
//! | `int` | decimal digits |
//!
//! A day that ends a period counts in full: `to` = `2026-03-02` includes that day.
//! A moment given as `to` is the first that no longer counts.
//!
//! # The built-in reports
//!
//! With the feature `activity`; see [`ReportDefinition::builtins`].
//!
//! | Name | Columns |
//! |---|---|
//! | `password-reset` | User, Role, Date and time, Method(s) used, Result, Details |
//! | `password-reset-registration` | User, Role, Date and time, Data Registered, Details |
//! | `self-service-groups` | Date and time, User, Activity, Group, Result, Details |
//! | `audit-log` | Date, Source, Service, Activity, Category, Initiated by (actor), Target(s), Result |
//!
//! All have the same parameters, and apply them to the rows that they show, after
//! what belongs together was put together:
//!
//! | Parameter | Meaning |
//! |---|---|
//! | `from`, `to` | the period; one month back from the newest activity if not given |
//! | `source` | `Identity Manager`, `Entra ID`, `all` |
//! | `actor` | who did it: part of the name, account, UPN or id |
//! | `activity` | the activity's name or kind |
//! | `category` | the category; `MIM Service` means the source, as it once did |
//! | `resource_type` | the type of a target |
//! | `result` | the result's word as shown, or its key |
//! | `search` | part of any text |
//! | `hidden` | `audit-log`: by-products and what the system did to itself, too |
//! | `visits` | `password-reset`: cloud flows that were left without an error, too |
//!
//! A MIM request that was logged at several statuses is shown once, with the
//! latest. Rows are in descending order of time, then id.

#[cfg(feature = "activity")]
mod builtin;
mod definition;
mod parameters;

pub use definition::{Chart, ChartKind, ColumnDefinition, ReportDefinition, ReportError};
pub use parameters::{Choice, DayPart, ParameterDefinition, ParameterType};
