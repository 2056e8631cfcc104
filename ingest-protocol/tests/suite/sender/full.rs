//! A spool that is full: nothing is lost, what it holds is sent, and then there is room again.

use std::time::Instant;

use ingest_protocol::frame::Record;
use ingest_protocol::journal::Options;
use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::receiver::{Decision, StreamState};
use ingest_protocol::sender::{PushError, SpooledSender, Transmit};
use ingest_protocol::{Answer, Code, Problem};

use super::{config, payloads, stream};

const RECORDS: usize = 3_000;
const SEGMENT: u64 = 8 << 10;

struct World {
    disk: SimDisk,
    cap: u64,
    spool: SpooledSender<SimDisk>,
    openings: u8,
    /// The next record to be pushed.
    next: usize,
    state: StreamState,
    received: Vec<String>,
    /// The receiver refuses this many frames as forks, before it takes what comes in a new stream.
    forks: u32,
    /// How often was sent: far more often than needed means that nothing moves.
    sends: usize,
}

fn open(disk: &SimDisk, opening: u8, cap: u64) -> SpooledSender<SimDisk> {
    let options = Options::new([opening; 16]);
    let options = options.segment_bytes(SEGMENT).cap_bytes(cap);
    let config = config().max_records(5).max_memory(20_000);
    let opened = SpooledSender::open(disk.clone(), options, config, stream(1));
    opened.unwrap().0
}

impl World {
    fn new(cap: u64, forks: u32) -> Self {
        let disk = SimDisk::new(cap);
        Self {
            cap,
            spool: open(&disk, 1, cap),
            disk,
            openings: 1,
            next: 0,
            state: StreamState::default(),
            received: Vec::new(),
            forks,
            sends: 0,
        }
    }

    /// All is pushed, and durable.
    fn filled() -> (Self, Instant) {
        let (mut world, now) = (Self::new(1 << 20, 0), Instant::now());
        assert!(!world.push(now));
        world.spool.flush().unwrap();
        (world, now)
    }

    /// Pushes until all is pushed or the spool is full; whether it is full.
    fn push(&mut self, now: Instant) -> bool {
        while self.next < RECORDS {
            let cursor = (self.next as u64 + 1).to_le_bytes().to_vec();
            match self.spool.push(Record::new(text(self.next)), cursor, now) {
                Ok(()) => self.next += 1,
                Err(PushError::Full { .. }) => match self.spool.settle() {
                    Ok(()) => {}
                    Err(error) if error.is_retryable() => return true,
                    Err(error) => panic!("{error}"),
                },
                Err(error) => panic!("{error}"),
            }
        }
        false
    }

    fn send(&mut self, frames: usize, now: Instant) {
        self.sends += 1;
        assert!(self.sends < 10 * RECORDS, "at {}", self.next);
        for _ in 0..frames {
            let Some(sent) = self.spool.poll_transmit(now).unwrap() else {
                return;
            };
            if self.forks > 0 && self.received.len() > 100 {
                self.forks -= 1;
                let problem = Problem::new(Code::FORK).with_frame(&sent.header);
                self.spool
                    .handle_answer(sent.id, Answer::Problem(problem), now);
                let fresh = stream(100 + u128::from(self.forks));
                self.spool.handle_stream(fresh).unwrap();
                self.state = StreamState::default();
                continue;
            }
            self.arrives(&sent, now);
        }
    }

    fn arrives(&mut self, sent: &Transmit, now: Instant) {
        let ack = match self.state.decide(&sent.header) {
            Decision::Commit(commit) => {
                self.received.extend(payloads(&sent.frame));
                let (state, ack) = commit.committed(Vec::new());
                self.state = state;
                ack
            }
            Decision::Duplicate(ack) => ack,
            Decision::Refuse(problem) => panic!("{problem}"),
        };
        self.spool.handle_answer(sent.id, Answer::Ack(ack), now);
    }

    /// The process is killed, and goes on where its cursor is.
    fn kill(&mut self) {
        self.disk.kill();
        self.openings += 1;
        self.spool = open(&self.disk, self.openings, self.cap);
        let cursor = self.spool.cursor().unwrap().try_into().unwrap();
        self.next = u64::from_le_bytes(cursor) as usize;
    }
}

fn text(n: usize) -> String {
    format!(r#"{{"n":{n},"padding":"{}"}}"#, "x".repeat(n % 90))
}

fn fills_and_empties(cap: u64, forks: u32) {
    let (mut world, now) = (World::new(cap, forks), Instant::now());
    let mut times_full = 0;
    while world.push(now) {
        times_full += 1;
        // What replaces frames goes over the cap, until a segment of those is free; with the former
        // stream in its state, and marks between, each takes a little more than the one it replaces.
        let over = match forks {
            0 => SEGMENT,
            _ => (1 + u64::from(forks)) * SEGMENT + cap / 10,
        };
        let used = world.disk.used();
        assert!(used <= cap + over, "{used} of {cap}");
        let before = world.received.len();
        world.send(40, now);
        assert!(world.received.len() > before || times_full < 3);
        if times_full % 3 == 0 {
            world.kill();
        }
    }
    assert!(times_full > 3, "{times_full}");
    while !world.spool.is_idle() {
        let before = world.spool.sender().backlog();
        let _ = world.spool.flush(); // while it is full, sending makes room
        world.send(40, now);
        world.spool.settle().unwrap();
        assert!(world.spool.sender().backlog() < before || before == 0);
    }
    let expected: Vec<String> = (0..RECORDS).map(text).collect();
    assert!(world.received == expected);
}

#[test]
fn a_full_spool_takes_records_again_when_what_it_holds_was_sent() {
    fills_and_empties(64 << 10, 0);
    fills_and_empties(100 << 10, 0);
}

#[test]
fn a_full_spool_has_room_for_a_new_stream() {
    fills_and_empties(64 << 10, 1);
    fills_and_empties(200 << 10, 1);
    fills_and_empties(100 << 10, 3);
}

#[test]
fn what_is_done_is_marked_when_there_is_room_on_the_disk_again() {
    let (mut world, now) = World::filled();
    world.disk.set_capacity(Some(world.disk.used()));
    world.send(RECORDS, now);
    // No more than a receiver remembers, if it is killed now.
    assert_eq!(world.received.len(), 5 * 32);
    world.disk.set_capacity(None);
    world.send(RECORDS, now);
    assert_eq!(world.received.len(), RECORDS);
    world.spool.settle().unwrap();
    assert!(world.spool.is_idle());
}

#[test]
fn a_mark_is_written_also_where_the_disk_was_full_when_its_turn_came() {
    let (mut world, now) = World::filled();
    world.send(15, now);
    let sent = world.spool.poll_transmit(now).unwrap().unwrap();
    // A frame waits to become durable while so many are done that a mark is due.
    world.disk.set_capacity(Some(world.disk.used()));
    world.spool.push(Record::new("{}"), "end", now).unwrap();
    assert!(world.spool.flush().unwrap_err().is_retryable());
    world.arrives(&sent, now);
    assert!(world.spool.settle().unwrap_err().is_retryable());
    world.disk.set_capacity(None);
    world.send(RECORDS, now);
    assert_eq!(world.received.len(), RECORDS + 1);
    world.spool.settle().unwrap();
    assert!(world.spool.is_idle());
}

#[test]
fn what_is_spooled_is_sent_while_the_disk_has_no_room_for_more() {
    let (mut world, now) = World::filled();
    world.disk.set_capacity(Some(world.disk.used()));
    for n in RECORDS..RECORDS + 5 {
        world.spool.push(Record::new(text(n)), "", now).unwrap();
    }
    assert!(world.spool.flush().unwrap_err().is_retryable());
    // As if there were no frame that finds no room: all that may be sent before a mark does.
    world.send(RECORDS, now);
    assert_eq!(world.received.len(), 5 * 32);
    world.disk.set_capacity(None);
    world.send(RECORDS, now);
    assert_eq!(world.received.len(), RECORDS + 5);
    world.spool.settle().unwrap();
    assert!(world.spool.is_idle());
}

/// A cursor alone finds room where history can go.
#[test]
fn a_cursor_alone_takes_the_room_of_history() {
    let now = Instant::now();
    let mut world = World::new(5 * SEGMENT, 0);
    while world.next < RECORDS {
        let is_full = world.push(now);
        world.send(if is_full { 2 } else { 200 }, now);
    }
    world.send(RECORDS, now);
    // All is acknowledged; what is kept of it is history. Marks fill the rest, and then its place.
    for n in 0..4_000_u64 {
        let cursor = [&n.to_le_bytes()[..], &[0; 100]].concat();
        world.spool.advance(cursor).unwrap();
    }
    assert_eq!(world.received.len(), RECORDS);
    world.disk.kill();
    let spool = open(&world.disk, world.openings + 1, world.cap);
    assert_eq!(spool.cursor().unwrap()[..8], 3_999_u64.to_le_bytes());
}
