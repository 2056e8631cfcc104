//! Records of the cloud, as a sender has them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use uuid::Uuid;

/// That a member was added to a group.
pub(crate) fn added(time: DateTime<Utc>, actor: &str, group: &str) -> String {
    let record = json!({
        "id": Uuid::new_v4(),
        "category": "GroupManagement",
        "correlationId": Uuid::new_v4(),
        "result": "success",
        "resultReason": "",
        "activityDisplayName": "Add member to group",
        "activityDateTime": time.to_rfc3339_opts(SecondsFormat::Millis, true),
        "loggedByService": "Core Directory",
        "operationType": "Assign",
        "initiatedBy": {"app": null, "user": {
            "id": "5d0c0000-0000-4000-8000-000000000001",
            "displayName": actor,
            "userPrincipalName": "kim@contoso.example",
        }},
        "targetResources": [
            {"id": "5d0c0000-0000-4000-8000-000000000002", "displayName": "Robin Roe", "type": "User",
             "userPrincipalName": "robin@contoso.example", "modifiedProperties": []},
            {"id": "5d0c0000-0000-4000-8000-000000000003", "displayName": group, "type": "Group",
             "modifiedProperties": []},
        ],
        "additionalDetails": [],
    });
    format!("{record}\n")
}
