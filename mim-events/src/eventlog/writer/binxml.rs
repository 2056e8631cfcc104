//! Elements and names, written into a chunk as BinXML ([MS-EVEN6] 2.2.12).

use super::definition::{Attribute, value};
use crate::eventlog::format::{STRING_BUCKETS, STRING_TABLE, name_hash, u16_at, u32_at};
use crate::text::Utf16;

/// Makes what follows the newest node of a bucket: puts the offset of the node
/// that was the newest, and the new one's into the table.
pub(super) fn chain(bytes: &mut Vec<u8>, bucket: usize) {
    let node = (bytes.len() as u32).to_le_bytes();
    let mut older = [0; 4];
    older.copy_from_slice(&bytes[bucket..bucket + 4]);
    bytes.extend_from_slice(&older);
    bytes[bucket..bucket + 4].copy_from_slice(&node);
}

/// Leaves room for the count of the bytes that follow.
pub(super) fn begin_size(bytes: &mut Vec<u8>) -> usize {
    bytes.extend_from_slice(&[0; 4]);
    bytes.len()
}

pub(super) fn end_size(bytes: &mut [u8], begin: usize) {
    let size = (bytes.len() - begin) as u32;
    bytes[begin - 4..begin].copy_from_slice(&size.to_le_bytes());
}

/// Writes the elements of a definition into a chunk.
pub(super) struct Binxml<'a> {
    pub(super) bytes: &'a mut Vec<u8>,
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

    fn name(&mut self, name: &str) {
        write_name(
            self.bytes,
            name_hash(name.encode_utf16()),
            name.encode_utf16(),
        );
    }

    fn begin_size(&mut self) -> usize {
        begin_size(self.bytes)
    }

    fn end_size(&mut self, begin: usize) {
        end_size(self.bytes, begin);
    }
}

/// A name: the offset of its node, with the node where the chunk has none yet.
/// Returns how many nodes were looked at.
pub(super) fn write_name(
    bytes: &mut Vec<u8>,
    hash: u16,
    name: impl Iterator<Item = u16> + Clone,
) -> usize {
    let bucket = STRING_TABLE + usize::from(hash) % STRING_BUCKETS * 4;
    let mut steps = 0;
    let mut place = bucket;
    while let Some(node) = u32_at(bytes, place).filter(|&node| node != 0) {
        if is_node_of(bytes, node as usize, hash, name.clone()) {
            bytes.extend_from_slice(&node.to_le_bytes());
            return steps;
        }
        place = node as usize;
        steps += 1;
    }
    let node = (bytes.len() + 4) as u32;
    bytes.extend_from_slice(&node.to_le_bytes());
    chain(bytes, bucket);
    bytes.extend_from_slice(&hash.to_le_bytes());
    let count = name.clone().count() as u16;
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend(name.flat_map(u16::to_le_bytes));
    bytes.extend_from_slice(&[0; 2]);
    steps
}

fn is_node_of(bytes: &[u8], node: usize, hash: u16, name: impl Iterator<Item = u16>) -> bool {
    u16_at(bytes, node + 4) == Some(hash)
        && u16_at(bytes, node + 6).is_some_and(|count| {
            bytes
                .get(node + 8..node + 8 + usize::from(count) * 2)
                .is_some_and(|units| Utf16::from_le_bytes(units).units().eq(name))
        })
}
