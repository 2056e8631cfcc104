//! One rule: its conditions, what its row is like, and how it is shown.

use uuid::Uuid;

use super::{Flags, Kind, Outcome, kinds};
use crate::request::well_known::Initiator;

/// One rule of a table, to look at.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) id: String,
    pub(crate) enabled: bool,
    pub(crate) when: When,
    pub(crate) kind: String,
    /// By [`Verb`], the last for operations that have none.
    pub(crate) kinds: [Kind; 4],
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) take: Take,
    pub(crate) with: Vec<String>,
    pub(crate) actor: ActorRole,
    pub(crate) creator_as: String,
    pub(crate) targets: TargetRole,
    pub(crate) methods: MethodSource,
    pub(crate) reset: bool,
    pub(crate) flags: Flags,
    pub(crate) self_service: SelfService,
    pub(crate) generic: bool,
}

/// The conditions of a rule. An empty list states nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct When {
    pub(crate) op: Vec<String>,
    pub(crate) object_type: Vec<String>,
    pub(crate) class: Option<Class>,
    pub(crate) initiator: Vec<Initiator>,
    pub(crate) attribute: Vec<String>,
    pub(crate) mode: Vec<Mode>,
    pub(crate) value: Vec<String>,
    pub(crate) only: Vec<String>,
    pub(crate) parameters: Option<bool>,
    pub(crate) by_self: Option<bool>,
    pub(crate) via_workflow: Option<bool>,
    pub(crate) parent_type: Vec<String>,
    pub(crate) policy_id: Vec<Uuid>,
    pub(crate) policy_name: Vec<String>,
    pub(crate) policy_attribute: Vec<String>,
    pub(crate) workflow_name: Vec<String>,
    pub(crate) gate: Vec<Uuid>,
    pub(crate) target: Vec<String>,
    pub(crate) decision: Vec<String>,
    pub(crate) result: Vec<Outcome>,
}

/// Closed vocabularies of the rules file: word in the file, value here.
macro_rules! vocabulary {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($variant),* }

        impl $name {
            pub(crate) fn from_word(word: &str) -> Option<Self> {
                $(if word == $word { return Some(Self::$variant); })*
                None
            }

            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }
    )*};
}

vocabulary! {
    /// Which parameters a rule's row is about.
    Take { Each = "each", All = "all", Request = "request", Rest = "rest" }
    /// Who is shown as the actor.
    ActorRole { Creator = "creator", Person = "person", Requestor = "requestor" }
    /// What is shown as targets.
    TargetRole {
        Object = "object", Value = "value", PersonGate = "person_gate",
        Approval = "approval", Response = "response", Pam = "pam",
    }
    /// Where the methods come from.
    MethodSource {
        None = "none", Attribute = "attribute", Gate = "gate",
        Registration = "registration", Flow = "flow",
    }
    /// When a row is self-service.
    SelfService { Never = "never", BySelf = "self", Always = "always" }
    /// MIM Auditor's classes of object types.
    Class { Approval = "approval", System = "system", Audit = "audit" }
    /// What a parameter does to its attribute.
    Mode { Add = "add", Remove = "remove", Set = "set" }
}

/// What an operation does to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Add,
    Update,
    Delete,
}

impl Verb {
    pub(crate) const ALL: [Self; 3] = [Self::Add, Self::Update, Self::Delete];

    pub(crate) fn of(operation: &str) -> Option<Self> {
        let is = |word: &str| operation.eq_ignore_ascii_case(word);
        if is("Create") {
            Some(Self::Add)
        } else if is("Put") {
            Some(Self::Update)
        } else if is("Delete") {
            Some(Self::Delete)
        } else {
            None
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }
}

/// The kinds of a kind with `{verb}`, by verb.
pub(crate) fn kinds_by_verb(template: &str) -> [Kind; 4] {
    [0, 1, 2, 3].map(|at| {
        let verb = Verb::ALL.get(at).map_or("", |verb| verb.word());
        kinds::of(&template.replace("{verb}", &verb.to_ascii_lowercase()))
    })
}

pub(crate) fn tokens_are_known(name: &str) -> bool {
    let mut rest = name;
    while let Some(start) = rest.find('{') {
        rest = &rest[start..];
        let Some(end) = rest.find('}') else {
            return false;
        };
        if !["{Verb}", "{verb}", "{type}", "{Operation}"].contains(&&rest[..=end]) {
            return false;
        }
        rest = &rest[end + 1..];
    }
    true
}

impl Rule {
    /// Its id: `C4`. Ids of built-in rules are stable.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is tried. Some built-in rules are templates, off until a user enables them.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The kind it gives, perhaps with `{verb}`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name it gives, perhaps with `{Verb}`, `{verb}`, `{type}` or `{Operation}`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The category it gives.
    #[must_use]
    pub fn category(&self) -> &str {
        &self.category
    }

    /// Its conditions as Markdown: `` `op` Put; `type` Group ``.
    #[must_use]
    pub fn conditions(&self) -> String {
        let when = &self.when;
        let mut parts = Vec::new();
        let mut say = |key: &str, values: Vec<String>| {
            if !values.is_empty() {
                parts.push(format!("`{key}` {}", values.join(", ")));
            }
        };
        let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string()).into_iter().collect();
        let uuids = |ids: &[Uuid]| ids.iter().map(Uuid::to_string).collect();
        say("op", when.op.clone());
        say("type", when.object_type.clone());
        say(
            "class",
            when.class
                .map(|class| class.word().to_owned())
                .into_iter()
                .collect(),
        );
        say(
            "initiator",
            when.initiator
                .iter()
                .map(|who| who.as_str().to_owned())
                .collect(),
        );
        say("attribute", when.attribute.clone());
        say(
            "mode",
            when.mode
                .iter()
                .map(|mode| mode.word().to_owned())
                .collect(),
        );
        say("value", when.value.clone());
        say("only", when.only.clone());
        say("parameters", flag(when.parameters));
        say("self", flag(when.by_self));
        say("via_workflow", flag(when.via_workflow));
        say("parent_type", when.parent_type.clone());
        say("policy_id", uuids(&when.policy_id));
        say("policy_name", when.policy_name.clone());
        say("policy_attribute", when.policy_attribute.clone());
        say("workflow_name", when.workflow_name.clone());
        say("gate", uuids(&when.gate));
        say("target", when.target.clone());
        say("decision", when.decision.clone());
        say(
            "result",
            when.result
                .iter()
                .map(|result| result.as_str().to_owned())
                .collect(),
        );
        parts.join("; ")
    }

    /// What its row is like, as Markdown: `` each; `targets` value ``.
    #[must_use]
    pub fn row(&self) -> String {
        let mut parts = vec![self.take.word().to_owned()];
        let mut say = |key: &str, value: &str| parts.push(format!("`{key}` {value}"));
        if !self.with.is_empty() {
            say("with", &self.with.join(", "));
        }
        if self.actor != ActorRole::Creator {
            say("actor", self.actor.word());
        }
        if self.creator_as != "Creator" {
            say("creator_as", &self.creator_as);
        }
        if self.targets != TargetRole::Object {
            say("targets", self.targets.word());
        }
        if self.methods != MethodSource::None {
            say("methods", self.methods.word());
        }
        if self.reset {
            say("outcome", "reset");
        }
        if !self.flags.is_empty() {
            say("flags", &self.flags.names().collect::<Vec<_>>().join(", "));
        }
        if self.self_service != SelfService::Never {
            say("self_service", self.self_service.word());
        }
        if self.generic {
            parts.push("generic".to_owned());
        }
        if !self.enabled {
            parts.push("*off*".to_owned());
        }
        parts.join("; ")
    }

    pub(crate) fn kind_for(&self, verb: Option<Verb>) -> Kind {
        let [add, update, delete, none] = &self.kinds;
        match verb {
            Some(Verb::Add) => add,
            Some(Verb::Update) => update,
            Some(Verb::Delete) => delete,
            None => none,
        }
        .clone()
    }

    /// The name of a row; `operation` is as logged, `otherwise` what stands where it is blank.
    pub(crate) fn name_for(
        &self,
        verb: Option<Verb>,
        object_type: &str,
        operation: &str,
        otherwise: impl FnOnce() -> String,
    ) -> String {
        if !self.name.contains('{') {
            return self.name.clone();
        }
        if operation.trim().is_empty() && self.name.contains("{Operation}") {
            return otherwise();
        }
        let verb = verb.map_or("", Verb::word);
        let mut name = String::with_capacity(self.name.len() + object_type.len());
        let mut rest = self.name.as_str();
        // One pass, so that a type with braces in it stays as it is.
        while let Some(start) = rest.find('{') {
            name.push_str(&rest[..start]);
            let end = rest[start..]
                .find('}')
                .map_or(rest.len(), |end| start + end + 1);
            match &rest[start..end] {
                "{Verb}" => name.push_str(verb),
                "{verb}" => name.push_str(&verb.to_ascii_lowercase()),
                "{type}" => name.push_str(object_type),
                "{Operation}" => name.push_str(operation),
                other => name.push_str(other),
            }
            rest = &rest[end..];
        }
        name.push_str(rest);
        name.trim().to_owned()
    }
}
