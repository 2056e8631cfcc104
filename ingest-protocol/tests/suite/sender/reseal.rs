//! What is too large, or of a kind that the receiver does not know, is sealed differently.

use std::time::Instant;

use ingest_protocol::frame::{Limits, Record};
use ingest_protocol::sender::{Event, Sender, Transmit};
use ingest_protocol::{Answer, Code, Problem};

use super::{
    Service, Spool, acknowledge, config, content, events, push_all, record, refuse, seconds,
    stream, texts, told, transmit, with_records,
};

const PROXY: &[u8] = b"<html>413 Request Entity Too Large";

/// A proxy refuses the next frame, again and again, until it is believed.
fn proxy_refuses(sender: &mut Sender, status: u16, mut now: Instant) -> (Transmit, Instant) {
    let first = transmit(sender, now);
    for time in 0..3 {
        assert!(
            !events(sender)
                .iter()
                .any(|event| matches!(event, Event::Split(_) | Event::Downgraded))
        );
        if time > 0 {
            assert_eq!(transmit(sender, now), first);
        }
        sender.handle_answer(first.id, Answer::read(status, None, PROXY), now);
        now = sender.poll_timeout().unwrap_or(now);
    }
    (first, now)
}

fn learned(sender: &mut Sender) -> Limits {
    match events(sender).as_slice() {
        [Event::Split(limits)] => *limits,
        other => panic!("{other:?}"),
    }
}

#[test]
fn limits_that_are_told_are_kept_to() {
    let large = Limits::default();
    let (mut sender, now) = with_records(config().limits(large).max_records(5_000), 3_500);
    let small = Limits::default().with_records(1_500);
    let sent = refuse(&mut sender, told(Code::TOO_LARGE).with_limits(small), now);
    assert_eq!(sent.header.count(), 3_500);
    assert_eq!(learned(&mut sender), small);
    let mut next = 1;
    for count in [1_500, 1_500, 500] {
        let sent = acknowledge(&mut sender, now);
        assert_eq!(content(&sent), (next, 0, texts(next..next + count)));
        next += count;
    }
    // And so are the frames that are sealed from then on.
    push_all(&mut sender, 3_501..=5_000, now);
    assert_eq!(acknowledge(&mut sender, now).header.count(), 1_500);
    assert!(sender.is_idle());
}

#[test]
fn limits_below_the_floor_are_not_believed() {
    let (mut sender, now) =
        with_records(config().limits(Limits::default()).max_records(5_000), 1_500);
    let absurd = Limits::default()
        .with_records(1)
        .with_frame_bytes(0)
        .with_raw_bytes(0)
        .with_record_bytes(0);
    refuse(&mut sender, told(Code::TOO_LARGE).with_limits(absurd), now);
    assert_eq!(learned(&mut sender), Limits::FLOOR);
    assert_eq!(acknowledge(&mut sender, now).header.count(), 1_000);
    assert_eq!(acknowledge(&mut sender, now).header.count(), 500);
}

#[test]
fn limits_never_grow_by_what_is_told() {
    let (mut sender, now) = with_records(config(), 2);
    let problem = told(Code::TOO_LARGE).with_limits(Limits::MAX);
    refuse(&mut sender, problem, now);
    // It says nothing of why, so that halves are tried.
    assert_eq!(learned(&mut sender), Limits::FLOOR);
    assert_eq!(content(&acknowledge(&mut sender, now)), (1, 0, texts([1])));
    assert_eq!(content(&acknowledge(&mut sender, now)), (2, 0, texts([2])));
}

#[test]
fn frames_are_split_by_bytes() {
    let (mut sender, now) = with_records(
        config()
            .limits(Limits::default())
            .max_records(100)
            .max_bytes(u32::MAX),
        0,
    );
    for n in 0..10 {
        sender
            .push(Record::new(n.to_string().repeat(200 << 10)), now)
            .unwrap();
    }
    sender.flush().unwrap();
    let small = Limits::default().with_frame_bytes(1 << 20);
    let sent = refuse(&mut sender, told(Code::TOO_LARGE).with_limits(small), now);
    assert_eq!(sent.header.count(), 10);
    assert_eq!(learned(&mut sender), small);
    for _ in 0..2 {
        let sent = acknowledge(&mut sender, now);
        assert_eq!(sent.header.count(), 5);
        assert!(sent.frame.len() <= 1 << 20);
    }
    assert!(sender.is_idle());
}

#[test]
fn a_record_over_the_told_limit_becomes_a_tombstone() {
    let limits = Limits::default();
    let (mut sender, now) = with_records(config().limits(limits).max_records(3), 0);
    let long = Record::new("x".repeat(300 << 10));
    for record in [record(1), long.clone(), record(3)] {
        sender.push(record, now).unwrap();
    }
    let small = Limits::default().with_record_bytes(256 << 10);
    refuse(&mut sender, told(Code::TOO_LARGE).with_limits(small), now);
    assert_eq!(learned(&mut sender), small);
    let (first_seq, lost, records) = content(&acknowledge(&mut sender, now));
    assert_eq!((first_seq, lost, records.len()), (1, 0, 3));
    assert_eq!((records[0].as_str(), records[2].as_str()), ("1", "3"));
    assert!(records[1].starts_with(r#"{"$oversize":{"len":307200,"#));
    assert!(events(&mut sender).contains(&Event::Oversize(long)));
    assert!(sender.is_idle());
}

#[test]
fn a_proxy_is_believed_the_third_time_and_halves_are_sent() {
    let (mut sender, now) = with_records(config().max_records(8), 8);
    let (_, now) = proxy_refuses(&mut sender, 413, now);
    assert_eq!(learned(&mut sender), Limits::FLOOR);
    assert_eq!(
        content(&acknowledge(&mut sender, now)),
        (1, 0, texts(1..=4))
    );
    events(&mut sender);
    // Again: quarters.
    let (_, now) = proxy_refuses(&mut sender, 413, now);
    for half in [texts(5..=6), texts(7..=8)] {
        let (_, lost, records) = content(&acknowledge(&mut sender, now));
        assert_eq!((lost, records), (0, half));
    }
    assert!(sender.is_idle());
}

#[test]
fn a_receiver_that_names_the_frame_is_believed_at_once() {
    let (mut sender, now) = with_records(config().max_records(5), 5);
    refuse(&mut sender, told(Code::TOO_LARGE), now);
    learned(&mut sender);
    let sent: Vec<_> = (0..3)
        .map(|_| content(&acknowledge(&mut sender, now)))
        .collect();
    assert_eq!(
        sent,
        [
            (1, 0, texts(1..=2)),
            (3, 0, texts(3..=4)),
            (5, 0, texts([5]))
        ]
    );
}

#[test]
fn doubts_are_counted_in_a_row() {
    let (mut sender, mut now) = with_records(config(), 2);
    let first = transmit(&mut sender, now);
    // Twice, then something else, twice again.
    for status in [413, 413, 503, 413, 413] {
        sender.handle_answer(first.id, Answer::read(status, None, PROXY), now);
        now = sender.poll_timeout().unwrap();
        assert_eq!(events(&mut sender), [], "{status}");
        assert_eq!(transmit(&mut sender, now), first);
    }
    sender.handle_answer(first.id, Answer::read(413, None, PROXY), now);
    learned(&mut sender);
}

#[test]
fn what_was_doubted_before_is_forgotten_with_an_ack() {
    let (mut sender, mut now) = with_records(config(), 4);
    for _ in 0..2 {
        let sent = transmit(&mut sender, now);
        sender.handle_answer(sent.id, Answer::read(413, None, PROXY), now);
        now = sender.poll_timeout().unwrap();
    }
    acknowledge(&mut sender, now);
    events(&mut sender);
    let sent = transmit(&mut sender, now);
    sender.handle_answer(sent.id, Answer::read(413, None, PROXY), now);
    assert_eq!(events(&mut sender), []);
}

#[test]
fn a_single_record_that_is_refused_becomes_a_tombstone() {
    let (mut sender, now) = with_records(config().max_records(1), 2);
    let (first, now) = proxy_refuses(&mut sender, 413, now);
    learned(&mut sender);
    let sent = acknowledge(&mut sender, now);
    assert_ne!(sent.id, first.id);
    let (first_seq, lost, records) = content(&sent);
    assert_eq!((first_seq, lost, records.len()), (1, 0, 1));
    assert!(records[0].starts_with(r#"{"$oversize":{"len":1,"#));
    assert!(events(&mut sender).contains(&Event::Oversize(record(1))));
    // The next frame is as it was.
    assert_eq!(content(&acknowledge(&mut sender, now)), (2, 0, texts([2])));
    assert!(sender.is_idle());
}

#[test]
fn there_is_no_tombstone_of_a_tombstone() {
    let (mut sender, now) = with_records(config().max_records(1), 1);
    refuse(&mut sender, told(Code::TOO_LARGE), now);
    let tombstone = refuse(&mut sender, told(Code::TOO_LARGE), now);
    assert_eq!(sender.poll_transmit(now), None);
    let oversize = |event: &Event| matches!(event, Event::Oversize(_));
    let told = events(&mut sender);
    assert_eq!(told.iter().filter(|event| oversize(event)).count(), 1);
    assert!(matches!(told.last(), Some(Event::Held(_))));
    let again = transmit(&mut sender, now + seconds(900));
    assert_eq!(content(&again), content(&tombstone));
    assert!(!events(&mut sender).iter().any(oversize));
    assert_eq!(sender.backlog(), 1);
}

#[test]
fn a_tombstone_that_is_refused_is_not_sent_again_at_once() {
    let (mut sender, now) = with_records(config().max_records(1), 1);
    for _ in 0..2 {
        refuse(&mut sender, told(Code::TOO_LARGE), now);
    }
    assert_eq!(sender.poll_transmit(now), None);
}

#[test]
fn frames_begin_smaller_after_a_limit_that_is_not_told() {
    let (mut sender, now) = with_records(config().max_records(1_000), 0);
    let push = |sender: &mut Sender, count| {
        for _ in 0..count {
            sender
                .push(Record::new("x".repeat(10_000 - 4)), now)
                .unwrap();
        }
        sender.flush().unwrap();
    };
    push(&mut sender, 40);
    let sent = refuse(&mut sender, told(Code::TOO_LARGE), now);
    let half = sent.header.raw_len() / 2;
    for _ in 0..2 {
        let count = acknowledge(&mut sender, now).header.count();
        assert!(count == 20 || count == 19, "{count}");
    }
    while sender.backlog() > 0 {
        acknowledge(&mut sender, now);
    }
    push(&mut sender, 40);
    let sent = acknowledge(&mut sender, now);
    assert_eq!(sent.header.count(), half / 10_000);
    // But not smaller than 64 KiB, for a few small records.
    let (mut sender, now) = with_records(config(), 2);
    refuse(&mut sender, told(Code::TOO_LARGE), now);
    acknowledge(&mut sender, now);
    acknowledge(&mut sender, now);
    push_all(&mut sender, 3..=4, now);
    assert_eq!(acknowledge(&mut sender, now).header.count(), 2);
    let (mut sender, now) = with_records(config().max_records(1_000), 2);
    refuse(&mut sender, told(Code::TOO_LARGE), now);
    acknowledge(&mut sender, now);
    acknowledge(&mut sender, now);
    push(&mut sender, 40);
    let sent = acknowledge(&mut sender, now);
    assert_eq!(sent.header.count(), 64 * 1024 / 10_000);
}

/// A sender that learned the floor's limits while `waiting` was not sealed.
fn learned_while_waiting(waiting: &[Record]) -> (Sender, Instant) {
    let large = config().limits(Limits::default()).max_records(100);
    let (mut sender, now) = with_records(large.history(0), 0);
    sender
        .push(Record::new("x".repeat(300 << 10)), now)
        .unwrap();
    sender.flush().unwrap();
    for record in waiting {
        sender.push(record.clone(), now).unwrap();
    }
    let problem = told(Code::TOO_LARGE).with_limits(Limits::FLOOR);
    refuse(&mut sender, problem, now);
    assert_eq!(learned(&mut sender), Limits::FLOOR);
    sender.flush().unwrap();
    (sender, now)
}

#[test]
fn what_waits_is_sealed_within_limits_that_are_learned_meanwhile() {
    let waiting = vec![Record::new("y".repeat(200_000)); 8];
    let (mut sender, now) = learned_while_waiting(&waiting);
    assert_eq!(events(&mut sender), []);
    acknowledge(&mut sender, now); // the tombstone
    for _ in 0..2 {
        let sent = acknowledge(&mut sender, now);
        assert_eq!(content(&sent).2, vec!["y".repeat(200_000); 4]);
    }
    assert!(sender.is_idle());
}

#[test]
fn what_waits_and_is_over_a_limit_that_is_learned_becomes_a_tombstone() {
    let long = Record::new("y".repeat(300 << 10));
    let (mut sender, now) = learned_while_waiting(std::slice::from_ref(&long));
    assert_eq!(events(&mut sender), [Event::Oversize(long)]);
    acknowledge(&mut sender, now); // the other one
    let sent = transmit(&mut sender, now);
    assert!(content(&sent).2[0].starts_with(r#"{"$oversize":{"len":307200,"#));
    // What is held is the frame, and nothing of the record.
    assert_eq!(sender.held_bytes(), sent.frame.len() as u64);
}

#[test]
fn where_not_even_a_tombstone_fits_everything_is_kept() {
    let (mut sender, now) = with_records(config().spooled(), 0);
    for _ in 0..2 {
        sender.push(Record::new("x".repeat(50)), now).unwrap();
    }
    let mut spool = Spool::default();
    spool.settle(&mut sender);
    let tiny = Limits::FLOOR.with_record_bytes(10);
    let mut sender = spool.recover(config().limits(tiny));
    sender.handle_stream(stream(2)).unwrap();
    for again in 0..2 {
        let now = now + seconds(900 * again);
        assert_eq!(spool.transmit(&mut sender, now), None);
        assert_eq!(sender.poll_timeout(), Some(now + seconds(900)));
        assert_eq!((sender.backlog(), events(&mut sender)), (2, vec![]));
    }
}

#[test]
fn a_split_keeps_the_loss_before_it() {
    let (mut sender, now) = with_records(config(), 0);
    sender.lose(3, None).unwrap();
    push_all(&mut sender, 4..=5, now);
    refuse(&mut sender, told(Code::TOO_LARGE), now);
    assert_eq!(content(&acknowledge(&mut sender, now)), (4, 3, texts([4])));
    assert_eq!(content(&acknowledge(&mut sender, now)), (5, 0, texts([5])));
}

#[test]
fn a_declaration_of_loss_is_not_split() {
    let (mut sender, now) = with_records(config(), 0);
    sender.lose(3, None).unwrap();
    let sent = refuse(&mut sender, told(Code::TOO_LARGE), now);
    assert!(matches!(events(&mut sender).as_slice(), [Event::Held(_)]));
    assert_eq!(transmit(&mut sender, now + seconds(900)), sent);
}

#[test]
fn a_half_that_was_sent_is_split_again_only_when_it_is_refused() {
    let (mut sender, now) = with_records(config().max_records(8), 8);
    refuse(&mut sender, told(Code::TOO_LARGE), now);
    let half = transmit(&mut sender, now);
    sender.handle_failure(half.id, now);
    let again = sender.poll_timeout().unwrap();
    assert_eq!(transmit(&mut sender, again), half);
    // It may have been stored so: no other limit changes its bytes.
    sender.handle_problem(half.id, Problem::new(Code::UNAVAILABLE), again);
    let again = sender.poll_timeout().unwrap();
    assert_eq!(transmit(&mut sender, again), half);
}

#[test]
fn what_is_not_compressed_is_held_when_it_is_not_known() {
    let (mut sender, now) = with_records(config(), 2);
    let sent = refuse(&mut sender, told(Code::UNSUPPORTED), now);
    assert!(matches!(events(&mut sender).as_slice(), [Event::Held(_)]));
    assert_eq!(transmit(&mut sender, now + seconds(900)), sent);
    // A proxy is sent the same twice before.
    let (mut sender, now) = with_records(config(), 2);
    let (sent, _) = proxy_refuses(&mut sender, 415, now);
    assert!(matches!(events(&mut sender).as_slice(), [Event::Held(_)]));
    assert_eq!(transmit(&mut sender, now + seconds(90_000)), sent);
}

#[cfg(feature = "zstd")]
mod compressed {
    use super::*;

    fn compressible() -> Record {
        Record::new(r#"{"Operation":"Create"}"#.repeat(20))
    }

    fn sender(config: ingest_protocol::sender::SenderConfig) -> (Sender, Instant) {
        let (mut sender, now) = with_records(config.zstd(), 0);
        for _ in 0..4 {
            sender.push(compressible(), now).unwrap();
        }
        (sender, now)
    }

    /// Bytes that don't get shorter.
    fn noise(seed: u64, bytes: usize) -> Record {
        let mut state = seed;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(0x5851_F42D_4C95_7F2D)
                .wrapping_add(0x1405_7B7E_F767_814F);
            (state >> 56) as u8
        })
        .take(bytes)
        .collect();
        Record::new(bytes)
    }

    #[test]
    fn a_record_that_is_replaced_later_is_told_once() {
        // All are in one frame, and fit none of the smaller ones together.
        let config = config().limits(Limits::default()).max_records(8);
        let (mut sender, now) = with_records(config.zstd(), 0);
        for seed in 1..8 {
            sender.push(noise(seed, 300_000), now).unwrap();
        }
        let long = noise(8, 500_000);
        sender.push(long.clone(), now).unwrap();
        let small = Limits::FLOOR.with_record_bytes(400_000);
        refuse(&mut sender, told(Code::TOO_LARGE).with_limits(small), now);
        let mut counts = Vec::new();
        while sender.backlog() > 0 {
            counts.push(acknowledge(&mut sender, now).header.count());
        }
        assert_eq!(counts.iter().sum::<u32>(), 8);
        assert!(counts.len() > 2, "{counts:?}");
        let oversize = events(&mut sender);
        let oversize: Vec<_> = oversize
            .iter()
            .filter(|event| matches!(event, Event::Oversize(_)))
            .collect();
        assert_eq!(oversize, [&Event::Oversize(long)]);
    }

    #[test]
    fn a_record_that_goes_into_the_next_frame_is_told_with_it() {
        let config = config().limits(Limits::default()).max_records(8);
        let (mut sender, now) = with_records(config.zstd(), 0);
        let long = noise(5, 500_000);
        for seed in 1..=8 {
            let record = match seed {
                5 => long.clone(),
                _ => noise(seed, 200_000),
            };
            sender.push(record, now).unwrap();
        }
        let small = Limits::FLOOR.with_record_bytes(400_000);
        refuse(&mut sender, told(Code::TOO_LARGE).with_limits(small), now);
        learned(&mut sender);
        // It is the first that the first half leaves behind.
        assert_eq!(acknowledge(&mut sender, now).header.count(), 4);
        assert!(matches!(
            events(&mut sender).as_slice(),
            [Event::Acknowledged { .. }]
        ));
        assert_eq!(acknowledge(&mut sender, now).header.count(), 4);
        assert_eq!(events(&mut sender)[0], Event::Oversize(long));
    }

    #[test]
    fn compression_is_given_up_for_good() {
        let (mut sender, now) = sender(config());
        let sent = refuse(&mut sender, told(Code::UNSUPPORTED), now);
        assert!(sent.header.is_compressed());
        assert_eq!(events(&mut sender), [Event::Downgraded]);
        for first_seq in [1, 3] {
            let again = acknowledge(&mut sender, now);
            assert!(!again.header.is_compressed());
            assert_eq!(
                (again.header.first_seq(), again.header.count()),
                (first_seq, 2)
            );
            let text = String::from_utf8(compressible().payload().to_vec()).unwrap();
            assert_eq!(content(&again).2, [text.clone(), text]);
        }
        for _ in 0..2 {
            sender.push(compressible(), now).unwrap();
        }
        assert!(!acknowledge(&mut sender, now).header.is_compressed());
        assert!(sender.is_idle());
    }

    #[test]
    fn a_proxy_is_believed_the_third_time() {
        let (mut sender, now) = sender(config());
        let (_, now) = proxy_refuses(&mut sender, 415, now);
        assert_eq!(events(&mut sender), [Event::Downgraded]);
        assert!(!transmit(&mut sender, now).header.is_compressed());
    }

    #[test]
    fn what_was_sent_compressed_and_may_be_stored_is_sent_as_it_was() {
        // The second frame was attempted, and then the first is refused by a receiver that went back.
        let (mut sender, now) = sender(config().history(1));
        acknowledge(&mut sender, now);
        let second = refuse(&mut sender, told(Code::GAP).with_next_seq(1), now);
        refuse(&mut sender, told(Code::UNSUPPORTED), now);
        assert!(!acknowledge(&mut sender, now).header.is_compressed());
        assert_eq!(transmit(&mut sender, now), second);
    }

    #[cfg(feature = "mac")]
    #[test]
    fn a_mac_is_never_given_up() {
        use ingest_protocol::frame::{KeyRing, MacKey, Opener};
        let key = || MacKey::new(uuid::Uuid::from_u128(5).into(), &[7; 32]);
        let opener = Opener::new(Limits::MAX)
            .with_mac_keys(KeyRing::from_iter([(super::super::AUDIENCE, key())]));
        let (mut sender, now) = sender(config().mac(key()));
        let sent = refuse(&mut sender, told(Code::UNSUPPORTED), now);
        assert!(sent.header.has_mac() && sent.header.is_compressed());
        let again = refuse(&mut sender, told(Code::UNSUPPORTED), now);
        assert!(again.header.has_mac() && !again.header.is_compressed());
        assert!(opener.open(again.frame.clone()).is_ok());
        let told_events = events(&mut sender);
        assert!(matches!(
            told_events.as_slice(),
            [Event::Downgraded, Event::Held(_)]
        ));
        assert_eq!(transmit(&mut sender, now + seconds(900)), again);
    }

    #[cfg(feature = "encrypt")]
    #[test]
    fn encryption_is_never_given_up() {
        use ingest_protocol::frame::{EncryptKey, KeyRing, Opener};
        let key = || EncryptKey::new(uuid::Uuid::from_u128(5).into(), &[7; 32]);
        let opener = Opener::new(Limits::MAX)
            .with_encryption_keys(KeyRing::from_iter([(super::super::AUDIENCE, key())]));
        let (mut sender, now) = sender(config().encryption(key()));
        for code in [Code::UNSUPPORTED, Code::TOO_LARGE, Code::UNSUPPORTED] {
            let sent = refuse(&mut sender, told(code), now);
            assert!(sent.header.is_encrypted());
            assert!(opener.open(sent.frame.clone()).is_ok());
        }
        let sent = transmit(&mut sender, now + seconds(900));
        assert!(sent.header.is_encrypted() && !sent.header.is_compressed());
    }
}

#[test]
fn what_was_split_is_spooled_before_it_is_sent() {
    let (mut sender, now) = with_records(config().max_records(4).spooled(), 4);
    let (mut service, mut spool) = (Service::default(), Spool::default());
    let sent = spool.transmit(&mut sender, now).unwrap();
    let problem = told(Code::TOO_LARGE).with_frame(&sent.header);
    sender.handle_problem(sent.id, problem, now);
    // It is sealed anew, and not there before it is durable.
    assert_eq!(sender.poll_transmit(now), None);
    assert_eq!(sender.poll_transmit(now), None);
    let half = spool.transmit(&mut sender, now).unwrap();
    assert_eq!(content(&half), (1, 0, texts(1..=2)));
    assert_eq!(spool.frames.len(), 2);
    assert!(spool.frames.values().any(|frame| *frame == half.frame));
    sender.handle_answer(half.id, service.receive(&half.frame), now);
    spool.drain(&mut sender, &mut service, now);
    assert_eq!((service.stored, service.lost), (texts(1..=4), 0));
    assert!(sender.is_idle());
}

#[test]
fn a_new_stream_while_frames_are_split_keeps_all_records() {
    let (mut sender, now) = with_records(config().max_records(4).spooled(), 8);
    let (mut service, mut spool) = (Service::default(), Spool::default());
    let sent = spool.transmit(&mut sender, now).unwrap();
    let problem = told(Code::TOO_LARGE).with_frame(&sent.header);
    sender.handle_problem(sent.id, problem, now);
    sender.poll_transmit(now);
    spool.settle(&mut sender);
    sender.handle_stream(stream(2)).unwrap();
    spool.drain(&mut sender, &mut service, now);
    assert_eq!((service.stored, service.lost), (texts(1..=8), 0));
    assert!(service.states[&stream(2)].next_seq() == 9);
}

#[test]
fn a_record_that_only_looks_like_a_tombstone_becomes_one() {
    let looks = Record::new(format!(r#"{{"$oversize":"{}"}}"#, "x".repeat(300)));
    let (mut sender, now) = with_records(config().max_records(1), 0);
    sender.push(looks.clone(), now).unwrap();
    refuse(&mut sender, told(Code::TOO_LARGE), now);
    acknowledge(&mut sender, now);
    assert!(events(&mut sender).contains(&Event::Oversize(looks)));
}

#[test]
fn a_record_longer_than_a_frame_should_be_is_sent_alone() {
    let (mut sender, now) = with_records(config().max_bytes(10), 0);
    for _ in 0..2 {
        sender.push(Record::new("x".repeat(50)), now).unwrap();
    }
    sender.flush().unwrap();
    sender.handle_stream(stream(2)).unwrap();
    for first_seq in 1..=2 {
        let header = acknowledge(&mut sender, now).header;
        assert_eq!((header.first_seq(), header.count()), (first_seq, 1));
    }
    assert!(sender.is_idle());
}
