//! Buckets and parts of times where clocks change. The dates are those of the
//! time zone database.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use proptest::prelude::*;

use super::time::{Bucket, TimePart};
use super::zone::Zone;
use crate::error::QueryErrorKind;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

fn start(bucket: Bucket, name: &str, time: &str) -> String {
    let start = bucket.in_zone(zone(name)).start(at(time)).unwrap();
    start.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The lengths in hours of the buckets that these hours lie in.
fn lengths(bucket: Bucket, name: &str, from: &str, to: &str) -> Vec<i64> {
    let bucket = bucket.in_zone(zone(name));
    let mut starts = Vec::new();
    let mut time = at(from);
    while time <= at(to) {
        starts.push(bucket.start(time).unwrap());
        time += TimeDelta::minutes(30);
    }
    starts.dedup();
    starts
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).num_hours())
        .collect()
}

const BERLIN: &str = "Europe/Berlin";

#[test]
fn days_have_23_24_and_25_hours() {
    let days = |from, to| lengths(Bucket::DAY, BERLIN, from, to);
    assert_eq!(
        days("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z"),
        [24, 23, 24]
    );
    assert_eq!(
        days("2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z"),
        [24, 25, 24]
    );
    for (time, day) in [
        ("2026-03-28T22:59:59.999Z", "2026-03-27T23:00:00Z"),
        ("2026-03-28T23:00:00Z", "2026-03-28T23:00:00Z"),
        ("2026-03-29T21:59:59Z", "2026-03-28T23:00:00Z"),
        ("2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z"),
        ("2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z"),
        ("2026-10-25T23:00:00Z", "2026-10-25T23:00:00Z"),
    ] {
        assert_eq!(start(Bucket::DAY, BERLIN, time), day, "{time}");
    }
}

#[test]
fn weeks_and_months_go_by_the_clocks_of_their_beginning() {
    let time = "2026-03-31T12:00:00Z";
    assert_eq!(start(Bucket::WEEK, BERLIN, time), "2026-03-29T22:00:00Z");
    assert_eq!(start(Bucket::MONTH, BERLIN, time), "2026-02-28T23:00:00Z");
    let weeks = lengths(
        Bucket::WEEK,
        BERLIN,
        "2026-03-22T23:00:00Z",
        "2026-04-06T00:00:00Z",
    );
    assert_eq!(weeks, [7 * 24 - 1, 7 * 24]);
    let months = lengths(
        Bucket::MONTH,
        BERLIN,
        "2026-09-30T22:00:00Z",
        "2026-12-01T00:00:00Z",
    );
    assert_eq!(months, [31 * 24 + 1, 30 * 24]);
    // By local clocks it is the next year already.
    assert_eq!(
        start(Bucket::MONTH, BERLIN, "2026-12-31T23:30:00Z"),
        "2026-12-31T23:00:00Z"
    );
}

#[test]
fn an_hour_that_is_shown_twice_is_two_buckets() {
    // Both are shown as 02:30.
    let (first, second) = ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
    let berlin = zone(BERLIN);
    for time in [first, second] {
        assert_eq!(berlin.format(at(time), "%H:%M"), "02:30");
        assert_eq!(TimePart::Hour.of(at(time), berlin), 2);
    }
    assert_eq!(start(Bucket::HOUR, BERLIN, first), "2026-10-25T00:00:00Z");
    assert_eq!(start(Bucket::HOUR, BERLIN, second), "2026-10-25T01:00:00Z");
    // The clocks jump from 02:00 to 03:00.
    let hours = lengths(
        Bucket::HOUR,
        BERLIN,
        "2026-03-28T23:00:00Z",
        "2026-03-29T04:00:00Z",
    );
    assert_eq!(hours, [1; 5]);
    assert_eq!(
        berlin.format(at("2026-03-29T01:00:00Z"), "%H:%M %Z %z"),
        "03:00 CEST +0200"
    );
}

#[test]
fn a_change_within_an_hour_cuts_it() {
    let lord_howe = "Australia/Lord_Howe";
    // From 02:00 +11:00 back to 01:30 +10:30.
    for (time, hour) in [
        ("2026-04-04T14:59:59Z", "2026-04-04T14:00:00Z"),
        ("2026-04-04T15:00:00Z", "2026-04-04T15:00:00Z"),
        ("2026-04-04T15:29:59Z", "2026-04-04T15:00:00Z"),
        ("2026-04-04T15:30:00Z", "2026-04-04T15:30:00Z"),
    ] {
        assert_eq!(start(Bucket::HOUR, lord_howe, time), hour, "{time}");
    }
}

#[test]
fn a_day_whose_midnight_is_jumped_over_begins_with_the_jump() {
    // From 00:00 to 01:00 on 4 November 2018.
    let sao_paulo = "America/Sao_Paulo";
    for (time, day) in [
        ("2018-11-04T02:59:59Z", "2018-11-03T03:00:00Z"),
        ("2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z"),
        ("2018-11-05T01:59:59Z", "2018-11-04T03:00:00Z"),
        ("2018-11-05T02:00:00Z", "2018-11-05T02:00:00Z"),
    ] {
        assert_eq!(start(Bucket::DAY, sao_paulo, time), day, "{time}");
    }
    // Samoa had no 30 December 2011.
    let days = lengths(
        Bucket::DAY,
        "Pacific/Apia",
        "2011-12-29T10:00:00Z",
        "2012-01-01T00:00:00Z",
    );
    assert_eq!(days, [24, 24]);
}

#[test]
fn a_midnight_that_is_shown_twice_counts_once() {
    // From 01:00 back to 00:00 on 1 November 2026.
    for time in ["2026-11-01T04:30:00Z", "2026-11-01T05:30:00Z"] {
        assert_eq!(
            start(Bucket::DAY, "America/Havana", time),
            "2026-11-01T04:00:00Z"
        );
    }
    // From 00:01 on 7 November 2010 back to 23:01 on the 6th, which is a part of the 7th.
    for time in ["2010-11-07T02:30:30Z", "2010-11-07T03:00:00Z"] {
        assert_eq!(
            start(Bucket::DAY, "America/St_Johns", time),
            "2010-11-07T02:30:00Z"
        );
    }
}

#[test]
fn names_are_those_of_the_database() {
    assert_eq!(Zone::named("UTC").unwrap(), Zone::UTC);
    for name in ["Europe/Berlin", "America/Argentina/Buenos_Aires"] {
        assert_eq!(zone(name).to_string(), name);
    }
    for name in ["", "europe/berlin", "CET ", "Mars/Olympus"] {
        let error = Zone::named(name).unwrap_err();
        let name = name.to_owned();
        assert_eq!(*error.kind(), QueryErrorKind::UnknownZone { name });
    }
}

#[test]
fn the_calendars_ends_are_no_panic() {
    let buckets = [
        Bucket::MINUTE,
        Bucket::HOUR,
        Bucket::DAY,
        Bucket::WEEK,
        Bucket::MONTH,
    ];
    for name in ["Pacific/Kiritimati", "America/Adak", BERLIN] {
        for time in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            for bucket in buckets {
                let _ = bucket.in_zone(zone(name)).start(time);
            }
            let _ = zone(name).format(time, "%Y-%m-%d %H:%M %Z");
            let _ = TimePart::Year.of(time, zone(name));
        }
    }
}

proptest! {
    #[test]
    fn buckets_follow_each_other(
        zone in prop::sample::select(&chrono_tz::TZ_VARIANTS[..]),
        // From 1900 to 2100, near each other and near full hours, where clocks change.
        quarter in -2_453_760_i64..4_558_560,
        more in prop::collection::vec(0_i64..5_000, 1..20),
        seconds in -1_i64..2,
    ) {
        let zone = Zone::named(zone.name()).unwrap();
        let from = quarter * 900 + seconds;
        let mut moments: Vec<i64> = more.iter().map(|more| from + more * 60).collect();
        moments.sort_unstable();
        let buckets = [
            Bucket::MINUTE,
            Bucket::HOUR,
            Bucket::DAY,
            Bucket::WEEK,
            Bucket::MONTH,
        ];
        for bucket in buckets.map(|bucket| bucket.in_zone(zone)) {
            let mut before = DateTime::<Utc>::MIN_UTC;
            for moment in &moments {
                let moment = DateTime::from_timestamp(*moment, 0).unwrap();
                let start = bucket.start(moment).unwrap();
                prop_assert!(start <= moment, "{bucket} of {moment}: {start}");
                prop_assert_eq!(bucket.start(start), Some(start), "{} of {}", bucket, moment);
                prop_assert!(before <= start, "{bucket} of {moment}: {start}, before {before}");
                before = start;
            }
        }
    }
}
