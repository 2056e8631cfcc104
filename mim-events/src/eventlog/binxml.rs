//! BinXML as tokens: a cursor that never leaves its bounds, names, and one
//! pass over a stream of tokens that hands them to a [`Sink`].
//!
//! The grammar is [MS-EVEN6] 2.2.12. Offsets count from the beginning of the
//! chunk, so everything here works on the whole chunk.

use std::ops::Range;

use super::filter::Reason;
use super::format::{u16_at, u32_at};
use super::value;

/// The end of a stream.
pub(crate) const EOF: u8 = 0x00;
const CLOSE_START: u8 = 0x02;
const CLOSE_EMPTY: u8 = 0x03;
const END_ELEMENT: u8 = 0x04;
const CDATA: u8 = 0x07;
const PI_TARGET: u8 = 0x0A;
const PI_DATA: u8 = 0x0B;
const TEMPLATE_INSTANCE: u8 = 0x0C;
const SUBSTITUTION: u8 = 0x0D;
const OPTIONAL_SUBSTITUTION: u8 = 0x0E;
const FRAGMENT_HEADER: u8 = 0x0F;
/// On an element, attribute, value or reference token: another one follows, or
/// the element has attributes.
const MORE: u8 = 0x40;
const OPEN_START: u8 = 0x01;
const VALUE: u8 = 0x05;
const ATTRIBUTE: u8 = 0x06;
const CHAR_REF: u8 = 0x08;
const ENTITY_REF: u8 = 0x09;

/// Bytes of a name's node before its length: the next node, and a hash.
pub(crate) const NAME_LENGTH: usize = 6;
/// Bytes of a name's node besides its text: these, the length, and a NUL.
pub(crate) const NAME_NODE: usize = NAME_LENGTH + 2 + 2;

/// Bytes of a template instance's token after its first, up to what follows the
/// definition's offset.
const INSTANCE_HEADER: usize = 1 + 4 + 4;
/// Bytes of a template definition before its tokens: next definition, GUID, size.
const DEFINITION_HEADER: usize = 24;
/// The dependency id of an element that depends on no value.
const NO_DEPENDENCY: u16 = 0xFFFF;
/// Elements may nest this deep; real events need 5.
const MAX_DEPTH: u32 = 64;

/// Why the walker leaves a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes can't be what they should be.
    Damaged(&'static str),
    /// A shape that only the second lane renders.
    Unsupported,
    /// The filter does not want the event.
    Rejected(Reason),
}

/// The names that the reader looks for; all others are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Event,
    System,
    EventData,
    RenderingInfo,
    Provider,
    EventId,
    Level,
    TimeCreated,
    EventRecordId,
    Channel,
    Computer,
    Security,
    Data,
    Binary,
    /// The attribute `Name` of `Provider` and `Data`.
    Label,
    Qualifiers,
    SystemTime,
    UserId,
    Other,
}

impl Name {
    pub(crate) fn of(text: &[u8]) -> Self {
        match text {
            b"Event" => Self::Event,
            b"System" => Self::System,
            b"EventData" => Self::EventData,
            b"RenderingInfo" => Self::RenderingInfo,
            b"Provider" => Self::Provider,
            b"EventID" => Self::EventId,
            b"Level" => Self::Level,
            b"TimeCreated" => Self::TimeCreated,
            b"EventRecordID" => Self::EventRecordId,
            b"Channel" => Self::Channel,
            b"Computer" => Self::Computer,
            b"Security" => Self::Security,
            b"Data" => Self::Data,
            b"Binary" => Self::Binary,
            b"Name" => Self::Label,
            b"Qualifiers" => Self::Qualifiers,
            b"SystemTime" => Self::SystemTime,
            b"UserID" => Self::UserId,
            _ => Self::Other,
        }
    }

    /// The name whose node begins at `offset`: next node, hash, length, text.
    fn at(chunk: &[u8], offset: usize) -> Result<Self, Stop> {
        let (bytes, length) = name_text(chunk, offset)?;
        let mut ascii = [0; 16];
        let Some(ascii) = ascii.get_mut(..length) else {
            return Ok(Self::Other);
        };
        for (to, unit) in ascii.iter_mut().zip(bytes.chunks_exact(2)) {
            if unit[1] != 0 {
                return Ok(Self::Other);
            }
            *to = unit[0];
        }
        Ok(Self::of(ascii))
    }
}

/// UTF-16LE bytes and number of units of the name node at `offset`.
fn name_text(chunk: &[u8], offset: usize) -> Result<(&[u8], usize), Stop> {
    let outside = Stop::Damaged("a name lies outside the chunk");
    let at = offset.checked_add(NAME_LENGTH).ok_or(outside)?;
    let length = usize::from(u16_at(chunk, at).ok_or(outside)?);
    let bytes = chunk.get(at + 2..at + 2 + length * 2).ok_or(outside)?;
    Ok((bytes, length))
}

/// A typed value: where it lies in the chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) kind: u8,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Value {
    /// Whether the value is of a type and size that can be put out as it stands.
    #[inline]
    pub(crate) fn is_plain(self, chunk: &[u8]) -> bool {
        value::fits(self.kind, (self.end - self.start) as usize)
            || match self.kind {
                value::SID => value::is_sid(self.bytes(chunk)),
                _ => value::can_render(self.kind, self.bytes(chunk)),
            }
    }

    /// What it takes to look at the value and to make it text, in steps. A string
    /// is copied; of an array each unit may be a string of its own, and of the
    /// other types a byte becomes up to four characters.
    pub(crate) fn cost(self) -> u32 {
        let length = self.end - self.start;
        1 + match self.kind {
            value::NULL => 0,
            value::STRING => length / 32,
            _ => length / 2,
        }
    }

    pub(crate) fn bytes(self, chunk: &[u8]) -> &[u8] {
        chunk
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// A template with values: where its definition and its values are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instance {
    /// Offset of the definition.
    pub(crate) definition: u32,
    /// Offset of the first of `count` descriptors of four bytes.
    descriptors: usize,
    count: usize,
    /// Where the stream that holds the values ends.
    end: usize,
}

impl Instance {
    /// How many values there are.
    pub(crate) fn count(self) -> usize {
        self.count
    }

    /// The values' types and sizes.
    #[inline]
    pub(crate) fn descriptors(self, chunk: &[u8]) -> Option<Descriptors<'_>> {
        let end = self.descriptors + self.count * 4;
        Some(Descriptors {
            each: chunk.get(self.descriptors..end)?.as_chunks().0,
            end,
        })
    }

    /// Where the stream goes on after the values, if all of them can be put out
    /// as they stand.
    #[inline]
    pub(crate) fn plain_end(self, chunk: &[u8], all: Descriptors<'_>) -> Option<usize> {
        let mut at = all.end as u32;
        for value in all.values() {
            if !value.is_plain(chunk) {
                return None;
            }
            at = value.end;
        }
        (at as usize <= self.end).then_some(at as usize)
    }

    /// Appends the values, and returns where the stream goes on.
    pub(crate) fn values(self, chunk: &[u8], values: &mut Vec<Value>) -> Result<usize, Stop> {
        let all = self.descriptors(chunk);
        let all = all.ok_or(Stop::Damaged("values end early"))?;
        let first = values.len();
        values.extend(all.values());
        let last = values.get(first..).and_then(<[Value]>::last);
        let next = last.map_or(all.end, |last| last.end as usize);
        if next > self.end {
            return Err(Stop::Damaged("a value goes beyond the end of its record"));
        }
        Ok(next)
    }

    /// The range of the descriptors in the chunk.
    pub(crate) fn descriptors_at(self) -> (u32, u32) {
        let end = self.descriptors + self.count * 4;
        (self.descriptors as u32, end as u32)
    }

    /// Where the stream that holds the values ends.
    pub(crate) fn end(self) -> usize {
        self.end
    }
}

/// What an instance says of its values: of each two bytes of size, the type, and
/// a byte that means nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptors<'a> {
    pub(crate) each: &'a [[u8; 4]],
    /// Where they end and the values begin.
    pub(crate) end: usize,
}

impl<'a> Descriptors<'a> {
    /// The values, one behind the other.
    #[inline]
    pub(crate) fn values(self) -> impl ExactSizeIterator<Item = Value> + use<'a> {
        let mut at = self.end as u32;
        self.each.iter().map(move |&descriptor| {
            let (size, kind) = size_and_kind(descriptor);
            let start = at;
            at += size;
            Value {
                kind,
                start,
                end: at,
            }
        })
    }
}

/// A value's size in bytes, and its type.
#[inline]
pub(crate) fn size_and_kind([low, high, kind, _]: [u8; 4]) -> (u32, u8) {
    (u16::from_le_bytes([low, high]).into(), kind)
}

/// The template instance that the stream begins with, after a fragment header
/// or without. What follows its values is not looked at.
pub(crate) fn sole_instance(chunk: &[u8], (start, end): (usize, usize)) -> Option<Instance> {
    let stream = chunk.get(start..end.min(chunk.len()))?;
    let (head, before) = match stream {
        [FRAGMENT_HEADER, _, _, _, TEMPLATE_INSTANCE, head @ ..] => (head, 5),
        [TEMPLATE_INSTANCE, head @ ..] => (head, 1),
        _ => return None,
    };
    // A byte and the template's number; then the offset of the definition.
    let definition = u32::from_le_bytes(*head.get(5..)?.first_chunk()?);
    let mut at = start + before + INSTANCE_HEADER;
    if definition as usize == at {
        at = definition_range(chunk, definition).ok()?.1;
    }
    let end = start + stream.len();
    let count = u32::from_le_bytes(*chunk.get(at..end)?.first_chunk()?) as usize;
    let descriptors = at + 4;
    (count <= (end - descriptors) / 4).then_some(Instance {
        definition,
        descriptors,
        count,
        end,
    })
}

/// The range of tokens of the template definition at `offset`.
pub(crate) fn definition_range(chunk: &[u8], offset: u32) -> Result<(usize, usize), Stop> {
    let outside = Stop::Damaged("a template definition lies outside the chunk");
    let offset = offset as usize;
    let size_at = offset.checked_add(DEFINITION_HEADER - 4).ok_or(outside)?;
    let size = u32_at(chunk, size_at).ok_or(outside)? as usize;
    let start = offset + DEFINITION_HEADER;
    let end = start.checked_add(size).ok_or(outside)?;
    if end > chunk.len() {
        return Err(outside);
    }
    Ok((start, end))
}

/// A name in a stream.
#[derive(Clone, Debug)]
pub(crate) struct NameUse {
    /// Where the reference to it stands.
    pub(crate) at: usize,
    /// The length and the text of its node.
    pub(crate) text: Range<usize>,
    /// Where the stream goes on: after the node if it stands in the stream.
    pub(crate) after: usize,
    pub(crate) of: Named,
}

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Its size stands before the name, that of its attributes after it.
    Element {
        has_attributes: bool,
    },
    Attribute,
    Entity,
}

/// Takes the tokens of a stream.
pub(crate) trait Sink {
    /// Called once a token; an error ends the pass.
    fn step(&mut self) -> Result<(), Stop>;
    /// A name was read.
    fn name(&mut self, _: NameUse) {}
    fn open(&mut self, name: Name, dependency: Option<u16>) -> Result<(), Stop>;
    fn attribute(&mut self, name: Name) -> Result<(), Stop>;
    /// The start tag is complete; content follows.
    fn content(&mut self) -> Result<(), Stop>;
    fn close(&mut self) -> Result<(), Stop>;
    /// A literal value.
    fn value(&mut self, value: Value) -> Result<(), Stop>;
    /// One UTF-16 unit, from a character or entity reference.
    fn character(&mut self, unit: u16) -> Result<(), Stop>;
    /// A place for the instance's value of this number.
    fn slot(&mut self, id: u16) -> Result<(), Stop>;
    /// A template instance; returns where the stream goes on.
    fn instance(&mut self, instance: Instance) -> Result<usize, Stop>;
}

struct Cursor<'a> {
    chunk: &'a [u8],
    at: usize,
    end: usize,
}

impl Cursor<'_> {
    fn skip(&mut self, count: usize) -> Result<usize, Stop> {
        let start = self.at;
        let end = start.checked_add(count).filter(|&end| end <= self.end);
        self.at = end.ok_or(Stop::Damaged("the content ends inside a token"))?;
        Ok(start)
    }

    fn u8(&mut self) -> Result<u8, Stop> {
        let at = self.skip(1)?;
        Ok(self.chunk.get(at).copied().unwrap_or_default())
    }

    fn u16(&mut self) -> Result<u16, Stop> {
        let at = self.skip(2)?;
        Ok(u16_at(self.chunk, at).unwrap_or_default())
    }

    fn u32(&mut self) -> Result<u32, Stop> {
        let at = self.skip(4)?;
        Ok(u32_at(self.chunk, at).unwrap_or_default())
    }

    /// A name's offset; its node may follow in place and is then passed over.
    fn name_offset(&mut self, of: Named, sink: &mut impl Sink) -> Result<usize, Stop> {
        let at = self.at;
        let offset = self.u32()? as usize;
        let (_, length) = name_text(self.chunk, offset)?;
        if offset == self.at {
            self.skip(NAME_NODE + length * 2)?;
        }
        sink.name(NameUse {
            at,
            text: offset + NAME_LENGTH..offset + NAME_LENGTH + 2 + length * 2,
            after: self.at,
            of,
        });
        Ok(offset)
    }

    fn name(&mut self, of: Named, sink: &mut impl Sink) -> Result<Name, Stop> {
        let offset = self.name_offset(of, sink)?;
        Name::at(self.chunk, offset)
    }

    fn literal(&mut self) -> Result<Value, Stop> {
        let kind = self.u8()?;
        let size = match kind {
            0x00 => 0,
            0x01 => usize::from(self.u16()?) * 2,
            0x03 | 0x04 => 1,
            0x05 | 0x06 => 2,
            0x07 | 0x08 | 0x0D | 0x14 => 4,
            0x09 | 0x0A | 0x11 | 0x15 => 8,
            0x0F => 16,
            _ => return Err(Stop::Unsupported),
        };
        let start = self.skip(size)?;
        Ok(Value {
            kind,
            start: start as u32,
            end: self.at as u32,
        })
    }

    fn instance(&mut self) -> Result<Instance, Stop> {
        self.skip(1 + 4)?;
        let definition = self.u32()?;
        if definition as usize == self.at {
            let (_, end) = definition_range(self.chunk, definition)?;
            self.skip(end - self.at)?;
        }
        let count = self.u32()? as usize;
        let descriptors = self.at;
        if count > (self.end - self.at) / 4 {
            return Err(Stop::Damaged("more values than the record can hold"));
        }
        Ok(Instance {
            definition,
            descriptors,
            count,
            end: self.end,
        })
    }
}

/// Hands the tokens of `chunk[start..end]` to `sink`, up to the end token or
/// the end of the range; returns where that was. Elements of a template
/// definition carry a dependency id, and only they may hold places for values.
pub(crate) fn walk(
    chunk: &[u8],
    start: usize,
    end: usize,
    in_template: bool,
    sink: &mut impl Sink,
) -> Result<usize, Stop> {
    let mut cursor = Cursor {
        chunk,
        at: start,
        end: end.min(chunk.len()),
    };
    let mut depth = 0;
    let mut in_tag = false;
    while cursor.at < cursor.end {
        sink.step()?;
        let token = cursor.u8()?;
        match token {
            EOF => break,
            FRAGMENT_HEADER => {
                cursor.skip(3)?;
                continue;
            }
            _ => {}
        }
        // What may stand in a start tag, outside of one, and only in elements.
        let plain = token & !MORE;
        let fits = match plain {
            ATTRIBUTE | CLOSE_START | CLOSE_EMPTY => in_tag,
            OPEN_START | TEMPLATE_INSTANCE => !in_tag,
            END_ELEMENT => !in_tag && depth > 0,
            _ => in_tag || depth > 0,
        };
        if !fits {
            return Err(Stop::Damaged("a token where it can't be"));
        }
        match token {
            OPEN_START | 0x41 => {
                if depth == MAX_DEPTH {
                    return Err(Stop::Unsupported);
                }
                depth += 1;
                in_tag = true;
                let dependency = if in_template {
                    Some(cursor.u16()?).filter(|&id| id != NO_DEPENDENCY)
                } else {
                    None
                };
                // The sizes that are stored with elements are not needed.
                cursor.skip(4)?;
                let has_attributes = token & MORE != 0;
                let name = cursor.name(Named::Element { has_attributes }, sink)?;
                if has_attributes {
                    cursor.skip(4)?;
                }
                sink.open(name, dependency)?;
            }
            ATTRIBUTE | 0x46 => {
                let name = cursor.name(Named::Attribute, sink)?;
                sink.attribute(name)?;
            }
            CLOSE_START => {
                in_tag = false;
                sink.content()?;
            }
            CLOSE_EMPTY | END_ELEMENT => {
                if in_tag {
                    sink.content()?;
                }
                in_tag = false;
                depth -= 1;
                sink.close()?;
            }
            VALUE | 0x45 => {
                let value = cursor.literal()?;
                sink.value(value)?;
            }
            CHAR_REF | 0x48 => {
                let unit = cursor.u16()?;
                if (0xD800..0xE000).contains(&unit) {
                    return Err(Stop::Unsupported);
                }
                sink.character(unit)?;
            }
            ENTITY_REF | 0x49 => {
                let offset = cursor.name_offset(Named::Entity, sink)?;
                sink.character(entity(chunk, offset)?)?;
            }
            SUBSTITUTION | OPTIONAL_SUBSTITUTION => {
                let id = cursor.u16()?;
                cursor.skip(1)?;
                if !in_template {
                    return Err(Stop::Damaged("a place for a value outside a template"));
                }
                sink.slot(id)?;
            }
            TEMPLATE_INSTANCE => {
                if in_template {
                    return Err(Stop::Unsupported);
                }
                let instance = cursor.instance()?;
                let next = sink.instance(instance)?;
                cursor.skip(next.saturating_sub(cursor.at))?;
            }
            CDATA | 0x47 | PI_TARGET | PI_DATA => return Err(Stop::Unsupported),
            _ => return Err(Stop::Damaged("an unknown token")),
        }
    }
    if depth > 0 {
        return Err(Stop::Damaged("an element is not closed"));
    }
    Ok(cursor.at)
}

/// The unit that one of XML's five named entities stands for.
fn entity(chunk: &[u8], offset: usize) -> Result<u16, Stop> {
    let (bytes, _) = name_text(chunk, offset)?;
    let character = match bytes {
        b"a\0m\0p\0" => '&',
        b"l\0t\0" => '<',
        b"g\0t\0" => '>',
        b"q\0u\0o\0t\0" => '"',
        b"a\0p\0o\0s\0" => '\'',
        _ => return Err(Stop::Unsupported),
    };
    Ok(character as u16)
}
