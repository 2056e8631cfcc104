//! The rules, row by row, and what holds for every request.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Activity, Classifier, Flags, LinkLimits, Outcome, Rules, Target, kinds};
use crate::request::{Origin, Request};

fn guid(n: u128) -> String {
    uuid::Uuid::from_u128(0x4000_8000_0000_0000_0000 + n).to_string()
}

fn request(value: &Value) -> Request<'static> {
    Request::from_json(&value.to_string()).unwrap().into_owned()
}

/// A request with what nearly every one has; `more` adds or replaces.
fn with(more: Value) -> Value {
    let mut base = json!({
        "HybridObjectID": guid(256), "ObjectType": "Request", "Operation": "Put",
        "RequestStatus": "Completed", "CreatedTime": "2026-03-02 08:15:09.586",
    });
    let (Some(base_map), Value::Object(more)) = (base.as_object_mut(), more) else {
        panic!("not objects")
    };
    base_map.extend(more);
    base
}

fn ids(activities: &[Activity]) -> Vec<uuid::Uuid> {
    activities.iter().map(|activity| activity.id).collect()
}

// --- the table ---

/// Every case of the data file: which rules make which rows, in order, with which fields. A field
/// that is `null` there must be absent; one that is not there is not compared.
#[test]
fn every_rule_makes_its_rows() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../tests/data/activity/rules.json")).unwrap();
    let mut used = BTreeSet::new();
    for case in &cases {
        let name = &case["name"];
        let enable = case.get("enable").cloned().unwrap_or_else(|| json!([]));
        let user = Rules::from_json(&json!({ "enable": enable }).to_string()).unwrap();
        let request = request(&case["request"]);
        let mut classifier = Classifier::new(Rules::with_user(user));
        let rules = classifier.rule_ids(&request);
        let activities = classifier.classify(&request);
        assert_eq!(json!(rules), case["rules"], "{name}");
        used.extend(rules);
        let rows = case["rows"].as_array().unwrap();
        assert_eq!(activities.len(), rows.len(), "{name}");
        for (activity, wanted) in activities.iter().zip(rows) {
            let made = serde_json::to_value(activity).unwrap();
            for (field, wanted) in wanted.as_object().unwrap() {
                let made = made.get(field).unwrap_or(&Value::Null);
                assert_eq!(made, wanted, "{name}: {field} of {}", activity.name);
            }
            let again: Activity = serde_json::from_value(made).unwrap();
            assert_eq!(&again, activity, "{name}: there and back");
        }
    }
    for rule in Rules::builtin().iter() {
        assert!(used.contains(rule.id()), "rule {} has no test", rule.id());
    }
}

fn table() -> String {
    let mut text = String::from(
        "| Rule | Conditions | Kind | Name | Category | Row |\n|---|---|---|---|---|---|\n",
    );
    for rule in Rules::builtin().iter() {
        text.push_str(&format!(
            "| {} | {} | `{}` | {} | {} | {} |\n",
            rule.id(),
            rule.conditions(),
            rule.kind(),
            rule.name(),
            rule.category(),
            rule.row(),
        ));
    }
    text
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ACTIVITY.md");

#[test]
fn the_page_shows_the_table() {
    let page = include_str!("../../docs/ACTIVITY.md");
    let (_, shown) = page.split_once("<!-- rules -->\n").unwrap();
    let (shown, _) = shown.split_once("<!-- /rules -->").unwrap();
    assert_eq!(shown, table(), "run the ignored test `write_the_table`");
}

#[test]
#[ignore = "writes the table into the page"]
fn write_the_table() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once("<!-- rules -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /rules -->").unwrap();
    let page = format!("{before}<!-- rules -->\n{}<!-- /rules -->{after}", table());
    std::fs::write(PAGE, page).unwrap();
}

#[test]
fn the_built_in_table_holds_together() {
    let rules = Rules::builtin();
    assert_eq!(rules.iter().count(), 77);
    for rule in rules.iter() {
        for verb in ["add", "update", "delete"] {
            let kind = rule.kind().replace("{verb}", verb);
            let known = kinds::ALL.iter().any(|known| known.as_str() == kind);
            assert!(known || kind.contains('{'), "{kind} is not in `kinds`");
        }
    }
    let keys: BTreeSet<&str> = kinds::ALL.iter().map(super::Kind::as_str).collect();
    assert_eq!(keys.len(), kinds::ALL.len());
}

// --- rules of a user ---

#[test]
fn rules_of_a_user_come_first_and_names_change() {
    let user = Rules::from_json(
        r#"{
            "rules": [
                {"op": "Put", "type": "Person", "attribute": "EmployeeStatus", "value": ["Left", "Retired"],
                 "initiator": ["synchronization", "user"], "self": false, "via_workflow": false,
                 "policy_name": "HR", "workflow_name": "Leaver", "kind": "user.disable", "name": "Disable account",
                 "category": "UserManagement", "flags": ["sensitive"]}
            ],
            "names": {"E4": "Change user", "C4": "Add Member"},
            "disable": ["E5"],
            "secret_attributes": ["ShoeSize"], "masked_phones": ["HomePhone"],
            "methods": {"workflows": {"contoso reset": ["Azure MFA"]}}
        }"#,
    )
    .unwrap();
    let rules = Rules::with_user(user);
    let base = |status: &str, policy: &str| {
        with(json!({
            "TargetObjectType": "Person", "Target": guid(2), "Creator": guid(3),
            "ManagementPolicy": {"DisplayName": policy}, "ActionWorkflowInstance": {"DisplayName": "leaver"},
            "RequestParameter": [
                {"PropertyName": "EmployeeStatus", "Value": status, "Mode": "Modify"},
                {"PropertyName": "ShoeSize", "Value": "44", "Mode": "Modify"},
                {"PropertyName": "HomePhone", "Value": "0123456", "Mode": "Modify"},
            ],
        }))
    };
    let made = request(&base("retired", "hr")).activities_with(&rules);
    assert_eq!(made.len(), 2);
    assert_eq!(made[0].kind, kinds::USER_DISABLE);
    assert!(made[0].flags.contains(Flags::SENSITIVE));
    assert_eq!(made[1].name, "Change user");
    assert_eq!(made[1].kind, kinds::USER_UPDATE, "kinds stay");
    let changes = &made[1].changes;
    assert_eq!(
        (changes[0].new.as_deref(), changes[1].new.as_deref()),
        (None, Some("*****56"))
    );
    for other in [base("active", "hr"), base("left", "other")] {
        assert_eq!(request(&other).activities_with(&rules).len(), 1);
    }

    let deleted =
        with(json!({"Operation": "Delete", "TargetObjectType": "Person", "Target": guid(2)}));
    let made = request(&deleted).activities_with(&rules);
    assert_eq!(
        made[0].kind,
        kinds::RESOURCE_DELETE,
        "E5 is off, H3 is next"
    );

    let reset = with(json!({
        "TargetObjectType": "Person", "Target": guid(2), "Creator": "b0b36673-d43b-4cfa-a7a2-aff14fd90522",
        "AuthenticationWorkflowInstance": {"DisplayName": "Contoso Reset"},
    }));
    assert_eq!(
        request(&reset).activities_with(&rules)[0].methods,
        ["Azure MFA"]
    );
}

#[test]
fn a_table_alone_explains_everything_too() {
    let rules = Rules::from_json("{}").unwrap();
    let made = request(&with(json!({"TargetObjectType": "Person"}))).activities_with(&rules);
    assert_eq!((made.len(), &made[0].kind), (1, &kinds::OTHER));
}

#[test]
fn what_is_wrong_with_a_table_is_named() {
    let kind = |text: &str| {
        let error = Rules::from_json(text).unwrap_err();
        assert!(!error.is_recoverable());
        error.to_string()
    };
    let rule = |body: &str| {
        kind(&format!(
            r#"{{"rules": [{{"kind": "a", "name": "A"}}, {{{body}}}]}}"#
        ))
    };
    assert!(kind("[").contains("not valid JSON"));
    assert!(kind(r#"{"rulez": []}"#).contains("not known"));
    assert!(kind(r#"{"version": 2}"#).contains("version"));
    assert!(kind(r#"{"names": {"Z9": "x"}}"#).contains("does not have"));
    assert!(kind(r#"{"names": {"C4": "{x}"}}"#).contains("token"));
    assert!(kind(r#"{"secret_words": [""]}"#).contains("empty word"));
    assert!(kind(r#"{"methods": {"gates": {"x": "y"}}}"#).contains("GUID"));
    for (body, wanted) in [
        (
            r#""kind": "a.b", "name": "A", "colour": "red""#,
            "not known",
        ),
        (r#""kind": "a.b", "name": 7"#, "another type"),
        (r#""kind": "A", "name": "A""#, "small letters"),
        (r#""kind": "", "name": "A""#, "small letters"),
        (r#""kind": "a", "name": " ""#, "no `name`"),
        (r#""kind": "a", "name": "{who}""#, "token"),
        (r#""kind": "a", "name": "{Verb""#, "token"),
        (r#""kind": "a.{verb}", "name": "A""#, "{verb}"),
        (
            r#""kind": "a", "name": "A", "mode": "add""#,
            "need an `attribute`",
        ),
        (
            r#""kind": "a", "name": "A", "take": "each""#,
            "need an `attribute`",
        ),
        (
            r#""kind": "a", "name": "A", "take": "some""#,
            "unknown `take`",
        ),
        (
            r#""kind": "a", "name": "A", "attribute": "x", "mode": "twist""#,
            "unknown `mode`",
        ),
        (
            r#""kind": "a", "name": "A", "initiator": "nobody""#,
            "unknown `initiator`",
        ),
        (
            r#""kind": "a", "name": "A", "flags": "loud""#,
            "unknown flag",
        ),
        (r#""kind": "a", "name": "A", "policy_id": "7""#, "no GUID"),
        (
            r#""kind": "a", "name": "A", "with": "x""#,
            "only with `all`",
        ),
        (
            r#""kind": "a", "name": "A", "only": "x", "attribute": "x""#,
            "only with `rest`",
        ),
        (
            r#""kind": "a", "name": "A", "targets": "value""#,
            "only with `each`",
        ),
        (r#""kind": "a", "name": "A", "id": "rule 1""#, "twice"),
    ] {
        let text = rule(body);
        assert!(
            text.starts_with("rule 2: ") && text.contains(wanted),
            "{body}: {text}"
        );
    }
}

// --- ids ---

#[test]
fn ids_depend_on_what_the_page_says_and_nothing_else() {
    let member = |key: &str, mode: &str| json!({"PropertyName": "ExplicitMember", "Mode": mode, "Value": key});
    let group = |status: &str, parameters: Value| {
        request(&with(json!({
            "HybridObjectID": "9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01", "TargetObjectType": "Group",
            "RequestStatus": status, "Target": "{3F0A9D52-7C1E-4D1B-B0A4-5B0C2B1F9E77}", "RequestParameter": parameters,
        })))
        .activities()
    };
    let dana = "0d6e26a0-2d4d-4a39-8d4b-3b1c5a0f0a55";
    let page = include_str!("../../docs/ACTIVITY.md");
    let twice = group(
        "Completed",
        json!([
            member(dana, "Add"),
            member(dana, "Insert"),
            member("7", "Add")
        ]),
    );
    for id in &ids(&twice)[..2] {
        assert!(
            page.contains(&id.to_string()),
            "{id} is a vector of the page"
        );
    }
    let pending = group("Authorizing", json!([member(dana, "Add")]));
    assert!(page.contains(&pending[0].id.to_string()));
    let update = group("Committed", json!([]));
    assert!(page.contains(&update[0].id.to_string()));

    let turned = group(
        "Completed",
        json!([member("7", "Add"), member(dana, "Add"), member(dana, "Add")]),
    );
    let sorted = |rows: &[Activity]| ids(rows).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(
        sorted(&twice),
        sorted(&turned),
        "the order of parameters does not matter"
    );
    assert_eq!(sorted(&twice).len(), 3);
    let same = group("Committed", json!([member("7", "Add")]));
    assert_eq!(
        same[0].id, twice[2].id,
        "committed and completed are one result"
    );
}

#[test]
fn a_request_without_an_id_is_told_by_its_event_or_its_text() {
    let text = r#"{"ObjectType":"Request","Operation":"Merge","RequestStatus":"x"}"#;
    let alone = Request::from_json(text).unwrap();
    let mut origin = Origin {
        computer: "mim01".to_owned(),
        channel: "Identity Manager Request Log".to_owned(),
        record_id: 4711,
        time: chrono::DateTime::from_timestamp(1_772_439_309, 586_020_000),
        ..Origin::default()
    };
    let placed = alone.clone().with_origin(origin.clone());
    let row = &placed.activities()[0];
    assert_eq!(
        row.time,
        origin.time.unwrap(),
        "the event's time, as the request has none"
    );
    assert_eq!(
        (row.source_id.as_ref(), row.correlation.as_ref()),
        (None, None)
    );
    assert_eq!(
        row.id,
        super::id::mim([
            "event",
            "mim01",
            "Identity Manager Request Log",
            "4711",
            "2026-03-02T08:15:09.586020000Z",
            "other",
            "",
            "",
            "",
            "unknown",
            "0"
        ])
    );
    origin.record_id += 1;
    assert_ne!(row.id, alone.clone().with_origin(origin).activities()[0].id);
    let row = &alone.activities()[0];
    assert_eq!(row.time, chrono::DateTime::UNIX_EPOCH);
    assert_eq!(
        row.id,
        super::id::mim([
            "document",
            &super::id::mim([text]).to_string(),
            "other",
            "",
            "",
            "",
            "unknown",
            "0"
        ])
    );
}

#[test]
fn what_all_rows_repeat_is_bounded() {
    let said = |length: usize, policies: usize| {
        let parameter = |n| json!({"PropertyName": "ExplicitMember", "Mode": "Add", "Value": n});
        let policy = |n| json!({"DisplayName": format!("Policy {n}"), "GrantRight": "True"});
        let document = json!({
            "Operation": "Put", "TargetObjectType": "Group",
            "Justification": "j".repeat(length),
            "ManagementPolicy": (0..policies).map(policy).collect::<Vec<_>>(),
            "RequestParameter": (0..1000).map(parameter).collect::<Vec<_>>(),
        });
        let rows = request(&document).activities();
        assert_eq!(rows.len(), 1000);
        let size = |row: &Activity| {
            let granted = row.details.iter().filter(|one| one.key == "GrantedBy");
            (row.justification.as_ref().map(String::len), granted.count())
        };
        let first = size(&rows[0]);
        assert!(rows.iter().all(|row| size(row) == first));
        first
    };
    assert_eq!(said(60_000, 20), (Some(60_000), 20));
    assert_eq!(said(70_000, 20), (Some(1000 + "…".len()), 8));
    assert_eq!(said(10, 2000), (Some(10), 8));
}

#[test]
fn names_and_words_are_cut() {
    let long = "x".repeat(5000);
    let object = json!({"ObjectID": "7", "DisplayName": long, "AccountName": long, "Domain": long});
    let document = json!({
        "Operation": long, "RequestStatus": long, "TargetObjectType": long,
        "Creator": object, "Target": object,
        "RequestParameter": [{"PropertyName": "DisplayName", "Value": long}],
    });
    for row in request(&document).activities() {
        let written = serde_json::to_string(&row).unwrap();
        assert!(!written.contains(&long[..1001]), "{}", row.kind);
        assert!(written.len() < 20 * 1000, "{}", written.len());
    }
}

// --- links ---

fn from(computer: &str, value: &Value) -> Request<'static> {
    request(value).with_origin(Origin {
        computer: computer.to_owned(),
        ..Origin::default()
    })
}

fn approval_chain() -> [Value; 3] {
    let whole = |n: u128, key: &str, object_type: &str, name: &str| json!({"HybridObjectID": guid(n), "ObjectID": key, "ObjectType": object_type, "DisplayName": name});
    let join = with(json!({
        "HybridObjectID": guid(500), "TargetObjectType": "Group", "RequestStatus": "Authorizing",
        "DisplayName": "Update to Group:  'Night Shift' Request",
        "Creator": whole(1, "9001", "Person", "Dana Okafor"), "Target": whole(16, "9100", "Group", "Night Shift"),
        "AuthorizationWorkflowInstance": {"ObjectID": "77", "Request": "48213", "WorkflowStatus": "Running"},
        "RequestParameter": [{"PropertyName": "ExplicitMember", "Mode": "Add", "Value": "9001"}],
    }));
    let approval = with(json!({
        "HybridObjectID": guid(501), "Operation": "Create", "TargetObjectType": "Approval", "Creator": "2731",
        "Target": {"HybridObjectID": guid(64), "ObjectID": "9300", "ObjectType": "Approval", "Request": "48213"},
        "RequestParameter": [{"PropertyName": "Requestor", "Value": "9001"}, {"PropertyName": "Approver", "Value": "9003"}],
    }));
    let response = with(json!({
        "HybridObjectID": guid(502), "Operation": "Create", "TargetObjectType": "ApprovalResponse",
        "Creator": whole(3, "9003", "Person", "Ana Ruiz"),
        "RequestParameter": [{"PropertyName": "Approval", "Value": "9300"}, {"PropertyName": "Decision", "Value": "Rejected"}],
    }));
    [join, approval, response]
}

#[test]
fn decisions_find_their_request_through_bare_keys() {
    let [join, approval, response] = approval_chain();
    let mut classifier = Classifier::default();
    let joined = classifier.classify(&from("mim01", &join));
    assert_eq!(
        joined[0].targets[1].text(),
        "Dana Okafor",
        "the key of the creator"
    );
    // The creator's object names the same key, so the document itself says that it is the creator.
    assert!(joined[0].flags.contains(Flags::SELF_SERVICE));

    let asked = classifier.classify(&from("MIM01", &approval));
    assert_eq!(asked[0].correlation, Some(guid(500)));
    assert_eq!(asked[0].actor.name.as_deref(), Some("Dana Okafor"));
    assert_eq!(
        asked[0].targets[1].name.as_deref(),
        Some("Update to Group:  'Night Shift' Request")
    );
    assert_eq!(
        asked[0].approvers_asked[0].id.as_deref(),
        Some("9003"),
        "not known yet"
    );

    let decided = classifier.classify(&from("mim01", &response));
    assert_eq!(decided[0].correlation, Some(guid(500)));
    assert_eq!(decided[0].source_id, Some(guid(502)));
    let wanted: Vec<_> = decided[0]
        .targets
        .iter()
        .map(|target| target.id.clone())
        .collect();
    assert_eq!(wanted, [Some(guid(64)), Some(guid(500))]);

    let mut other = Classifier::default();
    other.classify(&from("mim01", &join));
    let asked = other.classify(&from("mim02", &approval));
    assert_eq!(
        asked[0].correlation,
        Some(guid(501)),
        "keys of another database"
    );
    assert_eq!(asked[0].targets[1].text(), "request 48213 (not resolved)");
}

#[test]
fn rows_and_ids_are_the_same_in_any_order() {
    let chain = approval_chain();
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let mut all: Vec<Vec<(usize, Vec<uuid::Uuid>)>> = Vec::new();
    for order in orders {
        let mut classifier = Classifier::default();
        let mut made: Vec<_> = order
            .iter()
            .map(|at| (*at, ids(&classifier.classify(&from("mim01", &chain[*at])))))
            .collect();
        made.sort();
        all.push(made);
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_workflow_of_a_privileged_request_is_seen_through_its_parents() {
    let pam = with(
        json!({"HybridObjectID": guid(600), "Operation": "Create", "TargetObjectType": "msidmPamRequest",
        "ActionWorkflowInstance": {"Request": "52000"}}),
    );
    let middle = with(
        json!({"HybridObjectID": guid(601), "TargetObjectType": "Person", "ParentRequest": "52000"}),
    );
    let member = with(
        json!({"HybridObjectID": guid(602), "TargetObjectType": "Group", "ParentRequest": guid(601),
        "RequestParameter": [{"PropertyName": "ExplicitMember", "Mode": "Add", "Value": guid(1)}]}),
    );
    let mut classifier = Classifier::default();
    let early = classifier.classify(&request(&member));
    classifier.classify(&request(&pam));
    let child = classifier.classify(&request(&middle));
    assert_eq!(child[0].parent, Some(guid(600)));
    let late = classifier.classify(&request(&member));
    assert!(late[0].flags.contains(Flags::PAM) && !early[0].flags.contains(Flags::PAM));
    assert_eq!(early[0].id, late[0].id);
}

#[test]
fn what_a_person_registered_stands_for_what_a_reset_used() {
    let registration = with(
        json!({"TargetObjectType": "Person", "Target": {"HybridObjectID": guid(2)}, "Creator": guid(2),
        "RequestParameter": [{"PropertyName": "msidmOneTimePasswordMobilePhone", "Mode": "Modify", "Value": "0123456"}]}),
    );
    let definition = with(
        json!({"TargetObjectType": "WorkflowDefinition", "Target": {"HybridObjectID": guid(40), "ObjectID": "77"},
        "RequestParameter": [{"PropertyName": "XOML", "Mode": "Modify", "Value": "<QAAuthenticationGate/><PasswordCheckGate/>"}]}),
    );
    let reset = |more: Value| {
        let mut reset = with(
            json!({"TargetObjectType": "Person", "Target": {"HybridObjectID": guid(2)}, "RequestStatus": "Denied",
            "Creator": "b0b36673-d43b-4cfa-a7a2-aff14fd90522"}),
        );
        reset
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        request(&reset)
    };
    let mut classifier = Classifier::default();
    let plain = reset(json!({}));
    assert_eq!(classifier.classify(&plain)[0].methods, ["Unknown"]);
    classifier.classify(&request(&registration));
    let row = &classifier.classify(&plain)[0];
    assert_eq!(row.methods, ["OTP over SMS"]);
    assert_eq!(
        row.detail("ResetDetail"),
        Some("Stopped at the gates"),
        "a registration tells nothing of this attempt"
    );
    classifier.classify(&request(&definition));
    let by_definition =
        reset(json!({"AuthenticationWorkflowInstance": {"WorkflowDefinition": "77"}}));
    let row = &classifier.classify(&by_definition)[0];
    assert_eq!(row.methods, ["Security Questions"]);
    assert_eq!(
        row.detail("ResetDetail"),
        Some("Stopped at Security Questions")
    );
}

#[test]
fn memory_stays_within_its_bounds() {
    let mut limits = LinkLimits::default();
    (limits.resources, limits.requests, limits.approvals) = (64, 32, 16);
    (limits.workflows, limits.people) = (4, 8);
    let mut classifier = Classifier::with_limits(Rules::builtin(), limits);
    for n in 0..2_000_u128 {
        let value = with(json!({
            "HybridObjectID": guid(n), "Operation": "Create", "TargetObjectType": (["Approval", "WorkflowDefinition", "Person", "Badge"][n as usize % 4]),
            "Creator": {"HybridObjectID": guid(n), "ObjectID": n.to_string()},
            "Target": {"HybridObjectID": guid(n + 1), "ObjectID": (n + 1).to_string(), "Request": guid(n), "XOML": "x"},
            "ParentRequest": guid(n + 1),
        }));
        classifier.classify(&request(&value));
    }
    let links = classifier.links();
    assert!(
        links.resources <= 64 && links.requests <= 32 && links.approvals <= 16,
        "{links:?}"
    );
    assert!(
        links.workflows <= 4 && links.people <= 8 && links.forgotten > 0,
        "{links:?}"
    );
    assert_eq!(
        classifier.unclassified(),
        500,
        "a type of the customer's own"
    );
    let shapes: Vec<_> = classifier.unclassified_shapes().collect();
    assert_eq!(shapes, [("Create", "Badge", 500)]);
}

#[test]
fn shapes_that_are_not_known_are_counted_within_bounds() {
    let mut classifier = Classifier::default();
    for n in 0..300 {
        let word = format!("{n}{}", "é".repeat(40));
        classifier.classify(&request(&with(
            json!({"Operation": "Merge", "TargetObjectType": word}),
        )));
    }
    assert_eq!(classifier.unclassified(), 300);
    assert_eq!(classifier.unclassified_shapes().count(), 256);
    assert!(
        classifier
            .unclassified_shapes()
            .all(|(_, word, _)| word.len() <= 64)
    );
}

#[test]
fn secrets_and_people_stay_out_of_debug_output() {
    let mut classifier = Classifier::default();
    let [join, ..] = approval_chain();
    classifier.classify(&from("mim01", &join));
    let shown = format!("{classifier:?}");
    assert!(
        !shown.contains("Dana") && !shown.contains("9001"),
        "{shown}"
    );
}

// --- what holds for every request ---

fn word(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => proptest::sample::select(words).prop_map(|word| json!(word)),
        1 => any::<String>().prop_map(|text| json!(text)),
        1 => anything(),
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<String>().prop_map(|value| json!(value)),
        (0..4_u128).prop_map(|n| json!(guid(n))),
        (0..4_u32).prop_map(|n| json!(n.to_string())),
        Just(json!("[{\"DisplayName\":\"Dana\"}]")),
        Just(json!("{")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    proptest::sample::select(
        &[
            "HybridObjectID",
            "ObjectID",
            "DisplayName",
            "AccountName",
            "ObjectType",
            "Request",
            "Approval",
            "UserID",
            "GateTypeId",
            "Creator",
            "WorkflowDefinition",
            "WorkflowStatusDetail",
            "GrantRight",
            "Reason",
        ][..],
    )
    .prop_map(str::to_owned)
}

fn parameter() -> impl Strategy<Value = Value> {
    const NAMES: &[&str] = &[
        "ExplicitMember",
        "Owner",
        "ResetPassword",
        "AuthNWFRegistered",
        "AuthNWFLockedOut",
        "GateData",
        "Disabled",
        "msidmPamCandidates",
        "Decision",
        "Approval",
        "UserID",
        "DisplayName",
        "AuthNLockoutRegistrationID",
        "",
    ];
    let words = (
        word(NAMES),
        word(&["Add", "Insert", "Remove", "Modify", "Twist", ""]),
        word(&["true", "false"]),
    );
    (words, anything(), proptest::option::of(0..3_u128)).prop_map(|((name, mode, calculated), value, target)| {
        let mut item = json!({"PropertyName": name, "Mode": mode, "Calculated": calculated, "Value": value});
        if let Some(target) = target {
            item["Target"] = json!(guid(target));
        }
        item
    })
}

fn any_request() -> impl Strategy<Value = Value> {
    const TYPES: &[&str] = &[
        "Person",
        "Group",
        "Set",
        "GateRegistration",
        "Approval",
        "ApprovalResponse",
        "Request",
        "msidmPamRequest",
        "msidmPamRole",
        "ManagementPolicyRule",
        "WorkflowDefinition",
        "EmailTemplate",
        "ma-data",
        "Badge",
        "",
    ];
    const STATUSES: &[&str] = &[
        "Completed",
        "Denied",
        "Failed",
        "Authenticating",
        "PostProcessingError",
        "Paused",
        "",
    ];
    let words = (
        word(&["Create", "Put", "Delete", "SystemEvent", "Get", ""]),
        word(TYPES),
        word(STATUSES),
    );
    let who = (anything(), anything(), anything(), anything());
    let more = (
        proptest::option::of(0..3_u128),
        prop::collection::vec(parameter(), 0..6),
        anything(),
        any::<String>(),
    );
    (words, who, more).prop_map(|((op, object_type, status), (creator, target, parent, policy), (id, items, workflow, name))| {
        let mut value = json!({
            "ObjectType": "Request", "Operation": op, "TargetObjectType": object_type, "RequestStatus": status,
            "Creator": creator, "Target": target, "ParentRequest": parent, "ManagementPolicy": policy,
            "AuthenticationWorkflowInstance": workflow, "ComputedActor": workflow, "RequestStatusDetail": policy,
            "RequestParameter": items, "DisplayName": name,
        });
        if let Some(id) = id {
            value["HybridObjectID"] = json!(guid(id));
        }
        value
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_request_gives_rows(values in prop::collection::vec(any_request(), 1..4)) {
        let mut classifier = Classifier::default();
        for value in &values {
            let text = value.to_string();
            let Ok(request) = Request::from_json(&text) else { continue };
            let made = classifier.classify(&request);
            prop_assert!(!made.is_empty());
            let unique: BTreeSet<_> = ids(&made).into_iter().collect();
            prop_assert_eq!(unique.len(), made.len());
            // What was learned fills gaps; rows, their ids and their results do not depend on it.
            let fresh = request.activities();
            prop_assert_eq!(&fresh, &request.activities());
            prop_assert_eq!(ids(&made), ids(&fresh));
            for (made, fresh) in made.iter().zip(&fresh) {
                prop_assert_eq!((&made.kind, &made.name, made.result), (&fresh.kind, &fresh.name, fresh.result));
                prop_assert_eq!(&made.changes, &fresh.changes);
                for change in &made.changes {
                    let secret = change.property.to_lowercase().contains("resetpassword")
                        || change.property.eq_ignore_ascii_case("GateData");
                    prop_assert!(!secret || (change.old.is_none() && change.new.is_none()));
                }
            }
            // Each parameter is in one row, and only there.
            let items: usize = request.parameters().filter(|item| !item.calculated() && item.property().is_some())
                .map(|item| item.value().map_or(1, |value| value.items().count().max(1)))
                .sum();
            prop_assert_eq!(items, made.iter().map(|row| row.changes.len()).sum::<usize>());
        }
    }
}

#[test]
fn a_target_that_nothing_is_known_of_is_left_out() {
    let made = request(&with(json!({"Operation": "Merge"}))).activities();
    assert_eq!(made[0].targets, Vec::<Target>::new());
    assert_eq!(made[0].result, Outcome::Success);
}
