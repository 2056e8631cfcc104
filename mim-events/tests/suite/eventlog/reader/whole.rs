//! The file as a whole.

use super::*;

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
