//! Sender and receiver in any order of events: they neither panic nor go on for ever.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ingest_protocol_fuzz::machines(data));
