//! [`Skeleton`]: what a template definition says, whichever chunk it stands in.
//!
//! Every chunk holds its own copy of a definition. Copies differ in where the
//! names lie, which stand in place at their first use in the chunk, and in the
//! sizes that count such names. All else is the same, byte for byte.

use std::ops::Range;

use super::binxml::{NAME_LENGTH, NAME_NODE, NameUse, Named, definition_range};
use super::format::u32_at;

/// Definitions with more than this are not kept; real ones have a few KB.
const MAX_BYTES: usize = 32_768;
const SIZE: usize = 4;

/// A definition's bytes without sizes and places of names.
#[derive(Debug)]
pub(crate) struct Skeleton {
    bytes: Box<[u8]>,
    pieces: Box<[Piece]>,
    /// Whether the tokens ended with the definition, not with an end token.
    is_open: bool,
}

/// Bytes as they stand, and the name that follows them.
#[derive(Clone, Copy, Debug)]
struct Piece {
    fixed: (u32, u32),
    /// Length and text.
    name: (u32, u32),
    of: Option<Named>,
}

/// Gathers a skeleton while the definition is read.
#[derive(Debug)]
pub(crate) struct Builder {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// Where the next piece begins.
    from: usize,
    end: usize,
    /// Whether it holds nothing that a skeleton can't tell.
    fits: bool,
}

impl Builder {
    pub(crate) fn new(definition: Range<usize>) -> Self {
        Self {
            bytes: Vec::new(),
            pieces: Vec::new(),
            from: definition.start,
            end: definition.end,
            fits: true,
        }
    }

    pub(crate) fn name(&mut self, chunk: &[u8], name: &NameUse) {
        let (before, after) = match name.of {
            Named::Element { has_attributes } => (SIZE, if has_attributes { SIZE } else { 0 }),
            Named::Attribute => (0, 0),
            // The reference's meaning would depend on the name.
            Named::Entity => return self.fits = false,
        };
        let fixed = self.push(chunk, self.from..name.at.saturating_sub(before));
        let text = self.push(chunk, name.text.clone());
        self.pieces.push(Piece {
            fixed,
            name: text,
            of: Some(name.of),
        });
        self.from = name.after + after;
    }

    /// The definition's tokens ended here.
    pub(crate) fn finish(mut self, chunk: &[u8], at: usize) -> Option<Skeleton> {
        let fixed = self.push(chunk, self.from..at);
        self.pieces.push(Piece {
            fixed,
            name: (0, 0),
            of: None,
        });
        self.fits.then(|| Skeleton {
            bytes: self.bytes.into(),
            pieces: self.pieces.into(),
            is_open: at == self.end,
        })
    }

    fn push(&mut self, chunk: &[u8], range: Range<usize>) -> (u32, u32) {
        let start = self.bytes.len();
        match chunk.get(range) {
            Some(bytes) if start + bytes.len() <= MAX_BYTES => self.bytes.extend_from_slice(bytes),
            _ => self.fits = false,
        }
        (start as u32, self.bytes.len() as u32)
    }
}

impl Skeleton {
    /// Whether the definition at `offset` says the same.
    pub(crate) fn is_of(&self, chunk: &[u8], offset: u32) -> bool {
        let Ok((start, end)) = definition_range(chunk, offset) else {
            return false;
        };
        match self.follow(chunk, start) {
            Some(at) if self.is_open => at == end,
            Some(at) => at <= end,
            None => false,
        }
    }

    /// Where the tokens end; `None` if they are others.
    fn follow(&self, chunk: &[u8], start: usize) -> Option<usize> {
        let bytes = |(start, end): (u32, u32)| self.bytes.get(start as usize..end as usize);
        let mut at = start;
        for piece in &self.pieces {
            let fixed = bytes(piece.fixed)?;
            if chunk.get(at..at + fixed.len())? != fixed {
                return None;
            }
            at += fixed.len();
            let (before, after) = match piece.of {
                Some(Named::Element {
                    has_attributes: true,
                }) => (SIZE, SIZE),
                Some(Named::Element { .. }) => (SIZE, 0),
                Some(_) => (0, 0),
                None => break,
            };
            at += before;
            let node = u32_at(chunk, at)? as usize;
            at += 4;
            let name = bytes(piece.name)?;
            let text = node.checked_add(NAME_LENGTH)?;
            if chunk.get(text..text + name.len())? != name {
                return None;
            }
            if node == at {
                // The length is part of the name.
                at += NAME_NODE - 2 + name.len();
            }
            at += after;
        }
        Some(at)
    }
}
