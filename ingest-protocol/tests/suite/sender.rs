//! The sender's state machine, through its public API.
#![allow(clippy::disallowed_methods)] // when a test begins

mod answers;
mod batching;
#[cfg(feature = "sim")]
mod full;
mod gaps;
mod loss;
#[cfg(feature = "sim")]
mod on_disk;
mod overlaps;
mod recovery;
mod reseal;
mod spooled;

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use bytes::Bytes;
#[cfg(feature = "encrypt")]
use ingest_protocol::frame::EncryptKey;
#[cfg(feature = "mac")]
use ingest_protocol::frame::MacKey;
use ingest_protocol::frame::{Format, Frame, Header, Limits, Record};
use ingest_protocol::receiver::{Decision, StreamState};
use ingest_protocol::sender::{
    Event, FrameId, Sender, SenderConfig, SpoolOp, Transmit, spooled_header,
};
use ingest_protocol::{Ack, Answer, Audience, Code, Problem, StreamId};
use uuid::Uuid;

const AUDIENCE: Audience = Audience(Uuid::from_u128(0xA));

fn stream(n: u128) -> StreamId {
    StreamId(Uuid::from_u128(n))
}

/// Two records a frame.
fn config() -> SenderConfig {
    SenderConfig::new(AUDIENCE).max_records(2)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn record(n: u64) -> Record {
    Record::new(n.to_string())
}

fn push_all(sender: &mut Sender, numbers: impl IntoIterator<Item = u64>, now: Instant) {
    for n in numbers {
        sender.push(record(n), now).unwrap();
    }
}

/// A sender with these records in frames, two in each, and the time.
fn with_records(config: SenderConfig, count: u64) -> (Sender, Instant) {
    let now = Instant::now();
    let mut sender = Sender::new(config, stream(1));
    push_all(&mut sender, 1..=count, now);
    sender.flush().unwrap();
    (sender, now)
}

fn events(sender: &mut Sender) -> Vec<Event> {
    std::iter::from_fn(|| sender.poll_event()).collect()
}

fn transmit(sender: &mut Sender, now: Instant) -> Transmit {
    sender.poll_transmit(now).unwrap()
}

/// The payloads of a frame, as text.
fn payloads(frame: &Bytes) -> Vec<String> {
    let frame = Frame::open(frame.clone(), &Limits::MAX).unwrap();
    let texts = frame
        .records()
        .map(|record| String::from_utf8(record.payload().to_vec()).unwrap());
    texts.collect()
}

/// `first_seq`, `lost` and the payloads.
fn content(transmit: &Transmit) -> (u64, u64, Vec<String>) {
    let header = &transmit.header;
    (header.first_seq(), header.lost(), payloads(&transmit.frame))
}

/// An ack of `sent`, with what is `changed` of it.
fn ack_with(sent: &Header, changed: &[(&str, &str)]) -> Ack {
    let mut json = format!(
        r#"{{"stream":"{}","first_seq":{},"lost":{},"count":{},"raw_crc":"{:016x}","next_seq":{},"outcome":"committed"}}"#,
        sent.stream(),
        sent.first_seq(),
        sent.lost(),
        sent.count(),
        sent.fingerprint().raw_crc,
        sent.next_seq(),
    );
    for (from, to) in changed {
        assert!(json.contains(from), "{from} in {json}");
        json = json.replace(from, to);
    }
    serde_json::from_str(&json).unwrap()
}

fn ack(header: &Header) -> Ack {
    ack_with(header, &[])
}

/// Sends the next frame and has it acknowledged.
fn acknowledge(sender: &mut Sender, now: Instant) -> Transmit {
    let sent = transmit(sender, now);
    sender.handle_ack(sent.id, &ack(&sent.header), now);
    sent
}

/// Sends the next frame and has it refused.
fn refuse(sender: &mut Sender, problem: Problem, now: Instant) -> Transmit {
    let sent = transmit(sender, now);
    let problem = problem.with_frame(&sent.header);
    sender.handle_problem(sent.id, problem, now);
    sent
}

/// A service that stores what it commits.
#[derive(Debug, Default)]
struct Service {
    states: HashMap<StreamId, StreamState>,
    stored: Vec<String>,
    lost: u64,
}

impl Service {
    fn receive(&mut self, frame: &Bytes) -> Answer {
        let header = Header::peek(frame, &Limits::MAX).unwrap();
        let state = self.states.entry(header.stream()).or_default();
        match state.decide(&header) {
            Decision::Commit(commit) => {
                self.stored.extend(payloads(frame));
                self.lost += commit.lost().end - commit.lost().start;
                let (next, ack) = commit.committed(vec![]);
                *state = next;
                Answer::Ack(ack)
            }
            Decision::Duplicate(ack) => Answer::Ack(ack),
            Decision::Refuse(problem) => Answer::Problem(problem),
        }
    }
}

/// A spool in memory: what is in it is durable.
#[derive(Clone, Debug, Default)]
struct Spool {
    frames: BTreeMap<u64, Bytes>,
    state: Option<Bytes>,
    cursor: Option<Bytes>,
    place: u64,
    released: u64,
}

impl Spool {
    /// Stores, and says so only when [`say`](Self::say) is called.
    fn carry_out(&mut self, op: &SpoolOp) -> Option<(FrameId, u64)> {
        match op {
            SpoolOp::Append {
                id,
                frame,
                cursor,
                state,
                ..
            } => {
                self.place += 1;
                self.frames.insert(self.place, frame.clone());
                self.state = Some(state.clone());
                self.cursor = cursor.clone().or(self.cursor.take());
                Some((*id, self.place))
            }
            SpoolOp::Mark { state } => {
                self.place += 1;
                self.state = Some(state.clone());
                None
            }
            SpoolOp::Release { through } => {
                // A sender that was recovered does not know what was released.
                assert!(*through <= self.place);
                self.released = self.released.max(*through);
                self.frames = self.frames.split_off(&(through + 1));
                None
            }
            _ => None,
        }
    }

    /// Carries out all that the sender wants, and tells it.
    fn settle(&mut self, sender: &mut Sender) {
        while let Some(op) = sender.poll_spool() {
            let spooled = self.carry_out(&op);
            match op {
                SpoolOp::Append { .. } => {
                    let (id, place) = spooled.unwrap();
                    sender.handle_spooled(id, place);
                }
                SpoolOp::Mark { .. } => sender.handle_marked(self.place),
                SpoolOp::Read { id, place } => {
                    sender.handle_read(id, self.frames.get(&place).cloned());
                }
                _ => {}
            }
        }
    }

    /// The sender after a crash.
    fn recover(&self, config: SenderConfig) -> Sender {
        let frames = self
            .frames
            .iter()
            .filter_map(|(place, frame)| Some((*place, spooled_header(frame)?)));
        Sender::recover(config, stream(99), self.state.as_deref(), frames).unwrap()
    }

    /// The next frame to send.
    fn transmit(&mut self, sender: &mut Sender, now: Instant) -> Option<Transmit> {
        for _ in 0..4 {
            self.settle(sender);
            if let Some(transmit) = sender.poll_transmit(now) {
                return Some(transmit);
            }
        }
        None
    }

    /// Sends all that can be sent, gives a new stream where one is wanted, and returns what was sent.
    fn drain(
        &mut self,
        sender: &mut Sender,
        service: &mut Service,
        mut now: Instant,
    ) -> Vec<Transmit> {
        let mut all = Vec::new();
        for fresh in 1_000..1_500 {
            while let Some(sent) = self.transmit(sender, now) {
                sender.handle_answer(sent.id, service.receive(&sent.frame), now);
                all.push(sent);
            }
            if events(sender)
                .iter()
                .any(|event| matches!(event, Event::StreamWanted(_)))
            {
                sender.handle_stream(stream(fresh)).unwrap();
                continue;
            }
            match sender.poll_timeout() {
                Some(until) => now = until,
                None => return all,
            }
        }
        panic!("it never comes to rest: {sender:?}");
    }
}

fn texts(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|n| n.to_string()).collect()
}

#[test]
fn a_sender_is_a_value() {
    fn is_value<T: Clone + Eq + Hash + Send + Sync + std::fmt::Debug>() {}
    is_value::<Sender>();
    is_value::<SenderConfig>();
    is_value::<Transmit>();
    is_value::<SpoolOp>();
    is_value::<Event>();
    // A copy goes on as the first one does.
    let (mut sender, now) = with_records(config(), 5);
    let mut copy = sender.clone();
    assert_eq!(sender, copy);
    let (sent, same) = (transmit(&mut sender, now), transmit(&mut copy, now));
    assert_eq!((&sent, &sender), (&same, &copy));
    sender.handle_failure(sent.id, now);
    assert_ne!(sender, copy);
}

#[test]
fn configurations_are_equal_if_all_of_them_is() {
    let config = || SenderConfig::new(AUDIENCE);
    let all = vec![
        config(),
        SenderConfig::new(Audience(Uuid::from_u128(0xB))),
        config().format(Format::OPAQUE),
        config().limits(Limits::default()),
        config().max_records(1),
        config().max_bytes(1),
        config().max_age(seconds(1)),
        config().max_memory(1),
        config().timeout(seconds(1)),
        config().heartbeat(seconds(1)),
        config().history(1),
        config().spooled(),
        config().seed(1),
        #[cfg(feature = "zstd")]
        config().zstd(),
        #[cfg(feature = "mac")]
        config().mac(MacKey::new(Uuid::from_u128(5).into(), &[1; 32])),
        #[cfg(feature = "mac")]
        config().mac(MacKey::new(Uuid::from_u128(6).into(), &[1; 32])),
        #[cfg(feature = "encrypt")]
        config().encryption(EncryptKey::new(Uuid::from_u128(5).into(), &[1; 32])),
        #[cfg(feature = "encrypt")]
        config().encryption(EncryptKey::new(Uuid::from_u128(6).into(), &[1; 32])),
    ];
    let hash = |config: &SenderConfig| {
        let mut hasher = DefaultHasher::new();
        config.hash(&mut hasher);
        hasher.finish()
    };
    for (at, one) in all.iter().enumerate() {
        for (other_at, other) in all.iter().enumerate() {
            assert_eq!(one == other, at == other_at, "{one:?}, {other:?}");
            assert_eq!(hash(one) == hash(other), at == other_at);
        }
    }
    // A key stands for itself by its name.
    #[cfg(feature = "mac")]
    {
        let key = |byte| MacKey::new(Uuid::from_u128(5).into(), &[byte; 32]);
        assert_eq!(config().mac(key(1)), config().mac(key(2)));
    }
}

#[test]
fn everything_arrives_once_and_in_order() {
    let mut service = Service::default();
    let (mut sender, now) = with_records(config(), 7);
    assert_eq!((sender.backlog(), sender.is_idle()), (7, false));
    let mut spool = Spool::default();
    let sent = spool.drain(&mut sender, &mut service, now);
    assert_eq!(service.stored, texts(1..=7));
    assert_eq!(sent.len(), 4);
    assert_eq!((sender.backlog(), sender.is_idle()), (0, true));
}

fn told(code: Code) -> Problem {
    Problem::new(code)
}
