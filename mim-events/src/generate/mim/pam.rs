//! Privileged access management: roles that are held for an hour.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::engine::{Mim, by};
use super::groups;
use super::policy::{self, Verb};
use crate::activity::{Activity, ChangeMode, Detail, Flags, Outcome};
use crate::generate::directory::{Person, Resource};
use crate::generate::document::{Draft, Parent, Value};
use crate::generate::library::{Account, ROLE_AUTHORIZATION, ROLE_HANDLER, Role, Rule};
use crate::generate::truth::{self, Called, Subject, change, details_after_initiator, value_row};

const CATEGORY: &str = "RoleManagement";
const ACTIVATE: &str = "pam.activate";

/// One activation.
struct Activation {
    role: Role,
    person: std::sync::Arc<Person>,
    mim: Resource,
    seconds: &'static str,
}

impl Activation {
    fn row(&self, draft: &Draft, called: Called<'_>, outcome: Outcome, exists: bool) -> Activity {
        let id = self.mim.id.to_string();
        let id = exists.then_some(id);
        let targets = vec![
            truth::target(&self.role.mim),
            truth::target(&self.person.mim),
        ];
        let subject = Subject::Whole(id.as_deref());
        let mut row = truth::row(draft, called, outcome, subject, targets);
        row.flags.insert(Flags::PAM);
        let more = id.map(|id| Detail::new("PamRequest", id));
        let more = more
            .into_iter()
            .chain([Detail::new("PamTtlSeconds", self.seconds)]);
        details_after_initiator(&mut row, more.collect());
        row
    }
}

/// G1, then G6 for the group, then G2 or G3 with G6 again.
pub(super) fn activate(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.somebody();
    let role = m.rng.pick(&m.library.roles).clone();
    let (id, key) = (m.rng.uuid(), m.key());
    let seconds = m.rng.word(&["900", "3600", "7200"]);
    let mim = Resource::new(
        id,
        key,
        "msidmPamRequest",
        Some(&format!("PAM request {key}")),
        None,
        |o| {
            o.raw("Creator", &person.mim.brief)
                .raw("msidmPamRequestRole", &role.mim.brief)
                .text("msidmPamRequestTTL", seconds);
        },
    );
    let activation = Activation {
        role,
        person,
        mim,
        seconds,
    };
    let mut draft = m.create(by(&activation.person), &activation.mim, at);
    m.grant(&mut draft, &[Rule::RequestRole]);
    draft
        .initial("msidmPamRequestRole", Value::of(&activation.role.mim))
        .initial("msidmPamRequestTTL", Value::text(seconds));
    let workflow = m.workflow(ROLE_AUTHORIZATION);
    draft.authorization.push(workflow);
    let workflow = m.workflow(ROLE_HANDLER);
    draft.action.push(workflow);
    if m.rng.percent(60) {
        draft.justification = Some("Patch day: three servers need a restart".to_owned());
    }
    let changes = [
        change(
            "msidmPamRequestRole",
            ChangeMode::Set,
            Some(activation.role.mim.shown()),
        ),
        change("msidmPamRequestTTL", ChangeMode::Set, Some(seconds)),
    ];

    let waited = m.rng.percent(50);
    if waited {
        let mut waiting = m.earlier(&draft, "Authorizing");
        waiting.authorization[0].status = "Running";
        let called = (ACTIVATE, "PAM role activation requested", CATEGORY);
        let mut row = activation.row(&waiting, called, Outcome::Pending, true);
        row.changes = changes.to_vec();
        let logged = waiting.created + TimeDelta::milliseconds(30);
        m.log_waiting(&waiting, vec![row], logged);
        let later = m.soon(logged, 20, 500);
        let wait = later - draft.created;
        draft.committed = draft.committed.map(|time| time + wait);
        draft.completed = draft.completed.map(|time| time + wait);
    }
    let (name, outcome) = end(m, &mut draft);
    let exists = draft.target.is_some();
    let mut row = activation.row(&draft, (ACTIVATE, name, CATEGORY), outcome, exists);
    row.reason = draft.messages.first().cloned();
    row.changes = changes.to_vec();
    let parent = draft.id;
    let parent_name = draft.display_name();
    if outcome != Outcome::Success {
        log(m, &draft, row, waited);
        return;
    }

    // The handler's change of the group is finished, and logged, before the request itself.
    let committed = draft.committed.unwrap_or(at);
    let early = waited || m.rng.percent(50);
    let form = m.rng.below(3);
    let parent = parent_reference(parent, &parent_name, form);
    // Logged before anything of its parent was: only what the reference itself says can tell.
    let told = waited || !early || form < 2;
    draft.completed = draft.completed.map(|time| time + TimeDelta::seconds(3));
    row.completed = draft.completed;
    let at = if early {
        let begin = committed + TimeDelta::milliseconds(2);
        let at = member(m, &activation, ChangeMode::Add, &parent, told, begin);
        at.max(log(m, &draft, row, waited))
    } else {
        let at = log(m, &draft, row, waited);
        member(m, &activation, ChangeMode::Add, &parent, told, at)
    };

    let at = m.soon(at, 100, 900);
    let at = close(m, &activation, at);
    if m.rng.percent(80) {
        // By now the activation itself was logged, so a GUID alone tells.
        member(m, &activation, ChangeMode::Remove, &parent, true, at);
    }
}

fn log(m: &mut Mim, draft: &Draft, row: Activity, waited: bool) -> DateTime<Utc> {
    if waited {
        m.log_again(draft, vec![row]);
        draft.completed.or(draft.committed).unwrap_or(draft.created)
    } else {
        m.log(draft, vec![row])
    }
}

/// How an activation ends: the row's name, and its outcome.
fn end(m: &mut Mim, draft: &mut Draft) -> (&'static str, Outcome) {
    let denied = "PAM role activation denied";
    match m.rng.below(100) {
        0..8 => {
            m.end(draft, "Denied");
            draft.authorization[0].status = "Terminated";
            draft.action.clear();
            draft
                .messages
                .push("The second factor was not given.".to_owned());
            (denied, Outcome::Denied)
        }
        8..12 => {
            m.end(draft, "Failed");
            draft.target = None;
            draft.action.clear();
            draft
                .messages
                .push("The role is not available at this hour.".to_owned());
            (denied, Outcome::Failure)
        }
        12..16 => {
            m.end(draft, "Canceled");
            draft.authorization[0].status = "Canceled";
            draft.action.clear();
            ("PAM role activation canceled", Outcome::Canceled)
        }
        _ => ("PAM role activated", Outcome::Success),
    }
}

/// How a child names its parent. 0 and 1 tell the parent's type, 2 its GUID alone.
fn parent_reference(id: Uuid, name: &str, form: u64) -> Parent {
    let json = match form {
        0 => format!(
            "{{\"HybridObjectID\":\"{id}\",\"ObjectType\":\"Request\",\"TargetObjectType\":\"msidmPamRequest\"}}"
        ),
        1 => format!("{{\"HybridObjectID\":\"{id}\",\"DisplayName\":\"{name}\"}}"),
        _ => format!("\"{id}\""),
    };
    Parent {
        json,
        id: id.to_string(),
    }
}

/// G6: the privileged group's member; `told` where the log tells that a PAM request is behind it.
fn member(
    m: &mut Mim,
    activation: &Activation,
    mode: ChangeMode,
    parent: &Parent,
    told: bool,
    at: DateTime<Utc>,
) -> DateTime<Utc> {
    let creator = m.account(Account::Service);
    let mut draft = m.put(creator, &activation.role.group, at);
    draft.committed = Some(at + TimeDelta::milliseconds(4));
    draft.completed = Some(at + TimeDelta::milliseconds(6));
    draft.parent = Some(parent.clone());
    let value = Value::of(&activation.person.mim);
    let called = if mode == ChangeMode::Add {
        draft.insert("ExplicitMember", value);
        groups::ADD
    } else {
        draft.remove("ExplicitMember", value);
        groups::REMOVE
    };
    let of = truth::target(&activation.role.group);
    let attribute = ("ExplicitMember", mode);
    let person = &activation.person.mim;
    let mut row = value_row(&draft, called, Outcome::Success, &of, attribute, person);
    if told {
        row.flags.insert(Flags::PAM);
    }
    m.log(&draft, vec![row])
}

/// G2, G3 or G4. Gives the time of the log.
fn close(m: &mut Mim, activation: &Activation, at: DateTime<Utc>) -> DateTime<Utc> {
    let (called, property, value, noise): (Called<'_>, _, _, _) = match m.rng.below(10) {
        0..4 => (
            ("pam.deactivate", "PAM role deactivated", CATEGORY),
            "msidmPamRequestWasClosed",
            "True",
            false,
        ),
        4..8 => (
            ("pam.expired", "PAM role activation expired", CATEGORY),
            "msidmPamRequestExpirationProcessedState",
            "Processed",
            false,
        ),
        _ => (
            ("pam.update", "Update PAM request", CATEGORY),
            "msidmPamRequestExpirationDate",
            "2026-03-09T17:00:00.000",
            true,
        ),
    };
    let creator = if called.0 == "pam.deactivate" && m.rng.percent(60) {
        by(&activation.person)
    } else {
        m.account(Account::Service)
    };
    let mut draft = m.put(creator, &activation.mim, at);
    draft.modify(property, Value::text(value));
    let mut row = activation.row(&draft, called, Outcome::Success, true);
    if noise {
        row.flags.insert(Flags::NOISE);
    }
    row.changes = vec![change(property, ChangeMode::Set, Some(value))];
    m.log(&draft, vec![row])
}

/// G5: who may hold a role, and how.
pub(super) fn configure(m: &mut Mim, at: DateTime<Utc>) {
    let creator = m.account(Account::Administrator);
    if m.rng.percent(20) {
        let (id, key) = (m.rng.uuid(), m.key());
        let of = Resource::new(id, key, "msidmPamConfiguration", Some("PAM"), None, |_| {});
        let (mut draft, target) = policy::write(m, Verb::Update, creator, &of, at);
        let changes = policy::set(&mut draft, Verb::Update, &[("Description", "Reviewed")]);
        let called = ("pam.config", "Update PAM configuration", CATEGORY);
        let mut row = policy::whole(&draft, called, &of, target, changes);
        row.flags.insert(Flags::PAM);
        m.log(&draft, vec![row]);
        return;
    }
    let verb = policy::verb(m, "role");
    let of = if verb == Verb::Update {
        m.rng.pick(&m.library.roles).mim.clone()
    } else {
        let (id, key) = (m.rng.uuid(), m.key());
        Resource::new(
            id,
            key,
            "msidmPamRole",
            Some("Backup: restore"),
            None,
            |_| {},
        )
    };
    let (mut draft, target) = policy::write(m, verb, creator, &of, at);
    m.grant(&mut draft, &[Rule::Administer]);
    let people = m.directory.several(&mut m.rng, 2);
    let attribute = "msidmPamCandidates";
    let mut rows = Vec::new();
    let each = |draft: &Draft, mode, name, person: &Person| {
        let called = ("pam.config", name, CATEGORY);
        let mut row = value_row(
            draft,
            called,
            Outcome::Success,
            &target,
            (attribute, mode),
            &person.mim,
        );
        row.flags.insert(Flags::PAM);
        row
    };
    let add = "Add candidate to PAM role";
    match verb {
        Verb::Add => {
            let changes = policy::set(
                &mut draft,
                verb,
                &[("DisplayName", of.shown()), ("msidmPamRoleTTL", "3600")],
            );
            draft.initial(attribute, Value::of(&people[0].mim));
            let called = ("pam.config", "Add PAM role", CATEGORY);
            let mut row = policy::whole(&draft, called, &of, target.clone(), changes);
            row.flags.insert(Flags::PAM);
            rows.push(row);
            rows.push(each(&draft, ChangeMode::Add, add, &people[0]));
        }
        Verb::Update => {
            let turn = m.turn("role change", 4);
            draft.insert(attribute, Value::of(&people[0].mim));
            rows.push(each(&draft, ChangeMode::Add, add, &people[0]));
            if turn.is_multiple_of(2) {
                draft.remove(attribute, Value::of(&people[1].mim));
                let remove = "Remove candidate from PAM role";
                rows.push(each(&draft, ChangeMode::Remove, remove, &people[1]));
            }
            if turn >= 2 {
                let changes = policy::set(&mut draft, verb, &[("msidmPamRoleMfaEnabled", "True")]);
                let called = ("pam.config", "Update PAM role", CATEGORY);
                let mut row = policy::whole(&draft, called, &of, target.clone(), changes);
                row.flags.insert(Flags::PAM);
                rows.push(row);
            }
        }
        Verb::Delete => {
            let called = ("pam.config", "Delete PAM role", CATEGORY);
            let mut row = policy::whole(&draft, called, &of, target.clone(), Vec::new());
            row.flags.insert(Flags::PAM);
            rows.push(row);
        }
    }
    m.log(&draft, rows);
}
