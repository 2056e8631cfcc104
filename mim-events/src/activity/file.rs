//! The rules file as it is written, and its way into the table.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::methods::{Methods, Word};
use super::rule::{
    ActorRole, Class, MethodSource, Mode, Rule, SelfService, Take, TargetRole, Verb, When,
    kinds_by_verb, tokens_are_known,
};
use super::{Flags, Outcome};
use crate::request::well_known::Initiator;

/// The whole file. Generic over its rows, so that a row that can't be read is named by its number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "R: Deserialize<'de>"))]
pub(crate) struct File<R> {
    #[serde(default)]
    pub(crate) version: Option<u32>,
    #[serde(default)]
    pub(crate) rules: Vec<R>,
    #[serde(default)]
    pub(crate) names: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) enable: Vec<String>,
    #[serde(default)]
    pub(crate) disable: Vec<String>,
    #[serde(default)]
    pub(crate) methods: MethodFile,
    #[serde(default)]
    pub(crate) lockout_words: Words,
    #[serde(default)]
    pub(crate) secret_attributes: Words,
    #[serde(default)]
    pub(crate) secret_words: Words,
    #[serde(default)]
    pub(crate) masked_phones: Words,
    #[serde(default)]
    pub(crate) masked_addresses: Words,
}

impl<R> File<R> {
    /// The same file with every row read further; rows are numbered from 1.
    pub(crate) fn rows<S, E>(
        self,
        mut read: impl FnMut(usize, R) -> Result<S, E>,
    ) -> Result<File<S>, E> {
        Ok(File {
            version: self.version,
            rules: self
                .rules
                .into_iter()
                .enumerate()
                .map(|(at, row)| read(at + 1, row))
                .collect::<Result<_, _>>()?,
            names: self.names,
            enable: self.enable,
            disable: self.disable,
            methods: self.methods,
            lockout_words: self.lockout_words,
            secret_attributes: self.secret_attributes,
            secret_words: self.secret_words,
            masked_phones: self.masked_phones,
            masked_addresses: self.masked_addresses,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MethodFile {
    order: Vec<String>,
    gates: BTreeMap<String, String>,
    attributes: BTreeMap<String, String>,
    words: Vec<WordFile>,
    xoml: Vec<WordFile>,
    workflows: BTreeMap<String, Words>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordFile {
    text: String,
    method: String,
}

impl MethodFile {
    pub(crate) fn into_methods(self) -> Result<Methods, &'static str> {
        let words = |words: Vec<WordFile>| {
            words
                .into_iter()
                .map(|word| {
                    if word.text.trim().is_empty() {
                        Err("an empty word of `methods`")
                    } else {
                        Ok(Word {
                            text: word.text.to_lowercase(),
                            method: word.method,
                        })
                    }
                })
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Methods {
            order: self.order,
            gates: self
                .gates
                .into_iter()
                .map(|(id, method)| Ok((guid(&id)?, method)))
                .collect::<Result<_, &'static str>>()?,
            attributes: self.attributes.into_iter().collect(),
            words: words(self.words)?,
            xoml: words(self.xoml)?,
            workflows: self
                .workflows
                .into_iter()
                .map(|(name, methods)| (name, methods.0))
                .collect(),
        })
    }
}

fn guid(text: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(text.trim()).map_err(|_| "a text that is no GUID where one must be")
}

/// One word or a list of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Words, E> {
                Ok(Words(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = seq.next_element()? {
                    words.push(word);
                }
                Ok(Words(words))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

/// One rule as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Row {
    id: String,
    enabled: Option<bool>,
    op: Words,
    #[serde(rename = "type")]
    object_type: Words,
    class: Option<String>,
    initiator: Words,
    attribute: Words,
    mode: Words,
    value: Words,
    only: Words,
    parameters: Option<bool>,
    #[serde(rename = "self")]
    by_self: Option<bool>,
    via_workflow: Option<bool>,
    parent_type: Words,
    policy_id: Words,
    policy_name: Words,
    policy_attribute: Words,
    workflow_name: Words,
    gate: Words,
    target: Words,
    decision: Words,
    result: Words,
    kind: String,
    name: String,
    category: Option<String>,
    take: Option<String>,
    with: Words,
    actor: Option<String>,
    creator_as: Option<String>,
    targets: Option<String>,
    methods: Option<String>,
    outcome: Option<String>,
    flags: Words,
    self_service: Option<String>,
    generic: bool,
}

const INITIATORS: [Initiator; 6] = [
    Initiator::Administrator,
    Initiator::Synchronization,
    Initiator::Service,
    Initiator::Anonymous,
    Initiator::User,
    Initiator::Unknown,
];

const OUTCOMES: [Outcome; 7] = [
    Outcome::Success,
    Outcome::Failure,
    Outcome::Denied,
    Outcome::Pending,
    Outcome::Canceled,
    Outcome::Expired,
    Outcome::Unknown,
];

fn word<T>(
    text: Option<&String>,
    default: T,
    read: impl Fn(&str) -> Option<T>,
    what: &'static str,
) -> Result<T, &'static str> {
    text.map_or(Ok(default), |text| read(text).ok_or(what))
}

fn all<T>(
    words: &Words,
    read: impl Fn(&str) -> Option<T>,
    what: &'static str,
) -> Result<Vec<T>, &'static str> {
    words.0.iter().map(|text| read(text).ok_or(what)).collect()
}

impl Row {
    /// Checks a rule; `number` names one without an id.
    pub(crate) fn into_rule(self, number: usize) -> Result<Rule, &'static str> {
        let kind_is_key = self.kind.split('.').all(|part| {
            part == "{verb}"
                || (!part.is_empty()
                    && part.bytes().all(|b| {
                        b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-'
                    }))
        });
        if !kind_is_key {
            return Err("its `kind` must be words of small letters joined by dots");
        }
        if self.name.trim().is_empty() {
            return Err("it has no `name`");
        }
        if !tokens_are_known(&self.name) {
            return Err("its `name` has a token that is not known");
        }
        let verbs_only = !self.op.0.is_empty() && self.op.0.iter().all(|op| Verb::of(op).is_some());
        if self.kind.contains("{verb}") && !verbs_only {
            return Err("a `kind` with `{verb}` needs `op` to be Create, Put or Delete");
        }
        let attribute_given = !self.attribute.0.is_empty();
        let states_more = !self.mode.0.is_empty() || !self.value.0.is_empty();
        if states_more && !attribute_given {
            return Err("`mode` and `value` need an `attribute`");
        }
        let default = if attribute_given {
            Take::All
        } else {
            Take::Rest
        };
        let take = word(
            self.take.as_ref(),
            default,
            Take::from_word,
            "an unknown `take`",
        )?;
        if matches!(take, Take::Each | Take::All) && !attribute_given {
            return Err("`each` and `all` need an `attribute`");
        }
        if take == Take::Request && attribute_given {
            return Err("`request` takes no `attribute`");
        }
        if take != Take::All && !self.with.0.is_empty() {
            return Err("`with` goes only with `all`");
        }
        if take != Take::Rest && !self.only.0.is_empty() {
            return Err("`only` goes only with `rest`");
        }
        let targets = word(
            self.targets.as_ref(),
            TargetRole::Object,
            TargetRole::from_word,
            "unknown `targets`",
        )?;
        if targets == TargetRole::Value && take != Take::Each {
            return Err("`targets` `value` goes only with `each`");
        }
        let reset = word(
            self.outcome.as_ref(),
            false,
            |text| (text == "reset").then_some(true),
            "an unknown `outcome`",
        )?;
        let mut flags = Flags::default();
        for flag in all(&self.flags, Flags::from_name, "an unknown flag")? {
            flags.insert(flag);
        }
        let initiator = |text: &str| INITIATORS.into_iter().find(|known| known.as_str() == text);
        let outcome = |text: &str| OUTCOMES.into_iter().find(|known| known.as_str() == text);
        let id = if self.id.trim().is_empty() {
            format!("rule {number}")
        } else {
            self.id
        };
        Ok(Rule {
            id,
            enabled: self.enabled.unwrap_or(true),
            when: When {
                op: self.op.0,
                object_type: self.object_type.0,
                class: match &self.class {
                    None => None,
                    Some(text) => Some(Class::from_word(text).ok_or("an unknown `class`")?),
                },
                initiator: all(&self.initiator, initiator, "an unknown `initiator`")?,
                attribute: self.attribute.0,
                mode: all(&self.mode, Mode::from_word, "an unknown `mode`")?,
                value: self.value.0,
                only: self.only.0,
                parameters: self.parameters,
                by_self: self.by_self,
                via_workflow: self.via_workflow,
                parent_type: self.parent_type.0,
                policy_id: all(
                    &self.policy_id,
                    |id| guid(id).ok(),
                    "`policy_id` is no GUID",
                )?,
                policy_name: self.policy_name.0,
                policy_attribute: self.policy_attribute.0,
                workflow_name: self.workflow_name.0,
                gate: all(&self.gate, |id| guid(id).ok(), "`gate` is no GUID")?,
                target: self.target.0,
                decision: self.decision.0,
                result: all(&self.result, outcome, "an unknown `result`")?,
            },
            kinds: kinds_by_verb(&self.kind),
            kind: self.kind,
            name: self.name,
            category: self.category.unwrap_or_else(|| "Other".to_owned()),
            take,
            with: self.with.0,
            actor: word(
                self.actor.as_ref(),
                ActorRole::Creator,
                ActorRole::from_word,
                "an unknown `actor`",
            )?,
            creator_as: self.creator_as.unwrap_or_else(|| "Creator".to_owned()),
            targets,
            methods: word(
                self.methods.as_ref(),
                MethodSource::None,
                MethodSource::from_word,
                "unknown `methods`",
            )?,
            reset,
            flags,
            self_service: word(
                self.self_service.as_ref(),
                SelfService::Never,
                SelfService::from_word,
                "an unknown `self_service`",
            )?,
            generic: self.generic,
        })
    }
}
