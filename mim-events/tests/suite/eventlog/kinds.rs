//! How the two lanes, and this crate and the `evtx` crate, may differ about a
//! damaged log. A difference of no kind listed here fails.
#![allow(dead_code, reason = "not every user asks all of it")]

use std::collections::BTreeMap;

use mim_events::ErrorKind;
use mim_events::eventlog::{Lane, LogEvent};

use super::claims::{ByEvtx, How, Reading, by_evtx, difference, read};

const FILE_HEADER: u64 = 4096;
const CHUNK: u64 = 65_536;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    // --- the own lane does without, the second reads ---
    /// The walker knows no such shape, and says so.
    Shape,
    /// The walker found damage in its content; the `evtx` crate guesses on.
    FoundDamaged,

    // --- only the own lane reads ---
    /// The `evtx` crate reads all values and names of a record; the walker
    /// those it needs.
    LooksAtLess,

    // --- both lanes read, and differ ---
    /// A time after the year 9999: the walker gives none, the `evtx` crate the
    /// last four digits of the year.
    After9999,
    /// A name that counts its NUL in: the `evtx` crate ends names there.
    NameWithNul,
    /// A value is smaller than its type: the `evtx` crate goes by the type and
    /// is late for all values after it, the walker goes by the size.
    SizeOfValue,

    // --- either ---
    /// The XML of the `evtx` crate is none: it writes names as they are, and a
    /// damaged one holds a line break, a `/` or the like.
    NotXml,

    // --- both lanes together read, the `evtx` crate alone does not ---
    /// It has no whole chunk: the file ends inside it.
    ChunkCut,
    /// It refuses the chunk, since a chain of names leads out of it.
    ChunkRefused,
    /// It comes to the record and can't read it.
    RecordRefused,
    /// It never comes to the record: a wrong number or size ends its walk.
    NotReached,

    // --- the `evtx` crate alone reads ---
    /// It does not look at the major version.
    Version,
    /// The last four bytes of the record, its size's copy, are beyond the chunk.
    BeyondChunk,
    /// It looks for the next record at every byte, we at multiples of 8, where records are.
    Unaligned,
    /// In the newest chunk of a log that was not closed, records at the end whose sizes
    /// have no copy yet are not whole for us; it does not look at the copy.
    Unfinished,
    /// It renders up to 64 MiB of a chunk, we take 512 KiB of it.
    Limit,
}

pub(crate) type Kinds = BTreeMap<Kind, u64>;

/// Reads a log in every way, asserts what must hold, and lists what differs.
///
/// # Panics
/// At a difference of no kind.
pub(crate) fn differences(log: &[u8]) -> Kinds {
    let mut kinds = Kinds::new();
    let mut count = |kind| *kinds.entry(kind).or_default() += 1;
    let evtx = by_evtx(log);
    let Some(both) = read(log, How::default()) else {
        if evtx.is_some_and(|evtx| !evtx.records.is_empty()) {
            assert_ne!(log.get(38..40), Some(&[3, 0][..]), "it is a log");
            count(Kind::Version);
        }
        return kinds;
    };
    let own = read(log, How::by(Lane::Own)).expect("the header is as it was");
    let other = read(log, How::by(Lane::Evtx)).expect("the header is as it was");
    let evtx = evtx.unwrap_or_default();
    lanes(log, [&own, &other, &both], &evtx, &mut count);
    crates(log, &evtx, &both, &mut count);
    kinds
}

fn lanes(
    log: &[u8],
    [own, other, both]: [&Reading; 3],
    evtx: &ByEvtx,
    count: &mut impl FnMut(Kind),
) {
    let is_large = |offset: u64| evtx.is_beyond_limit((offset - FILE_HEADER) / CHUNK);
    let xml: BTreeMap<u64, &str> = evtx.records.iter().map(|r| (r.0, &*r.2)).collect();
    let (by_own, by_other) = (own.by_offset(), other.by_offset());
    for event in &both.events {
        let offset = event.as_event().offset();
        match (by_own.get(&offset), by_other.get(&offset)) {
            // What the own lane reads is what is given.
            (Some(&first), second) => {
                assert_eq!(first, event, "at {offset}");
                match second {
                    None => count(Kind::LooksAtLess),
                    Some(second) => {
                        let (first, second) = (first.as_event(), second.as_event());
                        if let Some(field) = difference(&first, &second) {
                            let xml = xml.get(&offset).copied();
                            count(why_different(log, &first, field, xml));
                        }
                    }
                }
            }
            (None, Some(&second)) => {
                assert_eq!(second, event, "at {offset}");
                count(refusal(own, offset));
            }
            // Each lane comes to the limit elsewhere.
            (None, None) if is_large(offset) => count(Kind::Limit),
            (None, None) => panic!("the event at {offset} is of neither lane"),
        }
    }
    let given = both.by_offset();
    for offset in by_own.keys().chain(by_other.keys()) {
        assert!(
            given.contains_key(offset),
            "nothing at {offset}, and a lane reads it"
        );
    }
}

/// What the own lane says of a record that it does not read.
fn refusal(own: &Reading, offset: u64) -> Kind {
    let mut errors = own.errors_at(offset);
    match errors.next().map(mim_events::Error::kind) {
        Some(ErrorKind::UnsupportedShape) => Kind::Shape,
        Some(ErrorKind::Record { .. }) => Kind::FoundDamaged,
        other => panic!("no error at {offset}: {other:?}"),
    }
}

fn crates(log: &[u8], evtx: &ByEvtx, both: &Reading, count: &mut impl FnMut(Kind)) {
    let given = both.by_offset();
    let mut common = Vec::new();
    for (offset, id, xml) in &evtx.records {
        match given.get(offset) {
            Some(event) => {
                assert_eq!(event.as_event().header_id(), *id, "at {offset}");
                common.push(*offset);
            }
            None => count(why_missing(log, both, evtx, *offset, xml)),
        }
    }
    let theirs: BTreeMap<u64, u64> = evtx.records.iter().map(|r| (r.0, r.1)).collect();
    for (&offset, event) in &given {
        if theirs.contains_key(&offset) {
            continue;
        }
        let chunk = (offset - FILE_HEADER) / CHUNK;
        let cut = log.len() as u64 - FILE_HEADER < (chunk + 1) * CHUNK;
        count(if cut {
            Kind::ChunkCut
        } else if evtx.refused.contains(&chunk) {
            Kind::ChunkRefused
        } else if evtx.failed.contains(&event.as_event().header_id()) {
            Kind::RecordRefused
        } else {
            Kind::NotReached
        });
    }
    // The crate does not ask a chunk that was cut how old it is.
    if (log.len() as u64 - FILE_HEADER).is_multiple_of(CHUNK) {
        let ours = both.events.iter().map(|event| event.as_event().offset());
        let same = ours.filter(|offset| theirs.contains_key(offset)).eq(common);
        // Where chunks stand in an order that no log has, each reader makes its
        // own: ours goes by the first numbers of the chunks.
        let first = |offset: u64| u32_at(place(log, offset).0, 24);
        let firsts = both
            .events
            .iter()
            .map(|event| first(event.as_event().offset()));
        assert!(same || firsts.is_sorted(), "order");
    }
}

fn why_missing(log: &[u8], both: &Reading, evtx: &ByEvtx, offset: u64, xml: &str) -> Kind {
    let (chunk, at) = place(log, offset);
    if at + u32_at(chunk, at + 4) > CHUNK as usize {
        Kind::BeyondChunk
    } else if !at.is_multiple_of(8) {
        Kind::Unaligned
    } else if both.errors_at(offset).next().is_some() && !is_xml(xml) {
        Kind::NotXml
    } else if is_unfinished(both, chunk, at) {
        Kind::Unfinished
    } else if evtx.is_beyond_limit((offset - FILE_HEADER) / CHUNK) {
        Kind::Limit
    } else {
        panic!("the `evtx` crate alone reads {offset}: {:?}", both.errors)
    }
}

/// Whether a record of the chunk, the only one that can hold such, is among
/// those at its end that are not whole.
fn is_unfinished(both: &Reading, chunk: &[u8], at: usize) -> bool {
    let bytes = both.summary.bytes_unfinished as usize;
    let end = u32_at(chunk, 48);
    both.summary.dirty && bytes > 0 && (at..end).len() <= bytes
}

fn why_different(log: &[u8], own: &LogEvent<'_>, field: &str, xml: Option<&str>) -> Kind {
    let (chunk, at) = place(log, own.offset());
    let end = at + u32_at(chunk, at + 4) - 4;
    if xml.is_some_and(|xml| !is_xml(xml)) {
        Kind::NotXml
    } else if field == "created" && own.created().is_none() {
        Kind::After9999
    } else if has_name_with_nul(chunk) {
        Kind::NameWithNul
    } else if has_small_value(chunk, at + 24, end, 0) {
        Kind::SizeOfValue
    } else {
        panic!("the lanes differ at {} in {field}", own.offset())
    }
}

/// The chunk around an offset of the file, and the offset in it.
fn place(log: &[u8], offset: u64) -> (&[u8], usize) {
    let at = (offset - FILE_HEADER) % CHUNK;
    let start = (offset - at) as usize;
    let end = (start + CHUNK as usize).min(log.len());
    (&log[start..end], at as usize)
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |&bytes| u16::from_le_bytes(bytes).into())
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u16_at(bytes, at) | u16_at(bytes, at + 2) << 16
}

/// Whether it is XML as far as names go: each is one, and tags match.
fn is_xml(text: &str) -> bool {
    let is_name = |name: &str| {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        name.starts_with(|c: char| c.is_alphabetic()) && name.chars().all(plain)
    };
    let mut open = Vec::new();
    for tag in text.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else {
            return false;
        };
        if tag.starts_with(['?', '!']) {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
            continue;
        }
        let inner = tag.strip_suffix('/').unwrap_or(tag);
        let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
        // `a="1" b="2"` at its quotes: names with ` ` before and `=` after, values.
        let names_hold = attributes.split('"').step_by(2).all(|piece| {
            piece.is_empty()
                || piece
                    .trim_start_matches(' ')
                    .strip_suffix('=')
                    .is_some_and(is_name)
        });
        if !is_name(name) || !names_hold {
            return false;
        }
        if inner == tag {
            open.push(name);
        }
    }
    open.is_empty()
}

/// Whether a name that readers look for is longer by a NUL than it should be.
fn has_name_with_nul(chunk: &[u8]) -> bool {
    const NAMES: [&str; 18] = [
        "Event",
        "System",
        "EventData",
        "RenderingInfo",
        "Provider",
        "EventID",
        "Level",
        "TimeCreated",
        "EventRecordID",
        "Channel",
        "Computer",
        "Security",
        "Data",
        "Binary",
        "Name",
        "Qualifiers",
        "SystemTime",
        "UserID",
    ];
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let event = utf16("Event");
    NAMES.iter().any(|name| {
        let bytes = utf16(&format!("{name}\0"));
        chunk.windows(bytes.len()).enumerate().any(|(at, window)| {
            // `Data` also stands at the end of `EventData`.
            window == bytes
                && u16_at(chunk, at.saturating_sub(2)) > name.len()
                && !chunk[..at].ends_with(&event)
        })
    })
}

/// Whether an instance's value is smaller than its type, or its last string has
/// no end.
fn has_small_value(chunk: &[u8], start: usize, end: usize, depth: u32) -> bool {
    let byte = |at: usize| chunk.get(at).copied().unwrap_or_default();
    let mut at = start;
    if byte(at) == 0x0F {
        at += 4;
    }
    if byte(at) != 0x0C || depth > 16 {
        return false;
    }
    let definition = u32_at(chunk, at + 6);
    at += 10;
    if definition == at {
        at += 24 + u32_at(chunk, at + 20);
    }
    let count = u32_at(chunk, at).min(end.saturating_sub(at) / 4);
    let (descriptors, mut value) = (at + 4, at + 4 + count * 4);
    for descriptor in (descriptors..).step_by(4).take(count) {
        let (size, kind) = (u16_at(chunk, descriptor), byte(descriptor + 2));
        let next = value + size;
        let natural = match kind {
            0x03 | 0x04 => 1,
            0x05 | 0x06 => 2,
            0x07 | 0x08 | 0x0B | 0x0D | 0x14 => 4,
            0x09 | 0x0A | 0x0C | 0x11 | 0x15 => 8,
            0x0F | 0x12 => 16,
            0x13 => 8 + 4 * usize::from(byte(value + 1)),
            _ => 0,
        };
        // An array of SIDs goes by what each says of itself.
        let mut sids = value;
        while kind == 0x93 && sids < next {
            sids += 8 + 4 * usize::from(byte(sids + 1));
        }
        let open = sids > next
            || kind == 0x81 && size > 0 && (size % 2 == 1 || u16_at(chunk, next - 2) != 0);
        if size < natural || open {
            return true;
        }
        if kind == 0x21 && has_small_value(chunk, value, next, depth + 1) {
            return true;
        }
        value = next;
    }
    false
}
