//! A report from any text: checked and run on a small store, its result can be
//! written in every form, and what was written can be read.
#![no_main]
use std::sync::OnceLock;

use chrono::{DateTime, TimeDelta, Utc};
use libfuzzer_sys::fuzz_target;
use report_query::{
    DataType, Field, Parameters, QueryResult, ReportDefinition, Retention, Schema, Snapshot, Store,
    StoreOptions, Value,
};
use uuid::Uuid;

fuzz_target!(|text: &str| {
    let Ok(report) = serde_json::from_str::<ReportDefinition>(text) else {
        return;
    };
    let snapshot = snapshot();
    let checked = report.check(snapshot.schema());
    let written = serde_json::to_string(&report).expect("a report is JSON");
    let again: ReportDefinition = serde_json::from_str(&written).expect("and read again");
    assert_eq!(again, report);
    let Ok(result) = report.run(snapshot, &Parameters::new()) else {
        return;
    };
    // Columns that a chart names are not needed to run.
    assert!(checked.is_ok() || report.chart.is_some());
    write(&result);
});

fn write(result: &QueryResult) {
    let _ = result.to_string();
    let mut bytes = Vec::new();
    result.write_csv(&mut bytes).expect("a vector takes it");
    if !result.columns().is_empty() {
        let mut csv = csv::ReaderBuilder::new().from_reader(&bytes[..]);
        let labels = csv.headers().expect("a header").len();
        assert_eq!(labels, result.columns().len());
        assert_eq!(
            csv.records().map(|row| row.expect("a row")).count(),
            result.rows().len()
        );
    }
    bytes.clear();
    result.write_json(&mut bytes).expect("a vector takes it");
    serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).expect("JSON");
    bytes.clear();
    result.write_ndjson(&mut bytes).expect("a vector takes it");
    let lines = bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty());
    let lines = lines
        .map(|line| serde_json::from_slice::<serde::de::IgnoredAny>(line).expect("a JSON line"));
    assert_eq!(lines.count(), result.rows().len());
}

/// Twelve rows with nulls, equal values, and texts that forms must escape.
fn snapshot() -> &'static Snapshot {
    static SNAPSHOT: OnceLock<Snapshot> = OnceLock::new();
    SNAPSHOT.get_or_init(|| {
        let target = DataType::record([
            Field::new("name", DataType::Text),
            Field::new("rank", DataType::Int),
        ]);
        let fields = [
            Field::new("time", DataType::Time).required(),
            Field::new("id", DataType::Id).required(),
            Field::new("a", DataType::Text),
            Field::new("n", DataType::Int),
            Field::new("x", DataType::Float),
            Field::new("ok", DataType::Bool),
            Field::new("tags", DataType::list(DataType::Text)),
            Field::new("targets", DataType::list(target)),
        ];
        let schema = Schema::new(fields)
            .and_then(|schema| schema.with_key("time", "id"))
            .expect("a schema");
        let store = Store::new(schema, StoreOptions::new(Retention::FOREVER)).expect("a store");
        let now: DateTime<Utc> = "2026-03-02T08:15:00Z".parse().expect("a time");
        let texts = [
            "",
            "=1+1",
            "a\r\nb",
            "\"q\",",
            " blank ",
            "\u{202e}x\u{1b}[0m",
            "Ärger",
            "ß",
        ];
        let rows = (0..12_i64).map(|n| {
            let text = texts[n as usize % texts.len()];
            let number = match n {
                0 => i64::MIN,
                1 => i64::MAX,
                n => n - 5,
            };
            let or_null = |value: Value| if n % 5 == 4 { Value::Null } else { value };
            vec![
                (now + TimeDelta::hours(n * n)).into(),
                Uuid::from_u128(n as u128).into(),
                or_null(text.into()),
                or_null(number.into()),
                or_null((number as f64 * 1e300).into()),
                or_null((n % 3 == 0).into()),
                or_null(Value::list([text, "tag"])),
                or_null(Value::list([Value::record([
                    Value::from(text),
                    Value::from(n),
                ])])),
            ]
        });
        store.append(rows, now + TimeDelta::days(30));
        store.snapshot()
    })
}
