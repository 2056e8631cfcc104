//! What the receiver lacks, or has already.

use std::time::Instant;

use ingest_protocol::frame::Record;
use ingest_protocol::sender::{Event, Sender};
use ingest_protocol::{Code, Problem};

use super::{
    Service, Spool, acknowledge, config, content, events, refuse, seconds, stream, texts, told,
    transmit, with_records,
};

fn gap(next_seq: u64) -> Problem {
    told(Code::GAP).with_next_seq(next_seq)
}

#[test]
fn a_gap_is_healed_from_the_history_with_the_same_bytes() {
    let (mut sender, now) = with_records(config(), 8);
    let sent: Vec<_> = (0..3).map(|_| acknowledge(&mut sender, now)).collect();
    events(&mut sender);
    let refused = refuse(&mut sender, gap(3), now);
    let rewound = Event::Rewound {
        next_seq: 3,
        lost: 0,
    };
    assert_eq!(events(&mut sender), [rewound]);
    assert_eq!(sender.backlog(), 6);
    for before in [&sent[1], &sent[2], &refused] {
        assert_eq!(&acknowledge(&mut sender, now), before);
    }
    assert!(sender.is_idle());
}

#[test]
fn what_is_not_held_any_more_is_declared_lost() {
    for (history, lost) in [(0, 4), (1, 2), (2, 0), (31, 0)] {
        let (mut sender, now) = with_records(config().history(history), 8);
        for _ in 0..3 {
            acknowledge(&mut sender, now);
        }
        events(&mut sender);
        refuse(&mut sender, gap(3), now);
        assert_eq!(
            events(&mut sender),
            [Event::Rewound { next_seq: 3, lost }],
            "{history}"
        );
        let first = transmit(&mut sender, now);
        let (first_seq, declared, records) = content(&first);
        assert_eq!((first_seq, declared), (3 + lost, lost));
        assert_eq!(records, texts(3 + lost..5 + lost));
    }
}

#[test]
fn a_history_has_no_more_than_31_frames() {
    let (mut sender, now) = with_records(config().max_records(1).history(1_000), 40);
    for _ in 0..39 {
        acknowledge(&mut sender, now);
    }
    events(&mut sender);
    refuse(&mut sender, gap(1), now);
    let rewound = Event::Rewound {
        next_seq: 1,
        lost: 8,
    };
    assert_eq!(events(&mut sender), [rewound]);
}

#[test]
fn a_rewind_into_a_frame_sends_the_rest_of_it() {
    let (mut sender, now) = with_records(config(), 6);
    acknowledge(&mut sender, now);
    acknowledge(&mut sender, now);
    events(&mut sender);
    refuse(&mut sender, gap(4), now);
    let rewound = Event::Rewound {
        next_seq: 4,
        lost: 0,
    };
    assert_eq!(events(&mut sender), [rewound]);
    assert_eq!(content(&acknowledge(&mut sender, now)), (4, 0, texts([4])));
    assert_eq!(
        content(&acknowledge(&mut sender, now)),
        (5, 0, texts(5..=6))
    );
    assert!(sender.is_idle());
}

#[test]
fn a_gap_that_can_not_be_is_held() {
    for wrong in [gap(0), gap(3), gap(4), gap(u64::MAX), told(Code::GAP)] {
        let (mut sender, now) = with_records(config(), 4);
        acknowledge(&mut sender, now);
        events(&mut sender);
        let before = sender.backlog();
        let sent = refuse(&mut sender, wrong, now);
        assert!(matches!(events(&mut sender).as_slice(), [Event::Held(_)]));
        assert_eq!(sender.backlog(), before);
        assert_eq!(transmit(&mut sender, now + seconds(900)), sent);
    }
}

#[test]
fn a_heartbeat_finds_a_receiver_that_went_back() {
    let config = config().heartbeat(seconds(300)).history(1);
    let (mut sender, now) = with_records(config, 6);
    for _ in 0..3 {
        acknowledge(&mut sender, now);
    }
    events(&mut sender);
    let due = now + seconds(300);
    refuse(&mut sender, gap(2), due);
    let rewound = Event::Rewound {
        next_seq: 2,
        lost: 3,
    };
    assert_eq!(events(&mut sender), [rewound]);
    assert_eq!(
        content(&acknowledge(&mut sender, due)),
        (5, 3, texts(5..=6))
    );
}

#[test]
fn a_loss_of_everything_is_declared_alone() {
    let config = config().heartbeat(seconds(300)).history(0);
    let (mut sender, now) = with_records(config, 6);
    for _ in 0..3 {
        acknowledge(&mut sender, now);
    }
    events(&mut sender);
    let due = now + seconds(300);
    refuse(&mut sender, gap(2), due);
    let rewound = Event::Rewound {
        next_seq: 2,
        lost: 5,
    };
    assert_eq!(events(&mut sender), [rewound]);
    assert!(!sender.is_idle());
    assert_eq!(content(&acknowledge(&mut sender, due)), (7, 5, vec![]));
    assert!(sender.is_idle());
}

#[test]
fn a_fork_asks_for_a_stream_and_nothing_is_sent_before() {
    for code in [Code::FORK, Code::STREAM_EXPIRED] {
        let (mut sender, now) = with_records(config(), 6);
        acknowledge(&mut sender, now);
        events(&mut sender);
        let old = refuse(&mut sender, told(code.clone()).with_next_seq(1), now);
        assert_eq!(events(&mut sender), [Event::StreamWanted(code)]);
        assert_eq!(sender.poll_transmit(now + seconds(100_000)), None);
        assert_eq!(sender.backlog(), 4);
        sender.handle_stream(stream(2)).unwrap();
        assert_eq!(sender.stream(), stream(2));
        // All that is not acknowledged, from 1 on.
        let first = acknowledge(&mut sender, now);
        assert_ne!(first.id, old.id);
        assert_eq!(first.header.stream(), stream(2));
        assert_eq!(content(&first), (1, 0, texts(3..=4)));
        let second = acknowledge(&mut sender, now);
        assert_eq!(second.header.stream(), stream(2));
        assert_eq!(content(&second), (3, 0, texts(5..=6)));
        assert!(sender.is_idle());
    }
}

#[test]
fn where_new_streams_are_refused_too_one_is_tried_every_15_minutes() {
    let (mut sender, mut now) = with_records(config(), 6);
    let mut fresh = 1;
    let mut refused = |sender: &mut Sender, now: Instant| {
        refuse(sender, told(Code::STREAM_EXPIRED), now);
        let came = events(sender);
        if came == [Event::StreamWanted(Code::STREAM_EXPIRED)] {
            fresh += 1;
            sender.handle_stream(stream(fresh)).unwrap();
        } else {
            let held = matches!(&came[..], [Event::Held(problem)]
                if problem.code == Some(Code::STREAM_EXPIRED));
            assert!(held, "{came:?}");
        }
        fresh
    };
    assert_eq!([(); 4].map(|()| refused(&mut sender, now)), [2, 3, 4, 4]);
    for again in 5..20 {
        assert_eq!(sender.poll_transmit(now + seconds(899)), None);
        now += seconds(900);
        assert_eq!(
            [(); 2].map(|()| refused(&mut sender, now)),
            [again, again],
            "one more stream"
        );
    }
    // The clock was set.
    now += seconds(900);
    assert_eq!(refused(&mut sender, now), 20);
    while !sender.is_idle() {
        acknowledge(&mut sender, now);
    }
    events(&mut sender);
    // And all begins anew.
    sender.push(Record::new("{}"), now).unwrap();
    sender.flush().unwrap();
    assert_eq!(
        [(); 4].map(|()| refused(&mut sender, now)),
        [21, 22, 23, 23]
    );
}

#[test]
fn a_stream_is_never_used_again() {
    let (mut sender, now) = with_records(config(), 4);
    assert!(sender.handle_stream(stream(1)).is_err());
    assert!(sender.handle_stream(stream(0)).is_err());
    refuse(&mut sender, told(Code::FORK).with_next_seq(9), now);
    assert!(sender.handle_stream(stream(1)).is_err());
    assert_eq!(sender.poll_transmit(now), None);
    sender.handle_stream(stream(2)).unwrap();
    let error = sender.handle_stream(stream(1)).unwrap_err();
    assert!(error.to_string().contains(&stream(1).to_string()));
    assert_eq!(transmit(&mut sender, now).header.stream(), stream(2));
}

#[test]
fn what_is_in_flight_in_the_old_stream_is_answered_to_nobody() {
    let (mut sender, now) = with_records(config(), 2);
    let old = transmit(&mut sender, now);
    // The machine is a copy (S5).
    sender.handle_stream(stream(2)).unwrap();
    sender.handle_ack(old.id, &super::ack(&old.header), now);
    assert_eq!(sender.backlog(), 2);
    assert_eq!(content(&transmit(&mut sender, now)), (1, 0, texts(1..=2)));
}

#[test]
fn a_gap_of_the_old_stream_is_not_healed_in_the_new_one() {
    // The new stream begins where the old one ended: it knows nothing of what was before.
    let (mut sender, now) = with_records(config(), 6);
    acknowledge(&mut sender, now);
    refuse(&mut sender, told(Code::FORK).with_next_seq(9), now);
    sender.handle_stream(stream(2)).unwrap();
    acknowledge(&mut sender, now);
    events(&mut sender);
    // The receiver lost the new stream altogether.
    refuse(&mut sender, gap(1), now);
    let rewound = Event::Rewound {
        next_seq: 1,
        lost: 0,
    };
    assert_eq!(events(&mut sender), [rewound]);
    assert_eq!(
        content(&acknowledge(&mut sender, now)),
        (1, 0, texts(3..=4))
    );
    assert_eq!(
        content(&acknowledge(&mut sender, now)),
        (3, 0, texts(5..=6))
    );
}

#[test]
fn a_receiver_that_went_back_has_everything_again() {
    let (mut sender, now) = with_records(config().heartbeat(seconds(300)), 10);
    let (mut service, mut spool) = (Service::default(), Spool::default());
    for _ in 0..2 {
        let sent = transmit(&mut sender, now);
        sender.handle_answer(sent.id, service.receive(&sent.frame), now);
    }
    let backup = service.states.clone();
    while let Some(sent) = spool.transmit(&mut sender, now) {
        sender.handle_answer(sent.id, service.receive(&sent.frame), now);
    }
    service.states = backup;
    service.stored.truncate(4);
    for _ in 0..2 {
        let mut now = sender.poll_timeout().unwrap();
        while let Some(sent) = spool.transmit(&mut sender, now) {
            sender.handle_answer(sent.id, service.receive(&sent.frame), now);
            now += seconds(1);
        }
    }
    assert_eq!((service.stored, service.lost), (texts(1..=10), 0));
}

#[test]
fn what_is_not_sealed_yet_is_not_lost() {
    let config = config().heartbeat(seconds(300)).history(0);
    let (mut sender, now) = with_records(config, 4);
    acknowledge(&mut sender, now);
    acknowledge(&mut sender, now);
    events(&mut sender);
    let due = now + seconds(300);
    let sent = transmit(&mut sender, due);
    sender.push(super::record(5), due).unwrap();
    sender.handle_problem(sent.id, gap(3), due);
    let rewound = Event::Rewound {
        next_seq: 3,
        lost: 2,
    };
    assert_eq!(events(&mut sender), [rewound]);
    sender.flush().unwrap();
    assert_eq!(content(&transmit(&mut sender, due)), (5, 2, texts([5])));
}
