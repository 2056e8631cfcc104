//! Registering for password reset: the mark on the person, the gates, the phone numbers.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::engine::{Mim, by};
use crate::activity::{Activity, Change, ChangeMode, Detail, Flags, Outcome, Source, Target};
use crate::generate::directory::{Person, Resource};
use crate::generate::document::{Creator, Draft, Value};
use crate::generate::library::{Account, GATES, Rule};
use crate::generate::truth::{
    self, Called, Expectation, ExpectedRegistration, Subject, about, change,
    details_after_initiator, masked_address, masked_phone,
};

/// Question and answer; the only gate of a method whose type id is public.
pub(super) const QA_GATE: Uuid = Uuid::from_u128(0x45c4_d8bb_d34c_453d_8346_c906_1a2a_1e4c);
pub(super) const LOCKOUT_GATE: Uuid = Uuid::from_u128(0xd123_0ef0_c5fa_4473_be2a_3091_8b42_ea2b);
/// A gate of whatever kind.
pub(super) const OTHER_GATE: Uuid = Uuid::from_u128(0x5bd1_52c1_7c1f_4a28_9a0a_3a5c_2a4c_6e11);

const REGISTERED: Called<'_> = (
    "sspr.registered",
    "User Password Registration",
    "UserManagement",
);
const UNREGISTERED: Called<'_> = (
    "sspr.unregistered",
    "User Password Registration removed",
    "UserManagement",
);
const GATE_NOISE: Called<'_> = ("gate.add", "Create GateRegistration", "System");
const COUNTER_NOISE: Called<'_> = ("gate.update", "Update GateRegistration", "System");
const GATE: Called<'_> = (
    "method.registered",
    "Register authentication gate",
    "UserManagement",
);
const GATE_UPDATED: Called<'_> = (
    "method.updated",
    "Update authentication gate",
    "UserManagement",
);
const GATE_REMOVED: Called<'_> = (
    "method.deleted",
    "Remove authentication gate",
    "UserManagement",
);
const METHOD: Called<'_> = (
    "method.updated",
    "Update authentication method",
    "UserManagement",
);
const CLEARED: Called<'_> = (
    "sspr.cleared",
    "Clear password reset registrations",
    "Policy",
);

/// The words in the order in which reports list them.
const ORDER: [&str; 6] = [
    "Security Questions",
    "OTP over SMS",
    "OTP over e-mail",
    "Azure MFA",
    "Mobile Phone",
    "Unknown",
];

/// B1 with B3, B4 and B7 around it: registration as the portal's wizard does it.
pub(super) fn register(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.registrant(at);
    let bulk = m.rng.percent(12);
    let creator = |m: &mut Mim| {
        if bulk {
            m.account(Account::Administrator)
        } else {
            by(&person)
        }
    };
    let mut at = at;
    let mut data = Vec::new();
    let mut add = |methods: &[&str]| data.extend(methods.iter().map(|&word| word.to_owned()));

    if m.rng.percent(55) {
        let gate_type = if m.rng.percent(80) {
            QA_GATE
        } else {
            OTHER_GATE
        };
        let gate = gate(m, &person.mim, gate_type);
        let creator = creator(m);
        at = log_gate(m, creator, &person, &gate, gate_type, at);
        add(&[gate_word(gate_type)]);
    }
    if m.rng.percent(30) {
        let gate = gate(m, &person.mim, LOCKOUT_GATE);
        let creator = m.account(Account::Service);
        at = log_gate(m, creator, &person, &gate, LOCKOUT_GATE, at);
    }
    if m.rng.percent(60) {
        at += TimeDelta::milliseconds(m.rng.between(2_000, 90_000) as i64);
        let creator = creator(m);
        let methods;
        (at, methods) = log_method(m, creator, &person, at);
        add(methods);
    }

    // The mark comes last; or together with the number, by the person.
    at += TimeDelta::milliseconds(m.rng.between(300, 60_000) as i64);
    let creator = creator(m);
    let mut draft = m.put(creator, &person.mim, at);
    m.grant(&mut draft, &[Rule::Register]);
    let methods: &[&str] = if m.rng.percent(50) {
        let gates = m.rng.pick(&GATES);
        let workflow = m.workflow((gates.workflow, gates.definition));
        draft.authentication.push(workflow);
        gates.methods
    } else {
        let workflow = m.workflow(("System Workflow Required for Registration", 9_402));
        draft.authentication.push(workflow);
        &[]
    };
    add(methods);
    let value = Value::of(&m.library.registration);
    draft.insert("AuthNWFRegistered", value);
    let name = m.library.registration.shown();
    let changes = vec![change("AuthNWFRegistered", ChangeMode::Add, Some(name))];
    let together = m.rng.percent(25).then(|| number(&person));
    if let Some((property, value, _, word)) = &together {
        draft.modify(*property, Value::text(value));
        add(&[word]);
    }
    let outcome = if m.rng.percent(4) {
        m.end(&mut draft, "Denied");
        draft.policies.clear();
        Outcome::Denied
    } else {
        Outcome::Success
    };
    let id = person.mim.id.to_string();
    let subject = Subject::Whole(Some(&id));
    let targets = vec![truth::target(&person.mim)];
    let mut row = truth::row(&draft, REGISTERED, outcome, subject, targets.clone());
    about(&mut row, &person.mim, "RegisteredBy", &draft);
    row.methods = methods.iter().map(|&word| word.to_owned()).collect();
    row.changes = changes;
    expect(m, &row, &person, data);
    let mut rows = vec![row];
    if let Some((property, _, shown, word)) = together {
        let mut row = truth::row(&draft, METHOD, outcome, subject, targets);
        row.methods = vec![word.to_owned()];
        row.changes = vec![change(property, ChangeMode::Set, Some(&shown))];
        rows.push(row);
    }
    m.log(&draft, rows);
}

fn expect(m: &mut Mim, row: &Activity, person: &Person, mut data: Vec<String>) {
    data.sort_by_key(|word| ORDER.iter().position(|known| known == word));
    data.dedup();
    m.expect(Expectation::PasswordRegistration(ExpectedRegistration {
        time: row.time,
        source: Source::IdentityManager,
        user: person.mim.account.clone().unwrap_or_default(),
        data,
        result: row.result,
        correlation: row.correlation.clone().unwrap_or_default(),
    }));
}

/// Gates without the mark, as older clients left it.
pub(super) fn older_client(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.registrant(at);
    let first = gate(m, &person.mim, QA_GATE);
    let (draft, row) = write_gate(m, by(&person), &person, &first, QA_GATE, at);
    let another = m.rng.percent(50);
    let mut data = vec!["Security Questions".to_owned()];
    if another {
        data.push("Unknown".to_owned());
    }
    // The first gate stands for the registration.
    expect(m, &row, &person, data);
    let at = m.log(&draft, vec![row]);

    let lockout = gate(m, &person.mim, LOCKOUT_GATE);
    let creator = m.account(Account::Service);
    let at = log_gate(m, creator, &person, &lockout, LOCKOUT_GATE, at);
    if another {
        let other = gate(m, &person.mim, OTHER_GATE);
        log_gate(m, by(&person), &person, &other, OTHER_GATE, at);
    }
}

/// B7 alone: a new number or address.
pub(super) fn change_method(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.registrant(at);
    let creator = if m.rng.percent(20) {
        m.account(Account::Administrator)
    } else {
        by(&person)
    };
    log_method(m, creator, &person, at);
}

/// B2 and B6: a registration is taken back.
pub(super) fn withdraw(m: &mut Mim, at: DateTime<Utc>) {
    let person = m.somebody();
    let creator = if m.rng.percent(50) {
        m.account(Account::Administrator)
    } else {
        by(&person)
    };
    if m.rng.percent(50) {
        let mut draft = m.put(creator, &person.mim, at);
        m.grant(&mut draft, &[Rule::Register]);
        let value = Value::of(&m.library.registration);
        draft.remove("AuthNWFRegistered", value);
        let id = person.mim.id.to_string();
        let subject = Subject::Whole(Some(&id));
        let targets = vec![truth::target(&person.mim)];
        let (outcome, reason) = m.everyday_end(&mut draft);
        let mut row = truth::row(&draft, UNREGISTERED, outcome, subject, targets);
        row.reason = reason;
        row.changes = vec![change(
            "AuthNWFRegistered",
            ChangeMode::Remove,
            Some(m.library.registration.shown()),
        )];
        m.log(&draft, vec![row]);
    } else {
        let gate = gate(m, &person.mim, QA_GATE);
        let mut draft = m.delete(creator, &gate, at);
        m.grant(&mut draft, &[Rule::RegisterGates]);
        let id = gate.id.to_string();
        let subject = Subject::Whole(Some(&id));
        let row = truth::row(
            &draft,
            GATE_REMOVED,
            Outcome::Success,
            subject,
            vec![truth::target(&gate)],
        );
        m.log(&draft, vec![row]);
    }
}

/// B8: everybody has to register anew.
pub(super) fn clear(m: &mut Mim, at: DateTime<Utc>) {
    let creator = m.account(Account::Administrator);
    let workflow = m.library.registration.clone();
    let mut draft = m.put(creator, &workflow, at);
    m.grant(&mut draft, &[Rule::Administer]);
    draft.modify("ClearRegistration", Value::text("True"));
    let id = workflow.id.to_string();
    let subject = Subject::Whole(Some(&id));
    let mut row = truth::row(
        &draft,
        CLEARED,
        Outcome::Success,
        subject,
        vec![truth::target(&workflow)],
    );
    row.changes = vec![change("ClearRegistration", ChangeMode::Set, Some("True"))];
    m.log(&draft, vec![row]);
}

/// Somebody whom nobody knows registers a phone and nothing else; gives the time of the log.
pub(super) fn by_phone(m: &mut Mim, person: &Person, at: DateTime<Utc>) -> DateTime<Utc> {
    let mut draft = m.put(by(person), &person.mim, at);
    m.grant(&mut draft, &[Rule::Register]);
    let value = Value::of(&m.library.registration);
    draft.insert("AuthNWFRegistered", value);
    draft.modify(
        "msidmOneTimePasswordMobilePhone",
        Value::text(&*person.phone),
    );
    let id = person.mim.id.to_string();
    let subject = Subject::Whole(Some(&id));
    let targets = vec![truth::target(&person.mim)];
    let mut mark = truth::row(
        &draft,
        REGISTERED,
        Outcome::Success,
        subject,
        targets.clone(),
    );
    mark.changes = vec![change(
        "AuthNWFRegistered",
        ChangeMode::Add,
        Some(m.library.registration.shown()),
    )];
    let mut phone = truth::row(&draft, METHOD, Outcome::Success, subject, targets);
    phone.methods = vec!["OTP over SMS".to_owned()];
    phone.changes = vec![change(
        "msidmOneTimePasswordMobilePhone",
        ChangeMode::Set,
        Some(&masked_phone(&person.phone)),
    )];
    expect(m, &mark, person, vec!["OTP over SMS".to_owned()]);
    m.log(&draft, vec![mark, phone])
}

/// The object that a gate keeps of a person.
pub(super) fn gate(m: &mut Mim, person: &Resource, gate_type: Uuid) -> Resource {
    let (id, key) = (m.rng.uuid(), m.key());
    Resource::new(id, key, "GateRegistration", None, None, |o| {
        o.plain("UserID", person.key)
            .plain("GateTypeId", gate_type)
            .plain("WorkflowDefinition", 9_401);
    })
}

fn gate_word(gate_type: Uuid) -> &'static str {
    if gate_type == QA_GATE {
        "Security Questions"
    } else {
        "Unknown"
    }
}

/// B3 and B4: a gate is registered. Gives the time of the log.
pub(super) fn log_gate(
    m: &mut Mim,
    creator: Creator,
    person: &Person,
    gate: &Resource,
    gate_type: Uuid,
    at: DateTime<Utc>,
) -> DateTime<Utc> {
    let (draft, row) = write_gate(m, creator, person, gate, gate_type, at);
    m.log(&draft, vec![row])
}

fn write_gate(
    m: &mut Mim,
    creator: Creator,
    person: &Person,
    gate: &Resource,
    gate_type: Uuid,
    at: DateTime<Utc>,
) -> (Draft, Activity) {
    let at = at + TimeDelta::milliseconds(m.rng.between(50, 30_000) as i64);
    let creator_text = creator.json.clone();
    let mut draft = m.create(creator, gate, at);
    m.grant(&mut draft, &[Rule::RegisterGates]);
    draft
        .initial("GateTypeId", Value::text(gate_type.to_string()))
        .initial("UserID", Value::of(&person.mim))
        .initial("WorkflowDefinition", Value::text("9401"))
        .initial("GateData", Value::Missing);
    draft.calculated("ObjectID", Value::text(gate.key.to_string()));
    let creator_shown = draft.creator.actor.clone();
    draft.calculated("Creator", Value::Json(creator_text));
    let lockout = gate_type == LOCKOUT_GATE;
    let id = gate.id.to_string();
    let mut row = truth::row(
        &draft,
        if lockout { GATE_NOISE } else { GATE },
        Outcome::Success,
        Subject::Whole(Some(&id)),
        vec![truth::target(&person.mim), truth::target(gate)],
    );
    about(&mut row, &person.mim, "RegisteredBy", &draft);
    details_after_initiator(
        &mut row,
        vec![Detail::new("GateTypeId", gate_type.to_string())],
    );
    row.details
        .push(Detail::new("Calculated", format!("ObjectID: {}", gate.key)));
    row.details.push(Detail::new(
        "Calculated",
        format!("Creator: {}", shown(&creator_shown, &draft.creator)),
    ));
    row.changes = [
        change("GateTypeId", ChangeMode::Set, Some(&gate_type.to_string())),
        change("UserID", ChangeMode::Set, Some(person.name())),
        change("WorkflowDefinition", ChangeMode::Set, Some("9401")),
        change("GateData", ChangeMode::Set, None),
    ]
    .into_iter()
    .map(|change| Change {
        target: 1,
        ..change
    })
    .collect();
    if lockout {
        row.flags.insert(Flags::NOISE);
    } else {
        row.methods = vec![gate_word(gate_type).to_owned()];
    }
    (draft, row)
}

/// How a reference to the creator is shown among values: its display name, else its id.
fn shown(actor: &crate::activity::Actor, creator: &Creator) -> String {
    // An account without any name in the document has one only where it acts.
    let named = creator.json.contains("\"DisplayName\"");
    let text = if named { &actor.name } else { &actor.id };
    text.clone().unwrap_or_default()
}

/// B5: a gate's data changes. The person is known to the reader, or only a key stands there.
pub(super) fn log_gate_counter(
    m: &mut Mim,
    creator: Creator,
    person: Result<&Person, u64>,
    gate: &Resource,
    gate_type: Uuid,
    at: DateTime<Utc>,
) -> DateTime<Utc> {
    let oneself =
        person.is_ok_and(|person| creator.actor.id.as_deref() == Some(&*person.mim.id.to_string()));
    let mut draft = m.put(creator, gate, at);
    draft.modify("GateData", Value::text("AAEAAAD/////AQAAAAAAAAA="));
    let id = gate.id.to_string();
    let of = match person {
        Ok(person) => truth::target(&person.mim),
        Err(key) => Target {
            object_type: "User".to_owned(),
            id: Some(key.to_string()),
            ..Target::default()
        },
    };
    let lockout = gate_type == LOCKOUT_GATE;
    let mut row = truth::row(
        &draft,
        if lockout { COUNTER_NOISE } else { GATE_UPDATED },
        Outcome::Success,
        Subject::Whole(Some(&id)),
        vec![of, truth::target(gate)],
    );
    details_after_initiator(
        &mut row,
        vec![Detail::new("GateTypeId", gate_type.to_string())],
    );
    row.changes = vec![Change {
        target: 1,
        ..change("GateData", ChangeMode::Set, None)
    }];
    if !lockout {
        row.methods = vec![gate_word(gate_type).to_owned()];
    }
    if lockout || !oneself {
        row.flags.insert(Flags::NOISE);
    }
    m.log(&draft, vec![row])
}

/// A number or address: attribute, value, how it is shown, and the method's word.
fn number(person: &Person) -> (&'static str, String, String, &'static str) {
    match person.employee % 3 {
        0 => (
            "msidmOneTimePasswordMobilePhone",
            person.phone.clone(),
            masked_phone(&person.phone),
            "OTP over SMS",
        ),
        1 => {
            let address = format!(
                "{}@home.example",
                person.mim.account.as_deref().unwrap_or("x")
            );
            let shown = masked_address(&address);
            (
                "msidmOneTimePasswordEmailAddress",
                address,
                shown,
                "OTP over e-mail",
            )
        }
        _ => (
            "msidmPhoneGatePhoneNumber",
            person.phone.clone(),
            masked_phone(&person.phone),
            "Mobile Phone",
        ),
    }
}

/// B7: a number or address is set. Gives the time of the log, and the methods.
fn log_method(
    m: &mut Mim,
    creator: Creator,
    person: &Person,
    at: DateTime<Utc>,
) -> (DateTime<Utc>, &'static [&'static str]) {
    const WORDS: [&[&str]; 3] = [&["OTP over SMS"], &["OTP over e-mail"], &["Mobile Phone"]];
    let (property, value, shown, word) = number(person);
    let mut draft = m.put(creator, &person.mim, at);
    m.grant(&mut draft, &[Rule::EditOneself]);
    draft.modify(property, Value::text(value));
    let id = person.mim.id.to_string();
    let mut row = truth::row(
        &draft,
        METHOD,
        Outcome::Success,
        Subject::Whole(Some(&id)),
        vec![truth::target(&person.mim)],
    );
    row.methods = vec![word.to_owned()];
    row.changes = vec![change(property, ChangeMode::Set, Some(&shown))];
    let words = WORDS.iter().find(|words| words[0] == word);
    (m.log(&draft, vec![row]), words.copied().unwrap_or_default())
}
