//! Tests of `ActivityStore::erase_person` and `redact_person`.

use chrono::{DateTime, Utc};
use mim_events::activity::{Activity, Actor, Change, Kind, Source, Target};
use report_query::activity::{ActivityStore, REDACTED, columns};
use report_query::{Query, Retention, Value};
use uuid::Uuid;

const ID: &str = "5d0c0000-0000-4000-8000-0000000000aa";

fn now() -> DateTime<Utc> {
    "2026-03-02T08:15:09Z".parse().unwrap()
}

/// An activity of nobody, changed.
fn activity(number: u128, change: impl FnOnce(&mut Activity)) -> Activity {
    let kind = Kind::from_static("member.add");
    let id = Uuid::from_u128(number);
    let mut activity = Activity::new(id, now(), Source::IdentityManager, kind, "Add member");
    change(&mut activity);
    activity
}

fn kim() -> Actor {
    let mut actor = Actor::default();
    actor.id = Some(ID.to_owned());
    actor.name = Some("Kim Berg".to_owned());
    actor.account = Some("kberg".to_owned());
    actor.domain = Some("HQ".to_owned());
    actor.upn = Some("kim@harbor.example".to_owned());
    actor
}

fn activities() -> Vec<Activity> {
    let mut target = Target::default();
    target.name = Some("kim berg".to_owned());
    let mut change = Change::default();
    change.property = "ExplicitMember".to_owned();
    change.new = Some(ID.to_uppercase());
    vec![
        activity(1, |activity| activity.actor = kim()),
        activity(2, |activity| activity.targets.push(target)),
        activity(3, |activity| activity.approvers_decided.push(kim())),
        activity(4, |activity| activity.changes.push(change)),
        // Others, of whom one has a name that holds hers.
        activity(5, |activity| {
            activity.actor.upn = Some("a.kim@harbor.example".to_owned());
            activity.actor.name = Some("Kim Bergman".to_owned());
        }),
        activity(6, |activity| {
            activity.reason = Some("asked by Kim Berg".to_owned());
        }),
    ]
}

/// The numbers of the activities that are left.
fn left(names: &[&str]) -> Vec<u128> {
    let store = ActivityStore::new(Retention::MONTH);
    store.append(activities(), now());
    let erased = store.erase_person(names.iter().copied()).unwrap().rows;
    let left = ActivityStore::activities(&store.snapshot()).unwrap();
    assert_eq!(erased as usize + left.len(), 6);
    assert_eq!(store.stats().rows, left.len() as u64);
    for activity in activities() {
        let is_left = left.contains(&activity);
        assert_eq!(store.activity(activity.id).is_some(), is_left);
    }
    left.iter().map(|activity| activity.id.as_u128()).collect()
}

#[test]
fn all_that_names_a_person_goes() {
    assert_eq!(left(&[]), [1, 2, 3, 4, 5, 6]);
    assert_eq!(left(&[""]), [1, 2, 3, 4, 5, 6]);
    assert_eq!(left(&[ID]), [2, 5, 6]);
    assert_eq!(left(&["Kim@Harbor.example"]), [2, 4, 5, 6]);
    assert_eq!(left(&["hq\\KBERG"]), [2, 4, 5, 6]);
    assert_eq!(left(&["Kim Berg"]), [4, 5, 6]);
    assert_eq!(left(&[ID, "kim berg", "nobody"]), [5, 6]);
}

#[test]
fn the_name_beside_a_cloud_users_upn_is_one_of_theirs() {
    let store = ActivityStore::new(Retention::MONTH);
    let cloud = activity(7, |activity| {
        activity.actor.upn = Some("kim@harbor.example".to_owned());
        activity.actor.name = Some("kim@harbor.example".to_owned());
        activity.actor.via = Some("Kim Berg".to_owned());
    });
    store.append([cloud], now());
    assert_eq!(store.erase_person(["Kim Bergman"]).unwrap().rows, 0);
    assert_eq!(store.erase_person(["kim berg"]).unwrap().rows, 1);
}

#[test]
fn a_predicate_of_columns_erases_too() {
    let store = ActivityStore::new(Retention::MONTH);
    store.append(activities(), now());
    let erased = store.erase(columns::ACTOR_NAME.starts_with("kim")).unwrap();
    assert_eq!(erased.rows, 2);
    assert!(store.erase(columns::ACTOR).is_err());
}

/// Whether a text is anywhere in the rows of a store, as it is or within another, in whatever case.
fn is_anywhere(store: &ActivityStore, text: &str) -> bool {
    fn within(value: &Value, text: &str) -> bool {
        let mut items = value
            .as_list()
            .or(value.as_record())
            .unwrap_or_default()
            .iter();
        items.any(|item| within(item, text))
            || value
                .as_text()
                .is_some_and(|value| value.to_lowercase().contains(text))
    }
    let text = text.to_lowercase();
    let result = Query::new().run(&store.snapshot()).unwrap();
    result.rows().flatten().any(|value| within(value, &text))
}

/// Her activities as they are, and others that tell of her in every other place.
fn mentions() -> Vec<Activity> {
    let mut all = activities();
    all.push(activity(7, |activity| {
        activity.actor = kim();
        activity.actor.ip = Some("10.0.0.77".to_owned());
        let mut target = Target::default();
        target.object_type = "User".to_owned();
        target.id = Some("5d0c0000-0000-4000-8000-0000000000bb".to_owned());
        target.name = Some("Lee Stone".to_owned());
        let mut attribute = Change::default();
        attribute.property = "Manager".to_owned();
        attribute.new = Some("Kim Berg (HQ\\kberg)".to_owned());
        target.attributes.push(attribute);
        activity.targets.push(target);
        activity.justification = Some("Kim Berg's team, see kim@harbor.example.".to_owned());
    }));
    all.push(activity(8, |activity| {
        let mut target = Target::default();
        target.object_type = "User".to_owned();
        target.id = Some(ID.to_owned());
        target.account = Some("kberg".to_owned());
        target.domain = Some("HQ".to_owned());
        activity.targets.push(target);
        activity.approvers_asked.push(kim());
    }));
    all
}

#[test]
fn a_redacted_person_is_nowhere_and_all_activities_stay() {
    for has_documents in [true, false] {
        let mut store = ActivityStore::new(Retention::MONTH);
        if !has_documents {
            store = store.without_documents();
        }
        store.append(mentions(), now());
        let before = store.snapshot();
        let names = [ID, "Kim Berg", "kim@harbor.example", "HQ\\kberg"];
        let mut given = names.to_vec();
        if !has_documents {
            // The approver's account stands there alone.
            given.push("kberg");
        }
        // All but the one of somebody else.
        assert_eq!(store.redact_person(given.clone()).unwrap().rows, 7);
        let stats = store.stats();
        assert_eq!((stats.rows, stats.redacted, stats.erased), (8, 7, 0));
        let others = "a.kim@harbor.example";
        let left = |store: &ActivityStore| {
            let result = Query::new().run(&store.snapshot()).unwrap();
            let text = result
                .rows()
                .map(|row| row.iter().map(ToString::to_string).collect::<String>());
            text.collect::<String>()
                .to_lowercase()
                .replace(others, "")
                .replace("kim bergman", "")
        };
        let left = left(&store);
        for gone in [ID, "kim", "kberg", "10.0.0.77"] {
            assert!(!left.contains(&gone.to_lowercase()), "{gone} in {left}");
        }
        for stays in [
            "Kim Bergman",
            others,
            "Lee Stone",
            "asked by [redacted]",
            "HQ",
            "Member",
        ] {
            assert!(is_anywhere(&store, stays), "{stays}");
        }
        // Again there is nothing to do; the snapshot of before has it still.
        assert_eq!(store.redact_person(given).unwrap().rows, 0);
        let of_her = Query::new().filter(columns::ACTOR_NAME.eq("Kim Berg"));
        assert_eq!(of_her.run(&before).unwrap().len(), 2);
        // What comes again brings nothing back.
        let again = store.append(mentions(), now());
        assert_eq!((again.duplicates, again.conflicts), (8, 0));
        assert!(!is_anywhere(&store, "kberg"));
        let documents = ActivityStore::activities(&store.snapshot()).unwrap();
        assert_eq!(documents.len(), if has_documents { 8 } else { 0 });
    }
}

#[test]
fn one_name_takes_all_of_those_who_have_it() {
    let store = ActivityStore::new(Retention::MONTH);
    store.append(mentions(), now());
    assert_eq!(store.redact_person([ID]).unwrap().rows, 5);
    let of = |number| store.activity(Uuid::from_u128(number)).unwrap();
    let mut expected = kim();
    for text in [
        &mut expected.id,
        &mut expected.name,
        &mut expected.account,
        &mut expected.upn,
    ] {
        *text = Some(REDACTED.to_owned());
    }
    assert_eq!(of(1).actor, expected);
    assert_eq!(of(3).approvers_decided, [expected.clone()]);
    let her = of(7);
    assert_eq!(her.actor.ip.as_deref(), Some(REDACTED));
    assert_eq!(
        her.justification.as_deref(),
        Some("[redacted]'s team, see [redacted].")
    );
    assert_eq!(
        her.targets[0].attributes[0].new.as_deref(),
        Some("[redacted] ([redacted])")
    );
    assert_eq!(her.targets[0].name.as_deref(), Some("Lee Stone"));
    assert_eq!(of(8).targets[0].account.as_deref(), Some(REDACTED));
    assert_eq!(of(8).targets[0].domain.as_deref(), Some("HQ"));
    // Where only another of her names stands, it is not known that it is hers.
    assert_eq!(of(2).targets[0].name.as_deref(), Some("kim berg"));
    for nothing in [vec![], vec![""], vec![REDACTED], vec!["nobody"]] {
        assert_eq!(store.redact_person(nothing).unwrap().rows, 0);
    }
}
