//! What no reader can be faster than: getting the bytes, and checking them.

use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Reads the file by 64 KiB into one buffer; returns its bytes.
#[must_use]
pub fn read(path: &Path, buffer: &mut [u8]) -> u64 {
    walk(path, buffer, |_| ())
}

/// The same, with the checksums of every chunk's header and records.
#[must_use]
pub fn read_and_check(path: &Path, buffer: &mut [u8]) -> u64 {
    walk(path, buffer, |chunk| {
        let field = |at: usize| u32::from_le_bytes(chunk[at..at + 4].try_into().expect("four"));
        let mut header = crc32fast::Hasher::new();
        header.update(&chunk[..120]);
        header.update(&chunk[128..512]);
        assert_eq!(header.finalize(), field(124));
        assert_eq!(crc32fast::hash(&chunk[512..field(48) as usize]), field(52));
    })
}

fn walk(path: &Path, buffer: &mut [u8], mut each: impl FnMut(&[u8])) -> u64 {
    let mut file = File::open(path).expect("a log");
    let mut bytes = file.seek(SeekFrom::Start(4096)).expect("a log");
    loop {
        let read = file.read(buffer).expect("a log");
        if read == 0 {
            return bytes;
        }
        each(black_box(&buffer[..read]));
        bytes += read as u64;
    }
}
