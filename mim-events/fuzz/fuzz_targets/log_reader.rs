//! A whole file: every record is given, filtered or counted, by both lanes alike.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| mim_events_fuzz::log_reader(data));
