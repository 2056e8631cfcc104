//! The real disk, and processes that are killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use ingest_protocol::journal::{
    Append, Error, FsStorage, Item, Journal, Options, Rewrite, SyncPolicy,
};

use super::read_all;
use crate::random::Random;

const DIRECTORY: &str = "INGEST_PROTOCOL_TEST_JOURNAL";

fn open(path: &Path, opening: u64) -> Journal {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&opening.to_le_bytes());
    let options = Options::new(id)
        .segment_bytes(20_000)
        .sync(SyncPolicy::Caller);
    let (journal, report) = Journal::open(FsStorage::create(path).unwrap(), options).unwrap();
    assert!(!report.is_loss(), "{report}");
    journal
}

fn body(index: u64) -> Vec<u8> {
    let mut random = Random(index);
    let len = random.below(3000);
    random.bytes(len)
}

#[test]
fn a_directory_is_made_written_locked_and_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/spool");
    let mut journal = open(&path, 1);
    let locked = Journal::open(FsStorage::new(&path), Options::new([0; 16])).unwrap_err();
    assert!(matches!(locked, Error::Locked), "{locked:?}");
    for index in 1..=60 {
        journal
            .append(Append::new(1, &body(index)).cursor(&index.to_le_bytes()))
            .unwrap();
    }
    journal.sync().unwrap();
    let erased = journal.erase(|entry| match entry.index() % 7 {
        0 => Rewrite::Erase,
        _ => Rewrite::Keep,
    });
    assert_eq!(erased.unwrap(), 8);
    assert!(journal.release(30).unwrap() > 0);
    journal.close().unwrap();

    let options = Options::new([0; 16]).read_only();
    let (mut journal, report) = Journal::open(FsStorage::new(&path), options).unwrap();
    assert!(report.findings().is_empty(), "{report}");
    assert_eq!(journal.cursor(), Some(&60_u64.to_le_bytes()[..]));
    let (entries, lost) = read_all(&mut journal);
    assert!(lost.is_empty());
    assert_eq!(entries.len(), 30);
    for entry in entries {
        match entry.index() % 7 {
            0 => assert!(entry.is_erased() && entry.body().is_empty()),
            _ => assert_eq!(entry.body(), &body(entry.index())),
        }
    }
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool");
    let mut journal = open(&path, 1);
    journal.append(Append::new(1, b"")).unwrap();
    journal.sync().unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for file in path.read_dir().unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

/// Appends until it is killed, and says what is durable.
#[test]
#[ignore = "the process that is killed"]
fn child() {
    let Some(path) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let seed = u64::from(std::process::id());
    let mut journal = open(Path::new(&path), seed);
    let mut random = Random(seed);
    let mut out = std::io::stdout();
    let mut index = journal.position().index();
    loop {
        for _ in 0..=random.below(4) {
            index += 1;
            let (body, state) = (body(index), index.to_be_bytes());
            let append = Append::new(1, &body).cursor(&state).state([1; 16], &state);
            assert_eq!(journal.append(append).unwrap().index(), index);
        }
        let durable = journal.sync().unwrap().index();
        writeln!(out, "durable {durable}").unwrap();
        if random.one_in(8) {
            let released = journal.released();
            journal
                .release(released + random.below(durable - released + 1))
                .unwrap();
        }
        if random.one_in(40) {
            journal
                .erase(|entry| match entry.index() % 10 {
                    0 => Rewrite::Erase,
                    _ => Rewrite::Keep,
                })
                .unwrap();
        }
    }
}

fn kill_and_check(rounds: u64) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool");
    let mut random = Random(rounds);
    let mut total = 0;
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "journal::real::child",
                "--ignored",
                "--nocapture",
            ])
            .env(DIRECTORY, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut durable = 0;
        let mut note = |line: std::io::Result<String>| {
            // A line that was cut says nothing.
            let line = line.unwrap_or_default();
            // The test harness writes before the first on the same line.
            let number = line.split("durable ").nth(1).and_then(|n| n.parse().ok());
            durable = number.unwrap_or(0).max(durable);
        };
        for _ in 0..5 + random.below(60) {
            note(lines.next().unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // All but a last line that may be cut.
        let mut rest: Vec<_> = lines.collect();
        rest.pop();
        rest.into_iter().for_each(&mut note);

        let mut journal = open(&path, u64::MAX - round);
        let end = journal.position().index();
        assert!(durable > 0 && end >= durable, "{end} < {durable}");
        total = total.max(end);
        assert_eq!(journal.cursor(), Some(&end.to_be_bytes()[..]));
        assert_eq!(journal.state(&[1; 16]), Some(&end.to_be_bytes()[..]));
        let mut next = journal.released() + 1;
        let mut reader = journal.reader();
        while let Some(item) = journal.read(&mut reader).unwrap() {
            let Item::Entry(entry) = item else {
                panic!("{item:?}");
            };
            assert_eq!(entry.index(), next);
            assert!(entry.is_erased() || entry.body() == &body(next));
            next += 1;
        }
        assert_eq!(next, end + 1);
    }
    assert!(total > 10 * rounds);
}

// Under an emulator the test binary is no program of this machine.
#[cfg(all(unix, target_arch = "x86_64"))]
#[test]
fn a_process_that_is_killed_loses_nothing_that_was_durable() {
    kill_and_check(5);
}

#[test]
#[ignore = "a minute: the soak run"]
fn a_process_that_is_killed_often_loses_nothing_that_was_durable() {
    kill_and_check(100);
}

/// A file system of this size or less at this path, made for the test by who runs it.
#[test]
#[ignore = "needs INGEST_PROTOCOL_TEST_SMALL_DISK, a directory on a file system of a few MiB"]
fn a_full_disk_is_one_also_in_reality() {
    let small = std::env::var_os("INGEST_PROTOCOL_TEST_SMALL_DISK").expect("a small disk");
    let path = Path::new(&small).join("spool");
    let mut journal = open(&path, 1);
    for round in 0..3 {
        let error = loop {
            let appended = journal.append(Append::new(1, &[round; 5000]));
            if let Err(error) = appended.and_then(|_| journal.sync()) {
                break error;
            }
        };
        assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
        assert!(journal.release(journal.position().index()).unwrap() > 0);
        journal.sync().unwrap();
    }
    journal.close().unwrap();
    open(&path, 2);
}
