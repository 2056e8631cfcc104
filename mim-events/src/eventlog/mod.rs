//! Windows event logs (`.evtx`): read, filter, write.
//!
//! A log is a file of chunks of 64 KiB, each with its own records, names and
//! templates. [`LogReader`] reads one chunk at a time into one buffer and lends
//! its records as [`LogEvent`]s; the size of the log does not matter.
//!
#![cfg_attr(feature = "eventlog", doc = "```no_run")]
#![cfg_attr(not(feature = "eventlog"), doc = "```ignore")]
//! use mim_events::eventlog::{LogFilter, LogReader};
//!
//! # fn main() -> mim_events::Result<()> {
//! let mut reader = LogReader::open("IdentityManagerRequestLog.evtx")?
//!     .with_filter(LogFilter::requests());
//! while let Some(event) = reader.next_event() {
//!     match event {
//!         Ok(event) => println!("{} {:?}", event.record_id(), event.created()),
//!         Err(error) if error.is_recoverable() => eprintln!("skipped: {error}"),
//!         Err(error) => return Err(error),
//!     }
//! }
//! eprintln!("{}", reader.summary());
//! # Ok(())
//! # }
//! ```
//!
//! # What an event has
//! The parts of `System` that reports need ([`LogEvent`]'s methods), and the
//! `Data` values of `EventData` in order, with their names where the provider
//! gives them. Strings are lent as they are in the file, undecoded UTF-16,
//! unpaired surrogates and all. Values of other types become text, exactly as
//! the `evtx` crate 0.15.1 renders them in XML.
//!
//! A classic event's `Binary` is given as bytes. `UserData` and whatever else an
//! event may hold is not given; [`ReadSummary::events_with_other_content`] counts the events
//! that have it.
//!
//! # Two lanes
//! An own walker (the first lane) reads what MIM and nearly all other
//! providers write: templates inline or shared, classic and manifest events,
//! string arrays, nested fragments, elements left out when their value is
//! null, and the literal elements of forwarded events. A record that it does not know
//! goes to the `evtx` crate (the second lane; feature `evtx`): floating point
//! numbers, `SYSTEMTIME`, arrays other than of strings, ANSI text beyond ASCII,
//! CDATA, and anything that looks damaged to the walker. [`LogEvent::lane`]
//! says which lane an event took. Two things differ between them: strings of
//! the second lane came through XML, in which control characters and unpaired
//! surrogates are `_`; and the last string of an array that has lost its
//! terminator ends with its value in the first lane.
//!
//! # Damage
//! - Every record's signature, size, size copy and bounds are checked. What is
//!   no record is one error with chunk, file offset and record number; reading
//!   goes on at the next whole record of the chunk.
//! - A record whose end was lost (the size copy differs) is given as far as it
//!   can be read, followed by an error that says so; not with
//!   [`LogReader::strict`].
//! - Checksums are verified unless the log says that it keeps none. A wrong one
//!   is counted, or an error with [`LogReader::strict`].
//! - The number of chunks is the file's size, not its header. Chunks of zeros
//!   are reserved space. A log that wrapped around is read from its oldest chunk.
//! - A log that was being written to is read to its last whole record, also
//!   past what the newest chunk's header tells of. A file that was cut is
//!   read as far as it goes.
//!
//! [`ReadSummary`] counts all of it.
//!
//! # Writing, copying and checking
//! [`LogWriter`] writes logs that this and other parsers read, in the two
//! versions that Windows writes ([`Layout`]): new ones, or on in one that was
//! closed ([`LogWriter::append`]); as large as they get, or round and round in a
//! maximum size ([`LogWriter::with_max_size`]). [`text_capacity`] says how long a
//! classic event's text may be.
//!
//! | | what is kept |
//! |---|---|
//! | [`LogWriter::write`] | what a [`LogEvent`] gives, as a classic event |
//! | [`LogWriter::copy_event`] | the whole record, whatever it holds |
//! | [`LogWriter::copy_log`] | all records that a reader gives, by whole chunks where it can |
//!
#![cfg_attr(feature = "eventlog", doc = "```")]
#![cfg_attr(not(feature = "eventlog"), doc = "```ignore")]
//! # use std::io::Cursor;
//! use mim_events::eventlog::{self, LogFilter, LogReader, LogWriter};
//!
//! # fn main() -> mim_events::Result<()> {
//! # let log = LogWriter::new(Cursor::new(Vec::new()))?.finish()?.into_inner();
//! // `log` is a log; for files use `LogReader::open` and `LogWriter::create`.
//! let mut reader = LogReader::from_slice(&log)?.with_filter(LogFilter::requests());
//! let mut writer = LogWriter::new(Cursor::new(Vec::new()))?;
//! let summary = writer.copy_log(&mut reader)?;
//! assert!(!summary.has_losses());
//! let export = writer.finish()?.into_inner();
//! eventlog::check(&export).into_result()?;
//! # Ok(())
//! # }
//! ```
//!
//! [`check`] tests all that a log must be, also what no parser looks at.

mod capacity;
mod data;
mod datum;
mod event;

#[cfg(feature = "eventlog")]
mod binxml;
#[cfg(feature = "eventlog")]
mod bookmark;
#[cfg(feature = "eventlog")]
mod check;
#[cfg(feature = "eventlog")]
mod chunks;
#[cfg(feature = "eventlog")]
mod collector;
#[cfg(feature = "eventlog")]
mod decoder;
#[cfg(feature = "evtx")]
mod fallback;
#[cfg(feature = "eventlog")]
mod filter;
#[cfg(feature = "eventlog")]
mod format;
#[cfg(feature = "eventlog")]
mod head;
#[cfg(feature = "eventlog")]
mod order;
#[cfg(feature = "parallel")]
mod parallel;
#[cfg(feature = "eventlog")]
mod pass;
#[cfg(feature = "eventlog")]
mod plan;
#[cfg(feature = "eventlog")]
mod reader;
#[cfg(feature = "eventlog")]
mod shape;
#[cfg(feature = "eventlog")]
mod skeleton;
#[cfg(feature = "eventlog")]
mod summary;
#[cfg(feature = "eventlog")]
mod template;
mod value;
#[cfg(feature = "eventlog")]
mod walker;
#[cfg(feature = "eventlog")]
mod writer;
#[cfg(feature = "evtx")]
mod xml;

#[cfg(feature = "eventlog")]
pub use bookmark::{Bookmark, Found, Resumed};
pub use capacity::{Layout, text_capacity};
#[cfg(feature = "eventlog")]
pub use check::{CheckReport, check, check_file};
pub use data::Data;
pub use datum::{DataValue, Datum};
pub use event::{Lane, LogEvent, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST, REQUEST_PART};
#[cfg(feature = "eventlog")]
pub use filter::LogFilter;
#[cfg(feature = "parallel")]
pub use parallel::ParMap;
#[cfg(feature = "eventlog")]
pub use reader::{Events, LogReader};
#[cfg(feature = "eventlog")]
pub use summary::{FilterCounts, ReadSummary};
#[cfg(feature = "eventlog")]
pub use writer::{CopySummary, LogWriter};
