//! [`StreamState`]: what a receiver remembers of a stream.

use serde::{Deserialize, Deserializer, Serialize};

use crate::frame::{Fingerprint, Header};

/// What a receiver remembers of one stream of one audience: the sequence number that
/// comes next, and the fingerprints of the last frames. About 2 KiB, for good: it does not
/// expire for being idle ([SPEC](crate::spec) section 4).
///
/// Two forms to store it: `serde` for any store, [`to_bytes`](Self::to_bytes) where
/// size counts.
///
/// ```
/// use ingest_protocol::receiver::StreamState;
///
/// let state = StreamState::default();
/// assert_eq!(state.next_seq(), 1);
/// assert_eq!(serde_json::to_string(&state)?, r#"{"next_seq":1,"recent":[]}"#);
/// assert_eq!(StreamState::from_bytes(&state.to_bytes()), Some(state));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct StreamState {
    next_seq: u64,
    /// The oldest first, at most [`RING`](Self::RING).
    recent: Vec<Fingerprint>,
}

const VERSION: u8 = 1;
const HEAD: usize = 16;
const EACH: usize = 32;

impl StreamState {
    /// How many fingerprints are remembered. A sender sends no frame again that is further
    /// behind.
    pub const RING: usize = 64;

    /// The sequence number that comes next: all before it are stored, or were declared lost.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The fingerprints of the last frames, the oldest first.
    #[must_use]
    pub fn recent(&self) -> &[Fingerprint] {
        &self.recent
    }

    /// Whether the frame was stored already (R2).
    #[must_use]
    pub fn knows(&self, header: &Header) -> bool {
        self.recent.contains(&header.fingerprint())
    }

    /// The state once the frame of `header` is stored.
    pub(super) fn after(&self, header: &Header) -> Self {
        let mut recent = self.recent.clone();
        let too_many = (recent.len() + 1).saturating_sub(Self::RING);
        recent.drain(..too_many);
        recent.push(header.fingerprint());
        Self {
            next_seq: header.next_seq(),
            recent,
        }
    }

    /// A version byte (1), 3 zeros, the number of fingerprints (u32), `next_seq` (u64), then of
    /// each fingerprint `first_seq`, `lost` (u64), `count`, `raw_len` (u32), `raw_crc` (u64), all
    /// little-endian. Other versions of the crate read the same bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + EACH * self.recent.len());
        bytes.extend_from_slice(&[VERSION, 0, 0, 0]);
        bytes.extend_from_slice(&(self.recent.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.next_seq.to_le_bytes());
        for frame in &self.recent {
            bytes.extend_from_slice(&frame.first_seq.to_le_bytes());
            bytes.extend_from_slice(&frame.lost.to_le_bytes());
            bytes.extend_from_slice(&frame.count.to_le_bytes());
            bytes.extend_from_slice(&frame.raw_len.to_le_bytes());
            bytes.extend_from_slice(&frame.raw_crc.to_le_bytes());
        }
        bytes
    }

    /// `None` if the bytes are not [`to_bytes`](Self::to_bytes) of a version that is known.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let (each, []) = rest.as_chunks::<EACH>() else {
            return None;
        };
        let [version, 0, 0, 0, count @ .., _, _, _, _, _, _, _, _] = *head else {
            return None;
        };
        let next_seq = u64::from_le_bytes(*head.last_chunk()?);
        let known = version == VERSION && u32::from_le_bytes(count) as usize == each.len();
        let state = Self {
            next_seq,
            recent: each.iter().map(fingerprint).collect(),
        };
        (known && state.can_be()).then_some(state)
    }

    fn can_be(&self) -> bool {
        let ends = |frame: &Fingerprint| frame.first_seq.checked_add(u64::from(frame.count));
        self.next_seq > 0
            && self.recent.len() <= Self::RING
            && self.recent.iter().all(|frame| {
                frame.lost < frame.first_seq && ends(frame).is_some_and(|end| end <= self.next_seq)
            })
    }
}

fn fingerprint(bytes: &[u8; EACH]) -> Fingerprint {
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    };
    let sizes = word(16);
    Fingerprint {
        first_seq: word(0),
        lost: word(8),
        count: sizes as u32,
        raw_len: (sizes >> 32) as u32,
        raw_crc: word(24),
    }
}

impl Default for StreamState {
    /// A stream of which nothing was stored.
    fn default() -> Self {
        Self {
            next_seq: 1,
            recent: Vec::new(),
        }
    }
}

impl<'de> Deserialize<'de> for StreamState {
    /// Refuses what no receiver can have stored.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Fields {
            next_seq: u64,
            recent: Vec<Fingerprint>,
        }
        let Fields { next_seq, recent } = Fields::deserialize(deserializer)?;
        let state = Self { next_seq, recent };
        if !state.can_be() {
            return Err(serde::de::Error::custom("no stream can be in this state"));
        }
        Ok(state)
    }
}
