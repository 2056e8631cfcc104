//! A disk that is really full: nothing that was acknowledged is lost, readers are answered, and it goes on
//! when there is room.

use chrono::{TimeDelta, Utc};
use uuid::Uuid;

use self::small::SmallDisk;
use super::process::{
    A, AUDIT, Answer, Folder, SENDER, Service, bytes_below, entry, seal, wait_for,
};

#[path = "../../../tests/common/disk.rs"]
mod small;

/// A stream, and how much of it was acknowledged.
struct Stream {
    id: Uuid,
    next: u64,
}

impl Stream {
    fn new() -> Self {
        Self {
            id: Uuid::now_v7(),
            next: 1,
        }
    }

    /// A frame of some KiB, that does not compress.
    fn frame(&self) -> Vec<u8> {
        let texts: Vec<_> = (self.next..self.next + 10)
            .map(|seq| entry(&format!("{}-{seq}", self.id), Utc::now()))
            .collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        seal(A, self.id, self.next, &texts)
    }

    /// Sends frames until one is refused; that frame with the answer.
    fn send_until_refused(&mut self, service: &Service) -> (Vec<u8>, Answer) {
        loop {
            let frame = self.frame();
            let answer = service.frame(&frame, SENDER);
            if answer.status != 200 {
                return (frame, answer);
            }
            answer.stored();
            self.next += 10;
            assert!(self.next < 100_000, "the disk is never full");
        }
    }
}

#[track_caller]
fn is_refused_for_want_of_room(answer: &Answer) {
    assert_eq!(answer.problem(), (503, "unavailable".to_owned()));
    let problem = answer.json();
    assert_eq!(problem["action"], "retry");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("disk is full") && detail.contains("make room"),
        "{detail}"
    );
    let after = answer.headers["retry-after"].to_str().unwrap();
    assert!(after.parse::<u64>().unwrap() > 0);
}

#[track_caller]
fn readers_are_answered(service: &Service, rows: u64) {
    let report = service.get("/v1/reports/audit-log?from=2000-01-01", AUDIT);
    assert_eq!(report.rows().len() as u64, rows);
    assert_eq!(
        service.get("/v1.0/auditLogs/directoryAudits", AUDIT).status,
        200
    );
    assert_eq!(service.get("/readyz", "").status, 200);
    assert_eq!(service.balance(AUDIT)["duplicates"], 0);
}

/// What it says while the disk is full, and while it is not.
#[track_caller]
fn says_that_the_disk_is_full(service: &Service, is_full: bool) {
    assert_eq!(service.metric("service_disk_full"), u64::from(is_full));
    assert_eq!(
        service.get("/readyz", "").text().contains("disk is full"),
        is_full
    );
    let page = service.send(signed_in(service).body(Vec::new()).unwrap());
    assert_eq!(page.status, 200);
    assert_eq!(page.text().contains("The disk is full."), is_full);
}

/// The System page for who signed in.
fn signed_in(service: &Service) -> http::request::Builder {
    let post =
        http::Request::post("/signin").header("Content-Type", "application/x-www-form-urlencoded");
    let answer = service.send(post.body(format!("token={AUDIT}").into_bytes()).unwrap());
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    http::Request::get("/system").header("Cookie", cookie)
}

#[test]
fn a_full_disk_refuses_batches_and_loses_nothing() {
    let folder = Folder::new();
    let Some(disk) = SmallDisk::mount(&folder.path("small"), "6m") else {
        return;
    };
    folder.configure("\"data\"", &format!("{:?}", disk.path().join("data")));
    let service = folder.start().ready();
    let mut stream = Stream::new();
    for _ in 0..3 {
        service.frame(&stream.frame(), SENDER).stored();
        stream.next += 10;
    }
    says_that_the_disk_is_full(&service, false);

    // The last room goes to batches, until there is none for one more.
    for round in 0..3 {
        disk.fill(30_000);
        let (frame, refused) = stream.send_until_refused(&service);
        is_refused_for_want_of_room(&refused);
        readers_are_answered(&service, stream.next - 1);
        says_that_the_disk_is_full(&service, true);
        // Nothing at all fits any more: who begins a stream can't be noted either.
        disk.fill(0);
        is_refused_for_want_of_room(&service.frame(&Stream::new().frame(), SENDER));
        is_refused_for_want_of_room(&service.frame(&frame, SENDER));
        readers_are_answered(&service, stream.next - 1);

        disk.make_room();
        service.frame(&frame, SENDER).stored();
        stream.next += 10;
        says_that_the_disk_is_full(&service, false);
        readers_are_answered(&service, stream.next - 1);
        assert_eq!(
            service.said().matches("the disk has room again").count(),
            round + 1
        );
    }

    // It is also started on a full disk, and nothing is there twice.
    disk.fill(0);
    let (frame, refused) = stream.send_until_refused(&service);
    is_refused_for_want_of_room(&refused);
    service.kill();
    let service = folder.start().ready();
    let unfinished = format!("data/{A}/streams.ndjson.new");
    assert!(!disk.path().join(unfinished).exists());
    readers_are_answered(&service, stream.next - 1);
    is_refused_for_want_of_room(&service.frame(&frame, SENDER));
    is_refused_for_want_of_room(&service.frame(&Stream::new().frame(), SENDER));
    readers_are_answered(&service, stream.next - 1);
    disk.make_room();
    service.frame(&frame, SENDER).stored();
    stream.next += 10;
    let mut other = Stream::new();
    service.frame(&other.frame(), SENDER).stored();
    other.next += 10;
    readers_are_answered(&service, stream.next - 1 + other.next - 1);
    service.kill();
    let service = folder.start().ready();
    readers_are_answered(&service, stream.next - 1 + other.next - 1);
    says_that_the_disk_is_full(&service, false);
}

#[test]
fn what_is_too_old_goes_from_a_full_disk_though_all_is_in_one_segment() {
    let folder = Folder::with("retention_days = 1\nretention_check_seconds = 1", "");
    let Some(disk) = SmallDisk::mount(&folder.path("small"), "6m") else {
        return;
    };
    folder.configure("\"data\"", &format!("{:?}", disk.path().join("data")));
    let service = folder.start().ready();
    // They have seconds left.
    let old = Utc::now() - TimeDelta::days(1) + TimeDelta::seconds(8);
    let stream = Uuid::now_v7();
    for seq in 1..=20 {
        let entry = entry(&format!("going-{seq}"), old);
        service
            .frame(&seal(A, stream, seq, &[&entry]), SENDER)
            .stored();
    }
    disk.fill(0);
    let mut other = Stream::new();
    is_refused_for_want_of_room(&service.frame(&other.frame(), SENDER));
    let journal = disk.path().join(format!("data/{A}/journal"));
    wait_for("the deletion of the segment", || {
        let bytes = bytes_below(&journal);
        !bytes.windows(8).any(|window| window == b"going-20")
    });
    // What went made room for what comes.
    service.frame(&other.frame(), SENDER).stored();
    other.next += 10;
    readers_are_answered(&service, other.next - 1);
    disk.make_room();
}
