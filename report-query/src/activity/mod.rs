//! The activity table: the schema of the hybrid report, and the store of it.
//!
//! An [`ActivityStore`] takes [`Activity`](mim_events::activity::Activity)s from
//! either source, from any thread, and gives [snapshots](crate::Snapshot) for
//! queries and [reports](crate::report). It is a thin layer over a
//! [`Store`](crate::Store) with the [schema](columns::schema) of this module.
//!
//! ```
//! use chrono::{DateTime, Utc};
//! use mim_events::activity::{Activity, Kind, Outcome, Source};
//! use report_query::activity::{ActivityStore, columns::{KIND, RESULT}};
//! use report_query::{Query, Retention, count};
//! use uuid::Uuid;
//!
//! let now: DateTime<Utc> = "2026-03-02T09:00:00Z".parse()?;
//! let mut joined = Activity::new(
//!     Uuid::from_u128(1),
//!     "2026-03-02T08:15:09Z".parse()?,
//!     Source::IdentityManager,
//!     Kind::from_static("member.add"),
//!     "Add member to group",
//! );
//! joined.result = Outcome::Denied;
//!
//! let store = ActivityStore::new(Retention::MONTH);
//! store.append([joined], now);
//!
//! let refused = Query::new().filter(RESULT.eq("denied")).group_by([KIND]).aggregate([count()]);
//! assert_eq!(refused.run(&store.snapshot())?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Columns beyond the activity's own
//!
//! What several reports need is computed once, when a row is appended:
//!
//! | Column | What it is for |
//! |---|---|
//! | [`PERSON`](columns::PERSON), [`ROLE`](columns::ROLE) | the user that it is about, and whether another user did it |
//! | [`GROUP`](columns::GROUP) | the group, in whichever order the source names group and member |
//! | [`STEP`](columns::STEP), [`STEP_METHOD`](columns::STEP_METHOD) | steps of a cloud password reset, read from their sentences |
//! | [`REQUEST_KEY`](columns::REQUEST_KEY), [`TARGET_KEY`](columns::TARGET_KEY), [`STATUS_RANK`](columns::STATUS_RANK) | the latest row of a request that was logged at several statuses |
//! | [`TARGET`](columns::TARGET), [`TEXT`](columns::TEXT), [`ACTOR_SEARCH`](columns::ACTOR_SEARCH) | texts to show and to search |
//! | [`DOCUMENT`](columns::DOCUMENT) | the whole activity, to give it back |
//!
//! The latest row of each request, as the built-in reports take it:
//!
//! ```
//! use report_query::activity::columns::{ID, KIND, REQUEST_KEY, STATUS_RANK, TARGET_KEY, TIME};
//! use report_query::{Query, desc};
//!
//! let latest = Query::new().top_per(
//!     [REQUEST_KEY, KIND, TARGET_KEY],
//!     [desc(STATUS_RANK), desc(TIME), desc(ID)],
//!     1,
//! );
//! # let _ = latest;
//! ```

pub mod columns;
mod convert;
mod person;
mod store;

pub use person::REDACTED;
pub use store::ActivityStore;
