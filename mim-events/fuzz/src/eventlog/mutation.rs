//! Files that [`LogWriter`](mim_events::eventlog::LogWriter) wrote, with their fields changed.

use super::fields::fields;
use super::file::in_every_way;
use super::fixture::{CHUNK, FILE_HEADER, seal};
use super::written::written;
use crate::input::Input;

/// What is written over sizes, counts and offsets.
const NUMBERS: [u64; 24] = [
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    16,
    24,
    28,
    127,
    511,
    512,
    0x7FFF,
    0xFFF8,
    0xFFFF,
    0x1_0000,
    0x1_0001,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFF8,
    0xFFFF_FFFF,
    u64::MAX - 1,
    u64::MAX,
];

/// A written log, then a list of changes to its fields; the checksums are made
/// right again or not.
pub fn mutation(data: &[u8]) {
    in_every_way(&mutated(data));
}

/// The file that [`mutation`] reads, for a look at a finding.
pub fn mutated(data: &[u8]) -> Vec<u8> {
    let mut input = Input(data);
    let (mut log, _) = written(&mut input);
    let fields = fields(&log);
    let how = input.byte();
    for _ in 0..=how & 15 {
        change(&mut log, &fields, &mut input);
    }
    if how & 16 == 0 {
        reseal(&mut log);
    }
    if how & 32 != 0 {
        let length = FILE_HEADER + input.below(CHUNK + 1);
        log.truncate(length);
    }
    if how & 64 != 0
        && let Some(flags) = log.get_mut(120)
    {
        *flags |= 1;
    }
    log
}

fn change(log: &mut Vec<u8>, fields: &[(usize, usize)], input: &mut Input<'_>) {
    let what = input.byte();
    let (at, width) = fields[input.below(fields.len())];
    let number = |log: &[u8], at: usize, width: usize| {
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(&log[at..at + width]);
        u64::from_le_bytes(bytes)
    };
    let other = |input: &mut Input<'_>| fields[input.below(fields.len())];
    let offset = |at: usize| (at.saturating_sub(FILE_HEADER) % CHUNK) as u64;
    let value = match what % 10 {
        0 => NUMBERS[input.below(NUMBERS.len())],
        1 => number(log, at, width).wrapping_add(u64::from(input.byte() % 64)),
        2 => number(log, at, width).wrapping_sub(u64::from(input.byte() % 64)),
        3 => u64::from(input.u32()),
        // Points at itself, or just behind, as inline names and definitions do.
        4 => offset(at),
        5 => offset(at + width),
        // Points at another field, or says what another says.
        6 => offset(other(input).0),
        7 => {
            let (at, width) = other(input);
            number(log, at, width)
        }
        // Bytes over whatever stands there.
        8 => {
            let count = usize::from(input.byte() % 64);
            let bytes = input.bytes(count);
            let to = (at + bytes.len()).min(log.len());
            log[at..to].copy_from_slice(&bytes[..to - at]);
            return;
        }
        // A piece of it stands elsewhere, too.
        _ => {
            let count = input.below(600).min(log.len() - at);
            let to = other(input).0.min(log.len() - count);
            log.copy_within(at..at + count, to);
            return;
        }
    };
    log[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
}

fn reseal(log: &mut [u8]) {
    for chunk in log[FILE_HEADER..].chunks_exact_mut(CHUNK) {
        let free = u32::from_le_bytes([chunk[48], chunk[49], chunk[50], chunk[51]]);
        if (512..=CHUNK as u32).contains(&free) {
            seal(chunk);
        }
    }
}
