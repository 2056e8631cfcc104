//! Arbitrary records in a chunk whose header is right, so that the fuzzer gets
//! past the magic numbers.
#![no_main]
use libfuzzer_sys::fuzz_target;
use mim_events::eventlog::LogReader;

fuzz_target!(|data: &[u8]| {
    let mut file = vec![0_u8; 4096 + 65_536];
    file[..8].copy_from_slice(b"ElfFile\0");
    file[32..36].copy_from_slice(&128_u32.to_le_bytes());
    file[36..44].copy_from_slice(&[1, 0, 3, 0, 0, 16, 1, 0]);
    let chunk = &mut file[4096..];
    chunk[..8].copy_from_slice(b"ElfChnk\0");
    chunk[40..44].copy_from_slice(&128_u32.to_le_bytes());
    let length = data.len().min(65_536 - 512);
    chunk[48..52].copy_from_slice(&(512 + length as u32).to_le_bytes());
    chunk[512..512 + length].copy_from_slice(&data[..length]);
    if let Ok(mut reader) = LogReader::from_slice(&file) {
        while let Some(event) = reader.next_event() {
            let _ = event.map(|event| event.data().count());
        }
    }
});
