//! How a request names other resources: a whole object, a GUID, or an internal key.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::json::{Object, Value, ValueKind, is_blank};
use crate::time::{DateOrder, TimeText};

/// Reads a GUID in any form MIM writes: with or without hyphens and braces, any case.
#[must_use]
pub fn parse_guid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text.trim()).ok()
}

/// A resource named by a request: who asked, what was acted on, a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reference<'a> {
    /// The resource with its attributes, as they were when the request was logged.
    Resource(Resource<'a>),
    /// Only its GUID.
    Id(Uuid),
    /// Only another text, in practice the service database's internal integer key.
    Key(Cow<'a, str>),
}

impl<'a> Reference<'a> {
    /// Reads a reference from a value; `None` where the value is blank or of another kind.
    #[must_use]
    pub fn from_value(value: Value<'a>) -> Option<Self> {
        if let Some(object) = value.as_object() {
            return Some(Self::Resource(Resource::new(object)));
        }
        let text = match value.kind() {
            ValueKind::Text | ValueKind::Number => value.to_text()?,
            _ => return None,
        };
        if is_blank(&text) {
            return None;
        }
        Some(parse_guid(&text).map_or(Self::Key(text), Self::Id))
    }

    /// The GUID (`HybridObjectID` of a resource).
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::Resource(resource) => resource.id(),
            Self::Id(id) => Some(*id),
            Self::Key(_) => None,
        }
    }

    /// The internal key (`ObjectID` of a resource). Keys of different service
    /// databases have nothing to do with each other.
    #[must_use]
    pub fn key(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Resource(resource) => resource.key(),
            Self::Id(_) => None,
            Self::Key(key) => Some(key.clone()),
        }
    }

    /// The resource, where it was logged.
    #[must_use]
    pub fn resource(&self) -> Option<Resource<'a>> {
        match self {
            Self::Resource(resource) => Some(*resource),
            _ => None,
        }
    }

    /// An attribute of the resource.
    #[must_use]
    pub fn get(&self, attribute: &str) -> Option<Value<'a>> {
        self.resource()?.get(attribute)
    }

    /// The plain text of an attribute of the resource, if it is not blank.
    #[must_use]
    pub fn attribute(&self, attribute: &str) -> Option<Cow<'a, str>> {
        self.resource()?.text(attribute)
    }

    /// `ObjectType`.
    #[must_use]
    pub fn object_type(&self) -> Option<Cow<'a, str>> {
        self.attribute("ObjectType")
    }

    /// `DisplayName`.
    #[must_use]
    pub fn display_name(&self) -> Option<Cow<'a, str>> {
        self.attribute("DisplayName")
    }

    /// `AccountName`. System accounts have none.
    #[must_use]
    pub fn account_name(&self) -> Option<Cow<'a, str>> {
        self.attribute("AccountName")
    }

    /// `Domain`.
    #[must_use]
    pub fn domain(&self) -> Option<Cow<'a, str>> {
        self.attribute("Domain")
    }

    /// `Email`.
    #[must_use]
    pub fn email(&self) -> Option<Cow<'a, str>> {
        self.attribute("Email")
    }

    /// As a report shows it: `AccountName`, else `DisplayName`, else the GUID, else the key.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        self.account_name()
            .or_else(|| self.display_name())
            .or_else(|| self.id().map(|id| Cow::Owned(id.to_string())))
            .or_else(|| self.key())
            .unwrap_or_default()
    }
}

/// A resource with its attributes. References among them are internal keys.
#[derive(Clone, Copy)]
pub struct Resource<'a> {
    object: Object<'a>,
    /// Where its id's key ends, or 0 if it has none; `None`: was not looked for.
    id: Option<u32>,
}

impl<'a> Resource<'a> {
    /// The attribute that has the id.
    pub(super) const ID: &'static str = "HybridObjectID";

    fn new(object: Object<'a>) -> Self {
        Self { object, id: None }
    }

    /// The resource, given where the key of its id ends, or 0 if it has none.
    pub(super) fn with_id_at(self, quote: u32) -> Self {
        let id = Some(quote);
        Self { id, ..self }
    }

    /// `HybridObjectID`.
    #[must_use]
    pub fn id(self) -> Option<Uuid> {
        let value = match self.id {
            None => self.get(Self::ID)?,
            Some(0) => return None,
            Some(quote) => self.object.value_behind(quote as usize)?,
        };
        parse_guid(&value.to_text()?)
    }

    /// `ObjectID`, the internal key. A GUID there is no internal key.
    #[must_use]
    pub fn key(self) -> Option<Cow<'a, str>> {
        self.text("ObjectID")
            .filter(|text| parse_guid(text).is_none())
    }

    /// An attribute; names are compared without regard to ASCII case.
    #[must_use]
    pub fn get(self, attribute: &str) -> Option<Value<'a>> {
        self.object.get(attribute)
    }

    /// The plain text of an attribute, if it is not blank.
    #[must_use]
    pub fn text(self, attribute: &str) -> Option<Cow<'a, str>> {
        self.object.text(attribute)
    }

    /// An attribute as references, one or many.
    pub fn references(
        self,
        attribute: &str,
    ) -> impl Iterator<Item = Reference<'a>> + Clone + use<'a> {
        self.get(attribute)
            .into_iter()
            .flat_map(Value::items)
            .filter_map(Reference::from_value)
    }

    /// An attribute as a time; `None` where it is missing or can't be read.
    #[must_use]
    pub fn time(self, attribute: &str, order: DateOrder) -> Option<DateTime<Utc>> {
        match crate::time::parse(&self.text(attribute)?, order) {
            Ok(TimeText::At(time)) => Some(time),
            _ => None,
        }
    }

    /// All attributes in the order they were logged.
    pub fn attributes(self) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>)> + Clone + use<'a> {
        self.object.members()
    }

    /// The object as it was logged.
    #[must_use]
    pub fn object(self) -> Object<'a> {
        self.object
    }

    pub(crate) fn from_value(value: Value<'a>) -> Option<Self> {
        value.as_object().map(Self::new)
    }
}

/// Two resources are equal when they were logged alike, byte for byte.
impl PartialEq for Resource<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.object == other.object
    }
}

impl Eq for Resource<'_> {}

/// Its length: attributes are people's data.
impl fmt::Debug for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resource").field(&self.object).finish()
    }
}
