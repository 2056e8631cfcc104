//! Writing `.evtx` files.
//!
//! Version 3.1 or 3.2 of the format ([`Layout`](crate::eventlog::Layout)), with
//! the event template of classic providers as Windows writes it there. Each chunk is complete in
//! itself: the first event of a provider, channel and computer carries the
//! template definition with these three as literals, the next ones refer to it.
//!
//! ```text
//! chunk, 65,536 bytes
//! +--------+-----------+-----------+----------------------------------------+
//! | header | 64 name   | 32 tem-   | record: frame, instance of the event   |
//! | 128    | buckets   | plate     | template (definition inside the first),|
//! |        |           | buckets   | values, among them event data          |
//! +--------+-----------+-----------+----------------------------------------+
//! 0        128         384         512                          free space <= 65,528
//! ```

mod append;
mod binxml;
mod chunk;
mod copy;
mod definition;
mod event;
mod export;
mod file;
mod grammar;
mod log_writer;
mod sid;
mod transfer;

pub use export::CopySummary;
pub use log_writer::LogWriter;
