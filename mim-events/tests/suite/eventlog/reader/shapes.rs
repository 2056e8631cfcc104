//! Every shape of a record.

use super::*;

#[test]
fn classic_events_of_both_layouts() {
    let classic = Classic::default();
    let with = |change: &dyn Fn(&mut Classic)| {
        let mut event = classic.clone();
        change(&mut event);
        event.content()
    };
    let mut contents = Vec::new();
    for layout_b in [false, true] {
        for header in [true, false] {
            contents.extend([
                with(&|e| (e.layout_b, e.header) = (layout_b, header)),
                with(&|e| {
                    (e.layout_b, e.header) = (layout_b, header);
                    e.user = typed(0x13, SID);
                }),
                with(&|e| {
                    (e.layout_b, e.header) = (layout_b, header);
                    e.strings = strings(&["one", "", "three", "\u{1F600} <&>\"'\r\n\t"]);
                    e.binary = typed(0x0E, [0xE1, 0x07]);
                }),
                with(&|e| {
                    (e.layout_b, e.header) = (layout_b, header);
                    e.strings = Value::Null;
                }),
                with(&|e| {
                    (e.layout_b, e.header) = (layout_b, header);
                    e.strings = strings(&[]);
                }),
                with(&|e| {
                    (e.layout_b, e.header) = (layout_b, header);
                    e.strings = string("not an array");
                }),
                with(&|e| {
                    (e.layout_b, e.header) = (layout_b, header);
                    e.provider = "Other";
                }),
            ]);
        }
    }
    assert!(agrees(&contents).iter().all(|&lane| lane == Lane::Own));
}

#[test]
fn manifest_events_with_values_of_every_type() {
    let data = |name, slot| element("Data").attribute("Name", text(name)).slot(slot);
    let own: Vec<(u8, Vec<u8>)> = vec![
        (0x00, vec![]),
        (0x01, vec![]),
        (0x01, b"a\0\0\0b\0".to_vec()),
        (0x01, vec![0x3D, 0xD8, 0x41, 0, 0x01, 0, 0xFE, 0xFF]),
        (0x02, b"ansi\0".to_vec()),
        (0x03, vec![0x80]),
        (0x04, vec![200]),
        (0x05, vec![0xFF, 0xFF]),
        (0x06, vec![1, 2]),
        (0x07, vec![0xFF; 4]),
        (0x08, vec![0xFF; 4]),
        (0x09, vec![0xFF; 8]),
        (0x0A, vec![0xFF; 8]),
        (0x0D, vec![0; 4]),
        (0x0D, vec![1, 0, 0, 0]),
        (0x0D, vec![0xFE, 0xFF, 0xFF, 0xFF]),
        (0x0E, vec![]),
        (0x0E, vec![0, 0xAB]),
        (0x0F, (0..16).collect()),
        (0x10, vec![0x10, 0, 0, 0]),
        (0x10, vec![0, 0, 0, 0, 1, 0, 0, 0]),
        (0x11, TIME.to_le_bytes().to_vec()),
        (0x11, vec![0; 8]),
        (0x13, SID.to_vec()),
        (0x14, vec![0; 4]),
        (0x15, vec![0xFF; 8]),
        (0x21, vec![]),
        (0x81, b"x\0\0\0".to_vec()),
    ];
    let other: Vec<(u8, Vec<u8>)> = vec![
        (0x02, vec![0xE9]),
        (0x0B, 1.5_f32.to_le_bytes().to_vec()),
        (0x0C, 1e300_f64.to_le_bytes().to_vec()),
        (0x11, vec![0xFF; 8]),
        (
            0x12,
            [2019_u16, 12, 2, 17, 1, 2, 3, 4]
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect(),
        ),
        (0x88, vec![1, 0, 0, 0, 2, 0, 0, 0]),
        (0x8D, vec![1, 0, 0, 0]),
        (0x8F, vec![9; 32]),
    ];
    let contents = |values: &[(u8, Vec<u8>)]| -> Vec<_> {
        (1..)
            .zip(values)
            .map(|(record, (kind, bytes))| {
                let payload = element("EventData").child(data("a", 4)).child(data("b", 5));
                manifest(record, payload, vec![typed(*kind, bytes), string("after")])
            })
            .collect()
    };
    assert!(
        agrees(&contents(&own))
            .iter()
            .all(|&lane| lane == Lane::Own)
    );
    if cfg!(feature = "evtx") {
        assert!(
            agrees(&contents(&other))
                .iter()
                .all(|&lane| lane == Lane::Evtx)
        );
    }
}

#[test]
fn elements_and_attributes_that_a_null_leaves_out() {
    let payload = element("EventData")
        .attribute("Name", text("kept apart"))
        .child(
            element("Data")
                .depends(4)
                .attribute("Name", text("gone"))
                .slot(4),
        )
        .child(element("Data").attribute("Name", Node::Slot(4)).slot(5))
        .child(element("Data").attribute("Name", Node::Slot(5)).slot(4))
        .child(element("Data").attribute("Other", text("x")).slot(99))
        .child(element("Data").depends(99).text("stays"));
    let values = vec![Value::Null, string("five")];
    assert_eq!(agrees(&[manifest(1, payload, values)]), [Lane::Own]);
}

#[test]
fn values_in_pieces_and_references() {
    let payload = element("EventData")
        .child(element("Data").text("a").slot(4).text("b").slot(5).slot(4))
        .child(
            element("Data")
                .attribute("Name", text("n"))
                .text("x ")
                .node(Node::Entity("lt"))
                .node(Node::Entity("amp"))
                .node(Node::Entity("quot"))
                .node(Node::Entity("apos"))
                .node(Node::Entity("gt"))
                .node(Node::Char(65))
                .text(" y"),
        )
        .child(element("Data").node(Node::Literal(8, vec![7, 0, 0, 0])))
        .child(
            element("Data")
                .node(Node::Literal(0, vec![]))
                .text("after null"),
        );
    let values = vec![string("4"), typed(8, 5_u32.to_le_bytes())];
    let contents = [
        manifest(1, payload.clone(), values),
        forwarded(
            "77",
            element("EventData")
                .child(
                    element("Data")
                        .text("{")
                        .node(Node::Entity("quot"))
                        .text("}"),
                )
                .child(element("Data"))
                .child(element("Data").attribute("Name", text("only")).text("x")),
        ),
    ];
    assert_eq!(agrees(&contents), [Lane::Own; 2]);
}

#[test]
fn shapes_that_only_the_second_lane_reads() {
    if cfg!(not(feature = "evtx")) {
        return;
    }
    let one = |payload: Element| manifest(1, payload, vec![strings(&["a", "b"])]);
    let contents = [
        one(element("EventData").child(element("Data").node(Node::CData("<b> & ]")))),
        // Text besides an array is repeated with each of its strings.
        one(element("EventData").child(element("Data").text("x").slot(4))),
        one(element("EventData").child(element("Data").attribute("Name", Node::Slot(4)))),
    ];
    assert!(agrees(&contents).iter().all(|&lane| lane == Lane::Evtx));
}

#[test]
fn without_the_second_lane_such_a_record_is_an_error_of_its_own() {
    let payload = element("EventData").child(element("Data").node(Node::CData("x")));
    let mut chunk = chunk_of(1, 1);
    chunk.record(TIME, &manifest(2, payload, vec![]));
    chunk.record(TIME, &Classic::default().content());
    let found = read_by(&log(&[chunk.finish()]), Lane::Own);
    assert_eq!(found.rows.len(), 2);
    assert_eq!(found.errors[0].kind(), &ErrorKind::UnsupportedShape);
    assert_eq!(found.errors[0].record_id(), Some(2));
    assert_eq!(found.summary.records_unsupported, 1);
    assert_eq!(found.summary.records_damaged, 1);
}

#[test]
fn named_arrays_repeat_their_name() {
    let payload = element("EventData")
        .child(element("Data").attribute("Name", text("list")).slot(4))
        .child(element("Data").attribute("Name", text("last")).slot(5));
    let values = vec![strings(&["1", "2", "3"]), string("end")];
    let contents = [manifest(1, payload, values)];
    assert_eq!(agrees(&contents), [Lane::Own]);
}

#[test]
fn binary_is_given_and_other_content_is_counted() {
    let user_data = element("UserData").child(element("Data").text("not an EventData value"));
    let mut chunk = Chunk::new(1);
    chunk.record(TIME, &manifest(1, user_data, vec![]));
    let binary = Classic {
        binary: typed(0x0E, [1, 0xAB]),
        ..Classic::default()
    };
    chunk.record(TIME, &binary.content());
    chunk.record(
        TIME,
        &forwarded(
            "3",
            element("EventData")
                .child(element("Data").text("x"))
                .child(element("Binary").text("01aB")),
        ),
    );
    let log = log(&[chunk.finish()]);
    for lane in [Lane::Own, Lane::Evtx] {
        if lane == Lane::Evtx && cfg!(not(feature = "evtx")) {
            continue;
        }
        let found = read_by(&log, lane);
        let counts: Vec<_> = found.rows.iter().map(|row| row.data.len()).collect();
        assert_eq!(counts, [0, 1, 1]);
        assert_eq!(found.summary.events_with_other_content, 1, "{lane:?}");
        let mut reader = LogReader::from_slice(&log).unwrap().with_lane(lane);
        let binaries: Vec<_> = reader
            .events()
            .map(|event| event.unwrap().as_event().binary().map(<[u8]>::to_vec))
            .collect();
        let wanted = Some(vec![1, 0xAB]);
        assert_eq!(binaries, [None, wanted.clone(), wanted], "{lane:?}");
    }
}

#[test]
fn a_long_text_is_lent_as_it_is_in_the_file() {
    // The cut of a part may fall inside a surrogate pair.
    let mut wanted: Vec<u16> = "0123456789 ".encode_utf16().cycle().take(20_000).collect();
    wanted.extend([0x0003, 0xD83D]);
    let bytes: Vec<u8> = wanted.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let event = Classic {
        strings: Value::Typed(0x81, [&bytes[..], &[0, 0]].concat()),
        ..Classic::default()
    };
    let mut chunk = Chunk::new(1);
    chunk.record(TIME, &event.content());
    let log = log(&[chunk.finish()]);
    let mut reader = LogReader::from_slice(&log).unwrap();
    let event = reader.next_event().unwrap().unwrap();
    let value = event.data().next().unwrap().value;
    assert!(value.as_utf16().unwrap().as_le_bytes() == bytes);
    assert!(
        event
            .to_owned_event()
            .as_event()
            .data()
            .next()
            .unwrap()
            .value
            == value
    );
    assert_eq!(event.offset(), (FILE_HEADER + 512) as u64);
    assert_eq!(event.written(), mim_events::time::from_filetime(TIME));
}

#[test]
fn what_repeats_and_what_changes_from_event_to_event() {
    let mut chunk = Chunk::new(1);
    for (provider, user) in [
        ("A", Value::Null),
        ("A", typed(0x13, SID)),
        ("B", typed(0x13, SID)),
        ("B", string("S-1-5-18")),
        ("A", Value::Null),
    ] {
        let event = Classic {
            provider,
            user,
            ..Classic::default()
        };
        chunk.record(TIME, &event.content());
    }
    let log = log(&[chunk.finish()]);
    let found = read(&log);
    assert_eq!(found.rows, rows(&log).0);
    let users: Vec<_> = found.rows.iter().map(|row| row.user.as_deref()).collect();
    let sid = Some("S-1-5-32-544");
    assert_eq!(users, [None, sid, sid, Some("S-1-5-18"), None]);
}

/// The reader keeps templates from chunk to chunk. Those of these chunks have one
/// GUID and differ in one place each.
#[test]
fn a_template_of_another_chunk_is_the_same_only_if_all_it_says_is() {
    let data = |name, label: &str, slot, dependency| {
        let data = element(name).attribute("Name", text(label)).slot(slot);
        element("EventData")
            .child(data.depends(dependency))
            .child(element("Data").attribute("Name", text("last")).slot(5))
    };
    let base = || data("Data", "first", 4, 4);
    let others = [
        data("Data", "First", 4, 4),
        data("Data", "firs", 4, 4),
        data("Dato", "first", 4, 4),
        data("Data", "first", 5, 4),
        data("Data", "first", 4, 6),
        base().child(element("Data")),
    ];
    let values = vec![string("a"), string("b"), Value::Null];
    let contents: Vec<_> = others
        .into_iter()
        .flat_map(|other| [base(), other, base()])
        .map(|data| manifest(1, data, values.clone()))
        .collect();
    // Once each template comes first in its chunk, and once behind another, so that
    // its names lie elsewhere.
    let other = Classic::default().content();
    let chunks: Vec<_> = contents
        .iter()
        .flat_map(|content| [vec![content], vec![&other, content]])
        .zip((1..).step_by(2))
        .map(|(records, first)| {
            let mut chunk = Chunk::new(first);
            for content in records {
                chunk.record(TIME, content);
            }
            chunk.finish()
        })
        .collect();
    let log = log(&chunks);
    let found = read(&log);
    assert_eq!(found.errors.len(), 0);
    assert_eq!(found.rows.len(), 3 * contents.len());
    assert_eq!(found.rows, rows(&log).0);
}
