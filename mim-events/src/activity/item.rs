//! A request's parameters as the rules see them.

use std::borrow::Cow;
use std::cmp::Ordering;

use uuid::Uuid;

use super::normalize::{Ref, filled, value_reference};
use super::rule::{Mode, Verb};
use crate::request::{Mode as Word, Parameter, Reference, Value, ValueKind};

/// One parameter, or one element of a parameter whose value is an array.
pub(crate) struct Item<'a> {
    pub(crate) property: Cow<'a, str>,
    /// `None` for a word that is none of the three.
    pub(crate) mode: Option<Mode>,
    /// Whether the document gave the mode.
    pub(crate) explicit: bool,
    pub(crate) value: Option<Value<'a>>,
    /// The other resource that this parameter changes.
    pub(crate) foreign: Option<Uuid>,
}

impl<'a> Item<'a> {
    pub(crate) fn is(&self, attribute: &str) -> bool {
        // Only a longer name can have blanks around this one.
        match self.property.len().cmp(&attribute.len()) {
            Ordering::Less => false,
            Ordering::Equal => self.property.eq_ignore_ascii_case(attribute),
            Ordering::Greater => self.property.trim().eq_ignore_ascii_case(attribute),
        }
    }

    pub(crate) fn reference(&self) -> Option<Ref<'a>> {
        value_reference(self.value?)
    }

    /// The value as text, before hiding and cutting.
    pub(crate) fn text(&self) -> Option<Cow<'a, str>> {
        let value = self.value?;
        let display = match value.kind() {
            ValueKind::Object | ValueKind::Text => self
                .reference()
                .filter(|reference| reference.is_object)
                .and_then(|reference| reference.display()),
            _ => None,
        };
        Some(match (display, value.to_text()) {
            (Some(display), _) => Cow::Owned(display),
            (None, Some(text)) => text,
            (None, None) => Cow::Borrowed(value.raw()),
        })
    }

    /// What tells this value from others of its attribute, for the id; never a learned thing.
    pub(crate) fn subject(&self) -> String {
        let Some(value) = self.value else {
            return String::new();
        };
        if let Some(reference) = self.reference() {
            if let Some(id) = reference.id {
                return id.to_string();
            }
            if reference.is_object {
                let found = [&reference.key, &reference.account, &reference.name];
                if let Some(found) = found.into_iter().flatten().next() {
                    return found.clone().into_owned();
                }
            }
        }
        match value.to_text() {
            Some(text) => text.into_owned(),
            None => value.raw().to_owned(),
        }
    }
}

/// What [`Parameter`] says, read in one pass.
pub(super) struct Parts<'a> {
    pub(super) definition: Option<Reference<'a>>,
    pub(super) calculated: bool,
    property: Option<Cow<'a, str>>,
    mode: Option<Word<'a>>,
    value: Option<Value<'a>>,
    target: Option<Uuid>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(parameter: Parameter<'a>) -> Self {
        let [definition, calculated, property, mode, value, target] = parameter.object().pick([
            "WorkflowDefinition",
            "Calculated",
            "PropertyName",
            "Mode",
            "Value",
            "Target",
        ]);
        let text = |value: Option<Value<'a>>| filled(value.and_then(Value::to_text));
        Self {
            definition: definition.and_then(Reference::from_value),
            calculated: calculated.and_then(Value::as_bool).unwrap_or(false),
            property: text(property),
            mode: text(mode).map(Word::new),
            value,
            target: target
                .and_then(Reference::from_value)
                .and_then(|target| target.id()),
        }
    }

    /// Its items, one for each element of its value; none without an attribute's name.
    pub(super) fn push_items(
        self,
        verb: Option<Verb>,
        target: Option<Uuid>,
        list: &mut Vec<Item<'a>>,
    ) {
        let Some(property) = self.property else {
            return;
        };
        let foreign = self
            .target
            .filter(|other| target.is_some_and(|target| target != *other));
        let mode = match &self.mode {
            None if verb == Some(Verb::Add) => Some(Mode::Add),
            None => Some(Mode::Set),
            Some(word) if *word == Word::ADD || *word == Word::INSERT => Some(Mode::Add),
            Some(word) if *word == Word::REMOVE => Some(Mode::Remove),
            Some(word) if *word == Word::MODIFY => Some(Mode::Set),
            Some(_) => None,
        };
        let mut push = |value: Option<Value<'a>>| {
            list.push(Item {
                property: property.clone(),
                mode,
                explicit: self.mode.is_some(),
                value,
                foreign,
            });
        };
        let mut values = self.value.iter().flat_map(|value| value.items()).peekable();
        if values.peek().is_none() {
            push(None);
        }
        for value in values {
            push(Some(value));
        }
    }
}
