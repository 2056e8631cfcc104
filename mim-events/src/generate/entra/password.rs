//! Password resets in the cloud: each is a dozen records of three services.

use chrono::{DateTime, Utc};

use super::engine::Cloud;
use super::flow::{FLOW, Flow, VERIFICATIONS};
use super::record::{self, Initiator, Named, Property, Written, user};
use crate::activity::{Detail, Flags};
use crate::generate::directory::Person;

pub(super) const PASSWORDS: &str = "Self-service Password Management";
const RESET: (&str, &str, &str, &str) = (
    PASSWORDS,
    "Reset password (self-service)",
    "UserManagement",
    "Update",
);
const UNLOCK: (&str, &str, &str, &str) = (
    PASSWORDS,
    "Unlock user account (self-service)",
    "UserManagement",
    "Update",
);
const BLOCKED: (&str, &str, &str, &str) = (
    PASSWORDS,
    "Blocked from self-service password reset",
    "UserManagement",
    "Update",
);
const BY_ADMIN: (&str, &str, &str, &str) = (
    PASSWORDS,
    "Reset password (by admin)",
    "UserManagement",
    "Update",
);
const CHANGE: (&str, &str, &str, &str) = (
    PASSWORDS,
    "Change password (self-service)",
    "UserManagement",
    "Update",
);
const DIRECTORY_RESET: (&str, &str, &str, &str) = (
    "Core Directory",
    "Reset user password",
    "UserManagement",
    "Update",
);
const TOKENS: (&str, &str, &str, &str) = (
    "Core Directory",
    "Update StsRefreshTokenValidFrom Timestamp",
    "UserManagement",
    "Update",
);

/// A reset that ends well, with what the directory writes of it.
pub(super) fn reset(c: &mut Cloud, at: DateTime<Utc>) {
    let mut flow = Flow::begin(c, at);
    flow.opening(c);
    let methods = flow.verify(c);
    flow.step(
        c,
        "User submitted a new password",
        "submitted_password",
        None,
        false,
    );

    flow.time = c.after(flow.time, 1, 4);
    let by = c.by(&flow.person);
    let mut record = c.record(
        RESET,
        by,
        vec![user(&flow.person)],
        &flow.correlation,
        flow.time,
    );
    record.reason = Some("Successfully completed reset.");
    record.details = vec![("OnPremisesAgent", Some(agent(c)))];
    let row = c.row(&record, "password.reset.self", Flags::default());
    flow.expect(c, record.time, "password.reset.self", methods, "Succeeded");
    c.log(&record, row);

    flow.step(
        c,
        "User successfully reset password",
        "succeeded",
        None,
        false,
    );
    if c.rng.percent(80) {
        // The directory's own record: written by the password service.
        flow.time = c.after(flow.time, 0, 2);
        let service = Initiator::User {
            id: c.rng.uuid(),
            upn: Some("fim_password_service@support.onmicrosoft.com".to_owned()),
            named: Named::Nothing,
            ip: None,
        };
        let mut target = user(&flow.person);
        target.properties = directory_properties(&flow.person);
        let record = c.record(
            DIRECTORY_RESET,
            service,
            vec![target],
            &flow.correlation,
            flow.time,
        );
        let row = c.row(&record, "password.reset.directory", Flags::NOISE);
        c.log(&record, row);
    }
    if c.rng.percent(70) {
        let service = Initiator::User {
            id: c.rng.uuid(),
            upn: Some("fim_password_service@support.onmicrosoft.com".to_owned()),
            named: Named::Nothing,
            ip: None,
        };
        let mut target = user(&flow.person);
        target.properties = vec![
            record::change(
                "StsRefreshTokensValidFrom",
                Some("2026-02-01T09:00:00Z"),
                Some("2026-03-02T08:15:10Z"),
                Written::List,
            ),
            Property {
                refers: true,
                ..record::change(
                    "Included Updated Properties",
                    None,
                    Some("StsRefreshTokensValidFrom"),
                    Written::Text,
                )
            },
        ];
        let record = c.record(TOKENS, service, vec![target], &flow.correlation, flow.time);
        let row = c.row(&record, "token.refresh", Flags::NOISE);
        c.log(&record, row);
    }
}

fn agent(c: &mut Cloud) -> String {
    (c.rng
        .word(&["None", "Microsoft Entra Connect", "CloudSync"]))
    .to_owned()
}

fn directory_properties(person: &Person) -> Vec<Property> {
    vec![
        record::change("Password", None, None, Written::Text),
        record::change("ForceChangePassword", None, Some("True"), Written::Text),
        Property {
            refers: true,
            ..record::change("TargetId.UserType", None, Some("Member"), Written::Text)
        },
        Property {
            refers: true,
            ..record::change(
                "Action Client Name",
                None,
                Some(person.department),
                Written::Plain,
            )
        },
    ]
}

/// A flow that an error, a policy or the person ends.
pub(super) fn gives_up(c: &mut Cloud, at: DateTime<Utc>) {
    let mut flow = Flow::begin(c, at);
    flow.opening(c);
    let mut tried = Vec::new();
    let (sentence, step, word) = match c.rng.below(5) {
        0 => (
            "User's account has insufficient authentication methods registered",
            "failed",
            "Failed",
        ),
        1 => (
            "Password reset is not enabled for this user",
            "failed",
            "Failed",
        ),
        2 => {
            tried = flow.verify(c);
            (
                "User's new password does not meet the policy",
                "failed",
                "Failed",
            )
        }
        _ => {
            let verification = c.rng.pick(&VERIFICATIONS);
            flow.step(
                c,
                verification.started,
                "started",
                Some(verification.word),
                false,
            );
            tried.push(verification.word.to_owned());
            (
                "User cancelled before passing the required authentication methods",
                "canceled",
                "Cancelled",
            )
        }
    };
    // The expectation needs the time of the record that it goes out with.
    flow.time = c.after(flow.time, 2, 40);
    let by = c.by(&flow.person);
    let mut record = c.record(
        FLOW,
        by,
        vec![user(&flow.person)],
        &flow.correlation,
        flow.time,
    );
    record.result = "failure";
    record.reason = Some(sentence);
    let mut row = c.row(&record, "sspr.flow", Flags::default());
    row.details.insert(0, Detail::new("Step", step));
    flow.expect(c, record.time, "sspr.flow", tried, word);
    c.log(&record, row);
}

/// Somebody looks and leaves: no attempt.
pub(super) fn visits(c: &mut Cloud, at: DateTime<Utc>) {
    let mut flow = Flow::begin(c, at);
    flow.opening(c);
}

/// Too many tries.
pub(super) fn blocked(c: &mut Cloud, at: DateTime<Utc>) {
    let mut flow = Flow::begin(c, at);
    flow.opening(c);
    let verification = c.rng.pick(&VERIFICATIONS);
    for _ in 0..c.rng.between(1, 3) {
        flow.step(
            c,
            verification.started,
            "started",
            Some(verification.word),
            false,
        );
    }
    flow.time = c.after(flow.time, 1, 20);
    let by = c.by(&flow.person);
    let mut record = c.record(
        BLOCKED,
        by,
        vec![user(&flow.person)],
        &flow.correlation,
        flow.time,
    );
    record.reason = Some("User was blocked after too many tries of one verification option");
    let row = c.row(&record, "sspr.blocked", Flags::default());
    flow.expect(
        c,
        record.time,
        "sspr.blocked",
        vec![verification.word.to_owned()],
        "Blocked",
    );
    c.log(&record, row);
}

/// The account is unlocked and the password stays.
pub(super) fn unlock(c: &mut Cloud, at: DateTime<Utc>) {
    let mut flow = Flow::begin(c, at);
    flow.opening(c);
    let verification = c.rng.pick(&VERIFICATIONS);
    flow.step(
        c,
        verification.started,
        "started",
        Some(verification.word),
        false,
    );
    flow.step(
        c,
        verification.completed,
        "completed",
        Some(verification.word),
        false,
    );
    flow.time = c.after(flow.time, 1, 20);
    let by = c.by(&flow.person);
    let mut record = c.record(
        UNLOCK,
        by,
        vec![user(&flow.person)],
        &flow.correlation,
        flow.time,
    );
    record.reason = Some("Success");
    let row = c.row(&record, "account.unlock.self", Flags::default());
    flow.expect(
        c,
        record.time,
        "account.unlock.self",
        vec![verification.word.to_owned()],
        "Succeeded",
    );
    c.log(&record, row);
}

/// A helpdesk's reset, mostly with the directory's record of it.
pub(super) fn by_admin(c: &mut Cloud, at: DateTime<Utc>) {
    let flow = Flow::begin(c, at);
    let helper = c.directory.other(&mut c.rng, &flow.person);
    let by = c.by(&helper);
    let mut record = c.record(
        BY_ADMIN,
        by.clone(),
        vec![user(&flow.person)],
        &flow.correlation,
        at,
    );
    let failed = c.rng.percent(8);
    let (reason, word) = if failed {
        record.result = "failure";
        ("OnPremisesPolicyViolation", "Failed")
    } else {
        ("Successfully completed reset.", "Succeeded")
    };
    record.reason = Some(reason);
    record.details = vec![("OnPremisesAgent", Some(agent(c)))];
    let row = c.row(&record, "password.reset.admin", Flags::default());
    flow.expect(c, record.time, "password.reset.admin", Vec::new(), word);
    c.log(&record, row);
    if !failed && c.rng.percent(80) {
        let mut target = user(&flow.person);
        target.properties = directory_properties(&flow.person);
        let at = c.after(at, 0, 3);
        let record = c.record(DIRECTORY_RESET, by, vec![target], &flow.correlation, at);
        let row = c.row(&record, "password.reset.directory", Flags::default());
        c.log(&record, row);
    }
}

/// An administrator's reset that only the directory wrote down.
pub(super) fn in_the_directory(c: &mut Cloud, at: DateTime<Utc>) {
    let flow = Flow::begin(c, at);
    let helper = c.directory.other(&mut c.rng, &flow.person);
    let by = c.by(&helper);
    let mut target = user(&flow.person);
    target.properties = directory_properties(&flow.person);
    let record = c.record(DIRECTORY_RESET, by, vec![target], &flow.correlation, at);
    let row = c.row(&record, "password.reset.directory", Flags::default());
    flow.expect(
        c,
        record.time,
        "password.reset.directory",
        Vec::new(),
        "Succeeded",
    );
    c.log(&record, row);
}

/// Somebody who knows the old password sets a new one.
pub(super) fn change(c: &mut Cloud, at: DateTime<Utc>) {
    let flow = Flow::begin(c, at);
    let by = c.by(&flow.person);
    let mut record = c.record(CHANGE, by, vec![user(&flow.person)], &flow.correlation, at);
    if c.rng.percent(15) {
        record.result = "failure";
        record.reason = Some("PasswordDoesnotComplyFuzzyPolicy");
    } else {
        record.reason = Some("None");
    }
    let row = c.row(&record, "password.change.self", Flags::default());
    c.log(&record, row);
}
