//! The disk of the spool is full, really: the agent says so, keeps what it has, and goes on when
//! there is room.

use std::path::{Path, PathBuf};

use mim_events::eventlog::LogWriter;

use crate::common::disk::SmallDisk;
use crate::common::log::{document, event};
use crate::common::process::{Agent, balance, configure, output};
use crate::common::receiver::{Play, Receiver};
use crate::common::wait_until;

/// More than is read before the disk is full, and than is held in memory.
const COUNT: u64 = 2_500;
const RUN: &[&str] = &["run", "--interval", "100ms", "--metrics", "127.0.0.1:0"];

/// Requests of about 2 KB, of which half is left when they are compressed. One in 50 can't be read, and one in 50 the
/// service sets aside.
fn write_log(path: &Path, count: u64) -> (Vec<String>, u64) {
    let (mut texts, mut broken) = (Vec::new(), 0);
    let mut log = LogWriter::create(path).unwrap();
    for n in 0..count {
        let noise: String = (0..64_u64)
            .map(|at| uuid::Uuid::new_v5(&uuid::Uuid::nil(), &(n << 32 | at).to_le_bytes()))
            .map(|uuid| uuid.simple().to_string())
            .collect();
        let text = match n % 50 {
            20 => format!("broken {n} {noise}"),
            40 => document(n).replace("\"Number\"", &format!("\"reject\":\"{noise}\",\"Number\"")),
            _ => document(n).replace("\"Number\"", &format!("\"Noise\":\"{noise}\",\"Number\"")),
        };
        log.write(&event(n, &text).as_event()).unwrap();
        match n % 50 {
            20 => broken += 1,
            _ => texts.push(text),
        }
    }
    log.finish().unwrap();
    (texts, broken)
}

/// A configuration whose state is on the disk.
fn configure_at(folder: &Path, disk: &SmallDisk, receiver: &Receiver) -> PathBuf {
    let config = configure(folder, &receiver.url(), "[spool]\nbatch = 20\n");
    let text = std::fs::read_to_string(&config).unwrap();
    let state = format!("state = \"{}/state\"", disk.path().display());
    std::fs::write(&config, text.replace("state = \"state\"", &state)).unwrap();
    config
}

fn is_full(agent: &Agent) -> bool {
    let metrics = agent.metrics();
    assert!(metrics.is_even());
    metrics.get("disk_full") == 1 && metrics.get("blocked") == 1
}

/// Follows a log until the disk is full, amid it.
struct Filled {
    disk: SmallDisk,
    texts: Vec<String>,
    broken: u64,
    receiver: Receiver,
    config: PathBuf,
    agent: Agent,
}

impl Filled {
    fn new(folder: &Path) -> Option<Self> {
        let disk = SmallDisk::mount(&folder.join("disk"), "64m")?;
        disk.fill(1 << 20);
        let (texts, broken) = write_log(&folder.join("requests.evtx"), COUNT);
        let receiver = Receiver::start(&folder.join("received"));
        receiver.play(Play::Down);
        let config = configure_at(folder, &disk, &receiver);
        let agent = Agent::start(&config, RUN);
        wait_until("the disk is full", || is_full(&agent));
        let read = agent.metrics().get("read_total");
        assert!((100..COUNT).contains(&read), "{read}");
        Some(Self {
            disk,
            texts,
            broken,
            receiver,
            config,
            agent,
        })
    }

    fn status(&self) -> String {
        String::from_utf8(output(&self.config, &["status"]).stdout).unwrap()
    }

    /// There is room, and the service takes all: every request arrives once, and is told once.
    fn ends_well(mut self) {
        self.disk.make_room();
        self.receiver.play(Play::Up);
        wait_until("all is acknowledged", || {
            let metrics = self.agent.metrics();
            let read = metrics.get("read_total");
            read == COUNT && metrics.get("spooled") == 0
        });
        let metrics = self.agent.metrics();
        assert!(metrics.is_even());
        assert_eq!((metrics.get("disk_full"), metrics.get("blocked")), (0, 0));
        self.agent.signal("-TERM");
        assert_eq!(self.agent.code(), 0);
        assert!(self.receiver.received().documents == self.texts);
        let told = balance(&self.config, "logs");
        assert_eq!((told.lost, told.lost_in_spool), (0, 0), "{told:?}");
        let arrived = told.acknowledged + told.by_service;
        assert_eq!(
            (arrived, told.by_agent),
            (self.texts.len() as u64, self.broken),
            "{told:?}"
        );
        let kept = self.disk.path().join("state/logs/quarantine.ndjson");
        let kept = std::fs::read_to_string(kept).unwrap();
        let is_whole = |line: &str| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            entry["raw"].as_str().unwrap().starts_with("broken ")
        };
        assert_eq!(kept.lines().count() as u64, self.broken);
        assert!(kept.lines().all(is_whole));
    }
}

#[test]
fn a_full_disk_amid_a_log_is_told_and_every_request_arrives_once() {
    let temporary = tempfile::tempdir().unwrap();
    let Some(mut filled) = Filled::new(temporary.path()) else {
        return;
    };
    assert_eq!(filled.agent.get("healthz").0, 503);
    wait_until("the status says so", || {
        filled.status().contains("ATTENTION: the disk is full")
    });
    let said = filled.agent.said();
    assert_eq!(said.matches("nothing is read on").count(), 1, "{said}");
    // What is durable is sent also now, and what the service says of it is not forgotten.
    filled.receiver.play(Play::Unanswered);
    wait_until("some arrived", || {
        filled.receiver.received().documents.len() > 100
    });
    filled.receiver.play(Play::Down);
    assert!(!filled.agent.has_ended(), "{}", filled.agent.said());
    filled.ends_well();
}

#[test]
fn an_agent_that_was_killed_on_a_full_disk_begins_when_there_is_room() {
    let temporary = tempfile::tempdir().unwrap();
    let Some(mut filled) = Filled::new(temporary.path()) else {
        return;
    };
    filled.agent.kill();
    let other = filled.disk.path().join("other");
    std::fs::write(&other, vec![7; 8 << 20]).unwrap_err();
    // The bookmark stands where the spool ends.
    let told = balance(&filled.config, "logs");
    assert!(told.spooled > 0 && told.read < COUNT, "{told:?}");
    let once = &["run", "--once", "--give-up", "500ms"];
    let mut agent = Agent::start(&filled.config, once);
    assert_eq!(agent.code(), 3, "{}", agent.said());
    filled.agent = Agent::start(&filled.config, RUN);
    wait_until("it says what it waits for", || {
        let agent = &filled.agent;
        agent.metrics().get("disk_full") == 1 && agent.said().contains("the disk is full")
    });
    assert_eq!(filled.agent.get("healthz").0, 503);
    assert!(!filled.agent.has_ended(), "{}", filled.agent.said());
    filled.ends_well();
}

#[test]
fn a_signal_ends_an_agent_that_waits_for_room() {
    let temporary = tempfile::tempdir().unwrap();
    let Some(mut filled) = Filled::new(temporary.path()) else {
        return;
    };
    filled.agent.signal("-TERM");
    assert_eq!(filled.agent.code(), 0, "{}", filled.agent.said());
    std::fs::write(filled.disk.path().join("other"), vec![7; 8 << 20]).unwrap_err();
    filled.agent = Agent::start(&filled.config, RUN);
    wait_until("it began or waits", || {
        filled.agent.metrics().get("disk_full") == 1
    });
    filled.agent.signal("-TERM");
    assert_eq!(filled.agent.code(), 0, "{}", filled.agent.said());
    filled.agent = Agent::start(&filled.config, RUN);
    filled.ends_well();
}
