//! Seeded, realistic logs and audit files, with their ground truth.
//!
//! For tests, benches and authors of tools: a month of an invented organisation, as MIM and Entra
//! ID would have written it, and beside it what really happened.
//!
//! ```
//! use mim_events::generate::{Generator, Item, Options};
//!
//! let options = Options::new(7).requests(1_000).people(200);
//! let (mut requests, mut records, mut activities) = (0, 0, 0);
//! for step in Generator::new(&options) {
//!     match step.item {
//!         Item::Request(_) => requests += 1,
//!         Item::Cloud(_) => records += 1,
//!         _ => {}
//!     }
//!     activities += step.truth.len(); // what must come out of this document
//! }
//! assert!(requests > 1_000); // some requests are logged while they wait, and again at their end
//! assert!(records >= 500 && activities > requests);
//! ```
//!
//! [`write_files`] (or [`Files`]) makes files of it: an event log, a cloud export, and the truth.
//!
//! # What it is like
//! - People are busy in office hours from Monday to Friday, synchronisation is at night and on
//!   weekends too. Few people do much, many do little.
//! - Every row of the built-in [rules](crate::activity::Rules) is reached, but for those that
//!   are off unless a user turns them on (A8, E2, E3). Requests complete, fail, are denied, wait,
//!   are cancelled and expire; approvals are asked for, given and refused days later.
//! - Documents have either of the two shapes that MIM writes, names with apostrophes, colons, right-to-left
//!   and East Asian scripts, emoji, references as objects, GUIDs and internal keys. A document too long for an event comes
//!   in parts between which others stand, cut anywhere.
//! - The cloud's side has the same people, one reset as a dozen records of three services, late
//!   records, duplicates, and the noise of services that write down every look at themselves.
//!
//! # The truth
//! A scenario knows what happened. It writes the documents that tell of it, and states the
//! [`Activity`](crate::activity::Activity)s that must come out, and the rows that the four reports
//! must show ([`Expectation`], [`Truth`]). Nothing of that looks into a document or calls a parser,
//! a rule or a converter of this crate: it is double-entry bookkeeping, and a test compares the two.
//!
//! # Determinism and size
//! The same [`Options`] give the same bytes, on every platform: random numbers are integers of this
//! module's own generator, and nothing depends on a clock or a hash map's order. Memory holds the people and
//! what is under way, so a log may have any size; the truth is sorted on disk.

mod calendar;
mod directory;
mod document;
mod entra;
mod events;
mod files;
mod generator;
mod json;
mod library;
mod mim;
mod names;
mod queue;
mod rng;
mod sort;
mod step;
mod truth;

pub use entra::CloudFormat;
pub use files::{Files, Progress, Written, write_files};
pub use generator::{Generator, Options};
pub use step::{CloudRecord, Item, RequestDocument, Step};
pub use truth::{
    Expectation, ExpectedAuditLog, ExpectedGroupActivity, ExpectedRegistration, ExpectedReset,
    Reports, Truth,
};

#[cfg(test)]
mod tests;
