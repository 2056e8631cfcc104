//! What `check` finds, and what it lets pass.

use mim_events::eventlog::check;

use super::{CHUNK, SID, crc32, request, write};

fn small() -> Vec<u8> {
    write([
        request().data("x"),
        request().user(SID).named_data("N", "v"),
        request().data("yz"),
    ])
}

fn free_space(file: &[u8]) -> usize {
    let at = CHUNK + 48;
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize
}

fn repair(file: &mut [u8]) {
    let crc = crc32(&file[..120]);
    file[124..128].copy_from_slice(&crc.to_le_bytes());
    let free = free_space(file).clamp(512, 65_536);
    let crc = crc32(&file[CHUNK + 512..CHUNK + free]);
    file[CHUNK + 52..CHUNK + 56].copy_from_slice(&crc.to_le_bytes());
    let covered = [&file[CHUNK..CHUNK + 120], &file[CHUNK + 128..CHUNK + 512]].concat();
    file[CHUNK + 124..CHUNK + 128].copy_from_slice(&crc32(&covered).to_le_bytes());
}

/// Bits that a check can't know: the file flag 2 ("full"), and everything
/// after the last record.
fn is_slack(at: usize, bit: u32, end: usize) -> bool {
    (at == 120 && bit == 1) || at >= end
}

#[test]
fn every_flipped_bit_but_slack() {
    let mut file = small();
    let end = CHUNK + free_space(&file);
    let fields = (0..256).chain(CHUNK..end + 64);
    let zeros = (256..CHUNK).chain(end + 64..file.len()).step_by(61);
    for at in fields.chain(zeros) {
        for bit in 0..8 {
            file[at] ^= 1 << bit;
            assert_eq!(
                check(&file).is_ok(),
                is_slack(at, bit, end),
                "byte {at} bit {bit}"
            );
            file[at] ^= 1 << bit;
        }
    }
    assert!(check(&file).is_ok());
}

/// With the checksums made right again, so that the structure is what is tested.
#[test]
fn every_flipped_bit_of_headers_tables_and_frames() {
    let mut file = small();
    let original = file.clone();
    let size = |at: usize| u32::from_le_bytes(original[at + 4..at + 8].try_into().unwrap());
    let mut frames = Vec::new();
    let mut at = CHUNK + 512;
    while at < CHUNK + free_space(&original) {
        // Signature, size and number, but not the time; and the copy of the size.
        frames.extend(at..at + 16);
        at += size(at) as usize;
        frames.extend(at - 4..at);
    }
    let headers = (0..120)
        .chain(CHUNK..CHUNK + 52)
        .chain(CHUNK + 56..CHUNK + 124);
    let tables = CHUNK + 128..CHUNK + 512;
    for at in headers.chain(tables).chain(frames) {
        for bit in 0..8 {
            file[at] ^= 1 << bit;
            repair(&mut file);
            let ok = check(&file).is_ok();
            // Numbers that only have to be equal to each other are in pairs.
            assert!(!ok, "byte {at} bit {bit}");
            file.copy_from_slice(&original);
        }
    }
}

/// Inside the content, values, literals and what a name says are free; all
/// lengths, offsets, hashes, tokens and ids are not.
#[test]
fn most_flipped_bits_of_content() {
    let mut file = small();
    let original = file.clone();
    let (mut found, mut all) = (0, 0);
    for at in CHUNK + 512 + 24..CHUNK + free_space(&original) {
        for bit in 0..8 {
            file[at] ^= 1 << bit;
            repair(&mut file);
            all += 1;
            found += u32::from(!check(&file).is_ok());
            file.copy_from_slice(&original);
        }
    }
    assert!(found * 2 > all, "{found} of {all}");
}

fn one(change: impl FnOnce(&mut Vec<u8>), wanted: &str) {
    let mut file = write((0..200).map(|n| request().data("x".repeat(n * 13))));
    assert!(check(&file).is_ok());
    change(&mut file);
    let report = check(&file);
    assert!(report.to_string().contains(wanted), "{wanted}: {report}");
}

#[test]
fn damage_of_the_whole_file() {
    one(
        |file| file.truncate(file.len() - 1),
        "the file ends inside a chunk",
    );
    one(
        |file| file.truncate(file.len() - 65_536),
        "it counts other chunks",
    );
    one(|file| file.truncate(4000), "no file header");
    one(|file| file.clear(), "no file header");
    one(
        |file| file[CHUNK + 65_536..][..65_536].fill(0),
        "not used yet",
    );
    one(
        |file| file[CHUNK..].rotate_left(65_536),
        "it names another chunk as the oldest",
    );
    one(
        |file| {
            let chunk = file[CHUNK..CHUNK + 65_536].to_vec();
            file.extend(chunk);
        },
        "it counts other chunks",
    );
}

/// Types and sizes that nobody can read, found by a fuzzer.
#[test]
fn values_that_can_not_be() {
    let sid = [28, 0, 0x13, 0];
    let file = write([request().user(SID).data("x")]);
    let at = file.windows(4).position(|four| four == sid).unwrap();
    let value = file
        .windows(4)
        .position(|four| four == [1, 5, 0, 0])
        .unwrap();
    for (place, byte, wanted) in [
        (at + 2, 0x10, "a value's size does not fit its type"),
        (at + 2, 0x80, "a value is of unknown type"),
        (at + 2, 0x8E, "a value is of unknown type"),
        (at + 2, 0x90, "a value is of unknown type"),
        (value + 1, 4, "a value's size does not fit its type"),
        (value + 1, 255, "a value's size does not fit its type"),
    ] {
        let mut file = file.clone();
        file[place] = byte;
        repair(&mut file);
        let report = check(&file).to_string();
        assert!(report.contains(wanted), "{byte:#x}: {report}");
    }
}

#[test]
fn space_that_is_not_used_yet_is_allowed() {
    let mut file = small();
    file.resize(CHUNK + 4 * 65_536, 0);
    assert!(check(&file).is_ok());
}

#[test]
fn findings_are_bounded() {
    let mut file = write((0..300).map(|_| request().data("x".repeat(30_000))));
    for chunk in file[CHUNK..].chunks_mut(65_536) {
        chunk[40] = 0;
    }
    let report = check(&file);
    assert_eq!(report.findings.len(), 100);
    assert_eq!(report.total, 600); // the field and the checksum
    assert!(report.to_string().ends_with("and 500 more"));
    let first = report.into_result().unwrap_err();
    assert_eq!((first.chunk(), first.offset()), (Some(0), Some(4096 + 40)));
}
