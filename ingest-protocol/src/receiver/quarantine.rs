//! What every receiver of JSON records sets aside.

use serde::de::IgnoredAny;

use crate::answer::{Code, Rejected};
use crate::frame::{Format, Frame};

/// The records of a frame of [`Format::JSON`] that are not one JSON value each, to be quarantined:
/// kept, apart from the others, with the reason. Of frames of other formats none.
///
/// ```
/// use ingest_protocol::frame::{Frame, Limits, Record, Sealer, Stamp};
/// use ingest_protocol::receiver::not_json;
///
/// # let (audience, stream) = ("6f1d2c3b-4a59-4e8f-9b70-112233445566".parse()?, "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".parse()?);
/// let limits = Limits::default();
/// let records = [Record::new(r#"{"a":1}"#), Record::new(r#"{"a":"#)];
/// let frame = Sealer::new(limits).seal(&Stamp::new(audience, stream, 5), &records)?;
///
/// let rejected = not_json(&Frame::open(frame, &limits)?);
/// assert_eq!(rejected[0].seq, 6);
/// assert_eq!(rejected[0].detail.as_deref(), Some("EOF while parsing a value at line 1 column 5"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn not_json(frame: &Frame) -> Vec<Rejected> {
    if frame.header().format() != Format::JSON {
        return Vec::new();
    }
    let bad = frame.records().filter_map(|record| {
        let detail = fault(record.payload())?;
        Some(Rejected::new(record.seq(), Code::NOT_JSON).with_detail(detail))
    });
    bad.collect()
}

/// Why the payload is not one JSON value, and where: never what it holds.
fn fault(payload: &[u8]) -> Option<String> {
    match std::str::from_utf8(payload) {
        Ok(text) => serde_json::from_str::<IgnoredAny>(text)
            .err()
            .map(|error| error.to_string()),
        Err(error) => Some(format!("not UTF-8 at byte {}", error.valid_up_to())),
    }
}
