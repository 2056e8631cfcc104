//! A walk over the BinXML of records ([MS-EVEN6] 2.2.12) that tests every
//! length, offset and reference, and notes the names and definitions it meets.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::eventlog::format::{name_hash, template_hash, u16_at, u32_at};
use crate::text::Utf16;

/// The type of a value that is a fragment.
const BINXML: u8 = 0x21;
const SID: u8 = 0x13;
/// Elements and fragments inside each other; Windows writes fewer than ten.
const MAX_DEPTH: usize = 64;

/// What is wrong, and where in the chunk.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

fn fault<T>(at: usize, what: &'static str) -> Result<T, Fault> {
    Err(Fault { at, what })
}

const CUT: &str = "its content ends too early";

pub(super) struct Template {
    pub(super) hash: u32,
    id: u32,
    /// One more than the highest value number that the definition uses.
    slots: usize,
}

/// The walk through one chunk's records, in order.
pub(super) struct Walk<'c> {
    chunk: &'c [u8],
    /// Offset of each name's node, with its hash.
    pub(super) names: BTreeMap<u32, u16>,
    /// Offset of each definition.
    pub(super) templates: BTreeMap<u32, Template>,
}

/// Where the walk is: inside a definition values are referred to, and elements
/// say what they depend on.
#[derive(Clone, Copy)]
struct Context {
    end: usize,
    depth: usize,
    definition: bool,
}

impl<'c> Walk<'c> {
    pub(super) fn new(chunk: &'c [u8]) -> Self {
        Self {
            chunk,
            names: BTreeMap::new(),
            templates: BTreeMap::new(),
        }
    }

    /// A record's content; returns where it ends.
    pub(super) fn fragment(&mut self, at: usize, end: usize) -> Result<usize, Fault> {
        let context = Context {
            end,
            depth: 0,
            definition: false,
        };
        if self.u8(at, end)? != 0x0F {
            return fault(at, "its content does not begin with a fragment header");
        }
        self.nested(at, context, &mut 0)
    }

    /// An optional fragment header, an instance or an element, and the end.
    fn nested(
        &mut self,
        mut at: usize,
        mut context: Context,
        slots: &mut usize,
    ) -> Result<usize, Fault> {
        context.depth += 1;
        if context.depth > MAX_DEPTH {
            return fault(at, "its content is nested too deeply");
        }
        if self.u8(at, context.end)? == 0x0F {
            if self.bytes(at, 4, context.end)? != [0x0F, 1, 1, 0] {
                return fault(at, "a fragment header is not of version 1.1");
            }
            at += 4;
        }
        at = match self.u8(at, context.end)? {
            0x0C if !context.definition => self.instance(at, context)?,
            0x01 | 0x41 => self.element(at, context, slots)?,
            _ => return fault(at, "neither a template nor an element begins here"),
        };
        if self.u8(at, context.end)? != 0x00 {
            return fault(at, "a fragment has no end");
        }
        Ok(at + 1)
    }

    fn instance(&mut self, at: usize, context: Context) -> Result<usize, Fault> {
        let end = context.end;
        if self.u8(at + 1, end)? != 1 {
            return fault(at + 1, "a template instance is not of version 1");
        }
        let id = self.u32(at + 2, end)?;
        let offset = self.u32(at + 6, end)?;
        let mut at = at + 10;
        if offset as usize == at {
            at = self.definition(at, context)?;
        }
        let Some(template) = self.templates.get(&offset) else {
            return fault(at - 4, "a template instance leads to no definition");
        };
        if template.id != id {
            return fault(at - 8, "a template's id is not the one of its definition");
        }
        let slots = template.slots;
        self.values(at, context, slots)
    }

    fn definition(&mut self, start: usize, mut context: Context) -> Result<usize, Fault> {
        let Ok(guid) = <[u8; 16]>::try_from(self.bytes(start + 4, 16, context.end)?) else {
            return fault(start, CUT);
        };
        let size = self.u32(start + 20, context.end)? as usize;
        let at = start + 24;
        if size > context.end - at {
            return fault(start + 20, "a definition is larger than its record");
        }
        context.end = at + size;
        context.definition = true;
        let mut slots = 0;
        if self.nested(at, context, &mut slots)? != context.end {
            return fault(start + 20, "a definition's size is wrong");
        }
        self.templates.insert(
            start as u32,
            Template {
                hash: template_hash(&guid),
                id: u32_at(&guid, 0).unwrap_or_default(),
                slots,
            },
        );
        Ok(context.end)
    }

    fn values(&mut self, at: usize, context: Context, slots: usize) -> Result<usize, Fault> {
        let count = self.u32(at, context.end)? as usize;
        if count < slots {
            return fault(at, "an instance has fewer values than its definition uses");
        }
        let table = at + 4;
        if count > (context.end - table) / 4 {
            return fault(at, "an instance's values go beyond its record");
        }
        let mut value = table + count * 4;
        for descriptor in (table..).step_by(4).take(count) {
            let size = usize::from(self.u16(descriptor, context.end)?);
            let kind = self.u8(descriptor + 2, context.end)?;
            if self.u8(descriptor + 3, context.end)? != 0 {
                return fault(descriptor + 3, "the byte after a value's type is not 0");
            }
            self.bytes(value, size, context.end)?;
            self.value(descriptor, kind, value..value + size, context)?;
            value += size;
        }
        Ok(value)
    }

    fn value(
        &mut self,
        descriptor: usize,
        kind: u8,
        range: Range<usize>,
        mut context: Context,
    ) -> Result<(), Fault> {
        let size = range.len();
        if kind & 0x7F == BINXML {
            if size == 0 {
                return Ok(());
            }
            context.end = range.end;
            return if self.nested(range.start, context, &mut 0)? == range.end {
                Ok(())
            } else {
                fault(descriptor, "event data does not end where its value does")
            };
        }
        let bytes = self.chunk.get(range).unwrap_or_default();
        match value_fits(kind, bytes) {
            Some(true) => Ok(()),
            Some(false) => fault(descriptor, "a value's size does not fit its type"),
            None => fault(descriptor + 2, "a value is of unknown type"),
        }
    }

    fn element(
        &mut self,
        start: usize,
        mut context: Context,
        slots: &mut usize,
    ) -> Result<usize, Fault> {
        context.depth += 1;
        if context.depth > MAX_DEPTH {
            return fault(start, "its content is nested too deeply");
        }
        let has_attributes = self.u8(start, context.end)? & 0x40 != 0;
        let mut at = start + 1;
        if context.definition {
            let dependency = self.u16(at, context.end)?;
            if dependency != u16::MAX {
                *slots = (*slots).max(usize::from(dependency) + 1);
            }
            at += 2;
        }
        let size = self.u32(at, context.end)? as usize;
        at += 4;
        if size > context.end - at {
            return fault(at - 4, "an element is larger than what holds it");
        }
        context.end = at + size;
        at = self.name(at, context.end)?;
        if has_attributes {
            at = self.attributes(at, context, slots)?;
        }
        at = match self.u8(at, context.end)? {
            0x03 => at + 1,
            0x02 => self.content(at + 1, context, slots)?,
            _ => return fault(at, "an element's start tag does not end"),
        };
        if at != context.end {
            return fault(start, "an element's size is wrong");
        }
        Ok(at)
    }

    fn attributes(
        &mut self,
        at: usize,
        mut context: Context,
        slots: &mut usize,
    ) -> Result<usize, Fault> {
        let size = self.u32(at, context.end)? as usize;
        let mut at = at + 4;
        if size > context.end - at {
            return fault(at - 4, "an attribute list is larger than its element");
        }
        context.end = at + size;
        let mut more = true;
        while at < context.end {
            match self.u8(at, context.end)? {
                token @ (0x06 | 0x46) if more => more = token == 0x46,
                _ => return fault(at, "no attribute where one must be"),
            }
            at = self.name(at + 1, context.end)?;
            while at < context.end && !matches!(self.u8(at, context.end)?, 0x06 | 0x46) {
                at = self.text(at, context, slots)?;
            }
        }
        if more {
            return fault(at, "an attribute list ends before its last attribute");
        }
        Ok(at)
    }

    /// What stands between an element's tags; returns where its end tag ends.
    fn content(
        &mut self,
        mut at: usize,
        context: Context,
        slots: &mut usize,
    ) -> Result<usize, Fault> {
        loop {
            at = match self.u8(at, context.end)? {
                0x04 => return Ok(at + 1),
                0x01 | 0x41 => self.element(at, context, slots)?,
                _ => self.text(at, context, slots)?,
            };
        }
    }

    /// Text, a reference to a character or entity, or a value's place.
    fn text(&mut self, at: usize, context: Context, slots: &mut usize) -> Result<usize, Fault> {
        let end = context.end;
        match self.u8(at, end)? {
            0x05 | 0x45 => {
                if self.u8(at + 1, end)? != 1 {
                    return fault(at + 1, "a text is not a string");
                }
                self.units(at + 2, end)
            }
            // CDATA, target and data of a processing instruction.
            0x07 | 0x47 | 0x0B => self.units(at + 1, end),
            0x08 | 0x48 => self.bytes(at + 1, 2, end).map(|_| at + 3),
            0x09 | 0x49 | 0x0A => self.name(at + 1, end),
            0x0D | 0x0E if context.definition => {
                let slot = usize::from(self.u16(at + 1, end)?);
                *slots = (*slots).max(slot + 1);
                self.u8(at + 3, end)?;
                Ok(at + 4)
            }
            _ => fault(at, "an unknown token"),
        }
    }

    fn units(&mut self, at: usize, end: usize) -> Result<usize, Fault> {
        let size = usize::from(self.u16(at, end)?) * 2;
        self.bytes(at + 2, size, end)?;
        Ok(at + 2 + size)
    }

    /// A name's offset, and its node if it stands here.
    fn name(&mut self, at: usize, end: usize) -> Result<usize, Fault> {
        let node = self.u32(at, end)?;
        let at = at + 4;
        if node as usize != at {
            return if self.names.contains_key(&node) {
                Ok(at)
            } else {
                fault(at - 4, "a name's offset leads to no name")
            };
        }
        let hash = self.u16(at + 4, end)?;
        let after = self.units(at + 6, end)?;
        let units = Utf16::from_le_bytes(&self.chunk[at + 8..after]);
        if name_hash(units.units()) != hash {
            return fault(at + 4, "a name's hash is wrong");
        }
        if self.u16(after, end)? != 0 {
            return fault(after, "a name does not end with a NUL");
        }
        self.names.insert(node, hash);
        Ok(after + 2)
    }

    fn bytes(&self, at: usize, size: usize, end: usize) -> Result<&'c [u8], Fault> {
        at.checked_add(size)
            .filter(|&after| after <= end)
            .and_then(|after| self.chunk.get(at..after))
            .ok_or(Fault { at, what: CUT })
    }

    fn u8(&self, at: usize, end: usize) -> Result<u8, Fault> {
        self.bytes(at, 1, end).map(|bytes| bytes[0])
    }

    fn u16(&self, at: usize, end: usize) -> Result<u16, Fault> {
        let bytes = self.bytes(at, 2, end)?;
        u16_at(bytes, 0).ok_or(Fault { at, what: CUT })
    }

    fn u32(&self, at: usize, end: usize) -> Result<u32, Fault> {
        let bytes = self.bytes(at, 4, end)?;
        u32_at(bytes, 0).ok_or(Fault { at, what: CUT })
    }
}

/// Whether the value is none of SIDs, or these fill it; one that is empty is no value.
fn are_sids(kind: u8, mut bytes: &[u8]) -> bool {
    if kind & 0x7F != SID {
        return true;
    }
    while let Some(&parts) = bytes.get(1) {
        match bytes.get(8 + 4 * usize::from(parts)..) {
            Some(rest) if kind & 0x80 != 0 || rest.is_empty() => bytes = rest,
            _ => return false,
        }
    }
    bytes.is_empty()
}

/// Whether a value of this type, which is no fragment, can have this size, and SIDs
/// in it fill it; `None` if the type is unknown.
pub(crate) fn value_fits(kind: u8, bytes: &[u8]) -> Option<bool> {
    let size = bytes.len();
    let unit = match kind & 0x7F {
        // Arrays of nothing; and of elements whose ends are not in the log, so that nobody can
        // tell them apart.
        0x00 | 0x0E | 0x10 if kind & 0x80 != 0 => return None,
        0x10 => return Some(matches!(size, 4 | 8)),
        // No value, text of 8 bits, binary, SID.
        0x00 | 0x02 | 0x0E | 0x13 => 1,
        0x03 | 0x04 => 1,
        0x01 | 0x05 | 0x06 => 2,
        0x07 | 0x08 | 0x0B | 0x0D | 0x14 => 4,
        0x09 | 0x0A | 0x0C | 0x11 | 0x15 => 8,
        0x0F | 0x12 => 16,
        // A fragment of no bytes.
        BINXML if size == 0 => 1,
        _ => return None,
    };
    let one = kind & 0x80 == 0 && !matches!(kind, 0x00..=0x02 | 0x0E | 0x13);
    Some(size.is_multiple_of(unit) && (!one || size <= unit) && are_sids(kind, bytes))
}
