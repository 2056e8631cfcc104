//! A bookmark: resuming anywhere gives each record once or counts it.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mim_events_fuzz::bookmark(data));
