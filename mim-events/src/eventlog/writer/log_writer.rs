//! The writer: chunks, one after the other, and the file header at last.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use super::chunk::Chunk;
use super::event::Fields;
use super::file::Output;
use super::grammar::Refused;
use super::sid;
use super::transfer::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::eventlog::capacity::{CHUNK_CAPACITY, Layout};
use crate::eventlog::event::LogEvent;
use crate::time::to_filetime;

/// Writes an event log file that other parsers read, chunk by chunk, in
/// constant memory.
///
/// Events are written in the form of classic providers: provider, channel and
/// computer, event id and qualifiers, level, time, user and data, with task 0
/// and the keyword that Windows sets for classic events. Values without a name
/// become one array of strings, as MIM's own are; values with names become
/// elements of their own; a [`binary`](LogEvent::binary) follows either. Values are written as UTF-16 code units as they are,
/// unpaired surrogates too. (A NUL inside a value is written, but every reader,
/// this crate's too, ends the value there.) The same events always give the same bytes.
///
/// Until [`finish`](Self::finish) is called, the file is marked as not closed
/// and lacks its last chunk ([`flush`](Self::flush) writes it before). All writes
/// but the header's are of 64 KiB, so no buffer is needed below the writer.
///
/// ```
/// use std::io::Cursor;
///
/// use mim_events::eventlog::{self, LogWriter, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST};
///
/// let mut writer = LogWriter::new(Cursor::new(Vec::new()))?;
/// let event = OwnedLogEvent::new(MIM_PROVIDER, REQUEST)
///     .channel(MIM_CHANNEL)
///     .computer("mim.example.test")
///     .data(r#"{"Operation":"Create"}"#);
/// assert_eq!(writer.write(&event.as_event())?, 1);
/// assert_eq!(writer.write(&event.as_event())?, 2);
/// let file = writer.finish()?.into_inner();
///
/// assert_eq!(file.len(), 4096 + 65_536);
/// assert!(eventlog::check(&file).is_ok());
/// # Ok::<(), mim_events::Error>(())
/// ```
#[must_use = "without `finish` the file lacks its last events"]
pub struct LogWriter<W> {
    pub(super) output: Output<W>,
    pub(super) path: Option<PathBuf>,
    pub(super) chunk: Chunk,
    /// The next chunk, while it is not sure that its first record fits.
    next: Chunk,
    /// Whether `chunk` has records that are not in the file.
    unsaved: bool,
    pub(super) records: u64,
    /// Number of the next record's header.
    pub(super) number: u64,
    /// `EventRecordID` of the next event that has none.
    pub(super) record_id: u64,
    sid: Vec<u8>,
    /// The chunk that records are copied from.
    pub(super) source: Source,
    /// Whether an event whose record can't be copied is written anew.
    pub(super) reencode: bool,
}

impl LogWriter<File> {
    /// Creates a file, or replaces what it holds.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let in_file = |error: Error| error.in_file(path);
        let file = File::create(path).map_err(Error::io).map_err(in_file)?;
        let mut writer = Self::new(file).map_err(in_file)?;
        writer.path = Some(path.to_path_buf());
        Ok(writer)
    }
}

impl<W: Write + Seek> LogWriter<W> {
    /// Begins a log at the current position of `out`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn new(out: W) -> Result<Self> {
        Ok(Self::with_output(Output::new(out).map_err(Error::io)?))
    }

    pub(super) fn with_output(output: Output<W>) -> Self {
        Self {
            output,
            path: None,
            chunk: Chunk::new(0),
            next: Chunk::new(1),
            unsaved: false,
            records: 0,
            number: 1,
            record_id: 1,
            sid: Vec::new(),
            source: Source::default(),
            reencode: false,
        }
    }

    /// Numbers the records from `first` instead of 1, like a log whose older
    /// records were overwritten. To be called before the first event. In a log
    /// that is [appended to](LogWriter::append) it is the next `EventRecordID` only.
    pub fn with_first_record(mut self, first: u64) -> Self {
        if self.output.places.used == 0 {
            self.number = first;
        }
        self.record_id = first;
        self
    }

    /// Writes a log of this version, with its template of classic events; version
    /// 3.1 is the default. To be called before the first event. A log that is
    /// [appended to](LogWriter::append) keeps its version.
    pub fn with_layout(mut self, layout: Layout) -> Self {
        if self.output.places.used == 0 {
            self.output.set_layout(layout);
        }
        self
    }

    /// Lets the file never be larger than this, in bytes, and at least as large
    /// as the file header and one chunk: 69,632. To be called before the first event.
    ///
    /// A log that is full then goes on as Windows' circular logs do: it
    /// overwrites the chunk with its oldest records, in place, and the file
    /// header says which chunk is the oldest one and which the newest. Record
    /// numbers count on. (The file flag for "full" stays unset: it is not set in
    /// the circular logs of Windows that were looked at.) Windows takes a log's
    /// maximum size, 1 MiB at least, without the file header: there its file
    /// grows to 1,052,672 bytes.
    pub fn with_max_size(mut self, bytes: u64) -> Self {
        self.output.set_max_size(bytes);
        self
    }

    /// Writes an event and returns its `EventRecordID`: the event's own
    /// [`record_id`](LogEvent::record_id), or the number after the one before
    /// where that is 0. The number in the record's header always counts on by
    /// one, as in logs that Windows exported.
    ///
    /// Where only one of the times [`written`](LogEvent::written) and
    /// [`created`](LogEvent::created) is known, it stands for the other; without
    /// both they are 0 (the year 1601), as there are parsers that fail on a
    /// record without a time.
    ///
    /// # Errors
    /// The event is not written, and others still can be:
    /// - [`ErrorKind::RecordTooLarge`] if it does not fit a chunk
    ///   ([`text_capacity`](crate::eventlog::text_capacity) says what does);
    /// - [`ErrorKind::Event`] if the format has no place for it: an event id
    ///   over 65,535, a time before 1601, a user that is no SID;
    /// - [`ErrorKind::Io`] if the chunk before could not be written. The call
    ///   can be repeated.
    pub fn write(&mut self, event: &LogEvent<'_>) -> Result<u64> {
        let record_id = match event.record_id() {
            0 => self.record_id,
            given => given,
        };
        self.append_event(event, record_id)
            .map_err(|error| self.place(error).at_record(record_id))?;
        Ok(record_id)
    }

    /// Events written so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The size that the file would have if it were finished now, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.output.bytes(!self.chunk.is_empty())
    }

    /// What the log is written to, for a look at it.
    #[must_use]
    pub fn get_ref(&self) -> &W {
        &self.output.out
    }

    /// Puts all events into the file, so that a reader of it sees them. The log
    /// stays open and its header says so, as with the logs that Windows writes to.
    ///
    /// The chunk that is being filled is written as it is, and again when it has
    /// grown: 64 KiB each time.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; the call can be repeated.
    pub fn flush(&mut self) -> Result<()> {
        let mut flush = || {
            if self.unsaved || self.output.places.used == 0 {
                self.save(true)?;
            }
            self.output.out.flush().map_err(Error::io)
        };
        flush().map_err(|error| self.place(error))
    }

    /// Writes the last chunk and the file header, and returns the output.
    ///
    /// A log without events has one empty chunk.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn finish(mut self) -> Result<W> {
        self.close().map_err(|error| self.place(error))?;
        Ok(self.output.out)
    }

    fn append_event(&mut self, event: &LogEvent<'_>, record_id: u64) -> Result<()> {
        let refused = |what| Error::new(ErrorKind::Event { what });
        let ticks = |time| to_filetime(time).ok_or_else(|| refused("its time is before 1601"));
        let created = event.created().map(ticks).transpose()?;
        let written = event.written().map(ticks).transpose()?;
        let mut sid = std::mem::take(&mut self.sid);
        sid.clear();
        if let Some(user) = event.user() {
            sid::parse_into(user, &mut sid).ok_or_else(|| refused("its user is not a SID"))?;
        }
        let fields = Fields {
            layout: self.output.layout(),
            number: self.number,
            record_id,
            written: written.or(created).unwrap_or_default(),
            created: created.or(written).unwrap_or_default(),
            event_id: u16::try_from(event.event_id())
                .map_err(|_| refused("its event id is over 65,535"))?,
            qualifiers: event.qualifiers(),
            level: event.level(),
            sid: &sid,
        };
        let result = self.append_record(record_id, &mut |chunk| chunk.push(event, &fields));
        self.sid = sid;
        result
    }

    /// Lets `push` append a record, to a new chunk if the current one has no
    /// room for it, and counts on.
    pub(super) fn append_record(
        &mut self,
        record_id: u64,
        push: &mut dyn FnMut(&mut Chunk) -> Result<(), Refused>,
    ) -> Result<()> {
        match push(&mut self.chunk) {
            Err(Refused::TooLarge(_)) if !self.chunk.is_empty() => {
                self.next.clear();
                push(&mut self.next).map_err(refused)?;
                self.close_chunk()?;
                std::mem::swap(&mut self.chunk, &mut self.next);
            }
            result => result.map_err(refused)?,
        }
        self.unsaved = true;
        self.records += 1;
        self.number = self.number.wrapping_add(1);
        self.record_id = record_id.wrapping_add(1);
        Ok(())
    }

    pub(super) fn next_number(&self) -> u64 {
        self.number
    }

    /// Writes the chunk to its place.
    fn save(&mut self, still_open: bool) -> Result<()> {
        let Self { chunk, output, .. } = self;
        chunk
            .with_bytes(self.number, |bytes| {
                output.store(bytes, self.number, still_open)
            })
            .map_err(Error::io)?;
        self.unsaved = false;
        Ok(())
    }

    /// Makes sure that the chunk is in the file, and begins a new one.
    pub(super) fn close_chunk(&mut self) -> Result<()> {
        if self.unsaved {
            self.save(false)?;
        }
        if !self.chunk.is_empty() {
            self.output.places.open = None;
            self.chunk.clear();
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        // Without any chunk, libevtx takes the file for damaged.
        if self.unsaved || self.output.places.used == 0 {
            self.save(false)?;
        }
        self.output.close(self.number).map_err(Error::io)
    }

    pub(super) fn place(&self, error: Error) -> Error {
        match &self.path {
            Some(path) => error.in_file(path),
            None => error,
        }
    }
}

pub(super) fn refused(refused: Refused) -> Error {
    Error::new(match refused {
        Refused::TooLarge(needed) => ErrorKind::RecordTooLarge {
            needed,
            capacity: CHUNK_CAPACITY,
        },
        Refused::Damaged(what) => ErrorKind::Record { what },
        Refused::Unknown(what) => ErrorKind::Event { what },
    })
}

impl<W> std::fmt::Debug for LogWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogWriter")
            .field("path", &self.path)
            .field("chunks", &self.output.places.used)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}
