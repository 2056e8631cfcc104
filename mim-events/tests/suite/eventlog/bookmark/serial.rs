//! The stored form of a bookmark: what was written is read for ever, and
//! whatever is read does no harm.

use super::*;
use proptest::prelude::*;
use serde_json::json;

/// The form that version 1 writes. It must never change.
const VERSION_1: &str = concat!(
    r#"{"version":1,"read_through":40,"newest":132210191826330401,"anchors":["#,
    r#"[1,132210191826330011],[17,132210191826330171],"#,
    r#"[33,132210191826330331],[40,132210191826330401]],"#,
    r#""waiting":[[3,4],[17,17]]}"#
);

#[test]
fn version_1_is_written_and_read() {
    let log = Log::of(1..=40).bytes();
    let bookmark = after(&log, 40).waiting_for([17, 3, 4]);
    assert_eq!(serde_json::to_string(&bookmark).unwrap(), VERSION_1);
    let read: Bookmark = serde_json::from_str(VERSION_1).unwrap();
    assert_eq!(read, bookmark);
    assert_eq!((read.version(), read.read_through()), (1, Some(40)));
    assert_eq!(read.newest(), mim_events::time::from_filetime(TIME + 400));
    assert_eq!(resume(&log, &read).1, [3, 4, 17]);
    let nothing = serde_json::to_string(&Bookmark::new()).unwrap();
    assert_eq!(nothing, r#"{"version":1}"#);
    assert_eq!(stored(&Bookmark::new()), Bookmark::default());
}

#[test]
fn a_long_life_takes_little_room() {
    let mut log = Log::new(1_000_000_000, 3);
    let mut bookmark = Bookmark::new();
    for _ in 0..400 {
        log.grow(9);
        bookmark = resume(&log.bytes(), &bookmark).2;
        let text = serde_json::to_string(&bookmark).unwrap();
        assert!(text.len() < 600, "{text}");
        assert_eq!(serde_json::from_str::<Bookmark>(&text).unwrap(), bookmark);
    }
}

#[test]
fn what_later_versions_add_is_passed_over() {
    let mut form: serde_json::Value = serde_json::from_str(VERSION_1).unwrap();
    form["shape"] = json!({"of": ["things", null, 1.5]});
    let bookmark: Bookmark = serde_json::from_value(form).unwrap();
    assert_eq!(serde_json::to_string(&bookmark).unwrap(), VERSION_1);
}

#[test]
fn a_newer_version_is_refused_where_it_is_used() {
    let text = r#"{"version":2,"read_through":{"channel":7},"anchors":"x"}"#;
    let bookmark: Bookmark = serde_json::from_str(text).unwrap();
    assert_eq!(bookmark.version(), 2);
    let log = Log::of(1..=2).bytes();
    let reader = LogReader::from_slice(&log).unwrap();
    let error = reader.resume(&bookmark).unwrap_err();
    let kind = ErrorKind::BookmarkVersion {
        version: 2,
        known: 1,
    };
    assert_eq!(error.kind(), &kind);
    assert!(!error.is_recoverable());
    assert!(error.to_string().contains("update this program"), "{error}");
    // It is not stored as something that it is not.
    assert!(serde_json::to_string(&bookmark).is_err());
}

#[test]
fn what_is_no_bookmark_is_an_error() {
    for text in [
        "",
        "7",
        "[]",
        r#"{"version":-1}"#,
        r#"{"version":1,"read_through":"a"}"#,
        r#"{"version":1,"read_through":1,"anchors":[[1]]}"#,
        r#"{"version":1,"read_through":1,"waiting":[[1,2,3]]}"#,
        r#"{"version":1,"read_through":18446744073709551616}"#,
    ] {
        assert!(serde_json::from_str::<Bookmark>(text).is_err(), "{text}");
    }
}

#[test]
fn hostile_bookmarks_do_no_harm() {
    let log = Log::of(1..=30);
    let many: Vec<_> = (0..100_000_u64).map(|n| [n * 5, n * 5 + 1]).collect();
    let max = u64::MAX;
    for form in [
        json!({"read_through": 0}),
        json!({"read_through": max, "newest": max, "anchors": [[max, max]], "waiting": [[0, max]]}),
        json!({"read_through": max, "anchors": [[max, 0], [0, max], [15, 3]], "waiting": [[9, 2]]}),
        json!({"read_through": 20, "waiting": many, "read_again": max}),
        json!({"read_through": 20, "anchors": many, "newest": 0}),
        json!({"read_through": 5, "anchors": [[max, max]], "waiting": [[4, max], [max, 0]]}),
        json!({"anchors": [[1, 1]], "waiting": [[1, 5]], "newest": 3}),
    ] {
        let bookmark: Bookmark = serde_json::from_value(form).unwrap();
        assert!(bookmark.waiting().len() <= 256);
        let text = serde_json::to_string(&bookmark).unwrap();
        assert!(text.len() < 12 << 10);
        assert_eq!(serde_json::from_str::<Bookmark>(&text).unwrap(), bookmark);
        for bytes in [log.bytes(), Log::new(1, 9).bytes(), log_with_flags(&[], 1)] {
            check(&bytes, &bookmark);
        }
    }
}

/// Nothing is given twice, and nothing that the bookmark has behind it but
/// what waits.
fn check(bytes: &[u8], bookmark: &Bookmark) {
    let reader = LogReader::from_slice(bytes).unwrap();
    let (mut reader, resumed) = reader.resume(bookmark).unwrap();
    let read = rest(&mut reader);
    assert!(read.is_sorted_by(|one, other| one < other));
    if resumed.found == Found::Continued {
        let through = bookmark.read_through().unwrap();
        let waits = |n: &u64| bookmark.waiting().any(|range| range.contains(n));
        assert!(read.iter().all(|n| *n > through || waits(n)));
    }
    let again = stored_at_any_length(&reader.bookmark());
    let reader = LogReader::from_slice(bytes).unwrap();
    let (mut reader, _) = reader.resume(&again).unwrap();
    assert!(rest(&mut reader).is_empty() || resumed.found == Found::Empty);
}

fn stored_at_any_length(bookmark: &Bookmark) -> Bookmark {
    let text = serde_json::to_string(bookmark).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..40_u64, TIME..TIME + 400, any::<u64>(), Just(u64::MAX)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bookmark_does_no_harm(
        through in prop::option::of(number()),
        newest in prop::option::of(number()),
        anchors in prop::collection::vec((number(), number()), 0..30),
        waiting in prop::collection::vec((number(), number()), 0..30),
        records in 0..24_u64,
    ) {
        let form = json!({
            "version": 1, "read_through": through, "newest": newest,
            "anchors": anchors, "waiting": waiting,
        });
        let bookmark: Bookmark = serde_json::from_value(form).unwrap();
        prop_assert_eq!(&stored_at_any_length(&bookmark), &bookmark);
        let mut log = Log::new(7, 5);
        log.grow(records);
        check(&log.bytes(), &bookmark);
    }
}

#[test]
fn a_bookmark_without_anchors_does_not_get_one_of_an_older_record() {
    // The oldest record is known by its time, the last one that was read is not.
    let form = json!({"read_through": 16, "newest": TIME + 70});
    let bookmark: Bookmark = serde_json::from_value(form).unwrap();
    let mut log = Log::new(7, 5);
    log.grow(10);
    check(&log.bytes(), &bookmark);
}
