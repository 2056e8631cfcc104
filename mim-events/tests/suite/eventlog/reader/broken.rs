//! Damage inside a chunk.

use super::*;

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

#[test]
fn the_second_lane_goes_on_behind_a_record_with_any_number() {
    if cfg!(not(feature = "evtx")) {
        return;
    }
    let payload = || element("EventData").child(element("Data").node(Node::CData("text")));
    let mut chunk = Chunk::new(1);
    for record in 1..=3 {
        chunk.record(TIME, &manifest(record, payload(), Vec::new()));
    }
    let mut log = log(&[chunk.finish()]);
    for number in [u64::MAX, u64::MAX - 1, 0] {
        let second = offsets(&log)[1];
        log[second + 8..second + 16].copy_from_slice(&number.to_le_bytes());
        let found = read(&log);
        assert_eq!(found.lanes, [Lane::Evtx; 3], "{number}");
        assert_eq!(found.errors.len(), 0);
    }
}
