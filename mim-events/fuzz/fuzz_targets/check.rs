//! The structural check ends on anything, and finds nothing in what was written.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mim_events_fuzz::check(data));
