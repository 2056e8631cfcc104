//! A request as the rules see it: section 1 of the rules' page.

use std::borrow::Cow;

use uuid::Uuid;

use super::Outcome;
use super::item::{Item, Parts};
use super::links::{Identity, Scope};
use super::rule::{Class, Verb};
use super::values::short;
use crate::request::well_known::{self, Initiator};
use crate::request::{
    DisplayName, Operation, Policy, Reference, Request, RequestStatus, Resource, Value, ValueKind,
    WorkflowInstance, is_blank, parse_guid,
};

/// Text that is there and not blank.
pub(crate) fn filled(text: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    text.filter(|text| !is_blank(text))
}

/// A reference, read once.
#[derive(Clone)]
pub(crate) struct Ref<'a> {
    pub(crate) id: Option<Uuid>,
    /// `ObjectID` of an object, or a text that is no GUID.
    pub(crate) key: Option<Cow<'a, str>>,
    pub(crate) object_type: Option<Cow<'a, str>>,
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) account: Option<Cow<'a, str>>,
    pub(crate) domain: Option<Cow<'a, str>>,
    /// Whether it was an object, or JSON of one in a text.
    pub(super) is_object: bool,
    object: Option<Resource<'a>>,
}

impl<'a> Ref<'a> {
    pub(crate) fn new(reference: Reference<'a>) -> Self {
        let object = match reference {
            Reference::Resource(object) => object,
            Reference::Id(id) => return Self::of_identity(Some(id), None),
            Reference::Key(key) => return Self::of_identity(None, Some(key)),
        };
        // One pass instead of six: targets come with all their attributes.
        const WANTED: [&str; 6] = [
            "HybridObjectID",
            "ObjectID",
            "ObjectType",
            "DisplayName",
            "AccountName",
            "Domain",
        ];
        let values = object.object().pick(WANTED);
        let [id, key, object_type, name, account, domain] =
            values.map(|value| filled(value.and_then(Value::to_text)));
        Self {
            id: id.and_then(|id| parse_guid(&id)),
            key: key.filter(|key| parse_guid(key).is_none()),
            // Every row of a request repeats these.
            object_type: object_type.map(short),
            name: name.map(short),
            account: account.map(short),
            domain: domain.map(short),
            is_object: true,
            object: Some(object),
        }
    }

    /// A resource of which only this is known.
    pub(crate) fn of_identity(id: Option<Uuid>, key: Option<Cow<'a, str>>) -> Self {
        Self {
            id,
            key,
            object_type: None,
            name: None,
            account: None,
            domain: None,
            is_object: false,
            object: None,
        }
    }

    /// JSON of a resource in a text, as MIM Auditor's test data has it.
    fn in_text(text: &str) -> Option<Ref<'static>> {
        let text = text.trim();
        if !text.starts_with(['{', '[']) {
            return None;
        }
        let first = Value::parse(text)?.items().next()?;
        let found = Ref::new(Reference::from_value(first)?);
        let owned = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        (found.is_object && found.display().is_some()).then(|| Ref {
            id: found.id,
            key: owned(found.key),
            object_type: owned(found.object_type),
            name: owned(found.name),
            account: owned(found.account),
            domain: owned(found.domain),
            is_object: true,
            object: None,
        })
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<Value<'a>> {
        self.object.as_ref()?.get(name)
    }

    /// Several attributes as references, found in one pass.
    pub(crate) fn references_of<const N: usize>(&self, names: [&str; N]) -> [Option<Ref<'a>>; N] {
        match &self.object {
            Some(object) => object
                .object()
                .pick(names)
                .map(|value| value.and_then(value_reference)),
            None => [const { None }; N],
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        filled(self.attribute(name)?.to_text())
    }

    pub(crate) fn reference(&self, name: &str) -> Option<Ref<'a>> {
        value_reference(self.attribute(name)?)
    }

    pub(crate) fn references(&self, name: &str) -> Vec<Ref<'a>> {
        self.attribute(name)
            .into_iter()
            .flat_map(Value::items)
            .filter_map(value_reference)
            .collect()
    }

    /// Whether it came with both a GUID and an internal key.
    pub(crate) fn is_whole(&self) -> bool {
        self.id.is_some() && self.key.is_some()
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            id: self.id,
            key: self.key.as_deref().map(|key| key.trim().to_owned()),
        }
    }

    /// Whether two references of one document name the same resource.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self.id, other.id) {
            (Some(a), Some(b)) => a == b,
            _ => match (&self.key, &other.key) {
                (Some(a), Some(b)) => a.trim() == b.trim(),
                _ => false,
            },
        }
    }

    /// GUID, else internal key: as ids and targets write it.
    pub(crate) fn id_text(&self) -> Option<String> {
        self.id
            .map(|id| id.to_string())
            .or_else(|| self.key.as_deref().map(str::to_owned))
    }

    /// Display name, else account, else GUID, else internal key.
    pub(crate) fn display(&self) -> Option<String> {
        self.name
            .as_deref()
            .or(self.account.as_deref())
            .map(str::to_owned)
            .or_else(|| self.id_text())
    }
}

/// Reads a value as a reference: an object, JSON of one in a text, a GUID, or any other text.
pub(crate) fn value_reference(value: Value<'_>) -> Option<Ref<'_>> {
    if value.kind() == ValueKind::Text
        && let Some(found) = Ref::in_text(&value.as_text()?)
    {
        return Some(found);
    }
    Reference::from_value(value).map(Ref::new)
}

/// A request with everything that rules and rows ask more than once.
pub(crate) struct View<'a> {
    pub(crate) id: Option<Uuid>,
    pub(crate) operation: Operation<'a>,
    pub(crate) verb: Option<Verb>,
    pub(crate) status: RequestStatus<'a>,
    pub(crate) outcome: Outcome,
    pub(crate) object_type: Cow<'a, str>,
    pub(crate) class: Class,
    pub(crate) display_name: Option<Cow<'a, str>>,
    pub(crate) quoted: Option<String>,
    pub(crate) creator: Option<Ref<'a>>,
    pub(crate) initiator: Initiator,
    pub(crate) target: Option<Ref<'a>>,
    pub(crate) parent: Option<Ref<'a>>,
    pub(crate) items: Vec<Item<'a>>,
    pub(crate) calculated: Vec<Item<'a>>,
    /// `WorkflowDefinition` of the parameters of a system event.
    pub(crate) definitions: Vec<Ref<'a>>,
    pub(crate) policies: Vec<Policy<'a>>,
    pub(crate) authentication: Vec<WorkflowInstance<'a>>,
    /// Authorization, then action.
    pub(crate) later: Vec<WorkflowInstance<'a>>,
    pub(crate) scope: Scope,
}

impl<'a> View<'a> {
    pub(crate) fn new(request: &'a Request<'a>) -> Self {
        let operation = request.operation();
        let verb = Verb::of(operation.as_str().trim());
        let status = request.status();
        let creator = request.creator().map(Ref::new).filter(is_some_body);
        let target = request.target().map(Ref::new).filter(is_some_body);
        let display_name = filled(request.display_name());
        let title = display_name.as_deref().and_then(DisplayName::parse);
        let target_id = target.as_ref().and_then(|target| target.id);

        let mut items = Vec::new();
        let mut calculated = Vec::new();
        let mut definitions = Vec::new();
        for parameter in request.parameters() {
            let mut parts = Parts::of(parameter);
            if let Some(definition) = parts.definition.take() {
                definitions.extend(Some(Ref::new(definition)).filter(is_some_body));
            }
            let list = if parts.calculated {
                &mut calculated
            } else {
                &mut items
            };
            parts.push_items(verb, target_id, list);
        }

        let object_type = filled(request.target_object_type())
            .or_else(|| {
                title
                    .as_ref()
                    .map(|title| Cow::Owned(title.object_type.to_owned()))
            })
            .or_else(|| target.as_ref()?.object_type.clone())
            .or_else(|| {
                // In document order, calculated or not.
                request
                    .parameters()
                    .find(|parameter| {
                        parameter
                            .property()
                            .is_some_and(|name| name.trim().eq_ignore_ascii_case("ObjectType"))
                    })
                    .and_then(|parameter| filled(parameter.value()?.to_text()))
            })
            .map_or(Cow::Borrowed(""), |text| short(trimmed(text)));
        let quoted = title
            .map(|title| title.name.to_owned())
            .filter(|name| !name.trim().is_empty());
        let class = match well_known::class(&object_type) {
            well_known::Class::Approval => Class::Approval,
            well_known::Class::System => Class::System,
            _ => Class::Audit,
        };
        Self {
            id: request.id(),
            verb,
            outcome: Outcome::of_request_status(status.as_str()),
            status,
            class,
            object_type,
            quoted,
            display_name,
            initiator: Initiator::of(creator.as_ref().and_then(|creator| creator.id)),
            creator,
            target,
            parent: request.parent().map(Ref::new).filter(is_some_body),
            items,
            calculated,
            definitions,
            policies: request.policies().collect(),
            authentication: request.authentication_workflows().collect(),
            later: request
                .authorization_workflows()
                .chain(request.action_workflows())
                .collect(),
            scope: Scope::new(
                request.origin().map(|origin| origin.computer.as_str()),
                request.service_partition_name().as_deref(),
            ),
            operation,
        }
    }

    pub(crate) fn via_workflow(&self) -> bool {
        self.parent.is_some()
    }

    pub(crate) fn is_type(&self, wanted: &str) -> bool {
        self.object_type.eq_ignore_ascii_case(wanted)
    }

    /// All workflow instances: authentication, authorization, action.
    pub(crate) fn workflows(&self) -> impl Iterator<Item = &WorkflowInstance<'a>> {
        self.authentication.iter().chain(&self.later)
    }

    /// The first parameter of an attribute that has a value.
    pub(crate) fn parameter(&self, attribute: &str) -> Option<&Item<'a>> {
        self.items
            .iter()
            .find(|item| item.is(attribute) && item.value.is_some())
    }

    /// A text that a parameter gives, or else the target's attribute.
    pub(crate) fn text(&self, attribute: &str) -> Option<Cow<'a, str>> {
        self.parameter(attribute)
            .and_then(|item| filled(item.text()))
            .or_else(|| self.target.as_ref()?.text(attribute))
    }

    /// A reference that a parameter gives, or else the target's attribute.
    pub(crate) fn reference(&self, attribute: &str) -> Option<Ref<'a>> {
        self.parameter(attribute)
            .and_then(Item::reference)
            .or_else(|| self.target.as_ref()?.reference(attribute))
            .filter(is_some_body)
    }

    /// The gate that a registration is for: as GUID, and as it is shown.
    pub(crate) fn gate(&self) -> Option<(Option<Uuid>, String)> {
        let text = self.text("GateTypeId")?;
        let id = parse_guid(&text);
        Some((
            id,
            id.map_or_else(|| text.into_owned(), |id| id.to_string()),
        ))
    }

    /// The person of a gate registration.
    pub(crate) fn gate_person(&self) -> Option<Ref<'a>> {
        self.reference("UserID")
    }
}

/// Whether anything is known of whom a reference names.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "a predicate for `filter`"
)]
fn is_some_body(reference: &Ref<'_>) -> bool {
    reference.id.is_some()
        || reference.key.is_some()
        || reference.name.is_some()
        || reference.account.is_some()
        || reference.object_type.is_some()
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}
