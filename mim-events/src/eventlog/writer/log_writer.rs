//! The writer: chunks, one after the other, and the file header at last.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::chunk::{Chunk, Fields};
use super::sid;
use crate::error::{Error, ErrorKind, Result};
use crate::eventlog::capacity::{CHUNK_CAPACITY, Layout};
use crate::eventlog::event::LogEvent;
use crate::eventlog::format::{
    CHUNK_SIZE, FILE_HEADER_SIZE, FILE_MAGIC, FLAG_DIRTY, file_header_checksum,
};
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
/// and lacks its last chunk. All writes but the header are of 64 KiB, so no
/// buffer is needed below the writer.
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
    out: W,
    path: Option<PathBuf>,
    layout: Layout,
    /// Where the file begins in `out`.
    start: u64,
    chunk: Chunk,
    /// The next chunk, while it is not sure that its first record fits.
    next: Chunk,
    chunks: u64,
    records: u64,
    /// Number of the next record's header.
    number: u64,
    /// `EventRecordID` of the next event that has none.
    record_id: u64,
    sid: Vec<u8>,
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
    pub fn new(mut out: W) -> Result<Self> {
        let start = out.stream_position().map_err(Error::io)?;
        let mut writer = Self {
            out,
            path: None,
            layout: Layout::default(),
            start,
            chunk: Chunk::new(),
            next: Chunk::new(),
            chunks: 0,
            records: 0,
            number: 1,
            record_id: 1,
            sid: Vec::new(),
        };
        writer.write_header(FLAG_DIRTY)?;
        Ok(writer)
    }

    /// Numbers the records from `first` instead of 1, like a log whose older
    /// records were overwritten. To be called before the first event.
    pub fn with_first_record(mut self, first: u64) -> Self {
        self.number = first;
        self.record_id = first;
        self
    }

    /// Writes a log of this version, with its template of classic events; version
    /// 3.1 is the default. To be called before the first event.
    pub fn with_layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
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
        self.append(event, record_id)
            .map_err(|error| self.place(error).at_record(record_id))?;
        self.records += 1;
        self.number = self.number.wrapping_add(1);
        self.record_id = record_id.wrapping_add(1);
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
        let open = u64::from(!self.chunk.is_empty() || self.chunks == 0);
        FILE_HEADER_SIZE as u64 + (self.chunks + open) * CHUNK_SIZE as u64
    }

    /// Writes the last chunk and the file header, and returns the output.
    ///
    /// A log without events has one empty chunk.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn finish(mut self) -> Result<W> {
        self.close().map_err(|error| self.place(error))?;
        Ok(self.out)
    }

    fn append(&mut self, event: &LogEvent<'_>, record_id: u64) -> Result<()> {
        let refused = |what| Error::new(ErrorKind::Event { what });
        let ticks = |time| to_filetime(time).ok_or_else(|| refused("its time is before 1601"));
        let created = event.created().map(ticks).transpose()?;
        let written = event.written().map(ticks).transpose()?;
        self.sid.clear();
        if let Some(user) = event.user() {
            sid::parse_into(user, &mut self.sid).ok_or_else(|| refused("its user is not a SID"))?;
        }
        let fields = Fields {
            layout: self.layout,
            number: self.number,
            record_id,
            written: written.or(created).unwrap_or_default(),
            created: created.or(written).unwrap_or_default(),
            event_id: u16::try_from(event.event_id())
                .map_err(|_| refused("its event id is over 65,535"))?,
            qualifiers: event.qualifiers(),
            level: event.level(),
            sid: &self.sid,
        };
        let too_large = |needed| {
            Error::new(ErrorKind::RecordTooLarge {
                needed,
                capacity: CHUNK_CAPACITY,
            })
        };
        let Err(needed) = self.chunk.push(event, &fields) else {
            return Ok(());
        };
        if self.chunk.is_empty() {
            return Err(too_large(needed));
        }
        self.next.clear();
        self.next.push(event, &fields).map_err(too_large)?;
        self.flush_chunk()?;
        std::mem::swap(&mut self.chunk, &mut self.next);
        Ok(())
    }

    /// Writes the chunk to its place, which an earlier attempt may have reached.
    fn flush_chunk(&mut self) -> Result<()> {
        let at = self.start + FILE_HEADER_SIZE as u64 + self.chunks * CHUNK_SIZE as u64;
        self.out.seek(SeekFrom::Start(at)).map_err(Error::io)?;
        self.chunk
            .write_to(&mut self.out, self.number)
            .map_err(Error::io)?;
        self.chunks += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        // Without any chunk, libevtx takes the file for damaged.
        if !self.chunk.is_empty() || self.chunks == 0 {
            self.flush_chunk()?;
        }
        self.write_header(0)?;
        self.out.seek(SeekFrom::End(0)).map_err(Error::io)?;
        self.out.flush().map_err(Error::io)
    }

    fn write_header(&mut self, flags: u32) -> Result<()> {
        let mut header = [0; FILE_HEADER_SIZE];
        let mut put = |at: usize, value: &[u8]| {
            header[at..at + value.len()].copy_from_slice(value);
        };
        put(0, FILE_MAGIC);
        // The oldest chunk is 0; then the newest one.
        put(16, &self.chunks.saturating_sub(1).to_le_bytes());
        put(24, &self.number.to_le_bytes());
        put(32, &128_u32.to_le_bytes());
        put(36, &self.layout.minor_version().to_le_bytes());
        put(38, &3_u16.to_le_bytes());
        put(40, &(FILE_HEADER_SIZE as u16).to_le_bytes());
        // The field can't count a log of 4 GiB; readers go by the file's size.
        let count = u16::try_from(self.chunks).unwrap_or(u16::MAX);
        put(42, &count.to_le_bytes());
        put(120, &flags.to_le_bytes());
        let checksum = file_header_checksum(&header);
        header[124..128].copy_from_slice(&checksum.to_le_bytes());
        self.out
            .seek(SeekFrom::Start(self.start))
            .map_err(Error::io)?;
        self.out.write_all(&header).map_err(Error::io)
    }

    fn place(&self, error: Error) -> Error {
        match &self.path {
            Some(path) => error.in_file(path),
            None => error,
        }
    }
}

impl<W> std::fmt::Debug for LogWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogWriter")
            .field("path", &self.path)
            .field("chunks", &self.chunks)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}
