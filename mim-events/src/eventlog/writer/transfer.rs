//! Moves a record's content from the chunk it was read from into the chunk
//! that is being filled.

use std::collections::HashMap;

use super::chunk::Chunk;
use super::grammar::{Canonical, Context, Grammar, Out, Refused, Result};
use crate::eventlog::check::value_fits;
use crate::eventlog::format::{CHUNK_HEADER_SIZE, CHUNK_SIZE, u32_at};

/// Steps (tokens, units of names, bytes of text by the four) for the records of a
/// chunk. Chunks of real logs need less than 100,000.
const CHUNK_STEPS: usize = 1_000_000;
/// Steps that each record brings, for each of its bytes: the same records may
/// be copied any number of times.
const STEPS_A_BYTE: usize = 16;
/// Bytes of a template definition before its content: next definition, GUID, size.
const DEFINITION_HEADER: usize = 24;
const BINXML: u8 = 0x21;

/// The chunk that records are taken from, and what is known of its definitions.
#[derive(Default)]
pub(super) struct Source {
    chunk: Vec<u8>,
    steps: usize,
    /// By offset.
    definitions: HashMap<u32, Result<Known>>,
    /// The definitions' GUID and content, names resolved.
    contents: Vec<Box<[u8]>>,
}

/// A definition of the source chunk that was read once.
#[derive(Clone, Copy)]
struct Known {
    /// Which of the contents.
    content: usize,
    end: usize,
    /// How many values an instance must have.
    slots: usize,
    /// In which state of which chunk it was found or put, and where.
    placed: Option<(u64, u32)>,
}

impl Source {
    /// Takes records from this chunk from now on.
    pub(super) fn set(&mut self, chunk: &[u8]) {
        if self.chunk != chunk {
            self.chunk.clear();
            self.chunk.extend_from_slice(chunk);
            self.steps = CHUNK_STEPS;
            self.definitions.clear();
            self.contents.clear();
        }
    }

    pub(super) fn chunk(&self) -> &[u8] {
        &self.chunk
    }

    /// Moves the content `start..end` of a record, and what may follow it as padding.
    pub(super) fn transfer(&mut self, start: usize, end: usize, chunk: &mut Chunk) -> Result<()> {
        let brought = end.saturating_sub(start) * STEPS_A_BYTE;
        self.steps = (self.steps + brought).min(CHUNK_STEPS);
        let mut transfer = Transfer {
            grammar: Grammar {
                chunk: &self.chunk,
                steps: &mut self.steps,
            },
            definitions: &mut self.definitions,
            contents: &mut self.contents,
            chunk,
        };
        let context = Context {
            end,
            depth: 0,
            definition: false,
        };
        if transfer.grammar.u8(start, end)? != 0x0F {
            let what = "its content does not begin with a fragment header";
            return Err(Refused::Unknown(what));
        }
        let after = transfer.fragment(start, context)?;
        if end - after >= 8 {
            return Err(Refused::Unknown("more than padding follows its content"));
        }
        Ok(())
    }

    /// GUID and content of the definition at `offset`, names resolved.
    pub(super) fn definition(&mut self, offset: u32) -> Result<&[u8]> {
        let mut grammar = Grammar {
            chunk: &self.chunk,
            steps: &mut self.steps,
        };
        let known = definition(
            &mut grammar,
            &mut self.definitions,
            &mut self.contents,
            offset,
            CHUNK_SIZE,
        )?;
        Ok(&self.contents[known.content])
    }
}

/// Reads the definition at `offset`, which must end at or before `bound`.
fn definition(
    grammar: &mut Grammar<'_>,
    definitions: &mut HashMap<u32, Result<Known>>,
    contents: &mut Vec<Box<[u8]>>,
    offset: u32,
    bound: usize,
) -> Result<Known> {
    let known = match definitions.get(&offset) {
        Some(known) => *known,
        None => {
            let known = canonical(grammar, offset as usize).map(|(content, end, slots)| {
                contents.push(content);
                Known {
                    content: contents.len() - 1,
                    end,
                    slots,
                    placed: None,
                }
            });
            definitions.insert(offset, known);
            known
        }
    }?;
    if known.end > bound {
        return Err(Refused::Damaged(
            "a definition does not end where it should",
        ));
    }
    Ok(known)
}

/// GUID and content of a definition, its end, and how many values it uses.
pub(super) fn canonical(
    grammar: &mut Grammar<'_>,
    offset: usize,
) -> Result<(Box<[u8]>, usize, usize)> {
    let whole = grammar.chunk.len();
    let start = offset + DEFINITION_HEADER;
    let size = grammar.u32(start - 4, whole)? as usize;
    let end = start
        .checked_add(size)
        .filter(|&end| end <= whole)
        .ok_or(Refused::Damaged("a definition goes beyond its chunk"))?;
    let mut out = Canonical(grammar.bytes(offset + 4, 16, whole)?.to_vec());
    let context = Context {
        end,
        depth: 0,
        definition: true,
    };
    let mut slots = 0;
    definition_content(grammar, start, context, &mut slots, &mut out)?;
    Ok((out.0.into(), end, slots))
}

fn definition_content<O: Out>(
    grammar: &mut Grammar<'_>,
    at: usize,
    context: Context,
    slots: &mut usize,
    out: &mut O,
) -> Result<()> {
    let context = context.deeper()?;
    let at = grammar.header(at, context.end, out)?;
    if !matches!(grammar.u8(at, context.end)?, 0x01 | 0x41) {
        return Err(Refused::Unknown("a definition holds no element"));
    }
    let at = grammar.element(at, context, slots, out)?;
    if grammar.bytes(at, 1, context.end)? != [0] || at + 1 != context.end {
        return Err(Refused::Damaged("a definition's size is wrong"));
    }
    out.raw(&[0]);
    Ok(())
}

struct Transfer<'a> {
    grammar: Grammar<'a>,
    definitions: &'a mut HashMap<u32, Result<Known>>,
    contents: &'a mut Vec<Box<[u8]>>,
    chunk: &'a mut Chunk,
}

impl Transfer<'_> {
    /// An optional header, an instance or an element, and the end; returns
    /// what follows.
    fn fragment(&mut self, at: usize, context: Context) -> Result<usize> {
        let context = context.deeper()?;
        let mut at = self.grammar.header(at, context.end, self.chunk)?;
        at = match self.grammar.u8(at, context.end)? {
            0x0C => self.instance(at, context)?,
            0x01 | 0x41 => self.grammar.element(at, context, &mut 0, self.chunk)?,
            _ => return Err(Refused::Unknown("neither a template nor an element")),
        };
        if self.grammar.u8(at, context.end)? != 0 {
            return Err(Refused::Unknown("a fragment has no end"));
        }
        self.chunk.raw(&[0]);
        Ok(at + 1)
    }

    fn instance(&mut self, at: usize, context: Context) -> Result<usize> {
        self.grammar.step(1)?;
        let end = context.end;
        if self.grammar.u8(at + 1, end)? != 1 {
            return Err(Refused::Unknown("a template instance is not of version 1"));
        }
        let id = self.grammar.u32(at + 2, end)?;
        let offset = self.grammar.u32(at + 6, end)?;
        let after = at + 10;
        let inline = offset as usize == after;
        if !inline && !(CHUNK_HEADER_SIZE..at).contains(&(offset as usize)) {
            return Err(Refused::Damaged(
                "a template instance leads to no definition",
            ));
        }
        let bound = if inline { end } else { at };
        let known = definition(
            &mut self.grammar,
            self.definitions,
            self.contents,
            offset,
            bound,
        )?;
        let content = &self.contents[known.content];
        if u32_at(content, 0) != Some(id) {
            let what = "a template's id is not the one of its definition";
            return Err(Refused::Unknown(what));
        }
        let state = self.chunk.state();
        let placed = known
            .placed
            .and_then(|(in_state, at)| (in_state == state).then_some(at))
            .or_else(|| self.chunk.find_definition(content));
        self.chunk.begin_instance(id);
        let placed = match placed {
            Some(placed) => {
                self.chunk.raw(&placed.to_le_bytes());
                placed
            }
            None => {
                let Self { grammar, chunk, .. } = self;
                let start = offset as usize + DEFINITION_HEADER;
                let inside = Context {
                    end: known.end,
                    definition: true,
                    ..context
                };
                chunk.define(content, |chunk| {
                    definition_content(grammar, start, inside, &mut 0, chunk)
                })?
            }
        };
        if let Some(Ok(known)) = self.definitions.get_mut(&offset) {
            known.placed = Some((state, placed));
        }
        self.values(if inline { known.end } else { after }, context, known.slots)
    }

    fn values(&mut self, at: usize, context: Context, slots: usize) -> Result<usize> {
        let count = self.grammar.u32(at, context.end)? as usize;
        if count < slots {
            let what = "an instance has fewer values than its definition uses";
            return Err(Refused::Unknown(what));
        }
        let table = at + 4;
        if count > (context.end - table) / 4 {
            return Err(Refused::Damaged(
                "an instance's values go beyond its record",
            ));
        }
        self.grammar.step(count)?;
        self.chunk
            .raw(self.grammar.bytes(at, 4 + count * 4, context.end)?);
        let descriptors = self.chunk.len() - count * 4;
        let mut value = table + count * 4;
        for index in 0..count {
            let descriptor = table + index * 4;
            let size = usize::from(self.grammar.u16(descriptor, context.end)?);
            let kind = self.grammar.u8(descriptor + 2, context.end)?;
            if self.grammar.u8(descriptor + 3, context.end)? != 0 {
                return Err(Refused::Unknown("the byte after a value's type is not 0"));
            }
            let bytes = self.grammar.bytes(value, size, context.end)?;
            if kind == BINXML && size > 0 {
                let start = self.chunk.len();
                let inside = Context {
                    end: value + size,
                    ..context
                };
                if self.fragment(value, inside)? != value + size {
                    let what = "event data does not end where its value does";
                    return Err(Refused::Unknown(what));
                }
                let size = self.chunk.len() - start;
                let size = u16::try_from(size).map_err(|_| Refused::TooLarge(size))?;
                self.chunk
                    .patch(descriptors + index * 4, &size.to_le_bytes());
            } else {
                match value_fits(kind, bytes) {
                    Some(true) => {}
                    Some(false) => {
                        return Err(Refused::Damaged("a value's size does not fit its type"));
                    }
                    None => return Err(Refused::Unknown("a value is of unknown type")),
                }
                self.grammar.step(size / 16)?;
                self.chunk.raw(bytes);
            }
            value += size;
        }
        Ok(value)
    }
}
