//! People come, change and go.

use chrono::{DateTime, TimeDelta, Utc};

use super::engine::{Mim, by};
use super::groups::deleted;
use crate::activity::{ChangeMode, Detail, Flags, Outcome};
use crate::generate::directory::DOMAIN;
use crate::generate::document::{Draft, Parent, Value};
use crate::generate::library::{Account, PROVISIONING, Rule};
use crate::generate::names::{DEPARTMENTS, JOBS};
use crate::generate::truth::{self, Called, Subject, change};

const ADD: Called<'_> = ("user.add", "Add user", "UserManagement");
const UPDATE: Called<'_> = ("user.update", "Update user", "UserManagement");
const DELETE: Called<'_> = ("user.delete", "Delete user", "UserManagement");

/// E1, mostly from HR by synchronization; a workflow's change of the new person may be logged before it.
pub(super) fn hire(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.stranger();
    let office = m.rng.percent(20);
    let creator = if office {
        let clerk = m.somebody();
        by(&clerk)
    } else {
        m.synchronization()
    };
    let synchronized = creator.initiator == Some("synchronization");
    let creator_json = creator.json.clone();
    let mut draft = m.create(creator, &person.mim, at);
    m.grant(
        &mut draft,
        &[
            if office {
                Rule::EditPeople
            } else {
                Rule::Synchronize
            },
            Rule::Provision,
        ],
    );
    let workflow = m.workflow(PROVISIONING);
    draft.action.push(workflow);
    let account = person.mim.account.clone().unwrap_or_default();
    let employee = person.employee.to_string();
    let attributes = [
        ("ObjectType", "Person"),
        ("DisplayName", person.name()),
        ("AccountName", &*account),
        ("Domain", DOMAIN),
        ("Email", &*person.upn),
        ("FirstName", &*person.first),
        ("LastName", &*person.last),
        ("Department", person.department),
        ("JobTitle", person.job),
        ("EmployeeID", &*employee),
    ];
    for (property, value) in attributes {
        draft.initial(property, Value::text(value));
    }
    let chief = m.somebody();
    draft.initial("Manager", Value::of(&chief.mim));
    draft.calculated("ObjectID", Value::text(person.mim.key.to_string()));
    draft.calculated("Creator", Value::Json(creator_json));
    draft.calculated(
        "DomainConfiguration",
        Value::Json("{\"ObjectID\":\"5021\",\"ObjectType\":\"DomainConfiguration\",\"DisplayName\":\"HARBOR forest\"}".to_owned()),
    );
    let (outcome, reason) = m.everyday_end(&mut draft);
    let mut of = truth::target(&person.mim);
    if draft.committed.is_none() {
        draft.target = None;
        of.id = None;
    }
    let id = of.id.clone();
    let subject = Subject::Whole(id.as_deref());
    let mut row = truth::row(&draft, ADD, outcome, subject, vec![of]);
    if synchronized {
        row.flags.insert(Flags::SYSTEM);
    }
    row.reason = reason;
    row.changes = attributes
        .iter()
        .map(|&(property, value)| change(property, ChangeMode::Set, Some(value)))
        .chain([change("Manager", ChangeMode::Set, Some(chief.name()))])
        .collect();
    for text in [
        format!("ObjectID: {}", person.mim.key),
        format!("Creator: {}", shown_creator(&draft)),
        "DomainConfiguration: HARBOR forest".to_owned(),
    ] {
        row.details.push(Detail::new("Calculated", text));
    }

    let parent = draft.id;
    if outcome == Outcome::Success && draft.completed.is_some() && m.rng.percent(15) {
        // The workflow finishes before the request that started it.
        let committed = draft.committed.unwrap_or(at);
        let creator = m.account(Account::Service);
        let mut child = m.put(creator, &person.mim, committed + TimeDelta::milliseconds(5));
        child.committed = Some(committed + TimeDelta::milliseconds(9));
        child.completed = Some(committed + TimeDelta::milliseconds(12));
        child.parent = Some(Parent {
            json: format!("\"{parent}\""),
            id: parent.to_string(),
        });
        child.modify("MailNickname", Value::text(&*account));
        let id = person.mim.id.to_string();
        let subject = Subject::Whole(Some(&id));
        let targets = vec![truth::target(&person.mim)];
        let mut child_row = truth::row(&child, UPDATE, Outcome::Success, subject, targets);
        child_row.changes = vec![change("MailNickname", ChangeMode::Set, Some(&account))];
        m.log(&child, vec![child_row]);
        draft.completed = draft.completed.map(|time| time + TimeDelta::seconds(2));
        row.completed = draft.completed;
    }
    m.log(&draft, vec![row]);
}

/// What a value shows of the creator: the name in its object, else its id; of a bare key, the key.
fn shown_creator(draft: &Draft) -> String {
    let creator = &draft.creator;
    let named = creator.json.contains("\"DisplayName\"");
    let text = if named {
        &creator.actor.name
    } else {
        &creator.actor.id
    };
    text.clone().unwrap_or_default()
}

/// E4 by synchronization, HR or an administrator.
pub(super) fn change_of(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.directory.anybody(&mut m.rng);
    let creator = match m.rng.below(10) {
        0..7 => m.synchronization(),
        7 => m.account(Account::Administrator),
        _ => {
            let clerk = m.directory.other(&mut m.rng, &person);
            by(&clerk)
        }
    };
    let mut draft = m.put(creator, &person.mim, at);
    m.grant(&mut draft, &[Rule::EditPeople]);
    let mut changes = Vec::new();
    let mut set = |draft: &mut Draft, property: &'static str, value: &str| {
        draft.modify(property, Value::text(value));
        changes.push(change(property, ChangeMode::Set, Some(value)));
    };
    if m.rng.percent(50) {
        set(&mut draft, "Department", m.rng.word(&DEPARTMENTS));
    }
    if m.rng.percent(40) {
        set(&mut draft, "JobTitle", m.rng.word(&JOBS));
    }
    if m.rng.percent(12) {
        // What a user's own rule may call disabling an account; the built-in ones do not.
        set(
            &mut draft,
            "EmployeeStatus",
            m.rng.word(&["Active", "Terminated"]),
        );
    }
    if m.rng.percent(5) {
        set(&mut draft, "mcsUnlockAccount", "True");
    }
    if m.rng.percent(10) {
        set(&mut draft, "EmployeeEndDate", "2027-01-31T00:00:00.000");
    }
    if m.rng.percent(25) {
        let chief = m.somebody();
        draft.modify("Manager", Value::of(&chief.mim));
        changes.push(change("Manager", ChangeMode::Set, Some(chief.name())));
    }
    if changes.is_empty() {
        let value = if m.rng.percent(50) {
            Value::Null
        } else {
            Value::Missing
        };
        draft.modify("OfficePhone", value);
        changes.push(change("OfficePhone", ChangeMode::Set, None));
    }
    if m.rng.percent(20) {
        draft.shorten();
    }
    log_update(m, draft, &person.mim, changes);
}

fn log_update(
    m: &mut Mim,
    mut draft: Draft,
    person: &crate::generate::directory::Resource,
    changes: Vec<crate::activity::Change>,
) {
    let (outcome, reason) = m.everyday_end(&mut draft);
    let id = person.id.to_string();
    let subject = Subject::Whole(Some(&id));
    let mut row = truth::row(
        &draft,
        UPDATE,
        outcome,
        subject,
        vec![truth::target(person)],
    );
    row.reason = reason;
    row.changes = changes;
    m.log(&draft, vec![row]);
}

/// E4 of oneself.
pub(super) fn edit_oneself(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.somebody();
    let mut draft = m.put(by(&person), &person.mim, at);
    m.grant(&mut draft, &[Rule::EditOneself]);
    let phone = format!("+1 425555{:04}", m.rng.below(10_000));
    let property = m.rng.word(&["OfficePhone", "MobilePhone"]);
    draft.modify(property, Value::text(&*phone));
    let changes = vec![change(property, ChangeMode::Set, Some(&phone))];
    log_update(m, draft, &person.mim, changes);
}

/// E5: by synchronization, HR, or the workflow that ends expired accounts.
pub(super) fn leave(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.stranger();
    let way = m.rng.below(10);
    let creator = match way {
        0..5 => m.synchronization(),
        5..7 => m.account(Account::Service),
        _ => {
            let clerk = m.somebody();
            by(&clerk)
        }
    };
    let mut draft = m.delete(creator, &person.mim, at);
    if (5..7).contains(&way) {
        // The parent is an internal key that no document explains.
        let key = m.key().to_string();
        draft.parent = Some(Parent {
            json: format!("\"{key}\""),
            id: key,
        });
    } else {
        m.grant(&mut draft, &[Rule::Synchronize]);
    }
    let (outcome, reason) = m.everyday_end(&mut draft);
    let id = person.mim.id.to_string();
    let subject = Subject::Whole(Some(&id));
    let mut row = truth::row(&draft, DELETE, outcome, subject, vec![deleted(&person.mim)]);
    row.reason = reason;
    m.log(&draft, vec![row]);
}
