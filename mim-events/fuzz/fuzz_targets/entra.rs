//! An export of any shape: reading ends, counts what it gives, and what is read goes
//! to Graph and back.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mim_events::entra::{EntraReader, to_audit_logs_row, to_directory_audit};

fuzz_target!(|data: &[u8]| {
    // Elements of a few KiB are over this limit, so that resuming is reached, too.
    let mut reader = EntraReader::new(data).with_max_element_bytes(4096);
    let (mut activities, mut errors) = (0_u64, 0_u64);
    for activity in reader.by_ref() {
        let Ok(activity) = activity else {
            errors += 1;
            continue;
        };
        activities += 1;
        let graph =
            serde_json::to_string(&to_directory_audit(&activity)).expect("a record is JSON");
        let mut again = EntraReader::new(graph.as_bytes());
        let read = again
            .next()
            .expect("a record is an element")
            .expect("of a known shape");
        // A record without an id gets one, since Graph has none without.
        if activity.source_id.is_some() {
            assert_eq!(read.source_id, activity.source_id);
        }
        assert!(again.next().is_none());
        serde_json::to_string(&to_audit_logs_row(&activity)).expect("a row is JSON");
    }
    assert!(reader.next().is_none(), "the end is the end");
    let summary = reader.summary();
    assert_eq!(summary.activities, activities);
    assert!(errors >= summary.damaged);
    assert!(summary.bytes <= data.len() as u64);
});
