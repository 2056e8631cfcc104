//! Frames that were cut or changed: refused, or equal to what they were.

use std::collections::BTreeSet;

use ingest_protocol::Code;
use ingest_protocol::frame::{FrameErrorKind, Limits};

use super::vectors::file::{Accepted, unhex};
use super::vectors::{opener, read, repair_body, repair_header};

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

/// Limits that the vector's frame just keeps to.
fn just_so(vector: &Accepted) -> Limits {
    let lengths = || {
        vector
            .records
            .iter()
            .map(|record| record.payload.len() as u32 / 2)
    };
    let each = 4 + if vector.records.iter().any(|record| record.id.is_some()) {
        24
    } else {
        0
    };
    // What is encrypted expands to no more than these: 4 sections with one unknown.
    let raw = 5 * 8 + 5 + lengths().map(|len| len + each).sum::<u32>();
    Limits::default()
        .with_frame_bytes(vector.frame.len() as u32 / 2)
        .with_raw_bytes(if vector.header.encrypted {
            vector.header.raw_len.max(raw)
        } else {
            vector.header.raw_len
        })
        .with_records(vector.header.count)
        .with_record_bytes(lengths().max().unwrap_or(0))
}

/// With both checksums made right, a flipped bit may give another frame: one that
/// keeps to the limits, and that ends. The limits are so narrow that bits reach each.
#[test]
fn repaired_frames_keep_to_the_rules() {
    let mut over = BTreeSet::new();
    for vector in read().accepted {
        let frame = unhex(&vector.frame);
        let Some(opener) = opener(&vector.keys) else {
            continue;
        };
        let limits = just_so(&vector);
        let opener = opener.with_limits(limits);
        if let Err(error) = opener.open(frame.clone()) {
            assert_eq!(error.code(), Code::UNSUPPORTED, "{}: {error}", vector.name);
        }
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
                    let header = opened.header();
                    let lengths = opened.records().map(|record| record.payload().len() as u32);
                    assert_eq!(lengths.len(), header.count() as usize);
                    assert!(header.count() <= limits.records);
                    assert!(header.frame_len() <= u64::from(limits.frame_bytes));
                    let (sum, most) =
                        lengths.fold((0, 0), |(sum, most), len| (sum + len, len.max(most)));
                    assert!(sum <= limits.raw_bytes && most <= limits.record_bytes);
                }
                Err(error) => {
                    if let FrameErrorKind::Limit {
                        limit,
                        value,
                        allowed,
                    } = error.kind()
                    {
                        assert!(value > allowed);
                        over.insert(*limit);
                    }
                }
            }
        }
    }
    let all = ["frame_bytes", "raw_bytes", "record_bytes", "records"];
    assert_eq!(over, BTreeSet::from(all));
}
