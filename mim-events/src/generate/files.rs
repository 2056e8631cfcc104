//! Steps to files: an event log, a cloud export, the truth.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::entra::CloudFormat;
use super::events::Events;
use super::generator::{Generator, Options};
use super::sort::Sorter;
use super::step::{Item, Step};
use super::truth::{Expectation, ExpectedAuditLog};
use crate::activity::Flags;
use crate::error::{Error, Result};
use crate::eventlog::LogWriter;

/// Elements of a page, and of a batch of an Event Hub.
const PAGE: usize = 200;
/// Steps between two calls of the progress callback.
const STEPS: u64 = 500;

/// Where what is generated goes; what is not asked for is not written.
///
/// ```no_run
/// use mim_events::generate::{Files, Options};
///
/// let written = Files::new()
///     .evtx("requests.evtx")
///     .cloud("AuditLogs.json")
///     .truth("truth.ndjson")
///     .expected("expected.ndjson")
///     .write(&Options::new(7).requests(100_000), |progress| {
///         eprint!("\r{} of {}", progress.done, progress.total);
///     })?;
/// println!("{written}");
/// # Ok::<(), mim_events::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Files {
    evtx: Option<PathBuf>,
    cloud: Option<PathBuf>,
    truth: Option<PathBuf>,
    expected: Option<PathBuf>,
}

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Requests and cloud records made.
    pub done: u64,
    /// Requests and cloud records that will have been made.
    pub total: u64,
    /// Everything is made; the truth is being sorted.
    pub sorting: bool,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Requests made.
    pub requests: u64,
    /// Documents logged: more than requests, since some are logged at two states, some twice.
    pub documents: u64,
    /// Documents that repeat one before.
    pub document_copies: u64,
    /// Events, of which each holds a document or a part of one.
    pub events: u64,
    /// Events that hold a part.
    pub parts: u64,
    /// Cloud records, copies and what is no audit record included.
    pub cloud_records: u64,
    /// Cloud records that repeat one before.
    pub cloud_copies: u64,
    /// Records in the cloud file that are no audit records.
    pub not_audit: u64,
    /// Rows of the truth.
    pub activities: u64,
    /// Rows that the audit log report has.
    pub audit_log_rows: u64,
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} requests in {} events ({} of them parts), {} cloud records, {} activities",
            self.requests, self.events, self.parts, self.cloud_records, self.activities
        )
    }
}

impl Files {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The event log.
    pub fn evtx(mut self, path: impl Into<PathBuf>) -> Self {
        self.evtx = Some(path.into());
        self
    }

    /// The cloud export, in the form of [`Options::cloud_format`].
    pub fn cloud(mut self, path: impl Into<PathBuf>) -> Self {
        self.cloud = Some(path.into());
        self
    }

    /// The truth: every activity in its serialised form, a line each, ordered by time, then by id
    /// (as a number, which is the order of its text).
    ///
    /// Sorted in constant memory, with temporary files beside it (`….run-1`).
    pub fn truth(mut self, path: impl Into<PathBuf>) -> Self {
        self.truth = Some(path.into());
        self
    }

    /// What the four reports must show: every [`Expectation`] in its serialised form, a line each,
    /// ordered by time; the last line is the number of rows of the audit log.
    pub fn expected(mut self, path: impl Into<PathBuf>) -> Self {
        self.expected = Some(path.into());
        self
    }

    /// Generates and writes. The callback is told of the progress some times a second.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) with the file; what was written so far is left as it is.
    /// [`ErrorKind::RecordTooLarge`](crate::ErrorKind::RecordTooLarge) if a computer's name leaves no
    /// room in an event.
    pub fn write(&self, options: &Options, mut progress: impl FnMut(Progress)) -> Result<Written> {
        let mut log = self.evtx.as_ref().map(LogWriter::create).transpose()?;
        let mut cloud = self
            .cloud
            .as_ref()
            .map(|path| CloudFile::create(path, options.cloud_format))
            .transpose()?;
        let mut truth = self.truth.as_deref().map(Sorter::new);
        let mut expected = self.expected.as_deref().map(Sorter::new);
        let mut events = Events::new(options.seed);
        let mut written = Written {
            requests: options.requests,
            ..Written::default()
        };
        let total = options.requests + options.all_cloud_records();
        let mut done = 0;
        let mut last = options.start;
        for step in Generator::new(options) {
            last = step.time;
            match &step.item {
                Item::Request(document) => {
                    written.documents += 1;
                    written.document_copies += u64::from(document.copy);
                    done += u64::from(!document.copy && !step.superseded);
                    if let Some(log) = &mut log {
                        events.push(document, step.time, |event| log.write(event).map(drop))?;
                    }
                }
                Item::Cloud(record) => {
                    written.cloud_records += 1;
                    written.cloud_copies += u64::from(record.copy);
                    written.not_audit += u64::from(!record.audit);
                    done += u64::from(!record.copy);
                    if let Some(cloud) = &mut cloud {
                        cloud.push(&record.json)?;
                    }
                }
            }
            written.activities += step.truth.len() as u64;
            written.audit_log_rows += audit_log_rows(&step);
            if let (Some(sorter), Some(path)) = (&mut truth, &self.truth) {
                sort_truth(&step, sorter).map_err(|error| error.in_file(path))?;
            }
            if let (Some(sorter), Some(path)) = (&mut expected, &self.expected) {
                sort_expected(&step, sorter).map_err(|error| error.in_file(path))?;
            }
            if done % STEPS == 0 {
                progress(Progress {
                    done,
                    total,
                    sorting: false,
                });
            }
        }
        if let Some(mut log) = log {
            events.finish(last, |event| log.write(event).map(drop))?;
            log.finish()?;
        }
        let (whole, parts) = events.counts();
        written.events = whole + parts;
        written.parts = parts;
        if let Some(cloud) = cloud {
            cloud.finish()?;
        }
        progress(Progress {
            done: total,
            total,
            sorting: true,
        });
        if let (Some(sorter), Some(path)) = (truth, &self.truth) {
            write_sorted(sorter, path, None)?;
        }
        if let (Some(sorter), Some(path)) = (expected, &self.expected) {
            let rows = written.audit_log_rows;
            let last = Expectation::AuditLog(ExpectedAuditLog { rows });
            write_sorted(sorter, path, Some(&last))?;
        }
        Ok(written)
    }
}

/// Writes an event log, a cloud export and the truth. See [`Files`], which can also leave some out.
///
/// # Errors
/// As [`Files::write`].
pub fn write_files(
    options: &Options,
    evtx: impl AsRef<Path>,
    cloud: impl AsRef<Path>,
    truth: impl AsRef<Path>,
    progress: impl FnMut(Progress),
) -> Result<Written> {
    Files::new()
        .evtx(evtx.as_ref())
        .cloud(cloud.as_ref())
        .truth(truth.as_ref())
        .write(options, progress)
}

/// Rows that the audit log report shows: neither noise nor the system's own, each request at its
/// last state.
pub(crate) fn audit_log_rows(step: &Step) -> u64 {
    if step.superseded {
        return 0;
    }
    let hidden = |flags: Flags| flags.contains(Flags::NOISE) || flags.contains(Flags::SYSTEM);
    step.truth.iter().filter(|row| !hidden(row.flags)).count() as u64
}

fn nanos(time: chrono::DateTime<chrono::Utc>) -> i128 {
    i128::from(time.timestamp()) * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos())
}

fn sort_truth(step: &Step, sorter: &mut Sorter) -> Result<()> {
    for row in &step.truth {
        let line = serde_json::to_vec(row).map_err(|error| Error::io(error.into()))?;
        sorter
            .push(nanos(row.time), row.id.as_u128(), line)
            .map_err(Error::io)?;
    }
    Ok(())
}

fn sort_expected(step: &Step, sorter: &mut Sorter) -> Result<()> {
    for row in &step.expected {
        let line = serde_json::to_vec(row).map_err(|error| Error::io(error.into()))?;
        let Some(time) = row.time() else { continue };
        // Rows of one time in the order of a hash of their text, which no reader needs.
        let id = uuid::Uuid::new_v5(&uuid::Uuid::nil(), &line).as_u128();
        sorter.push(nanos(time), id, line).map_err(Error::io)?;
    }
    Ok(())
}

fn write_sorted(sorter: Sorter, path: &Path, last: Option<&Expectation>) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        sorter.finish(&mut out)?;
        if let Some(last) = last {
            serde_json::to_writer(&mut out, last)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    };
    write().map_err(|error| Error::io(error).in_file(path))
}

/// The cloud file, in what frames its elements.
struct CloudFile {
    out: BufWriter<File>,
    path: PathBuf,
    format: CloudFormat,
    /// Elements of the open page.
    page: Vec<String>,
    pages: u64,
    elements: u64,
}

impl CloudFile {
    fn create(path: impl Into<PathBuf>, format: CloudFormat) -> Result<Self> {
        let path = path.into();
        let file = File::create(&path).map_err(|error| Error::io(error).in_file(&path))?;
        let mut created = Self {
            out: BufWriter::new(file),
            path,
            format,
            page: Vec::new(),
            pages: 0,
            elements: 0,
        };
        if format == CloudFormat::PortalJson {
            created.put("\u{FEFF}[")?;
        }
        Ok(created)
    }

    fn put(&mut self, text: &str) -> Result<()> {
        self.out
            .write_all(text.as_bytes())
            .map_err(|error| Error::io(error).in_file(&self.path))
    }

    fn push(&mut self, element: &str) -> Result<()> {
        self.elements += 1;
        match self.format {
            CloudFormat::GraphLines | CloudFormat::LogAnalytics => {
                self.put(element)?;
                self.put("\n")
            }
            CloudFormat::Blob => {
                self.put(element)?;
                self.put("\r\n")
            }
            CloudFormat::PortalJson => {
                self.put(if self.elements == 1 { "\n" } else { ",\n" })?;
                self.put(element)
            }
            CloudFormat::GraphPages | CloudFormat::EventHub => {
                if self.page.len() == PAGE {
                    self.write_page(true)?;
                }
                self.page.push(element.to_owned());
                Ok(())
            }
        }
    }

    fn write_page(&mut self, more: bool) -> Result<()> {
        self.pages += 1;
        let graph = "https://graph.microsoft.com/v1.0";
        let mut text = if self.format == CloudFormat::EventHub {
            "{\"records\":[".to_owned()
        } else {
            format!("{{\"@odata.context\":\"{graph}/$metadata#auditLogs/directoryAudits\",")
        };
        if self.format == CloudFormat::GraphPages {
            if more {
                let token = self.pages;
                text.push_str(&format!(
                    "\"@odata.nextLink\":\"{graph}/auditLogs/directoryAudits?$skiptoken={token}\","
                ));
            }
            text.push_str("\"value\":[");
        }
        text.push_str(&self.page.join(","));
        text.push_str("]}\n");
        self.page.clear();
        self.put(&text)
    }

    fn finish(mut self) -> Result<()> {
        match self.format {
            CloudFormat::PortalJson => self.put("\n]\n")?,
            CloudFormat::GraphPages => self.write_page(false)?,
            CloudFormat::EventHub if !self.page.is_empty() => self.write_page(false)?,
            _ => {}
        }
        self.out
            .flush()
            .map_err(|error| Error::io(error).in_file(&self.path))
    }
}
