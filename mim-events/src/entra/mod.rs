//! Audit exports of Entra ID (Azure AD) as activities, and activities as such records.
//!
//! Microsoft hands out one audit record in many dresses. [`EntraReader`] reads them all,
//! a file or stream at a time, and tells them apart element by element, so files that
//! were put behind each other are fine:
//!
//! | Dress | Looks like |
//! |---|---|
//! | Microsoft Graph `directoryAudit` | an object, an array, a page (`value`), a line each |
//! | diagnostic record | Event Hub (`records`), blob lines; the object in `properties`, also as text |
//! | diagnostic record of 2018 | `targetResourceType` and its kin in `properties` |
//! | Log Analytics, table `AuditLogs` | a row each, the query API's `tables`, CSV |
//! | the portal's download | JSON, or CSV with columns `Target1Type` ... |
//! | PowerShell | the object in `PascalCase`, with dates of its own |
//!
//! A byte order mark, any line ends, blank lines, a cut last line, a page that breaks
//! into an error answer, members in any case, nulls that are missing: read, or reported
//! with their place, and reading goes on. Records of other logs, such as sign-ins, are
//! counted and passed over. No more than one element is in memory.
//!
//! ```
//! use mim_events::entra::EntraReader;
//!
//! let page = r#"{"value":[{
//!     "id": "Directory_5f_QX_1", "category": "GroupManagement", "result": "success",
//!     "activityDateTime": "2026-03-02T08:15:09.31Z", "activityDisplayName": "Add member to group",
//!     "loggedByService": "Core Directory",
//!     "initiatedBy": {"user": {"id": "1", "userPrincipalName": "ines@contoso.test"}},
//!     "targetResources": [
//!         {"id": "2", "type": "User", "userPrincipalName": "tom@contoso.test", "modifiedProperties": [
//!             {"displayName": "Group.DisplayName", "oldValue": null, "newValue": "\"Lab Access\""}]},
//!         {"id": "3", "type": "Group"}]
//! }]}"#;
//! for activity in EntraReader::new(page.as_bytes()) {
//!     let activity = activity?;
//!     assert_eq!(activity.kind.as_str(), "member.add");
//!     assert_eq!(activity.targets[0].text(), "tom@contoso.test");
//!     assert_eq!(activity.targets[1].text(), "Lab Access");
//! }
//! # Ok::<(), mim_events::Error>(())
//! ```
//!
//! # What a record becomes
//!
//! - `id`: a UUID of version 5 over the record's own `id` and nothing else, so the same
//!   record from Graph and from Log Analytics is one activity; [`Merge`] finds it. The
//!   portal's CSV has no ids: see [below](#records-without-an-id).
//! - `time`: `activityDateTime`, else the outer `time`, else `TimeGenerated`, cut to 100 ns.
//! - `kind`: by service and activity, see [kinds](#kinds).
//! - `actor`: a person by user principal name. Where the display name beside it names
//!   something else, it is the application that was used and stands in `via`; that is
//!   told by whether a word of it occurs in the user principal name. Users without one
//!   and with a zero id, and PIM, are services.
//! - `targets` in the record's order. Properties that only refer (`Group.*`, `Role.*`,
//!   `Included Updated Properties`, ...) are the target's `attributes`; the group or role
//!   that they name gets its name, and a target of its own where it has none. Targets of
//!   type `N/A` that say nothing are left out.
//! - `changes`: old and new values decoded once, JSON texts and one-element lists to the
//!   bare value; several elements, and objects, stay JSON. Values of properties that can hold secrets
//!   (`KeyDescription`, `Credential`, anything with `password` but `ForceChange...`) are `***`.
//! - `result` and `status`: `success`, `failure`, `timeout` (which is `expired`); any other
//!   word is `unknown`, and kept as detail `ResultText`.
//! - `reason`: `resultReason`, else `resultDescription`; `None` and `OK` are none.
//! - `details`: `additionalDetails` in order, before them what has no field of its own
//!   (`InitiatorUserType`, `UserAgent`, `ResultDescription`, ...).
//! - `self_service`: a member who added or removed themselves, a group added by a person, and requests to join
//!   a group. `noise`: reads and interface calls of the group service, updates by
//!   directory synchronisation, token timestamps, and the directory's record of a password
//!   that a service set: these repeat another record, or say nothing.
//!
//! A self-service password reset is many records of one `correlation`. Its steps are of
//! kind `sspr.flow` with a detail `Step` (`submitted_id`, `presented`, `started`, `completed`,
//! `all_completed`, `submitted_password`, `succeeded`, `canceled`, `failed`, `other`); methods stand only
//! in those that were started or completed. Nothing is joined here: steps arrive late
//! and out of order, so reports do it.
//!
//! # Kinds
//!
//! Kinds of [`activity::kinds`](crate::activity::kinds) where a record means the same as
//! a request of MIM, also for rows of Microsoft's own hybrid reporting (`MIM Service`,
//! `Microsoft Identity Manager`, and the names of 2017). Besides them:
//!
//! | Kind | Records |
//! |---|---|
//! | `password.reset.directory`, `password.change.directory`, `password.profile.directory` | the directory's side of a reset, a change, a profile |
//! | `password.reset.started`, `password.change.started` | begun, nothing more |
//! | `token.refresh` | a token timestamp moved |
//! | `sspr.registration.started`, `.completed`, `.canceled`; `method.reviewed` | around a registration |
//! | `sspr.config` | password writeback on or off |
//! | `user.delete.hard`, `user.restore`, `user.license`, `group.delete.hard`, `group.restore`, `group.license`, `group.renewed` | what only the cloud does |
//! | `role.member.add`, `.remove`, `role.eligible.add`, `.remove`, `role.update` | directory roles |
//! | `application.*`, `service_principal.*`, `device.*` | add, update, delete and more |
//! | `pam.activate`, `pam.deactivate`, `pam.expired`, `pam.config` | all activities of PIM |
//! | `other` | anything else |
//!
//! # The way back
//!
//! [`to_directory_audit`] and [`to_audit_logs_row`] write any activity as Microsoft Graph
//! and Log Analytics would hold it. A record read from what was written is the same
//! activity again, but for the tenant, which Graph has no place for. Against the first record, the
//! text may differ: blanks and other cases are normalised, a one-element list becomes its element,
//! `None` and `OK` become empty, the name of a deleted user loses the id before it, secrets stay
//! `***`, and members that this crate does not know (`administrativeUnits`) are gone.
//!
//! An activity of MIM takes the form that Microsoft's audit reference documents for its
//! hybrid reporting: service `MIM Service`, the member before the group, `DOMAIN\account`
//! where there is no user principal name, and the rest (`RequestId`, `MIMOperation`, `MIMRequestStatus`,
//! `MIMKind`, ...) in `additionalDetails`. Names of activities that Microsoft never showed are ours.
//! Such a record, read back, is the activity of MIM with the same id; lost are its times
//! but one, ids of approvers, the modes of changes, and the value in the changes of a membership.
//!
//! # Records without an id
//!
//! Their activity's id is the UUID of version 5, in the namespace of Entra activities,
//! over a sequence of fields, each its length in bytes as a big-endian 32-bit number and
//! its UTF-8 bytes; a missing one is empty, a count is decimal:
//!
//! 1. `row`; the time (`2026-03-02T08:15:09.586020000Z`); service, category, name, result, reason, correlation;
//! 2. the actor's id, user principal name, name, via;
//! 3. the count of targets; for each its type, id, user principal name, name, then the
//!    count of its changes and for each property, old, new; then likewise its attributes;
//! 4. the count of details; for each key and value.
//!
//! They are counted ([`EntraSummary::without_id`]): the same record from another export has
//! another id, and two records that say the same are one.

mod convert;
mod csv;
mod id;
mod json;
mod kinds;
mod merge;
mod methods;
mod ours;
mod people;
mod reader;
mod record;
mod render;
mod render_mim;
mod row;
mod scan;
mod shape;
mod summary;
mod values;
mod window;
mod wrappers;

pub use merge::{Merge, Merged};
pub use reader::EntraReader;
pub use render::{
    AppIdentity, DirectoryAudit, InitiatedBy, KeyValue, ModifiedProperty, TargetResource,
    UserIdentity, to_directory_audit,
};
pub use row::{AuditLogsRow, RowInitiator, RowTarget, to_audit_logs_row};
pub use summary::EntraSummary;
