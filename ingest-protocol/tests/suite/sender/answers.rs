//! What a sender does with what comes back, or does not.

use ingest_protocol::sender::Event;
use ingest_protocol::{Action, Answer, Code, Outcome, Problem};

use super::{
    ack, ack_with, acknowledge, config, content, events, record, refuse, seconds, stream, texts,
    told, transmit, with_records,
};

#[test]
fn an_ack_is_told_and_the_next_frame_follows() {
    let (mut sender, now) = with_records(config(), 3);
    let sent = acknowledge(&mut sender, now);
    assert_eq!(
        events(&mut sender),
        [Event::Acknowledged {
            stream: stream(1),
            first_seq: 1,
            count: 2,
            outcome: Outcome::Committed,
            rejected_total: 0,
            rejected: vec![],
        }]
    );
    assert_eq!(sender.backlog(), 1);
    let next = transmit(&mut sender, now);
    assert_ne!(sent.id, next.id);
    assert_eq!(content(&next), (3, 0, texts([3])));
}

#[test]
fn quarantined_records_are_told() {
    let (mut sender, now) = with_records(config(), 2);
    let sent = transmit(&mut sender, now);
    let json = r#"{"stream":"00000000-0000-0000-0000-000000000001","first_seq":1,"count":2,
        "raw_crc":"CRC","next_seq":9,"outcome":"duplicate","rejected_total":7,
        "rejected":[{"seq":2,"code":"not_json"}]}"#;
    let crc = format!("{:016x}", sent.header.fingerprint().raw_crc);
    let json = json.replace("CRC", &crc);
    sender.handle_answer(sent.id, Answer::read(200, None, json.as_bytes()), now);
    let told = events(&mut sender);
    let [
        Event::Acknowledged {
            outcome: Outcome::Duplicate,
            rejected_total: 7,
            rejected,
            ..
        },
    ] = told.as_slice()
    else {
        panic!("{told:?}");
    };
    assert_eq!((rejected.len(), rejected[0].seq), (1, 2));
}

#[test]
fn one_frame_is_in_flight_at_a_time() {
    let (mut sender, now) = with_records(config(), 4);
    transmit(&mut sender, now);
    assert_eq!(sender.poll_transmit(now), None);
}

#[test]
fn without_an_answer_the_same_bytes_are_sent_again() {
    let (mut sender, now) = with_records(config().timeout(seconds(20)), 2);
    let sent = transmit(&mut sender, now);
    let deadline = now + seconds(20);
    assert_eq!(sender.poll_timeout(), Some(deadline));
    sender.handle_timeout(deadline - seconds(1));
    assert_eq!(sender.poll_timeout(), Some(deadline));
    sender.handle_timeout(deadline);
    let again = sender.poll_timeout().unwrap();
    assert!(again > deadline && again <= deadline + seconds(1));
    assert_eq!(sender.poll_transmit(deadline), None);
    assert_eq!(transmit(&mut sender, again), sent);
    assert_eq!(events(&mut sender), []);
}

#[test]
fn waits_grow_up_to_five_minutes_and_begin_anew_after_an_ack() {
    let (mut sender, mut now) = with_records(config(), 4);
    let mut longest = seconds(0);
    for failure in 0..40 {
        let sent = transmit(&mut sender, now);
        sender.handle_failure(sent.id, now);
        let wait = sender.poll_timeout().unwrap() - now;
        assert!(wait <= seconds(1 << failure.min(9)).min(seconds(300)));
        longest = longest.max(wait);
        now += wait;
    }
    assert!(longest > seconds(200));
    acknowledge(&mut sender, now);
    let sent = transmit(&mut sender, now);
    sender.handle_failure(sent.id, now);
    assert!(sender.poll_timeout().unwrap() - now <= seconds(1));
}

#[test]
fn two_seeds_wait_differently() {
    let wait = |seed| {
        let (mut sender, now) = with_records(config().seed(seed), 2);
        let sent = transmit(&mut sender, now);
        sender.handle_failure(sent.id, now);
        sender.poll_timeout().unwrap() - now
    };
    assert_ne!(wait(1), wait(2));
    assert_eq!(wait(1), wait(1));
}

#[test]
fn retry_after_is_kept_to_within_a_second_and_an_hour() {
    for (told_seconds, kept) in [(0, 1), (1, 1), (77, 77), (3_600, 3_600), (1_000_000, 3_600)] {
        for code in [Code::THROTTLED, Code::UNAVAILABLE, Code::UNAUTHENTICATED] {
            let (mut sender, now) = with_records(config(), 2);
            let sent = refuse(&mut sender, told(code).with_retry_after(told_seconds), now);
            let until = now + seconds(kept);
            assert_eq!(sender.poll_timeout(), Some(until));
            assert_eq!(sender.poll_transmit(until - seconds(1)), None);
            assert_eq!(transmit(&mut sender, until), sent);
        }
    }
}

#[test]
fn a_hold_tells_the_operator_and_lasts_15_minutes() {
    for code in [
        Code::FORBIDDEN,
        Code::BAD_MAC,
        Code::UNKNOWN_KEY,
        Code::WRONG_AUDIENCE,
        Code::NOT_FOUND,
    ] {
        for (told_seconds, kept) in [
            (None, 900),
            (Some(60), 900),
            (Some(1_000), 1_000),
            (Some(9_999), 3_600),
        ] {
            let (mut sender, now) = with_records(config(), 2);
            let mut problem = told(code.clone());
            problem.retry_after = told_seconds;
            let sent = refuse(&mut sender, problem.clone(), now);
            let problem = problem.with_frame(&sent.header);
            assert_eq!(events(&mut sender), [Event::Held(problem)]);
            let until = now + seconds(kept);
            assert_eq!(sender.poll_timeout(), Some(until));
            assert_eq!(sender.poll_transmit(until - seconds(1)), None);
            assert_eq!(sender.backlog(), 2);
            assert_eq!(transmit(&mut sender, until), sent);
        }
    }
}

#[test]
fn an_operator_can_end_a_wait() {
    let (mut sender, now) = with_records(config(), 2);
    let sent = refuse(&mut sender, told(Code::FORBIDDEN), now);
    sender.retry_now();
    assert_eq!(sender.poll_timeout(), None);
    assert_eq!(transmit(&mut sender, now), sent);
    // A stream that is wanted is not to be waited for.
    sender.handle_problem(sent.id, told(Code::FORK).with_next_seq(1), now);
    sender.retry_now();
    assert_eq!(sender.poll_transmit(now), None);
}

#[test]
fn credentials_are_asked_for() {
    let (mut sender, now) = with_records(config(), 2);
    let sent = refuse(&mut sender, told(Code::UNAUTHENTICATED), now);
    let problem = told(Code::UNAUTHENTICATED).with_frame(&sent.header);
    assert_eq!(events(&mut sender), [Event::CredentialsWanted(problem)]);
    let again = sender.poll_timeout().unwrap();
    assert!(again <= now + seconds(1));
    assert_eq!(transmit(&mut sender, again), sent);
}

#[test]
fn the_action_goes_before_the_code_and_the_status() {
    let (mut sender, now) = with_records(config(), 2);
    let mut problem = told(Code::from_static("disk_on_fire"));
    problem.told_action = Some(Action::Retry);
    problem.status = 403;
    let sent = transmit(&mut sender, now);
    sender.handle_problem(sent.id, problem, now);
    assert_eq!(events(&mut sender), []);
    assert!(sender.poll_timeout().unwrap() <= now + seconds(1));
}

#[test]
fn intact_bytes_are_sent_again_three_times_and_then_held() {
    for code in [Code::CORRUPT, Code::MALFORMED] {
        let (mut sender, mut now) = with_records(config(), 2);
        let mut first = None;
        for _ in 0..2 {
            for _ in 0..3 {
                let sent = refuse(&mut sender, told(code.clone()), now);
                assert_eq!(first.get_or_insert(sent.clone()), &sent);
                assert_eq!(events(&mut sender), []);
                now = sender.poll_timeout().unwrap();
            }
            refuse(&mut sender, told(code.clone()), now);
            assert!(matches!(events(&mut sender).as_slice(), [Event::Held(_)]));
            now += seconds(900);
            assert_eq!(sender.poll_timeout(), Some(now));
        }
        acknowledge(&mut sender, now);
        assert_eq!(sender.backlog(), 0);
    }
}

#[test]
fn an_ack_forgets_how_often_it_was_verified() {
    let (mut sender, mut now) = with_records(config(), 4);
    for _ in 0..3 {
        refuse(&mut sender, told(Code::CORRUPT), now);
        now = sender.poll_timeout().unwrap();
    }
    acknowledge(&mut sender, now);
    events(&mut sender);
    refuse(&mut sender, told(Code::CORRUPT), now);
    assert_eq!(events(&mut sender), []);
}

#[test]
fn an_answer_to_what_is_not_in_flight_is_ignored() {
    let (mut sender, now) = with_records(config(), 4);
    let first = acknowledge(&mut sender, now);
    events(&mut sender);
    let before = sender.clone();
    // Nothing is in flight.
    sender.handle_ack(first.id, &ack(&first.header), now);
    sender.handle_problem(first.id, told(Code::FORK).with_next_seq(3), now);
    sender.handle_failure(first.id, now);
    assert_eq!(sender, before);
    // Another frame is.
    transmit(&mut sender, now);
    let before = sender.clone();
    sender.handle_ack(first.id, &ack(&first.header), now);
    sender.handle_problem(first.id, told(Code::TOO_LARGE), now);
    sender.handle_failure(first.id, now);
    assert_eq!(sender, before);
}

#[test]
fn an_answer_after_the_deadline_is_ignored() {
    let (mut sender, now) = with_records(config(), 2);
    let sent = transmit(&mut sender, now);
    let late = now + seconds(60);
    sender.handle_timeout(late);
    sender.handle_ack(sent.id, &ack(&sent.header), late);
    assert_eq!((sender.backlog(), events(&mut sender)), (2, vec![]));
}

#[test]
fn an_ack_of_another_frame_is_none() {
    for wrong in [
        (
            r#""stream":"00000000-0000-0000-0000-000000000001""#,
            r#""stream":"00000000-0000-0000-0000-000000000002""#,
        ),
        (r#""first_seq":1"#, r#""first_seq":2"#),
        (r#""lost":0"#, r#""lost":1"#),
        (r#""count":2"#, r#""count":1"#),
        (r#""raw_crc":""#, r#""raw_crc":"0000000000000000","was":""#),
        (r#""next_seq":3"#, r#""next_seq":2"#),
    ] {
        let (mut sender, now) = with_records(config(), 2);
        let sent = transmit(&mut sender, now);
        sender.handle_ack(sent.id, &ack_with(&sent.header, &[wrong]), now);
        assert_eq!((sender.backlog(), events(&mut sender)), (2, vec![]));
        let again = sender.poll_timeout().unwrap();
        assert!(again > now && again <= now + seconds(1));
        assert_eq!(transmit(&mut sender, again), sent);
        // One that is further is right: others were stored since.
        sender.handle_ack(
            sent.id,
            &ack_with(&sent.header, &[(r#""next_seq":3"#, r#""next_seq":90"#)]),
            again,
        );
        assert_eq!(sender.backlog(), 0);
    }
}

#[test]
fn a_problem_that_names_another_frame_is_none() {
    let named = |stream, first_seq, count| {
        let mut problem = told(Code::FORK).with_next_seq(1);
        (problem.stream, problem.first_seq, problem.count) = (stream, first_seq, count);
        problem
    };
    for wrong in [
        named(Some(stream(2)), Some(1), Some(2)),
        named(Some(stream(1)), Some(2), Some(2)),
        named(Some(stream(1)), Some(1), Some(1)),
        named(None, None, Some(3)),
    ] {
        let (mut sender, now) = with_records(config(), 2);
        let sent = transmit(&mut sender, now);
        sender.handle_problem(sent.id, wrong, now);
        assert_eq!(events(&mut sender), []);
        let again = sender.poll_timeout().unwrap();
        assert!(again <= now + seconds(1));
        assert_eq!(transmit(&mut sender, again), sent);
    }
}

#[test]
fn what_a_proxy_says_is_kept_to() {
    for (status, held) in [
        (502, false),
        (0, false),
        (200, false),
        (302, true),
        (405, true),
    ] {
        let (mut sender, now) = with_records(config(), 2);
        let sent = transmit(&mut sender, now);
        sender.handle_answer(sent.id, Answer::read(status, None, b"<html>"), now);
        let is_held = matches!(events(&mut sender).as_slice(), [Event::Held(_)]);
        assert_eq!(is_held, held, "{status}");
        assert_eq!(sender.backlog(), 2);
    }
}

#[test]
fn a_heartbeat_is_sent_when_nothing_was_for_so_long() {
    let (mut sender, mut now) = with_records(config().heartbeat(seconds(300)), 2);
    acknowledge(&mut sender, now);
    events(&mut sender);
    for _ in 0..3 {
        let due = now + seconds(300);
        assert_eq!(sender.poll_timeout(), Some(due));
        assert_eq!(sender.poll_transmit(due - seconds(1)), None);
        let sent = transmit(&mut sender, due);
        assert_eq!(content(&sent), (3, 0, vec![]));
        sender.handle_ack(sent.id, &ack(&sent.header), due);
        // It acknowledges no records, and nothing is told.
        assert_eq!(events(&mut sender), []);
        assert!(sender.is_idle());
        now = due;
    }
}

#[test]
fn a_sender_without_records_has_heartbeats_too() {
    let (mut sender, now) = with_records(config().heartbeat(seconds(300)), 0);
    assert_eq!(sender.poll_transmit(now), None);
    assert_eq!(sender.poll_timeout(), Some(now + seconds(300)));
    let sent = transmit(&mut sender, now + seconds(300));
    assert_eq!(content(&sent), (1, 0, vec![]));
}

#[test]
fn there_is_no_heartbeat_while_records_wait() {
    let (mut sender, now) = with_records(config().heartbeat(seconds(300)), 0);
    assert_eq!(sender.poll_transmit(now), None);
    sender.push(record(1), now).unwrap();
    assert_eq!(sender.poll_transmit(now + seconds(300)), None);
    sender.flush().unwrap();
    let sent = transmit(&mut sender, now + seconds(301));
    assert_eq!(content(&sent), (1, 0, texts([1])));
    // It counts from what was sent last.
    let acked = now + seconds(302);
    sender.handle_ack(sent.id, &ack(&sent.header), acked);
    assert_eq!(sender.poll_timeout(), Some(now + seconds(601)));
}

#[test]
fn a_failed_heartbeat_is_sent_again_and_gives_way_to_records() {
    let (mut sender, now) = with_records(config().heartbeat(seconds(300)), 0);
    sender.poll_transmit(now);
    let due = now + seconds(300);
    let sent = transmit(&mut sender, due);
    sender.handle_failure(sent.id, due);
    let after = sender.poll_timeout().unwrap();
    assert!(after <= due + seconds(1));
    sender.push(record(1), due).unwrap();
    sender.flush().unwrap();
    assert_eq!(content(&transmit(&mut sender, after)), (1, 0, texts([1])));
}

#[test]
fn a_heartbeat_that_is_refused_as_a_fork_asks_for_a_stream() {
    let (mut sender, now) = with_records(config().heartbeat(seconds(300)), 2);
    acknowledge(&mut sender, now);
    events(&mut sender);
    let due = now + seconds(300);
    refuse(&mut sender, told(Code::FORK).with_next_seq(9), due);
    assert_eq!(events(&mut sender), [Event::StreamWanted(Code::FORK)]);
    sender.handle_stream(stream(2)).unwrap();
    let sent = transmit(&mut sender, due + seconds(300));
    assert_eq!(content(&sent), (1, 0, vec![]));
    assert_eq!(sent.header.stream(), stream(2));
}

#[test]
fn a_heartbeat_is_not_sealed_differently() {
    for code in [Code::TOO_LARGE, Code::UNSUPPORTED] {
        let (mut sender, now) = with_records(config().heartbeat(seconds(300)), 0);
        sender.poll_transmit(now);
        refuse(&mut sender, told(code), now + seconds(300));
        assert!(matches!(events(&mut sender).as_slice(), [Event::Held(_)]));
    }
    let (mut sender, now) = with_records(config().heartbeat(seconds(300)), 0);
    sender.poll_transmit(now);
    refuse(&mut sender, told(Code::CORRUPT), now + seconds(300));
    assert_eq!(events(&mut sender), []);
}

#[test]
fn whatever_is_waited_for_lies_ahead() {
    // A program that calls again when the sender says so, and finds nothing to do, must not be
    // called again at once.
    let (mut sender, now) = with_records(config().heartbeat(seconds(300)), 0);
    sender.poll_transmit(now);
    sender.push(record(1), now).unwrap();
    let due = now + seconds(300);
    sender.handle_timeout(due);
    assert_eq!(sender.poll_transmit(due), None);
    assert!(sender.poll_timeout().is_none_or(|until| until > due));
}

#[test]
fn nothing_is_waited_for_while_a_stream_is_wanted() {
    let (mut sender, now) = with_records(config().heartbeat(seconds(300)), 2);
    refuse(&mut sender, told(Code::FORK).with_next_seq(9), now);
    let due = now + seconds(300);
    sender.handle_timeout(due);
    assert_eq!(sender.poll_transmit(due), None);
    assert!(sender.poll_timeout().is_none_or(|until| until > due));
}

#[test]
fn unknown_answers_never_drop_records() {
    for status in 100..600 {
        let (mut sender, now) = with_records(config(), 2);
        let sent = transmit(&mut sender, now);
        let mut problem = Problem::new(Code::from_static("unheard_of")).with_frame(&sent.header);
        (problem.status, problem.told_action) = (status, None);
        sender.handle_answer(sent.id, Answer::Problem(problem), now);
        assert_eq!(sender.backlog(), 2, "{status}");
    }
}

#[test]
fn no_heartbeat_shortens_a_wait() {
    let (mut sender, now) = with_records(config().heartbeat(seconds(60)), 2);
    refuse(&mut sender, told(Code::FORBIDDEN), now);
    assert_eq!(sender.poll_timeout(), Some(now + seconds(900)));
}
