//! Uploads of lines, and answers.

use bytes::Bytes;
use ingest_protocol::frame::{Frame, Limits};
use ingest_protocol::http::{ANSWER_BYTES, Call, Endpoint, IDEMPOTENCY_KEY, answer, respond};
use ingest_protocol::receiver::not_json;
use ingest_protocol::{Action, Answer, Audience, Code, StreamId};
use uuid::Uuid;

const AUDIENCE: Audience = Audience(Uuid::from_u128(0x6f1d2c3b_4a59_4e8f_9b70_112233445566));
const FRESH: StreamId = StreamId(Uuid::from_u128(0x0190f3c2_7b1e_7c40_9a51_3f2d6c8e1a01));

/// Small, so that limits are met often.
fn limits() -> Limits {
    Limits::default()
        .with_frame_bytes(2_000)
        .with_raw_bytes(3_000)
        .with_records(20)
        .with_record_bytes(200)
}

/// A byte that chooses headers, then the body: as it is, as gzip, as zstd.
pub fn ndjson(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else {
        return;
    };
    let request = http::Request::post("/v1/batches").header("Content-Type", "application/jsonl");
    let request = match choice & 3 {
        0 => request,
        1 => request.header("Content-Encoding", "gzip"),
        2 => request.header("Content-Encoding", "zstd"),
        // Headers are bytes, too.
        _ => match http::HeaderValue::from_bytes(&body[..body.len().min(40)]) {
            Ok(value) => request.header(IDEMPOTENCY_KEY, value),
            Err(_) => request,
        },
    };
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let body = Bytes::copy_from_slice(body);
    let frame = match Endpoint::new(AUDIENCE, limits()).read(&parts, body.clone(), || FRESH) {
        Ok(Call::Frame(frame)) => frame,
        Ok(other) => panic!("{other:?}"),
        Err(refused) => {
            let problem = refused.problem();
            assert!(matches!(problem.status, 400 | 413), "{problem:?}");
            assert_eq!(problem.limits.is_some(), problem.status == 413);
            let read = answer(&refused.response(), chrono::DateTime::default());
            assert_eq!(read, Answer::Problem(problem.clone()));
            return;
        }
    };
    let frame = Frame::open(frame, &limits()).expect("what was sealed");
    let header = frame.header();
    assert_eq!((header.audience(), header.first_seq()), (AUDIENCE, 1));
    assert!(!header.stream().0.is_nil() && header.lost() == 0);
    let records: Vec<_> = frame.records().map(|record| record.to_bytes()).collect();
    for record in &records {
        assert!(!record.is_empty() && !record.contains(&b'\n'));
    }
    if !matches!(choice & 3, 1 | 2) {
        // Another way to the same lines.
        let lines = body.split(|byte| *byte == b'\n');
        let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        assert_eq!(records, lines);
    }
    for rejected in not_json(&frame) {
        assert_eq!(rejected.code, Code::NOT_JSON);
        assert!(header.first_seq() <= rejected.seq && rejected.seq < header.next_seq());
    }
}

/// Two bytes of status, one that says how many of a `Retry-After` follow, then the body.
pub fn problem(data: &[u8]) {
    let Some((&[low, high, len], rest)) = data.split_first_chunk() else {
        return;
    };
    let status = u16::from_le_bytes([low, high]);
    let (told, body) = rest.split_at(rest.len().min(len.into()));
    let read = Answer::read(status, None, body);
    match &read {
        Answer::Ack(ack) => {
            assert!(matches!(status, 0 | 200));
            assert_eq!(
                serde_json::from_slice(&respond(&read).into_body()).ok(),
                Some(ack.clone())
            );
        }
        Answer::Problem(problem) => {
            assert!(status == 0 || problem.status == status);
            // What is said goes before the code's, and that before the status's.
            let by_code = problem.code.as_ref().and_then(Code::action);
            let wanted = problem.told_action.or(by_code);
            assert_eq!(
                problem.action(),
                wanted.unwrap_or(Action::of_status(problem.status))
            );
            let response = respond(&read);
            assert!(response.status().as_u16() >= 400);
            // What is read is written as it was read.
            let json = serde_json::to_vec(problem).expect("JSON");
            assert_eq!(Answer::read(problem.status, None, &json), read);
        }
    }
    let Ok(code) = http::StatusCode::from_u16(status) else {
        return;
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = code;
    if let Ok(value) = http::HeaderValue::from_bytes(told) {
        response.headers_mut().insert("retry-after", value);
    }
    let carried = answer(&response, chrono::DateTime::default());
    if body.len() <= ANSWER_BYTES {
        assert_eq!(
            matches!(carried, Answer::Ack(_)),
            matches!(read, Answer::Ack(_))
        );
    }
    // Through a response and back it is the same.
    if let Answer::Problem(problem) = &carried
        && (400..600).contains(&problem.status)
        && respond(&carried).body().len() < ANSWER_BYTES / 2
    {
        assert_eq!(
            answer(&respond(&carried), chrono::DateTime::default()),
            carried
        );
    }
}
