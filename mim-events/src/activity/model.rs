//! `Activity`: one row of the hybrid report, from either source.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// One thing that somebody did or tried to do, on-premises or in the cloud.
///
/// The serialised form leaves out what is empty, in the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Activity {
    /// The same for the same activity, wherever and whenever it is read.
    pub id: Uuid,
    /// When it happened (MIM: committed, else completed, else created).
    pub time: DateTime<Utc>,
    /// Which system says so.
    pub source: Source,
    /// The Entra tenant, where the export names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// What happened, as the stable key that reports filter by.
    pub kind: Kind,
    /// What happened, as it is shown.
    pub name: String,
    /// The service that did it: `MIM Service`, `Core Directory`, ...
    pub service: String,
    /// The category: `GroupManagement`, `UserManagement`, ...
    pub category: String,
    /// The source's own operation word: `Put`, `Create`; `Assign`, `Update`, ...
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operation: String,
    /// The source's own word for the state: MIM's `RequestStatus`, Entra's `result`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Marks that reports hide or pick by.
    #[serde(default, skip_serializing_if = "Flags::is_empty")]
    pub flags: Flags,
    /// Who did it.
    pub actor: Actor,
    /// What it was done to, in the source's order (MIM: the object, then the member or owner).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// How it ended.
    pub result: Outcome,
    /// Why it ended so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Authentication methods used or registered, in the report's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Values that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Who was asked to approve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers_asked: Vec<Actor>,
    /// Who approved or rejected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers_decided: Vec<Actor>,
    /// The requestor's justification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// More, as ordered pairs; keys may repeat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// MIM: when the request was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// MIM: when its data operation was committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<DateTime<Utc>>,
    /// MIM: when it reached its final status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<DateTime<Utc>>,
    /// What belongs together: the MIM request (of a decision: the request that
    /// was decided on, where known), or Entra's correlation id, which need not be a GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// The MIM request whose workflow made this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The source's own id of the record: the MIM request's GUID, Entra's `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
}

impl Activity {
    /// An activity with what every one has; the rest is empty.
    #[must_use]
    pub fn new(
        id: Uuid,
        time: DateTime<Utc>,
        source: Source,
        kind: Kind,
        name: impl Into<String>,
    ) -> Self {
        Self {
            id,
            time,
            source,
            tenant: None,
            kind,
            name: name.into(),
            service: String::new(),
            category: String::new(),
            operation: String::new(),
            status: None,
            flags: Flags::default(),
            actor: Actor::default(),
            targets: Vec::new(),
            result: Outcome::Unknown,
            reason: None,
            methods: Vec::new(),
            changes: Vec::new(),
            approvers_asked: Vec::new(),
            approvers_decided: Vec::new(),
            justification: None,
            details: Vec::new(),
            created: None,
            committed: None,
            completed: None,
            correlation: None,
            parent: None,
            source_id: None,
        }
    }

    /// The first detail of a key.
    #[must_use]
    pub fn detail(&self, key: &str) -> Option<&str> {
        self.details
            .iter()
            .find(|detail| detail.key == key)
            .map(|detail| detail.value.as_str())
    }
}

/// The system that recorded an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// Microsoft Identity Manager, on-premises.
    IdentityManager,
    /// Microsoft Entra ID, in the cloud.
    Entra,
}

impl Source {
    /// The key: `identity_manager` or `entra`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdentityManager => "identity_manager",
            Self::Entra => "entra",
        }
    }

    /// As reports show it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::IdentityManager => "Identity Manager",
            Self::Entra => "Entra ID",
        }
    }
}

/// How an activity ended.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Done.
    Success,
    /// Tried, and an error stopped it.
    Failure,
    /// Refused by a rule, a gate or an approver.
    Denied,
    /// Not finished when it was logged.
    Pending,
    /// Cancelled by somebody or by the system.
    Canceled,
    /// Nobody decided in time.
    Expired,
    /// The source's word is not known; it is in [`Activity::status`].
    #[default]
    Unknown,
}

impl Outcome {
    /// The key, as serialised.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
            Self::Pending => "pending",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }
}

/// What happened, as a stable key such as `member.add`. Open: rules of a user
/// may bring their own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// A kind known when the program is written.
    #[must_use]
    pub const fn from_static(key: &'static str) -> Self {
        Self(Cow::Borrowed(key))
    }

    /// A kind from anywhere.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(Cow::Owned(key.into()))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Who did something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Actor {
    /// A person, an application, a service, or not known.
    pub kind: ActorKind,
    /// MIM's `HybridObjectID`, Entra's object id or service principal id, or a
    /// bare internal key of MIM where nothing else was logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// MIM's `AccountName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// MIM's `Domain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The user principal name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// The IP address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The application the person used, where it names itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// What an unresolved key probably means; guessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Actor {
    /// As reports show it: account name, else UPN, else display name, else id.
    #[must_use]
    pub fn text(&self) -> &str {
        [&self.account, &self.upn, &self.name, &self.id]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }
}

/// What kind of actor.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActorKind {
    /// A person.
    User,
    /// An application.
    App,
    /// A built-in account or service.
    Service,
    /// Not known.
    #[default]
    Unknown,
}

impl ActorKind {
    /// The key, as serialised.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::App => "app",
            Self::Service => "service",
            Self::Unknown => "unknown",
        }
    }
}

/// What something was done to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Target {
    /// `User` (MIM's `Person`), `Group`, ... or the source's own type.
    #[serde(rename = "type", default, skip_serializing_if = "String::is_empty")]
    pub object_type: String,
    /// MIM's `HybridObjectID` (or bare internal key), Entra's object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// MIM's `AccountName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// MIM's `Domain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The user principal name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// Entra's `groupType`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_type: Option<String>,
    /// Entra's modified properties that are references, not changes (`Group.ObjectID`, ...).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Change>,
}

impl Target {
    /// As reports show it: display name, else account, else UPN, else id.
    #[must_use]
    pub fn text(&self) -> &str {
        [&self.name, &self.account, &self.upn, &self.id]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }
}

/// A value that changed. MIM never logs old values of single-valued attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// The attribute.
    pub property: String,
    /// Added, removed or set, where the source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ChangeMode>,
    /// The value before, or the value removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The value now, or the value added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Which of the activity's targets changed, from 0. In [`Target::attributes`] the
    /// place among all modified properties of its target, from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub target: u32,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape serde asks for"
)]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// How a value changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeMode {
    /// A value of a multi-valued attribute came.
    Add,
    /// A value of a multi-valued attribute went.
    Remove,
    /// A single value was set (or cleared, when there is no new value).
    Set,
}

/// One more thing to know about an activity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Detail {
    /// The name.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Detail {
    /// A pair.
    #[must_use]
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }
}

/// Marks of an activity. Serialised as a list of their names.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(u16);

impl Flags {
    /// The actor did it to themselves, or made a group, and no workflow acted.
    pub const SELF_SERVICE: Self = Self(1);
    /// It touches who may do what: administrators, policy rules.
    pub const SENSITIVE: Self = Self(1 << 1);
    /// The system did it to itself; hidden by default.
    pub const SYSTEM: Self = Self(1 << 2);
    /// A by-product of another activity; hidden by default.
    pub const NOISE: Self = Self(1 << 3);
    /// Privileged access management.
    pub const PAM: Self = Self(1 << 4);
    /// A workflow of another request did it.
    pub const VIA_WORKFLOW: Self = Self(1 << 5);

    const NAMES: [(&'static str, Self); 6] = [
        ("self_service", Self::SELF_SERVICE),
        ("sensitive", Self::SENSITIVE),
        ("system", Self::SYSTEM),
        ("noise", Self::NOISE),
        ("pam", Self::PAM),
        ("via_workflow", Self::VIA_WORKFLOW),
    ];

    /// The flag of a name, as serialised.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, flag)| *flag)
    }

    /// Whether all of the other's flags are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether none is set.
    #[must_use]
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "the shape serde asks for"
    )]
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Sets the other's flags.
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// The names of the set flags, in fixed order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(_, flag)| self.contains(*flag))
            .map(|(name, _)| name)
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut flags = Self::default();
        for name in Vec::<Cow<'_, str>>::deserialize(deserializer)? {
            flags.insert(
                Self::from_name(&name)
                    .ok_or_else(|| serde::de::Error::custom("unknown flag of an activity"))?,
            );
        }
        Ok(flags)
    }
}
