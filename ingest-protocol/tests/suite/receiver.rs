//! The receiver, through its public API. What it decides is in the test vectors, too.

use bytes::Bytes;
use chrono::DateTime;
use ingest_protocol::frame::{Format, Frame, Header, Limits, Opener, Record, Sealer, Stamp};
use ingest_protocol::receiver::{Commit, Decision, Receiver, Reception, StreamState, not_json};
use ingest_protocol::{Ack, Audience, Code, Outcome, Problem, Rejected, StreamId};
use uuid::Uuid;

const AUDIENCE: Audience = Audience(Uuid::from_u128(0xA));
const STREAM: StreamId = StreamId(Uuid::from_u128(0x0190_f3c2_7b1e_7c40_9a51_3f2d_6c8e_1a01));

fn stamp(first_seq: u64) -> Stamp {
    Stamp::new(AUDIENCE, STREAM, first_seq)
}

fn seal(stamp: Stamp, payloads: &[&'static str]) -> Bytes {
    let records: Vec<_> = payloads.iter().map(|text| Record::new(*text)).collect();
    Sealer::new(Limits::default())
        .seal(&stamp, &records)
        .unwrap()
}

fn header(bytes: &Bytes) -> Header {
    Header::peek(bytes, &Limits::MAX).unwrap()
}

fn receiver() -> Receiver {
    Receiver::new(Opener::new(Limits::default()).with_audience(AUDIENCE))
}

fn commit(state: &StreamState, bytes: &Bytes) -> Commit {
    match receiver().receive(bytes.clone(), Some(state), None) {
        Reception::Commit(frame, commit) => {
            assert_eq!(frame.header(), commit.header());
            commit
        }
        other => panic!("{other:?}"),
    }
}

fn refused(reception: Reception) -> Problem {
    match reception {
        Reception::Refuse(problem) => problem,
        other => panic!("{other:?}"),
    }
}

fn duplicate(reception: Reception) -> Ack {
    match reception {
        Reception::Duplicate(ack) => ack,
        other => panic!("{other:?}"),
    }
}

/// With `{}` twice as records 1 and 2.
fn after_one() -> (Bytes, StreamState) {
    let bytes = seal(stamp(1), &["{}", "{}"]);
    let state = commit(&StreamState::default(), &bytes).state().clone();
    (bytes, state)
}

#[test]
fn a_commit_says_what_to_store_and_what_to_answer() {
    let (_, state) = after_one();
    let bytes = seal(stamp(6).with_lost(3), &["{}", "["]);
    let commit = commit(&state, &bytes);
    assert_eq!(commit.header(), &header(&bytes));
    assert_eq!(commit.expected_next_seq(), 3);
    assert_eq!(commit.lost(), 3..6);
    assert_eq!(commit.state().next_seq(), 8);
    assert_eq!(commit.state().recent().len(), 2);
    assert!(commit.state().knows(&header(&bytes)));
    let stored = commit.state().clone();
    let rejected = vec![Rejected::new(7, Code::NOT_JSON)];
    let (state, ack) = commit.committed(rejected.clone());
    assert_eq!(state, stored);
    assert_eq!((ack.outcome(), ack.next_seq()), (Outcome::Committed, 8));
    assert_eq!((ack.rejected_total(), ack.rejected()), (1, &rejected[..]));
    assert!(ack.answers(&header(&bytes)));
}

#[test]
fn nothing_lost_is_an_empty_range() {
    let (bytes, _) = after_one();
    assert_eq!(commit(&StreamState::default(), &bytes).lost(), 1..1);
    let alone = seal(stamp(9).with_lost(8), &[]);
    assert_eq!(commit(&StreamState::default(), &alone).lost(), 1..9);
}

#[test]
fn a_commit_that_is_dropped_changes_nothing() {
    let (_, state) = after_one();
    let before = state.clone();
    let next = seal(stamp(3), &["{}"]);
    let first = commit(&state, &next);
    let _ = first; // the disk was full
    assert_eq!(state, before);
    assert!(!state.knows(&header(&next)));
    // It is sent again, and is as new as it was.
    assert_eq!(commit(&state, &next).expected_next_seq(), 3);
}

#[test]
fn a_duplicate_tells_where_the_stream_is_and_of_no_rejected_records() {
    let (first, state) = after_one();
    let state = commit(&state, &seal(stamp(3), &["{}"])).state().clone();
    let ack = duplicate(receiver().receive(first.clone(), Some(&state), None));
    assert_eq!((ack.outcome(), ack.next_seq()), (Outcome::Duplicate, 4));
    assert_eq!((ack.first_seq(), ack.count()), (1, 2));
    assert_eq!(ack.rejected_total(), 0);
    assert!(ack.answers(&header(&first)));
}

#[test]
fn a_problem_names_the_frame_and_what_is_expected() {
    let (_, state) = after_one();
    for (first_seq, code) in [(9, Code::GAP), (2, Code::FORK)] {
        let bytes = seal(stamp(first_seq), &["{}"]);
        let problem = refused(receiver().receive(bytes.clone(), Some(&state), None));
        assert_eq!(problem.code, Some(code));
        assert_eq!(problem.next_seq, Some(3));
        assert_eq!(problem.stream, Some(STREAM));
        assert_eq!(
            (problem.first_seq, problem.count),
            (Some(first_seq), Some(1))
        );
        assert!(problem.answers(&header(&bytes)));
        assert_eq!((problem.status, problem.limits), (409, None));
    }
}

fn flipped(bytes: &Bytes, at: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes.into()
}

#[test]
fn a_frame_is_checked_before_anything_is_told_of_its_stream() {
    let (known, state) = after_one();
    let other = Stamp::new(Audience(Uuid::from_u128(0xB)), STREAM, 1);
    let horizon = DateTime::from_timestamp(4_000_000_000, 0);
    for bytes in [
        known.clone(),             // a duplicate
        seal(stamp(3), &["{}"]),   // comes next
        seal(stamp(9), &["{}"]),   // a gap
        seal(stamp(2), &["true"]), // a fork
        seal(stamp(3), &[]),       // a heartbeat
    ] {
        for (state, horizon) in [(Some(&state), None), (None, None), (None, horizon)] {
            let receive = |bytes| refused(receiver().receive(bytes, state, horizon));
            let last = bytes.len() - 1;
            let corrupt = receive(flipped(&bytes, last));
            assert_eq!(corrupt.code, Some(Code::CORRUPT));
            let torn = receive(bytes.slice(..last));
            assert_eq!(torn.code, Some(Code::MALFORMED));
            let longer = receive([&bytes[..], &[0]].concat().into());
            assert_eq!(longer.code, Some(Code::MALFORMED));
            for problem in [corrupt, torn, longer] {
                assert_eq!(problem.next_seq, None);
                assert_eq!(problem.stream, Some(STREAM));
            }
        }
    }
    for state in [Some(&state), None] {
        let problem = refused(receiver().receive(seal(other, &["{}", "{}"]), state, horizon));
        assert_eq!(problem.code, Some(Code::WRONG_AUDIENCE));
        assert_eq!(problem.next_seq, None);
    }
}

#[test]
fn what_has_no_header_names_no_frame() {
    let (known, state) = after_one();
    for (at, code) in [
        (0, Code::MALFORMED),
        (4, Code::UNSUPPORTED),
        (50, Code::CORRUPT),
    ] {
        let changed = flipped(&known, at);
        let problem = refused(receiver().receive(changed.clone(), Some(&state), None));
        assert_eq!(problem.code, Some(code));
        assert_eq!((problem.stream, problem.next_seq), (None, None));
        assert_eq!(receiver().header(&changed), Err(problem));
    }
}

#[test]
fn limits_are_told_with_what_is_too_large_or_not_known() {
    let few = Limits::default().with_records(2);
    let receiver = Receiver::new(Opener::new(few));
    let three = seal(stamp(1), &["{}"; 3]);
    // The header is read whatever the limits, to look up its stream by.
    assert_eq!(receiver.header(&three).unwrap(), header(&three));
    let problem = refused(receiver.receive(three, None, None));
    assert_eq!(problem.code, Some(Code::TOO_LARGE));
    assert_eq!(problem.limits, Some(few));
    assert_eq!(problem.stream, Some(STREAM));
    assert_eq!(receiver.opener().limits(), &few);
    let (known, _) = after_one();
    let problem = refused(receiver.receive(flipped(&known, 4), None, None));
    assert_eq!(problem.code, Some(Code::UNSUPPORTED));
    assert_eq!(problem.limits, Some(few));
    let problem = refused(receiver.receive(flipped(&known, 50), None, None));
    assert_eq!(problem.limits, None);
}

#[test]
fn a_known_frame_is_acknowledged_whatever_the_limits_are_now() {
    let (known, state) = after_one();
    let none = Limits::default()
        .with_records(0)
        .with_frame_bytes(0)
        .with_raw_bytes(0)
        .with_record_bytes(0);
    let receiver = Receiver::new(Opener::new(none).with_audience(AUDIENCE));
    let ack = duplicate(receiver.receive(known, Some(&state), None));
    assert_eq!(ack.next_seq(), 3);
    for other in [seal(stamp(3), &["{}"]), seal(stamp(2), &["{}"])] {
        let problem = refused(receiver.receive(other, Some(&state), None));
        assert_eq!(problem.code, Some(Code::TOO_LARGE));
    }
}

#[cfg(feature = "mac")]
#[test]
fn who_can_not_make_a_frame_learns_nothing_of_a_stream() {
    use ingest_protocol::frame::{KeyRing, MacKey};
    let key = |secret: u8| MacKey::new(Uuid::from_u128(5).into(), &[secret; 32]);
    let ring = KeyRing::from_iter([(AUDIENCE, key(1))]);
    let receiver = Receiver::new(Opener::new(Limits::default()).with_mac_keys(ring));
    let sealed = |secret: u8, first_seq| {
        let mut sealer = Sealer::new(Limits::default()).with_mac(key(secret));
        sealer
            .seal(&stamp(first_seq), &[Record::new("{}")])
            .unwrap()
    };
    let right = sealed(1, 1);
    let Reception::Commit(_, commit) = receiver.receive(right.clone(), None, None) else {
        panic!("the first frame");
    };
    let state = commit.state().clone();
    assert_eq!(
        duplicate(receiver.receive(right, Some(&state), None)).next_seq(),
        2
    );
    let horizon = DateTime::from_timestamp(4_000_000_000, 0);
    for bytes in [
        sealed(2, 1),
        sealed(2, 2),
        sealed(2, 9),
        seal(stamp(1), &["{}"]),
        seal(stamp(9), &["{}"]),
        seal(stamp(2), &[]),
    ] {
        for (state, horizon) in [(Some(&state), None), (None, horizon)] {
            let problem = refused(receiver.receive(bytes.clone(), state, horizon));
            assert_eq!(
                (problem.code, problem.next_seq),
                (Some(Code::BAD_MAC), None)
            );
        }
    }
}

#[test]
fn a_stream_that_went_with_its_data_is_not_taken_for_new() {
    let bytes = seal(stamp(1), &["{}"]);
    let began = DateTime::from_timestamp_millis(0x0190_f3c2_7b1e);
    let later = DateTime::from_timestamp_millis(0x0190_f3c2_7b1f);
    let problem = refused(receiver().receive(bytes.clone(), None, later));
    assert_eq!(problem.code, Some(Code::STREAM_EXPIRED));
    assert_eq!((problem.status, problem.next_seq), (410, None));
    assert!(problem.answers(&header(&bytes)) && problem.stream.is_some());
    for (state, horizon) in [
        (None, None),
        (None, began),
        (Some(StreamState::default()), later),
    ] {
        assert!(matches!(
            receiver().receive(bytes.clone(), state.as_ref(), horizon),
            Reception::Commit(..)
        ));
    }
}

#[test]
fn a_stream_of_another_kind_of_uuid_has_no_beginning() {
    let version_1 = "c232ab00-9414-11ec-b3c8-9f6bdeced846".parse().unwrap();
    let bytes = seal(Stamp::new(AUDIENCE, version_1, 1), &["{}"]);
    let horizon = DateTime::from_timestamp(4_000_000_000, 0);
    let reception = receiver().receive(bytes, None, horizon);
    assert!(matches!(reception, Reception::Commit(..)));
}

#[test]
fn the_header_alone_decides_the_same() {
    let (known, state) = after_one();
    assert!(matches!(
        state.decide(&header(&known)),
        Decision::Duplicate(_)
    ));
    let Decision::Commit(commit) = state.decide(&header(&seal(stamp(3), &["{}"]))) else {
        panic!("what comes next");
    };
    assert_eq!(commit.state().next_seq(), 4);
    let Decision::Refuse(problem) = state.decide(&header(&seal(stamp(4), &["{}"]))) else {
        panic!("a gap");
    };
    assert_eq!(problem.code, Some(Code::GAP));
}

#[test]
fn quarantined_records_are_those_that_are_not_json() {
    let payloads = [
        r#"{"a":1}"#,
        "",
        r#"{"a":1"#,
        "[1,2]",
        "1 2",
        "null",
        " \"text\" ",
        "{'a':1}",
    ];
    let bytes = seal(stamp(5), &payloads);
    let frame = Frame::open(bytes, &Limits::default()).unwrap();
    let rejected = not_json(&frame);
    let seqs: Vec<_> = rejected.iter().map(|rejected| rejected.seq).collect();
    assert_eq!(seqs, [6, 7, 9, 12]);
    assert!(rejected.iter().all(|r| r.code == Code::NOT_JSON));
    // Of another format, nobody knows.
    let opaque = seal(stamp(5).with_format(Format::OPAQUE), &payloads);
    let frame = Frame::open(opaque, &Limits::default()).unwrap();
    assert_eq!(not_json(&frame), []);
}

#[test]
fn records_that_are_not_utf8_are_rejected_at_their_byte() {
    let records = [Record::new(&b"\"\xff\""[..]), Record::new("\"\u{e5}\"")];
    let bytes = Sealer::new(Limits::default())
        .seal(&stamp(1), &records)
        .unwrap();
    let rejected = not_json(&Frame::open(bytes, &Limits::default()).unwrap());
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].detail.as_deref(), Some("not UTF-8 at byte 1"));
}

#[test]
fn no_reason_shows_what_a_record_holds() {
    // Each with a word that no message of a parser has, wherever the fault is.
    let secret = "Xyzzy";
    let payloads = [
        secret.to_owned(),
        format!("{{\"{secret}\":{secret}}}"),
        format!("{{\"{secret}\"{secret}"),
        format!("\"{secret}\\{secret}\""),
        format!("\"{secret}\\u{secret}\""),
        format!("{{\"{secret}\":1,{secret}}}"),
        format!("[\"{secret}\",]"),
        format!("\"{secret}\" {secret}"),
        format!("\"{secret}\n\""),
        format!("t{secret}"),
        format!("-{secret}"),
        format!("1e{secret}"),
        format!("{}{secret}", "[".repeat(200)),
    ];
    let records: Vec<_> = payloads.iter().cloned().map(Record::new).collect();
    let bytes = Sealer::new(Limits::default())
        .seal(&stamp(1), &records)
        .unwrap();
    let rejected = not_json(&Frame::open(bytes, &Limits::default()).unwrap());
    assert_eq!(rejected.len(), payloads.len());
    for (rejected, payload) in rejected.iter().zip(&payloads) {
        let detail = rejected.detail.as_deref().unwrap();
        assert!(!detail.contains(['X', 'z']), "{payload}: {detail}");
        assert!(detail.len() < 100);
    }
}

fn read(json: &str) -> Result<StreamState, serde_json::Error> {
    serde_json::from_str(json)
}

#[test]
fn a_state_that_no_stream_can_be_in_is_not_read() {
    let (_, state) = after_one();
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(read(&json).unwrap(), state);
    let print = |first_seq: u64, lost: u64, count: u64| {
        format!(
            r#"{{"first_seq":{first_seq},"lost":{lost},"count":{count},"raw_len":0,"raw_crc":0}}"#
        )
    };
    let of = |next_seq: u64, recent: &[String]| {
        format!(
            r#"{{"next_seq":{next_seq},"recent":[{}]}}"#,
            recent.join(",")
        )
    };
    let good = [
        of(1, &[]),
        of(9, &[]),
        of(3, &[print(1, 0, 2)]),
        of(3, &[print(2, 1, 1)]),
        of(9, &vec![print(2, 1, 1); 64]),
        of(u64::MAX, &[print(u64::MAX, u64::MAX - 1, 0)]),
    ];
    for json in good {
        let state = read(&json).unwrap();
        assert_eq!(serde_json::to_string(&state).unwrap(), json);
        assert_eq!(StreamState::from_bytes(&state.to_bytes()), Some(state));
    }
    let bad = [
        of(0, &[]),                                  // numbers begin at 1
        of(2, &[print(1, 0, 2)]),                    // ends after the watermark
        of(3, &[print(1, 1, 2)]),                    // more lost than there was
        of(3, &[print(0, 0, 1)]),                    // number 0
        of(9, &vec![print(2, 1, 1); 65]),            // a longer ring
        of(u64::MAX, &[print(u64::MAX, 0, 1)]),      // beyond 64 bits
        of(u64::MAX, &[print(5, 0, 5_000_000_000)]), // beyond 32 bits
        r#"{"next_seq":1}"#.to_owned(),
        r#"{"recent":[]}"#.to_owned(),
        r#"{"next_seq":-1,"recent":[]}"#.to_owned(),
    ];
    for json in bad {
        assert!(read(&json).is_err(), "{json}");
    }
}

#[test]
fn bytes_that_are_no_state_are_not_read() {
    let (_, state) = after_one();
    let good = state.to_bytes();
    assert_eq!(good.len(), 48);
    for cut in 0..good.len() {
        assert_eq!(StreamState::from_bytes(&good[..cut]), None);
    }
    assert_eq!(StreamState::from_bytes(&[&good[..], &[0]].concat()), None);
    let (one_more, another) = ([&good[..], &good[16..]].concat(), |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        StreamState::from_bytes(&bytes)
    });
    assert_eq!(StreamState::from_bytes(&one_more), None);
    // The version, zeros, the number of fingerprints, next_seq, first_seq, lost.
    for (at, to) in [(0, 0), (0, 2), (1, 1), (3, 1), (4, 0), (4, 2), (7, 1)] {
        assert_eq!(another(at, to), None, "{at}");
    }
    for (at, to) in [(8, 0), (8, 2), (16, 0), (16, 2), (24, 1), (32, 3)] {
        assert_eq!(another(at, to), None, "{at}");
    }
    assert!(another(8, 4).is_some());
    assert!(another(36, 1).is_some_and(|state| state.recent()[0].raw_len != 28));
    let long = |count: usize| {
        let mut bytes = good[..16].to_vec();
        bytes[4] = count as u8;
        bytes.extend(good[16..].repeat(count));
        StreamState::from_bytes(&bytes)
    };
    assert_eq!(long(64).unwrap().recent().len(), StreamState::RING);
    assert_eq!(long(65), None);
}

#[test]
fn the_ring_keeps_the_last_64_in_order() {
    let mut state = StreamState::default();
    for seq in 1..=70 {
        state = commit(&state, &seal(stamp(seq), &["{}"])).state().clone();
    }
    let seqs: Vec<_> = state.recent().iter().map(|f| f.first_seq).collect();
    assert_eq!(seqs, (7..=70).collect::<Vec<u64>>());
    assert_eq!(state.to_bytes().len(), 16 + 64 * 32);
    assert_eq!(StreamState::from_bytes(&state.to_bytes()), Some(state));
}

#[test]
fn its_types_are_values() {
    fn is_value<T: Clone + Send + Sync + std::fmt::Debug>() {}
    fn is_equal<T: Eq + std::hash::Hash>() {}
    is_value::<Receiver>();
    is_value::<Reception>();
    is_value::<Decision>();
    is_value::<Commit>();
    is_value::<StreamState>();
    is_equal::<Decision>();
    is_equal::<Commit>();
    is_equal::<StreamState>();
}
