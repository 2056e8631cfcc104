//! The largest events, and what is refused.

use mim_events::ErrorKind;
use mim_events::eventlog::text_capacity;

use super::*;

#[test]
fn text_capacity_is_exact() {
    for (provider, channel, computer, user, known) in [
        (MIM_PROVIDER, MIM_CHANNEL, COMPUTER, None, Some(31_847)),
        (MIM_PROVIDER, MIM_CHANNEL, COMPUTER, Some(SID), Some(31_833)),
        (MIM_PROVIDER, MIM_CHANNEL, "", None, Some(31_867)),
        ("", "", "", None, None),
        ("P", "Ç", "😀", Some("S-1-5-18"), None),
        (&"p".repeat(300), &"c".repeat(5000), COMPUTER, None, None),
        (&"p".repeat(31_000), "", "", None, None),
    ] {
        let capacity = text_capacity(provider, channel, computer, user);
        if let Some(known) = known {
            assert_eq!(capacity, known);
        }
        let event = |length: usize| {
            let event = OwnedLogEvent::new(provider, REQUEST)
                .channel(channel)
                .computer(computer)
                .data("é".repeat(length));
            match user {
                Some(user) => event.user(user),
                None => event,
            }
        };
        let mut writer = LogWriter::new(Cursor::new(Vec::new())).unwrap();
        let fitting = event(capacity);
        writer.write(&fitting.as_event()).unwrap();
        // The chunk is full, so this goes to a chunk of its own.
        writer.write(&fitting.as_event()).unwrap();
        let error = writer.write(&event(capacity + 1).as_event()).unwrap_err();
        assert_eq!(
            *error.kind(),
            ErrorKind::RecordTooLarge {
                needed: CAPACITY + 8,
                capacity: CAPACITY
            }
        );
        assert!(error.is_recoverable());
        assert_eq!(error.record_id(), Some(3));
        let file = writer.finish().unwrap().into_inner();
        assert_eq!(file.len(), CHUNK + 2 * 65_536);
        let records = read(&file);
        assert_eq!(strings(&records[1])[0].chars().count(), capacity);
    }
    let long = "x".repeat(40_000);
    assert_eq!(text_capacity(&long, "", "", None), 0);
    assert_eq!(text_capacity(&long, &long, &long, Some(&long)), 0);
}

#[test]
fn what_is_refused_changes_nothing() {
    let good = || {
        [
            request().data("a"),
            request().data("b".repeat(20_000)),
            request().computer("c2").data("c".repeat(20_000)),
        ]
    };
    let huge = "x".repeat(40_000);
    let refused = [
        request().data("x".repeat(31_848)),
        request().data("x".repeat(200_000)),
        request().named_data(&huge, "v"),
        request().named_data("n", &huge),
        request().computer(&huge).data(""),
        OwnedLogEvent::new(&huge, 1),
        OwnedLogEvent::new("P", 65_536),
        request().user("CONTOSO\\dana"),
        request().created(time("1600-12-31T00:00:00Z")),
    ];
    let mut writer = LogWriter::new(Cursor::new(Vec::new())).unwrap();
    for event in good() {
        for refused in &refused {
            let error = writer.write(&refused.as_event()).unwrap_err();
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::RecordTooLarge { .. } | ErrorKind::Event { .. }
                ),
                "{error}"
            );
        }
        writer.write(&event.as_event()).unwrap();
    }
    let file = writer.finish().unwrap().into_inner();
    assert_eq!(file, write(good()));
    assert_eq!(read(&file).len(), 3);
}

#[test]
fn every_size_is_aligned_and_read() {
    // All remainders of 8, small and near the largest.
    let sizes = (0..64)
        .chain(31_780..=31_847)
        .chain((0..40).map(|n| n * 800));
    let sizes: Vec<usize> = sizes.collect();
    let file = write(sizes.iter().map(|&n| request().data("s".repeat(n))));
    let records = read(&file);
    assert_eq!(records.len(), sizes.len());
    for (record, size) in records.iter().zip(sizes) {
        assert_eq!(strings(record)[0].len(), size);
    }
}
