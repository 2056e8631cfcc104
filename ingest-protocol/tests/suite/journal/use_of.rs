//! Everyday use: reading while writing, releasing, erasing.

use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::journal::{Append, Item, Journal, Options, Rewrite, SyncPolicy};

use super::{indices, open, read_all, segments};

#[test]
fn only_what_is_durable_is_read() {
    let disk = SimDisk::new(0);
    let options = Options::new([1; 16]).sync(SyncPolicy::Caller);
    let (mut journal, report) = Journal::open(disk, options).unwrap();
    assert!(report.is_new() && report.findings().is_empty());
    let mut reader = journal.reader();
    for index in 1..=3 {
        let position = journal.append(Append::new(1, &[index])).unwrap();
        assert_eq!(position.index(), u64::from(index));
        assert_eq!(journal.read(&mut reader).unwrap(), None);
        assert_eq!(journal.position().index(), u64::from(index) - 1);
        assert_eq!(journal.sync().unwrap(), position);
        let Some(Item::Entry(entry)) = journal.read(&mut reader).unwrap() else {
            panic!("nothing to read");
        };
        assert_eq!(entry.body().as_ref(), [index]);
        assert_eq!(reader.next_index(), u64::from(index) + 1);
    }
    assert_eq!(journal.backlog(), 3);
}

#[test]
fn a_group_is_synced_when_it_is_large_enough() {
    let group = |entries, bytes| {
        let options = Options::new([1; 16]).sync(SyncPolicy::Group { entries, bytes });
        let (mut journal, _) = Journal::open(SimDisk::new(0), options).unwrap();
        let mut durable = Vec::new();
        for _ in 0..6 {
            journal.append(Append::new(1, &[0; 100])).unwrap();
            durable.push(journal.position().index());
        }
        durable
    };
    assert_eq!(group(3, u64::MAX), [0, 0, 3, 3, 3, 6]);
    // An entry of 100 bytes takes 184.
    assert_eq!(group(u64::MAX, 2 * 184), [0, 2, 2, 4, 4, 6]);
    assert_eq!(group(u64::MAX, 2 * 184 + 1), [0, 0, 3, 3, 3, 6]);
}

#[test]
fn releasing_removes_segments_and_keeps_cursor_and_states() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk, 1);
    journal
        .append(Append::new(1, b"").state([1; 16], b"one").cursor(b"first"))
        .unwrap();
    journal
        .append(Append::new(1, b"").state([2; 16], b"two"))
        .unwrap();
    journal.append(Append::new(1, b"").forget([2; 16])).unwrap();
    for _ in 0..20 {
        journal.append(Append::new(1, &[0; 1000])).unwrap();
    }
    assert!(segments(&disk).len() > 4);
    let mut reader = journal.reader();
    assert!(journal.read(&mut reader).unwrap().is_some());
    assert!(journal.release(21).unwrap() > 3);
    // A reader that was behind goes on after what was released.
    let Some(Item::Entry(entry)) = journal.read(&mut reader).unwrap() else {
        panic!("nothing to read");
    };
    assert_eq!(entry.index(), 22);
    journal.close().unwrap();
    let mut journal = open(&disk, 2);
    assert_eq!(journal.cursor(), Some(&b"first"[..]));
    assert_eq!(
        journal.states().collect::<Vec<_>>(),
        [([1; 16], &b"one"[..])]
    );
    assert_eq!(journal.released(), 21);
    assert_eq!(indices(&read_all(&mut journal).0), [22, 23]);
}

#[test]
fn what_is_erased_is_on_no_file_and_nothing_else_changes() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk, 1);
    let mut positions = Vec::new();
    for index in 0..20_u8 {
        let body = [
            b"secret-of-",
            [b"bob", b"eve"][usize::from(index % 2)].as_slice(),
        ]
        .concat();
        let body = [body, vec![0; 800]].concat();
        let cursor = [index];
        let append = Append::new(1, &body).cursor(&cursor);
        positions.push(journal.append(append.state([index; 16], &cursor)).unwrap());
    }
    journal.release(2).unwrap();
    let mut reader = journal.reader();
    journal.read(&mut reader).unwrap();
    let changed = journal
        .erase(|entry| match entry.index() {
            20 => Rewrite::Replace(b"another body".to_vec()),
            _ if entry.body().starts_with(b"secret-of-bob") => Rewrite::Erase,
            _ => Rewrite::Keep,
        })
        .unwrap();
    assert_eq!(changed, 11);
    for file in disk.names() {
        let bytes = disk.get(&file).unwrap();
        assert!(
            !bytes.windows(13).any(|window| window == b"secret-of-bob"),
            "{file}"
        );
    }
    assert_eq!(journal.used_bytes(), disk.used());
    // The reader goes on in the file that was written anew.
    let Some(Item::Entry(entry)) = journal.read(&mut reader).unwrap() else {
        panic!("nothing to read");
    };
    assert_eq!(entry.index(), 4);
    let again = journal.erase(|entry| {
        assert!(!entry.is_erased());
        Rewrite::Keep
    });
    assert_eq!(again.unwrap(), 0);
    drop(journal);
    disk.crash();
    let (mut journal, report) = Journal::open(disk, Options::new([2; 16])).unwrap();
    assert!(report.findings().is_empty(), "{report}");
    assert_eq!(journal.cursor(), Some(&[19][..]));
    assert_eq!(journal.states().count(), 20);
    let (entries, lost) = read_all(&mut journal);
    assert!(lost.is_empty());
    assert_eq!(entries.len() as u64, 20 - journal.released());
    for entry in &entries {
        assert_eq!(entry.is_erased(), entry.index() % 2 == 1);
        assert_eq!(entry.body().is_empty(), entry.is_erased());
        assert_eq!(entry.cursor().unwrap().as_ref(), [entry.index() as u8 - 1]);
    }
    assert_eq!(entries.last().unwrap().body().as_ref(), b"another body");
    for position in &positions[journal.released() as usize..] {
        journal.reader_after(position).unwrap();
    }
}

#[test]
fn a_large_checkpoint_makes_segments_longer_and_not_the_disk_full_of_checkpoints() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk, 1);
    for stream in 0..100 {
        journal
            .append(Append::new(1, b"").state([stream; 16], &[0; 1000]))
            .unwrap();
    }
    let before = segments(&disk).len();
    for stream in 0..100_u8 {
        for round in 1..16 {
            journal
                .append(Append::new(1, b"").state([stream; 16], &[round; 1000]))
                .unwrap();
        }
    }
    let after = segments(&disk);
    // The last is not full yet. An entry takes 1,080 bytes, a checkpoint about 100 kB.
    let full = &after[before..after.len() - 1];
    assert!(full.len() >= 2);
    for file in full {
        let bytes = disk.get(file).unwrap();
        let checkpoint = u64::from_le_bytes(bytes[88..96].try_into().unwrap());
        assert_eq!(checkpoint, 16 + 100 * 1020);
        let entries = bytes.len() as u64 - 1024 - checkpoint;
        let most = 4 * checkpoint;
        assert!((most - 1080..=most).contains(&entries), "{entries}");
    }
}

#[test]
fn opening_and_closing_writes_no_segment() {
    let disk = SimDisk::new(0);
    for opening in 0..5 {
        open(&disk, opening).close().unwrap();
    }
    assert!(segments(&disk).is_empty());
    open(&disk, 1).append(Append::new(1, b"")).unwrap();
    for opening in 0..5 {
        open(&disk, opening).close().unwrap();
    }
    assert_eq!(segments(&disk).len(), 1);
}
