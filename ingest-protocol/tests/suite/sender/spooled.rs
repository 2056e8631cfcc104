//! A sender with a spool: nothing is sent that is not durable, nothing is freed that is needed.

use ingest_protocol::Code;
use ingest_protocol::sender::SpoolOp;

use super::{
    Service, Spool, acknowledge, config, content, seconds, texts, told, transmit, with_records,
};

#[test]
fn without_a_spool_nothing_is_wanted_of_it() {
    let (mut sender, now) = with_records(config(), 4);
    assert_eq!(sender.poll_spool(), None);
    let sent = transmit(&mut sender, now);
    let before = sender.clone();
    sender.handle_spooled(sent.id, 1);
    assert_eq!(sender, before);
    sender.handle_ack(sent.id, &super::ack(&sent.header), now);
    assert_eq!(sender.poll_spool(), None);
    assert!(!sender.is_idle());
    acknowledge(&mut sender, now);
    assert_eq!(sender.poll_spool(), None);
    assert!(sender.is_idle());
}

#[test]
fn nothing_is_sent_before_it_is_durable() {
    let (mut sender, now) = with_records(config().spooled(), 4);
    assert_eq!(sender.poll_transmit(now), None);
    let mut given = Vec::new();
    while let Some(op) = sender.poll_spool() {
        let SpoolOp::Append { id, frame, .. } = op else {
            panic!("{op:?}");
        };
        given.push((id, frame));
    }
    // Each is given out once, and they may be made durable together.
    assert_eq!(given.len(), 2);
    assert_eq!(sender.poll_transmit(now), None);
    // In any order, but they are sent in theirs.
    sender.handle_spooled(given[1].0, 2);
    assert_eq!(sender.poll_transmit(now), None);
    sender.handle_spooled(given[0].0, 1);
    let sent = transmit(&mut sender, now);
    assert_eq!((sent.id, &sent.frame), (given[0].0, &given[0].1));
}

#[cfg(feature = "sim")]
#[test]
fn a_test_can_leave_out_a_rule() {
    use ingest_protocol::rules::{Rule, Rules};
    let (mut sender, now) = with_records(config().spooled(), 2);
    assert_eq!(sender.poll_transmit(now), None);
    sender.set_rules(Rules::without(Rule::S1));
    assert_eq!(content(&transmit(&mut sender, now)), (1, 0, texts(1..=2)));
}

#[test]
fn what_is_spooled_leaves_memory_but_for_the_next_frame() {
    let (mut sender, now) = with_records(config().spooled(), 8);
    let mut spool = Spool::default();
    let before = sender.held_bytes();
    spool.settle(&mut sender);
    let one = spool.frames[&1].len() as u64;
    assert_eq!((before, sender.held_bytes()), (4 * one, one));
    acknowledge(&mut sender, now);
    assert_eq!(sender.held_bytes(), 0);
    // The next is read back.
    assert_eq!(sender.poll_transmit(now), None);
    let Some(SpoolOp::Read { id, place: 2 }) = sender.poll_spool() else {
        panic!("the second frame");
    };
    assert_eq!(sender.poll_transmit(now), None);
    sender.handle_read(id, spool.frames.get(&2).cloned());
    assert_eq!(content(&transmit(&mut sender, now)), (3, 0, texts(3..=4)));
    assert_eq!(sender.held_bytes(), one);
}

#[test]
fn what_is_read_twice_or_of_another_frame_is_ignored() {
    let (mut sender, now) = with_records(config().spooled(), 6);
    let mut spool = Spool::default();
    spool.settle(&mut sender);
    let first = acknowledge(&mut sender, now);
    sender.poll_transmit(now);
    let before = sender.clone();
    sender.handle_read(first.id, None);
    assert_eq!(sender, before);
    spool.settle(&mut sender);
    let sent = transmit(&mut sender, now);
    let before = sender.clone();
    sender.handle_read(sent.id, None);
    sender.handle_spooled(sent.id, 1);
    assert_eq!(sender, before);
}

/// Acknowledges frames whose marks are given out, but only carried out by `spool` where there is one.
fn acknowledge_all(count: usize, marks: bool) -> (usize, usize, super::Sender, Spool) {
    let frames = config().max_records(1).spooled().history(0);
    let (mut sender, now) = with_records(frames, 60);
    let (mut spool, mut given, mut acked) = (Spool::default(), 0, 0);
    for _ in 0..count {
        let mut sent = None;
        for _ in 0..4 {
            while let Some(op) = sender.poll_spool() {
                let spooled = spool.carry_out(&op);
                match op {
                    SpoolOp::Append { .. } => {
                        let (id, place) = spooled.unwrap();
                        sender.handle_spooled(id, place);
                    }
                    SpoolOp::Read { id, place } => {
                        sender.handle_read(id, spool.frames.get(&place).cloned());
                    }
                    SpoolOp::Mark { .. } => {
                        given += 1;
                        if marks {
                            sender.handle_marked(spool.place);
                        }
                    }
                    _ => {}
                }
            }
            sent = sender.poll_transmit(now);
            if sent.is_some() {
                break;
            }
        }
        let Some(sent) = sent else { break };
        sender.handle_ack(sent.id, &super::ack(&sent.header), now);
        acked += 1;
    }
    // What the last ack asks for.
    if let Some(op @ SpoolOp::Mark { .. }) = sender.poll_spool() {
        spool.carry_out(&op);
        given += 1;
        if marks {
            sender.handle_marked(spool.place);
        }
    }
    (acked, given, sender, spool)
}

#[test]
fn a_mark_is_written_every_16_frames() {
    for (count, marks) in [(15, 0), (16, 1), (31, 1), (32, 2), (59, 3)] {
        let (acked, given, ..) = acknowledge_all(count, true);
        assert_eq!((acked, given), (count, marks));
    }
    // And when all is done.
    let (acked, given, sender, _) = acknowledge_all(60, true);
    assert_eq!((acked, given), (60, 4));
    assert!(sender.is_idle());
}

#[test]
fn nothing_is_sent_while_32_frames_are_not_marked() {
    let (acked, given, mut sender, spool) = acknowledge_all(60, false);
    assert_eq!((acked, given), (32, 1));
    assert!(!sender.is_idle());
    // Nothing of them is free, whatever was acknowledged.
    assert_eq!((spool.released, sender.poll_spool()), (0, None));
    sender.handle_marked(spool.place);
    let mut spool = spool;
    // The mark was of 16.
    let now = std::time::Instant::now();
    assert!(spool.transmit(&mut sender, now).is_some());
    assert!(spool.released > 0);
}

#[test]
fn what_is_released_is_durably_done_and_no_history() {
    for history in [0, 1, 5] {
        let frames = config().max_records(1).spooled().history(history);
        let (mut sender, now) = with_records(frames, 20);
        let mut spool = Spool::default();
        spool.settle(&mut sender);
        for acked in 1..=20_u64 {
            let sent = spool.transmit(&mut sender, now).unwrap();
            sender.handle_ack(sent.id, &super::ack(&sent.header), now);
            spool.settle(&mut sender);
            let durable = match acked {
                ..16 => 0,
                16..20 => 16,
                _ => 20,
            };
            let mut free = u64::min(durable, acked.saturating_sub(history as u64));
            if history == 0 && acked == 20 {
                free = spool.place; // the marks too
            }
            assert_eq!(spool.released, free, "{acked} of history {history}");
        }
        assert!(sender.is_idle());
    }
}

#[test]
fn a_sender_is_idle_when_the_spool_knows_it() {
    let (mut sender, now) = with_records(config().spooled(), 2);
    let mut spool = Spool::default();
    spool.settle(&mut sender);
    acknowledge(&mut sender, now);
    assert_eq!((sender.backlog(), sender.is_idle()), (0, false));
    let Some(SpoolOp::Mark { .. }) = sender.poll_spool() else {
        panic!("a mark");
    };
    assert!(!sender.is_idle());
    sender.handle_marked(2);
    assert!(sender.is_idle());
}

#[test]
fn an_append_tells_what_is_done_as_a_mark_does() {
    let (mut sender, now) = with_records(config().spooled(), 2);
    let mut spool = Spool::default();
    spool.settle(&mut sender);
    acknowledge(&mut sender, now);
    super::push_all(&mut sender, 3..=4, now);
    spool.settle(&mut sender);
    // The second frame's state said it: no mark was needed.
    assert_eq!(spool.place, 2);
    let recovered = spool.recover(config());
    assert_eq!(recovered.backlog(), 2);
}

#[test]
fn a_rewind_is_not_forgotten_by_the_spool() {
    let (mut sender, now) = with_records(config().spooled(), 8);
    let mut spool = Spool::default();
    spool.settle(&mut sender);
    for _ in 0..3 {
        let sent = spool.transmit(&mut sender, now).unwrap();
        sender.handle_ack(sent.id, &super::ack(&sent.header), now);
    }
    spool.settle(&mut sender);
    let sent = spool.transmit(&mut sender, now).unwrap();
    let problem = told(Code::GAP).with_next_seq(3).with_frame(&sent.header);
    sender.handle_problem(sent.id, problem, now);
    assert_eq!(sender.backlog(), 6);
    let again = spool.transmit(&mut sender, now).unwrap();
    assert_eq!(content(&again), (3, 0, texts(3..=4)));
    assert_eq!(again.frame, spool.frames[&2]);
}

#[test]
fn a_spool_that_is_slow_is_waited_for() {
    // A frame that is spooled late is sent late, and nothing overtakes it.
    let (mut sender, now) = with_records(config().spooled(), 2);
    let Some(SpoolOp::Append { id, .. }) = sender.poll_spool() else {
        panic!("a frame");
    };
    super::push_all(&mut sender, 3..=4, now);
    let mut spool = Spool {
        place: 7,
        ..Spool::default()
    };
    spool.settle(&mut sender);
    assert_eq!(sender.poll_transmit(now + seconds(100)), None);
    sender.handle_spooled(id, 7);
    assert_eq!(content(&transmit(&mut sender, now)), (1, 0, texts(1..=2)));
}

#[test]
fn everything_is_stored_once_through_any_answers() {
    let (mut sender, now) = with_records(config().spooled(), 40);
    let (mut service, mut spool) = (Service::default(), Spool::default());
    let sent = spool.transmit(&mut sender, now).unwrap();
    let problem = told(Code::FORK).with_next_seq(9).with_frame(&sent.header);
    sender.handle_problem(sent.id, problem, now);
    spool.drain(&mut sender, &mut service, now);
    assert_eq!((service.stored, service.lost), (texts(1..=40), 0));
    assert!(sender.is_idle());
}

#[test]
fn what_was_done_before_a_rewind_is_not_free_after_it() {
    let (mut sender, now) = with_records(config().spooled().history(2), 6);
    let mut spool = Spool::default();
    spool.settle(&mut sender);
    for _ in 0..3 {
        let sent = spool.transmit(&mut sender, now).unwrap();
        sender.handle_ack(sent.id, &super::ack(&sent.header), now);
    }
    spool.settle(&mut sender);
    super::push_all(&mut sender, 7..=8, now);
    let sent = spool.transmit(&mut sender, now).unwrap();
    let problem = told(Code::GAP).with_next_seq(4).with_frame(&sent.header);
    sender.handle_problem(sent.id, problem, now);
    // The state that is spooled with this says where it went back to: into a frame.
    super::push_all(&mut sender, 9..=14, now);
    spool.settle(&mut sender);
    let mut recovered = spool.recover(config());
    assert_eq!(recovered.backlog(), 11);
    let mut copy = spool.clone();
    let first = copy.transmit(&mut recovered, now).unwrap();
    assert_eq!(content(&first), (4, 0, texts([4])));
    for _ in 0..5 {
        let sent = spool.transmit(&mut sender, now).unwrap();
        sender.handle_ack(sent.id, &super::ack(&sent.header), now);
        spool.settle(&mut sender);
    }
    // What was acknowledged since is not known to the spool; the second frame was taken over.
    assert_eq!(spool.released, 2);
}

#[test]
fn an_append_frees_what_it_tells_to_be_done() {
    let (mut sender, now) = with_records(config().spooled().history(0), 4);
    let mut spool = Spool::default();
    spool.settle(&mut sender);
    acknowledge(&mut sender, now);
    super::push_all(&mut sender, 5..=6, now);
    spool.settle(&mut sender);
    assert_eq!((spool.place, spool.released), (3, 1));
}

#[test]
fn numbers_of_frames_given_up_are_not_used_again() {
    let (mut sender, now) = with_records(config().spooled(), 6);
    let (mut service, mut spool) = (Service::default(), Spool::default());
    spool.settle(&mut sender);
    let sent = spool.transmit(&mut sender, now).unwrap();
    while let Some((_, Some(place))) = sender.evict() {
        spool.frames.remove(&place);
    }
    sender.handle_answer(sent.id, service.receive(&sent.frame), now);
    spool.settle(&mut sender); // a mark
    let mut sender = spool.recover(config());
    super::push_all(&mut sender, 7..=8, now);
    spool.drain(&mut sender, &mut service, now);
    assert_eq!((service.stored, service.lost), (texts([1, 2, 7, 8]), 4));
}

#[test]
fn a_frame_is_sealed_anew_once() {
    let (mut sender, now) = with_records(config().max_records(4).spooled(), 4);
    let mut spool = Spool::default();
    let sent = spool.transmit(&mut sender, now).unwrap();
    let problem = told(Code::TOO_LARGE).with_frame(&sent.header);
    sender.handle_problem(sent.id, problem, now);
    assert_eq!(sender.poll_transmit(now), None);
    let Some(SpoolOp::Append { id, .. }) = sender.poll_spool() else {
        panic!("a half");
    };
    assert_eq!(sender.poll_transmit(now), None);
    assert_eq!(sender.poll_spool(), None);
    // What is being sealed anew is not given up.
    assert_eq!(sender.evict(), None);
    sender.handle_spooled(id, 2);
    assert_eq!(transmit(&mut sender, now).id, id);
}

#[test]
fn what_is_not_spooled_is_not_sealed_anew_before_it_is() {
    let (mut sender, now) = with_records(config().spooled(), 2);
    sender.handle_stream(super::stream(2)).unwrap();
    assert_eq!(sender.poll_transmit(now), None);
    let Some(SpoolOp::Append { id, frame, .. }) = sender.poll_spool() else {
        panic!("a frame");
    };
    let header = ingest_protocol::sender::spooled_header(&frame).unwrap();
    assert_eq!(header.stream(), super::stream(1));
    // It is spooled first, so that what takes it over comes later.
    assert_eq!(sender.poll_transmit(now), None);
    assert_eq!(sender.poll_spool(), None);
    sender.handle_spooled(id, 1);
    assert_eq!(sender.poll_transmit(now), None);
    assert!(matches!(sender.poll_spool(), Some(SpoolOp::Append { .. })));
}

#[test]
fn what_is_being_read_is_not_given_up() {
    let (mut sender, now) = with_records(config().spooled(), 4);
    let mut spool = Spool::default();
    spool.settle(&mut sender);
    acknowledge(&mut sender, now);
    assert_eq!(sender.poll_transmit(now), None);
    assert_eq!(sender.evict(), None);
}
