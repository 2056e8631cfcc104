//! Logs for tests.

use std::fs::File;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use mim_events::eventlog::{
    LogWriter, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST, REQUEST_PART,
};
use mim_events::generate::{Files, Generator, Item, Options};
use uuid::Uuid;

/// Writes a generated log, and gives its documents as the generator made them.
pub(crate) fn generate(path: &Path, requests: u64) -> Vec<String> {
    let options = Options::new(11).requests(requests).people(60);
    Files::new().evtx(path).write(&options, |_| {}).unwrap();
    let documents = Generator::new(&options).filter_map(|step| match step.item {
        Item::Request(document) => Some(document.json),
        _ => None,
    });
    documents.collect()
}

/// The document of the n-th invented request.
pub(crate) fn document(n: u64) -> String {
    let id = Uuid::from_u128(0x9b6f_8c34_5a0e_4a37_0000_0000_0000_0000 + u128::from(n));
    format!(
        r#"{{"HybridObjectID":"{id}","ObjectType":"Request","Operation":"Put","RequestStatus":"Completed","Number":{n}}}"#
    )
}

pub(crate) fn time(n: u64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-03-02T08:00:00Z".parse().unwrap();
    start + TimeDelta::seconds(i64::try_from(n).unwrap())
}

pub(crate) fn event(n: u64, text: &str) -> OwnedLogEvent {
    of(REQUEST, n, text)
}

/// A part of a request.
pub(crate) fn part(n: u64, number: u32, total: u32, body: &str) -> OwnedLogEvent {
    let id = Uuid::from_u128(7);
    of(
        REQUEST_PART,
        n,
        &format!("Request '{id}', message {number} out of {total}: \n{body}"),
    )
}

fn of(event: u32, n: u64, text: &str) -> OwnedLogEvent {
    OwnedLogEvent::new(MIM_PROVIDER, event)
        .channel(MIM_CHANNEL)
        .computer("mim.example.test")
        .created(time(n))
        .data(text)
}

/// A new log with invented requests.
pub(crate) fn write(path: &Path, numbers: impl IntoIterator<Item = u64>) {
    let mut log = LogWriter::create(path).unwrap();
    put(&mut log, numbers);
    log.finish().unwrap();
}

pub(crate) fn append(path: &Path, numbers: impl IntoIterator<Item = u64>) {
    let mut log = LogWriter::append(path).unwrap();
    put(&mut log, numbers);
    log.finish().unwrap();
}

pub(crate) fn put(log: &mut LogWriter<File>, numbers: impl IntoIterator<Item = u64>) {
    for n in numbers {
        log.write(&event(n, &document(n)).as_event()).unwrap();
    }
}

pub(crate) fn documents(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(document).collect()
}

pub(crate) fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}
