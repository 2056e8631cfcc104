//! A cut may fall anywhere.

use mim_events::message::{document_events, split};

use super::*;

/// Line breaks, escapes, escaped surrogates, raw surrogates, blanks.
const DOCUMENT: &str = "{\r\n \"a\" : \"N\\u00e9\\ud83d\\ude00 \u{1F600}\u{1F9ED}é\\\"\\\\\",\t\"b\":\" : 1\",\r\n\r\n\"c\":[1,{}]\n}\n";

#[test]
fn at_every_place() {
    let units: Vec<u16> = DOCUMENT.encode_utf16().collect();
    for cut in 0..=units.len() {
        let mut assembler = Assembler::new();
        waits(&mut assembler, &part_of_units(1, ID, 1, 2, &units[..cut]));
        gives(
            &mut assembler,
            &part_of_units(2, ID, 2, 2, &units[cut..]),
            DOCUMENT,
        );
        assert_eq!(assembler.summary().replaced_characters, 0);
    }
}

#[test]
fn at_every_three_places_of_a_short_document() {
    let text = "{\"é\u{1F600}\\ud83d\":\"\r\n:\"}";
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut assembler = Assembler::new();
    for first in 0..=units.len() {
        for second in first..=units.len() {
            for third in second..=units.len() {
                let bodies = [
                    &units[..first],
                    &units[first..second],
                    &units[second..third],
                    &units[third..],
                ];
                for (number, body) in (1..).zip(bodies) {
                    let part = part_of_units(number, ID, number, 4, body);
                    if number < 4 {
                        waits(&mut assembler, &part);
                    } else {
                        gives(&mut assembler, &part, text);
                    }
                }
            }
        }
    }
    is_accounted(&assembler.summary(), 0);
    assert!(assembler.finish().is_empty());
}

#[test]
fn in_the_other_documented_form() {
    // Without a colon, ended by CR LF; the document is cut before a colon.
    let text = |number, body: &str| {
        event(REQUEST_PART, number).data(format!(
            "Request: {{3F0A9D52-7C1E-4D1B-B0A4-5B0C2B1F9E77}} , message {number} out of 2\r\n{body}"
        ))
    };
    let mut assembler = Assembler::new();
    waits(&mut assembler, &text(1, "{\"a\""));
    gives(&mut assembler, &text(2, ":1}"), "{\"a\":1}");
}

#[test]
fn unpaired_surrogates_are_replaced_and_counted() {
    let mut assembler = Assembler::new();
    waits(&mut assembler, &part_of_units(1, ID, 1, 2, &[0x7B, 0xD83D]));
    let last = part_of_units(2, ID, 2, 2, &[0xD83D, 0xDE00, 0xDE00, 0x7D]);
    let document = assembler.push(&last.as_event()).unwrap().unwrap();
    assert_eq!(document.as_str(), "{\u{FFFD}\u{1F600}\u{FFFD}}");
    assert_eq!(document.replaced_characters(), 2);
    let document = whole(3, "{}");
    let document = assembler.push(&document.as_event()).unwrap().unwrap();
    assert_eq!(document.replaced_characters(), 0);
    assert_eq!(assembler.summary().replaced_characters, 2);
}

#[test]
fn a_document_that_fits_stays_whole() {
    assert_eq!(split("{}", ID, 2).unwrap(), ["{}"]);
    assert_eq!(split("", ID, 0).unwrap(), [""]);
    // In UTF-16 code units.
    assert_eq!(split("\u{1F600}é", ID, 3).unwrap().len(), 1);
}

#[test]
fn parts_are_full_and_never_too_long() {
    let text = "0123456789".repeat(200);
    let header = Header::new(ID, 1, 1).to_string().len();
    for max in header + 8..2_000 {
        let parts = split(&text, ID, max).unwrap();
        let total = parts.len();
        let mut joined = String::new();
        for (number, part) in (1..).zip(&parts) {
            assert!(part.len() <= max);
            if total > 1 {
                let head = Header::new(ID, number, total as u64).to_string();
                joined += part.strip_prefix(&head).unwrap();
                // Room for what the numbers' digits take is all that may be left.
                assert!(number == total as u64 || part.len() + 8 > max, "{max}");
            }
        }
        assert!(joined == text || total == 1);
    }
}

#[test]
fn no_part_ends_inside_a_pair() {
    let text = "x\u{1F600}".repeat(300);
    for max in 90..120 {
        let mut assembler = Assembler::new();
        let parts = split(&text, ID, max).unwrap();
        for (number, part) in (1..).zip(&parts) {
            assert!(part.encode_utf16().count() <= max);
            let event = event(REQUEST_PART, number).data(part);
            if number < parts.len() as u64 {
                waits(&mut assembler, &event);
            } else {
                gives(&mut assembler, &event, &text);
            }
        }
    }
}

#[test]
fn without_room_there_is_an_error() {
    let header = Header::new(ID, 1, 1).to_string().len();
    for max in [0, 1, 60, header + 1] {
        let error = split(&"x".repeat(500), ID, max).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");
    }
    let like = OwnedLogEvent::new("p".repeat(40_000), REQUEST);
    assert!(document_events("{}", ID, &like).is_err());
}

#[test]
fn events_carry_what_they_are_like() {
    let like = event(1, 41).user("S-1-5-18");
    let small = document_events("{}", ID, &like).unwrap();
    assert_eq!(small.len(), 1);
    let first = small[0].as_event();
    assert_eq!((first.event_id(), first.record_id()), (REQUEST, 41));
    assert_eq!(first.user(), Some("S-1-5-18"));

    let large = document_events(&"x".repeat(100_000), ID, &like).unwrap();
    let heads: Vec<_> = large
        .iter()
        .map(|event| (event.as_event().event_id(), event.as_event().record_id()))
        .collect();
    let part = REQUEST_PART;
    assert_eq!(heads, [(part, 41), (part, 42), (part, 43), (part, 44)]);

    let unnumbered = event(1, 0);
    let large = document_events(&"x".repeat(100_000), ID, &unnumbered).unwrap();
    assert!(large.iter().all(|event| event.as_event().record_id() == 0));
}

/// The largest parts fit their records, and what is written is read and joined.
#[cfg(feature = "eventlog")]
#[test]
fn through_a_log_file() {
    use mim_events::eventlog::{LogFilter, LogReader, LogWriter, check};
    use std::io::Cursor;

    let texts: Vec<String> = [10, 31_836, 31_837, 31_838, 63_000, 400_000]
        .iter()
        .map(|&length| format!("{{\"a\":\"{}\"}}", "é\u{1F9ED}x".repeat(length / 4)))
        .collect();
    let mut writer = LogWriter::new(Cursor::new(Vec::new())).unwrap();
    let like = event(REQUEST, 0).computer("mim01.corp.example.x");
    for (text, n) in texts.iter().zip(0_u128..) {
        for event in document_events(text, Uuid::from_u128(n), &like).unwrap() {
            writer.write(&event.as_event()).unwrap();
        }
    }
    let file = writer.finish().unwrap().into_inner();
    check(&file).into_result().unwrap();

    let mut reader = LogReader::from_slice(&file)
        .unwrap()
        .with_filter(LogFilter::requests());
    let mut assembler = Assembler::new();
    let mut wanted = texts.iter();
    while let Some(event) = reader.next_event() {
        if let Some(document) = assembler.push(&event.unwrap()).unwrap() {
            assert_eq!(document.as_str(), wanted.next().unwrap());
        }
    }
    assert!(wanted.next().is_none());
    assert!(assembler.summary().parts > 10);
}
