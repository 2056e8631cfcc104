//! From an `Activity` to a row of the table.

use std::fmt::Write as _;

use mim_events::activity::{Activity, Actor, ActorKind, ChangeMode, Flags, Source, Target};
use uuid::Uuid;

use crate::value::Value;

/// A row of the activity table, in the order of its [schema](super::columns::schema).
pub(super) fn row(activity: &Activity, document: Option<String>) -> Vec<Value> {
    let person = Person::of(activity);
    let group = group(activity);
    let (step, step_method) = step(activity);
    let flag = |flag| Value::from(activity.flags.contains(flag));
    let actor = &activity.actor;
    vec![
        activity.time.into(),
        row_id(activity).into(),
        activity.id.into(),
        activity.source.as_str().into(),
        text(activity.tenant.as_deref()),
        activity.kind.as_str().into(),
        (&activity.name).into(),
        (&activity.service).into(),
        (&activity.category).into(),
        text(Some(&activity.operation)),
        text(activity.status.as_deref()),
        activity.result.as_str().into(),
        text(activity.reason.as_deref()),
        flag(Flags::SELF_SERVICE),
        flag(Flags::SENSITIVE),
        flag(Flags::SYSTEM),
        flag(Flags::NOISE),
        flag(Flags::PAM),
        flag(Flags::VIA_WORKFLOW),
        text(Some(actor.text())),
        actor.kind.as_str().into(),
        text(actor.id.as_deref()),
        text(actor.name.as_deref()),
        text(actor.account.as_deref()),
        text(actor.domain.as_deref()),
        text(actor.upn.as_deref()),
        text(actor.ip.as_deref()),
        text(actor.via.as_deref()),
        text(Some(&actor_search(actor))),
        text(Some(&targets_text(activity))),
        target_types(activity),
        targets(activity),
        text(group.map(Target::text)),
        text(group.and_then(|group| group.id.as_deref())),
        text(Some(&person.text())),
        person.key().into(),
        person.role(activity).into(),
        Value::list(&activity.methods),
        step.into(),
        step_method.into(),
        changes(activity),
        details(activity),
        Value::list(activity.approvers_asked.iter().map(Actor::text)),
        Value::list(activity.approvers_decided.iter().map(Actor::text)),
        text(activity.justification.as_deref()),
        activity.created.into(),
        activity.committed.into(),
        activity.completed.into(),
        text(activity.correlation.as_deref()),
        text(activity.parent.as_deref()),
        text(activity.source_id.as_deref()),
        request_key(activity).into(),
        target_key(activity).into(),
        status_rank(activity).into(),
        search_text(activity).into(),
        document.into(),
    ]
}

/// Blank is null.
fn text(text: Option<&str>) -> Value {
    text.filter(|text| !text.is_empty()).into()
}

fn is_user(target: &Target) -> bool {
    target.object_type.eq_ignore_ascii_case("user")
}

fn is_group(target: &Target) -> bool {
    target.object_type.eq_ignore_ascii_case("group")
}

/// The group. Of a membership MIM names the group first and Entra the member, who
/// may be a group as well; the cloud's documentation has it both ways, so that there
/// a group that is not first wins over one that is.
fn group(activity: &Activity) -> Option<&Target> {
    let kind = activity.kind.as_str();
    let member_first = activity.source == Source::Entra
        && (kind.starts_with("member.") || kind.starts_with("owner."));
    let mut groups = activity.targets.iter().filter(|target| is_group(target));
    if member_first {
        let later = activity
            .targets
            .iter()
            .skip(1)
            .find(|target| is_group(target));
        later.or_else(|| groups.next())
    } else {
        groups.next()
    }
}

/// The user that an activity is about.
enum Person<'a> {
    Target(&'a Target),
    Actor(&'a Actor),
}

/// What a user is told from others by.
struct Names<'a> {
    id: Option<&'a str>,
    upn: Option<&'a str>,
    account: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> Person<'a> {
    fn of(activity: &'a Activity) -> Self {
        activity
            .targets
            .iter()
            .find(|target| is_user(target) && !target.text().is_empty())
            .map_or(Self::Actor(&activity.actor), Self::Target)
    }

    fn names(&self) -> Names<'a> {
        match self {
            Self::Target(target) => Names {
                id: filled(&target.id),
                upn: filled(&target.upn),
                account: filled(&target.account),
                name: filled(&target.name),
            },
            Self::Actor(actor) => Names {
                id: filled(&actor.id),
                upn: filled(&actor.upn),
                account: filled(&actor.account),
                name: filled(&actor.name),
            },
        }
    }

    /// As an actor is shown, so that one person reads the same in all columns.
    fn text(&self) -> String {
        let names = self.names();
        let text = names.account.or(names.upn).or(names.name).or(names.id);
        text.unwrap_or_default().to_owned()
    }

    fn key(&self) -> Option<String> {
        let names = self.names();
        let key = names.id.or(names.upn).or(names.account).or(names.name)?;
        Some(key.to_lowercase())
    }

    /// No record carries a person's directory role; what can be told is whether
    /// somebody else did it.
    fn role(&self, activity: &Activity) -> &'static str {
        let kind = activity.kind.as_str();
        let by_other = match self {
            _ if kind.ends_with(".admin") => true,
            Self::Actor(_) => false,
            _ if kind.ends_with(".self") || activity.actor.kind != ActorKind::User => false,
            Self::Target(_) => {
                let (person, actor) = (self.names(), Person::Actor(&activity.actor).names());
                let pairs = [
                    (person.id, actor.id),
                    (person.upn, actor.upn),
                    (person.account, actor.account),
                ];
                let known = pairs.iter().find_map(|(a, b)| a.zip(*b));
                known.is_some_and(|(a, b)| a.to_lowercase() != b.to_lowercase())
            }
        };
        if by_other { "Admin" } else { "User" }
    }
}

fn filled(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// The step of a cloud flow and its method: as the Entra reader found them, else
/// from the sentence, `User completed the mobile SMS verification option`.
fn step(activity: &Activity) -> (Option<&'static str>, Option<String>) {
    if activity.kind.as_str() != "sspr.flow" {
        return (None, None);
    }
    let steps = ["started", "completed"];
    let found = activity.detail("Step");
    if let (Some(step), Some(method)) = (found, activity.methods.first()) {
        let step = steps.into_iter().find(|known| *known == step);
        return (step, step.map(|_| method.clone()));
    }
    let sentence = activity.reason.as_deref().unwrap_or_default().trim();
    let sentence = sentence.trim_end_matches('.').to_lowercase();
    let parsed = steps.into_iter().find_map(|step| {
        let rest = sentence.strip_prefix("user ")?.strip_prefix(step)?;
        let rest = rest.strip_prefix(" the ")?;
        let rest = rest.strip_suffix(" option").unwrap_or(rest);
        Some((step, rest.strip_suffix(" verification")?))
    });
    let (step, words) = parsed.unzip();
    (step, words.map(method_of_step))
}

/// The report's word for a verification option, given in lower case.
fn method_of_step(words: &str) -> String {
    let known = match words {
        "mobile sms" | "mobile voice call" | "mobile call" => "Mobile Phone",
        "email" | "e-mail" | "alternate email" => "Alternate Email",
        "security questions" | "security question" => "Security Questions",
        "mobile app notification" | "mobile app code" => "Authenticator App",
        _ if words.starts_with("office phone") => "Office Phone",
        _ if words.starts_with("alternate mobile") => "Mobile Phone",
        _ => words,
    };
    known.to_owned()
}

fn actor_search(actor: &Actor) -> String {
    let mut lines = Lines::default();
    lines.actor(actor);
    lines.0
}

/// Targets that say nothing (a read names an object of type `N/A` and id zero) are left out.
fn shown_targets(activity: &Activity) -> impl Iterator<Item = &Target> {
    activity.targets.iter().filter(|target| {
        let zero = target.text() == "00000000-0000-0000-0000-000000000000";
        !target.text().is_empty() && !zero
    })
}

fn targets_text(activity: &Activity) -> String {
    let mut text = String::new();
    for target in shown_targets(activity) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        if !target.object_type.is_empty() {
            // Writing to a String does not fail.
            let _ = write!(text, "{} : ", target.object_type);
        }
        text.push_str(target.text());
    }
    text
}

fn target_types(activity: &Activity) -> Value {
    let mut types: Vec<&str> = Vec::new();
    for target in &activity.targets {
        let object_type = target.object_type.as_str();
        if !object_type.is_empty() && !types.contains(&object_type) {
            types.push(object_type);
        }
    }
    Value::list(types)
}

fn targets(activity: &Activity) -> Value {
    Value::list(activity.targets.iter().map(|target| {
        Value::record([
            text(Some(&target.object_type)),
            text(target.id.as_deref()),
            text(target.name.as_deref()),
            text(target.account.as_deref()),
            text(target.upn.as_deref()),
            text(target.domain.as_deref()),
        ])
    }))
}

fn changes(activity: &Activity) -> Value {
    Value::list(activity.changes.iter().map(|change| {
        let mode = change.mode.map(|mode| match mode {
            ChangeMode::Add => "add",
            ChangeMode::Remove => "remove",
            ChangeMode::Set => "set",
            _ => "other",
        });
        Value::record([
            Value::from(&change.property),
            mode.into(),
            change.old.as_ref().into(),
            change.new.as_ref().into(),
        ])
    }))
}

fn details(activity: &Activity) -> Value {
    Value::list(
        activity
            .details
            .iter()
            .map(|detail| Value::record([&detail.key, &detail.value])),
    )
}

/// `Committed` and `Completed` are one activity with one id and one time, and yet
/// the later one is to be shown, whichever comes first.
fn row_id(activity: &Activity) -> Uuid {
    let status = activity.status.as_deref().unwrap_or_default().trim();
    if activity.source != Source::IdentityManager || is_final(status_rank(activity)) {
        return activity.id;
    }
    Uuid::new_v5(&activity.id, status.to_ascii_lowercase().as_bytes())
}

fn request_key(activity: &Activity) -> String {
    match (activity.source, filled(&activity.source_id)) {
        (Source::IdentityManager, Some(request)) => request.to_lowercase(),
        _ => activity.id.to_string(),
    }
}

/// A request gives several rows of one kind for its values (members, owners) and its
/// properties. The object itself does not count: it is the same for all, and a new
/// one has no id before it is committed.
fn target_key(activity: &Activity) -> String {
    if activity.source != Source::IdentityManager {
        return String::new();
    }
    let mut lines = Lines::default();
    for target in activity.targets.iter().skip(1) {
        if !target.object_type.eq_ignore_ascii_case("GateRegistration") {
            lines.push(filled(&target.id).unwrap_or(target.text()));
        }
    }
    for change in &activity.changes {
        lines.push(&change.property);
    }
    lines.0.to_lowercase()
}

/// The statuses of a MIM request in the order in which it reaches them.
const STATUSES: [(&str, i64); 18] = [
    ("validating", 1),
    ("validated", 2),
    ("authenticating", 3),
    ("authenticated", 4),
    ("authorizing", 5),
    ("authorized", 6),
    ("committed", 8),
    ("postprocessing", 9),
    ("canceling", 10),
    ("completed", 11),
    ("postprocessingerror", 11),
    ("denied", 11),
    ("failed", 11),
    ("canceled", 11),
    ("cancelled", 11),
    ("canceledpostprocessing", 11),
    ("expired", 11),
    ("notfound", 11),
];

const fn is_final(rank: i64) -> bool {
    rank == 11
}

/// An unknown status stands between what waits and what was committed.
const UNKNOWN_STATUS: i64 = 7;

fn status_rank(activity: &Activity) -> i64 {
    if activity.source != Source::IdentityManager {
        return 0;
    }
    let status = activity.status.as_deref().unwrap_or_default().trim();
    STATUSES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(status))
        .map_or(UNKNOWN_STATUS, |(_, rank)| *rank)
}

/// Texts, a line each, so that a search never matches across two of them.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn push(&mut self, text: &str) {
        if !text.is_empty() {
            if !self.0.is_empty() {
                self.0.push('\n');
            }
            self.0.push_str(text);
        }
    }

    fn maybe(&mut self, text: &Option<String>) {
        self.push(text.as_deref().unwrap_or_default());
    }

    fn account(&mut self, domain: &Option<String>, account: &Option<String>) {
        match (filled(domain), filled(account)) {
            (Some(domain), Some(account)) => self.push(&format!("{domain}\\{account}")),
            (None, Some(account)) => self.push(account),
            _ => {}
        }
    }

    fn actor(&mut self, actor: &Actor) {
        self.maybe(&actor.name);
        self.account(&actor.domain, &actor.account);
        self.maybe(&actor.upn);
        self.maybe(&actor.id);
    }
}

fn search_text(activity: &Activity) -> String {
    let mut lines = Lines::default();
    lines.push(&activity.name);
    lines.push(activity.kind.as_str());
    lines.actor(&activity.actor);
    lines.maybe(&activity.actor.ip);
    for target in &activity.targets {
        lines.maybe(&target.name);
        lines.account(&target.domain, &target.account);
        lines.maybe(&target.upn);
        lines.maybe(&target.id);
    }
    lines.maybe(&activity.reason);
    lines.maybe(&activity.justification);
    for method in &activity.methods {
        lines.push(method);
    }
    for actor in activity
        .approvers_asked
        .iter()
        .chain(&activity.approvers_decided)
    {
        lines.actor(actor);
    }
    for change in &activity.changes {
        lines.push(&change.property);
        lines.maybe(&change.old);
        lines.maybe(&change.new);
    }
    for detail in &activity.details {
        lines.push(&detail.key);
        lines.push(&detail.value);
    }
    lines.maybe(&activity.correlation);
    lines.maybe(&activity.source_id);
    lines.0
}
