//! Tests of `reports` through the public API: activities made by hand, one for
//! each rule, and what the four reports make of them.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use chrono::{DateTime, Utc};
use mim_events::activity::{
    Activity, Actor, ActorKind, Change, ChangeMode, Detail, Flags, Kind, Outcome, Source, Target,
};
use report_query::activity::{ActivityStore, columns};
use report_query::report::ReportError;
use report_query::{
    Parameters, Query, QueryResult, ReportDefinition, Retention, Snapshot, Value, asc, count, desc,
};
use uuid::Uuid;

const DANA: Who = Who("Dana Okafor", "dokafor", 0xda);
const LI: Who = Who("Li Wren", "lwren", 0x11);
const ANA: Who = Who("Ana Ruiz", "aruiz", 0xa1);
const KIM: Who = Who("Kim Berg", "kim@harbor.example", 0x4b);
const OLA: Who = Who("Ola Nord", "ola@harbor.example", 0x07);

/// Display name; account on-premises, UPN in the cloud; id.
#[derive(Clone, Copy)]
struct Who(&'static str, &'static str, u128);

impl Who {
    fn id(self) -> Option<String> {
        Some(Uuid::from_u128(self.2).to_string())
    }

    fn actor(self) -> Actor {
        let mut actor = Actor::default();
        actor.kind = ActorKind::User;
        actor.id = self.id();
        actor.name = Some(self.0.to_owned());
        if self.1.contains('@') {
            actor.upn = Some(self.1.to_owned());
        } else {
            actor.account = Some(self.1.to_owned());
            actor.domain = Some("HQ".to_owned());
        }
        actor
    }

    fn target(self) -> Target {
        let actor = self.actor();
        let mut target = thing("User", self.0, self.2);
        target.account = actor.account;
        target.domain = actor.domain;
        target.upn = actor.upn;
        target
    }
}

fn thing(object_type: &str, name: &str, id: u128) -> Target {
    let mut target = Target::default();
    target.object_type = object_type.to_owned();
    target.id = Some(Uuid::from_u128(id).to_string());
    target.name = Some(name.to_owned());
    target
}

fn night_shift() -> Target {
    thing("Group", "Night Shift", 0x6e)
}

fn time(text: &str) -> DateTime<Utc> {
    let text = match text.len() {
        5 => format!("2026-03-02T{text}:00Z"),
        8 => format!("2026-03-02T{text}Z"),
        _ => text.to_owned(),
    };
    text.parse().unwrap()
}

/// An activity in the making.
struct Made(Activity);

/// A row of MIM request `request`; its status decides nothing else.
fn mim(request: u128, at: &str, kind: &'static str, name: &str, status: &str) -> Made {
    let source_id = Uuid::from_u128(request).to_string();
    let outcome = match status {
        "Completed" | "Committed" => Outcome::Success,
        "Denied" => Outcome::Denied,
        "Failed" | "PostProcessingError" => Outcome::Failure,
        "Canceled" => Outcome::Canceled,
        _ => Outcome::Pending,
    };
    // As the real ids: the same for one request, kind and result.
    let seed = format!("{source_id} {kind} {}", outcome.as_str());
    let id = Uuid::new_v5(&Uuid::nil(), seed.as_bytes());
    let mut activity = Activity::new(id, time(at), Source::IdentityManager, Kind::new(kind), name);
    activity.service = "MIM Service".to_owned();
    activity.category = category(kind).to_owned();
    activity.operation = "Put".to_owned();
    activity.status = Some(status.to_owned());
    activity.result = outcome;
    activity.created = Some(time(at));
    if outcome == Outcome::Success {
        activity.committed = Some(time(at));
    }
    activity.correlation = Some(source_id.clone());
    activity.source_id = Some(source_id);
    Made(activity)
}

fn category(kind: &str) -> &'static str {
    match kind.split('.').next() {
        Some("group" | "member" | "owner") => "GroupManagement",
        Some("approval") => "Approval",
        _ => "UserManagement",
    }
}

/// A cloud record of one correlation id.
fn cloud(correlation: &str, at: &str, kind: &'static str, name: &str, service: &str) -> Made {
    let record = format!("{correlation}_{at}_{name}_{service}");
    let id = Uuid::new_v5(&Uuid::max(), record.as_bytes());
    let mut activity = Activity::new(id, time(at), Source::Entra, Kind::new(kind), name);
    activity.tenant = Some("harbor".to_owned());
    activity.service = service.to_owned();
    activity.category = category(kind).to_owned();
    activity.status = Some("success".to_owned());
    activity.result = Outcome::Success;
    activity.correlation = Some(correlation.to_owned());
    activity.source_id = Some(record);
    Made(activity)
}

const SSPM: &str = "Self-service Password Management";
const CORE: &str = "Core Directory";
const METHODS: &str = "Authentication Methods";

/// A step of a cloud flow.
fn step(correlation: &str, at: &str, who: Who, sentence: &str) -> Made {
    let name = "Self-service password reset flow activity progress";
    cloud(correlation, at, "sspr.flow", name, SSPM)
        .of(who)
        .reason(sentence)
}

impl Made {
    fn by(mut self, who: Who) -> Self {
        self.0.actor = who.actor();
        self
    }

    fn to(mut self, target: Target) -> Self {
        self.0.targets.push(target);
        self
    }

    /// Somebody does it to themselves.
    fn of(self, who: Who) -> Self {
        self.by(who).to(who.target())
    }

    fn result(mut self, outcome: Outcome) -> Self {
        self.0.result = outcome;
        self
    }

    fn failed(self) -> Self {
        self.result(Outcome::Failure)
    }

    fn reason(mut self, reason: &str) -> Self {
        self.0.reason = Some(reason.to_owned());
        self
    }

    fn methods(mut self, methods: &[&str]) -> Self {
        self.0.methods = methods.iter().map(|&method| method.to_owned()).collect();
        self
    }

    fn detail(mut self, key: &str, value: &str) -> Self {
        self.0.details.push(Detail::new(key, value));
        self
    }

    fn flag(mut self, flag: Flags) -> Self {
        self.0.flags.insert(flag);
        self
    }

    /// A reset's word and sentence.
    fn ended(self, word: &str, sentence: &str) -> Self {
        self.detail("ResetResult", word)
            .detail("ResetDetail", sentence)
    }
}

fn reset(request: u128, at: &str, who: Who, status: &str, word: &str, sentence: &str) -> Made {
    mim(
        request,
        at,
        "password.reset.self",
        "User Password Reset",
        status,
    )
    .of(who)
    .methods(&["OTP over SMS"])
    .ended(word, sentence)
}

fn joins(request: u128, at: &str, who: Who, status: &str) -> Made {
    mim(request, at, "member.add", "Add member to group", status)
        .by(who)
        .to(night_shift())
        .to(who.target())
        .flag(Flags::SELF_SERVICE)
}

fn snapshot(made: Vec<Made>) -> Snapshot {
    let store = ActivityStore::new(Retention::FOREVER);
    let sent = made.len() as u64;
    let report = store.append(
        made.into_iter().map(|made| made.0),
        time("2026-03-03T00:00:00Z"),
    );
    assert_eq!(report.appended, sent, "{report:?}");
    store.snapshot()
}

fn run(name: &str, snapshot: &Snapshot, parameters: &Parameters) -> QueryResult {
    ReportDefinition::builtin(name)
        .unwrap()
        .run(snapshot, parameters)
        .unwrap()
}

/// A line a row, cells separated by ` | `, times of the day only.
fn lines_of(result: &QueryResult) -> Vec<String> {
    let line = |row: &[Value]| {
        let cell = |value: &Value| match value {
            Value::Time(time) => time.format("%H:%M:%S").to_string(),
            value => value.to_string(),
        };
        row.iter().map(cell).collect::<Vec<_>>().join(" | ")
    };
    result.rows().map(line).collect()
}

fn lines(name: &str, made: Vec<Made>) -> Vec<String> {
    lines_of(&run(name, &snapshot(made), &Parameters::new()))
}

fn labels(result: &QueryResult) -> Vec<&str> {
    result
        .columns()
        .iter()
        .map(|column| column.label.as_str())
        .collect()
}

// --- password reset ---

#[test]
fn resets_of_identity_manager() {
    let rows = lines(
        "password-reset",
        vec![
            reset(1, "08:00", LI, "Completed", "Succeeded", "Reset finished"),
            reset(
                2,
                "08:10",
                LI,
                "PostProcessingError",
                "Failed",
                "Gates passed, directory refused the password",
            )
            .reason("too short"),
            reset(
                3,
                "08:20",
                LI,
                "Authenticating",
                "Abandoned",
                "Left at OTP over SMS",
            ),
            mim(
                4,
                "08:30",
                "password.reset.admin",
                "Reset password (by admin)",
                "Completed",
            )
            .by(ANA)
            .to(LI.target()),
            mim(
                5,
                "08:40",
                "password.reset.admin",
                "Reset password (by admin)",
                "Denied",
            )
            .by(ANA)
            .to(DANA.target()),
            mim(
                6,
                "08:50",
                "account.unlock.self",
                "Unlock user account",
                "Completed",
            )
            .of(DANA),
            mim(
                7,
                "08:55",
                "account.unlock.admin",
                "Unlock user account",
                "Failed",
            )
            .by(ANA)
            .to(DANA.target())
            .reason("not reached"),
            // Not attempts: a lockout that ends, and a by-product.
            mim(
                8,
                "08:56",
                "sspr.unlocked",
                "Unlock self-service password reset",
                "Completed",
            )
            .of(DANA),
            reset(9, "08:57", DANA, "Completed", "Succeeded", "Reset finished").flag(Flags::NOISE),
        ],
    );
    assert_eq!(
        rows,
        [
            "dokafor | Admin | 08:55:00 |  | Failed | Unlock user account; not reached",
            "dokafor | User | 08:50:00 |  | Succeeded | Unlock user account",
            "dokafor | Admin | 08:40:00 |  | Failed | ",
            "lwren | Admin | 08:30:00 |  | Succeeded | ",
            "lwren | User | 08:20:00 | OTP over SMS | Abandoned | Left at OTP over SMS",
            "lwren | User | 08:10:00 | OTP over SMS | Failed | Gates passed, directory refused the password; too short",
            "lwren | User | 08:00:00 | OTP over SMS | Succeeded | Reset finished",
        ]
    );
}

#[test]
fn a_request_shows_its_latest_status() {
    // In whatever order they come, and with whatever times.
    let statuses = || {
        vec![
            reset(1, "08:05", LI, "Completed", "Succeeded", "Reset finished"),
            reset(
                1,
                "08:05",
                LI,
                "Committed",
                "Succeeded",
                "Gates passed, reset under way",
            ),
            reset(
                1,
                "08:00",
                LI,
                "Authenticating",
                "Abandoned",
                "Left at OTP over SMS",
            ),
            reset(1, "08:00", LI, "Validating", "", "Not finished yet"),
        ]
    };
    let expected = ["lwren | User | 08:05:00 | OTP over SMS | Succeeded | Reset finished"];
    assert_eq!(lines("password-reset", statuses()), expected);
    let mut reversed = statuses();
    reversed.reverse();
    assert_eq!(lines("password-reset", reversed), expected);
    // Each status came in a batch of its own.
    let store = ActivityStore::new(Retention::FOREVER);
    for made in statuses() {
        store.append([made.0], time("09:00"));
    }
    let result = run("password-reset", &store.snapshot(), &Parameters::new());
    assert_eq!(lines_of(&result), expected);
}

#[test]
fn a_lockout_is_shown_if_no_blocked_reset_explains_it() {
    let lockout = |request, at, who| {
        mim(
            request,
            at,
            "sspr.blocked",
            "Blocked from self-service password reset",
            "Completed",
        )
        .of(who)
    };
    let rows = lines(
        "password-reset",
        vec![
            reset(
                1,
                "08:00",
                LI,
                "Denied",
                "Blocked",
                "Locked out at OTP over SMS",
            ),
            lockout(2, "08:00:01", LI),
            reset(
                3,
                "09:00",
                DANA,
                "Denied",
                "Failed",
                "Stopped at OTP over SMS",
            ),
            lockout(4, "09:00:01", DANA),
            lockout(5, "10:00", LI),
        ],
    );
    assert_eq!(
        rows,
        [
            "lwren | User | 10:00:00 |  | Blocked | ",
            "dokafor | User | 09:00:01 |  | Blocked | ",
            "dokafor | User | 09:00:00 | OTP over SMS | Failed | Stopped at OTP over SMS",
            "lwren | User | 08:00:00 | OTP over SMS | Blocked | Locked out at OTP over SMS",
        ]
    );
}

#[test]
fn steps_that_the_reader_found_need_no_sentence() {
    let step = |at, word, method: &[&str]| {
        step("s1", at, KIM, "in another language")
            .detail("Step", word)
            .methods(method)
    };
    let rows = lines(
        "password-reset",
        vec![
            step("08:00:00", "submitted_id", &[]),
            step("08:00:10", "started", &["Mobile Phone"]),
            step("08:00:20", "completed", &["Mobile Phone"]),
            cloud(
                "s1",
                "08:01",
                "password.reset.self",
                "Reset password (self-service)",
                SSPM,
            )
            .of(KIM),
        ],
    );
    assert_eq!(
        rows,
        ["kim@harbor.example | User | 08:01:00 | Mobile Phone | Succeeded | "]
    );
}

/// The flow as the cloud logs it, with what other services add.
fn whole_flow(correlation: &str, who: Who) -> Vec<Made> {
    vec![
        step(correlation, "08:00:00", who, "User submitted their user ID"),
        step(
            correlation,
            "08:00:10",
            who,
            "User was presented with verification options",
        ),
        step(
            correlation,
            "08:00:20",
            who,
            "User started the mobile SMS verification option",
        ),
        step(
            correlation,
            "08:00:30",
            who,
            "User completed the mobile SMS verification option",
        ),
        step(
            correlation,
            "08:00:40",
            who,
            "User started the email verification option.",
        ),
        step(
            correlation,
            "08:00:50",
            who,
            "User completed the email verification option.",
        ),
        step(
            correlation,
            "08:00:52",
            who,
            "User completed the mobile voice call verification",
        ),
        step(
            correlation,
            "08:00:55",
            who,
            "User submitted a new password",
        ),
        step(
            correlation,
            "08:00:59",
            who,
            "User successfully reset password",
        ),
        cloud(
            correlation,
            "08:01:00",
            "password.reset.self",
            "Reset password (self-service)",
            SSPM,
        )
        .of(who)
        .reason("Successfully completed reset."),
        cloud(
            correlation,
            "08:00:58",
            "password.reset.directory",
            "Reset user password",
            CORE,
        )
        .by(Who("Password service", "svc", 0x99))
        .to(who.target()),
        cloud(
            correlation,
            "08:01:01",
            "token.refresh",
            "Update StsRefreshTokenValidFrom Timestamp",
            CORE,
        )
        .to(who.target()),
    ]
}

#[test]
fn a_flow_of_the_cloud_is_one_row() {
    let expected = [
        "kim@harbor.example | User | 08:01:00 | Mobile Phone, Alternate Email | Succeeded | Successfully completed reset.",
    ];
    assert_eq!(lines("password-reset", whole_flow("c1", KIM)), expected);
    let mut late = whole_flow("c1", KIM);
    late.reverse();
    assert_eq!(lines("password-reset", late), expected);
    // Without an own record of the reset only steps are there, none failed: a visit.
    let mut visit = whole_flow("c1", KIM);
    visit.truncate(9);
    assert!(lines("password-reset", visit).is_empty());
}

#[test]
fn flows_of_other_people_tenants_and_hours_are_others() {
    let mut made = whole_flow("c1", KIM);
    made.extend(whole_flow("c2", KIM));
    made.extend(whole_flow("c1", OLA).into_iter().map(|mut made| {
        made.0.id = Uuid::new_v5(&made.0.id, b"ola");
        made
    }));
    made.extend(whole_flow("c1", KIM).into_iter().map(|mut made| {
        made.0.id = Uuid::new_v5(&made.0.id, b"other tenant");
        made.0.tenant = Some("bay".to_owned());
        made
    }));
    made.extend(whole_flow("c1", KIM).into_iter().map(|mut made| {
        made.0.id = Uuid::new_v5(&made.0.id, b"later");
        made.0.time += chrono::TimeDelta::seconds(3_662);
        made
    }));
    let rows = lines("password-reset", made);
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| {
        row.ends_with("| Mobile Phone, Alternate Email | Succeeded | Successfully completed reset.")
    }));
    assert!(rows[0].starts_with("kim@harbor.example | User | 09:02:02"));
}

#[test]
fn failures_of_the_cloud() {
    let rows = lines(
        "password-reset",
        vec![
            // The reset itself failed: methods were tried.
            step(
                "f1",
                "08:00:20",
                KIM,
                "User started the mobile SMS verification option",
            ),
            step(
                "f1",
                "08:00:30",
                KIM,
                "User completed the mobile SMS verification option",
            ),
            step(
                "f1",
                "08:00:40",
                KIM,
                "User started the office phone call verification option",
            ),
            cloud(
                "f1",
                "08:01:00",
                "password.reset.self",
                "Reset password (self-service)",
                SSPM,
            )
            .of(KIM)
            .failed()
            .reason("FuzzyPolicyViolationInvalidPassword"),
            // Never finished: the last failing step stands for it.
            step("f2", "08:10:00", KIM, "User submitted their user ID"),
            step(
                "f2",
                "08:10:20",
                KIM,
                "User started the security questions verification option",
            ),
            step("f2", "08:10:25", KIM, "Wrong answer").failed(),
            step(
                "f2",
                "08:10:30",
                KIM,
                "User cancelled before passing the required authentication methods",
            )
            .failed(),
            // Left before anything was asked for.
            step("f3", "08:20:00", OLA, "User submitted their user ID"),
            // Blocked is a success to the cloud's log.
            cloud(
                "f4",
                "08:30:00",
                "sspr.blocked",
                "Blocked from self-service password reset",
                SSPM,
            )
            .of(OLA),
            step(
                "f4",
                "08:29:00",
                OLA,
                "User started the mobile app code verification option",
            ),
            // An unlock, without words of use.
            cloud(
                "f5",
                "08:40:00",
                "account.unlock.self",
                "Unlock user account (self-service)",
                SSPM,
            )
            .of(OLA)
            .reason("Success"),
            step(
                "f5",
                "08:39:00",
                OLA,
                "User completed the mobile app notification verification option",
            ),
            // By an administrator, and what the directory says to it.
            cloud(
                "f6",
                "08:50:00",
                "password.reset.admin",
                "Reset password (by admin)",
                SSPM,
            )
            .by(KIM)
            .to(OLA.target()),
            cloud(
                "f6",
                "08:50:01",
                "password.reset.directory",
                "Reset user password",
                CORE,
            )
            .by(KIM)
            .to(OLA.target()),
            // What the password service writes, whose reset is not in the file.
            cloud(
                "f8",
                "08:54:00",
                "password.reset.directory",
                "Reset user password",
                CORE,
            )
            .by(Who("Password service", "svc@harbor.example", 0x99))
            .to(OLA.target())
            .flag(Flags::NOISE),
            // By an administrator in the directory alone.
            cloud(
                "f7",
                "08:55:00",
                "password.reset.directory",
                "Reset user password",
                CORE,
            )
            .by(KIM)
            .to(OLA.target()),
        ],
    );
    assert_eq!(
        rows,
        [
            "ola@harbor.example | Admin | 08:55:00 |  | Succeeded | ",
            "ola@harbor.example | Admin | 08:50:00 |  | Succeeded | ",
            "ola@harbor.example | User | 08:40:00 | Authenticator App | Succeeded | Unlock user account (self-service)",
            "ola@harbor.example | User | 08:30:00 | Authenticator App (attempted) | Blocked | ",
            "kim@harbor.example | User | 08:10:30 | Security Questions (attempted) | Cancelled | User cancelled before passing the required authentication methods",
            "kim@harbor.example | User | 08:01:00 | Mobile Phone (attempted), Office Phone (attempted) | Failed | FuzzyPolicyViolationInvalidPassword",
        ]
    );
}

#[test]
fn visits_are_shown_if_asked_for() {
    let snapshot = snapshot(vec![
        step("v1", "08:00:00", KIM, "User submitted their user ID"),
        step(
            "v1",
            "08:00:10",
            KIM,
            "User started the email verification option",
        ),
    ]);
    let visits = run(
        "password-reset",
        &snapshot,
        &Parameters::new().set("visits", true),
    );
    assert_eq!(
        lines_of(&visits),
        [
            "kim@harbor.example | User | 08:00:10 | Alternate Email (attempted) | Abandoned | User started the email verification option"
        ]
    );
}

#[test]
fn a_found_step_finds_its_flow() {
    let snapshot = snapshot(whole_flow("c1", KIM));
    for (search, rows) in [("VOICE call", 1), ("token.refresh", 0), ("nobody", 0)] {
        let found = run(
            "password-reset",
            &snapshot,
            &Parameters::new().set("search", search),
        );
        assert_eq!(found.len(), rows, "{search}");
    }
}

// --- registration ---

fn registered(request: u128, at: &str, who: Who) -> Made {
    mim(
        request,
        at,
        "sspr.registered",
        "User Password Registration",
        "Completed",
    )
    .of(who)
}

fn gate(request: u128, at: &str, who: Who, method: &str) -> Made {
    mim(
        request,
        at,
        "method.registered",
        "Register authentication gate",
        "Completed",
    )
    .of(who)
    .to(thing("GateRegistration", "gate", 0x6a7e))
    .methods(&[method])
}

fn number(request: u128, at: &str, who: Who, method: &str) -> Made {
    mim(
        request,
        at,
        "method.updated",
        "Update authentication method",
        "Completed",
    )
    .of(who)
    .methods(&[method])
}

#[test]
fn registrations_of_identity_manager() {
    let rows = lines(
        "password-reset-registration",
        vec![
            // A mark with gates and numbers around it, in the report's order.
            registered(1, "08:00", LI).methods(&["OTP over e-mail"]),
            gate(2, "07:55", LI, "Security Questions"),
            number(3, "08:10", LI, "OTP over SMS"),
            number(4, "07:50", LI, "Azure MFA"),
            // Too late, too early, another's, and not done.
            number(5, "08:10:01", LI, "Mobile Phone"),
            gate(6, "07:49:59", LI, "Unknown"),
            gate(7, "08:01", DANA, "Office Phone"),
            number(8, "08:02", LI, "Office Phone").result(Outcome::Denied),
            // By an administrator.
            registered(9, "09:00", ANA).detail("RegisteredBy", "Administrator"),
            // Refused, together with the number it was about.
            registered(10, "10:00", ANA)
                .result(Outcome::Denied)
                .reason("no right"),
            number(10, "10:00", ANA, "Mobile Phone").result(Outcome::Denied),
        ],
    );
    assert_eq!(
        rows,
        [
            "aruiz | User | 10:00:00 | Mobile Phone | Denied; no right",
            "aruiz | User | 09:00:00 |  | Registered by Administrator",
            "dokafor | User | 08:01:00 | Office Phone | ",
            "lwren | User | 08:00:00 | Security Questions, Mobile Phone, OTP over e-mail | ",
            "lwren | User | 07:49:59 | Security Questions, Mobile Phone, Unknown | ",
        ]
    );
}

#[test]
fn gates_without_the_mark_are_one_registration() {
    let rows = lines(
        "password-reset-registration",
        vec![
            gate(1, "08:00", LI, "Security Questions"),
            gate(2, "08:08", LI, "Unknown"),
            gate(3, "08:16", LI, "Office Phone"),
            number(4, "08:20", LI, "OTP over SMS"),
            // Numbers alone are none.
            number(5, "09:30", LI, "OTP over SMS"),
            gate(6, "12:00", LI, "Security Questions"),
            // Twice the mark is two registrations.
            registered(7, "13:00", LI).methods(&["Security Questions"]),
            registered(8, "13:05", LI).methods(&["Azure MFA"]),
        ],
    );
    assert_eq!(
        rows,
        [
            "lwren | User | 13:05:00 | Mobile Phone | ",
            "lwren | User | 13:00:00 | Security Questions | ",
            "lwren | User | 12:00:00 | Security Questions | ",
            "lwren | User | 08:00:00 | Security Questions, Mobile Phone, Office Phone, Unknown | ",
        ]
    );
}

#[test]
fn registrations_of_the_cloud() {
    let info = |correlation, at, method| {
        cloud(
            correlation,
            at,
            "method.registered",
            "User registered security info",
            METHODS,
        )
        .of(KIM)
        .methods(&[method])
    };
    let closing = |correlation, at| {
        cloud(
            correlation,
            at,
            "sspr.registration.completed",
            "User registered all required security info",
            METHODS,
        )
        .of(KIM)
    };
    let rows = lines(
        "password-reset-registration",
        vec![
            info("r1", "08:00", "Mobile Phone").reason("User registered Mobile Phone SMS"),
            info("r1", "08:01", "Authenticator App")
                .reason("User registered Authenticator App with Code"),
            closing("r1", "08:02"),
            info("r2", "08:10", "FIDO2").failed(),
            closing("r3", "08:20").failed().reason("User cancelled"),
            closing("r4", "08:30"),
            info("r5", "08:40", "Mobile Phone")
                .by(OLA)
                .reason("Admin registered phone method for user"),
        ],
    );
    assert_eq!(
        rows,
        [
            "kim@harbor.example | Admin | 08:40:00 | Mobile Phone | Admin registered phone method for user",
            "kim@harbor.example | User | 08:30:00 |  | ",
            "kim@harbor.example | User | 08:20:00 |  | Failed; User cancelled",
            "kim@harbor.example | User | 08:00:00 | Mobile Phone, Authenticator App | User registered Mobile Phone SMS; User registered Authenticator App with Code",
        ]
    );
}

// --- groups ---

#[test]
fn self_service_groups() {
    let asked = |mut made: Made| {
        made.0.approvers_asked = vec![ANA.actor()];
        made.0.justification = Some("rota".to_owned());
        made
    };
    let cloud_join = |at, kind, name| {
        cloud("j", at, kind, name, "Self-service Group Management")
            .by(KIM)
            .reason("OK")
    };
    let rows = lines(
        "self-service-groups",
        vec![
            asked(joins(1, "08:00", DANA, "Authorizing")),
            joins(2, "08:10", LI, "Authorizing"),
            joins(2, "08:11", LI, "Denied").reason("rota full"),
            mim(3, "08:20", "group.add", "Add group", "Completed")
                .by(DANA)
                .to(night_shift())
                .flag(Flags::SELF_SERVICE),
            mim(
                4,
                "08:30",
                "member.remove",
                "Remove member from group",
                "Completed",
            )
            .by(DANA)
            .to(night_shift())
            .to(DANA.target())
            .flag(Flags::SELF_SERVICE),
            cloud_join("08:40", "group.join.requested", "Request to join a group")
                .to(night_shift()),
            cloud_join(
                "08:50",
                "group.join.approved",
                "Approve a pending request to join a group",
            ),
            // The member stands first in the cloud, and may be a group itself.
            cloud("k", "08:55", "member.add", "Add member to group", CORE)
                .by(KIM)
                .to(thing("Group", "Inner", 0x1))
                .to(night_shift())
                .flag(Flags::SELF_SERVICE),
            // Not self-service: by another, by a workflow, by-products.
            mim(5, "09:00", "member.add", "Add member to group", "Completed")
                .by(ANA)
                .to(night_shift())
                .to(LI.target()),
            joins(6, "09:10", LI, "Completed").flag(Flags::NOISE),
            mim(7, "09:20", "user.update", "Update user", "Completed")
                .of(LI)
                .flag(Flags::SELF_SERVICE),
        ],
    );
    assert_eq!(
        rows,
        [
            "08:55:00 | kim@harbor.example | Add member to group | Night Shift | Succeeded | ",
            "08:50:00 | kim@harbor.example | Approve a pending request to join a group |  | Succeeded | ",
            "08:40:00 | kim@harbor.example | Request to join a group | Night Shift | Succeeded | ",
            "08:30:00 | dokafor | Remove member from group | Night Shift | Succeeded | ",
            "08:20:00 | dokafor | Add group | Night Shift | Succeeded | ",
            "08:11:00 | lwren | Add member to group | Night Shift | Denied | rota full",
            "08:00:00 | dokafor | Add member to group | Night Shift | Pending | Waiting for aruiz; rota",
        ]
    );
}

// --- audit log ---

fn audit_rows() -> Vec<Made> {
    // Two members of one request are two rows, whatever their ids.
    let member = |at, who: Who, status: &str| {
        let mut made = mim(1, at, "member.add", "Add member to group", status)
            .by(DANA)
            .to(night_shift())
            .to(who.target());
        made.0.id = Uuid::new_v5(&made.0.id, who.0.as_bytes());
        made
    };
    let approved = |request, who: Who| {
        let mut made = mim(
            request,
            "08:20",
            "approval.approved",
            "Request approved",
            "Completed",
        )
        .by(who)
        .to(thing("Approval", "Approval", 0xa9))
        .to(thing("Request", "Join", 0x1));
        made.0.correlation = Some(Uuid::from_u128(1).to_string());
        made
    };
    let system = mim(4, "08:30", "system.event", "Set transition", "Completed").flag(Flags::SYSTEM);
    let mut described = mim(1, "08:10", "group.update", "Update group", "Completed")
        .by(DANA)
        .to(night_shift());
    let mut change = Change::default();
    change.property = "Description".to_owned();
    change.mode = Some(ChangeMode::Set);
    change.new = Some("=HYPERLINK(\"http://x\")".to_owned());
    described.0.changes = vec![change];
    let policy = |at: &str| {
        cloud("batch", at, "policy.update", "Update policy", CORE)
            .by(OLA)
            .to(thing("Policy", "Default", 0xf0))
    };
    let read = cloud(
        "n",
        "08:50",
        "other",
        "GroupsODataV4_Get",
        "Self-service Group Management",
    )
    .to(thing("N/A", "00000000-0000-0000-0000-000000000000", 0))
    .flag(Flags::NOISE);
    vec![
        member("08:00", LI, "Authorizing"),
        member("08:00", ANA, "Authorizing"),
        member("08:10", LI, "Completed"),
        member("08:10", ANA, "Completed"),
        described,
        approved(2, ANA),
        approved(3, LI),
        system,
        // One correlation, one kind, one target, and still two things that happened.
        policy("08:40"),
        policy("08:41"),
        read,
    ]
}

#[test]
fn the_audit_log() {
    let mut rows = lines("audit-log", audit_rows());
    assert_eq!(rows.len(), 7);
    // Rows of one moment are in the order of their ids.
    rows[2..].sort();
    assert_eq!(
        rows,
        [
            "08:41:00 | Entra ID | Core Directory | Update policy | UserManagement | ola@harbor.example | Policy : Default | Succeeded",
            "08:40:00 | Entra ID | Core Directory | Update policy | UserManagement | ola@harbor.example | Policy : Default | Succeeded",
            "08:10:00 | Identity Manager | MIM Service | Add member to group | GroupManagement | dokafor | Group : Night Shift, User : Ana Ruiz | Succeeded",
            "08:10:00 | Identity Manager | MIM Service | Add member to group | GroupManagement | dokafor | Group : Night Shift, User : Li Wren | Succeeded",
            "08:10:00 | Identity Manager | MIM Service | Update group | GroupManagement | dokafor | Group : Night Shift | Succeeded",
            "08:20:00 | Identity Manager | MIM Service | Request approved | Approval | aruiz | Approval : Approval, Request : Join | Succeeded",
            "08:20:00 | Identity Manager | MIM Service | Request approved | Approval | lwren | Approval : Approval, Request : Join | Succeeded",
        ]
    );
    let hidden = run(
        "audit-log",
        &snapshot(audit_rows()),
        &Parameters::new().set("hidden", "yes"),
    );
    assert_eq!(hidden.len(), 9);
    assert_eq!(
        lines_of(&hidden)[0],
        "08:50:00 | Entra ID | Self-service Group Management | GroupsODataV4_Get | UserManagement |  |  | Succeeded"
    );
}

#[test]
fn rows_are_in_descending_order_of_time_and_id() {
    let snapshot = snapshot(audit_rows());
    let result = run("audit-log", &snapshot, &Parameters::new());
    let ids = Query::new()
        .filter(
            columns::NOISE
                .eq(false)
                .and(columns::SYSTEM.eq(false))
                .and(columns::STATUS.ne("Authorizing")),
        )
        .sort([desc(columns::TIME), desc(columns::ID)])
        .select([columns::TIME, columns::ACTOR, columns::TARGET])
        .run(&snapshot)
        .unwrap();
    for (row, name) in ["time", "actor", "target"]
        .iter()
        .flat_map(|name| (0..7).map(move |row| (row, name)))
    {
        assert!(
            result.value(row, name) == ids.value(row, name),
            "{row} {name}"
        );
    }
}

// --- labels, formats ---

#[test]
fn the_columns_of_the_four_reports() {
    let snapshot = snapshot(vec![]);
    for (name, expected) in [
        (
            "password-reset",
            "User, Role, Date and time, Method(s) used, Result, Details",
        ),
        (
            "password-reset-registration",
            "User, Role, Date and time, Data Registered, Details",
        ),
        (
            "self-service-groups",
            "Date and time, User, Activity, Group, Result, Details",
        ),
        (
            "audit-log",
            "Date, Source, Service, Activity, Category, Initiated by (actor), Target(s), Result",
        ),
    ] {
        let result = run(name, &snapshot, &Parameters::new());
        assert_eq!(labels(&result).join(", "), expected);
        assert!(result.is_empty());
        assert!(result.to_string().ends_with("(no rows)\n"));
    }
}

#[test]
fn a_report_as_table_csv_and_ndjson() {
    let snapshot = snapshot(vec![
        reset(1, "08:00", LI, "Completed", "Succeeded", "Reset finished"),
        reset(
            2,
            "09:00",
            Who("=Eve", "=eve", 0xe),
            "Denied",
            "Failed",
            "Stopped at OTP over SMS",
        ),
    ]);
    let result = run("password-reset", &snapshot, &Parameters::new());
    assert_eq!(
        result.to_string(),
        "\
User   Role  Date and time        Method(s) used  Result     Details
-----  ----  -------------------  --------------  ---------  -----------------------
=eve   User  2026-03-02 09:00:00  OTP over SMS    Failed     Stopped at OTP over SMS
lwren  User  2026-03-02 08:00:00  OTP over SMS    Succeeded  Reset finished
"
    );
    let mut csv = Vec::new();
    result.write_csv(&mut csv).unwrap();
    assert_eq!(
        String::from_utf8(csv).unwrap(),
        "User,Role,Date and time,Method(s) used,Result,Details\r\n\
         '=eve,User,2026-03-02T09:00:00Z,OTP over SMS,Failed,Stopped at OTP over SMS\r\n\
         lwren,User,2026-03-02T08:00:00Z,OTP over SMS,Succeeded,Reset finished\r\n"
    );
    let mut lines = Vec::new();
    result.write_ndjson(&mut lines).unwrap();
    assert_eq!(
        String::from_utf8(lines).unwrap().lines().last().unwrap(),
        r#"{"user":"lwren","role":"User","time":"2026-03-02T08:00:00Z","methods":["OTP over SMS"],"outcome":"Succeeded","detail":"Reset finished"}"#
    );
}

// --- parameters ---

#[test]
fn every_parameter_of_the_audit_log() {
    let snapshot = snapshot(audit_rows());
    for (name, value, rows) in [
        ("from", "2026-03-02T08:20:00Z", 4),
        ("from", "newest-PT10M", 2),
        ("from", "2026-03-02", 7),
        ("from", "2026-03-03", 0),
        ("to", "2026-03-02T08:20:00Z", 3),
        ("to", "2026-03-02", 7),
        ("to", "2026-03-01", 0),
        ("source", "MIM Service", 5),
        ("source", "identity_manager", 5),
        ("source", "azure ad", 2),
        ("source", "all", 7),
        ("actor", "OKAF", 3),
        ("actor", "hq\\dokafor", 3),
        ("actor", "ola@", 2),
        ("actor", "Ola Nord", 2),
        ("actor", "00000000-0000-0000-0000-0000000000da", 3),
        ("actor", "nobody", 0),
        ("activity", "add member to group", 2),
        ("activity", "member.add", 2),
        ("activity", "Add member", 0),
        ("category", "Group Management", 3),
        ("category", "approval", 2),
        ("category", "mim service", 5),
        ("resource_type", "user", 2),
        ("resource_type", "Person", 2),
        ("resource_type", "Policy", 2),
        ("result", "success", 7),
        ("result", "succeeded", 7),
        ("result", "denied", 0),
        ("search", "hyperlink", 1),
        ("search", "wren", 2),
        ("search", "", 7),
    ] {
        let result = run("audit-log", &snapshot, &Parameters::new().set(name, value));
        assert_eq!(result.len(), rows, "{name} {value}");
    }
    let both = Parameters::new()
        .set("source", "entra")
        .set("from", time("08:41"));
    assert_eq!(run("audit-log", &snapshot, &both).len(), 1);
}

#[test]
fn every_report_takes_the_common_parameters() {
    let snapshot = snapshot(vec![
        reset(1, "08:00", LI, "Denied", "Blocked", "Locked out"),
        registered(2, "08:00", LI),
        joins(3, "08:00", LI, "Denied"),
    ]);
    let common = [
        ("from", "2026-03-01"),
        ("to", "newest-PT0S"),
        ("to", "2026-03-02"),
        ("source", "Identity Manager"),
        ("actor", "lwren"),
        ("category", "MIM Service"),
        ("resource_type", "User"),
        ("search", "li wren"),
    ];
    for report in ReportDefinition::builtins() {
        for (name, value) in common {
            let result = report
                .run(&snapshot, &Parameters::new().set(name, value))
                .unwrap();
            // A moment that ends the period is not in it.
            let kept = value != "newest-PT0S";
            assert_eq!(!result.is_empty(), kept, "{} {name}", report.name);
        }
        let none = report
            .run(&snapshot, &Parameters::new().set("activity", "no such"))
            .unwrap();
        assert!(none.is_empty());
    }
    for (report, result) in [
        ("password-reset", "blocked"),
        ("self-service-groups", "DENIED"),
    ] {
        assert_eq!(
            run(report, &snapshot, &Parameters::new().set("result", result)).len(),
            1
        );
    }
}

#[test]
fn the_default_period_is_one_month_back_from_the_newest() {
    let at = |day: &str| {
        let mut made = joins(
            day.len() as u128,
            &format!("{day}T12:00:00Z"),
            LI,
            "Completed",
        );
        made.0.id = Uuid::new_v5(&Uuid::nil(), day.as_bytes());
        made.0.source_id = Some(day.to_owned());
        made
    };
    let days = [
        "2026-01-30",
        "2026-01-31",
        "2026-02-01",
        "2026-02-28",
        "2026-03-01",
    ];
    let mut made: Vec<Made> = days.into_iter().map(at).collect();
    made[0].0.time += chrono::TimeDelta::seconds(43_199);
    let snapshot = snapshot(made);
    let count = |parameters: Parameters| run("audit-log", &snapshot, &parameters).len();
    // 2026-02-01T12:00 to 2026-03-01T12:00, both in it.
    assert_eq!(count(Parameters::new()), 3);
    assert_eq!(count(Parameters::new().set("from", "2026-01-01")), 5);
    // Only the end is given: a month before that.
    assert_eq!(count(Parameters::new().set("to", "2026-02-28")), 2);
    assert_eq!(count(Parameters::new().set("to", "2026-12-31")), 3);
    assert_eq!(
        count(Parameters::new().set("to", "2026-02-28T12:00:00Z")),
        3
    );
}

#[test]
fn wrong_parameters_are_named_and_never_their_values() {
    let snapshot = snapshot(vec![]);
    let audit = ReportDefinition::builtin("audit-log").unwrap();
    let error = |name: &str, value: Value| {
        audit
            .run(&snapshot, &Parameters::new().set(name, value))
            .unwrap_err()
    };
    assert_eq!(
        error("user", "secret".into()).to_string(),
        "no parameter `user`; there are from, to, source, actor, activity, category, resource_type, result, search, hidden"
    );
    assert!(matches!(
        error("visits", true.into()),
        ReportError::UnknownParameter { .. }
    ));
    assert_eq!(
        error("source", "secret".into()).to_string(),
        "parameter `source` must be one of Identity Manager, Entra ID, all"
    );
    assert_eq!(
        error("hidden", "secret".into()).to_string(),
        "parameter `hidden` must be true or false"
    );
    for (name, value) in [
        ("from", Value::from("02/04/2026")),
        ("to", 5.into()),
        ("actor", true.into()),
    ] {
        let error = error(name, value);
        assert!(
            matches!(error, ReportError::InvalidParameter { .. }),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("02/04"));
    }
}

// --- definitions ---

fn holds_null(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::Null => true,
        serde_json::Value::Array(items) => items.iter().any(holds_null),
        serde_json::Value::Object(members) => members.values().any(holds_null),
        _ => false,
    }
}

#[test]
fn definitions_go_to_json_and_back() {
    for report in ReportDefinition::builtins() {
        let json = serde_json::to_string(report).unwrap();
        assert_eq!(
            &serde_json::from_str::<ReportDefinition>(&json).unwrap(),
            report
        );
        // TOML has no null.
        assert!(!holds_null(&serde_json::from_str(&json).unwrap()));
        report.check(&columns::schema()).unwrap();
        assert!(
            report
                .parameters
                .iter()
                .all(|parameter| !parameter.description.is_empty())
        );
    }
    let unknown = r#"{"name":"x","title":"X","query":{"stages":[]},"colour":"red"}"#;
    assert!(serde_json::from_str::<ReportDefinition>(unknown).is_err());
}

#[test]
fn reports_have_aliases() {
    for name in [
        "password-reset-activity",
        "Password-Reset",
        "AUDIT-LOG",
        "registration",
    ] {
        assert!(ReportDefinition::builtin(name).is_some(), "{name}");
    }
    assert!(ReportDefinition::builtin("audit-logs").is_none());
}

#[test]
fn a_definition_of_ones_own() {
    let by_kind: ReportDefinition = serde_json::from_str(
        r#"{
            "name": "by-kind",
            "title": "By kind",
            "parameters": [{"name": "least", "type": "int", "default": "1"}],
            "query": {"stages": [
                {"group": {"by": [{"col": "kind"}], "aggregate": [{"count": [], "as": "n"}]}},
                {"filter": {"ge": [{"col": "n"}, {"param": "least"}]}}
            ]},
            "columns": [{"name": "n", "label": "Rows", "unit": "rows"}],
            "chart": {"kind": "ranking", "x": "kind", "y": "n"}
        }"#,
    )
    .unwrap();
    by_kind.check(&columns::schema()).unwrap();
    let snapshot = snapshot(audit_rows());
    let result = by_kind
        .run(&snapshot, &Parameters::new().set("least", 4))
        .unwrap();
    assert_eq!(lines_of(&result), ["member.add | 4"]);
    assert_eq!(labels(&result), ["Kind", "Rows"]);
    assert_eq!(
        result.columns()[1].unit.as_ref().map(|unit| unit.as_str()),
        Some("rows")
    );

    let mut wrong = by_kind.clone();
    wrong.chart.as_mut().unwrap().x = "kindd".to_owned();
    assert_eq!(
        wrong.check(&columns::schema()).unwrap_err().to_string(),
        "the query gives no column `kindd`"
    );
    let mut wrong = by_kind;
    wrong.parameters[0].default = Some("few".to_owned());
    assert!(wrong.run(&snapshot, &Parameters::new()).is_err());
}

// --- the store ---

#[test]
fn activities_come_back_as_they_were() {
    let mut made: Vec<Activity> = audit_rows().into_iter().map(|made| made.0).collect();
    made.extend(whole_flow("c1", KIM).into_iter().map(|made| made.0));
    let mut waiting = joins(9, "08:00", DANA, "Authorizing").0;
    waiting.targets[0].attributes = vec![Change::default()];
    waiting.actor.hint = Some("a guess".to_owned());
    waiting.approvers_decided = vec![ANA.actor()];
    made.push(waiting.clone());

    let store = ActivityStore::new(Retention::FOREVER);
    store.append(made.clone(), time("09:00"));
    assert_eq!(store.activity(waiting.id), Some(waiting));
    assert_eq!(store.activity(Uuid::nil()), None);
    made.sort_by_key(|activity| (activity.time, activity.id));
    assert_eq!(ActivityStore::activities(&store.snapshot()).unwrap(), made);
    // Reading a log twice changes nothing.
    let again = store.append(made.clone(), time("09:00"));
    assert_eq!((again.appended, again.duplicates), (0, made.len() as u64));

    let lean = ActivityStore::new(Retention::FOREVER).without_documents();
    lean.append(made.clone(), time("09:00"));
    assert!(lean.activity(made[0].id).is_none());
    assert_eq!(lean.snapshot().len(), made.len());
}

#[test]
fn one_activity_at_two_statuses_is_given_back_once() {
    let store = ActivityStore::new(Retention::FOREVER);
    let completed = reset(1, "08:05", LI, "Completed", "Succeeded", "Reset finished").0;
    let committed = reset(1, "08:05", LI, "Committed", "Succeeded", "under way").0;
    assert_eq!(completed.id, committed.id);
    let report = store.append([completed.clone(), committed], time("09:00"));
    assert_eq!(report.appended, 2);
    assert_eq!(store.activity(completed.id), Some(completed.clone()));
    assert_eq!(
        ActivityStore::activities(&store.snapshot()).unwrap(),
        [completed]
    );
}

#[test]
fn columns_are_constants_for_queries() {
    let result = Query::new()
        .filter(columns::SELF_SERVICE.eq(false))
        .group_by([columns::CATEGORY, columns::RESULT])
        .aggregate([count()])
        .sort([desc("count"), asc("category")])
        .run(&snapshot(audit_rows()))
        .unwrap();
    assert_eq!(
        result.value(0, "category"),
        Some(&Value::from("UserManagement"))
    );
    assert_eq!(result.columns()[0].label, "Category");
}
