//! What becomes of parts that come late, twice, not at all, or contradict
//! each other; and what counts as a document.

use mim_events::message::IncompleteReason;
use mim_events::request::ParseOptions;

use super::*;

#[test]
fn the_text_is_followed_and_not_the_id() {
    let mut assembler = Assembler::new();
    let header = Header::new(ID, 1, 2).to_string();
    waits(&mut assembler, &whole(1, &(header + "{\"a\"")));
    gives(&mut assembler, &part(2, ID, 2, 2, ":1}"), "{\"a\":1}");
    gives(
        &mut assembler,
        &event(REQUEST_PART, 3).data("{\"b\":1}"),
        "{\"b\":1}",
    );
    gives(&mut assembler, &event(7, 4).data("{\"c\":1}"), "{\"c\":1}");
    gives(&mut assembler, &part(5, OTHER, 1, 1, "{}"), "{}");
}

#[test]
fn of_several_strings_the_first_that_looks_like_one() {
    let mut assembler = Assembler::new();
    let several = |id| event(id, 1).data("Some words").data("");
    gives(&mut assembler, &several(1).data(" {1}").data("{2}"), " {1}");
    let header = Header::new(ID, 1, 1).to_string();
    gives(
        &mut assembler,
        &several(1).data(header + "x").data("{2}"),
        "x",
    );
    gives(
        &mut assembler,
        &event(1, 1).named_data("Text", "{3}"),
        "{3}",
    );
    for event in [
        event(REQUEST, 1),
        event(REQUEST, 1).data(""),
        event(REQUEST, 1).data(" \u{FEFF}\r\n\0"),
        event(REQUEST, 1).data("a").data("b"),
        event(1000, 1).data("words"),
    ] {
        fails(&mut assembler, &event, &ErrorKind::NoDocument);
    }
    // The id says that there is a document, so it is handed on to be refused.
    for text in ["[]", "\"x\"", "12", "\"Creator\":{}", "\u{FEFF}x"] {
        gives(&mut assembler, &whole(1, text), text);
        gives(
            &mut assembler,
            &event(REQUEST_PART, 1).data("").data(text),
            text,
        );
    }
    is_accounted(&assembler.summary(), 0);
}

#[test]
fn the_text_is_not_altered() {
    let mut assembler = Assembler::new();
    for text in ["\u{FEFF}{}\0\0", "\r\n{ }\n", "\0{}"] {
        gives(&mut assembler, &whole(1, text), text);
        waits(&mut assembler, &part(1, ID, 1, 2, text));
        gives(&mut assembler, &part(2, ID, 2, 2, text), &text.repeat(2));
    }
}

#[test]
fn out_of_order_and_interleaved() {
    let mut assembler = Assembler::new();
    waits(&mut assembler, &part(1, ID, 3, 3, "c}"));
    waits(&mut assembler, &part(2, OTHER, 2, 2, "y}"));
    waits(&mut assembler, &part(3, ID, 1, 3, "{a"));
    gives(&mut assembler, &whole(4, "{w}"), "{w}");
    // The same GUID of another computer or channel is another document's.
    waits(&mut assembler, &part(5, ID, 2, 3, "X").computer("mim02"));
    waits(&mut assembler, &part(6, ID, 2, 3, "X").channel("Forwarded"));
    assert_eq!(assembler.waiting_records(), [1, 2, 3, 5, 6]);
    gives(&mut assembler, &part(7, OTHER, 1, 2, "{x"), "{xy}");
    gives(&mut assembler, &part(8, ID, 2, 3, "b"), "{abc}");
    assert_eq!(assembler.waiting_records(), [5, 6]);
    is_accounted(&assembler.summary(), 2);
}

#[test]
fn the_origin_is_the_last_record_in_any_order() {
    let parts = [
        part(11, ID, 2, 3, "b").created(minute(1)),
        part(12, ID, 3, 3, "c").created(minute(2)),
        part(10, ID, 1, 3, "a").created(minute(3)),
    ];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let mut assembler = Assembler::new();
        waits(&mut assembler, &parts[order[0]]);
        waits(&mut assembler, &parts[order[1]]);
        let last = parts[order[2]].as_event();
        let document = assembler.push(&last).unwrap().unwrap();
        let origin = document.origin();
        assert_eq!((origin.first_record_id, origin.record_id), (10, 12));
        assert_eq!((origin.time, origin.parts), (Some(minute(2)), 3));
        assert_eq!(origin.computer, "mim01");
        assert_eq!(origin.channel, MIM_CHANNEL);
        assert!(!format!("{document:?}").contains("abc"));
    }
}

#[test]
fn a_request_knows_its_origin_and_an_error_its_record() {
    let mut assembler = Assembler::new();
    let good = whole(
        5,
        r#"{"HybridObjectID":"3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77"}"#,
    );
    let document = assembler.push(&good.as_event()).unwrap().unwrap();
    let request = document.parse().unwrap();
    assert_eq!(request.origin(), Some(document.origin()));
    assert_eq!(request.id(), Some(ID));
    let options = ParseOptions::default().max_bytes(10);
    let error = document.parse_with(&options).unwrap_err();
    assert_eq!(error.record_id(), Some(5));

    let bad = whole(6, "{\"secret\"x}");
    let document = assembler.push(&bad.as_event()).unwrap().unwrap();
    let error = document.parse().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Json);
    assert_eq!((error.record_id(), error.line()), (Some(6), Some(1)));
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn a_repeated_part_is_ignored() {
    let mut assembler = Assembler::new();
    waits(&mut assembler, &part(1, ID, 1, 2, "{a"));
    waits(&mut assembler, &part(1, ID, 1, 2, "{a"));
    waits(&mut assembler, &part(3, ID, 1, 2, "{a"));
    gives(&mut assembler, &part(4, ID, 2, 2, "b}"), "{ab}");
    assert_eq!(assembler.summary().duplicates, 2);
    is_accounted(&assembler.summary(), 0);
    assert!(assembler.finish().is_empty());
}

#[test]
fn a_contradicting_part_begins_anew() {
    for (total, conflict) in [(3, 3), (4, 4)] {
        let mut assembler = Assembler::new();
        waits(&mut assembler, &part(1, ID, 1, 3, "{a"));
        waits(&mut assembler, &part(2, ID, 2, 3, "b"));
        fails(
            &mut assembler,
            &part(3, ID, 1, total, "{A"),
            &ErrorKind::PartConflict {
                number: 1,
                total: conflict,
            },
        );
        let reports = assembler.take_expired();
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0].reason(), IncompleteReason::Conflict);
        assert_eq!(reports[0].text(), "{ab");
        assert_eq!(assembler.waiting_records(), [3]);
        for number in 2..total {
            waits(&mut assembler, &part(4, ID, number, total, "B"));
        }
        let text = format!("{{A{}C}}", "B".repeat(total as usize - 2));
        gives(&mut assembler, &part(5, ID, total, total, "C}"), &text);
        assert_eq!(assembler.summary().conflicts, 1);
        is_accounted(&assembler.summary(), 0);
    }
}

#[test]
fn a_contradicting_part_may_be_a_whole_document() {
    let mut assembler = Assembler::new();
    waits(&mut assembler, &part(1, ID, 1, 3, "{a"));
    gives(&mut assembler, &part(2, ID, 1, 1, "{z}"), "{z}");
    assert_eq!(assembler.take_expired()[0].text(), "{a");
    assert_eq!(assembler.summary().conflicts, 1);
    is_accounted(&assembler.summary(), 0);
}

#[test]
fn impossible_numbers() {
    let mut assembler = Assembler::new();
    for (number, total) in [
        (0, 0),
        (0, 1),
        (0, 5),
        (1, 0),
        (2, 1),
        (4, 3),
        (7, 4_000_000_000),
        (1, 1025),
        (u64::MAX, u64::MAX),
    ] {
        fails(
            &mut assembler,
            &part(1, ID, number, total, "{"),
            &ErrorKind::PartNumber {
                number,
                total,
                limit: 1024,
            },
        );
    }
    waits(&mut assembler, &part(1, ID, 1024, 1024, "}"));
    assert_eq!(assembler.summary().bad_numbers, 9);
    is_accounted(&assembler.summary(), 1);
}

#[test]
fn missing_parts_are_reported_with_what_came() {
    let mut assembler = Assembler::new();
    waits(&mut assembler, &part_of_units(7, ID, 2, 6, &[0x61, 0xD83D]));
    waits(
        &mut assembler,
        &part_of_units(9, ID, 4, 6, &[0xDE00, 0x62, 0xD83D]),
    );
    waits(&mut assembler, &part_of_units(8, ID, 5, 6, &[0xDE00, 0x63]));
    let reports = assembler.finish();
    let [report] = &reports[..] else {
        panic!("{reports:?}")
    };
    assert_eq!(report.reason(), IncompleteReason::Unfinished);
    assert_eq!(report.request(), ID);
    assert_eq!(report.total(), 6);
    assert_eq!(report.missing().collect::<Vec<_>>(), [1, 3, 6]);
    // Two halves beside a gap make no pair; two halves of parts in a row do.
    assert_eq!(report.text(), "a\u{FFFD}\u{FFFD}b\u{1F600}c");
    assert_eq!(report.replaced_characters(), 2);
    assert_eq!(report.origin().first_record_id, 7);
    assert_eq!(report.origin().record_id, 9);
    assert_eq!(report.origin().parts, 3);
    let error = report.error();
    assert_eq!(error.to_string(), "3 of 6 parts never came (record 9)");
    assert!(error.is_recoverable());
    let shown = format!("{report:?} {assembler:?}");
    assert!(
        !shown.contains('b') || !shown.contains("a\u{FFFD}"),
        "{shown}"
    );
    assert_eq!(assembler.summary().incomplete, 1);
    is_accounted(&assembler.summary(), 0);
}

mod after_it_was_complete {
    use super::*;

    fn finished() -> Assembler {
        let mut assembler = Assembler::new();
        waits(&mut assembler, &part(1, ID, 1, 2, "{a"));
        gives(&mut assembler, &part(2, ID, 2, 2, "b}"), "{ab}");
        assembler
    }

    #[test]
    fn a_late_copy_is_not_waited_for() {
        let mut assembler = finished();
        waits(&mut assembler, &part(3, ID, 2, 2, "b}"));
        assert!(assembler.waiting_records().is_empty());
        assert!(assembler.finish().is_empty());
        assert_eq!(assembler.summary().late_copies, 1);
        assert_eq!(assembler.summary().incomplete, 0);
        is_accounted(&assembler.summary(), 0);
    }

    #[test]
    fn late_copies_expire_unreported() {
        let mut assembler = finished();
        waits(&mut assembler, &part(3, ID, 2, 2, "b}"));
        gives(&mut assembler, &whole(4, "{}").created(minute(90)), "{}");
        assert!(assembler.take_expired().is_empty());
        assert_eq!(assembler.summary().late_copies, 1);
        // Copies of all parts, but far apart, are late copies too.
        waits(&mut assembler, &part(5, ID, 1, 2, "{a").created(minute(91)));
        assert!(assembler.finish().is_empty());
    }

    #[test]
    fn a_second_set_is_a_new_document() {
        let mut assembler = finished();
        for record in [3, 5] {
            waits(&mut assembler, &part(record, ID, 2, 2, "b}"));
            gives(&mut assembler, &part(record + 1, ID, 1, 2, "{a"), "{ab}");
        }
        assert_eq!(assembler.summary().repeated, 2);
        assert_eq!(assembler.summary().assembled, 3);
        is_accounted(&assembler.summary(), 0);
    }

    #[test]
    fn a_second_set_may_differ_in_any_part() {
        for differs in 1..=2 {
            for first in 1..=2 {
                let mut assembler = finished();
                let body = |number| match (number, number == differs) {
                    (1, false) => "{a",
                    (1, true) => "{A",
                    (_, false) => "b}",
                    (_, true) => "B}",
                };
                let text = format!("{}{}", body(1), body(2));
                waits(&mut assembler, &part(3, ID, first, 2, body(first)));
                assert_eq!(assembler.waiting_records().is_empty(), first != differs);
                let second = 3 - first;
                gives(&mut assembler, &part(4, ID, second, 2, body(second)), &text);
                assert_eq!(assembler.summary().repeated, 0);
                is_accounted(&assembler.summary(), 0);
            }
        }
    }

    #[test]
    fn a_copy_gives_way_to_a_new_part() {
        let mut assembler = Assembler::new();
        waits(&mut assembler, &part(1, ID, 1, 3, "{a"));
        waits(&mut assembler, &part(2, ID, 2, 3, "b"));
        gives(&mut assembler, &part(3, ID, 3, 3, "c}"), "{abc}");
        waits(&mut assembler, &part(4, ID, 1, 3, "{a")); // late, or the next one's
        waits(&mut assembler, &part(5, ID, 1, 3, "{A")); // so it was late
        waits(&mut assembler, &part(6, ID, 1, 3, "{a")); // late again
        assert_eq!(assembler.waiting_records(), [5]);
        waits(&mut assembler, &part(7, ID, 2, 3, "b"));
        gives(&mut assembler, &part(8, ID, 3, 3, "c}"), "{Abc}");
        assert_eq!(assembler.summary().late_copies, 2);
        assert_eq!(assembler.summary().conflicts, 0);
        is_accounted(&assembler.summary(), 0);
    }

    #[test]
    fn another_total_is_new_at_once() {
        let mut assembler = finished();
        waits(&mut assembler, &part(3, ID, 1, 2, "{a"));
        waits(&mut assembler, &part(4, ID, 1, 3, "{a"));
        assert_eq!(assembler.waiting_records(), [4]);
        assert_eq!(assembler.summary().late_copies, 1);
        assert_eq!(assembler.summary().conflicts, 0);
        is_accounted(&assembler.summary(), 1);
    }
}
