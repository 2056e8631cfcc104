//! The file: created, not finished, failing.

use std::io::{self, Seek, SeekFrom, Write};

use mim_events::ErrorKind;
use mim_events::eventlog::check_file;

use super::*;

#[test]
fn an_empty_log_is_a_log() {
    let file = write([]);
    assert_eq!(file.len(), CHUNK + 65_536);
    assert!(read(&file).is_empty());
}

#[test]
fn a_file_that_is_not_finished_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.evtx");
    let mut writer = LogWriter::create(&path).unwrap();
    for _ in 0..3 {
        writer
            .write(&request().data("x".repeat(20_000)).as_event())
            .unwrap();
    }
    let shown = format!("{writer:?}");
    assert!(shown.contains("records: 3"), "{shown}");
    drop(writer);
    let report = check_file(&path).unwrap();
    assert_eq!(report.records, 2);
    assert!(report.to_string().contains("not closed"), "{report}");
}

#[test]
fn a_failed_write_can_be_repeated() {
    /// Fails every other write after having written half of it.
    struct Failing(Cursor<Vec<u8>>, bool);
    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() == 65_536 {
                self.1 = !self.1;
                if self.1 {
                    self.0.write_all(&bytes[..30_000])?;
                    return Err(io::Error::other("full"));
                }
            }
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Seek for Failing {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }
    let events = || (0..20).map(|n| request().data("x".repeat(n * 997)));
    let mut writer = LogWriter::new(Failing(Cursor::new(Vec::new()), false)).unwrap();
    let mut failures = 0;
    for event in events() {
        while let Err(error) = writer.write(&event.as_event()) {
            assert_eq!(*error.kind(), ErrorKind::Io);
            failures += 1;
        }
    }
    assert!(failures > 3);
    // The last chunk's first attempt fails too; `finish` gives up then.
    assert!(writer.finish().is_err());
    assert_eq!(read(&write(events())).len(), 20);
}

#[test]
fn files_are_created_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.evtx");
    let mut writer = LogWriter::create(&path).unwrap();
    writer.write(&request().data("x").as_event()).unwrap();
    writer.finish().unwrap();
    check_file(&path).unwrap().into_result().unwrap();

    let missing = folder.path().join("no").join("b.evtx");
    let error = LogWriter::create(&missing).unwrap_err();
    assert_eq!(error.file(), Some(missing.as_path()));
    assert_eq!(
        check_file(&missing).unwrap_err().file(),
        Some(missing.as_path())
    );
}

/// A log for `.ci/foreign-parsers.py`, in the build's folder for temporary files.
/// Without what some of those parsers fail on: unpaired surrogates, and code
/// units of which one byte is 0 beyond ASCII (as in U+1F600).
#[test]
fn a_log_for_other_parsers() {
    let small = (0..60).map(|n| request().data(format!("{{\"n\":{n},\"name\":\"Zoë 🧭 <&>\"}}")));
    let large = (31_839..31_848).map(|n| request().data("m".repeat(n)));
    let other = [
        request(),
        request().data(""),
        request().data("one").data("two").data("three"),
        request().data("one").data(""),
        request().user(SID).data("with a user"),
        request().named_data("First", "1").named_data("Second", ""),
        OwnedLogEvent::new("Another provider", 1000)
            .channel("Application")
            .computer("other.example.test")
            .level(2)
            .data("controls: \t\r\n"),
    ];
    let file = write(small.chain(other).chain(large));
    assert_eq!(read(&file).len(), 76);
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(folder.join("foreign-parsers-76.evtx"), &file).unwrap();
    std::fs::write(folder.join("foreign-parsers-0.evtx"), write([])).unwrap();
}
