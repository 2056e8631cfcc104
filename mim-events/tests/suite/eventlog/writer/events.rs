//! What an event says comes back from the file.

use evtx::EvtxParser;
use mim_events::eventlog::check;
use mim_events::text::Utf16;

use super::*;

#[test]
fn every_field_comes_back() {
    let file = write([
        request().data("x"),
        OwnedLogEvent::new("Other \"<&'> Provider", 65_535)
            .channel("Kanäle 😀")
            .computer("β")
            .level(2)
            .qualifiers(Some(16_384))
            .user(SID)
            .created(time("1999-12-31T23:59:59.9999999Z"))
            .record_id(90_000)
            .data("y"),
        OwnedLogEvent::new("", 0).qualifiers(None),
    ]);
    let records = read(&file);
    let system = &records[0]["Event"]["System"];
    assert_eq!(system["Provider"]["#attributes"]["Name"], MIM_PROVIDER);
    assert_eq!(system["EventID"]["#text"], 4121);
    assert_eq!(system["EventID"]["#attributes"]["Qualifiers"], 0);
    assert_eq!(system["Level"], 4);
    assert_eq!(system["Task"], 0);
    assert_eq!(system["Keywords"], "0x80000000000000");
    assert_eq!(
        system["TimeCreated"]["#attributes"]["SystemTime"],
        "2026-03-02T08:15:09.5860201Z"
    );
    assert_eq!(system["EventRecordID"], 1);
    assert_eq!(system["Channel"], MIM_CHANNEL);
    assert_eq!(system["Computer"], COMPUTER);
    assert_eq!(system["Security"], Value::Null);

    let system = &records[1]["Event"]["System"];
    assert_eq!(
        system["Provider"]["#attributes"]["Name"],
        "Other \"<&'> Provider"
    );
    assert_eq!(system["EventID"]["#text"], 65_535);
    assert_eq!(system["EventID"]["#attributes"]["Qualifiers"], 16_384);
    assert_eq!(system["Level"], 2);
    assert_eq!(
        system["TimeCreated"]["#attributes"]["SystemTime"],
        "1999-12-31T23:59:59.9999999Z"
    );
    assert_eq!(system["EventRecordID"], 90_000);
    assert_eq!(system["Channel"], "Kanäle 😀");
    assert_eq!(system["Computer"], "β");
    assert_eq!(system["Security"]["#attributes"]["UserID"], SID);

    let system = &records[2]["Event"]["System"];
    assert_eq!(system["EventID"], 0);
    assert_eq!(system["EventRecordID"], 90_001);
    assert_eq!(records[2]["Event"]["EventData"], Value::Null);
}

#[test]
fn event_data_comes_back() {
    type Values<'a> = &'a [(Option<&'a str>, &'a str)];
    let cases: [(OwnedLogEvent, Values<'_>); 8] = [
        (request(), &[]),
        (request().data(""), &[(None, "")]),
        (request().data("a"), &[(None, "a")]),
        (request().data("").data("b"), &[(None, ""), (None, "b")]),
        (request().data("a").data(""), &[(None, "a"), (None, "")]),
        (
            request().named_data("A", "1").named_data("Zoë", ""),
            &[(Some("A"), "1"), (Some("Zoë"), "")],
        ),
        (
            request().named_data("B", "b\u{1F600}"),
            &[(Some("B"), "b\u{1F600}")],
        ),
        (
            request().data("<x a=\"1\">&amp;\t\r\n </x>"),
            &[(None, "<x a=\"1\">&amp;\t\r\n </x>")],
        ),
    ];
    let file = write(cases.iter().map(|(event, _)| event.clone()));
    for (record, (_, wanted)) in read(&file).iter().zip(&cases) {
        let found = data(record);
        let found: Vec<_> = found
            .iter()
            .map(|(name, text)| (name.as_deref(), text.as_str()))
            .collect();
        assert_eq!(&found, wanted);
    }
}

/// The `evtx` crate's JSON leaves out values without a name beside named ones.
#[test]
fn values_with_and_without_names_mix() {
    let file = write([request().data("a").named_data("B", "b").data("c")]);
    assert!(check(&file).is_ok());
    let mut parser = EvtxParser::from_buffer(file).unwrap();
    let xml = parser.records().next().unwrap().unwrap().data;
    let lines: Vec<&str> = xml
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("<Data"))
        .collect();
    assert_eq!(
        lines,
        [
            "<Data>a</Data>",
            "<Data Name=\"B\">b</Data>",
            "<Data>c</Data>"
        ]
    );
}

#[test]
fn many_strings_come_back() {
    let wanted: Vec<String> = (0..5000).map(|n| format!("s{n}")).collect();
    let array = wanted
        .iter()
        .fold(request(), |event, text| event.data(text));
    // Elements of their own are larger; a thousand fit.
    let named = (0..1000).fold(request(), |event, n| {
        event.named_data(format!("n{n}"), format!("v{n}"))
    });
    let file = write([array, named]);
    let records = read(&file);
    assert_eq!(strings(&records[0]), wanted);
    let found = data(&records[1]);
    assert_eq!(found.len(), 1000);
    assert!(found.contains(&(Some("n999".into()), "v999".into())));
}

#[test]
fn units_are_written_as_they_are() {
    // Unpaired surrogates, a NUL, a byte order mark.
    for units in [
        &[0xD83D_u16, 0x41, 0xDE00][..],
        &[0x41, 0, 0x42],
        &[0xFEFF, 0x7B, 0x7D, 0],
        &[0xFFFF, 0xFFFE],
    ] {
        let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let file = write([request().data_utf16(Utf16::from_le_bytes(&bytes))]);
        assert!(check(&file).is_ok());
        assert!(contains(&file, &bytes), "{units:x?}");
    }
}

#[test]
fn the_same_events_give_the_same_bytes() {
    let events = || {
        (0..500_usize).map(|n| {
            let event = request().data("x".repeat(n * 37 % 4000));
            if n % 3 == 0 {
                event.computer(format!("c{}", n % 7))
            } else {
                event.named_data("N", "v")
            }
        })
    };
    let file = write(events());
    assert_eq!(file, write(events()));
    assert_eq!(read(&file).len(), 500);
    // Pinned, so that a later version that writes other bytes is noticed.
    let small = write([request().data("x"), request().named_data("N", "v")]);
    assert_eq!(crc32(&small), PINNED);
}

const PINNED: u32 = 674_895_301;

#[test]
fn records_are_numbered_on() {
    let mut writer = LogWriter::new(Cursor::new(Vec::new()))
        .unwrap()
        .with_first_record(5_000);
    let mut number = |id| writer.write(&request().record_id(id).as_event()).unwrap();
    assert_eq!(
        [0, 0, 9_000, 0, 0].map(&mut number),
        [5_000, 5_001, 9_000, 9_001, 9_002]
    );
    assert_eq!(writer.records(), 5);
    let file = writer.finish().unwrap().into_inner();
    assert_eq!(file[24..32], 5_005_u64.to_le_bytes());
    assert_eq!(file[CHUNK + 24..CHUNK + 32], 5_000_u64.to_le_bytes());
    assert_eq!(file[CHUNK + 32..CHUNK + 40], 5_004_u64.to_le_bytes());
    let ids: Vec<_> = read(&file)
        .iter()
        .map(|record| record["Event"]["System"]["EventRecordID"].clone())
        .collect();
    assert_eq!(ids, [5_000, 5_001, 9_000, 9_001, 9_002]);
}

#[test]
fn many_templates_share_a_chunk() {
    let file = write((0..2_000).map(|n| {
        OwnedLogEvent::new(format!("Provider {}", n % 97), n)
            .channel(format!("Channel {}", n % 3))
            .named_data(format!("name {}", n % 11), "v")
    }));
    let report = check(&file);
    assert!(report.templates > 1000, "{report}");
    assert_eq!(read(&file).len(), 2_000);
}
