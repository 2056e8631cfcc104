//! A frame: what is opened keeps to its rules, what is sealed is opened as it was.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ingest_protocol_fuzz::frame(data));
