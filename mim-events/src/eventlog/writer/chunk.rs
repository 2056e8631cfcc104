//! One chunk being filled: records, and the tables of names and templates.

use std::io;

use super::definition::{Attribute, Definition, value};
use crate::eventlog::datum::Datum;
use crate::eventlog::event::LogEvent;
use crate::eventlog::format::{
    CHUNK_HEADER_SIZE, CHUNK_MAGIC, CHUNK_SIZE, FREE_SPACE_LIMIT, RECORD_ALIGNMENT, RECORD_MAGIC,
    STRING_BUCKETS, STRING_TABLE, TEMPLATE_BUCKETS, TEMPLATE_TABLE, chunk_data_checksum,
    chunk_header_checksum, name_hash, template_hash, u16_at, u32_at,
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
    /// Text of each definition in the chunk, its id and offset.
    definitions: Vec<(Box<[u8]>, u32, u32)>,
    first_number: u64,
    last_number: u64,
    last_offset: usize,
    /// Reused: the text of the definition that is looked for.
    text: Vec<u8>,
}

impl Chunk {
    pub(super) fn new() -> Self {
        let mut chunk = Self {
            bytes: Vec::with_capacity(CHUNK_SIZE),
            definitions: Vec::new(),
            first_number: 0,
            last_number: 0,
            last_offset: 0,
            text: Vec::new(),
        };
        chunk.clear();
        chunk
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last_offset == 0
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(CHUNK_HEADER_SIZE, 0);
        // One event that was too large must not keep its memory.
        self.bytes.shrink_to(CHUNK_SIZE);
        self.definitions.clear();
        self.last_offset = 0;
    }

    /// Appends a record, or leaves the chunk as it was and returns the bytes
    /// that the record needs here.
    pub(super) fn push(&mut self, event: &LogEvent<'_>, fields: &Fields<'_>) -> Result<(), usize> {
        let start = self.bytes.len();
        let known = self.definitions.len();
        let mut tables = [0; CHUNK_HEADER_SIZE - STRING_TABLE];
        tables.copy_from_slice(&self.bytes[STRING_TABLE..CHUNK_HEADER_SIZE]);

        self.record(event, fields);
        let size = self.bytes.len() - start;
        if self.bytes.len() > FREE_SPACE_LIMIT {
            self.bytes.truncate(start);
            self.bytes[STRING_TABLE..CHUNK_HEADER_SIZE].copy_from_slice(&tables);
            self.definitions.truncate(known);
            return Err(size);
        }
        if self.is_empty() {
            self.first_number = fields.number;
        }
        self.last_number = fields.number;
        self.last_offset = start;
        Ok(())
    }

    /// Writes the whole chunk; it can be written again if that fails.
    ///
    /// `next` is the number of the record that would come next.
    pub(super) fn write_to(&mut self, out: &mut impl io::Write, next: u64) -> io::Result<()> {
        if self.is_empty() {
            self.first_number = next;
            // As in a log that Windows just created.
            self.last_number = u64::MAX;
        }
        let free = self.bytes.len();
        self.header(free as u32);
        self.bytes.resize(CHUNK_SIZE, 0);
        let result = out.write_all(&self.bytes);
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

    fn record(&mut self, event: &LogEvent<'_>, fields: &Fields<'_>) {
        let start = self.bytes.len();
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(&RECORD_MAGIC.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&fields.number.to_le_bytes());
        bytes.extend_from_slice(&fields.written.to_le_bytes());
        bytes.extend_from_slice(&FRAGMENT_HEADER);
        self.instance(Definition::Event {
            provider: event.provider(),
            channel: event.channel(),
            computer: event.computer(),
        });
        self.system_values(event, fields);
        self.bytes.push(END_OF_FRAGMENT);

        let size = (self.bytes.len() + 4 - start).next_multiple_of(RECORD_ALIGNMENT);
        let copy = (size as u32).to_le_bytes();
        self.bytes.resize(start + size - 4, 0);
        self.bytes.extend_from_slice(&copy);
        self.bytes[start + 4..start + 8].copy_from_slice(&copy);
    }

    /// An instance up to its values, with the definition if the chunk has none yet.
    fn instance(&mut self, definition: Definition<'_>) {
        definition.text_into(&mut self.text);
        let known = self
            .definitions
            .iter()
            .find(|(text, ..)| **text == *self.text)
            .map(|&(_, id, offset)| (id, offset));
        self.bytes.extend_from_slice(&[0x0C, 1]);
        if let Some((id, offset)) = known {
            self.bytes.extend_from_slice(&id.to_le_bytes());
            self.bytes.extend_from_slice(&offset.to_le_bytes());
            return;
        }
        let guid = Definition::guid(&self.text);
        let id = u32_at(&guid, 0).unwrap_or_default();
        let offset = (self.bytes.len() + 8) as u32;
        self.bytes.extend_from_slice(&id.to_le_bytes());
        self.bytes.extend_from_slice(&offset.to_le_bytes());

        let bucket = TEMPLATE_TABLE + template_hash(&guid) as usize % TEMPLATE_BUCKETS * 4;
        chain(&mut self.bytes, bucket);
        self.bytes.extend_from_slice(&guid);
        let mut xml = Binxml {
            bytes: &mut self.bytes,
        };
        let size = xml.begin_size();
        xml.bytes.extend_from_slice(&FRAGMENT_HEADER);
        definition.write(&mut xml);
        xml.bytes.push(END_OF_FRAGMENT);
        xml.end_size(size);
        self.definitions
            .push((self.text.as_slice().into(), id, offset));
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
            self.descriptor(0, value::NULL);
            for text in texts(event) {
                self.bytes.extend_from_slice(text.as_le_bytes());
                self.bytes.extend_from_slice(&[0; 2]);
            }
            // How long `Binary` is.
            self.bytes.extend_from_slice(&[0; 4]);
        } else {
            let names: Vec<Option<Utf16<'_>>> = event.data().map(|datum| datum.name).collect();
            self.instance(Definition::Values { names: &names });
            self.bytes
                .extend_from_slice(&(names.len() as u32).to_le_bytes());
            let descriptors = self.bytes.len();
            for _ in &names {
                self.descriptor(0, value::STRING);
            }
            for (at, datum) in event.data().enumerate() {
                let start = self.bytes.len();
                datum.value.utf16_into(&mut self.bytes);
                let size = ((self.bytes.len() - start) as u16).to_le_bytes();
                let at = descriptors + at * 4;
                self.bytes[at..at + 2].copy_from_slice(&size);
            }
        }
    }

    fn descriptor(&mut self, size: usize, kind: u8) {
        self.bytes.extend_from_slice(&(size as u16).to_le_bytes());
        self.bytes.extend_from_slice(&[kind, 0]);
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

/// Makes what follows the newest node of a bucket: puts the offset of the node
/// that was the newest, and the new one's into the table.
fn chain(bytes: &mut Vec<u8>, bucket: usize) {
    let node = (bytes.len() as u32).to_le_bytes();
    let mut older = [0; 4];
    older.copy_from_slice(&bytes[bucket..bucket + 4]);
    bytes.extend_from_slice(&older);
    bytes[bucket..bucket + 4].copy_from_slice(&node);
}

/// Writes the elements of a definition into a chunk.
pub(super) struct Binxml<'a> {
    bytes: &'a mut Vec<u8>,
}

impl Binxml<'_> {
    /// An element with content. `dependency` is the value without which it is left out.
    pub(super) fn element(
        &mut self,
        name: &str,
        dependency: Option<u16>,
        attributes: &[(&str, Attribute<'_>)],
        content: impl FnOnce(&mut Self),
    ) {
        let size = self.open(name, dependency, attributes);
        self.bytes.push(0x02);
        content(self);
        self.bytes.push(0x04);
        self.end_size(size);
    }

    /// An element that has attributes only.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, Attribute<'_>)]) {
        let size = self.open(name, None, attributes);
        self.bytes.push(0x03);
        self.end_size(size);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(&[0x05, value::STRING]);
        let units = text.encode_utf16();
        let count = units.clone().count() as u16;
        self.bytes.extend_from_slice(&count.to_le_bytes());
        self.bytes.extend(units.flat_map(u16::to_le_bytes));
    }

    pub(super) fn substitution(&mut self, slot: u16, kind: u8) {
        self.bytes.push(0x0E);
        self.bytes.extend_from_slice(&slot.to_le_bytes());
        self.bytes.push(kind);
    }

    fn open(
        &mut self,
        name: &str,
        dependency: Option<u16>,
        attributes: &[(&str, Attribute<'_>)],
    ) -> usize {
        self.bytes
            .push(if attributes.is_empty() { 0x01 } else { 0x41 });
        let dependency = dependency.unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&dependency.to_le_bytes());
        let size = self.begin_size();
        self.name(name);
        if let Some(last) = attributes.len().checked_sub(1) {
            let list = self.begin_size();
            for (at, (name, attribute)) in attributes.iter().enumerate() {
                self.bytes.push(if at < last { 0x46 } else { 0x06 });
                self.name(name);
                match *attribute {
                    Attribute::Text(text) => self.text(text),
                    Attribute::Units(units) => {
                        self.bytes.extend_from_slice(&[0x05, value::STRING]);
                        let count = units.len() as u16;
                        self.bytes.extend_from_slice(&count.to_le_bytes());
                        self.bytes.extend_from_slice(units.as_le_bytes());
                    }
                    Attribute::Value(slot, kind) => self.substitution(slot, kind),
                }
            }
            self.end_size(list);
        }
        size
    }

    /// A name: the offset of its node, with the node where the chunk has none yet.
    fn name(&mut self, name: &str) {
        let hash = name_hash(name.encode_utf16());
        let bucket = STRING_TABLE + usize::from(hash) % STRING_BUCKETS * 4;
        let known = std::iter::successors(u32_at(self.bytes, bucket), |&node| {
            u32_at(self.bytes, node as usize)
        })
        .take_while(|&node| node != 0)
        .find(|&node| self.is_node_of(node as usize, hash, name));
        if let Some(node) = known {
            self.bytes.extend_from_slice(&node.to_le_bytes());
            return;
        }
        let node = (self.bytes.len() + 4) as u32;
        self.bytes.extend_from_slice(&node.to_le_bytes());
        chain(self.bytes, bucket);
        self.bytes.extend_from_slice(&hash.to_le_bytes());
        let units = name.encode_utf16();
        let count = units.clone().count() as u16;
        self.bytes.extend_from_slice(&count.to_le_bytes());
        self.bytes.extend(units.flat_map(u16::to_le_bytes));
        self.bytes.extend_from_slice(&[0; 2]);
    }

    fn is_node_of(&self, node: usize, hash: u16, name: &str) -> bool {
        u16_at(self.bytes, node + 4) == Some(hash)
            && u16_at(self.bytes, node + 6).is_some_and(|count| {
                self.bytes
                    .get(node + 8..node + 8 + usize::from(count) * 2)
                    .is_some_and(|units| Utf16::from_le_bytes(units) == *name)
            })
    }

    /// Leaves room for the count of the bytes that follow.
    fn begin_size(&mut self) -> usize {
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.len()
    }

    fn end_size(&mut self, begin: usize) {
        let size = (self.bytes.len() - begin) as u32;
        self.bytes[begin - 4..begin].copy_from_slice(&size.to_le_bytes());
    }
}
