//! A source, a sender with its disk, a receiver with its disk, and time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ingest_protocol::frame::{Limits, Opener, Record};
use ingest_protocol::journal::Options;
use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::receiver::{Receiver, ReceiverLog, Reception, Stored};
use ingest_protocol::rules::{Rule, Rules};
use ingest_protocol::sender::{Event, SenderConfig, SpooledSender, Transmit};
use ingest_protocol::{Answer, Audience, Code, Problem, StreamId};
use uuid::Uuid;

use super::channel::{Channel, Request, Response};
use crate::random::Random;

#[derive(Clone, Copy, Debug)]
pub(super) struct Faults {
    /// The machines go back to copies of themselves.
    pub(super) agent_goes_back: bool,
    pub(super) service_goes_back: bool,
    /// The source loses records before they are read, and frames are given up to make room.
    pub(super) losses: bool,
    /// The sender says often where it is, and much of what is sent arrives again later.
    pub(super) echoes: bool,
    /// The agent's spool may not grow large.
    pub(super) fills: bool,
}

impl Faults {
    pub(super) fn crashes() -> Self {
        Self {
            agent_goes_back: false,
            service_goes_back: false,
            losses: true,
            echoes: false,
            fills: false,
        }
    }

    /// By turns the agent, the service, and both with losses.
    pub(super) fn snapshots(seed: u64) -> Self {
        Self {
            agent_goes_back: [0, 2].contains(&(seed % 3)),
            service_goes_back: !seed.is_multiple_of(3),
            losses: seed % 3 == 2,
            echoes: seed.is_multiple_of(5),
            fills: false,
        }
    }
}

/// A record of the source: its number, or a number that the source lost before it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sourced {
    pub(super) n: u64,
    pub(super) gone: bool,
}

pub(super) struct World {
    pub(super) random: Random,
    pub(super) rules: Rules,
    pub(super) faults: Faults,
    faulty: bool,
    pub(super) now: Instant,
    // The agent's machine.
    pub(super) source: Vec<Sourced>,
    next_n: u64,
    disk: SimDisk,
    sender: Option<SpooledSender<SimDisk>>,
    life: u64,
    /// Up to where the source was given to the sender of this life.
    pushed: usize,
    /// The record that no frame may carry more than so many of, or be compressed, and the proxy
    /// between says only 413 and 415.
    proxy_records: Option<u32>,
    refuses_zstd: bool,
    // The service's machine.
    pub(super) log_disk: SimDisk,
    log: Option<ReceiverLog<SimDisk>>,
    /// Two front ends decide before either commits.
    deciding: Vec<(Request, Reception)>,
    // Between them.
    channel: Channel,
    // Copies from earlier.
    agent_copy: Option<(SimDisk, Vec<Sourced>)>,
    service_copy: Option<SimDisk>,
    pub(super) went_back: bool,
    agent_went_back: bool,
    /// The service went back after the agent did, which may have left a stream that then can't tell
    /// what the service lost of it (SPEC section 4).
    pub(super) left_a_stream: bool,
    pub(super) evicted: u64,
    /// States that an impatient receiver forgets, where R5 is left out.
    forgets: bool,
    /// There is a state that can't be.
    broken: bool,
    pub(super) tells: bool,
}

pub(super) const AUDIENCE: Audience = Audience(Uuid::from_u128(0xA));

impl World {
    pub(super) fn new(seed: u64, faults: Faults, rules: Rules) -> Self {
        let mut random = Random(seed);
        let disk = SimDisk::new(random.below(u64::MAX));
        let log_disk = SimDisk::new(random.below(u64::MAX));
        let proxy_records = [None, Some(1), Some(3)][random.below(3) as usize];
        Self {
            rules,
            faults,
            faulty: true,
            now: Instant::now() + Duration::from_secs(1 << 20),
            source: Vec::new(),
            next_n: 1,
            disk,
            sender: None,
            life: 0,
            pushed: 0,
            proxy_records,
            refuses_zstd: random.one_in(3),
            log_disk,
            log: None,
            deciding: Vec::new(),
            channel: Channel::default(),
            agent_copy: None,
            service_copy: None,
            went_back: false,
            agent_went_back: false,
            left_a_stream: false,
            evicted: 0,
            forgets: !rules.keep(Rule::R5),
            broken: false,
            tells: false,
            random,
        }
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        if self.tells {
            println!("{}", what());
        }
    }

    /// A while of work with faults.
    pub(super) fn live(&mut self) {
        let steps = 150 + self.random.below(250);
        for _ in 0..steps {
            self.step();
        }
    }

    fn step(&mut self) {
        match self.random.below(44) {
            0..6 => self.happen(),
            6..12 => self.read_source(),
            12..20 => self.send(),
            20..27 => self.arrive(),
            27..33 => self.come_back(),
            33..36 => self.pass_time(),
            36 if self.faults.losses => self.evict(),
            37 => self.crash_agent(),
            38 => self.crash_service(),
            39 => self.snapshot(),
            40..44 => self.calm(),
            _ => {}
        }
    }

    /// For a while all goes well, so that there is something to go back behind.
    fn calm(&mut self) {
        self.faulty = false;
        for _ in 0..self.random.below(20) {
            self.happen();
            self.read_source();
            self.send();
            self.arrive();
            self.come_back();
        }
        self.pass_time();
        self.faulty = true;
    }

    /// Something happens on the agent's machine, to be told.
    fn happen(&mut self) {
        for _ in 0..=self.random.below(3) {
            let gone = self.faults.losses && self.random.one_in(25);
            self.source.push(Sourced {
                n: self.next_n,
                gone,
            });
            self.next_n += 1;
        }
    }

    fn config(&mut self) -> SenderConfig {
        let config = SenderConfig::new(AUDIENCE)
            .max_records(1 + self.random.below(6) as u32)
            .history(self.random.below(5) as usize)
            .seed(self.random.below(u64::MAX))
            .heartbeat(Duration::from_secs(if self.faults.echoes {
                5
            } else {
                300
            }));
        #[cfg(feature = "zstd")]
        let config = match self.random.one_in(2) {
            true => config.zstd(),
            false => config,
        };
        config
    }

    fn options(&mut self) -> Options {
        Options::new(self.random.id()).segment_bytes(4096)
    }

    fn new_stream(&mut self) -> StreamId {
        let mut id = self.random.id();
        id[6] = 0x70 | id[6] & 0x0f;
        id[8] = 0x80 | id[8] & 0x3f;
        StreamId(Uuid::from_bytes(id))
    }

    /// The sender, started if it is not running; `None` if its disk fails.
    fn sender(&mut self) -> Option<&mut SpooledSender<SimDisk>> {
        if self.sender.is_none() {
            let (options, config, fresh) = (self.options(), self.config(), self.new_stream());
            let options = match self.faults.fills && self.random.one_in(2) {
                true => options.cap_bytes(32 << 10),
                false => options,
            };
            let (disk, rules) = (self.disk.clone(), self.rules);
            let (mut sender, _) = SpooledSender::open(disk, options, config, fresh).ok()?;
            sender.sender_mut().set_rules(rules);
            self.pushed = sender.cursor().map_or(0, position);
            self.life += 1;
            self.tell(|| format!("life {} from {}", self.life, self.pushed));
            self.sender = Some(sender);
        }
        self.sender.as_mut()
    }

    /// What a program does that is told its disk failed: it starts again.
    fn fail_agent(&mut self) {
        self.sender = None;
        self.disk.kill();
        self.life += 1;
    }

    fn read_source(&mut self) {
        let count = 1 + self.random.below(8) as usize;
        let flush = self.random.one_in(3);
        let now = self.now;
        if self.sender().is_none() {
            return self.fail_agent();
        }
        for _ in 0..count {
            let Some(sourced) = self.source.get(self.pushed).copied() else {
                break;
            };
            let at = self.pushed + 1;
            let Some(sender) = &mut self.sender else {
                return;
            };
            if sourced.gone {
                sender.sender_mut().lose(1, Some(cursor(at))).unwrap();
            } else if sender.push(record(sourced.n), cursor(at), now).is_err() {
                break;
            }
            self.pushed = at;
        }
        let Some(sender) = &mut self.sender else {
            return;
        };
        let done = if flush {
            sender.flush()
        } else {
            sender.settle()
        };
        // A full spool takes the rest when it has sent.
        if done.is_err_and(|error| !error.is_retryable()) {
            self.fail_agent();
        }
    }

    fn send(&mut self) {
        let now = self.now;
        let Some(sender) = self.sender() else {
            return self.fail_agent();
        };
        let transmit = match sender.poll_transmit(now) {
            Ok(transmit) => transmit,
            Err(_) => return self.fail_agent(),
        };
        self.hear_events();
        if let Some(Transmit {
            id, frame, header, ..
        }) = transmit
        {
            self.tell(|| {
                let (stream, first) = (header.stream(), header.first_seq());
                format!(
                    "send {stream} {first}+{} lost {}",
                    header.count(),
                    header.lost()
                )
            });
            let life = self.life;
            let request = Request {
                life,
                id,
                bytes: frame,
            };
            self.channel.send(&mut self.random, self.faulty, request);
        }
    }

    fn hear_events(&mut self) {
        while let Some(event) = self.sender.as_mut().and_then(SpooledSender::poll_event) {
            self.tell(|| format!("{event:?}"));
            if let Event::StreamWanted(_) = event {
                let stream = self.new_stream();
                if let Some(sender) = &mut self.sender {
                    sender.handle_stream(stream).unwrap();
                }
            }
        }
    }

    fn evict(&mut self) {
        if !self.random.one_in(3) {
            return;
        }
        let Some(sender) = self.sender() else { return };
        match sender.evict() {
            Ok(records) => {
                self.evicted += records;
                self.tell(|| format!("evict {records}"));
            }
            Err(_) => {
                // Of a frame nobody knows whether it is gone.
                self.evicted += 6;
                self.fail_agent();
            }
        }
    }

    fn log(&mut self) -> Option<&mut ReceiverLog<SimDisk>> {
        if self.log.is_none() {
            let (options, disk) = (self.options(), self.log_disk.clone());
            let receiver = self.receiver();
            self.log = ReceiverLog::open(disk, options, receiver)
                .ok()
                .map(|(log, _)| log);
        }
        self.log.as_mut()
    }

    fn receiver(&self) -> Receiver {
        let opener = Opener::new(Limits::default()).with_audience(AUDIENCE);
        Receiver::new(opener).with_rules(self.rules)
    }

    fn fail_service(&mut self) {
        self.log = None;
        self.deciding.clear();
        self.log_disk.kill();
    }

    /// How often what arrives stays to arrive again: once in so many times.
    fn echo(&self) -> Option<u64> {
        self.faulty
            .then_some(if self.faults.echoes { 2 } else { 10 })
    }

    /// A request arrives at a front end, which decides now and commits now or later.
    fn arrive(&mut self) {
        let echo = self.echo();
        let Some(request) = self.channel.arriving(&mut self.random, echo) else {
            return self.commit_one();
        };
        if let Some(answer) = self.proxy(&request.bytes) {
            return self.answer(&request, answer);
        }
        let receiver = self.receiver();
        let forgets = self.forgets && self.random.one_in(8);
        let Some(log) = self.log() else {
            return self.fail_service();
        };
        let header = match receiver.header(&request.bytes) {
            Ok(header) => header,
            Err(problem) => return self.answer(&request, Answer::Problem(problem)),
        };
        let Ok(mut state) = log.state(header.stream()) else {
            self.broken = true;
            return;
        };
        if forgets {
            if log.forget(header.stream()).is_err() {
                return self.fail_service();
            }
            state = None;
        }
        match receiver.receive(request.bytes.clone(), state.as_ref(), None) {
            Reception::Duplicate(ack) => self.answer(&request, Answer::Ack(ack)),
            Reception::Refuse(problem) => self.answer(&request, Answer::Problem(problem)),
            commit @ Reception::Commit(..) => {
                self.deciding.push((request, commit));
                if !self.faulty || self.random.below(3) > 0 {
                    self.commit_one();
                }
            }
        }
    }

    fn commit_one(&mut self) {
        if self.deciding.is_empty() {
            return;
        }
        let at = self.random.below(self.deciding.len() as u64) as usize;
        let (request, reception) = self.deciding.swap_remove(at);
        let Reception::Commit(frame, commit) = reception else {
            return;
        };
        if self.broken {
            return;
        }
        let stored = match self.log() {
            Some(log) => log.commit(&frame, commit, Vec::new()),
            None => return self.fail_service(),
        };
        match stored {
            Ok(Stored::Committed(ack, _)) => {
                self.tell(|| format!("commit {:?}", frame.header().fingerprint()));
                self.answer(&request, Answer::Ack(ack));
            }
            Ok(Stored::Refused(problem)) => self.answer(&request, Answer::Problem(problem)),
            Err(_) => self.fail_service(),
        }
    }

    /// What stands before the service refuses in its own words.
    fn proxy(&self, bytes: &Bytes) -> Option<Answer> {
        let header = ingest_protocol::sender::spooled_header(bytes)?;
        if self
            .proxy_records
            .is_some_and(|limit| header.count() > limit)
        {
            return Some(Answer::read(413, None, b"Request Entity Too Large"));
        }
        if self.refuses_zstd && header.is_compressed() {
            return Some(Answer::Problem(Problem::new(Code::UNSUPPORTED)));
        }
        None
    }

    fn answer(&mut self, request: &Request, answer: Answer) {
        let (status, body) = match &answer {
            Answer::Ack(ack) => (200, serde_json::to_vec(ack).unwrap()),
            Answer::Problem(problem) => (problem.status, serde_json::to_vec(problem).unwrap()),
        };
        let names_its_frame = match answer {
            Answer::Ack(_) => true,
            Answer::Problem(problem) => problem.stream.is_some(),
        };
        let response = Response {
            life: request.life,
            id: request.id,
            status,
            body,
            names_its_frame,
        };
        self.channel.answer(&mut self.random, self.faulty, response);
    }

    fn come_back(&mut self) {
        let Some(response) = self.channel.returning(&mut self.random) else {
            return;
        };
        let (life, now) = (self.life, self.now);
        if let Some(sender) = &mut self.sender
            && life == response.life
        {
            let answer = Answer::read(response.status, None, &response.body);
            sender.handle_answer(response.id, answer, now);
        }
        let text = String::from_utf8_lossy(&response.body).into_owned();
        self.tell(|| format!("answer {} {text}", response.status));
        self.hear_events();
    }

    fn pass_time(&mut self) {
        self.now += Duration::from_secs(self.random.below(1200));
        let now = self.now;
        if let Some(sender) = &mut self.sender {
            sender.handle_timeout(now);
        }
    }

    fn crash_agent(&mut self) {
        match self.random.below(4) {
            0 => {
                let operations = self.random.below(12);
                return self.disk.die_after(operations);
            }
            1 => {
                let syncs = self.random.below(4);
                return self.disk.fail_sync_after(syncs);
            }
            2 => self.disk.kill(),
            _ => self.disk.crash(),
        }
        self.tell(|| "the agent crashes".to_owned());
        self.sender = None;
        self.life += 1;
    }

    fn crash_service(&mut self) {
        match self.random.below(4) {
            0 => {
                let operations = self.random.below(12);
                return self.log_disk.die_after(operations);
            }
            1 => {
                let syncs = self.random.below(4);
                return self.log_disk.fail_sync_after(syncs);
            }
            2 => self.log_disk.kill(),
            _ => self.log_disk.crash(),
        }
        self.tell(|| "the service crashes".to_owned());
        self.log = None;
        self.deciding.clear();
    }

    /// A copy is taken of a machine, or a machine goes back to its copy.
    fn snapshot(&mut self) {
        match self.random.below(8) {
            0..3 if self.faults.agent_goes_back => {
                self.sender = None;
                self.life += 1;
                self.disk.kill();
                self.agent_copy = Some((self.disk.backup(), self.source.clone()));
            }
            3..6 if self.faults.service_goes_back => {
                self.fail_service();
                self.service_copy = Some(self.log_disk.backup());
            }
            6 => {
                if let Some((disk, source)) = &self.agent_copy {
                    (self.disk, self.source) = (disk.backup(), source.clone());
                    self.tell(|| "the agent goes back".to_owned());
                    self.sender = None;
                    self.life += 1;
                    self.went_back = true;
                    self.agent_went_back = true;
                }
            }
            _ => {
                if let Some(disk) = &self.service_copy {
                    self.log_disk = disk.backup();
                    self.tell(|| "the service goes back".to_owned());
                    self.log = None;
                    self.deciding.clear();
                    self.went_back = true;
                    self.left_a_stream |= self.agent_went_back;
                }
            }
        }
    }

    /// All faults end: in reasonable time everything that happened is told.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        self.tell(|| "the faults end".to_owned());
        self.faulty = false;
        self.forgets = false;
        self.sender = None;
        self.disk.crash();
        self.fail_service();
        self.log_disk.crash();
        // Each record in a frame of its own takes a few rounds, and waits now and then.
        for _ in 0..4_000 + 40 * self.source.len() {
            if self.broken {
                return Err("no stream can be in that state".to_owned());
            }
            self.read_source();
            let now = self.now;
            if let Some(sender) = &mut self.sender
                && self.pushed == self.source.len()
            {
                match sender.flush() {
                    Err(error) if !error.is_retryable() => return Err(error.to_string()),
                    _ => {}
                }
                if sender.is_idle() && self.channel.requests.is_empty() && self.deciding.is_empty()
                {
                    // What has come too late is known by the next heartbeat.
                    if self.heartbeat_is_acknowledged(now) {
                        return Ok(());
                    }
                }
            }
            self.send();
            self.arrive();
            self.commit_one();
            self.come_back();
            if self.random.one_in(4) {
                self.pass_time();
            }
        }
        Err("it never comes to rest".to_owned())
    }

    fn heartbeat_is_acknowledged(&mut self, now: Instant) -> bool {
        self.now = now + Duration::from_secs(400);
        self.send();
        self.arrive();
        self.come_back();
        self.sender.as_ref().is_some_and(SpooledSender::is_idle)
    }

    /// What the service has.
    pub(super) fn log_for_reading(&self) -> ReceiverLog<SimDisk> {
        let disk = self.log_disk.backup();
        ReceiverLog::open(disk, Options::new([9; 16]), self.receiver())
            .unwrap()
            .0
    }
}

fn record(n: u64) -> Record {
    let padding = "x".repeat((n * 37 % 200) as usize);
    Record::new(format!(r#"{{"n":{n},"padding":"{padding}"}}"#)).with_id(Uuid::from_u128(n.into()))
}

fn cursor(at: usize) -> Bytes {
    Bytes::copy_from_slice(&(at as u64).to_le_bytes())
}

fn position(cursor: &[u8]) -> usize {
    u64::from_le_bytes(cursor.try_into().unwrap()) as usize
}
