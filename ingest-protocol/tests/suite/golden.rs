//! What an earlier version stored or sent is read, and written the same.
#![allow(clippy::disallowed_methods)] // when a record comes

use std::time::Instant;

use ingest_protocol::frame::{Frame, Header, Limits, Record, Sealer, Stamp};
use ingest_protocol::receiver::{Commit, Decision, StreamState};
use ingest_protocol::sender::{Sender, SenderConfig, SpoolOp, spooled_header};
use ingest_protocol::{Ack, Audience, Code, Problem, Rejected, StreamId};
use uuid::Uuid;

const AUDIENCE: Audience = Audience(Uuid::from_u128(0x6f1d2c3b_4a59_4e8f_9b70_112233445566));
const STREAM: StreamId = StreamId(Uuid::from_u128(0x0190f3c2_7b1e_7c40_9a51_3f2d6c8e1a01));
const NEW_STREAM: StreamId = StreamId(Uuid::from_u128(0x0190f3c2_7b1f_7c40_9a51_3f2d6c8e1a02));

const STREAM_STATE: &[u8] = include_bytes!("golden/stream-state");
const STREAM_STATE_JSON: &str = include_str!("golden/stream-state.json");
const SENDER_STATE: &[u8] = include_bytes!("golden/sender-state");
const ACK: &str = include_str!("golden/ack.json");
const PROBLEM: &str = include_str!("golden/problem.json");

fn header(first_seq: u64, lost: u64, records: &[Record]) -> Header {
    let limits = Limits::default();
    let stamp = Stamp::new(AUDIENCE, STREAM, first_seq).with_lost(lost);
    let frame = Sealer::new(limits).seal(&stamp, records).unwrap();
    Frame::check(&frame, &limits).unwrap()
}

fn commit(state: &StreamState, header: &Header) -> Commit {
    match state.decide(header) {
        Decision::Commit(commit) => commit,
        other => panic!("{other:?}"),
    }
}

/// Records with a loss before them, and a loss alone.
fn state() -> StreamState {
    let first = header(4, 3, &[Record::new("{}"), Record::new(r#"{"b":"å"}"#)]);
    let state = commit(&StreamState::default(), &first).state().clone();
    commit(&state, &header(0x1_0000_0001, 0xffff_fffb, &[]))
        .state()
        .clone()
}

fn ack() -> Ack {
    let rejected = vec![
        Rejected::new(4, Code::NOT_JSON).with_detail("line 1, column 3"),
        Rejected::new(5, Code::INVALID),
    ];
    let header = header(4, 3, &[Record::new("{}"), Record::new("[")]);
    commit(&StreamState::default(), &header)
        .committed(rejected)
        .1
}

/// With every member that there is.
fn problem() -> Problem {
    let mut problem = Problem::new(Code::TOO_LARGE)
        .with_frame(&header(4, 3, &[Record::new("{}")]))
        .with_detail("too much")
        .with_next_seq(31)
        .with_limits(Limits::FLOOR)
        .with_retry_after(7);
    problem.instance = Some("urn:uuid:0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01".to_owned());
    problem
}

/// Of two streams, with frames of the former one that are not acknowledged.
fn sender_state() -> Vec<u8> {
    let mut sender = Sender::new(SenderConfig::new(AUDIENCE).spooled(), STREAM);
    sender.lose(0x1_0000_0000, None).unwrap();
    let mut last = Vec::new();
    for place in 1..=2 {
        sender.push(Record::new("{}"), Instant::now()).unwrap();
        sender.flush().unwrap();
        let Some(SpoolOp::Append { id, state, .. }) = sender.poll_spool() else {
            panic!("a frame");
        };
        sender.handle_spooled(id, place);
        if place == 1 {
            sender.handle_stream(NEW_STREAM).unwrap();
        }
        last = state.to_vec();
    }
    last
}

#[test]
fn a_stream_state_in_bytes_is_as_ever() {
    assert_eq!(state().to_bytes(), STREAM_STATE);
    assert_eq!(StreamState::from_bytes(STREAM_STATE), Some(state()));
}

#[test]
fn a_stream_state_in_json_is_as_ever() {
    assert_eq!(serde_json::to_string(&state()).unwrap(), STREAM_STATE_JSON);
    let read: StreamState = serde_json::from_str(STREAM_STATE_JSON).unwrap();
    assert_eq!(read, state());
}

#[test]
fn an_ack_is_as_ever() {
    assert_eq!(serde_json::to_string(&ack()).unwrap(), ACK);
    assert_eq!(serde_json::from_str::<Ack>(ACK).unwrap(), ack());
}

#[test]
fn a_problem_is_as_ever() {
    assert_eq!(serde_json::to_string(&problem()).unwrap(), PROBLEM);
    assert_eq!(serde_json::from_str::<Problem>(PROBLEM).unwrap(), problem());
}

#[test]
fn a_sender_state_is_as_ever() {
    assert_eq!(sender_state(), SENDER_STATE);
    // It goes on in the new stream, behind the frame of the former one that is still there.
    let seal = |stream, seq, lost| {
        let stamp = Stamp::new(AUDIENCE, stream, seq).with_lost(lost);
        let frame = Sealer::new(Limits::FLOOR).seal(&stamp, &[Record::new("{}")]);
        spooled_header(&frame.unwrap()).unwrap()
    };
    let (first, second) = (0x1_0000_0001, 0x1_0000_0002);
    let frames = [
        (1, seal(STREAM, first, first - 1)),
        (2, seal(NEW_STREAM, second, 0)),
    ];
    let config = SenderConfig::new(AUDIENCE);
    let fresh = StreamId(Uuid::from_u128(1));
    let sender = Sender::recover(config, fresh, Some(SENDER_STATE), frames).unwrap();
    assert_eq!((sender.stream(), sender.backlog()), (NEW_STREAM, 2));
}

/// Only for files that no version has written yet: a change of the others breaks readers.
#[test]
#[ignore = "writes the golden files"]
fn write_golden_files() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/golden");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    write("stream-state", &state().to_bytes());
    write("sender-state", &sender_state());
    write("stream-state.json", &serde_json::to_vec(&state()).unwrap());
    write("ack.json", &serde_json::to_vec(&ack()).unwrap());
    write("problem.json", &serde_json::to_vec(&problem()).unwrap());
}
