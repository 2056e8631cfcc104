//! Files that were written, with their fields changed.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mim_events_fuzz::mutation(data));
