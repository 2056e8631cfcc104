//! A spool in which frames took over records of older ones, as a crash leaves it: the newer frame
//! goes before, and what it did not take over is still sent.

use std::time::Instant;

use ingest_protocol::frame::{Limits, Record, Sealer, Stamp};
use ingest_protocol::sender::Sender;

use super::{AUDIENCE, Service, Spool, config, content, record, stream, texts};

/// As its documentation has it: stream 1, whose sequence numbers are the records' numbers.
fn state(done: i64, next: i64) -> Vec<u8> {
    let mut bytes = vec![1, 0, 0, 0, 1, 0, 0, 0];
    bytes.extend(done.to_le_bytes());
    bytes.extend(next.to_le_bytes());
    bytes.extend(stream(1).0.as_bytes());
    bytes.extend(0_i64.to_le_bytes());
    bytes
}

/// A spool with frames in the order they were stored: `first_seq`, `lost`, records.
fn spool(done: i64, next: i64, frames: &[(u64, u64, u64)]) -> Spool {
    let mut spool = Spool {
        state: Some(state(done, next).into()),
        ..Spool::default()
    };
    for &(first, lost, count) in frames {
        let records: Vec<Record> = (first..first + count).map(record).collect();
        let stamp = Stamp::new(AUDIENCE, stream(1), first).with_lost(lost);
        let frame = Sealer::new(Limits::FLOOR).seal(&stamp, &records);
        spool.place += 1;
        spool.frames.insert(spool.place, frame.unwrap());
    }
    spool
}

fn recover(spool: &Spool) -> Sender {
    spool.recover(config().max_records(10))
}

/// A service that has all before `done`.
fn service(done: i64) -> Service {
    let state = format!(r#"{{"next_seq":{done},"recent":[]}}"#);
    let mut service = Service::default();
    let state = serde_json::from_str(&state).unwrap();
    service.states.insert(stream(1), state);
    service
}

/// What is sent of that spool.
#[track_caller]
fn sends(done: i64, next: i64, frames: &[(u64, u64, u64)], expected: &[(u64, u64, u64)]) {
    let mut spool = spool(done, next, frames);
    let (mut sender, mut service) = (recover(&spool), service(done));
    let sent = spool.drain(&mut sender, &mut service, Instant::now());
    let sent: Vec<_> = sent.iter().map(content).collect();
    let expected = expected
        .iter()
        .map(|&(first, lost, count)| (first, lost, texts(first..first + count)));
    assert_eq!(sent, expected.collect::<Vec<_>>());
    assert!(sender.is_idle());
}

#[test]
fn the_rest_of_a_frame_is_sent_whose_first_records_were_taken_over() {
    sends(1, 7, &[(1, 0, 6), (1, 0, 3)], &[(1, 0, 3), (4, 0, 3)]);
    sends(1, 7, &[(1, 0, 6), (1, 0, 1)], &[(1, 0, 1), (2, 0, 5)]);
}

#[test]
fn the_beginning_of_a_frame_is_sent_whose_last_records_were_taken_over() {
    sends(1, 7, &[(1, 0, 6), (4, 0, 3)], &[(1, 0, 3), (4, 0, 3)]);
}

#[test]
fn a_frame_is_not_sent_that_was_taken_over_whole() {
    sends(1, 5, &[(3, 0, 2), (3, 2, 2)], &[(3, 2, 2)]);
    sends(1, 9, &[(3, 0, 2), (5, 0, 2), (7, 6, 2)], &[(7, 6, 2)]);
    sends(1, 7, &[(1, 0, 3), (4, 0, 3), (1, 0, 6)], &[(1, 0, 6)]);
}

#[test]
fn frames_that_only_touch_take_over_nothing() {
    sends(1, 7, &[(4, 0, 3), (1, 0, 3)], &[(1, 0, 3), (4, 0, 3)]);
    sends(1, 7, &[(1, 0, 3), (4, 0, 3)], &[(1, 0, 3), (4, 0, 3)]);
}

#[test]
fn a_loss_is_declared_once() {
    // It stands alone before the next record.
    sends(68, 72, &[(70, 2, 0), (70, 0, 2)], &[(70, 2, 0), (70, 0, 2)]);
    sends(68, 72, &[(70, 0, 2), (70, 2, 0)], &[(70, 2, 0), (70, 0, 2)]);
    let taken_over = [(70, 2, 0), (72, 0, 1), (70, 0, 2)];
    sends(68, 73, &taken_over, &[(70, 2, 0), (70, 0, 2), (72, 0, 1)]);
    // A later frame declares it with others.
    sends(65, 72, &[(70, 2, 0), (70, 5, 2)], &[(70, 5, 2)]);
    sends(65, 70, &[(70, 2, 0), (70, 5, 0)], &[(70, 5, 0)]);
    sends(65, 74, &[(68, 2, 0), (72, 7, 2)], &[(72, 7, 2)]);
}

#[test]
fn what_was_spooled_and_is_gone_is_declared_lost() {
    sends(1, 9, &[(1, 0, 2)], &[(1, 0, 2), (9, 6, 0)]);
    sends(1, 9, &[(1, 0, 2), (7, 0, 2)], &[(1, 0, 2), (7, 4, 2)]);
}

#[test]
fn what_is_done_is_not_lost() {
    // Frames up to 9 were released; the one of the history that is left ends before.
    let (mut spool, now) = (spool(10, 10, &[(1, 0, 4)]), Instant::now());
    let (mut sender, mut service) = (recover(&spool), service(10));
    sender.push(record(10), now).unwrap();
    sender.flush().unwrap();
    let sent = spool.drain(&mut sender, &mut service, now);
    assert_eq!(
        sent.iter().map(content).collect::<Vec<_>>(),
        [(10, 0, texts([10]))]
    );
    // Sealed right at once: the frame and a mark.
    assert_eq!(spool.place, 3);
}
