//! Self-service password reset, its lockouts, and resets by a helpdesk.

use chrono::{DateTime, TimeDelta, Utc};

use super::engine::{Mim, by};
use super::registration;
use crate::activity::{Activity, ChangeMode, Detail, Outcome, Source};
use crate::generate::directory::Person;
use crate::generate::document::{Draft, Value};
use crate::generate::library::{Account, GATES, RESET_ACTION, Rule, SILENT_GATES};
use crate::generate::truth::{
    self, Called, Expectation, ExpectedReset, Subject, about, change, details_after_initiator,
};

const RESET: Called<'_> = (
    "password.reset.self",
    "User Password Reset",
    "UserManagement",
);
const BY_ADMIN: Called<'_> = (
    "password.reset.admin",
    "Reset password (by admin)",
    "UserManagement",
);

/// How an attempt ended: the status word, the row's outcome, and the words of the report.
pub(super) struct End {
    pub(super) status: &'static str,
    pub(super) outcome: Outcome,
    pub(super) word: &'static str,
    pub(super) detail: String,
    pub(super) reason: Option<&'static str>,
}

/// What is known of an attempt beside its request.
pub(super) struct Attempt<'a> {
    pub(super) person: &'a Person,
    pub(super) methods: &'a [&'static str],
    /// The request's own texts name the methods, so the detail can.
    pub(super) named: bool,
}

/// A1, A2 and A3: a person passes the gates, or does not.
pub(super) fn reset(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.somebody();
    let gates = *m.rng.pick(&GATES);
    let attempt = Attempt {
        person: &person,
        methods: gates.methods,
        named: true,
    };
    let mut draft = begin(m, &person, (gates.workflow, gates.definition), at);
    let end = choose_end(m, &mut draft, &attempt);
    let twice = draft.committed.is_some() && m.rng.percent(10);
    if twice {
        let mut earlier = m.earlier(&draft, "Authenticating");
        for workflow in &mut earlier.authentication {
            workflow.status = "Running";
        }
        let seconds = m.rng.between(40, 400) as i64;
        let shift = TimeDelta::seconds(seconds);
        draft.committed = draft.committed.map(|time| time + shift);
        draft.completed = draft.completed.map(|time| time + shift);
        let left = End {
            status: "Authenticating",
            outcome: Outcome::Pending,
            word: "Abandoned",
            detail: format!("Left at {}", gates.methods.join(", ")),
            reason: None,
        };
        let row = reset_row(&earlier, &attempt, &left);
        let logged = earlier.created + TimeDelta::milliseconds(m.rng.between(20, 900) as i64);
        m.log_waiting(&earlier, vec![row], logged);
    }
    let row = reset_row(&draft, &attempt, &end);
    expect(m, &row, &attempt, &end);
    if twice {
        m.log_again(&draft, vec![row]);
    } else {
        m.log(&draft, vec![row]);
    }
}

/// The request of an attempt, in one of the forms that it can have.
pub(super) fn begin(
    m: &mut Mim,
    person: &Person,
    gates: (&'static str, u64),
    at: DateTime<Utc>,
) -> Draft {
    let way = m.rng.below(100);
    let creator = if way < 90 {
        m.account(Account::Anonymous)
    } else {
        by(person)
    };
    let mut draft = m.put(creator, &person.mim, at);
    match way {
        // A1 and, last, A3: the request names the secret attribute, mostly without its value.
        0..70 | 90.. => {
            let value = match way % 3 {
                0 => Value::text("c2VjcmV0"),
                1 => Value::Null,
                _ => Value::Missing,
            };
            draft.modify("ResetPassword", value);
            let rule = if way.is_multiple_of(2) {
                Rule::AnonymousReset
            } else {
                Rule::CopyOfReset
            };
            m.grant(&mut draft, &[rule]);
        }
        // A2: it was left out, and a rule tells, or nothing does.
        70..80 => m.grant(&mut draft, &[Rule::AnonymousReset]),
        80..86 => m.grant(&mut draft, &[Rule::CopyOfReset]),
        _ => {}
    }
    let workflow = m.workflow(gates);
    draft.authentication.push(workflow);
    let workflow = m.workflow(RESET_ACTION);
    draft.action.push(workflow);
    draft
}

fn choose_end(m: &mut Mim, draft: &mut Draft, attempt: &Attempt<'_>) -> End {
    let methods = attempt.methods.join(", ");
    let at = |verb: &str, otherwise: &str| {
        if attempt.named {
            format!("{verb} {methods}")
        } else {
            otherwise.to_owned()
        }
    };
    let end = |status, outcome, word, detail: String, reason| End {
        status,
        outcome,
        word,
        detail,
        reason,
    };
    let chosen = match m.rng.below(100) {
        0..62 => end(
            "Completed",
            Outcome::Success,
            "Succeeded",
            "Reset finished".into(),
            None,
        ),
        62..70 => {
            let reason = "The new secret does not meet the domain's policy.";
            draft.action[0].status = "Terminated";
            draft.action[0].detail = Some(reason);
            end(
                "PostProcessingError",
                Outcome::Failure,
                "Failed",
                "Gates passed, directory refused the password".into(),
                Some(reason),
            )
        }
        70..78 => end_at_gates(m, draft, "The answers do not match.", |reason| {
            end(
                "Denied",
                Outcome::Denied,
                "Failed",
                at("Stopped at", "Stopped at the gates"),
                Some(reason),
            )
        }),
        78..84 => end_at_gates(m, draft, "Lockout gate: too many wrong tries.", |reason| {
            end(
                "Denied",
                Outcome::Denied,
                "Blocked",
                at("Locked out at", "Locked out after too many tries"),
                Some(reason),
            )
        }),
        84..86 => end_at_gates(
            m,
            draft,
            "The person is locked out for 15 minutes.",
            |reason| {
                end(
                    "Failed",
                    Outcome::Failure,
                    "Blocked",
                    at("Locked out at", "Locked out after too many tries"),
                    Some(reason),
                )
            },
        ),
        86..89 => {
            draft.action.clear();
            let reason = "The domain controller was not reached.";
            draft.messages.push(reason.to_owned());
            end(
                "Failed",
                Outcome::Failure,
                "Failed",
                at("Stopped at", "Stopped by an error"),
                Some(reason),
            )
        }
        89..92 => {
            draft.action.clear();
            draft.authentication[0].status = "Canceled";
            end(
                "Canceled",
                Outcome::Canceled,
                "Cancelled",
                "Cancelled before the end".into(),
                None,
            )
        }
        92 => {
            draft.action[0].status = "Canceled";
            end(
                "CanceledPostProcessing",
                Outcome::Canceled,
                "Cancelled",
                "Gates passed, reset cancelled".into(),
                None,
            )
        }
        93..97 => {
            draft.action.clear();
            draft.authentication[0].status = "Running";
            end(
                "Authenticating",
                Outcome::Pending,
                "Abandoned",
                at("Left at", "Left at the gates"),
                None,
            )
        }
        97 => {
            draft.action.clear();
            end(
                "Expired",
                Outcome::Expired,
                "Abandoned",
                "Not finished in time".into(),
                None,
            )
        }
        _ => {
            draft.action[0].status = "Running";
            let status = if m.rng.percent(50) {
                "Committed"
            } else {
                "PostProcessing"
            };
            end(
                status,
                Outcome::Success,
                "Succeeded",
                "Gates passed, reset under way".into(),
                None,
            )
        }
    };
    draft.status = chosen.status.into();
    match chosen.status {
        "Denied" | "Failed" | "Canceled" | "Expired" => m.end(draft, chosen.status),
        "Authenticating" => {
            draft.committed = None;
            draft.completed = None;
        }
        "Committed" | "PostProcessing" => draft.completed = None,
        _ => {}
    }
    chosen
}

pub(super) fn end_at_gates(
    m: &mut Mim,
    draft: &mut Draft,
    reason: &'static str,
    end: impl FnOnce(&'static str) -> End,
) -> End {
    draft.action.clear();
    draft.authentication[0].status = "Terminated";
    // Either the gate's workflow says why, or the request does.
    if m.rng.percent(60) {
        draft.authentication[0].detail = Some(reason);
    } else {
        draft.messages.push(reason.to_owned());
    }
    end(reason)
}

pub(super) fn reset_row(draft: &Draft, attempt: &Attempt<'_>, end: &End) -> Activity {
    let person = &attempt.person.mim;
    let id = person.id.to_string();
    let mut row = truth::row(
        draft,
        RESET,
        end.outcome,
        Subject::Whole(Some(&id)),
        vec![truth::target(person)],
    );
    about(&mut row, person, "Creator", draft);
    let more = vec![
        Detail::new("ResetResult", end.word),
        Detail::new("ResetDetail", end.detail.clone()),
    ];
    details_after_initiator(&mut row, more);
    row.reason = end.reason.map(str::to_owned);
    row.methods = attempt
        .methods
        .iter()
        .map(|&word| word.to_owned())
        .collect();
    if !draft.parameters.is_empty() {
        row.changes = vec![change("ResetPassword", ChangeMode::Set, None)];
    }
    row
}

pub(super) fn expect(m: &mut Mim, row: &Activity, attempt: &Attempt<'_>, end: &End) {
    m.expect(Expectation::PasswordReset(ExpectedReset {
        time: row.time,
        source: Source::IdentityManager,
        user: attempt.person.mim.account.clone().unwrap_or_default(),
        kind: RESET.0.to_owned(),
        methods: row.methods.clone(),
        result: end.word.to_owned(),
        correlation: row.correlation.clone().unwrap_or_default(),
    }));
}

/// A4: somebody of the helpdesk, or an administrator, sets a new password.
pub(super) fn by_admin(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.somebody();
    let creator = if m.rng.percent(30) {
        m.account(Account::Administrator)
    } else {
        let helper = m.directory.other(&mut m.rng, &person);
        by(&helper)
    };
    let mut draft = m.put(creator, &person.mim, at);
    draft.modify("ResetPassword", Value::Missing);
    m.grant(&mut draft, &[Rule::HelpdeskReset]);
    if m.rng.percent(30) {
        draft.justification = Some("Called from home, identity checked".to_owned());
    }
    let (outcome, reason) = m.everyday_end(&mut draft);
    let id = person.mim.id.to_string();
    let mut row = truth::row(
        &draft,
        BY_ADMIN,
        outcome,
        Subject::Whole(Some(&id)),
        vec![truth::target(&person.mim)],
    );
    row.reason = reason;
    row.changes = vec![change("ResetPassword", ChangeMode::Set, None)];
    m.expect(Expectation::PasswordReset(ExpectedReset {
        time: row.time,
        source: Source::IdentityManager,
        user: person.mim.account.clone().unwrap_or_default(),
        kind: BY_ADMIN.0.to_owned(),
        methods: Vec::new(),
        result: outcome_word(outcome).to_owned(),
        correlation: row.correlation.clone().unwrap_or_default(),
    }));
    m.log(&draft, vec![row]);
}

/// A helpdesk's reset is reported by its outcome.
fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "Succeeded",
        _ => "Failed",
    }
}

/// Resets whose own text names no method: what was read before tells, or nothing does.
pub(super) fn learned(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.stranger();
    let mut at = at;
    let mut gates = SILENT_GATES;
    let (methods, named): (&[&str], bool) = match m.rng.below(3) {
        0 => (&["Unknown"], false),
        1 => {
            at = registration::by_phone(m, &person, at);
            (&["OTP over SMS"], false)
        }
        _ => {
            gates.1 = m.key();
            at = super::policy::gates_written(m, gates.1, at);
            (&["Security Questions", "OTP over SMS"], true)
        }
    };
    let attempt = Attempt {
        person: &person,
        methods,
        named,
    };
    let at = m.soon(at, 20, 500);
    let mut draft = begin(m, &person, gates, at);
    let end = choose_end(m, &mut draft, &attempt);
    let row = reset_row(&draft, &attempt, &end);
    expect(m, &row, &attempt, &end);
    m.log(&draft, vec![row]);
}
