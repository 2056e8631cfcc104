//! Frames that are committed together: one sync, one fate.

use ingest_protocol::frame::{Frame, Limits, Opener, Record, Sealer, Stamp};
use ingest_protocol::journal::Options;
use ingest_protocol::journal::sim::SimDisk;
use ingest_protocol::receiver::{Commit, Receiver, ReceiverLog, Reception, Stored};
use ingest_protocol::{Audience, Code, StreamId};
use uuid::Uuid;

const TENANT: Audience = Audience(Uuid::from_u128(1));

fn receiver() -> Receiver {
    Receiver::new(Opener::new(Limits::default()).with_audience(TENANT))
}

fn log(disk: &SimDisk, opening: u8) -> ReceiverLog<SimDisk> {
    let options = Options::new([opening; 16]).segment_bytes(64 << 10);
    ReceiverLog::open(disk.clone(), options, receiver())
        .unwrap()
        .0
}

/// The first frame of a stream, decided by an empty state.
fn first(stream: u128, bytes: usize) -> (Frame, Commit, Vec<ingest_protocol::Rejected>) {
    let record = Record::new(format!("\"{}\"", "x".repeat(bytes)));
    let stamp = Stamp::new(TENANT, StreamId(Uuid::from_u128(stream + 1)), 1);
    let sealed = Sealer::new(Limits::default()).seal(&stamp, &[record]);
    match receiver().receive(sealed.unwrap(), None, None) {
        Reception::Commit(frame, commit) => (frame, commit, Vec::new()),
        other => panic!("{other:?}"),
    }
}

fn is_stored(log: &ReceiverLog<SimDisk>, stream: u128) -> bool {
    let state = log.state(StreamId(Uuid::from_u128(stream + 1))).unwrap();
    state.is_some_and(|state| state.next_seq() == 2)
}

#[test]
fn what_is_committed_together_survives_a_crash_together() {
    let disk = SimDisk::new(1);
    let mut log = log(&disk, 1);
    log.commit_all([first(10, 10)]).unwrap();
    let before = disk.operations();
    let stored = log.commit_all((0..8).map(|n| first(n, 100))).unwrap();
    assert_eq!(stored.len(), 8);
    assert!(stored.iter().all(|s| matches!(s, Stored::Committed(..))));
    let together = disk.operations() - before;
    assert!(
        together <= 9,
        "8 writes and a sync, not {together} operations"
    );
    disk.crash();
    let log = self::log(&disk, 2);
    assert!((0..8).all(|stream| is_stored(&log, stream)));
}

#[test]
fn a_failed_sync_acknowledges_none() {
    let disk = SimDisk::new(2);
    let mut log = log(&disk, 1);
    log.commit_all([first(10, 10)]).unwrap();
    disk.fail_sync_after(0);
    let failed = log.commit_all((0..3).map(|n| first(n, 100)));
    assert!(failed.is_err_and(|error| !error.is_retryable()));
    assert!(
        log.commit_all([first(4, 10)]).is_err(),
        "open it again first"
    );
    // What is sent again is not taken for a duplicate of what may not be durable.
    for (frame, _, _) in (0..3).map(|n| first(n, 100)) {
        let stream = frame.header().stream();
        assert!(log.state(stream).is_err_and(|error| !error.is_retryable()));
        let again = log.receive(frame.as_bytes().clone(), None, |_| Vec::new());
        assert!(again.is_err(), "{again:?}");
    }
}

#[test]
fn a_full_disk_refuses_what_does_not_fit_and_stores_the_others() {
    let disk = SimDisk::new(3);
    let mut log = log(&disk, 1);
    log.commit_all([first(10, 10)]).unwrap();
    disk.set_capacity(Some(disk.used() + 3_000));
    let frames = [first(0, 500), first(1, 20_000), first(2, 500)];
    let stored = log.commit_all(frames).unwrap();
    let [
        Stored::Committed(..),
        Stored::Refused(problem),
        Stored::Committed(..),
    ] = &stored[..]
    else {
        panic!("{stored:?}")
    };
    assert_eq!(problem.code, Some(Code::UNAVAILABLE));
    assert!(
        !is_stored(&log, 1),
        "its resend is not taken for a duplicate"
    );
    disk.crash();
    disk.set_capacity(None);
    let mut log = self::log(&disk, 2);
    assert!(is_stored(&log, 0) && !is_stored(&log, 1) && is_stored(&log, 2));
    let again = log.commit_all([first(1, 20_000)]).unwrap();
    assert!(matches!(again[..], [Stored::Committed(..)]));
}

#[test]
fn two_frames_of_one_stream_are_not_both_first() {
    let mut log = log(&SimDisk::new(4), 1);
    let stored = log.commit_all([first(1, 10), first(1, 20)]).unwrap();
    let [Stored::Committed(..), Stored::Refused(problem)] = &stored[..] else {
        panic!("{stored:?}")
    };
    assert_eq!(problem.code, Some(Code::UNAVAILABLE));
}

#[test]
fn streams_are_forgotten_together() {
    let disk = SimDisk::new(6);
    let mut log = log(&disk, 1);
    log.commit_all((0..9).map(|n| first(n, 10))).unwrap();
    let before = disk.operations();
    let streams = (1..9).map(|n: u128| StreamId(Uuid::from_u128(n + 1)));
    log.forget_all(streams).unwrap();
    assert!(disk.operations() - before <= 9, "8 writes and a sync");
    disk.crash();
    let log = self::log(&disk, 2);
    assert!(is_stored(&log, 0) && (1..9).all(|stream| !is_stored(&log, stream)));
}

#[test]
fn a_segment_that_is_ended_can_go() {
    let disk = SimDisk::new(5);
    let mut journal = super::open(&disk, 1);
    journal.end_segment().unwrap();
    assert_eq!(super::segments(&disk).len(), 0, "none is there to be ended");
    let append = |journal: &mut ingest_protocol::journal::Journal<SimDisk>| {
        let append = ingest_protocol::journal::Append::new(1, b"x").state([7; 16], b"s");
        journal.append(append).unwrap().index()
    };
    let old = append(&mut journal);
    assert_eq!(journal.release(old).unwrap(), 0);
    journal.end_segment().unwrap();
    journal.end_segment().unwrap();
    assert_eq!(super::segments(&disk).len(), 2, "an empty one is not ended");
    assert_eq!(journal.release(old).unwrap(), 1);
    let new = append(&mut journal);
    journal.close().unwrap();
    let mut journal = super::open(&disk, 2);
    let (entries, lost) = super::read_all(&mut journal);
    assert_eq!((super::indices(&entries), lost), (vec![new], vec![]));
    assert_eq!(journal.state(&[7; 16]), Some(&b"s"[..]));
}
