//! The table of rules: what is read, what is checked, what a rule looks like in use.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::file::{File, Row};
use super::methods::Methods;
use super::{Flags, Kind, Outcome, kinds};
use crate::request::well_known::Initiator;
use crate::{Error, ErrorKind, Result};

/// A table of rules: which rows a request gives.
///
/// [`Rules::builtin`] is the table of [this page](super#the-rules). A table of your own, read from
/// JSON with [`Rules::from_json`] or from any other form through serde, comes before it with [`Rules::with_user`].
///
/// ```
/// use mim_events::activity::Rules;
///
/// let mine = Rules::from_json(r#"{
///     "rules": [{"op": "Create", "type": "Computer", "kind": "computer.add", "name": "Add computer"}],
///     "names": {"C4": "Add Member"}
/// }"#)?;
/// let rules = Rules::with_user(mine);
/// assert_eq!(rules.iter().next().map(|rule| rule.name()), Some("Add computer"));
/// # Ok::<(), mim_events::Error>(())
/// ```
///
/// Cloning is cheap: clones share the table.
#[derive(Clone)]
pub struct Rules(Arc<Table>);

#[derive(Clone, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Rule>,
    pub(crate) methods: Methods,
    pub(crate) lockout_words: Vec<String>,
    pub(crate) hiding: Hiding,
    /// What a user's table says about built-in rules, until it is put before them.
    names: BTreeMap<String, String>,
    enable: Vec<String>,
    disable: Vec<String>,
}

/// Attributes whose values are not shown, or not in full.
#[derive(Clone, Default)]
pub(crate) struct Hiding {
    pub(crate) secret_attributes: Vec<String>,
    pub(crate) secret_words: Vec<String>,
    pub(crate) masked_phones: Vec<String>,
    pub(crate) masked_addresses: Vec<String>,
}

static BUILTIN: LazyLock<Rules> = LazyLock::new(|| {
    // A constant of this crate; that it is readable is tested.
    Rules::read(include_str!("rules.json"), None).unwrap_or_else(|_| Rules(Arc::default()))
});

impl Rules {
    /// The built-in table.
    #[must_use]
    pub fn builtin() -> Self {
        BUILTIN.clone()
    }

    /// Reads a table of your own; its form is in [the rules](super#the-rules), section 7.
    ///
    /// Used alone, it is the whole table: what none of its rules explains becomes a row of kind
    /// `other`. Most want it [before the built-in one](Rules::with_user).
    ///
    /// # Errors
    /// [`ErrorKind::Rules`] with the rule, counted from 1, and what is wrong with it; 0 is the
    /// table itself. The source names the key or the place in the JSON.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::read(text, Some(&BUILTIN))
    }

    /// The built-in table with a user's before it, and the names, switches and lists that the
    /// user's table changes.
    #[must_use]
    pub fn with_user(user: Self) -> Self {
        let mut table = (*BUILTIN.0).clone();
        let user = Arc::unwrap_or_clone(user.0);
        for row in &mut table.rows {
            if let Some(name) = user.names.get(&row.id) {
                row.name.clone_from(name);
            }
            if user.enable.contains(&row.id) {
                row.enabled = true;
            }
            if user.disable.contains(&row.id) {
                row.enabled = false;
            }
        }
        table.rows.splice(0..0, user.rows);
        table.methods.extend(user.methods);
        table.lockout_words.extend(user.lockout_words);
        let hiding = &mut table.hiding;
        hiding
            .secret_attributes
            .extend(user.hiding.secret_attributes);
        hiding.secret_words.extend(user.hiding.secret_words);
        hiding.masked_phones.extend(user.hiding.masked_phones);
        hiding.masked_addresses.extend(user.hiding.masked_addresses);
        Self(Arc::new(table))
    }

    /// The rules in table order, those that are off included.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.rows.iter()
    }

    /// The built-in rule that suits everything.
    pub(crate) fn last_resort(&self) -> Option<&'static Rule> {
        BUILTIN.0.rows.last()
    }

    pub(crate) fn table(&self) -> &Table {
        &self.0
    }

    fn read(text: &str, builtin: Option<&Self>) -> Result<Self> {
        let file: File<&RawValue> = serde_json::from_str(text).map_err(|error| {
            let what = if error.is_data() {
                "a key that is not known, or a value of another type"
            } else {
                "not valid JSON"
            };
            rules_error(0, what)
                .at_line(error.line() as u64, error.column() as u64)
                .with_source(error)
        })?;
        let file = file.rows(|index, raw| {
            serde_json::from_str::<Row>(raw.get()).map_err(|error| {
                rules_error(index, "a key that is not known, or a value of another type")
                    .with_source(error)
            })
        })?;
        Self::check(file, builtin)
    }

    fn check(file: File<Row>, builtin: Option<&Self>) -> Result<Self> {
        if file.version.is_some_and(|version| version != 1) {
            return Err(rules_error(0, "a version that this build does not know"));
        }
        let mut rows: Vec<Rule> = Vec::with_capacity(file.rules.len());
        for (at, row) in file.rules.into_iter().enumerate() {
            let rule = row
                .into_rule(at + 1)
                .map_err(|what| rules_error(at + 1, what))?;
            if rows.iter().any(|known| known.id == rule.id) {
                return Err(rules_error(at + 1, "its `id` is used twice"));
            }
            rows.push(rule);
        }
        let known = |id: &String| {
            builtin.is_some_and(|rules| rules.0.rows.iter().any(|rule| rule.id == *id))
        };
        if !file.names.keys().all(known)
            || !file.enable.iter().all(known)
            || !file.disable.iter().all(known)
        {
            return Err(rules_error(
                0,
                "`names`, `enable` or `disable` names a rule that the built-in table does not have",
            ));
        }
        if file.names.values().any(|name| !tokens_are_known(name)) {
            return Err(rules_error(0, "a name with a token that is not known"));
        }
        Ok(Self(Arc::new(Table {
            rows,
            methods: file
                .methods
                .into_methods()
                .map_err(|what| rules_error(0, what))?,
            lockout_words: words(file.lockout_words.0)?,
            hiding: Hiding {
                secret_attributes: words(file.secret_attributes.0)?,
                secret_words: lower(words(file.secret_words.0)?),
                masked_phones: words(file.masked_phones.0)?,
                masked_addresses: words(file.masked_addresses.0)?,
            },
            names: file.names,
            enable: file.enable,
            disable: file.disable,
        })))
    }
}

/// An empty word would be found everywhere.
fn words(words: Vec<String>) -> Result<Vec<String>> {
    if words.iter().any(|word| word.trim().is_empty()) {
        return Err(rules_error(0, "an empty word in a list"));
    }
    Ok(words)
}

fn lower(words: Vec<String>) -> Vec<String> {
    words.iter().map(|word| word.to_lowercase()).collect()
}

fn rules_error(index: usize, what: &'static str) -> Error {
    Error::new(ErrorKind::Rules { index, what })
}

impl Default for Rules {
    /// The built-in table.
    fn default() -> Self {
        Self::builtin()
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Rule::id)).finish()
    }
}

/// The same form as [`Rules::from_json`], from any format that serde reads.
impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let file = File::<Row>::deserialize(deserializer)?;
        Self::check(file, Some(&BUILTIN)).map_err(|error| serde::de::Error::custom(error.kind()))
    }
}

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
