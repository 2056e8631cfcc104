//! Requests that wait for somebody: asked, decided, expired, cancelled.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::engine::{Mim, by};
use super::waiting::{Decided, Naming, Waiting};
use crate::activity::{Activity, ChangeMode, Flags, Outcome, Target};
use crate::generate::directory::Resource;
use crate::generate::document::{Creator, Parent, Value};
use crate::generate::json;
use crate::generate::library::{Account, Rule};
use crate::generate::truth::{self, Called, Subject, change};

const REQUESTED: Called<'_> = ("approval.requested", "Approval requested", "Approval");
const APPROVED: Called<'_> = ("approval.approved", "Request approved", "Approval");
const REJECTED: Called<'_> = ("approval.rejected", "Request denied", "Approval");
const EXPIRED: Called<'_> = ("approval.expired", "Request expired", "Approval");
const UPDATED: Called<'_> = ("approval.update", "Update approval", "Approval");
const CANCEL: Called<'_> = ("request.cancel", "Cancel request", "Approval");
const DEFERRED: Called<'_> = ("resource.add", "Add ApprovalResponse", "ResourceManagement");

/// The approval's object, and what its rows say of the request.
struct Approval {
    mim: Resource,
    request: Target,
    correlation: Option<String>,
}

/// D1: the workflow asks.
fn ask(m: &mut Mim, waiting: &Waiting, at: DateTime<Utc>) -> (Approval, DateTime<Utc>) {
    let (value, request, shown) = waiting.reference();
    let requestor = &waiting.draft.creator;
    let (id, key) = (m.rng.uuid(), m.key());
    let request_json = match &value {
        Value::Json(object) => object.clone(),
        Value::Text(key) => format!("\"{key}\""),
        _ => "null".to_owned(),
    };
    let mim = Resource::new(id, key, "Approval", Some("Approval"), None, |o| {
        o.raw("Request", &request_json)
            .text("ApprovalStatus", "Pending")
            .text("ApprovalThreshold", "1");
    });
    let creator = m.account(Account::Service);
    let at = at + TimeDelta::milliseconds(m.rng.between(30, 700) as i64);
    let mut draft = m.create(creator, &mim, at);
    if m.rng.percent(50) {
        draft.parent = Some(Parent {
            json: format!("\"{}\"", waiting.draft.id),
            id: waiting.draft.id.to_string(),
        });
    }
    let requestor_actor = requestor.actor.clone();
    let requestor_json = json::object(|o| {
        o.optional("HybridObjectID", requestor_actor.id.as_deref())
            .optional("AccountName", requestor_actor.account.as_deref())
            .optional("DisplayName", requestor_actor.name.as_deref())
            .optional("Domain", requestor_actor.domain.as_deref())
            .text("ObjectType", "Person");
    });
    let instance = waiting.draft.authorization[0].key.to_string();
    draft
        .initial("ObjectType", Value::text("Approval"))
        .initial("Request", value)
        .initial("Requestor", Value::Json(requestor_json));
    for approver in &waiting.draft.asked {
        draft.initial("Approver", Value::of(&approver.mim));
    }
    draft
        .initial("ApprovalStatus", Value::text("Pending"))
        .initial("WorkflowInstance", Value::text(&*instance));
    let id = mim.id.to_string();
    let mut targets = vec![truth::target(&mim), request.clone()];
    targets.extend(
        waiting
            .draft
            .asked
            .iter()
            .map(|person| truth::target(&person.mim)),
    );
    let subject = Subject::Whole(Some(&id));
    let mut row = truth::row(&draft, REQUESTED, Outcome::Success, subject, targets);
    // The requestor stands for the row; the service that wrote it is a detail.
    let service = draft.creator.actor.text().to_owned();
    row.details
        .insert(0, crate::activity::Detail::new("Creator", service));
    row.actor = requestor_actor.clone();
    row.approvers_asked = waiting
        .draft
        .asked
        .iter()
        .map(|person| truth::user(&person.mim))
        .collect();
    let set = |property, value: &str| change(property, ChangeMode::Set, Some(value));
    row.changes = vec![
        set("ObjectType", "Approval"),
        set("Request", &shown),
        set(
            "Requestor",
            requestor_actor.name.as_deref().unwrap_or_default(),
        ),
    ];
    row.changes.extend(
        waiting
            .draft
            .asked
            .iter()
            .map(|person| set("Approver", person.name())),
    );
    row.changes.push(set("ApprovalStatus", "Pending"));
    row.changes.push(set("WorkflowInstance", &instance));
    let correlation = (waiting.naming != Naming::UnknownKey).then(|| waiting.draft.id.to_string());
    correlate(&mut row, correlation.as_deref());
    let at = m.log(&draft, vec![row]);
    let approval = Approval {
        mim,
        request,
        correlation,
    };
    (approval, at)
}

fn correlate(row: &mut Activity, decided: Option<&str>) {
    if let Some(decided) = decided {
        row.correlation = Some(decided.to_owned());
    }
}

/// D2 and D3: somebody decides.
fn respond(
    m: &mut Mim,
    waiting: &Waiting,
    approval: &Approval,
    approved: bool,
    reason: Option<&'static str>,
    at: DateTime<Utc>,
) -> DateTime<Utc> {
    let approver = Arc::clone(m.rng.pick(&waiting.draft.asked));
    let decision = if approved { "Approved" } else { "Rejected" };
    let inside = m.rng.percent(40);
    let (id, key) = (m.rng.uuid(), m.key());
    let mim = Resource::new(
        id,
        key,
        "ApprovalResponse",
        Some("ApprovalResponse"),
        None,
        |o| {
            o.text("Decision", decision);
            if inside {
                o.optional("Reason", reason);
            }
        },
    );
    let mut draft = m.create(by(&approver), &mim, at);
    m.grant(&mut draft, &[Rule::Respond]);
    // The approval is named by its object, with or without the request, or by its key.
    let way = m.rng.below(3);
    let (value, shown) = match way {
        0 => (Value::of(&approval.mim), "Approval".to_owned()),
        1 => (
            Value::Json(approval.mim.full.clone()),
            "Approval".to_owned(),
        ),
        _ => {
            let key = approval.mim.key.to_string();
            (Value::text(&*key), key)
        }
    };
    let mut request = approval.request.clone();
    if way != 1 && waiting.naming == Naming::Object {
        // Of an approval that was read before, a reader knows the request's GUID alone.
        request.name = None;
    }
    draft
        .initial("Approval", value)
        .initial("Decision", Value::text(decision));
    let mut changes = vec![
        change("Approval", ChangeMode::Set, Some(&shown)),
        change("Decision", ChangeMode::Set, Some(decision)),
    ];
    if let (Some(reason), false) = (reason, inside) {
        draft.initial("Reason", Value::text(reason));
        changes.push(change("Reason", ChangeMode::Set, Some(reason)));
    }
    let id = mim.id.to_string();
    let mut row = truth::row(
        &draft,
        if approved { APPROVED } else { REJECTED },
        Outcome::Success,
        Subject::Whole(Some(&id)),
        vec![truth::target(&approval.mim), request],
    );
    row.reason = reason.map(str::to_owned);
    row.changes = changes;
    row.approvers_decided = vec![row.actor.clone()];
    correlate(&mut row, approval.correlation.as_deref());
    m.log(&draft, vec![row])
}

/// D4 and D5: the approval itself changes.
fn update(
    m: &mut Mim,
    approval: &Approval,
    creator: Creator,
    status: &'static str,
    at: DateTime<Utc>,
) -> DateTime<Utc> {
    let mut draft = m.put(creator, &approval.mim, at);
    draft.modify("ApprovalStatus", Value::text(status));
    let id = approval.mim.id.to_string();
    let expired = status == "Expired";
    let mut row = truth::row(
        &draft,
        if expired { EXPIRED } else { UPDATED },
        Outcome::Success,
        Subject::Whole(Some(&id)),
        vec![truth::target(&approval.mim), approval.request.clone()],
    );
    if !expired {
        row.flags.insert(Flags::NOISE);
    }
    row.changes = vec![change("ApprovalStatus", ChangeMode::Set, Some(status))];
    correlate(&mut row, approval.correlation.as_deref());
    m.log(&draft, vec![row])
}

/// A whole story: asked, approved or rejected, and the request's end.
pub(super) fn join(m: &mut Mim, at: DateTime<Utc>) {
    let naming = match m.rng.below(10) {
        0..5 => Naming::Object,
        5..8 => Naming::KnownKey,
        _ => Naming::UnknownKey,
    };
    let waiting = Waiting::begin(m, at, naming);
    let at = waiting.log_waiting(m);
    let (approval, at) = ask(m, &waiting, at);
    // A key is known for a while only; who names objects may take days.
    let at = if naming == Naming::Object {
        m.later(at, 60, 200_000)
    } else {
        m.soon(at, 30, 600)
    };
    let approved = m.rng.percent(75);
    let reason = match (approved, m.rng.percent(60)) {
        (false, true) => Some("Rota full; ask again in June"),
        (true, true) if m.rng.percent(30) => Some("Welcome"),
        _ => None,
    };
    let at = respond(m, &waiting, &approval, approved, reason, at);
    let at = if m.rng.percent(30) {
        let creator = m.account(Account::Service);
        update(
            m,
            &approval,
            creator,
            if approved { "Approved" } else { "Rejected" },
            at,
        )
    } else {
        at
    };
    let end = if approved {
        Decided {
            status: "Completed",
            outcome: Outcome::Success,
            reason,
            detail: None,
            control: None,
        }
    } else {
        Decided {
            status: "Denied",
            outcome: Outcome::Denied,
            reason,
            detail: Some("An approver rejected the request."),
            control: None,
        }
    };
    waiting.log_end(m, at, &end);
}

/// D4: nobody decides in time.
pub(super) fn expires(m: &mut Mim, at: DateTime<Utc>) {
    let waiting = Waiting::begin(m, at, Naming::Object);
    let at = waiting.log_waiting(m);
    let (approval, at) = ask(m, &waiting, at);
    let at = m.later(at, 80_000, 300_000);
    let creator = m.account(Account::Service);
    let at = update(m, &approval, creator, "Expired", at);
    let end = Decided {
        status: if m.rng.percent(30) {
            "Expired"
        } else {
            "Denied"
        },
        outcome: Outcome::Denied,
        reason: None,
        detail: Some("The approval was not answered in time."),
        control: None,
    };
    let end = if end.status == "Expired" {
        Decided {
            outcome: Outcome::Expired,
            ..end
        }
    } else {
        end
    };
    waiting.log_end(m, at, &end);
}

/// D6: who asked thinks better of it.
pub(super) fn cancelled(m: &mut Mim, at: DateTime<Utc>) {
    let waiting = Waiting::begin(m, at, Naming::Object);
    let at = waiting.log_waiting(m);
    let at = m.later(at, 20, 20_000);
    let request = Resource::new(
        waiting.draft.id,
        waiting.draft.key,
        "Request",
        Some(&waiting.draft.display_name()),
        None,
        |o| {
            o.text("RequestStatus", "Authorizing");
        },
    );
    let mut draft = m.put(waiting.draft.creator.clone(), &request, at);
    m.grant(&mut draft, &[Rule::Cancel]);
    let word = if m.rng.percent(80) {
        "CancelOperation"
    } else {
        "CancelActionWorkflow"
    };
    draft.modify("RequestControl", Value::text(word));
    let id = request.id.to_string();
    let mut row = truth::row(
        &draft,
        CANCEL,
        Outcome::Success,
        Subject::Whole(Some(&id)),
        vec![truth::target(&request)],
    );
    row.changes = vec![change("RequestControl", ChangeMode::Set, Some(word))];
    let at = m.log(&draft, vec![row]);
    let end = Decided {
        status: "Canceled",
        outcome: Outcome::Canceled,
        reason: None,
        detail: None,
        control: Some("CancelOperation"),
    };
    waiting.log_end(m, at, &end);
}

/// D7: a response whose decision is no known word.
pub(super) fn odd(m: &mut Mim, at: DateTime<Utc>) {
    let approver = m.somebody();
    let (id, key) = (m.rng.uuid(), m.key());
    let mim = Resource::new(
        id,
        key,
        "ApprovalResponse",
        Some("ApprovalResponse"),
        None,
        |_| {},
    );
    let mut draft = m.create(by(&approver), &mim, at);
    m.grant(&mut draft, &[Rule::Respond]);
    draft.initial("Decision", Value::text("Deferred"));
    let id = mim.id.to_string();
    let mut row = truth::row(
        &draft,
        DEFERRED,
        Outcome::Success,
        Subject::Whole(Some(&id)),
        vec![truth::target(&mim)],
    );
    row.changes = vec![change("Decision", ChangeMode::Set, Some("Deferred"))];
    m.log(&draft, vec![row]);
}
