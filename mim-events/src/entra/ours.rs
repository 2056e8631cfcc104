//! Records that are our own rendering of a MIM activity, read back.

use uuid::Uuid;

use crate::activity::{Activity, Actor, ActorKind, Detail, Flags, Kind, Outcome, Source};

/// The service's name, in what is rendered.
pub(super) const SERVICE: &str = "MIM Service";

/// Details of the rendering, in order, all before the activity's own.
pub(super) const REQUEST: &str = "RequestId";
pub(super) const PARENT: &str = "ParentRequestId";
pub(super) const OPERATION: &str = "MIMOperation";
pub(super) const STATUS: &str = "MIMRequestStatus";
pub(super) const TYPE: &str = "MIMObjectType";
pub(super) const KIND: &str = "MIMKind";
pub(super) const CATEGORY: &str = "MIMCategory";
pub(super) const RESULT: &str = "MIMResult";
pub(super) const FLAGS: &str = "MIMFlags";
pub(super) const JUSTIFICATION: &str = "Justification";
pub(super) const APPROVERS: &str = "Approvers";
pub(super) const USED: &str = "MethodsUsed";
pub(super) const REGISTERED: &str = "MethodsRegistered";
pub(super) const TARGET_TYPE: &str = "TargetType";

const KEYS: [&str; 14] = [
    REQUEST,
    PARENT,
    OPERATION,
    STATUS,
    TYPE,
    KIND,
    CATEGORY,
    RESULT,
    FLAGS,
    JUSTIFICATION,
    APPROVERS,
    USED,
    REGISTERED,
    TARGET_TYPE,
];

/// Outcomes that Graph's enumeration can't say.
const OUTCOMES: [Outcome; 3] = [Outcome::Denied, Outcome::Pending, Outcome::Canceled];

/// The word for an outcome that Graph can't say.
pub(super) fn result_word(outcome: Outcome) -> Option<&'static str> {
    OUTCOMES.contains(&outcome).then(|| outcome.as_str())
}

/// The activity's id, if the record is our own rendering.
pub(super) fn id(activity: &Activity) -> Option<Uuid> {
    let ours = activity.service == SERVICE && activity.detail(KIND).is_some();
    let id = activity.source_id.as_deref().filter(|_| ours)?;
    (id.len() == 36).then(|| Uuid::parse_str(id).ok()).flatten()
}

/// Turns the rendering back into the activity of MIM, as far as it says.
pub(super) fn restore(activity: &mut Activity) {
    let own = activity
        .details
        .iter()
        .position(|detail| !KEYS.contains(&detail.key.as_str()))
        .unwrap_or(activity.details.len());
    let ours: Vec<Detail> = activity.details.drain(..own).collect();
    let take = |key: &str| {
        let found = ours.iter().find(|detail| detail.key == key);
        found.map(|detail| detail.value.clone())
    };

    activity.source = Source::IdentityManager;
    activity.tenant = None;
    activity.flags = Flags::default();
    activity.source_id = take(REQUEST);
    activity.parent = take(PARENT);
    activity.operation = take(OPERATION).unwrap_or_default();
    activity.status = take(STATUS);
    activity.justification = take(JUSTIFICATION);
    if let Some(kind) = take(KIND) {
        activity.kind = Kind::new(kind);
    }
    if let Some(category) = take(CATEGORY) {
        activity.category = category;
    }
    if let Some(word) = take(RESULT) {
        let known = OUTCOMES.iter().find(|outcome| outcome.as_str() == word);
        activity.result = known.copied().unwrap_or(activity.result);
    }
    for name in take(FLAGS).as_deref().unwrap_or_default().split(' ') {
        if let Some(flag) = Flags::from_name(name) {
            activity.flags.insert(flag);
        }
    }
    if activity.reason == activity.status {
        activity.reason = None;
    }
    let methods = take(USED).or_else(|| take(REGISTERED));
    activity.methods = methods
        .as_deref()
        .map(super::methods::list)
        .unwrap_or_default();
    for name in take(APPROVERS).as_deref().unwrap_or_default().split("; ") {
        if !name.is_empty() {
            activity.approvers_asked.push(Actor {
                kind: ActorKind::User,
                name: Some(name.to_owned()),
                ..Actor::default()
            });
        }
    }
    if let (Some(object_type), Some(target)) = (take(TARGET_TYPE), activity.targets.first_mut()) {
        target.object_type = object_type;
    }

    let actor = &mut activity.actor;
    if actor.kind == ActorKind::App {
        actor.kind = ActorKind::Service;
    }
    actor.name = actor.name.take().or_else(|| actor.via.take());
    (actor.domain, actor.account) = account(&mut actor.upn);
    for target in &mut activity.targets {
        (target.domain, target.account) = account(&mut target.upn);
        target.attributes.clear();
        target.group_type = None;
    }
    if is_membership(activity.kind.as_str()) && activity.targets.len() == 2 {
        activity.targets.swap(0, 1);
        for change in &mut activity.changes {
            change.target = 1 - change.target.min(1);
        }
    }
}

/// Rows of one member or owner: MIM names the group first, Entra last.
pub(super) fn is_membership(kind: &str) -> bool {
    matches!(
        kind,
        "member.add" | "member.remove" | "owner.add" | "owner.remove"
    )
}

/// `DOMAIN\account`, which stands where the cloud has a user principal name.
fn account(upn: &mut Option<String>) -> (Option<String>, Option<String>) {
    let parts = upn
        .as_deref()
        .and_then(|text| text.split_once('\\'))
        .map(|(domain, account)| (domain.to_owned(), account.to_owned()));
    match parts {
        Some((domain, account)) => {
            *upn = None;
            (Some(domain), Some(account))
        }
        None => (None, None),
    }
}
