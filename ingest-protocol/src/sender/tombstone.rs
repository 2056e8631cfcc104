//! Tombstones: what stands for a record that no frame can hold ([SPEC](crate::spec) section 3).

use crate::frame::{Record, crc64};

/// No tombstone has more bytes.
pub(super) const MAX: u64 = 256;

/// Whether a record stands for another already. It may also only look so, and is then sent as it is.
pub(super) fn is_tombstone(record: &Record) -> bool {
    let payload = record.payload();
    (payload.len() as u64) < MAX && payload.starts_with(br#"{"$oversize":"#)
}

/// Puts a tombstone in the place of `record`, which is returned; `None` if it is one.
pub(super) fn bury(record: &mut Record) -> Option<Record> {
    if is_tombstone(record) {
        return None;
    }
    let instead = tombstone(record);
    Some(std::mem::replace(record, instead))
}

/// What is sent instead of `record`, with its id and time.
fn tombstone(record: &Record) -> Record {
    let payload = record.payload();
    let (bytes, crc) = (payload.len(), crc64(payload));
    #[cfg(feature = "mac")]
    let text = {
        use sha2::Digest as _;
        use std::fmt::Write as _;
        let mut hash = String::with_capacity(64);
        for byte in sha2::Sha256::digest(payload) {
            let _ = write!(hash, "{byte:02x}");
        }
        format!(r#"{{"$oversize":{{"len":{bytes},"crc64":"{crc:016x}","sha256":"{hash}"}}}}"#)
    };
    #[cfg(not(feature = "mac"))]
    let text = format!(r#"{{"$oversize":{{"len":{bytes},"crc64":"{crc:016x}"}}}}"#);
    let mut instead = Record::new(text);
    if let Some(id) = record.id() {
        instead = instead.with_id(id);
    }
    if let Some(time) = record.time() {
        instead = instead.with_time(time);
    }
    instead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_long_as_none_is_no_tombstone() {
        for (len, is) in [(255, true), (256, false)] {
            let looks = format!("{:len$}", r#"{"$oversize":"#);
            assert_eq!(is_tombstone(&Record::new(looks)), is, "{len}");
        }
    }

    #[test]
    fn it_says_how_long_the_record_was_and_its_checksums() {
        let id = uuid::Uuid::from_u128(7);
        let tombstone = tombstone(&Record::new("123456789").with_id(id));
        assert_eq!(tombstone.id(), Some(id));
        let text = std::str::from_utf8(tombstone.payload()).unwrap();
        let begins = r#"{"$oversize":{"len":9,"crc64":"ae8b14860a799888""#;
        assert!(text.starts_with(begins), "{text}");
        assert!(is_tombstone(&tombstone) && !is_tombstone(&Record::new("123456789")));
        #[cfg(feature = "mac")]
        assert!(text.contains(
            r#","sha256":"15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"}"#
        ));
    }
}
