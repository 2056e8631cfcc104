//! Records and logs that are copied.

use mim_events::ErrorKind;
use mim_events::eventlog::{CopySummary, LogFilter, LogReader, check};
use proptest::prelude::*;

use super::super::fixture::{
    self, Chunk, Classic, Content, TIME, Value as Slot, element, forwarded, log, manifest, string,
    strings as array, text, typed,
};
use super::super::oracle::{Row, own, rows};
use super::*;

const BIG: usize = 65_536;

fn writer() -> LogWriter<Cursor<Vec<u8>>> {
    LogWriter::new(Cursor::new(Vec::new())).unwrap()
}

fn reader(file: &[u8]) -> LogReader<Cursor<&[u8]>> {
    LogReader::from_slice(file).unwrap()
}

/// Copies event by event; returns the file and the refusals.
fn copy(file: &[u8]) -> (Vec<u8>, Vec<mim_events::Error>) {
    let (mut reader, mut writer, mut refused) = (reader(file), writer(), Vec::new());
    while let Some(event) = reader.next_event() {
        let event = event.unwrap();
        match writer.copy_event(&event) {
            Ok(id) => assert_eq!(id, event.record_id()),
            Err(error) => refused.push(error),
        }
    }
    (writer.finish().unwrap().into_inner(), refused)
}

fn export(file: &[u8], filter: LogFilter) -> (Vec<u8>, CopySummary) {
    export_into(writer(), file, filter)
}

fn export_into(
    mut writer: LogWriter<Cursor<Vec<u8>>>,
    file: &[u8],
    filter: LogFilter,
) -> (Vec<u8>, CopySummary) {
    let mut reader = reader(file).with_filter(filter);
    let summary = writer.copy_log(&mut reader).unwrap();
    let file = writer.finish().unwrap().into_inner();
    (file, summary)
}

/// What our reader says of an event, with its `Binary` and when it was written.
type Said = (Row, Option<Vec<u8>>, Option<DateTime<Utc>>);

fn events(file: &[u8]) -> Vec<Said> {
    let mut reader = reader(file);
    let mut out = Vec::new();
    while let Some(event) = reader.next_event() {
        if let Ok(event) = event {
            out.push((
                own(&event),
                event.binary().map(<[u8]>::to_vec),
                event.written(),
            ));
        }
    }
    out
}

/// The copy is sound, numbered from 1, and both our reader and the `evtx` crate
/// read in it what they read in the original; a copy of it is the same.
#[track_caller]
fn same(original: &[u8], copied: &[u8]) {
    let report = check(copied);
    assert!(report.is_ok(), "{report}");
    assert_eq!(events(original), events(copied));
    assert_eq!(rows(original), rows(copied));
    let numbers: Vec<_> = reader(copied)
        .events()
        .map(|event| event.unwrap().as_event().header_id())
        .collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
    let (again, refused) = copy(copied);
    assert!(refused.is_empty() && again == copied);
}

/// Used by the reader's tests too: every shape they have is copied or refused by type.
#[track_caller]
pub(crate) fn copies_alike(file: &[u8]) {
    let (copied, refused) = copy(file);
    for error in &refused {
        assert!(matches!(error.kind(), ErrorKind::Event { .. }), "{error}");
    }
    let report = check(&copied);
    assert!(report.is_ok(), "{report}");
    let mut wanted = rows(file).0;
    let ids: Vec<_> = refused.iter().map(|error| error.offset()).collect();
    let mut reader = reader(file);
    let mut offsets = Vec::new();
    while let Some(Ok(event)) = reader.next_event() {
        offsets.push(Some(event.offset()));
    }
    let mut offset = offsets.iter();
    wanted.retain(|_| !ids.contains(offset.next().unwrap()));
    assert_eq!(rows(&copied).0, wanted);
}

fn one_chunk(contents: &[Content]) -> Vec<u8> {
    let mut chunk = Chunk::new(7);
    for (at, content) in contents.iter().enumerate() {
        chunk.record(TIME + at as u64, content);
    }
    log(&[chunk.finish()])
}

fn shapes() -> Vec<Content> {
    let data = |name, slot| element("Data").attribute("Name", text(name)).slot(slot);
    let nested = Content::Instance(
        element("Inner")
            .attribute("Key", fixture::Node::Slot(0))
            .slot(1),
        vec![string("k"), string("v \u{1F600}")],
    );
    let deep = Content::Instance(
        element("Outer").slot(0).slot(1),
        vec![
            nested.clone().fragment(),
            Slot::Fragment(false, Box::new(nested.clone())),
        ],
    );
    vec![
        Classic::default().content(),
        Classic {
            layout_b: true,
            strings: array(&["a", "", "c"]),
            binary: typed(0x0E, [1, 2, 3]),
            user: typed(0x13, fixture::SID),
            ..Classic::default()
        }
        .content(),
        Classic {
            header: false,
            provider: "Other",
            strings: string("no array"),
            ..Classic::default()
        }
        .content(),
        Classic {
            strings: Slot::Null,
            ..Classic::default()
        }
        .content(),
        manifest(
            3,
            element("EventData").child(data("A", 4)).child(data("B", 5)),
            vec![string("x"), typed(0x08, 7_u32.to_le_bytes())],
        ),
        manifest(
            4,
            element("UserData").child(element("Any").attribute("xmlns", text("urn:x")).slot(4)),
            vec![nested.clone().fragment()],
        ),
        manifest(5, element("UserData").slot(4), vec![deep.fragment()]),
        manifest(
            6,
            element("EventData").child(
                element("Data")
                    .node(fixture::Node::Entity("amp"))
                    .node(fixture::Node::Char(65))
                    .node(fixture::Node::CData("<raw>"))
                    .text("t"),
            ),
            vec![],
        ),
        manifest(
            7,
            element("EventData").child(data("F", 4)).child(data("T", 5)),
            vec![typed(0x0B, 1.5_f32.to_le_bytes()), typed(0x12, [9; 16])],
        ),
        forwarded("8", element("EventData").child(element("Data").text("far"))),
        Content::Instance(
            element("Event").child(
                element("System")
                    .child(element("EventID").text("9"))
                    .child(element("EventRecordID").text("9")),
            ),
            vec![
                Slot::Fragment(
                    true,
                    Box::new(Content::Literal(element("Unused").text("u"))),
                ),
                Slot::Typed(0x21, vec![]),
            ],
        ),
    ]
}

#[test]
fn every_shape_is_copied_as_it_is() {
    let file = one_chunk(&shapes());
    let (copied, refused) = copy(&file);
    assert!(refused.is_empty(), "{refused:?}");
    same(&file, &copied);
    // Each alone, so that each brings its own names and definitions.
    for shape in shapes() {
        let file = one_chunk(&[shape.clone(), shape]);
        let (copied, refused) = copy(&file);
        assert!(refused.is_empty(), "{refused:?}");
        same(&file, &copied);
    }
}

#[test]
fn header_numbers_count_on_and_everything_else_stays() {
    let file = one_chunk(&shapes());
    let mut writer = writer().with_first_record(100);
    let mut reader = reader(&file);
    while let Some(event) = reader.next_event() {
        writer.copy_event(&event.unwrap()).unwrap();
    }
    // An event of the program follows the copied ones, in the same chunk.
    let next = writer.write(&request().data("own").as_event()).unwrap();
    let copied = writer.finish().unwrap().into_inner();
    assert!(check(&copied).is_ok());
    assert_eq!(copied.len(), CHUNK + BIG);
    let found = events(&copied);
    assert_eq!(found[..found.len() - 1], events(&file));
    assert_eq!(found[found.len() - 1].0.record, next);
    let first = u64::from_le_bytes(copied[CHUNK + 24..CHUNK + 32].try_into().unwrap());
    assert_eq!(first, 100);
}

/// Two definitions with one GUID are two; one that is in every chunk is written once a chunk.
#[test]
fn definitions_are_told_apart_by_what_they_say() {
    let events: Vec<_> = (0..40)
        .map(|n| {
            manifest(
                n,
                element("EventData").child(element("Data").slot(4)),
                vec![string("x")],
            )
        })
        .collect();
    let others: Vec<_> = (0..40)
        .map(|n| {
            manifest(
                n,
                element("EventData")
                    .child(element("Data").slot(4))
                    .text("y"),
                vec![string("x")],
            )
        })
        .collect();
    let first = one_chunk(&events);
    let second = one_chunk(&others);
    let mut writer = writer();
    for _ in 0..3 {
        for file in [&first, &second] {
            let mut reader = reader(file);
            while let Some(event) = reader.next_event() {
                writer.copy_event(&event.unwrap()).unwrap();
            }
        }
    }
    let copied = writer.finish().unwrap().into_inner();
    let report = check(&copied);
    assert!(report.is_ok(), "{report}");
    assert_eq!((report.templates, report.records), (2 * report.chunks, 240));
}

#[test]
fn an_event_of_a_program_is_written() {
    let event = request().data("x").binary([1]);
    let mut writer = writer();
    assert_eq!(writer.copy_event(&event.as_event()).unwrap(), 1);
    assert!(writer.finish().unwrap().into_inner() == write([event]));
}

#[test]
fn what_is_not_understood_is_refused_or_written_anew() {
    let data = |node| element("EventData").child(element("Data").node(node));
    let odd = [
        manifest(
            1,
            data(fixture::Node::Literal(0x08, vec![7, 0, 0, 0])),
            vec![],
        ),
        manifest(
            2,
            element("EventData").child(element("Data").slot(9)),
            vec![],
        ),
        manifest(
            3,
            element("EventData"),
            vec![Slot::Typed(0x06, vec![1, 2, 3])],
        ),
        manifest(4, element("EventData"), vec![Slot::Typed(0x23, vec![1, 2])]),
    ];
    let good = manifest(
        5,
        element("EventData").child(element("Data").text("x")),
        vec![],
    );
    for content in odd {
        let file = one_chunk(&[content, good.clone()]);
        let (copied, refused) = copy(&file);
        assert_eq!(refused.len(), 1);
        assert!(refused[0].is_recoverable());
        assert!(refused[0].offset().is_some() && refused[0].record_id().is_some());
        assert_eq!(events(&copied), events(&file)[1..]);

        let (exported, summary) = export(&file, LogFilter::all());
        assert!(exported == copied && summary.has_losses());
        assert_eq!(
            (summary.records, summary.refused, summary.chunks),
            (1, 1, 0)
        );
        assert_eq!(summary.refusals[0].to_string(), {
            let error = refused[0].to_string();
            error.replace("(file offset", "(chunk 0, file offset")
        });

        let (anew, summary) = export_into(writer().with_reencoding(true), &file, LogFilter::all());
        assert!(check(&anew).is_ok());
        assert_eq!((summary.records, summary.reencoded), (1, 1));
        assert!(!summary.has_losses(), "{summary}");
        assert_eq!(events(&anew).len(), 2);
        let mut writer = writer().with_reencoding(true);
        let mut reader = reader(&file);
        while let Some(event) = reader.next_event() {
            writer.copy_event(&event.unwrap()).unwrap();
        }
        assert!(writer.finish().unwrap().into_inner() == anew);
    }
}

/// Three chunks of a log that was exported once: `EventRecordID`s are others.
fn three_chunks() -> Vec<u8> {
    let mut writer = writer();
    for n in 0..30_u32 {
        let event = request()
            .record_id(u64::from(n) * 3 + 500)
            .computer(if n < 15 { "old" } else { "new" })
            .data("x".repeat(1000 + n as usize * 120));
        let event = if n == 25 {
            event.channel("Other")
        } else {
            event
        };
        writer.write(&event.as_event()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn whole_chunks_are_copied_whole() {
    let mut file = three_chunks();
    let chunks = (file.len() - CHUNK) / BIG;
    assert!(chunks >= 3);
    // Stale bytes must not come along.
    file[CHUNK + BIG - 4..CHUNK + BIG].copy_from_slice(b"old!");
    let (copied, summary) = export(&file, LogFilter::all());
    assert_eq!((summary.chunks, summary.records), (chunks as u64, 30));
    assert!(!summary.has_losses());
    file[CHUNK + BIG - 4..CHUNK + BIG].fill(0);
    assert!(copied == file, "numbers are 1 to 30 already");
    same(&file, &copied);

    let mut writer = writer().with_first_record(9);
    writer.write(&request().data("before").as_event()).unwrap();
    writer.copy_log(&mut reader(&file)).unwrap();
    assert_eq!(
        writer.write(&request().data("after").as_event()).unwrap(),
        588
    );
    assert_eq!(writer.records(), 32);
    let merged = writer.finish().unwrap().into_inner();
    assert!(check(&merged).is_ok());
    assert_eq!(events(&merged)[1..31], events(&file));
    assert_eq!(read(&merged).len(), 32);
}

#[test]
fn a_filter_leaves_chunks_in_part() {
    let file = three_chunks();
    let (copied, summary) = export(&file, LogFilter::all().channel(MIM_CHANNEL));
    let chunks = (file.len() - CHUNK) as u64 / 65_536;
    assert_eq!((summary.chunks, summary.records), (chunks - 1, 29));
    assert_eq!(summary.read.filtered.channel, 1);
    let mut wanted = events(&file);
    wanted.remove(25);
    assert_eq!(events(&copied), wanted);
    assert!(check(&copied).is_ok());
    let (none, summary) = export(&file, LogFilter::all().provider("nobody"));
    assert!(none == write([]));
    assert_eq!(summary.read.filtered.total(), 30);
    // A reader that has begun gives the rest.
    let mut begun = reader(&file);
    begun.next_event().unwrap().unwrap();
    let mut writer = writer();
    let summary = writer.copy_log(&mut begun).unwrap();
    assert_eq!((summary.chunks, summary.records), (chunks - 1, 29));
}

#[test]
fn versions_do_not_mix_in_whole_chunks() {
    let file = write_layout(Layout::V3_2, (0..9).map(|n| request().data(format!("{n}"))));
    let new = writer().with_layout(Layout::V3_2);
    let (copied, summary) = export_into(new, &file, LogFilter::all());
    assert_eq!(summary.chunks, 1);
    assert!(copied == file);
    // Its own buckets happen to be those of 3.1 here; the content is what counts.
    let (copied, _) = export(&file, LogFilter::all());
    assert_eq!(copied[36], 1);
    same(&file, &copied);
}

#[test]
fn damage_costs_what_is_damaged_and_is_counted() {
    let good = three_chunks();
    let wanted = events(&good);
    let at = CHUNK + BIG + 512;
    let size = u32::from_le_bytes(good[at + 4..at + 8].try_into().unwrap()) as usize;
    // A lost end; a chunk without a signature; a changed value; a wrong template id.
    let mut file = good.clone();
    file[at + size - 1] ^= 1;
    let (copied, summary) = export(&file, LogFilter::all());
    assert!(check(&copied).is_ok());
    assert!(summary.has_losses());
    assert_eq!((summary.refused, summary.read.events_incomplete), (0, 1));
    assert_eq!(summary.records + 1, 30);
    assert_eq!(events(&copied).len(), 29);

    let mut file = good.clone();
    file[CHUNK + BIG] ^= 1;
    let (copied, summary) = export(&file, LogFilter::all());
    assert!(check(&copied).is_ok());
    assert_eq!(summary.read.chunks_damaged, 1);
    let lost = 30 - summary.records as usize;
    assert!(lost > 5 && events(&copied).len() == 30 - lost);

    // Only the checksum knows: record by record, unless the reader is strict.
    let mut file = good.clone();
    file[at + size - 100] ^= 0x20;
    let (copied, summary) = export(&file, LogFilter::all());
    assert_eq!((summary.records, summary.read.checksum_mismatches), (30, 1));
    assert!(summary.chunks < 4 && check(&copied).is_ok());
    assert_ne!(events(&copied), wanted);
    let mut writer = writer();
    let summary = writer.copy_log(&mut reader(&file).strict(true)).unwrap();
    assert_eq!(summary.records as usize, 30 - lost);
    assert_eq!(summary.read.chunks_damaged, 1);

    let mut file = good;
    file[at + 24 + 6] ^= 1;
    let (copied, summary) = export(&file, LogFilter::all());
    assert_eq!((summary.records, summary.refused), (29, 1));
    assert!(summary.to_string().contains("1 refused"), "{summary}");
    assert!(check(&copied).is_ok());
}

/// Whatever is in a record: the copy is sound, and says what the reader read.
#[track_caller]
fn sound_copy(file: &[u8]) {
    let mut reader = reader(file);
    let mut writer = writer();
    let mut wanted = Vec::new();
    while let Some(event) = reader.next_event() {
        let Ok(event) = event else { continue };
        if writer.copy_event(&event).is_ok() {
            wanted.push((
                own(&event),
                event.binary().map(<[u8]>::to_vec),
                event.written(),
            ));
        }
    }
    let copied = writer.finish().unwrap().into_inner();
    let report = check(&copied);
    assert!(report.is_ok(), "{report}");
    // Where `EventRecordID` is damaged, the header's number stands for it.
    let without_ids = |mut events: Vec<Said>| {
        events.iter_mut().for_each(|(row, ..)| row.record = 0);
        events
    };
    let wanted = without_ids(wanted);
    assert!(without_ids(events(&copied)) == wanted);
    let (exported, summary) = export(file, LogFilter::all());
    assert!(check(&exported).is_ok());
    assert!(without_ids(events(&exported)) == wanted);
    assert_eq!(summary.records, wanted.len() as u64);
    let given = summary.records + summary.refused + summary.read.events_incomplete;
    assert_eq!(given, summary.read.events());
}

#[test]
fn every_flipped_bit_is_refused_or_copied_soundly() {
    let file = one_chunk(&shapes()[3..9]);
    let end = CHUNK + u32::from_le_bytes(file[CHUNK + 48..CHUNK + 52].try_into().unwrap()) as usize;
    for at in (CHUNK + 512..end).step_by(3) {
        let mut file = file.clone();
        file[at] ^= 1 << (at % 8);
        sound_copy(&file);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_events_are_copied(
        events in proptest::collection::vec(properties::any_event(), 0..60),
        new in any::<bool>(),
        ids in proptest::collection::vec(any::<u16>(), 0..4),
    ) {
        let layout = if new { Layout::V3_2 } else { Layout::V3_1 };
        let file = write_layout(layout, events.clone());
        let (copied, refused) = copy(&file);
        prop_assert!(refused.is_empty());
        same(&file, &copied);
        if !new {
            prop_assert!(copied == file, "record by record, the same bytes");
        }
        let ids: Vec<u32> = ids.iter().map(|&id| u32::from(id) % 8).collect();
        let wanted: Vec<_> = self::events(&file)
            .into_iter()
            .filter(|(row, ..)| ids.contains(&row.event))
            .collect();
        let (copied, summary) = export(&file, LogFilter::all().event_ids(ids));
        prop_assert!(!summary.has_losses());
        prop_assert_eq!(self::events(&copied), wanted);
        prop_assert!(check(&copied).is_ok());
    }

    #[test]
    fn any_damage_leaves_a_sound_copy(
        places in proptest::collection::vec((512_usize..9000, any::<u8>()), 1..12),
        from in 0_usize..8,
    ) {
        let mut file = one_chunk(&shapes()[from..]);
        for (at, byte) in places {
            file[CHUNK + at] = byte;
        }
        sound_copy(&file);
    }
}
