//! Damaged journals: every bit, every length, every missing file. What can be
//! read is what was written, and what can't is reported.

use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::journal::{Append, Error, Finding, Journal, Options, Recovery, SyncPolicy};

use super::{indices, open, read_all, segments};

const ENTRIES: u64 = 6;

fn body(index: u64) -> Vec<u8> {
    format!("body {index} ").repeat(index as usize).into_bytes()
}

/// Three segments of two entries each; the third opening is closed or not.
fn written(closed: bool) -> SimDisk {
    let disk = SimDisk::new(0);
    for opening in 1..=3_u8 {
        let mut journal = open(&disk, opening);
        for index in [2 * opening - 1, 2 * opening].map(u64::from) {
            let (body, cursor) = (body(index), format!("cursor {index}"));
            let append = Append::new(1, &body).cursor(cursor.as_bytes());
            journal
                .append(append.state([opening; 16], &[index as u8]))
                .unwrap();
        }
        if closed && opening == 3 {
            journal.close().unwrap();
        }
    }
    disk
}

fn try_open(disk: &SimDisk, opening: u8) -> Result<(Journal<SimDisk>, Recovery), Error> {
    Journal::open(
        disk.clone(),
        Options::new([opening; 16]).segment_bytes(4096),
    )
}

/// Opens a damaged journal twice, with an append between; returns the first report and the
/// indices that were readable.
///
/// Nothing tells the end of a journal that was not `closed` from one that was cut there.
fn check(disk: &SimDisk, closed: bool, what: &str) -> (Recovery, Vec<u64>) {
    let (mut journal, report) = match try_open(disk, 8) {
        Ok(opened) => opened,
        Err(error) => panic!("{what}: {error:?}"),
    };
    let (entries, lost) = read_all(&mut journal);
    for entry in &entries {
        assert_eq!(entry.body(), &body(entry.index()), "{what}");
        let cursor = format!("cursor {}", entry.index());
        assert_eq!(entry.cursor().unwrap(), cursor.as_bytes(), "{what}");
    }
    let readable = indices(&entries);
    assert_eq!(report.entries(), readable.len() as u64, "{what}: {report}");
    let reported: Vec<_> = report
        .findings()
        .iter()
        .filter_map(|finding| match finding {
            Finding::Lost { first, last } => Some((*first, *last)),
            _ => None,
        })
        .collect();
    let sum = |ranges: &[(u64, u64)]| -> u64 { ranges.iter().map(|(a, b)| b - a + 1).sum() };
    assert_eq!(sum(&lost), sum(&reported), "{what}: {lost:?} {report}");
    for index in 1..=ENTRIES {
        let gone = !readable.contains(&index);
        let said = reported.iter().any(|(a, b)| (*a..=*b).contains(&index));
        // At the end of a journal that was not closed, this is also how a crash looks.
        let crash = !closed && index > 4 && readable.last().is_none_or(|last| *last < index);
        assert!(!gone || said || crash, "{what}: {index} is gone, {report}");
    }
    // The cursor is that of the last that is readable, or a checkpoint's after it.
    if let Some(last) = readable.last() {
        let cursor = journal
            .cursor()
            .map(|c| String::from_utf8(c.to_vec()).unwrap());
        let at: u64 = cursor.as_ref().unwrap()["cursor ".len()..].parse().unwrap();
        assert!(at >= *last, "{what}: {cursor:?}");
    }

    let new = journal.append(Append::new(7, b"after the damage")).unwrap();
    assert!(
        new.index() > readable.last().copied().unwrap_or(0),
        "{what}"
    );
    drop(journal);
    let (mut journal, again) = try_open(disk, 9).unwrap();
    let torn = |finding: &&Finding| !matches!(finding, Finding::TornTail { .. });
    assert!(again.findings().iter().all(|f| torn(&f)), "{what}: {again}");
    let (mut entries, _) = read_all(&mut journal);
    assert_eq!(entries.pop().unwrap().kind(), 7, "{what}: {again}");
    assert_eq!(indices(&entries), readable, "{what}: {again}");
    (report, readable)
}

fn files() -> Vec<String> {
    let mut files = segments(&written(true));
    assert_eq!(files.len(), 3);
    files.push("marks".to_owned());
    files
}

fn flips(all: bool) {
    for closed in [true, false] {
        let whole = written(closed);
        for file in files() {
            let bytes = whole.get(&file).unwrap();
            for bit in 0..bytes.len() * 8 {
                let entries = file != "marks" && bit >= 1024 * 8;
                if !all && !entries && bit % 8 != bit / 8 % 8 {
                    continue;
                }
                let disk = whole.backup();
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                disk.put(&file, bytes);
                let what = format!("closed {closed}, {file}, bit {bit}");
                let (report, readable) = check(&disk, closed, &what);
                // One flip costs one entry at most, and none but where entries are.
                let most = u64::from(entries);
                let torn = !closed && readable.len() as u64 == ENTRIES - 2;
                let lost = ENTRIES - readable.len() as u64;
                assert!(lost <= most || torn, "{what}: {report}");
                if closed && lost > 0 {
                    assert!(report.is_loss(), "{what}: {report}");
                }
                if !entries {
                    assert!(!report.is_loss(), "{what}: {report}");
                }
            }
        }
    }
}

#[test]
fn a_flipped_bit_costs_one_entry_at_most_and_is_reported() {
    flips(false);
}

#[test]
#[ignore = "minutes: the soak run"]
fn any_flipped_bit_costs_one_entry_at_most_and_is_reported() {
    flips(true);
}

#[test]
fn a_file_cut_anywhere_loses_its_tail_and_nothing_else() {
    for closed in [true, false] {
        let whole = written(closed);
        for (at, file) in segments(&whole).iter().enumerate() {
            let bytes = whole.get(file).unwrap();
            for len in 0..bytes.len() {
                let disk = whole.backup();
                disk.put(file, bytes[..len].to_vec());
                let what = format!("closed {closed}, {file}, {len} bytes");
                let (report, readable) = check(&disk, closed, &what);
                let others = (1..=ENTRIES).filter(|index| (index - 1) / 2 != at as u64);
                assert!(
                    others.clone().all(|index| readable.contains(&index)),
                    "{what}: {report}"
                );
                let lost = ENTRIES > readable.len() as u64;
                if lost && (closed || at < 2) {
                    assert!(report.is_loss(), "{what}: {report}");
                }
            }
        }
    }
}

#[test]
fn a_damaged_head_is_told_from_one_of_which_a_copy_is_left() {
    for copy in [0, 512] {
        let whole = written(true);
        let file = &segments(&whole)[1];
        let mut bytes = whole.get(file).unwrap();
        bytes[copy + 20] ^= 1;
        let disk = whole.backup();
        disk.put(file, bytes.clone());
        let (report, readable) = check(&disk, true, "one copy");
        assert_eq!(report.findings(), [Finding::HeadRepaired { segment: 2 }]);
        assert!(!report.is_loss() && readable.len() as u64 == ENTRIES);
        bytes[512 - copy + 20] ^= 1;
        let disk = whole.backup();
        disk.put(file, bytes);
        let (report, readable) = check(&disk, true, "both copies");
        let lost = Finding::Lost { first: 3, last: 4 };
        let unreadable = Finding::UnreadableSegment { segment: 2 };
        assert_eq!(report.findings(), [unreadable, lost]);
        assert!(report.is_loss());
        assert_eq!(readable, [1, 2, 5, 6]);
    }
}

#[test]
fn a_segment_cut_before_its_first_entry_is_short() {
    let whole = written(true);
    let file = &segments(&whole)[1];
    let bytes = whole.get(file).unwrap();
    let checkpoint = u64::from_le_bytes(bytes[88..96].try_into().unwrap()) as usize;
    let entries_at = 1024 + checkpoint.next_multiple_of(8);
    assert_eq!(bytes[entries_at..entries_at + 4], *b"IGJE");
    let short = Finding::ShortSegment { segment: 2 };
    let damaged = Finding::CheckpointDamaged {
        segment: 2,
        recovered: true,
    };
    let lost = Finding::Lost { first: 3, last: 4 };
    for (len, findings) in [
        (
            entries_at - 1,
            [Some(damaged), Some(short), Some(lost.clone())],
        ),
        (entries_at, [Some(lost), None, None]),
    ] {
        let disk = whole.backup();
        disk.put(file, bytes[..len].to_vec());
        let (report, readable) = check(&disk, true, "short");
        let findings: Vec<_> = findings.into_iter().flatten().collect();
        assert_eq!(report.findings(), findings, "{len} bytes");
        assert!(report.is_loss());
        assert_eq!(readable, [1, 2, 5, 6]);
    }
}

#[test]
fn a_missing_segment_is_reported_wherever_it_was() {
    let whole = written(true);
    for (at, file) in segments(&whole).iter().enumerate() {
        let disk = whole.backup();
        disk.take(file).unwrap();
        let (report, readable) = check(&disk, true, file);
        let number = at as u64 + 1;
        let missing = Finding::MissingSegments {
            first: number,
            last: number,
        };
        assert!(report.findings().contains(&missing), "{report}");
        let lost = Finding::Lost {
            first: 2 * number - 1,
            last: 2 * number,
        };
        assert!(report.findings().contains(&lost), "{report}");
        assert_eq!(readable.len(), 4);
    }
    let disk = whole.backup();
    for file in segments(&whole) {
        disk.take(&file).unwrap();
    }
    let (report, _) = check(&disk, true, "all segments");
    assert!(report.is_loss() && !report.is_new(), "{report}");
}

#[test]
fn marks_that_are_gone_are_guessed_from_the_segments() {
    for content in [
        None,
        Some(vec![]),
        Some(vec![0; 4608]),
        Some(vec![0xaa; 9000]),
    ] {
        let disk = written(true);
        disk.take("marks").unwrap();
        if let Some(content) = content {
            disk.put("marks", content);
        }
        let (report, readable) = check(&disk, true, "marks");
        let damaged = Finding::MarksDamaged { recovered: false };
        assert_eq!(report.findings(), [damaged]);
        assert_eq!(readable.len() as u64, ENTRIES);
    }
}

#[test]
fn of_two_marks_one_is_enough() {
    let whole = written(true);
    let bytes = whole.get("marks").unwrap();
    for slot in [0, 4096] {
        assert_eq!(bytes[slot], 0x89);
        let disk = whole.backup();
        let mut bytes = bytes.clone();
        bytes[slot + 20] ^= 1;
        disk.put("marks", bytes);
        let (report, readable) = check(&disk, true, "one slot");
        let damaged = Finding::MarksDamaged { recovered: true };
        assert_eq!(report.findings(), [damaged]);
        assert_eq!(readable.len() as u64, ENTRIES);
    }
    // Marks that are nothing but damaged are still no new journal.
    for content in [vec![], vec![0xaa; 4608]] {
        let disk = SimDisk::new(0);
        disk.put("marks", content);
        let (_, report) = try_open(&disk, 1).unwrap();
        let damaged = Finding::MarksDamaged { recovered: false };
        assert_eq!(report.findings(), [damaged]);
        assert!(!report.is_new());
    }
}

#[test]
fn marks_that_know_no_segment_don_t_let_the_first_go() {
    // As after a disk so full that not even the marks could be written.
    let disk = SimDisk::new(0);
    drop(open(&disk, 1));
    let marks = disk.get("marks").unwrap();
    open(&disk, 1).append(Append::new(1, &body(1))).unwrap();
    disk.put("marks", marks);
    for index in 2..5 {
        open(&disk, index)
            .append(Append::new(1, &body(index.into())))
            .unwrap();
    }
    let (mut journal, report) = try_open(&disk, 9).unwrap();
    assert!(report.findings().is_empty(), "{report}");
    assert_eq!(indices(&read_all(&mut journal).0), [1, 2, 3, 4]);
}

#[test]
fn entries_that_an_opening_cut_off_stay_away() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk, 1);
    journal.append(Append::new(1, b"one")).unwrap();
    let short = disk.backup();
    journal.append(Append::new(1, b"two, cut off")).unwrap();
    let file = &segments(&disk)[0];
    open(&short, 2).append(Append::new(1, b"two")).unwrap();
    short.put(file, disk.get(file).unwrap());
    let (mut journal, report) = try_open(&short, 3).unwrap();
    assert!(report.findings().is_empty(), "{report}");
    let (entries, lost) = read_all(&mut journal);
    assert!(lost.is_empty());
    let bodies: Vec<_> = entries.iter().map(|entry| entry.body().as_ref()).collect();
    assert_eq!(bodies, [&b"one"[..], b"two"]);
}

#[test]
fn segments_stay_while_the_checkpoint_after_them_is_damaged() {
    let disk = written(true);
    let file = &segments(&disk)[2];
    let mut bytes = disk.get(file).unwrap();
    bytes[1024] ^= 1;
    disk.put(file, bytes);
    let (mut journal, report) = try_open(&disk, 8).unwrap();
    let damaged = Finding::CheckpointDamaged {
        segment: 3,
        recovered: true,
    };
    assert_eq!(report.findings(), [damaged]);
    assert_eq!(journal.release(6).unwrap(), 1);
    drop(journal);
    let (mut journal, _) = try_open(&disk, 9).unwrap();
    assert_eq!(journal.states().count(), 3);
    // A new segment has one.
    journal.append(Append::new(1, b"")).unwrap();
    assert_eq!(journal.release(6).unwrap(), 2);
    drop(journal);
    assert_eq!(try_open(&disk, 10).unwrap().0.states().count(), 3);
}

#[test]
fn before_a_segment_that_can_t_be_read_nothing_is_taken_for_a_crash() {
    let disk = SimDisk::new(0);
    for opening in 1..=3_u64 {
        // Two entries in one sync: neither says of the other that it is durable.
        let options = Options::new([opening as u8; 16]).sync(SyncPolicy::Caller);
        let (mut journal, _) = Journal::open(disk.clone(), options).unwrap();
        for index in [2 * opening - 1, 2 * opening] {
            let cursor = format!("cursor {index}");
            let append = Append::new(1, b"").cursor(cursor.as_bytes());
            journal.append(append).unwrap();
        }
        journal.sync().unwrap();
    }
    let files = segments(&disk);
    let mut second = disk.get(&files[1]).unwrap();
    let mut third = disk.get(&files[2]).unwrap();
    third[..1024].fill(0);
    // The marks would say it.
    disk.take("marks").unwrap();
    let at = second
        .windows(8)
        .rposition(|window| window == b"cursor 3")
        .unwrap();
    second[at] ^= 1;
    disk.put(&files[1], second.clone());
    disk.put(&files[2], third);
    let (mut journal, report) = try_open(&disk, 8).unwrap();
    assert!(
        report
            .findings()
            .contains(&Finding::UnreadableSegment { segment: 3 }),
        "{report}"
    );
    let (entries, lost) = read_all(&mut journal);
    assert_eq!(indices(&entries), [1, 2, 4]);
    assert_eq!(lost[0], (3, 3));
    assert_eq!(disk.get(&files[1]).unwrap(), second);
    // What came after it is not numbered as what was in it.
    let new = journal.append(Append::new(1, b"")).unwrap();
    assert!(new.index() > 6 && lost[1].1 >= 6, "{lost:?}");
}

#[test]
fn a_segment_of_another_journal_is_not_read() {
    let disk = written(true);
    let other = SimDisk::new(1);
    let mut journal = open(&other, 77);
    journal
        .append(Append::new(9, b"of another journal"))
        .unwrap();
    drop(journal);
    let files = segments(&disk);
    let foreign = other.get(&files[0]).unwrap();
    disk.put(&files[0], foreign);
    let (report, readable) = check(&disk, true, "foreign");
    assert!(
        report
            .findings()
            .contains(&Finding::ForeignSegment { segment: 1 }),
        "{report}"
    );
    assert_eq!(readable, [3, 4, 5, 6]);
}

#[test]
fn what_a_peer_sent_is_never_taken_for_an_entry() {
    // The body of an entry is a whole segment of a journal with the same numbers.
    let inner = written(true);
    let inner = inner.get(&segments(&inner)[0]).unwrap();
    let disk = SimDisk::new(0);
    let mut journal = open(&disk, 200);
    journal.append(Append::new(1, &inner)).unwrap();
    journal.append(Append::new(2, b"after")).unwrap();
    drop(journal);
    let file = &segments(&disk)[0];
    let mut bytes = disk.get(file).unwrap();
    // Without its header, the scan goes through the body.
    let entry = 1024 + 16;
    bytes[entry + 8] ^= 1;
    disk.put(file, bytes);
    let (mut journal, report) = try_open(&disk, 201).unwrap();
    let (entries, lost) = read_all(&mut journal);
    assert_eq!(
        (indices(&entries), lost),
        (vec![2], vec![(1, 1)]),
        "{report}"
    );
}
