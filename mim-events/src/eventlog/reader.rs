//! [`LogReader`]: from the bytes of a log to its events.

use std::fmt;
use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use super::binxml::Stop;
use super::chunks::{Chunks, RecordWalk, Step, chunk_offset};
use super::collector::Collector;
use super::event::{Head, Lane, LogEvent, OwnedLogEvent};
#[cfg(feature = "evtx")]
use super::fallback::Fallback;
use super::filter::LogFilter;
use super::format::{CHUNK_SIZE, RECORD_HEADER_SIZE, RecordFrame};
use super::head::Known;
use super::summary::ReadSummary;
use super::walker::Walker;
use crate::error::{Error, ErrorKind, Result};
use crate::time::from_filetime;

/// Reads the events of one log, from the oldest record to the newest.
///
/// It holds one chunk of 64 KiB at a time, whatever the size of the log, and
/// lends each event out of it. What can't be read is an error with its place
/// and is counted in the [summary](Self::summary); after an error that
/// [`is_recoverable`](Error::is_recoverable) reading goes on.
///
/// ```
/// use mim_events::eventlog::{LogFilter, LogReader};
///
/// # fn main() -> mim_events::Result<()> {
/// # let mut file = vec![0; 4096];
/// # file[..8].copy_from_slice(b"ElfFile\0");
/// # file[38] = 3;
/// # let bytes = file.as_slice();
/// // `bytes` is a log; for a file use `LogReader::open(path)`.
/// let mut reader = LogReader::from_slice(bytes)?.with_filter(LogFilter::requests());
/// while let Some(event) = reader.next_event() {
///     match event {
///         Ok(event) => println!("{} {}", event.record_id(), event.event_id()),
///         Err(error) if error.is_recoverable() => eprintln!("skipped: {error}"),
///         Err(error) => return Err(error),
///     }
/// }
/// println!("{}", reader.summary());
/// # Ok(())
/// # }
/// ```
pub struct LogReader<R> {
    chunks: Chunks<R>,
    path: Option<PathBuf>,
    filter: LogFilter,
    strict: bool,
    lane: Option<Lane>,
    /// The chunk, and from [`CHUNK_SIZE`] on the event's text that is not in it.
    buffer: Vec<u8>,
    current: Option<Current>,
    walker: Walker,
    collector: Collector,
    #[cfg(feature = "evtx")]
    fallback: Fallback,
    head: Head,
    known: Known,
    summary: ReadSummary,
    /// What is wrong with the event that was given last.
    pending: Option<Error>,
    finished: bool,
}

/// The chunk that is being read.
#[derive(Clone, Copy, Debug)]
struct Current {
    number: u64,
    length: usize,
    walk: RecordWalk,
}

impl LogReader<File> {
    /// Opens a log file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if it can't be opened or read,
    /// [`ErrorKind::FileHeader`] if it is not a log.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut reader = File::open(path)
            .map_err(Error::io)
            .and_then(Self::new)
            .map_err(|error| error.in_file(path))?;
        reader.path = Some(path.to_path_buf());
        Ok(reader)
    }
}

impl<'a> LogReader<Cursor<&'a [u8]>> {
    /// Reads a log that is in memory.
    ///
    /// # Errors
    /// [`ErrorKind::FileHeader`] if it is not a log.
    pub fn from_slice(bytes: &'a [u8]) -> Result<Self> {
        Self::new(Cursor::new(bytes))
    }
}

impl<R: Read + Seek> LogReader<R> {
    /// Reads a log from anything that can be read and sought in. No buffer is
    /// needed around it: it is read by whole chunks.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if it can't be read, [`ErrorKind::FileHeader`] if it
    /// is not a log.
    pub fn new(source: R) -> Result<Self> {
        let chunks = Chunks::new(source)?;
        let summary = ReadSummary {
            checksum_mismatches: u64::from(!chunks.header.checksum_ok),
            dirty: chunks.header.is_dirty(),
            ..ReadSummary::default()
        };
        Ok(Self {
            chunks,
            path: None,
            filter: LogFilter::default(),
            strict: false,
            lane: None,
            buffer: Vec::new(),
            current: None,
            walker: Walker::default(),
            collector: Collector::default(),
            #[cfg(feature = "evtx")]
            fallback: Fallback::new(),
            head: Head::default(),
            known: Known::default(),
            summary,
            pending: None,
            finished: false,
        })
    }

    /// Gives only the events that the filter wants.
    #[must_use]
    pub fn with_filter(mut self, filter: LogFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Whether only what is surely intact is given.
    ///
    /// Then a wrong checksum makes a chunk unusable (one error, and none of its
    /// records is read), and so does a lost end for a record. Otherwise, the
    /// default, a wrong checksum is counted in the summary and the records are
    /// read one by one: in a log that was not closed, a stale checksum is no
    /// damage. A record whose end was lost is given as far as it can be read;
    /// the next call then gives an error with its place, and the summary counts
    /// it as [incomplete](ReadSummary::events_incomplete).
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Reads every record by one lane only, to compare them or to find a fault.
    ///
    /// [`Lane::Own`] makes a record of a shape that the own walker does not
    /// know an [`ErrorKind::UnsupportedShape`]. [`Lane::Evtx`] leaves every
    /// record to the `evtx` crate; without feature `evtx` none can be read.
    #[must_use]
    pub fn with_lane(mut self, lane: Lane) -> Self {
        self.lane = Some(lane);
        self
    }

    /// The next event, lent until the next call.
    ///
    /// `None` at the end, and after an error that is not recoverable.
    pub fn next_event(&mut self) -> Option<Result<LogEvent<'_>>> {
        // Nothing is lent while looking for the event, only after.
        match self.advance()? {
            Ok(()) => Some(Ok(LogEvent {
                head: &self.head,
                bytes: &self.buffer,
                items: &self.collector.items,
            })),
            Err(error) => Some(Err(error)),
        }
    }

    /// The events as an iterator of copies that outlive the reader.
    pub fn events(&mut self) -> Events<'_, R> {
        Events { reader: self }
    }

    /// What was read so far.
    #[must_use]
    pub fn summary(&self) -> ReadSummary {
        self.summary
    }

    /// How many bytes of the log have been dealt with, for a progress bar:
    /// grows from 0 to [`len`](Self::len), by chunks.
    #[must_use]
    pub fn position(&self) -> u64 {
        match (&self.current, self.finished) {
            (None, false) if self.chunks.visited == 0 => 0,
            (Some(_), false) => self.chunks.position().saturating_sub(CHUNK_SIZE as u64),
            _ => self.chunks.position(),
        }
    }

    /// Bytes of the whole log, when it was opened.
    #[must_use]
    #[allow(
        clippy::len_without_is_empty,
        reason = "a log that could be opened has a header"
    )]
    pub fn len(&self) -> u64 {
        self.chunks.length()
    }

    /// Finds the next event; it is then in `head`, `buffer` and the collector's items.
    fn advance(&mut self) -> Option<Result<()>> {
        while !self.finished {
            let result = match self.current {
                _ if self.pending.is_some() => self.pending.take().map(Err),
                Some(current) => self.next_record(current),
                None => match self.next_chunk() {
                    Ok(true) => None,
                    Ok(false) => break,
                    Err(error) => Some(Err(error)),
                },
            };
            if let Some(result) = result {
                return Some(result.map_err(|error| {
                    self.finished = !error.is_recoverable();
                    match &self.path {
                        Some(path) => error.in_file(path),
                        None => error,
                    }
                }));
            }
        }
        self.finished = true;
        None
    }

    /// Reads the next chunk; `false` at the end of the log.
    fn next_chunk(&mut self) -> Result<bool> {
        self.buffer.resize(CHUNK_SIZE, 0);
        let Some((number, length)) = self.chunks.next(&mut self.buffer)? else {
            return Ok(false);
        };
        let chunk = self.buffer.get(..length).unwrap_or_default();
        if chunk.iter().all(|&byte| byte == 0) {
            self.summary.chunks_empty += u64::from(!chunk.is_empty());
            return Ok(true);
        }
        let damaged = |summary: &mut ReadSummary, what| {
            summary.chunks_damaged += 1;
            summary.bytes_skipped += length as u64;
            Err(Error::new(ErrorKind::Chunk { what })
                .at_chunk(number)
                .at_offset(chunk_offset(number)))
        };
        let Some(walk) = RecordWalk::new(chunk, self.chunks.may_be_ahead(number)) else {
            let what = if length < super::format::CHUNK_HEADER_SIZE {
                self.summary.chunks_truncated = 1;
                "the file ends inside its header"
            } else {
                "it does not begin with `ElfChnk`"
            };
            return damaged(&mut self.summary, what);
        };
        let wrong = walk.wrong_checksums(chunk);
        self.summary.checksum_mismatches += wrong;
        self.summary.chunks_truncated += u64::from(walk.is_truncated(chunk));
        if wrong > 0 && self.strict {
            return damaged(&mut self.summary, "a checksum is wrong");
        }
        self.summary.chunks += 1;
        self.walker.begin_chunk();
        #[cfg(feature = "evtx")]
        self.fallback.begin_chunk();
        self.current = Some(Current {
            number,
            length,
            walk,
        });
        Ok(true)
    }

    /// The next record of the chunk: an event, an error, or `None` when it was
    /// filtered out or the chunk has ended.
    fn next_record(&mut self, mut current: Current) -> Option<Result<()>> {
        let chunk = self.buffer.get(..current.length).unwrap_or_default();
        let step = current.walk.step(chunk);
        self.current = Some(current);
        match step {
            Step::Record { at, frame } if frame.sound => self.read(current, at, frame),
            Step::Record { at, frame } => self.read_unsound(current, at, frame),
            Step::Damaged {
                at,
                header_id,
                what,
                bytes,
                records,
            } => {
                self.summary.records_damaged += records;
                self.summary.bytes_skipped += bytes as u64;
                let error = Error::new(ErrorKind::Record { what })
                    .at_chunk(current.number)
                    .at_offset(chunk_offset(current.number) + at as u64);
                Some(Err(match header_id {
                    Some(id) => error.at_record(id),
                    None => error,
                }))
            }
            Step::End { unexplained } => {
                self.summary.bytes_skipped += unexplained as u64;
                self.current = None;
                None
            }
        }
    }

    /// Reads a record whose end was lost: what is left of it is given, and the
    /// next call says so.
    fn read_unsound(
        &mut self,
        current: Current,
        at: usize,
        frame: RecordFrame,
    ) -> Option<Result<()>> {
        let what = if self.strict {
            "the copy of its size differs"
        } else {
            "its end is lost (the copy of its size differs); what is left was given"
        };
        let error = Error::new(ErrorKind::Record { what })
            .at_chunk(current.number)
            .at_offset(chunk_offset(current.number) + at as u64)
            .at_record(frame.header_id);
        if self.strict {
            self.summary.records_damaged += 1;
            self.summary.bytes_skipped += frame.size as u64;
            return Some(Err(error));
        }
        let result = self.read(current, at, frame);
        if let Some(Ok(())) = result {
            self.summary.events_incomplete += 1;
            self.pending = Some(error);
        }
        result
    }

    fn read(&mut self, current: Current, at: usize, frame: RecordFrame) -> Option<Result<()>> {
        let written = from_filetime(frame.written);
        if let Some(reason) = self.filter.rejects_written(written) {
            self.summary.filtered.count(reason);
            return None;
        }
        self.head.header_id = frame.header_id;
        self.head.written = written;
        self.head.offset = chunk_offset(current.number) + at as u64;
        let stop = if self.lane == Some(Lane::Evtx) {
            Stop::Unsupported
        } else {
            let chunk = self.buffer.get(..current.length).unwrap_or_default();
            let content = (at + RECORD_HEADER_SIZE, at + frame.size - 4);
            match self.walker.walk(
                chunk,
                content,
                frame.header_id,
                &self.filter,
                &mut self.collector,
            ) {
                Ok(()) => {
                    self.take_own();
                    return Some(Ok(()));
                }
                Err(stop) => stop,
            }
        };
        if let Stop::Rejected(reason) = stop {
            self.summary.filtered.count(reason);
            return None;
        }
        #[cfg(feature = "evtx")]
        if self.lane != Some(Lane::Own)
            && let Some(event) = self.read_by_evtx(current, at)
        {
            return event.then_some(Ok(()));
        }
        self.summary.records_damaged += 1;
        self.summary.bytes_skipped += frame.size as u64;
        let kind = match stop {
            Stop::Damaged(what) => ErrorKind::Record { what },
            _ if cfg!(feature = "evtx") && self.lane != Some(Lane::Own) => ErrorKind::Record {
                what: "neither lane can read it",
            },
            _ => {
                self.summary.records_unsupported += 1;
                ErrorKind::UnsupportedShape
            }
        };
        Some(Err(Error::new(kind)
            .at_chunk(current.number)
            .at_offset(self.head.offset)
            .at_record(frame.header_id)))
    }

    /// Makes the event of what the walker gathered.
    fn take_own(&mut self) {
        let chunk = self.buffer.get(..CHUNK_SIZE).unwrap_or_default();
        self.known
            .fill(&mut self.head, &self.collector.system, chunk);
        self.buffer.truncate(CHUNK_SIZE);
        self.buffer.extend_from_slice(&self.collector.scratch);
        self.summary.events_own += 1;
        self.summary.events_with_other_content += u64::from(self.collector.other_content);
    }

    /// Reads the record by lane two: `None` if it can't, `false` if the filter
    /// does not want it.
    #[cfg(feature = "evtx")]
    fn read_by_evtx(&mut self, current: Current, at: usize) -> Option<bool> {
        let chunk = self.buffer.get(..current.length).unwrap_or_default();
        let decoded = self.fallback.record(chunk, at)?;
        let OwnedLogEvent {
            head: mut new,
            bytes,
            items,
        } = decoded.event;
        if !decoded.has_record_id {
            new.record_id = self.head.header_id;
        }
        if let Some(reason) = self.filter.rejects(&new) {
            self.summary.filtered.count(reason);
            return Some(false);
        }
        new.header_id = self.head.header_id;
        new.written = self.head.written;
        new.offset = self.head.offset;
        self.head = new;
        // The head's texts are not those that are known any more.
        self.known = Known::of(&self.head);
        self.buffer.truncate(CHUNK_SIZE);
        self.buffer.extend_from_slice(&bytes);
        let base = CHUNK_SIZE as u32;
        let moved = |(start, end)| (base + start, base + end);
        self.collector.items.clear();
        self.collector
            .items
            .extend(items.iter().map(|item| super::event::Item {
                name: item.name.map(moved),
                value: moved(item.value),
            }));
        self.summary.events_evtx += 1;
        self.summary.events_with_other_content += u64::from(decoded.other_content);
        Some(true)
    }
}

/// Where it is, nothing of what it read: events hold people's data.
impl<R> fmt::Debug for LogReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader")
            .field("path", &self.path)
            .field("filter", &self.filter)
            .field("chunk", &self.current.map(|current| current.number))
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

/// The events of a log, each a copy; made by [`LogReader::events`].
#[derive(Debug)]
pub struct Events<'a, R> {
    reader: &'a mut LogReader<R>,
}

impl<R: Read + Seek> Iterator for Events<'_, R> {
    type Item = Result<OwnedLogEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        self.reader
            .next_event()
            .map(|event| event.map(|event| event.to_owned_event()))
    }
}

impl<R: Read + Seek> std::iter::FusedIterator for Events<'_, R> {}
