//! `LogReader`: every shape against the `evtx` crate, damage, filters, order.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use mim_events::eventlog::{Lane, LogFilter, LogReader, MIM_PROVIDER, ReadSummary};
use mim_events::{Error, ErrorKind};
use proptest::prelude::*;

use super::fixture::*;
use super::oracle::{Row, own, rows};

struct Run {
    rows: Vec<Row>,
    lanes: Vec<Lane>,
    errors: Vec<Error>,
    summary: ReadSummary,
}

fn run<R: Read + Seek>(mut reader: LogReader<R>) -> Run {
    let (mut rows, mut lanes, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    let mut position = reader.position();
    while let Some(event) = reader.next_event() {
        match event {
            Ok(event) => {
                rows.push(own(&event));
                lanes.push(event.lane());
            }
            Err(error) => errors.push(error),
        }
        assert!(reader.position() >= position, "progress goes forward");
        position = reader.position();
    }
    assert!(reader.next_event().is_none(), "the end is the end");
    let summary = reader.summary();
    assert_eq!(summary.events(), rows.len() as u64);
    Run {
        rows,
        lanes,
        errors,
        summary,
    }
}

fn read(log: &[u8]) -> Run {
    run(LogReader::from_slice(log).unwrap())
}

fn read_by(log: &[u8], lane: Lane) -> Run {
    run(LogReader::from_slice(log).unwrap().with_lane(lane))
}

fn records(count: u64) -> Vec<u8> {
    log(&[chunk_of(1, count).finish()])
}

fn chunk_of(first: u64, count: u64) -> Chunk {
    let mut chunk = Chunk::new(first);
    for record in first..first + count {
        let event = Classic {
            record,
            ..Classic::default()
        };
        chunk.record(TIME + record, &event.content());
    }
    chunk
}

/// A log of all these records is read as the `evtx` crate reads it, by
/// whichever lane; returns the lanes that the records took by themselves.
#[track_caller]
fn agrees(contents: &[Content]) -> Vec<Lane> {
    let mut chunk = Chunk::new(1);
    for content in contents {
        chunk.record(TIME, content);
    }
    let log = log(&[chunk.finish()]);
    let (wanted, unreadable) = rows(&log);
    assert_eq!((wanted.len(), unreadable), (contents.len(), 0));
    let found = read(&log);
    assert!(found.errors.is_empty(), "{:?}", found.errors);
    assert_eq!(found.summary.checksum_mismatches, 0);
    assert_eq!(found.rows, wanted);
    if cfg!(feature = "evtx") {
        assert_eq!(read_by(&log, Lane::Evtx).rows, wanted);
    }
    super::writer::copy::copies_alike(&log);
    found.lanes
}

// --- shapes ---

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

// --- filters ---

#[test]
fn a_filter_counts_what_it_leaves_out() {
    let mut chunk = chunk_of(10, 6);
    let other = Classic {
        id: 7,
        record: 16,
        ..Classic::default()
    };
    chunk.record(TIME, &other.content());
    chunk.record(TIME, &forwarded("17", element("EventData")));
    let log = log(&[chunk.finish()]);
    let at = |ticks| mim_events::time::from_filetime(ticks).unwrap();
    for lane in [None, Some(Lane::Own), Some(Lane::Evtx)] {
        if lane == Some(Lane::Evtx) && cfg!(not(feature = "evtx")) {
            continue;
        }
        let filtered = |filter: LogFilter| {
            let reader = LogReader::from_slice(&log).unwrap().with_filter(filter);
            let run = run(match lane {
                Some(lane) => reader.with_lane(lane),
                None => reader,
            });
            assert_eq!(run.summary.events() + run.summary.filtered.total(), 8);
            let ids: Vec<_> = run.rows.iter().map(|row| row.record).collect();
            (ids, run.summary.filtered)
        };
        let (ids, counts) = filtered(LogFilter::requests());
        assert_eq!(ids, [10, 11, 12, 13, 14, 15]);
        assert_eq!((counts.event_id, counts.provider), (1, 1));
        let (ids, counts) = filtered(LogFilter::all().provider("forwarded & sons"));
        assert_eq!((ids, counts.provider), (vec![17], 7));
        let (ids, counts) = filtered(LogFilter::all().channel("FORWARDEDEVENTS"));
        assert_eq!((ids, counts.channel), (vec![17], 7));
        let (ids, counts) = filtered(LogFilter::all().after_record(13).event_ids([4121]));
        assert_eq!(ids, [14, 15, 17]);
        assert_eq!((counts.record_id, counts.event_id), (4, 1));
        let (ids, counts) = filtered(LogFilter::all().created(at(TIME)..at(TIME + 1)));
        assert_eq!((ids.len(), counts.created), (7, 1));
        let (ids, counts) = filtered(LogFilter::all().created(at(TIME + 1)..));
        assert_eq!((ids, counts.created), (vec![17], 7));
        let (ids, counts) = filtered(LogFilter::all().written(at(TIME + 12)..at(TIME + 14)));
        assert_eq!((ids, counts.written), (vec![12, 13], 6));
    }
}

#[test]
fn a_filter_tests_the_event_record_id_and_not_the_header() {
    let mut chunk = Chunk::new(1);
    let exported = Classic {
        record: 5000,
        ..Classic::default()
    };
    chunk.record(TIME, &exported.content());
    let log = log(&[chunk.finish()]);
    let mut reader = LogReader::from_slice(&log)
        .unwrap()
        .with_filter(LogFilter::all().record_ids(5000..5001));
    let event = reader.next_event().unwrap().unwrap();
    assert_eq!((event.record_id(), event.header_id()), (5000, 1));
    assert_eq!(event.provider(), MIM_PROVIDER);
}

// --- the file as a whole ---

#[test]
fn what_is_no_log_is_refused_for_good() {
    for bytes in [&b""[..], b"ElfFile", &[0; 5000], &records(1)[..4095]] {
        let error = LogReader::from_slice(bytes).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::FileHeader { .. }),
            "{error}"
        );
        assert!(!error.is_recoverable());
    }
    let missing = LogReader::open("/no/such/file.evtx").unwrap_err();
    assert_eq!(missing.kind(), &ErrorKind::Io);
    assert!(missing.to_string().contains("/no/such/file.evtx"));
}

#[test]
fn a_file_is_named_in_its_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.evtx");
    let mut bytes = records(2);
    bytes[FILE_HEADER + 512] = 0;
    std::fs::write(&path, &bytes).unwrap();
    let mut reader = LogReader::open(&path).unwrap();
    let error = reader.next_event().unwrap().unwrap_err();
    assert_eq!(error.file(), Some(path.as_path()));
    assert_eq!(error.chunk(), Some(0));
    assert_eq!(error.offset(), Some((FILE_HEADER + 512) as u64));
    assert_eq!(reader.events().filter(Result::is_ok).count(), 1);
    assert_eq!(reader.len(), bytes.len() as u64);
    assert_eq!(reader.position(), reader.len());
}

#[test]
fn an_empty_log_has_no_events() {
    let empty = read(&log(&[]));
    assert_eq!((empty.rows.len(), empty.errors.len()), (0, 0));
    let reserved = read(&log(&[vec![0; CHUNK], vec![0; CHUNK]]));
    assert_eq!((reserved.rows.len(), reserved.errors.len()), (0, 0));
    assert_eq!(reserved.summary.chunks_empty, 2);
}

#[test]
fn a_log_that_wrapped_around_is_read_oldest_first() {
    let chunks = [
        chunk_of(7, 2).finish(),
        chunk_of(9, 1).finish(),
        chunk_of(1, 3).finish(),
        chunk_of(4, 3).finish(),
        vec![0; CHUNK],
    ];
    let log = log(&chunks);
    let found = read(&log);
    let ids: Vec<_> = found.rows.iter().map(|row| row.record).collect();
    assert_eq!(ids, (1..=9).collect::<Vec<_>>());
    assert_eq!(found.rows, rows(&log).0);
    assert_eq!((found.summary.chunks, found.summary.chunks_empty), (4, 1));
}

#[test]
fn the_chunk_count_of_the_header_is_not_believed() {
    let mut log = log(&[chunk_of(1, 2).finish(), chunk_of(3, 2).finish()]);
    log[42] = 1;
    let found = read(&log);
    assert_eq!(found.rows.len(), 4);
    // The field is under the file header's checksum.
    assert_eq!(found.summary.checksum_mismatches, 1);
}

#[test]
fn a_chunk_without_its_signature_is_one_error() {
    let mut bad = chunk_of(3, 2).finish();
    bad[0] = b'X';
    let found = read(&log(&[
        chunk_of(1, 2).finish(),
        bad,
        chunk_of(5, 2).finish(),
    ]));
    assert_eq!(found.rows.len(), 4);
    assert!(matches!(found.errors[0].kind(), ErrorKind::Chunk { .. }));
    assert_eq!(found.errors[0].chunk(), Some(1));
    assert_eq!(found.summary.chunks_damaged, 1);
    assert_eq!(found.summary.bytes_skipped, CHUNK as u64);
    assert!(found.summary.has_losses());
}

#[test]
fn a_wrong_checksum_is_counted_or_with_strict_an_error() {
    let mut stale = chunk_of(3, 2).finish();
    stale[52] ^= 1;
    let clean = [chunk_of(1, 2).finish(), chunk_of(5, 2).finish()];
    let log = log(&[clean[0].clone(), stale, clean[1].clone()]);
    let found = read(&log);
    assert_eq!((found.rows.len(), found.errors.len()), (6, 0));
    // The sum of the records is under the sum of the header.
    assert_eq!(found.summary.checksum_mismatches, 2);
    assert!(!found.summary.has_losses());
    let strict = run(LogReader::from_slice(&log).unwrap().strict(true));
    assert_eq!((strict.rows.len(), strict.errors.len()), (4, 1));
    assert!(strict.errors[0].is_recoverable());
    assert_eq!(strict.summary.chunks_damaged, 1);
}

#[test]
fn a_log_may_keep_no_checksums() {
    let mut chunk = chunk_of(1, 2).finish();
    chunk[120] |= 4;
    chunk[52..56].fill(0);
    chunk[124..128].fill(0);
    let mut log = log_with_flags(&[chunk], 4);
    log[124..128].fill(0);
    let found = run(LogReader::from_slice(&log).unwrap().strict(true));
    assert_eq!((found.rows.len(), found.errors.len()), (2, 0));
    assert_eq!(found.summary.checksum_mismatches, 0);
}

// --- damage inside a chunk ---

/// Where each record begins, in the file.
fn offsets(log: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut reader = LogReader::from_slice(log).unwrap();
    while let Some(event) = reader.next_event() {
        found.push(event.unwrap().offset() as usize);
    }
    found
}

#[test]
fn a_damaged_record_is_one_error_and_reading_goes_on() {
    let log = records(5);
    let at = offsets(&log)[2];
    let size_at = offsets(&log)[3] - 4;
    for (change, what) in [
        (at, "signature"),
        (at + 4, "size"),
        (at + 5, "size"),
        (at + 7, "size"),
        (at + 24 + 4, "content"),
    ] {
        let mut log = log.clone();
        log[change] ^= 0x15;
        let found = read(&log);
        let ids: Vec<_> = found.rows.iter().map(|row| row.record).collect();
        let damaged = found.summary.records_damaged + found.summary.events_incomplete;
        assert!(
            damaged == 1 || what == "content",
            "{what}: {}",
            found.summary
        );
        for id in [1, 2, 4, 5] {
            assert!(ids.contains(&id), "{what}: {ids:?}");
        }
        if let Some(error) = found.errors.first() {
            assert_eq!(error.chunk(), Some(0));
            assert_eq!(error.offset(), Some(at as u64));
            assert_eq!(error.record_id(), Some(3));
        }
    }
    // The end of a record is lost: what is left is given, and then the error.
    let mut log = log;
    log[size_at] ^= 0x40;
    let mut reader = LogReader::from_slice(&log).unwrap();
    let mut shown = String::new();
    while let Some(event) = reader.next_event() {
        shown.push_str(&match event {
            Ok(event) => format!("{} ", event.record_id()),
            Err(error) => format!("error at {:?} ", error.record_id().unwrap()),
        });
    }
    assert_eq!(shown, "1 2 3 error at 3 4 5 ");
    assert_eq!(reader.summary().events_incomplete, 1);
    let strict = run(LogReader::from_slice(&log).unwrap().strict(true));
    assert_eq!(strict.rows.len(), 0, "the checksum is wrong too");
}

#[test]
fn records_that_were_zeroed_are_counted_by_their_numbers() {
    let mut log = records(9);
    let at = offsets(&log);
    log[at[3]..at[6]].fill(0);
    let found = read(&log);
    let ids: Vec<_> = found.rows.iter().map(|row| row.record).collect();
    assert_eq!(ids, [1, 2, 3, 7, 8, 9]);
    assert_eq!(found.errors.len(), 1);
    assert_eq!(found.errors[0].record_id(), Some(4));
    assert_eq!(found.summary.records_damaged, 3);
    assert_eq!(found.summary.bytes_skipped, (at[6] - at[3]) as u64);
}

#[test]
fn stale_records_past_the_last_one_are_not_read() {
    // The chunk's pass before left records behind, which the free space covers.
    let mut fresh = chunk_of(101, 2).finish();
    let old = chunk_of(1, 6).finish();
    let free = u32::from_le_bytes(fresh[48..52].try_into().unwrap()) as usize;
    fresh[free..free + 1000].copy_from_slice(&old[free..free + 1000]);
    let found = read(&log_with_flags(&[fresh.clone()], 1));
    assert_eq!((found.rows.len(), found.errors.len()), (2, 0));
    // The header may say too much.
    fresh[48..52].copy_from_slice(&(free as u32 + 1000).to_le_bytes());
    seal(&mut fresh);
    let found = read(&log(&[fresh]));
    assert_eq!((found.rows.len(), found.errors.len()), (2, 0));
    assert_eq!(found.summary.bytes_skipped, 1000);
}

#[test]
fn a_log_that_is_written_to_is_read_to_its_last_whole_record() {
    // The newest chunk's header tells of two records, and four are there.
    let mut ahead = chunk_of(3, 4).finish();
    let behind = chunk_of(3, 2).finish();
    ahead[..512].copy_from_slice(&behind[..512]);
    let chunks = [chunk_of(1, 2).finish(), ahead];
    let ids = |log: &[u8]| {
        read(log)
            .rows
            .iter()
            .map(|row| row.record)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&log_with_flags(&chunks, 1)), [1, 2, 3, 4, 5, 6]);
    // A log that was closed is what its headers say.
    assert_eq!(ids(&log(&chunks)), [1, 2, 3, 4]);
    // Only the newest chunk can be ahead.
    let swapped = [chunks[1].clone(), chunk_of(7, 1).finish()];
    assert_eq!(ids(&log_with_flags(&swapped, 1)), [3, 4, 7]);
}

#[test]
fn a_file_that_was_cut_is_read_as_far_as_it_goes() {
    let log = records(4);
    let at = offsets(&log);
    let end = at[3] + (at[3] - at[2]);
    for length in 0..log.len() {
        // The rest of the chunk is all the same.
        if length > end + 64 && length % 4099 != 0 {
            continue;
        }
        let cut = &log[..length];
        let Ok(reader) = LogReader::from_slice(cut) else {
            assert!(length < FILE_HEADER);
            continue;
        };
        let found = run(reader);
        let whole = at
            .iter()
            .skip(1)
            .chain([&end])
            .filter(|&&end| end <= length);
        assert_eq!(found.rows.len(), whole.count(), "cut at {length}");
        let damaged = found.summary.records_damaged;
        if length >= FILE_HEADER + 512 {
            assert_eq!(found.rows.len() as u64 + damaged, 4, "cut at {length}");
            assert_eq!(found.summary.chunks_truncated, u64::from(length < end));
            assert_eq!(found.errors.len(), usize::from(length < end));
        } else if length > FILE_HEADER {
            assert_eq!(found.errors.len(), 1, "cut at {length}");
        }
        assert!(found.errors.iter().all(Error::is_recoverable));
    }
}

#[test]
fn any_flipped_byte_costs_one_record_at_most() {
    let mut chunk = Chunk::new(1);
    for record in 1..=2 {
        let event = Classic {
            record,
            ..Classic::default()
        };
        chunk.record(TIME, &event.content());
    }
    let payload = element("EventData").child(element("Data").slot(4));
    chunk.record(TIME, &manifest(3, payload, vec![typed(0x0B, [0; 4])]));
    chunk.record(
        TIME,
        &forwarded("4", element("EventData").child(element("Data").text("x"))),
    );
    let log = log(&[chunk.finish()]);
    let total = read(&log).rows.len() as u64;
    assert!(total == 4 || cfg!(not(feature = "evtx")));
    let records = FILE_HEADER + 512..FILE_HEADER + chunk.bytes.len();
    for at in (0..FILE_HEADER + 512).step_by(3).chain(records.clone()) {
        for mask in [0xFF, 1 << (at % 8)] {
            let mut log = log.clone();
            log[at] ^= mask;
            let Ok(reader) = LogReader::from_slice(&log) else {
                assert!(at < 8 || (36..40).contains(&at), "flipped {at}");
                continue;
            };
            let found = run(reader);
            let summary = found.summary;
            if records.contains(&at) {
                // Names and templates of the first record are the others' too.
                let seen = summary.events() + summary.records_damaged;
                assert_eq!(seen, 4, "flipped {at} by {mask}: {summary}");
                assert_eq!(summary.checksum_mismatches, 1);
            }
            assert!(found.errors.iter().all(Error::is_recoverable));
        }
    }
}

#[test]
fn what_can_not_be_read_from_the_disk_ends_the_reading() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.position() >= (FILE_HEADER + CHUNK + 512) as u64 {
                return Err(io::Error::other("bad sector"));
            }
            let half = (buffer.len() / 2).max(1);
            self.0.read(&mut buffer[..half])
        }
    }
    impl Seek for Failing {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }
    let log = log(&[chunk_of(1, 2).finish(), chunk_of(3, 2).finish()]);
    let mut reader = LogReader::new(Failing(Cursor::new(log))).unwrap();
    assert!(reader.next_event().unwrap().is_ok());
    assert!(reader.next_event().unwrap().is_ok());
    let error = reader.next_event().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.chunk()), (&ErrorKind::Io, Some(1)));
    assert!(!error.is_recoverable());
    assert!(reader.next_event().is_none());
    assert_eq!(reader.summary().events(), 2);
}

#[test]
fn debug_and_errors_show_no_values() {
    let secret = Classic {
        strings: strings(&["secret"]),
        ..Classic::default()
    };
    let mut chunk = Chunk::new(1);
    chunk.record(TIME, &secret.content());
    chunk.raw(
        &"secret"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>(),
    );
    let log = log(&[chunk.finish()]);
    let mut reader = LogReader::from_slice(&log).unwrap();
    let mut shown = String::new();
    while let Some(event) = reader.next_event() {
        shown += &format!("{event:?}");
    }
    shown += &format!("{reader:?} {}", reader.summary());
    assert!(shown.contains("record 2"), "{shown}");
    assert!(
        !shown.contains("secret") && !shown.contains("115, 0, 101"),
        "{shown}"
    );
}

// --- hostile input ---

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
