//! What is sent is what reports show; what can't be read is kept apart.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Utc};
use ingest_protocol::Outcome;
use serde_json::Value;
use uuid::Uuid;

use super::generated::{Month, activities, assert_same};
use super::process::{A, AUDIT, Folder, OTHER, SENDER, Service, entry, seal, sign};

#[test]
fn a_month_in_frames_is_the_truth_in_reports() {
    let month = Month::new(1_200, 21, 2, 300);
    let folder = Folder::new();
    let service = folder.start().ready();
    for frame in month.frames.iter().flatten() {
        assert_eq!(
            service.frame(frame, SENDER).ack().outcome(),
            Outcome::Committed
        );
    }
    assert_same(&activities(&service, AUDIT), &month.truth);
    assert!(
        activities(&service, OTHER).is_empty(),
        "the other tenant sees nothing of it"
    );

    let balance = service.balance(AUDIT);
    let term = |name: &str| balance[name].as_u64().unwrap();
    assert_eq!(term("records"), month.records);
    assert_eq!(
        term("records"),
        term("read") + term("passed_over") + term("quarantined")
    );
    let ends = ["stored", "duplicates", "conflicts", "expired", "future"];
    assert_eq!(term("activities"), ends.into_iter().map(term).sum::<u64>());
    let metrics = service.get("/metrics", AUDIT);
    for (name, value) in [
        ("records_total", month.records),
        ("records_read_total", term("read")),
    ] {
        let line = format!("service_{name}{{tenant=\"{A}\"}} {value}\n");
        assert!(metrics.text().contains(&line), "{line}");
    }
    let last =
        format!("service_last_batch_timestamp_seconds{{tenant=\"{A}\",sender=\"mim-01\"}} 1");
    assert!(metrics.text().contains(&last), "{last}");
    let agents = service.get("/v1/agents", AUDIT).json();
    let agents = agents["agents"].as_array().unwrap();
    assert_eq!(agents.len(), 3);
    assert!(
        agents
            .iter()
            .all(|agent| agent["sender"] == "mim-01" && agent["newest_event"].is_string())
    );

    // The record of an activity is found again, byte for byte.
    let (id, activity) = month.truth.iter().next().unwrap();
    let raw = service
        .get(&format!("/v1/activities/{id}/raw"), AUDIT)
        .json();
    let text = raw.to_string();
    assert!(
        text.contains(activity["source_id"].as_str().unwrap()),
        "{activity}"
    );
    assert_eq!(
        service.get(&format!("/v1/activities/{id}"), AUDIT).json(),
        *activity
    );
    assert_eq!(
        service.get(&format!("/v1/activities/{id}"), OTHER).status,
        404
    );
}

#[test]
fn lines_with_a_key_are_stored_once() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let now = Utc::now();
    let lines = format!("{}\r\n\n{}", entry("1", now), entry("2", now));
    let key = Uuid::new_v4();
    let first = service.lines(&lines, Some(key)).ack();
    assert_eq!((first.count(), first.outcome()), (2, Outcome::Committed));
    assert_eq!(
        service.lines(&lines, Some(key)).ack().outcome(),
        Outcome::Duplicate
    );
    // Other lines under the same key are another use of its numbers.
    let other = service.lines(&entry("3", now), Some(key));
    assert_eq!(other.problem(), (409, "fork".to_owned()));
    // Without a key they are stored again, and are the same activities.
    assert_eq!(
        service.lines(&lines, None).ack().outcome(),
        Outcome::Committed
    );
    let balance = service.balance(AUDIT);
    assert_eq!(
        (balance["stored"].as_u64(), balance["duplicates"].as_u64()),
        (Some(2), Some(2))
    );
    assert_eq!(activities(&service, AUDIT).len(), 2);
    // A single JSON object is a line, too; an unknown type is not.
    let post = |kind: &str| {
        let post = super::process::authorized(http::Request::post("/v1/batches"), SENDER);
        let post = post.header("Content-Type", kind);
        service
            .send(post.body(entry("4", now).into_bytes()).unwrap())
            .status
    };
    assert_eq!((post("application/jsonl"), post("text/plain")), (200, 415));
}

#[test]
fn lines_without_a_key_leave_no_streams_behind() {
    let folder = Folder::with("retention_check_seconds = 1", "");
    let service = folder.start().ready();
    for n in 0..20 {
        service
            .lines(&entry(&n.to_string(), Utc::now()), None)
            .stored();
    }
    let check = |service: &Service| {
        let agents = service.get("/v1/agents", AUDIT).json();
        let agents = agents["agents"].as_array().unwrap();
        assert_eq!(agents.len(), 1, "{agents:?}");
        assert_eq!(
            (&agents[0]["sender"], &agents[0]["batches"]),
            (&"mim-01".into(), &20.into())
        );
    };
    check(&service);
    service.kill();
    let service = folder.start().ready();
    check(&service);
    assert_eq!(activities(&service, AUDIT).len(), 20);
    let streams = folder
        .path("data")
        .join(A.to_string())
        .join("streams.ndjson");
    assert_eq!(std::fs::read_to_string(streams).unwrap(), "");
}

#[test]
fn a_signed_frame_needs_no_token() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let stream = Uuid::now_v7();
    let frame = sign(A, stream, 1, &[&entry("1", Utc::now())]);
    assert_eq!(
        service.frame(&frame, "").ack().outcome(),
        Outcome::Committed
    );
    assert_eq!(
        service.frame(&frame, "").ack().outcome(),
        Outcome::Duplicate
    );
    let agents = service.get("/v1/agents", AUDIT).json();
    assert_eq!(agents["agents"][0]["sender"], "cloud");
    assert_eq!(agents["agents"][0]["records"], 1);
}

#[test]
fn what_cant_be_read_is_kept_apart_and_found_again() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let now = Utc::now();
    let future = entry("f", now + TimeDelta::days(3));
    let page = format!(
        "{{\"value\":[{},{}]}}",
        entry("p", now),
        r#"{"id":"q","activityDateTime":"soon"}"#
    );
    let payloads = [
        entry("1", now),
        "{\"secret\":".to_owned(),
        "[\"secret\"]".to_owned(),
        r#"{"HybridObjectID":"9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01","CreatedTime":"secret"}"#
            .to_owned(),
        r#"{"secret":1}"#.to_owned(),
        future,
        page,
    ];
    let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
    let ack = service
        .frame(&seal(A, Uuid::now_v7(), 1, &payloads), SENDER)
        .ack();
    // The acknowledgement tells of what is no JSON; the rest is known once it was read.
    assert_eq!(ack.rejected_total(), 1);
    assert_eq!(ack.rejected()[0].seq, 2);

    let expected = [
        (2, "not_json"),
        (3, "not_an_object"),
        (4, "no_request"),
        (5, "no_audit_entry"),
        (6, "future"),
        (7, "no_audit_entry"),
    ];
    let check = |list: &Value| {
        assert_eq!(list["total"], 6, "{list}");
        let records = list["records"].as_array().unwrap();
        let found: BTreeSet<_> = records
            .iter()
            .map(|record| {
                (
                    record["seq"].as_i64().unwrap(),
                    record["code"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(found, BTreeSet::from(expected));
        assert!(!list.to_string().contains("secret"), "{list}");
    };
    check(&service.get("/v1/quarantine", AUDIT).json());
    assert_eq!(
        activities(&service, AUDIT).len(),
        2,
        "what can be read of a page is"
    );
    let report = service.get("/v1/reports/audit-log", AUDIT);
    assert_eq!(report.headers["x-quarantined-records"], "6");
    assert!(!service.said().contains("secret"), "{}", service.said());

    service.kill();
    let service = folder.start().ready();
    check(&service.get("/v1/quarantine", AUDIT).json());
    let raw = service.get("/v1/quarantine/raw", AUDIT);
    let lines: Vec<Value> = raw
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 6);
    for line in &lines {
        let seq = usize::try_from(line["seq"].as_u64().unwrap()).unwrap();
        assert_eq!(line["raw"], payloads[seq - 1]);
    }
}

#[test]
fn the_record_of_an_activity_is_the_one_that_is_shown() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let first = entry("1", Utc::now());
    let other = first.replace("Lab Access", "Another Name");
    let stream = Uuid::now_v7();
    for (seq, record) in (1..).zip([&first, &other]) {
        service
            .frame(&seal(A, stream, seq, &[record]), SENDER)
            .stored();
    }
    assert_eq!(service.balance(AUDIT)["conflicts"], 1);
    let shown = activities(&service, AUDIT);
    let id = shown.keys().next().unwrap();
    let raw = service.get(&format!("/v1/activities/{id}/raw"), AUDIT);
    assert_eq!(raw.text(), first);
}

#[test]
fn what_senders_lost_is_told() {
    use ingest_protocol::StreamId;
    use ingest_protocol::frame::{Limits, Record, Sealer, Stamp};

    let folder = Folder::new();
    let service = folder.start().ready();
    let stamp = Stamp::new(A, StreamId(Uuid::now_v7()), 8).with_lost(7);
    let frame = Sealer::new(Limits::default()).seal(&stamp, &[Record::new(entry("1", Utc::now()))]);
    assert_eq!(service.frame(&frame.unwrap(), SENDER).ack().next_seq(), 9);
    assert_eq!(service.balance(AUDIT)["lost"], 7);
    assert_eq!(
        service.get("/v1/agents", AUDIT).json()["agents"][0]["lost"],
        7
    );
}
