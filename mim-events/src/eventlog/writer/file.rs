//! The file below the writer: its header, and where its chunks lie.

use std::io::{self, Seek, SeekFrom, Write};

use crate::eventlog::capacity::Layout;
use crate::eventlog::format::{
    CHUNK_SIZE, FILE_HEADER_FIELDS, FILE_HEADER_SIZE, FILE_MAGIC, FLAG_DIRTY, file_header_checksum,
};

/// Which chunks of the file are in use, and where the next one goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// Chunks in use.
    pub(super) used: u64,
    /// Chunks that the file has, unused ones at its end too.
    pub(super) reserved: u64,
    pub(super) oldest: u64,
    pub(super) newest: Option<u64>,
    /// So many chunks are not exceeded: the log then goes round.
    pub(super) limit: Option<u64>,
    /// Where the newest chunk is, if it still takes records.
    pub(super) open: Option<u64>,
}

impl Places {
    /// Where the chunk that is being filled belongs.
    fn next(&self) -> u64 {
        match (self.open, self.newest) {
            (Some(open), _) => open,
            // A log that has begun to go round can't grow any more: chunks at
            // its end would stand between newer and older ones.
            (None, Some(newest))
                if self.oldest != 0 || self.limit.is_some_and(|limit| self.used >= limit) =>
            {
                (newest + 1) % self.used
            }
            (None, _) => self.used,
        }
    }

    /// After a chunk was put to `at`; it may still take records.
    fn after(self, at: u64, still_open: bool) -> Self {
        let used = self.used.max(at + 1);
        let overwrites = at < self.used && self.open != Some(at);
        Self {
            used,
            reserved: self.reserved.max(used),
            oldest: if overwrites {
                (at + 1) % used
            } else {
                self.oldest
            },
            newest: Some(at),
            open: still_open.then_some(at),
            ..self
        }
    }
}

/// Writes chunks to their places and keeps the file header with them.
pub(super) struct Output<W> {
    pub(super) out: W,
    /// Where the file begins in `out`.
    start: u64,
    layout: Layout,
    pub(super) places: Places,
    /// Whether the header in the file says that the log is open.
    marked: bool,
}

impl<W> Output<W> {
    /// A file that is there already and was closed.
    pub(super) fn existing(out: W, layout: Layout, places: Places) -> Self {
        Self {
            out,
            start: 0,
            layout,
            places,
            marked: false,
        }
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    pub(super) fn set_layout(&mut self, layout: Layout) {
        self.layout = layout;
        self.marked = false;
    }

    /// The largest size of the file in bytes, in whole chunks, at least one.
    pub(super) fn set_max_size(&mut self, bytes: u64) {
        let chunks = bytes.saturating_sub(FILE_HEADER_SIZE as u64) / CHUNK_SIZE as u64;
        self.places.limit = Some(chunks.max(1));
    }

    /// The file's size after the chunk that is being filled was written, if there is one.
    pub(super) fn bytes(&self, open: bool) -> u64 {
        let chunks = if open || self.places.used == 0 {
            self.places.reserved.max(self.places.next() + 1)
        } else {
            self.places.reserved
        };
        FILE_HEADER_SIZE as u64 + chunks * CHUNK_SIZE as u64
    }
}

impl<W: Write + Seek> Output<W> {
    /// Begins a file at the position where `out` is.
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        let start = out.stream_position()?;
        let mut output = Self {
            out,
            start,
            layout: Layout::default(),
            places: Places::default(),
            marked: true,
        };
        let header = output.header(output.places, 1, FLAG_DIRTY);
        output.out.write_all(&header)?;
        output
            .out
            .write_all(&[0; FILE_HEADER_SIZE - FILE_HEADER_FIELDS])?;
        Ok(output)
    }

    /// Puts the chunk that is being filled to its place, which an earlier
    /// attempt may have reached. `next` is the number of the record that comes next.
    pub(super) fn store(&mut self, chunk: &[u8], next: u64, still_open: bool) -> io::Result<()> {
        if !self.marked {
            self.write_header(self.places, next, FLAG_DIRTY)?;
            self.marked = true;
        }
        let at = self.places.next();
        let offset = self.start + FILE_HEADER_SIZE as u64 + at * CHUNK_SIZE as u64;
        self.out.seek(SeekFrom::Start(offset))?;
        self.out.write_all(chunk)?;
        let places = self.places.after(at, still_open);
        self.write_header(places, next, FLAG_DIRTY)?;
        self.places = places;
        Ok(())
    }

    /// Marks the log as closed.
    pub(super) fn close(&mut self, next: u64) -> io::Result<()> {
        if self.marked {
            self.write_header(self.places, next, 0)?;
            self.marked = false;
        }
        self.out.seek(SeekFrom::End(0))?;
        self.out.flush()
    }

    fn write_header(&mut self, places: Places, next: u64, flags: u32) -> io::Result<()> {
        let header = self.header(places, next, flags);
        self.out.seek(SeekFrom::Start(self.start))?;
        self.out.write_all(&header)
    }

    fn header(&self, places: Places, next: u64, flags: u32) -> [u8; FILE_HEADER_FIELDS] {
        let mut header = [0; FILE_HEADER_FIELDS];
        let mut put = |at: usize, value: &[u8]| {
            header[at..at + value.len()].copy_from_slice(value);
        };
        put(0, FILE_MAGIC);
        put(8, &places.oldest.to_le_bytes());
        put(16, &places.newest.unwrap_or_default().to_le_bytes());
        put(24, &next.to_le_bytes());
        put(32, &128_u32.to_le_bytes());
        put(36, &self.layout.minor_version().to_le_bytes());
        put(38, &3_u16.to_le_bytes());
        put(40, &(FILE_HEADER_SIZE as u16).to_le_bytes());
        // The field can't count a log of 4 GiB; readers go by the file's size.
        let count = u16::try_from(places.used).unwrap_or(u16::MAX);
        put(42, &count.to_le_bytes());
        put(120, &flags.to_le_bytes());
        let checksum = file_header_checksum(&header);
        header[124..128].copy_from_slice(&checksum.to_le_bytes());
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(places: &mut Places, chunks: usize) -> Vec<u64> {
        (0..chunks)
            .map(|_| {
                let at = places.next();
                *places = places.after(at, false);
                at
            })
            .collect()
    }

    #[test]
    fn a_log_without_a_limit_grows() {
        let mut places = Places::default();
        assert_eq!(fill(&mut places, 4), [0, 1, 2, 3]);
        assert_eq!((places.used, places.oldest, places.newest), (4, 0, Some(3)));
    }

    #[test]
    fn a_full_log_goes_round() {
        let mut places = Places {
            limit: Some(3),
            ..Places::default()
        };
        assert_eq!(fill(&mut places, 5), [0, 1, 2, 0, 1]);
        assert_eq!((places.used, places.oldest, places.newest), (3, 2, Some(1)));
        assert_eq!(fill(&mut places, 1), [2]);
        assert_eq!((places.oldest, places.newest), (0, Some(2)));

        let mut one = Places {
            limit: Some(1),
            ..Places::default()
        };
        assert_eq!(fill(&mut one, 3), [0, 0, 0]);
        assert_eq!((one.used, one.oldest), (1, 0));
    }

    #[test]
    fn an_open_chunk_stays_where_it_is() {
        let mut places = Places {
            limit: Some(2),
            ..Places::default()
        };
        for wanted in [0, 0, 0] {
            let at = places.next();
            assert_eq!(at, wanted);
            places = places.after(at, true);
        }
        places = places.after(0, false);
        assert_eq!(fill(&mut places, 2), [1, 0]);
        assert_eq!((places.oldest, places.newest), (1, Some(0)));
        let at = places.next();
        places = places.after(at, true);
        assert_eq!((at, places.oldest), (1, 0));
        // Written again with more records, it overwrites nothing else.
        assert_eq!(places.after(1, false).oldest, 0);
    }

    #[test]
    fn unused_space_is_used_first_and_a_wrapped_log_never_grows() {
        let mut places = Places {
            used: 1,
            reserved: 3,
            newest: Some(0),
            ..Places::default()
        };
        assert_eq!(fill(&mut places, 3), [1, 2, 3]);
        assert_eq!(places.reserved, 4);
        let mut wrapped = Places {
            used: 3,
            reserved: 3,
            oldest: 2,
            newest: Some(1),
            ..Places::default()
        };
        assert_eq!(fill(&mut wrapped, 1), [2]);
    }
}
