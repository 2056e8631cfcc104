//! What is too old is gone: from reports, and from the disk.

use chrono::{TimeDelta, Utc};
use ingest_protocol::frame::{Limits, Record, Sealer, Stamp};
use uuid::Uuid;

use super::process::{A, AUDIT, Folder, SENDER, Service, bytes_below, entry, seal, wait_for};

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

/// The service after batches came that say they are of two days ago.
fn two_days_later(hold: u64) -> (Folder, String) {
    let folder = Folder::with(
        &format!("retention_days = 1\nretention_check_seconds = 3600\nclock_hold_seconds = {hold}"),
        "",
    );
    let service = folder.start().ready();
    let then = Utc::now() - TimeDelta::days(2);
    let text = entry("of-then", then);
    let records = [Record::new(text)];
    let stamp = Stamp::new(A, Uuid::new_v4().into(), 1).with_sealed_at(then);
    let frame = Sealer::new(Limits::default())
        .seal(&stamp, &records)
        .unwrap();
    service.frame(&frame, SENDER).stored();
    service.kill();
    folder.configure(
        "retention_check_seconds = 3600",
        "retention_check_seconds = 1",
    );
    (folder, "of-then".to_owned())
}

#[test]
fn a_clock_that_jumped_deletes_nothing_before_it_is_believed() {
    // To a service that starts, its clock jumped by the two days in which nothing came.
    let (folder, text) = two_days_later(3_600);
    let service = folder.start().ready();
    wait_for("the log", || {
        service.said().contains("the clock jumped ahead")
    });
    assert_eq!(service.metric("service_deletion_held"), 1);
    // The journal's next entry comes after a check, in all likelihood after some.
    for at in 0..3 {
        let frame = seal(
            A,
            Uuid::now_v7(),
            1,
            &[&entry(&format!("new-{at}"), Utc::now())],
        );
        service.frame(&frame, SENDER).stored();
        std::thread::sleep(std::time::Duration::from_millis(1_100));
    }
    assert!(holds(&bytes_below(&folder.journal()), &text));
    let rows = |service: &Service| {
        service
            .get("/v1/reports/audit-log?from=2000-01-01", AUDIT)
            .rows()
            .len()
    };
    assert_eq!(rows(&service), 4, "what is held is in reports");
    assert_eq!(service.metric("service_deletion_held"), 1);
    service.kill();
    // Now there are newer ones, so that nothing speaks against the clock.
    let service = folder.start().ready();
    wait_for("the end of the old row", || rows(&service) == 3);
    assert_eq!(service.metric("service_deletion_held"), 0);
}

#[test]
fn a_clock_that_holds_or_is_said_to_be_right_is_believed() {
    let (folder, text) = two_days_later(2);
    let service = folder.start().ready();
    wait_for("the deletion", || {
        !holds(&bytes_below(&folder.journal()), &text)
    });
    wait_for("the word", || {
        service.said().contains("the clock jumped ahead")
    });
    wait_for("the word", || {
        service.said().contains("is believed; what is too old")
    });
    assert_eq!(service.metric("service_deletion_held"), 0);

    let (folder, text) = two_days_later(3_600);
    let service = folder.start_with("--accept-clock").ready();
    wait_for("the deletion", || {
        !holds(&bytes_below(&folder.journal()), &text)
    });
    assert!(!service.said().contains("the clock jumped ahead"));
}

/// A service with a clock of its own, which holds an entry of 25 days ago.
#[cfg(target_os = "linux")]
struct OfAMonth {
    folder: Folder,
    environment: Vec<(&'static str, String)>,
}

#[cfg(target_os = "linux")]
impl OfAMonth {
    fn new(hold: u64) -> Option<Self> {
        let more = format!("retention_check_seconds = 1\nclock_hold_seconds = {hold}");
        let folder = Folder::with(&more, "");
        let environment = crate::clock::environment(&folder.path("now"))?;
        let month = Self {
            folder,
            environment,
        };
        let service = month.start("+0", None);
        let then = Utc::now() - TimeDelta::days(25);
        let frame = seal(A, Uuid::now_v7(), 1, &[&entry("of-then", then)]);
        service.frame(&frame, SENDER).stored();
        assert_eq!(service.metric("service_deletion_held"), 0);
        service.kill();
        Some(month)
    }

    fn set(&self, clock: &str) {
        std::fs::write(self.folder.path("now"), clock).unwrap();
    }

    fn start(&self, clock: &str, option: Option<&str>) -> Service {
        self.set(clock);
        let config = self.folder.config();
        let mut arguments = vec!["--config", &config];
        arguments.extend(option);
        Service::start_in(self.environment.clone(), &arguments).ready()
    }

    fn is_on_disk(&self) -> bool {
        holds(&bytes_below(&self.folder.journal()), "of-then")
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_clock_that_jumped_by_less_than_the_retention_while_the_service_was_down_deletes_nothing() {
    let Some(month) = OfAMonth::new(3_600) else {
        return;
    };
    // Also at the next start the clock is not compared with itself.
    for _ in 0..2 {
        let service = month.start("+10d", None);
        assert_eq!(service.metric("service_deletion_held"), 1);
        wait_for("the word", || {
            service.said().contains("since the service last ran")
        });
        let page = service.get("/system", AUDIT);
        assert!(
            page.text().contains("stood still for long"),
            "{}",
            page.text()
        );
        std::thread::sleep(std::time::Duration::from_millis(3_300));
        assert!(month.is_on_disk());
        service.kill();
    }
    let service = month.start("+10d", None);
    month.set("+0");
    wait_for("the clock", || service.metric("service_deletion_held") == 0);
    wait_for("the word", || service.said().contains("the clock is back"));
    assert!(month.is_on_disk());
    let rows = service.get("/v1/reports/audit-log?from=2000-01-01", AUDIT);
    assert_eq!(rows.rows().len(), 1);
    // A little longer than between two looks is no long standstill.
    service.kill();
    let service = month.start("+50m", None);
    assert_eq!(service.metric("service_deletion_held"), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn after_a_long_standstill_deletion_only_waits() {
    let Some(month) = OfAMonth::new(3) else {
        return;
    };
    let service = month.start("+10d", None);
    wait_for("the word", || {
        service.said().contains("since the service last ran")
    });
    wait_for("the deletion", || !month.is_on_disk());
    wait_for("the word", || {
        service.said().contains("is believed; what is too old")
    });
    assert_eq!(service.metric("service_deletion_held"), 0);
    service.kill();
    // It is what the next start goes by.
    let service = month.start("+10d", None);
    assert!(!service.said().contains("the clock jumped ahead"));

    let Some(month) = OfAMonth::new(3_600) else {
        return;
    };
    let service = month.start("+10d", Some("--accept-clock"));
    wait_for("the deletion", || !month.is_on_disk());
    assert!(!service.said().contains("the clock jumped ahead"));
}
