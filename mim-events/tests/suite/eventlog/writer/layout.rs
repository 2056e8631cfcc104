//! Logs of version 3.2, and events with a `Binary`, in both versions.

use mim_events::ErrorKind;
use mim_events::eventlog::{Lane, LogReader};

use super::*;

const LAYOUTS: [Layout; 2] = [Layout::V3_1, Layout::V3_2];

/// What both of our lanes and the `evtx` crate say of each event's `Binary`.
fn binaries(file: &[u8]) -> Vec<Option<Vec<u8>>> {
    let by_lane = |lane| {
        let mut reader = LogReader::from_slice(file).unwrap().with_lane(lane);
        let events: Vec<_> = reader.events().map(Result::unwrap).collect();
        assert!(!reader.summary().has_losses());
        assert_eq!(reader.summary().events_with_other_content, 0);
        events
    };
    let own = by_lane(Lane::Own);
    if cfg!(feature = "evtx") {
        for (own, evtx) in own.iter().zip(by_lane(Lane::Evtx)) {
            let (own, evtx) = (own.as_event(), evtx.as_event());
            assert_eq!(own.binary(), evtx.binary());
            assert!(own.data().eq(evtx.data()));
        }
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let found: Vec<_> = own
        .iter()
        .map(|event| event.as_event().binary().map(<[u8]>::to_vec))
        .collect();
    for (record, binary) in read(file).iter().zip(&found) {
        let wanted: Option<String> = binary.as_deref().map(hex);
        let rendered = &record["Event"]["EventData"]["Binary"];
        assert_eq!(
            rendered.as_str().unwrap_or_default(),
            wanted.unwrap_or_default()
        );
    }
    found
}

#[test]
fn a_binary_comes_back() {
    let bytes: Vec<u8> = (0..=255).collect();
    let events = [
        request().binary([1, 2, 0xFF]),
        request().binary([]),
        request().data("x"),
        request().data("x").binary(&bytes),
        request().data("x").binary([]),
        request().data("x").data("").binary([7]),
        request().named_data("N", "v").binary(&bytes),
        request().named_data("N", "v").binary([]),
        request().named_data("N", "v"),
        request().named_data("N", "v").data("w").binary([0]),
    ];
    let wanted: Vec<_> = events
        .iter()
        .map(|event| event.as_event().binary().map(<[u8]>::to_vec))
        .collect();
    for layout in LAYOUTS {
        let file = write_layout(layout, events.clone());
        assert_eq!(binaries(&file), wanted);
        assert_eq!(strings(&read(&file)[3]), ["x"]);
    }
}

#[test]
fn a_binary_takes_text_from_the_capacity() {
    for layout in LAYOUTS {
        let capacity = layout.text_capacity(MIM_PROVIDER, MIM_CHANNEL, COMPUTER, Some(SID));
        for size in [0, 1, 2, 7, 8, 1000, 40_001] {
            let event = |units: usize| {
                request()
                    .user(SID)
                    .data("é".repeat(units))
                    .binary(vec![9; size])
            };
            let units = capacity - size.div_ceil(2);
            let mut writer = LogWriter::new(Cursor::new(Vec::new()))
                .unwrap()
                .with_layout(layout);
            writer.write(&event(units).as_event()).unwrap();
            let error = writer.write(&event(units + 1).as_event()).unwrap_err();
            assert!(matches!(
                error.kind(),
                ErrorKind::RecordTooLarge {
                    needed: 65_024,
                    capacity: 65_016
                }
            ));
            let file = writer.finish().unwrap().into_inner();
            assert_eq!(binaries(&file), [Some(vec![9; size])]);
        }
    }
    for size in [65_536, 200_000] {
        let mut writer = LogWriter::new(Cursor::new(Vec::new())).unwrap();
        let event = request().binary(vec![0; size]);
        assert!(writer.write(&event.as_event()).is_err());
    }
}

#[test]
fn version_3_2_has_more_of_system() {
    let event = || request().user(SID).data("x");
    let file = write_layout(Layout::V3_2, [event(), event().named_data("N", "v")]);
    assert_eq!(file[36..40], [2, 0, 3, 0]);
    let records = read(&file);
    let system = &records[0]["Event"]["System"];
    assert_eq!(system["Version"], 0);
    assert_eq!(system["Opcode"], 0);
    assert_eq!(system["Level"], 4);
    assert_eq!(system["Correlation"], Value::Null);
    assert_eq!(system["Execution"]["#attributes"]["ProcessID"], 0);
    assert_eq!(system["Execution"]["#attributes"]["ThreadID"], 0);
    assert_eq!(system["Keywords"], "0x80000000000000");
    assert_eq!(system["Security"]["#attributes"]["UserID"], SID);
    let names: Vec<_> = system.as_object().unwrap().keys().cloned().collect();
    let order = "Provider EventID Version Level Task Opcode Keywords TimeCreated \
                 EventRecordID Correlation Execution Channel Computer Security";
    let mut wanted: Vec<_> = order.split_whitespace().collect();
    // The `evtx` crate's JSON keeps the order only where the feature of `serde_json` is on.
    if names[0] != "Provider" {
        wanted.sort_unstable();
    }
    assert_eq!(names, wanted);
    assert_eq!(strings(&records[0]), ["x"]);
}

#[test]
fn every_version_says_the_same() {
    let events = || {
        (0..300_usize).map(|n| {
            request()
                .computer(format!("c{}", n % 5))
                .data("x".repeat(n * 31 % 3000))
        })
    };
    let [old, new] = LAYOUTS.map(|layout| write_layout(layout, events()));
    let rows = |file: &[u8]| -> Vec<_> {
        let mut reader = LogReader::from_slice(file).unwrap();
        reader
            .events()
            .map(|event| {
                event
                    .unwrap()
                    .as_event()
                    .data()
                    .map(|d| d.value.to_string_lossy().len())
                    .sum::<usize>()
            })
            .collect()
    };
    assert_eq!(rows(&old), rows(&new));
    assert_eq!(read(&old).len(), read(&new).len());
}
