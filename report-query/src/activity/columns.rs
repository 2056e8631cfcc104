//! The columns of the activity table, as constants for queries and as its schema.

use std::sync::LazyLock;

use crate::expr::Expr;
use crate::schema::{DataType, Field, Schema};

/// A target as the table holds it, in the order of [`TARGETS`].
pub(super) const TARGET_FIELDS: [&str; 6] = ["type", "id", "name", "account", "upn", "domain"];
/// A change as the table holds it, in the order of [`CHANGES`].
pub(super) const CHANGE_FIELDS: [&str; 4] = ["property", "mode", "old", "new"];
/// A detail as the table holds it, in the order of [`DETAILS`].
pub(super) const DETAIL_FIELDS: [&str; 2] = ["key", "value"];

fn texts() -> DataType {
    DataType::list(DataType::Text)
}

fn records(names: &[&'static str]) -> DataType {
    let field = |name: &&'static str| {
        let mut field = Field::new(*name, DataType::Text);
        // Of a target somebody looks for its id.
        field.indexed = *name == "id";
        field
    };
    DataType::list(DataType::record(names.iter().map(field)))
}

macro_rules! columns {
    ($($constant:ident $name:literal $type:expr, $need:ident, $label:literal, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            pub const $constant: Expr = Expr::column($name);
        )*

        fn fields() -> Vec<Field> {
            let mut fields = vec![$($need(Field::new($name, $type).label($label).doc($doc)),)*];
            for field in &mut fields {
                field.indexed = INDEXED.contains(&&*field.name);
                field.document = field.name == "document";
            }
            fields
        }
    };
}

fn required(field: Field) -> Field {
    field.required()
}

fn nullable(field: Field) -> Field {
    field
}

/// Columns in which somebody looks for one value: of a person's page, of what belongs together.
const INDEXED: [&str; 6] = [
    "id",
    "actor",
    "actor_id",
    "person_key",
    "group_id",
    "correlation",
];

columns! {
    TIME "time" DataType::Time, required, "Date",
        "When it happened (MIM: committed, else completed, else created).";
    ROW "row" DataType::Id, required, "Row",
        "The id of the row: the activity's, unless a MIM request was logged before its end; then one of its own for each status, so that every status with the same result has a row.";
    ID "id" DataType::Id, required, "Id",
        "The activity's id, the same wherever and whenever it is read.";
    SOURCE "source" DataType::Text, required, "Source",
        "Which system says so: `identity_manager` or `entra`.";
    TENANT "tenant" DataType::Text, nullable, "Tenant",
        "The Entra tenant, where the export names it.";
    KIND "kind" DataType::Text, required, "Kind",
        "What happened, as the stable key: `member.add`, `password.reset.self`.";
    ACTIVITY "activity" DataType::Text, required, "Activity",
        "What happened, as it is shown: `Add member to group`.";
    SERVICE "service" DataType::Text, required, "Service",
        "The service that did it: `MIM Service`, `Core Directory`.";
    CATEGORY "category" DataType::Text, required, "Category",
        "The category: `GroupManagement`, `UserManagement`.";
    OPERATION "operation" DataType::Text, nullable, "Operation",
        "The source's own operation word: `Put`, `Create`; `Assign`, `Update`.";
    STATUS "status" DataType::Text, nullable, "Status",
        "The source's own word for the state: MIM's `RequestStatus`, Entra's `result`.";
    RESULT "result" DataType::Text, required, "Result",
        "How it ended: `success`, `failure`, `denied`, `pending`, `canceled`, `expired`, `unknown`.";
    REASON "reason" DataType::Text, nullable, "Reason",
        "Why it ended so.";
    SELF_SERVICE "self_service" DataType::Bool, required, "Self-service",
        "The actor did it to themselves, or made a group, and no workflow acted.";
    SENSITIVE "sensitive" DataType::Bool, required, "Sensitive",
        "It touches who may do what.";
    SYSTEM "system" DataType::Bool, required, "System",
        "The system did it to itself.";
    NOISE "noise" DataType::Bool, required, "Noise",
        "A by-product of another activity.";
    PAM "pam" DataType::Bool, required, "PAM",
        "Privileged access management.";
    VIA_WORKFLOW "via_workflow" DataType::Bool, required, "Via workflow",
        "A workflow of another request did it.";
    ACTOR "actor" DataType::Text, nullable, "Initiated by",
        "Who did it, as shown: account name, else UPN, else display name, else id.";
    ACTOR_KIND "actor_kind" DataType::Text, required, "Kind of actor",
        "`user`, `app`, `service` or `unknown`.";
    ACTOR_ID "actor_id" DataType::Text, nullable, "Actor's id",
        "The actor's id: MIM's `HybridObjectID`, Entra's object id, or a bare key.";
    ACTOR_NAME "actor_name" DataType::Text, nullable, "Actor's name",
        "The actor's display name.";
    ACTOR_ACCOUNT "actor_account" DataType::Text, nullable, "Actor's account",
        "The actor's account name (MIM).";
    ACTOR_DOMAIN "actor_domain" DataType::Text, nullable, "Actor's domain",
        "The domain of the actor's account (MIM).";
    ACTOR_UPN "actor_upn" DataType::Text, nullable, "Actor's UPN",
        "The actor's user principal name.";
    ACTOR_IP "actor_ip" DataType::Text, nullable, "IP address",
        "The actor's IP address (Entra).";
    ACTOR_VIA "actor_via" DataType::Text, nullable, "Actor's application",
        "What the actor used, or the name that Entra shows beside the UPN (Entra).";
    ACTOR_SEARCH "actor_search" DataType::Text, nullable, "Actor's names",
        "Every way to name the actor, a line each: name, account, `domain\\account`, UPN, id.";
    TARGET "target" DataType::Text, nullable, "Target(s)",
        "All targets as one text: `Group : Night Shift, User : Dana Okafor`.";
    TARGET_TYPES "target_types" texts(), required, "Types of target",
        "The types of the targets, each once.";
    TARGETS "targets" records(&TARGET_FIELDS), required, "Targets",
        "The targets in the source's order: records of type, id, name, account, upn, domain.";
    GROUP "group" DataType::Text, nullable, "Group",
        "The group that it is about, as shown; of a member or an owner the group they joined or left.";
    GROUP_ID "group_id" DataType::Text, nullable, "Group's id",
        "The id of that group.";
    PERSON "person" DataType::Text, nullable, "User",
        "The user that it is about, as shown: the first target that is a user, else the actor.";
    PERSON_KEY "person_key" DataType::Text, nullable, "User's key",
        "What tells that user from others within a source: id, else UPN, else account, else name, in lower case.";
    ROLE "role" DataType::Text, required, "Role",
        "`Admin` if a user did it to another user, else `User`.";
    METHODS "methods" texts(), required, "Methods",
        "Authentication methods used or registered.";
    STEP "step" DataType::Text, nullable, "Step",
        "Of a step of a cloud password reset: `started` or `completed` for a method, else null.";
    STEP_METHOD "step_method" DataType::Text, nullable, "Method of the step",
        "The method that was started or completed, in the report's words.";
    CHANGES "changes" records(&CHANGE_FIELDS), required, "Changes",
        "Values that changed: records of property, mode, old, new.";
    DETAILS "details" records(&DETAIL_FIELDS), required, "Details",
        "More, as records of key, value; keys may repeat.";
    APPROVERS_ASKED "approvers_asked" texts(), required, "Approvers asked",
        "Who was asked to approve.";
    APPROVERS_DECIDED "approvers_decided" texts(), required, "Approvers",
        "Who approved or rejected.";
    JUSTIFICATION "justification" DataType::Text, nullable, "Justification",
        "The requestor's justification.";
    CREATED "created" DataType::Time, nullable, "Created",
        "MIM: when the request was received.";
    COMMITTED "committed" DataType::Time, nullable, "Committed",
        "MIM: when its data operation was committed.";
    COMPLETED "completed" DataType::Time, nullable, "Completed",
        "MIM: when it reached its final status.";
    CORRELATION "correlation" DataType::Text, nullable, "Correlation",
        "What belongs together: the MIM request, or Entra's correlation id.";
    PARENT "parent" DataType::Text, nullable, "Parent",
        "The MIM request whose workflow made this one.";
    SOURCE_ID "source_id" DataType::Text, nullable, "Record",
        "The source's own id of the record: the MIM request's GUID, Entra's `id`.";
    REQUEST_KEY "request_key" DataType::Text, required, "Request",
        "The same in all rows that one MIM request gave, at whatever status it was logged; of anything else the activity's id.";
    TARGET_KEY "target_key" DataType::Text, required, "Key of the target",
        "Which of a MIM request's rows of one kind this is: the member, the owner, the properties.";
    STATUS_RANK "status_rank" DataType::Int, required, "Rank of the status",
        "How far a MIM request had come: a later status has a higher rank. 0 for everything else.";
    TEXT "text" DataType::Text, required, "Text",
        "Everything a person might search for, a line each: names, accounts, ids, reason, details, changes.";
    DOCUMENT "document" DataType::Text, nullable, "Document",
        "The whole activity as JSON, if the store keeps documents.";
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    // The names above are distinct and the key columns are what a key needs; a test says so.
    let schema = Schema::new(fields()).and_then(|schema| schema.with_key("time", "row"));
    schema.unwrap_or_else(|error| unreachable!("the activity schema: {error}"))
});

/// The schema of the activity table. Its key is ([`TIME`], [`ROW`]).
#[must_use]
pub fn schema() -> Schema {
    SCHEMA.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_its_key() {
        let schema = schema();
        assert_eq!(schema.key(), Some((0, 1)));
        assert!(schema.fields().iter().all(|field| field.doc.ends_with('.')));
        let indexed = schema.fields().iter().filter(|field| field.indexed);
        assert_eq!(indexed.count(), INDEXED.len());
    }
}
