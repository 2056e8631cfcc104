//! From documents to the records that are uploaded.

use hybrid_examples::envelope::{self, Envelope, NotAnObject};
use ingest_protocol::frame::Record;
use mim_events::message::Document;
use serde_json::value::RawValue;
use uuid::Uuid;

/// Under which ids of requests are made: they are of this program alone.
const REQUESTS: Uuid = Uuid::from_u128(0x5f0c_71f4_2d0b_4c1e_9a57_3f1c_d2e8_6b40);

/// The record of a request. Its id is made of the request's own and its status, so that a
/// request that is logged again at another status is another record.
pub(crate) fn of_request(document: &Document<'_>) -> Result<Record, NotAnObject> {
    let raw = object(document.as_str())?;
    let origin = document.origin();
    let payload = payload(&Envelope::request(raw, origin));
    let mut record = Record::new(payload);
    if let Some(time) = origin.time {
        record = record.with_time(time);
    }
    if let Ok(request) = document.parse()
        && let Some(id) = request.id()
    {
        let name = [id.as_bytes(), request.status().as_str().as_bytes()].concat();
        record = record.with_id(Uuid::new_v5(&REQUESTS, &name));
    }
    Ok(record)
}

/// The payload of an entry of Entra's audit log.
pub(crate) fn of_entry(text: &str) -> Result<Record, NotAnObject> {
    Ok(Record::new(payload(&Envelope::audit(object(text)?))))
}

fn payload(envelope: &Envelope<'_>) -> Vec<u8> {
    // Texts, numbers and a document that is JSON: nothing of it can fail.
    serde_json::to_vec(envelope).unwrap_or_default()
}

/// The JSON object in a text that may have a byte order mark or NULs around it.
fn object(text: &str) -> Result<&RawValue, NotAnObject> {
    envelope::object(text.trim_matches(['\u{feff}', '\0']).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_taken_whatever_stands_around_it() {
        for text in ["{}", "\u{feff}{} ", " {}\0\0"] {
            assert_eq!(object(text).map(RawValue::get).ok(), Some("{}"), "{text:?}");
        }
        for text in ["", "[]", "\"{}\"", "{} {}", "{\"a\":"] {
            assert!(object(text).is_err(), "{text:?}");
        }
    }
}
