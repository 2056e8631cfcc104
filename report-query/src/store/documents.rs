//! `Documents`: long texts of which each row has its own, kept beside the rows.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use crate::value::Value;

/// Texts one behind the other, in blocks, which are compressed in sealed segments (feature
/// `compress`). To look at one its block is unpacked.
#[derive(Debug, Default)]
pub(super) struct Documents {
    bytes: Box<[u8]>,
    blocks: Box<[Block]>,
    /// Bytes of each row's text, or [`NONE`].
    lengths: Box<[u32]>,
    /// The packed block that was looked at last: neighbours are mostly looked at together.
    last: Mutex<Option<(usize, Vec<u8>)>>,
}

#[derive(Debug)]
struct Block {
    first_row: u32,
    /// Where it ends.
    end: usize,
    /// Bytes of its texts, if it is packed.
    packed: Option<usize>,
}

const NONE: u32 = u32::MAX;

/// Bytes of a text, at most; longer ones are refused.
pub(super) const LONGEST: usize = if cfg!(test) {
    1 << 20
} else {
    u32::MAX as usize - 1
};

/// Bytes from which on the next text begins another block.
const BLOCK: usize = if cfg!(test) { 40 } else { 16 << 10 };

impl Documents {
    /// Of texts, of which none is longer than [`LONGEST`].
    pub(super) fn new<'a>(
        texts: impl Iterator<Item = Option<Cow<'a, str>>>,
        is_packed: bool,
    ) -> Self {
        let mut lengths = Vec::new();
        let mut bytes = Vec::new();
        let mut blocks = Vec::new();
        let mut block = String::new();
        let mut first_row = 0;
        let mut end = |block: &mut String, first_row: u32| {
            let packed = if is_packed { pack(block) } else { None };
            bytes.extend_from_slice(packed.as_deref().unwrap_or(block.as_bytes()));
            blocks.push(Block {
                first_row,
                end: bytes.len(),
                packed: packed.map(|_| block.len()),
            });
            block.clear();
        };
        for (row, text) in (0_u32..).zip(texts) {
            let Some(text) = text else {
                lengths.push(NONE);
                continue;
            };
            if block.len() >= BLOCK {
                end(&mut block, first_row);
                first_row = row;
            }
            // None is longer than that.
            lengths.push(text.len() as u32);
            block.push_str(&text);
        }
        end(&mut block, first_row);
        Self {
            bytes: bytes.into(),
            blocks: blocks.into(),
            lengths: lengths.into(),
            last: Mutex::default(),
        }
    }

    /// The same with blocks packed.
    pub(super) fn packed(&self) -> Self {
        let text = |row| match self.get(row) {
            Value::Text(text) => Some(Cow::Owned(text.to_string())),
            _ => None,
        };
        Self::new((0..self.lengths.len()).map(text), true)
    }

    /// The text of a row.
    pub(super) fn get(&self, row: usize) -> Value {
        self.text(row).unwrap_or_default()
    }

    fn text(&self, row: usize) -> Option<Value> {
        let length = self.lengths.get(row).filter(|length| **length != NONE)?;
        let is_before = |block: &Block| block.first_row as usize <= row;
        let number = self.blocks.partition_point(is_before).checked_sub(1)?;
        let block = self.blocks.get(number)?;
        let before = self.lengths.get(block.first_row as usize..row)?.iter();
        let before = before.filter(|length| **length != NONE);
        let start: usize = before.map(|length| *length as usize).sum();
        let of = |texts: &[u8]| {
            let text = texts.get(start..start + *length as usize)?;
            std::str::from_utf8(text).ok().map(Value::text)
        };
        let place = number
            .checked_sub(1)
            .and_then(|before| self.blocks.get(before));
        let bytes = self
            .bytes
            .get(place.map_or(0, |before| before.end)..block.end)?;
        let Some(length) = block.packed else {
            return of(bytes);
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, texts)) if *known == number => of(texts),
            _ => {
                let texts = unpack(bytes, length);
                let text = of(&texts);
                *last = Some((number, texts));
                text
            }
        }
    }

    /// Whether no row has a text.
    pub(super) fn is_empty(&self) -> bool {
        self.lengths.iter().all(|length| *length == NONE)
    }

    /// Bytes of it, with those of the block that was looked at last.
    pub(super) fn size(&self) -> usize {
        let lengths = self.blocks.iter().filter_map(|block| block.packed);
        let last = lengths.max().unwrap_or_default();
        self.bytes.len() + size_of_val(&*self.blocks) + size_of_val(&*self.lengths) + last
    }
}

/// `None` if that makes it no smaller.
#[cfg(feature = "compress")]
fn pack(text: &str) -> Option<Vec<u8>> {
    let packed = lz4_flex::block::compress(text.as_bytes());
    Some(packed).filter(|packed| packed.len() < text.len())
}

#[cfg(feature = "compress")]
fn unpack(bytes: &[u8], length: usize) -> Vec<u8> {
    lz4_flex::block::decompress(bytes, length).unwrap_or_default()
}

#[cfg(not(feature = "compress"))]
fn pack(_: &str) -> Option<Vec<u8>> {
    None
}

/// Nothing is packed.
#[cfg(not(feature = "compress"))]
fn unpack(_: &[u8], _: usize) -> Vec<u8> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_comes_back(
            texts in prop::collection::vec(prop::option::of("[a-cäß]{0,30}"), 0..60),
            is_packed: bool,
            rows in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let borrowed = texts.iter().map(|text| text.as_deref().map(Cow::Borrowed));
            let documents = Documents::new(borrowed, is_packed);
            prop_assert_eq!(documents.is_empty(), texts.iter().all(Option::is_none));
            let expected = |row: usize| texts[row].as_deref().map(Value::text).unwrap_or_default();
            for row in 0..texts.len() {
                prop_assert_eq!(documents.get(row), expected(row));
            }
            prop_assert_eq!(documents.get(texts.len()), Value::Null);
            if !texts.is_empty() {
                for row in rows {
                    let row = row.index(texts.len());
                    prop_assert_eq!(documents.get(row), expected(row));
                }
            }
        }
    }

    #[cfg(feature = "compress")]
    #[test]
    fn texts_that_are_alike_take_little() {
        let text = |number: u32| format!("{{\"kind\":\"member.add\",\"number\":{number}}}");
        let texts = || (0..2_000).map(|number| Some(Cow::Owned(text(number).repeat(20))));
        let (plain, packed) = (
            Documents::new(texts(), false),
            Documents::new(texts(), true),
        );
        assert!(
            packed.size() * 2 < plain.size(),
            "{} {}",
            packed.size(),
            plain.size()
        );
    }
}
