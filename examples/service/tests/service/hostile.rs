//! Requests that are too large, too slow, or not what they say.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use chrono::Utc;
use ingest_protocol::StreamId;
use ingest_protocol::frame::{Limits, Record, Sealer, Stamp};
use uuid::Uuid;

use super::process::{A, AUDIT, Folder, SENDER, Service, entry, seal, wait_for};

/// Sends bytes as they are; everything that comes back until the connection ends.
fn raw(service: &Service, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&service.address).unwrap();
    // It may be closed before all is written.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let head = |more: &str| {
        format!(
            "POST /v1/batches HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {SENDER}\r\n\
             Content-Type: application/x-ndjson\r\n{more}\r\n",
            service.address
        )
    };
    let announced = raw(&service, head("Content-Length: 17000000\r\n").as_bytes());
    assert!(
        announced.starts_with("HTTP/1.1 413") && announced.contains("frame_bytes"),
        "{announced}"
    );
    let mut chunks = head("Transfer-Encoding: chunked\r\n").into_bytes();
    for _ in 0..17 {
        chunks.extend(b"100000\r\n");
        chunks.extend(vec![b'1'; 0x10_0000]);
        chunks.extend(b"\r\n");
    }
    chunks.extend(b"0\r\n\r\n");
    let chunked = raw(&service, &chunks);
    assert!(chunked.starts_with("HTTP/1.1 413"), "{chunked}");

    // 80 MB that compress to little, and 20,000 records.
    let bomb = |records: Vec<Record>| {
        let stamp = Stamp::new(A, StreamId(Uuid::now_v7()), 1);
        Sealer::new(Limits::MAX)
            .with_zstd()
            .seal(&stamp, &records)
            .unwrap()
    };
    let zeros = bomb(vec![Record::new("0".repeat(1 << 20)); 80]);
    assert!(zeros.len() < 1 << 20);
    assert_eq!(
        service.frame(&zeros, SENDER).problem(),
        (413, "too_large".to_owned())
    );
    let many = bomb(vec![Record::new("0"); 20_000]);
    assert_eq!(
        service.frame(&many, SENDER).problem(),
        (413, "too_large".to_owned())
    );
    // A frame that says less than it holds.
    let mut lying = zeros.to_vec();
    lying[88..92].copy_from_slice(&1000_u32.to_le_bytes());
    assert_eq!(service.frame(&lying, SENDER).status, 400);
    let query = format!("{{\"version\":1,\"stages\":[{}]}}", "[".repeat(300_000));
    let post = super::process::authorized(http::Request::post("/v1/query"), AUDIT);
    let post = post.header("Content-Type", "application/json");
    assert_eq!(
        service
            .send(post.body(query.into_bytes()).unwrap())
            .problem()
            .0,
        413
    );
    let deep = "{\"not\":".repeat(30_000);
    let post = super::process::authorized(http::Request::post("/v1/query"), AUDIT);
    let post = post.header("Content-Type", "application/json");
    assert_eq!(
        service
            .send(post.body(deep.into_bytes()).unwrap())
            .problem()
            .0,
        400
    );

    assert_eq!(service.balance(AUDIT)["batches"], 0);
    service
        .frame(
            &seal(A, Uuid::now_v7(), 1, &[&entry("1", Utc::now())]),
            SENDER,
        )
        .stored();
}

#[test]
fn paths_lead_nowhere_else() {
    let folder = Folder::new();
    let service = folder.start().ready();
    for path in [
        "/v1/../v1/reports",
        "//v1/reports",
        "/v1//reports",
        "/v1/reports/",
        "/v1/reports/..%2f..%2fservice.toml",
        "/v1/reports/%2e%2e/query",
        "/assets/../../service.toml",
        "/assets/..%2f..%2f..%2fservice.toml",
        "/assets/%252e%252e%252fservice.toml",
        "/assets/..\\service.toml",
        "/assets/app.css%00.html",
        "/v1/activities/..%2f..%2fa",
        "/v1.0/auditLogs/../../v1/reports",
        "/v1.0/auditlogs/users",
        "http://evil.example/v1/reportz",
        "/%ff%fe",
        "/;/v1/reports",
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {AUDIT}\r\nConnection: close\r\n\r\n",
            service.address
        );
        let answer = raw(&service, request.as_bytes());
        let status = answer.get(9..12).unwrap_or_default();
        assert!(["400", "404"].contains(&status), "{path}: {answer}");
        assert!(
            !answer.contains("token_file") && !answer.contains("[[tenants"),
            "{path}"
        );
    }
    assert!(!service.said().contains("panicked"), "{}", service.said());
}

#[test]
fn who_is_slow_or_sends_endless_headers_is_let_go() {
    let folder = Folder::with(
        "[limits]\nheader_seconds = 1\nbody_seconds = 1\nconnections = 8",
        "",
    );
    let service = folder.start().ready();
    let many = "X-Header: value\r\n".repeat(200);
    let answer = raw(
        &service,
        format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n").as_bytes(),
    );
    assert!(
        answer.is_empty()
            || answer.starts_with("HTTP/1.1 431")
            || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    let long = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    let answer = raw(&service, long.as_bytes());
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    // More than the connections there are: each is let go in its time, so that others are answered.
    let slow: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = TcpStream::connect(&service.address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap();
            stream
        })
        .collect();
    assert_eq!(service.get("/healthz", "").status, 200);
    for mut stream in slow {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer); // it ends
    }
    let head = format!(
        "POST /v1/batches HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {SENDER}\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: 100\r\n\r\n{{"
    );
    let answer = raw(&service, head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(service.balance(AUDIT)["batches"], 0);
}

#[test]
fn who_takes_nothing_of_an_answer_is_let_go() {
    let folder = Folder::with("[limits]\nwrite_seconds = 1\nconnections = 4", "");
    let service = folder.start().ready();
    // More than the buffers of a connection hold.
    let long = "x".repeat(4_000);
    let stream = Uuid::now_v7();
    let now = Utc::now();
    let texts: Vec<_> = (0..2_500)
        .map(|at| entry(&format!("{at}-{long}"), now))
        .collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    service.frame(&seal(A, stream, 1, &texts), SENDER).stored();
    let ask = || {
        let mut reader = TcpStream::connect(&service.address).unwrap();
        let path = "/v1/query?format=ndjson";
        let query = r#"{"version":1,"stages":[{"select":[{"col":"source_id"},{"col":"text"}]}]}"#;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {AUDIT}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{query}",
            query.len()
        );
        reader.write_all(head.as_bytes()).unwrap();
        let mut begin = [0; 12];
        reader.read_exact(&mut begin).unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
        reader
    };
    // As many as there are connections: the others wait for their ends.
    let stalled: Vec<_> = (0..4).map(|_| ask()).collect();
    assert_eq!(service.get("/healthz", "").status, 200);
    wait_for("the ends of the others", || {
        service.said().matches("not written to its end").count() == 4
    });
    for mut reader in stalled {
        let mut rest = Vec::new();
        // What the buffers had, and then a connection that is cut.
        let _ = reader.read_to_end(&mut rest);
        assert!(!rest.ends_with(b"0\r\n\r\n"), "the answer was whole");
    }
    // One who takes it slowly has it whole.
    let mut slow = ask();
    let mut rest = Vec::new();
    let mut piece = vec![0; 1 << 20];
    while !rest.ends_with(b"0\r\n\r\n") {
        let count = slow.read(&mut piece).unwrap();
        assert!(count > 0, "it was cut after {} bytes", rest.len());
        rest.extend(&piece[..count]);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(rest.len() > 2 * 2_500 * 4_000);
}

#[test]
fn batches_wait_before_memory_runs_out() {
    let folder = Folder::with("", "max_memory = \"1 MiB\"");
    let service = folder.start().ready();
    let now = Utc::now();
    let stream = Uuid::now_v7();
    let mut acknowledged = 0;
    let refused = loop {
        let texts: Vec<_> = (0..200)
            .map(|at| entry(&format!("{acknowledged}-{at}"), now))
            .collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let answer = service.frame(&seal(A, stream, acknowledged + 1, &texts), SENDER);
        if answer.status != 200 {
            break answer;
        }
        acknowledged += 200;
        assert!(acknowledged < 100_000, "it never says that it is full");
    };
    assert_eq!(refused.problem(), (429, "throttled".to_owned()));
    assert_eq!(refused.json()["action"], "retry");
    assert!(
        refused.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 0
    );
    // Readers are answered, the other tenant has room, and nothing that was acknowledged is missing.
    assert_eq!(service.balance(AUDIT)["stored"], acknowledged);
    let other = super::process::seal(super::process::B, stream, 1, &[&entry("1", now)]);
    service.frame(&other, super::process::OTHER_SENDER).stored();
    let metrics = service.get("/metrics", AUDIT);
    assert!(
        metrics.text().contains("service_throttled_total 1\n"),
        "{}",
        metrics.text()
    );
}

#[test]
fn batches_wait_while_others_take_all_the_room() {
    let folder = Folder::with("[limits]\nbatch_bytes = \"96 MiB\"", "");
    let service = folder.start().ready();
    let announce = |service: &Service| {
        let mut stream = TcpStream::connect(&service.address).unwrap();
        let head = format!(
            "POST /v1/batches HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {SENDER}\r\n\
             Content-Type: application/x-ndjson\r\nContent-Length: 16000000\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    // What is announced counts, so the room goes before the bytes come. In what order the service
    // takes connections is its own: whoever is not refused stays.
    let mut waiting = Vec::new();
    wait_for("the end of the room", || {
        let mut one_more = announce(&service);
        one_more
            .set_read_timeout(Some(std::time::Duration::from_millis(200)))
            .unwrap();
        let mut answer = [0; 12];
        let is_refused = one_more.read_exact(&mut answer).is_ok() && &answer == b"HTTP/1.1 429";
        waiting.push(one_more);
        is_refused
    });
    assert!(waiting.len() > 6, "six fit");
    // Other tenants have room of their own.
    let other = seal(
        super::process::B,
        Uuid::now_v7(),
        1,
        &[&entry("1", Utc::now())],
    );
    service.frame(&other, super::process::OTHER_SENDER).stored();
    drop(waiting);
    // Whoever goes gives the room back.
    let frame = seal(A, Uuid::now_v7(), 1, &[&entry("1", Utc::now())]);
    wait_for("room", || service.frame(&frame, SENDER).status == 200);
}

#[test]
fn logs_hold_no_query_no_token_and_nobodys_name() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let text = entry("1", Utc::now());
    service
        .frame(&seal(A, Uuid::now_v7(), 1, &[&text, "{\"Ines"]), SENDER)
        .stored();
    service.get("/v1/reports/audit-log?search=Ines&actor=Marchetti", AUDIT);
    service.get("/v1/reports/audit-log?Marchetti=1", AUDIT);
    service.get("/log?q=Ines", "wrong-token-0123456789");
    service.get(
        "/v1.0/auditLogs/directoryAudits?$filter=id%20eq%20'Ines",
        AUDIT,
    );
    service.query(&serde_json::json!({"version": 1, "stages": [{"filter": {"eq": [{"col": "Ines"}, "Marchetti"]}}]}), AUDIT);
    wait_for("the log", || service.said().contains("/v1/query"));
    let said = service.said();
    for word in [
        "Ines",
        "Marchetti",
        "search=",
        "?",
        SENDER,
        AUDIT,
        "wrong-token",
        "contoso.test",
    ] {
        assert!(!said.contains(word), "{word} in {said}");
    }
    let metrics = service.get("/metrics", AUDIT);
    assert!(!metrics.text().contains("Ines"));
}
