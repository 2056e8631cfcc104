//! Reads an export of any shape, record by record.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::activity::Activity;
use crate::time::DateOrder;
use crate::{Error, ErrorKind, Result};

use super::EntraSummary;
use super::convert::{Options, convert};
use super::csv::{Fed, Rows, Table, object};
use super::json::{Fault, Json, MAX_DEPTH, MAX_VALUES};
use super::record::Record;
use super::scan::{Piece, Scanner, Trouble};
use super::shape::Shape;
use super::window::{Spot, Window};
use super::wrappers::unwrap;

/// The most that one element may have by default: 16 MiB.
const MAX_ELEMENT_BYTES: usize = 16 * 1024 * 1024;

/// Reads an Entra ID audit export of any [known shape](super) as activities.
///
/// An iterator of `Result<Activity>`. An element that can't be read gives an error and
/// reading goes on; after one that is not [recoverable](Error::is_recoverable) (input or
/// output, or a file of another kind) the iterator has ended. Of the file, no more than
/// one element is held.
///
/// Duplicates are not removed, see [`Merge`](super::Merge).
///
/// ```
/// use mim_events::entra::EntraReader;
///
/// let lines = r#"
/// {"time":"2026-03-02T08:15:09Z","category":"AuditLogs","properties":{"id":"Directory_1","activityDateTime":"2026-03-02T08:15:09Z","activityDisplayName":"Add group","loggedByService":"Core Directory"}}
/// {"time":"2026-03-02T08:16:00Z","category":"SignInLogs","properties":{}}
/// "#;
/// let mut reader = EntraReader::new(lines.as_bytes());
/// for activity in reader.by_ref() {
///     assert_eq!(activity?.kind.as_str(), "group.add");
/// }
/// assert_eq!((reader.summary().activities, reader.summary().not_audit), (1, 1));
/// # Ok::<(), mim_events::Error>(())
/// ```
pub struct EntraReader<R> {
    mode: Mode<R>,
    options: Options,
    limit: usize,
    summary: EntraSummary,
    /// Which table was read last, and the names of its columns.
    table: u64,
    columns: Vec<String>,
    last_raw: Option<String>,
    file: Option<PathBuf>,
}

enum Mode<R> {
    Start(Window<R>),
    Json(Scanner<R>),
    Csv {
        window: Window<R>,
        rows: Box<Rows>,
        table: Table,
    },
    /// Ended, after so many bytes.
    Ended(u64),
}

impl EntraReader<File> {
    /// Opens a file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if it can't be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| Error::io(error).in_file(path))?;
        let mut reader = Self::new(file);
        reader.file = Some(path.to_owned());
        Ok(reader)
    }
}

impl<R: Read> EntraReader<R> {
    /// Reads from anything; it need not be buffered.
    #[must_use]
    pub fn new(source: R) -> Self {
        Self {
            mode: Mode::Start(Window::new(source, MAX_ELEMENT_BYTES)),
            options: Options::default(),
            limit: MAX_ELEMENT_BYTES,
            summary: EntraSummary::default(),
            table: 0,
            columns: Vec::new(),
            last_raw: None,
            file: None,
        }
    }

    /// The most bytes one element may have, by default 16 MiB; it is also what is held
    /// in memory at most, once as text and once more as values, of which there may be a
    /// million. Set it before reading.
    #[must_use]
    pub fn with_max_element_bytes(mut self, bytes: usize) -> Self {
        self.limit = bytes.max(1);
        if let Mode::Start(window) = &mut self.mode {
            window.set_limit(self.limit);
        }
        self
    }

    /// The tenant of all records; without it, the one that a record names.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.options.tenant = Some(tenant.into());
        self
    }

    /// The order of day and month in short dates, by default the month first.
    #[must_use]
    pub fn with_date_order(mut self, order: DateOrder) -> Self {
        self.options.date_order = order;
        self
    }

    /// What was read so far.
    #[must_use]
    pub fn summary(&self) -> EntraSummary {
        let mut summary = self.summary.clone();
        summary.bytes = Self::position(self);
        summary
    }

    /// Bytes read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        match &self.mode {
            Mode::Start(window) | Mode::Csv { window, .. } => window.bytes_read(),
            Mode::Json(scanner) => scanner.window().bytes_read(),
            Mode::Ended(bytes) => *bytes,
        }
    }

    /// The text of the element that the last item came from: to pass an element on as it is, or to
    /// keep what an error is about for a place where it can be looked at, since it holds
    /// people's data. An object, a row of a table as an array, or a line of CSV. Of an element
    /// over the limit, its beginning.
    ///
    /// ```
    /// use mim_events::entra::EntraReader;
    ///
    /// # let record = r#"{"id": "Directory_1", "activityDateTime": "2026-03-02T08:15:09Z", "loggedByService": "Core Directory", "activityDisplayName": "Add group"}"#;
    /// let page = format!(r#"{{"value":[{record}]}}"#);
    /// let mut reader = EntraReader::new(page.as_bytes());
    /// assert!(reader.next().is_some_and(|activity| activity.is_ok()));
    /// assert_eq!(reader.last_raw(), Some(record));
    /// ```
    #[must_use]
    pub fn last_raw(&self) -> Option<&str> {
        self.last_raw.as_deref()
    }

    fn end(&mut self) {
        self.mode = Mode::Ended(Self::position(self));
    }

    /// Looks at the first bytes.
    fn start(&mut self) -> Result<()> {
        let Mode::Start(mut window) = std::mem::replace(&mut self.mode, Mode::Ended(0)) else {
            return Ok(());
        };
        let first = first_bytes(&mut window).map_err(Error::io);
        let bytes = window.bytes_read();
        self.mode = Mode::Ended(bytes);
        match first? {
            First::Json => self.mode = Mode::Json(Scanner::new(window)),
            First::Empty => {}
            First::Utf16 => return Err(shape("UTF-16 text, please save it as UTF-8")),
            First::Text => {
                let mut rows = Box::new(Rows::new());
                match next_row(&mut window, &mut rows, self.limit.min(1 << 20)) {
                    Ok(Some((_, Some(header)))) => {
                        let table = Table::of(&header)
                            .ok_or_else(|| shape("text that is neither JSON nor a known table"))?;
                        self.mode = Mode::Csv {
                            window,
                            rows,
                            table,
                        };
                    }
                    Ok(_) => return Err(shape("text that is neither JSON nor a known table")),
                    Err(error) => return Err(Error::io(error)),
                }
            }
        }
        Ok(())
    }

    /// The next element as an activity; `Ok(None)` if it is a record of another log, or
    /// something beside the records. The outer `None` is the end.
    fn advance(&mut self) -> Option<Result<Option<Activity>>> {
        if let Mode::Start(_) = self.mode
            && let Err(error) = self.start()
        {
            return Some(Err(error));
        }
        match &mut self.mode {
            Mode::Start(_) | Mode::Ended(_) => None,
            Mode::Json(scanner) => {
                let piece = scanner.next()?;
                let began = scanner.began();
                let raw = scanner.raw().to_vec();
                if self.table != scanner.table() {
                    self.table = scanner.table();
                    self.columns.clear();
                }
                let done = self.json_piece(piece, began, &raw);
                if let Ok(Some(_)) = done {
                    self.last_raw = String::from_utf8(raw).ok();
                }
                Some(done)
            }
            Mode::Csv {
                window,
                rows,
                table,
            } => {
                let row = match next_row(window, rows, self.limit) {
                    Ok(row) => row?,
                    Err(error) => return Some(Err(Error::io(error))),
                };
                let (began, fields) = row;
                let raw = window.marked();
                let raw = String::from_utf8_lossy(&raw[..raw.len().min(self.limit)]).into_owned();
                self.summary.elements += 1;
                let done = match (fields, &*table) {
                    (None, _) => Err(ErrorKind::Limit {
                        what: "row bytes",
                        actual: window.spot().offset - began.offset,
                        limit: self.limit as u64,
                    }),
                    (Some(fields), table) if !table.has_room(&fields) => Err(no_fit()),
                    (Some(fields), Table::Portal(portal)) => {
                        let record = portal.record(&fields);
                        self.activity(record).map(Some)
                    }
                    (Some(fields), Table::LogAnalytics(header)) => {
                        let element = object(header, &fields);
                        self.element(&element)
                    }
                };
                Some(match done {
                    Ok(done) => {
                        self.last_raw = Some(raw);
                        Ok(done)
                    }
                    Err(kind) => Err(self.fail(kind, began, raw)),
                })
            }
        }
    }

    fn json_piece(
        &mut self,
        piece: Result<Piece, Trouble>,
        began: Spot,
        raw: &[u8],
    ) -> Result<Option<Activity>> {
        let text = || String::from_utf8_lossy(raw).into_owned();
        let piece = match piece {
            Ok(piece) => piece,
            Err(Trouble::Io(error)) => return Err(Error::io(error)),
            Err(trouble) => {
                self.summary.elements += 1;
                let (kind, at) = match trouble {
                    Trouble::Broken { at } | Trouble::Cut { at } => (ErrorKind::Json, at),
                    Trouble::Over { bytes } => (
                        ErrorKind::Limit {
                            what: "element bytes",
                            actual: bytes,
                            limit: self.limit as u64,
                        },
                        began,
                    ),
                    Trouble::Depth => (depth(), began),
                    Trouble::Glued | Trouble::Io(_) => (ErrorKind::ServiceAnswer, began),
                };
                if kind == ErrorKind::ServiceAnswer {
                    self.summary.damaged += 1;
                }
                return Err(self.fail(kind, at, text()));
            }
        };
        if piece == Piece::ServiceError {
            return Err(self.fail(ErrorKind::ServiceAnswer, began, text()));
        }
        let parsed = match std::str::from_utf8(raw) {
            Ok(text) => Json::parse(text),
            Err(error) => Err(Fault::Syntax(error.valid_up_to())),
        };
        if piece == Piece::Columns {
            self.columns = column_names(parsed.as_ref().ok());
            return Ok(None);
        }
        self.summary.elements += 1;
        let element = match parsed {
            Ok(element) => element,
            Err(Fault::Depth) => return Err(self.fail(depth(), began, text())),
            Err(Fault::Values) => {
                let kind = ErrorKind::Limit {
                    what: "values of an element",
                    actual: MAX_VALUES as u64 + 1,
                    limit: MAX_VALUES as u64,
                };
                return Err(self.fail(kind, began, text()));
            }
            Err(Fault::Syntax(at)) => {
                let before = raw.get(..at).unwrap_or(raw);
                let feeds = before.iter().filter(|byte| **byte == b'\n').count() as u64;
                let last = before.iter().rposition(|byte| *byte == b'\n');
                let column = last.map_or(at, |feed| at - feed - 1) as u64 + 1;
                let error = self.fail(ErrorKind::Json, began, text());
                // The line of the element stays if it is the one.
                return Err(if feeds == 0 {
                    error
                } else {
                    self.located(Error::new(ErrorKind::Json).at_line(began.line + feeds, column))
                        .at_offset(began.offset)
                });
            }
        };
        let done = if piece == Piece::Row {
            match element {
                Json::Array(values) if values.len() <= self.columns.len() => {
                    let columns = self.columns.iter().cloned();
                    self.element(&Json::Object(columns.zip(values).collect()))
                }
                _ => Err(no_fit()),
            }
        } else {
            self.element(&element)
        };
        done.map_err(|kind| self.fail(kind, began, text()))
    }

    /// The activity of one element.
    fn element(&mut self, element: &Json) -> Result<Option<Activity>, ErrorKind> {
        let shape = Shape::of(element);
        match shape {
            Shape::OtherLog => {
                self.summary.not_audit += 1;
                return Ok(None);
            }
            Shape::ServiceError => {
                self.summary.damaged += 1;
                return Err(ErrorKind::ServiceAnswer);
            }
            Shape::Unknown => {
                return Err(ErrorKind::NotAudit {
                    what: "none of its members is known",
                });
            }
            _ => {}
        }
        let record = unwrap(element, shape).map_err(|what| ErrorKind::NotAudit { what })?;
        self.activity(record).map(Some)
    }

    fn activity(&mut self, record: Record) -> Result<Activity, ErrorKind> {
        let (activity, has_id) = convert(record, &self.options)?;
        self.summary.activities += 1;
        self.summary.without_id += u64::from(!has_id);
        Ok(activity)
    }

    /// Counts an error and keeps what it is about.
    fn fail(&mut self, kind: ErrorKind, at: Spot, raw: String) -> Error {
        if kind == ErrorKind::ServiceAnswer {
            self.summary.api_errors += 1;
        } else {
            self.summary.damaged += 1;
        }
        self.last_raw = Some(raw);
        let error = Error::new(kind).at_offset(at.offset).at_line(at.line, 1);
        self.located(error)
    }

    fn located(&self, error: Error) -> Error {
        match &self.file {
            Some(file) => error.in_file(file),
            None => error,
        }
    }
}

impl<R: Read> Iterator for EntraReader<R> {
    type Item = Result<Activity>;

    fn next(&mut self) -> Option<Self::Item> {
        self.last_raw = None;
        loop {
            match self.advance() {
                None => {
                    self.end();
                    return None;
                }
                Some(Ok(None)) => {}
                Some(Ok(Some(activity))) => return Some(Ok(activity)),
                Some(Err(error)) => {
                    let error = self.located(error);
                    if !error.is_recoverable() {
                        self.end();
                    }
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Counters only: what was read is people's data.
impl<R> fmt::Debug for EntraReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraReader")
            .field("file", &self.file)
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

enum First {
    Json,
    Text,
    Utf16,
    Empty,
}

fn first_bytes<R: Read>(window: &mut Window<R>) -> io::Result<First> {
    if matches!(window.ahead(2)?, [0xFF, 0xFE] | [0xFE, 0xFF]) {
        return Ok(First::Utf16);
    }
    loop {
        match window.peek()? {
            None => return Ok(First::Empty),
            Some(b' ' | b'\t' | b'\r' | b'\n') => window.bump(),
            Some(0xEF) if window.ahead(3)? == b"\xEF\xBB\xBF" => window.skip_bom(),
            Some(b'{' | b'[') => return Ok(First::Json),
            Some(_) => return Ok(First::Text),
        }
    }
}

/// Where a row began, and its fields; none if it is over the limit.
type Row = (Spot, Option<Vec<String>>);

fn next_row<R: Read>(
    window: &mut Window<R>,
    rows: &mut Rows,
    limit: usize,
) -> io::Result<Option<Row>> {
    window.drop_mark();
    while matches!(window.peek()?, Some(b'\r' | b'\n')) {
        window.bump();
    }
    let began = window.spot();
    window.set_mark();
    loop {
        let input = window.available()?;
        let given = input.len();
        let fed = rows.feed(input, limit);
        match fed {
            Fed::More => window.advance(given),
            Fed::Record(taken, fields) => {
                window.advance(taken);
                return Ok(Some((began, Some(fields))));
            }
            Fed::Over(taken) => {
                window.advance(taken);
                return Ok(Some((began, None)));
            }
            Fed::End => return Ok(None),
        }
    }
}

fn column_names(columns: Option<&Json>) -> Vec<String> {
    let name = |item: &Json| item.text("name").or_else(|| item.text("ColumnName"));
    let items = columns.map(Json::items).unwrap_or_default();
    items
        .iter()
        .map(|item| name(item).unwrap_or_default())
        .collect()
}

fn shape(what: &'static str) -> Error {
    Error::new(ErrorKind::Shape { what })
}

fn no_fit() -> ErrorKind {
    ErrorKind::NotAudit {
        what: "a row that does not fit its table's columns",
    }
}

fn depth() -> ErrorKind {
    ErrorKind::Limit {
        what: "nesting depth",
        actual: MAX_DEPTH as u64 + 1,
        limit: MAX_DEPTH as u64,
    }
}
