//! Read what Microsoft Identity Manager (MIM) and Microsoft Entra ID log, as one
//! schema: event logs and audit exports in, [activities](activity::Activity) out.
//!
#![cfg_attr(feature = "eventlog", doc = "```no_run")]
#![cfg_attr(not(feature = "eventlog"), doc = "```ignore")]
//! use mim_events::{eventlog::{LogFilter, LogReader}, message::Assembler};
//!
//! # fn main() -> Result<(), mim_events::Error> {
//! let mut reader = LogReader::open("IdentityManagerRequestLog.evtx")?.with_filter(LogFilter::requests());
//! let mut assembler = Assembler::new();
//! while let Some(event) = reader.next_event() {
//!     let event = match event {
//!         Ok(event) => event,
//!         Err(error) if error.is_recoverable() => { eprintln!("skipped: {error}"); continue }
//!         Err(error) => return Err(error),
//!     };
//!     let Some(document) = assembler.push(&event)? else { continue }; // part of a longer request
//!     for activity in document.parse()?.activities() {
//!         println!("{} {} {:?}", activity.time, activity.name, activity.result);
//!     }
//! }
//! eprintln!("{}", reader.summary());
//! # Ok(())
//! # }
//! ```
//!
//! MIM writes every request it handles (a group join, a password reset, an
//! approval) as a JSON document into the event log *Identity Manager Request
//! Log*, as event 4121, or cut into several events 4137 where it is too long for
//! one. This crate reads the log on any platform, puts the parts together, keeps
//! the document without losing a digit of it, and says in the words of the hybrid
//! report what happened. The cloud's half comes from any export of the Entra
//! audit log and ends in the same rows.
//!
//! # The way of the data
//!
//! ```text
//!  .evtx file                                    Graph, Event Hub, Log Analytics, portal files
//!     | eventlog   LogReader -> LogEvent             | entra      EntraReader
//!     | message    Assembler -> Document             |
//!     | request    Request                           |
//!     | activity   Classifier                        |
//!     +----------------> Activity <------------------+
//! ```
//!
//! Every module works alone; [`ActivityReader`] is the short way through all of
//! them for programs that want rows and counts and nothing else.
//!
//! | module | from | to |
//! |---|---|---|
//! | [`eventlog`] | `.evtx` files, versions 3.1 and 3.2 | [`LogEvent`](eventlog::LogEvent)s, filtered; and back: `LogWriter` |
//! | [`message`] | events 4121 and 4137 | [`Document`](message::Document)s, whole, in order or not |
//! | [`request`] | a document | [`Request`](request::Request): typed, lossless, lazy |
//! | [`activity`] | a request | [`Activity`](activity::Activity) rows, by a table of rules that is data |
//! | [`entra`] | audit exports of every shape | the same [`Activity`](activity::Activity) rows; and back to Graph and Log Analytics |
//! | `generate` | a seed | realistic logs and exports with their ground truth |
//!
//! # What it does not do
//!
//! - It reads no clock, starts no thread, logs nothing, and opens only the files
//!   it is told to.
//! - It never guesses silently. What is damaged, incomplete or unknown is a typed
//!   [`Error`] with its place, raw text for a quarantine, and a count in a summary.
//! - It shows no secret: values of password attributes and gate data stay in the
//!   request. Errors and `Debug` hold no person's data.
//! - It does not query: filtering and reports are `report-query`'s work.
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `eventlog` | yes | reading and writing `.evtx` files |
//! | `evtx` | yes | the `evtx` crate as a second lane for record shapes that the own reader does not know |
//! | `generate` | no | the seeded generator of logs and exports with ground truth |
//!
//! Without default features the crate is what `report-query` needs: the model,
//! requests, rules and Entra exports.
#![cfg_attr(docsrs_mim_events, feature(doc_cfg))]
#![deny(unsafe_code)]

mod error;
pub mod text;
pub mod time;

pub mod eventlog;
pub mod request;

pub mod message;

pub mod activity;

pub mod entra;

#[cfg(feature = "generate")]
pub mod generate;

#[cfg(feature = "eventlog")]
mod reader;

pub use error::{Error, ErrorKind, Result};
#[cfg(feature = "eventlog")]
pub use reader::{ActivityReader, Quarantined, Summary};

/// The README's code compiles.
#[cfg(all(doctest, feature = "eventlog"))]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
