//! Arbitrary records in a chunk whose header is right.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mim_events_fuzz::chunk(data));
