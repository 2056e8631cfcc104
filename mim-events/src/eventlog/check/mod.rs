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

pub(crate) use binxml::value_fits;
pub use file::{check, check_file};
pub use report::CheckReport;

/// What a chunk holds in which nothing is wrong.
pub(crate) struct Sound {
    pub(crate) records: u64,
    /// Offsets of its template definitions.
    pub(crate) definitions: Vec<u32>,
}

/// Checks one chunk of a log of this minor version; `None` if there are findings.
pub(crate) fn sound_chunk(chunk: &[u8], minor: u16) -> Option<Sound> {
    let mut report = CheckReport::default();
    let mut findings = chunk::Findings::new(0, 0, &mut report);
    let checked = chunk::check_chunk(chunk, minor, &mut findings);
    report.is_ok().then_some(Sound {
        records: checked.records,
        definitions: checked.definitions,
    })
}
