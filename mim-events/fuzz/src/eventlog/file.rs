//! Whole files and single chunks.

use mim_events::eventlog::{self, LogFilter, LogReader};

use super::claims::{How, read};
use super::fixture::{CHUNK, FILE_HEADER, log_with_flags, seal};
use super::kinds::differences;
use super::written::written;
use crate::input::Input;

/// The file, read in every way: all bytes and records are counted, every loss has its
/// error, both lanes and the `evtx` crate agree but for known kinds.
pub(super) fn in_every_way(log: &[u8]) {
    differences(log);
    let strict = How {
        strict: true,
        ..How::default()
    };
    let reading = read(log, strict);
    let filtered = How {
        filter: LogFilter::requests(),
        ..How::default()
    };
    read(log, filtered);
    // What has no finding is read to the last byte.
    let report = eventlog::check(log);
    assert!(report.total >= report.findings.len() as u64);
    if report.is_ok()
        && let Some(reading) = reading
    {
        let summary = reading.summary;
        assert_eq!(summary.chunks_damaged, 0, "{summary}: {:?}", reading.errors);
        assert_eq!(summary.checksum_mismatches, 0, "{summary}");
        assert_eq!(summary.bytes_skipped, 0, "{summary}: {:?}", reading.errors);
        assert_eq!(summary.records_damaged, 0, "{:?}", reading.errors);
        assert_eq!(summary.events(), report.records, "{summary}");
    }
}

/// A whole file.
pub fn log_reader(data: &[u8]) {
    in_every_way(data);
}

/// Records in chunks whose headers are right, so that the fuzzer gets past the
/// magic numbers and checksums.
pub fn chunk(data: &[u8]) {
    in_every_way(&file_of(&mut Input(data)));
}

fn file_of(input: &mut Input<'_>) -> Vec<u8> {
    let how = input.byte();
    let mut chunk = vec![0_u8; CHUNK];
    chunk[..8].copy_from_slice(b"ElfChnk\0");
    let last = if how & 2 == 0 { 0_u64 } else { 1 << 40 };
    for (at, number) in [(8, 0), (16, last), (24, 0), (32, last)] {
        chunk[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    chunk[40..44].copy_from_slice(&128_u32.to_le_bytes());
    chunk[120..124].copy_from_slice(&1_u32.to_le_bytes());
    let records = input.bytes(CHUNK - 512);
    let end = 512 + records.len();
    chunk[48..52].copy_from_slice(&(end as u32).to_le_bytes());
    chunk[512..end].copy_from_slice(records);
    seal(&mut chunk);
    let mut file = log_with_flags(&[chunk], u32::from(how & 1));
    if how & 4 != 0 {
        file.truncate(FILE_HEADER + end);
    }
    file
}

/// The structural check: whatever the bytes, it ends; a written file has no finding, and is
/// read as it was written.
pub fn check(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() {
        0..=63 => {
            let _ = eventlog::check(input.0);
        }
        64..=127 => {
            let _ = eventlog::check(&file_of(&mut input));
        }
        _ => {
            let (log, events) = written(&mut input);
            let report = eventlog::check(&log);
            assert!(report.is_ok(), "{report}");
            let mut reader = LogReader::from_slice(&log).expect("a log").strict(true);
            let read: Vec<_> = reader
                .events()
                .map(|event| event.expect("what was written"))
                .collect();
            assert_eq!(read.len() as u64, report.records);
            // One that wrapped around has the newest only.
            let kept = &events[events.len() - read.len()..];
            for (event, read) in kept.iter().zip(&read) {
                let (event, read) = (event.as_event(), read.as_event());
                assert_eq!(event.provider(), read.provider());
                assert_eq!(event.event_id(), read.event_id());
                assert!(
                    event
                        .data()
                        .map(|datum| datum.value.to_string_lossy())
                        .eq(read.data().map(|datum| datum.value.to_string_lossy()))
                );
            }
        }
    }
}
