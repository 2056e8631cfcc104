//! Exports of many rows: all of them, with little in memory at once, and never a part for the whole.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use chrono::{TimeDelta, Utc};

use super::process::{AUDIT, Service, entry};

/// Rows of the export; `ROWS` asks for more of them.
fn rows() -> u64 {
    let rows = std::env::var("ROWS").ok();
    rows.map_or(20_000, |rows| rows.parse().unwrap())
}

/// So many entries, one each second.
fn fill(service: &Service, rows: u64) {
    let now = Utc::now() - TimeDelta::minutes(5);
    for first in (0..rows).step_by(10_000) {
        let lines = (first..rows.min(first + 10_000)).map(|number| {
            let time = now - TimeDelta::seconds(i64::try_from(number).unwrap());
            entry(
                &format!("many-{number}"),
                time,
                &format!("Person {}", number % 5_000),
                "Night Shift",
                "late",
            )
        });
        service.post_lines(&lines.collect::<Vec<_>>());
    }
}

/// A response as a stream of bytes.
fn open(service: &Service, path: &str) -> (u64, Box<dyn Read>) {
    let answer = ureq::get(format!("http://{}{path}", service.address))
        .header("Authorization", format!("Bearer {AUDIT}"))
        .call()
        .unwrap();
    let total = answer.headers()["x-total-count"].to_str().unwrap();
    let total = total.parse().unwrap();
    (total, Box::new(answer.into_body().into_reader()))
}

#[test]
fn all_rows_are_exported_whatever_the_reader_waits_and_memory_stays() {
    let service = Service::start();
    let rows = rows();
    fill(&service, rows);
    // A first one, so that what the allocator keeps is there before.
    let path = "/log?range=P30D&format=";
    for format in ["csv", "ndjson"] {
        let (total, mut body) = open(&service, &format!("{path}{format}"));
        assert_eq!(total, rows);
        let before = service.resident();
        let most = AtomicU64::new(before);
        let done = AtomicBool::new(false);
        let (mut lines, mut bytes) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    most.fetch_max(service.resident(), Ordering::Relaxed);
                    sleep(Duration::from_millis(5));
                }
            });
            let mut piece = vec![0; 1 << 16];
            loop {
                let read = body.read(&mut piece).unwrap();
                if read == 0 {
                    break;
                }
                // Now and then nothing is taken for a while.
                if bytes / (1 << 20) != (bytes + read) / (1 << 20) {
                    sleep(Duration::from_millis(20));
                }
                bytes += read;
                lines += piece[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
            }
            done.store(true, Ordering::Relaxed);
        });
        let heads = u64::from(format == "csv");
        assert_eq!(lines, rows + heads, "{format}");
        let more = most.load(Ordering::Relaxed).saturating_sub(before);
        println!(
            "{format}: {rows} rows, {bytes} bytes; {before} KiB before, at most {more} KiB more"
        );
        // A part of the rows, whatever their number: not as much as the file.
        assert!(more < 48 << 10, "{format}: {more} KiB more, {bytes} bytes");
    }
}

#[test]
fn a_service_that_ends_amid_an_export_ends_no_file() {
    let service = Service::start();
    fill(&service, 20_000);
    let (total, mut body) = open(&service, "/log?range=P30D&format=csv");
    assert_eq!(total, 20_000);
    let mut first = vec![0; 1 << 16];
    body.read_exact(&mut first).unwrap();
    service.kill();
    let mut rest = Vec::new();
    let ended = body.read_to_end(&mut rest);
    assert!(ended.is_err(), "a part was taken for the whole: {ended:?}");
}

#[test]
fn an_export_in_parts_has_the_rows_of_its_moment() {
    let service = Service::start();
    fill(&service, 20_000);
    let path =
        |order: &str| format!("/log?range=P30D{order}&select=activityDateTime&format=ndjson");
    let ids = |text: &str| -> Vec<String> {
        let line = |line: &str| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            row["id"].as_str().unwrap().to_owned()
        };
        text.lines().map(line).collect()
    };
    let newest_first = ids(service.get(&path("")).text());
    let (total, mut body) = open(&service, &path("&orderby=activityDateTime+asc"));
    let late = (0..500).map(|number| {
        entry(
            &format!("late-{number}"),
            Utc::now(),
            "Newcomer",
            "Day Shift",
            "x",
        )
    });
    service.post_lines(&late.collect::<Vec<_>>());
    let mut text = String::new();
    body.read_to_string(&mut text).unwrap();
    let mut oldest_first = ids(&text);
    oldest_first.reverse();
    assert_eq!(total, 20_000);
    assert_eq!(oldest_first.len(), 20_000);
    assert!(
        oldest_first == newest_first,
        "the same rows in the other order"
    );
}
