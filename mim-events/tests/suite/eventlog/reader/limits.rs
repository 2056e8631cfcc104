//! Input that asks for too much.

use super::*;

#[test]
fn templates_that_multiply_are_stopped() {
    // Each level of fragments stands twice in the one above.
    let twice = element("EventData").slot(0).slot(0);
    let mut content = Content::Literal(element("Data"));
    for _ in 0..30 {
        content = Content::Instance(twice.clone(), vec![content.fragment()]);
    }
    let mut chunk = Chunk::new(1);
    chunk.record(TIME, &content);
    // A long value that stands a thousand times in one text.
    let mut data = element("Data");
    for _ in 0..1000 {
        data = data.slot(4);
    }
    let payload = element("EventData").child(data);
    chunk.record(
        TIME,
        &manifest(2, payload, vec![string(&"x".repeat(16_000))]),
    );
    let found = read_by(&log(&[chunk.finish()]), Lane::Own);
    assert_eq!(found.summary.records_damaged, 2);
    assert_eq!(found.summary.records_unsupported, 2);
}

#[test]
fn a_list_of_values_in_many_places_is_stopped() {
    // 3,000 places, each with the same list of 4,000 values.
    let nulls = vec![Value::Null; 4000];
    let list = Content::Instance(element("Data"), nulls).fragment();
    let mut event = element("Event");
    for _ in 0..3000 {
        event = event.slot(0);
    }
    let mut chunk = Chunk::new(1);
    chunk.record(TIME, &Content::Instance(event, vec![list]));
    let found = read_by(&log(&[chunk.finish()]), Lane::Own);
    assert_eq!(found.summary.records_unsupported, 1);
}

#[test]
#[cfg(feature = "evtx")]
fn the_second_lane_takes_half_a_mebibyte_of_a_chunk() {
    // Each record renders to 300 KB of XML.
    let mut data = element("Data");
    for _ in 0..150 {
        data = data.slot(4);
    }
    let payload = element("EventData").child(data);
    let mut chunk = Chunk::new(1);
    for _ in 0..8 {
        let value = string(&"x".repeat(2000));
        chunk.record(TIME, &manifest(2, payload.clone(), vec![value]));
    }
    let found = read_by(&log(&[chunk.finish()]), Lane::Evtx);
    let summary = found.summary;
    assert_eq!((summary.events_evtx, summary.records_damaged), (1, 7));
    assert_eq!(found.errors.len(), 7);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever a record holds, reading ends and each record is counted once.
    #[test]
    fn any_bytes_in_a_record(
        contents in prop::collection::vec(prop::collection::vec(token(), 0..60), 1..5),
    ) {
        let mut chunk = chunk_of(1, 1);
        for content in &contents {
            chunk.raw(&content.concat());
        }
        let log = log(&[chunk.finish()]);
        for lane in [Lane::Own, Lane::Program] {
            let found = read_by(&log, lane);
            let seen = found.summary.events() + found.summary.records_damaged;
            prop_assert_eq!(seen, contents.len() as u64 + 1);
        }
    }

    /// Whatever is written over a sound log, reading ends, with typed errors.
    #[test]
    fn any_bytes_over_a_log(
        patches in prop::collection::vec(
            (0_usize..6000, prop::collection::vec(any::<u8>(), 1..24)), 1..6),
        length in 4096_usize..75_000,
    ) {
        let mut log = records(4);
        for (at, bytes) in patches {
            log[at..at + bytes.len()].copy_from_slice(&bytes);
        }
        log.truncate(length);
        if let Ok(reader) = LogReader::from_slice(&log) {
            let found = run(reader);
            prop_assert!(found.rows.len() <= 200);
            prop_assert!(found.errors.iter().all(Error::is_recoverable));
        }
    }

    /// Strings come back unit for unit.
    #[test]
    fn any_strings(texts in prop::collection::vec(prop::collection::vec(1_u16.., 0..40), 1..8)) {
        let bytes: Vec<u8> = texts
            .iter()
            .flat_map(|text| text.iter().copied().chain([0]))
            .flat_map(u16::to_le_bytes)
            .collect();
        let event = Classic { strings: Value::Typed(0x81, bytes), ..Classic::default() };
        let mut chunk = Chunk::new(1);
        chunk.record(TIME, &event.content());
        let log = log(&[chunk.finish()]);
        let mut reader = LogReader::from_slice(&log).unwrap();
        let event = reader.next_event().unwrap().unwrap();
        let found: Vec<Vec<u16>> = event.data().map(|d| d.value.as_utf16().unwrap().units().collect()).collect();
        prop_assert_eq!(found, texts);
        prop_assert_eq!(&read(&log).rows, &rows(&log).0);
    }
}

/// Pieces of BinXML: often a token with what belongs to it, sometimes anything.
fn token() -> impl Strategy<Value = Vec<u8>> {
    let offset = prop_oneof![500_u32..3000, any::<u32>()];
    prop_oneof![
        any::<Vec<u8>>(),
        Just(vec![0x0F, 1, 1, 0]),
        prop::sample::select(vec![0_u8, 2, 3, 4]).prop_map(|token| vec![token]),
        (
            prop::sample::select(vec![0x01_u8, 0x41]),
            offset.clone(),
            any::<u32>()
        )
            .prop_map(|(token, name, size)| {
                let mut bytes = vec![token];
                bytes.extend(size.to_le_bytes());
                bytes.extend(name.to_le_bytes());
                if token == 0x41 {
                    bytes.extend(size.to_le_bytes());
                }
                bytes
            }),
        (
            prop::sample::select(vec![0x06_u8, 0x46, 0x09]),
            offset.clone()
        )
            .prop_map(|(token, name)| [&[token][..], &name.to_le_bytes()].concat()),
        (any::<u8>(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(kind, bytes)| {
            let mut value = vec![0x05, kind];
            if kind == 1 {
                value.extend((bytes.len() as u16 / 2).to_le_bytes());
            }
            value.extend(bytes);
            value
        }),
        (
            offset,
            0_u32..40,
            prop::collection::vec((0_u16..40, any::<u8>()), 0..30),
            prop::collection::vec(any::<u8>(), 0..200)
        )
            .prop_map(|(definition, count, descriptors, values)| {
                let mut bytes = vec![0x0C, 1, 0, 0, 0, 0];
                bytes.extend(definition.to_le_bytes());
                bytes.extend(count.to_le_bytes());
                for (size, kind) in descriptors {
                    bytes.extend(size.to_le_bytes());
                    bytes.extend([kind & 0xA1, 0]);
                }
                bytes.extend(values);
                bytes
            }),
    ]
}
