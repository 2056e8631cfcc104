//! How records become frames.

use std::time::Instant;

use ingest_protocol::Code;
use ingest_protocol::frame::{Frame, Limits, Record};
use ingest_protocol::sender::{Event, PushError, Sender, SenderConfig, SpoolOp};
use uuid::Uuid;

use super::{
    AUDIENCE, acknowledge, config, content, events, push_all, record, refuse, seconds, stream,
    texts, told, transmit,
};

fn sender(config: SenderConfig) -> (Sender, Instant) {
    (Sender::new(config, stream(1)), Instant::now())
}

#[test]
fn a_frame_is_sealed_when_it_has_its_records() {
    let (mut sender, now) = sender(config().max_records(3));
    push_all(&mut sender, 1..=2, now);
    assert_eq!(sender.poll_transmit(now), None);
    assert_eq!(sender.backlog(), 2);
    push_all(&mut sender, 3..=4, now);
    assert_eq!(
        content(&acknowledge(&mut sender, now)),
        (1, 0, texts(1..=3))
    );
    assert_eq!(sender.poll_transmit(now), None);
    assert_eq!(sender.backlog(), 1);
}

#[test]
fn a_frame_has_no_more_records_than_the_receiver_takes() {
    let few = Limits::default().with_records(2);
    let (mut sender, now) = sender(config().max_records(1_000).limits(few));
    push_all(&mut sender, 1..=3, now);
    assert_eq!(transmit(&mut sender, now).header.count(), 2);
    // A config that asks for none gets one.
    let (mut sender, now) = super::batching::sender(config().max_records(0));
    push_all(&mut sender, 1..=2, now);
    assert_eq!(transmit(&mut sender, now).header.count(), 1);
}

#[test]
fn a_frame_is_sealed_before_it_has_too_many_bytes() {
    // Of 46 bytes and a length: two are just 100 bytes.
    let long = || Record::new("x".repeat(46));
    let (mut sender, now) = sender(config().max_records(10).max_bytes(100));
    sender.push(long(), now).unwrap();
    sender.push(long(), now).unwrap();
    assert_eq!(sender.poll_transmit(now), None);
    sender.push(Record::new(""), now).unwrap();
    assert_eq!(acknowledge(&mut sender, now).header.count(), 2);
    assert_eq!(sender.poll_transmit(now), None);
}

#[test]
fn ids_and_times_count_as_bytes() {
    let time = chrono::DateTime::from_timestamp_micros(7).unwrap();
    for (record, fits) in [
        (Record::new("x".repeat(46)), true),
        (Record::new("x".repeat(47)), false),
        (
            Record::new("x".repeat(30)).with_id(Uuid::from_u128(1)),
            true,
        ),
        (
            Record::new("x".repeat(31)).with_id(Uuid::from_u128(1)),
            false,
        ),
        (Record::new("x".repeat(38)).with_time(time), true),
        (Record::new("x".repeat(39)).with_time(time), false),
    ] {
        let (mut sender, now) = sender(config().max_records(10).max_bytes(100));
        sender.push(record.clone(), now).unwrap();
        sender.push(record, now).unwrap();
        assert_eq!(sender.poll_transmit(now).is_none(), fits);
    }
}

#[test]
fn a_frame_is_sealed_when_its_first_record_is_old() {
    let (mut sender, now) = sender(config().max_records(10).max_age(seconds(60)));
    assert_eq!(sender.poll_timeout(), None);
    sender.push(record(1), now).unwrap();
    sender.push(record(2), now + seconds(50)).unwrap();
    let due = now + seconds(60);
    assert_eq!(sender.poll_timeout(), Some(due));
    sender.handle_timeout(due - seconds(1));
    assert_eq!(sender.poll_transmit(due), None);
    sender.handle_timeout(due);
    assert_eq!(
        content(&acknowledge(&mut sender, due)),
        (1, 0, texts(1..=2))
    );
    // The next batch has an age of its own.
    assert_eq!(sender.poll_timeout(), None);
    sender.push(record(3), due).unwrap();
    assert_eq!(sender.poll_timeout(), Some(due + seconds(60)));
}

#[test]
fn flush_seals_what_there_is() {
    let (mut sender, now) = sender(config().max_records(10));
    sender.flush().unwrap();
    assert_eq!(sender.poll_transmit(now), None);
    push_all(&mut sender, 1..=2, now);
    sender.flush().unwrap();
    assert_eq!(sender.poll_timeout(), None);
    assert_eq!(
        content(&acknowledge(&mut sender, now)),
        (1, 0, texts(1..=2))
    );
}

#[test]
fn frames_are_of_the_audience_the_stream_and_the_format() {
    use ingest_protocol::frame::Format;
    let (mut sender, now) = sender(config().format(Format::OPAQUE));
    push_all(&mut sender, 1..=2, now);
    let header = transmit(&mut sender, now).header;
    assert_eq!(
        (header.audience(), header.stream(), header.format()),
        (AUDIENCE, stream(1), Format::OPAQUE)
    );
    assert_eq!(sender.stream(), stream(1));
}

#[test]
fn ids_and_times_are_sent() {
    let time = chrono::DateTime::from_timestamp_micros(7).unwrap();
    let full = record(1).with_id(Uuid::from_u128(5)).with_time(time);
    let (mut sender, now) = sender(config());
    sender.push(full.clone(), now).unwrap();
    sender.push(record(2), now).unwrap();
    let frame = Frame::open(transmit(&mut sender, now).frame, &Limits::FLOOR).unwrap();
    assert_eq!(frame.to_records(), [full, record(2)]);
}

#[test]
fn a_full_sender_hands_the_record_back() {
    let (mut sender, now) = sender(config().max_memory(100));
    // The first is always taken.
    sender.push(Record::new("x".repeat(200)), now).unwrap();
    assert_eq!(sender.held_bytes(), 204);
    let before = sender.clone();
    let error = sender.push(record(7), now).unwrap_err();
    assert!(matches!(error, PushError::Full { held: 204, .. }));
    assert_eq!(error.into_record(), record(7));
    assert_eq!(sender, before);
    // Sealed, it is a frame in memory.
    sender.flush().unwrap();
    let sent = transmit(&mut sender, now);
    assert_eq!(sender.held_bytes(), sent.frame.len() as u64);
    sender.push(record(7), now).unwrap_err();
}

#[test]
fn there_is_room_again_after_an_ack() {
    let (mut sender, now) = sender(config().max_memory(100).history(0));
    sender.push(Record::new("x".repeat(200)), now).unwrap();
    sender.flush().unwrap();
    acknowledge(&mut sender, now);
    assert_eq!(sender.held_bytes(), 0);
    sender.push(record(7), now).unwrap();
}

#[test]
fn the_history_does_not_keep_records_out() {
    let (mut sender, now) = sender(config().max_memory(100));
    sender.push(Record::new("x".repeat(200)), now).unwrap();
    sender.flush().unwrap();
    acknowledge(&mut sender, now);
    assert!(sender.is_idle());
    sender.push(record(7), now).unwrap();
}

#[test]
fn the_history_goes_only_where_a_record_has_no_room_beside_it() {
    for (missing, lost) in [(0, 0), (1, 2)] {
        let (mut first, now) = sender(config());
        push_all(&mut first, 1..=2, now);
        let frame = transmit(&mut first, now).frame.len() as u64;
        // The frame, and a record of a byte with its length.
        let memory = frame + 5 - missing;
        let (mut sender, now) = sender(config().max_memory(memory));
        push_all(&mut sender, 1..=2, now);
        acknowledge(&mut sender, now);
        push_all(&mut sender, [3], now);
        sender.flush().unwrap();
        refuse(&mut sender, told(Code::GAP).with_next_seq(1), now);
        let rewound = Event::Rewound { next_seq: 1, lost };
        assert_eq!(events(&mut sender).last(), Some(&rewound));
    }
}

#[test]
fn memory_is_filled_to_the_last_byte() {
    let (mut sender, now) = sender(config().max_records(10).max_memory(100));
    sender.push(Record::new("x".repeat(46)), now).unwrap();
    sender.push(Record::new("x".repeat(47)), now).unwrap_err();
    sender.push(Record::new("x".repeat(46)), now).unwrap();
    assert_eq!(sender.held_bytes(), 100);
    sender.push(Record::new(""), now).unwrap_err();
}

#[test]
fn a_record_over_the_limit_is_handed_back_and_a_tombstone_sent() {
    let small = Limits::FLOOR.with_record_bytes(300);
    let (mut sender, now) = sender(config().limits(small));
    let (fits, long) = ("x".repeat(300), "x".repeat(301));
    let id = Uuid::from_u128(3);
    sender.push(Record::new(fits.clone()), now).unwrap();
    sender
        .push(Record::new(long.clone()).with_id(id), now)
        .unwrap();
    assert_eq!(
        events(&mut sender),
        [Event::Oversize(Record::new(long).with_id(id))]
    );
    let frame = Frame::open(transmit(&mut sender, now).frame, &small).unwrap();
    let records = frame.to_records();
    assert_eq!(records[0].payload(), fits.as_bytes());
    assert_eq!(records[1].id(), Some(id));
    let tombstone: serde_json::Value = serde_json::from_slice(records[1].payload()).unwrap();
    assert_eq!(tombstone["$oversize"]["len"], 301);
    assert_eq!(
        tombstone["$oversize"]["crc64"].as_str().map(str::len),
        Some(16)
    );
}

#[test]
fn a_record_longer_than_any_frame_is_a_tombstone_too() {
    // One byte too many for a body, though not for a record.
    let small = Limits::MAX.with_frame_bytes(2_000);
    for (len, fits) in [(2_000 - 512 - 4, true), (2_000 - 512 - 3, false)] {
        let (mut sender, now) = sender(config().limits(small).max_records(1));
        sender.push(Record::new("x".repeat(len)), now).unwrap();
        assert_eq!(events(&mut sender).is_empty(), fits);
        assert!(transmit(&mut sender, now).frame.len() <= 2_000);
    }
}

#[test]
fn the_last_cursor_is_spooled_with_the_frame() {
    let (mut sender, now) = sender(config().max_records(10).spooled());
    sender.push_at(record(1), "one", now).unwrap();
    sender.push_at(record(2), "two", now).unwrap();
    sender.push(record(3), now).unwrap();
    sender.flush().unwrap();
    let Some(SpoolOp::Append { cursor, .. }) = sender.poll_spool() else {
        panic!("a frame");
    };
    assert_eq!(cursor.as_deref(), Some(&b"two"[..]));
}

#[test]
fn a_time_without_end_is_never_reached() {
    let never = std::time::Duration::MAX;
    let config = config().max_records(10).max_age(never).timeout(never);
    let (mut sender, now) = sender(config.heartbeat(never));
    assert_eq!(sender.poll_transmit(now), None);
    sender.push(record(1), now).unwrap();
    assert_eq!(sender.poll_timeout(), None);
    sender.handle_timeout(now + seconds(1_000_000));
    assert_eq!(sender.poll_transmit(now), None);
    sender.flush().unwrap();
    transmit(&mut sender, now);
    assert_eq!(sender.poll_timeout(), None);
}
