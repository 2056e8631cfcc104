//! The file of test vectors.

use ingest_protocol::frame::{self, FrameError, RecordRef};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vectors {
    pub(crate) about: String,
    pub(crate) keys: Keys,
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) refused: Vec<Refused>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Keys {
    pub(crate) mac: Vec<Key>,
    pub(crate) encrypt: Vec<Key>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) audience: String,
    pub(crate) key_id: String,
    pub(crate) secret: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) name: String,
    pub(crate) keys: Vec<String>,
    pub(crate) header: Header,
    pub(crate) records: Vec<Sealed>,
    pub(crate) frame: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) minor: u8,
    pub(crate) header_len: u16,
    pub(crate) zstd: bool,
    pub(crate) mac: bool,
    pub(crate) encrypted: bool,
    pub(crate) may: u16,
    pub(crate) format: u16,
    pub(crate) audience: String,
    pub(crate) stream: String,
    pub(crate) first_seq: u64,
    pub(crate) lost: u64,
    pub(crate) sealed_at: i64,
    pub(crate) raw_crc: String,
    pub(crate) count: u32,
    pub(crate) body_len: u32,
    pub(crate) raw_len: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sealed {
    pub(crate) seq: u64,
    pub(crate) payload: String,
    pub(crate) id: Option<String>,
    pub(crate) time: Option<i64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) name: String,
    pub(crate) keys: Vec<String>,
    /// For whom the reader takes frames, where not for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<String>,
    pub(crate) expected: Expected,
    pub(crate) frame: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Expected {
    /// The variant of `FrameErrorKind`: of this crate alone, not of the protocol.
    pub(crate) kind: String,
    pub(crate) code: String,
    /// Bytes that are needed, where the frame is torn.
    pub(crate) needed: Option<u64>,
}

impl Header {
    pub(crate) fn of(header: &frame::Header) -> Self {
        Self {
            minor: header.minor(),
            header_len: header.header_len(),
            zstd: header.is_compressed(),
            mac: header.has_mac(),
            encrypted: header.is_encrypted(),
            may: header.may(),
            format: header.format().0,
            audience: header.audience().to_string(),
            stream: header.stream().to_string(),
            first_seq: header.first_seq(),
            lost: header.lost(),
            sealed_at: header.sealed_at().map_or(0, |time| time.timestamp_micros()),
            raw_crc: format!("{:016x}", header.fingerprint().raw_crc),
            count: header.count(),
            body_len: header.body_len(),
            raw_len: header.raw_len(),
        }
    }
}

impl Sealed {
    pub(crate) fn of(record: RecordRef<'_>) -> Self {
        Self {
            seq: record.seq(),
            payload: hex(record.payload()),
            id: record.id().map(|id| id.to_string()),
            time: record.time_micros(),
        }
    }
}

impl Expected {
    pub(crate) fn of(error: &FrameError) -> Self {
        let kind = format!("{:?}", error.kind());
        let end = kind.find([' ', '{']).unwrap_or(kind.len());
        Self {
            kind: kind[..end].to_owned(),
            code: error.code().to_string(),
            needed: error.needed(),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}
