//! A sender over what its spool has after a crash.

use std::time::Instant;

use ingest_protocol::Code;
use ingest_protocol::frame::{Header, Limits, Record, Sealer, Stamp};
use ingest_protocol::sender::{RecoverError, Sender, SpoolOp, spooled_header};

use super::{
    AUDIENCE, Service, Spool, config, content, events, push_all, seconds, stream, texts, told,
    with_records,
};

fn header(seq: u64, count: usize) -> Header {
    let stamp = Stamp::new(AUDIENCE, stream(1), seq);
    let records = vec![Record::new("{}"); count];
    let frame = Sealer::new(Limits::FLOOR).seal(&stamp, &records).unwrap();
    spooled_header(&frame).unwrap()
}

/// A spool with these records, of which the frames so far are durably done.
fn spool_of(count: u64, done: usize) -> (Spool, Service, Instant) {
    let (mut sender, now) = with_records(config().spooled(), count);
    let (mut service, mut spool) = (Service::default(), Spool::default());
    spool.settle(&mut sender);
    for _ in 0..done {
        let sent = spool.transmit(&mut sender, now).unwrap();
        sender.handle_answer(sent.id, service.receive(&sent.frame), now);
    }
    // The state of a new frame says what is done.
    push_all(&mut sender, count + 1..=count + 2, now);
    spool.settle(&mut sender);
    (spool, service, now)
}

#[test]
fn an_empty_spool_is_begun_with_a_fresh_stream() {
    let sender = Sender::recover(config(), stream(7), None, []).unwrap();
    assert_eq!(sender, Sender::new(config().spooled(), stream(7)));
}

#[test]
fn frames_without_a_state_are_refused() {
    let error = Sender::recover(config(), stream(7), None, [(1, header(1, 1))]).unwrap_err();
    assert_eq!(error, RecoverError::State);
}

#[test]
fn a_frame_that_accounts_for_nothing_is_left_out() {
    // No sender spools one; over such a file it goes on as if there were none.
    let sent = |with_empty: bool| {
        let (mut spool, mut service, now) = spool_of(4, 1);
        if with_empty {
            let last = spool.frames.values().next_back().unwrap();
            let next = spooled_header(last).unwrap().next_seq();
            let stamp = Stamp::new(AUDIENCE, stream(1), next);
            let empty = Sealer::new(Limits::FLOOR).seal(&stamp, &[]).unwrap();
            spool.place += 1;
            spool.frames.insert(spool.place, empty);
        }
        let mut sender = spool.recover(config());
        let sent = spool.drain(&mut sender, &mut service, now);
        assert!(sender.is_idle());
        sent.iter().map(content).collect::<Vec<_>>()
    };
    assert_eq!(sent(true), sent(false));
}

#[test]
fn a_state_that_is_none_is_refused() {
    let (spool, ..) = spool_of(4, 1);
    let good = spool.state.as_deref().unwrap();
    let recover = |state: &[u8]| Sender::recover(config(), stream(7), Some(state), []);
    assert!(recover(good).is_ok());
    for cut in 0..good.len() {
        assert_eq!(recover(&good[..cut]).unwrap_err(), RecoverError::State);
    }
    let longer = [good, &[0; 24]].concat();
    assert_eq!(recover(&longer).unwrap_err(), RecoverError::State);
    // A newer version, flags, another number of streams, more done than there is, numbers too far off.
    let changed = |at: usize, to: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = to;
        recover(&bytes)
    };
    for (at, to) in [
        (0, 2),
        (1, 1),
        (3, 1),
        (4, 0),
        (4, 2),
        (8, 200),
        (15, 0x40),
        (15, 0xff),
        (23, 0x40),
        (23, 0xff),
        (40, 200),
        (47, 0xc0),
    ] {
        assert_eq!(changed(at, to).unwrap_err(), RecoverError::State, "{at}");
    }
    // A sequence number is at least 1.
    for (done_less, fits) in [(1, true), (0, false)] {
        let done = i64::from_le_bytes(good[8..16].try_into().unwrap());
        let mut bytes = good.to_vec();
        bytes[40..48].copy_from_slice(&(done - done_less).to_le_bytes());
        assert_eq!(recover(&bytes).is_ok(), fits);
    }
}

#[test]
fn any_state_and_any_frames_are_refused_or_taken() {
    let (spool, ..) = spool_of(4, 1);
    let good = spool.state.as_deref().unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.to_vec();
            bytes[at] ^= 1 << bit;
            let frames = spool.frames.iter();
            let frames = frames.map(|(place, frame)| (*place, spooled_header(frame).unwrap()));
            if let Ok(mut sender) = Sender::recover(config(), stream(7), Some(&bytes), frames) {
                let now = Instant::now();
                let mut spool = spool.clone();
                let _ = spool.transmit(&mut sender, now);
            }
        }
    }
}

#[test]
fn what_is_not_done_is_sent_and_the_same_bytes() {
    let (mut spool, mut service, now) = spool_of(6, 1);
    let frames: Vec<_> = spool.frames.values().cloned().collect();
    let mut sender = spool.recover(config());
    assert_eq!(sender.stream(), stream(1));
    assert_eq!(sender.backlog(), 6);
    let sent = spool.drain(&mut sender, &mut service, now);
    let sent: Vec<_> = sent.into_iter().map(|sent| sent.frame).collect();
    assert_eq!(sent, frames[1..]);
    assert_eq!(service.stored, texts(1..=8));
    assert!(sender.is_idle());
}

#[test]
fn new_records_follow_on_those_in_the_spool() {
    let (mut spool, mut service, now) = spool_of(6, 1);
    let mut sender = spool.recover(config());
    push_all(&mut sender, 9..=10, now);
    spool.drain(&mut sender, &mut service, now);
    assert_eq!((service.stored, service.lost), (texts(1..=10), 0));
}

#[test]
fn what_was_done_and_not_marked_is_a_duplicate() {
    let (mut sender, now) = with_records(config().spooled(), 6);
    let (mut service, mut spool) = (Service::default(), Spool::default());
    spool.settle(&mut sender);
    for _ in 0..2 {
        let sent = spool.transmit(&mut sender, now).unwrap();
        sender.handle_answer(sent.id, service.receive(&sent.frame), now);
    }
    let mut sender = spool.recover(config());
    assert_eq!(sender.backlog(), 6);
    spool.drain(&mut sender, &mut service, now);
    assert_eq!((service.stored, service.lost), (texts(1..=6), 0));
}

#[test]
fn what_may_have_been_sent_is_not_given_up() {
    // The first 32 that are not done may have been sent before the crash.
    let (mut sender, _) = with_records(config().max_records(1).spooled(), 40);
    let mut spool = Spool::default();
    spool.settle(&mut sender);
    let mut sender = spool.recover(config());
    assert_eq!(sender.evict(), Some((1, Some(33))));
    let mut given_up = 1;
    while sender.evict().is_some() {
        given_up += 1;
    }
    assert_eq!(given_up, 8);
}

#[test]
fn a_frame_that_is_gone_is_declared_lost() {
    for gone in 1..=3 {
        let (mut spool, mut service, now) = spool_of(4, 0);
        spool.frames.remove(&gone);
        let mut sender = spool.recover(config());
        spool.drain(&mut sender, &mut service, now);
        let kept = (1..=6).filter(|n: &u64| n.div_ceil(2) != gone);
        assert_eq!((service.stored, service.lost), (texts(kept), 2), "{gone}");
        assert!(sender.is_idle());
    }
    let (mut spool, mut service, now) = spool_of(4, 0);
    spool.frames.clear();
    let mut sender = spool.recover(config());
    spool.drain(&mut sender, &mut service, now);
    assert_eq!((service.stored.len(), service.lost), (0, 6));
}

#[test]
fn frames_of_streams_that_are_not_known_are_none_of_its_business() {
    let (mut spool, mut service, now) = spool_of(4, 0);
    let stamp = Stamp::new(AUDIENCE, stream(77), 1);
    let other = Sealer::new(Limits::FLOOR).seal(&stamp, &[Record::new("no")]);
    spool.place += 1;
    spool.frames.insert(spool.place, other.unwrap());
    let mut sender = spool.recover(config().history(0));
    assert_eq!(sender.backlog(), 6);
    spool.drain(&mut sender, &mut service, now);
    assert_eq!((service.stored, service.lost), (texts(1..=6), 0));
    // It is released with the others.
    assert_eq!(spool.released, spool.place);
}

#[test]
fn frames_that_took_over_others_go_before_them() {
    // After each operation of the spool a crash.
    for crash in 0..40 {
        let (mut sender, now) = with_records(config().max_records(8).spooled(), 16);
        let (mut service, mut spool) = (Service::default(), Spool::default());
        spool.settle(&mut sender);
        // Halves, then a new stream, then quarters.
        let mut refusals = vec![Code::TOO_LARGE, Code::FORK, Code::TOO_LARGE];
        let mut operations = 0;
        'life: for _ in 0..60 {
            while let Some(op) = sender.poll_spool() {
                if operations == crash {
                    break 'life;
                }
                operations += 1;
                let spooled = spool.carry_out(&op);
                match op {
                    SpoolOp::Append { .. } => {
                        let (id, place) = spooled.unwrap();
                        sender.handle_spooled(id, place);
                    }
                    SpoolOp::Mark { .. } => sender.handle_marked(spool.place),
                    SpoolOp::Read { id, place } => {
                        sender.handle_read(id, spool.frames.get(&place).cloned());
                    }
                    _ => {}
                }
            }
            let Some(sent) = sender.poll_transmit(now) else {
                continue;
            };
            match refusals.pop() {
                Some(code) => {
                    let problem = told(code.clone()).with_frame(&sent.header);
                    sender.handle_problem(sent.id, problem, now);
                    if code == Code::FORK {
                        sender.handle_stream(stream(2)).unwrap();
                    }
                }
                None => sender.handle_answer(sent.id, service.receive(&sent.frame), now),
            }
        }
        let mut sender = spool.recover(config());
        spool.drain(&mut sender, &mut service, now);
        assert_eq!(
            (&service.stored, service.lost),
            (&texts(1..=16), 0),
            "{crash}"
        );
        assert!(sender.is_idle());
    }
}

#[test]
fn a_loss_is_not_forgotten() {
    let (mut sender, now) = with_records(config().spooled(), 2);
    sender.lose(3, None).unwrap();
    sender.flush().unwrap();
    push_all(&mut sender, 6..=7, now);
    sender.lose(1, None).unwrap();
    push_all(&mut sender, 9..=10, now);
    let (mut service, mut spool) = (Service::default(), Spool::default());
    spool.settle(&mut sender);
    let mut sender = spool.recover(config());
    spool.drain(&mut sender, &mut service, now);
    assert_eq!(
        (service.stored, service.lost),
        (texts([1, 2, 6, 7, 9, 10]), 4)
    );
}

#[test]
fn a_frame_given_up_stays_given_up() {
    let (mut sender, now) = with_records(config().spooled(), 6);
    let (mut service, mut spool) = (Service::default(), Spool::default());
    spool.settle(&mut sender);
    let (_, place) = sender.evict().unwrap();
    spool.frames.remove(&place.unwrap());
    let mut sender = spool.recover(config());
    let first = spool.transmit(&mut sender, now).unwrap();
    assert_eq!(content(&first), (3, 2, texts(3..=4)));
    sender.handle_answer(first.id, service.receive(&first.frame), now);
    spool.drain(&mut sender, &mut service, now);
    assert_eq!((service.stored, service.lost), (texts(3..=6), 2));
}

#[test]
fn an_old_copy_of_the_spool_is_noticed() {
    let (mut spool, mut service, now) = spool_of(6, 1);
    let mut copy = spool.clone();
    let mut sender = spool.recover(config());
    push_all(&mut sender, 9..=10, now);
    spool.drain(&mut sender, &mut service, now);
    // The machine goes back: other records have the numbers 9 and 10.
    let mut sender = copy.recover(config());
    push_all(&mut sender, 109..=110, now);
    copy.drain(&mut sender, &mut service, now + seconds(1));
    assert_ne!(sender.stream(), stream(1));
    for n in (1..=10).chain(109..=110) {
        assert!(service.stored.contains(&n.to_string()), "{n}");
    }
    events(&mut sender);
    assert!(sender.is_idle());
}

#[test]
fn a_header_is_of_a_whole_frame() {
    let frame = Sealer::new(Limits::FLOOR)
        .seal(&Stamp::new(AUDIENCE, stream(1), 5), &[Record::new("{}")])
        .unwrap();
    assert_eq!(spooled_header(&frame).unwrap().first_seq(), 5);
    assert_eq!(spooled_header(&frame[..frame.len() - 1]), None);
    assert_eq!(spooled_header(&[&frame[..], &[0]].concat()), None);
    assert_eq!(spooled_header(&frame[1..]), None);
    assert_eq!(spooled_header(b""), None);
}

#[test]
fn a_frame_with_numbers_that_no_spool_gives_is_survived() {
    for (first_seq, count) in [(u64::MAX - 5, 4), (u64::MAX - 5, 0), (1 << 63, 4)] {
        let (spool, ..) = spool_of(4, 0);
        let frames = [(9, header(first_seq, count))];
        if let Ok(mut sender) = Sender::recover(config(), stream(7), spool.state.as_deref(), frames)
        {
            let _ = (sender.backlog(), sender.poll_spool());
        }
    }
}

#[test]
fn numbers_end_before_the_62nd_power_of_two() {
    const END: u64 = 1 << 62;
    let (spool, ..) = spool_of(4, 0);
    let good = spool.state.as_deref().unwrap();
    for (number, fits) in [(END - 1, true), (END, false)] {
        let mut state = good.to_vec();
        state[8..16].copy_from_slice(&number.to_le_bytes());
        state[16..24].copy_from_slice(&number.to_le_bytes());
        let recovered = Sender::recover(config(), stream(7), Some(&state), []);
        assert_eq!(recovered.is_ok(), fits, "{number}");
        // A frame of such a number is left out.
        let frames = [(1, header(1, 2)), (9, header(number, 2))];
        let recovered = Sender::recover(config(), stream(7), Some(good), frames).unwrap();
        assert_eq!(recovered.backlog(), if fits { 4 } else { 2 }, "{number}");
    }
}

#[cfg(feature = "mac")]
#[test]
fn what_was_spooled_under_another_key_is_sent_under_the_one_of_now() {
    use ingest_protocol::frame::{KeyRing, MacKey, Opener};
    let keys = [
        MacKey::new(uuid::Uuid::from_u128(5).into(), &[1; 32]),
        MacKey::new(uuid::Uuid::from_u128(5).into(), &[2; 32]), // the first was mistyped
        MacKey::new(uuid::Uuid::from_u128(6).into(), &[3; 32]),
    ];
    let with_key = |key: &MacKey| config().mac(key.clone());
    let (mut sender, now) = with_records(with_key(&keys[0]).spooled(), 9);
    let (mut service, mut spool) = (Service::default(), Spool::default());
    spool.settle(&mut sender);
    for key in &keys[1..] {
        let opener =
            Opener::new(Limits::MAX).with_mac_keys(KeyRing::from_iter([(AUDIENCE, key.clone())]));
        let mut sender = spool.recover(with_key(key));
        let sent = spool.transmit(&mut sender, now).unwrap();
        assert!(opener.open(sent.frame.clone()).is_ok());
        assert_eq!(sent.header, spooled_header(&sent.frame).unwrap());
        // The receiver may have it from before, and knows it again.
        sender.handle_answer(sent.id, service.receive(&sent.frame), now);
        assert_eq!(events(&mut sender).len(), 1);
    }
    let mut sender = spool.recover(with_key(&keys[2]));
    spool.drain(&mut sender, &mut service, now);
    assert!(sender.is_idle());
    let told = events(&mut sender);
    assert!(
        told.iter()
            .all(|event| matches!(event, ingest_protocol::sender::Event::Acknowledged { .. })),
        "{told:?}"
    );
    assert_eq!(service.stored, texts(1..=9));
}
