//! One record a line.

use bytes::Bytes;

use crate::frame::{Limits, Record, SealError};
use crate::{Code, Problem};

/// The lines of `text` as records, which share its memory. Empty lines are skipped, the last one
/// needs no end, and `\r\n` ends a line, too. What a line holds is not looked at.
#[allow(clippy::result_large_err)] // once for each request
pub(super) fn records(text: &Bytes, limits: &Limits) -> Result<Vec<Record>, Problem> {
    let mut records = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let number = index + 1;
        if line.len() as u64 > u64::from(limits.record_bytes) {
            let (bytes, limit) = (line.len(), limits.record_bytes);
            return Err(too_large(format!(
                "line {number} has {bytes} bytes, at most {limit} of `record_bytes` are accepted"
            )));
        }
        if records.len() as u64 >= u64::from(limits.records) {
            let limit = limits.records;
            return Err(too_large(format!(
                "line {number} is over the {limit} `records` that are accepted at once: send the lines in parts"
            )));
        }
        records.push(Record::new(text.slice_ref(line)));
    }
    Ok(records)
}

/// Why the lines don't fit a frame, though each of them does.
pub(super) fn not_sealed(error: &SealError) -> Problem {
    match error {
        SealError::BodyTooLarge { bytes, limit } => too_large(format!(
            "the lines make a body of {bytes} bytes, at most {limit} of `raw_bytes` are accepted: send them in parts"
        )),
        SealError::FrameTooLarge { bytes, limit } => too_large(format!(
            "the lines make a frame of {bytes} bytes, at most {limit} of `frame_bytes` are accepted: send them in parts"
        )),
        other => Problem::new(Code::MALFORMED).with_detail(other.to_string()),
    }
}

pub(super) fn too_large(detail: impl Into<String>) -> Problem {
    Problem::new(Code::TOO_LARGE).with_detail(detail)
}
