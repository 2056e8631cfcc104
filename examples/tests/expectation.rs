//! The four reports against what the generator says they must show: files
//! written, read back, reported, and compared row by row.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use mim_events::ActivityReader;
use mim_events::activity::Outcome;
use mim_events::generate::{Files, Generator, Options, Reports, Truth};
use report_query::activity::ActivityStore;
use report_query::{Parameters, QueryResult, ReportDefinition, Retention, Snapshot, Value};

/// Files of these options, read back as anybody's.
fn read_back(options: &Options) -> Snapshot {
    let folder = tempfile::tempdir().unwrap();
    let (log, cloud) = (folder.path().join("a.evtx"), folder.path().join("a.json"));
    Files::new()
        .evtx(&log)
        .cloud(&cloud)
        .write(options, |_| {})
        .unwrap();
    let reader = ActivityReader::new()
        .log(log)
        .unwrap()
        .cloud(cloud)
        .unwrap();
    let activities: Vec<_> = reader.map(Result::unwrap).collect();
    let newest = activities.iter().map(|activity| activity.time).max();
    let store = ActivityStore::new(Retention::FOREVER);
    let report = store.append(activities, newest.unwrap());
    assert_eq!((report.conflicts, report.invalid), (0, 0));
    store.snapshot()
}

fn expected(options: &Options) -> Reports {
    let mut truth = Truth::default();
    Generator::new(options).for_each(|step| truth.add(&step));
    truth.reports()
}

fn run(snapshot: &Snapshot, name: &str) -> QueryResult {
    let all = Parameters::new().set("from", "2000-01-01");
    ReportDefinition::builtin(name)
        .unwrap()
        .run(snapshot, &all)
        .unwrap()
}

/// The cells of some columns of every row, as text.
fn cells(result: &QueryResult, columns: &[&str]) -> Vec<String> {
    let at: Vec<_> = columns
        .iter()
        .map(|column| result.column_index(column).unwrap())
        .collect();
    let mut rows: Vec<String> = result
        .rows()
        .map(|row| {
            at.iter()
                .map(|at| text(&row[*at]))
                .collect::<Vec<_>>()
                .join(" | ")
        })
        .collect();
    rows.sort();
    rows
}

fn text(value: &Value) -> String {
    match (value.as_time(), value.as_list()) {
        (Some(time), _) => time.to_rfc3339(),
        (_, Some(list)) => {
            let items: Vec<_> = list.iter().map(ToString::to_string).collect();
            // Methods of an attempt that failed are marked.
            items.join(", ").replace(" (attempted)", "")
        }
        _ => value.to_string().replace(" (attempted)", ""),
    }
}

fn sorted(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}

#[track_caller]
fn same(name: &str, found: &[String], wanted: &[String]) {
    let missing: Vec<_> = wanted
        .iter()
        .filter(|row| !found.contains(row))
        .take(5)
        .collect();
    let extra: Vec<_> = found
        .iter()
        .filter(|row| !wanted.contains(row))
        .take(5)
        .collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "{name}: missing {missing:#?}, extra {extra:#?}"
    );
    assert_eq!(found.len(), wanted.len(), "{name}: as many rows");
    assert!(
        wanted.len() > 20,
        "{name}: the run is too short to say anything"
    );
}

/// The words of the registration report, in its order.
fn registered(data: &[String]) -> String {
    const ORDER: [&str; 6] = [
        "Security Questions",
        "Mobile Phone",
        "OTP over e-mail",
        "Alternate Email",
        "Office Phone",
        "Authenticator App",
    ];
    let mut words: Vec<&str> = data
        .iter()
        .map(|word| match word.as_str() {
            "OTP over SMS" | "Azure MFA" => "Mobile Phone",
            word => word,
        })
        .collect();
    let place = |word: &str| match word {
        "Unknown" => usize::MAX,
        _ => ORDER
            .iter()
            .position(|known| *known == word)
            .unwrap_or(ORDER.len()),
    };
    words.sort_by(|a, b| place(a).cmp(&place(b)).then(a.cmp(b)));
    words.dedup();
    words.join(", ")
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "Succeeded",
        Outcome::Failure => "Failed",
        Outcome::Denied => "Denied",
        Outcome::Pending => "Pending",
        Outcome::Canceled => "Cancelled",
        Outcome::Expired => "Expired",
        _ => "Unknown",
    }
}

#[test]
fn the_four_reports_show_what_the_generator_expects() {
    for seed in [21, 22] {
        let options = Options::new(seed).requests(3_000);
        let (snapshot, wanted) = (read_back(&options), expected(&options));

        let found = cells(
            &run(&snapshot, "password-reset"),
            &["time", "user", "methods", "outcome"],
        );
        let rows = wanted.password_reset.iter().map(|row| {
            let methods = row.methods.join(", ");
            format!(
                "{} | {} | {methods} | {}",
                row.time.to_rfc3339(),
                row.user,
                row.result
            )
        });
        same("password-reset", &found, &sorted(rows));

        let found = cells(
            &run(&snapshot, "password-reset-registration"),
            &["time", "user", "data"],
        );
        let rows = wanted.registration.iter().map(|row| {
            format!(
                "{} | {} | {}",
                row.time.to_rfc3339(),
                row.user,
                registered(&row.data)
            )
        });
        same("password-reset-registration", &found, &sorted(rows));

        let found = cells(
            &run(&snapshot, "self-service-groups"),
            &["time", "user", "activity", "group", "outcome"],
        );
        let rows = wanted.self_service_groups.iter().map(|row| {
            let time = row.time.to_rfc3339();
            format!(
                "{time} | {} | {} | {} | {}",
                row.user,
                row.activity,
                row.group,
                word(row.result)
            )
        });
        same("self-service-groups", &found, &sorted(rows));

        assert_eq!(
            run(&snapshot, "audit-log").len() as u64,
            wanted.audit_log_rows,
            "audit-log"
        );
    }
}
