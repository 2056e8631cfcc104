//! A request that waits for a decision, from its first state to its last.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::engine::{Mim, by};
use super::groups::ADD;
use crate::activity::{Activity, ChangeMode, Flags, Outcome, Target};
use crate::generate::directory::{Group, Joining, Person};
use crate::generate::document::{Draft, Value};
use crate::generate::json;
use crate::generate::library::{NOTIFICATION, OWNER_APPROVAL, Rule};
use crate::generate::truth::{self, value_row};

/// How an approval names the request that it is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// As an object with its GUID.
    Object,
    /// By an internal key that the waiting request's workflow told.
    KnownKey,
    /// By an internal key that nothing told before.
    UnknownKey,
}

/// A request to join a group, and what is decided about it.
pub(super) struct Waiting {
    pub(super) draft: Draft,
    pub(super) group: Arc<Group>,
    pub(super) member: Arc<Person>,
    pub(super) oneself: bool,
    pub(super) naming: Naming,
}

impl Waiting {
    pub(super) fn begin(m: &mut Mim, at: DateTime<Utc>, naming: Naming) -> Self {
        let group = m.directory.group(&mut m.rng, Some(Joining::OwnerApproval));
        let owner = m.directory.owner(&group);
        let person = m.directory.other(&mut m.rng, &owner);
        let oneself = m.rng.percent(80);
        let member = if oneself {
            Arc::clone(&person)
        } else {
            m.directory.other(&mut m.rng, &person)
        };
        let mut draft = m.put(by(&person), &group.mim, at);
        m.grant(&mut draft, &[Rule::JoinWithApproval, Rule::Notify]);
        let workflow = m.workflow(OWNER_APPROVAL);
        draft.authorization.push(workflow);
        draft.insert("ExplicitMember", Value::of(&member.mim));
        draft.asked.push(owner);
        if m.rng.percent(25) {
            let deputy = m.directory.other(&mut m.rng, &person);
            draft.asked.push(deputy);
        }
        if m.rng.percent(40) {
            let text = m.rng.pick(&[
                "I cover the night shift in May",
                "Need access for the audit 📋",
                "siehe Ticket 4711",
            ]);
            draft.justification = Some((*text).to_owned());
        }
        Self {
            draft,
            group,
            member,
            oneself,
            naming,
        }
    }

    pub(super) fn row(&self, draft: &Draft, outcome: Outcome) -> Activity {
        let of = truth::target(&self.group.mim);
        let attribute = ("ExplicitMember", ChangeMode::Add);
        let mut row = value_row(draft, ADD, outcome, &of, attribute, &self.member.mim);
        if self.oneself {
            row.flags.insert(Flags::SELF_SERVICE);
        }
        row
    }

    /// The request as it waits, unless this is not logged.
    pub(super) fn log_waiting(&self, m: &mut Mim) -> DateTime<Utc> {
        let mut waiting = m.earlier(&self.draft, "Authorizing");
        waiting.authorization[0].status = "Running";
        let row = self.row(&waiting, Outcome::Pending);
        let logged = self.draft.created + TimeDelta::milliseconds(m.rng.between(20, 400) as i64);
        if self.naming != Naming::UnknownKey {
            m.log_waiting(&waiting, vec![row], logged);
        }
        logged
    }

    /// Its last state, some time after what decided it.
    pub(super) fn log_end(mut self, m: &mut Mim, decided: DateTime<Utc>, end: &Decided) {
        let draft = &mut self.draft;
        let after =
            |m: &mut Mim, time| time + TimeDelta::milliseconds(m.rng.between(20, 900) as i64);
        let committed = after(m, decided);
        draft.status = end.status.into();
        draft.committed = (end.outcome == Outcome::Success).then_some(committed);
        draft.completed = Some(after(m, committed));
        draft.reason = end.reason.map(str::to_owned);
        draft.control = end.control;
        match end.outcome {
            Outcome::Success => {
                let workflow = m.workflow(NOTIFICATION);
                draft.action.push(workflow);
            }
            Outcome::Canceled => draft.authorization[0].status = "Canceled",
            _ => {
                draft.authorization[0].status = "Terminated";
                draft.authorization[0].detail = end.detail;
            }
        }
        let mut row = self.row(&self.draft, end.outcome);
        row.reason = end.reason.or(end.detail).map(str::to_owned);
        if self.oneself {
            m.expect_group(&row, self.group.name());
        }
        if self.naming == Naming::UnknownKey {
            m.log(&self.draft, vec![row]);
        } else {
            m.log_again(&self.draft, vec![row]);
        }
    }

    /// How the approval names it, and the target that comes of it.
    pub(super) fn reference(&self) -> (Value, Target, String) {
        let id = self.draft.id.to_string();
        let name = self.draft.display_name();
        let key = self.draft.key.to_string();
        let target = |id: &str, name: String| Target {
            object_type: "Request".to_owned(),
            id: Some(id.to_owned()),
            name: Some(name),
            ..Target::default()
        };
        match self.naming {
            Naming::Object => {
                let object = json::object(|o| {
                    o.text("HybridObjectID", &id)
                        .text("DisplayName", &name)
                        .text("ObjectType", "Request");
                });
                (Value::Json(object), target(&id, name.clone()), name)
            }
            Naming::KnownKey => (Value::text(&*key), target(&id, name), key),
            Naming::UnknownKey => {
                let shown = format!("request {key} (not resolved)");
                (Value::text(&*key), target(&key, shown), key)
            }
        }
    }
}

/// How a waiting request ends.
pub(super) struct Decided {
    pub(super) status: &'static str,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<&'static str>,
    pub(super) detail: Option<&'static str>,
    pub(super) control: Option<&'static str>,
}
