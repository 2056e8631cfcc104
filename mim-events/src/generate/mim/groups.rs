//! Groups: joining and leaving, members and owners, groups made and unmade.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::engine::{Mim, by};
use crate::activity::{Activity, ChangeMode, Detail, Flags, Outcome, Target};
use crate::generate::directory::{Group, Joining, MAIL_DOMAIN, Person, Resource};
use crate::generate::document::{Creator, Draft, Parent, Value};
use crate::generate::library::{Account, NOTIFICATION, Rule};
use crate::generate::names::DEPARTMENTS;
use crate::generate::truth::{self, Called, Subject, change, value_row};

pub(super) const ADD: Called<'_> = ("member.add", "Add member to group", "GroupManagement");
pub(super) const REMOVE: Called<'_> = (
    "member.remove",
    "Remove member from group",
    "GroupManagement",
);
const ADD_OWNER: Called<'_> = ("owner.add", "Add owner to group", "GroupManagement");
const REMOVE_OWNER: Called<'_> = ("owner.remove", "Remove owner from group", "GroupManagement");
const ADD_GROUP: Called<'_> = ("group.add", "Add group", "GroupManagement");
const UPDATE_GROUP: Called<'_> = ("group.update", "Update group", "GroupManagement");
const DELETE_GROUP: Called<'_> = ("group.delete", "Delete group", "GroupManagement");

const MEMBER: &str = "ExplicitMember";

/// C4 of oneself.
pub(super) fn join(m: &mut Mim, at: DateTime<Utc>) {
    oneself(m, at, ChangeMode::Add);
}

/// C5 of oneself.
pub(super) fn leave(m: &mut Mim, at: DateTime<Utc>) {
    oneself(m, at, ChangeMode::Remove);
}

fn oneself(m: &mut Mim, at: DateTime<Utc>, mode: ChangeMode) {
    let person = m.somebody();
    let group = m.directory.group(&mut m.rng, Some(Joining::Open));
    let mut draft = m.put(by(&person), &group.mim, at);
    m.grant(&mut draft, &[Rule::JoinOpen]);
    if mode == ChangeMode::Add {
        m.grant(&mut draft, &[Rule::Notify]);
        let workflow = m.workflow(NOTIFICATION);
        draft.action.push(workflow);
    }
    if m.rng.percent(15) {
        draft.shorten();
    }
    // Mostly the value is an object, now and then its GUID or internal key.
    let form = m.rng.below(100);
    let (value, text) = match form {
        0..6 => {
            let id = person.mim.id.to_string();
            (Value::text(&*id), id)
        }
        6..9 => {
            let key = person.mim.key.to_string();
            (Value::text(&*key), key)
        }
        _ => (Value::of(&person.mim), person.name().to_owned()),
    };
    let called = if mode == ChangeMode::Add {
        draft.insert(MEMBER, value);
        ADD
    } else {
        draft.remove(MEMBER, value);
        REMOVE
    };
    let (outcome, reason) = m.everyday_end(&mut draft);
    let of = truth::target(&group.mim);
    let mut row = match form {
        // A key is what the id is made from, though who it is can be told: the creator.
        6..9 => truth::row(
            &draft,
            called,
            outcome,
            Subject::Each(MEMBER, mode, &text),
            vec![of, truth::target(&person.mim)],
        ),
        0..6 => truth::row(
            &draft,
            called,
            outcome,
            Subject::Each(MEMBER, mode, &text),
            vec![
                of,
                Target {
                    id: Some(text.clone()),
                    ..Target::default()
                },
            ],
        ),
        _ => value_row(&draft, called, outcome, &of, (MEMBER, mode), &person.mim),
    };
    row.changes = vec![change(MEMBER, mode, Some(&text))];
    row.flags.insert(Flags::SELF_SERVICE);
    row.reason = reason;
    m.expect_group(&row, group.name());
    m.log(&draft, vec![row]);
}

/// C4 and C5 by an owner or an administrator, with C7 at times.
pub(super) fn members(m: &mut Mim, at: DateTime<Utc>) {
    let group = m.directory.group(&mut m.rng, None);
    let (creator, manager) = manager(m, &group);
    let mut draft = m.put(creator, &group.mim, at);
    let rule = if manager.is_some() {
        Rule::OwnGroups
    } else {
        Rule::AdministerGroups
    };
    m.grant(&mut draft, &[rule]);
    let count = m.rng.skewed(1, 7) as usize;
    let people = m.directory.several(&mut m.rng, count);
    let mut plan: Vec<(ChangeMode, &Resource)> = people
        .iter()
        .map(|person| {
            let mode = if m.rng.percent(70) {
                ChangeMode::Add
            } else {
                ChangeMode::Remove
            };
            (mode, &person.mim)
        })
        .collect();
    let nested = m.directory.group(&mut m.rng, None);
    if m.rng.percent(6) && nested.mim.id != group.mim.id {
        plan.push((ChangeMode::Add, &nested.mim));
    }
    if m.rng.percent(3) {
        // Added and removed in one request: two rows.
        plan.push((ChangeMode::Add, plan[0].1));
        plan[0].0 = ChangeMode::Remove;
    }
    let description = m
        .rng
        .percent(15)
        .then_some("Rota changed; see the intranet.");
    for (mode, member) in &plan {
        match mode {
            ChangeMode::Remove => draft.remove(MEMBER, Value::of(member)),
            _ => draft.insert(MEMBER, Value::of(member)),
        };
    }
    if let Some(text) = description {
        draft.modify("Description", Value::text(text));
    }
    let (outcome, reason) = m.everyday_end(&mut draft);
    let of = truth::target(&group.mim);
    let mut rows = Vec::with_capacity(plan.len() + 1);
    for (mode, member) in plan {
        let called = if mode == ChangeMode::Remove {
            REMOVE
        } else {
            ADD
        };
        let mut row = value_row(&draft, called, outcome, &of, (MEMBER, mode), member);
        row.reason.clone_from(&reason);
        if manager
            .as_ref()
            .is_some_and(|manager| manager.mim.id == member.id)
        {
            row.flags.insert(Flags::SELF_SERVICE);
            m.expect_group(&row, group.name());
        }
        rows.push(row);
    }
    if let Some(text) = description {
        let mut row = whole(&draft, UPDATE_GROUP, outcome, &group.mim, of);
        row.reason = reason;
        row.changes = vec![change("Description", ChangeMode::Set, Some(text))];
        rows.push(row);
    }
    m.log(&draft, rows);
}

/// The owner of the group, or nobody where an administrator acts.
fn manager(m: &mut Mim, group: &Group) -> (Creator, Option<Arc<Person>>) {
    if m.rng.percent(75) {
        let owner = m.directory.owner(group);
        (by(&owner), Some(owner))
    } else {
        (m.account(Account::Administrator), None)
    }
}

fn whole(
    draft: &Draft,
    called: Called<'_>,
    outcome: Outcome,
    of: &Resource,
    target: Target,
) -> Activity {
    let id = of.id.to_string();
    truth::row(
        draft,
        called,
        outcome,
        Subject::Whole(Some(&id)),
        vec![target],
    )
}

/// C4 many times in one request, which is too long for one event.
pub(super) fn batch(m: &mut Mim, at: DateTime<Utc>) {
    let group = m.directory.group(&mut m.rng, None);
    let count = m.rng.skewed(90, 420) as usize;
    let people = if m.directory.people.len() >= 2 * count {
        m.directory.several(&mut m.rng, count)
    } else {
        (0..count).map(|_| Arc::new(m.stranger())).collect()
    };
    let creator = match m.rng.below(3) {
        0 => m.synchronization(),
        1 => m.account(Account::Administrator),
        _ => {
            let owner = m.directory.owner(&group);
            by(&owner)
        }
    };
    let mut draft = m.put(creator, &group.mim, at);
    m.grant(&mut draft, &[Rule::AdministerGroups]);
    if m.rng.percent(60) {
        draft.shorten();
    }
    let mode = if m.rng.percent(80) {
        ChangeMode::Add
    } else {
        ChangeMode::Remove
    };
    let of = truth::target(&group.mim);
    for person in &people {
        match mode {
            ChangeMode::Add => draft.insert(MEMBER, Value::of(&person.mim)),
            _ => draft.remove(MEMBER, Value::of(&person.mim)),
        };
    }
    let called = if mode == ChangeMode::Add { ADD } else { REMOVE };
    let rows = people
        .iter()
        .map(|person| {
            let mut row = value_row(
                &draft,
                called,
                Outcome::Success,
                &of,
                (MEMBER, mode),
                &person.mim,
            );
            if draft.creator.actor.id.as_deref() == Some(&*person.mim.id.to_string()) {
                row.flags.insert(Flags::SELF_SERVICE);
                m.expect_group(&row, group.name());
            }
            row
        })
        .collect();
    m.log(&draft, rows);
}

/// C1 with C2 and C3.
pub(super) fn create(m: &mut Mim, at: DateTime<Utc>) {
    let owner = m.somebody();
    let round = m.key();
    let name = format!(
        "{} {round}",
        m.rng.pick(&[
            "Project: Nova",
            "Bike pool",
            "Émigré café",
            "研究会",
            "🎯 Targets",
            "Owner's circle"
        ])
    );
    let account = format!("grp-{round}");
    let group = {
        let id = m.rng.uuid();
        Resource::new(id, round, "Group", Some(&name), Some(&account), |o| {
            o.plain("Email", format_args!("{account}@{MAIL_DOMAIN}"))
                .plain("Owner", owner.mim.key)
                .text("Scope", "Universal")
                .text("Type", "Distribution");
        })
    };
    let creator = if m.rng.percent(80) {
        by(&owner)
    } else {
        m.account(Account::Administrator)
    };
    let oneself = creator.initiator.is_none();
    let creator_value = creator.json.clone();
    let mut draft = m.create(creator, &group, at);
    m.grant(&mut draft, &[Rule::CreateGroups]);
    let child = m.rng.percent(6);
    if child {
        let id = m.rng.uuid().to_string();
        draft.parent = Some(Parent {
            json: format!("{{\"HybridObjectID\":\"{id}\",\"ObjectType\":\"Request\"}}"),
            id,
        });
    }
    let description = m
        .rng
        .word(&["", "Who rides on Fridays", "Say \"hello\"\r\nto all"]);
    let attributes = [
        ("DisplayName", &*name),
        ("AccountName", &*account),
        ("Domain", crate::generate::directory::DOMAIN),
        ("Scope", "Universal"),
        ("Type", "Distribution"),
        ("MembershipLocked", "False"),
        ("MembershipAddWorkflow", "Owner Approval"),
        ("Description", description),
    ];
    let count = m.rng.skewed(0, 4) as usize;
    let members = m.directory.several(&mut m.rng, count);
    for (property, value) in attributes {
        draft.initial(property, Value::text(value));
    }
    for member in &members {
        draft.initial(MEMBER, Value::of(&member.mim));
    }
    draft.initial("Owner", Value::of(&owner.mim));
    draft.initial("DisplayedOwner", Value::of(&owner.mim));
    draft.calculated("ObjectID", Value::text(group.key.to_string()));
    let named = creator_value.contains("\"DisplayName\"");
    draft.calculated("Creator", Value::Json(creator_value));

    let (outcome, reason) = m.everyday_end(&mut draft);
    let mut of = truth::target(&group);
    if draft.committed.is_none() {
        // It never came to be: nothing but the parameters tell of it.
        draft.target = None;
        of.id = None;
    }
    let id = of.id.clone();
    let subject = Subject::Whole(id.as_deref());
    let mut row = truth::row(&draft, ADD_GROUP, outcome, subject, vec![of.clone()]);
    if oneself && !child {
        row.flags.insert(Flags::SELF_SERVICE);
        m.expect_group(&row, &name);
    }
    row.changes = attributes
        .iter()
        .map(|&(property, value)| {
            change(
                property,
                ChangeMode::Set,
                (!value.is_empty()).then_some(value),
            )
        })
        .chain([change(
            "DisplayedOwner",
            ChangeMode::Set,
            Some(owner.name()),
        )])
        .collect();
    let creator = &draft.creator.actor;
    let creator = if named { &creator.name } else { &creator.id };
    row.details.push(Detail::new(
        "Calculated",
        format!("ObjectID: {}", group.key),
    ));
    row.details.push(Detail::new(
        "Calculated",
        format!("Creator: {}", creator.as_deref().unwrap_or_default()),
    ));
    let mut rows = vec![row];
    for member in &members {
        rows.push(value_row(
            &draft,
            ADD,
            outcome,
            &of,
            (MEMBER, ChangeMode::Add),
            &member.mim,
        ));
    }
    rows.push(value_row(
        &draft,
        ADD_OWNER,
        outcome,
        &of,
        ("Owner", ChangeMode::Add),
        &owner.mim,
    ));
    for row in &mut rows {
        row.reason.clone_from(&reason);
    }
    m.log(&draft, rows);
}

/// C7.
pub(super) fn update(m: &mut Mim, at: DateTime<Utc>) {
    let group = m.directory.group(&mut m.rng, None);
    let (creator, _) = manager(m, &group);
    let mut draft = m.put(creator, &group.mim, at);
    m.grant(&mut draft, &[Rule::OwnGroups, Rule::Notify]);
    let mut changes = Vec::new();
    let mut set = |draft: &mut Draft, property: &'static str, value: &str| {
        draft.modify(property, Value::text(value));
        changes.push(change(property, ChangeMode::Set, Some(value)));
    };
    if m.rng.percent(40) {
        set(
            &mut draft,
            "Description",
            &format!("For {}", m.rng.word(&DEPARTMENTS)),
        );
    }
    if m.rng.percent(30) {
        set(
            &mut draft,
            "MembershipAddWorkflow",
            m.rng.word(&["None", "Owner Approval", "Custom"]),
        );
    }
    if m.rng.percent(20) {
        set(&mut draft, "MembershipLocked", "True");
        let filter = "<Filter xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" Dialect=\"http://schemas.microsoft.com/2006/11/XPathFilterDialect\">/Person[Department = 'Sales']</Filter>";
        set(&mut draft, "Filter", filter);
    }
    let cleared = changes.is_empty();
    if cleared {
        let value = match m.rng.below(3) {
            0 => Value::Missing,
            1 => Value::Null,
            _ => Value::text(""),
        };
        draft.modify("Description", value);
        changes.push(change("Description", ChangeMode::Set, None));
    }
    if m.rng.percent(40) {
        draft.shorten();
    }
    let (outcome, reason) = m.everyday_end(&mut draft);
    let of = truth::target(&group.mim);
    let mut row = whole(&draft, UPDATE_GROUP, outcome, &group.mim, of);
    row.reason = reason;
    row.changes = changes;
    m.log(&draft, vec![row]);
}

/// C8, by an owner, an administrator, or the workflow of an expired group.
pub(super) fn delete(m: &mut Mim, at: DateTime<Utc>) {
    let group = m.directory.group(&mut m.rng, None);
    let expired = m.rng.percent(25);
    let creator = if expired {
        m.account(Account::Service)
    } else {
        manager(m, &group).0
    };
    let mut draft = m.delete(creator, &group.mim, at);
    if expired {
        let id = m.rng.uuid().to_string();
        draft.parent = Some(Parent {
            json: format!("\"{id}\""),
            id,
        });
    } else {
        m.grant(&mut draft, &[Rule::OwnGroups]);
    }
    let (outcome, reason) = m.everyday_end(&mut draft);
    let of = deleted(&group.mim);
    let mut row = whole(&draft, DELETE_GROUP, outcome, &group.mim, of);
    row.reason = reason;
    m.log(&draft, vec![row]);
}

/// What is left of a resource in the request that deletes it.
pub(super) fn deleted(resource: &Resource) -> Target {
    Target {
        account: None,
        domain: None,
        name: Some(resource.shown().to_owned()),
        ..truth::target(resource)
    }
}

/// C6.
pub(super) fn owners(m: &mut Mim, at: DateTime<Utc>) {
    let group = m.directory.group(&mut m.rng, None);
    let (creator, _) = manager(m, &group);
    let mut draft = m.put(creator, &group.mim, at);
    m.grant(&mut draft, &[Rule::OwnGroups]);
    let people = m.directory.several(&mut m.rng, 2);
    let both = m.rng.percent(60);
    draft.insert("Owner", Value::of(&people[0].mim));
    if both {
        draft.remove("Owner", Value::of(&people[1].mim));
    }
    let (outcome, reason) = m.everyday_end(&mut draft);
    let of = truth::target(&group.mim);
    let mut rows = vec![value_row(
        &draft,
        ADD_OWNER,
        outcome,
        &of,
        ("Owner", ChangeMode::Add),
        &people[0].mim,
    )];
    if both {
        rows.push(value_row(
            &draft,
            REMOVE_OWNER,
            outcome,
            &of,
            ("Owner", ChangeMode::Remove),
            &people[1].mim,
        ));
    }
    for row in &mut rows {
        row.reason.clone_from(&reason);
    }
    m.log(&draft, rows);
}
