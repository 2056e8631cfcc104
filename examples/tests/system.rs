//! The main job as its users run it: real processes on real files.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use mim_events::activity::Activity;
use serde_json::Value;

use self::common::program;

#[track_caller]
fn run(name: &str, arguments: &[&str], code: i32) -> Output {
    let output = program(name).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{name} {arguments:?}: {errors}"
    );
    output
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A generated log with its cloud file and truth, in a folder of its own.
struct Generated {
    folder: tempfile::TempDir,
}

impl Generated {
    fn new(requests: &str, seed: &str) -> Self {
        let this = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let (log, cloud, truth) = (
            this.path("mim.evtx"),
            this.path("cloud.json"),
            this.path("truth.ndjson"),
        );
        let files = ["--evtx", &log, "--cloud", &cloud, "--truth", &truth];
        run(
            "generate_log",
            &[&["--requests", requests, "--seed", seed], &files[..]].concat(),
            0,
        );
        this
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn report(&self, more: &[&str]) -> Output {
        let files = [
            "--log",
            &self.path("mim.evtx"),
            "--cloud",
            &self.path("cloud.json"),
        ];
        run("hybrid_report", &[&files[..], more].concat(), 0)
    }
}

fn rows(ndjson: &str) -> Vec<Value> {
    ndjson
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_report_equals_the_truth_byte_for_byte_and_again() {
    let generated = Generated::new("3000", "11");
    let truth = std::fs::read_to_string(generated.path("truth.ndjson")).unwrap();
    let arguments = ["--report", "activities", "--format", "ndjson"];
    let first = generated.report(&arguments);
    let differs = out(&first)
        .lines()
        .zip(truth.lines())
        .find(|(found, wanted)| found != wanted);
    assert_eq!(differs, None);
    assert_eq!(out(&first).len(), truth.len());
    assert_eq!(generated.report(&arguments).stdout, first.stdout);
    assert!(truth.lines().count() > 3000);

    let again = Generated::new("3000", "11");
    for name in ["mim.evtx", "cloud.json", "truth.ndjson"] {
        assert!(
            std::fs::read(generated.path(name)).unwrap()
                == std::fs::read(again.path(name)).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn every_part_of_the_job_is_in_the_truth() {
    let generated = Generated::new("3000", "12");
    let truth = std::fs::read_to_string(generated.path("truth.ndjson")).unwrap();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for line in truth.lines() {
        let activity: Activity = serde_json::from_str(line).unwrap();
        *kinds.entry(activity.kind.to_string()).or_default() += 1;
    }
    for kind in [
        "password.reset.self",
        "password.reset.admin",
        "sspr.blocked",
        "sspr.registered",
        "method.registered",
        "member.add",
        "member.remove",
        "group.add",
        "approval.requested",
        "approval.approved",
        "approval.rejected",
        "user.add",
        "pam.activate",
        "sspr.flow",
        "group.join.requested",
        "system.event",
    ] {
        assert!(kinds.contains_key(kind), "no {kind} among {kinds:?}");
    }
}

#[test]
fn without_arguments_four_reports_are_printed() {
    let output = run("hybrid_report", &[], 0);
    for title in [
        "Password reset activity",
        "Password reset registration",
        "Self-service groups activity",
        "Audit log",
    ] {
        assert!(out(&output).contains(title), "{title}: {}", out(&output));
    }
    for word in [
        "records read",
        "requests",
        "activities",
        "skipped",
        "quarantined",
        "not classified",
        " s\n",
    ] {
        assert!(err(&output).contains(word), "{word}: {}", err(&output));
    }
}

#[test]
fn formats_and_parameters() {
    let generated = Generated::new("600", "13");
    let audit = ["--report", "audit-log"];
    let all = rows(out(&generated.report(
        &[&audit[..], &["--format", "ndjson", "--from", "2000-01-01"]].concat(),
    )));
    assert!(all.len() > 100);
    let times: Vec<_> = all
        .iter()
        .map(|row| chrono::DateTime::parse_from_rfc3339(row["time"].as_str().unwrap()).unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first");

    let csv =
        generated.report(&[&audit[..], &["--format", "csv", "--from", "2000-01-01"]].concat());
    let mut reader = csv::Reader::from_reader(&csv.stdout[..]);
    let header: Vec<_> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        header,
        [
            "Date",
            "Source",
            "Service",
            "Activity",
            "Category",
            "Initiated by (actor)",
            "Target(s)",
            "Result"
        ]
    );
    assert_eq!(reader.records().map(Result::unwrap).count(), all.len());

    let json: Value = serde_json::from_slice(
        &generated
            .report(&[&audit[..], &["--format", "json", "--from", "2000-01-01"]].concat())
            .stdout,
    )
    .unwrap();
    assert_eq!(json["rows"].as_array().unwrap().len(), all.len());

    for source in ["Identity Manager", "Entra ID"] {
        let found = rows(out(&generated.report(
            &[
                &audit[..],
                &[
                    "--format",
                    "ndjson",
                    "--from",
                    "2000-01-01",
                    "--source",
                    source,
                ],
            ]
            .concat(),
        )));
        let wanted = all.iter().filter(|row| row["source"] == source).count();
        assert!(wanted > 0);
        assert_eq!(found.len(), wanted, "{source}");
    }
    let actor = all.iter().find_map(|row| row["actor"].as_str()).unwrap();
    let found = rows(out(&generated.report(
        &[
            &audit[..],
            &[
                "--format",
                "ndjson",
                "--from",
                "2000-01-01",
                "--actor",
                actor,
            ],
        ]
        .concat(),
    )));
    assert!(!found.is_empty() && found.len() < all.len());

    let members = rows(out(&generated.report(&[
        "--report",
        "activities",
        "--activity",
        "member.add",
    ])));
    assert!(!members.is_empty() && members.iter().all(|row| row["kind"] == "member.add"));

    let file = generated.path("out.csv");
    generated.report(&[
        "--report",
        "password-reset",
        "--format",
        "csv",
        "--output",
        &file,
    ]);
    assert!(
        std::fs::read_to_string(file)
            .unwrap()
            .starts_with("User,Role,Date and time,Method(s) used,Result,Details\r\n")
    );
}

#[test]
fn what_is_no_request_is_listed_kept_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let long = format!(
        r#"{{"Operation":"Create","TargetObjectType":"Person","HybridObjectID":"11111111-0000-4000-8000-000000000001","Description":"{}"}}"#,
        "é😀".repeat(40_000)
    );
    let payloads = [
        "{\"Operation\":\"Put\",}",
        "[]",
        &long,
        "not json",
        r#"{"Operation":"Delete","TargetObjectType":"Group"}"#,
    ];
    std::fs::write(path("payloads.ndjson"), payloads.join("\n")).unwrap();
    run(
        "generate_log",
        &[
            "--payloads",
            &path("payloads.ndjson"),
            "--evtx",
            &path("odd.evtx"),
        ],
        0,
    );

    let arguments = [
        "--log",
        &path("odd.evtx"),
        "--report",
        "activities",
        "--quarantine",
        &path("quarantine.ndjson"),
    ];
    let output = run("hybrid_report", &arguments, 0);
    let kinds: Vec<_> = rows(out(&output))
        .iter()
        .map(|row| row["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    let kept = rows(&std::fs::read_to_string(path("quarantine.ndjson")).unwrap());
    assert_eq!(kept.len(), 3);
    for (entry, (raw, column)) in kept.iter().zip([
        (payloads[0], Some(20)),
        (payloads[1], None),
        (payloads[3], Some(2)),
    ]) {
        assert_eq!(entry["raw"], raw);
        assert_eq!(entry["column"].as_u64(), column, "{entry}");
        assert!(entry["record"].is_u64() && entry["file"].as_str().unwrap().ends_with("odd.evtx"));
        assert!(err(&output).contains(entry["error"].as_str().unwrap()));
    }
    assert!(
        err(&output).contains("warning: ") && err(&output).contains("3 documents"),
        "{}",
        err(&output)
    );
    run(
        "hybrid_report",
        &[&arguments[..], &["--strict"]].concat(),
        3,
    );
}

#[test]
fn exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.evtx");
    std::fs::write(&text, "no log").unwrap();
    let text = text.to_str().unwrap();
    assert!(err(&run("hybrid_report", &["--log", text], 1)).contains("text.evtx"));
    assert!(err(&run("hybrid_report", &["--log", "none-*.evtx"], 1)).contains("nothing matches"));
    run("hybrid_report", &["--cloud", text], 1);
    for usage in [
        &["--report", "none"][..],
        &["--from", "soon"],
        &["--no-such"],
        &["--report", "activities", "--format", "csv"],
    ] {
        run("hybrid_report", usage, 2);
    }
    assert!(out(&run("hybrid_report", &["--help"], 0)).contains("Exit codes"));
}

#[test]
fn folders_and_several_logs_give_each_activity_once() {
    let generated = Generated::new("200", "14");
    let folder = generated.folder.path();
    std::fs::create_dir(folder.join("logs")).unwrap();
    for name in ["a.evtx", "b.EVTX"] {
        std::fs::copy(folder.join("mim.evtx"), folder.join("logs").join(name)).unwrap();
    }
    let once = run(
        "hybrid_report",
        &[
            "--log",
            &generated.path("mim.evtx"),
            "--report",
            "activities",
        ],
        0,
    );
    let logs = Path::new(&generated.path("logs"))
        .to_str()
        .unwrap()
        .to_owned();
    let twice = run(
        "hybrid_report",
        &["--log", &logs, "--report", "activities"],
        0,
    );
    assert!(once.stdout == twice.stdout && !once.stdout.is_empty());
}
