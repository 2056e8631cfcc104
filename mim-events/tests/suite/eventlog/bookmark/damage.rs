//! Damage, and records that are not whole yet, from visit to visit.

use super::*;

#[test]
fn damage_that_was_reported_is_not_reported_again() {
    let log = Log::of(1..=16);
    let mut bytes = log.bytes();
    // Chunk 1 loses its signature, chunk 2 its second record's.
    bytes[FILE_HEADER + CHUNK] ^= 1;
    let chunk = &mut bytes[FILE_HEADER + 2 * CHUNK..][..CHUNK];
    let second = 512 + u32::from_le_bytes(chunk[516..520].try_into().unwrap()) as usize;
    chunk[second] ^= 1;
    let mut reader = LogReader::from_slice(&bytes).unwrap();
    let (mut read, mut errors, mut bookmarks) = (vec![], vec![], vec![]);
    while let Some(event) = reader.next_event() {
        match event {
            Ok(event) => read.push(event.header_id()),
            Err(error) => errors.push(error.to_string()),
        }
        bookmarks.push(stored(&reader.bookmark()));
    }
    assert_eq!(read, [1, 2, 3, 4, 9, 11, 12, 13, 14, 15, 16]);
    assert_eq!(errors.len(), 2);
    let summary = reader.summary();
    assert_eq!((summary.records_missing, summary.records_damaged), (4, 1));
    // From every point on, it is as if the program had not been killed.
    for (at, bookmark) in bookmarks.iter().enumerate() {
        let (mut reader, resumed) = LogReader::from_slice(&bytes)
            .unwrap()
            .resume(bookmark)
            .unwrap();
        assert_eq!((resumed.found, resumed.lost), (Found::Continued, 0));
        let (mut again, mut count) = (vec![], 0);
        while let Some(event) = reader.next_event() {
            match event {
                Ok(event) => again.push(event.header_id()),
                Err(_) => count += 1,
            }
        }
        let through = bookmark.read_through().unwrap();
        assert!(read.iter().filter(|&&n| n > through).eq(&again), "{at}");
        // The chunk without a signature has no number of its own.
        let left = usize::from(through < 9) + usize::from(through < 10);
        assert_eq!(count, left, "{at}");
    }
    // A reader that stays says it once, and so does one that can't tell.
    let _ = reader.refresh().unwrap();
    assert!(reader.next_event().is_none());
    assert_eq!(reader.summary(), summary);
}

#[test]
fn a_record_with_a_wrong_number_does_not_stand_for_others() {
    let mut bytes = Log::of(1..=6).bytes();
    let chunk = &mut bytes[FILE_HEADER..];
    let size = |at: usize| u32::from_le_bytes(chunk[at + 4..at + 8].try_into().unwrap()) as usize;
    let second = 512 + size(512);
    let third = second + size(second);
    chunk[third + 15] = 0x80;
    let bookmark = after(&bytes, 3);
    assert_eq!(bookmark.read_through(), Some(3));
    assert_eq!(resume(&bytes, &bookmark).1, [4, 5, 6]);
    assert_eq!(after(&bytes, 6).read_through(), Some(6));
}

#[test]
fn records_of_which_the_newest_header_does_not_tell_are_found() {
    let mut log = Log::of(1..=9);
    let (mut bookmark, mut read) = (Bookmark::new(), Vec::new());
    for _ in 0..8 {
        for behind in [4, 3, 1, 0] {
            let bytes = log.bytes_as(Tail::Lags(behind));
            let (resumed, new, after) = resume(&bytes, &bookmark);
            assert_eq!(resumed.lost, 0);
            read.extend(new);
            bookmark = after;
        }
        assert_eq!(read, numbers(&log));
        log.grow(1);
    }
}

#[test]
fn a_record_that_is_not_whole_yet_is_no_damage() {
    let log = Log::of(1..=6);
    let mut grown = log.clone();
    grown.append(TIME * 2, "{}");
    for told in [false, true] {
        for bytes in (0..1400).step_by(97) {
            let torn = log.bytes_as(Tail::Torn { told, bytes });
            let source = Shared::new(torn.clone());
            let mut reader = LogReader::new(source.clone()).unwrap();
            assert_eq!(rest(&mut reader), [1, 2, 3, 4, 5, 6]);
            let summary = reader.summary();
            assert_eq!(summary.bytes_unfinished > 0, told);
            assert!(!summary.has_losses(), "{summary}");
            let bookmark = stored(&reader.bookmark());
            // Still not whole: the same.
            assert_eq!(reader.refresh().unwrap().found, Found::Continued);
            assert_eq!(rest(&mut reader), [0; 0]);
            assert_eq!(reader.summary().bytes_unfinished, summary.bytes_unfinished);
            assert_eq!(resume(&torn, &bookmark).1, [0; 0]);
            // Whole.
            source.put(grown.bytes_as(Tail::Lags(0)));
            assert_eq!(reader.refresh().unwrap().found, Found::Continued);
            assert_eq!(rest(&mut reader), [7]);
            assert_eq!(reader.summary().bytes_unfinished, 0);
            assert_eq!(resume(&grown.bytes(), &bookmark).1, [7]);
        }
    }
}

#[test]
fn what_is_never_whole_is_damage_when_the_log_goes_on_elsewhere() {
    let log = Log::of(1..=6);
    let torn = log.bytes_as(Tail::Torn {
        told: true,
        bytes: 300,
    });
    let bookmark = after(&torn, 6);
    let mut bytes = torn;
    let mut next = Log::of(9..=10).bytes_as(Tail::Lags(0));
    bytes.extend(next.drain(FILE_HEADER..));
    let (mut reader, _) = LogReader::from_slice(&bytes)
        .unwrap()
        .resume(&bookmark)
        .unwrap();
    // What is left of it is given, and then an error.
    assert_eq!(reader.next_event().unwrap().unwrap().header_id(), 7);
    let error = reader.next_event().unwrap().unwrap_err();
    assert_eq!(error.record_id(), Some(7));
    assert_eq!(rest(&mut reader), [9, 10]);
    let summary = reader.summary();
    assert_eq!((summary.events_incomplete, summary.records_missing), (1, 1));
    assert_eq!(summary.bytes_unfinished, 0);
}
