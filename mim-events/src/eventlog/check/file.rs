//! The file: its header, and what the chunks say together.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::chunk::{Checked, check_chunk};
use super::report::CheckReport;
use crate::error::{Error, Result};
use crate::eventlog::format::{
    CHUNK_SIZE, FILE_CHECKSUM_END, FILE_HEADER_FIELDS, FILE_HEADER_SIZE, FILE_MAGIC, FLAG_DIRTY,
    FLAG_NO_CRC32, file_header_checksum, u16_at, u32_at, u64_at,
};

/// File flag: the log had reached its largest size. It says nothing about its structure.
const FLAG_FULL: u32 = 2;

/// Checks the structure of a log in memory.
///
/// ```
/// use mim_events::eventlog;
///
/// let report = eventlog::check(b"no log");
/// assert!(!report.is_ok());
/// assert!(report.to_string().contains("not a Windows event log"));
/// ```
#[must_use]
pub fn check(file: &[u8]) -> CheckReport {
    let mut rest = file;
    let mut report = CheckReport::default();
    // Reading from memory can't fail.
    if let Err(error) = run(&mut rest, &mut report) {
        report.add(error);
    }
    report
}

/// Checks the structure of a log file, with no more than a chunk in memory.
///
/// # Errors
/// [`ErrorKind::Io`](crate::ErrorKind::Io); whatever is wrong with the content is in the report.
pub fn check_file(path: impl AsRef<Path>) -> Result<CheckReport> {
    let path = path.as_ref();
    let mut report = CheckReport::default();
    File::open(path)
        .map_err(Error::io)
        .and_then(|mut file| run(&mut file, &mut report))
        .map_err(|error| error.in_file(path))?;
    Ok(report)
}

/// What the chunks must agree on with the file header.
#[derive(Default)]
struct Totals {
    chunks: u64,
    /// Newest record id, and in which chunk.
    newest: Option<(u64, u64)>,
    /// Oldest record id, and in which chunk.
    oldest: Option<(u64, u64)>,
    previous: Option<u64>,
    wrapped: bool,
    unused: bool,
}

fn run(input: &mut impl Read, report: &mut CheckReport) -> Result<()> {
    let mut header = [0; FILE_HEADER_SIZE];
    let length = fill(input, &mut header)?;
    if length < FILE_HEADER_SIZE || !header.starts_with(FILE_MAGIC) {
        report.file(0, "there is no file header of 4,096 bytes");
        return Ok(());
    }
    let minor = check_fields(&header, report);
    let mut totals = Totals::default();
    let mut chunk = vec![0; CHUNK_SIZE];
    for at in 0.. {
        let offset = (FILE_HEADER_SIZE + at * CHUNK_SIZE) as u64;
        match fill(input, &mut chunk)? {
            0 => break,
            CHUNK_SIZE => {}
            _ => {
                report.file(offset, "the file ends inside a chunk");
                break;
            }
        }
        // A log may be given its space before it is used.
        if chunk.iter().all(|&byte| byte == 0) {
            totals.unused = true;
            continue;
        }
        let mut chunk_findings = super::chunk::Findings::new(at as u64, offset, report);
        if totals.unused {
            chunk_findings.chunk(0, "it follows chunks that are not used yet");
        }
        let checked = check_chunk(&chunk, minor, &mut chunk_findings);
        totals.add(at as u64, checked, &mut chunk_findings);
    }
    check_totals(&header, &totals, report);
    Ok(())
}

/// Checks what the header says of itself; returns the minor version.
fn check_fields(header: &[u8; FILE_HEADER_SIZE], report: &mut CheckReport) -> u16 {
    let mut test = |at: u64, ok: bool, what| {
        if !ok {
            report.file(at, what);
        }
    };
    let minor = u16_at(header, 36).unwrap_or_default();
    test(
        32,
        u32_at(header, 32) == Some(128),
        "its size field is not 128",
    );
    test(
        36,
        minor == 1 || minor == 2,
        "the minor version is neither 1 nor 2",
    );
    test(
        38,
        u16_at(header, 38) == Some(3),
        "the major version is not 3",
    );
    test(
        40,
        u16_at(header, 40) == Some(4096),
        "its block size is not 4,096",
    );
    let flags = u32_at(header, FILE_CHECKSUM_END).unwrap_or_default();
    test(120, flags & FLAG_DIRTY == 0, "the log was not closed");
    test(120, flags & FLAG_NO_CRC32 == 0, "checksums are not kept");
    let known = FLAG_DIRTY | FLAG_FULL | FLAG_NO_CRC32;
    test(120, flags & !known == 0, "there are unknown flags");
    test(
        124,
        u32_at(header, 124) == Some(file_header_checksum(header)),
        "its checksum is wrong",
    );
    let zero = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0);
    test(44, zero(&header[44..120]), "unused fields are not zero");
    test(
        128,
        zero(&header[FILE_HEADER_FIELDS..]),
        "the bytes after the fields are not zero",
    );
    minor
}

impl Totals {
    fn add(&mut self, at: u64, checked: Checked, findings: &mut super::chunk::Findings<'_>) {
        self.chunks += 1;
        findings.report.chunks += 1;
        findings.report.records += checked.records;
        findings.report.names += checked.names;
        findings.report.templates += checked.templates;
        let Some((first, last)) = checked.ids else {
            return;
        };
        if let Some(previous) = self.previous
            && first != previous.wrapping_add(1)
        {
            // A log that wrapped goes on with its oldest chunk, once.
            if first > previous || self.wrapped {
                findings.chunk(24, "its records do not follow those of the chunk before");
            }
            self.wrapped = true;
        }
        self.previous = Some(last);
        if self.newest.is_none_or(|(id, _)| last > id) {
            self.newest = Some((last, at));
        }
        if self.oldest.is_none_or(|(id, _)| first < id) {
            self.oldest = Some((first, at));
        }
    }
}

fn check_totals(header: &[u8], totals: &Totals, report: &mut CheckReport) {
    let mut test = |at: usize, wanted: u64, what| {
        if u64_at(header, at) != Some(wanted) {
            report.file(at as u64, what);
        }
    };
    let newest = totals.newest.unwrap_or_default();
    let oldest = totals.oldest.unwrap_or_default();
    test(8, oldest.1, "it names another chunk as the oldest");
    test(16, newest.1, "it names another chunk as the newest");
    if totals.newest.is_some() {
        test(
            24,
            newest.0.wrapping_add(1),
            "the next record id does not follow the last one",
        );
    }
    // The field has 16 bits only.
    if u16_at(header, 42).map(u64::from) != Some(totals.chunks.min(u64::from(u16::MAX))) {
        report.file(42, "it counts other chunks than there are");
    }
}

/// Fills the buffer as far as the input goes.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io(error)),
        }
    }
    Ok(filled)
}
