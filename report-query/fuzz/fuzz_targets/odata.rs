//! Any text: what is a `$filter` binds and runs, and finds the same in parentheses
//! and denied twice.
#![no_main]
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use libfuzzer_sys::fuzz_target;
use mim_events::activity::{Activity, ActorKind, Kind, Outcome, Source, Target};
use report_query::activity::{ActivityStore, columns};
use report_query::{Expr, Query, Retention, Value, odata};
use uuid::Uuid;

static STORE: LazyLock<ActivityStore> = LazyLock::new(|| {
    let start: DateTime<Utc> = "2026-03-02T08:15:09Z".parse().expect("a time");
    let kinds = [
        "member.add",
        "sspr.flow",
        "resource.add",
        "password.reset.self",
    ];
    let actors = [
        ActorKind::User,
        ActorKind::App,
        ActorKind::Service,
        ActorKind::Unknown,
    ];
    let outcomes = [Outcome::Success, Outcome::Denied, Outcome::Unknown];
    let activities = (0..48_usize).map(|n| {
        let source = [Source::Entra, Source::IdentityManager][n % 2];
        let kind = Kind::from_static(kinds[n / 2 % 4]);
        let time = start + TimeDelta::nanoseconds(50 * n as i64);
        let id = Uuid::from_u128(n as u128);
        let mut activity = Activity::new(id, time, source, kind, "Add member");
        activity.actor.kind = actors[n / 3 % 4];
        activity.actor.name = (n % 3 == 0).then(|| "Dana".to_owned());
        activity.result = outcomes[n % 3];
        if n % 5 > 0 {
            let mut target = Target::default();
            target.name = (n % 5 > 1).then(|| "Night Shift".to_owned());
            target.upn = (n % 5 > 2).then(|| "o'hara@x.test".to_owned());
            activity.targets.push(target);
        }
        activity
    });
    let store = ActivityStore::new(Retention::MONTH);
    store.append(activities, start);
    store
});

fn found(filter: Expr) -> Vec<Value> {
    let query = Query::new().filter(filter).select([columns::ID]);
    let result = query.run(&STORE.snapshot()).expect("what is read runs");
    result.rows().map(|row| row[0].clone()).collect()
}

fuzz_target!(|text: &str| {
    let _ = odata::order_by(text);
    found(odata::id(text));
    let expr = match odata::filter(text) {
        Ok(expr) => expr,
        Err(error) => {
            assert!(text.is_char_boundary(error.position()));
            let _ = error.to_string();
            return;
        }
    };
    let expected = found(expr);
    for same in [format!("({text})"), format!("not (not ({text}))")] {
        // It may have become too deep or too long.
        if let Ok(expr) = odata::filter(&same) {
            assert_eq!(found(expr), expected);
        }
    }
});
