//! What is lost at the source, given up, or damaged: the next frame says how much.

use bytes::Bytes;
use ingest_protocol::Code;
use ingest_protocol::frame::Limits;
use ingest_protocol::sender::{Event, SpoolOp};

use super::{
    Service, Spool, acknowledge, config, content, events, push_all, record, refuse, seconds, texts,
    told, transmit, with_records,
};

#[test]
fn a_loss_at_the_source_is_declared_with_the_next_record() {
    let (mut sender, now) = with_records(config(), 0);
    sender.lose(5, None).unwrap();
    push_all(&mut sender, 6..=7, now);
    assert_eq!(
        content(&acknowledge(&mut sender, now)),
        (6, 5, texts(6..=7))
    );
    assert!(sender.is_idle());
}

#[test]
fn a_loss_stands_between_the_records_around_it() {
    let (mut sender, now) = with_records(config(), 0);
    push_all(&mut sender, [1], now);
    sender.lose(2, None).unwrap();
    sender.lose(3, None).unwrap();
    push_all(&mut sender, 7..=8, now);
    assert_eq!(content(&acknowledge(&mut sender, now)), (1, 0, texts([1])));
    assert_eq!(
        content(&acknowledge(&mut sender, now)),
        (7, 5, texts(7..=8))
    );
}

#[test]
fn a_loss_alone_is_declared_when_there_is_nothing_else_to_send() {
    let (mut sender, now) = with_records(config(), 2);
    sender.lose(3, None).unwrap();
    assert!(!sender.is_idle());
    assert_eq!(sender.first_unacknowledged(), (sender.stream(), 1));
    acknowledge(&mut sender, now);
    assert_eq!((sender.undeclared(), sender.backlog()), (3, 0));
    assert_eq!(sender.first_unacknowledged(), (sender.stream(), 3));
    let sent = acknowledge(&mut sender, now);
    assert_eq!(content(&sent), (6, 3, vec![]));
    assert_eq!(sender.undeclared(), 0);
    assert_eq!(sender.first_unacknowledged(), (sender.stream(), 6));
    assert!(sender.is_idle());
    assert_eq!(sender.poll_transmit(now), None);
    // Flushed, it stands in the queue at once.
    let (mut sender, now) = with_records(config(), 2);
    sender.lose(3, None).unwrap();
    sender.flush().unwrap();
    push_all(&mut sender, 6..=7, now);
    acknowledge(&mut sender, now);
    assert_eq!(content(&acknowledge(&mut sender, now)), (6, 3, vec![]));
    assert_eq!(
        content(&acknowledge(&mut sender, now)),
        (6, 0, texts(6..=7))
    );
}

#[test]
fn a_loss_is_not_declared_alone_while_there_is_something_else_to_send() {
    let (mut sender, now) = with_records(config(), 2);
    sender.lose(3, None).unwrap();
    let sent = transmit(&mut sender, now);
    push_all(&mut sender, [6], now);
    sender.handle_ack(sent.id, &super::ack(&sent.header), now);
    assert_eq!(sender.poll_transmit(now), None);
    push_all(&mut sender, [7], now);
    assert_eq!(
        content(&acknowledge(&mut sender, now)),
        (6, 3, texts(6..=7))
    );
}

#[test]
fn the_loss_of_nothing_is_none() {
    let (mut sender, now) = with_records(config(), 0);
    sender.lose(0, None).unwrap();
    sender.flush().unwrap();
    assert!(sender.is_idle());
    assert_eq!(sender.poll_transmit(now), None);
}

#[test]
fn an_absurd_loss_does_not_overflow() {
    let (mut sender, now) = with_records(config(), 2);
    for _ in 0..100 {
        sender.lose(u64::MAX, None).unwrap();
    }
    sender.push(record(3), now).unwrap();
    sender.flush().unwrap();
    acknowledge(&mut sender, now);
    let sent = acknowledge(&mut sender, now);
    assert_eq!(sent.header.lost(), 100 << 40);
    assert_eq!(sent.header.accounts_from(), 3);
}

#[test]
fn the_cursor_of_a_loss_is_spooled_with_what_declares_it() {
    let cursor = |sender: &mut super::Sender| match sender.poll_spool() {
        Some(SpoolOp::Append { cursor, .. }) => cursor,
        other => panic!("{other:?}"),
    };
    let at = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    // Alone; the last one goes, and none takes it away.
    let (mut sender, _) = with_records(config().spooled(), 0);
    sender.lose(1, at("one")).unwrap();
    sender.lose(1, at("two")).unwrap();
    sender.lose(1, None).unwrap();
    sender.flush().unwrap();
    assert_eq!(cursor(&mut sender), at("two"));
    // With a record that has none.
    let (mut sender, now) = with_records(config().spooled(), 0);
    sender.lose(1, at("one")).unwrap();
    sender.push(record(2), now).unwrap();
    sender.flush().unwrap();
    assert_eq!(cursor(&mut sender), at("one"));
    // With a record that has its own, and is later.
    let (mut sender, now) = with_records(config().spooled(), 0);
    sender.lose(1, at("one")).unwrap();
    sender.push_at(record(2), "two", now).unwrap();
    sender.flush().unwrap();
    assert_eq!(cursor(&mut sender), at("two"));
}

#[test]
fn what_was_never_sent_can_be_given_up() {
    let (mut sender, now) = with_records(config(), 8);
    acknowledge(&mut sender, now);
    // The oldest that is not in flight.
    let sent = transmit(&mut sender, now);
    assert_eq!(sender.evict(), Some((2, None)));
    assert_eq!(sender.backlog(), 4);
    sender.handle_ack(sent.id, &super::ack(&sent.header), now);
    assert_eq!(
        content(&acknowledge(&mut sender, now)),
        (7, 2, texts(7..=8))
    );
    assert!(sender.is_idle());
}

#[test]
fn what_was_attempted_is_never_given_up() {
    let (mut sender, now) = with_records(config(), 2);
    let sent = transmit(&mut sender, now);
    assert_eq!(sender.evict(), None);
    sender.handle_failure(sent.id, now);
    assert_eq!(sender.evict(), None);
    let (mut sender, now) = with_records(config(), 2);
    acknowledge(&mut sender, now);
    assert_eq!(sender.evict(), None);
}

#[test]
fn the_last_frame_given_up_is_declared_alone() {
    let (mut sender, now) = with_records(config(), 4);
    let sent = transmit(&mut sender, now);
    assert_eq!(sender.evict(), Some((2, None)));
    sender.handle_ack(sent.id, &super::ack(&sent.header), now);
    assert_eq!(content(&acknowledge(&mut sender, now)), (5, 2, vec![]));
    assert!(sender.is_idle());
}

#[test]
fn a_frame_is_given_up_once_it_is_spooled_and_its_place_is_told() {
    let (mut sender, now) = with_records(config().spooled(), 6);
    assert_eq!(sender.evict(), None);
    let mut spool = Spool::default();
    spool.settle(&mut sender);
    assert_eq!(sender.evict(), Some((2, Some(1))));
    assert_eq!(sender.undeclared(), 2);
    assert_eq!(sender.evict(), Some((2, Some(2))));
    let (mut service, mut spool) = (Service::default(), spool);
    spool.drain(&mut sender, &mut service, now);
    assert_eq!((service.stored, service.lost), (texts(5..=6), 4));
}

#[test]
fn an_unreadable_frame_is_told_and_declared_lost() {
    for how in 0..3 {
        let (mut sender, now) = with_records(config().spooled(), 6);
        let (mut service, mut spool) = (Service::default(), Spool::default());
        spool.settle(&mut sender);
        // The first is still in memory; the second is not.
        let mut changed = spool.frames[&2].to_vec();
        match how {
            0 => drop(spool.frames.remove(&2)),
            1 => {
                *changed.last_mut().unwrap() ^= 1;
                spool.frames.insert(2, changed.into());
            }
            _ => {
                let other = spool.frames[&3].clone();
                spool.frames.insert(2, other);
            }
        }
        while let Some(sent) = spool.transmit(&mut sender, now) {
            sender.handle_answer(sent.id, service.receive(&sent.frame), now);
        }
        let damaged = events(&mut sender)
            .into_iter()
            .filter(|event| !matches!(event, Event::Acknowledged { .. }));
        let damaged: Vec<_> = damaged.collect();
        assert_eq!(damaged, [Event::Damaged { records: 2 }]);
        assert_eq!((service.stored, service.lost), (texts([1, 2, 5, 6]), 2));
        assert!(sender.is_idle());
    }
}

#[test]
fn stored_bytes_are_read_again_when_the_receiver_calls_them_damaged() {
    for damaged in [false, true] {
        let (mut sender, now) = with_records(config().spooled(), 4);
        let mut spool = Spool::default();
        let first = spool.transmit(&mut sender, now).unwrap();
        let problem = told(Code::CORRUPT).with_frame(&first.header);
        sender.handle_problem(first.id, problem, now);
        if damaged {
            let mut changed = spool.frames[&1].to_vec();
            *changed.last_mut().unwrap() ^= 1;
            spool.frames.insert(1, changed.into());
        }
        let again = now + seconds(1);
        let second = spool.transmit(&mut sender, again).unwrap();
        if damaged {
            let told = [Event::Damaged { records: 2 }];
            assert_eq!(events(&mut sender), told);
            assert_eq!(content(&second), (3, 2, texts(3..=4)));
        } else {
            assert_eq!(events(&mut sender), []);
            assert_eq!(second, first);
        }
    }
}

#[test]
fn a_frame_whose_records_can_not_be_read_is_found_when_the_receiver_doubts_it() {
    // Checksums are right, and LENS contradicts DATA: whoever stored it did that.
    let (mut sender, now) = with_records(config().spooled(), 4);
    let mut spool = Spool::default();
    let first = spool.transmit(&mut sender, now).unwrap();
    let mut changed = first.frame.to_vec();
    changed[104] ^= 1;
    crate::vectors::repair_body(&mut changed);
    let header = ingest_protocol::frame::Header::peek(&changed, &Limits::MAX).unwrap();
    // It is what the spool had when the sender began.
    let frames = [(1, header)];
    let state = spool.state.clone();
    let mut sender =
        super::Sender::recover(config(), super::stream(9), state.as_deref(), frames).unwrap();
    spool.frames = [(1, Bytes::from(changed))].into_iter().collect();
    let sent = spool.transmit(&mut sender, now).unwrap();
    assert_eq!(sent.header.count(), 2);
    let problem = told(Code::MALFORMED).with_frame(&sent.header);
    sender.handle_problem(sent.id, problem, now);
    let again = sender.poll_timeout().unwrap();
    // Now it is opened, before it is sent.
    let declared = spool.transmit(&mut sender, again).unwrap();
    assert_eq!(events(&mut sender), [Event::Damaged { records: 2 }]);
    assert_eq!(declared.header.lost(), 4);
    assert_eq!(declared.header.count(), 0);
}

#[test]
fn refused_and_given_up_are_both_declared() {
    // Losses before, between and after frames that are given up.
    let (mut sender, now) = with_records(config(), 0);
    sender.lose(3, None).unwrap();
    push_all(&mut sender, 4..=5, now);
    sender.lose(2, None).unwrap();
    push_all(&mut sender, 8..=9, now);
    assert_eq!(sender.evict(), Some((2, None)));
    assert_eq!(sender.evict(), Some((2, None)));
    assert_eq!(sender.evict(), None);
    sender.lose(1, None).unwrap();
    let sent = refuse(&mut sender, told(Code::UNAVAILABLE), now);
    assert_eq!(content(&sent), (11, 10, vec![]));
}
