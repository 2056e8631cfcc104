//! Disks that give wrong bytes once while a journal is opened.

use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::journal::{Append, Entry, Error, Finding, Journal, Options, SyncPolicy};

use super::{bodies, indices, open, read_all, segments};

/// Six entries, of which two are durable for certain, or all, if it was closed; the others a failed
/// sync may have left in the cache alone.
fn half_durable(seed: u64, closed: bool) -> (SimDisk, Vec<Vec<u8>>) {
    let disk = SimDisk::new(seed);
    let options = Options::new([1; 16]).sync(SyncPolicy::Caller);
    let (mut journal, _) = Journal::open(disk.clone(), options).unwrap();
    let bodies: Vec<_> = (1..=6).map(|index| vec![index; 100]).collect();
    for body in &bodies {
        journal.append(Append::new(1, body)).unwrap();
        if journal.backlog() == 2 {
            journal.sync().unwrap();
        }
    }
    if closed {
        journal.close().unwrap();
    } else {
        disk.fail_sync_after(0);
        journal.sync().unwrap_err();
    }
    disk.kill();
    (disk, bodies)
}

#[test]
fn what_is_read_wrong_while_opening_is_not_written_and_not_cut_off() {
    let (mut unsteady, mut opened) = (0, 0);
    for run in 0..2000 {
        let (seed, read, closed) = (run / 40, run / 2 % 20, run % 2 == 0);
        let (disk, appended) = half_durable(seed, closed);
        let mut there = if closed { 6 } else { 2 };
        disk.spoil_read_after(read);
        match Journal::open(disk.clone(), Options::new([2; 16])) {
            Ok((mut journal, _)) => {
                opened += 1;
                let last = read_all(&mut journal).0.last().map_or(0, Entry::index);
                there = there.max(last as usize);
            }
            Err(Error::Unsteady { file }) => {
                unsteady += 1;
                assert_eq!(file, segments(&disk)[0]);
            }
            Err(error) => panic!("{error:?}"),
        }
        disk.crash();
        let (mut journal, report) = Journal::open(disk, Options::new([3; 16])).unwrap();
        assert!(!report.is_loss(), "run {run}: {report}");
        let (entries, lost) = read_all(&mut journal);
        let found = bodies(&entries);
        assert!(found.len() >= there, "run {run}: {report}");
        assert_eq!((&found[..], lost), (&appended[..found.len()], vec![]));
    }
    assert!(unsteady > 100 && opened > 100, "{unsteady} {opened}");
}

#[test]
fn what_is_read_wrong_after_real_damage_is_not_cut_off_with_it() {
    let older = Finding::MarksDamaged { recovered: true };
    let mut unsteady = 0;
    for run in 0..3000 {
        let (disk, appended) = half_durable(run / 20, true);
        let file = segments(&disk).remove(0);
        let mut bytes = disk.get(&file).unwrap();
        let fifth = bytes.windows(100).position(|w| w == appended[4]).unwrap();
        bytes[fifth] ^= 1;
        disk.put(&file, bytes);
        disk.spoil_read_after(run % 20);
        match Journal::open(disk.clone(), Options::new([2; 16])) {
            // Without the newer marks nothing says that it was closed: as after a crash.
            Ok((_, report)) if report.findings().contains(&older) => continue,
            Ok(_) => {}
            Err(error) => {
                assert!(matches!(error, Error::Unsteady { .. }), "{error:?}");
                unsteady += 1;
            }
        }
        disk.crash();
        let (entries, lost) = read_all(&mut open(&disk, 3));
        assert_eq!(indices(&entries), [1, 2, 3, 4, 6], "run {run}");
        assert_eq!(lost, [(5, 5)]);
    }
    assert!(unsteady > 20, "{unsteady}");
}
