//! The request document that MIM logs: typed, lossless, lazy.
//!
//! ```
//! use mim_events::request::{Operation, Reference, Request, RequestStatus};
//!
//! let request = Request::from_json(r#"{
//!     "HybridObjectID": "9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01",
//!     "ObjectType": "Request", "Operation": "Delete", "RequestStatus": "Completed",
//!     "DisplayName": "Delete Group:  'Night Shift' Request", "TargetObjectType": "",
//!     "Target": "3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77", "CreatedTime": "3/4/2021 7:05:09 AM"
//! }"#)?;
//! assert_eq!(request.operation(), Operation::DELETE);
//! assert_eq!(request.status(), RequestStatus::COMPLETED);
//! assert!(matches!(request.target(), Some(Reference::Id(_))));
//! # Ok::<(), mim_events::Error>(())
//! ```
//!
//! Parsing validates the whole text once, finds the members of the top level, and
//! reads the request's own times; [`Request::as_json`] is the document byte for byte,
//! with its digits, its key order, and whatever customers added.
//!
//! # Two shapes, one parser
//!
//! MIM was seen to write two shapes, for reasons nobody documented:
//!
//! | | long shape | short shape |
//! |---|---|---|
//! | seen for | finished creations and changes with workflows | deletions; a change logged in parts |
//! | times | `2019-12-17 01:19:42.633` | `2/13/2020 10:23:08 PM` (see [`DateOrder`](crate::time::DateOrder)) |
//! | lacks | | `ExpirationTime`, `msidmCompletedTime`, `ServicePartitionName`, workflow instances |
//!
//! Neither key order nor presence matters to the parser. All times are UTC. The
//! year 0001 means "no time".
//!
//! # Fields
//!
//! One-or-many fields come as a single object or text or as an array; the
//! iterators here hide that. A [reference](Reference) is an object with the resource's
//! attributes, a GUID, or an internal key.
//!
//! | field | what | accessor |
//! |---|---|---|
//! | `HybridObjectID` | the request's GUID | [`id`](Request::id) |
//! | `Operation`, `RequestStatus` | open vocabularies | [`operation`](Request::operation), [`status`](Request::status) |
//! | `TargetObjectType` | may be blank on deletions | [`target_object_type`](Request::target_object_type) |
//! | `DisplayName` | verb, type and quoted name | [`display_name`](Request::display_name), [`DisplayName::parse`] |
//! | `Creator`, `Target`, `ParentRequest` | references | [`creator`](Request::creator), [`target`](Request::target), [`parent`](Request::parent) |
//! | `CreatedTime`, `CommittedTime`, `msidmCompletedTime`, `ExpirationTime` | times | [`created`](Request::created), ... |
//! | `ManagementPolicy` | one or many rules | [`policies`](Request::policies) |
//! | `AuthenticationWorkflowInstance`, `Authorization...`, `Action...` | one or many | [`authentication_workflows`](Request::authentication_workflows), ... |
//! | `RequestParameter` | one or many changes | [`parameters`](Request::parameters) |
//! | `ComputedActor` | one or many approvers who were asked | [`computed_actors`](Request::computed_actors) |
//! | `Justification`, `Reason`, `RequestStatusDetail` | texts | [`justification`](Request::justification), [`reason`](Request::reason), [`status_details`](Request::status_details) |
//! | anything else | kept in order | [`unknown`](Request::unknown), [`members`](Request::members) |
//!
//! Of duplicate keys the last is read and all are kept. Keys are compared without
//! regard to ASCII case (`Propertyname` was seen beside `PropertyName`).
//!
//! # What is an error
//!
//! Invalid JSON, JSON that is no request, a time that can't be read, and documents
//! over a [limit](ParseOptions): each a typed error with its place. Everything else
//! parses, with unknown words kept as they are. Half a surrogate pair in an escape
//! is read as U+FFFD and [counted](Request::replaced_characters).

mod json;
mod vocabulary;
pub mod well_known;

mod reference;

mod parameter;
mod workflow;

mod document;
mod locate;
mod options;

pub(crate) use json::is_blank;

pub use document::{Origin, Request};
pub use json::{Object, Value, ValueKind};
pub use options::ParseOptions;
pub use parameter::Parameter;
pub use reference::{Reference, Resource, parse_guid};
pub use vocabulary::{
    ActionType, ApprovalStatus, Decision, DisplayName, Mode, Operation, RequestControl,
    RequestStatus, RuleType, WorkflowStatus,
};
pub use workflow::{Policy, WorkflowInstance};
