//! Tests of `entra` through the public API.

mod roundtrip;
mod traps;

use mim_events::activity::{Activity, ActorKind, Flags, Outcome, Source};
use mim_events::entra::{EntraReader, Merge, Merged, to_audit_logs_row, to_directory_audit};
use mim_events::{Error, ErrorKind};

fn read(text: &str) -> Vec<Result<Activity, Error>> {
    EntraReader::new(text.as_bytes()).collect()
}

fn all(text: &str) -> Vec<Activity> {
    read(text)
        .into_iter()
        .map(|item| item.unwrap_or_else(|error| panic!("{error} in {text}")))
        .collect()
}

fn one(text: &str) -> Activity {
    let mut all = all(text);
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0)
}

/// A Graph object with these members besides the needed ones.
fn graph(members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(
        r#"{{"activityDateTime":"2026-03-02T08:15:09.31Z","activityDisplayName":"Update user","loggedByService":"Core Directory"{comma}{members}}}"#
    )
}

const RECORD: &str = r#"{"id":"Directory_7e_Q2_19","category":"GroupManagement","correlationId":"7e000000-0000-4000-8000-000000000001","result":"success","resultReason":"","activityDisplayName":"Add member to group","activityDateTime":"2026-03-02T08:15:09.58602+00:00","loggedByService":"Core Directory","operationType":"Assign","initiatedBy":{"user":{"id":"9d000000-0000-4000-8000-000000000001","displayName":null,"userPrincipalName":"kim@x.test","ipAddress":"203.0.113.9"},"app":null},"targetResources":[{"id":"9d000000-0000-4000-8000-000000000001","displayName":null,"type":"User","userPrincipalName":"kim@x.test","groupType":null,"modifiedProperties":[{"displayName":"Group.ObjectID","oldValue":null,"newValue":"\"6a000000-0000-4000-8000-000000000002\""},{"displayName":"Group.DisplayName","oldValue":null,"newValue":"\"Sales\""},{"displayName":"Group.WellKnownObjectName","oldValue":null,"newValue":null}]},{"id":"6a000000-0000-4000-8000-000000000002","displayName":null,"type":"Group","userPrincipalName":null,"groupType":"azureAD","modifiedProperties":[]}],"additionalDetails":[{"key":"User-Agent","value":"curl"}]}"#;

#[test]
fn a_membership_names_the_group_and_the_person_who_did_it_alone() {
    let activity = one(RECORD);
    assert_eq!(activity.kind.as_str(), "member.add");
    assert_eq!(activity.source, Source::Entra);
    assert_eq!(activity.targets[0].object_type, "User");
    assert_eq!(activity.targets[1].name.as_deref(), Some("Sales"));
    assert!(activity.flags.contains(Flags::SELF_SERVICE));
    assert!(activity.changes.is_empty());
    assert_eq!(activity.result, Outcome::Success);
    assert_eq!(activity.actor.ip.as_deref(), Some("203.0.113.9"));
}

#[test]
fn every_dress_gives_the_same_activity() {
    let expected = one(RECORD);
    let row = serde_json::to_string(&to_audit_logs_row(&expected)).unwrap();
    let quoted = serde_json::to_string(RECORD).unwrap();
    let page = format!(r#"{{"@odata.context":"x","value":[{RECORD}],"@odata.nextLink":"y"}}"#);
    let bare = format!("\u{feff}[{RECORD}]");
    let outer = r#""time":"2026-03-02T08:15:09.5860200Z","category":"AuditLogs","operationName":"Add member to group","callerIpAddress":"203.0.113.9","Level":4"#;
    let hub = format!(r#"{{"records":[{{{outer},"properties":{RECORD}}}]}}"#);
    let line = format!("{{{outer},\"properties\":{RECORD}}}\r\n\r\n");
    let text = format!(r#"{{{outer},"properties":{quoted}}}"#);
    let tables = tables_of(&row);
    for dress in [RECORD, &page, &bare, &hub, &line, &text, &row, &tables] {
        assert_eq!(one(dress), expected, "{dress}");
    }
    let mixed = format!("{page}\n{hub}\n{line}{row}\n{bare}");
    assert_eq!(all(&mixed).len(), 5);
}

/// The query API's dress of a row, dynamic columns as texts.
fn tables_of(row: &str) -> String {
    let row: serde_json::Value = serde_json::from_str(row).unwrap();
    let row = row.as_object().unwrap();
    let columns: Vec<_> = row
        .keys()
        .map(|name| serde_json::json!({"name": name, "type": "string"}))
        .collect();
    let values: Vec<_> = row
        .values()
        .map(|value| match value {
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => value.to_string().into(),
            other => other.clone(),
        })
        .collect();
    serde_json::json!({"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [values]}]})
        .to_string()
}

#[test]
fn log_analytics_csv_gives_the_same_activity() {
    let expected = one(RECORD);
    let row = serde_json::to_value(to_audit_logs_row(&expected)).unwrap();
    let mut csv = csv::Writer::from_writer(Vec::new());
    let row = row.as_object().unwrap();
    csv.write_record(row.keys().map(|key| match key.as_str() {
        "TimeGenerated" | "ActivityDateTime" => format!("{key} [UTC]"),
        key => key.to_owned(),
    }))
    .unwrap();
    csv.write_record(row.iter().map(|(key, value)| match (key.as_str(), value) {
        ("TimeGenerated" | "ActivityDateTime", _) => "3/2/2026, 8:15:09.58602 AM".to_owned(),
        (_, serde_json::Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }))
    .unwrap();
    let csv = String::from_utf8(csv.into_inner().unwrap()).unwrap();
    assert_eq!(one(&format!("\u{feff}{csv}")), expected);
}

#[test]
fn portal_csv_has_no_id() {
    let csv = "\u{feff}Data (UTC),CorrelationId,Servizio,Categoria,Attività,Risultato,ResultReason,User Agent,ActorType,ActorDisplayName,ActorObjectId,ActorUserPrincipalName,IPAddress,ActorHomeTenantId,ActorHomeTenantName,ActorServicePrincipalId,ActorServicePrincipalName,Target1Type,Target1DisplayName,Target1ObjectId,Target1UserPrincipalName,Target1ModifiedProperty1Name,Target1ModifiedProperty1OldValue,Target1ModifiedProperty1NewValue,AdditionalDetail1Key,AdditionalDetail1Value\r\n\
        2026-03-02T08:15:09.5860200+00:00,c1,Core Directory,UserManagement,Update user,success,,,User,,9d,kim@x.test,203.0.113.9,,,,,User,=Kim,9d,kim@x.test,City,\"\"\"\"\"\",\"[\"\"Rome, Oslo\"\"]\",Key,Value\r\n\
        not a time,c1,Core Directory,UserManagement,Update user,success\r\n";
    let mut reader = EntraReader::new(csv.as_bytes());
    let first = reader.next().unwrap().unwrap();
    assert_eq!(first.kind.as_str(), "user.update");
    assert_eq!(first.changes[0].new.as_deref(), Some("Rome, Oslo"));
    assert_eq!(first.changes[0].old, None);
    assert_eq!(first.targets[0].name.as_deref(), Some("=Kim"));
    assert_eq!(first.source_id, None);
    assert_eq!(first.actor.ip.as_deref(), Some("203.0.113.9"));
    let error = reader.next().unwrap().unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::Time {
            field: "Date (UTC)",
            ..
        }
    ));
    assert_eq!(error.line(), Some(3));
    assert!(reader.last_raw().unwrap().starts_with("not a time,c1"));
    assert!(reader.next().is_none());
    let summary = reader.summary();
    assert_eq!(
        (summary.elements, summary.without_id, summary.damaged),
        (2, 1, 1)
    );
    assert_eq!(summary.bytes, csv.len() as u64);
}

#[test]
fn legacy_of_2018() {
    let activity = one(
        r#"{"records":[{"time":"2018-12-10T00:03:46.6161822Z","resourceId":"/TENANTS/7F/PROVIDERS/MICROSOFT.AADIAM","operationName":"Update user.","category":"Audit","resultType":"Success","resultDescription":"None","correlationId":"c","identity":"kim@x.test","properties":{"identityType":"UPN","operationType":"Update","additionalDetails":"None","additionalTargets":"","targetUpdatedProperties":"[{\"Name\":\"City\",\"OldValue\":[],\"NewValue\":[\"Oslo\"]}]","targetResourceType":"UPN__ObjectID__ObjectClass","targetResourceName":"tom@x.test__9e__User","auditEventCategory":"UserManagement"}}]}"#,
    );
    assert_eq!(activity.name, "Update user");
    assert_eq!(activity.category, "UserManagement");
    assert_eq!(activity.actor.upn.as_deref(), Some("kim@x.test"));
    assert_eq!(activity.targets[0].upn.as_deref(), Some("tom@x.test"));
    assert_eq!(activity.changes[0].new.as_deref(), Some("Oslo"));
    assert_eq!((activity.result, activity.reason), (Outcome::Success, None));
    assert_eq!(activity.tenant.as_deref(), Some("7F"));
}

#[test]
fn powershell_dump() {
    let activity = one(
        r#"[{"Id":"Directory_1","ActivityDateTime":"28-May-24 11:49:02 AM","ActivityDisplayName":"Add user","Category":"UserManagement","LoggedByService":"Core Directory","Result":"success","InitiatedBy":{"App":"","User":{"Id":"9d","UserPrincipalName":"kim@x.test","AdditionalProperties":{}},"AdditionalProperties":{}},"TargetResources":{"Id":"9e","Type":"User","ModifiedProperties":[]},"AdditionalDetails":[],"AdditionalProperties":{}}]"#,
    );
    assert_eq!(activity.kind.as_str(), "user.add");
    assert_eq!(activity.time.to_rfc3339(), "2024-05-28T11:49:02+00:00");
    assert_eq!(activity.targets[0].id.as_deref(), Some("9e"));
    let dates = [
        "/Date(1716896942000)/",
        "06/19/2024 9:52:22 am",
        "01/09/2007 09:41:00",
    ];
    for date in dates {
        let _ = one(&RECORD.replace("2026-03-02T08:15:09.58602+00:00", date));
    }
}

#[test]
fn unknown_files_are_refused_at_once() {
    for text in ["hello", "a,b,c\n1,2,3\n", "<xml/>", "\u{feff}x"] {
        let mut reader = EntraReader::new(text.as_bytes());
        let error = reader.next().unwrap().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Shape { .. }), "{text}");
        assert!(!error.is_recoverable());
        assert!(reader.next().is_none());
    }
    assert_eq!(read("").len(), 0);
    assert!(
        EntraReader::new(&b"\xFF\xFE[\0"[..])
            .next()
            .unwrap()
            .is_err()
    );
}

#[test]
fn merges_across_readers() {
    let mut merge = Merge::new();
    let hub = format!(
        r#"{{"time":"2026-03-02T08:15:09Z","category":"AuditLogs","tenantId":"t","properties":{RECORD}}}"#
    );
    let changed = RECORD.replace("Sales", "Ops");
    let checked: Vec<_> = [RECORD, &hub, &changed]
        .map(|text| merge.check(&one(text)))
        .into();
    assert_eq!(checked, [Merged::New, Merged::Duplicate, Merged::Conflict]);
}

#[test]
fn limits_and_positions() {
    let text = format!(
        "[{},\n  {RECORD}]",
        graph(&format!(r#""x":"{}""#, "y".repeat(5000)))
    );
    let mut reader = EntraReader::new(text.as_bytes()).with_max_element_bytes(2000);
    let error = reader.next().unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { limit: 2000, .. }));
    assert_eq!((error.offset(), error.line()), (Some(1), Some(1)));
    assert_eq!(reader.last_raw().unwrap().len(), 2000);
    assert!(reader.next().unwrap().is_ok());
    assert_eq!(reader.last_raw(), Some(RECORD));
    assert!(reader.next().is_none() && reader.last_raw().is_none());
    assert!(!format!("{reader:?}").contains("kim"));
    let read = reader.position();
    assert_eq!(read, text.len() as u64);
}

#[test]
fn a_reset_is_told_in_several_records() {
    let step = |reason: &str| {
        one(&graph(&format!(r#""resultReason":"{reason}""#))
            .replace(
                "Update user",
                "Self-service password reset flow activity progress",
            )
            .replace("Core Directory", "Self-service Password Management"))
    };
    let activity = step("User completed the mobile SMS verification option");
    assert_eq!(activity.kind.as_str(), "sspr.flow");
    assert_eq!(activity.detail("Step"), Some("completed"));
    assert_eq!(activity.methods, ["Mobile Phone"]);
    assert_eq!(
        activity.reason.as_deref(),
        Some("User completed the mobile SMS verification option")
    );
    assert_eq!(
        step("User submitted a new password").detail("Step"),
        Some("submitted_password")
    );

    let duplicate = graph(r#""initiatedBy":{"app":{"displayName":"Microsoft password reset service","servicePrincipalId":"1"}}"#)
        .replace("Update user", "Reset user password");
    let duplicate = one(&duplicate);
    assert_eq!(duplicate.kind.as_str(), "password.reset.directory");
    assert!(duplicate.flags.contains(Flags::NOISE));
    let by_person = graph(r#""initiatedBy":{"user":{"id":"1","userPrincipalName":"kim@x.test"}}"#)
        .replace("Update user", "Reset user password");
    assert!(!one(&by_person).flags.contains(Flags::NOISE));
}

#[test]
fn registrations_name_the_method() {
    let text = graph(r#""resultReason":"User registered Mobile Phone Call and SMS.""#)
        .replace("Update user", "User registered security info")
        .replace("Core Directory", "Authentication Methods");
    let activity = one(&text);
    assert_eq!(activity.kind.as_str(), "method.registered");
    assert_eq!(activity.methods, ["Mobile Phone"]);
}

#[test]
fn an_actor_without_a_name_is_unknown() {
    let activity = one(&graph(""));
    assert_eq!(activity.actor.kind, ActorKind::Unknown);
    assert_eq!(activity.status, None);
    assert_eq!(to_directory_audit(&activity).result, None);
}
