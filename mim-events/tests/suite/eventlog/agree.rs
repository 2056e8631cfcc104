//! Both lanes, and the `evtx` crate, give the same event for every record that
//! is not damaged.

use std::io::Cursor;

use chrono::DateTime;
use mim_events::eventlog::{LogReader, LogWriter, OwnedLogEvent};
use mim_events::text::Utf16;
use proptest::prelude::*;

use super::claims::{How, read};
use super::fixture::*;
use super::kinds::*;
use super::oracle::{own, rows};

/// A log of the events, as [`LogWriter`] writes it.
pub(crate) fn written<'a>(events: impl IntoIterator<Item = &'a OwnedLogEvent>) -> Vec<u8> {
    let mut writer = LogWriter::new(Cursor::new(Vec::new())).unwrap();
    for event in events {
        writer.write(&event.as_event()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Events of every kind that the writer takes: classic and with names, with and
/// without a user, qualifiers, times and bytes, several templates to a chunk.
pub(crate) fn any_event() -> impl Strategy<Value = OwnedLogEvent> {
    let units = prop_oneof![
        8 => prop::collection::vec(prop_oneof![4 => 32_u16..127, 1 => 1_u16..], 0..60),
        1 => prop::collection::vec(Just(u16::from(b'm')), 0..9_000),
    ];
    let head = (
        prop::sample::select(vec!["P", "Provider <&\"'>", "Проба", "\u{1F600}", ""]),
        any::<u16>(),
        "[a-d]{0,1}",
        prop::option::of(any::<u16>()),
        any::<u8>(),
        prop::option::of(prop::sample::select(vec![
            "S-1-5-18",
            "S-1-5-21-1-2-4294967295-500",
        ])),
    );
    // Up to the year 9986: the `evtx` crate reads no record of the year 10000.
    let times = (0..253_000_000_000_i64, 0..10_000_000_u32, -9_000_i64..9_000);
    let data = prop::collection::vec((prop::option::of("[a-zäß<&]{1,6}"), units), 0..6);
    let binary = prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
    let record = prop_oneof![3 => Just(0), 1 => any::<u64>()];
    (head, times, data, binary, record).prop_map(|(head, times, data, binary, record)| {
        let (provider, id, computer, qualifiers, level, user) = head;
        let (seconds, ticks, later) = times;
        let time = |seconds| DateTime::from_timestamp(seconds, ticks * 100).unwrap();
        let mut event = OwnedLogEvent::new(provider, u32::from(id))
            .channel("A channel")
            .computer(computer)
            .qualifiers(qualifiers)
            .level(level)
            .record_id(record)
            .created(time(seconds))
            .written(time(seconds.saturating_add(later).max(0)));
        if let Some(user) = user {
            event = event.user(user);
        }
        for (name, units) in data {
            event = match name {
                Some(name) => event.named_data(name, String::from_utf16_lossy(&units)),
                None => {
                    let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                    event.data_utf16(Utf16::from_le_bytes(&bytes))
                }
            };
        }
        match binary {
            Some(bytes) => event.binary(bytes),
            None => event,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    #[test]
    fn on_written_files(events in prop::collection::vec(any_event(), 0..40)) {
        let log = written(&events);
        prop_assert_eq!(differences(&log), Kinds::new());
        let (wanted, unreadable) = rows(&log);
        prop_assert_eq!((wanted.len(), unreadable), (events.len(), 0));
        let mut reader = LogReader::from_slice(&log).unwrap();
        for wanted in wanted {
            prop_assert_eq!(own(&reader.next_event().unwrap().unwrap()), wanted);
        }
    }
}

/// Every shape of the format facts, by every lane.
#[test]
fn on_every_shape() {
    let mut contents = Vec::new();
    for (layout_b, header) in [(false, true), (false, false), (true, true), (true, false)] {
        for user in [Value::Null, typed(0x13, SID)] {
            for strings in [
                Value::Null,
                string("one"),
                strings(&[]),
                strings(&["{}"]),
                strings(&["one", "", "\u{1F600} <&>\"'\t"]),
            ] {
                for binary in [Value::Null, typed(0x0E, []), typed(0x0E, [0xE1, 7])] {
                    contents.push(
                        Classic {
                            layout_b,
                            header,
                            user: user.clone(),
                            strings: strings.clone(),
                            binary,
                            ..Classic::default()
                        }
                        .content(),
                    );
                }
            }
        }
    }
    let data = |name: &'static str, slot| element("Data").attribute("Name", text(name)).slot(slot);
    for (kind, size) in [
        (0x03, 1),
        (0x04, 1),
        (0x05, 2),
        (0x06, 2),
        (0x07, 4),
        (0x08, 4),
        (0x09, 8),
        (0x0A, 8),
        (0x0B, 4),
        (0x0C, 8),
        (0x0D, 4),
        (0x0F, 16),
        (0x10, 4),
        (0x10, 8),
        (0x11, 8),
        (0x12, 16),
        (0x14, 4),
        (0x15, 8),
    ] {
        let value = typed(kind, vec![1; size]);
        let payload = element("EventData")
            .child(data("a", 4).depends(4))
            .child(data("b", 5));
        contents.push(manifest(1, payload, vec![value, strings(&["x", "y"])]));
    }
    contents.push(forwarded(
        "77",
        element("EventData")
            .child(
                element("Data")
                    .node(Node::Entity("lt"))
                    .text("x")
                    .node(Node::Char(65)),
            )
            .child(element("Binary").text("00ff")),
    ));
    for contents in contents.chunks(60) {
        let mut chunk = Chunk::new(1);
        for content in contents {
            chunk.record(TIME, content);
        }
        let found = differences(&log(&[chunk.finish()]));
        assert!(found.keys().all(|&kind| kind == Kind::Shape), "{found:?}");
    }
}

/// Real logs, by hand: `MIM_SAMPLES=DIR cargo test --release -p mim-events
/// --test suite eventlog::agree -- --nocapture` reads every `.evtx` file in DIR
/// in every way, and lists how the lanes and the crates differ.
#[test]
fn on_real_logs() {
    let Some(folder) = std::env::var_os("MIM_SAMPLES") else {
        return;
    };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "evtx") {
            continue;
        }
        let log = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let summary = read(&log, How::default()).unwrap().summary;
        println!("{name}: {:?}; {summary}", differences(&log));
    }
}
