//! A sender with its journal, on a disk that fails and is opened again.

use std::time::Instant;

use ingest_protocol::journal::Options;
use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::sender::{Event, RecoverError, SpoolError, SpooledSender, Transmit};
use ingest_protocol::{Answer, Code};

use super::{ack, config, content, record, seconds, stream, texts, told};

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

/// A disk with a spool in which these records are durable, two in each frame.
fn with_records(count: u64) -> (SimDisk, SpooledSender<SimDisk>, Instant) {
    let (disk, now) = (SimDisk::new(1), Instant::now());
    let mut spool = open(&disk, options(1));
    push(&mut spool, 1..=count, now);
    spool.flush().unwrap();
    (disk, spool, now)
}

fn transmit(spool: &mut SpooledSender<SimDisk>, now: Instant) -> Transmit {
    spool.poll_transmit(now).unwrap().unwrap()
}

/// Sends the next frame and has it acknowledged.
fn acknowledge(spool: &mut SpooledSender<SimDisk>, now: Instant) -> Transmit {
    let sent = transmit(spool, now);
    spool.handle_answer(sent.id, Answer::Ack(ack(&sent.header)), now);
    sent
}

#[test]
fn it_waits_and_tells_as_the_sender_does() {
    let (_, mut spool, now) = with_records(2);
    let sent = transmit(&mut spool, now);
    assert_eq!(spool.poll_timeout(), Some(now + seconds(60)));
    // The answer does not come, then the connection breaks.
    let late = now + seconds(60);
    spool.handle_timeout(late);
    let again = spool.poll_timeout().unwrap();
    assert!(again > late && again <= late + seconds(1));
    assert_eq!(spool.poll_transmit(late).unwrap(), None);
    assert_eq!(transmit(&mut spool, again), sent);
    spool.handle_failure(sent.id, again);
    let again = spool.poll_timeout().unwrap();
    assert_eq!(acknowledge(&mut spool, again), sent);
    let event = spool.poll_event();
    assert!(
        matches!(event, Some(Event::Acknowledged { count: 2, .. })),
        "{event:?}"
    );
    assert_eq!(spool.poll_event(), None);
}

#[test]
fn what_is_sealed_is_durable_before_anything_is_sent() {
    let (_, mut spool, now) = with_records(4);
    push(&mut spool, 5..=6, now);
    assert_eq!(spool.cursor(), Some(&b"4"[..]));
    transmit(&mut spool, now);
    assert_eq!(spool.cursor(), Some(&b"6"[..]));
}

#[test]
fn what_was_pushed_is_durable_once_it_is_closed() {
    let (disk, mut spool, now) = with_records(2);
    push(&mut spool, [3], now);
    spool.close().unwrap();
    let spool = open(&disk, options(2));
    assert_eq!(
        (spool.cursor(), spool.sender().backlog()),
        (Some(&b"3"[..]), 3)
    );
}

#[test]
fn what_could_not_be_spooled_is_told_by_closing() {
    let (disk, mut spool, now) = with_records(2);
    push(&mut spool, [3], now);
    disk.set_capacity(Some(disk.used()));
    assert!(spool.close().unwrap_err().is_retryable());
    disk.set_capacity(None);
    let spool = open(&disk, options(2));
    assert_eq!(
        (spool.cursor(), spool.sender().backlog()),
        (Some(&b"2"[..]), 2)
    );
}

#[test]
fn a_frame_that_is_given_up_is_erased_and_no_other() {
    let (disk, mut spool, now) = with_records(8);
    transmit(&mut spool, now);
    assert_eq!(spool.evict().unwrap(), 2);
    drop(spool);
    let mut spool = open(&disk, options(2));
    for expected in [
        (1, 0, texts(1..=2)),
        (5, 2, texts(5..=6)),
        (7, 0, texts(7..=8)),
    ] {
        assert_eq!(content(&acknowledge(&mut spool, now)), expected);
    }
    // There is nothing left to be given up.
    assert_eq!(spool.evict().unwrap(), 0);
}

#[test]
fn only_what_may_pass_is_to_be_waited_for() {
    assert!(!SpoolError::from(RecoverError::State).is_retryable());
}

#[test]
fn a_full_disk_is_asked_once() {
    let (disk, mut spool, now) = with_records(2);
    acknowledge(&mut spool, now);
    spool.settle().unwrap();
    disk.set_capacity(Some(disk.used()));
    push(&mut spool, 3..=4, now);
    assert!(spool.flush().unwrap_err().is_retryable()); // what can go went
    let before = disk.operations();
    assert!(spool.flush().unwrap_err().is_retryable());
    let once = disk.operations() - before;
    assert_eq!(spool.poll_transmit(now).unwrap(), None);
    assert!(once > 0);
    assert_eq!(disk.operations() - before, 2 * once);
}

#[test]
fn what_is_sealed_anew_waits_for_room_on_the_disk() {
    let (disk, mut spool, now) = with_records(4);
    let sent = transmit(&mut spool, now);
    disk.set_capacity(Some(disk.used()));
    let problem = told(Code::TOO_LARGE).with_frame(&sent.header);
    spool.handle_answer(sent.id, Answer::Problem(problem), now);
    for _ in 0..2 {
        assert_eq!(spool.poll_transmit(now).unwrap(), None);
    }
    assert_eq!(spool.sender().backlog(), 4);
    disk.set_capacity(None);
    for n in 1..=2 {
        let sent = acknowledge(&mut spool, now);
        assert_eq!(content(&sent), (n, 0, texts([n])));
    }
    assert_eq!(content(&acknowledge(&mut spool, now)), (3, 0, texts(3..=4)));
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
