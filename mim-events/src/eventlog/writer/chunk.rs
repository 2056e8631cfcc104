//! One chunk being filled: records, and the tables of names and templates.

use std::collections::HashMap;

use super::binxml::{begin_size, chain, end_size, write_name};
use super::grammar::{Out, Refused, Result};
use super::transfer::Source;
use crate::eventlog::format::{
    CHUNK_HEADER_SIZE, CHUNK_MAGIC, CHUNK_SIZE, ChunkHeader, FREE_SPACE_LIMIT, RECORD_ALIGNMENT,
    RECORD_HEADER_SIZE, RECORD_MAGIC, STRING_TABLE, TEMPLATE_BUCKETS, TEMPLATE_TABLE, seal_chunk,
    template_hash, u64_at,
};
use crate::text::Utf16;

/// Chunk flag of every chunk that Windows wrote.
const CHUNK_FLAGS: u32 = 1;

/// A chunk being filled. Its buffer's positions are the chunk's offsets.
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    /// Offset of each definition, by its GUID and content, names resolved.
    definitions: HashMap<Box<[u8]>, u32>,
    /// Offset of the definitions that were written for an event, by what they say.
    pub(super) written: Vec<(Box<[u8]>, u32)>,
    first_number: u64,
    last_number: u64,
    last_offset: usize,
    /// Another number for each content that was taken back, and for each chunk.
    state: u64,
    /// Reused: the text of the definition that is looked for.
    pub(super) text: Vec<u8>,
}

impl Chunk {
    /// `state` tells the chunks of a writer apart: 0 or 1.
    pub(super) fn new(state: u64) -> Self {
        let mut chunk = Self {
            bytes: Vec::with_capacity(CHUNK_SIZE),
            definitions: HashMap::new(),
            written: Vec::new(),
            first_number: 0,
            last_number: 0,
            last_offset: 0,
            state,
            text: Vec::new(),
        };
        chunk.clear();
        chunk
    }

    /// Goes on in a chunk in which nothing is wrong; false if it can't.
    pub(super) fn resume(&mut self, bytes: &[u8], definitions: &[u32]) -> bool {
        self.clear();
        let Some(header) = ChunkHeader::parse(bytes) else {
            return false;
        };
        let Some(used) = bytes.get(..header.free_space_offset as usize) else {
            return false;
        };
        // Windows counts both alike; in logs where they differ, a new chunk is safer.
        if header.first_record_number != header.first_record_id {
            return false;
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(used);
        self.first_number = header.first_record_id;
        self.last_number = header.last_record_id;
        self.last_offset = header.last_record_offset as usize;
        let mut source = Source::default();
        source.set(bytes);
        for &offset in definitions {
            if let Ok(content) = source.definition(offset) {
                self.note_definition(content, offset);
            }
        }
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last_offset == 0
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(CHUNK_HEADER_SIZE, 0);
        // One event that was too large must not keep its memory.
        self.bytes.shrink_to(CHUNK_SIZE);
        self.definitions.clear();
        self.written.clear();
        self.last_offset = 0;
        self.state += 2;
    }

    /// Appends a copy of the record at `at` of another chunk, `end` being where
    /// the copy of its size begins, or leaves the chunk as it was.
    pub(super) fn copy(
        &mut self,
        source: &mut Source,
        (at, end): (usize, usize),
        number: u64,
    ) -> Result<()> {
        self.attempt(number, |chunk| {
            let written = u64_at(source.chunk(), at + 16).unwrap_or_default();
            chunk.frame(number, written);
            source.transfer(at + RECORD_HEADER_SIZE, end, chunk)
        })
    }

    /// Lets `content` append a record without its end, and appends that.
    pub(super) fn attempt(
        &mut self,
        number: u64,
        content: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let start = self.bytes.len();
        let tables = self.tables();
        let result = content(self).and_then(|()| {
            let size = self.finish_record(start);
            if self.bytes.len() > FREE_SPACE_LIMIT {
                return Err(Refused::TooLarge(size));
            }
            Ok(())
        });
        match result {
            Ok(()) => {
                if self.is_empty() {
                    self.first_number = number;
                }
                self.last_number = number;
                self.last_offset = start;
                Ok(())
            }
            Err(refused) => {
                let needed = self.bytes.len() - start;
                self.take_back(start, &tables);
                Err(match refused {
                    // Where writing was broken off.
                    Refused::TooLarge(size) if size > needed => Refused::TooLarge(needed),
                    refused => refused,
                })
            }
        }
    }

    pub(super) fn tables(&self) -> [u8; CHUNK_HEADER_SIZE - STRING_TABLE] {
        let mut tables = [0; CHUNK_HEADER_SIZE - STRING_TABLE];
        tables.copy_from_slice(&self.bytes[STRING_TABLE..CHUNK_HEADER_SIZE]);
        tables
    }

    fn take_back(&mut self, start: usize, tables: &[u8]) {
        self.bytes.truncate(start);
        self.bytes[STRING_TABLE..CHUNK_HEADER_SIZE].copy_from_slice(tables);
        self.definitions
            .retain(|_, &mut offset| (offset as usize) < start);
        self.written
            .retain(|&(_, offset)| (offset as usize) < start);
        self.state += 2;
    }

    /// Lends the whole chunk as it belongs into the file; more records can
    /// still be appended after that.
    ///
    /// `next` is the number of the record that would come next.
    pub(super) fn with_bytes<T>(&mut self, next: u64, lend: impl FnOnce(&[u8]) -> T) -> T {
        if self.is_empty() {
            self.first_number = next;
            // As in a log that Windows just created.
            self.last_number = u64::MAX;
        }
        let free = self.bytes.len();
        self.header(free as u32);
        self.bytes.resize(CHUNK_SIZE, 0);
        let result = lend(&self.bytes);
        self.bytes.truncate(free);
        result
    }

    fn header(&mut self, free: u32) {
        let mut put = |at: usize, value: &[u8]| {
            self.bytes[at..at + value.len()].copy_from_slice(value);
        };
        put(0, CHUNK_MAGIC);
        for (at, number) in [
            (8, self.first_number),
            (16, self.last_number),
            (24, self.first_number),
            (32, self.last_number),
        ] {
            put(at, &number.to_le_bytes());
        }
        put(40, &128_u32.to_le_bytes());
        put(44, &(self.last_offset as u32).to_le_bytes());
        put(48, &free.to_le_bytes());
        put(120, &CHUNK_FLAGS.to_le_bytes());
        seal_chunk(&mut self.bytes, free);
    }

    pub(super) fn frame(&mut self, number: u64, written: u64) {
        self.raw(&RECORD_MAGIC.to_le_bytes());
        self.raw(&[0; 4]);
        self.raw(&number.to_le_bytes());
        self.raw(&written.to_le_bytes());
    }

    /// Padding and both sizes.
    fn finish_record(&mut self, start: usize) -> usize {
        let size = (self.bytes.len() + 4 - start).next_multiple_of(RECORD_ALIGNMENT);
        let copy = (size as u32).to_le_bytes();
        self.bytes.resize(start + size - 4, 0);
        self.raw(&copy);
        self.patch(start + 4, &copy);
        size
    }

    pub(super) fn patch(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// A number that stays as long as the chunk only grows.
    pub(super) fn state(&self) -> u64 {
        self.state
    }

    pub(super) fn find_definition(&self, content: &[u8]) -> Option<u32> {
        self.definitions.get(content).copied()
    }

    /// Notes a definition that the chunk has already.
    pub(super) fn note_definition(&mut self, content: &[u8], offset: u32) {
        self.definitions.insert(content.into(), offset);
    }

    /// An instance up to the offset of its definition.
    pub(super) fn begin_instance(&mut self, id: u32) {
        self.raw(&[0x0C, 1]);
        self.raw(&id.to_le_bytes());
    }

    /// The offset of a definition and, inline, the definition itself: its GUID
    /// begins `content`, which tells it apart; `write` appends what it holds.
    pub(super) fn define(
        &mut self,
        content: &[u8],
        write: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<u32> {
        let (offset, size) = self.begin_definition(content.first_chunk().unwrap_or(&[0; 16]));
        write(self)?;
        self.end_size(size);
        self.note_definition(content, offset);
        Ok(offset)
    }

    pub(super) fn begin_definition(&mut self, guid: &[u8; 16]) -> (u32, usize) {
        let offset = (self.bytes.len() + 4) as u32;
        self.raw(&offset.to_le_bytes());
        let bucket = TEMPLATE_TABLE + template_hash(guid) as usize % TEMPLATE_BUCKETS * 4;
        chain(&mut self.bytes, bucket);
        self.raw(guid);
        (offset, self.begin_size())
    }
}

impl Out for Chunk {
    fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn name(&mut self, hash: u16, name: Utf16<'_>) -> usize {
        write_name(&mut self.bytes, hash, name.units())
    }

    fn begin_size(&mut self) -> usize {
        begin_size(&mut self.bytes)
    }

    fn end_size(&mut self, begin: usize) {
        end_size(&mut self.bytes, begin);
    }

    fn is_full(&self) -> bool {
        self.bytes.len() > CHUNK_SIZE
    }
}
