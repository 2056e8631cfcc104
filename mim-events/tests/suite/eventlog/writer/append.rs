//! Writing goes on in a log that is there already.

use std::io;

use mim_events::ErrorKind;
use mim_events::eventlog::{LogReader, check, check_file};
use proptest::prelude::*;

use super::*;

const BIG: usize = 65_536;

fn append_to(file: Vec<u8>) -> mim_events::Result<LogWriter<Cursor<Vec<u8>>>> {
    LogWriter::append_to(Cursor::new(file))
}

/// Writes the events of each session, closing and reopening the log between them.
fn sessions(
    sessions: &[Vec<OwnedLogEvent>],
    start: impl Fn(LogWriter<Cursor<Vec<u8>>>) -> LogWriter<Cursor<Vec<u8>>>,
) -> Vec<u8> {
    let mut writer = start(LogWriter::new(Cursor::new(Vec::new())).unwrap());
    for (at, events) in sessions.iter().enumerate() {
        if at > 0 {
            writer = start(append_to(writer.finish().unwrap().into_inner()).unwrap());
        }
        for event in events {
            writer.write(&event.as_event()).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// Header ids of all records, read leniently.
fn numbers(file: &[u8]) -> Vec<u64> {
    let mut reader = LogReader::from_slice(file).unwrap();
    let mut numbers = Vec::new();
    while let Some(event) = reader.next_event() {
        if let Ok(event) = event {
            numbers.push(event.header_id());
        }
    }
    numbers
}

fn sized(lengths: &[usize]) -> Vec<OwnedLogEvent> {
    lengths
        .iter()
        .map(|&length| request().data("x".repeat(length)))
        .collect()
}

#[test]
fn a_log_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.evtx");
    let mut writer = LogWriter::create(&path).unwrap();
    writer.write(&request().data("a").as_event()).unwrap();
    writer
        .write(&request().record_id(70).data("b").as_event())
        .unwrap();
    writer.finish().unwrap();
    let before = std::fs::read(&path).unwrap();

    // Opening alone changes nothing, nor does closing.
    drop(LogWriter::append(&path).unwrap());
    LogWriter::append(&path).unwrap().finish().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let mut writer = LogWriter::append(&path).unwrap();
    assert_eq!(writer.records(), 0);
    assert_eq!(writer.write(&request().data("c").as_event()).unwrap(), 71);
    assert_eq!(
        writer
            .write(&request().record_id(5).data("d").as_event())
            .unwrap(),
        5
    );
    writer.finish().unwrap();
    let file = std::fs::read(&path).unwrap();
    assert_eq!(file.len(), before.len());
    let texts: Vec<_> = read(&file).iter().flat_map(strings).collect();
    assert_eq!(texts, ["a", "b", "c", "d"]);
    assert_eq!(numbers(&file), [1, 2, 3, 4]);
    assert!(check_file(&path).unwrap().is_ok());

    let missing = folder.path().join("b.evtx");
    let error = LogWriter::append(&missing).unwrap_err();
    assert_eq!(
        (error.kind(), error.file()),
        (&ErrorKind::Io, Some(missing.as_path()))
    );
}

#[test]
fn names_and_templates_that_are_there_are_used() {
    let events = |n: usize| sized(&vec![10; n]);
    let whole = sessions(&[events(40)], |writer| writer);
    let parts = sessions(&[events(1), events(0), events(30), events(9)], |w| w);
    assert!(whole == parts, "the same bytes");
    assert_eq!(check(&parts).templates, 2);
}

#[test]
fn an_empty_log_and_reserved_space_are_filled() {
    let mut empty = write([]);
    empty.resize(CHUNK + 3 * BIG, 0);
    let mut writer = append_to(empty).unwrap();
    assert_eq!(writer.bytes(), (CHUNK + 3 * BIG) as u64);
    for event in sized(&[30_000; 2]) {
        writer.write(&event.as_event()).unwrap();
    }
    let file = writer.finish().unwrap().into_inner();
    assert_eq!(file.len(), CHUNK + 3 * BIG);
    assert_eq!(file[42], 2);
    assert!(check(&file).is_ok());
    assert_eq!(numbers(&file), [1, 2]);
    let mut writer = append_to(file).unwrap();
    for event in sized(&[30_000; 2]) {
        writer.write(&event.as_event()).unwrap();
    }
    let file = writer.finish().unwrap().into_inner();
    assert_eq!(file.len(), CHUNK + 4 * BIG);
    assert!(check(&file).is_ok());
    assert_eq!(numbers(&file), [1, 2, 3, 4]);
}

#[test]
fn a_wrapped_log_goes_on_in_its_size() {
    let max = (CHUNK + 3 * BIG) as u64;
    let file = sessions(&[sized(&[20_000; 11])], |w| w.with_max_size(max));
    assert_eq!(file[8], 2, "it wrapped");
    // Nobody says again how large it may be.
    let mut writer = append_to(file).unwrap();
    for event in sized(&[20_000; 9]) {
        writer.write(&event.as_event()).unwrap();
    }
    let file = writer.finish().unwrap().into_inner();
    assert_eq!(file.len() as u64, max);
    assert!(check(&file).is_ok());
    let found = numbers(&file);
    assert_eq!(found.last(), Some(&20));
    assert!(found.len() >= 3 && found.is_sorted());
}

#[test]
fn a_log_keeps_its_version() {
    let file = write_layout(Layout::V3_2, sized(&[5, 6]));
    let mut writer = append_to(file).unwrap().with_layout(Layout::V3_1);
    writer.write(&request().data("y").as_event()).unwrap();
    let file = writer.finish().unwrap().into_inner();
    assert_eq!(file[36], 2);
    let records = read(&file);
    assert_eq!(records[2]["Event"]["System"]["Opcode"], 0);
    assert_eq!(check(&file).templates, 2);
}

#[test]
fn what_is_not_sound_is_refused_and_left_alone() {
    let good = || write(sized(&[30_000; 3]));
    let seal_header = |file: &mut Vec<u8>| {
        let crc = crc32(&file[..120]);
        file[124..128].copy_from_slice(&crc.to_le_bytes());
    };
    type Change<'a> = &'a dyn Fn(&mut Vec<u8>);
    let cases: [(&str, Change<'_>); 12] = [
        ("was not closed", &|file| file[120] = 1),
        ("keeps no checksums", &|file| file[120] = 4),
        ("checksum of its header", &|file| file[24] ^= 1),
        ("minor version", &|file| file[36] = 3),
        ("whole chunk", &|file| file.truncate(CHUNK + BIG + 9)),
        ("header is damaged", &|file| file[CHUNK + BIG + 200] ^= 1),
        ("header is damaged", &|file| {
            file[CHUNK..CHUNK + 512].fill(0);
        }),
        ("follow each other", &|file| {
            file[CHUNK + BIG..CHUNK + 2 * BIG].fill(0);
        }),
        ("newest chunk is damaged", &|file| {
            file[CHUNK + 2 * BIG + 900] ^= 1;
        }),
        ("not agree", &|file| file.truncate(CHUNK + 2 * BIG)),
        ("not agree", &|file| {
            file[24] ^= 64;
            seal_header(file);
        }),
        ("follow each other", &|file| {
            file.copy_within(CHUNK..CHUNK + BIG, CHUNK + BIG);
        }),
    ];
    for (wanted, change) in cases {
        let mut file = good();
        change(&mut file);
        let mut out = Cursor::new(file.clone());
        let error = LogWriter::append_to(&mut out).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Append { .. }), "{error}");
        assert!(error.to_string().contains(wanted), "{wanted}: {error}");
        assert!(!error.is_recoverable());
        assert!(out.into_inner() == file, "{wanted}");
    }
    for bytes in [&b""[..], b"no log", &good()[..100]] {
        let error = append_to(bytes.to_vec()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::FileHeader { .. }),
            "{error}"
        );
    }
}

/// A chunk that no check likes, with good checksums, is left as it is.
#[test]
fn after_a_strange_chunk_a_new_one_begins() {
    let mut file = write(sized(&[10, 20]));
    // Another bucket: names are then not found where they should be.
    file[CHUNK + 128..CHUNK + 384].rotate_left(4);
    let covered = [&file[CHUNK..CHUNK + 120], &file[CHUNK + 128..CHUNK + 512]].concat();
    file[CHUNK + 124..CHUNK + 128].copy_from_slice(&crc32(&covered).to_le_bytes());
    let before = check(&file).total;
    let strange = file.clone();
    let mut writer = append_to(file).unwrap();
    writer.write(&request().data("y").as_event()).unwrap();
    let file = writer.finish().unwrap().into_inner();
    assert!(file[CHUNK..CHUNK + BIG] == strange[CHUNK..]);
    assert_eq!(check(&file).total, before);
    assert_eq!(numbers(&file), [1, 2, 3]);
}

/// Stops for good after so many bytes, in the middle of a write.
struct Crashing {
    file: Cursor<Vec<u8>>,
    left: usize,
}

impl io::Write for Crashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other("no power"));
        }
        let count = bytes.len().min(self.left);
        self.left -= count;
        self.file.write(&bytes[..count])
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Read for Crashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl io::Seek for Crashing {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[test]
fn after_a_crash_nothing_that_was_there_is_lost() {
    let before = write(sized(&[10, 25_000, 50, 20_000, 70]));
    let seen = numbers(&before);
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    for left in (0..3 * BIG).step_by(1999).chain([127, 128, 129, 640, 5000]) {
        let mut out = Crashing {
            file: Cursor::new(before.clone()),
            left,
        };
        let mut writer = LogWriter::append_to(&mut out).unwrap();
        for event in sized(&[300, 30_000, 20_000, 400]) {
            if writer.write(&event.as_event()).is_err() {
                break;
            }
        }
        let _ = writer.finish();
        let file = out.file.into_inner();
        let found = numbers(&file);
        assert!(found.starts_with(&seen), "{left}: {found:?}");
        let whole = found.iter().copied().eq(1..=found.len() as u64);
        assert!(whole, "{left}: {found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A log written in many sessions is the log written in one.
    #[test]
    fn sessions_leave_no_trace(
        lengths in proptest::collection::vec(
            proptest::collection::vec((0_usize..20_000, 0_u8..4), 0..12), 1..6),
        chunks in proptest::option::of(1_usize..4),
        new in any::<bool>(),
    ) {
        let layout = if new { Layout::V3_2 } else { Layout::V3_1 };
        let events: Vec<Vec<_>> = lengths
            .iter()
            .map(|session| {
                let event = |&(length, kind): &(usize, u8)| {
                    let event = request().data("x".repeat(length));
                    match kind {
                        0 => event.named_data("N", "v").binary([1, 2, 3]),
                        1 => event.computer(format!("c{}", length % 3)),
                        2 => event.user(SID),
                        _ => event,
                    }
                };
                session.iter().map(event).collect()
            })
            .collect();
        let set = |writer: LogWriter<_>| {
            let writer = writer.with_layout(layout);
            match chunks {
                Some(chunks) => writer.with_max_size((CHUNK + chunks * BIG) as u64),
                None => writer,
            }
        };
        let parts = sessions(&events, set);
        let whole = sessions(&[events.concat()], set);
        let report = check(&parts);
        prop_assert!(report.is_ok(), "{}", report);
        prop_assert!(parts == whole);
        read(&parts);
    }
}
