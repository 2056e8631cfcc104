//! One change that a request asks for: an item of `RequestParameter`.

use std::borrow::Cow;

use uuid::Uuid;

use super::json::{Object, Value, ValueKind};
use super::reference::{Reference, parse_guid};
use super::vocabulary::{Mode, Operation};

/// One item of `RequestParameter`: one value that is set, added or removed.
/// Values before the change are never logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a>(Object<'a>);

impl<'a> Parameter<'a> {
    pub(crate) fn from_value(value: Value<'a>) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// Whether the service filled it in, not the requestor.
    #[must_use]
    pub fn calculated(self) -> bool {
        self.0
            .get("Calculated")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// The attribute (`PropertyName`, also `Propertyname`). Missing on Delete.
    #[must_use]
    pub fn property(self) -> Option<Cow<'a, str>> {
        self.0.text("PropertyName")
    }

    /// The value as it was logged: text for text, numbers, booleans, times and
    /// binary alike, an object for a reference. `None` where the key is missing.
    #[must_use]
    pub fn value(self) -> Option<Value<'a>> {
        self.0.get("Value")
    }

    /// The value as plain text ([`Value::to_text`]).
    #[must_use]
    pub fn value_text(self) -> Option<Cow<'a, str>> {
        self.value().and_then(Value::to_text)
    }

    /// The value as a reference: an object, or a text that is a GUID.
    ///
    /// Other texts are values of their own; whether one is an internal key only
    /// the attribute's schema could say.
    #[must_use]
    pub fn reference(self) -> Option<Reference<'a>> {
        let value = self.value()?;
        match value.kind() {
            ValueKind::Object => Reference::from_value(value),
            ValueKind::Text => parse_guid(&value.as_text()?).map(Reference::Id),
            _ => None,
        }
    }

    /// The item's own operation: `Create` for every change, `Delete` on a deletion.
    #[must_use]
    pub fn operation(self) -> Operation<'a> {
        self.0
            .text("Operation")
            .map(Operation::new)
            .unwrap_or_default()
    }

    /// How the attribute changes; missing on Create.
    #[must_use]
    pub fn mode(self) -> Option<Mode<'a>> {
        self.0.text("Mode").map(Mode::new)
    }

    /// The resource of this item, in requests with several targets.
    #[must_use]
    pub fn target(self) -> Option<Uuid> {
        self.0
            .get("Target")
            .and_then(Reference::from_value)
            .and_then(|target| target.id())
    }

    /// The workflow of a `SystemEvent` item.
    #[must_use]
    pub fn workflow_definition(self) -> Option<Reference<'a>> {
        self.0
            .get("WorkflowDefinition")
            .and_then(Reference::from_value)
    }

    /// The item as it was logged.
    #[must_use]
    pub fn object(self) -> Object<'a> {
        self.0
    }
}
