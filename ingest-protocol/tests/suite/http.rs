//! Requests and responses: what is a frame, what is refused and how precisely, answers both ways.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, request};
use ingest_protocol::frame::{Frame, Header, Limits, Opener, Record, Sealer, Stamp};
use ingest_protocol::http::{Call, Endpoint, Refused, answer, respond};
use ingest_protocol::receiver::{Receiver, Reception, StreamState, not_json};
use ingest_protocol::{Action, Answer, Audience, Code, Outcome, Problem, StreamId};
use uuid::Uuid;

const AUDIENCE: Audience = Audience(Uuid::from_u128(0x6f1d2c3b_4a59_4e8f_9b70_112233445566));
const KEY: StreamId = StreamId(Uuid::from_u128(0x0190f3c2_7b1e_7c40_9a51_3f2d6c8e1a01));
const FRESH: StreamId = StreamId(Uuid::from_u128(7));
const LINES: (&str, &str) = ("Content-Type", "application/x-ndjson");
const BATCH: (&str, &str) = ("Content-Type", "application/vnd.hybrid-reporting.batch");

fn limits() -> Limits {
    Limits::default()
        .with_frame_bytes(100_000)
        .with_raw_bytes(300_000)
        .with_records(10)
        .with_record_bytes(60_000)
}

fn parts(method: &str, path: &str, headers: &[(&str, &str)]) -> request::Parts {
    let request = Request::builder().method(method).uri(path);
    let request = headers
        .iter()
        .fold(request, |r, (name, value)| r.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

fn read(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Result<Call, Refused> {
    let parts = parts("POST", "/v1/batches", headers);
    Endpoint::new(AUDIENCE, limits()).read(&parts, body.into(), || FRESH)
}

#[track_caller]
fn frame(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Frame {
    match read(headers, body) {
        Ok(Call::Frame(frame)) => Frame::open(frame, &limits()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn payloads(frame: &Frame) -> Vec<&[u8]> {
    frame.records().map(|record| record.payload()).collect()
}

/// The refusal, which its response tells as it is.
#[track_caller]
fn refused(headers: &[(&str, &str)], body: impl Into<Bytes>) -> (Problem, HeaderMap) {
    let refused = read(headers, body).unwrap_err();
    let response = refused.response();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let Answer::Problem(problem) = answer(&response, Default::default()) else {
        panic!("{response:?}");
    };
    assert_eq!(problem, *refused.problem());
    assert_eq!(response.status().as_u16(), problem.status);
    let has_limits = matches!(problem.status, 413 | 415);
    assert_eq!(
        problem.limits,
        has_limits.then_some(limits()),
        "{problem:?}"
    );
    assert_eq!(problem.detail, Some(refused.to_string()));
    (problem, response.headers().clone())
}

#[track_caller]
fn assert_refused(headers: &[(&str, &str)], body: impl Into<Bytes>, code: Code, detail: &str) {
    let (problem, _) = refused(headers, body);
    assert_eq!(problem.code, Some(code));
    assert_eq!(problem.detail.as_deref(), Some(detail));
}

#[test]
fn a_request_carries_a_frame_to_the_receiver_and_the_answer_comes_back() {
    let sealed = Sealer::new(limits())
        .seal(
            &Stamp::new(AUDIENCE, KEY, 1),
            &[Record::new("{}"), Record::new("{")],
        )
        .unwrap();
    let uri = "http://localhost/v1/batches".parse().unwrap();
    let (parts, body) = ingest_protocol::http::request(uri, sealed.clone()).into_parts();
    let endpoint = Endpoint::new(AUDIENCE, limits());
    let call = endpoint.read(&parts, body, || panic!("it has a stream"));
    assert_eq!(call.unwrap(), Call::Frame(sealed.clone()));

    let receiver = Receiver::new(Opener::new(limits()).with_audience(AUDIENCE));
    let Reception::Commit(frame, commit) = receiver.receive(sealed.clone(), None, None) else {
        panic!()
    };
    let ack = Answer::Ack(commit.committed(not_json(&frame)).1);
    let response = respond(&ack);
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["content-type"]
        ),
        (200, &"application/json".parse().unwrap())
    );
    assert!(response.headers().get("retry-after").is_none());
    assert_eq!(answer(&response, Default::default()), ack);

    // What is not looked at here is the receiver's to refuse.
    let torn = sealed.slice(..50);
    assert_eq!(read(&[BATCH], torn.clone()).unwrap(), Call::Frame(torn));
}

#[test]
fn a_problem_comes_back_as_it_was() {
    let problem = Problem::new(Code::THROTTLED)
        .with_detail("slowly")
        .with_retry_after(17);
    let response = respond(&Answer::Problem(problem.clone()));
    assert_eq!(response.headers()["retry-after"], "17");
    assert_eq!(
        answer(&response, Default::default()),
        Answer::Problem(problem)
    );
}

#[test]
fn what_a_proxy_says_in_the_transport_goes_before_the_body() {
    let response = Response::builder().status(504).header("Retry-After", "9");
    let body = r#"{"status":409,"code":"fork","action":"restamp","retry_after":1}"#;
    let Answer::Problem(problem) = answer(&response.body(body).unwrap(), Default::default()) else {
        panic!()
    };
    assert_eq!((problem.status, problem.retry_after), (504, Some(9)));
}

#[test]
fn an_answer_over_64_kib_is_none() {
    let ack = |len: usize| {
        let ack = r#"{"stream":"0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01","first_seq":1,"count":2,"raw_crc":"41d1a2cf7b1e0c40","next_seq":3,"outcome":"committed"}"#;
        let response = Response::new(ack.to_owned() + &" ".repeat(len - ack.len()));
        answer(&response, Default::default())
    };
    assert!(matches!(ack(65_536), Answer::Ack(_)));
    let Answer::Problem(problem) = ack(65_537) else {
        panic!()
    };
    assert_eq!((problem.status, problem.action()), (200, Action::Retry));
}

/// By the specification: sections 2.2 and 7, with nothing of the crate.
#[test]
fn lines_have_the_fingerprint_of_their_lens_and_data_sections() {
    let lines: [&[u8]; 3] = [br#"{"line":1}"#, b"no JSON", b"[ ]"];
    let mut body = Vec::new();
    body.extend([1, 0, 0, 0, 12, 0, 0, 0]);
    body.extend([10, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0]);
    body.extend([2, 0, 0, 0, 20, 0, 0, 0]);
    body.extend(lines.concat());
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &body);

    let text = lines.join(&b'\n');
    let key = ("Idempotency-Key", "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01");
    let frame = frame(&[LINES, key], text);
    let header = frame.header();
    assert_eq!((header.audience(), header.stream()), (AUDIENCE, KEY));
    let print = header.fingerprint();
    assert_eq!((print.first_seq, print.lost, print.count), (1, 0, 3));
    assert_eq!((print.raw_len, print.raw_crc), (body.len() as u32, crc));
    assert_eq!(payloads(&frame), lines);
}

#[test]
fn empty_lines_are_skipped_and_any_end_of_a_line_will_do() {
    let wanted: [&[u8]; 3] = [b"{\"a\":1}", b" ", b"x\ry"];
    for text in [
        "{\"a\":1}\n \nx\ry",
        "{\"a\":1}\n \nx\ry\n",
        "\n\r\n{\"a\":1}\r\n\n\n \r\nx\ry\r\n\r\n",
        "{\"a\":1}\n \nx\ry\r",
    ] {
        assert_eq!(payloads(&frame(&[LINES], text)), wanted, "{text:?}");
    }
    for nothing in ["", "\n", "\r\n\n\r"] {
        let heartbeat = frame(&[LINES], nothing);
        assert_eq!(heartbeat.header().count(), 0);
    }
}

#[test]
fn without_a_key_the_stream_is_the_callers() {
    let stream = |headers: &[_]| frame(&[&[LINES], headers].concat(), "{}").header().stream();
    assert_eq!(stream(&[]), FRESH);
    for key in [
        "0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01",
        "\"0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01\"",
        "0190F3C27B1E7C409A513F2D6C8E1A01",
    ] {
        assert_eq!(stream(&[("Idempotency-Key", key)]), KEY, "{key}");
    }
    let detail = "the Idempotency-Key is not one UUID";
    for key in [
        "",
        "1",
        "\"0190f3c2-7b1e-7c40-9a51-3f2d6c8e1a01",
        "00000000-0000-0000-0000-000000000000",
    ] {
        assert_refused(
            &[LINES, ("Idempotency-Key", key)],
            "{}",
            Code::MALFORMED,
            detail,
        );
    }
    let twice = [
        LINES,
        ("Idempotency-Key", &*KEY.to_string()),
        ("Idempotency-Key", &*KEY.to_string()),
    ];
    assert_refused(&twice, "{}", Code::MALFORMED, detail);
}

#[test]
fn an_upload_that_is_repeated_is_stored_once_and_a_changed_one_is_a_fork() {
    let receiver = Receiver::new(Opener::new(limits()).with_audience(AUDIENCE));
    let key = ("Idempotency-Key", &*KEY.to_string());
    let mut state = StreamState::default();
    let mut stored = 0;
    let mut receive = |text: &str| {
        let frame = frame(&[LINES, key], text.to_owned());
        match receiver.receive(frame.as_bytes().clone(), Some(&state), None) {
            Reception::Commit(frame, commit) => {
                stored += frame.records().len();
                let (next, ack) = commit.committed(not_json(&frame));
                state = next;
                Answer::Ack(ack)
            }
            Reception::Duplicate(ack) => Answer::Ack(ack),
            Reception::Refuse(problem) => Answer::Problem(problem),
        }
    };
    let outcome = |answer| match answer {
        Answer::Ack(ack) => (
            Some(ack.outcome()),
            ack.rejected().iter().map(|r| r.seq).collect(),
        ),
        Answer::Problem(problem) => (None, problem.next_seq.into_iter().collect::<Vec<_>>()),
    };
    // The second record, on the third line.
    let first = outcome(receive("{}\n\n{]\n"));
    assert_eq!(first, (Some(Outcome::Committed), vec![2]));
    assert_eq!(
        outcome(receive("{}\r\n{]")),
        (Some(Outcome::Duplicate), vec![])
    );
    let Answer::Problem(problem) = receive("{}\n{}") else {
        panic!()
    };
    assert_eq!(problem.code, Some(Code::FORK));
    assert_eq!(stored, 2);
}

#[test]
fn lines_over_a_limit_are_told_by_their_number() {
    let long = "x".repeat(60_001);
    assert_refused(
        &[LINES],
        format!("{{}}\n\n{long}\r\n{{}}"),
        Code::TOO_LARGE,
        "line 3 has 60001 bytes, at most 60000 of `record_bytes` are accepted",
    );
    assert_eq!(
        frame(&[LINES], format!("{}\r\n", &long[1..]))
            .records()
            .len(),
        1
    );
    assert_eq!(frame(&[LINES], "1\n\n".repeat(10)).records().len(), 10);
    assert_refused(
        &[LINES],
        format!("{}\n11\n12", "1\n\n".repeat(10)),
        Code::TOO_LARGE,
        "line 22 is over the 10 `records` that are accepted at once: send the lines in parts",
    );
    let (line, other) = ("x".repeat(60_000), "x".repeat(39_864));
    // 96 of header, 2 times 8 of section heads, 2 times 4 of lengths.
    let fits = format!("{line}\n{}", &other[..39_864 - 1]);
    assert_eq!(frame(&[LINES], fits.clone()).as_bytes().len(), 99_983);
    assert_refused(
        &[LINES],
        format!("{line}\n{}{}", other, "x".repeat(17)),
        Code::TOO_LARGE,
        "the lines make a frame of 100001 bytes, at most 100000 of `frame_bytes` are accepted: send them in parts",
    );
    assert_refused(
        &[LINES],
        "\n".repeat(100_001),
        Code::TOO_LARGE,
        "the body has more bytes than the 100000 of `frame_bytes`: send the lines in parts",
    );
}

#[test]
fn media_types_are_told_apart_and_others_refused() {
    for media in [
        "application/x-ndjson",
        "application/jsonl",
        "Application/JSONL ; charset=utf-8",
    ] {
        assert_eq!(frame(&[("Content-Type", media)], "{}").records().len(), 1);
    }
    let types = "application/vnd.hybrid-reporting.batch, application/x-ndjson, application/jsonl";
    for media in [
        &[][..],
        &[("Content-Type", "application/json")],
        &[("Content-Type", "")],
    ] {
        let (problem, headers) = refused(media, "{}");
        assert_eq!(
            (problem.code, problem.status),
            (Some(Code::UNSUPPORTED), 415)
        );
        assert_eq!(
            problem.detail,
            Some(format!("the Content-Type is none of {types}"))
        );
        assert_eq!(headers["accept"], types);
    }
}

#[test]
fn a_frame_with_a_content_encoding_is_refused() {
    for coding in ["gzip", "zstd", "identity"] {
        let (problem, headers) = refused(&[BATCH, ("Content-Encoding", coding)], "");
        assert_eq!(problem.status, 415);
        assert_eq!(headers["accept-encoding"], "identity");
    }
}

#[test]
fn a_body_that_was_cut_is_refused() {
    for media in [LINES, BATCH] {
        let detail = "3 bytes came, which is not the Content-Length";
        for length in ["4", "2", "many"] {
            let headers = [media, ("Content-Length", length)];
            assert_refused(&headers, "{}\n", Code::CORRUPT, detail);
        }
        assert!(read(&[media, ("Content-Length", "3")], "{}\n").is_ok());
    }
    // What was not read to its end is too large, not damaged.
    let headers = [LINES, ("Content-Length", "5000000")];
    assert_eq!(refused(&headers, "\n".repeat(100_001)).0.status, 413);
}

#[test]
fn paths_and_methods() {
    let endpoint = Endpoint::new(AUDIENCE, limits());
    let read = |method, path| endpoint.read(&parts(method, path, &[LINES]), Bytes::new(), || FRESH);
    for path in [
        "/",
        "/v1/batches/",
        "/v1/batch",
        "/v2/batches",
        "/v1/limits/x",
    ] {
        assert_eq!(
            read("POST", path).unwrap_err().problem().status,
            404,
            "{path}"
        );
    }
    for (method, path, allow) in [
        ("GET", "/v1/batches", "POST"),
        ("PUT", "/v1/batches?x", "POST"),
        ("POST", "/v1/limits", "GET, HEAD"),
    ] {
        let refused = read(method, path).unwrap_err();
        let problem = refused.problem();
        assert_eq!((problem.status, problem.action()), (405, Action::Hold));
        assert_eq!(refused.response().headers()["allow"], allow);
        assert_eq!(refused.response().status(), 405);
    }
    assert!(matches!(
        read("POST", "/v1/batches?x=1"),
        Ok(Call::Frame(_))
    ));
    for method in ["GET", "HEAD"] {
        assert_eq!(read(method, "/v1/limits").unwrap(), Call::Limits);
    }
    let response = endpoint.limits_response();
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["content-type"]
        ),
        (200, &"application/json".parse().unwrap())
    );
    assert_eq!(
        response.body(),
        r#"{"frame_bytes":100000,"raw_bytes":300000,"records":10,"record_bytes":60000}"#
    );
}

#[test]
fn codings_that_are_not_known_are_refused_with_those_that_are() {
    assert_eq!(
        frame(&[LINES, ("Content-Encoding", "identity")], "{}")
            .records()
            .len(),
        1
    );
    let known = match (cfg!(feature = "gzip"), cfg!(feature = "zstd")) {
        (true, true) => "gzip, zstd",
        (true, false) => "gzip",
        (false, true) => "zstd",
        (false, false) => "identity",
    };
    for coding in [
        "br",
        "deflate",
        "gzip, gzip",
        "gzip,br",
        "identity, compress",
        "gzip;q=1",
    ] {
        let (problem, headers) = refused(&[LINES, ("Content-Encoding", coding)], "{}");
        assert_eq!(problem.status, 415, "{coding}");
        assert_eq!(
            problem.detail,
            Some(format!("the Content-Encoding is none of {known}"))
        );
        assert_eq!(headers["accept-encoding"], known);
    }
    let twice = [
        LINES,
        ("Content-Encoding", "gzip"),
        ("Content-Encoding", "gzip"),
    ];
    assert_eq!(refused(&twice, "{}").0.status, 415);
}

/// A coding, and how it is made.
type Made = (&'static str, fn(&[u8]) -> Vec<u8>);

#[cfg(feature = "gzip")]
fn gzip(text: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "zstd")]
fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(text, 3).unwrap()
}

fn codings() -> Vec<Made> {
    vec![
        #[cfg(feature = "gzip")]
        ("gzip", gzip),
        #[cfg(feature = "gzip")]
        ("X-GZIP", gzip),
        #[cfg(feature = "zstd")]
        ("zstd", zstd),
    ]
}

#[test]
fn lines_are_expanded_to_the_same_frame() {
    for (name, encode) in codings() {
        let coding = ("Content-Encoding", name);
        let (text, rest) = (b"{\"a\":1}\n{\"b\"", b":2}\n");
        let plain = frame(&[LINES], [&text[..], rest].concat());
        let one = encode(&[&text[..], rest].concat());
        // Both codings allow parts that follow each other.
        let two = [encode(text), encode(rest)].concat();
        for body in [one, two] {
            assert_eq!(
                frame(&[LINES, coding], body).as_bytes(),
                plain.as_bytes(),
                "{name}"
            );
        }
    }
}

#[test]
fn a_damaged_coding_is_refused() {
    for (name, encode) in codings() {
        let coding = ("Content-Encoding", name);
        let whole = encode(b"{\"a\":1}\n{\"b\":2}\n");
        for cut in 0..whole.len() {
            let (problem, _) = refused(&[LINES, coding], whole[..cut].to_vec());
            assert_eq!(problem.code, Some(Code::CORRUPT), "{name} cut to {cut}");
            let detail = problem.detail.unwrap();
            assert!(
                detail.starts_with("the body can't be expanded: "),
                "{detail}"
            );
        }
        let (problem, _) = refused(&[LINES, coding], [&whole[..], b"{}"].concat());
        assert_eq!(problem.code, Some(Code::CORRUPT), "{name}");
        assert_eq!(
            refused(&[LINES, coding], "{}").0.code,
            Some(Code::CORRUPT),
            "{name}"
        );
    }
}

#[test]
fn a_bomb_is_stopped_at_the_limit_whatever_its_ratio() {
    for (name, encode) in codings() {
        let coding = ("Content-Encoding", name);
        let detail = "the body expands to more than the 300000 bytes of `raw_bytes`: send the lines in parts";
        for len in [300_001, 20 << 20] {
            let bomb = encode(&vec![b'\n'; len]);
            assert!(bomb.len() < 100_000);
            assert_refused(&[LINES, coding], bomb, Code::TOO_LARGE, detail);
        }
        let most = encode(&vec![b'\n'; 300_000]);
        assert_eq!(frame(&[LINES, coding], most).header().count(), 0);
    }
}

#[cfg(feature = "zstd")]
#[test]
fn a_window_over_8_mib_is_refused() {
    use zstd::zstd_safe::CParameter;
    let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
    compressor.set_parameter(CParameter::WindowLog(24)).unwrap();
    let body = compressor.compress(&vec![b'\n'; 32 << 20]).unwrap();
    let (problem, _) = refused(&[LINES, ("Content-Encoding", "zstd")], body);
    assert_eq!(problem.code, Some(Code::CORRUPT), "{problem:?}");
}

#[test]
fn limits_that_only_the_body_is_over_are_told() {
    let limits = limits().with_raw_bytes(100);
    let parts = parts("POST", "/v1/batches", &[LINES]);
    let read = |text: String| Endpoint::new(AUDIENCE, limits).read(&parts, text.into(), || FRESH);
    let frame = read("x".repeat(80)).unwrap();
    let Call::Frame(frame) = frame else { panic!() };
    assert_eq!(Header::peek(&frame, &limits).unwrap().count(), 1);
    let error = read("x".repeat(81)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the lines make a body of 101 bytes, at most 100 of `raw_bytes` are accepted: send them in parts"
    );
    assert_eq!(error.problem().code, Some(Code::TOO_LARGE));
}
