//! `dump_log` as a user runs it.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::io::Read as _;
use std::path::Path;
use std::process::{Output, Stdio};

use mim_events::eventlog::{LogWriter, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST};
use serde_json::{Value, json};

use self::common::program;

fn run(arguments: &[&str]) -> Output {
    program("dump_log").args(arguments).output().unwrap()
}

fn write_log(path: &Path, count: u64) {
    let mut writer = LogWriter::create(path).unwrap();
    for record in 1..=count {
        let created = format!("2026-03-0{}T08:15:00.0000001Z", 1 + record % 5);
        let mut event = OwnedLogEvent::new(MIM_PROVIDER, if record == 2 { 7 } else { REQUEST })
            .channel(MIM_CHANNEL)
            .computer("mim.example.test")
            .created(
                chrono::DateTime::parse_from_rfc3339(&created)
                    .unwrap()
                    .to_utc(),
            )
            .data("two\r\nlines \u{202E}\u{1B}[31m <&>")
            .data("");
        if record == 3 {
            event = event.user("S-1-5-18");
        }
        writer.write(&event.as_event()).unwrap();
    }
    writer.finish().unwrap();
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn ndjson_has_each_key_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.evtx");
    write_log(&log, 3);
    let log = log.to_str().unwrap();
    let output = run(&[log, "--format", "ndjson"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let first = text.lines().next().unwrap();
    let keys = [
        "file", "record", "written", "created", "provider", "event_id", "level", "channel",
        "computer", "user", "data",
    ];
    let places: Vec<_> = keys
        .map(|key| first.find(&format!("\"{key}\":")).unwrap())
        .into();
    assert!(places.is_sorted(), "{first}");
    let rows = lines(&output);
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["file"], json!(log));
    assert_eq!(rows[0]["record"], json!(1));
    assert_eq!(rows[0]["created"], json!("2026-03-02T08:15:00.0000001Z"));
    assert_eq!(rows[0]["user"], Value::Null);
    assert_eq!(rows[2]["user"], json!("S-1-5-18"));
    // As XML has it: no escape characters, everything else.
    assert_eq!(
        rows[0]["data"],
        json!([[null, "two\r\nlines \u{202E}_[31m <&>"], [null, ""]])
    );
}

#[test]
fn filters_and_folders() {
    let folder = tempfile::tempdir().unwrap();
    write_log(&folder.path().join("a.evtx"), 9);
    write_log(&folder.path().join("b.evtx"), 4);
    let folder = folder.path().to_str().unwrap();
    let ids = |arguments: &[&str]| -> Vec<u64> {
        let output = run(&[&[folder, "--format", "ndjson"], arguments].concat());
        assert!(output.status.success());
        lines(&output)
            .iter()
            .map(|row| row["record"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(ids(&[]).len(), 13);
    assert_eq!(ids(&["--event-id", "7,8"]), [2, 2]);
    assert_eq!(ids(&["--after-record", "3"]), [4, 5, 6, 7, 8, 9, 4]);
    assert_eq!(
        ids(&["--from", "2026-03-02", "--to", "2026-03-03"]),
        [1, 6, 1]
    );
    assert_eq!(ids(&["--provider", "other"]).len(), 0);
    assert_eq!(ids(&["--channel", MIM_CHANNEL]).len(), 13);
}

#[test]
fn text_sends_nothing_that_steers_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.evtx");
    write_log(&log, 1);
    let output = run(&[log.to_str().unwrap()]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "#1 2026-03-02T08:15:00.0000001Z information Microsoft.IdentityManagement.Service 4121, \
         log Identity Manager Request Log, computer mim.example.test\n    \
         two\n    lines \\u{202e}\\u{1b}[31m <&>\n    \n"
    );
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(summary.contains("1 event read from 1 chunk"), "{summary}");
}

#[test]
fn exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.evtx");
    write_log(&log, 3);
    let path = log.to_str().unwrap();
    assert_eq!(run(&[]).status.code(), Some(2));
    assert_eq!(run(&[path, "--from", "soon"]).status.code(), Some(2));
    // The others are shown all the same.
    let output = run(&["/no/such/file.evtx", path, "--format", "ndjson"]);
    assert_eq!((output.status.code(), lines(&output).len()), (Some(1), 3));

    let mut bytes = std::fs::read(&log).unwrap();
    bytes[4096 + 512] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let output = run(&[path, "--format", "ndjson"]);
    assert_eq!((output.status.code(), lines(&output).len()), (Some(0), 2));
    let error = String::from_utf8(output.stderr).unwrap();
    for part in [
        "chunk 0",
        "file offset 4608",
        "record 1",
        "warning",
        "1 damaged record",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.evtx");
    write_log(&log, 3000);
    let mut child = program("dump_log")
        .arg(&log)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!String::from_utf8(output.stderr).unwrap().contains("error"));
}
