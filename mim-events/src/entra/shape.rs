//! Tells the dress of one element. Exports that were put behind each other mix them, so
//! each element is asked by itself.

use std::borrow::Cow;

use super::json::Json;
use super::record::nested;

/// How a record is dressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A diagnostic record: the Graph object in `properties`.
    Diagnostic,
    /// A diagnostic record of 2018, with another schema in `properties`.
    Legacy,
    /// A row of the table `AuditLogs`.
    LogAnalytics,
    /// The Graph object, from Graph, the portal or PowerShell.
    Graph,
    /// A record of another log: sign-ins, risk events, provisioning.
    OtherLog,
    /// The service's answer that something went wrong.
    ServiceError,
    /// None of these.
    Unknown,
}

impl Shape {
    pub(super) fn of(element: &Json) -> Self {
        if !matches!(element, Json::Object(_)) {
            return Self::Unknown;
        }
        let has = |name: &str| element.has(name);
        let any = |names: &[&str]| names.iter().any(|name| element.has(name));
        let category = element.text("category").unwrap_or_default();
        let audit_log = is_audit_log(&category);

        if has("createdDateTime") && any(&["appDisplayName", "signInEventTypes"]) {
            return Self::OtherLog;
        }
        if element.get("properties").is_some_and(|inner| !inner.is_blank())
            && any(&["time", "operationName"])
            // A row of a query has `OperationName` too.
            && !any(&["TimeGenerated", "activityDateTime"])
        {
            let inner = nested(element, "properties").ok().flatten();
            let inner = inner.unwrap_or(Cow::Borrowed(&Json::Null));
            return if inner.has("activityDisplayName") {
                Self::Diagnostic
            } else if inner.has("auditEventCategory") || inner.has("targetUpdatedProperties") {
                Self::Legacy
            } else if category.is_empty() || audit_log {
                Self::Diagnostic
            } else {
                Self::OtherLog
            };
        }
        let table = element.text("type").unwrap_or_default();
        if any(&["TimeGenerated", "TimeGenerated [UTC]", "AADOperationType"])
            || table.eq_ignore_ascii_case("AuditLogs")
        {
            let other_table = !table.is_empty() && !table.eq_ignore_ascii_case("AuditLogs");
            return if other_table || is_other_log(&category) {
                Self::OtherLog
            } else if any(&["activityDisplayName", "operationName", "targetResources"]) {
                Self::LogAnalytics
            } else {
                Self::Unknown
            };
        }
        if has("activityDisplayName") {
            return Self::Graph;
        }
        if has("activityDateTime") {
            if any(&["riskEventType", "riskState", "provisioningAction"]) {
                return Self::OtherLog;
            }
            if any(&[
                "initiatedBy",
                "loggedByService",
                "operationType",
                "targetResources",
            ]) {
                return Self::Graph;
            }
        }
        // A diagnostic record that lost its content still says that something happened.
        if has("time") && !category.is_empty() {
            return if audit_log {
                Self::Diagnostic
            } else {
                Self::OtherLog
            };
        }
        if element.get("error").is_some_and(|error| !error.is_blank()) {
            return Self::ServiceError;
        }
        Self::Unknown
    }
}

/// The category of diagnostic records of this log; `Audit` until the end of 2018.
pub(super) fn is_audit_log(category: &str) -> bool {
    category.eq_ignore_ascii_case("AuditLogs") || category.eq_ignore_ascii_case("Audit")
}

/// Categories by which other logs call themselves.
fn is_other_log(category: &str) -> bool {
    let folded = category.to_ascii_lowercase();
    folded.ends_with("signinlogs")
        || [
            "provisioninglogs",
            "riskyusers",
            "userriskevents",
            "microsoftgraphactivitylogs",
        ]
        .contains(&folded.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dress_is_told() {
        for (text, shape) in [
            (
                r#"{"time":"t","category":"AuditLogs","properties":{"activityDisplayName":"x"}}"#,
                Shape::Diagnostic,
            ),
            (
                r#"{"operationName":"x","category":"GroupManagement","properties":"{\"activityDisplayName\":\"x\"}"}"#,
                Shape::Diagnostic,
            ),
            (r#"{"time":"t","category":"AuditLogs"}"#, Shape::Diagnostic),
            (
                r#"{"time":"t","category":"Audit","properties":{"auditEventCategory":"x"}}"#,
                Shape::Legacy,
            ),
            (
                r#"{"time":"t","category":"SignInLogs","properties":{"createdDateTime":"t"}}"#,
                Shape::OtherLog,
            ),
            (
                r#"{"TimeGenerated":"t","OperationName":"x","Category":"UserManagement"}"#,
                Shape::LogAnalytics,
            ),
            (
                r#"{"TimeGenerated [UTC]":"t","ActivityDisplayName":"x"}"#,
                Shape::LogAnalytics,
            ),
            (
                r#"{"TimeGenerated":"t","OperationName":"Sign-in activity","Category":"SignInLogs"}"#,
                Shape::OtherLog,
            ),
            (
                r#"{"activityDateTime":"t","activityDisplayName":"x"}"#,
                Shape::Graph,
            ),
            (
                r#"{"ActivityDateTime":"t","ActivityDisplayName":"x","AdditionalProperties":{}}"#,
                Shape::Graph,
            ),
            (
                r#"{"activityDateTime":"t","riskEventType":"x"}"#,
                Shape::OtherLog,
            ),
            (
                r#"{"createdDateTime":"t","appDisplayName":"x"}"#,
                Shape::OtherLog,
            ),
            (r#"{"error":{"code":"x"}}"#, Shape::ServiceError),
            (r#"{"foo":1}"#, Shape::Unknown),
            ("[1]", Shape::Unknown),
        ] {
            assert_eq!(Shape::of(&Json::parse(text).unwrap()), shape, "{text}");
        }
    }
}
