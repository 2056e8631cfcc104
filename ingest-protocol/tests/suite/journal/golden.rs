//! Files that an earlier version wrote are read, and written the same.

use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::journal::{Append, Journal, Options, Rewrite};

use super::read_all;

const GOLDEN: [(&str, &[u8]); 4] = [
    (
        "0000000000000001.segment",
        include_bytes!("golden/0000000000000001.segment"),
    ),
    (
        "0000000000000002.segment",
        include_bytes!("golden/0000000000000002.segment"),
    ),
    (
        "0000000000000003.segment",
        include_bytes!("golden/0000000000000003.segment"),
    ),
    ("marks", include_bytes!("golden/marks")),
];

fn written() -> SimDisk {
    let disk = SimDisk::new(0);
    let open = |opening| {
        Journal::open(disk.clone(), Options::new([opening; 16]))
            .unwrap()
            .0
    };
    let mut journal = open(1);
    journal
        .append(Append::new(1, b"erased").cursor(b"cursor 1"))
        .unwrap();
    journal
        .append(Append::new(2, b"body 2").state([5; 16], b"state 5"))
        .unwrap();
    journal
        .erase(|entry| match entry.index() {
            1 => Rewrite::Erase,
            _ => Rewrite::Keep,
        })
        .unwrap();
    drop(journal);
    let mut journal = open(2);
    journal
        .append(Append::new(239, b"").state([6; 16], b"state 6"))
        .unwrap();
    journal.release(1).unwrap();
    journal
        .append(
            Append::new(4, &[0xab; 300])
                .cursor(b"cursor 4")
                .forget([6; 16]),
        )
        .unwrap();
    journal.close().unwrap();
    disk
}

#[test]
fn the_format_is_written_as_ever() {
    let disk = written();
    assert_eq!(disk.names(), GOLDEN.map(|(name, _)| name));
    for (name, bytes) in GOLDEN {
        assert_eq!(disk.get(name).unwrap(), bytes, "{name}");
    }
}

#[test]
fn the_format_is_read_as_ever() {
    let disk = SimDisk::new(0);
    for (name, bytes) in GOLDEN {
        disk.put(name, bytes.to_vec());
    }
    let (mut journal, report) = Journal::open(disk, Options::new([9; 16])).unwrap();
    assert!(
        report.findings().is_empty() && report.entries() == 3,
        "{report}"
    );
    assert_eq!((journal.id(), journal.released()), ([1; 16], 1));
    assert_eq!(journal.cursor(), Some(&b"cursor 4"[..]));
    assert_eq!(
        journal.states().collect::<Vec<_>>(),
        [([5; 16], &b"state 5"[..])]
    );
    let (entries, lost) = read_all(&mut journal);
    assert!(lost.is_empty());
    let found: Vec<_> = entries
        .iter()
        .map(|e| (e.index(), e.kind(), e.body().to_vec()))
        .collect();
    let expected = [
        (2, 2, b"body 2".to_vec()),
        (3, 239, vec![]),
        (4, 4, vec![0xab; 300]),
    ];
    assert_eq!(found, expected);
    assert_eq!(entries[2].state(), Some(([6; 16], None)));
}

/// Only for files that no version has written yet: a change of the others breaks readers.
#[test]
#[ignore = "writes the golden files"]
fn write_golden_files() {
    let directory =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/journal/golden");
    std::fs::create_dir_all(&directory).unwrap();
    let disk = written();
    for name in disk.names() {
        std::fs::write(directory.join(&name), disk.get(&name).unwrap()).unwrap();
    }
}
