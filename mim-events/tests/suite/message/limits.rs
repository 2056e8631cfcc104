//! Nothing grows without bound, and nothing that goes for it goes unseen.

use mim_events::message::{AssemblerLimits, IncompleteReason};

use super::*;

fn id(n: u64) -> Uuid {
    Uuid::from_u128(u128::from(n) + 1)
}

#[test]
fn age_is_counted_from_the_newest_part() {
    let mut assembler =
        Assembler::with_limits(AssemblerLimits::default().max_age(TimeDelta::minutes(10)));
    let at = |at, event: OwnedLogEvent| event.created(minute(at));
    waits(&mut assembler, &at(0, part(1, ID, 1, 3, "{a")));
    waits(&mut assembler, &at(9, part(2, ID, 2, 3, "b")));
    waits(&mut assembler, &at(5, part(3, OTHER, 1, 2, "{x")));
    gives(&mut assembler, &at(15, whole(4, "{}")), "{}");
    assert!(assembler.take_expired().is_empty());
    gives(&mut assembler, &at(16, whole(5, "{}")), "{}");
    let reports = assembler.take_expired();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].request(), OTHER);
    assert_eq!(reports[0].reason(), IncompleteReason::Expired);
    // An event without a time, or of an earlier one, gives nothing up.
    let timeless = OwnedLogEvent::new("P", 1).data("{}");
    gives(&mut assembler, &timeless, "{}");
    gives(&mut assembler, &at(-100_000, whole(6, "{}")), "{}");
    // The part itself may be the event that comes too late for its document.
    waits(&mut assembler, &at(20, part(7, ID, 3, 3, "c}")));
    let reports = assembler.take_expired();
    assert_eq!(reports[0].missing().collect::<Vec<_>>(), [3]);
    assert_eq!(reports[0].text(), "{ab");
    is_accounted(&assembler.summary(), 1);
}

#[test]
fn one_event_of_a_far_future_does_no_lasting_harm() {
    let mut assembler = Assembler::new();
    waits(&mut assembler, &part(1, ID, 1, 2, "{a"));
    gives(
        &mut assembler,
        &whole(2, "{}").created(minute(60_000_000)),
        "{}",
    );
    assert_eq!(assembler.take_expired().len(), 1);
    waits(&mut assembler, &part(3, ID, 1, 2, "{a"));
    gives(&mut assembler, &part(4, ID, 2, 2, "b}"), "{ab}");
}

#[test]
fn the_oldest_of_too_many_documents_goes() {
    let mut assembler = Assembler::with_limits(AssemblerLimits::default().max_documents(3));
    for n in 0..5 {
        waits(&mut assembler, &part(n + 1, id(n), 1, 2, "{"));
    }
    assert_eq!(assembler.waiting_records(), [3, 4, 5]);
    let reports = assembler.take_expired();
    let gone: Vec<_> = reports.iter().map(|report| report.request()).collect();
    assert_eq!(gone, [id(0), id(1)]);
    assert_eq!(reports[0].reason(), IncompleteReason::Evicted);
    is_accounted(&assembler.summary(), 3);
}

#[test]
fn copies_go_first() {
    let mut assembler = Assembler::with_limits(AssemblerLimits::default().max_documents(2));
    waits(&mut assembler, &part(1, ID, 1, 2, "{a"));
    gives(&mut assembler, &part(2, ID, 2, 2, "b}"), "{ab}");
    waits(&mut assembler, &part(3, id(1), 1, 2, "{"));
    waits(&mut assembler, &part(4, ID, 1, 2, "{a"));
    waits(&mut assembler, &part(5, id(2), 1, 2, "{"));
    assert_eq!(assembler.waiting_records(), [3, 5]);
    // A copy takes no other's place.
    waits(&mut assembler, &part(6, ID, 1, 2, "{a"));
    assert_eq!(assembler.waiting_records(), [3, 5]);
    assert!(assembler.take_expired().is_empty());
    assert_eq!(assembler.summary().late_copies, 2);
    is_accounted(&assembler.summary(), 2);
}

#[test]
fn the_oldest_of_too_many_bytes_goes() {
    let mut assembler = Assembler::with_limits(AssemblerLimits::default().max_bytes(10_000));
    let body = "x".repeat(2_000); // 4,000 bytes
    waits(&mut assembler, &part(1, id(1), 1, 3, &body));
    waits(&mut assembler, &part(2, id(2), 1, 3, &body));
    waits(&mut assembler, &part(3, id(3), 1, 3, &body));
    assert_eq!(assembler.waiting_records(), [2, 3]);
    waits(&mut assembler, &part(4, id(2), 2, 3, &body));
    assert_eq!(assembler.waiting_records(), [2, 4]);
    let limit = |actual| ErrorKind::Limit {
        what: "document bytes",
        actual,
        limit: 10_000,
    };
    // The document alone is too large now, though it would be complete.
    let names = ("mim01".len() + MIM_CHANNEL.len()) as u64;
    fails(
        &mut assembler,
        &part(5, id(2), 3, 3, &body),
        &limit(3 * 4_000 + 4 * 128 + names),
    );
    assert!(assembler.waiting_records().is_empty());
    let reports = assembler.take_expired();
    let reasons: Vec<_> = reports.iter().map(|report| report.reason()).collect();
    // Reports that nobody took have the same limit.
    use IncompleteReason::{Evicted, TooLarge};
    assert_eq!(reasons, [Evicted, TooLarge]);
    assert_eq!(assembler.summary().reports_dropped, 1);
    assert_eq!(reports[1].text().len(), 6_000);
    assert_eq!(reports[1].missing().count(), 0);

    fails(
        &mut assembler,
        &whole(6, &format!("{{{body}{body}{body}")),
        &limit(12_002),
    );
    gives(&mut assembler, &whole(7, "{}"), "{}");
    is_accounted(&assembler.summary(), 0);
}

#[test]
fn reports_that_nobody_takes_are_bounded_and_counted() {
    let mut assembler = Assembler::with_limits(AssemblerLimits::default().max_documents(5));
    for n in 0..100 {
        waits(&mut assembler, &part(n + 1, id(n), 1, 2, "{"));
    }
    let summary = assembler.summary();
    assert_eq!((summary.incomplete, summary.reports_dropped), (95, 90));
    assert_eq!(assembler.take_expired().len(), 5);
    // At the end all that waits is reported.
    assert_eq!(assembler.finish().len(), 5);
    is_accounted(&assembler.summary(), 0);
}

#[test]
fn finished_documents_are_forgotten_in_time() {
    let limits = AssemblerLimits::default().max_finished_bytes(20 * 200);
    let mut assembler = Assembler::with_limits(limits);
    for n in 0..100 {
        waits(&mut assembler, &part(2 * n + 1, id(n), 1, 2, "{"));
        gives(&mut assembler, &part(2 * n + 2, id(n), 2, 2, "}"), "{}");
    }
    waits(&mut assembler, &part(301, id(99), 1, 2, "{"));
    assert!(assembler.waiting_records().is_empty());
    waits(&mut assembler, &part(302, id(0), 1, 2, "{"));
    assert_eq!(assembler.waiting_records(), [302]);

    let mut forgetful = Assembler::with_limits(AssemblerLimits::default().max_finished_bytes(0));
    waits(&mut forgetful, &part(1, ID, 1, 2, "{"));
    gives(&mut forgetful, &part(2, ID, 2, 2, "}"), "{}");
    waits(&mut forgetful, &part(3, ID, 1, 2, "{"));
    assert_eq!(forgetful.waiting_records(), [3]);
}

#[test]
fn the_summary_reads_well() {
    let mut assembler = Assembler::new();
    waits(&mut assembler, &part(1, ID, 1, 2, "{"));
    gives(&mut assembler, &part(2, ID, 2, 2, "}"), "{}");
    gives(&mut assembler, &whole(3, "{}"), "{}");
    assert_eq!(
        assembler.summary().to_string(),
        "3 events: 2 documents (1 of 2 parts)"
    );
    fails(&mut assembler, &event(1, 4), &ErrorKind::NoDocument);
    assert_eq!(
        assembler.summary().to_string(),
        "4 events: 2 documents (1 of 2 parts), 1 without a document"
    );
}
