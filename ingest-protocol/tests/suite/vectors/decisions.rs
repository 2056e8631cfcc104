//! Makes the sequences of decisions: frames that arrive one after the other at a receiver, and
//! what it answers by SPEC section 4. Used by `examples/vectors.rs`, which writes them, and by
//! the tests, which compare.

use std::collections::HashMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use ingest_protocol::frame::{Fingerprint, Limits, Opener, Record, Sealer, Stamp};
use ingest_protocol::receiver::{Receiver, Reception, StreamState};
use ingest_protocol::{Audience, StreamId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::file::{hex, unhex};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sequences {
    pub(crate) about: String,
    pub(crate) audience: Audience,
    pub(crate) sequences: Vec<Sequence>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sequence {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

/// A frame that arrives.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// What the step shows.
    pub(crate) why: String,
    /// The receiver's limits from here on, where they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limits: Option<Limits>,
    /// The time before which streams were forgotten, in microseconds, where they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) horizon: Option<i64>,
    /// `committed`, `duplicate`, or the code of the problem.
    pub(crate) answer: String,
    /// The `next_seq` of the ack, or of the problem if it tells one.
    pub(crate) next_seq: Option<u64>,
    /// Of the frame's stream after it; `None`: nothing is stored.
    pub(crate) state: Option<State>,
    pub(crate) frame: String,
}

/// `(first_seq, lost, count, raw_len, raw_crc)`.
type Print = (u64, u64, u32, u32, String);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) next_seq: u64,
    /// How many fingerprints are in the ring, and the ones at its ends.
    pub(crate) ring: usize,
    pub(crate) oldest: Option<Print>,
    pub(crate) newest: Option<Print>,
}

impl State {
    fn of(state: &StreamState) -> Self {
        let print = |f: &Fingerprint| {
            let crc = format!("{:016x}", f.raw_crc);
            (f.first_seq, f.lost, f.count, f.raw_len, crc)
        };
        Self {
            next_seq: state.next_seq(),
            ring: state.recent().len(),
            oldest: state.recent().first().map(print),
            newest: state.recent().last().map(print),
        }
    }
}

const AUDIENCE: Audience = Audience(Uuid::from_u128(0x6f1d2c3b_4a59_4e8f_9b70_112233445566));
const OTHER: Audience = Audience(Uuid::from_u128(0x6f1d2c3b_4a59_4e8f_9b70_112233445567));
/// Of version 7, begun at 2024-07-27T01:01:31.038Z.
const STREAM: StreamId = StreamId(Uuid::from_u128(0x0190f3c2_7b1e_7c40_9a51_3f2d6c8e1a01));
const NEW_STREAM: StreamId = StreamId(Uuid::from_u128(0x0190f3c2_7b1f_7c40_9a51_3f2d6c8e1a02));
/// Of version 4: nobody knows when it began.
const OF_NO_TIME: StreamId = StreamId(Uuid::from_u128(0x0190f3c2_7b1e_4c40_9a51_3f2d6c8e1a01));
const BEGAN: i64 = 0x0190_f3c2_7b1e * 1_000;

fn stamp(first_seq: u64) -> Stamp {
    Stamp::new(AUDIENCE, STREAM, first_seq)
}

fn seal(stamp: Stamp, records: &[&str]) -> Vec<u8> {
    let records: Vec<_> = records
        .iter()
        .map(|r| Record::new((*r).to_owned()))
        .collect();
    Sealer::new(Limits::default())
        .seal(&stamp, &records)
        .expect("a frame")
        .to_vec()
}

/// A frame of the stream, its records all the same.
fn frame(first_seq: u64, lost: u64, count: usize, record: &str) -> Vec<u8> {
    seal(stamp(first_seq).with_lost(lost), &vec![record; count])
}

fn heartbeat(at: u64) -> Vec<u8> {
    frame(at, 0, 0, "")
}

/// A receiver of one audience and its store, as SPEC section 4 has it.
pub(crate) struct Store {
    audience: Audience,
    limits: Limits,
    horizon: Option<i64>,
    states: HashMap<StreamId, StreamState>,
}

impl Store {
    pub(crate) fn new(audience: Audience) -> Self {
        Self {
            audience,
            limits: Limits::default(),
            horizon: None,
            states: HashMap::new(),
        }
    }

    pub(crate) fn set(&mut self, limits: Option<Limits>, horizon: Option<i64>) {
        self.limits = limits.unwrap_or(self.limits);
        self.horizon = horizon.or(self.horizon);
    }

    /// The answer, the `next_seq` it tells, and the state after it.
    pub(crate) fn receive(&mut self, frame: &[u8]) -> (String, Option<u64>, Option<State>) {
        let opener = Opener::new(self.limits).with_audience(self.audience);
        let receiver = Receiver::new(opener);
        let horizon = self
            .horizon
            .and_then(DateTime::<Utc>::from_timestamp_micros);
        let Ok(header) = receiver.header(frame) else {
            panic!("a header");
        };
        let stream = header.stream();
        let state = self.states.get(&stream);
        let (answer, next_seq) = match receiver.receive(frame.to_vec().into(), state, horizon) {
            Reception::Commit(opened, commit) => {
                assert_eq!(opened.header(), &header);
                let (state, ack) = commit.committed(vec![]);
                self.states.insert(stream, state);
                ("committed".to_owned(), Some(ack.next_seq()))
            }
            Reception::Duplicate(ack) => ("duplicate".to_owned(), Some(ack.next_seq())),
            Reception::Refuse(problem) => {
                let code = problem.code.expect("a code").to_string();
                (code, problem.next_seq)
            }
        };
        (answer, next_seq, self.states.get(&stream).map(State::of))
    }
}

/// A sequence in the making: each step says what is expected, and the crate must agree.
struct Maker {
    name: &'static str,
    store: Store,
    steps: Vec<Step>,
}

fn sequence(name: &'static str) -> Maker {
    Maker {
        name,
        store: Store::new(AUDIENCE),
        steps: Vec::new(),
    }
}

impl Maker {
    fn step(self, frame: &[u8], answer: &str, why: &str) -> Self {
        self.step_with(None, None, frame, answer, why)
    }

    fn step_with(
        mut self,
        limits: Option<Limits>,
        horizon: Option<i64>,
        frame: &[u8],
        expected: &str,
        why: &str,
    ) -> Self {
        self.store.set(limits, horizon);
        let (answer, next_seq, state) = self.store.receive(frame);
        assert_eq!(answer, expected, "{}: {why}", self.name);
        self.steps.push(Step {
            why: why.to_owned(),
            limits,
            horizon,
            answer,
            next_seq,
            state,
            frame: hex(frame),
        });
        self
    }

    fn done(self) -> Sequence {
        Sequence {
            name: self.name.to_owned(),
            steps: self.steps,
        }
    }
}

pub(crate) fn sequences() -> Sequences {
    Sequences {
        about: "Sequences of decisions by SPEC.md section 4; made by examples/vectors.rs. \
                Each begins at a receiver for `audience` that has stored nothing, with the default \
                limits and no horizon; `limits` and `horizon` (a time) of a step are for it and \
                those after it. `answer` is the outcome or the code, `next_seq` the one in the \
                answer, `state` that of the frame's stream after it: how many fingerprints are \
                in the ring, and the ones at its ends."
            .to_owned(),
        audience: AUDIENCE,
        sequences: vec![
            commit_and_duplicate(),
            gap(),
            fork(),
            heartbeats(),
            losses(),
            new_stream(),
            loss_at_the_beginning(),
            ring(),
            expired(),
            limits(),
            last_numbers(),
            before_the_rules(),
        ],
    }
}

fn commit_and_duplicate() -> Sequence {
    let (first, second) = (frame(1, 0, 2, "{}"), frame(3, 0, 1, "{}"));
    sequence("commit-and-duplicate")
        .step(&first, "committed", "R1: the first frame of a stream")
        .step(&first, "duplicate", "R2: sent again")
        .step(&second, "committed", "R1: what follows")
        .step(&first, "duplicate", "R2: the ack tells where the stream is")
        .step(&second, "duplicate", "R2: the last one")
        .step(&frame(4, 0, 3, "[]"), "committed", "R1: after duplicates")
        .done()
}

fn gap() -> Sequence {
    let (first, second) = (frame(1, 0, 2, "{}"), frame(3, 0, 2, "{}"));
    sequence("gap")
        .step(&second, "gap", "R3: of a stream that is not known")
        .step(&first, "committed", "R1: what was missing")
        .step(&frame(4, 0, 1, "{}"), "gap", "R3: one record is missing")
        .step(&frame(9, 3, 1, "{}"), "gap", "R3: what is lost comes later")
        .step(&second, "committed", "R1: no gap any more")
        .step(&frame(9, 4, 1, "{}"), "committed", "R1: the gap is lost")
        .done()
}

fn fork() -> Sequence {
    let next = frame(4, 0, 2, "{}");
    sequence("fork")
        .step(&frame(1, 0, 3, "{}"), "committed", "R1")
        .step(&frame(1, 0, 3, "[]"), "fork", "R4: other records")
        .step(&frame(1, 0, 2, "{}"), "fork", "R4: fewer of them")
        .step(&frame(1, 0, 4, "{}"), "fork", "R4: more of them")
        .step(&frame(2, 0, 2, "{}"), "fork", "R4: from the middle")
        .step(&frame(3, 2, 1, "{}"), "fork", "R4: two of them lost")
        .step(&frame(3, 0, 5, "{}"), "fork", "R4: over the end")
        .step(&frame(6, 3, 1, "{}"), "fork", "R4: lost over the end")
        .step(&next, "committed", "R1: forks change nothing")
        .step(&frame(4, 1, 2, "{}"), "fork", "R4: known but for `lost`")
        .done()
}

fn heartbeats() -> Sequence {
    sequence("heartbeats")
        .step(&heartbeat(1), "duplicate", "R1: nothing is stored")
        .step(&heartbeat(2), "gap", "R3: ahead, of an unknown stream")
        .step(&frame(1, 0, 4, "{}"), "committed", "R1: the first frame")
        .step(&heartbeat(5), "duplicate", "R1: at next_seq")
        .step(&heartbeat(5), "duplicate", "R1: again")
        .step(&heartbeat(4), "fork", "R4: behind")
        .step(&heartbeat(1), "fork", "R4: at the first number")
        .step(&heartbeat(6), "gap", "R3: ahead")
        .step(&frame(5, 0, 1, "{}"), "committed", "R1: goes on")
        .step(&heartbeat(5), "fork", "R4: a heartbeat is in no ring")
        .done()
}

fn losses() -> Sequence {
    let (three, two) = (frame(6, 3, 0, ""), frame(8, 2, 0, ""));
    sequence("losses")
        .step(&frame(1, 0, 2, "{}"), "committed", "R1")
        .step(&three, "committed", "R1: a loss alone")
        .step(&three, "duplicate", "R2: the same loss")
        .step(&heartbeat(6), "duplicate", "R1: not the loss before it")
        .step(&frame(6, 2, 0, ""), "fork", "R4: a smaller loss, same body")
        .step(&frame(6, 4, 0, ""), "fork", "R4: a larger loss, same body")
        .step(&two, "committed", "R1: one loss after the other")
        .step(&three, "duplicate", "R2: both are in the ring")
        .step(&two, "duplicate", "R2: both are in the ring")
        .step(&frame(10, 1, 0, ""), "gap", "R3: a loss ahead")
        .step(
            &frame(10, 2, 2, "{}"),
            "committed",
            "R1: a loss with records",
        )
        .step(&frame(10, 2, 2, "{}"), "duplicate", "R2: again")
        .step(&frame(10, 0, 2, "{}"), "fork", "R4: without its loss")
        .done()
}

fn new_stream() -> Sequence {
    let old = frame(1, 0, 3, "{}");
    let restamped = seal(Stamp::new(AUDIENCE, NEW_STREAM, 1), &["[]", "[]"]);
    let next = seal(Stamp::new(AUDIENCE, NEW_STREAM, 3), &["[]"]);
    sequence("new-stream")
        .step(&old, "committed", "R1")
        .step(&frame(2, 0, 2, "[]"), "fork", "R4: a restored snapshot")
        .step(&restamped, "committed", "S4: the same in a new stream")
        .step(&next, "committed", "R1: it goes on there")
        .step(&old, "duplicate", "R2: each stream has its own ring")
        .step(&restamped, "duplicate", "R2: each stream has its own ring")
        .step(&frame(4, 0, 1, "{}"), "committed", "R1: in the old stream")
        .done()
}

fn loss_at_the_beginning() -> Sequence {
    let begins = frame(6, 5, 1, "{}");
    sequence("loss-at-the-beginning")
        .step(&frame(6, 4, 1, "{}"), "gap", "R3: one number is missing")
        .step(&begins, "committed", "S6: lost = n, first_seq = n + 1")
        .step(&begins, "duplicate", "R2")
        .done()
}

fn ring() -> Sequence {
    let single = |seq: u64| frame(seq, 0, 1, "{}");
    let mut made = sequence("ring");
    for seq in 1..=64 {
        made = made.step(&single(seq), "committed", "R1");
    }
    made = made
        .step(&single(1), "duplicate", "R2: the ring holds 64")
        .step(&heartbeat(65), "duplicate", "R1: pushes nothing out")
        .step(&single(1), "duplicate", "R2: the first is still there")
        .step(&single(65), "committed", "R1: the first goes")
        .step(&single(1), "fork", "R4: 65 back")
        .step(&single(2), "duplicate", "R2: 64 back")
        .step(&frame(68, 2, 0, ""), "committed", "R1: a loss pushes too")
        .step(
            &single(2),
            "fork",
            "R4: that it was asked for keeps no frame",
        )
        .step(&single(3), "duplicate", "R2: 64 back");
    made.done()
}

fn expired() -> Sequence {
    let first = frame(1, 0, 1, "{}");
    let of_no_time = seal(Stamp::new(AUDIENCE, OF_NO_TIME, 1), &["{}"]);
    let newer = seal(Stamp::new(AUDIENCE, NEW_STREAM, 1), &["{}"]);
    let newer_ahead = seal(Stamp::new(AUDIENCE, NEW_STREAM, 3), &["{}"]);
    let after = Some(BEGAN + 1);
    sequence("stream-expired")
        .step_with(
            None,
            after,
            &first,
            "stream_expired",
            "R5: began before the horizon",
        )
        .step(&heartbeat(1), "stream_expired", "R5: a heartbeat")
        .step(&frame(3, 0, 1, "{}"), "stream_expired", "R5: before R3")
        .step(&of_no_time, "committed", "R5: no UUIDv7, so no time")
        .step(
            &newer_ahead,
            "gap",
            "R3: began after the horizon, a millisecond later",
        )
        .step(&newer, "committed", "R1: likewise")
        .step_with(
            None,
            Some(BEGAN),
            &first,
            "committed",
            "R5: began at the horizon, not before",
        )
        .step_with(
            None,
            after,
            &frame(2, 0, 1, "{}"),
            "committed",
            "R5: a known stream never expires",
        )
        .step(&first, "duplicate", "R2: of the known stream")
        .done()
}

fn limits() -> Sequence {
    let three = frame(1, 0, 3, "{}");
    let few = Limits::default().with_records(2);
    let small = Limits::default().with_frame_bytes(124);
    sequence("limits-lowered")
        .step(&three, "committed", "R1: under the default limits")
        .step_with(
            Some(few),
            None,
            &three,
            "duplicate",
            "R2: before the limit of `records`",
        )
        .step(&frame(4, 0, 3, "{}"), "too_large", "limits: before R1")
        .step(&frame(1, 0, 3, "[]"), "too_large", "limits: before R4")
        .step(&frame(9, 0, 3, "{}"), "too_large", "limits: before R3")
        .step(&frame(4, 0, 2, "{}"), "committed", "R1: a half of it")
        .step_with(
            Some(small),
            None,
            &three,
            "duplicate",
            "R2: before the limit of `frame_bytes`",
        )
        .step(
            &frame(6, 0, 1, "\"longer\""),
            "committed",
            "R1: it just fits",
        )
        .step(&frame(7, 0, 3, "{}"), "too_large", "limits: before R1")
        .done()
}

fn last_numbers() -> Sequence {
    let last = frame(u64::MAX - 2, u64::MAX - 3, 2, "{}");
    sequence("last-numbers")
        .step(&last, "committed", "R1: up to 2^64 - 1")
        .step(&last, "duplicate", "R2")
        .step(&heartbeat(u64::MAX), "duplicate", "R1: at the last number")
        .step(&heartbeat(u64::MAX - 1), "fork", "R4: one behind it")
        .step(
            &frame(u64::MAX, u64::MAX - 1, 0, ""),
            "fork",
            "R4: all lost",
        )
        .done()
}

fn before_the_rules() -> Sequence {
    let first = frame(1, 0, 2, "{}");
    let mut changed = first.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let other = seal(Stamp::new(OTHER, STREAM, 1), &["{}"]);
    sequence("before-the-rules")
        .step(&changed, "corrupt", "a checksum: before R1")
        .step(&first[..last], "malformed", "a torn frame: before R1")
        .step(&other, "wrong_audience", "the audience: before R1")
        .step(&first, "committed", "R1: what was refused was not stored")
        .step(&other, "wrong_audience", "the audience: before R4")
        .done()
}

/// The file's text: one line for each step.
#[allow(dead_code, reason = "by the program that writes the file")]
pub(crate) fn text(made: &Sequences) -> String {
    let json = |text: &str| serde_json::to_string(text).expect("JSON");
    let mut file = format!("{{\n\"about\": {},\n", json(&made.about));
    let _ = write!(
        file,
        "\"audience\": \"{}\",\n\"sequences\": [\n",
        made.audience
    );
    for (at, sequence) in made.sequences.iter().enumerate() {
        let _ = writeln!(file, "{{\"name\": {}, \"steps\": [", json(&sequence.name));
        let steps: Vec<_> = sequence
            .steps
            .iter()
            .map(|step| serde_json::to_string(step).expect("JSON"))
            .collect();
        let comma = if at + 1 < made.sequences.len() {
            ","
        } else {
            ""
        };
        let _ = writeln!(file, "{}\n]}}{comma}", steps.join(",\n"));
    }
    file + "]\n}"
}

/// The steps of the file that was read, at a receiver of this crate.
#[allow(dead_code, reason = "by the tests alone")]
pub(crate) fn check(read: &Sequences) {
    for Sequence { name, steps } in &read.sequences {
        let mut store = Store::new(read.audience);
        for (at, step) in steps.iter().enumerate() {
            store.set(step.limits, step.horizon);
            let (answer, next_seq, state) = store.receive(&unhex(&step.frame));
            let found = (answer.as_str(), next_seq, &state);
            let expected = (step.answer.as_str(), step.next_seq, &step.state);
            assert_eq!(found, expected, "{name}, step {at}: {}", step.why);
        }
    }
}
