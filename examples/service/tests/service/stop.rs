//! Told to stop, it ends what is under way.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use chrono::Utc;
use uuid::Uuid;

use super::process::{A, AUDIT, Folder, SENDER, entry, seal, wait_for};

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let frame = seal(A, Uuid::now_v7(), 1, &[&entry("1", Utc::now())]);
    let mut slow = TcpStream::connect(&service.address).unwrap();
    let head = format!(
        "POST /v1/batches HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {SENDER}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        ingest_protocol::http::FRAME_TYPE,
        frame.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    slow.write_all(&frame[..10]).unwrap();
    // The answer to another request: by then the first one's header was read, in all likelihood; if not,
    // the connection is closed, and the frame would be sent again.
    assert_eq!(service.get("/healthz", "").status, 200);
    service.terminate();
    wait_for("the stop", || service.said().contains("stopping"));
    slow.write_all(&frame[10..]).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("committed"),
        "{answer}"
    );
    let (code, said) = service.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.trim_end().ends_with("stopped"), "{said}");
    let service = folder.start().ready();
    assert_eq!(service.balance(AUDIT)["stored"], 1);
}
