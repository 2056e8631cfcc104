//! Events in any order: whatever goes in comes out as a document, an error, or a
//! report of what is missing.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mim_events::eventlog::{MIM_PROVIDER, OwnedLogEvent, REQUEST_PART};
use mim_events::message::Assembler;
use mim_events::text::Utf16;

fuzz_target!(|data: &[u8]| {
    let mut assembler = Assembler::new();
    for (at, text) in data.split(|byte| *byte == 0xFF).enumerate() {
        // Bytes as ASCII units, since headers need them; every fourth time raw units.
        let units: Vec<u8> = text.iter().flat_map(|byte| [*byte, 0]).collect();
        let value = if at % 4 == 3 {
            Utf16::from_le_bytes(text)
        } else {
            Utf16::from_le_bytes(&units)
        };
        let event = OwnedLogEvent::new(MIM_PROVIDER, REQUEST_PART)
            .record_id(at as u64)
            .data_utf16(value);
        let _ = assembler.push(&event.as_event());
    }
    let _ = assembler.finish();
});
