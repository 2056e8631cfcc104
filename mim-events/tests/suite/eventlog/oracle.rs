//! What the `evtx` crate gives for a log, and what we give, in one form.

use evtx::{EvtxParser, ParserSettings};
use mim_events::eventlog::{DataValue, LogEvent};
use mim_events::text::Utf16;

/// One event; times as text with nine decimals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) record: u64,
    pub(crate) event: u32,
    pub(crate) qualifiers: Option<u16>,
    pub(crate) provider: String,
    pub(crate) created: Option<String>,
    pub(crate) level: Option<u8>,
    pub(crate) channel: String,
    pub(crate) computer: String,
    pub(crate) user: Option<String>,
    pub(crate) data: Vec<(Option<String>, String)>,
}

/// The rows of the `evtx` crate's XML, and how many records it could not read.
pub(crate) fn rows(log: &[u8]) -> (Vec<Row>, usize) {
    let settings = ParserSettings::new().indent(false);
    let mut parser = EvtxParser::from_buffer(log.to_vec())
        .unwrap()
        .with_configuration(settings);
    let mut rows = Vec::new();
    let mut errors = 0;
    for record in parser.records() {
        match record {
            Ok(record) => rows.push(row(&record.data)),
            Err(_) => errors += 1,
        }
    }
    (rows, errors)
}

/// Our event as such a row, its strings as XML can hold them.
pub(crate) fn own(event: &LogEvent<'_>) -> Row {
    Row {
        record: event.record_id(),
        event: event.event_id(),
        qualifiers: event.qualifiers(),
        provider: event.provider().to_owned(),
        created: event
            .created()
            .map(|time| time.format("%Y-%m-%dT%H:%M:%S%.9f").to_string()),
        level: event.level(),
        channel: event.channel().to_owned(),
        computer: event.computer().to_owned(),
        user: event.user().map(str::to_owned),
        data: event
            .data()
            .map(|datum| (datum.name.map(in_xml), value_in_xml(datum.value)))
            .collect(),
    }
}

fn value_in_xml(value: DataValue<'_>) -> String {
    match value.as_utf16() {
        Some(text) => in_xml(text),
        None => value.to_string_lossy(),
    }
}

/// XML holds no control characters and no half characters: `_` for each.
fn in_xml(text: Utf16<'_>) -> String {
    char::decode_utf16(text.units())
        .map(|c| match c {
            Ok(c) if c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}') => c,
            Ok(c @ ('\t' | '\n' | '\r')) => c,
            _ => '_',
        })
        .collect()
}

fn row(xml: &str) -> Row {
    let system = between(xml, "<System>", "</System>").unwrap_or_default();
    let number = |text: &str| text.parse().ok();
    let created = tag(system, "TimeCreated").and_then(|tag| attribute(tag, "SystemTime"));
    Row {
        record: content(system, "EventRecordID")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default(),
        event: content(system, "EventID")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default(),
        qualifiers: tag(system, "EventID")
            .and_then(|tag| attribute(tag, "Qualifiers"))
            .and_then(|text| text.parse().ok()),
        provider: tag(system, "Provider")
            .and_then(|tag| attribute(tag, "Name"))
            .unwrap_or_default(),
        created: created.map(|time| {
            let time = time.trim_end_matches('Z');
            let (seconds, decimals) = time.split_once('.').unwrap_or((time, ""));
            format!("{seconds}.{decimals:0<9}")
        }),
        level: content(system, "Level").and_then(number),
        channel: content(system, "Channel").map(plain).unwrap_or_default(),
        computer: content(system, "Computer").map(plain).unwrap_or_default(),
        user: tag(system, "Security").and_then(|tag| attribute(tag, "UserID")),
        data: data(xml),
    }
}

fn data(xml: &str) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    let Some(mut rest) = between(xml, "<EventData", "</EventData>") else {
        return found;
    };
    while let Some((_, after)) = rest.split_once("<Data") {
        let (tag, after) = after.split_once('>').unwrap();
        let name = attribute(tag, "Name");
        rest = after;
        if tag.ends_with('/') {
            found.push((name, String::new()));
        } else {
            let (value, after) = after.split_once("</Data>").unwrap();
            found.push((name, plain(value)));
            rest = after;
        }
    }
    found
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    Some(text.split_once(from)?.1.split_once(to)?.0)
}

fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    between(text, &format!("<{name}"), ">")
}

fn content<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let after = text.split_once(&format!("<{name}"))?.1;
    let (tag, after) = after.split_once('>')?;
    if tag.ends_with('/') {
        return None;
    }
    Some(after.split_once('<')?.0)
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    between(tag, &format!(" {name}=\""), "\"").map(plain)
}

fn plain(text: &str) -> String {
    let mut text = text.replace("<![CDATA[", "").replace("]]>", "");
    for (from, to) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#65;", "A"),
        ("&amp;", "&"),
    ] {
        text = text.replace(from, to);
    }
    text
}
