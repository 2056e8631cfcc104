//! Activities through the public API: the worked examples of the rules' page, and streams.

use mim_events::activity::{Activity, Classifier, Flags, Outcome, Rules, Source, kinds};
use mim_events::request::Request;
use serde_json::{Value, json};

const DANA: &str = "0d6e26a0-2d4d-4a39-8d4b-3b1c5a0f0a55";
const LI: &str = "7a1b0d5e-65c1-4c3d-8a55-0e4f3f1f2c02";
const ANA: &str = "c0f7a3d1-1f7e-4e6d-9f0e-9a1b2c3d4e03";
const NIGHT_SHIFT: &str = "3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77";
const ANONYMOUS: &str = "b0b36673-d43b-4cfa-a7a2-aff14fd90522";
const SYNCHRONIZATION: &str = "fb89aefa-5ea1-47f1-8890-abe7797d6497";

fn person(id: &str, name: &str) -> Value {
    json!({"HybridObjectID": id, "ObjectType": "Person", "DisplayName": name})
}

fn group() -> Value {
    json!({"HybridObjectID": NIGHT_SHIFT, "ObjectType": "Group", "DisplayName": "Night Shift"})
}

fn change(property: &str, mode: &str, value: Value) -> Value {
    json!({"Calculated": "false", "PropertyName": property, "Value": value, "Operation": "Create", "Mode": mode})
}

/// A request of the long shape; `fields` add to what every one has.
fn document(id: u8, fields: &Value) -> String {
    let mut document = json!({
        "HybridObjectID": format!("9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d{id:02x}"),
        "ObjectType": "Request", "CreatedTime": "2026-03-02 08:15:09.586",
    });
    for (key, value) in fields.as_object().into_iter().flatten() {
        document[key] = value.clone();
    }
    document.to_string()
}

fn activities(document: &str) -> Vec<Activity> {
    Request::from_json(document).unwrap().activities()
}

fn names(activities: &[Activity]) -> Vec<&str> {
    activities
        .iter()
        .map(|activity| activity.name.as_str())
        .collect()
}

#[test]
fn members_and_a_description() {
    let made = activities(&document(
        1,
        &json!({
            "Operation": "Put", "RequestStatus": "Completed", "TargetObjectType": "Group",
            "CommittedTime": "2026-03-02 08:15:10.000", "Creator": person(DANA, "Dana Okafor"), "Target": group(),
            "RequestParameter": [
                change("ExplicitMember", "Add", person(DANA, "Dana Okafor")),
                change("ExplicitMember", "Add", person(LI, "Li Wren")),
                change("Description", "Modify", json!("Ten to six")),
            ],
        }),
    ));
    assert_eq!(
        names(&made),
        ["Add member to group", "Add member to group", "Update group"]
    );
    let flags: Vec<_> = made
        .iter()
        .map(|row| row.flags.contains(Flags::SELF_SERVICE))
        .collect();
    assert_eq!(flags, [true, false, false]);
    for row in &made {
        assert_eq!(
            (row.source, row.service.as_str()),
            (Source::IdentityManager, "MIM Service")
        );
        assert_eq!(row.time.to_rfc3339(), "2026-03-02T08:15:10+00:00");
        assert_eq!(row.targets[0].text(), "Night Shift");
        assert_eq!(row.correlation, row.source_id);
    }
    assert_eq!(made[1].targets[1].text(), "Li Wren");
    assert_eq!(made[2].changes[0].new.as_deref(), Some("Ten to six"));
}

#[test]
fn a_join_waits_and_is_rejected() {
    let join = |status: &str, more: Value| {
        let mut fields = json!({
            "Operation": "Put", "RequestStatus": status, "TargetObjectType": "Group",
            "Creator": person(DANA, "Dana Okafor"), "Target": group(), "ComputedActor": person(ANA, "Ana Ruiz"),
            "RequestParameter": change("ExplicitMember", "Add", person(DANA, "Dana Okafor")),
            "AuthorizationWorkflowInstance": {"DisplayName": "Owner Approval Workflow", "Request": "48213"},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            fields[key] = value.clone();
        }
        document(2, &fields)
    };
    let response = document(
        3,
        &json!({
            "Operation": "Create", "RequestStatus": "Completed", "TargetObjectType": "ApprovalResponse",
            "Creator": person(ANA, "Ana Ruiz"), "Reason": "rota full",
            "RequestParameter": [
                change("Approval", "", json!({"ObjectID": "9300", "Request": "48213", "ObjectType": "Approval"})),
                change("Decision", "", json!("Rejected")),
            ],
        }),
    );
    let mut classifier = Classifier::new(Rules::builtin());
    let mut read = |document: &str| classifier.classify(&Request::from_json(document).unwrap());
    let waiting = read(&join("Authorizing", json!({})));
    let decision = read(&response);
    let refused = read(&join("Denied", json!({"Reason": "rota full"})));

    assert_eq!(waiting[0].result, Outcome::Pending);
    assert!(waiting[0].flags.contains(Flags::SELF_SERVICE));
    assert_eq!(waiting[0].approvers_asked[0].text(), "Ana Ruiz");
    assert_eq!(
        (names(&decision), decision[0].actor.text()),
        (vec!["Request denied"], "Ana Ruiz")
    );
    assert_eq!(decision[0].reason.as_deref(), Some("rota full"));
    assert_eq!(
        decision[0].correlation, waiting[0].correlation,
        "it decides that request"
    );
    assert_eq!(decision[0].approvers_decided, [decision[0].actor.clone()]);
    // The same request at a later status is a row of its own, found by its correlation.
    assert_eq!(
        (refused[0].result, refused[0].reason.as_deref()),
        (Outcome::Denied, Some("rota full"))
    );
    assert_ne!(refused[0].id, waiting[0].id);
    assert_eq!(
        (
            &refused[0].correlation,
            &refused[0].kind,
            &refused[0].targets
        ),
        (
            &waiting[0].correlation,
            &waiting[0].kind,
            &waiting[0].targets
        )
    );
}

#[test]
fn a_reset_that_the_directory_refused() {
    let made = activities(&document(
        4,
        &json!({
            "Operation": "Put", "RequestStatus": "PostProcessingError", "TargetObjectType": "Person",
            "Creator": {"HybridObjectID": ANONYMOUS, "DisplayName": "Anonymous"}, "Target": person(LI, "Li Wren"),
            "RequestParameter": change("ResetPassword", "Modify", json!("hunter2")),
        }),
    ));
    assert_eq!(names(&made), ["User Password Reset"]);
    let row = &made[0];
    assert_eq!(
        (row.actor.text(), row.result),
        ("Li Wren", Outcome::Failure)
    );
    assert_eq!(row.methods, ["Unknown"]);
    assert_eq!(row.detail("ResetResult"), Some("Failed"));
    assert_eq!(
        row.detail("ResetDetail"),
        Some("Gates passed, directory refused the password")
    );
    assert_eq!(row.detail("Creator"), Some("Anonymous"));
    assert!(
        !serde_json::to_string(&made).unwrap().contains("hunter2"),
        "secrets are never shown"
    );
}

#[test]
fn a_registration_with_a_phone() {
    let made = activities(&document(
        5,
        &json!({
            "Operation": "Put", "RequestStatus": "Completed", "TargetObjectType": "Person",
            "Creator": person(LI, "Li Wren"), "Target": person(LI, "Li Wren"),
            "RequestParameter": [
                change("AuthNWFRegistered", "Add", json!({"ObjectID": "77", "DisplayName": "Password Reset AuthN Workflow"})),
                change("msidmOneTimePasswordMobilePhone", "Modify", json!("+1 425 555 0123")),
            ],
        }),
    ));
    assert_eq!(
        names(&made),
        ["User Password Registration", "Update authentication method"]
    );
    assert_eq!(made[1].methods, ["OTP over SMS"]);
    assert_eq!(made[1].changes[0].new.as_deref(), Some("+* *** *** **23"));
}

#[test]
fn a_deletion_says_its_type_in_its_name() {
    let made = activities(&document(
        6,
        &json!({
            "Operation": "Delete", "RequestStatus": "Completed", "TargetObjectType": "",
            "DisplayName": "Delete Group:  'Night Shift' Request", "Target": NIGHT_SHIFT,
            "RequestParameter": {"Calculated": "false", "Operation": "Delete"},
        }),
    ));
    assert_eq!(
        (names(&made), &made[0].kind),
        (vec!["Delete group"], &kinds::GROUP_DELETE)
    );
    let target = &made[0].targets[0];
    assert_eq!(
        (target.object_type.as_str(), target.text()),
        ("Group", "Night Shift")
    );
    assert_eq!(target.id.as_deref(), Some(NIGHT_SHIFT));
}

#[test]
fn an_inflow_that_failed() {
    let made = activities(&document(
        7,
        &json!({
            "Operation": "Create", "RequestStatus": "Failed", "TargetObjectType": "Person",
            "Creator": {"HybridObjectID": SYNCHRONIZATION},
            "RequestParameter": {"Calculated": "false", "PropertyName": "DisplayName", "Value": "Kim Abel"},
        }),
    ));
    assert_eq!(
        (names(&made), made[0].result),
        (vec!["Add user"], Outcome::Failure)
    );
    assert_eq!(made[0].detail("Initiator"), Some("synchronization"));
    assert_eq!(made[0].targets[0].text(), "Kim Abel");
    assert!(made[0].flags.contains(Flags::SYSTEM));
}

#[test]
fn rules_read_through_serde_are_the_same() {
    let text = r#"{"rules": [{"op": "Put", "type": "Person", "attribute": "Manager", "kind": "user.manager", "name": "New manager"}]}"#;
    let rules: Rules = serde_json::from_str(text).unwrap();
    let document = document(
        8,
        &json!({
            "Operation": "Put", "RequestStatus": "Completed", "TargetObjectType": "Person", "Target": LI,
            "RequestParameter": change("Manager", "Modify", person(ANA, "Ana Ruiz")),
        }),
    );
    let request = Request::from_json(&document).unwrap();
    let made = request.activities_with(&Rules::with_user(rules));
    assert_eq!(
        (names(&made), made[0].category.as_str()),
        (vec!["New manager"], "Other")
    );

    let wrong = r#"{"rules": [{"op": "Put", "kind": "user.manager"}]}"#;
    let error = serde_json::from_str::<Rules>(wrong)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("rule 1: it has no `name`"), "{error}");
}

#[test]
fn threads_may_share_rules_and_move_classifiers() {
    fn check<T: Send + Sync>() {}
    check::<Rules>();
    check::<Classifier>();
    check::<Activity>();
}
