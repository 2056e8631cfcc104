//! What is too old is gone: from reports, and from the disk.

use chrono::{TimeDelta, Utc};
use uuid::Uuid;

use super::process::{A, AUDIT, Folder, SENDER, bytes_below, entry, seal, wait_for};

const DAY: &str = "retention_days = 1\nretention_check_seconds = 1";

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn a_day_later_it_is_gone_from_reports_and_disk() {
    let folder = Folder::with(DAY, "");
    let service = folder.start().ready();
    // It has seconds left; the newer one stays.
    let old = Utc::now() - TimeDelta::days(1) + TimeDelta::seconds(8);
    let (going, staying) = (Uuid::now_v7(), Uuid::now_v7());
    let mut next = 1;
    let rows = || {
        service
            .get("/v1/reports/audit-log?from=2000-01-01", AUDIT)
            .rows()
            .len()
    };
    service
        .frame(
            &seal(A, going, next, &[&entry("going-1", old), "{\"going"]),
            SENDER,
        )
        .stored();
    next += 2;
    service
        .frame(&seal(A, going, next, &[&entry("going-2", old)]), SENDER)
        .stored();
    assert_eq!(rows(), 2);
    assert!(holds(&bytes_below(&folder.journal()), "going-2"));
    wait_for("the end of the old rows", || rows() == 0);
    // What can't be read is as new as its batch: it keeps that batch, and what came after.
    assert!(holds(&bytes_below(&folder.journal()), "going-1"));

    // A record too old to keep is counted, and does not come back at a start.
    service
        .frame(
            &seal(
                A,
                staying,
                1,
                &[
                    &entry("old", old - TimeDelta::days(3)),
                    &entry("staying", Utc::now()),
                ],
            ),
            SENDER,
        )
        .stored();
    assert_eq!(
        (rows(), service.balance(AUDIT)["expired"].as_u64()),
        (1, Some(1))
    );
    service.kill();
    let service = folder.start().ready();
    assert_eq!(
        service
            .get("/v1/reports/audit-log?from=2000-01-01", AUDIT)
            .rows()
            .len(),
        1
    );
}

#[test]
fn whole_segments_go_and_streams_with_them() {
    let folder = Folder::with(DAY, "");
    let service = folder.start().ready();
    let old = Utc::now() - TimeDelta::days(1) + TimeDelta::seconds(5);
    let going = Uuid::now_v7();
    service
        .frame(&seal(A, going, 1, &[&entry("going-1", old)]), SENDER)
        .stored();
    let streams = folder
        .path("data")
        .join(A.to_string())
        .join("streams.ndjson");
    let noted = || {
        std::fs::read_to_string(&streams)
            .unwrap()
            .contains(&going.to_string())
    };
    assert!(noted());
    wait_for("the deletion of the segment", || {
        !holds(&bytes_below(&folder.journal()), "going-1")
    });
    wait_for("the end of the stream", || !noted());
    let agents = || {
        service.get("/v1/agents", AUDIT).json()["agents"]
            .as_array()
            .unwrap()
            .len()
    };
    wait_for("the end of the agent", || agents() == 0);
    // A stream that is older than what is kept is not taken for a new one.
    let past = uuid::Timestamp::from_unix(
        uuid::NoContext,
        (Utc::now() - TimeDelta::days(2)).timestamp() as u64,
        0,
    );
    let late = service.frame(
        &seal(A, Uuid::new_v7(past), 5, &[&entry("late", Utc::now())]),
        SENDER,
    );
    assert_eq!(late.problem(), (410, "stream_expired".to_owned()));
    // It goes on with what is new, also after a start.
    service
        .frame(
            &seal(A, Uuid::now_v7(), 1, &[&entry("new", Utc::now())]),
            SENDER,
        )
        .stored();
    service.kill();
    let service = folder.start().ready();
    assert_eq!(
        service
            .get("/v1/reports/audit-log?from=2000-01-01", AUDIT)
            .rows()
            .len(),
        1
    );
    assert!(!service.said().contains("ERROR"), "{}", service.said());
}
