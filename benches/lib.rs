//! Data sets of the benches: generated, so that they are the same everywhere.
#![allow(
    clippy::missing_panics_doc,
    reason = "a data set that can't be made ends the bench"
)]

use std::io::Cursor;

use mim_events::eventlog::{LogWriter, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST};
use mim_events::generate::{Generator, Item, Options};

#[cfg(feature = "protocol")]
pub mod batches;
pub mod beside;
#[cfg(unix)]
pub mod cpu;
pub mod events;
pub mod logs;
#[cfg(feature = "criterion")]
pub mod settings;

/// Ordinary requests of a generated stream that fit one event each.
#[must_use]
pub fn documents(count: usize) -> Vec<String> {
    Generator::new(&Options::new(42).requests(count as u64))
        .filter_map(|step| match step.item {
            Item::Request(document) if document.json.encode_utf16().count() < 31_000 => {
                Some(document.json)
            }
            _ => None,
        })
        .collect()
}

/// The activities that a generated stream of requests and cloud records gives.
#[must_use]
pub fn activities(requests: u64) -> Vec<mim_events::activity::Activity> {
    Generator::new(&Options::new(42).requests(requests))
        .flat_map(|step| step.truth)
        .collect()
}

/// A log with the documents over and over, up to about this many bytes of text.
#[must_use]
pub fn log_of(documents: &[String], bytes: usize) -> Vec<u8> {
    let mut writer = LogWriter::new(Cursor::new(Vec::new())).expect("a log in memory");
    let mut written = 0;
    for document in documents.iter().cycle() {
        if written >= bytes {
            break;
        }
        let event = OwnedLogEvent::new(MIM_PROVIDER, REQUEST)
            .channel(MIM_CHANNEL)
            .computer("mim.example.test")
            .created(chrono::DateTime::UNIX_EPOCH)
            .data(document);
        writer
            .write(&event.as_event())
            .expect("the document fits an event");
        written += 2 * document.len();
    }
    writer.finish().expect("a log in memory").into_inner()
}
