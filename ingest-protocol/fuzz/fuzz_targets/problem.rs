//! Answers: any bytes mean something to a sender, and the same after a response and back.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ingest_protocol_fuzz::problem(data));
