//! Data sets of the benches: generated, so that they are the same everywhere.

use std::io::Cursor;

use mim_events::eventlog::{LogWriter, MIM_CHANNEL, MIM_PROVIDER, OwnedLogEvent, REQUEST};

/// A log of ordinary requests in memory, of about this many bytes of documents.
///
/// # Panics
/// The writer refuses an event, which it doesn't.
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
        writer.write(&event.as_event()).expect("the document fits");
        written += document.len();
    }
    writer.finish().expect("a log in memory").into_inner()
}
