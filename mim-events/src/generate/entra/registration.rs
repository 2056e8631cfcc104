//! Security info: registered, changed and deleted, by people and by administrators.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::engine::Cloud;
use super::password::PASSWORDS;
use super::record::{Property, Written, change, user};
use crate::activity::{Activity, Flags, Outcome, Source};
use crate::generate::directory::Person;
use crate::generate::truth::{Expectation, ExpectedRegistration};

const METHODS: &str = "Authentication Methods";
const REGISTERED: (&str, &str, &str, &str) = (
    METHODS,
    "User registered security info",
    "UserManagement",
    "Update",
);
const REGISTERED_ALL: (&str, &str, &str, &str) = (
    METHODS,
    "User registered all required security info",
    "UserManagement",
    "Update",
);
const STARTED: (&str, &str, &str, &str) = (
    METHODS,
    "User started security info registration",
    "UserManagement",
    "Update",
);

/// What a record says was registered, and the report's word for it.
const KINDS: [(&str, &str); 7] = [
    (
        "User registered Authenticator App with Notification and Code",
        "Authenticator App",
    ),
    (
        "User registered Authenticator App with Code",
        "Authenticator App",
    ),
    ("User registered Mobile Phone SMS", "Mobile Phone"),
    ("User registered Mobile Phone Call and SMS", "Mobile Phone"),
    ("User registered Email", "Alternate Email"),
    ("User registered Security questions", "Security Questions"),
    ("User registered Fido", "FIDO2 Security Key"),
];

fn expect(c: &mut Cloud, row: &Activity, person: &Person, data: Vec<String>) {
    c.expect(Expectation::PasswordRegistration(ExpectedRegistration {
        time: row.time,
        source: Source::Entra,
        user: person.upn.clone(),
        data,
        result: row.result,
        correlation: row.correlation.clone().unwrap_or_default(),
    }));
}

/// One to three methods under one correlation id, the directory's echo, the end.
pub(super) fn register(c: &mut Cloud, at: DateTime<Utc>) {
    let person = c.somebody();
    let correlation = c.correlation();
    let count = c.rng.between(1, 3) as usize;
    let first = c.rng.index(KINDS.len());
    let chosen: Vec<_> = (0..count)
        .map(|n| KINDS[(first + n * 2) % KINDS.len()])
        .collect();
    let mut at = at;
    for (place, &(sentence, word)) in chosen.iter().enumerate() {
        let by = c.by(&person);
        let mut record = c.record(REGISTERED, by, vec![user(&person)], &correlation, at);
        record.reason = Some(sentence);
        let mut row = c.row(&record, "method.registered", Flags::default());
        row.methods = vec![word.to_owned()];
        if place == 0 {
            let mut data: Vec<String> = Vec::new();
            for (_, word) in &chosen {
                if !data.iter().any(|known| known == word) {
                    data.push((*word).to_owned());
                }
            }
            expect(c, &row, &person, data);
        }
        c.log(&record, row);
        at = c.after(at, 15, 120);
    }
    if c.rng.percent(60) {
        // A by-product in the directory, where it is a change of the person.
        let correlation = c.correlation();
        let by = c.by(&person);
        let mut target = user(&person);
        target.properties = vec![
            change(
                "StrongAuthenticationMethod",
                None,
                Some("{\"MethodType\":6,\"Default\":true}"),
                Written::Plain,
            ),
            Property {
                refers: true,
                ..change(
                    "Included Updated Properties",
                    None,
                    Some("StrongAuthenticationMethod"),
                    Written::Text,
                )
            },
        ];
        target.properties[0].old = Some("[]".to_owned());
        let record = c.record(
            ("Core Directory", "Update user", "UserManagement", "Update"),
            by,
            vec![target],
            &correlation,
            at,
        );
        let mut row = c.row(&record, "user.update", Flags::default());
        // An empty list is no value.
        row.changes[0].old = None;
        c.log(&record, row);
    }
    if c.rng.percent(50) {
        let by = c.by(&person);
        let mut record = c.record(REGISTERED_ALL, by, vec![user(&person)], &correlation, at);
        record.reason = Some("User registered all required security info");
        let row = c.row(&record, "sspr.registration.completed", Flags::default());
        c.log(&record, row);
    }
}

/// Somebody begins and gives up.
pub(super) fn cancelled(c: &mut Cloud, at: DateTime<Utc>) {
    let person = c.somebody();
    let correlation = c.correlation();
    let by = c.by(&person);
    let record = c.record(STARTED, by.clone(), vec![user(&person)], &correlation, at);
    let row = c.row(&record, "sspr.registration.started", Flags::default());
    c.log(&record, row);
    let at = c.after(at, 5, 200);
    let mut record = c.record(REGISTERED_ALL, by, vec![user(&person)], &correlation, at);
    record.result = "failure";
    record.reason = Some("User cancelled the security info registration");
    let row = c.row(&record, "sspr.registration.completed", Flags::default());
    expect(c, &row, &person, Vec::new());
    c.log(&record, row);
}

/// An administrator registers something for somebody.
pub(super) fn by_admin(c: &mut Cloud, at: DateTime<Utc>) {
    let person = c.somebody();
    let helper = c.directory.other(&mut c.rng, &person);
    let correlation = c.correlation();
    let by = c.by(&helper);
    let mut target = user(&person);
    let (sentence, word) = if c.rng.percent(60) {
        target.properties = vec![change(
            "Phone.Number",
            None,
            Some(&person.phone),
            Written::Text,
        )];
        ("Admin registered phone method for user", "Mobile Phone")
    } else {
        (
            "Admin registered temporary access pass method for user",
            "Temporary Access Pass",
        )
    };
    let mut record = c.record(
        (
            METHODS,
            "Admin registered security info",
            "UserManagement",
            "Update",
        ),
        by,
        vec![target],
        &correlation,
        at,
    );
    record.reason = Some(sentence);
    let mut row = c.row(&record, "method.registered", Flags::default());
    row.methods = vec![word.to_owned()];
    expect(c, &row, &person, vec![word.to_owned()]);
    c.log(&record, row);
}

/// Something that is registered changes or goes.
pub(super) fn manage(c: &mut Cloud, at: DateTime<Utc>) {
    let person = c.somebody();
    let helper: Arc<Person> = if c.rng.percent(30) {
        c.directory.other(&mut c.rng, &person)
    } else {
        Arc::clone(&person)
    };
    let admin = helper.mim.id != person.mim.id;
    let (name, kind, sentence, word) = match (admin, c.rng.below(3)) {
        (false, 0) => (
            "User deleted security info",
            "method.deleted",
            "User deleted Mobile Phone SMS",
            Some("Mobile Phone"),
        ),
        (false, 1) => (
            "User changed default security info",
            "method.updated",
            "User changed the default security info to Authenticator App",
            Some("Authenticator App"),
        ),
        (false, _) => (
            "User reviewed security info",
            "method.reviewed",
            "User successfully reviewed security info",
            None,
        ),
        (true, _) => (
            "Admin deleted security info",
            "method.deleted",
            "Admin deleted Email method for user",
            Some("Alternate Email"),
        ),
    };
    let correlation = c.correlation();
    let by = c.by(&helper);
    let mut record = c.record(
        (METHODS, name, "UserManagement", "Update"),
        by,
        vec![user(&person)],
        &correlation,
        at,
    );
    record.reason = Some(sentence);
    let mut row = c.row(&record, kind, Flags::default());
    row.methods = word.map(str::to_owned).into_iter().collect();
    c.log(&record, row);
}

/// As it was called before security info.
pub(super) fn legacy(c: &mut Cloud, at: DateTime<Utc>) {
    let person = c.somebody();
    let correlation = c.correlation();
    let by = c.by(&person);
    let record = c.record(
        (
            PASSWORDS,
            "User registered for self-service password reset",
            "UserManagement",
            "Update",
        ),
        by,
        vec![user(&person)],
        &correlation,
        at,
    );
    let row = c.row(&record, "sspr.registered", Flags::default());
    expect(c, &row, &person, Vec::new());
    debug_assert_eq!(row.result, Outcome::Success);
    c.log(&record, row);
}
