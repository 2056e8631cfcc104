//! Tests of `generate` through the public API: what is generated, written and read back is its truth.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mim_events::ActivityReader;
use mim_events::activity::{Activity, Outcome, Source};
use mim_events::entra::{EntraReader, Merge, Merged};
use mim_events::eventlog::{self, LogReader};
use mim_events::generate::{
    CloudFormat, Expectation, Files, Generator, Item, Options, Truth, write_files,
};

fn options(seed: u64) -> Options {
    Options::new(seed).requests(2_500).people(300).groups(60)
}

/// One activity a line, ordered by time and id.
fn lines(mut activities: Vec<Activity>) -> String {
    activities.sort_by_key(|activity| (activity.time, activity.id));
    activities
        .iter()
        .map(|activity| serde_json::to_string(activity).unwrap() + "\n")
        .collect()
}

/// Compares line by line: a difference of megabytes helps nobody.
#[track_caller]
fn same_lines(got: &str, wanted: &str) {
    for (number, (got, wanted)) in got.lines().zip(wanted.lines()).enumerate() {
        assert_eq!(got, wanted, "line {}", number + 1);
    }
    assert_eq!(got.lines().count(), wanted.lines().count());
}

#[test]
fn files_read_back_are_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let options = options(2).computers(["mim01.harbor.example", "mim02.harbor.example"]);
    let mut last = None;
    let written = write_files(
        &options,
        path("a.evtx"),
        path("a.json"),
        path("a.ndjson"),
        |progress| {
            assert!(progress.done <= progress.total);
            last = Some(progress);
        },
    )
    .unwrap();
    assert!(last.is_some_and(|progress| progress.sorting));
    assert_eq!(written.requests, 2_500);
    assert!(
        written.documents > written.requests && written.parts > 20,
        "{written:?}"
    );
    assert!(written.document_copies > 0 && written.cloud_copies > 0 && written.not_audit > 0);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        3,
        "only what was asked for"
    );

    let mut reader = ActivityReader::new()
        .log(path("a.evtx"))
        .unwrap()
        .cloud(path("a.json"))
        .unwrap();
    let activities: Vec<_> = reader.by_ref().map(|activity| activity.unwrap()).collect();
    let summary = reader.summary();
    assert!(summary.is_clean(), "{summary}");
    assert_eq!(activities.len() as u64, written.activities);
    assert_eq!(summary.cloud.not_audit, written.not_audit);
    same_lines(
        &lines(activities),
        &fs::read_to_string(path("a.ndjson")).unwrap(),
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, seed| {
        let path = |kind: &str| folder.path().join(format!("{name}.{kind}"));
        Files::new()
            .evtx(path("evtx"))
            .cloud(path("json"))
            .truth(path("truth"))
            .expected(path("expected"))
            .write(&options(seed).requests(600), |_| {})
            .unwrap();
        ["evtx", "json", "truth", "expected"].map(|kind| fs::read(path(kind)).unwrap())
    };
    let first = write("first", 5);
    assert_eq!(first, write("second", 5));
    for (first, other) in first.iter().zip(write("third", 6)) {
        assert_ne!(*first, other);
    }
}

#[test]
fn the_log_is_sound_and_its_parts_are_cut_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.evtx");
    let written = Files::new()
        .evtx(&path)
        .write(&options(1).requests(4_000), |_| {})
        .unwrap();
    let bytes = fs::read(&path).unwrap();
    let report = eventlog::check(&bytes);
    assert!(report.is_ok(), "{report:?}");
    let mut parser = evtx::EvtxParser::from_buffer(bytes).unwrap();
    let records = parser.records_json().filter(Result::is_ok).count();
    assert_eq!(records as u64, written.events);

    let mut reader = LogReader::open(&path).unwrap();
    let (mut between_surrogates, mut interleaved, mut waiting) = (0, 0, false);
    let mut last = None;
    while let Some(event) = reader.next_event() {
        let event = event.unwrap();
        assert!(event.created() >= last, "events are in the order of time");
        last = event.created();
        let text = event.data().next().unwrap().value.as_utf16().unwrap();
        if event.event_id() == eventlog::REQUEST_PART {
            let unit = text.units().next_back().unwrap();
            between_surrogates += u32::from((0xD800..0xDC00).contains(&unit));
            waiting = true;
        } else {
            interleaved += u32::from(std::mem::take(&mut waiting));
        }
    }
    assert!(
        between_surrogates > 0 && interleaved > 5,
        "{between_surrogates} {interleaved}"
    );
}

#[test]
fn every_dress_of_the_cloud_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    for format in [
        CloudFormat::GraphPages,
        CloudFormat::GraphLines,
        CloudFormat::PortalJson,
        CloudFormat::EventHub,
        CloudFormat::Blob,
        CloudFormat::LogAnalytics,
    ] {
        let cloud = folder.path().join("a.json");
        let truth = folder.path().join("a.ndjson");
        let options = Options::new(9)
            .requests(0)
            .cloud_records(700)
            .people(120)
            .cloud_format(format);
        let written = Files::new()
            .cloud(&cloud)
            .truth(&truth)
            .write(&options, |_| {})
            .unwrap();
        let mut merge = Merge::new();
        let activities: Vec<_> = EntraReader::open(&cloud)
            .unwrap()
            .map(|activity| activity.unwrap())
            .filter(|activity| merge.check(activity) == Merged::New)
            .collect();
        assert_eq!(activities.len() as u64, written.activities, "{format:?}");
        same_lines(&lines(activities), &fs::read_to_string(&truth).unwrap());
    }
}

#[test]
fn nothing_is_a_log_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let options = Options::new(1).requests(0);
    let written = write_files(
        &options,
        path("a.evtx"),
        path("a.json"),
        path("a.ndjson"),
        |_| {},
    );
    assert_eq!(written.unwrap().activities, 0);
    assert_eq!(fs::read(path("a.ndjson")).unwrap(), b"");
    assert_eq!(EntraReader::open(path("a.json")).unwrap().count(), 0);
    assert_eq!(LogReader::open(path("a.evtx")).unwrap().events().count(), 0);
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none").join("a.json");
    let error = Files::new()
        .cloud(&path)
        .write(&Options::new(1), |_| {})
        .unwrap_err();
    assert_eq!(error.file(), Some(Path::new(&path)));
}

/// The reports' expectations against what a reader finds: here by other means than a report engine.
#[test]
fn reports_are_what_the_activities_say() {
    let mut truth = Truth::default();
    // The last state of each reset, registration and self-service request of MIM.
    let mut resets = BTreeMap::new();
    let mut groups = BTreeMap::new();
    let mut registered = BTreeSet::new();
    let mut hidden = 0;
    let mut shown = BTreeSet::new();
    for step in Generator::new(&options(4)) {
        truth.add(&step);
        for row in &step.truth {
            let names: Vec<_> = row.flags.names().collect();
            if names.contains(&"noise") || names.contains(&"system") {
                hidden += 1;
            } else if row.source == Source::IdentityManager {
                let value = row.targets.get(1).and_then(|target| target.id.clone());
                shown.insert((row.source_id.clone(), row.kind.to_string(), value));
            } else {
                shown.insert((row.source_id.clone(), String::new(), None));
            }
            if row.source != Source::IdentityManager {
                continue;
            }
            let user = row.actor.account.clone().unwrap_or_default();
            let correlation = row.correlation.clone().unwrap_or_default();
            match row.kind.as_str() {
                "password.reset.self" => {
                    let word = row.detail("ResetResult").unwrap().to_owned();
                    resets.insert(correlation, (user, word));
                }
                "sspr.registered" => {
                    registered.insert(correlation);
                }
                _ if names.contains(&"self_service") => {
                    let key = (correlation, row.kind.to_string());
                    groups.insert(key, (user, row.result));
                }
                _ => {}
            }
        }
    }
    let reports = truth.reports();
    let on_premises = |source| source == Source::IdentityManager;
    let expected: BTreeMap<_, _> = reports
        .password_reset
        .iter()
        .filter(|row| on_premises(row.source) && row.kind == "password.reset.self")
        .map(|row| {
            (
                row.correlation.clone(),
                (row.user.clone(), row.result.clone()),
            )
        })
        .collect();
    assert_eq!(expected, resets);
    for word in ["Succeeded", "Failed", "Blocked", "Cancelled", "Abandoned"] {
        assert!(
            expected.values().any(|(_, result)| result == word),
            "{word}"
        );
    }
    let expected: BTreeMap<_, _> = reports
        .self_service_groups
        .iter()
        .filter(|row| on_premises(row.source))
        .map(|row| {
            let kind = match row.activity.as_str() {
                "Add group" => "group.add",
                "Add member to group" => "member.add",
                _ => "member.remove",
            };
            let key = (row.correlation.clone(), kind.to_owned());
            (key, (row.user.clone(), row.result))
        })
        .collect();
    assert_eq!(expected, groups);
    assert!(
        expected
            .values()
            .any(|(_, result)| *result == Outcome::Denied)
    );
    let marks = reports
        .registration
        .iter()
        .filter(|row| on_premises(row.source) && registered.contains(&row.correlation))
        .count();
    assert_eq!(marks, registered.len());
    assert!(hidden > 0);
    assert_eq!(reports.audit_log_rows, shown.len() as u64);
}

#[test]
fn the_expectations_can_be_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("expected");
    let written = Files::new()
        .expected(&path)
        .write(&options(3).requests(500), |_| {})
        .unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let rows: Vec<Expectation> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut truth = Truth::default();
    for step in Generator::new(&options(3).requests(500)) {
        truth.add(&step);
    }
    let reports = truth.reports();
    let all = reports.password_reset.len()
        + reports.registration.len()
        + reports.self_service_groups.len();
    assert_eq!(rows.len(), all + 1);
    let last = text.lines().last().unwrap();
    let wanted = format!(
        "{{\"report\":\"audit-log\",\"rows\":{}}}",
        written.audit_log_rows
    );
    assert_eq!(last, wanted);
}

#[test]
fn debug_shows_nobody() {
    for step in Generator::new(&options(1).requests(50)) {
        if let Item::Request(document) = &step.item {
            assert!(!format!("{document:?}").contains("HARBOR"));
        }
    }
}
