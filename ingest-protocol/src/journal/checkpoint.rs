//! What must outlive reclaimed entries: each stream's last state, and the last cursor.

use std::collections::BTreeMap;

/// A stream's id.
pub(super) type Stream = [u8; 16];

/// The state after some entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) cursor: Option<Vec<u8>>,
    pub(super) streams: BTreeMap<Stream, Vec<u8>>,
}

impl Checkpoint {
    pub(super) fn encode(&self) -> Vec<u8> {
        let cursor = self.cursor.as_deref();
        let mut bytes = Vec::new();
        bytes.extend(u32::from(cursor.is_some()).to_le_bytes());
        bytes.extend(length(cursor.unwrap_or_default()));
        bytes.extend((self.streams.len() as u64).to_le_bytes());
        bytes.extend(cursor.unwrap_or_default());
        for (stream, state) in &self.streams {
            bytes.extend(stream);
            bytes.extend(length(state));
            bytes.extend(state);
        }
        bytes
    }

    /// Bytes of [`encode`](Checkpoint::encode).
    pub(super) fn encoded_len(&self) -> u64 {
        let cursor = self.cursor.as_ref().map_or(0, Vec::len);
        let states: usize = self.streams.values().map(|state| 20 + state.len()).sum();
        (16 + cursor + states) as u64
    }

    /// Bytes after what is known are a later version's and are skipped.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let has_cursor = u32::from_le_bytes(take(&mut rest)?);
        let cursor_len = u32::from_le_bytes(take(&mut rest)?);
        let count = u64::from_le_bytes(take(&mut rest)?);
        let cursor = rest.split_off(..cursor_len as usize)?;
        let mut streams = BTreeMap::new();
        for _ in 0..count {
            let stream = take(&mut rest)?;
            let len = u32::from_le_bytes(take(&mut rest)?);
            streams.insert(stream, rest.split_off(..len as usize)?.to_vec());
        }
        Some(Self {
            cursor: (has_cursor != 0).then(|| cursor.to_vec()),
            streams,
        })
    }
}

/// An entry's limit keeps every length below 4 GiB.
fn length(bytes: &[u8]) -> [u8; 4] {
    (bytes.len() as u32).to_le_bytes()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_no_prefix_is_taken_for_it() {
        let whole = Checkpoint {
            cursor: Some(b"bookmark".to_vec()),
            streams: BTreeMap::from([([1; 16], b"state".to_vec()), ([2; 16], Vec::new())]),
        };
        let bytes = whole.encode();
        assert_eq!(bytes.len() as u64, whole.encoded_len());
        assert_eq!(Checkpoint::decode(&bytes), Some(whole));
        for len in 0..bytes.len() {
            assert_eq!(Checkpoint::decode(&bytes[..len]), None);
        }
        let none = Checkpoint::default();
        assert_eq!(Checkpoint::decode(&none.encode()), Some(none));
    }

    #[test]
    fn a_count_that_lies_allocates_nothing() {
        let mut bytes = Checkpoint::default().encode();
        bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(Checkpoint::decode(&bytes), None);
    }
}
