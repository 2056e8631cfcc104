//! Tests of `ActivityStore::erase_person`.

use chrono::{DateTime, Utc};
use mim_events::activity::{Activity, Actor, Change, Kind, Source, Target};
use report_query::Retention;
use report_query::activity::{ActivityStore, columns};
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
