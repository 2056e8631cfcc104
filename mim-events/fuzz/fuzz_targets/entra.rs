//! An export of any shape: reading ends, and what is read goes to Graph and back.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mim_events::entra::{EntraReader, to_directory_audit};

fuzz_target!(|data: &[u8]| {
    let Ok(reader) = EntraReader::new(data) else { return };
    for activity in reader.flatten() {
        let graph = serde_json::to_string(&to_directory_audit(&activity)).expect("a record is JSON");
        let again = EntraReader::new(graph.as_bytes()).expect("a record is a shape");
        assert_eq!(again.flatten().count(), 1);
    }
});
