//! What later versions write: passed over, or refused with nothing changed.

use crc_fast::{CrcAlgorithm, checksum};
use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::journal::{Append, Error, Finding, Item, Journal, Options, Rewrite};

use super::{indices, open, read_all, segments};

/// Where the first entry of a segment with an empty checkpoint begins, and its header's and
/// payload's lengths when it has a body of 8 bytes.
const ENTRY: usize = 1024 + 16;
const HEADER: usize = 72;
const PAYLOAD: usize = 8;

fn crc(parts: &[&[u8]]) -> [u8; 8] {
    checksum(CrcAlgorithm::Crc64Nvme, &parts.concat()).to_le_bytes()
}

/// Changes a byte of the entry at `at`, which has a body of 8 bytes and nothing else, and
/// makes its checksums right.
fn change(disk: &SimDisk, file: &str, at: usize, byte: usize, value: u8) {
    let mut bytes = disk.get(file).unwrap();
    assert_eq!(bytes[at..at + 4], *b"IGJE");
    bytes[at + byte] = value;
    let seed = [&bytes[32..48], &bytes[64..72]].concat();
    let header = crc(&[&seed, &bytes[at..at + HEADER - 8]]);
    bytes[at + HEADER - 8..at + HEADER].copy_from_slice(&header);
    let end = at + HEADER + PAYLOAD;
    let payload = crc(&[&seed, &header, &bytes[at + HEADER..end]]);
    bytes[end..end + 8].copy_from_slice(&payload);
    disk.put(file, bytes);
}

/// Changes a byte of every block of a file that has a magic.
fn change_blocks(disk: &SimDisk, file: &str, byte: usize) {
    let mut bytes = disk.get(file).unwrap();
    for block in [0, 512, 4096] {
        if bytes.len() >= block + 512 && bytes[block] == 0x89 {
            bytes[block + byte] |= 2;
            let sum = crc(&[&bytes[block..block + 504]]);
            bytes[block + 504..block + 512].copy_from_slice(&sum);
        }
    }
    disk.put(file, bytes);
}

/// A journal at whose opening everything is to be done that opening does: a leftover segment
/// to remove, an unfinished file, a torn end to cut, entries to confirm.
fn needy() -> SimDisk {
    let disk = SimDisk::new(0);
    open(&disk, 1).append(Append::new(1, b"released")).unwrap();
    let leftover = segments(&disk).remove(0);
    let bytes = disk.get(&leftover).unwrap();
    let mut journal = open(&disk, 2);
    journal.append(Append::new(1, b"body - 2")).unwrap();
    assert_eq!(journal.release(1).unwrap(), 1);
    drop(journal);
    disk.put(&leftover, bytes);
    disk.put("00000000000000ff.segment.new", b"unfinished".to_vec());
    let last = segments(&disk).remove(1);
    let mut bytes = disk.get(&last).unwrap();
    bytes.extend([1; 100]);
    disk.put(&last, bytes);
    disk
}

type Files = Vec<(String, Vec<u8>)>;

fn files(disk: &SimDisk) -> Files {
    let names = disk.names().into_iter();
    names
        .map(|name| (name.clone(), disk.get(&name).unwrap()))
        .collect()
}

#[test]
fn what_is_refused_is_left_as_it_is() {
    type Change = fn(&SimDisk, &str);
    let changes: [(&str, &str, Change); 6] = [
        ("segment", "major version", |disk, file| {
            change_blocks(disk, file, 8);
        }),
        ("segment", "must flag", |disk, file| {
            change_blocks(disk, file, 12);
        }),
        ("marks", "major version", |disk, _| {
            change_blocks(disk, "marks", 8);
        }),
        ("marks", "must flag", |disk, _| {
            change_blocks(disk, "marks", 12);
        }),
        ("segment", "entry kind", |disk, file| {
            change(disk, file, ENTRY, 4, 248);
        }),
        ("segment", "entry flag", |disk, file| {
            change(disk, file, ENTRY, 5, 8);
        }),
    ];
    for (which, what, change) in changes {
        let disk = needy();
        let last = segments(&disk).remove(1);
        change(&disk, &last);
        let before = (files(&disk), disk.operations());
        match Journal::open(disk.clone(), Options::new([8; 16])) {
            Err(Error::Unsupported { file, what: said }) => {
                let expected = if which == "marks" { which } else { &last };
                assert_eq!((file.as_str(), said), (expected, what));
            }
            other => panic!("{which}, {what}: {other:?}"),
        }
        assert_eq!((files(&disk), disk.operations()), before, "{which}, {what}");
    }
    // Without them, all of it is done.
    let disk = needy();
    let before = files(&disk);
    let last = segments(&disk).remove(1);
    let (journal, report) = Journal::open(disk.clone(), Options::new([8; 16])).unwrap();
    let file = "00000000000000ff.segment.new".to_owned();
    let torn = Finding::TornTail {
        segment: 2,
        offset: (ENTRY + HEADER + PAYLOAD + 8) as u64,
        bytes: 100,
        entries: 0,
    };
    assert_eq!(report.findings(), [Finding::Unfinished { file }, torn]);
    assert_eq!(disk.names(), [last.clone(), "marks".to_owned()]);
    let (_, torn) = &before.iter().find(|(name, _)| *name == last).unwrap();
    assert_eq!(disk.get(&last).unwrap(), torn[..torn.len() - 100]);
    assert_eq!(disk.used(), journal.used_bytes());
}

#[test]
fn counters_that_leave_no_room_are_refused() {
    // The marks know of a segment after which there is no number for another.
    let disk = needy();
    let mut marks = disk.get("marks").unwrap();
    for slot in [0, 4096] {
        marks[slot + 40..slot + 48].copy_from_slice(&((1_u64 << 62) - 1).to_le_bytes());
        let sum = crc(&[&marks[slot..slot + 504]]);
        marks[slot + 504..slot + 512].copy_from_slice(&sum);
    }
    disk.put("marks", marks);
    let before = (files(&disk), disk.operations());
    let refused = Journal::open(disk.clone(), Options::new([8; 16])).unwrap_err();
    assert!(matches!(refused, Error::Unsupported { .. }), "{refused:?}");
    assert_eq!((files(&disk), disk.operations()), before);
}

#[test]
fn kinds_of_later_versions_are_passed_over_and_never_offered_for_erasing() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk, 1);
    for index in 1..=3 {
        let body = format!("body - {index}");
        journal.append(Append::new(1, body.as_bytes())).unwrap();
    }
    drop(journal);
    let file = segments(&disk).remove(0);
    let second = ENTRY + HEADER + PAYLOAD + 8;
    for kind in 241..=247 {
        change(&disk, &file, second, 4, kind);
        let later = disk.backup();
        let mut journal = open(&later, 2);
        assert_eq!(indices(&read_all(&mut journal).0), [1, 3]);
        let mut offered = Vec::new();
        let erased = journal.erase(|entry| {
            offered.push(entry.index());
            match entry.index() {
                1 => Rewrite::Erase,
                _ => Rewrite::Keep,
            }
        });
        assert_eq!((erased.unwrap(), offered), (1, vec![1, 3]), "kind {kind}");
        // It is still there for the version that knows it.
        let rewritten = later.get(&file).unwrap();
        let kept = rewritten.windows(8).position(|w| w == b"body - 2").unwrap();
        assert_eq!(rewritten[kept - HEADER + 4], kind);
        assert!(!rewritten.windows(8).any(|w| w == b"body - 1"));
        let (entries, lost) = read_all(&mut journal);
        assert_eq!((indices(&entries), lost), (vec![1, 3], vec![]));
    }
}

#[test]
fn how_often_a_segment_was_rewritten_may_be_any_number() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk, 1);
    for index in 1..=3 {
        let body = format!("body - {index}");
        journal.append(Append::new(1, body.as_bytes())).unwrap();
    }
    drop(journal);
    let file = segments(&disk).remove(0);
    let mut bytes = disk.get(&file).unwrap();
    for head in [0, 512] {
        bytes[head + 80..head + 88].fill(0xff);
        let sum = crc(&[&bytes[head..head + 504]]);
        bytes[head + 504..head + 512].copy_from_slice(&sum);
    }
    disk.put(&file, bytes);
    let mut journal = open(&disk, 2);
    let mut reader = journal.reader();
    assert!(journal.read(&mut reader).unwrap().is_some());
    let erase = |entry: &ingest_protocol::journal::Entry| match entry.index() {
        2 => Rewrite::Erase,
        _ => Rewrite::Keep,
    };
    assert_eq!(journal.erase(erase).unwrap(), 1);
    assert_eq!(disk.get(&file).unwrap()[80..88], [0; 8]);
    // A reader that was amid it goes on.
    let Some(Item::Entry(entry)) = journal.read(&mut reader).unwrap() else {
        panic!("nothing to read");
    };
    assert!(entry.index() == 2 && entry.is_erased());
}
