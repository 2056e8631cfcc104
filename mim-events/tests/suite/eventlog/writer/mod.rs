//! `LogWriter`, `text_capacity` and `check`: what is written is read back by
//! the `evtx` crate with its checksums tested, and holds in every detail.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod append;
mod check;
mod circular;
pub(crate) mod copy;

mod events;
mod file;
mod layout;
mod limits;
mod properties;

use std::io::Cursor;

use chrono::{DateTime, Utc};
use evtx::{EvtxParser, ParserSettings};
use mim_events::eventlog::{
    self, Layout, LogWriter, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST,
};
use serde_json::Value;

const COMPUTER: &str = "mim01.corp.example.x"; // 20 characters
const SID: &str = "S-1-5-21-1004336348-1176238915-682003330-1107";
/// Room for records in a chunk, and where a file's first chunk begins.
const CAPACITY: usize = 65_016;
const CHUNK: usize = 4096;

fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn request() -> OwnedLogEvent {
    OwnedLogEvent::new(MIM_PROVIDER, REQUEST)
        .channel(MIM_CHANNEL)
        .computer(COMPUTER)
        .created(time("2026-03-02T08:15:09.5860201Z"))
}

fn write(events: impl IntoIterator<Item = OwnedLogEvent>) -> Vec<u8> {
    write_layout(Layout::default(), events)
}

fn write_layout(layout: Layout, events: impl IntoIterator<Item = OwnedLogEvent>) -> Vec<u8> {
    let mut writer = LogWriter::new(Cursor::new(Vec::new()))
        .unwrap()
        .with_layout(layout);
    for event in events {
        writer.write(&event.as_event()).unwrap();
    }
    let length = writer.bytes();
    let file = writer.finish().unwrap().into_inner();
    assert_eq!(file.len() as u64, length);
    file
}

/// Reads with the `evtx` crate, every checksum tested, after our own check.
fn read(file: &[u8]) -> Vec<Value> {
    let report = eventlog::check(file);
    assert!(report.is_ok(), "{report}");
    let settings = ParserSettings::new()
        .validate_checksums(true)
        .num_threads(1);
    let mut parser = EvtxParser::from_buffer(file.to_vec())
        .unwrap()
        .with_configuration(settings);
    assert!(parser.header().validate_checksum());
    let records: Vec<Value> = parser
        .records_json_value()
        .map(|record| record.unwrap().data)
        .collect();
    assert_eq!(records.len() as u64, report.records);
    records
}

/// The values of a record's event data, each with its name.
fn data(record: &Value) -> Vec<(Option<String>, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let Value::Object(members) = &record["Event"]["EventData"] else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for (name, value) in members.iter().filter(|(name, _)| *name != "Binary") {
        match (name.as_str(), &value["#text"]) {
            ("Data", Value::Array(items)) => out.extend(items.iter().map(|v| (None, text(v)))),
            ("Data", item) => out.push((None, text(item))),
            _ => out.push((Some(name.clone()), text(value))),
        }
    }
    out
}

fn strings(record: &Value) -> Vec<String> {
    data(record).into_iter().map(|(_, text)| text).collect()
}

fn contains(file: &[u8], bytes: &[u8]) -> bool {
    file.windows(bytes.len()).any(|window| window == bytes)
}

/// Bitwise CRC-32, so that the tests do not lean on the library's.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
        })
    })
}
