//! Writers that go on with a log that is there already.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::file::{Output, Places};
use super::log_writer::LogWriter;
use crate::error::{Error, ErrorKind, Result};
use crate::eventlog::capacity::Layout;
use crate::eventlog::check::sound_chunk;
use crate::eventlog::chunks::chunk_offset;
use crate::eventlog::format::{
    CHUNK_SIZE, ChunkHeader, FILE_HEADER_SIZE, FLAG_NO_CRC32, FileHeader, chunk_data_checksum,
    chunk_header_checksum, u16_at, u64_at,
};
use crate::eventlog::reader::LogReader;

impl LogWriter<File> {
    /// Opens a log that was closed, to write after its newest event.
    ///
    /// Version, size and record numbers are the log's. The event after the
    /// newest one takes its record number; without an id of its own, it takes
    /// the `EventRecordID` after the newest one's. Records go on in the newest chunk if
    /// it has room, with the names and templates that are there, otherwise in a
    /// new one (also where [`check`](crate::eventlog::check) finds something in
    /// the newest). A log that wrapped around goes on so at its size. Reserved space
    /// is used before the file grows.
    ///
    /// Nothing is written before the first chunk is; then the log is marked as
    /// not closed. If the program ends before [`finish`](Self::finish), its
    /// readers still find all events up to the last chunk that was written whole.
    ///
    /// # Errors
    /// - [`ErrorKind::Io`] if it can't be opened or read,
    /// - [`ErrorKind::FileHeader`] if it is not a log,
    /// - [`ErrorKind::Append`] if it was not closed, keeps no checksums, or is
    ///   damaged: in its header, in a chunk's header, or in its newest chunk (the
    ///   records of other chunks are not looked at). [`copy_log`](Self::copy_log)
    ///   makes a new log of what can be read of it.
    pub fn append(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut writer = File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(Error::io)
            .and_then(Self::append_to)
            .map_err(|error| error.in_file(path))?;
        writer.path = Some(path.to_path_buf());
        Ok(writer)
    }
}

impl<W: Read + Write + Seek> LogWriter<W> {
    /// Goes on with the log that `out` holds from its beginning to its end, as
    /// [`append`](LogWriter::append) does with a file.
    ///
    /// ```
    /// # use std::io::Cursor;
    /// use mim_events::eventlog::{self, LogWriter, OwnedLogEvent};
    ///
    /// let event = OwnedLogEvent::new("Provider", 1).data("x");
    /// let mut writer = LogWriter::new(Cursor::new(Vec::new()))?;
    /// writer.write(&event.as_event())?;
    /// let file = writer.finish()?;
    ///
    /// let mut writer = LogWriter::append_to(file)?;
    /// assert_eq!(writer.write(&event.as_event())?, 2);
    /// let file = writer.finish()?.into_inner();
    /// assert_eq!(eventlog::check(&file).records, 2);
    /// # Ok::<(), mim_events::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of `append`.
    pub fn append_to(mut out: W) -> Result<Self> {
        let log = Existing::read(&mut out)?;
        let mut writer = Self::with_output(Output::existing(out, log.layout, log.places));
        writer.number = log.next;
        writer.record_id = log.next;
        if let Some(newest) = log.places.newest {
            let minor = log.layout.minor_version();
            if log.has_records {
                writer.record_id = next_record_id(&log.newest).unwrap_or(log.next);
            }
            if let Some(sound) = sound_chunk(&log.newest, minor)
                && writer.chunk.resume(&log.newest, &sound.definitions)
            {
                writer.output.places.open = Some(newest);
            }
        }
        Ok(writer)
    }
}

/// A log as it was found.
struct Existing {
    layout: Layout,
    places: Places,
    /// Number of the next record.
    next: u64,
    newest: Vec<u8>,
    has_records: bool,
}

fn refuse<T>(what: &'static str) -> Result<T> {
    Err(Error::new(ErrorKind::Append { what }))
}

impl Existing {
    fn read(source: &mut (impl Read + Seek)) -> Result<Self> {
        let length = source.seek(SeekFrom::End(0)).map_err(Error::io)?;
        source.seek(SeekFrom::Start(0)).map_err(Error::io)?;
        let mut bytes = Vec::new();
        let header_size = FILE_HEADER_SIZE as u64;
        source
            .take(header_size)
            .read_to_end(&mut bytes)
            .map_err(Error::io)?;
        let header = FileHeader::parse(&bytes)?;
        if header.is_dirty() {
            return refuse(
                "it was not closed; if no program has it open, copy its events to a new log",
            );
        }
        if header.flags & FLAG_NO_CRC32 != 0 {
            return refuse("it keeps no checksums; copy its events to a new log");
        }
        let layout = match header.minor_version {
            1 => Layout::V3_1,
            2 => Layout::V3_2,
            _ => return refuse("its minor version is neither 1 nor 2"),
        };
        if !header.checksum_ok {
            return refuse("the checksum of its header is wrong; copy its events to a new log");
        }
        if length < header_size || !(length - header_size).is_multiple_of(CHUNK_SIZE as u64) {
            return refuse("it does not end with a whole chunk; copy its events to a new log");
        }
        let mut log = Self {
            layout,
            places: Places {
                reserved: (length - header_size) / CHUNK_SIZE as u64,
                ..Places::default()
            },
            next: header.next_record_id,
            newest: Vec::new(),
            has_records: false,
        };
        log.look_at_chunks(source)?;
        let places = &log.places;
        let count = u16::try_from(places.used).unwrap_or(u16::MAX);
        if u64_at(&bytes, 8) != Some(places.oldest)
            || u64_at(&bytes, 16) != Some(places.newest.unwrap_or_default())
            || u16_at(&bytes, 42) != Some(count)
        {
            return refuse(
                "its header does not agree with its chunks; copy its events to a new log",
            );
        }
        Ok(log)
    }

    /// Finds the oldest and the newest chunk, and reads the newest.
    fn look_at_chunks(&mut self, source: &mut (impl Read + Seek)) -> Result<()> {
        const UNORDERED: &str = "its chunks do not follow each other; copy its events to a new log";
        let mut previous: Option<ChunkHeader> = None;
        let mut first = None;
        let mut wraps = 0;
        let mut chunk = vec![0; CHUNK_SIZE];
        for number in 0..self.places.reserved {
            // All of a chunk that may be unused must be zero, and its records' checksum is
            // in its header: the header alone is read first.
            let place = chunk_offset(number);
            source.seek(SeekFrom::Start(place)).map_err(Error::io)?;
            source.read_exact(&mut chunk[..512]).map_err(Error::io)?;
            if chunk[..512].iter().all(|&byte| byte == 0) {
                source.read_exact(&mut chunk[512..]).map_err(Error::io)?;
                if chunk.iter().any(|&byte| byte != 0) {
                    return refuse("a chunk's header is damaged; copy its events to a new log");
                }
                continue;
            }
            let header = ChunkHeader::parse(&chunk)
                .filter(|header| header.flags == 1)
                .filter(|header| header.header_checksum == chunk_header_checksum(&chunk));
            let Some(header) = header else {
                return refuse("a chunk's header is damaged; copy its events to a new log");
            };
            let follows = |header: &ChunkHeader, before: &ChunkHeader| {
                before.last_record_id.checked_add(1) == Some(header.first_record_id)
            };
            if number != self.places.used {
                return refuse(UNORDERED);
            }
            if let Some(before) = &previous
                && !follows(&header, before)
            {
                wraps += 1;
                self.places.oldest = number;
                self.places.newest = Some(number - 1);
            }
            self.places.used += 1;
            first.get_or_insert(header);
            previous = Some(header);
        }
        let (Some(first), Some(last)) = (first, previous) else {
            return Ok(());
        };
        let goes_round = last.last_record_id.checked_add(1) == Some(first.first_record_id);
        if wraps > 1 || (wraps == 1) != (goes_round && self.places.used > 1) {
            return refuse(UNORDERED);
        }
        let newest = *self.places.newest.get_or_insert(self.places.used - 1);
        source
            .seek(SeekFrom::Start(chunk_offset(newest)))
            .and_then(|_| source.read_exact(&mut chunk))
            .map_err(Error::io)?;
        let header = ChunkHeader::parse(&chunk).filter(|header| {
            chunk_data_checksum(&chunk, header.free_space_offset)
                .is_some_and(|checksum| checksum == header.data_checksum)
        });
        let Some(header) = header else {
            return refuse("its newest chunk is damaged; copy its events to a new log");
        };
        self.has_records =
            header.first_record_id <= header.last_record_id && header.last_record_offset != 0;
        if self.has_records && header.last_record_id.checked_add(1) != Some(self.next) {
            return refuse(
                "its header does not agree with its chunks; copy its events to a new log",
            );
        }
        // How large it may be is not in the file; a log that went round once was full.
        self.places.limit = (self.places.oldest != 0).then_some(self.places.used);
        self.newest = chunk;
        Ok(())
    }
}

/// The `EventRecordID` after that of the chunk's last event, if that can be read.
fn next_record_id(chunk: &[u8]) -> Option<u64> {
    let mut log = vec![0; FILE_HEADER_SIZE];
    log[..8].copy_from_slice(crate::eventlog::format::FILE_MAGIC);
    log[38] = 3;
    log.extend_from_slice(chunk);
    let mut reader = LogReader::new(Cursor::new(log)).ok()?;
    let mut last = None;
    while let Some(event) = reader.next_event() {
        last = event.ok().map(|event| event.record_id());
    }
    last?.checked_add(1)
}
