//! Disks that are full, read-only or broken.

use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::journal::{
    Append, Entry, Error, Item, Journal, Options, PositionProblem, Rewrite, SyncPolicy,
};

use super::{bodies, indices, open, read_all, segments};

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    for policy in [SyncPolicy::EachAppend, SyncPolicy::Caller] {
        let disk = SimDisk::new(3);
        let options = Options::new([1; 16]).segment_bytes(4096).sync(policy);
        let (mut journal, _) = Journal::open(disk.clone(), options).unwrap();
        let mut appended = Vec::new();
        for byte in 0..5 {
            let body = vec![byte; 1500];
            journal.append(Append::new(1, &body)).unwrap();
            appended.push(body);
        }
        journal.sync().unwrap();
        disk.set_capacity(Some(disk.used() + 700));
        let refused = loop {
            // Under the caller's policy it is the sync that meets the full disk.
            let body = vec![10 + appended.len() as u8; 1500];
            match journal.append(Append::new(1, &body)) {
                Ok(_) => appended.push(body),
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
        let next = journal.append(Append::new(1, &[99; 1500])).unwrap();
        appended.push(vec![99; 1500]);
        assert_eq!(next.index(), appended.len() as u64);
        journal.sync().unwrap();
        drop(journal);
        disk.crash();
        let mut journal = open(&disk, 2);
        assert_eq!(journal.position().index(), appended.len() as u64);
        let (entries, lost) = read_all(&mut journal);
        assert_eq!(bodies(&entries), appended[journal.released() as usize..]);
        assert!(lost.is_empty());
    }
}

#[test]
fn an_append_that_a_full_disk_refuses_changes_nothing() {
    let disk = SimDisk::new(0);
    let group = SyncPolicy::Group {
        entries: 4,
        bytes: u64::MAX,
    };
    let options = Options::new([1; 16]).sync(group);
    let (mut journal, _) = Journal::open(disk.clone(), options).unwrap();
    let append = |journal: &mut Journal<SimDisk>, n: u8| {
        let body = [n; 200];
        let append = Append::new(n, &body)
            .cursor(&body[..1])
            .state([9; 16], &body[..1]);
        journal.append(append).map(|position| position.index())
    };
    for n in 1..=3 {
        append(&mut journal, n).unwrap();
    }
    let before = |journal: &Journal<SimDisk>| {
        assert_eq!(journal.cursor(), Some(&[3][..]));
        assert_eq!(journal.state(&[9; 16]), Some(&[3][..]));
        (journal.position(), journal.backlog(), journal.used_bytes())
    };
    let as_it_was = before(&journal);
    assert_eq!((as_it_was.0.index(), as_it_was.1), (0, 3));
    // It is the fourth that makes the group whole, and of which only a part has room.
    disk.set_capacity(Some(disk.used() + 1000));
    for _ in 0..3 {
        let refused = append(&mut journal, 4).unwrap_err();
        assert!(matches!(refused, Error::DiskFull { .. }), "{refused:?}");
        assert!(!journal.is_poisoned());
        assert_eq!(before(&journal), as_it_was);
    }
    // Those before it have room, but only just.
    disk.set_capacity(Some(journal.used_bytes()));
    assert_eq!(journal.sync().unwrap().index(), 3);
    assert_eq!(disk.used(), journal.used_bytes());
    disk.set_capacity(None);
    assert_eq!(append(&mut journal, 5).unwrap(), 4);
    journal.sync().unwrap();
    drop(journal);
    disk.crash();
    let (entries, lost) = read_all(&mut open(&disk, 2));
    let expected = [1, 2, 3, 5].map(|n| vec![n; 200]);
    assert_eq!((bodies(&entries), lost), (expected.to_vec(), vec![]));
}

#[test]
fn what_a_full_disk_had_cut_off_does_not_come_back() {
    for run in 0..60 {
        let disk = SimDisk::new(run);
        let options = Options::new([1; 16]).sync(SyncPolicy::Caller);
        let (mut journal, _) = Journal::open(disk.clone(), options).unwrap();
        let durable = run % 2;
        if durable == 1 {
            journal.append(Append::new(1, b"durable")).unwrap();
            journal.sync().unwrap();
        }
        // The first is written whole, the second in part, and then both are cut off.
        journal.append(Append::new(1, b"whole")).unwrap();
        journal.append(Append::new(1, &[3; 4000])).unwrap();
        disk.set_capacity(Some(disk.used() + 1000));
        let full = journal.sync().unwrap_err();
        assert!(matches!(full, Error::DiskFull { .. }), "{full:?}");
        drop(journal);
        disk.kill();
        let journal = open(&disk, 2);
        assert_eq!(journal.position().index(), durable);
        drop(journal);
        disk.crash();
        assert_eq!(open(&disk, 3).position().index(), durable, "run {run}");
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

fn body(index: u64) -> Vec<u8> {
    vec![index as u8; 2000]
}

#[test]
fn after_a_failed_sync_nothing_is_written_until_the_journal_is_opened_again() {
    for failing in 0..12 {
        let disk = SimDisk::new(failing);
        let mut journal = open(&disk, 1);
        let mut durable = 0;
        disk.fail_sync_after(failing);
        let error = loop {
            match journal.append(Append::new(1, &body(durable + 1))) {
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
        let appended: Vec<_> = (1..=durable + 1).map(body).collect();
        let readable = bodies(&read_all(&mut journal).0);
        assert_eq!(readable, appended[..durable as usize]);
        drop(journal);
        // Opening makes what it finds durable: a crash afterwards takes nothing.
        disk.kill();
        let mut journal = open(&disk, 2);
        let found = bodies(&read_all(&mut journal).0);
        assert!(found.len() as u64 >= durable);
        assert_eq!(found, appended[..found.len()]);
        drop(journal);
        disk.crash();
        assert_eq!(bodies(&read_all(&mut open(&disk, 3)).0), found);
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
    assert_eq!(bodies(&read_all(&mut journal).0), [b"one"]);
    drop(journal);
    // The second may be there, if all of it was written.
    let found = bodies(&read_all(&mut open(&disk, 2)).0);
    assert_eq!(found, [b"one", b"two"][..found.len()]);
    assert!(!found.is_empty());
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

#[test]
fn a_failed_sync_amid_erasing_leaves_every_entry_readable() {
    let mut failed = 0;
    for failing in 1..40 {
        let disk = SimDisk::new(failing);
        let mut journal = open(&disk, 1);
        let old = |index: u64| vec![index as u8; 900];
        // Longer and shorter than before, so that offsets and ends move.
        let new = |index: u64| vec![index as u8; if index < 8 { 1500 } else { 10 }];
        for index in 1..=16 {
            journal.append(Append::new(1, &old(index))).unwrap();
        }
        let mut reader = journal.reader();
        for _ in 0..2 {
            journal.read(&mut reader).unwrap();
        }
        disk.fail_sync_after(failing);
        let erased = journal.erase(|entry| Rewrite::Replace(new(entry.index())));
        let Err(error) = erased else { continue };
        failed += 1;
        assert!(matches!(error, Error::SyncFailed { .. }), "{error:?}");
        assert!(journal.is_poisoned());
        let either = |entry: &Entry| {
            let index = entry.index();
            assert!(*entry.body() == old(index) || *entry.body() == new(index));
        };
        for next in 3..=16 {
            match journal.read(&mut reader).unwrap() {
                Some(Item::Entry(entry)) => {
                    assert_eq!(entry.index(), next, "failing {failing}");
                    either(&entry);
                }
                other => panic!("failing {failing}: {other:?}"),
            }
        }
        drop(journal);
        disk.crash();
        let (entries, lost) = read_all(&mut open(&disk, 2));
        assert_eq!(indices(&entries), (1..=16).collect::<Vec<_>>());
        assert!(lost.is_empty());
        entries.iter().for_each(either);
    }
    assert!(failed > 10, "{failed}");
}

#[test]
fn a_replacement_counts_with_cursor_and_state() {
    let disk = SimDisk::new(0);
    let options = Options::new([1; 16]).entry_bytes(20);
    let (mut journal, _) = Journal::open(disk.clone(), options).unwrap();
    let append = Append::new(1, b"12345678").cursor(b"cursor");
    journal.append(append.state([1; 16], b"four")).unwrap();
    let operations = disk.operations();
    let error = journal
        .erase(|_| Rewrite::Replace(vec![0; 11]))
        .unwrap_err();
    let (actual, limit) = match error {
        Error::TooLarge { actual, limit, .. } => (actual, limit),
        other => panic!("{other:?}"),
    };
    assert_eq!((actual, limit, disk.operations()), (21, 20, operations));
    assert_eq!(journal.erase(|_| Rewrite::Replace(vec![7; 10])).unwrap(), 1);
    assert_eq!(bodies(&read_all(&mut journal).0), [vec![7; 10]]);
    drop(journal);
    // One that is over a limit that was lowered may still be kept or erased.
    let options = Options::new([2; 16]).entry_bytes(5);
    let (mut journal, _) = Journal::open(disk, options).unwrap();
    assert_eq!(journal.erase(|_| Rewrite::Keep).unwrap(), 0);
    assert_eq!(journal.erase(|_| Rewrite::Erase).unwrap(), 1);
}

#[test]
fn a_read_only_opening_says_what_a_crash_could_still_take() {
    let disk = SimDisk::new(0);
    let options = Options::new([1; 16]).sync(SyncPolicy::Caller);
    let (mut journal, report) = Journal::open(disk.clone(), options).unwrap();
    assert_eq!(report.unconfirmed(), 0);
    for (count, index) in [(2, 2), (3, 5)] {
        for _ in 0..count {
            journal.append(Append::new(1, b"body")).unwrap();
        }
        assert_eq!(journal.sync().unwrap().index(), index);
    }
    drop(journal);
    let reading = Options::new([2; 16]).read_only();
    let (journal, report) = Journal::open(disk.clone(), reading).unwrap();
    assert_eq!((report.entries(), report.unconfirmed()), (5, 3));
    assert_eq!(journal.position().index(), 5);
    drop(journal);
    open(&disk, 3).close().unwrap();
    let (_, report) = Journal::open(disk, reading).unwrap();
    assert_eq!((report.entries(), report.unconfirmed()), (5, 0));
}
