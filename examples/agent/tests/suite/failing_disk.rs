//! The disk of the spool fails: the agent opens the spool anew, and every request arrives once.

use std::path::Path;

use mim_events::eventlog::LogWriter;

use crate::common::log::{append, document, documents, event};
use crate::common::process::{Agent, balance, configure, output};
use crate::common::receiver::{Play, Receiver};
use crate::common::strace::FailingDisk;
use crate::common::wait_until;

const COUNT: u64 = 1_500;
const RUN: &[&str] = &["run", "--interval", "100ms", "--metrics", "127.0.0.1:0"];

/// One in 50 can't be read, and one in 50 the service sets aside.
fn write_log(path: &Path) -> Vec<String> {
    let (mut texts, mut log) = (Vec::new(), LogWriter::create(path).unwrap());
    for n in 0..COUNT {
        let text = match n % 50 {
            20 => format!("broken {n}"),
            40 => document(n).replace("\"Number\"", "\"reject\":1,\"Number\""),
            _ => document(n),
        };
        log.write(&event(n, &text).as_event()).unwrap();
        texts.extend((n % 50 != 20).then_some(text));
    }
    log.finish().unwrap();
    texts
}

/// What is told at last, of so many more that can be read.
fn is_told_once(config: &Path, more: u64) {
    let told = balance(config, "logs");
    assert_eq!(
        (told.lost, told.lost_in_spool, told.spooled),
        (0, 0, 0),
        "{told:?}"
    );
    let arrived = told.acknowledged + told.by_service;
    let broken = COUNT / 50;
    assert_eq!(
        (arrived, told.by_agent),
        (COUNT - broken + more, broken),
        "{told:?}"
    );
    // What could not be written of an answer that came before the end counts as acknowledged.
    assert!(told.by_service <= broken, "{told:?}");
    let kept = config.with_file_name("state/logs/quarantine.ndjson");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert_eq!(kept.lines().count() as u64, broken);
}

#[test]
fn syncs_that_fail_now_and_then_do_not_end_the_agent_and_all_arrives_once() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let texts = write_log(&folder.join("requests.evtx"));
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "[spool]\nbatch = 20\n");
    // A step that is no divisor of what a cycle of the agent syncs meets each place in turn.
    for (error, when) in [("EIO", "2+23"), ("ENOSPC", "9+31")] {
        let Some(disk) = FailingDisk::new(&folder.join("strace"), error, when) else {
            return;
        };
        let mut agent = Agent::start_on(&disk, &config, &["run", "--once"]);
        assert_eq!(agent.code(), 0, "{}", agent.said());
        assert!(disk.failed() > 3, "{}", agent.said());
        assert!(agent.said().contains("the disk fails"), "{}", agent.said());
        assert!(receiver.received().documents == texts);
        is_told_once(&config, 0);
        assert_eq!(balance(&config, "logs").by_service, COUNT / 50);
        // The second time all is read anew, by a spool that knows nothing.
        if error == "EIO" {
            std::fs::remove_dir_all(folder.join("state")).unwrap();
            receiver.forget();
        }
    }
}

#[test]
fn while_all_syncs_fail_that_is_told_and_when_the_disk_is_mended_the_agent_goes_on() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let log = folder.join("requests.evtx");
    let texts = write_log(&log);
    let receiver = Receiver::start(&folder.join("received"));
    // What is under way when the disk fails is answered, or not.
    receiver.play(Play::Unanswered);
    let config = configure(folder, &receiver.url(), "[spool]\nbatch = 20\n");
    let Some(disk) = FailingDisk::new(&folder.join("strace"), "EIO", "40+") else {
        return;
    };
    let mut agent = Agent::start_on(&disk, &config, RUN);
    wait_until("it fails again and again", || {
        let metrics = agent.metrics();
        assert!(metrics.is_even());
        metrics.get("disk_failing") == 1 && metrics.get("disk_failures_total") > 2
    });
    let metrics = agent.metrics();
    assert_eq!((metrics.get("blocked"), metrics.get("disk_full")), (1, 0));
    let (code, why) = agent.get("healthz");
    assert!(
        code == 503 && why.contains("the disk fails"),
        "{code} {why}"
    );
    wait_until("the status says so", || {
        let told = output(&config, &["status"]).stdout;
        String::from_utf8_lossy(&told).contains("ATTENTION: the disk fails")
    });
    assert!(!agent.has_ended(), "{}", agent.said());

    FailingDisk::mend(&agent);
    append(&log, COUNT..COUNT + 50);
    let wanted = [texts, documents(COUNT..COUNT + 50)].concat();
    wait_until("all is acknowledged", || {
        let metrics = agent.metrics();
        assert!(metrics.is_even());
        metrics.get("read_total") == COUNT + 50 && metrics.get("spooled") == 0
    });
    let metrics = agent.metrics();
    assert_eq!(
        (metrics.get("disk_failing"), metrics.get("blocked")),
        (0, 0)
    );
    assert_eq!(agent.get("healthz").0, 200);
    agent.signal("-TERM");
    assert_eq!(agent.code(), 0, "{}", agent.said());
    assert!(receiver.received().documents == wanted);
    let told = balance(&config, "logs");
    assert_eq!((told.read, told.lost), (COUNT + 50, 0), "{told:?}");
}

#[test]
fn a_signal_ends_an_agent_whose_disk_fails_and_so_does_the_end_of_patience() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let texts = write_log(&folder.join("requests.evtx"));
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "[spool]\nbatch = 20\n");
    // At once, and amid the log.
    for when in ["1+", "40+"] {
        let Some(disk) = FailingDisk::new(&folder.join("strace"), "EIO", when) else {
            return;
        };
        let mut agent = Agent::start_on(&disk, &config, RUN);
        wait_until("it fails", || agent.said().contains("the disk fails"));
        agent.signal("-TERM");
        assert_eq!(agent.code(), 0, "{}", agent.said());
        let once = &["run", "--once", "--give-up", "500ms"];
        // What is spooled by now takes few syncs.
        let Some(disk) = FailingDisk::new(&folder.join("strace"), "EIO", "7+") else {
            return;
        };
        let mut agent = Agent::start_on(&disk, &config, once);
        assert_eq!(agent.code(), 3, "{}", agent.said());
    }
    assert_eq!(Agent::start(&config, &["run", "--once"]).code(), 0);
    assert!(receiver.received().documents == texts);
    is_told_once(&config, 0);
}

#[test]
fn files_of_entries_arrive_once_over_syncs_that_fail() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "[spool]\nbatch = 20\n");
    let Some(disk) = FailingDisk::new(&folder.join("strace"), "EIO", "9+17") else {
        return;
    };
    let file = |name: &str, count: u64| {
        let lines: Vec<String> = (0..count)
            .map(|n| {
                let (hour, minute) = (n / 60, n % 60);
                format!(
                    r#"{{"id":"Directory_{n}","category":"GroupManagement","activityDateTime":"2026-03-02T{hour:02}:{minute:02}:09Z","activityDisplayName":"Add group","loggedByService":"Core Directory"}}"#
                )
            })
            .collect();
        let path = folder.join(name);
        std::fs::write(&path, lines.join("\n")).unwrap();
        path.display().to_string()
    };
    // The second has the first's entries, too.
    let (first, second) = (file("a.ndjson", 300), file("b.ndjson", 700));
    let arguments = ["cloud", "--file", &first, &second];
    let mut agent = Agent::start_on(&disk, &config, &arguments);
    assert_eq!(agent.code(), 0, "{}", agent.said());
    assert!(disk.failed() > 3, "{}", agent.said());
    let received = receiver.received();
    let mut ids = received.ids.clone();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), received.ids.len()), (700, 700));
    let told = balance(&config, "cloud");
    assert_eq!((told.read, told.duplicates), (700, 300), "{told:?}");
}
