//! A journal whose files were changed: what it reads is counted, in order, and the same again.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ingest_protocol_fuzz::journal(data));
