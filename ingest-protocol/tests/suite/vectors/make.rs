//! Makes the test vectors: frames that every reader takes, and frames that every
//! reader refuses, each with what must come out. Used by `examples/vectors.rs`, which
//! writes them, and by the tests, which compare.

use ingest_protocol::frame::{
    EncryptKey, Format, KeyRing, Limits, MacKey, Opener, Record, Sealer, Stamp,
};
use ingest_protocol::{Audience, KeyId, StreamId};
use uuid::Uuid;

use super::file::{Accepted, Expected, Header, Key, Keys, Refused, Sealed, Vectors, hex, unhex};
use super::{repair_body, repair_header};

pub(crate) const AUDIENCE: Audience =
    Audience(Uuid::from_u128(0x6f1d2c3b_4a59_4e8f_9b70_112233445566));
const OTHER_AUDIENCE: Audience = Audience(Uuid::from_u128(0x6f1d2c3b_4a59_4e8f_9b70_112233445567));
pub(crate) const STREAM: StreamId =
    StreamId(Uuid::from_u128(0x0190f3c2_7b1e_7c40_9a51_3f2d6c8e1a01));
pub(crate) const MAC_KEY: KeyId = KeyId(Uuid::from_u128(0x0190a0a0_0000_7000_8000_000000000001));
pub(crate) const ENCRYPT_KEY: KeyId =
    KeyId(Uuid::from_u128(0x0190a0a0_0000_7000_8000_000000000002));
/// 2025-10-09T08:53:20Z.
const SEALED_AT: i64 = 1_760_000_000_000_000;

fn mac_key() -> MacKey {
    MacKey::new(MAC_KEY, &[0x0b; 32])
}

fn encrypt_key() -> EncryptKey {
    EncryptKey::new(ENCRYPT_KEY, &[0x0c; 32])
}

fn stamp(first_seq: u64) -> Stamp {
    let time = chrono::DateTime::from_timestamp_micros(SEALED_AT).expect("a time");
    Stamp::new(AUDIENCE, STREAM, first_seq).with_sealed_at(time)
}

fn sealer() -> Sealer {
    Sealer::new(Limits::default())
}

/// The opener of a vector: with the keys that it names.
pub(crate) fn opener(keys: &[String]) -> Opener {
    let mut opener = Opener::new(Limits::default());
    for key in keys {
        opener = match key.as_str() {
            "mac" => opener.with_mac_keys(KeyRing::from_iter([(AUDIENCE, mac_key())])),
            "encrypt" => {
                opener.with_encryption_keys(KeyRing::from_iter([(AUDIENCE, encrypt_key())]))
            }
            other => panic!("no key {other}"),
        };
    }
    opener
}

pub(crate) fn vectors() -> Vectors {
    let key = |key_id: KeyId, secret: &[u8]| Key {
        audience: AUDIENCE.to_string(),
        key_id: key_id.to_string(),
        secret: hex(secret),
    };
    let accepted = accepted();
    let refused = refused(&accepted);
    Vectors {
        about: "Test vectors of SPEC.md, version 1.0; made by examples/vectors.rs. \
                `keys` are given to the reader, and then required; with `audience` it takes \
                frames for that one alone; limits are the defaults. \
                Bytes are in hexadecimal."
            .to_owned(),
        keys: Keys {
            mac: vec![key(MAC_KEY, &[0x0b; 32])],
            encrypt: vec![key(ENCRYPT_KEY, &[0x0c; 32])],
        },
        accepted,
        refused,
    }
}

fn accept(name: &str, keys: &[&str], frame: Vec<u8>) -> Accepted {
    let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
    let opened = opener(&keys).open(frame.clone());
    let opened = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
    Accepted {
        name: name.to_owned(),
        header: Header::of(opened.header()),
        records: opened.records().map(Sealed::of).collect(),
        keys,
        frame: hex(&frame),
    }
}

fn accepted() -> Vec<Accepted> {
    let two = [Record::new("{\"a\":1}"), Record::new("{\"b\":\"å\"}")];
    let plain = sealer().seal(&stamp(1), &two).expect("plain").to_vec();
    let mac = sealer()
        .with_mac(mac_key())
        .seal(&stamp(3), &two)
        .expect("mac")
        .to_vec();
    let eight =
        vec![Record::new("{\"Operation\":\"Put\",\"Target\":{\"ObjectType\":\"Group\"}}"); 8];
    let zstd = sealer()
        .with_zstd()
        .seal(&stamp(5), &eight)
        .expect("zstd")
        .to_vec();
    let empty = sealer()
        .seal(&stamp(100).with_lost(7), &[])
        .expect("empty")
        .to_vec();
    let time = chrono::DateTime::from_timestamp_micros(SEALED_AT - 1).expect("a time");
    let columns = [
        Record::new("{\"c\":1}")
            .with_id(Uuid::from_u128(0xc1))
            .with_time(time),
        Record::new("{\"c\":2}"),
        Record::new("{\"c\":3}").with_id(Uuid::from_u128(0xc3)),
        Record::new("{\"c\":4}").with_time(chrono::DateTime::UNIX_EPOCH),
    ];
    let columns = sealer()
        .seal(&stamp(13), &columns)
        .expect("columns")
        .to_vec();
    let opaque = [
        Record::new(""),
        Record::new(&b"\x00\xff\x89IGB"[..]),
        Record::new(""),
    ];
    let stamp_opaque = stamp(17).with_format(Format::OPAQUE);
    let opaque = sealer()
        .seal(&stamp_opaque, &opaque)
        .expect("opaque")
        .to_vec();
    let last = sealer().seal(&stamp(u64::MAX - 2).with_lost(u64::MAX - 3), &two);
    let encrypted = sealer().with_encryption(encrypt_key());
    let encrypted = { encrypted }
        .seal(&stamp(1), &two)
        .expect("encrypted")
        .to_vec();
    let all = sealer()
        .with_zstd()
        .with_encryption(encrypt_key())
        .with_mac(mac_key());
    let all = { all }.seal(&stamp(5), &eight).expect("all").to_vec();

    let mut longer = plain.clone();
    longer[6] = 104;
    longer.splice(92..92, *b"reserved");
    repair_header(&mut longer);
    let mut later = plain.clone();
    later[5] = 9;
    later[12..14].copy_from_slice(&[0x20, 0x80]);
    repair_header(&mut later);
    vec![
        accept("plain", &[], plain.clone()),
        accept("mac", &["mac"], mac.clone()),
        accept("mac-without-keys", &[], mac),
        accept("zstd", &[], zstd),
        accept("heartbeat-with-loss", &[], empty),
        accept("ids-and-times", &[], columns),
        accept("opaque-and-empty-records", &[], opaque),
        accept("last-numbers", &[], last.expect("last").to_vec()),
        accept("longer-header", &[], longer),
        accept("minor-and-may-bits", &[], later),
        accept(
            "ignorable-section",
            &[],
            with_section(&plain, 0xffff, b"later"),
        ),
        accept("encrypted", &["encrypt"], encrypted),
        accept("zstd-encrypted-mac", &["mac", "encrypt"], all),
    ]
}

/// The frame with another section at the end of its body.
fn with_section(frame: &[u8], kind: u16, content: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame.extend_from_slice(&kind.to_le_bytes());
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(&(content.len() as u32).to_le_bytes());
    frame.extend_from_slice(content);
    resized(frame)
}

/// Lengths and checksums of a plain frame whose body was made longer or shorter.
fn resized(mut frame: Vec<u8>) -> Vec<u8> {
    let len = (frame.len() as u32 - 96).to_le_bytes();
    frame[84..88].copy_from_slice(&len);
    frame[88..92].copy_from_slice(&len);
    repair_body(&mut frame);
    frame
}

fn refuse(name: &str, keys: &[&str], frame: Vec<u8>, kind: &str) -> Refused {
    refuse_as(None, name, keys, frame, kind)
}

/// By a reader that takes frames for `audience` alone, if for one.
fn refuse_as(
    audience: Option<Audience>,
    name: &str,
    keys: &[&str],
    frame: Vec<u8>,
    kind: &str,
) -> Refused {
    let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
    let mut opener = opener(&keys);
    if let Some(audience) = audience {
        opener = opener.with_audience(audience);
    }
    let expected = match opener.open(frame.clone()) {
        Ok(_) => panic!("{name} is accepted"),
        Err(error) => Expected::of(&error),
    };
    assert_eq!(expected.kind, kind, "{name}");
    Refused {
        name: name.to_owned(),
        keys,
        audience: audience.map(|audience| audience.to_string()),
        expected,
        frame: hex(&frame),
    }
}

fn refused(accepted: &[Accepted]) -> Vec<Refused> {
    let base = |name: &str| {
        let found = accepted.iter().find(|vector| vector.name == name);
        unhex(&found.expect("a vector").frame)
    };
    let plain = base("plain");
    let with = |at: usize, bytes: &[u8]| {
        let mut frame = plain.clone();
        frame[at..at + bytes.len()].copy_from_slice(bytes);
        frame
    };
    // With the header's checksum repaired, and with both.
    let header = |at: usize, bytes: &[u8]| {
        let mut frame = with(at, bytes);
        repair_header(&mut frame);
        frame
    };
    let body = |at: usize, bytes: &[u8]| resized(with(at, bytes));
    let cut = |frame: &[u8], len: usize| frame[..len].to_vec();
    let trailing = [&plain[..], &[0]].concat();
    let mac = base("mac");
    let mac_changed = |at: usize| {
        let mut frame = mac.clone();
        frame[at] ^= 1;
        repair_header(&mut frame);
        frame
    };
    let zstd = base("zstd");
    let zstd_body = |body: &[u8], raw_len: u32| {
        let mut frame = [&zstd[..96], body].concat();
        frame[84..88].copy_from_slice(&(body.len() as u32).to_le_bytes());
        frame[88..92].copy_from_slice(&raw_len.to_le_bytes());
        repair_header(&mut frame);
        frame
    };
    let raw_len = u32::from_le_bytes([zstd[88], zstd[89], zstd[90], zstd[91]]);
    let skippable = [&zstd[96..], &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]].concat();
    let twice = [&zstd[96..], &zstd[96..]].concat();
    let mut zstd_crc = zstd.clone();
    zstd_crc[72] ^= 1;
    repair_header(&mut zstd_crc);
    let encrypted = base("encrypted");
    let encrypted_changed = |at: usize| {
        let mut frame = encrypted.clone();
        frame[at] ^= 1;
        repair_body(&mut frame);
        frame
    };
    let mut short_encrypted = encrypted[..96 + 31].to_vec();
    short_encrypted = resized(short_encrypted);
    let ids = base("ids-and-times");
    let ids_at = 96 + 8 + 16 + 8 + 28; // after LENS and DATA
    let mut short_ids = ids.clone();
    short_ids.drain(ids_at + 8..ids_at + 24);
    short_ids[ids_at + 4] = 48;
    let mut nil_stream = plain.clone();
    nil_stream[32..48].fill(0);
    repair_header(&mut nil_stream);
    let mut no_data = plain[..96 + 16].to_vec();
    no_data[80] = 2;
    let half = [&plain[..], &[2, 0, 0]].concat();
    vec![
        refuse("nothing", &[], Vec::new(), "Truncated"),
        refuse("half-the-magic", &[], cut(&plain, 2), "Truncated"),
        refuse("header-cut", &[], cut(&plain, 95), "Truncated"),
        refuse("header-alone", &[], cut(&plain, 96), "Truncated"),
        refuse(
            "last-byte-missing",
            &[],
            cut(&plain, plain.len() - 1),
            "Truncated",
        ),
        refuse("mac-cut", &["mac"], cut(&mac, mac.len() - 1), "Truncated"),
        refuse("one-byte-more", &[], trailing, "Trailing"),
        refuse("other-magic", &[], with(0, &[0x88]), "Magic"),
        refuse("json-instead", &[], b"{\"a\":1}\n".to_vec(), "Magic"),
        refuse("major-2", &[], header(4, &[2]), "Version"),
        refuse("header-of-88", &[], header(6, &[88]), "HeaderLength"),
        refuse("header-of-100", &[], header(6, &[100]), "HeaderLength"),
        refuse("header-of-1032", &[], header(6, &[8, 4]), "HeaderLength"),
        refuse(
            "flipped-in-header",
            &[],
            with(33, &[0x91]),
            "HeaderChecksum",
        ),
        refuse("must-bit-2", &[], header(8, &[1 << 2]), "Flags"),
        refuse("must-bit-31", &[], header(11, &[0x80]), "Flags"),
        refuse("format-0", &[], header(14, &[0]), "Format"),
        refuse("format-2", &[], header(14, &[2]), "Format"),
        refuse("nil-stream", &[], nil_stream, "Field"),
        refuse("first-seq-0", &[], header(48, &[0]), "Field"),
        refuse("numbers-overflow", &[], header(48, &[0xff; 8]), "Field"),
        refuse("all-lost", &[], header(56, &[1]), "Field"),
        refuse("records-over-limit", &[], header(80, &[0xff; 4]), "Limit"),
        refuse("frame-over-limit", &[], header(84, &[0xff; 8]), "Limit"),
        refuse(
            "raw-over-limit",
            &[],
            zstd_body(&zstd[96..], u32::MAX),
            "Limit",
        ),
        refuse("raw-len-is-not-body-len", &[], header(88, &[0x28]), "Field"),
        refuse("flipped-in-body", &[], with(136, b"!"), "BodyChecksum"),
        refuse("no-sections", &[], resized(cut(&plain, 96)), "Section"),
        refuse("no-data-section", &[], resized(no_data), "Section"),
        refuse("section-head-cut", &[], resized(half), "Section"),
        refuse(
            "section-longer-than-body",
            &[],
            body(116, &[0x12]),
            "Section",
        ),
        refuse("section-of-4-gib", &[], body(116, &[0xff; 4]), "Section"),
        refuse("lens-of-one-record", &[], body(80, &[1]), "Section"),
        refuse("lens-sum-too-small", &[], body(104, &[6]), "Section"),
        refuse("lens-sum-wraps", &[], body(104, &[0xff; 4]), "Limit"),
        refuse("record-over-limit", &[], body(104, &[1, 0, 0x10]), "Limit"),
        refuse("section-flags", &[], body(114, &[1]), "Section"),
        refuse("section-0", &[], body(96, &[0]), "Section"),
        refuse("section-7-for-lens", &[], body(96, &[7]), "UnknownSection"),
        refuse(
            "sections-descend",
            &[],
            with_section(&plain, 1, b""),
            "Section",
        ),
        refuse(
            "section-twice",
            &[],
            with_section(&plain, 2, b""),
            "Section",
        ),
        refuse(
            "unknown-section",
            &[],
            with_section(&plain, 3, b""),
            "UnknownSection",
        ),
        refuse("ids-of-three-records", &[], resized(short_ids), "Section"),
        refuse(
            "not-zstd",
            &[],
            zstd_body(b"no zstd frame at all", raw_len),
            "Codec",
        ),
        refuse(
            "zstd-and-skippable-frame",
            &[],
            zstd_body(&skippable, raw_len),
            "Codec",
        ),
        refuse("zstd-twice", &[], zstd_body(&twice, raw_len), "Codec"),
        refuse(
            "zstd-says-other-size",
            &[],
            zstd_body(&zstd[96..], raw_len - 1),
            "Codec",
        ),
        refuse(
            "zstd-cut",
            &[],
            zstd_body(&zstd[96..zstd.len() - 3], raw_len),
            "Codec",
        ),
        refuse("zstd-of-other-bytes", &[], zstd_crc, "BodyChecksum"),
        refuse("mac-required", &["mac"], plain.clone(), "MacMissing"),
        refuse(
            "mac-of-unknown-key",
            &["mac"],
            mac_changed(mac.len() - 33),
            "UnknownKey",
        ),
        refuse("mac-wrong", &["mac"], mac_changed(mac.len() - 1), "Mac"),
        refuse("mac-of-other-first-seq", &["mac"], mac_changed(48), "Mac"),
        refuse(
            "mac-of-other-audience",
            &["mac"],
            mac_changed(31),
            "UnknownKey",
        ),
        refuse_as(
            Some(OTHER_AUDIENCE),
            "other-audience",
            &[],
            plain.clone(),
            "WrongAudience",
        ),
        // Before what else is wrong with it, but for its length.
        refuse_as(
            Some(OTHER_AUDIENCE),
            "other-audience-flipped-in-body",
            &["mac"],
            with(136, b"!"),
            "WrongAudience",
        ),
        refuse_as(
            Some(OTHER_AUDIENCE),
            "other-audience-cut",
            &[],
            cut(&plain, plain.len() - 1),
            "Truncated",
        ),
        refuse(
            "encrypted-without-keys",
            &[],
            encrypted.clone(),
            "Encrypted",
        ),
        refuse("encryption-required", &["encrypt"], plain, "Cleartext"),
        refuse("encrypted-too-short", &[], short_encrypted, "Field"),
        refuse(
            "encrypted-by-unknown-key",
            &["encrypt"],
            encrypted_changed(96),
            "UnknownKey",
        ),
        refuse(
            "encrypted-and-changed",
            &["encrypt"],
            encrypted_changed(112),
            "Decrypt",
        ),
        refuse(
            "encrypted-for-other-first-seq",
            &["encrypt"],
            encrypted_changed(49),
            "Decrypt",
        ),
    ]
}
