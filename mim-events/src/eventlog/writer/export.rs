//! Filtered copies of whole logs.

use std::fmt;
use std::io::{Read, Seek, Write};

use super::copy::{frame, record};
use super::log_writer::LogWriter;
use crate::error::{Error, ErrorKind, Result};
use crate::eventlog::check::sound_chunk;
use crate::eventlog::chunks::chunk_offset;
use crate::eventlog::event::{LogEvent, OwnedLogEvent};
use crate::eventlog::format::{CHUNK_SIZE, ChunkHeader, FILE_HEADER_SIZE, seal_chunk};
use crate::eventlog::reader::LogReader;
use crate::eventlog::summary::ReadSummary;

/// The first so many refusals are kept, the rest are counted.
const MAX_REFUSALS: usize = 100;

/// What [`LogWriter::copy_log`] did: plain numbers, and as text for people.
///
/// Every event that the reader gave is counted once: as copied, written anew,
/// refused or (in [`read`](Self::read)) incomplete.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CopySummary {
    /// Chunks that were copied whole.
    pub chunks: u64,
    /// Records that were copied as they are, those of whole chunks too.
    pub records: u64,
    /// Events that were [written anew](LogWriter::with_reencoding).
    pub reencoded: u64,
    /// Events that were read but could not be copied.
    pub refused: u64,
    /// The first 100 of these: why, and where in the log that was read.
    pub refusals: Vec<Error>,
    /// What the reader has read, filtered out, and could not read.
    pub read: ReadSummary,
}

impl CopySummary {
    /// Whether anything that the filter may have wanted is not in the copy.
    #[must_use]
    pub fn has_losses(&self) -> bool {
        self.refused > 0 || self.read.has_losses()
    }

    fn refuse(&mut self, error: Error) {
        self.refused += 1;
        if self.refusals.len() < MAX_REFUSALS {
            self.refusals.push(error);
        }
    }
}

impl fmt::Display for CopySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} records copied ({} chunks whole)",
            self.records, self.chunks
        )?;
        if self.reencoded > 0 {
            write!(f, "; {} written anew", self.reencoded)?;
        }
        if self.refused > 0 {
            write!(f, "; {} refused", self.refused)?;
        }
        write!(f, "; {}", self.read)
    }
}

/// The events of one chunk, until it is known whether it is copied whole.
#[derive(Default)]
struct Waiting {
    chunk: Option<u64>,
    records: Vec<Record>,
    /// Whether something in the chunk can't be copied.
    broken: bool,
}

struct Record {
    range: (usize, usize),
    id: u64,
    /// Where it may have to be written anew.
    event: Option<OwnedLogEvent>,
}

impl<W: Write + Seek> LogWriter<W> {
    /// Copies all events that a reader (still) gives: a filtered export.
    ///
    /// A chunk in which nothing is wrong ([`check`](crate::eventlog::check) finds nothing)
    /// and of which the reader gives all records is copied whole, after
    /// the chunk being written has been closed; only the numbers in the records' headers,
    /// which count on, and the checksums change, and stale bytes after its last
    /// record are left out. All other events are copied as by
    /// [`copy_event`](Self::copy_event). A log of version 3.2 is copied by whole chunks
    /// into one of [that version](crate::eventlog::Layout::V3_2) only.
    ///
    /// What the reader can't read is in the summary, as is what can't be copied; neither
    /// ends the copying. Of a record whose end is lost nothing is copied.
    ///
    /// ```
    /// # use std::io::Cursor;
    /// use mim_events::eventlog::{LogFilter, LogReader, LogWriter};
    ///
    /// # let file = LogWriter::new(Cursor::new(Vec::new()))?.finish()?.into_inner();
    /// let mut reader = LogReader::from_slice(&file)?.with_filter(LogFilter::requests());
    /// let mut writer = LogWriter::new(Cursor::new(Vec::new()))?;
    /// let summary = writer.copy_log(&mut reader)?;
    /// writer.finish()?;
    /// println!("{summary}");
    /// # Ok::<(), mim_events::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the reader or the writer fails. The events that were
    /// copied before stay; which of the events after are there is not said.
    pub fn copy_log<R: Read + Seek>(&mut self, reader: &mut LogReader<R>) -> Result<CopySummary> {
        let mut summary = CopySummary::default();
        let mut waiting = Waiting::default();
        while let Some(event) = reader.next_event() {
            match event {
                Ok(event) => self.take(&event, &mut waiting, &mut summary)?,
                Err(error) if error.is_recoverable() => {
                    waiting.broken |= error.chunk().is_none() || error.chunk() == waiting.chunk;
                }
                Err(error) => {
                    self.copy_waiting(&mut waiting, &mut summary)?;
                    return Err(error);
                }
            }
        }
        self.copy_waiting(&mut waiting, &mut summary)?;
        summary.read = reader.summary();
        Ok(summary)
    }

    fn take(
        &mut self,
        event: &LogEvent<'_>,
        waiting: &mut Waiting,
        summary: &mut CopySummary,
    ) -> Result<()> {
        let number = event.offset().saturating_sub(FILE_HEADER_SIZE as u64) / CHUNK_SIZE as u64;
        let Some((range, chunk)) = record(event) else {
            self.copy_waiting(waiting, summary)?;
            self.write(event)?;
            summary.reencoded += 1;
            return Ok(());
        };
        if waiting.chunk != Some(number) {
            self.copy_waiting(waiting, summary)?;
            waiting.chunk = Some(number);
            self.source.set(chunk);
        }
        if frame(chunk, range.0, range.1).is_none() {
            // The reader says so next, and counts it.
            waiting.broken = true;
            return Ok(());
        }
        waiting.records.push(Record {
            range,
            id: event.record_id(),
            event: self.reencode.then(|| event.to_owned_event()),
        });
        Ok(())
    }

    /// Copies the events of the chunk that `source` has.
    fn copy_waiting(&mut self, waiting: &mut Waiting, summary: &mut CopySummary) -> Result<()> {
        let Waiting {
            chunk,
            records,
            broken,
        } = std::mem::take(waiting);
        if !broken && self.copy_whole(&records)? {
            summary.chunks += 1;
            summary.records += records.len() as u64;
            return Ok(());
        }
        for record in records {
            match self.copy_record(record.range, record.id) {
                Ok(()) => summary.records += 1,
                Err(error) if *error.kind() == ErrorKind::Io => return Err(self.place(error)),
                Err(error) => match record.event.map(|event| self.write(&event.as_event())) {
                    Some(Ok(_)) => summary.reencoded += 1,
                    Some(Err(error)) if *error.kind() == ErrorKind::Io => return Err(error),
                    Some(Err(_)) | None => {
                        let chunk = chunk.unwrap_or_default();
                        summary.refuse(
                            error
                                .at_chunk(chunk)
                                .at_offset(chunk_offset(chunk) + record.range.0 as u64)
                                .at_record(record.id),
                        );
                    }
                },
            }
        }
        Ok(())
    }

    /// Copies the whole chunk if these are all its records and nothing is wrong in it.
    fn copy_whole(&mut self, records: &[Record]) -> Result<bool> {
        let Some(last) = records.last() else {
            return Ok(false);
        };
        let count = records.len() as u64;
        let chunk = self.source.chunk();
        let all = ChunkHeader::parse(chunk).filter(|header| {
            header.last_record_id.wrapping_sub(header.first_record_id) == count - 1
        });
        let minor = self.output.layout().minor_version();
        let Some(header) =
            all.filter(|_| sound_chunk(chunk, minor).is_some_and(|sound| sound.records == count))
        else {
            return Ok(false);
        };
        let chunk = renumbered(chunk, &header, records, self.number);
        self.close_chunk()?;
        self.output
            .store(&chunk, self.number.wrapping_add(count), false)
            .map_err(|error| self.place(Error::io(error)))?;
        self.records += count;
        self.number = self.number.wrapping_add(count);
        self.record_id = last.id.wrapping_add(1);
        Ok(true)
    }
}

/// The chunk with its records numbered from `first`, and nothing after them.
fn renumbered(chunk: &[u8], header: &ChunkHeader, records: &[Record], first: u64) -> Vec<u8> {
    let mut chunk = chunk.to_vec();
    if let Some(rest) = chunk.get_mut(header.free_space_offset as usize..) {
        rest.fill(0);
    }
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = chunk.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    let mut number = first;
    for record in records {
        put(record.range.0 + 8, &number.to_le_bytes());
        number = number.wrapping_add(1);
    }
    for (at, number) in [(8, first), (16, number.wrapping_sub(1))] {
        put(at, &number.to_le_bytes());
        put(at + 16, &number.to_le_bytes());
    }
    seal_chunk(&mut chunk, header.free_space_offset);
    chunk
}
