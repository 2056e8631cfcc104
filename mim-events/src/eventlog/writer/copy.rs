//! Copies of records from other logs, one by one.

use std::io::{Seek, Write};

use super::log_writer::{LogWriter, refused};
use crate::error::{Error, ErrorKind, Result};
use crate::eventlog::event::LogEvent;
use crate::eventlog::format::{CHUNK_SIZE, RecordFrame};

impl<W: Write + Seek> LogWriter<W> {
    /// Lets [`copy_event`](Self::copy_event) and [`copy_log`](Self::copy_log) write
    /// an event anew, by [`write`](Self::write), whose record can't be copied as it
    /// is. What a [`LogEvent`] does not give is then lost, as are the types of values.
    pub fn with_reencoding(mut self, reencode: bool) -> Self {
        self.reencode = reencode;
        self
    }

    /// Copies the record of an event that a [`LogReader`](crate::eventlog::LogReader)
    /// lends, with all that it holds, and returns its `EventRecordID`.
    ///
    /// The record's content is moved into the chunk being written: the same
    /// elements, values and types, the same template definitions (once a chunk,
    /// with their ids), whatever an event may hold besides its data; only names and
    /// definitions are where this chunk has them. `EventRecordID` and both times
    /// stay as they are. The number in the record's header counts on by one, as
    /// when Windows exports a log; for an event without `EventRecordID`, readers take that.
    ///
    /// An event that did not come from a reader ([`OwnedLogEvent`](crate::eventlog::OwnedLogEvent),
    /// also a copy of a lent one) has no record and is [written](Self::write).
    ///
    /// The chunk's checksum plays no part here: a record whose content was
    /// changed but still makes sense is copied. Read with
    /// [`LogReader::strict`](crate::eventlog::LogReader::strict) where that matters.
    ///
    /// # Errors
    /// The record is not copied, and others still can be:
    /// - [`ErrorKind::Record`] if it is damaged: a size, an offset or a name is
    ///   wrong, or its end was lost;
    /// - [`ErrorKind::Event`] if it has a shape that is not known well enough to
    ///   be moved; `write` may do, see [`with_reencoding`](Self::with_reencoding);
    /// - [`ErrorKind::RecordTooLarge`] if it filled its chunk beyond what is
    ///   written here;
    /// - [`ErrorKind::Io`] if the chunk before could not be written. The call
    ///   can be repeated.
    ///
    /// # Example
    /// The events of one provider, as a log of their own:
    ///
    /// ```
    /// # use std::io::Cursor;
    /// use mim_events::eventlog::{LogFilter, LogReader, LogWriter};
    ///
    /// # let file = LogWriter::new(Cursor::new(Vec::new()))?.finish()?.into_inner();
    /// let mut reader = LogReader::from_slice(&file)?.with_filter(LogFilter::requests());
    /// let mut writer = LogWriter::new(Cursor::new(Vec::new()))?;
    /// while let Some(event) = reader.next_event() {
    ///     writer.copy_event(&event?)?;
    /// }
    /// writer.finish()?;
    /// # Ok::<(), mim_events::Error>(())
    /// ```
    pub fn copy_event(&mut self, event: &LogEvent<'_>) -> Result<u64> {
        let Some((range, chunk)) = record(event) else {
            return self.write(event);
        };
        self.source.set(chunk);
        let result = self.copy_record(range, event.record_id());
        match result {
            Err(error) if self.reencode && may_be_written(&error, event) => self.write(event),
            Err(error) => Err(self.place_refused(error, event)),
            Ok(()) => Ok(event.record_id()),
        }
    }

    /// Copies a record of the chunk that `source` has.
    pub(super) fn copy_record(
        &mut self,
        (start, end): (usize, usize),
        record_id: u64,
    ) -> Result<()> {
        let mut source = std::mem::take(&mut self.source);
        let result = match frame(source.chunk(), start, end) {
            Some(_) => {
                let number = self.next_number();
                self.append_record(record_id, &mut |chunk| {
                    chunk.copy(&mut source, (start, end - 4), number)
                })
            }
            None => Err(refused(super::grammar::Refused::Damaged(
                "its end is lost (the copy of its size differs)",
            ))),
        };
        self.source = source;
        result
    }

    /// Where a record can't be copied, its own place is told.
    fn place_refused(&self, error: Error, event: &LogEvent<'_>) -> Error {
        match error.kind() {
            ErrorKind::Io => self.place(error),
            _ => error.at_offset(event.offset()).at_record(event.record_id()),
        }
    }
}

/// The record of a lent event, and its chunk.
pub(super) fn record<'a>(event: &LogEvent<'a>) -> Option<((usize, usize), &'a [u8])> {
    let (start, end) = event.record?;
    let chunk = event.bytes.get(..CHUNK_SIZE)?;
    Some(((start as usize, end as usize), chunk))
}

/// The record's frame, if it is whole.
pub(super) fn frame(chunk: &[u8], start: usize, end: usize) -> Option<RecordFrame> {
    RecordFrame::parse(chunk, start, end)
        .ok()
        .filter(|frame| frame.sound && frame.size == end - start)
}

/// Whether an event may be written anew: not if nothing was wrong with its
/// record, nor if a part of it is lost.
fn may_be_written(error: &Error, event: &LogEvent<'_>) -> bool {
    *error.kind() != ErrorKind::Io
        && record(event).is_some_and(|((start, end), chunk)| frame(chunk, start, end).is_some())
}
