//! What could not be read: told on standard error, kept in a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use mim_events::{Error, Quarantined, Summary};
use serde::Serialize;

/// Errors told one by one; the rest is counted in the summary.
const TOLD: u64 = 20;

/// Writes what could not be read as NDJSON, one entry a line, and tells of it.
pub struct Writer {
    out: Option<BufWriter<File>>,
    told: u64,
}

#[derive(Serialize)]
struct Entry<'a> {
    file: String,
    record: Option<u64>,
    offset: Option<u64>,
    line: Option<u64>,
    column: Option<u64>,
    error: &'a str,
    raw: Option<&'a str>,
}

impl Writer {
    /// Writes there, or nowhere.
    ///
    /// # Errors
    /// The file can't be made.
    pub fn create(path: Option<&Path>) -> Result<Self> {
        let out = path
            .map(|path| {
                File::create(path).with_context(|| format!("quarantine {}", path.display()))
            })
            .transpose()?
            .map(BufWriter::new);
        Ok(Self { out, told: 0 })
    }

    /// Tells of an error on standard error, unless there were many.
    pub fn tell(&mut self, error: &Error) {
        self.told += 1;
        match self.told {
            1..=TOLD => eprintln!("skipped: {error}"),
            number if number == TOLD + 1 => eprintln!("skipped: more, which the summary counts"),
            _ => {}
        }
    }

    /// Keeps entries.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(&mut self, entries: Vec<Quarantined>) -> Result<()> {
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        for entry in &entries {
            let entry = Entry {
                file: entry.file.display().to_string(),
                record: entry.record_id,
                offset: entry.offset,
                line: entry.line,
                column: entry.column,
                error: &entry.error,
                raw: entry.raw.as_deref(),
            };
            serde_json::to_writer(&mut *out, &entry)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Makes sure that all is in the file.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn finish(self) -> Result<()> {
        if let Some(mut out) = self.out {
            out.flush().context("quarantine")?;
        }
        Ok(())
    }
}

/// Why things were skipped, with counts.
pub fn reasons(summary: &Summary) -> String {
    let counts = [
        (summary.failed_files, "files not read to their end"),
        (summary.log.records_damaged, "damaged records"),
        (summary.log.events_incomplete, "records without their end"),
        (
            summary.messages.incomplete,
            "requests of which parts are missing",
        ),
        (summary.messages.no_document, "events without a document"),
        (
            summary.cloud.damaged,
            "cloud records that could not be read",
        ),
        (
            summary.cloud.api_errors,
            "error answers among the cloud records",
        ),
        (
            summary.unreadable_documents,
            "documents that are no request or could not be parsed",
        ),
        (
            summary.conflicts,
            "activities that contradict one read before",
        ),
    ];
    let told: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    told.join(", ")
}
