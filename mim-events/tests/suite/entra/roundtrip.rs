//! The way back, and whatever bytes come.

use chrono::DateTime;
use mim_events::activity::{
    Activity, ActorKind, Change, ChangeMode, Detail, Flags, Kind, Outcome, Source, Target,
};
use mim_events::entra::{EntraReader, to_audit_logs_row, to_directory_audit};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{RECORD, all, one};

fn graph_again(activity: &Activity) -> Activity {
    one(&serde_json::to_string(&to_directory_audit(activity)).unwrap())
}

fn row_again(activity: &Activity) -> Activity {
    one(&serde_json::to_string(&to_audit_logs_row(activity)).unwrap())
}

#[test]
fn a_record_comes_back_as_it_was() {
    let given: Value = serde_json::from_str(RECORD).unwrap();
    let mut back = serde_json::to_value(to_directory_audit(&one(RECORD))).unwrap();
    // The time's form, and the group's name that only the member's properties had.
    assert_eq!(back["activityDateTime"], "2026-03-02T08:15:09.58602Z");
    assert_eq!(back["targetResources"][1]["displayName"], "Sales");
    back["activityDateTime"] = given["activityDateTime"].clone();
    back["targetResources"][1]["displayName"] = Value::Null;
    assert_eq!(back, given);
}

#[test]
fn members_stand_in_one_order() {
    let text = serde_json::to_string(&to_directory_audit(&one(RECORD))).unwrap();
    assert!(text.starts_with(
        r#"{"id":"Directory_7e_Q2_19","category":"GroupManagement","correlationId":"7e"#
    ));
    let row = serde_json::to_string(&to_audit_logs_row(&one(RECORD))).unwrap();
    assert!(row.starts_with(r#"{"SourceSystem":"Azure AD","TimeGenerated":"2026-03-02T08:15:09.58602Z","OperationName":"#));
    let row: Value = serde_json::from_str(&row).unwrap();
    assert!(row["InitiatedBy"].get("app").is_none());
    assert_eq!(row["TargetResources"][0]["administrativeUnits"], json!([]));
    assert_eq!(row["ResultDescription"], row["ResultReason"]);
    assert_eq!(row["Type"], "AuditLogs");
    assert!(row.get("ResultType").is_none());
}

/// Properties keep their places, attributes between changes.
#[test]
fn properties_keep_their_places() {
    let names = [
        "A",
        "Included Updated Properties",
        "B",
        "TargetId.UserType",
        "C",
    ];
    let properties: Vec<Value> = names
        .iter()
        .map(|name| json!({"displayName": name, "oldValue": null, "newValue": "\"x\""}))
        .collect();
    let text = super::graph(&format!(
        r#""targetResources":[{{"id":"1","modifiedProperties":{}}}]"#,
        json!(properties)
    ));
    let audit = to_directory_audit(&one(&text));
    let back: Vec<&str> = audit.target_resources[0]
        .modified_properties
        .iter()
        .map(|property| property.display_name.as_str())
        .collect();
    assert_eq!(back, names);
}

fn mim(kind: &'static str, name: &str) -> Activity {
    let time = DateTime::parse_from_rfc3339("2026-03-02T08:15:09.310Z").unwrap();
    let id = "6f0c0000-0000-5000-8000-000000000001".parse().unwrap();
    let mut activity = Activity::new(
        id,
        time.to_utc(),
        Source::IdentityManager,
        Kind::from_static(kind),
        name,
    );
    activity.service = "MIM Service".to_owned();
    activity.category = "GroupManagement".to_owned();
    activity.operation = "Put".to_owned();
    activity.status = Some("Completed".to_owned());
    activity.result = Outcome::Success;
    activity.source_id = Some("aa000000-0000-4000-8000-000000000001".to_owned());
    activity.correlation = activity.source_id.clone();
    activity.actor.kind = ActorKind::User;
    activity.actor.id = Some("bb000000-0000-4000-8000-000000000001".to_owned());
    activity.actor.name = Some("Ines Marlow".to_owned());
    activity.actor.account = Some("imarlow".to_owned());
    activity.actor.domain = Some("HQ".to_owned());
    activity
}

fn target(object_type: &str, id: &str, name: &str) -> Target {
    let mut target = Target::default();
    target.object_type = object_type.to_owned();
    target.id = Some(id.to_owned());
    target.name = Some(name.to_owned());
    target
}

fn change(property: &str, new: &str) -> Change {
    let mut change = Change::default();
    change.property = property.to_owned();
    change.new = Some(new.to_owned());
    change
}

#[test]
fn a_membership_of_mim() {
    let mut activity = mim("member.add", "Add Member");
    activity.targets = vec![
        target("Group", "g", "Lab Access"),
        target("User", "u", "Tom Reed"),
    ];
    activity.targets[1].account = Some("treed".to_owned());
    activity.targets[1].domain = Some("HQ".to_owned());
    activity.flags.insert(Flags::SELF_SERVICE);
    let audit = serde_json::to_value(to_directory_audit(&activity)).unwrap();
    assert_eq!(
        audit,
        json!({
            "id": "6f0c0000-0000-5000-8000-000000000001", "category": "GroupManagement",
            "correlationId": "aa000000-0000-4000-8000-000000000001", "result": "success", "resultReason": "",
            "activityDisplayName": "Add member to group", "activityDateTime": "2026-03-02T08:15:09.31Z",
            "loggedByService": "MIM Service", "operationType": "Assign",
            "initiatedBy": {"app": null, "user": {"id": "bb000000-0000-4000-8000-000000000001",
                "displayName": "Ines Marlow", "userPrincipalName": "HQ\\imarlow", "ipAddress": null}},
            "targetResources": [
                {"id": "u", "displayName": "Tom Reed", "type": "User", "userPrincipalName": "HQ\\treed", "groupType": null,
                 "modifiedProperties": [
                    {"displayName": "Group.ObjectID", "oldValue": null, "newValue": "\"g\""},
                    {"displayName": "Group.DisplayName", "oldValue": null, "newValue": "\"Lab Access\""},
                    {"displayName": "Group.WellKnownObjectName", "oldValue": null, "newValue": null}]},
                {"id": "g", "displayName": "Lab Access", "type": "Group", "userPrincipalName": null,
                 "groupType": "unknownFutureValue", "modifiedProperties": []}],
            "additionalDetails": [
                {"key": "RequestId", "value": "aa000000-0000-4000-8000-000000000001"},
                {"key": "MIMOperation", "value": "Put"}, {"key": "MIMRequestStatus", "value": "Completed"},
                {"key": "MIMObjectType", "value": "Group"}, {"key": "MIMKind", "value": "member.add"},
                {"key": "MIMFlags", "value": "self_service"}]
        })
    );
    let row = serde_json::to_value(to_audit_logs_row(&activity)).unwrap();
    assert_eq!(row["SourceSystem"], "Microsoft Identity Manager");
    // Read back, it is the activity of MIM again.
    let mut back = graph_again(&activity);
    assert_eq!(back.name, "Add member to group");
    back.name.clone_from(&activity.name);
    assert_eq!(back, activity);
    assert_eq!(row_again(&activity).id, activity.id);
}

#[test]
fn other_activities_of_mim() {
    let mut group = mim("group.update", "Update group");
    group.targets = vec![target("Group", "g", "Lab")];
    group.changes = vec![change("DisplayName", "Lab"), change("Filter", "x")];
    group.changes[0].mode = Some(ChangeMode::Set);
    let audit = to_directory_audit(&group);
    let names: Vec<_> = audit.target_resources[0]
        .modified_properties
        .iter()
        .map(|p| p.display_name.as_str())
        .collect();
    assert_eq!(
        names,
        ["DisplayName", "Filter", "Included Updated Properties"]
    );

    let mut reset = mim("password.reset.self", "User Password Reset");
    reset.targets = vec![target("User", "u", "Tom Reed")];
    reset.methods = vec!["OTP over SMS".to_owned(), "Security Questions".to_owned()];
    reset.result = Outcome::Denied;
    reset.status = Some("Denied".to_owned());
    reset.details = vec![Detail::new("ResetResult", "Blocked")];
    let audit = to_directory_audit(&reset);
    assert_eq!(audit.result.as_deref(), Some("failure"));
    assert_eq!(audit.result_reason, "Denied");
    let back = graph_again(&reset);
    assert_eq!(
        (back.result, &back.methods, &back.reason),
        (Outcome::Denied, &reset.methods, &None)
    );
    assert_eq!(back.details, reset.details);

    let mut rule = mim("policy.update", "Update policy");
    rule.targets = vec![target("ManagementPolicyRule", "r", "All may read")];
    rule.actor.kind = ActorKind::Service;
    rule.result = Outcome::Pending;
    let audit = to_directory_audit(&rule);
    assert_eq!(
        (audit.category.as_str(), audit.result.as_deref()),
        ("Policy", Some("unknownFutureValue"))
    );
    assert_eq!(
        audit.target_resources[0].object_type.as_deref(),
        Some("Other")
    );
    assert!(audit.initiated_by.user.is_none() && audit.initiated_by.app.is_some());
    let back = graph_again(&rule);
    assert_eq!(back.targets[0].object_type, "ManagementPolicyRule");
    assert_eq!(
        (back.actor.kind, back.result),
        (ActorKind::Service, Outcome::Pending)
    );

    let mut custom = mim("resource.add", "Add Printer");
    custom.operation = "Create".to_owned();
    custom.targets = vec![target("Printer", "p", "P1")];
    let audit = to_directory_audit(&custom);
    assert_eq!(audit.activity_display_name, "Create Printer");
    assert_eq!(audit.operation_type.as_deref(), Some("Add"));
}

/// A text as records hold it: mostly ordinary, sometimes odd.
fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => select(vec!["", "Kim", "kim@x.test", "HQ\\kim", "a;b", "None", "9D000000-0000-4000-8000-000000000001", "00000000-0000-0000-0000-000000000000", "x \"y\" – z"]).prop_map(|text| json!(text)),
        1 => "\\PC{0,12}".prop_map(|text| json!(text)),
        1 => Just(Value::Null),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text(),
        "\\PC{0,8}".prop_map(|text| json!(json!(text).to_string())),
        prop::collection::vec("\\PC{0,4}", 0..3).prop_map(|list| json!(json!(list).to_string())),
        r#"[\[\]{}":,a0 \\]{0,12}"#.prop_map(|text| json!(text)),
    ]
}

fn property() -> impl Strategy<Value = Value> {
    let names = vec![
        "City",
        "Group.DisplayName",
        "Group.ObjectID",
        "Role.DisplayName",
        "Included Updated Properties",
        "KeyDescription",
        "Action Client Name",
        "",
        "Device.ObjectID",
    ];
    (select(names), value(), value())
        .prop_map(|(name, old, new)| json!({"displayName": name, "oldValue": old, "newValue": new}))
}

fn target_resource() -> impl Strategy<Value = Value> {
    let types = vec![
        "User",
        "group",
        "N/A",
        "Other",
        "Device",
        "ServicePrincipal",
        "Role",
        "",
    ];
    (
        text(),
        text(),
        select(types),
        text(),
        text(),
        prop::collection::vec(property(), 0..4),
    )
        .prop_map(|(id, name, object_type, upn, group, properties)| {
            json!({"id": id, "displayName": name, "type": object_type, "userPrincipalName": upn,
                "groupType": group, "modifiedProperties": properties})
        })
}

fn initiator() -> impl Strategy<Value = Value> {
    let user = (text(), text(), text(), text()).prop_map(|(id, name, upn, ip)| {
        json!({"id": id, "displayName": name, "userPrincipalName": upn, "ipAddress": ip, "userType": name})
    });
    let app = (text(), text(), text(), text()).prop_map(|(id, name, principal, principal_name)| {
        json!({"appId": id, "displayName": name, "servicePrincipalId": principal, "servicePrincipalName": principal_name})
    });
    let user = prop_oneof![3 => user, 1 => Just(Value::Null)];
    let app = prop_oneof![app, Just(Value::Null)];
    (user, app).prop_map(|(user, app)| json!({"user": user, "app": app}))
}

fn record() -> impl Strategy<Value = Value> {
    let services = vec![
        "Core Directory",
        "Self-service Password Management",
        "Self-service Group Management",
        "Authentication Methods",
        "PIM",
        "MIM Service",
        "",
        "X",
    ];
    let names = vec![
        "Add member to group",
        "Remove member from group",
        "Update user",
        "Delete user",
        "Add group",
        "Self-service password reset flow activity progress",
        "User registered security info",
        "User Password Reset",
        "Request to join a group",
        "Group_Get",
        "Reset user password",
        " Odd name ",
    ];
    let reasons = vec![
        "",
        "OK",
        "User completed the email verification option",
        "User registered Fido",
        "why",
    ];
    let results = vec![
        json!("success"),
        json!("Failure"),
        json!(0),
        json!("timeout"),
        json!("odd"),
        Value::Null,
    ];
    let keys = vec![
        "User-Agent",
        "Justification",
        "Step",
        "MethodsUsed",
        "A",
        "Password",
    ];
    let details = prop::collection::vec(
        (select(keys), text()).prop_map(|(key, value)| json!({"key": key, "value": value})),
        0..3,
    );
    let head = (
        "[A-Z][a-z]{2}_[a-z0-9 ]{4,8}x",
        0..4_000_000_000_u64,
        0..10_000_000_u32,
        select(services),
        select(names),
    );
    let rest = (
        select(reasons),
        select(results),
        text(),
        initiator(),
        prop::collection::vec(target_resource(), 0..4),
        details,
    );
    (head, rest).prop_map(|((id, seconds, ticks, service, name), (reason, result, correlation, initiator, targets, details))| {
        let time = DateTime::from_timestamp(seconds as i64, ticks * 100).unwrap().to_rfc3339();
        json!({"id": id, "activityDateTime": time, "loggedByService": service, "activityDisplayName": name,
            "category": "Application management", "operationType": "Update", "resultReason": reason, "result": result,
            "correlationId": correlation, "initiatedBy": initiator, "targetResources": targets, "additionalDetails": details})
    })
}

proptest! {
    #[test]
    fn to_graph_and_back(record in record()) {
        let activity = one(&record.to_string());
        prop_assert_eq!(graph_again(&activity), activity);
    }

    #[test]
    fn to_a_row_and_back(record in record()) {
        let mut activity = one(&record.to_string());
        activity.tenant = Some("7f000000-0000-4000-8000-000000000001".to_owned());
        prop_assert_eq!(row_again(&activity), activity);
    }

    #[test]
    fn every_wrapper_gives_the_same(record in record()) {
        let expected = one(&record.to_string());
        let outer = json!({"time": "2026-03-02T08:15:09Z", "category": "AuditLogs", "Level": 4});
        let with = |properties: Value| {
            let mut outer = outer.clone();
            outer["properties"] = properties;
            outer
        };
        let upper: Value = json!({
            "TimeGenerated": record["activityDateTime"], "Id": record["id"], "ActivityDateTime": record["activityDateTime"],
            "ActivityDisplayName": record["activityDisplayName"], "Category": record["category"],
            "LoggedByService": record["loggedByService"], "AADOperationType": record["operationType"],
            "Result": record["result"], "ResultReason": record["resultReason"], "CorrelationId": record["correlationId"],
            "InitiatedBy": record["initiatedBy"].to_string(), "TargetResources": record["targetResources"].to_string(),
            "AdditionalDetails": record["additionalDetails"].to_string(), "TenantId": "workspace",
        });
        for dress in [
            json!([record]), json!({"value": [record]}), json!({"records": [with(record.clone())]}),
            with(json!(record.to_string())), upper,
        ] {
            prop_assert_eq!(one(&dress.to_string()), expected.clone());
            prop_assert_eq!(one(&format!("{dress:#}")), expected.clone());
        }
    }

    #[test]
    fn lines_around_a_damaged_one_are_read(cut in 1..RECORD.len() - 1, many in 0..3_usize) {
        let good = format!("{RECORD}\n").repeat(many);
        if let Some(part) = RECORD.get(..cut) {
            let text = format!("{good}{part}\n{good}");
            let items: Vec<_> = EntraReader::new(text.as_bytes()).collect();
            prop_assert_eq!(items.iter().filter(|item| item.is_ok()).count(), 2 * many);
            prop_assert_eq!(items.iter().filter(|item| item.is_err()).count(), 1);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), limit in 1..500_usize) {
        let mut reader = EntraReader::new(&bytes[..]).with_max_element_bytes(limit);
        for _ in reader.by_ref() {}
        prop_assert!(reader.summary().bytes <= bytes.len() as u64);
    }

    #[test]
    fn no_damage_panics(record in record(), at in any::<prop::sample::Index>(), bytes in prop::collection::vec(select(b"{}[]\",:\\\n x\xEF\xFF".to_vec()), 0..6), csv in any::<bool>()) {
        let mut text = format!("{{\"value\":[{record},{record}]}}\n{record}\n").into_bytes();
        if csv {
            text = b"Date (UTC),CorrelationId,Service,Category,Activity,Result,ActorType,Target1Type\n2026-03-02T08:15:09Z,\"a\nb\",c,d,e,f,User,User\n2026,b\n".to_vec();
        }
        let at = at.index(text.len());
        text.splice(at..(at + bytes.len()).min(text.len()), bytes);
        let mut reader = EntraReader::new(&text[..]).with_max_element_bytes(3000);
        let mut ended = false;
        for item in reader.by_ref() {
            prop_assert!(!ended);
            ended = item.is_err_and(|error| !error.is_recoverable());
        }
        let summary = reader.summary();
        prop_assert!(summary.elements <= summary.activities + summary.not_audit + summary.damaged);
    }
}

#[test]
fn small_reads_are_enough() {
    struct Slow<'a>(&'a [u8]);
    impl std::io::Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let (Some((first, rest)), Some(slot)) = (self.0.split_first(), buffer.first_mut())
            else {
                return Ok(0);
            };
            *slot = *first;
            self.0 = rest;
            Ok(1)
        }
    }
    let page = format!("\u{feff}{{\"value\":[{RECORD},\n{RECORD}]}}");
    assert_eq!(EntraReader::new(Slow(page.as_bytes())).count(), 2);
    assert_eq!(all(&page).len(), 2);
}
