//! Frames: bytes that are opened, and records that are sealed, changed and opened.

use crc_fast::CrcAlgorithm::{Crc32Iscsi, Crc64Nvme};
use ingest_protocol::frame::{
    EncryptKey, Frame, FrameErrorKind, Header, KeyRing, Limits, MacKey, Opener, Record, Sealer,
    Stamp,
};
use ingest_protocol::{Audience, Code, StreamId};
use uuid::Uuid;

use crate::input::Input;

const AUDIENCE: Audience = Audience(Uuid::from_u128(0x6f1d2c3b_4a59_4e8f_9b70_112233445566));
const STREAM: StreamId = StreamId(Uuid::from_u128(0x0190f3c2_7b1e_7c40_9a51_3f2d6c8e1a01));

fn mac_key() -> MacKey {
    let id = Uuid::from_u128(0x0190a0a0_0000_7000_8000_000000000001);
    MacKey::new(id.into(), &[0x0b; 32])
}

fn encrypt_key() -> EncryptKey {
    let id = Uuid::from_u128(0x0190a0a0_0000_7000_8000_000000000002);
    EncryptKey::new(id.into(), &[0x0c; 32])
}

/// Small, so that limits are met often.
fn limits() -> Limits {
    Limits::default()
        .with_frame_bytes(64 * 1024)
        .with_raw_bytes(256 * 1024)
        .with_records(100)
        .with_record_bytes(8 * 1024)
}

/// With all keys, none of them required.
fn opener() -> Opener {
    Opener::new(limits())
        .with_mac_keys(KeyRing::from_iter([(AUDIENCE, mac_key())]))
        .allow_missing_mac()
        .with_encryption_keys(KeyRing::from_iter([(AUDIENCE, encrypt_key())]))
        .allow_cleartext()
}

/// Bytes that begin as a frame does are opened as they are and with their checksums
/// made right; others are choices.
pub fn frame(data: &[u8]) {
    if data.first() == Some(&0x89) {
        opened(data);
        opened(&repaired(data));
    } else {
        sealed(&mut Input(data));
    }
}

/// The bytes with the header's checksum made right, and the body's where its place
/// is known.
fn repaired(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    if bytes.len() < 96 {
        return bytes;
    }
    let header_len = usize::from(u16::from_le_bytes([bytes[6], bytes[7]]));
    if !(96..=bytes.len()).contains(&header_len) {
        return bytes;
    }
    if bytes[8] & 1 == 0 || bytes[8] & 8 != 0 {
        let trailer = if bytes[8] & 2 == 0 { 0 } else { 48 };
        if let Some(body) = bytes.get(header_len..bytes.len() - trailer.min(bytes.len())) {
            let len = (body.len() as u32).to_le_bytes();
            let crc = crc_fast::checksum(Crc64Nvme, body).to_le_bytes();
            bytes[72..80].copy_from_slice(&crc);
            bytes[84..88].copy_from_slice(&len);
            bytes[88..92].copy_from_slice(&len);
        }
    }
    let crc = crc_fast::checksum(Crc32Iscsi, &bytes[..header_len - 4]) as u32;
    bytes[header_len - 4..header_len].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn opened(bytes: &[u8]) {
    let (opener, limits) = (opener(), limits());
    let peeked = Header::peek(bytes, &limits);
    // Limits are all that tells the two apart.
    match (&peeked, Header::peek(bytes, &Limits::MAX)) {
        (Ok(narrow), Ok(wide)) => assert_eq!(*narrow, wide),
        (Err(error), Ok(wide)) => assert_eq!(wide.within(&limits).as_ref(), Err(error)),
        // A frame may be longer than 32 bits say, and then it is over every limit.
        (Err(narrow), Err(wide)) if wide.code() == Code::TOO_LARGE => {
            assert_eq!(narrow.code(), Code::TOO_LARGE);
        }
        (Err(narrow), Err(wide)) => assert_eq!(*narrow, wide),
        (Ok(_), Err(wide)) => panic!("{wide}"),
    }
    let frame = match opener.open(bytes.to_vec()) {
        Ok(frame) => frame,
        Err(error) => {
            let _ = (error.to_string(), error.code(), error.action());
            match error.needed() {
                Some(needed) => assert!(needed > bytes.len() as u64),
                None => assert!(!matches!(error.kind(), FrameErrorKind::Truncated { .. })),
            }
            return;
        }
    };
    let header = *frame.header();
    assert_eq!(peeked, Ok(header));
    assert_eq!(opener.check(bytes), Ok(header));
    assert_eq!(header.frame_len(), bytes.len() as u64);
    assert!(header.frame_len() <= u64::from(limits.frame_bytes));
    assert!(header.count() <= limits.records);
    assert_eq!(frame.records().len(), header.count() as usize);
    let mut seq = header.first_seq();
    for record in &frame {
        assert_eq!(record.seq(), seq);
        assert!(record.payload().len() <= limits.record_bytes as usize);
        assert_eq!(record.to_bytes(), record.payload());
        seq += 1;
    }
    assert_eq!(seq, header.next_seq());
    assert!(header.accounts_from() >= 1);

    // One byte less is torn, one more is refused.
    let torn = opener.open(bytes[..bytes.len() - 1].to_vec()).unwrap_err();
    assert_eq!(torn.needed(), Some(bytes.len() as u64));
    let more = opener.open([bytes, &[0]].concat()).unwrap_err();
    assert_eq!(*more.kind(), FrameErrorKind::Trailing { extra: 1 });

    // Times out of chrono's range have no place in a record.
    if frame
        .records()
        .all(|record| record.time().is_some() == record.time_micros().is_some())
    {
        let records = frame.to_records();
        let again = Sealer::new(Limits::MAX)
            .seal(header.stamp(), &records)
            .expect("a frame");
        let again = Frame::open(again, &Limits::MAX).expect("what was sealed");
        assert_eq!(again.to_records(), records);
        assert_eq!(again.header().stamp(), header.stamp());
    }
}

fn sealed(input: &mut Input<'_>) {
    let how = input.byte();
    let mut sealer = Sealer::new(limits());
    if how & 1 != 0 {
        sealer = sealer.with_zstd();
    }
    if how & 2 != 0 {
        sealer = sealer.with_mac(mac_key());
    }
    if how & 4 != 0 {
        sealer = sealer.with_encryption(encrypt_key());
    }
    let first_seq = 1 + u64::from(input.u32());
    let stamp =
        Stamp::new(AUDIENCE, STREAM, first_seq).with_lost(u64::from(input.u16()) % first_seq);
    let mut records = Vec::new();
    for _ in 0..input.below(20) {
        let kind = input.byte();
        let len = input.below(300);
        let payload = match kind & 3 {
            0 => vec![kind; len * 40],
            _ => input.bytes(len).to_vec(),
        };
        let mut record = Record::new(payload);
        if kind & 4 != 0 {
            record = record.with_id(Uuid::from_u128(u128::from(input.u32())));
        }
        if kind & 8 != 0 {
            let micros = i64::from(input.u32()) * 1_000_003 - (1 << 50);
            record =
                record.with_time(chrono::DateTime::from_timestamp_micros(micros).expect("a time"));
        }
        records.push(record);
    }
    let Ok(bytes) = sealer.seal(&stamp, &records) else {
        return; // over a limit
    };
    let frame = opener().open(bytes.clone()).expect("what was sealed");
    assert_eq!(frame.to_records(), records);
    assert_eq!(*frame.header().stamp(), stamp);
    assert_eq!(frame.verified_by().is_some(), how & 2 != 0);

    let mut changed = bytes.to_vec();
    for _ in 0..1 + input.below(4) {
        let (at, to) = (input.below(changed.len()), input.byte());
        changed[at] = to;
    }
    opened(&changed);
    opened(&repaired(&changed));
}
