//! Requests through the public API.

mod laws;
mod shapes;

use chrono::{DateTime, Utc};
use mim_events::ErrorKind;
use mim_events::request::{Operation, Reference, Request, RequestStatus};

fn with(members: &str) -> String {
    format!(
        r#"{{"HybridObjectID":"9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01","ObjectType":"Request",{members}}}"#
    )
}

#[track_caller]
fn parse(text: &str) -> Request<'_> {
    Request::from_json(text).unwrap()
}

#[track_caller]
fn fails(text: &str) -> ErrorKind {
    let error = Request::from_json(text).unwrap_err();
    assert!(error.is_recoverable(), "{error}");
    error.kind().clone()
}

fn at(text: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(text).unwrap().to_utc())
}

#[test]
fn the_long_shape_whole() {
    let text = r#"{"HybridObjectID":"9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01","CommittedTime":"2026-03-02 08:15:10.000","CreatedTime":"2026-03-02 08:15:09.310","ExpirationTime":"2026-04-01 08:15:12.100","msidmCompletedTime":"2026-03-02 08:15:12.100","Creator":{"HybridObjectID":"11111111-0000-4000-8000-000000000001","ObjectID":"6120","AccountName":"dokafor","Domain":"HQ","Email":"d@x.test","DisplayName":"Dana Okafor","ObjectType":"Person","Manager":"6121"},"ManagementPolicy":[{"DisplayName":"Rule A","GrantRight":"1","Disabled":"0","ManagementPolicyRuleType":"Request","ActionParameter":["*"],"Description":"d"}],"Target":{"HybridObjectID":"3f0a9d52-7c1e-4d1b-b0a4-5b0c2b1f9e77","ObjectType":"Group","DisplayName":"Night Shift"},"AuthorizationWorkflowInstance":{"DisplayName":"Owner Approval Workflow","WorkflowStatus":"Completed","Request":"48213","WorkflowDefinition":"77","Requestor":"6120","Target":"900","WorkflowStatusDetail":"<Status><Text>fine</Text></Status>"},"ActionWorkflowInstance":[{"ObjectID":"1"},{"ObjectID":"2"}],"DisplayName":"Update to Group:  'Night Shift' Request","ObjectType":"Request","Operation":"Put","RequestStatus":"Completed","TargetObjectType":"Group","ServicePartitionName":"mim.x.test","ComputedActor":[{"DisplayName":"Ana"},"6122"],"ParentRequest":"22222222-0000-4000-8000-000000000001","Justification":"j","Reason":"r","RequestStatusDetail":["one",{"Text":"two"}],"RequestControl":"CancelOperation","HasCollateralRequest":"1","msidmRequestContext":"99","mcsTicket":12.50,"RequestParameter":[]}"#;
    let request = parse(text);
    assert_eq!(request.committed(), at("2026-03-02T08:15:10Z"));
    assert_eq!(request.completed(), at("2026-03-02T08:15:12.100Z"));
    assert_eq!(request.expires(), at("2026-04-01T08:15:12.100Z"));
    let creator = request.creator().unwrap();
    assert_eq!(
        (
            creator.key().unwrap(),
            creator.domain().unwrap(),
            creator.email().unwrap()
        ),
        ("6120".into(), "HQ".into(), "d@x.test".into())
    );
    assert_eq!(
        creator.resource().unwrap().references("Manager").next(),
        Some(Reference::Key("6121".into()))
    );
    let policy = request.policies().next().unwrap();
    assert_eq!(
        (
            policy.description().unwrap(),
            policy.rule_type().unwrap().is_known()
        ),
        ("d".into(), true)
    );
    assert_eq!(policy.action_parameters().collect::<Vec<_>>(), ["*"]);
    let workflow = request.authorization_workflows().next().unwrap();
    assert_eq!(workflow.request(), Some(Reference::Key("48213".into())));
    assert_eq!(
        (
            workflow.definition(),
            workflow.requestor(),
            workflow.target()
        ),
        (
            Some(Reference::Key("77".into())),
            Some(Reference::Key("6120".into())),
            Some(Reference::Key("900".into()))
        )
    );
    assert_eq!(workflow.status_details().collect::<Vec<_>>(), ["fine"]);
    assert_eq!(
        request
            .action_workflows()
            .filter_map(|w| w.key())
            .collect::<Vec<_>>(),
        ["1", "2"]
    );
    assert_eq!(request.authentication_workflows().count(), 0);
    assert_eq!(
        request
            .computed_actors()
            .map(|actor| actor.text().into_owned())
            .collect::<Vec<_>>(),
        ["Ana", "6122"]
    );
    assert_eq!(request.status_details().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(
        (request.justification().unwrap(), request.reason().unwrap()),
        ("j".into(), "r".into())
    );
    assert!(
        request.control().unwrap().is_known() && request.has_collateral_request() == Some(true)
    );
    assert_eq!(request.service_partition_name().unwrap(), "mim.x.test");
    assert!(
        request.parent().is_some()
            && request.context().is_some()
            && request.status() == RequestStatus::COMPLETED
    );
    let unknown: Vec<_> = request
        .unknown()
        .map(|(key, value)| (key.into_owned(), value.raw().to_owned()))
        .collect();
    assert_eq!(unknown, [("mcsTicket".to_owned(), "12.50".to_owned())]);
    assert_eq!(request.as_json(), text);
}

#[test]
fn debug_shows_no_values() {
    let text =
        with(r#""Operation":"Put","Creator":{"AccountName":"dokafor"},"Justification":"because""#);
    let request = parse(&text);
    let shown = format!(
        "{request:?} {:?} {:?}",
        request.members().collect::<Vec<_>>().len(),
        request.get("Justification")
    );
    assert!(
        !shown.contains("dokafor") && !shown.contains("because"),
        "{shown}"
    );
}

#[test]
fn requests_cross_threads_and_outlive_their_text() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    let request = {
        let text = with(r#""Operation":"Put""#);
        parse(&text).into_owned()
    };
    check(&request);
    assert_eq!(request.operation(), Operation::PUT);
}

#[test]
fn the_id_of_a_resource_is_the_last_one_however_its_key_is_spelled() {
    const A: &str = "9b6f8c34-5a0e-4a37-9a55-3f4b8f6f1d01";
    const B: &str = "0e7c9f10-77aa-4f0a-8e7e-2b1a6cf0d3b2";
    for (resource, id) in [
        (format!(r#"{{"HybridObjectID":"{A}"}}"#), Some(A)),
        (format!(r#"{{"hybridobjectid":"{A}","N":1}}"#), Some(A)),
        (
            format!(r#"{{"HybridObjectID":"{A}","HYBRIDOBJECTID" : "{B}"}}"#),
            Some(B),
        ),
        (
            format!(r#"{{"HybridObjectID":"{A}","\u0048ybridObjectID":"{B}","N":"M"}}"#),
            Some(B),
        ),
        (format!(r#"{{"N":{{"HybridObjectID":"{A}"}}}}"#), None),
        (format!(r#"{{"HybridObjectID":["{A}"]}}"#), None),
        (r#"{"HybridObjectID":""}"#.to_owned(), None),
        ("{}".to_owned(), None),
        (format!(r#"[{{"HybridObjectID":"{A}"}}]"#), Some(A)),
        (format!(r#""{A}""#), Some(A)),
    ] {
        // The other one must not be mistaken for it.
        let text = format!(
            r#"{{"Operation":"Put","Manager":{{"HybridObjectID":"{B}"}},"Creator":{resource},"Target":{resource}}}"#
        );
        let request = parse(&text);
        let wanted = id.map(|id| id.parse().unwrap());
        let creator = request.creator().and_then(|creator| creator.id());
        let target = request.target().and_then(|target| target.id());
        assert_eq!((creator, target), (wanted, wanted), "{resource}");
    }
}
