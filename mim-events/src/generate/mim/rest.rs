//! Set transitions, reads, the customer's own types, and words that no document explains.

use chrono::{DateTime, Utc};

use super::engine::{Mim, by};
use super::policy;
use crate::activity::{Activity, Detail, Flags, Outcome, Target};
use crate::generate::document::{Draft, Parameter, Parent, Value};
use crate::generate::json;
use crate::generate::library::Account;
use crate::generate::truth::{self, Subject};

/// H1: somebody enters or leaves a set, and workflows start.
pub(super) fn set_transition(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.directory.anybody(&mut m.rng);
    let creator = m.account(Account::Service);
    let mut draft = m.draft(creator, "SystemEvent", "Person", person.name(), at);
    draft.target = Some(person.mim.full.clone());
    if m.rng.percent(70) {
        let id = m.rng.uuid().to_string();
        draft.parent = Some(Parent {
            json: format!("\"{id}\""),
            id,
        });
    }
    let names = [
        "Provision mailbox",
        "Tell the helpdesk: 'joiner'",
        "Start expiration",
    ];
    let count = m.rng.between(1, 2) as usize;
    let first = m.rng.index(names.len() - 1);
    let mut more = Vec::new();
    for name in &names[first..first + count] {
        let definition = json::object(|o| {
            o.plain("HybridObjectID", m.rng.uuid())
                .text("ObjectType", "WorkflowDefinition")
                .text("DisplayName", name);
        });
        draft.parameters.push(Parameter {
            calculated: false,
            property: None,
            value: Value::Missing,
            mode: None,
            event: Some((person.mim.id, definition)),
        });
        more.push(Detail::new("Workflow", *name));
    }
    let id = person.mim.id.to_string();
    let mut row = truth::row(
        &draft,
        ("system.event", "Set transition", "System"),
        Outcome::Success,
        Subject::Whole(Some(&id)),
        vec![truth::target(&person.mim)],
    );
    row.flags.insert(Flags::SYSTEM);
    truth::details_after_initiator(&mut row, more);
    m.log(&draft, vec![row]);
}

/// H3: types that the customer made.
pub(super) fn own_type(m: &mut Mim, at: DateTime<Utc>) {
    let object_type =
        ["hqBadge", "hqLocation", "Computer", "Contractor-Firm"][m.turn("own type", 4) as usize];
    let creator = match m.rng.below(3) {
        0 => m.synchronization(),
        1 => m.account(Account::Administrator),
        _ => {
            let person = m.somebody();
            by(&person)
        }
    };
    let verb = policy::verb(m, "own verb");
    policy::named(
        m,
        at,
        creator,
        object_type,
        verb,
        "resource",
        "ResourceManagement",
        Flags::default(),
    );
}

/// H2 and H4, and statuses that no document explains.
pub(super) fn odd(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.somebody();
    let creator = by(&person);
    let other = m.directory.other(&mut m.rng, &person);
    let id = other.mim.id.to_string();
    let subject = Subject::Whole(Some(&id));
    let turn = m.turn("odd", 8) as usize;
    let operation = [
        "Get",
        "Merge",
        "Enumerate",
        "",
        "Restore",
        "Pull",
        "Merge",
        "Restore",
    ][turn];
    let read = matches!(operation, "Get" | "Enumerate" | "Pull");
    let mut draft = m.draft(creator, operation, "Person", other.name(), at);
    draft.target = Some(other.mim.full.clone());
    let targets = vec![truth::target(&other.mim)];
    let row: Activity = if read {
        let called = ("read", "Read Person", "System");
        let mut row = truth::row(&draft, called, Outcome::Success, subject, targets);
        row.flags.insert(Flags::SYSTEM);
        row
    } else if operation.is_empty() {
        // Nothing but its own name says what it is.
        let called = ("other", &*draft.display_name(), "Other");
        truth::row(&draft, called, Outcome::Success, subject, targets)
    } else if turn >= 6 {
        draft.target = None;
        draft.blank_type = true;
        unknown_status(m, &mut draft);
        let called = ("other", operation, "Other");
        truth::row(
            &draft,
            called,
            Outcome::Unknown,
            Subject::Whole(None),
            Vec::<Target>::new(),
        )
    } else {
        unknown_status(m, &mut draft);
        let called = ("other", &*format!("{operation} Person"), "Other");
        truth::row(&draft, called, Outcome::Unknown, subject, targets)
    };
    m.log(&draft, vec![row]);
}

fn unknown_status(m: &mut Mim, draft: &mut Draft) {
    let status = m.rng.word(&["Paused", "Rerouted"]);
    draft.status = status.into();
}
