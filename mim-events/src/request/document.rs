//! A request: one JSON document that MIM logged.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::json::{Object, Value, ValueKind, is_blank};
use super::locate::{Fields, Ids, Located, Span, escape_controls, locate};
use super::options::ParseOptions;
use super::parameter::Parameter;
use super::reference::{Reference, Resource, parse_guid};
use super::vocabulary::{Operation, RequestControl, RequestStatus};
use super::workflow::{Policy, WorkflowInstance, details};
use crate::time::{self, DateOrder, TimeText};
use crate::{Error, ErrorKind, Result};

/// Where a document was logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// The computer that logged it.
    pub computer: String,
    /// The channel.
    pub channel: String,
    /// `EventRecordID` of the event, of the last part where there are several.
    pub record_id: u64,
    /// `EventRecordID` of the earliest part.
    pub first_record_id: u64,
    /// `TimeCreated` of the last part.
    pub time: Option<DateTime<Utc>>,
    /// How many events held the document.
    pub parts: u32,
}

/// A MIM request, lossless and lazy: the document stays as it was logged, its
/// top level is located once, and what lies below is read when it is asked for.
///
/// ```
/// use mim_events::request::{Operation, Request};
///
/// let request = Request::from_json(
///     r#"{"HybridObjectID":"9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01","ObjectType":"Request",
///         "Operation":"Put","TargetObjectType":"Group","RequestStatus":"Completed",
///         "Creator":{"AccountName":"dokafor"},"CreatedTime":"2026-03-02 08:15:09.310",
///         "RequestParameter":{"PropertyName":"Description","Value":"Nights","Mode":"Modify"}}"#,
/// )?;
/// assert_eq!(request.operation(), Operation::PUT);
/// assert_eq!(request.parameters().count(), 1); // one or many
/// assert_eq!(request.creator().map(|creator| creator.text().into_owned()), Some("dokafor".into()));
/// # Ok::<(), mim_events::Error>(())
/// ```
#[derive(Clone)]
pub struct Request<'a> {
    source: Cow<'a, str>,
    top: Span,
    fields: Fields,
    ids: Ids,
    created: Option<DateTime<Utc>>,
    committed: Option<DateTime<Utc>>,
    completed: Option<DateTime<Utc>>,
    expires: Option<DateTime<Utc>>,
    replaced: usize,
    origin: Option<Origin>,
}

impl<'a> Request<'a> {
    /// Parses a document with the default options.
    ///
    /// # Errors
    /// As [`from_json_with`](Self::from_json_with).
    pub fn from_json(text: &'a str) -> Result<Self> {
        Self::from_json_with(text, &ParseOptions::default())
    }

    /// Parses a document. A byte order mark, NULs at the end and blanks around are no harm.
    ///
    /// # Errors
    /// - [`ErrorKind::Json`] with line and column: not valid JSON;
    /// - [`ErrorKind::NotRequest`]: JSON, but no object; an `ObjectType` other than
    ///   `Request`; or none of the attributes that make a request (`HybridObjectID`,
    ///   `Operation`, `RequestStatus`, `RequestParameter`, `Creator`, `Target`);
    /// - [`ErrorKind::Time`]: a time of the request that can't be read, by its field's name;
    /// - [`ErrorKind::Limit`]: larger than the options allow.
    pub fn from_json_with(text: &'a str, options: &ParseOptions) -> Result<Self> {
        let limit = options.max_bytes.min(u32::MAX as usize);
        if text.len() > limit {
            let (actual, limit) = (text.len() as u64, limit as u64);
            return Err(Error::new(ErrorKind::Limit {
                what: "document bytes",
                actual,
                limit,
            }));
        }
        let mut source = Cow::Borrowed(text);
        let mut located = locate(&source);
        if located.is_err()
            && options.allow_control_characters
            && let Cow::Owned(escaped) = escape_controls(text)
        {
            located = locate(&escaped);
            source = Cow::Owned(escaped);
        }
        // Places in the document are 32 bits wide, and escapes are longer than what they stand for.
        if source.len() > u32::MAX as usize {
            return Err(Error::new(ErrorKind::Limit {
                what: "document bytes",
                actual: source.len() as u64,
                limit: u64::from(u32::MAX),
            }));
        }
        let Located {
            top,
            fields,
            ids,
            valid,
        } = located?;
        if valid.depth > options.max_depth {
            let (actual, limit) = (valid.depth as u64, options.max_depth as u64);
            return Err(Error::new(ErrorKind::Limit {
                what: "nesting depth",
                actual,
                limit,
            }));
        }
        let mut request = Self {
            source,
            top,
            fields,
            ids,
            created: None,
            committed: None,
            completed: None,
            expires: None,
            replaced: valid.halves,
            origin: None,
        };
        if !request.object().raw().starts_with('{') {
            return Err(Error::new(ErrorKind::NotRequest {
                what: "the document is no JSON object",
            }));
        }
        request.check(options)?;
        Ok(request)
    }

    fn check(&mut self, options: &ParseOptions) -> Result<()> {
        let object_type = self.object_type();
        if object_type.is_some_and(|found| !found.trim().eq_ignore_ascii_case("Request")) {
            return Err(Error::new(ErrorKind::NotRequest {
                what: "its ObjectType is another than Request",
            }));
        }
        let fields = &self.fields;
        let telling = [
            &fields.id,
            &fields.operation,
            &fields.status,
            &fields.parameters,
            &fields.creator,
            &fields.target,
        ];
        if telling.into_iter().all(|span| span.is_empty()) {
            return Err(Error::new(ErrorKind::NotRequest {
                what: "it has no attribute of a request",
            }));
        }
        // Most are too short to be over: nothing has more items than bytes.
        let parameters = self
            .at(&fields.parameters)
            .filter(|value| value.raw().len() > options.max_parameters)
            .map_or(0, |value| value.items().count());
        if parameters > options.max_parameters {
            let (actual, limit) = (parameters as u64, options.max_parameters as u64);
            return Err(Error::new(ErrorKind::Limit {
                what: "request parameters",
                actual,
                limit,
            }));
        }
        let time = |span: &Span, field| read_time(self.at(span), field, options.date_order);
        let created = time(&fields.created, "CreatedTime")?;
        let committed = time(&fields.committed, "CommittedTime")?;
        let completed = time(&fields.completed, "msidmCompletedTime")?;
        let expires = time(&fields.expires, "ExpirationTime")?;
        (self.created, self.committed, self.completed, self.expires) =
            (created, committed, completed, expires);
        Ok(())
    }

    /// A copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> Request<'static> {
        let Self {
            source,
            top,
            fields,
            ids,
            created,
            committed,
            completed,
            expires,
            replaced,
            origin,
        } = self;
        let source = Cow::Owned(source.into_owned());
        Request {
            source,
            top,
            fields,
            ids,
            created,
            committed,
            completed,
            expires,
            replaced,
            origin,
        }
    }

    /// Says where the document was logged. Requests without an id get the ids of
    /// their activities from there.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }
}

impl Request<'_> {
    /// The document, exactly as it was logged. With
    /// [`ParseOptions::allow_control_characters`], such characters are escaped.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.source
    }

    /// The document's object.
    #[must_use]
    pub fn object(&self) -> Object<'_> {
        Object::from_valid(self.slice(&self.top))
    }

    /// Every member in the order it was logged, duplicates included.
    pub fn members(&self) -> impl Iterator<Item = (Cow<'_, str>, Value<'_>)> + Clone {
        self.object().members()
    }

    /// A member by its name, compared without regard to ASCII case; of duplicates the last.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'_>> {
        self.object().get(key)
    }

    /// The members that MIM's schema of a request does not have, in order:
    /// customers extend it.
    pub fn unknown(&self) -> impl Iterator<Item = (Cow<'_, str>, Value<'_>)> + Clone {
        self.members().filter(|(key, _)| {
            !Fields::KEYS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(key))
        })
    }

    /// `HybridObjectID`: the request's id.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        self.text(&self.fields.id)
            .and_then(|text| parse_guid(&text))
    }

    /// `ObjectType`: `Request`, if it is there.
    #[must_use]
    pub fn object_type(&self) -> Option<Cow<'_, str>> {
        self.text(&self.fields.object_type)
    }

    /// `Operation`; empty where it is missing.
    #[must_use]
    pub fn operation(&self) -> Operation<'_> {
        self.text(&self.fields.operation)
            .map(Operation::new)
            .unwrap_or_default()
    }

    /// `RequestStatus`; empty where it is missing.
    #[must_use]
    pub fn status(&self) -> RequestStatus<'_> {
        self.text(&self.fields.status)
            .map(RequestStatus::new)
            .unwrap_or_default()
    }

    /// `TargetObjectType`, if it is not blank; deletions may leave it out.
    #[must_use]
    pub fn target_object_type(&self) -> Option<Cow<'_, str>> {
        self.text(&self.fields.target_type)
    }

    /// `DisplayName`: `Update to Group:  'Night Shift' Request`.
    #[must_use]
    pub fn display_name(&self) -> Option<Cow<'_, str>> {
        self.text(&self.fields.display_name)
    }

    /// `Creator`: who asked.
    #[must_use]
    pub fn creator(&self) -> Option<Reference<'_>> {
        self.resource(&self.fields.creator, self.ids.creator)
    }

    /// `Target`: what was acted on, with the attributes it has after the request.
    /// A GUID on Delete, missing on a Create that never committed.
    #[must_use]
    pub fn target(&self) -> Option<Reference<'_>> {
        self.resource(&self.fields.target, self.ids.target)
    }

    /// `ParentRequest`: the request whose workflow made this one.
    #[must_use]
    pub fn parent(&self) -> Option<Reference<'_>> {
        self.reference(&self.fields.parent)
    }

    /// `msidmRequestContext`: the security context.
    #[must_use]
    pub fn context(&self) -> Option<Reference<'_>> {
        self.reference(&self.fields.context)
    }

    /// `CreatedTime`: when the request was received.
    #[must_use]
    pub fn created(&self) -> Option<DateTime<Utc>> {
        self.created
    }

    /// `CommittedTime`: when its data was written; missing where it never was.
    #[must_use]
    pub fn committed(&self) -> Option<DateTime<Utc>> {
        self.committed
    }

    /// `msidmCompletedTime`: when it reached its final status.
    #[must_use]
    pub fn completed(&self) -> Option<DateTime<Utc>> {
        self.completed
    }

    /// `ExpirationTime`: when MIM will purge it.
    #[must_use]
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        self.expires
    }

    /// `ManagementPolicy`: the rules that granted it or attached workflows.
    pub fn policies(&self) -> impl Iterator<Item = Policy<'_>> + Clone {
        self.items(&self.fields.policies)
            .filter_map(Policy::from_value)
    }

    /// `AuthenticationWorkflowInstance`: the gates.
    pub fn authentication_workflows(&self) -> impl Iterator<Item = WorkflowInstance<'_>> + Clone {
        self.items(&self.fields.authentication)
            .filter_map(WorkflowInstance::from_value)
    }

    /// `AuthorizationWorkflowInstance`: approvals and checks.
    pub fn authorization_workflows(&self) -> impl Iterator<Item = WorkflowInstance<'_>> + Clone {
        self.items(&self.fields.authorization)
            .filter_map(WorkflowInstance::from_value)
    }

    /// `ActionWorkflowInstance`: what ran after the data was written.
    pub fn action_workflows(&self) -> impl Iterator<Item = WorkflowInstance<'_>> + Clone {
        self.items(&self.fields.action)
            .filter_map(WorkflowInstance::from_value)
    }

    /// `RequestParameter`: the changes asked for.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'_>> + Clone {
        self.items(&self.fields.parameters)
            .filter_map(Parameter::from_value)
    }

    /// `ComputedActor`: who was asked to approve.
    pub fn computed_actors(&self) -> impl Iterator<Item = Reference<'_>> + Clone {
        self.items(&self.fields.computed_actor)
            .filter_map(Reference::from_value)
    }

    /// `Justification`: the requestor's.
    #[must_use]
    pub fn justification(&self) -> Option<Cow<'_, str>> {
        self.text(&self.fields.justification)
    }

    /// `Reason`: the approver's.
    #[must_use]
    pub fn reason(&self) -> Option<Cow<'_, str>> {
        self.text(&self.fields.reason)
    }

    /// The texts of `RequestStatusDetail`: messages and errors. Of XML its text nodes.
    pub fn status_details(&self) -> impl Iterator<Item = Cow<'_, str>> {
        details(self.at(&self.fields.status_detail))
    }

    /// `RequestControl`: a cancel that was asked for.
    #[must_use]
    pub fn control(&self) -> Option<RequestControl<'_>> {
        self.text(&self.fields.control).map(RequestControl::new)
    }

    /// `HasCollateralRequest`: whether it waits for collateral requests.
    #[must_use]
    pub fn has_collateral_request(&self) -> Option<bool> {
        self.at(&self.fields.collateral).and_then(Value::as_bool)
    }

    /// `ServicePartitionName`: the service's host name.
    #[must_use]
    pub fn service_partition_name(&self) -> Option<Cow<'_, str>> {
        self.text(&self.fields.partition)
    }

    /// How many halves of surrogate pairs the document escapes; each is read as U+FFFD.
    #[must_use]
    pub fn replaced_characters(&self) -> usize {
        self.replaced
    }

    /// Where the document was logged, if that was said.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    fn slice(&self, span: &Span) -> &str {
        self.source
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    fn at(&self, span: &Span) -> Option<Value<'_>> {
        (!span.is_empty()).then(|| Value::from_valid(self.slice(span)))
    }

    fn items(&self, span: &Span) -> impl Iterator<Item = Value<'_>> + Clone + use<'_> {
        self.at(span).into_iter().flat_map(Value::items)
    }

    fn text(&self, span: &Span) -> Option<Cow<'_, str>> {
        self.at(span)
            .and_then(Value::to_text)
            .filter(|text| !is_blank(text))
    }

    /// A reference that is one resource mostly, the key of whose id ends at a known place.
    fn resource(&self, span: &Span, id: u32) -> Option<Reference<'_>> {
        match self.at(span).and_then(Resource::from_value) {
            Some(resource) => Some(Reference::Resource(resource.with_id_at(id))),
            None => self.reference(span),
        }
    }

    fn reference(&self, span: &Span) -> Option<Reference<'_>> {
        self.items(span).find_map(Reference::from_value)
    }
}

/// Two requests are equal when their documents are, byte for byte.
impl PartialEq for Request<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Request<'_> {}

/// Id, operation, status and size: everything else may be a person's data.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("id", &self.id())
            .field("operation", &self.operation())
            .field("status", &self.status())
            .field("bytes", &self.source.len())
            .finish_non_exhaustive()
    }
}

fn read_time(
    value: Option<Value<'_>>,
    field: &'static str,
    order: DateOrder,
) -> Result<Option<DateTime<Utc>>> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(None);
    };
    let error = |what| Err(Error::new(ErrorKind::Time { field, what }));
    if value.kind() != ValueKind::Text {
        return error("it is no text");
    }
    match time::parse(&value.as_text().unwrap_or_default(), order) {
        Ok(TimeText::At(time)) => Ok(Some(time)),
        Ok(TimeText::None) => Ok(None),
        Err(what) => error(what),
    }
}
