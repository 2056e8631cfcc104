//! A whole file: every record is given, filtered or counted, and reading ends.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mim_events::eventlog::LogReader;

fuzz_target!(|data: &[u8]| {
    let Ok(mut reader) = LogReader::from_slice(data) else {
        return;
    };
    let (mut given, mut errors) = (0_u64, 0_u64);
    while let Some(event) = reader.next_event() {
        match event {
            Ok(event) => {
                given += 1;
                event
                    .data()
                    .for_each(|datum| drop(datum.value.to_string_lossy()));
            }
            Err(_) => errors += 1,
        }
    }
    let summary = reader.summary();
    assert_eq!(summary.events_own + summary.events_evtx, given);
    // What was given with its end lost is an error besides.
    let counted = summary.records_damaged + summary.chunks_damaged + summary.events_incomplete;
    assert!(errors <= counted);
});
