//! Acks and problems as JSON: what one version writes, all later ones read.

use std::collections::BTreeMap;

use ingest_protocol::frame::{Frame, Header, Limits, Record, Sealer, Stamp};
use ingest_protocol::{Ack, Action, Audience, Code, Outcome, Problem, Rejected, StreamId};
use serde_json::value::RawValue;
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
    let json = r#"{"type":"about:blank","title":"The frame is too large","status":413,"code":"too_large","action":"split","detail":"too much","stream":"0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01","first_seq":40,"count":2,"next_seq":31,"limits":{"frame_bytes":1048576,"raw_bytes":8388608,"records":1000,"record_bytes":262144},"retry_after":7}"#;
    assert_eq!(serde_json::to_string(&problem).unwrap(), json);
    assert_eq!(serde_json::from_str::<Problem>(json).unwrap(), problem);
}

/// Every member, so that it shows which one was not read.
const PROBLEM: &str = r#"{"type":"https://example.com/t","title":"T","status":409,"code":"gap","action":"hold","detail":"D","instance":"/i","stream":"0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01","first_seq":40,"next_seq":31,"limits":{"frame_bytes":1,"raw_bytes":2,"records":3,"record_bytes":4},"retry_after":7}"#;

#[test]
fn a_member_of_the_wrong_type_is_as_one_that_is_missing() {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(PROBLEM).unwrap();
    assert_eq!(members.len(), 12);
    let wrong = [
        "null",
        "true",
        "-1",
        "5",
        "1.5",
        "\"7\"",
        "[]",
        "[5]",
        "{}",
        "1e400",
        "99999999999999999999",
        "\"\\u0000\"",
    ];
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for (member, right) in members {
        let right = format!("\"{member}\":{right}");
        assert!(PROBLEM.contains(&right));
        let without = PROBLEM.replace(&right, "\"later\":{}");
        let without: Problem = serde_json::from_str(&without).unwrap();
        for value in wrong.into_iter().chain([deep.as_str()]) {
            let json = PROBLEM.replace(&right, &format!("\"{member}\":{value}"));
            let read: Problem = serde_json::from_str(&json).unwrap();
            let fits = match member.as_str() {
                "type" | "title" | "code" | "detail" | "instance" => value.starts_with('"'),
                "status" | "first_seq" | "next_seq" | "retry_after" => value == "5",
                "limits" => value == "{}",
                _ => false,
            };
            assert_eq!(read == without, !fits, "{member}: {value}: {read:?}");
        }
    }
}

#[test]
fn what_is_missing_has_a_value() {
    let read = |json: &str| serde_json::from_str::<Problem>(json).unwrap();
    let problem = read(r#"{"type":null,"title":null,"status":"409","action":5,"code":"gap"}"#);
    assert_eq!(problem.kind, "about:blank");
    assert_eq!((&*problem.title, problem.status), ("", 0));
    assert_eq!(
        (problem.told_action, problem.code.as_ref()),
        (None, Some(&Code::GAP))
    );
    assert_eq!(problem.action(), Action::Rewind);
    assert_eq!(
        read(r#"{"retry_after":"7","next_seq":31}"#).next_seq,
        Some(31)
    );
}

#[test]
fn limits_are_read_each_for_itself() {
    let limits = |json: &str| {
        let json = format!(r#"{{"status":413,"limits":{json},"first_seq":40}}"#);
        let problem: Problem = serde_json::from_str(&json).unwrap();
        assert_eq!((problem.status, problem.first_seq), (413, Some(40)));
        problem.limits
    };
    let few = Limits::default().with_records(3);
    // More than 32 bits is as much as 32 bits say.
    assert_eq!(
        limits(r#"{"raw_bytes":5000000000,"records":3}"#),
        Some(few.with_raw_bytes(u32::MAX))
    );
    assert_eq!(
        limits(r#"{"frame_bytes":1,"raw_bytes":2,"records":3,"record_bytes":4}"#),
        Some(
            few.with_frame_bytes(1)
                .with_raw_bytes(2)
                .with_record_bytes(4)
        )
    );
    for wrong in ["\"2\"", "-1", "1.5", "null", "1e400", "{}"] {
        let json = format!(r#"{{"raw_bytes":{wrong},"records":3,"later":[]}}"#);
        assert_eq!(limits(&json), Some(few), "{wrong}");
    }
    assert_eq!(limits("[1,2,3,4]"), None);
    assert_eq!(limits("null"), None);
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
}

#[test]
fn without_a_problem_the_status_decides() {
    for status in 0..=1000 {
        let expected = match status {
            400 => Action::Verify,
            401 => Action::Reauth,
            413 => Action::Split,
            415 => Action::Downgrade,
            // 408, 409, 425 and 429 are passing, and so is what no receiver said.
            0..300 | 408 | 409 | 425 | 429 | 500.. => Action::Retry,
            300..=499 => Action::Hold,
        };
        assert_eq!(Action::of_status(status), expected, "{status}");
    }
}

/// The table of section 6.
#[test]
fn each_code_has_its_status_and_action() {
    let table = [
        ("malformed", 400, Action::Verify),
        ("corrupt", 400, Action::Verify),
        ("unauthenticated", 401, Action::Reauth),
        ("forbidden", 403, Action::Hold),
        ("bad_mac", 403, Action::Hold),
        ("unknown_key", 403, Action::Hold),
        ("wrong_audience", 403, Action::Hold),
        ("not_found", 404, Action::Hold),
        ("gap", 409, Action::Rewind),
        ("fork", 409, Action::Restamp),
        ("stream_expired", 410, Action::Restamp),
        ("too_large", 413, Action::Split),
        ("unsupported", 415, Action::Downgrade),
        ("throttled", 429, Action::Retry),
        ("unavailable", 503, Action::Retry),
    ];
    let registered: Vec<_> = Code::REGISTERED
        .iter()
        .map(|code| {
            (
                code.as_str(),
                code.status().unwrap(),
                code.action().unwrap(),
            )
        })
        .collect();
    assert_eq!(registered, table);
    for (code, _, action) in table {
        // The code alone decides, whatever the status says.
        let json = format!(r#"{{"status":500,"code":"{code}"}}"#);
        let problem: Problem = serde_json::from_str(&json).unwrap();
        assert_eq!(problem.action(), action, "{code}");
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
