//! Sender and receiver: whatever happens to them, in any order.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use ingest_protocol::frame::{EncryptKey, Frame, Header, Limits, MacKey, Record, Sealer, Stamp};
use ingest_protocol::receiver::{Decision, StreamState};
use ingest_protocol::sender::{Event, FrameId, Sender, SenderConfig, SpoolOp, spooled_header};
use ingest_protocol::{Action, Answer, Audience, Code, Problem, StreamId};
use uuid::Uuid;

use crate::input::Input;

const AUDIENCE: Audience = Audience(Uuid::from_u128(0xA));
/// More than any honest loop takes.
const ENDLESS: usize = 5_000;
/// Frames have a header and more around their records.
const AROUND: u64 = 64 * 1024;
const MEMORY: u64 = 16 * 1024;

/// Choices of what happens; then all goes well, and it comes to rest.
pub fn machines(data: &[u8]) {
    let mut input = Input(data);
    let mut world = World::new(&mut input);
    while !input.0.is_empty() {
        world.step(&mut input);
        world.check();
    }
    world.settle();
    state(data);
}

/// Any bytes as the state of a stream.
fn state(data: &[u8]) {
    let mut json = HashMap::new();
    if let Some(state) = StreamState::from_bytes(data) {
        assert_eq!(state.to_bytes(), data);
        json.insert("bytes", state);
    }
    if let Ok(state) = serde_json::from_slice::<StreamState>(data) {
        json.insert("json", state);
    }
    for state in json.values() {
        let first_seq = state.next_seq().max(1);
        let stamp = Stamp::new(AUDIENCE, StreamId(Uuid::from_u128(1)), first_seq);
        if let Ok(frame) = Sealer::new(Limits::FLOOR).seal(&stamp, &[Record::new("{}")]) {
            let header = spooled_header(&frame).expect("a frame");
            decide(state, &header);
        }
    }
}

/// What is decided, and the state after it, which can be stored.
fn decide(state: &StreamState, header: &Header) -> (Answer, Option<StreamState>) {
    match state.decide(header) {
        Decision::Commit(commit) => {
            assert_eq!(commit.expected_next_seq(), state.next_seq());
            assert_eq!(commit.lost().start, state.next_seq());
            assert_eq!(commit.lost().end, header.first_seq());
            let (next, ack) = commit.committed(vec![]);
            assert_eq!(next.next_seq(), header.next_seq());
            assert!(next.next_seq() > state.next_seq() && next.knows(header));
            assert!(ack.answers(header));
            assert_eq!(
                StreamState::from_bytes(&next.to_bytes()).as_ref(),
                Some(&next)
            );
            (Answer::Ack(ack), Some(next))
        }
        Decision::Duplicate(ack) => {
            assert!(ack.answers(header));
            (Answer::Ack(ack), None)
        }
        Decision::Refuse(problem) => {
            assert!(problem.answers(header));
            assert_eq!(problem.next_seq, Some(state.next_seq()));
            (Answer::Problem(problem), None)
        }
    }
}

struct World {
    config: SenderConfig,
    spooled: bool,
    sender: Sender,
    now: Instant,
    // The spool.
    frames: BTreeMap<u64, bytes::Bytes>,
    state: Option<bytes::Bytes>,
    place: u64,
    /// Stored, and not told yet, or told already.
    told: Vec<(FrameId, u64)>,
    // The receiver, and all that was ever sent to it.
    states: HashMap<StreamId, StreamState>,
    sent: Vec<(FrameId, Header)>,
    wants_stream: bool,
    streams: u128,
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let (how, sizes) = (input.byte(), input.byte());
        let limits = Limits::FLOOR
            .with_records(1 + u32::from(sizes & 15))
            .with_record_bytes(256 << (sizes >> 6));
        let mut config = SenderConfig::new(AUDIENCE)
            .limits(limits)
            .max_records(1 + u32::from(sizes >> 4 & 3) * 3)
            .max_bytes(u32::from(input.u16()))
            .max_memory(MEMORY)
            .max_age(Duration::from_secs(60))
            .history(usize::from(input.byte() % 40))
            .seed(u64::from(how));
        if how & 1 != 0 {
            config = config.spooled();
        }
        if how & 2 != 0 {
            config = config.heartbeat(Duration::from_secs(300));
        }
        if how & 4 != 0 {
            config = config.zstd();
        }
        if how & 8 != 0 {
            config = config.mac(MacKey::new(Uuid::from_u128(5).into(), &[5; 32]));
        }
        if how & 16 != 0 {
            config = config.encryption(EncryptKey::new(Uuid::from_u128(6).into(), &[6; 32]));
        }
        Self {
            sender: Sender::new(config.clone(), StreamId(Uuid::from_u128(1))),
            config,
            spooled: how & 1 != 0,
            now: Instant::now(),
            frames: BTreeMap::new(),
            state: None,
            place: 0,
            told: Vec::new(),
            states: HashMap::new(),
            sent: Vec::new(),
            wants_stream: false,
            streams: 1,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let now = self.now;
        match input.byte() % 20 {
            0..4 => self.push(input),
            4 => drop(self.sender.flush()),
            5 => {
                let records = match input.byte() {
                    255 => u64::MAX,
                    few => u64::from(few % 8),
                };
                let cursor = (records % 2 == 0).then(|| "lost".into());
                let _ = self.sender.lose(records, cursor);
            }
            6 => {
                if let Some((_, Some(place))) = self.sender.evict() {
                    self.frames.remove(&place);
                }
            }
            7 => drop(self.spool(input.byte())),
            8 => {
                // Late, in any order, again.
                if let Some((id, place)) = pick(&self.told, input) {
                    self.sender.handle_spooled(id, place);
                }
            }
            9 | 10 => self.transmit(),
            11 => {
                if let Some((id, header)) = pick(&self.sent, input) {
                    let answer = self.receive(&header);
                    self.sender.handle_answer(id, answer, now);
                }
            }
            12 => {
                let last = self.sent.last().copied();
                if let Some((id, header)) = last {
                    let answer = self.receive(&header);
                    self.sender.handle_answer(id, answer, now);
                }
            }
            13 => self.problem(input),
            14 => self.ack(input),
            15 => {
                if let Some((id, _)) = pick(&self.sent, input) {
                    self.sender.handle_failure(id, now);
                }
            }
            16 => {
                self.now += Duration::from_secs(u64::from(input.u16()));
                self.sender.handle_timeout(self.now);
                if input.byte() & 1 == 0 {
                    self.sender.retry_now();
                }
            }
            17 => {
                let n = u128::from(input.byte() % 16);
                let stream = match n {
                    0..8 => Uuid::from_u128(n),
                    _ => self.fresh().0,
                };
                if self.sender.handle_stream(StreamId(stream)).is_ok() {
                    self.wants_stream = false;
                }
            }
            18 => self.recover(input),
            _ => self.lie(input),
        }
    }

    fn fresh(&mut self) -> StreamId {
        self.streams += 1;
        StreamId(Uuid::from_u128(1_000 + self.streams))
    }

    fn push(&mut self, input: &mut Input<'_>) {
        let (kind, len) = (input.byte(), input.below(600));
        let payload = match kind & 3 {
            0 => vec![b' '; len * 4],
            _ => input.bytes(len % 40).to_vec(),
        };
        let mut record = Record::new(payload);
        if kind & 4 != 0 {
            record = record.with_id(Uuid::from_u128(u128::from(kind)));
        }
        if kind & 8 != 0 {
            record = record.with_time(chrono::DateTime::UNIX_EPOCH);
        }
        let pushed = match kind & 16 {
            0 => self.sender.push(record.clone(), self.now),
            _ => self.sender.push_at(record.clone(), vec![kind], self.now),
        };
        if let Err(error) = pushed {
            assert_eq!(error.into_record(), record);
        }
    }

    /// What the spool is to do next, if there is anything.
    fn spool(&mut self, how: u8) -> bool {
        let op = self.sender.poll_spool();
        op.map(|op| self.carry_out(op, how)).is_some()
    }

    /// Does it; whether it is told at once, or later, or not at all.
    fn carry_out(&mut self, op: SpoolOp, how: u8) {
        assert!(self.spooled);
        let at_once = how & 1 == 0;
        match op {
            SpoolOp::Append {
                id, frame, state, ..
            } => {
                self.place += 1 + u64::from(how & 2);
                assert!(spooled_header(&frame).is_some());
                self.frames.insert(self.place, frame);
                self.state = Some(state);
                self.told.push((id, self.place));
                if at_once {
                    self.sender.handle_spooled(id, self.place);
                }
            }
            SpoolOp::Read { id, place } => {
                if at_once {
                    self.sender
                        .handle_read(id, self.frames.get(&place).cloned());
                }
            }
            SpoolOp::Mark { state } => {
                self.place += 1;
                self.state = Some(state);
                if at_once {
                    self.sender.handle_marked(self.place);
                }
            }
            SpoolOp::Release { through } => {
                self.frames = self.frames.split_off(&through.saturating_add(1));
            }
            _ => {}
        }
    }

    fn transmit(&mut self) {
        let Some(transmit) = self.sender.poll_transmit(self.now) else {
            return;
        };
        let header = Header::peek(&transmit.frame, &Limits::MAX).expect("a frame");
        assert_eq!(header, transmit.header);
        assert_eq!(header.stream(), self.sender.stream());
        assert_eq!(header.audience(), AUDIENCE);
        assert!(Frame::check(&transmit.frame, &Limits::MAX).is_ok());
        assert_eq!(self.sender.poll_transmit(self.now), None);
        self.sent.push((transmit.id, header));
    }

    fn receive(&mut self, header: &Header) -> Answer {
        let state = self.states.entry(header.stream()).or_default();
        let (answer, next) = decide(state, header);
        if let Some(next) = next {
            *state = next;
        }
        answer
    }

    fn problem(&mut self, input: &mut Input<'_>) {
        let Some((id, header)) = self.sent.last().copied() else {
            return;
        };
        let codes = Code::REGISTERED;
        let code = codes[usize::from(input.byte()) % codes.len()].clone();
        let (how, action) = (input.byte(), input.byte());
        let mut problem = Problem::new(code);
        if how & 1 != 0 {
            problem = problem.with_frame(&header);
        }
        if how & 2 != 0 {
            let near = header
                .accounts_from()
                .wrapping_sub(u64::from(input.byte() % 16));
            problem.next_seq = Some(near);
        } else if how & 4 != 0 {
            problem.next_seq = Some(u64::from(input.u32()) << (how >> 3));
        }
        if how & 8 != 0 {
            let limits = Limits::MAX
                .with_records(u32::from(input.u16()))
                .with_record_bytes(input.u32())
                .with_frame_bytes(input.u32());
            problem = problem.with_limits(limits);
        }
        if how & 16 != 0 {
            problem.retry_after = Some(u64::from(input.u32()) << 16);
        }
        problem.told_action = match action % 16 {
            0 => Some(Action::Verify),
            1 => Some(Action::Rewind),
            2 => Some(Action::Restamp),
            3 => Some(Action::Split),
            4 => Some(Action::Downgrade),
            5 => None,
            _ => problem.told_action,
        };
        if how & 32 != 0 {
            problem.status = input.u16();
            problem.code = None;
        }
        self.sender.handle_problem(id, problem, self.now);
    }

    fn ack(&mut self, input: &mut Input<'_>) {
        let Some((id, header)) = pick(&self.sent, input) else {
            return;
        };
        let off = input.byte();
        let near = |number: u64, bit: u8| number.wrapping_add(u64::from(off >> bit & 1));
        let json = format!(
            r#"{{"stream":"{}","first_seq":{},"lost":{},"count":{},"raw_crc":"{:016x}","next_seq":{},"outcome":"committed"}}"#,
            header.stream(),
            near(header.first_seq(), 0),
            header.lost(),
            near(u64::from(header.count()), 1),
            near(header.fingerprint().raw_crc, 4),
            near(header.next_seq(), 2).wrapping_sub(u64::from(off >> 3 & 1)),
        );
        let answer = Answer::read(200, None, json.as_bytes());
        self.sender.handle_answer(id, answer, self.now);
    }

    /// The process starts again, over the spool as it is, or as somebody changed it.
    fn recover(&mut self, input: &mut Input<'_>) {
        if !self.spooled {
            return;
        }
        let mut frames: Vec<_> = self
            .frames
            .iter()
            .filter_map(|(place, frame)| Some((*place, spooled_header(frame)?)))
            .collect();
        let mut state = self.state.as_ref().map(|state| state.to_vec());
        match input.byte() % 8 {
            0 => {
                if let Some(bytes) = &mut state
                    && !bytes.is_empty()
                {
                    let at = input.below(bytes.len());
                    bytes[at] ^= 1 << (input.byte() % 8);
                }
            }
            1 => {
                // A frame that nobody sealed.
                let (first, lost) = (1 + u64::from(input.u32()), u64::from(input.u16()));
                let first = first << (input.byte() % 30);
                let stamp = Stamp::new(AUDIENCE, self.sender.stream(), first);
                let records = vec![Record::new("{}"); input.below(4)];
                let sealed = Sealer::new(Limits::FLOOR).seal(&stamp.with_lost(lost), &records);
                if let Ok(frame) = sealed {
                    self.place += 1;
                    frames.push((self.place, spooled_header(&frame).expect("a frame")));
                    self.frames.insert(self.place, frame);
                }
            }
            2 => frames.reverse(),
            3 => {
                if !frames.is_empty() {
                    frames.remove(input.below(frames.len()));
                }
            }
            4 => frames.extend(frames.clone()),
            _ => {}
        }
        let fresh = self.fresh();
        let config = self.config.clone();
        if let Ok(sender) = Sender::recover(config, fresh, state.as_deref(), frames) {
            self.sender = sender;
            self.sent.clear();
            self.told.clear();
            self.wants_stream = false;
        }
    }

    /// What the spool says is not so.
    fn lie(&mut self, input: &mut Input<'_>) {
        let (what, at) = (input.byte(), u64::from(input.byte()));
        match what % 4 {
            0 => self.sender.handle_marked(at),
            1 => {
                if let Some((id, _)) = pick(&self.told, input) {
                    self.sender.handle_spooled(id, at);
                }
            }
            2 => {
                if let Some((id, _)) = pick(&self.told, input) {
                    let frame = self.frames.get(&at).cloned();
                    self.sender.handle_read(id, frame);
                }
            }
            _ => match self.sender.poll_spool() {
                Some(SpoolOp::Read { id, .. }) => self.sender.handle_read(id, None),
                Some(op) => self.carry_out(op, 0),
                None => {}
            },
        }
    }

    fn check(&mut self) {
        while let Some(event) = self.sender.poll_event() {
            self.wants_stream |= matches!(event, Event::StreamWanted(_));
        }
        let held = self.sender.held_bytes();
        assert!(held <= MEMORY + AROUND, "{held} bytes in memory");
        let _ = (self.sender.poll_timeout(), self.sender.is_idle());
        let _ = self.sender.backlog();
    }

    /// All goes well from here on: it comes to rest.
    fn settle(&mut self) {
        // What was carried out is told at last.
        for (id, place) in std::mem::take(&mut self.told) {
            self.sender.handle_spooled(id, place);
        }
        self.sender.handle_marked(self.place);
        for _ in 0..ENDLESS {
            self.check();
            if self.wants_stream {
                let fresh = self.fresh();
                self.wants_stream = self.sender.handle_stream(fresh).is_err();
                continue;
            }
            let mut polls = 0;
            while self.spool(0) {
                polls += 1;
                assert!(polls < ENDLESS, "the spool is never done");
            }
            let before = self.sent.len();
            self.transmit();
            if let Some((id, header)) = self.sent.get(before).copied() {
                let answer = self.receive(&header);
                self.sender.handle_answer(id, answer, self.now);
                continue;
            }
            if self.sender.flush().is_err() || self.sender.is_idle() {
                return;
            }
            match self.sender.poll_timeout() {
                Some(until) if until > self.now => {
                    self.now = until;
                    self.sender.handle_timeout(until);
                }
                _ => {}
            }
        }
        panic!("it never comes to rest: {:?}", self.sender);
    }
}

fn pick<T: Copy>(all: &[T], input: &mut Input<'_>) -> Option<T> {
    (!all.is_empty()).then(|| all[input.below(all.len())])
}
