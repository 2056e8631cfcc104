//! Lines that are uploaded, also compressed: a frame of those lines, or a precise refusal.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ingest_protocol_fuzz::ndjson(data));
