//! A spool with a cap: what it gives up is declared, or it waits.

use std::path::Path;

use ingest_protocol::frame::Limits;

use crate::common::log::{document, documents, event, write};
use crate::common::process::{Agent, balance, configure};
use crate::common::receiver::{Play, Receiver};
use crate::common::wait_until;
use mim_events::eventlog::LogWriter;
use mim_events::message::document_events;

/// A log of requests that do not compress, of about 20 KB each.
fn write_large(path: &Path, count: u64) -> Vec<String> {
    let mut texts = Vec::new();
    LogWriter::create(path).unwrap().finish().unwrap();
    append_large(path, &mut texts, count);
    texts
}

fn append_large(path: &Path, texts: &mut Vec<String>, count: u64) {
    let first = texts.len() as u64;
    let mut log = LogWriter::append(path).unwrap();
    for n in first..first + count {
        let mut state = n + 1;
        let noise: String = (0..1_250)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                format!("{state:016x}")
            })
            .collect();
        let text = format!(r#"{{"HybridObjectID":"{n}","Noise":"{noise}"}}"#);
        log.write(&event(n, &text).as_event()).unwrap();
        texts.push(text);
    }
    log.finish().unwrap();
}

#[test]
fn a_full_spool_gives_up_what_was_never_sent_and_says_so() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let log = folder.join("requests.evtx");
    let mut texts = write_large(&log, 300);
    let receiver = Receiver::start(&folder.join("received"));
    receiver.play(Play::Down);
    let spool = "[spool]\nmax = \"1 MiB\"\nbatch = 5\n";
    let config = configure(folder, &receiver.url(), spool);
    let mut agent = Agent::start(
        &config,
        &["run", "--interval", "1h", "--metrics", "127.0.0.1:0"],
    );
    wait_until("all is read", || {
        agent.metrics().get("last_read_timestamp_seconds") > 0
    });
    let metrics = agent.metrics();
    assert!(metrics.is_even());
    assert!(metrics.get("lost_total{where=\"spool\"}") > 0);
    assert_eq!(metrics.get("read_total"), 300);
    let bytes = metrics.get("spool_bytes");
    // What frees space may go over the cap for a moment.
    let max = metrics.get("spool_max_bytes") * 3 / 2;
    assert!((500_000..max).contains(&bytes), "{bytes}");
    agent.kill();
    // Also what was given up is known after a kill, wherever it fell.
    for wait in [0, 300, 900, 1_700] {
        let told = balance(&config, "logs");
        assert_eq!((told.acknowledged, told.lost), (0, 0), "{told:?}");
        assert!(told.lost_in_spool > 0, "{told:?}");
        let mut agent = Agent::start(&config, &["run", "--interval", "50ms"]);
        append_large(&log, &mut texts, 40);
        std::thread::sleep(std::time::Duration::from_millis(wait));
        agent.kill();
    }
    receiver.play(Play::Up);
    assert_eq!(Agent::start(&config, &["run", "--once"]).code(), 0);
    let (told, received) = (balance(&config, "logs"), receiver.received());
    let arrived = received.documents.len() as u64;
    let all = texts.len() as u64;
    assert_eq!(
        (told.read, told.spooled, told.acknowledged),
        (all, 0, arrived)
    );
    assert_eq!(
        (told.lost_in_spool, received.lost),
        (all - arrived, all - arrived)
    );
    // The newest arrived; each once, and in order.
    assert!(received.documents.last() == texts.last());
    let mut rest = texts.iter();
    let is_in_order = received
        .documents
        .iter()
        .all(|document| rest.any(|text| text == document));
    assert!(is_in_order);
}

#[test]
fn a_full_spool_that_waits_loses_nothing_that_the_log_holds() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let texts = write_large(&folder.join("requests.evtx"), 300);
    let receiver = Receiver::start(&folder.join("received"));
    receiver.play(Play::Down);
    let spool = "[spool]\nmax = \"1 MiB\"\nbatch = 5\nwhen_full = \"wait\"\n";
    let config = configure(folder, &receiver.url(), spool);
    let mut agent = Agent::start(
        &config,
        &["run", "--interval", "100ms", "--metrics", "127.0.0.1:0"],
    );
    wait_until("the spool is full", || agent.metrics().get("blocked") == 1);
    assert!(agent.metrics().is_even());
    agent.kill();
    let mut agent = Agent::start(&config, &["run", "--once", "--give-up", "500ms"]);
    assert_eq!(agent.code(), 3);
    receiver.play(Play::Up);
    assert_eq!(Agent::start(&config, &["run", "--once"]).code(), 0);
    assert!(receiver.received().documents == texts);
    let told = balance(&config, "logs");
    assert_eq!((told.acknowledged, told.lost_in_spool), (300, 0));
}

#[test]
fn a_service_that_takes_less_gets_less() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let log = folder.join("requests.evtx");
    write(&log, 1..=2_500);
    let receiver =
        Receiver::with_limits(&folder.join("received"), Limits::FLOOR.with_records(1_000));
    receiver.play(Play::Busy);
    let config = configure(folder, &receiver.url(), "[spool]\nbatch = 2000\n");
    // At the start the service can't be asked for its limits.
    let mut agent = Agent::start(
        &config,
        &["run", "--interval", "1h", "--metrics", "127.0.0.1:0"],
    );
    wait_until("the log is read", || {
        agent.metrics().get("spooled") == 2_500
    });
    receiver.play(Play::Up);
    wait_until("all is acknowledged", || {
        agent.metrics().get("spooled") == 0
    });
    assert!(agent.metrics().is_even());
    agent.kill();
    assert_eq!(receiver.received().documents, documents(1..=2_500));
}

#[test]
fn a_request_that_is_longer_than_the_service_takes_is_kept_and_a_note_of_it_is_sent() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let text = format!(
        r#"{{"HybridObjectID":"x","Long":"{}"}}"#,
        "y".repeat(300_000)
    );
    let mut log = LogWriter::create(folder.join("requests.evtx")).unwrap();
    let like = event(1, "");
    for event in document_events(&text, uuid::Uuid::from_u128(9), &like).unwrap() {
        log.write(&event.as_event()).unwrap();
    }
    log.write(&event(2, &document(2)).as_event()).unwrap();
    log.finish().unwrap();
    let receiver = Receiver::with_limits(&folder.join("received"), Limits::FLOOR);
    let config = configure(folder, &receiver.url(), "");
    assert_eq!(Agent::start(&config, &["run", "--once"]).code(), 0);
    let received = receiver.received().documents;
    assert_eq!(received.len(), 2);
    assert!(
        received[0].starts_with(r#"{"$oversize":{"len":300"#),
        "{}",
        received[0]
    );
    assert_eq!(received[1], document(2));
    let kept = std::fs::read_to_string(folder.join("state/logs/quarantine.ndjson")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    assert!(kept["raw"].as_str().unwrap().contains(&text));
    let told = balance(&config, "logs");
    assert_eq!((told.read, told.acknowledged, told.by_agent), (2, 2, 0));
}
