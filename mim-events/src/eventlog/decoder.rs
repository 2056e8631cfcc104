//! From the bytes of one chunk to its events, by both lanes.

use super::binxml::Stop;
use super::bookmark::Place;
use super::chunks::{RecordWalk, Step, chunk_offset};
use super::collector::Collector;
#[cfg(feature = "evtx")]
use super::event::OwnedLogEvent;
use super::event::{EventData, Head, Lane, LogEvent, Moment};
#[cfg(feature = "evtx")]
use super::fallback::Fallback;
use super::filter::LogFilter;
use super::format::{CHUNK_HEADER_SIZE, CHUNK_SIZE, RECORD_HEADER_SIZE, RecordFrame};
use super::head::Known;
use super::summary::ReadSummary;
use super::walker::Walker;
use crate::error::{Error, ErrorKind, Result};

/// What is wanted of a log's records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) filter: LogFilter,
    pub(crate) strict: bool,
    /// The one lane that may read.
    pub(crate) lane: Option<Lane>,
}

/// Reads the records of one chunk after another; its buffers are reused.
pub(crate) struct ChunkDecoder {
    pub(crate) options: Options,
    /// The chunk, and from [`CHUNK_SIZE`] on the event's text that is not in it.
    buffer: Vec<u8>,
    current: Option<Current>,
    walker: Walker,
    collector: Collector,
    #[cfg(feature = "evtx")]
    fallback: Fallback,
    head: Head,
    /// Where the event's record lies in the chunk.
    record: (u32, u32),
    known: Known,
    pub(crate) summary: ReadSummary,
    /// What of the log was dealt with.
    pub(crate) place: Place,
    /// What is wrong with the event that was given last.
    pending: Option<Error>,
}

/// A chunk to be read by another decoder.
#[cfg(feature = "parallel")]
pub(crate) struct Job {
    buffer: Vec<u8>,
    current: Current,
}

/// The chunk that is being read.
#[derive(Clone, Copy, Debug)]
struct Current {
    number: u64,
    length: usize,
    walk: RecordWalk,
    /// The chunk's bytes before this one are in the summary.
    counted: usize,
}

/// Which chunk is being read.
#[derive(Clone, Copy, Debug)]
struct Spot {
    chunk: u64,
    length: usize,
}

impl Spot {
    fn error(self, kind: ErrorKind, at: usize) -> Error {
        Error::new(kind)
            .at_chunk(self.chunk)
            .at_offset(chunk_offset(self.chunk) + at as u64)
    }
}

impl Current {
    /// How many bytes from `at` to `end` were not counted yet, and how many lie
    /// before them. Records with a wrong size overlap.
    fn count(&mut self, at: usize, end: usize) -> (u64, u64) {
        let before = at.saturating_sub(self.counted);
        self.counted = self.counted.max(at);
        let bytes = end.saturating_sub(self.counted);
        self.counted = self.counted.max(end);
        (bytes as u64, before as u64)
    }
}

impl ChunkDecoder {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            buffer: Vec::new(),
            current: None,
            walker: Walker::default(),
            collector: Collector::default(),
            #[cfg(feature = "evtx")]
            fallback: Fallback::new(),
            head: Head::default(),
            record: (0, 0),
            known: Known::default(),
            summary: ReadSummary::default(),
            place: Place::default(),
            pending: None,
        }
    }

    pub(crate) fn set_filter(&mut self, filter: LogFilter) {
        self.options.filter = filter;
        self.walker.forget_filter();
    }

    /// Where the next chunk goes; [`begin`](Self::begin) then looks at it.
    pub(crate) fn buffer(&mut self) -> &mut [u8] {
        if self.buffer.len() < CHUNK_SIZE {
            // Zeroed by the system; `resize` would write each byte.
            self.buffer = vec![0; CHUNK_SIZE];
        }
        self.buffer.truncate(CHUNK_SIZE);
        &mut self.buffer
    }

    /// The number of the chunk that is being read.
    pub(crate) fn chunk(&self) -> Option<u64> {
        self.current.map(|current| current.number)
    }

    /// Hands over the chunk that was begun.
    #[cfg(feature = "parallel")]
    pub(crate) fn give(&mut self) -> Option<Job> {
        let current = self.current.take()?;
        let buffer = std::mem::take(&mut self.buffer);
        Some(Job { buffer, current })
    }

    /// Takes over a chunk that another decoder began.
    #[cfg(feature = "parallel")]
    pub(crate) fn adopt(&mut self, job: Job) {
        self.buffer = job.buffer;
        self.current = Some(job.current);
        self.place = Place::default();
        self.begin_records();
    }

    #[cfg(feature = "parallel")]
    pub(crate) fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    #[cfg(feature = "parallel")]
    pub(crate) fn put_buffer(&mut self, buffer: Vec<u8>) {
        self.buffer = buffer;
    }

    /// Whether an event or error may be left of the chunk.
    #[cfg(feature = "parallel")]
    pub(crate) fn is_busy(&self) -> bool {
        self.current.is_some() || self.pending.is_some()
    }

    fn begin_records(&mut self) {
        self.walker.begin_chunk();
        #[cfg(feature = "evtx")]
        self.fallback.begin_chunk();
    }

    /// Leaves the chunk; the buffer may be used for something else.
    pub(crate) fn leave(&mut self) {
        self.current = None;
    }

    /// The event that [`next`](Self::next) found.
    pub(crate) fn event(&self) -> LogEvent<'_> {
        LogEvent {
            head: &self.head,
            bytes: &self.buffer,
            data: self.data(),
            binary: self.collector.binary,
            record: Some(self.record),
        }
    }

    fn data(&self) -> EventData<'_> {
        let planned = match self.head.lane {
            Lane::Own => self.walker.data(&self.buffer),
            _ => None,
        };
        planned.unwrap_or(EventData::Items(&self.collector.items))
    }

    /// Looks at the chunk that was put into the buffer. `ahead`: it may hold
    /// records that its header does not tell of yet.
    pub(crate) fn begin(&mut self, number: u64, length: usize, ahead: bool) -> Result<()> {
        let chunk = self.buffer.get(..length).unwrap_or_default();
        if chunk.iter().all(|&byte| byte == 0) {
            self.summary.chunks_empty += u64::from(!chunk.is_empty());
            self.summary.bytes_unused += length as u64;
            return Ok(());
        }
        let damaged = |summary: &mut ReadSummary, what| {
            summary.chunks_damaged += 1;
            summary.bytes_skipped += length as u64;
            Err(Error::new(ErrorKind::Chunk { what })
                .at_chunk(number)
                .at_offset(chunk_offset(number)))
        };
        let Some(walk) = RecordWalk::new(chunk, ahead) else {
            let what = if length < CHUNK_HEADER_SIZE {
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
        if wrong > 0 && self.options.strict {
            return damaged(&mut self.summary, "a checksum is wrong");
        }
        self.summary.chunks += 1;
        self.summary.bytes_read += CHUNK_HEADER_SIZE as u64;
        self.begin_records();
        self.current = Some(Current {
            number,
            length,
            walk,
            counted: CHUNK_HEADER_SIZE,
        });
        Ok(())
    }

    /// The next event or error of the chunk; `None` at its end.
    pub(crate) fn next(&mut self) -> Option<Result<()>> {
        if let Some(error) = self.pending.take() {
            return Some(Err(error));
        }
        while self.current.is_some() {
            if let Some(result) = self.next_record() {
                return Some(result);
            }
        }
        None
    }

    /// The next record of the chunk: an event, an error, or `None` when it was
    /// filtered out or the chunk has ended.
    fn next_record(&mut self) -> Option<Result<()>> {
        let current = self.current.as_mut()?;
        let chunk = self.buffer.get(..current.length).unwrap_or_default();
        let step = current.walk.step(chunk);
        let (at, end) = match step {
            Step::Record { at, frame } => (at, at + frame.size),
            Step::Damaged { at, bytes, .. } => (at, at + bytes),
            Step::Unfinished { at, bytes } => (at, at + bytes),
            Step::End { at, unexplained } => (at, at + unexplained),
        };
        let (bytes, before) = current.count(at, end);
        self.summary.bytes_skipped += before;
        let number = current.walk.number();
        let spot = Spot {
            chunk: current.number,
            length: current.length,
        };
        let unread = (current.length - current.counted) as u64;
        if !self.place.admits(&step, number, &mut self.summary) {
            match step {
                Step::Damaged { .. } => self.summary.bytes_skipped += bytes,
                _ => self.summary.bytes_read += bytes,
            }
            return None;
        }
        match step {
            Step::Record { at, frame } => {
                let damaged = self.summary.records_damaged;
                let result = if frame.sound {
                    self.read(spot, at, frame)
                } else {
                    self.read_unsound(spot, at, frame)
                };
                if self.summary.records_damaged == damaged {
                    self.summary.bytes_read += bytes;
                } else {
                    self.summary.bytes_skipped += bytes;
                }
                result
            }
            Step::Damaged {
                at,
                header_id,
                what,
                records,
                ..
            } => {
                self.summary.records_damaged += records;
                self.summary.bytes_skipped += bytes;
                let error = spot.error(ErrorKind::Record { what }, at);
                Some(Err(match header_id {
                    Some(id) => error.at_record(id),
                    None => error,
                }))
            }
            Step::Unfinished { .. } => {
                self.summary.bytes_unfinished = bytes;
                self.summary.bytes_unused += unread;
                self.current = None;
                None
            }
            Step::End { .. } => {
                self.summary.bytes_skipped += bytes;
                self.summary.bytes_unused += unread;
                self.current = None;
                None
            }
        }
    }

    /// Reads a record whose end was lost: what is left of it is given, and the
    /// next call says so.
    fn read_unsound(&mut self, spot: Spot, at: usize, frame: RecordFrame) -> Option<Result<()>> {
        let what = if self.options.strict {
            "the copy of its size differs"
        } else {
            "its end is lost (the copy of its size differs); what is left was given"
        };
        let error = spot
            .error(ErrorKind::Record { what }, at)
            .at_record(frame.header_id);
        if self.options.strict {
            self.summary.records_damaged += 1;
            return Some(Err(error));
        }
        let result = self.read(spot, at, frame);
        if let Some(Ok(())) = result {
            self.summary.events_incomplete += 1;
            self.pending = Some(error);
        }
        result
    }

    fn read(&mut self, spot: Spot, at: usize, frame: RecordFrame) -> Option<Result<()>> {
        let written = Moment::Ticks(frame.written);
        let reason = self
            .options
            .filter
            .rejects_frame(frame.header_id, || written.get());
        if let Some(reason) = reason {
            self.summary.filtered.count(reason);
            return None;
        }
        self.head.header_id = frame.header_id;
        self.head.written = written;
        self.head.offset = chunk_offset(spot.chunk) + at as u64;
        self.record = (at as u32, (at + frame.size) as u32);
        let stop = if self.options.lane == Some(Lane::Evtx) {
            Stop::Unsupported
        } else {
            let chunk = self.buffer.get(..spot.length).unwrap_or_default();
            let content = (at + RECORD_HEADER_SIZE, at + frame.size - 4);
            match self.walker.walk(
                chunk,
                content,
                frame.header_id,
                &self.options.filter,
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
        if self.options.lane != Some(Lane::Own)
            && let Some(event) = self.read_by_evtx(spot, at)
        {
            return event.then_some(Ok(()));
        }
        self.summary.records_damaged += 1;
        let kind = match stop {
            Stop::Damaged(what) => ErrorKind::Record { what },
            _ if cfg!(feature = "evtx") && self.options.lane != Some(Lane::Own) => {
                ErrorKind::Record {
                    what: "neither lane can read it",
                }
            }
            _ => {
                self.summary.records_unsupported += 1;
                ErrorKind::UnsupportedShape
            }
        };
        Some(Err(spot.error(kind, at).at_record(frame.header_id)))
    }

    /// Makes the event of what the walker gathered.
    fn take_own(&mut self) {
        let chunk = self.buffer.get(..CHUNK_SIZE).unwrap_or_default();
        self.known.fill(
            &mut self.head,
            &self.collector.system,
            chunk,
            self.walker.plans(),
        );
        self.buffer.truncate(CHUNK_SIZE);
        if !self.collector.scratch.is_empty() {
            self.buffer.extend_from_slice(&self.collector.scratch);
        }
        self.summary.events_own += 1;
        self.summary.events_with_other_content += u64::from(self.collector.other_content);
    }

    /// Reads the record by lane two: `None` if it can't, `false` if the filter
    /// does not want it.
    #[cfg(feature = "evtx")]
    fn read_by_evtx(&mut self, spot: Spot, at: usize) -> Option<bool> {
        let chunk = self.buffer.get(..spot.length).unwrap_or_default();
        let decoded = self.fallback.record(chunk, at)?;
        let OwnedLogEvent {
            head: mut new,
            bytes,
            items,
            binary,
        } = decoded.event;
        if !decoded.has_record_id {
            new.record_id = self.head.header_id;
        }
        if let Some(reason) = self.options.filter.rejects(&new) {
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
        self.collector.binary = binary.map(moved);
        self.collector.items.clear();
        self.collector
            .items
            .extend(items.iter().map(|item| super::event::Item {
                name: item.name.map(moved),
                kind: item.kind,
                value: moved(item.value),
            }));
        self.summary.events_evtx += 1;
        self.summary.events_with_other_content += u64::from(decoded.other_content);
        Some(true)
    }
}
