//! The store: rows in memory, appended from any thread, read as snapshots.
//!
//! A [`Store`] keeps rows of one [`Schema`](crate::Schema) in immutable
//! segments, ordered by time. New rows come as a small immutable chunk of the
//! head; chunks are merged as they grow and become segments of at most 65,536 rows and one
//! day (UTC).
//! A [`Snapshot`] is the list of segments at one moment: taking it copies a
//! pointer, and nothing that happens later changes what it shows.
//!
//! Each column of texts has a dictionary, which all segments share: a text that repeats is kept
//! once, and rows hold numbers of one or two bytes. Queries filter, group and count by these
//! numbers, and look for a text in the dictionary instead of in the rows. When rows go, so do the
//! texts that no other row has. GUIDs that rows share [may have such codes](crate::Field::dictionary),
//! too. Lists are tables of their items, which have columns and dictionaries of their own. Times and whole numbers are kept as differences from the least of
//! their segment, in as few bytes as these need. Of columns that are
//! [indexed](crate::Field::indexed) each full segment knows which rows have which value. What
//! queries find out of full segments can be [kept](StoreOptions::cache) for the next.
//!
//! ```
//! use chrono::{DateTime, Utc};
//! use report_query::{DataType, Field, Query, Retention, Schema, Store, StoreOptions, Value, count};
//! use uuid::Uuid;
//!
//! let schema = Schema::new([
//!     Field::new("time", DataType::Time).required(),
//!     Field::new("id", DataType::Id).required(),
//!     Field::new("door", DataType::Text),
//! ])?
//! .with_key("time", "id")?;
//! let store = Store::new(schema, StoreOptions::new(Retention::MONTH))?;
//!
//! let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse()?;
//! let row = |id, door: &str| vec![now.into(), Uuid::from_u128(id).into(), door.into()];
//! let report = store.append([row(1, "front"), row(2, "back"), row(2, "back")], now);
//! assert_eq!((report.appended, report.duplicates), (2, 1));
//!
//! let result = Query::new().group_by(["door"]).aggregate([count()]).run(&store.snapshot())?;
//! assert_eq!(result.value(0, "door"), Some(&Value::from("back")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What happens to a row
//!
//! Each row of a batch is counted once in the [`AppendReport`]:
//!
//! - **appended**: visible to snapshots taken from now on, with the whole batch at once;
//! - **duplicates**: a row with this time and id is there, with the same content; dropped;
//! - **conflicts**: a row with this time and id is there, with other content; the first stays;
//! - **expired**: older than the [`Retention`] keeps;
//! - **quarantined**: more than a day ahead of now, so that one wrong clock does not fill the store with a future;
//! - **invalid**: not of the schema;
//! - **refused**: there is no memory for the batch, if the store has a
//!   [limit](StoreOptions::memory_limit) and is to refuse.
//!
//! Conflicts, quarantined and invalid rows are named by their position in the
//! batch, so that nothing is lost silently.
//!
//! [`Store::erase`] removes rows by a predicate, with every text that only they had;
//! [`Store::redact`] keeps the rows, and so all counts of them, without what they say. A redacted row
//! that comes again is a **duplicate**, whatever it says.

mod cache;
mod codes;
mod column;
mod dictionary;
mod documents;
mod duplicates;
mod encode;
mod erase;
mod expand;
mod head;
mod id_text;
mod lists;
mod memo;
mod options;
mod packed;
mod postings;
mod redact;
mod report;
mod retention;
mod segment;
mod snapshot;
#[expect(
    clippy::module_inception,
    reason = "the store is the point of the module"
)]
mod store;
#[cfg(test)]
mod tests;

pub use options::{StoreOptions, WhenFull};
pub use report::{AppendReport, Erasure, Expiry, MemoryUsage, Rejected, StoreStats};
pub use retention::Retention;
pub(crate) use snapshot::Part;
pub use snapshot::Snapshot;
pub use store::Store;

pub(crate) use cache::{Cache, Kept};
pub(crate) use codes::{Codes, with_codes};
pub(crate) use column::TextColumn;
pub(crate) use dictionary::{BLOCK, Dictionary};
pub(crate) use expand::ItemRows;
pub(crate) use lists::{Items, ListColumn};
pub(crate) use memo::Memo;
pub(crate) use packed::{Differences, Packed, with_differences, with_numbers};
pub(crate) use segment::{Segment, SegmentView};
