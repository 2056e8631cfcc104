//! What breaks naive parsers, by number: the shapes of real exports, invented values.

use mim_events::ErrorKind;
use mim_events::activity::{ActorKind, Flags, Outcome};
use mim_events::entra::{EntraReader, to_directory_audit};

use super::{RECORD, all, graph, one, read};

fn change(old: &str, new: &str) -> (Option<String>, Option<String>) {
    let property = format!(r#"{{"displayName":"City","oldValue":{old},"newValue":{new}}}"#);
    let activity = one(&graph(&format!(
        r#""targetResources":[{{"id":"9e","modifiedProperties":[{property}]}}]"#
    )));
    let change = activity.changes[0].clone();
    (change.old, change.new)
}

fn new_value(json: &str) -> Option<String> {
    change("null", json).1
}

#[test]
fn trap_01_ids_are_no_guids() {
    let text = graph(r#""id":"Invited Users_7e_Q2_19","correlationId":"1324515""#);
    let activity = one(&text);
    assert_eq!(
        activity.source_id.as_deref(),
        Some("Invited Users_7e_Q2_19")
    );
    assert_eq!(activity.correlation.as_deref(), Some("1324515"));
    let zero = graph(r#""correlationId":"00000000-0000-0000-0000-000000000000""#);
    assert_eq!(one(&zero).correlation, None);
}

#[test]
fn trap_02_json_inside_a_string() {
    assert_eq!(new_value(r#""\"Sales\"""#).as_deref(), Some("Sales"));
    assert_eq!(new_value(r#""[\"Sales\"]""#).as_deref(), Some("Sales"));
}

#[test]
fn trap_03_a_value_that_is_no_json() {
    assert_eq!(
        new_value(r#""DirectorySync""#).as_deref(),
        Some("DirectorySync")
    );
}

#[test]
fn trap_04_no_value_in_many_ways() {
    for none in [r#""[]""#, r#""[\"\"]""#, r#""\"\"""#, r#""""#, "null"] {
        assert_eq!(change(none, none), (None, None), "{none}");
    }
}

#[test]
fn trap_05_text_that_looks_like_json() {
    assert_eq!(
        new_value(r#""[\"[KeyIdentifier=1,DisplayName=CN=x, y]\"]""#).as_deref(),
        Some("[KeyIdentifier=1,DisplayName=CN=x, y]")
    );
}

#[test]
fn trap_06_an_object_as_value() {
    assert_eq!(
        new_value(r#""{\"state\": \"enabled\"}""#).as_deref(),
        Some(r#"{"state":"enabled"}"#)
    );
}

#[test]
fn trap_07_nobody_initiated() {
    for nobody in [
        r#"{}"#,
        r#"{"user":null,"app":null}"#,
        r#"{"app":null}"#,
        r#"{"user":{}}"#,
        "null",
        r#""""#,
    ] {
        let activity = one(&graph(&format!(
            r#""initiatedBy":{nobody},"identity":"Sync""#
        )));
        assert_eq!(activity.actor.kind, ActorKind::Unknown);
        assert_eq!(activity.actor.text(), "Sync");
    }
    for none in ["NA", ""] {
        let activity = one(&graph(&format!(
            r#""initiatedBy":{{}},"identity":"{none}""#
        )));
        assert_eq!(activity.actor.text(), "");
    }
}

#[test]
fn trap_08_the_name_is_the_applications() {
    let text = r#""initiatedBy":{"user":{"id":"9d","displayName":"Graph Explorer","userPrincipalName":"kim@x.test"}}"#;
    let actor = one(&graph(text)).actor;
    assert_eq!(actor.text(), "kim@x.test");
    assert_eq!(actor.via.as_deref(), Some("Graph Explorer"));
    assert_eq!(actor.name, None);
}

#[test]
fn trap_09_a_service_dressed_as_a_user() {
    for user in [
        r#"{"id":"9d","displayName":"Azure AD PIM","userPrincipalName":null}"#,
        r#"{"id":"00000000-0000-0000-0000-000000000000","displayName":"Some Service"}"#,
    ] {
        let actor = one(&graph(&format!(r#""initiatedBy":{{"user":{user}}}"#))).actor;
        assert_eq!(actor.kind, ActorKind::Service);
    }
}

#[test]
fn trap_10_applications_without_an_app_id() {
    let text =
        r#""initiatedBy":{"app":{"appId":null,"displayName":null,"servicePrincipalId":"21"}}"#;
    let actor = one(&graph(text)).actor;
    assert_eq!((actor.kind, actor.text()), (ActorKind::App, "21"));
}

#[test]
fn trap_11_a_target_with_a_name_only() {
    let activity = one(&graph(
        r#""targetResources":[{"id":null,"displayName":"x.test"}]"#,
    ));
    assert_eq!(activity.targets[0].text(), "x.test");
    assert_eq!(activity.targets[0].object_type, "");
}

#[test]
fn trap_12_types() {
    let activity = one(&graph(
        r##""targetResources":[{"type":"N/A","id":"00000000-0000-0000-0000-000000000000"},{"Type":"group","id":"1","groupType":"unknownFutureValue"},{"@odata.type":"#microsoft.graph.user","id":"2","groupType":"strange"}]"##,
    ));
    let types: Vec<_> = activity
        .targets
        .iter()
        .map(|t| t.object_type.as_str())
        .collect();
    assert_eq!(types, ["Group", "User"]);
    assert_eq!(
        activity.targets[0].group_type.as_deref(),
        Some("unknownFutureValue")
    );
    assert_eq!(
        activity.targets[1].group_type.as_deref(),
        Some("unknownFutureValue")
    );
}

#[test]
fn trap_13_results() {
    for (raw, outcome, word) in [
        ("0", Outcome::Success, "success"),
        (r#""Success""#, Outcome::Success, "success"),
        (r#""SUCCESS""#, Outcome::Success, "success"),
        ("1", Outcome::Failure, "failure"),
        (r#""timeout""#, Outcome::Expired, "timeout"),
        (r#""odd""#, Outcome::Unknown, "unknownFutureValue"),
    ] {
        let activity = one(&graph(&format!(r#""result":{raw}"#)));
        assert_eq!(
            (activity.result, activity.status.as_deref()),
            (outcome, Some(word))
        );
        assert_eq!(to_directory_audit(&activity).result.as_deref(), Some(word));
    }
}

#[test]
fn trap_14_reasons_that_say_nothing() {
    for none in ["None", "OK", ""] {
        assert_eq!(
            one(&graph(&format!(r#""resultReason":"{none}""#))).reason,
            None
        );
    }
    let text = r#""result":"success","resultReason":"on call","additionalDetails":[{"key":"Justification","value":"on call"}]"#;
    let activity = one(&graph(text));
    assert_eq!(activity.reason.as_deref(), Some("on call"));
    assert_eq!(activity.justification.as_deref(), Some("on call"));
    let both = one(&graph(r#""resultReason":"None","resultDescription":"why""#));
    assert_eq!(both.reason.as_deref(), Some("why"));
    let both = one(&graph(r#""resultReason":"one","resultDescription":"two""#));
    assert_eq!(both.reason.as_deref(), Some("one"));
    assert_eq!(both.detail("ResultDescription"), Some("two"));
}

#[test]
fn trap_15_one_instant_in_two_forms() {
    let a = one(RECORD);
    let b = one(&RECORD.replace("09.58602+00:00", "09.5860200Z"));
    assert_eq!(a, b);
    assert_eq!(
        to_directory_audit(&a).activity_date_time,
        "2026-03-02T08:15:09.58602Z"
    );
}

#[test]
fn trap_16_times_that_pipelines_rewrite() {
    for (text, time) in [
        ("3/2/2026 8:15:09 AM", "2026-03-02T08:15:09+00:00"),
        (
            "2026-03-02 08:15:09.586020099",
            "2026-03-02T08:15:09.586020+00:00",
        ),
    ] {
        let activity = one(&format!(r#"{{"time":"{text}","category":"AuditLogs"}}"#));
        assert_eq!(activity.time.to_rfc3339(), time);
    }
}

#[test]
fn trap_17_level_in_both_cases() {
    for level in [r#""Level":4"#, r#""level":"Informational","Level":"4""#] {
        let text = format!(
            r#"{{"time":"2026-03-02T08:15:09Z","category":"AuditLogs",{level},"properties":{RECORD}}}"#
        );
        assert_eq!(one(&text).kind.as_str(), "member.add");
    }
}

#[test]
fn trap_18_addresses_that_are_none() {
    for (ip, expected) in [
        ("<null>", None),
        ("", None),
        ("::2a02:db8::1", Some("::2a02:db8::1")),
    ] {
        let text = format!(
            r#"{{"time":"2026-03-02T08:15:09Z","category":"AuditLogs","durationMs":"-1","callerIpAddress":"{ip}","properties":{}}}"#,
            graph("")
        );
        assert_eq!(one(&text).actor.ip.as_deref(), expected);
    }
}

#[test]
fn trap_19_two_categories() {
    let inner = graph(r#""category":"GroupManagement""#);
    let text = |outer: &str, inner: &str| {
        one(&format!(
            r#"{{"time":"2026-03-02T08:15:09Z","category":"{outer}","properties":{inner}}}"#
        ))
        .category
    };
    assert_eq!(text("AuditLogs", &inner), "GroupManagement");
    assert_eq!(text("AuditLogs", &graph("")), "");
    assert_eq!(text("UserManagement", &graph("")), "UserManagement");
}

#[test]
fn trap_20_content_as_text() {
    let inner = serde_json::to_string(RECORD).unwrap();
    let text =
        format!(r#"{{"time":"2026-03-02T08:15:09Z","category":"AuditLogs","properties":{inner}}}"#);
    assert_eq!(one(&text), one(RECORD));
    let row = r#"{"TimeGenerated":"2026-03-02T08:15:09Z","OperationName":"Add user","InitiatedBy":"{\"user\":{\"userPrincipalName\":\"kim@x.test\"}}"}"#;
    assert_eq!(one(row).actor.text(), "kim@x.test");
    let broken = row.replace(r#"{\"user"#, "(");
    assert!(matches!(
        read(&broken)[0].as_ref().unwrap_err().kind(),
        ErrorKind::NotAudit { .. }
    ));
}

#[test]
fn trap_21_both_cases_in_one_file() {
    let row = r#"{"TimeGenerated":"2026-03-02T08:15:09Z","OperationName":"Add user","TargetResources":[{"displayName":"Kim"}]}"#;
    assert_eq!(all(&format!("{row}\n{RECORD}")).len(), 2);
}

#[test]
fn trap_22_nulls_are_missing() {
    let dump = r##"{"activityDateTime":"2026-03-02T08:15:09.586020+00:00","activityDisplayName":"Add user","initiatedBy":{"user":{"@odata.type":"#microsoft.graph.userIdentity","id":"9d"}}}"##;
    assert_eq!(one(dump).actor.id.as_deref(), Some("9d"));
}

#[test]
fn trap_23_mark_line_ends_and_a_cut_last_line() {
    let text = format!("\u{feff}[{RECORD}]");
    assert_eq!(all(&text).len(), 1);
    let lines = format!("{RECORD}\r\n\r\n{RECORD}\r\n{}", &RECORD[..200]);
    let items = read(&lines);
    assert_eq!(items.len(), 3);
    let error = items[2].as_ref().unwrap_err();
    assert_eq!((error.kind(), error.line()), (&ErrorKind::Json, Some(4)));
}

#[test]
fn trap_24_a_page_that_broke() {
    let page = format!(
        r#"{{"value":[{RECORD},{{"id":"Sync_Z"{{"error":{{"code":"BadRequest","message":"x"}}}}"#
    );
    let mut reader = EntraReader::new(page.as_bytes());
    assert!(reader.next().unwrap().is_ok());
    let error = reader.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::ServiceAnswer);
    assert!(reader.last_raw().unwrap().contains("Sync_Z"));
    assert!(reader.next().is_none());
    assert_eq!(reader.summary().api_errors, 1);
    let answer = read(r#"{"error":{"code":"TooManyRequests"}}"#);
    assert_eq!(
        answer[0].as_ref().unwrap_err().kind(),
        &ErrorKind::ServiceAnswer
    );
}

#[test]
fn trap_25_an_empty_page() {
    assert_eq!(
        read(r#"{"value":[],"@odata.nextLink":"https://x.test/"}"#).len(),
        0
    );
}

#[test]
fn trap_26_details() {
    let text = r#""additionalDetails":[{"key":"User-Agent","value":null},{"key":"A","value":"1"},{"key":"A","value":"2"}]"#;
    let activity = one(&graph(text));
    let pairs: Vec<_> = activity
        .details
        .iter()
        .map(|d| (d.key.as_str(), d.value.as_str()))
        .collect();
    assert_eq!(pairs, [("User-Agent", ""), ("A", "1"), ("A", "2")]);
    for none in [r#""None""#, "{}", "null", "[]", r#""""#] {
        assert!(
            one(&graph(&format!(r#""additionalDetails":{none}"#)))
                .details
                .is_empty()
        );
    }
}

#[test]
fn trap_27_a_device_as_member() {
    let text = RECORD.replace(r#""type":"User""#, r#""type":"Device""#);
    let activity = one(&text.replace(
        "\"9d000000-0000-4000-8000-000000000001\",\"displayName\":null,\"type\"",
        "\"55\",\"displayName\":\"PC 1\",\"type\"",
    ));
    assert_eq!(activity.targets[0].object_type, "Device");
    assert!(!activity.flags.contains(Flags::SELF_SERVICE));
    let nested = one(&RECORD.replace(r#""type":"User""#, r#""type":"Group""#));
    assert_eq!(nested.targets[1].name.as_deref(), Some("Sales"));
}

#[test]
fn trap_28_the_name_of_a_deleted_user() {
    let text = graph(
        r#""targetResources":[{"id":"0A1B0000-0000-4000-8000-000000000001","type":"User","userPrincipalName":"0a1b0000000040008000000000000001kim@x.test"}]"#,
    );
    let activity = one(&text.replace("Update user", "Delete user"));
    assert_eq!(activity.targets[0].upn.as_deref(), Some("kim@x.test"));
}

#[test]
fn trap_29_blocked_is_logged_as_success() {
    let text = graph(r#""result":"success""#)
        .replace("Update user", "Blocked from self-service password reset")
        .replace("Core Directory", "Self-service Password Management");
    let activity = one(&text);
    assert_eq!(
        (activity.kind.as_str(), activity.result),
        ("sspr.blocked", Outcome::Success)
    );
}

#[test]
fn trap_30_is_portal_csv() {
    // `portal_csv_has_no_id` reads one; here: more columns than the portal has today.
    let csv = "Date (UTC),CorrelationId,Service,Category,Activity,Result,ResultReason,User Agent,ActorType,Target1Type,Target4Type\n2026-03-02T08:15:09Z,c,Core Directory,X,Add user,success,OK,agent,Application,User,User\n";
    let activity = one(csv);
    assert_eq!(activity.targets.len(), 1);
    assert_eq!(activity.detail("UserAgent"), Some("agent"));
}

#[test]
fn trap_31_other_logs_in_the_stream() {
    let other = r#"{"time":"2026-03-02T08:15:09Z","category":"SignInLogs","properties":{"createdDateTime":"x"}}"#;
    let text = format!("{other}\n{RECORD}\n{other}\n{RECORD}\n");
    let mut reader = EntraReader::new(text.as_bytes());
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 2);
    assert_eq!(reader.summary().not_audit, 2);
    assert_eq!(reader.summary().damaged, 0);
}

#[test]
fn more_01_what_is_outside_fills_and_inside_wins() {
    let text = r#"{"time":"2026-01-01T00:00:00Z","category":"AuditLogs","operationName":"Other","result":"SUCCESS","properties":{"activityDateTime":"2026-03-02T08:15:09Z","operationName":"Add user"}}"#;
    let activity = one(text);
    assert_eq!(activity.name, "Add user");
    assert_eq!(activity.time.to_rfc3339(), "2026-03-02T08:15:09+00:00");
    assert_eq!(activity.result, Outcome::Success);
}

#[test]
fn more_02_nothing_but_time_and_category() {
    let text = r#"{"time":"2026-03-02T08:15:09Z","category":"AuditLogs"}"#;
    let (a, b) = (one(text), one(text));
    assert_eq!(a.id, b.id);
    assert_eq!(a.id.get_version_num(), 5);
    assert_eq!((a.kind.as_str(), a.source_id), ("other", None));
}

#[test]
fn more_03_secrets_are_masked() {
    let text = graph(
        r#""targetResources":[{"id":"1","modifiedProperties":[{"displayName":"KeyDescription","oldValue":"[]","newValue":"[\"[KeyIdentifier=1]\"]"}]}]"#,
    );
    let activity = one(&text);
    assert_eq!(
        (
            activity.changes[0].old.as_deref(),
            activity.changes[0].new.as_deref()
        ),
        (None, Some("***"))
    );
}

#[test]
fn more_04_synchronisation_is_noise() {
    let text = graph(
        r#""targetResources":[{"id":"1","modifiedProperties":[{"displayName":"LastDirSyncTime","oldValue":"[]","newValue":"[\"x\"]"},{"displayName":"Action Client Name","oldValue":null,"newValue":"DirectorySync"}]}]"#,
    );
    let activity = one(&text);
    assert!(activity.flags.contains(Flags::NOISE));
    assert_eq!(activity.changes.len(), 1);
    assert_eq!(activity.targets[0].attributes.len(), 1);
}

#[test]
fn more_05_what_is_not_a_record() {
    let items = read(&format!("[1,{{\"foo\":1}},{{\"id\": nope}},{RECORD}]"));
    let kinds: Vec<_> = items[..3]
        .iter()
        .map(|item| item.as_ref().unwrap_err().kind().clone())
        .collect();
    assert!(matches!(kinds[0], ErrorKind::NotAudit { .. }));
    assert!(matches!(kinds[1], ErrorKind::NotAudit { .. }));
    assert_eq!(kinds[2], ErrorKind::Json);
    assert!(items[3].is_ok());
}

#[test]
fn more_06_a_time_that_can_not_be_read() {
    let items = read(&graph("").replace("2026-03-02T08", "13/02/2026 08"));
    let error = items[0].as_ref().unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::Time {
            field: "activityDateTime",
            ..
        }
    ));
    assert!(error.is_recoverable());
    assert!(!error.to_string().contains("2026"));
}

#[test]
fn more_07_half_surrogates_are_read() {
    let activity = one(&graph(r#""resultReason":"x\ud800y""#));
    assert_eq!(activity.reason.as_deref(), Some("x\u{fffd}y"));
}

#[test]
fn more_08_an_incomplete_answer_of_the_query_interface() {
    let text = r#"{"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"OperationName","type":"string"}],"rows":[["2026-03-02T08:15:09Z","Add user"],["x","y","z"]]}],"error":{"code":"PartialError"}}"#;
    let items = read(text);
    assert!(items[0].is_ok());
    assert!(matches!(
        items[1].as_ref().unwrap_err().kind(),
        ErrorKind::NotAudit { .. }
    ));
    assert_eq!(
        items[2].as_ref().unwrap_err().kind(),
        &ErrorKind::ServiceAnswer
    );
}

#[test]
fn a_table_has_its_own_columns() {
    let columns = r#""columns":[{"name":"TimeGenerated"},{"name":"OperationName"},{"name":"Id"}]"#;
    let row = r#"["2026-03-02T08:15:09Z","Add group","1"]"#;
    // The second table's columns are not there, or too large to be read.
    for second in [
        String::new(),
        format!(r#""columns":[{{"name":"{}"}}],"#, "x".repeat(2000)),
    ] {
        let text = format!(
            r#"{{"tables":[{{{columns},"rows":[{row}]}},{{{second}"rows":[{row},{row}]}}]}}"#
        );
        let mut reader = EntraReader::new(text.as_bytes()).with_max_element_bytes(1000);
        let errors = reader.by_ref().filter(Result::is_err).count();
        assert_eq!(errors, 2 + usize::from(!second.is_empty()));
        assert_eq!(reader.summary().activities, 1);
    }
}

#[test]
fn a_csv_row_longer_than_its_header_is_no_record() {
    let text = "TimeGenerated,OperationName,Id\n\
                2026-03-02T08:15:09Z,Add group,1,, \n\
                2026-03-02T08:15:09Z,Add, group,2\n";
    let mut reader = EntraReader::new(text.as_bytes());
    assert!(reader.next().is_some_and(|first| first.is_ok()));
    let error = reader.next().and_then(Result::err).unwrap();
    assert!(
        matches!(error.kind(), ErrorKind::NotAudit { .. }),
        "{error}"
    );
    assert!(reader.next().is_none());
    assert_eq!(
        (reader.summary().activities, reader.summary().damaged),
        (1, 1)
    );
}
