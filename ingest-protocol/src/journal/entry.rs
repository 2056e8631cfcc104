//! One entry: what a caller appends, and its bytes in a segment.

use bytes::Bytes;
use crc_fast::Digest;

use super::block::LIMIT;
use super::checkpoint::{Checkpoint, Stream};

/// Bytes of an entry's header.
pub(super) const HEADER: usize = 72;
const MAGIC: [u8; 4] = *b"IGJE";
const CRC: usize = HEADER - 8;
const PAYLOAD_CRC: usize = 8;

/// Kinds from here on are the journal's.
pub(super) const RESERVED: u8 = 240;
/// An entry whose body was erased.
pub(super) const ERASED: u8 = RESERVED;
/// Reserved kinds up to here may be passed over by a version that does not know them.
const LAST_IGNORABLE: u8 = 247;

const HAS_CURSOR: u8 = 1;
const HAS_STATE: u8 = 2;
const FORGETS: u8 = 4;

/// What is to be appended: a kind, a body, and what is durable together with it.
///
/// ```
/// use ingest_protocol::journal::Append;
/// let append = Append::new(1, b"a sealed frame")
///     .cursor(b"record 4711")           // how far the agent has read
///     .state([7; 16], b"next: 4712");   // the watermark of the frame's stream
/// assert_eq!(append.len(), 35);
/// # Ok::<(), ingest_protocol::journal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Append<'a> {
    pub(super) kind: u8,
    pub(super) body: &'a [u8],
    pub(super) cursor: Option<&'a [u8]>,
    pub(super) state: Option<(Stream, Option<&'a [u8]>)>,
    /// It makes room, so it finds room.
    pub(super) over_cap: bool,
}

impl<'a> Append<'a> {
    /// An entry of a kind from 0 to 239, whose meaning is the caller's.
    pub fn new(kind: u8, body: &'a [u8]) -> Self {
        Self {
            kind,
            body,
            cursor: None,
            state: None,
            over_cap: false,
        }
    }

    /// The caller's place in its source. Without it the cursor stays what it was.
    pub fn cursor(mut self, cursor: &'a [u8]) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// The state of a stream, by its 16-byte id, from this entry on.
    pub fn state(mut self, stream: [u8; 16], state: &'a [u8]) -> Self {
        self.state = Some((stream, Some(state)));
        self
    }

    /// For what has to be stored before something can be released.
    pub(crate) fn over_cap(mut self, over_cap: bool) -> Self {
        self.over_cap = over_cap;
        self
    }

    /// From this entry on, the stream has no state. Replaces [`state`](Append::state).
    pub fn forget(mut self, stream: [u8; 16]) -> Self {
        self.state = Some((stream, None));
        self
    }

    /// Bytes of body, cursor and state.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.body.len() + self.cursor.map_or(0, <[u8]>::len) + self.state_bytes().len()
    }

    fn state_bytes(&self) -> &'a [u8] {
        self.state.and_then(|(_, state)| state).unwrap_or_default()
    }

    /// Bytes in the segment.
    pub(super) fn encoded_len(&self) -> u64 {
        encoded_len(self.len() as u64)
    }

    pub(super) fn apply(&self, checkpoint: &mut Checkpoint) {
        if let Some(cursor) = self.cursor {
            set(checkpoint.cursor.get_or_insert_default(), cursor);
        }
        if let Some((stream, state)) = self.state {
            match state {
                Some(state) => set(checkpoint.streams.entry(stream).or_default(), state),
                None => drop(checkpoint.streams.remove(&stream)),
            }
        }
    }

    pub(super) fn encode(&self, marks: EntryMarks, seed: &Digest, into: &mut Vec<u8>) {
        let mut header = [0; HEADER];
        let mut set = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        let mut flags = 0;
        if self.cursor.is_some() {
            flags |= HAS_CURSOR;
        }
        if let Some((stream, state)) = self.state {
            flags |= if state.is_some() { HAS_STATE } else { FORGETS };
            set(48, &stream);
        }
        let cursor = self.cursor.unwrap_or_default();
        set(0, &MAGIC);
        set(4, &[self.kind, flags]);
        set(8, &marks.index.to_le_bytes());
        set(16, &marks.durable.to_le_bytes());
        set(24, &marks.released.to_le_bytes());
        set(32, &(cursor.len() as u32).to_le_bytes());
        set(36, &(self.state_bytes().len() as u32).to_le_bytes());
        set(40, &(self.body.len() as u32).to_le_bytes());
        let sum = sum(seed, &[&header[..CRC]]);
        header[CRC..].copy_from_slice(&sum.to_le_bytes());
        into.reserve(self.encoded_len() as usize);
        into.extend(header);
        into.extend(cursor);
        into.extend(self.state_bytes());
        into.extend(self.body);
        let padding = padding(self.len() as u64);
        into.resize(into.len() + padding, 0);
        let sum = sum_payload(seed, sum, &into[into.len() - self.len() - padding..]);
        into.extend(sum.to_le_bytes());
    }
}

/// Keeps the allocation: this is done with every append.
fn set(kept: &mut Vec<u8>, bytes: &[u8]) {
    kept.clear();
    kept.extend_from_slice(bytes);
}

/// What the journal knows when it writes an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryMarks {
    pub(super) index: u64,
    /// Entries up to this index were durable.
    pub(super) durable: u64,
    /// Entries up to this index were released.
    pub(super) released: u64,
}

fn sum(seed: &Digest, parts: &[&[u8]]) -> u64 {
    let mut digest = *seed;
    for part in parts {
        digest.update(part);
    }
    digest.finalize()
}

/// Begins with the header's checksum, so that a payload never passes under another header.
fn sum_payload(seed: &Digest, header: u64, payload: &[u8]) -> u64 {
    sum(seed, &[&header.to_le_bytes(), payload])
}

fn padding(payload: u64) -> usize {
    (payload.wrapping_neg() % 8) as usize
}

fn encoded_len(payload: u64) -> u64 {
    HEADER as u64 + payload + PAYLOAD_CRC as u64 + padding(payload) as u64
}

/// An entry's header, its checksum being right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) marks: EntryMarks,
    cursor_len: u32,
    state_len: u32,
    body_len: u32,
    stream: Stream,
    crc: u64,
}

impl Header {
    /// `None` if the bytes are not a header of this segment.
    pub(super) fn parse(bytes: &[u8], seed: &Digest) -> Option<Self> {
        let bytes: &[u8; HEADER] = bytes.try_into().ok()?;
        if bytes[..4] != MAGIC {
            return None;
        }
        let u32_at = |at: usize| u64_at(bytes, at) as u32;
        let crc = u64_at(bytes, CRC);
        let mut stream = [0; 16];
        stream.copy_from_slice(&bytes[48..64]);
        let marks = EntryMarks {
            index: u64_at(bytes, 8),
            durable: u64_at(bytes, 16),
            released: u64_at(bytes, 24),
        };
        // What was written is never durable before.
        let sane =
            marks.index < LIMIT && marks.durable < marks.index && marks.released <= marks.durable;
        (sane && crc == sum(seed, &[&bytes[..CRC]])).then(|| Self {
            kind: bytes[4],
            flags: bytes[5],
            marks,
            cursor_len: u32_at(32),
            state_len: u32_at(36),
            body_len: u32_at(40),
            stream,
            crc,
        })
    }

    /// What this version does not know and must not pass over.
    pub(super) fn unsupported(&self) -> Option<&'static str> {
        if self.flags & !(HAS_CURSOR | HAS_STATE | FORGETS) != 0 {
            Some("entry flag")
        } else if self.kind > LAST_IGNORABLE {
            Some("entry kind")
        } else {
            None
        }
    }

    pub(super) fn payload_len(&self) -> u64 {
        u64::from(self.cursor_len) + u64::from(self.state_len) + u64::from(self.body_len)
    }

    pub(super) fn encoded_len(&self) -> u64 {
        encoded_len(self.payload_len())
    }

    /// `payload`: what follows the header. Its checksum is at the very end, so that an entry
    /// of which only the padding was not written is not taken for whole.
    pub(super) fn verify(&self, payload: &[u8], seed: &Digest) -> bool {
        match payload.split_last_chunk::<PAYLOAD_CRC>() {
            Some((payload, crc)) => {
                u64::from_le_bytes(*crc) == sum_payload(seed, self.crc, payload)
            }
            None => false,
        }
    }

    /// The bytes after the header.
    pub(super) fn checked_len(&self) -> u64 {
        self.encoded_len() - HEADER as u64
    }

    pub(super) fn entry(&self, payload: Vec<u8>) -> Entry {
        let mut payload = Bytes::from(payload);
        let cursor = payload.split_to(self.cursor_len as usize);
        let state = payload.split_to(self.state_len as usize);
        payload.truncate(self.body_len as usize);
        Entry {
            index: self.marks.index,
            kind: self.kind,
            cursor: (self.flags & HAS_CURSOR != 0).then_some(cursor),
            state: if self.flags & HAS_STATE != 0 {
                Some((self.stream, Some(state)))
            } else {
                (self.flags & FORGETS != 0).then_some((self.stream, None))
            },
            body: payload,
        }
    }
}

fn u64_at(bytes: &[u8; HEADER], at: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(value)
}

/// An entry as it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    index: u64,
    kind: u8,
    body: Bytes,
    cursor: Option<Bytes>,
    state: Option<(Stream, Option<Bytes>)>,
}

impl Entry {
    /// The entry's number in the journal, from 1, without holes.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// What it was appended as; not to be used if it [was erased](Entry::is_erased).
    pub fn kind(&self) -> u8 {
        self.kind
    }

    /// Whether the body was erased. Cursor and state are kept.
    pub fn is_erased(&self) -> bool {
        self.kind == ERASED
    }

    /// Whether only later versions know what it is.
    pub(super) fn is_unknown(&self) -> bool {
        self.kind > ERASED
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The cursor that was appended with it, if there was one.
    pub fn cursor(&self) -> Option<&Bytes> {
        self.cursor.as_ref()
    }

    /// The stream and its state from this entry on, if it was appended with one; no
    /// state if the stream was [forgotten](Append::forget).
    pub fn state(&self) -> Option<([u8; 16], Option<&Bytes>)> {
        let (stream, state) = self.state.as_ref()?;
        Some((*stream, state.as_ref()))
    }

    pub(super) fn as_append(&self) -> Append<'_> {
        Append {
            over_cap: false,
            kind: self.kind,
            body: &self.body,
            cursor: self.cursor.as_deref(),
            state: self
                .state
                .as_ref()
                .map(|(stream, state)| (*stream, state.as_deref())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::digest;
    use super::*;

    fn encoded(append: &Append<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let marks = EntryMarks {
            index: 5,
            durable: 4,
            released: 3,
        };
        append.encode(marks, &digest(), &mut bytes);
        bytes
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for append in [
            Append::new(0, b""),
            Append::new(239, b"body").cursor(b""),
            Append::new(1, b"body")
                .cursor(b"cursor")
                .state([3; 16], b"state"),
            Append::new(1, b"").forget([3; 16]),
        ] {
            let bytes = encoded(&append);
            assert_eq!(bytes.len() as u64, append.encoded_len());
            assert_eq!(bytes.len() % 8, 0);
            let header = Header::parse(&bytes[..HEADER], &digest()).unwrap();
            assert_eq!(header.encoded_len(), append.encoded_len());
            let payload = &bytes[HEADER..][..header.checked_len() as usize];
            assert!(header.verify(payload, &digest()));
            let entry = header.entry(payload.to_vec());
            assert_eq!(entry.index(), 5);
            assert_eq!(encoded(&entry.as_append()), bytes);
        }
    }

    #[test]
    fn a_payload_does_not_pass_under_another_header_or_in_another_segment() {
        let (one, two) = (
            encoded(&Append::new(1, b"12345678")),
            encoded(&Append::new(2, b"12345678")),
        );
        let header = Header::parse(&one[..HEADER], &digest()).unwrap();
        assert!(header.verify(&one[HEADER..], &digest()));
        assert!(!header.verify(&two[HEADER..], &digest()));
        let mut elsewhere = digest();
        elsewhere.update(b"another segment");
        assert!(Header::parse(&one[..HEADER], &elsewhere).is_none());
    }
}
