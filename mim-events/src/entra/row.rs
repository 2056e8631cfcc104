//! An [`Activity`] as a row of the table `AuditLogs`.

use serde::Serialize;

use crate::activity::{Activity, Source};

use super::render::{
    AppIdentity, DirectoryAudit, KeyValue, ModifiedProperty, UserIdentity, to_directory_audit,
};

/// A row of the table `AuditLogs`, columns in the table's order; those that are null are
/// left out when it is serialised, as exports do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct AuditLogsRow {
    /// `Azure AD`, or `Microsoft Identity Manager` for activities of MIM.
    pub source_system: &'static str,
    /// When.
    pub time_generated: String,
    /// `/tenants/<tenant>/providers/Microsoft.aadiam`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// As `ActivityDisplayName`.
    pub operation_name: String,
    /// `1.0`.
    pub operation_version: &'static str,
    /// The category.
    pub category: String,
    /// `None`.
    pub result_signature: &'static str,
    /// As `ResultReason`.
    pub result_description: String,
    /// `0`.
    pub duration_ms: u64,
    /// What belongs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// `Microsoft.aadiam`.
    pub resource: &'static str,
    /// `Microsoft.aadiam`.
    pub resource_group: &'static str,
    /// The initiator's display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// `4`.
    pub level: &'static str,
    /// More.
    pub additional_details: Vec<KeyValue>,
    /// The record's id.
    pub id: String,
    /// Who; the half that is null is left out.
    pub initiated_by: RowInitiator,
    /// The service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logged_by_service: Option<String>,
    /// As Graph's `result`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Why.
    pub result_reason: String,
    /// To what.
    pub target_resources: Vec<RowTarget>,
    /// The tenant.
    #[serde(rename = "AADTenantId", skip_serializing_if = "Option::is_none")]
    pub aad_tenant_id: Option<String>,
    /// What happened.
    pub activity_display_name: String,
    /// When.
    pub activity_date_time: String,
    /// As Graph's `operationType`.
    #[serde(rename = "AADOperationType", skip_serializing_if = "Option::is_none")]
    pub aad_operation_type: Option<String>,
    /// `AuditLogs`.
    #[serde(rename = "Type")]
    pub table: &'static str,
}

/// Who did it, in the column `InitiatedBy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RowInitiator {
    /// An application or service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<AppIdentity>,
    /// A person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserIdentity>,
}

/// One of the targets in the column `TargetResources`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RowTarget {
    /// The object id.
    pub id: Option<String>,
    /// The display name.
    pub display_name: Option<String>,
    /// `User`, `Group`, ...
    #[serde(rename = "type")]
    pub object_type: Option<String>,
    /// The user principal name.
    pub user_principal_name: Option<String>,
    /// `unifiedGroups`, `azureAD`, `unknownFutureValue`.
    pub group_type: Option<String>,
    /// What changed.
    pub modified_properties: Vec<ModifiedProperty>,
    /// Always empty.
    pub administrative_units: [(); 0],
}

/// The activity as Log Analytics would hold it, with dynamic columns as JSON values.
///
/// The workspace's `TenantId` is not an activity's to say; columns that this table leaves
/// empty today (`ResultType`, `ResourceProvider`, `Location`) are left out.
///
/// ```
/// use mim_events::entra::{EntraReader, to_audit_logs_row};
///
/// let record = r#"{"id":"SSGM_1","category":"GroupManagement","activityDateTime":"2026-03-02T08:15:09Z",
///     "activityDisplayName":"Request to join a group","loggedByService":"Self-service Group Management"}"#;
/// for activity in EntraReader::new(record.as_bytes()) {
///     let row = to_audit_logs_row(&activity?);
///     assert_eq!(row.operation_name, "Request to join a group");
///     assert_eq!(row.source_system, "Azure AD");
/// }
/// # Ok::<(), mim_events::Error>(())
/// ```
#[must_use]
pub fn to_audit_logs_row(activity: &Activity) -> AuditLogsRow {
    let DirectoryAudit {
        id,
        category,
        correlation_id,
        result,
        result_reason,
        activity_display_name,
        activity_date_time,
        logged_by_service,
        operation_type,
        initiated_by,
        target_resources,
        additional_details,
    } = to_directory_audit(activity);
    let user_name = initiated_by
        .user
        .as_ref()
        .and_then(|user| user.display_name.clone());
    let app_name = initiated_by
        .app
        .as_ref()
        .and_then(|app| app.display_name.clone());
    AuditLogsRow {
        source_system: match activity.source {
            Source::IdentityManager => "Microsoft Identity Manager",
            Source::Entra => "Azure AD",
        },
        time_generated: activity_date_time.clone(),
        resource_id: activity
            .tenant
            .as_ref()
            .map(|tenant| format!("/tenants/{tenant}/providers/Microsoft.aadiam")),
        operation_name: activity_display_name.clone(),
        operation_version: "1.0",
        category,
        result_signature: "None",
        result_description: result_reason.clone(),
        duration_ms: 0,
        correlation_id,
        resource: "Microsoft.aadiam",
        resource_group: "Microsoft.aadiam",
        identity: user_name.or(app_name),
        level: "4",
        additional_details,
        id,
        initiated_by: RowInitiator {
            app: initiated_by.app,
            user: initiated_by.user,
        },
        logged_by_service,
        result,
        result_reason,
        target_resources: target_resources
            .into_iter()
            .map(|target| RowTarget {
                id: target.id,
                display_name: target.display_name,
                object_type: target.object_type,
                user_principal_name: target.user_principal_name,
                group_type: target.group_type,
                modified_properties: target.modified_properties,
                administrative_units: [],
            })
            .collect(),
        aad_tenant_id: activity.tenant.clone(),
        activity_display_name,
        activity_date_time,
        aad_operation_type: operation_type,
        table: "AuditLogs",
    }
}
