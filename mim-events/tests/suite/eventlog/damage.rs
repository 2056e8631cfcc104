//! Damage in every way: reading ends, what is lost is told or counted, and the
//! lanes, and the `evtx` crate, differ in known kinds only. All of that is in
//! [`differences`]; the tests here make the files.
//!
//! A debug build takes part of the places; `.ci/soak` takes all, in release.

use std::ops::Range;

use proptest::prelude::*;

use super::agree::{any_event, written};
use super::claims::{How, read};
use super::fixture::*;
use super::kinds::*;

/// Of so many places a debug build takes one.
const SOME: usize = if cfg!(debug_assertions) { 19 } else { 1 };
/// What is written over a size, a count or an offset.
const SIZES: [u32; 24] = [
    0,
    1,
    3,
    4,
    8,
    24,
    27,
    28,
    29,
    32,
    127,
    128,
    511,
    512,
    513,
    520,
    0x7FFF,
    0xFFF8,
    0xFFFF,
    0x1_0000,
    0x1_0001,
    0x7FFF_FFFF,
    0xFFFF_FFF8,
    u32::MAX,
];

/// One record of each shape: classic, manifest, one for the second lane, forwarded.
fn small_chunk(first: u64) -> Chunk {
    let mut chunk = Chunk::new(first);
    for record in first..first + 2 {
        let event = Classic {
            record,
            ..Classic::default()
        };
        chunk.record(TIME, &event.content());
    }
    let payload = element("EventData").child(element("Data").attribute("Name", text("n")).slot(4));
    let real = typed(0x0B, [0; 4]);
    chunk.record(TIME, &manifest(first + 2, payload.clone(), vec![real]));
    chunk.record(TIME, &manifest(first + 3, payload, vec![string("text")]));
    chunk.record(
        TIME,
        &forwarded("5", element("EventData").child(element("Data").text("x"))),
    );
    chunk
}

fn small() -> Vec<u8> {
    log(&[small_chunk(1).finish()])
}

/// Where the records of the file's first chunk are.
fn records(log: &[u8]) -> Range<usize> {
    FILE_HEADER + 512..FILE_HEADER + u32_at(log, FILE_HEADER + 48) as usize
}

/// Where each record begins, and where the last one ends.
fn frames(log: &[u8]) -> Vec<usize> {
    let records = records(log);
    let mut frames = vec![records.start];
    while frames.last() != Some(&records.end) {
        let at = frames[frames.len() - 1];
        frames.push(at + u32_at(log, at + 4) as usize);
    }
    frames
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Makes the first chunk's checksums right again.
fn reseal(log: &mut [u8]) {
    let chunk = &mut log[FILE_HEADER..FILE_HEADER + CHUNK];
    if (512..=CHUNK as u32).contains(&u32_at(chunk, 48)) {
        seal(chunk);
    }
}

/// Reads the log with a change in it, once as it is and once with its checksums
/// made right: strict reading then gets to it, too.
fn changed(original: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Kinds {
    let mut log = original.to_vec();
    change(&mut log);
    let kinds = differences(&log);
    let strict = How {
        strict: true,
        ..How::default()
    };
    read(&log, strict.clone());
    if log.len() >= FILE_HEADER + CHUNK {
        reseal(&mut log);
        read(&log, strict);
    }
    kinds
}

// --- every byte and bit ---

fn flip(places: impl Iterator<Item = usize>) -> Kinds {
    let mut log = small();
    let mut kinds = Kinds::new();
    for at in places {
        for bit in (at % SOME..8).step_by(SOME) {
            log[at] ^= 1 << bit;
            for (kind, count) in differences(&log) {
                *kinds.entry(kind).or_default() += count;
            }
            log[at] ^= 1 << bit;
        }
    }
    kinds
}

#[test]
fn every_bit_of_the_headers() {
    let kinds = flip((0..128).chain(FILE_HEADER..FILE_HEADER + 128));
    assert!(kinds.contains_key(&Kind::Version), "{kinds:?}");
}

#[test]
fn every_bit_of_the_tables() {
    let kinds = flip(FILE_HEADER + 128..FILE_HEADER + 512);
    let known = [Kind::Shape, Kind::ChunkRefused];
    assert!(kinds.keys().all(|kind| known.contains(kind)), "{kinds:?}");
}

#[test]
fn every_bit_of_the_records() {
    let records = records(&small());
    let kinds = flip(records.start..records.end + 16);
    // The `evtx` crate alone reads none.
    assert!(kinds.keys().all(|&kind| kind < Kind::Version), "{kinds:?}");
}

#[test]
fn cut_at_every_byte() {
    let log = small();
    let end = records(&log).end;
    for length in (0..end + 64)
        .step_by(SOME)
        .chain((end..log.len()).step_by(3001))
    {
        differences(&log[..length]);
    }
}

// --- wrong numbers in right places ---

#[test]
fn wrong_sizes_of_records() {
    let log = small();
    let frames = frames(&log);
    for (&at, &end) in frames.iter().zip(&frames[1..]) {
        let true_size = (end - at) as u32;
        let near = [-8_i32, -4, -1, 1, 4, 8, 16].map(|by| true_size.wrapping_add_signed(by));
        let next = frames.iter().map(|&other| (other.max(at) - at) as u32);
        for size in SIZES.into_iter().chain(near).chain(next) {
            changed(&log, |log| put(log, at + 4, size));
            changed(&log, |log| put(log, end - 4, size));
            // Both agree, so that the record is sound and hides what it covers.
            let copy = (at + size as usize).saturating_sub(4);
            if size < CHUNK as u32 && copy + 4 <= log.len() {
                changed(&log, |log| {
                    put(log, at + 4, size);
                    put(log, copy, size);
                });
            }
        }
    }
}

#[test]
fn wrong_numbers_in_the_chunk_header() {
    let log = small();
    let ids = [0, 1, 2, 3, 5, 6, 7, u64::MAX - 1, u64::MAX];
    for (field, value) in [8, 16, 24, 32]
        .into_iter()
        .flat_map(|at| ids.map(|id| (at, id)))
    {
        let at = FILE_HEADER + field;
        changed(&log, |log| {
            log[at..at + 8].copy_from_slice(&value.to_le_bytes());
        });
    }
    let end = records(&log).end as u32 - FILE_HEADER as u32;
    let near = [
        end - 8,
        end - 1,
        end + 1,
        end + 8,
        end + 24,
        end + 28,
        end + 4096,
    ];
    for size in SIZES.into_iter().chain(near) {
        for field in [40, 44, 48, 120] {
            changed(&log, |log| put(log, FILE_HEADER + field, size));
        }
    }
}

/// Every four bytes of the first record's definition and of a later record's
/// content: among them are all sizes, counts, offsets and dependency ids.
#[test]
fn wrong_numbers_in_the_content() {
    let log = small();
    let frames = frames(&log);
    let places = (frames[0] + 24..frames[0] + 400).chain(frames[1] + 24..frames[2] - 4);
    for (index, at) in places.enumerate() {
        for size in SIZES.into_iter().skip(index % SOME).step_by(SOME) {
            changed(&log, |log| put(log, at, size));
        }
    }
}

#[test]
fn definitions_that_point_anywhere() {
    let log = small();
    let at = frames(&log)[1] + 24 + 4 + 6;
    let own = (at + 4 - FILE_HEADER) as u32;
    let first = u32_at(&log, at);
    let near = (first.saturating_sub(40)..first + 40).chain(own - 40..own + 40);
    let far = (0..CHUNK as u32 + 64).step_by(if SOME > 1 { 257 } else { 3 });
    for offset in near.chain(far).chain([u32::MAX - 24, u32::MAX]) {
        changed(&log, |log| put(log, at, offset));
    }
}

#[test]
fn names_that_point_anywhere() {
    let log = small();
    // The name of the second manifest record's definition: `Event`, a reference.
    let definition = frames(&log)[2] + 24 + 4 + 10 + 24 + 4;
    let at = definition + 3 + 4;
    assert_eq!(log[definition], 0x01, "an element");
    let far = (0..CHUNK as u32 + 64).step_by(if SOME > 1 { 257 } else { 3 });
    for offset in far.chain([u32::MAX - 8, u32::MAX]) {
        changed(&log, |log| put(log, at, offset));
    }
}

/// The walker needs no chains; the `evtx` crate and `check` follow them.
#[test]
fn chains_of_names_that_are_loops() {
    let log = small();
    let records = records(&log);
    let base = FILE_HEADER;
    // Names are in place: four bytes after a reference to just there.
    let nodes: Vec<usize> = (records.start..records.end - 8)
        .filter(|&at| u32_at(&log, at) as usize + base == at + 4)
        .map(|at| at + 4)
        .collect();
    assert!(nodes.len() > 20, "{}", nodes.len());
    let offset = |node: usize| (node - base) as u32;
    for (index, &node) in nodes.iter().enumerate() {
        let next = nodes[(index + 1) % nodes.len()];
        for target in [
            offset(node),
            offset(next),
            offset(nodes[0]),
            1,
            65_530,
            u32::MAX,
        ] {
            changed(&log, |log| {
                put(log, base + 128 + index % 64 * 4, offset(node));
                put(log, node, target);
            });
            let _ = mim_events::eventlog::check(&log);
        }
    }
    // All names in one loop, and every bucket leads into it.
    let kinds = changed(&log, |log| {
        for (index, &node) in nodes.iter().enumerate() {
            put(log, node, offset(nodes[(index + 1) % nodes.len()]));
        }
        for bucket in 0..64 {
            put(
                log,
                base + 128 + bucket * 4,
                offset(nodes[bucket % nodes.len()]),
            );
        }
        for bucket in 0..32 {
            put(
                log,
                base + 384 + bucket * 4,
                offset(nodes[bucket % nodes.len()]),
            );
        }
    });
    assert_eq!(kinds.keys().collect::<Vec<_>>(), [&Kind::Shape]);
}

// --- depth and counts ---

fn one(content: &Content) -> Vec<u8> {
    let mut chunk = Chunk::new(1);
    chunk.record(TIME, content);
    chunk.record(TIME, &Classic::default().content());
    log(&[chunk.finish()])
}

#[test]
fn elements_in_elements() {
    for depth in [
        1, 2, 10, 61, 62, 63, 64, 65, 100, 509, 510, 511, 512, 513, 1000,
    ] {
        let mut nested = element("Data");
        for _ in 0..depth {
            nested = element("Data").child(nested);
        }
        let literal = forwarded("1", element("EventData").child(nested.clone()));
        let template = manifest(1, element("UserData").child(nested.clone()), vec![]);
        for content in [literal, template] {
            differences(&one(&content));
        }
    }
}

#[test]
fn fragments_in_fragments() {
    for depth in [1, 2, 15, 16, 17, 62, 63, 64, 65, 66, 200] {
        for header in [true, false] {
            let mut content = Content::Literal(element("Inner").text("x"));
            for _ in 0..depth {
                let inner = Value::Fragment(header, Box::new(content));
                content = Content::Instance(element("Outer").slot(0), vec![inner]);
            }
            let payload = element("UserData").slot(4);
            let inner = Value::Fragment(header, Box::new(content));
            differences(&one(&manifest(1, payload, vec![inner])));
        }
    }
}

#[test]
fn more_values_than_places_and_more_places_than_values() {
    for count in [0, 1, 2, 3, 300, 4095, 4096, 4097, 8000] {
        let values = vec![Value::Null; count];
        let payload = element("EventData").child(element("Data").slot(count as u16).slot(9999));
        differences(&one(&manifest(1, payload, values)));
    }
    for places in [1, 100, 1000, 4000] {
        let mut data = element("Data");
        for _ in 0..places {
            data = data.slot(4);
        }
        let payload = element("EventData").child(data);
        differences(&one(&manifest(1, payload, vec![string("ab")])));
    }
}

/// Found by the fuzz target `mutation`: the `evtx` crate reads a SID beyond its
/// value, and is late for all values after it.
#[test]
fn a_list_of_sids_that_is_too_small() {
    let payload = element("EventData").child(element("Data").slot(5));
    let values = vec![typed(0x93, [0; 4]), string("after")];
    let kinds = differences(&one(&manifest(1, payload, values)));
    assert_eq!(kinds.keys().collect::<Vec<_>>(), [&Kind::SizeOfValue]);
}

// --- whole chunks ---

/// A log of six chunks with 5 records each.
fn chunks() -> Vec<Vec<u8>> {
    (0..6).map(|n| small_chunk(1 + n * 5).finish()).collect()
}

#[derive(Clone, Debug)]
enum Place {
    Chunk(usize),
    Zeros,
    Garbage(u8),
    /// Only the signature is there.
    Blank,
}

fn places() -> impl Strategy<Value = Vec<Place>> {
    let place = prop_oneof![
        8 => (0_usize..6).prop_map(Place::Chunk),
        1 => Just(Place::Zeros),
        1 => any::<u8>().prop_map(Place::Garbage),
        1 => Just(Place::Blank),
    ];
    prop::collection::vec(place, 0..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    /// Chunks that are missing, twice, in another order, and no chunks between
    /// them: what each chunk holds is read as often as it is there.
    #[test]
    fn chunks_of_every_order(places in places(), cut in 0_usize..CHUNK, dirty in any::<bool>()) {
        let chunks = chunks();
        let parts: Vec<Vec<u8>> = places
            .iter()
            .map(|place| match *place {
                Place::Chunk(number) => chunks[number].clone(),
                Place::Zeros => vec![0; CHUNK],
                Place::Garbage(byte) => vec![byte | 1; CHUNK],
                Place::Blank => {
                    let mut chunk = vec![0; CHUNK];
                    chunk[..8].copy_from_slice(b"ElfChnk\0");
                    chunk
                }
            })
            .collect();
        let mut log = log_with_flags(&parts, u32::from(dirty));
        differences(&log);
        let found = read(&log, How::default()).unwrap();
        let whole = places.iter().filter(|place| matches!(place, Place::Chunk(_))).count();
        prop_assert_eq!(found.events.len(), whole * 5);
        // From the chunk with the lowest number on.
        let first = places.iter().filter_map(|place| match place {
            Place::Chunk(number) => Some(*number as u64 * 5 + 1),
            _ => None,
        }).min();
        let blank = places.iter().any(|place| matches!(place, Place::Blank));
        if !blank {
            let found = found.events.first().map(|event| event.as_event().header_id());
            prop_assert_eq!(found, first);
        }
        log.truncate(log.len() - cut.min(log.len() - FILE_HEADER));
        differences(&log);
    }

    /// Patches anywhere in the used part of a written log, also with checksums
    /// made right.
    #[test]
    fn patches_of_written_logs(
        events in prop::collection::vec(any_event(), 1..12),
        patches in prop::collection::vec((any::<prop::sample::Index>(), patch()), 1..4),
    ) {
        let mut log = written(&events);
        let end = records(&log).end - FILE_HEADER;
        for (at, bytes) in &patches {
            let at = FILE_HEADER + at.index(end);
            let to = (at + bytes.len()).min(log.len());
            log[at..to].copy_from_slice(&bytes[..to - at]);
        }
        differences(&log);
        reseal(&mut log);
        let strict = How { strict: true, ..How::default() };
        read(&log, strict);
    }
}

/// Bytes that are often more than noise.
fn patch() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 1..12),
        (1_usize..200).prop_map(|count| vec![0; count]),
        (1_usize..60).prop_map(|count| vec![0xFF; count]),
        prop::sample::select(SIZES.to_vec()).prop_map(|size| size.to_le_bytes().to_vec()),
        (500_u32..3000).prop_map(|offset| offset.to_le_bytes().to_vec()),
        prop::sample::select(vec![
            b"**\0\0".to_vec(),
            b"ElfChnk\0".to_vec(),
            vec![0x0F, 1, 1, 0],
            vec![0x0C, 1],
            vec![0x81],
            vec![0x21],
        ]),
    ]
}
