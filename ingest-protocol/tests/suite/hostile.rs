//! Frames that were cut or changed: refused, or equal to what they were.

use ingest_protocol::frame::{FrameErrorKind, Limits};

use super::vectors::{file::unhex, opener, read, repair_body, repair_header};

#[test]
fn every_prefix_is_torn() {
    for vector in read().accepted {
        let frame = unhex(&vector.frame);
        let Some(opener) = opener(&vector.keys) else {
            continue;
        };
        for len in 0..frame.len() {
            let error = opener.open(frame[..len].to_vec()).unwrap_err();
            let needed = error
                .needed()
                .unwrap_or_else(|| panic!("{} at {len}: {error}", vector.name));
            assert!(needed > len as u64 && needed <= frame.len() as u64);
            // Who reads on as told gets there in three steps at most.
            let header_len = u64::from(vector.header.header_len);
            let steps = [96, header_len, frame.len() as u64];
            assert!(
                steps.contains(&needed),
                "{} at {len}: {needed}",
                vector.name
            );
            assert_eq!(error.offset(), len as u64);
        }
    }
}

#[test]
fn every_flipped_bit_is_refused_or_without_effect() {
    for vector in read().accepted {
        let frame = unhex(&vector.frame);
        let Some(opener) = opener(&vector.keys) else {
            continue;
        };
        let original = opener.open(frame.clone());
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (Ok(opened), Ok(original)) = (opener.open(flipped), &original) else {
                continue;
            };
            assert_eq!(opened.header(), original.header());
            assert_eq!(opened.to_records(), original.to_records());
            // A MAC that nobody looks at, and what zstd expands to the same bytes.
            let body = 96..96 + vector.header.body_len as usize;
            assert!(
                vector.name == "mac-without-keys" && bit / 8 >= body.end
                    || vector.name == "zstd" && body.contains(&(bit / 8)),
                "{} at {bit}",
                vector.name
            );
        }
    }
}

/// With both checksums made right, a flipped bit may give another frame: one that
/// keeps to the limits, and that ends.
#[test]
fn repaired_frames_keep_to_the_rules() {
    let limits = Limits::default();
    for vector in read().accepted {
        let frame = unhex(&vector.frame);
        let Some(opener) = opener(&vector.keys) else {
            continue;
        };
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if usize::from(u16::from_le_bytes([flipped[6], flipped[7]])) > frame.len() {
                continue;
            }
            if vector.header.zstd || vector.header.mac {
                repair_header(&mut flipped);
            } else {
                repair_body(&mut flipped);
            }
            if flipped == frame {
                continue; // the bit was one of a checksum
            }
            match opener.open(flipped) {
                Ok(opened) => {
                    assert!(
                        !vector.keys.contains(&"encrypt".to_owned()),
                        "{} at {bit}",
                        vector.name
                    );
                    let records: Vec<_> = opened.records().collect();
                    assert_eq!(records.len(), opened.header().count() as usize);
                    let bytes: usize = records.iter().map(|record| record.payload().len()).sum();
                    assert!(bytes <= limits.raw_bytes as usize);
                }
                Err(error) => {
                    if let FrameErrorKind::Limit { value, allowed, .. } = error.kind() {
                        assert!(value > allowed);
                    }
                }
            }
        }
    }
}
