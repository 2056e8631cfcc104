//! Tests of `results` through the public API.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use report_query::result::{CsvOptions, TextOptions, formula_original};
use report_query::{DataType, Field, QueryResult, ResultColumn, Unit, Value};
use uuid::Uuid;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// One column of each type, one full row and one of nulls.
fn every_type() -> QueryResult {
    let target = DataType::record([
        Field::new("type", DataType::Text),
        Field::new("name", DataType::Text),
    ]);
    let columns = vec![
        ResultColumn::new("time", DataType::Time).label("Date"),
        ResultColumn::new("id", DataType::Id),
        ResultColumn::new("actor", DataType::Text).label("Initiated by"),
        ResultColumn::new("ok", DataType::Bool),
        ResultColumn::new("wait", DataType::Int).unit(Unit::SECONDS),
        ResultColumn::new("rate", DataType::Float),
        ResultColumn::new("methods", DataType::list(DataType::Text)),
        ResultColumn::new("targets", DataType::list(target)),
    ];
    let full = vec![
        Value::from(time("2026-03-02T08:15:09.31Z")),
        Value::from(Uuid::from_u128(0x6f0c)),
        Value::from("HQ\\imarlow"),
        Value::from(true),
        Value::from(-42),
        Value::from(2.0),
        Value::from(vec!["Security Questions", "Azure MFA"]),
        Value::list([Value::record([
            Value::from("Group"),
            Value::from("Night \"Shift\""),
        ])]),
    ];
    QueryResult::new(columns, [full, vec![Value::Null; 8]]).unwrap()
}

fn texts(label: &str, cells: &[&str]) -> QueryResult {
    let columns = vec![
        ResultColumn::new("text", DataType::Text).label(label),
        ResultColumn::new("n", DataType::Int),
    ];
    let rows = cells
        .iter()
        .zip(1..)
        .map(|(cell, n)| vec![Value::from(*cell), Value::from(n)]);
    QueryResult::new(columns, rows).unwrap()
}

fn csv_of(result: &QueryResult) -> String {
    let mut bytes = Vec::new();
    result.write_csv(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn every_type_in_a_table() {
    assert_eq!(
        every_type().to_string(),
        "\
Date                 id                                    Initiated by  ok    wait  rate  methods                        targets
-------------------  ------------------------------------  ------------  ----  ----  ----  -----------------------------  -------------------------------------------
2026-03-02 08:15:09  00000000-0000-0000-0000-000000006f0c  HQ\\imarlow    true   -42     2  Security Questions, Azure MFA  [{\"type\":\"Group\",\"name\":\"Night \\\"Shift\\\"\"}]

"
    );
}

#[test]
fn every_type_as_csv() {
    assert_eq!(
        csv_of(&every_type()),
        "Date,id,Initiated by,ok,wait,rate,methods,targets\r\n\
         2026-03-02T08:15:09.310Z,00000000-0000-0000-0000-000000006f0c,HQ\\imarlow,true,-42,2,\
         \"Security Questions, Azure MFA\",\"[{\"\"type\"\":\"\"Group\"\",\"\"name\"\":\"\"Night \\\"\"Shift\\\"\"\"\"}]\"\r\n\
         ,,,,,,,\r\n"
    );
}

#[test]
fn every_type_as_json_and_as_ndjson() {
    let rows = [
        r#"{"time":"2026-03-02T08:15:09.310Z","id":"00000000-0000-0000-0000-000000006f0c","actor":"HQ\\imarlow","ok":true,"wait":-42,"rate":2.0,"methods":["Security Questions","Azure MFA"],"targets":[{"type":"Group","name":"Night \"Shift\""}]}"#,
        r#"{"time":null,"id":null,"actor":null,"ok":null,"wait":null,"rate":null,"methods":null,"targets":null}"#,
    ];
    let mut lines = Vec::new();
    every_type().write_ndjson(&mut lines).unwrap();
    assert_eq!(
        String::from_utf8(lines).unwrap(),
        format!("{}\n{}\n", rows[0], rows[1])
    );

    let mut document = Vec::new();
    every_type().write_json(&mut document).unwrap();
    let columns = r#"{"columns":[{"name":"time","label":"Date","type":"time"},{"name":"id","label":"id","type":"id"},{"name":"actor","label":"Initiated by","type":"text"},{"name":"ok","label":"ok","type":"bool"},{"name":"wait","label":"wait","type":"int","unit":"s"},{"name":"rate","label":"rate","type":"float"},{"name":"methods","label":"methods","type":"list of text"},{"name":"targets","label":"targets","type":"list of record"}],"rows":["#;
    assert_eq!(
        String::from_utf8(document).unwrap(),
        format!("{columns}\n{},\n{}\n]}}\n", rows[0], rows[1])
    );
}

#[test]
fn no_rows_and_no_columns() {
    let none = QueryResult::new(vec![ResultColumn::new("a", DataType::Text)], []).unwrap();
    assert_eq!(none.to_string(), "a\n-\n(no rows)\n");
    assert_eq!(csv_of(&none), "a\r\n");
    let mut json = Vec::new();
    none.write_json(&mut json).unwrap();
    let shape: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(shape["rows"], serde_json::json!([]));
    assert_eq!(QueryResult::new(vec![], []).unwrap().to_string(), "");
}

#[test]
fn numbers_that_json_has_not_are_null() {
    let columns = vec![ResultColumn::new("f", DataType::Float)];
    let rows = [f64::NAN, f64::INFINITY, 1e300, 0.1].map(|f| vec![Value::from(f)]);
    let mut lines = Vec::new();
    QueryResult::new(columns, rows)
        .unwrap()
        .write_ndjson(&mut lines)
        .unwrap();
    assert_eq!(
        lines,
        b"{\"f\":null}\n{\"f\":null}\n{\"f\":1e300}\n{\"f\":0.1}\n"
    );
}

#[test]
fn wide_combining_and_acting_characters_are_aligned() {
    let result = texts(
        "Name\u{202e}",
        &[
            "李雷",
            "e\u{301}clair",
            "👩\u{200d}🔬",
            "Dana\u{202e}lairt",
            "two\nlines",
            "עברית",
        ],
    );
    let table = result.to_string();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "Name\\u{202e}       n");
    assert_eq!(lines[2], format!("李雷{}1", " ".repeat(15)));
    assert_eq!(lines[3], format!("e\u{301}clair{}2", " ".repeat(13)));
    assert_eq!(lines[4], format!("👩\u{200d}🔬{}3", " ".repeat(17)));
    assert_eq!(lines[5], "Dana\\u{202e}lairt  4");
    assert_eq!(lines[6], format!("two\\u{{a}}lines{}5", " ".repeat(6)));
    for line in &lines {
        assert_eq!(unicode_width::UnicodeWidthStr::width(*line), 20, "{line}");
    }
}

#[test]
fn a_narrow_table_cuts_the_widest_column() {
    let result = texts("text", &["a very long text that goes on", "short"]);
    let mut table = Vec::new();
    result
        .write_text_with(&mut table, &TextOptions::new().max_width(16))
        .unwrap();
    assert_eq!(
        String::from_utf8(table).unwrap(),
        "text           n\n-------------  -\na very long …  1\nshort          2\n"
    );
}

#[test]
fn csv_options() {
    let result = texts("=label", &["-1"]);
    let mut csv = Vec::new();
    let options = CsvOptions::new().formula_safe(false).byte_order_mark(true);
    result.write_csv_with(&mut csv, &options).unwrap();
    assert_eq!(
        String::from_utf8(csv).unwrap(),
        "\u{feff}=label,n\r\n-1,1\r\n"
    );
    assert_eq!(csv_of(&result), "'=label,n\r\n'-1,1\r\n");
}

/// Text as attackers and directories write it.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("="),
        Just("+"),
        Just("-"),
        Just("@"),
        Just("\t"),
        Just("\r"),
        Just("\n"),
        Just("\r\n"),
        Just("\""),
        Just("\"\""),
        Just("'"),
        Just(","),
        Just(";"),
        Just(" "),
        Just("\u{a0}"),
        Just("\u{feff}"),
        Just("\u{200b}"),
        Just("＝"),
        Just("\0"),
        Just("cmd|'/C calc'!A0"),
        Just("李"),
        Just("e\u{301}"),
        Just("\u{202e}"),
        Just("\\"),
        Just("a"),
    ];
    prop_oneof![
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn csv_is_read_back(rows in prop::collection::vec(prop::collection::vec(nasty(), 1..4), 0..6), columns in 1_usize..4) {
        let rows: Vec<Vec<String>> = rows.into_iter().map(|mut row| { row.resize(columns, String::new()); row }).collect();
        let schema = (0..columns).map(|n| ResultColumn::new(format!("c{n}"), DataType::Text)).collect();
        let values = rows.iter().map(|row| row.iter().map(Value::from).collect::<Vec<_>>());
        let text = csv_of(&QueryResult::new(schema, values).unwrap());
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        prop_assert_eq!(reader.headers().unwrap().len(), columns);
        let mut read = Vec::new();
        for record in reader.records() {
            let record = record.unwrap();
            for cell in &record {
                let first = cell.trim_start_matches([' ', '\u{a0}', '\u{feff}', '\u{200b}', '\0']).chars().next();
                prop_assert!(!matches!(first, Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n')), "{:?}", cell);
            }
            read.push(record.iter().map(|cell| formula_original(cell).to_owned()).collect::<Vec<_>>());
        }
        prop_assert_eq!(read, rows);
    }

    #[test]
    fn every_line_of_a_table_is_one_line(cells in prop::collection::vec(nasty(), 0..6), width in 0_usize..40) {
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let result = texts("label", &cells);
        let mut table = Vec::new();
        result.write_text_with(&mut table, &TextOptions::new().max_width(width)).unwrap();
        let table = String::from_utf8(table).unwrap();
        prop_assert_eq!(table.matches('\n').count(), cells.len().max(1) + 2);
        let acting = table.contains(['\r', '\t', '\0', '\u{202e}', '\u{feff}', '\u{200b}']);
        prop_assert!(!acting);
        if width >= 20 {
            for line in table.lines() {
                prop_assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{:?}", line);
            }
        }
    }

    #[test]
    fn ndjson_is_read_back(cell in nasty()) {
        let mut lines = Vec::new();
        texts("t", &[&cell]).write_ndjson(&mut lines).unwrap();
        let row: serde_json::Value = serde_json::from_slice(&lines).unwrap();
        prop_assert_eq!(row["text"].as_str(), Some(cell.as_str()));
        prop_assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
}
