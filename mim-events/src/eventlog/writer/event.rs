//! An event as a record of the classic form.

use super::binxml::Binxml;
use super::chunk::Chunk;
use super::definition::{Definition, value};
use super::grammar::{Grammar, Out, Result};
use super::transfer::canonical;
use crate::eventlog::capacity::Layout;
use crate::eventlog::datum::Datum;
use crate::eventlog::event::LogEvent;
use crate::eventlog::format::{STRING_TABLE, u32_at};
use crate::text::Utf16;

/// Begins every fragment: token, version 1.1, no flags.
const FRAGMENT_HEADER: [u8; 4] = [0x0F, 1, 1, 0];
/// Ends every fragment.
const END_OF_FRAGMENT: u8 = 0x00;
/// All that Windows sets for classic events: "Classic".
const KEYWORDS: u64 = 0x0080_0000_0000_0000;

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

impl Chunk {
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
