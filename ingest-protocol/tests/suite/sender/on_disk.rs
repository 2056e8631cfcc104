//! A sender with its journal, on a disk that fails and is opened again.

use std::time::Instant;

use ingest_protocol::journal::Options;
use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::sender::SpooledSender;

use super::{config, record, stream};

fn options(opening: u8) -> Options {
    Options::new([opening; 16])
}

fn open(disk: &SimDisk, options: Options) -> SpooledSender<SimDisk> {
    let opened = SpooledSender::open(disk.clone(), options, config(), stream(1));
    opened.unwrap().0
}

/// Each with its number as the cursor.
fn push(spool: &mut SpooledSender<SimDisk>, numbers: impl IntoIterator<Item = u64>, now: Instant) {
    for n in numbers {
        spool.push(record(n), n.to_string(), now).unwrap();
    }
}

#[test]
fn what_was_not_written_is_not_called_durable_by_the_next_flush() {
    let now = Instant::now();
    for (options, fails) in [(options(1), true), (options(1).entry_bytes(100), false)] {
        let disk = SimDisk::new(1);
        let mut spool = open(&disk, options);
        push(&mut spool, 1..=2, now);
        if fails {
            disk.fail_write();
        }
        for _ in 0..2 {
            assert!(!spool.flush().unwrap_err().is_retryable());
        }
        assert!(!spool.poll_transmit(now).unwrap_err().is_retryable());
        assert_eq!((spool.cursor(), spool.sender().backlog()), (None, 2));
    }
}
