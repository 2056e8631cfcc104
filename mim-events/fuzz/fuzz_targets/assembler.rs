//! Parts of requests in any order: each document once, the rest reported.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mim_events_fuzz::assembler(data));
