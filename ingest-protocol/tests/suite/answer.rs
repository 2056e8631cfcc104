//! Acks and problems as JSON: what one version writes, all later ones read.

use ingest_protocol::frame::{Frame, Header, Limits, Record, Sealer, Stamp};
use ingest_protocol::{Ack, Action, Audience, Code, Outcome, Problem, Rejected, StreamId};
use uuid::Uuid;

const STREAM: StreamId = StreamId(Uuid::from_u128(0x0190f3c2_7b1e_7c40_9a51_3f2d6c8e1a01));

fn header(first_seq: u64, count: usize) -> Header {
    let stamp = Stamp::new(Audience(Uuid::from_u128(1)), STREAM, first_seq);
    let records = vec![Record::new("{}"); count];
    let limits = Limits::default();
    let frame = Sealer::new(limits).seal(&stamp, &records).unwrap();
    Frame::check(&frame, &limits).unwrap()
}

const ACK: &str = r#"{"stream":"0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01","first_seq":1,"count":20,"next_seq":21,"outcome":"committed","rejected_total":1,"rejected":[{"seq":17,"code":"not_json","detail":"line 1, column 3"}]}"#;

#[test]
fn the_golden_ack_is_read_and_written_again() {
    let ack: Ack = serde_json::from_str(ACK).unwrap();
    assert_eq!(ack.outcome(), Outcome::Committed);
    assert_eq!(ack.rejected_total(), 1);
    let listed = Rejected::new(17, Code::NOT_JSON).with_detail("line 1, column 3");
    assert_eq!(ack.rejected(), [listed]);
    assert_eq!(serde_json::to_string(&ack).unwrap(), ACK);
}

#[test]
fn unknown_members_of_an_ack_are_ignored_and_missing_ones_are_not() {
    let later = ACK.replace("{\"stream\"", "{\"later\":[1,{}],\"stream\"");
    assert_eq!(
        serde_json::from_str::<Ack>(&later).unwrap(),
        serde_json::from_str::<Ack>(ACK).unwrap()
    );
    for member in ["stream", "first_seq", "count", "next_seq", "outcome"] {
        let without = ACK.replace(&format!("\"{member}\""), "\"x\"");
        assert!(serde_json::from_str::<Ack>(&without).is_err(), "{member}");
    }
    let maybe = ACK.replace("committed", "perhaps");
    assert!(serde_json::from_str::<Ack>(&maybe).is_err());
}

#[test]
fn an_ack_answers_its_frame_alone() {
    let ack: Ack = serde_json::from_str(ACK).unwrap();
    assert!(ack.answers(&header(1, 20)));
    assert!(!ack.answers(&header(2, 20)));
    assert!(!ack.answers(&header(1, 19)));
    let short = ACK.replace("\"next_seq\":21", "\"next_seq\":20");
    assert!(
        !serde_json::from_str::<Ack>(&short)
            .unwrap()
            .answers(&header(1, 20))
    );
    let other = ACK.replace("1a01", "1a02");
    assert!(
        !serde_json::from_str::<Ack>(&other)
            .unwrap()
            .answers(&header(1, 20))
    );
    // A duplicate may be behind by now.
    let behind = ACK.replace("\"next_seq\":21", "\"next_seq\":99");
    assert!(
        serde_json::from_str::<Ack>(&behind)
            .unwrap()
            .answers(&header(1, 20))
    );
}

#[test]
fn the_golden_problem_is_written_and_read() {
    let problem = Problem::new(Code::TOO_LARGE)
        .with_frame(&header(40, 2))
        .with_detail("too much")
        .with_next_seq(31)
        .with_limits(Limits::FLOOR)
        .with_retry_after(7);
    let json = r#"{"type":"about:blank","title":"The frame is too large","status":413,"code":"too_large","action":"split","detail":"too much","stream":"0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01","first_seq":40,"next_seq":31,"limits":{"frame_bytes":1048576,"raw_bytes":8388608,"records":1000,"record_bytes":262144},"retry_after":7}"#;
    assert_eq!(serde_json::to_string(&problem).unwrap(), json);
    assert_eq!(serde_json::from_str::<Problem>(json).unwrap(), problem);
}

#[test]
fn every_problem_has_an_action() {
    let action = |json: &str| serde_json::from_str::<Problem>(json).unwrap().action();
    assert_eq!(action("{}"), Action::Retry);
    assert_eq!(action(r#"{"status":404}"#), Action::Hold);
    // An action from outside the closed set is as none: the code decides, else the status.
    assert_eq!(
        action(r#"{"status":409,"code":"fork","action":"drop"}"#),
        Action::Restamp
    );
    assert_eq!(
        action(r#"{"status":413,"code":"new","action":"drop"}"#),
        Action::Split
    );
    // A new code with a known action, an old code with another action than ours.
    assert_eq!(
        action(r#"{"status":400,"code":"new","action":"rewind"}"#),
        Action::Rewind
    );
    assert_eq!(action(r#"{"code":"fork","action":"hold"}"#), Action::Hold);
    for code in Code::REGISTERED {
        let problem = Problem::new(code.clone());
        assert_eq!(Some(problem.action()), code.action());
        assert_eq!(Some(problem.status), code.status());
        let json = serde_json::to_string(&problem).unwrap();
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
    }
    for status in 0..=1000 {
        let action = Action::of_status(status);
        let retried = !(300..500).contains(&status) || [408, 409, 425, 429].contains(&status);
        assert_eq!(action == Action::Retry, retried, "{status}");
    }
}

#[test]
fn the_codes_are_those_of_the_specification() {
    let spec = include_str!("../../SPEC.md");
    for code in Code::REGISTERED {
        let action = serde_json::to_string(&code.action().unwrap()).unwrap();
        let (status, action) = (code.status().unwrap(), action.trim_matches('"').to_owned());
        let row = spec
            .lines()
            .find(|line| {
                line.starts_with(&format!("| {status} | `")) && line.contains(&format!("`{code}`"))
            })
            .unwrap_or_else(|| panic!("{code} has no row"));
        assert!(row.contains(&format!("| `{action}` |")), "{row}");
    }
}
