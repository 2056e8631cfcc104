//! A journal whose files were changed in any way, also with checksums that are right.

use crc_fast::{CrcAlgorithm, Digest};
use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::journal::{
    Append, Entry, Error, Finding, Item, Journal, Options, Recovery, Rewrite,
};

use crate::input::Input;

/// It opens or is of a newer version, and then is left as it is; what it reads is in order and
/// counted, and after that it can be appended to, reads the same again, and can be erased.
pub fn journal(data: &[u8]) {
    let mut input = Input(data);
    let disk = SimDisk::new(0);
    if input.byte() % 4 == 0 {
        let (marks, segment) = input.0.split_at(input.0.len() / 2);
        disk.put("marks", marks.to_vec());
        disk.put(&name(1), segment.to_vec());
    } else {
        write(&disk, &mut input);
        change(&disk, &mut input);
    }
    if data.first().is_some_and(|byte| byte & 4 == 0) {
        repair(&disk);
    }
    check(&disk);
}

fn name(number: u64) -> String {
    format!("{number:016x}.segment")
}

fn options(opening: u8) -> Options {
    Options::new([opening; 16]).segment_bytes(4096)
}

/// A journal of some segments.
fn write(disk: &SimDisk, input: &mut Input<'_>) {
    for opening in 1..=2 + input.byte() % 3 {
        let (mut journal, _) = Journal::open(disk.clone(), options(opening)).unwrap();
        for _ in 0..1 + input.byte() % 4 {
            let len = usize::from(input.byte());
            let body = input.bytes(len);
            let stream = [input.byte() % 3; 16];
            let append = Append::new(input.byte() % 240, body).cursor(&stream[..1]);
            let append = match input.byte() % 3 {
                0 => append,
                1 => append.forget(stream),
                _ => append.state(stream, body),
            };
            journal.append(append).unwrap();
        }
        match input.byte() % 8 {
            0 => drop(journal.release(journal.position().index()).unwrap()),
            1 => {
                let even = |entry: &Entry| match entry.index() % 2 {
                    0 => Rewrite::Erase,
                    _ => Rewrite::Keep,
                };
                journal.erase(even).unwrap();
            }
            2..5 => journal.close().unwrap(),
            _ => {}
        }
    }
}

/// Changes files.
fn change(disk: &SimDisk, input: &mut Input<'_>) {
    while !input.0.is_empty() {
        let names = disk.names();
        let Some(file) = names.get(usize::from(input.byte()) % names.len().max(1)) else {
            return;
        };
        let mut bytes = disk.get(file).unwrap();
        let at = usize::from(input.u16()) % bytes.len().max(1);
        match input.byte() % 8 {
            0 => {
                disk.take(file);
                continue;
            }
            1 => bytes.truncate(at),
            2 => bytes.extend(input.bytes(64)),
            3 => {
                let number = u64::from(input.byte()) % 8;
                disk.put(&name(number), bytes.clone());
            }
            4 => {
                let to = usize::from(input.u16()) % bytes.len().max(1);
                let len = usize::from(input.u16())
                    .min(bytes.len() - at)
                    .min(bytes.len() - to);
                bytes.copy_within(at..at + len, to);
            }
            5 => {
                let value = input.bytes(8);
                let at = at & !7;
                let end = (at + value.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&value[..end - at]);
            }
            6 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = input.byte();
                }
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (input.byte() % 8);
                }
            }
        }
        disk.put(file, bytes);
    }
}

fn digest(parts: &[&[u8]]) -> u64 {
    let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize()
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Makes every checksum right, so that what they cover is looked at.
fn repair(disk: &SimDisk) {
    for file in disk.names() {
        let mut bytes = disk.get(&file).unwrap();
        if file == "marks" {
            seal(&mut bytes, 0, b"\x89IGM\r\n\x1a\n");
            seal(&mut bytes, 4096, b"\x89IGM\r\n\x1a\n");
        } else {
            repair_segment(&mut bytes);
        }
        disk.put(&file, bytes);
    }
}

fn seal(bytes: &mut [u8], at: usize, magic: &[u8; 8]) {
    if let Some(block) = bytes.get_mut(at..at + 512) {
        block[..8].copy_from_slice(magic);
        let sum = digest(&[&block[..504]]);
        block[504..].copy_from_slice(&sum.to_le_bytes());
    }
}

fn repair_segment(bytes: &mut [u8]) {
    if bytes.len() < 1024 {
        return;
    }
    let len = u64_at(bytes, 88).min(bytes.len() as u64 - 1024) as usize;
    let sum = digest(&[&bytes[1024..1024 + len]]);
    for head in [0, 512] {
        bytes[head + 96..head + 104].copy_from_slice(&sum.to_le_bytes());
        seal(bytes, head, b"\x89IGJ\r\n\x1a\n");
    }
    let mut seed = bytes[32..48].to_vec();
    seed.extend(&bytes[64..72]);
    let mut at = 1024 + len.next_multiple_of(8);
    while at + 80 <= bytes.len() {
        if bytes[at..at + 4] != *b"IGJE" {
            at += 8;
            continue;
        }
        let header = digest(&[&seed, &bytes[at..at + 64]]).to_le_bytes();
        bytes[at + 64..at + 72].copy_from_slice(&header);
        let lengths = (0..3).map(|n| u64_at(bytes, at + 32 + 4 * n) & 0xffff_ffff);
        let payload = lengths.sum::<u64>().next_multiple_of(8) as usize;
        let end = at + 72 + payload;
        if end + 8 > bytes.len() {
            return;
        }
        let sum = digest(&[&seed, &header, &bytes[at + 72..end]]).to_le_bytes();
        bytes[end..end + 8].copy_from_slice(&sum);
        at = end + 8;
    }
}

fn open(disk: &SimDisk, opening: u8) -> Option<(Journal<SimDisk>, Recovery)> {
    match Journal::open(disk.clone(), options(opening)) {
        Ok(opened) => Some(opened),
        Err(Error::Unsupported { .. }) => None,
        Err(error) => panic!("{error:?}"),
    }
}

fn read(journal: &mut Journal<SimDisk>) -> (Vec<Entry>, u128) {
    let (mut entries, mut lost) = (Vec::new(), 0);
    let mut reader = journal.reader();
    let mut next = journal.released() + 1;
    while let Some(item) = journal.read(&mut reader).unwrap() {
        match item {
            Item::Entry(entry) => {
                // What only later versions know is passed over.
                assert!(entry.index() >= next);
                next = entry.index() + 1;
                entries.push(entry);
            }
            Item::Lost { first, last } => {
                assert!(first >= next && last >= first);
                next = last + 1;
                lost += u128::from(last - first) + 1;
            }
            other => panic!("{other:?}"),
        }
    }
    (entries, lost)
}

fn check(disk: &SimDisk) {
    let before: usize = disk
        .names()
        .iter()
        .map(|n| disk.get(n).unwrap().len())
        .sum();
    let only_read = Journal::open(disk.backup(), options(100).read_only());
    let files = || -> Vec<_> { disk.names().iter().map(|name| disk.get(name)).collect() };
    let (found, operations) = (files(), disk.operations());
    let Some((mut journal, report)) = open(disk, 100) else {
        assert_eq!((files(), disk.operations()), (found, operations));
        return;
    };
    let (entries, lost) = read(&mut journal);
    if let Ok((mut reading, _)) = only_read {
        assert_eq!(read(&mut reading).0, entries);
    }
    let reported = report.findings().iter().map(|finding| match finding {
        Finding::Lost { first, last } => u128::from(last - first) + 1,
        _ => 0,
    });
    assert_eq!(lost, reported.sum::<u128>(), "{report}");
    assert!(entries.len() as u64 <= report.entries());
    assert!(
        entries
            .iter()
            .map(|entry| entry.body().len())
            .sum::<usize>()
            <= before
    );
    let states: Vec<_> = journal
        .states()
        .map(|(id, state)| (id, state.to_vec()))
        .collect();
    let cursor = journal.cursor().map(<[u8]>::to_vec);

    let new = journal.append(Append::new(7, b"after")).unwrap();
    assert!(entries.last().is_none_or(|last| last.index() < new.index()));
    drop(journal);
    disk.crash();
    let (mut journal, again) = open(disk, 101).expect("it was opened before");
    let torn = |finding: &Finding| matches!(finding, Finding::TornTail { .. });
    assert!(!again.findings().iter().any(torn), "{again}");
    assert_eq!(journal.cursor().map(<[u8]>::to_vec), cursor);
    let found: Vec<_> = journal
        .states()
        .map(|(id, state)| (id, state.to_vec()))
        .collect();
    assert_eq!(found, states);
    let (mut after, _) = read(&mut journal);
    assert_eq!(after.pop().map(|entry| entry.index()), Some(new.index()));
    assert_eq!(after, entries);

    let mut journal = erase(journal, disk, &entries);

    journal.release(new.index()).unwrap();
    journal.append(Append::new(7, b"last")).unwrap();
    assert_eq!(read(&mut journal).0.len(), 1);
}

/// Erases some entries, replaces others, and reads all again, also after a crash.
fn erase(mut journal: Journal<SimDisk>, disk: &SimDisk, entries: &[Entry]) -> Journal<SimDisk> {
    let choose = |index: u64| match index % 3 {
        0 => Rewrite::Erase,
        1 => Rewrite::Replace(vec![1; index as usize % 100]),
        _ => Rewrite::Keep,
    };
    let lost = read(&mut journal).1;
    let mut offered = Vec::new();
    let mut chosen = 0;
    let changed = journal.erase(|entry| {
        assert!(entry.kind() < 240, "{entry:?}");
        offered.push(entry.index());
        let choice = choose(entry.index());
        chosen += u64::from(choice != Rewrite::Keep);
        choice
    });
    assert_eq!(changed.unwrap(), chosen);
    assert!(offered.is_sorted_by(|one, next| one < next));
    let erased = read(&mut journal);
    assert_eq!(erased.1, lost);
    for (old, new) in entries.iter().zip(&erased.0) {
        let same =
            |one: &Entry, two: &Entry| one.cursor() == two.cursor() && one.state() == two.state();
        assert!(
            old.index() == new.index() && same(old, new),
            "{old:?} {new:?}"
        );
        assert!(old.is_erased() || offered.contains(&old.index()));
        match choose(old.index()) {
            _ if old.is_erased() => assert_eq!(old, new),
            Rewrite::Erase => assert!(new.is_erased() && new.body().is_empty()),
            Rewrite::Replace(body) => {
                assert_eq!((new.kind(), new.body().to_vec()), (old.kind(), body))
            }
            _ => assert_eq!(old, new),
        }
    }
    drop(journal);
    disk.crash();
    let (mut journal, _) = open(disk, 102).expect("it was opened before");
    assert_eq!(read(&mut journal), erased);
    journal
}
