//! The one error of the crate: what, where, and whether reading goes on.

use std::fmt;
use std::path::{Path, PathBuf};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong and where: one word, with a [kind](Error::kind), the place
/// that is known, and the [source](std::error::Error::source).
///
/// Errors hold positions, sizes and names of fields, never a person's data, so
/// they can be logged. Errors that [`is_recoverable`](Error::is_recoverable) speak of one
/// record or document: reading goes on after them.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    place: Place,
    source: Option<Box<dyn std::error::Error + Send + Sync + 'static>>,
}

#[derive(Default)]
struct Place {
    file: Option<PathBuf>,
    chunk: Option<u64>,
    offset: Option<u64>,
    record_id: Option<u64>,
    line: Option<u64>,
    column: Option<u64>,
}

/// What went wrong. New kinds may be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system could not read or write; the source says why.
    #[error("input or output failed")]
    Io,

    // --- eventlog ---
    /// The input does not begin with a readable `.evtx` file header.
    #[error("not a Windows event log: {what}")]
    FileHeader {
        /// What is wrong with the header.
        what: &'static str,
    },
    /// A chunk of 65,536 bytes can't be used; its records are skipped.
    #[error("damaged chunk: {what}")]
    Chunk {
        /// What is wrong with the chunk.
        what: &'static str,
    },
    /// One record can't be read.
    #[error("damaged record: {what}")]
    Record {
        /// What is wrong with the record.
        what: &'static str,
    },
    /// A record has a shape that this build can't read; feature `evtx` may.
    #[error("record of a shape that needs feature `evtx`")]
    UnsupportedShape,
    /// The bookmark was stored by a newer version of this crate. Update the
    /// program, or read the log from its beginning with a new bookmark.
    #[error(
        "the bookmark is of version {version}, and only {known} is known: \
         update this program, or begin with a new bookmark"
    )]
    BookmarkVersion {
        /// The bookmark's version.
        version: u32,
        /// The newest version that is known.
        known: u32,
    },
    /// The event does not fit an event log record. Nothing was written.
    #[error("event needs a record of {needed} bytes, at most {capacity} fit a chunk")]
    RecordTooLarge {
        /// Bytes the record would take.
        needed: usize,
        /// Bytes a chunk has for one record.
        capacity: usize,
    },

    /// The event log format has no place for something of the event. Nothing was written.
    #[error("the event can't be written: {what}")]
    Event {
        /// What has no place.
        what: &'static str,
    },

    /// A log can't be appended to as it is. It was not changed.
    #[error("the log can't be appended to: {what}")]
    Append {
        /// Why, and what can be done.
        what: &'static str,
    },

    // --- message ---
    /// The event holds no text that could be a request or a part of one.
    #[error("the event holds no document")]
    NoDocument,
    /// A part's header counts what can't be: part 0, part 4 of 3, too many parts.
    #[error("part {number} of {total} can't be (at most {limit} parts)")]
    PartNumber {
        /// The part's number, from 1.
        number: u64,
        /// How many parts the header announces.
        total: u64,
        /// The most parts that are accepted.
        limit: u64,
    },
    /// A part came twice with other content, or its total changed; assembly of
    /// this document began anew with this part.
    #[error("part {number} of {total} conflicts with one before; assembly restarted")]
    PartConflict {
        /// The part's number, from 1.
        number: u64,
        /// How many parts the header announces.
        total: u64,
    },
    /// Parts of a document are missing and are no longer waited for.
    #[error("{missing} of {total} parts never came")]
    PartsMissing {
        /// How many parts are missing.
        missing: u64,
        /// How many parts were announced.
        total: u64,
    },
    /// A document, or a document's part, is larger than a limit.
    #[error("{what} of {actual} is over the limit of {limit}")]
    Limit {
        /// What was counted, with its unit (`document bytes`, `nesting depth`).
        what: &'static str,
        /// How much there was, as far as it was counted.
        actual: u64,
        /// How much is allowed.
        limit: u64,
    },

    // --- request, entra ---
    /// The text is not valid JSON; line and column say where.
    #[error("invalid JSON")]
    Json,
    /// Valid JSON, but not a MIM request.
    #[error("not a request: {what}")]
    NotRequest {
        /// What is missing or unexpected.
        what: &'static str,
    },
    /// A time can't be read.
    #[error("field `{field}` holds no readable time: {what}")]
    Time {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The input is not an Entra audit export of a known shape.
    #[error("not an Entra audit export: {what}")]
    Shape {
        /// What was found instead.
        what: &'static str,
    },
    /// One element of an Entra audit export can't be read as an audit record.
    #[error("not an Entra audit record: {what}")]
    NotAudit {
        /// What is missing or unexpected.
        what: &'static str,
    },
    /// The export holds the service's error answer where records were expected.
    #[error("the export ends with an error answer of the service")]
    ServiceAnswer,

    // --- activity ---
    /// A table of rules can't be used.
    #[error("rule {index}: {what}")]
    Rules {
        /// Which rule, from 1; 0 for the table itself.
        index: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl Error {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            place: Place::default(),
            source: None,
        }))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn io(source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io).with_source(source)
    }

    #[cfg(any(test, feature = "eventlog"))]
    pub(crate) fn at_chunk(mut self, chunk: u64) -> Self {
        self.0.place.chunk.get_or_insert(chunk);
        self
    }

    pub(crate) fn at_offset(mut self, offset: u64) -> Self {
        self.0.place.offset.get_or_insert(offset);
        self
    }

    pub(crate) fn at_record(mut self, record_id: u64) -> Self {
        self.0.place.record_id.get_or_insert(record_id);
        self
    }

    pub(crate) fn at_line(mut self, line: u64, column: u64) -> Self {
        self.0.place.line.get_or_insert(line);
        self.0.place.column.get_or_insert(column);
        self
    }

    pub(crate) fn in_file(mut self, file: &Path) -> Self {
        self.0.place.file.get_or_insert_with(|| file.to_path_buf());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Whether only one record, chunk or document is affected and reading can
    /// go on. Otherwise the input is unusable from here, or a call was wrong.
    #[must_use]
    pub fn is_recoverable(&self) -> bool {
        !matches!(
            self.0.kind,
            ErrorKind::Io
                | ErrorKind::FileHeader { .. }
                | ErrorKind::Append { .. }
                | ErrorKind::BookmarkVersion { .. }
                | ErrorKind::Shape { .. }
                | ErrorKind::Rules { .. }
        )
    }

    /// The file, where one is known.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.0.place.file.as_deref()
    }

    /// The chunk of the event log, counted from 0 in file order.
    #[must_use]
    pub fn chunk(&self) -> Option<u64> {
        self.0.place.chunk
    }

    /// Bytes from the beginning of the file (or slice) to what can't be read.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.0.place.offset
    }

    /// The `EventRecordID` of the event, where one is known.
    #[must_use]
    pub fn record_id(&self) -> Option<u64> {
        self.0.place.record_id
    }

    /// The line, from 1, in the document or text file.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        self.0.place.line
    }

    /// The column, in bytes from 1, in [`line`](Error::line).
    #[must_use]
    pub fn column(&self) -> Option<u64> {
        self.0.place.column
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, place, .. } = &*self.0;
        write!(f, "{kind}")?;
        let mut separator = " (";
        let mut part = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
            let result = write!(f, "{separator}{text}");
            separator = ", ";
            result
        };
        if let Some(file) = &place.file {
            part(f, format_args!("file {}", file.display()))?;
        }
        if let Some(chunk) = place.chunk {
            part(f, format_args!("chunk {chunk}"))?;
        }
        if let Some(offset) = place.offset {
            part(f, format_args!("file offset {offset}"))?;
        }
        if let Some(record) = place.record_id {
            part(f, format_args!("record {record}"))?;
        }
        if let Some(line) = place.line {
            part(f, format_args!("line {line}"))?;
        }
        if let Some(column) = place.column {
            part(f, format_args!("column {column}"))?;
        }
        if separator == ", " {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self}")?;
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_known_place() {
        let error = Error::new(ErrorKind::Record {
            what: "size copy differs",
        })
        .in_file(Path::new("a.evtx"))
        .at_chunk(3)
        .at_offset(70_000)
        .at_record(12);
        assert_eq!(
            error.to_string(),
            "damaged record: size copy differs (file a.evtx, chunk 3, file offset 70000, record 12)"
        );
        assert!(error.is_recoverable());
    }

    #[test]
    fn the_first_place_stays() {
        let error = Error::new(ErrorKind::Json).at_line(2, 7).at_line(1, 1);
        assert_eq!((error.line(), error.column()), (Some(2), Some(7)));
    }

    #[test]
    fn is_one_word_and_crosses_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
