//! What can't be read goes to the quarantine, and the rest arrives.

use std::path::Path;

use mim_events::eventlog::LogWriter;
use serde_json::Value;

use crate::common::log::{document, documents, event, part, write};
use crate::common::process::{Agent, Balance, balance, configure};
use crate::common::receiver::Receiver;

fn once(config: &Path) {
    assert_eq!(Agent::start(config, &["run", "--once"]).code(), 0);
}

fn quarantine(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("state/logs/quarantine.ndjson")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Damages the n-th record of a log, from 1, where its binary XML begins.
fn damage(path: &Path, n: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let records = (0..bytes.len() - 8).filter(|at| bytes[*at..].starts_with(b"\x2a\x2a\0\0"));
    let at = records.collect::<Vec<_>>()[n - 1];
    bytes[at + 24..at + 60].fill(0xEE);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_record_is_set_aside_with_its_place() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let log = folder.join("requests.evtx");
    write(&log, 1..=200);
    damage(&log, 77);
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    once(&config);
    once(&config);
    let rest = documents((1..=200).filter(|n| *n != 77));
    assert_eq!(receiver.received().documents, rest);
    let kept = quarantine(folder);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0]["record_id"], 77);
    assert!(kept[0]["offset"].as_u64().unwrap() > 4096);
    assert_eq!(kept[0]["source"], "requests.evtx");
    let all = Balance {
        read: 200,
        acknowledged: 199,
        by_agent: 1,
        ..Balance::default()
    };
    assert_eq!(balance(&config, "logs"), all);
}

#[test]
fn texts_that_are_no_documents_and_parts_that_never_came_are_set_aside_and_stay_so() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let mut log = LogWriter::create(folder.join("requests.evtx")).unwrap();
    let events = [
        event(1, &document(1)),
        event(2, "{\"HybridObjectID\":\"secret-text"),
        event(3, ""),
        part(4, 1, 3, "{\"a\":"),
        part(5, 3, 3, "}"),
        event(6, "{\"reject\":1}"),
        part(7, 9, 3, "no such part"),
        event(8_000, &document(8)),
    ];
    for event in &events {
        log.write(&event.as_event()).unwrap();
    }
    log.finish().unwrap();
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    let mut agent = Agent::start(&config, &["run", "--once"]);
    assert_eq!(agent.code(), 0);
    // Its log shows no text of a document.
    assert!(!agent.said().contains("secret-text"), "{}", agent.said());
    once(&config);

    let received = receiver.received();
    assert_eq!(
        received.documents,
        [document(1), "{\"reject\":1}".into(), document(8)]
    );
    assert_eq!(received.rejected, 1);
    let kept = quarantine(folder);
    let reasons: Vec<&str> = kept
        .iter()
        .map(|entry| entry["reason"].as_str().unwrap())
        .collect();
    assert_eq!(kept.len(), 4, "{reasons:?}");
    assert!(
        reasons[0].contains("no JSON object, line 1 column"),
        "{reasons:?}"
    );
    assert!(kept[0]["raw"].as_str().unwrap().contains("secret-text"));
    assert!(
        reasons.iter().any(|reason| reason.contains("missing: 2")),
        "{reasons:?}"
    );
    let all = Balance {
        read: 7,
        acknowledged: 2,
        by_service: 1,
        by_agent: 3,
        incomplete: 1,
        ..Balance::default()
    };
    assert_eq!(balance(&config, "logs"), all);
}

#[test]
fn parts_that_wait_are_waited_for_over_restarts() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let path = folder.join("requests.evtx");
    let text = document(3);
    let (head, tail) = text.split_at(40);
    let mut log = LogWriter::create(&path).unwrap();
    log.write(&part(1, 1, 2, head).as_event()).unwrap();
    log.write(&event(2, &document(2)).as_event()).unwrap();
    log.finish().unwrap();
    let receiver = Receiver::start(&folder.join("received"));
    let config = configure(folder, &receiver.url(), "");
    once(&config);
    once(&config);
    assert_eq!(receiver.received().documents, [document(2)]);
    let mut log = LogWriter::append(&path).unwrap();
    log.write(&part(3, 2, 2, tail).as_event()).unwrap();
    log.finish().unwrap();
    once(&config);
    assert_eq!(receiver.received().documents, [document(2), document(3)]);
    assert_eq!(balance(&config, "logs").acknowledged, 2);
}
