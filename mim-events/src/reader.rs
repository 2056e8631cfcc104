//! The short way: log and cloud files in; activities, counts and what could not
//! be read out.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::activity::{Activity, Classifier, Rules};
use crate::entra::{EntraReader, EntraSummary, Merge, Merged};
use crate::eventlog::{LogFilter, LogReader, ReadSummary};
use crate::message::{Assembler, AssemblerSummary, Incomplete};
use crate::request::ParseOptions;
use crate::time::DateOrder;
use crate::{Error, ErrorKind, Result};

/// Raw text kept for [`ActivityReader::take_quarantine`], in bytes; more is counted, not kept.
const QUARANTINE_BYTES: usize = 64 << 20;
/// Entries kept likewise.
const QUARANTINE_ENTRIES: usize = 100_000;

/// Reads event logs and Entra audit exports into activities.
///
/// An iterator of `Result<Activity, Error>`. A recoverable error speaks of one
/// record or document, and reading goes on after it; its raw text waits in
/// [`take_quarantine`](Self::take_quarantine). After another error the reader
/// goes on with the next file. Activities come in the order of the files and of
/// their records, logs first.
///
/// An activity that several records or files hold comes once. One exception: MIM
/// may log a request again when it is further, with the same result; such an
/// activity comes again, with the same [`id`](Activity::id), and replaces the one before.
///
/// ```no_run
/// use mim_events::ActivityReader;
///
/// let mut reader = ActivityReader::new().log("requests.evtx")?.cloud("AuditLogs.json")?;
/// for activity in &mut reader {
///     match activity {
///         Ok(activity) => println!("{} {}", activity.time, activity.name),
///         Err(error) => eprintln!("skipped: {error}"),
///     }
/// }
/// eprintln!("{}", reader.summary());
/// # Ok::<(), mim_events::Error>(())
/// ```
pub struct ActivityReader {
    inputs: VecDeque<(Kind, PathBuf)>,
    current: Option<Current>,
    filter: LogFilter,
    options: ParseOptions,
    date_order: DateOrder,
    classifier: Classifier,
    assembler: Assembler,
    merge: Merge,
    ready: VecDeque<Result<Activity>>,
    quarantine: Vec<Quarantined>,
    quarantine_bytes: usize,
    summary: Summary,
    last_log: PathBuf,
    total_bytes: u64,
    done_bytes: u64,
}

#[derive(Clone, Copy)]
enum Kind {
    Log,
    Cloud,
}

enum Current {
    Log(Box<LogReader<File>>, PathBuf),
    Cloud(Box<EntraReader<File>>, PathBuf),
}

/// The raw text of what could not be read, with its place.
///
/// The text is what the source holds, so it may be a person's data; `Debug` shows
/// its length only.
#[derive(Clone)]
#[non_exhaustive]
pub struct Quarantined {
    /// What is wrong, with file, record id, offset or line.
    pub error: String,
    /// The file.
    pub file: PathBuf,
    /// The `EventRecordID`, of the last part where there are several.
    pub record_id: Option<u64>,
    /// Bytes from the beginning of the file, where known.
    pub offset: Option<u64>,
    /// The line in the document (event logs) or in the file (exports), from 1.
    pub line: Option<u64>,
    /// The column in that line, in bytes from 1.
    pub column: Option<u64>,
    /// The text; `None` where the record could not be read as far as that, or
    /// where the quarantine was full.
    pub raw: Option<String>,
}

impl fmt::Debug for Quarantined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quarantined")
            .field("error", &self.error)
            .field("raw_bytes", &self.raw.as_ref().map(String::len))
            .finish_non_exhaustive()
    }
}

/// What an [`ActivityReader`] read, skipped and found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Files read to their end.
    pub files: u64,
    /// Files that could not be read at all, or not to their end.
    pub failed_files: u64,
    /// What the event logs held.
    pub log: ReadSummary,
    /// What became of documents in one or many events.
    pub messages: AssemblerSummary,
    /// What the cloud files held.
    pub cloud: EntraSummary,
    /// Requests parsed.
    pub requests: u64,
    /// Activities given out.
    pub activities: u64,
    /// Activities that were there already, the same from another record or file.
    pub duplicates: u64,
    /// Activities given out again because their request was logged again when it was further.
    pub superseded: u64,
    /// Activities that were there already with other content, not given out again.
    pub conflicts: u64,
    /// Documents and records that could not be read, each an error of the iterator.
    pub quarantined: u64,
    /// Of these, whole documents that are no valid JSON, no request, or over a limit.
    pub unreadable_documents: u64,
    /// Raw texts that did not fit the quarantine any more.
    pub quarantine_overflow: u64,
    /// Requests that no specific rule knows.
    pub unclassified: u64,
}

impl Summary {
    /// Whether nothing was skipped: nothing damaged, incomplete, contradicting or unreadable.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.quarantined == 0 && self.failed_files == 0 && self.conflicts == 0
    }
}

/// In one line, what people want to know: what was read, found and skipped.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} event log records, {} cloud records read; {} requests, {} activities; {} duplicates, {} skipped, {} quarantined, {} not classified",
            self.log.events(),
            self.cloud.elements,
            self.requests,
            self.activities,
            self.duplicates,
            self.conflicts + self.log.records_damaged,
            self.quarantined,
            self.unclassified,
        )
    }
}

impl Default for ActivityReader {
    fn default() -> Self {
        Self::new()
    }
}

impl ActivityReader {
    /// A reader without files yet, with the built-in rules.
    #[must_use]
    pub fn new() -> Self {
        Self {
            inputs: VecDeque::new(),
            current: None,
            filter: LogFilter::requests(),
            options: ParseOptions::default(),
            date_order: DateOrder::default(),
            classifier: Classifier::default(),
            assembler: Assembler::new(),
            merge: Merge::new(),
            ready: VecDeque::new(),
            quarantine: Vec::new(),
            quarantine_bytes: 0,
            summary: Summary::default(),
            last_log: PathBuf::new(),
            total_bytes: 0,
            done_bytes: 0,
        }
    }

    /// A reader of one event log.
    ///
    /// # Errors
    /// As [`log`](Self::log).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::new().log(path)
    }

    /// Adds an event log (`.evtx`). Logs are read in the order they are added.
    ///
    /// # Errors
    /// The file can't be opened, or does not begin as an event log.
    pub fn log(mut self, path: impl AsRef<Path>) -> Result<Self> {
        self.add_log(path.as_ref())?;
        Ok(self)
    }

    /// Adds an Entra audit export in any shape that [`entra`](crate::entra) knows.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn cloud(mut self, path: impl AsRef<Path>) -> Result<Self> {
        self.add_cloud(path.as_ref())?;
        Ok(self)
    }

    /// Adds an event log, as [`log`](Self::log); after an error the reader is as it was.
    ///
    /// # Errors
    /// As [`log`](Self::log).
    pub fn add_log(&mut self, path: &Path) -> Result<()> {
        let reader = LogReader::open(path).map_err(|error| error.in_file(path))?;
        self.total_bytes += reader.len();
        // Logs before cloud files, whatever the order of the calls.
        let at = self
            .inputs
            .iter()
            .take_while(|(kind, _)| matches!(kind, Kind::Log))
            .count();
        self.inputs.insert(at, (Kind::Log, path.to_path_buf()));
        Ok(())
    }

    /// Adds an Entra audit export, as [`cloud`](Self::cloud); after an error the reader is as it was.
    ///
    /// # Errors
    /// As [`cloud`](Self::cloud).
    pub fn add_cloud(&mut self, path: &Path) -> Result<()> {
        let length = File::open(path).and_then(|file| file.metadata());
        self.total_bytes += length
            .map_err(|error| Error::io(error).in_file(path))?
            .len();
        self.inputs.push_back((Kind::Cloud, path.to_path_buf()));
        Ok(())
    }

    /// Classifies by these rules instead of the built-in ones.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.classifier = Classifier::new(rules);
        self
    }

    /// Parses requests with these options.
    #[must_use]
    pub fn with_options(mut self, options: ParseOptions) -> Self {
        self.options = options;
        self
    }

    /// The order of day and month in short dates, of requests and cloud files.
    #[must_use]
    pub fn with_date_order(mut self, order: DateOrder) -> Self {
        self.options = self.options.date_order(order);
        self.date_order = order;
        self
    }

    /// Takes other events than [`LogFilter::requests`].
    #[must_use]
    pub fn with_filter(mut self, filter: LogFilter) -> Self {
        self.filter = filter;
        self
    }

    /// What was read so far; complete after the iterator's end.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = self.summary.clone();
        match &self.current {
            Some(Current::Log(reader, _)) => summary.log.add(&reader.summary()),
            Some(Current::Cloud(reader, _)) => summary.cloud.add(&reader.summary()),
            None => {}
        }
        summary.messages = self.assembler.summary();
        summary.unclassified = self.classifier.unclassified();
        summary
    }

    /// Takes what could not be read since the last call.
    pub fn take_quarantine(&mut self) -> Vec<Quarantined> {
        self.quarantine_bytes = 0;
        std::mem::take(&mut self.quarantine)
    }

    /// Bytes read so far, of all files together.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.done_bytes
            + match &self.current {
                Some(Current::Log(reader, _)) => reader.position(),
                Some(Current::Cloud(reader, _)) => EntraReader::position(reader),
                None => 0,
            }
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total_bytes
    }

    fn open_next(&mut self) -> Option<()> {
        let (kind, path) = self.inputs.pop_front()?;
        let opened = match kind {
            Kind::Log => {
                self.last_log.clone_from(&path);
                LogReader::open(&path).map(|reader| {
                    Current::Log(
                        Box::new(reader.with_filter(self.filter.clone())),
                        path.clone(),
                    )
                })
            }
            Kind::Cloud => {
                self.finish_logs();
                EntraReader::open(&path).map(|reader| {
                    Current::Cloud(
                        Box::new(reader.with_date_order(self.date_order)),
                        path.clone(),
                    )
                })
            }
        };
        match opened {
            Ok(current) => self.current = Some(current),
            Err(error) => self.fail(error, &path),
        }
        Some(())
    }

    /// An error that ends a file.
    fn fail(&mut self, error: Error, path: &Path) {
        self.summary.failed_files += 1;
        self.ready.push_back(Err(error.in_file(path)));
    }

    fn step(&mut self) {
        match self.current.take() {
            Some(Current::Log(mut reader, path)) => {
                if self.step_log(&mut reader, &path) {
                    self.current = Some(Current::Log(reader, path));
                } else {
                    self.summary.files += 1;
                    self.summary.log.add(&reader.summary());
                    self.done_bytes += reader.len();
                }
            }
            Some(Current::Cloud(mut reader, path)) => {
                if self.step_cloud(&mut reader, &path) {
                    self.current = Some(Current::Cloud(reader, path));
                } else {
                    self.summary.files += 1;
                    self.summary.cloud.add(&reader.summary());
                    self.done_bytes += EntraReader::position(&reader);
                }
            }
            None => {}
        }
    }

    /// Takes one event; `false` at the log's end.
    fn step_log(&mut self, reader: &mut LogReader<File>, path: &Path) -> bool {
        let event = match reader.next_event() {
            None => return false,
            Some(Err(error)) if error.is_recoverable() => {
                self.skip(error, path, None);
                return true;
            }
            Some(Err(error)) => {
                self.fail(error, path);
                return false;
            }
            Some(Ok(event)) => event,
        };
        let mut failed = None;
        match self.assembler.push(&event) {
            Ok(Some(document)) => match document.parse_with(&self.options) {
                Ok(request) => {
                    self.summary.requests += 1;
                    for activity in self.classifier.classify(&request) {
                        give(
                            activity,
                            &mut self.merge,
                            &mut self.summary,
                            &mut self.ready,
                        );
                    }
                }
                Err(error) => {
                    failed = Some((
                        error.at_offset(event.offset()),
                        document.as_str().to_owned(),
                    ));
                }
            },
            Ok(None) => {}
            Err(error) => {
                let raw = event
                    .data()
                    .map(|datum| datum.value.to_string_lossy())
                    .collect::<Vec<_>>()
                    .join("\n");
                failed = Some((error, raw));
            }
        }
        if let Some((error, raw)) = failed {
            self.summary.unreadable_documents += u64::from(!matches!(
                error.kind(),
                ErrorKind::NoDocument
                    | ErrorKind::PartNumber { .. }
                    | ErrorKind::PartConflict { .. }
            ));
            self.skip(error, path, Some(raw));
        }
        for incomplete in self.assembler.take_expired() {
            self.skip_incomplete(&incomplete, path);
        }
        true
    }

    /// Takes one record; `false` at the file's end.
    fn step_cloud(&mut self, reader: &mut EntraReader<File>, path: &Path) -> bool {
        match reader.next() {
            None => return false,
            Some(Ok(activity)) => give(
                activity,
                &mut self.merge,
                &mut self.summary,
                &mut self.ready,
            ),
            Some(Err(error)) if error.is_recoverable() => {
                let raw = reader.last_raw().map(str::to_owned);
                self.skip(error, path, raw);
            }
            Some(Err(error)) => {
                self.fail(error, path);
                return false;
            }
        }
        true
    }

    /// Documents of which parts never came, once the logs have ended.
    fn finish_logs(&mut self) {
        for incomplete in self.assembler.finish() {
            let path = self.last_log.clone();
            self.skip_incomplete(&incomplete, &path);
        }
    }

    fn skip_incomplete(&mut self, incomplete: &Incomplete, path: &Path) {
        self.skip(incomplete.error(), path, Some(incomplete.text().to_owned()));
    }

    fn skip(&mut self, error: Error, path: &Path, raw: Option<String>) {
        let error = error.in_file(path);
        self.summary.quarantined += 1;
        let bytes = raw.as_ref().map_or(0, String::len);
        let room = self.quarantine_bytes + bytes <= QUARANTINE_BYTES
            && self.quarantine.len() < QUARANTINE_ENTRIES;
        if room {
            self.quarantine_bytes += bytes;
            self.quarantine.push(Quarantined {
                error: error.to_string(),
                file: path.to_path_buf(),
                record_id: error.record_id(),
                offset: error.offset(),
                line: error.line(),
                column: error.column(),
                raw,
            });
        } else {
            self.summary.quarantine_overflow += 1;
        }
        self.ready.push_back(Err(error));
    }
}

fn give(
    activity: Activity,
    merge: &mut Merge,
    summary: &mut Summary,
    ready: &mut VecDeque<Result<Activity>>,
) {
    match merge.check(&activity) {
        Merged::New => ready.push_back(Ok(activity)),
        Merged::Supersedes => {
            summary.superseded += 1;
            ready.push_back(Ok(activity));
        }
        Merged::Duplicate => summary.duplicates += 1,
        _ => summary.conflicts += 1,
    }
}

impl Iterator for ActivityReader {
    type Item = Result<Activity>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                self.summary.activities += u64::from(ready.is_ok());
                return Some(ready);
            }
            if self.current.is_some() {
                self.step();
            } else if self.open_next().is_none() {
                self.finish_logs();
                if self.ready.is_empty() {
                    return None;
                }
            }
        }
    }
}

impl fmt::Debug for ActivityReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivityReader")
            .field("files_waiting", &self.inputs.len())
            .field("summary", &self.summary())
            .finish_non_exhaustive()
    }
}
