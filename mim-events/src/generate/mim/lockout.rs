//! Lockouts of password reset, and what the service notes of them.

use chrono::{DateTime, TimeDelta, Utc};

use super::engine::{Mim, by};
use super::password::{Attempt, End, begin, end_at_gates, expect, reset_row};
use super::registration;
use crate::activity::{ChangeMode, Flags, Outcome};
use crate::generate::document::{Parent, Value};
use crate::generate::library::{Account, GATES, Rule};
use crate::generate::truth::{self, Called, Subject, about, change};

const BLOCKED: Called<'_> = (
    "sspr.blocked",
    "Blocked from self-service password reset",
    "UserManagement",
);
const UNLOCKED: Called<'_> = (
    "sspr.unlocked",
    "Unlock self-service password reset",
    "UserManagement",
);
const UPDATE: Called<'_> = ("user.update", "Update user", "UserManagement");

/// A5 with A7, B3 and B5: the last wrong try, and what the service notes of it.
pub(super) fn lockout(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.somebody();
    let gates = *m.rng.pick(&GATES);
    let attempt = Attempt {
        person: &person,
        methods: gates.methods,
        named: true,
    };
    let mut draft = begin(m, &person, (gates.workflow, gates.definition), at);
    let end = end_at_gates(m, &mut draft, "GateLockout: no further tries.", |reason| {
        End {
            status: "Denied",
            outcome: Outcome::Denied,
            word: "Blocked",
            detail: format!("Locked out at {}", gates.methods.join(", ")),
            reason: Some(reason),
        }
    });
    m.end(&mut draft, "Denied");
    let row = reset_row(&draft, &attempt, &end);
    expect(m, &row, &attempt, &end);
    let parent = draft.id;
    let mut at = m.log(&draft, vec![row]);

    // The gate's object: made once, counted up later.
    let gate = registration::gate(m, &person.mim, registration::LOCKOUT_GATE);
    at += TimeDelta::milliseconds(m.rng.between(5, 400) as i64);
    let creator = m.account(Account::Service);
    at = if m.rng.percent(50) {
        registration::log_gate(m, creator, &person, &gate, registration::LOCKOUT_GATE, at)
    } else {
        registration::log_gate_counter(
            m,
            creator,
            Ok(&person),
            &gate,
            registration::LOCKOUT_GATE,
            at,
        )
    };

    let way = m.rng.below(10);
    let creator = match way {
        0..5 => m.account(Account::Service),
        5..7 => m.account(Account::Anonymous),
        _ => by(&person),
    };
    at += TimeDelta::milliseconds(m.rng.between(5, 400) as i64);
    let mut draft = m.put(creator, &person.mim, at);
    if way < 5 {
        draft.parent = Some(Parent {
            json: format!("\"{parent}\""),
            id: parent.to_string(),
        });
    } else {
        m.grant(&mut draft, &[Rule::Lockout]);
    }
    let workflow = Value::of(&m.library.registration);
    draft.insert("AuthNWFLockedOut", workflow);
    let name = m.library.registration.shown();
    let mut changes = vec![change("AuthNWFLockedOut", ChangeMode::Add, Some(name))];
    let id = person.mim.id.to_string();
    let key = gate.key.to_string();
    let together = m.rng.percent(50);
    if together {
        draft.insert("AuthNLockoutRegistrationID", Value::text(&*key));
        changes.push(change(
            "AuthNLockoutRegistrationID",
            ChangeMode::Add,
            Some(&key),
        ));
    }
    let targets = vec![truth::target(&person.mim)];
    let subject = Subject::Whole(Some(&id));
    let mut row = truth::row(&draft, BLOCKED, Outcome::Success, subject, targets.clone());
    about(&mut row, &person.mim, "Creator", &draft);
    row.changes = changes;
    let at = m.log(&draft, vec![row]);
    if !together {
        let creator = m.account(Account::Service);
        let mut draft = m.put(creator, &person.mim, at);
        draft.insert("AuthNLockoutRegistrationID", Value::text(&*key));
        let mut row = truth::row(&draft, UPDATE, Outcome::Success, subject, targets);
        row.flags.insert(Flags::NOISE);
        row.changes = vec![change(
            "AuthNLockoutRegistrationID",
            ChangeMode::Add,
            Some(&key),
        )];
        m.log(&draft, vec![row]);
    }
}

/// A6: somebody ends a lockout.
pub(super) fn unlock(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.somebody();
    let creator = match m.rng.below(3) {
        0 => m.account(Account::Administrator),
        1 => m.account(Account::Service),
        _ => {
            let helper = m.directory.other(&mut m.rng, &person);
            by(&helper)
        }
    };
    let mut draft = m.put(creator, &person.mim, at);
    m.grant(&mut draft, &[Rule::Unlock]);
    let workflow = Value::of(&m.library.registration);
    draft.remove("AuthNWFLockedOut", workflow);
    let mut changes = vec![change(
        "AuthNWFLockedOut",
        ChangeMode::Remove,
        Some(m.library.registration.shown()),
    )];
    if m.rng.percent(50) {
        let key = m.key().to_string();
        draft.remove("AuthNLockoutRegistrationID", Value::text(&*key));
        changes.push(change(
            "AuthNLockoutRegistrationID",
            ChangeMode::Remove,
            Some(&key),
        ));
    }
    let (outcome, reason) = m.everyday_end(&mut draft);
    let id = person.mim.id.to_string();
    let mut row = truth::row(
        &draft,
        UNLOCKED,
        outcome,
        Subject::Whole(Some(&id)),
        vec![truth::target(&person.mim)],
    );
    row.reason = reason;
    row.changes = changes;
    m.log(&draft, vec![row]);
}

/// B5 alone: a gate's counter goes up, of somebody whom the log never showed.
pub(super) fn gate_counter(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.stranger();
    let gate_type = *m.rng.pick(&[
        registration::QA_GATE,
        registration::LOCKOUT_GATE,
        registration::OTHER_GATE,
    ]);
    let gate = registration::gate(m, &person.mim, gate_type);
    if m.rng.percent(40) {
        registration::log_gate_counter(m, by(&person), Ok(&person), &gate, gate_type, at);
    } else {
        let creator = m.account(Account::Service);
        registration::log_gate_counter(m, creator, Err(person.mim.key), &gate, gate_type, at);
    }
}
