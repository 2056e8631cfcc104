//! What else stands in an audit log: synchronised people, roles, applications, policies.

use chrono::{DateTime, SecondsFormat, Utc};

use super::engine::Cloud;
use super::record::{
    CloudFormat, Initiator, Named, Property, Written, change, refers, thing, user,
};
use crate::activity::Flags;
use crate::generate::json;

const CORE: &str = "Core Directory";
const PEOPLE: &str = "UserManagement";
const ROLES: &str = "RoleManagement";

fn synchronisation(c: &mut Cloud) -> Initiator {
    Initiator::User {
        id: c.rng.uuid(),
        upn: Some("Sync_CONNECT01_4f2a9c@harbor.onmicrosoft.com".to_owned()),
        named: Named::Nothing,
        ip: None,
    }
}

/// Directory synchronisation touches somebody: no news.
pub(super) fn synchronised(c: &mut Cloud, at: DateTime<Utc>) {
    let person = c.directory.anybody(&mut c.rng);
    let by = synchronisation(c);
    let mut target = user(&person);
    target.properties = vec![
        change(
            "LastDirSyncTime",
            Some("2026-03-01T22:10:04Z"),
            Some("2026-03-02T08:10:05Z"),
            Written::List,
        ),
        Property {
            refers: true,
            ..change(
                "Included Updated Properties",
                None,
                Some("LastDirSyncTime"),
                Written::Text,
            )
        },
        Property {
            refers: true,
            ..change(
                "Action Client Name",
                None,
                Some("DirectorySync"),
                Written::Plain,
            )
        },
    ];
    let correlation = c.correlation();
    let record = c.record(
        (CORE, "Update user", PEOPLE, "Update"),
        by,
        vec![target],
        &correlation,
        at,
    );
    let row = c.row(&record, "user.update", Flags::NOISE);
    c.log(&record, row);
}

/// People come, change and go.
pub(super) fn people(c: &mut Cloud, at: DateTime<Utc>) {
    let stranger = c.stranger();
    let helper = c.somebody();
    let correlation = c.correlation();
    match c.rng.below(4) {
        0 => {
            let by = synchronisation(c);
            let mut target = user(&stranger);
            target.name = Some(stranger.name().to_owned());
            target.properties = vec![
                change("AccountEnabled", None, Some("true"), Written::List),
                change("DisplayName", None, Some(stranger.name()), Written::List),
                change(
                    "UserPrincipalName",
                    None,
                    Some(&stranger.upn),
                    Written::List,
                ),
            ];
            let record = c.record(
                (CORE, "Add user", PEOPLE, "Add"),
                by,
                vec![target],
                &correlation,
                at,
            );
            let row = c.row(&record, "user.add", Flags::default());
            c.log(&record, row);
        }
        1 => {
            // The user principal name of who is deleted begins with the object id.
            let by = c.by(&helper);
            let mut target = user(&stranger);
            let mangled = format!("{}{}", stranger.cloud.simple(), stranger.upn);
            target.upn = Some(mangled);
            target.properties = vec![change(
                "Is Hard Deleted",
                None,
                Some("False"),
                Written::Text,
            )];
            let record = c.record(
                (CORE, "Delete user", PEOPLE, "Delete"),
                by,
                vec![target],
                &correlation,
                at,
            );
            let mut row = c.row(&record, "user.delete", Flags::default());
            row.targets[0].upn = Some(stranger.upn.clone());
            c.log(&record, row);
        }
        2 => {
            let by = c.by(&helper);
            let mut target = user(&helper);
            target.properties = vec![change(
                "Department",
                Some(helper.department),
                Some("Research"),
                Written::List,
            )];
            let record = c.record(
                (CORE, "Update user", PEOPLE, "Update"),
                by,
                vec![target],
                &correlation,
                at,
            );
            let row = c.row(&record, "user.update", Flags::default());
            c.log(&record, row);
        }
        _ => {
            let by = c.by(&helper);
            let person = c.directory.other(&mut c.rng, &helper);
            let (name, kind) = if c.rng.percent(50) {
                ("Disable account", "user.disable")
            } else {
                ("Enable account", "user.enable")
            };
            let record = c.record(
                (CORE, name, PEOPLE, "Update"),
                by,
                vec![user(&person)],
                &correlation,
                at,
            );
            let row = c.row(&record, kind, Flags::default());
            c.log(&record, row);
        }
    }
}

/// A role is activated for a while, and ends.
pub(super) fn pim(c: &mut Cloud, at: DateTime<Utc>) {
    let person = c.somebody();
    let correlation = c.correlation();
    let role = c.rng.uuid();
    let request = c.rng.uuid().to_string();
    let reason = c
        .rng
        .word(&["Patch day", "Ticket 4711: mailbox move", "OK"]);
    let write = |c: &mut Cloud, name, operation, by, kind, at: DateTime<Utc>| {
        let targets = vec![
            thing(role, Some("Exchange Administrator"), "Role"),
            thing(uuid::Uuid::nil(), None, "Request"),
            user(&person),
        ];
        let mut record = c.record(
            ("PIM", name, ROLES, operation),
            by,
            targets,
            &correlation,
            at,
        );
        record.targets[1].id = Some(request.clone());
        record.reason = Some(reason);
        record.details = vec![
            ("RoleDefinitionOriginId", Some(role.to_string())),
            ("Justification", Some(reason.to_owned())),
            ("RequestId", Some(request.clone())),
        ];
        let mut row = c.row(&record, kind, Flags::PAM);
        row.justification = Some(reason.to_owned());
        c.log(&record, row);
    };
    let by = c.by(&person);
    write(
        c,
        "Add member to role requested (PIM activation)",
        "AssignTimeBound",
        by.clone(),
        "pam.activate",
        at,
    );
    let at = c.after(at, 1, 20);
    if c.rng.percent(10) {
        write(
            c,
            "Add member to role request denied (PIM activation)",
            "AssignTimeBound",
            by,
            "pam.activate",
            at,
        );
        return;
    }
    write(
        c,
        "Add member to role completed (PIM activation)",
        "AssignTimeBound",
        by.clone(),
        "pam.activate",
        at,
    );
    let at = c.after(at, 600, 3_600);
    if c.rng.percent(60) {
        let service = Initiator::User {
            id: c.rng.uuid(),
            upn: None,
            named: Named::Service("Azure AD PIM"),
            ip: None,
        };
        write(
            c,
            "Remove member from role (PIM activation expired)",
            "Unassign",
            service,
            "pam.expired",
            at,
        );
    } else {
        write(
            c,
            "Remove member from role completed (PIM deactivate)",
            "Unassign",
            by,
            "pam.deactivate",
            at,
        );
    }
}

/// Roles as the directory writes them.
pub(super) fn roles(c: &mut Cloud, at: DateTime<Utc>) {
    let admin = c.somebody();
    let person = c.directory.other(&mut c.rng, &admin);
    let by = c.by(&admin);
    let added = c.rng.percent(60);
    let role = c.rng.uuid();
    let name = c.rng.word(&["Global Reader", "User Administrator"]);
    let mut member = user(&person);
    let id = role.to_string();
    member.properties = vec![
        refers("Role.ObjectID", Some(&id), added),
        refers("Role.DisplayName", Some(name), added),
        refers("Role.WellKnownObjectName", Some("GlobalReaders"), added),
    ];
    let (what, kind) = if added {
        (
            (CORE, "Add member to role", ROLES, "Assign"),
            "role.member.add",
        )
    } else {
        (
            (CORE, "Remove member from role", ROLES, "Unassign"),
            "role.member.remove",
        )
    };
    let correlation = c.correlation();
    let record = c.record(
        what,
        by,
        vec![member, thing(role, None, "Role")],
        &correlation,
        at,
    );
    let mut row = c.row(&record, kind, Flags::SENSITIVE);
    row.targets[1].name = Some(name.to_owned());
    c.log(&record, row);
}

/// Applications, with names that end in a blank.
pub(super) fn applications(c: &mut Cloud, at: DateTime<Utc>) {
    let admin = c.somebody();
    let by = c.by(&admin);
    let correlation = c.correlation();
    let id = c.rng.uuid();
    let app = |properties| {
        let mut target = thing(id, Some("Payroll connector"), "Application");
        target.properties = properties;
        target
    };
    let (name, operation, kind, target) = match c.rng.below(3) {
        0 => ("Add application", "Add", "application.add", app(Vec::new())),
        1 => (
            "Update application – Certificates and secrets management ",
            "Update",
            "application.update",
            app(vec![
                // What can hold a secret is masked when it is read.
                change(
                    "KeyDescription",
                    None,
                    Some("[KeyIdentifier=1,DisplayName=CN=x, y]"),
                    Written::List,
                ),
                Property {
                    refers: true,
                    ..change(
                        "Included Updated Properties",
                        None,
                        Some("KeyDescription"),
                        Written::Text,
                    )
                },
            ]),
        ),
        _ => (
            "Consent to application",
            "Assign",
            "application.consent",
            app(Vec::new()),
        ),
    };
    let what = (CORE, name, "ApplicationManagement", operation);
    let record = c.record(what, by, vec![target], &correlation, at);
    let mut row = c.row(&record, kind, Flags::default());
    for change in &mut row.changes {
        change.new = change.new.as_ref().map(|_| "***".to_owned());
    }
    c.log(&record, row);
}

/// Policies, whose values are whole JSON objects.
pub(super) fn policies(c: &mut Cloud, at: DateTime<Utc>) {
    let admin = c.somebody();
    let correlation = c.correlation();
    let by = if c.rng.percent(10) {
        Initiator::Nobody
    } else {
        c.by(&admin)
    };
    let id = c.rng.uuid();
    let mut target = thing(id, Some("Require MFA for administrators"), "Policy");
    let state = |word: &str| {
        json::object(|o| {
            o.text("state", word)
                .text("displayName", "Require MFA for administrators");
        })
    };
    target.properties = vec![change(
        "ConditionalAccessPolicy",
        Some(&state("disabled")),
        Some(&state("enabled")),
        Written::Plain,
    )];
    let record = c.record(
        (
            "Conditional Access",
            "Update conditional access policy",
            "Policy",
            "Update",
        ),
        by,
        vec![target],
        &correlation,
        at,
    );
    let row = c.row(&record, "policy.update", Flags::default());
    c.log(&record, row);
}

/// A sign-in that stands in the same stream: no audit record, and no error.
pub(super) fn sign_in(c: &mut Cloud, at: DateTime<Utc>) {
    let person = c.somebody();
    let id = c.rng.uuid();
    let time = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let bare = json::object(|o| {
        o.plain("id", id)
            .text("createdDateTime", &time)
            .text("userPrincipalName", &person.upn)
            .text("appDisplayName", "Office 365 Exchange Online")
            .raw("signInEventTypes", "[\"interactiveUser\"]")
            .text("ipAddress", "198.51.100.7");
    });
    let json = if matches!(c.format, CloudFormat::EventHub | CloudFormat::Blob) {
        json::object(|o| {
            o.text("time", &time)
                .text("operationName", "Sign-in activity")
                .text("category", "SignInLogs")
                .raw("properties", &bare);
        })
    } else {
        bare
    };
    c.log_other(json, at);
}
