//! One chunk being filled: records, and the tables of names and templates.

use std::collections::HashMap;

use super::binxml::{Binxml, begin_size, chain, end_size, write_name};
use super::definition::{Definition, value};
use super::grammar::{Grammar, Out, Refused, Result};
use super::transfer::{Source, canonical};
use crate::eventlog::capacity::Layout;
use crate::eventlog::datum::Datum;
use crate::eventlog::event::LogEvent;
use crate::eventlog::format::{
    CHUNK_HEADER_SIZE, CHUNK_MAGIC, CHUNK_SIZE, ChunkHeader, FREE_SPACE_LIMIT, RECORD_ALIGNMENT,
    RECORD_HEADER_SIZE, RECORD_MAGIC, STRING_TABLE, TEMPLATE_BUCKETS, TEMPLATE_TABLE,
    chunk_data_checksum, chunk_header_checksum, template_hash, u32_at, u64_at,
};
use crate::text::Utf16;

/// Begins every fragment: token, version 1.1, no flags.
const FRAGMENT_HEADER: [u8; 4] = [0x0F, 1, 1, 0];
/// Ends every fragment.
const END_OF_FRAGMENT: u8 = 0x00;
/// All that Windows sets for classic events: "Classic".
const KEYWORDS: u64 = 0x0080_0000_0000_0000;
/// Chunk flag of every chunk that Windows wrote.
const CHUNK_FLAGS: u32 = 1;

/// What a record says besides its names and data, checked and in binary form.
pub(super) struct Fields<'a> {
    pub(super) layout: Layout,
    /// The number in the record's header.
    pub(super) number: u64,
    /// `EventRecordID`.
    pub(super) record_id: u64,
    /// FILETIME.
    pub(super) written: u64,
    /// FILETIME.
    pub(super) created: u64,
    pub(super) event_id: u16,
    pub(super) qualifiers: Option<u16>,
    pub(super) level: Option<u8>,
    /// Binary SID, empty for none.
    pub(super) sid: &'a [u8],
}

/// A chunk being filled. Its buffer's positions are the chunk's offsets.
pub(super) struct Chunk {
    bytes: Vec<u8>,
    /// Offset of each definition, by its GUID and content, names resolved.
    definitions: HashMap<Box<[u8]>, u32>,
    /// Offset of the definitions that were written for an event, by what they say.
    written: Vec<(Box<[u8]>, u32)>,
    first_number: u64,
    last_number: u64,
    last_offset: usize,
    /// Another number for each content that was taken back, and for each chunk.
    state: u64,
    /// Reused: the text of the definition that is looked for.
    text: Vec<u8>,
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

    /// Appends a record, or leaves the chunk as it was.
    pub(super) fn push(&mut self, event: &LogEvent<'_>, fields: &Fields<'_>) -> Result<()> {
        self.attempt(fields.number, |chunk| {
            chunk.frame(fields.number, fields.written);
            chunk.bytes.extend_from_slice(&FRAGMENT_HEADER);
            chunk.instance(Definition::Event {
                layout: fields.layout,
                provider: event.provider(),
                channel: event.channel(),
                computer: event.computer(),
            });
            chunk.system_values(event, fields);
            chunk.bytes.push(END_OF_FRAGMENT);
            Ok(())
        })
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
    fn attempt(
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

    fn tables(&self) -> [u8; CHUNK_HEADER_SIZE - STRING_TABLE] {
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
        let data = chunk_data_checksum(&self.bytes, free).unwrap_or_default();
        self.bytes[52..56].copy_from_slice(&data.to_le_bytes());
        let header = chunk_header_checksum(&self.bytes);
        self.bytes[124..128].copy_from_slice(&header.to_le_bytes());
    }

    fn frame(&mut self, number: u64, written: u64) {
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

    fn begin_definition(&mut self, guid: &[u8; 16]) -> (u32, usize) {
        let offset = (self.bytes.len() + 4) as u32;
        self.raw(&offset.to_le_bytes());
        let bucket = TEMPLATE_TABLE + template_hash(guid) as usize % TEMPLATE_BUCKETS * 4;
        chain(&mut self.bytes, bucket);
        self.raw(guid);
        (offset, self.begin_size())
    }

    /// An instance up to its values, with the definition if the chunk has none yet.
    fn instance(&mut self, definition: Definition<'_>) {
        definition.text_into(&mut self.text);
        let guid = Definition::guid(&self.text);
        self.begin_instance(u32_at(&guid, 0).unwrap_or_default());
        let known = self.written.iter().find(|(text, _)| **text == *self.text);
        if let Some(&(_, offset)) = known {
            self.raw(&offset.to_le_bytes());
            return;
        }
        let start = self.bytes.len();
        let tables = self.tables();
        let (mut offset, size) = self.begin_definition(&guid);
        let mut xml = Binxml {
            bytes: &mut self.bytes,
        };
        xml.bytes.extend_from_slice(&FRAGMENT_HEADER);
        definition.write(&mut xml);
        xml.bytes.push(END_OF_FRAGMENT);
        self.end_size(size);

        // The chunk may have it from a record that was copied, or from the writer before.
        let mut steps = usize::MAX;
        let mut grammar = Grammar {
            chunk: &self.bytes,
            steps: &mut steps,
        };
        if let Ok((content, ..)) = canonical(&mut grammar, offset as usize) {
            match self.find_definition(&content) {
                Some(known) => {
                    self.bytes.truncate(start);
                    self.patch(STRING_TABLE, &tables);
                    offset = known;
                    self.raw(&offset.to_le_bytes());
                }
                None => self.note_definition(&content, offset),
            }
        }
        self.written.push((self.text.as_slice().into(), offset));
    }

    /// The 20 values of the event template, the event data among them.
    fn system_values(&mut self, event: &LogEvent<'_>, fields: &Fields<'_>) {
        let level = fields.level.map(|level| [level]);
        let qualifiers = fields.qualifiers.map(u16::to_le_bytes);
        let values: [(&[u8], u8); 13] = [
            optional(level.as_ref(), value::UINT8),
            (&[0], value::UINT8),
            (&[0; 2], value::UINT16),
            (&fields.event_id.to_le_bytes(), value::UINT16),
            optional(qualifiers.as_ref(), value::UINT16),
            (&KEYWORDS.to_le_bytes(), value::HEX64),
            (&fields.created.to_le_bytes(), value::FILETIME),
            (&[], value::NULL),
            (&[0; 4], value::UINT32),
            (&[0; 4], value::UINT32),
            (&fields.record_id.to_le_bytes(), value::UINT64),
            (&[0], value::UINT8),
            if fields.sid.is_empty() {
                (&[], value::NULL)
            } else {
                (fields.sid, value::SID)
            },
        ];
        self.bytes.extend_from_slice(&20_u32.to_le_bytes());
        for (bytes, kind) in values {
            self.descriptor(bytes.len(), kind);
        }
        for _ in 13..19 {
            self.descriptor(0, value::NULL);
        }
        let data_size = self.bytes.len();
        self.descriptor(0, value::BINXML);
        for (bytes, _) in values {
            self.bytes.extend_from_slice(bytes);
        }
        let data = self.bytes.len();
        self.bytes.extend_from_slice(&FRAGMENT_HEADER);
        self.event_data(event);
        self.bytes.push(END_OF_FRAGMENT);
        // A size that does not fit its field is refused soon: it is over a chunk's size.
        let size = (self.bytes.len() - data) as u16;
        self.bytes[data_size..data_size + 2].copy_from_slice(&size.to_le_bytes());
    }

    fn event_data(&mut self, event: &LogEvent<'_>) {
        let binary = event.binary();
        let bytes = binary.unwrap_or_default();
        let binary_kind = if binary.is_some() {
            value::BINARY
        } else {
            value::NULL
        };
        if fits_string_array(event) {
            self.instance(Definition::Strings);
            let size = texts(event).map(|text| text.len() * 2 + 2).sum();
            let kind = if size == 0 {
                value::NULL
            } else {
                value::STRING_ARRAY
            };
            self.bytes.extend_from_slice(&3_u32.to_le_bytes());
            self.descriptor(size, kind);
            self.descriptor(4, value::UINT32);
            self.descriptor(bytes.len(), binary_kind);
            for text in texts(event) {
                self.bytes.extend_from_slice(text.as_le_bytes());
                self.bytes.extend_from_slice(&[0; 2]);
            }
            let length = (bytes.len() as u32).to_le_bytes();
            self.bytes.extend_from_slice(&length);
        } else {
            let names: Vec<Option<Utf16<'_>>> = event.data().map(|datum| datum.name).collect();
            self.instance(Definition::Values {
                names: &names,
                binary: binary.is_some(),
            });
            let count = (names.len() + usize::from(binary.is_some())) as u32;
            self.bytes.extend_from_slice(&count.to_le_bytes());
            let descriptors = self.bytes.len();
            for _ in &names {
                self.descriptor(0, value::STRING);
            }
            if binary.is_some() {
                self.descriptor(bytes.len(), binary_kind);
            }
            for (at, datum) in event.data().enumerate() {
                let start = self.bytes.len();
                datum.value.utf16_into(&mut self.bytes);
                let size = ((self.bytes.len() - start) as u16).to_le_bytes();
                let at = descriptors + at * 4;
                self.bytes[at..at + 2].copy_from_slice(&size);
            }
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn descriptor(&mut self, size: usize, kind: u8) {
        self.bytes.extend_from_slice(&(size as u16).to_le_bytes());
        self.bytes.extend_from_slice(&[kind, 0]);
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

/// Whether event data can be an array of strings, each ended by a NUL, as
/// classic providers write it. An array can't hold names, a NUL inside would make
/// two strings of one, and parsers disagree on an array whose last string is empty.
fn fits_string_array(event: &LogEvent<'_>) -> bool {
    let fits = |datum: Datum<'_>| {
        let text = datum.value.as_utf16();
        datum.name.is_none() && text.is_some_and(|text| text.find_nul().is_none())
    };
    event.data().all(fits) && texts(event).last().is_none_or(|text| !text.is_empty())
}

fn texts<'a>(event: &LogEvent<'a>) -> impl Iterator<Item = Utf16<'a>> + use<'a> {
    event.data().filter_map(|datum| datum.value.as_utf16())
}

fn optional<const N: usize>(bytes: Option<&[u8; N]>, kind: u8) -> (&[u8], u8) {
    bytes.map_or((&[], value::NULL), |bytes| (bytes, kind))
}
