//! What is sealed is what is opened.

use bytes::Bytes;
use chrono::DateTime;
use ingest_protocol::frame::{
    Format, Frame, FrameErrorKind, Header, Limits, Opener, Record, SealError, Sealer, Stamp,
};
use ingest_protocol::{Audience, Code, StreamId};
use proptest::prelude::*;
use uuid::Uuid;

const AUDIENCE: Audience = Audience(Uuid::from_u128(0x6f1d2c3b_4a59_4e8f_9b70_112233445566));
const STREAM: StreamId = StreamId(Uuid::from_u128(0x0190f3c2_7b1e_7c40_9a51_3f2d6c8e1a01));

fn stamp(first_seq: u64) -> Stamp {
    Stamp::new(AUDIENCE, STREAM, first_seq)
}

/// A sealer and its opener for each set of features that is built, by name.
fn dressed() -> Vec<(String, Sealer, Opener)> {
    dressed_within(Limits::default())
}

fn dressed_within(limits: Limits) -> Vec<(String, Sealer, Opener)> {
    (0..8_u8)
        .filter_map(|dress| {
            #[allow(unused_mut, reason = "not every feature changes each")]
            let (mut built, mut name) = (0, "plain".to_owned());
            #[allow(unused_mut, reason = "not every feature changes each")]
            let (mut sealer, mut opener) = (Sealer::new(limits), Opener::new(limits));
            #[cfg(feature = "zstd")]
            if dress & 1 != 0 {
                built |= 1;
                name += "+zstd";
                sealer = sealer.with_zstd();
            }
            #[cfg(feature = "mac")]
            if dress & 2 != 0 {
                use ingest_protocol::frame::{KeyRing, MacKey};
                built |= 2;
                name += "+mac";
                let key = MacKey::new(Uuid::from_u128(1).into(), &[1; 32]);
                sealer = sealer.with_mac(key.clone());
                opener = opener.with_mac_keys(KeyRing::from_iter([(AUDIENCE, key)]));
            }
            #[cfg(feature = "encrypt")]
            if dress & 4 != 0 {
                use ingest_protocol::frame::{EncryptKey, KeyRing};
                built |= 4;
                name += "+encrypt";
                let key = EncryptKey::new(Uuid::from_u128(2).into(), &[2; 32]);
                sealer = sealer.with_encryption(key.clone());
                opener = opener.with_encryption_keys(KeyRing::from_iter([(AUDIENCE, key)]));
            }
            (dress == built).then_some((name, sealer, opener))
        })
        .collect()
}

fn record() -> impl Strategy<Value = Record> {
    let payload = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        (0..3000_usize).prop_map(|len| b"{\"a\":\"bcd\"}"
            .iter()
            .copied()
            .cycle()
            .take(len)
            .collect()),
    ];
    let id = proptest::option::of(any::<u128>());
    let micros = proptest::option::of(-62_135_596_800_000_000..253_402_300_799_000_000_i64);
    (payload, id, micros).prop_map(|(payload, id, micros)| {
        let mut record = Record::new(payload);
        if let Some(id) = id {
            record = record.with_id(Uuid::from_u128(id));
        }
        if let Some(time) = micros.and_then(DateTime::from_timestamp_micros) {
            record = record.with_time(time);
        }
        record
    })
}

#[test]
fn what_is_sealed_is_what_is_opened() {
    // Once for all cases: a compressor's tables are large.
    let dressed = std::cell::RefCell::new(dressed());
    proptest!(|(
        records in proptest::collection::vec(record(), 0..60),
        first_seq in 1..=u64::MAX - 60,
        lost in any::<u64>(),
        sealed_at in -62_135_596_800_000_000..253_402_300_799_000_000_i64,
        format in prop_oneof![Just(1_u16), Just(3), 0x8000..=u16::MAX],
        half in 0..2_usize,
    )| {
        let stamp = stamp(first_seq)
            .with_lost(lost % first_seq)
            .with_format(Format(format))
            .with_sealed_at(DateTime::from_timestamp_micros(sealed_at).unwrap());
        for (name, sealer, opener) in dressed.borrow_mut().iter_mut().skip(half).step_by(2) {
            let sealed = sealer.seal(&stamp, &records).unwrap();
            // Sealing anew gives the same bytes, also with a sealer that was used.
            prop_assert_eq!(&sealer.seal(&stamp, &records).unwrap(), &sealed, "{}", name);

            let header = Header::peek(&sealed[..96], opener.limits()).unwrap();
            prop_assert_eq!(header.stamp(), &stamp);
            prop_assert_eq!(header.frame_len(), sealed.len() as u64);
            prop_assert_eq!(opener.check(&sealed).unwrap(), header);

            let frame = opener.open(sealed.clone()).unwrap();
            prop_assert_eq!(frame.header(), &header);
            prop_assert_eq!(frame.as_bytes(), &sealed);
            prop_assert_eq!(&frame.to_records(), &records, "{}", name);
            prop_assert_eq!(frame.records().len(), records.len());
            let seqs: Vec<_> = frame.records().map(|record| record.seq()).collect();
            prop_assert!(seqs.into_iter().eq(first_seq..header.next_seq()));
        }
    });
}

#[test]
fn a_plain_body_is_not_copied() {
    let limits = Limits::default();
    let records = [Record::new("{\"a\":1}")];
    let sealed = Sealer::new(limits).seal(&stamp(1), &records).unwrap();
    let frame = Frame::open(sealed.clone(), &limits).unwrap();
    let payload = frame.records().next().unwrap().to_bytes();
    let inside = sealed.as_ptr_range();
    assert!(inside.contains(&payload.as_ptr()));
    drop((frame, sealed));
    assert_eq!(payload, "{\"a\":1}");
}

#[test]
fn the_limits_of_sealing_are_those_of_opening() {
    let noise = |len: usize| {
        (0..len)
            .map(|i| (i * i * 167 / 13) as u8)
            .collect::<Vec<_>>()
    };
    // One that compresses, and one that does not.
    for payload in [vec![b'x'; 50], noise(50)] {
        let records = vec![Record::new(payload); 10];
        let one = &records[..1];
        for (name, mut sealer, opener) in dressed() {
            for records in [&records[..], one] {
                let sealed = sealer.seal(&stamp(1), records).unwrap();
                let header = opener.check(&sealed).unwrap();
                let count = records.len() as u32;
                // 2 section heads, the lengths, the data; or the body as it is sent.
                let raw = (16 + count * 54).max(header.raw_len());
                let exact = Limits::default()
                    .with_records(count)
                    .with_record_bytes(50)
                    .with_raw_bytes(raw)
                    .with_frame_bytes(sealed.len() as u32);
                keeps_to(&name, exact, records, &sealed);
            }
        }
    }
}

/// Within `exact` the records are sealed and the frame is opened; with any limit one
/// less neither is, for the same reason.
fn keeps_to(name: &str, exact: Limits, records: &[Record], sealed: &Bytes) {
    let within = |limits: Limits| {
        let (_, sealer, opener) = dressed_within(limits)
            .into_iter()
            .find(|dressed| dressed.0 == name)
            .unwrap();
        (sealer, opener)
    };
    let (mut sealer, opener) = within(exact);
    assert_eq!(sealer.seal(&stamp(1), records).as_ref(), Ok(sealed));
    assert_eq!(opener.open(sealed.clone()).unwrap().to_records(), records);
    for (limits, limit, seal_error) in [
        (
            exact.with_records(exact.records - 1),
            "records",
            SealError::TooManyRecords {
                count: records.len(),
                limit: exact.records - 1,
            },
        ),
        (
            exact.with_record_bytes(49),
            "record_bytes",
            SealError::RecordTooLarge {
                index: 0,
                bytes: 50,
                limit: 49,
            },
        ),
        (
            exact.with_raw_bytes(exact.raw_bytes - 1),
            "raw_bytes",
            SealError::BodyTooLarge {
                bytes: u64::from(exact.raw_bytes),
                limit: exact.raw_bytes - 1,
            },
        ),
        (
            exact.with_frame_bytes(exact.frame_bytes - 1),
            "frame_bytes",
            SealError::FrameTooLarge {
                bytes: u64::from(exact.frame_bytes),
                limit: exact.frame_bytes - 1,
            },
        ),
    ] {
        let (mut sealer, opener) = within(limits);
        assert_eq!(sealer.seal(&stamp(1), records), Err(seal_error), "{name}");
        let error = opener.open(sealed.clone()).unwrap_err();
        assert_eq!(error.code(), Code::TOO_LARGE);
        assert!(
            matches!(error.kind(), FrameErrorKind::Limit { limit: is, .. } if *is == limit),
            "{name}: {error}"
        );
    }
}

#[test]
fn stamps_that_cannot_be_are_refused() {
    let mut sealer = Sealer::new(Limits::default());
    let record = [Record::new("{}")];
    let nil = Stamp::new(AUDIENCE, StreamId(Uuid::nil()), 1);
    for (stamp, field) in [
        (nil, "stream"),
        (stamp(0), "first_seq"),
        (stamp(u64::MAX), "first_seq"),
        (stamp(5).with_lost(5), "lost"),
    ] {
        assert_eq!(
            sealer.seal(&stamp, &record),
            Err(SealError::Stamp { field })
        );
    }
    // Numbers may end at the last but one, which leaves one to be next.
    assert!(sealer.seal(&stamp(u64::MAX - 1), &record).is_ok());
    for format in [0, 2, 4, 0x7fff] {
        let stamp = stamp(1).with_format(Format(format));
        assert_eq!(
            sealer.seal(&stamp, &record),
            Err(SealError::Format { format })
        );
    }
}

#[test]
fn frames_that_follow_each_other_are_cut_by_their_headers() {
    let limits = Limits::default();
    let mut stream = Vec::new();
    for seq in [1, 3, 5] {
        let records = [Record::new("{}"), Record::new("[]")];
        stream.extend(Sealer::new(limits).seal(&stamp(seq), &records).unwrap());
    }
    let mut rest = Bytes::from(stream);
    let mut seqs = Vec::new();
    while !rest.is_empty() {
        let header = Header::peek(&rest, &limits).unwrap();
        let frame = Frame::open(rest.split_to(header.frame_len() as usize), &limits).unwrap();
        seqs.push(frame.header().first_seq());
    }
    assert_eq!(seqs, [1, 3, 5]);
}

#[test]
fn what_is_shown_holds_no_payload() {
    let limits = Limits::default();
    let records = [Record::new("{\"name\":\"Ada\"}")];
    for (_, mut sealer, opener) in dressed() {
        let frame = opener
            .open(sealer.seal(&stamp(1), &records).unwrap())
            .unwrap();
        let shown = format!(
            "{records:?} {frame:?} {:?} {:?}",
            frame.records(),
            frame.records().next()
        );
        assert!(!shown.contains("Ada"), "{shown}");
        assert!(!shown.contains("65, 100, 97"), "{shown}");
    }
    let cut = Frame::open(&b"{\"name\":\"Ada\"}"[..], &limits).unwrap_err();
    assert!(!format!("{cut} {cut:?}").contains("Ada"));
}

#[cfg(feature = "zstd")]
mod zstd {
    use super::*;

    #[test]
    fn what_does_not_shrink_is_sent_as_it_is() {
        let mut sealer = Sealer::new(Limits::default()).with_zstd();
        let heartbeat = sealer.seal(&stamp(1), &[]).unwrap();
        assert!(
            !Frame::check(&heartbeat, &Limits::default())
                .unwrap()
                .is_compressed()
        );
        assert_eq!(
            heartbeat,
            Sealer::new(Limits::default()).seal(&stamp(1), &[]).unwrap()
        );
    }

    #[test]
    fn a_frame_is_measured_after_compression() {
        let limits = Limits::default().with_frame_bytes(1000);
        let records = vec![Record::new(vec![b'x'; 1000]); 100];
        assert!(matches!(
            Sealer::new(limits).seal(&stamp(1), &records),
            Err(SealError::FrameTooLarge { .. })
        ));
        let sealed = Sealer::new(limits)
            .with_zstd()
            .seal(&stamp(1), &records)
            .unwrap();
        assert_eq!(Frame::open(sealed, &limits).unwrap().to_records(), records);
    }
}

#[cfg(feature = "mac")]
mod mac {
    use ingest_protocol::KeyId;
    use ingest_protocol::frame::{KeyRing, MacKey};

    use super::*;

    const OLD: KeyId = KeyId(Uuid::from_u128(1));
    const NEW: KeyId = KeyId(Uuid::from_u128(2));

    fn sealed(key: Option<MacKey>) -> Bytes {
        let mut sealer = Sealer::new(Limits::default());
        if let Some(key) = key {
            sealer = sealer.with_mac(key);
        }
        sealer.seal(&stamp(1), &[Record::new("{}")]).unwrap()
    }

    fn opener(keys: impl IntoIterator<Item = (Audience, MacKey)>) -> Opener {
        Opener::new(Limits::default()).with_mac_keys(KeyRing::from_iter(keys))
    }

    #[test]
    fn keys_rotate() {
        let (old, new) = (MacKey::new(OLD, &[1; 32]), MacKey::new(NEW, &[2; 32]));
        let mut ring = KeyRing::from_iter([(AUDIENCE, old.clone()), (AUDIENCE, new.clone())]);
        let both = Opener::new(Limits::default()).with_mac_keys(ring.clone());
        let by_old = sealed(Some(old));
        assert_eq!(both.open(by_old.clone()).unwrap().verified_by(), Some(OLD));
        assert_eq!(
            both.open(sealed(Some(new))).unwrap().verified_by(),
            Some(NEW)
        );

        assert!(ring.remove(AUDIENCE, OLD));
        assert!(!ring.remove(AUDIENCE, OLD));
        let error = Opener::new(Limits::default())
            .with_mac_keys(ring)
            .open(by_old)
            .unwrap_err();
        assert_eq!(*error.kind(), FrameErrorKind::UnknownKey { key_id: OLD });
        assert_eq!(error.code(), Code::UNKNOWN_KEY);
    }

    #[test]
    fn a_mac_cannot_be_taken_away() {
        let opener = opener([(AUDIENCE, MacKey::new(OLD, &[1; 32]))]);
        let error = opener.open(sealed(None)).unwrap_err();
        assert_eq!(*error.kind(), FrameErrorKind::MacMissing);
        assert_eq!(error.code(), Code::BAD_MAC);
        let opener = opener.allow_missing_mac();
        assert_eq!(opener.open(sealed(None)).unwrap().verified_by(), None);
        // Allowed to be missing is not allowed to be wrong.
        let wrong = sealed(Some(MacKey::new(OLD, &[9; 32])));
        assert_eq!(*opener.open(wrong).unwrap_err().kind(), FrameErrorKind::Mac);
    }

    #[test]
    fn a_key_of_one_tenant_does_not_vouch_for_another() {
        let key = MacKey::new(OLD, &[1; 32]);
        let opener = opener([(Audience(Uuid::from_u128(77)), key.clone())]);
        let error = opener.open(sealed(Some(key))).unwrap_err();
        assert_eq!(*error.kind(), FrameErrorKind::UnknownKey { key_id: OLD });
    }

    #[test]
    fn the_wrong_secret_is_refused_by_check_too() {
        let opener = opener([(AUDIENCE, MacKey::new(OLD, &[1; 32]))]);
        let wrong = sealed(Some(MacKey::new(OLD, &[9; 32])));
        assert_eq!(
            *opener.check(&wrong).unwrap_err().kind(),
            FrameErrorKind::Mac
        );
    }

    #[test]
    fn without_keys_nothing_is_verified() {
        let frame = Frame::open(sealed(Some(MacKey::new(OLD, &[1; 32]))), &Limits::default());
        assert_eq!(frame.unwrap().verified_by(), None);
    }

    #[test]
    fn a_header_that_was_changed_with_its_checksum_is_refused() {
        let key = MacKey::new(OLD, &[1; 32]);
        let mut bytes = sealed(Some(key.clone())).to_vec();
        bytes[16] ^= 1; // the audience
        super::super::vectors::repair_header(&mut bytes);
        let audience = Header::peek(&bytes, &Limits::default()).unwrap().audience();
        let error = opener([(audience, key)]).open(bytes).unwrap_err();
        assert_eq!(*error.kind(), FrameErrorKind::Mac);
    }
}

#[cfg(feature = "encrypt")]
mod encrypt {
    use ingest_protocol::KeyId;
    use ingest_protocol::frame::{EncryptKey, KeyRing};

    use super::*;

    const KEY: KeyId = KeyId(Uuid::from_u128(3));
    const SECRET: &[u8] = b"{\"secret\":\"secret\"}";

    fn sealed(stamp: &Stamp) -> Bytes {
        Sealer::new(Limits::default())
            .with_encryption(EncryptKey::new(KEY, &[3; 32]))
            .seal(stamp, &[Record::new(SECRET)])
            .unwrap()
    }

    fn opener(secret: u8) -> Opener {
        let key = EncryptKey::new(KEY, &[secret; 32]);
        Opener::new(Limits::default()).with_encryption_keys(KeyRing::from_iter([(AUDIENCE, key)]))
    }

    #[test]
    fn nothing_of_a_payload_is_in_the_frame() {
        let sealed = sealed(&stamp(1));
        assert!(!sealed.windows(6).any(|window| window == &SECRET[2..8]));
        let error = Frame::open(sealed.clone(), &Limits::default()).unwrap_err();
        assert_eq!(*error.kind(), FrameErrorKind::Encrypted);
        assert_eq!(
            *opener(4).open(sealed.clone()).unwrap_err().kind(),
            FrameErrorKind::Decrypt
        );
        assert_eq!(
            opener(3).open(sealed).unwrap().to_records(),
            [Record::new(SECRET)]
        );
    }

    #[test]
    fn the_header_is_bound_to_the_body() {
        let sealed = sealed(&stamp(101));
        let mut changed = Vec::new();
        // minor, must (zstd), may, format, audience, stream, first_seq, lost, sealed_at, count
        for (at, bits) in [
            (5, 2),
            (8, 1),
            (12, 2),
            (14, 2),
            (16, 2),
            (32, 2),
            (48, 2),
            (56, 2),
            (64, 2),
            (80, 2),
        ] {
            let mut bytes = sealed.to_vec();
            bytes[at] ^= bits;
            changed.push((at, bytes));
        }
        let mut longer = sealed.to_vec();
        longer[6] += 8;
        longer.splice(92..92, [0; 8]);
        changed.push((6, longer));
        for (at, mut bytes) in changed {
            super::super::vectors::repair_header(&mut bytes);
            let header = Header::peek(&bytes, &Limits::default());
            let audience = header
                .unwrap_or_else(|error| panic!("{at}: {error}"))
                .audience();
            let ring = KeyRing::from_iter([(audience, EncryptKey::new(KEY, &[3; 32]))]);
            let opener = Opener::new(Limits::default()).with_encryption_keys(ring);
            let error = opener.open(bytes).unwrap_err();
            assert_eq!(*error.kind(), FrameErrorKind::Decrypt, "{at}");
        }
    }

    #[test]
    fn a_body_in_the_clear_is_refused_unless_allowed() {
        let clear = Sealer::new(Limits::default()).seal(&stamp(1), &[]).unwrap();
        let error = opener(3).open(clear.clone()).unwrap_err();
        assert_eq!(*error.kind(), FrameErrorKind::Cleartext);
        assert!(opener(3).allow_cleartext().open(clear).is_ok());
    }
}
