//! Disks that are full, read-only or broken.

use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::journal::{Append, Error, Journal, Options, PositionProblem, SyncPolicy};

use super::{indices, open, read_all, segments};

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    for policy in [SyncPolicy::EachAppend, SyncPolicy::Caller] {
        let disk = SimDisk::new(3);
        let options = Options::new([1; 16]).segment_bytes(4096).sync(policy);
        let (mut journal, _) = Journal::open(disk.clone(), options).unwrap();
        let mut appended = 0;
        for _ in 0..5 {
            appended = journal.append(Append::new(1, &[7; 1500])).unwrap().index();
        }
        journal.sync().unwrap();
        disk.set_capacity(Some(disk.used() + 700));
        let refused = loop {
            // Under the caller's policy it is the sync that meets the full disk.
            match journal.append(Append::new(1, &[8; 1500])) {
                Ok(position) => appended = position.index(),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, Error::DiskFull { .. }), "{refused:?}");
        assert!(refused.is_retryable() && !journal.is_poisoned());
        if policy == SyncPolicy::EachAppend {
            // What was written of it does not keep the disk full.
            assert_eq!(disk.used(), journal.used_bytes());
        }
        // Segments go without more room, and then appending goes on with the same index.
        assert!(journal.release(journal.position().index()).unwrap() > 0);
        let next = journal.append(Append::new(1, &[9; 1500])).unwrap();
        assert_eq!(next.index(), appended + 1);
        journal.sync().unwrap();
        drop(journal);
        disk.crash();
        let mut journal = open(&disk, 2);
        assert_eq!(journal.position().index(), appended + 1);
        let (entries, lost) = read_all(&mut journal);
        assert_eq!(entries.last().unwrap().body(), &vec![9; 1500]);
        assert!(lost.is_empty());
    }
}

#[test]
fn the_cap_is_kept_and_release_makes_room() {
    let disk = SimDisk::new(0);
    let cap = 30_000;
    let options = Options::new([1; 16]).segment_bytes(4096).cap_bytes(cap);
    let (mut journal, _) = Journal::open(disk.clone(), options).unwrap();
    let mut last = 0;
    for round in 0..20 {
        loop {
            match journal.append(Append::new(1, &[0; 1000]).state([1; 16], &[round])) {
                Ok(position) => last = position.index(),
                Err(Error::Full {
                    needed,
                    used,
                    cap: said,
                }) => {
                    assert!(used + needed > said && said == cap);
                    break;
                }
                Err(error) => panic!("{error:?}"),
            }
            assert_eq!(disk.used(), journal.used_bytes());
            assert!(journal.used_bytes() <= cap);
        }
        assert_eq!(
            journal.state(&[1; 16]),
            Some(&[round][..]),
            "a refused append changes nothing"
        );
        journal.release(last).unwrap();
    }
    assert!(last > 200);
    // One entry that fills the rest is possible as soon as everything is released.
    journal.append(Append::new(1, &vec![0; 20_000])).unwrap();
}

#[test]
fn the_last_segment_gives_way_when_everything_is_released() {
    let disk = SimDisk::new(0);
    let options = Options::new([1; 16])
        .segment_bytes(15_000)
        .cap_bytes(30_000);
    let (mut journal, _) = Journal::open(disk.clone(), options).unwrap();
    for _ in 0..50 {
        let position = journal.append(Append::new(1, &[0; 12_000])).unwrap();
        journal.release(position.index()).unwrap();
    }
    drop(journal);
    // Also right after opening, when no segment is active.
    let (mut journal, _) = Journal::open(disk.clone(), options).unwrap();
    journal.release(journal.position().index()).unwrap();
    journal.append(Append::new(1, &[0; 14_000])).unwrap();
    assert!(disk.used() <= 30_000);
}

#[test]
fn after_a_failed_sync_nothing_is_written_until_the_journal_is_opened_again() {
    for failing in 0..12 {
        let disk = SimDisk::new(failing);
        let mut journal = open(&disk, 1);
        let mut durable = 0;
        disk.fail_sync_after(failing);
        let error = loop {
            match journal.append(Append::new(1, &[5; 2000])) {
                Ok(position) => durable = position.index(),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::SyncFailed { .. }), "{error:?}");
        assert!(!error.is_retryable() && journal.is_poisoned());
        let operations = disk.operations();
        assert!(matches!(
            journal.append(Append::new(1, b"")),
            Err(Error::Poisoned)
        ));
        assert!(matches!(journal.sync(), Err(Error::Poisoned)));
        assert!(matches!(journal.release(0), Err(Error::Poisoned)));
        assert_eq!(disk.operations(), operations);
        // What was durable can still be read, and nothing else.
        assert_eq!(read_all(&mut journal).0.len() as u64, durable);
        drop(journal);
        // Opening makes what it finds durable: a crash afterwards takes nothing.
        disk.kill();
        let mut journal = open(&disk, 2);
        let found = indices(&read_all(&mut journal).0);
        assert!(found.len() as u64 >= durable);
        drop(journal);
        disk.crash();
        assert_eq!(indices(&read_all(&mut open(&disk, 3)).0), found);
    }
}

#[test]
fn a_failed_write_poisons() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk, 1);
    journal.append(Append::new(1, b"one")).unwrap();
    disk.fail_write();
    let error = journal.append(Append::new(1, b"two")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
    assert!(matches!(
        journal.append(Append::new(1, b"")),
        Err(Error::Poisoned)
    ));
    drop(journal);
    assert_eq!(indices(&read_all(&mut open(&disk, 2)).0)[0], 1);
}

#[test]
fn a_read_only_disk_is_said_to_be_one_and_can_be_read() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk, 1);
    journal
        .append(Append::new(1, b"one").cursor(b"here"))
        .unwrap();
    disk.set_read_only(true);
    let error = journal.append(Append::new(1, b"two")).unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    drop(journal);
    let refused = Journal::open(disk.clone(), Options::new([2; 16])).unwrap_err();
    assert!(matches!(refused, Error::ReadOnly { .. }), "{refused:?}");

    let options = Options::new([2; 16]).read_only();
    let (mut journal, report) = Journal::open(disk.clone(), options).unwrap();
    assert_eq!(journal.cursor(), Some(&b"here"[..]));
    assert_eq!(read_all(&mut journal).0.len(), 1);
    assert_eq!(report.entries(), 1);
    // Several may read; nobody writes meanwhile.
    let (second, _) = Journal::open(disk.clone(), options).unwrap();
    disk.set_read_only(false);
    let locked = Journal::open(disk.clone(), Options::new([3; 16])).unwrap_err();
    assert!(matches!(locked, Error::Locked) && locked.is_retryable());
    let operations = disk.operations();
    for error in [
        journal.append(Append::new(1, b"")).map(drop).unwrap_err(),
        journal.release(1).map(drop).unwrap_err(),
        journal.sync().map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    }
    second.close().unwrap();
    drop(journal);
    assert_eq!(disk.operations(), operations);
}

#[test]
fn reading_only_cuts_nothing_off() {
    let disk = SimDisk::new(0);
    open(&disk, 1).append(Append::new(1, b"one")).unwrap();
    let file = segments(&disk).remove(0);
    let mut torn = disk.get(&file).unwrap();
    torn.extend([1; 100]);
    disk.put(&file, torn.clone());
    let (_, report) = Journal::open(disk.clone(), Options::new([2; 16]).read_only()).unwrap();
    assert_eq!(report.findings().len(), 1, "{report}");
    assert_eq!(disk.get(&file).unwrap(), torn);
    // Opening for writing does.
    let journal = open(&disk, 2);
    assert_eq!(disk.get(&file).unwrap(), torn[..torn.len() - 100]);
    assert_eq!(disk.used(), journal.used_bytes());
    let none = SimDisk::new(0);
    let missing = Journal::open(none, Options::new([2; 16]).read_only()).unwrap_err();
    assert!(matches!(missing, Error::Io { .. }), "{missing:?}");
}

#[test]
fn two_writers_never_have_it_open() {
    let disk = SimDisk::new(0);
    let journal = open(&disk, 1);
    let locked = Journal::open(disk.clone(), Options::new([2; 16])).unwrap_err();
    assert!(matches!(locked, Error::Locked));
    drop(journal);
    open(&disk, 2);
}

#[test]
fn a_restored_copy_is_noticed_by_a_snapshot() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk, 1);
    let first = journal.append(Append::new(1, b"one")).unwrap();
    let backup = disk.backup();
    let snapshot = journal.append(Append::new(1, b"two")).unwrap();
    journal.append(Append::new(1, b"three")).unwrap();

    let mut restored = open(&backup, 2);
    let problem = |journal: &Journal<SimDisk>, position| match journal.reader_after(position) {
        Err(Error::Position { problem }) => Some(problem),
        Ok(_) => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(problem(&restored, &first), None);
    assert_eq!(
        problem(&restored, &snapshot),
        Some(PositionProblem::Ahead { end: 1 })
    );
    restored.append(Append::new(1, b"another two")).unwrap();
    restored.append(Append::new(1, b"another three")).unwrap();
    assert_eq!(problem(&restored, &snapshot), Some(PositionProblem::Forked));
    assert_eq!(problem(&journal, &snapshot), None);

    let mut new = open(&SimDisk::new(0), 9);
    new.append(Append::new(1, b"one")).unwrap();
    assert_eq!(problem(&new, &first), Some(PositionProblem::OtherJournal));
    journal.release(3).unwrap();
    assert_eq!(
        problem(&journal, &snapshot),
        Some(PositionProblem::Reclaimed { released: 3 })
    );
}

#[test]
fn limits_are_kept_before_anything_is_written() {
    let disk = SimDisk::new(0);
    let options = Options::new([1; 16]).entry_bytes(10);
    let (mut journal, _) = Journal::open(disk.clone(), options).unwrap();
    let operations = disk.operations();
    let large = journal
        .append(Append::new(1, &[0; 8]).cursor(&[0; 3]))
        .unwrap_err();
    assert!(
        matches!(
            large,
            Error::TooLarge {
                actual: 11,
                limit: 10,
                ..
            }
        ),
        "{large:?}"
    );
    let kind = journal.append(Append::new(240, b"")).unwrap_err();
    assert!(matches!(kind, Error::ReservedKind { kind: 240 }));
    let ahead = journal.release(1).unwrap_err();
    assert!(matches!(ahead, Error::Position { .. }));
    assert_eq!(disk.operations(), operations);
    for options in [
        options.segment_bytes(4095),
        options.entry_bytes(1 << 31),
        options.segment_bytes(5000).cap_bytes(9999),
    ] {
        let error = Journal::open(SimDisk::new(0), options).unwrap_err();
        assert!(matches!(error, Error::Options { .. }));
    }
}
