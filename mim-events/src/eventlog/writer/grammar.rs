//! The strict grammar of elements ([MS-EVEN6] 2.2.12), read from one chunk and
//! written to a place where other offsets hold.
//!
//! It accepts what [`check`](crate::eventlog::check) accepts, and nothing that
//! has to be guessed: every size must be right, every name whole, with its
//! hash, and before the place that refers to it.

use crate::eventlog::format::{CHUNK_HEADER_SIZE, name_hash, u16_at, u32_at};
use crate::text::Utf16;

/// Elements and fragments inside each other, as `check` allows them.
const MAX_DEPTH: usize = 64;

/// Why something is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// So many bytes would be needed.
    TooLarge(usize),
    /// The bytes can't be what they should be.
    Damaged(&'static str),
    /// A shape whose meaning is not known for sure.
    Unknown(&'static str),
}

pub(super) type Result<T, E = Refused> = std::result::Result<T, E>;

const CUT: Refused = Refused::Damaged("its content ends too early");

/// Takes elements piece by piece.
pub(super) trait Out {
    /// Bytes that mean the same everywhere.
    fn raw(&mut self, bytes: &[u8]);
    /// A reference to a name; returns how many steps it took.
    fn name(&mut self, hash: u16, name: Utf16<'_>) -> usize;
    /// The count of the bytes up to [`end_size`](Self::end_size).
    fn begin_size(&mut self) -> usize;
    fn end_size(&mut self, begin: usize);
    /// Whether more than there can be room for was written.
    fn is_full(&self) -> bool;
}

/// Where a walk is. In a definition, elements say which value they depend on,
/// and values may be referred to.
#[derive(Clone, Copy)]
pub(super) struct Context {
    pub(super) end: usize,
    pub(super) depth: usize,
    pub(super) definition: bool,
}

impl Context {
    pub(super) fn deeper(mut self) -> Result<Self> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Refused::Unknown("its content is nested too deeply"));
        }
        Ok(self)
    }
}

/// Reads a chunk. Every step is counted, so that crafted content can't keep it busy.
pub(super) struct Grammar<'a> {
    pub(super) chunk: &'a [u8],
    pub(super) steps: &'a mut usize,
}

impl<'a> Grammar<'a> {
    pub(super) fn step(&mut self, count: usize) -> Result<()> {
        *self.steps = self
            .steps
            .checked_sub(count)
            .ok_or(Refused::Unknown("its chunk asks for too much work"))?;
        Ok(())
    }

    pub(super) fn bytes(&self, at: usize, size: usize, end: usize) -> Result<&'a [u8]> {
        at.checked_add(size)
            .filter(|&after| after <= end)
            .and_then(|after| self.chunk.get(at..after))
            .ok_or(CUT)
    }

    pub(super) fn u8(&self, at: usize, end: usize) -> Result<u8> {
        self.bytes(at, 1, end).map(|bytes| bytes[0])
    }

    pub(super) fn u16(&self, at: usize, end: usize) -> Result<u16> {
        u16_at(self.bytes(at, 2, end)?, 0).ok_or(CUT)
    }

    pub(super) fn u32(&self, at: usize, end: usize) -> Result<u32> {
        u32_at(self.bytes(at, 4, end)?, 0).ok_or(CUT)
    }

    /// A fragment's header, if it has one; returns what follows.
    pub(super) fn header<O: Out>(&self, at: usize, end: usize, out: &mut O) -> Result<usize> {
        if self.u8(at, end)? != 0x0F {
            return Ok(at);
        }
        let header = self.bytes(at, 4, end)?;
        if header != [0x0F, 1, 1, 0] {
            return Err(Refused::Unknown("a fragment is not of version 1.1"));
        }
        out.raw(header);
        Ok(at + 4)
    }

    /// An element; returns where it ends, and makes `slots` one more than the
    /// highest value number that it uses.
    pub(super) fn element<O: Out>(
        &mut self,
        start: usize,
        context: Context,
        slots: &mut usize,
        out: &mut O,
    ) -> Result<usize> {
        let mut context = context.deeper()?;
        self.step(1)?;
        if out.is_full() {
            return Err(Refused::TooLarge(usize::MAX));
        }
        let mut at = start + 1;
        if context.definition {
            let dependency = self.u16(at, context.end)?;
            if dependency != u16::MAX {
                *slots = (*slots).max(usize::from(dependency) + 1);
            }
            at += 2;
        }
        out.raw(self.bytes(start, at - start, context.end)?);
        context.end = self.sized(at, context.end)?;
        let size = out.begin_size();
        at = self.name(at + 4, context.end, out)?;
        if self.u8(start, context.end)? & 0x40 != 0 {
            at = self.attributes(at, context, slots, out)?;
        }
        let token = self.bytes(at, 1, context.end)?;
        out.raw(token);
        at = match token {
            [0x03] => at + 1,
            [0x02] => self.content(at + 1, context, slots, out)?,
            _ => return Err(Refused::Damaged("an element's start tag does not end")),
        };
        if at != context.end {
            return Err(Refused::Damaged("an element's size is wrong"));
        }
        out.end_size(size);
        Ok(at)
    }

    /// Where what the size at `at` counts ends.
    fn sized(&self, at: usize, end: usize) -> Result<usize> {
        let size = self.u32(at, end)? as usize;
        (at + 4)
            .checked_add(size)
            .filter(|&after| after <= end)
            .ok_or(Refused::Damaged("a size is larger than what holds it"))
    }

    fn attributes<O: Out>(
        &mut self,
        start: usize,
        mut context: Context,
        slots: &mut usize,
        out: &mut O,
    ) -> Result<usize> {
        context.end = self.sized(start, context.end)?;
        let size = out.begin_size();
        let mut at = start + 4;
        let mut more = true;
        while at < context.end {
            self.step(1)?;
            let token = self.bytes(at, 1, context.end)?;
            match token {
                [0x06 | 0x46] if more => more = token == [0x46],
                _ => return Err(Refused::Damaged("no attribute where one must be")),
            }
            out.raw(token);
            at = self.name(at + 1, context.end, out)?;
            while at < context.end && !matches!(self.u8(at, context.end)?, 0x06 | 0x46) {
                at = self.text(at, context, slots, out)?;
            }
        }
        if more {
            let what = "an attribute list ends before its last attribute";
            return Err(Refused::Damaged(what));
        }
        out.end_size(size);
        Ok(at)
    }

    /// What stands between an element's tags; returns where its end tag ends.
    fn content<O: Out>(
        &mut self,
        mut at: usize,
        context: Context,
        slots: &mut usize,
        out: &mut O,
    ) -> Result<usize> {
        loop {
            at = match self.u8(at, context.end)? {
                0x04 => {
                    out.raw(&[0x04]);
                    return Ok(at + 1);
                }
                0x01 | 0x41 => self.element(at, context, slots, out)?,
                _ => self.text(at, context, slots, out)?,
            };
        }
    }

    /// Text, a reference to a character or entity, or a value's place.
    fn text<O: Out>(
        &mut self,
        at: usize,
        context: Context,
        slots: &mut usize,
        out: &mut O,
    ) -> Result<usize> {
        self.step(1)?;
        let end = context.end;
        let token = self.u8(at, end)?;
        let size = match token {
            0x05 | 0x45 => {
                if self.u8(at + 1, end)? != 1 {
                    return Err(Refused::Unknown("a text is not a string"));
                }
                4 + usize::from(self.u16(at + 2, end)?) * 2
            }
            // CDATA, data of a processing instruction.
            0x07 | 0x47 | 0x0B => 3 + usize::from(self.u16(at + 1, end)?) * 2,
            0x08 | 0x48 => 3,
            // An entity, the target of a processing instruction.
            0x09 | 0x49 | 0x0A => {
                out.raw(&[token]);
                return self.name(at + 1, end, out);
            }
            0x0D | 0x0E if context.definition => {
                let slot = usize::from(self.u16(at + 1, end)?);
                *slots = (*slots).max(slot + 1);
                4
            }
            _ => return Err(Refused::Unknown("an unknown token")),
        };
        self.step(size / 4)?;
        out.raw(self.bytes(at, size, end)?);
        Ok(at + size)
    }

    /// A name's offset, and its node if it stands here.
    fn name<O: Out>(&mut self, at: usize, end: usize, out: &mut O) -> Result<usize> {
        let node = self.u32(at, end)? as usize;
        let after = at + 4;
        let inline = node == after;
        if !inline && !(CHUNK_HEADER_SIZE..at).contains(&node) {
            return Err(Refused::Damaged("a name's offset leads to no name"));
        }
        let end = if inline { end } else { at };
        let hash = self.u16(node + 4, end)?;
        let size = usize::from(self.u16(node + 6, end)?) * 2;
        let name = Utf16::from_le_bytes(self.bytes(node + 8, size, end)?);
        if self.u16(node + 8 + size, end)? != 0 || name_hash(name.units()) != hash {
            return Err(Refused::Damaged("a name's offset leads to no name"));
        }
        let steps = out.name(hash, name);
        self.step(name.len() + steps)?;
        Ok(if inline { node + 8 + size + 2 } else { after })
    }
}

/// Elements with their names instead of offsets: what tells definitions apart.
pub(super) struct Canonical(pub(super) Vec<u8>);

impl Out for Canonical {
    fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn name(&mut self, _: u16, name: Utf16<'_>) -> usize {
        self.0.extend_from_slice(&(name.len() as u16).to_le_bytes());
        self.0.extend_from_slice(name.as_le_bytes());
        1
    }

    /// Sizes follow from the rest.
    fn begin_size(&mut self) -> usize {
        0
    }

    fn end_size(&mut self, _: usize) {}

    fn is_full(&self) -> bool {
        self.0.len() > 1 << 20
    }
}
