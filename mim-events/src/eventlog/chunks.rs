//! The chunks of a log: reading them in order, and the records in one.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::format::{
    CHUNK_HEADER_SIZE, CHUNK_SIZE, ChunkHeader, FILE_HEADER_FIELDS, FILE_HEADER_SIZE, FileHeader,
    RECORD_ALIGNMENT, RECORD_HEADER_SIZE, RECORD_MAGIC, RECORD_OVERHEAD, RecordFrame,
    chunk_data_checksum, chunk_header_checksum, u32_at, u64_at,
};
use super::order::Order;
use crate::error::{Error, ErrorKind, Result};

/// A log's chunks, found from its size: the count in the file header is often
/// stale, and too narrow for logs over 4 GiB.
#[derive(Debug)]
pub(crate) struct Chunks<R> {
    source: R,
    length: u64,
    count: u64,
    order: Order,
    pub(crate) visited: u64,
    pub(crate) header: FileHeader,
}

/// How much of a chunk is looked at to tell whether it is wanted: its header,
/// and the header of its first record.
const HEAD_SIZE: usize = CHUNK_HEADER_SIZE + RECORD_HEADER_SIZE;

/// What the first bytes of a chunk say.
#[derive(Clone, Debug)]
pub(crate) struct ChunkHead {
    /// Counted from 0 in the file.
    pub(crate) number: u64,
    pub(crate) header: Option<ChunkHeader>,
    /// The numbers of its records, if the header can be believed.
    pub(crate) numbers: Option<Range<u64>>,
    /// Number and time of the record that stands first.
    pub(crate) first: Option<(u64, u64)>,
    /// Nothing but zeros.
    pub(crate) blank: bool,
}

impl<R: Read + Seek> Chunks<R> {
    /// Reads the file header and, of each chunk, the header.
    pub(crate) fn new(source: R) -> Result<Self> {
        let header = FileHeader {
            next_record_id: 0,
            minor_version: 0,
            major_version: 0,
            flags: 0,
            checksum_ok: true,
        };
        let mut chunks = Self {
            source,
            length: 0,
            count: 0,
            order: Order::default(),
            visited: 0,
            header,
        };
        chunks.look()?;
        Ok(chunks)
    }

    /// Looks at the file as it is now, and begins anew with its oldest chunk.
    pub(crate) fn look(&mut self) -> Result<()> {
        let length = self.source.seek(SeekFrom::End(0)).map_err(Error::io)?;
        let mut bytes = [0; FILE_HEADER_FIELDS];
        self.source.seek(SeekFrom::Start(0)).map_err(Error::io)?;
        let filled = read_up_to(&mut self.source, &mut bytes).map_err(Error::io)?;
        let header = FileHeader::parse(bytes.get(..filled).unwrap_or_default())?;
        if length < FILE_HEADER_SIZE as u64 {
            let what = "it ends inside the file header";
            return Err(Error::new(ErrorKind::FileHeader { what }).at_offset(length));
        }
        let count = (length - FILE_HEADER_SIZE as u64).div_ceil(CHUNK_SIZE as u64);
        let order = Order::find(count, |number| self.numbers_of(number))?;
        self.length = length;
        self.count = count;
        self.order = order;
        self.visited = 0;
        self.header = header;
        Ok(())
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn order(&self) -> &Order {
        &self.order
    }

    /// Bytes before the chunks that were not visited yet, or, while the last one
    /// is being read, before that one too.
    pub(crate) fn position(&self, reading: bool) -> u64 {
        let done = self.visited.saturating_sub(u64::from(reading));
        (FILE_HEADER_SIZE as u64 + done * CHUNK_SIZE as u64).min(self.length)
    }

    /// The number of the chunk that comes next, oldest records first.
    pub(crate) fn upcoming(&self) -> Option<u64> {
        (self.visited < self.count).then(|| self.order.at(self.visited))
    }

    /// Reads the next chunk into `buffer`, oldest records first; returns its
    /// number and how many of its bytes there are.
    pub(crate) fn next(&mut self, buffer: &mut [u8]) -> Result<Option<(u64, usize)>> {
        let Some(number) = self.upcoming() else {
            return Ok(None);
        };
        self.visited += 1;
        let filled = self.read(number, buffer)?;
        Ok(Some((number, filled)))
    }

    /// Reads a chunk into `buffer`; returns how many of its bytes there are.
    pub(crate) fn read(&mut self, number: u64, buffer: &mut [u8]) -> Result<usize> {
        self.read_at(number, 0, buffer)
    }

    /// Looks at the first bytes of a chunk.
    pub(crate) fn head(&mut self, number: u64) -> Result<ChunkHead> {
        let mut bytes = [0; HEAD_SIZE];
        let filled = self.read_at(number, 0, &mut bytes)?;
        let bytes = bytes.get(..filled).unwrap_or_default();
        let header = ChunkHeader::parse(bytes);
        Ok(ChunkHead {
            number,
            header,
            numbers: header.as_ref().and_then(numbers),
            first: record_at(bytes.get(CHUNK_HEADER_SIZE..).unwrap_or_default()),
            blank: bytes.iter().all(|&byte| byte == 0),
        })
    }

    /// Number and time of a chunk's last record, as its header tells.
    pub(crate) fn last_record(&mut self, head: &ChunkHead) -> Result<Option<(u64, u64)>> {
        let Some((header, numbers)) = head.header.zip(head.numbers.as_ref()) else {
            return Ok(None);
        };
        let at = u64::from(header.last_record_offset);
        if at > (CHUNK_SIZE - RECORD_HEADER_SIZE) as u64 {
            return Ok(None);
        }
        let mut bytes = [0; RECORD_HEADER_SIZE];
        let filled = self.read_at(head.number, at, &mut bytes)?;
        let last = record_at(bytes.get(..filled).unwrap_or_default());
        Ok(last.filter(|(number, _)| number.checked_add(1) == Some(numbers.end)))
    }

    /// Whether a chunk may hold records that its header does not tell of yet.
    pub(crate) fn may_be_ahead(&self, number: u64) -> bool {
        self.header.is_dirty() && self.order.newest() == Some(number)
    }

    /// The same of a chunk that is read now, with records of these numbers: the
    /// log may have been written to since it was looked at.
    pub(crate) fn is_ahead_now(&self, number: u64, numbers: Option<&Range<u64>>) -> bool {
        let end = self.order.end();
        let is_written = numbers.is_some_and(|numbers| numbers.end > end);
        let is_begun = numbers.is_some_and(|numbers| numbers.start >= end)
            && self.order.newest() != Some(number);
        self.may_be_ahead(number) || is_written || is_begun
    }

    /// How many of a chunk's bytes there are.
    pub(crate) fn size_of(&self, number: u64) -> u64 {
        let rest = self.length.saturating_sub(chunk_offset(number));
        rest.min(CHUNK_SIZE as u64)
    }

    fn numbers_of(&mut self, number: u64) -> Result<Option<Range<u64>>> {
        let mut bytes = [0; CHUNK_HEADER_SIZE];
        let filled = self.read_at(number, 0, &mut bytes)?;
        let header = bytes.get(..filled).and_then(ChunkHeader::parse);
        Ok(header.as_ref().and_then(numbers))
    }

    fn read_at(&mut self, number: u64, at: u64, buffer: &mut [u8]) -> Result<usize> {
        let offset = chunk_offset(number) + at;
        self.source
            .seek(SeekFrom::Start(offset))
            .and_then(|_| read_up_to(&mut self.source, buffer))
            .map_err(|error| Error::io(error).at_chunk(number).at_offset(offset))
    }
}

/// The numbers of a chunk's records by its header: none in one that was just
/// begun; `None` if the header says what can't be.
pub(crate) fn numbers(header: &ChunkHeader) -> Option<Range<u64>> {
    let range = header.first_record_id..header.last_record_id.checked_add(1)?;
    let most = (CHUNK_SIZE - CHUNK_HEADER_SIZE) / RECORD_OVERHEAD;
    let records = range.end.checked_sub(range.start)?;
    (records <= most as u64).then_some(range)
}

fn record_at(bytes: &[u8]) -> Option<(u64, u64)> {
    (u32_at(bytes, 0)? == RECORD_MAGIC).then_some(())?;
    Some((u64_at(bytes, 8)?, u64_at(bytes, 16)?))
}

/// Where a chunk begins in the file.
pub(crate) fn chunk_offset(number: u64) -> u64 {
    FILE_HEADER_SIZE as u64 + number * CHUNK_SIZE as u64
}

fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The walk from record to record in one chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordWalk {
    pub(crate) header: ChunkHeader,
    /// The numbers of its records, if the header can be believed.
    numbers: Option<(u64, u64)>,
    /// Where the next record begins.
    at: usize,
    /// The header number of the record before.
    last_id: Option<u64>,
    /// The number that was dealt with last.
    number: Option<u64>,
    /// Where that record began, if its size is in doubt.
    unsound: Option<usize>,
    /// Whether records may follow that the header does not tell of.
    ahead: bool,
    truncated: bool,
    done: bool,
}

/// What stands next in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Record {
        at: usize,
        frame: RecordFrame,
    },
    /// Bytes that are no record. `records` is how many they held, by the
    /// numbers of the records around them, at least one.
    Damaged {
        at: usize,
        header_id: Option<u64>,
        what: &'static str,
        bytes: usize,
        records: u64,
    },
    /// The end of a chunk that is being written to, with the bytes that the
    /// header counts already and that are no whole record yet.
    Unfinished {
        at: usize,
        bytes: usize,
    },
    End {
        at: usize,
        /// Bytes from there that the header counts as records and that are none.
        unexplained: usize,
    },
}

impl RecordWalk {
    /// `chunk` holds what there is of the chunk; `None` if that is no chunk.
    pub(crate) fn new(chunk: &[u8], ahead: bool) -> Option<Self> {
        let header = ChunkHeader::parse(chunk).filter(|_| chunk.len() >= CHUNK_HEADER_SIZE)?;
        Some(Self {
            header,
            numbers: numbers(&header).map(|numbers| (numbers.start, numbers.end)),
            at: CHUNK_HEADER_SIZE,
            last_id: None,
            number: None,
            unsound: None,
            ahead,
            truncated: chunk.len() < CHUNK_SIZE,
            done: false,
        })
    }

    /// How many of the two checksums are wrong. That of the records can't be
    /// known when the file ends inside them.
    pub(crate) fn wrong_checksums(&self, chunk: &[u8]) -> u64 {
        if !self.header.has_checksums() {
            return 0;
        }
        let header = self.header.header_checksum != chunk_header_checksum(chunk);
        let free = self.header.free_space_offset;
        let data = match chunk_data_checksum(chunk, free) {
            Some(computed) => computed != self.header.data_checksum,
            None => !self.truncated || free as usize > CHUNK_SIZE,
        };
        u64::from(header) + u64::from(data)
    }

    /// Whether the header says that the records go beyond the bytes there are.
    pub(crate) fn is_truncated(&self, chunk: &[u8]) -> bool {
        self.truncated && self.end() > chunk.len()
    }

    /// Where the header says that the records end; the chunk's end if it
    /// says what can't be.
    fn end(&self) -> usize {
        let free = self.header.free_space_offset as usize;
        if (CHUNK_HEADER_SIZE..=CHUNK_SIZE).contains(&free) {
            free
        } else {
            CHUNK_SIZE
        }
    }

    /// The number of the record, or the last one of the damage, that the last
    /// step was. A record's is the one in its header, unless that is none of
    /// its chunk's: then it is the next one, so that a damaged number can't
    /// stand for records that were never seen.
    pub(crate) fn number(&self) -> Option<u64> {
        self.number
    }

    fn expected(&self) -> Option<u64> {
        match self.number {
            Some(number) => number.checked_add(1),
            None => self.numbers.map(|(start, _)| start),
        }
    }

    fn number_of(&self, id: u64) -> u64 {
        match self.numbers {
            Some((start, end)) if !(start..end).contains(&id) => self.expected().unwrap_or(id),
            _ => id,
        }
    }

    fn ids(&self) -> Option<std::ops::RangeInclusive<u64>> {
        let (first, last) = (self.header.first_record_id, self.header.last_record_id);
        (first <= last).then_some(first..=last)
    }

    pub(crate) fn step(&mut self, chunk: &[u8]) -> Step {
        let at = self.at;
        if self.done {
            return Step::End { at, unexplained: 0 };
        }
        let end = self.end().min(chunk.len());
        let frame = RecordFrame::parse(chunk, at, chunk.len());
        // Past the last record that the header knows, stale bytes of the log's
        // pass before may lie: only a record with the next number goes on.
        let complete = self.last_id == Some(self.header.last_record_id);
        if complete || at >= end {
            let follows = frame.is_ok_and(|frame| {
                frame.sound && (self.ahead || at < end) && Some(frame.header_id) == self.next_id()
            });
            let cut = self.is_truncated(chunk) || self.unsound.is_some();
            if !follows && (complete || !cut) {
                self.done = true;
                let rest = chunk.get(at..end).unwrap_or_default();
                let blank = rest.iter().all(|&byte| byte == 0);
                return Step::End {
                    at,
                    unexplained: if blank { 0 } else { rest.len() },
                };
            }
        }
        if self.ahead
            && !frame.is_ok_and(|frame| frame.sound)
            && self
                .resync(chunk, self.unsound.unwrap_or(at), end)
                .is_none()
        {
            self.done = true;
            return Step::Unfinished {
                at,
                bytes: end.saturating_sub(at),
            };
        }
        match frame {
            Ok(frame) if at < end || frame.sound => {
                self.at = at + frame.size;
                self.number = Some(self.number_of(frame.header_id));
                self.last_id = Some(frame.header_id);
                self.unsound = (!frame.sound).then_some(at);
                Step::Record { at, frame }
            }
            Ok(_) => self.damage(chunk, at, end, "a record's size is wrong"),
            Err(what) => self.damage(chunk, at, end, what),
        }
    }

    fn next_id(&self) -> Option<u64> {
        match self.last_id {
            Some(id) => id.checked_add(1),
            None => self
                .numbers
                .filter(|(start, end)| start >= end)
                .map(|(start, _)| start),
        }
    }

    fn damage(&mut self, chunk: &[u8], at: usize, end: usize, what: &'static str) -> Step {
        let doubted = self.unsound.take();
        let next = self.resync(chunk, doubted.unwrap_or(at), end);
        let to = next.map_or(end, |(to, _)| to);
        let bytes = to.saturating_sub(at);
        self.at = to;
        self.done = next.is_none();
        let numbered = self.expected();
        let expected = self.next_id().or(self.ids().map(|ids| *ids.start()));
        let beyond = match next {
            Some((_, frame)) => Some(frame.header_id),
            None => self.ids().and_then(|ids| ids.end().checked_add(1)),
        };
        let lost = beyond.and_then(|beyond| beyond.checked_sub(expected.unwrap_or_default()));
        if doubted.is_some() && next.is_some() && lost == Some(0) {
            // Only the size of the record before was wrong, and that was said.
            return self.step(chunk);
        }
        // Numbers can lie; each record takes its frame at least. Those beyond
        // the end of a truncated file take the rest of the chunk.
        let room = if next.is_none() && self.truncated {
            self.end().saturating_sub(at)
        } else {
            bytes
        };
        let plausible = lost.filter(|&records| records <= (room / RECORD_OVERHEAD) as u64);
        let records = plausible.unwrap_or(1).max(1);
        // Bytes between two records that follow each other have no number.
        let numbers = match next {
            Some(_) => plausible.unwrap_or(1),
            None => records,
        };
        if let (Some(first), Some(more)) = (numbered, numbers.checked_sub(1)) {
            self.number = first.checked_add(more).or(self.number);
        }
        let header_id = if u32_at(chunk, at) == Some(RECORD_MAGIC) {
            u64_at(chunk, at + 8)
        } else {
            expected
        };
        let what = if next.is_none() && self.truncated && self.end() > chunk.len() {
            "the file ends inside it"
        } else {
            what
        };
        self.last_id = next.map(|(_, frame)| frame.header_id.wrapping_sub(1));
        Step::Damaged {
            at,
            header_id,
            what,
            bytes,
            records,
        }
    }

    /// The next place after `at` where a whole record of this chunk begins. If
    /// there may be more than the header tells, up to the end of the chunk.
    fn resync(&self, chunk: &[u8], at: usize, end: usize) -> Option<(usize, RecordFrame)> {
        let first = (at + 1).next_multiple_of(RECORD_ALIGNMENT);
        let end = if self.ahead { chunk.len() } else { end };
        (first..end)
            .step_by(RECORD_ALIGNMENT)
            .filter(|&at| u32_at(chunk, at) == Some(RECORD_MAGIC))
            .find_map(|at| {
                let frame = RecordFrame::parse(chunk, at, chunk.len())
                    .ok()
                    .filter(|frame| frame.sound)?;
                self.is_of_chunk(frame.header_id).then_some((at, frame))
            })
    }

    fn is_of_chunk(&self, id: u64) -> bool {
        // Stale records of the log's pass before have lower numbers.
        let most = (CHUNK_SIZE / RECORD_OVERHEAD) as u64;
        let ahead = || {
            self.ahead
                && self
                    .next_id()
                    .and_then(|next| id.checked_sub(next))
                    .is_some_and(|distance| distance <= most)
        };
        self.ids().is_none_or(|ids| ids.contains(&id)) || ahead()
    }
}
