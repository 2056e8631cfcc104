//! [`LogReader`]: from the bytes of a log to its events.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use super::bookmark::{Bookmark, Position, Resumed, find};
use super::chunks::Chunks;
#[cfg(feature = "parallel")]
use super::decoder::Job;
use super::decoder::{ChunkDecoder, Options};
use super::event::{Lane, LogEvent, OwnedLogEvent};
use super::filter::LogFilter;
use super::format::FILE_HEADER_SIZE;
use super::pass::Pass;
use super::summary::ReadSummary;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::{Error, Result};

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
    decoder: ChunkDecoder,
    finished: bool,
    /// Opens the path again.
    reopen: Option<fn(&Path) -> io::Result<R>>,
    pass: Pass,
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
        reader.reopen = Some(|path| File::open(path));
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
        let mut decoder = ChunkDecoder::new(Options::default());
        decoder.summary.checksum_mismatches = u64::from(!chunks.header.checksum_ok);
        decoder.summary.dirty = chunks.header.is_dirty();
        decoder.summary.bytes_read = FILE_HEADER_SIZE as u64;
        Ok(Self {
            chunks,
            path: None,
            decoder,
            finished: false,
            reopen: None,
            pass: Pass::default(),
        })
    }

    /// Gives only the events that the filter wants.
    #[must_use]
    pub fn with_filter(mut self, filter: LogFilter) -> Self {
        self.decoder.set_filter(filter);
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
        self.decoder.options.strict = strict;
        self
    }

    /// Reads every record by one lane only, to compare them or to find a fault.
    ///
    /// [`Lane::Own`] makes a record of a shape that the own walker does not
    /// know an [`ErrorKind::UnsupportedShape`]. [`Lane::Evtx`] leaves every
    /// record to the `evtx` crate; without feature `evtx` none can be read.
    #[must_use]
    pub fn with_lane(mut self, lane: Lane) -> Self {
        self.decoder.options.lane = Some(lane);
        self
    }

    /// The next event, lent until the next call.
    ///
    /// `None` at the end, and after an error that is not recoverable.
    pub fn next_event(&mut self) -> Option<Result<LogEvent<'_>>> {
        // Nothing is lent while looking for the event, only after.
        match self.advance()? {
            Ok(()) => Some(Ok(self.decoder.event())),
            Err(error) => Some(Err(error)),
        }
    }

    /// Goes on where a bookmark stands: what is behind it is not given again,
    /// except for the records that it says wait. To be called before anything is read.
    ///
    /// The place is found from the chunks' headers, and the log is known again
    /// by a few of its records; no other is looked at. [`Bookmark`] tells what
    /// is given if the log is not what it was, and [`Resumed`] what was found.
    ///
    /// ```
    /// use mim_events::eventlog::{Bookmark, Found, LogReader};
    ///
    /// # fn main() -> mim_events::Result<()> {
    /// # let mut log = mim_events::eventlog::LogWriter::new(std::io::Cursor::new(Vec::new()))?;
    /// # for _ in 0..3 {
    /// #     log.write(&mim_events::eventlog::OwnedLogEvent::new("P", 1).as_event())?;
    /// # }
    /// # let log = log.finish()?.into_inner();
    /// # let log = log.as_slice();
    /// // `log` has three records; the program ended after the first one.
    /// let mut reader = LogReader::from_slice(log)?;
    /// reader.next_event();
    /// let bookmark = reader.bookmark();
    ///
    /// let (mut reader, resumed) = LogReader::from_slice(log)?.resume(&bookmark)?;
    /// assert_eq!((resumed.found, resumed.lost), (Found::Continued, 0));
    /// let ids: Vec<u64> = reader.events().flatten().map(|e| e.as_event().record_id()).collect();
    /// assert_eq!(ids, [2, 3]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::BookmarkVersion`] if the bookmark is of a newer version of
    /// this crate, [`ErrorKind::Io`] if the log can't be read.
    pub fn resume(mut self, bookmark: &Bookmark) -> Result<(Self, Resumed)> {
        let resumed = self.go_to(bookmark)?;
        Ok((self, resumed))
    }

    /// Looks at the log again, after [`next_event`](Self::next_event) gave its
    /// last event: what has come since is given next. A log that was opened by its
    /// path is opened again, so it may have been replaced.
    ///
    /// This is how to follow a log: read to the end, wait, refresh, read on.
    /// When to look again is the program's matter; Windows tells of no changes of
    /// a log's file. The record at the end that was not whole yet is given when
    /// it is.
    ///
    /// If [`Found::renumbers`](super::Found::renumbers), see there.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] or [`ErrorKind::FileHeader`] if the log can't be read now.
    /// The reader stays as it was, and the call can be repeated later.
    pub fn refresh(&mut self) -> Result<Resumed> {
        let source = match self.reopen.zip(self.path.as_ref()) {
            Some((open, path)) => {
                let opened = open(path).map_err(Error::io).and_then(Chunks::new);
                Some(opened.map_err(|error| error.in_file(path))?)
            }
            None => None,
        };
        match source {
            Some(chunks) => self.chunks = chunks,
            None => self.chunks.look()?,
        }
        self.pass.is_repeated();
        self.decoder.summary.dirty = self.chunks.header.is_dirty();
        let bookmark = self.bookmark();
        self.go_to(&bookmark)
    }

    /// Where reading stands: all that was given, filtered out or reported as
    /// damaged so far is behind it. A record whose event was given counts as read, so
    /// take the bookmark after the event was used.
    ///
    /// [`Bookmark::waiting_for`] adds the records that must be read again.
    #[must_use]
    pub fn bookmark(&self) -> Bookmark {
        self.decoder.place.bookmark()
    }

    /// The events as an iterator of copies that outlive the reader.
    pub fn events(&mut self) -> Events<'_, R> {
        Events { reader: self }
    }

    /// What was read so far.
    #[must_use]
    pub fn summary(&self) -> ReadSummary {
        self.decoder.summary
    }

    /// How many bytes of the log have been dealt with, for a progress bar:
    /// grows from 0 to [`len`](Self::len), by chunks.
    #[must_use]
    pub fn position(&self) -> u64 {
        match (self.decoder.chunk(), self.finished) {
            (None, false) if self.chunks.visited == 0 => 0,
            (current, false) => self.chunks.position(current.is_some()),
            (_, true) => self.chunks.position(false),
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

    #[cfg(feature = "parallel")]
    pub(super) fn options(&self) -> &Options {
        &self.decoder.options
    }

    /// Whether only this thread can read on: in the middle of a chunk, and after
    /// a bookmark or within numbers, since which of these are missing is seen in
    /// the order of the chunks.
    #[cfg(feature = "parallel")]
    pub(super) fn reads_alone(&self) -> bool {
        self.decoder.is_busy()
            || self.decoder.place.has_past()
            || self.pass.is_again()
            || self.decoder.options.filter.tests_header_ids()
    }

    #[cfg(feature = "parallel")]
    pub(super) fn lend_buffer(&mut self, buffer: Vec<u8>) {
        self.decoder.put_buffer(buffer);
    }

    /// Reads the next chunk for another decoder; `None` at the end of the log.
    #[cfg(feature = "parallel")]
    pub(super) fn next_job(&mut self) -> Result<Option<Job>> {
        while !self.finished {
            match self.pass.next_chunk(&mut self.chunks, &mut self.decoder) {
                Ok(true) => {
                    if let Some(job) = self.decoder.give() {
                        return Ok(Some(job));
                    }
                }
                Ok(false) => self.finished = true,
                Err(error) => {
                    self.finished = !error.is_recoverable();
                    return Err(self.in_file(error));
                }
            }
        }
        Ok(None)
    }

    /// Takes notice of what another decoder made of a chunk.
    #[cfg(feature = "parallel")]
    pub(super) fn take_back(&mut self, summary: &ReadSummary, numbers: Option<(u64, u64)>) {
        self.decoder.summary.add(summary);
        if let Some((first, last)) = numbers {
            self.decoder
                .place
                .pass(first, last, &mut self.decoder.summary);
        }
    }

    pub(super) fn in_file(&self, error: Error) -> Error {
        match &self.path {
            Some(path) => error.in_file(path),
            None => error,
        }
    }

    /// Finds the next event; the decoder then has it.
    fn advance(&mut self) -> Option<Result<()>> {
        while !self.finished {
            let result = match self.decoder.next() {
                Some(result) => Some(result),
                None => match self.pass.next_chunk(&mut self.chunks, &mut self.decoder) {
                    Ok(true) => None,
                    Ok(false) => break,
                    Err(error) => Some(Err(error)),
                },
            };
            if let Some(result) = result {
                return Some(result.map_err(|error| {
                    self.finished = !error.is_recoverable();
                    self.in_file(error)
                }));
            }
        }
        self.finished = true;
        None
    }

    fn go_to(&mut self, bookmark: &Bookmark) -> Result<Resumed> {
        self.finished = false;
        self.decoder.leave();
        self.decoder.summary.bytes_unfinished = 0;
        let Position {
            place,
            resumed,
            chunks_behind,
        } = find(&mut self.chunks, bookmark, self.decoder.buffer())
            .map_err(|error| self.in_file(error))?;
        self.decoder.place = place;
        if resumed.found.renumbers() {
            self.pass.forget();
        }
        self.pass.begin(chunks_behind);
        self.pass.skip(&mut self.chunks, &mut self.decoder);
        Ok(resumed)
    }
}

/// Where it is, nothing of what it read: events hold people's data.
impl<R> fmt::Debug for LogReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader")
            .field("path", &self.path)
            .field("filter", &self.decoder.options.filter)
            .field("chunk", &self.decoder.chunk())
            .field("summary", &self.decoder.summary)
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
