//! `ActivityReader` on real files: what is read, skipped, kept and counted.
#![cfg(feature = "eventlog")]

use std::path::{Path, PathBuf};

use mim_events::activity::{Activity, Rules, Source};
use mim_events::eventlog::{
    LogWriter, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST, REQUEST_PART,
};
use mim_events::time::DateOrder;
use mim_events::{ActivityReader, Error, ErrorKind};

const CREATE: &str = r#"{"HybridObjectID":"11111111-0000-4000-8000-000000000001","ObjectType":"Request","Operation":"Create","TargetObjectType":"Group","RequestStatus":"STATUS","DisplayName":"Create Group:  'Night Shift' Request","Creator":{"HybridObjectID":"22222222-0000-4000-8000-000000000001","AccountName":"dokafor"},"CreatedTime":"2026-03-02 08:15:09.310","CommittedTime":"2026-03-02 08:15:10.000"}"#;
const CLOUD: &str = r#"{"value":[{"id":"Directory_1","activityDateTime":"2026-03-02T09:00:00Z","activityDisplayName":"Add user","category":"UserManagement","result":"success","initiatedBy":{"user":{"userPrincipalName":"kim@x.test"}},"targetResources":[]}]}"#;

fn create(status: &str) -> String {
    CREATE.replace("STATUS", status)
}

fn write_log(folder: &Path, name: &str, texts: &[(u32, &str)]) -> PathBuf {
    let path = folder.join(name);
    let mut writer = LogWriter::create(&path).unwrap();
    for (id, text) in texts {
        let event = OwnedLogEvent::new(MIM_PROVIDER, *id)
            .channel(MIM_CHANNEL)
            .computer("mim.example.test")
            .created(chrono::DateTime::UNIX_EPOCH)
            .data(text);
        writer.write(&event.as_event()).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn read(reader: &mut ActivityReader) -> (Vec<Activity>, Vec<Error>) {
    let mut activities = Vec::new();
    let mut errors = Vec::new();
    for item in reader {
        match item {
            Ok(activity) => activities.push(activity),
            Err(error) => errors.push(error),
        }
    }
    (activities, errors)
}

#[test]
fn both_sources_and_what_could_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = write_log(
        folder.path(),
        "a.evtx",
        &[
            (REQUEST, &create("Completed")),
            (REQUEST, "{\"Operation\":\n \"Put\",}"),
            (
                REQUEST_PART,
                "Request '33333333-0000-4000-8000-000000000001', message 2 out of 3: \nrest",
            ),
            (REQUEST, "[1]"),
            (REQUEST, &create("Completed")),
        ],
    );
    let cloud = folder.path().join("cloud.json");
    std::fs::write(&cloud, format!("{CLOUD}\n{{\"id\":\"x\",\"activityDisplayName\":\"Add user\",\"activityDateTime\":\"never\"}}\n")).unwrap();

    let mut reader = ActivityReader::new()
        .cloud(&cloud)
        .unwrap()
        .log(&log)
        .unwrap();
    let total = reader.total();
    let (activities, errors) = read(&mut reader);

    assert_eq!(
        activities.iter().map(|a| a.source).collect::<Vec<_>>(),
        [Source::IdentityManager, Source::Entra]
    );
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert_eq!(
        (
            errors[0].kind(),
            errors[0].record_id(),
            errors[0].line(),
            errors[0].column()
        ),
        (&ErrorKind::Json, Some(2), Some(2), Some(8))
    );
    assert!(matches!(errors[1].kind(), ErrorKind::NotRequest { .. }));
    assert_eq!(
        errors[2].kind(),
        &ErrorKind::PartsMissing {
            missing: 2,
            total: 3
        }
    );
    assert!(matches!(errors[3].kind(), ErrorKind::Time { .. }));
    assert_eq!(errors[3].line(), Some(2));
    assert!(
        errors[..3]
            .iter()
            .all(|error| error.file() == Some(log.as_path()))
    );
    assert_eq!(errors[3].file(), Some(cloud.as_path()));

    let quarantine = reader.take_quarantine();
    let raw: Vec<_> = quarantine
        .iter()
        .map(|entry| entry.raw.as_deref().unwrap())
        .collect();
    assert_eq!(raw[..3], ["{\"Operation\":\n \"Put\",}", "[1]", "rest"]);
    assert!(raw[3].contains("never"));
    assert_eq!(
        (quarantine[0].record_id, quarantine[0].file.as_path()),
        (Some(2), log.as_path())
    );
    assert!(quarantine[0].offset.is_some_and(|offset| offset > 4096));
    assert!(!format!("{quarantine:?}").contains("Operation"));

    let summary = reader.summary();
    assert_eq!(
        (
            summary.files,
            summary.failed_files,
            summary.requests,
            summary.activities
        ),
        (2, 0, 2, 2)
    );
    assert_eq!(
        (
            summary.duplicates,
            summary.quarantined,
            summary.unreadable_documents
        ),
        (1, 4, 2)
    );
    assert!(!summary.is_clean());
    assert_eq!(summary.log.events(), 5);
    assert_eq!(reader.position(), total);
}

#[test]
fn a_request_logged_again_when_it_was_further_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = write_log(
        folder.path(),
        "1.evtx",
        &[
            (REQUEST, &create("Authorizing")),
            (REQUEST, &create("Committed")),
        ],
    );
    let second = write_log(
        folder.path(),
        "2.evtx",
        &[
            (REQUEST, &create("Completed")),
            (REQUEST, &create("Committed")),
        ],
    );
    let mut reader = ActivityReader::new()
        .log(first)
        .unwrap()
        .log(second)
        .unwrap();
    let (activities, errors) = read(&mut reader);
    assert!(errors.is_empty());
    let statuses: Vec<_> = activities
        .iter()
        .map(|a| a.status.as_deref().unwrap())
        .collect();
    assert_eq!(statuses, ["Authorizing", "Committed", "Completed"]);
    assert_eq!(activities[1].id, activities[2].id);
    assert_ne!(
        activities[0].id, activities[1].id,
        "pending is another result"
    );
    let summary = reader.summary();
    assert_eq!(
        (summary.superseded, summary.duplicates, summary.conflicts),
        (1, 1, 0)
    );
    assert!(summary.is_clean());
}

#[test]
fn files_that_are_no_logs_fail_early_and_damage_late() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.evtx");
    std::fs::write(&text, "no log").unwrap();
    let error = ActivityReader::open(&text).unwrap_err();
    assert!(!error.is_recoverable());
    assert_eq!(error.file(), Some(text.as_path()));
    assert!(matches!(
        ActivityReader::new()
            .cloud(folder.path().join("none"))
            .unwrap_err()
            .kind(),
        ErrorKind::Io
    ));

    // A cloud file of no known shape ends with an error; the rest is read.
    let cloud = folder.path().join("cloud.json");
    std::fs::write(&cloud, CLOUD).unwrap();
    let mut reader = ActivityReader::new()
        .cloud(&text)
        .unwrap()
        .cloud(&cloud)
        .unwrap();
    let (activities, errors) = read(&mut reader);
    assert_eq!((activities.len(), errors.len()), (1, 1));
    assert_eq!(reader.summary().failed_files, 1);
}

#[test]
fn rules_and_date_order_reach_the_requests() {
    let folder = tempfile::tempdir().unwrap();
    let document = create("Completed").replace("2026-03-02 08:15:10.000", "16.11.2022 16:24:03");
    let log = write_log(folder.path(), "a.evtx", &[(REQUEST, &document)]);

    let (activities, errors) = read(&mut ActivityReader::open(&log).unwrap());
    assert!(activities.is_empty());
    assert!(matches!(
        errors[0].kind(),
        ErrorKind::Time {
            field: "CommittedTime",
            ..
        }
    ));

    let rules = Rules::from_json(r#"{"rules":[{"id":"U1","op":"Create","type":"Group","kind":"group.add","name":"New group","category":"GroupManagement"}]}"#).unwrap();
    let mut reader = ActivityReader::open(&log)
        .unwrap()
        .with_date_order(DateOrder::DayFirst)
        .with_rules(Rules::with_user(rules));
    let (activities, _) = read(&mut reader);
    assert_eq!(activities[0].name, "New group");
    assert_eq!(activities[0].time.to_rfc3339(), "2022-11-16T16:24:03+00:00");
}

#[test]
fn crosses_threads() {
    fn check<T: Send + Sync>() {}
    check::<ActivityReader>();
    check::<Error>();
}
