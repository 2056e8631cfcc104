//! A structural check of log files, stricter than any parser.
//!
//! Parsers look at what they need. What Windows relies on besides (the tables
//! of names and templates, alignment, offsets and counts in headers) no parser
//! tests, so a file can look right everywhere and still not be. [`check`] tests
//! all of it; a log that was closed properly has no finding.
//!
//! What the format leaves free is not looked at: the bytes after a chunk's last
//! record, the padding before a record's end (both may be stale, but padding is
//! under the checksum), and the file flag 2, "full".

mod binxml;
mod chunk;
mod file;
mod report;

pub use file::{check, check_file};
pub use report::CheckReport;
