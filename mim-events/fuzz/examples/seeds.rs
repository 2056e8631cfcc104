//! Writes the first inputs of every target to `corpus/TARGET/`, beside this package.

use std::fs;
use std::io::{Cursor, Result};
use std::path::Path;

use mim_events::eventlog::{LogWriter, MIM_PROVIDER, OwnedLogEvent, REQUEST_PART};
use mim_events::message::split;
use uuid::Uuid;

const REQUESTS: [&str; 4] = [
    r#"{"ObjectID":"1","HybridObjectID":{"ObjectType":"Request","HybridObjectID":"5d0c0000-0000-4000-8000-00000000000a"},"ObjectType":"Request","Operation":"Put","RequestStatus":"Completed","CreatedTime":"2019-12-17T01:19:42.633","CommittedTime":"12/17/2019 1:19:42 AM","Creator":{"ObjectID":"7","HybridObjectID":"5d0c0000-0000-4000-8000-000000000001","AccountName":"bob","DisplayName":"Bob \ud83d\ude00"},"Target":"5d0c0000-0000-4000-8000-000000000002","TargetObjectType":"Group","RequestParameter":[{"Calculated":false,"PropertyName":"ExplicitMember","Mode":"Add","Value":"5d0c0000-0000-4000-8000-000000000003","Operation":"Put"}],"ManagementPolicy":[],"HasCollateralRequest":"False"}"#,
    r#"{"Operation":"Create","RequestStatus":"Denied","TargetObjectType":"Person","RequestStatusDetail":"<RequestStatusDetail DetailLevel=\"Error\">no &amp; never</RequestStatusDetail>","RequestParameter":"{\"Property\":\"x\"}"}"#,
    r#"{"Operation":"Put","Creator":{"HybridObjectID":"b0b36673-d43b-4cfa-a7a2-aff14fd90522"},"TargetObjectType":"Person","RequestParameter":[{"PropertyName":"ResetPassword","Mode":"Modify","Value":"True"}],"ActionWorkflowInstance":{"DisplayName":"Password Reset Action Workflow","WorkflowStatus":"Completed"}}"#,
    r#"{"TargetObjectType":"ApprovalResponse","Operation":"Create","RequestParameter":[{"PropertyName":"Decision","Value":"Approved"},{"PropertyName":"Approval","Value":{"ObjectID":9}}],"ParentRequest":12}"#,
];

const EXPORTS: [&str; 7] = [
    r#"{"@odata.context":"x","value":[{"id":"SSPR_1","category":"UserManagement","correlationId":"5d0c0000-0000-4000-8000-000000000001","result":"success","resultReason":"Done","activityDisplayName":"Reset password (self-service)","activityDateTime":"2026-03-02T08:15:09.123Z","loggedByService":"Self-service Password Management","operationType":"Update","initiatedBy":{"user":{"id":"7","userPrincipalName":"a@b.c","displayName":null,"ipAddress":"::1"},"app":null},"targetResources":[{"id":"8","displayName":"Bob","type":"User","userPrincipalName":"b@b.c","modifiedProperties":[{"displayName":"Included Updated Properties","oldValue":null,"newValue":"\"X\""}]}],"additionalDetails":[{"key":"Method","value":"Mobile SMS"}]}],"@odata.nextLink":"y"}"#,
    "\u{feff}[{\"activityDateTime\":\"2026-03-02T08:15:09Z\",\"activityDisplayName\":\"Add member to group\",\"loggedByService\":\"Core Directory\",\"targetResources\":[]},\n{\"bad\":]},{\"error\":{\"code\":\"x\",\"message\":\"y\"}}]",
    "{\"time\":\"2026-03-02T08:15:09Z\",\"category\":\"AuditLogs\",\"properties\":{\"id\":\"Directory_1\",\"activityDateTime\":\"2026-03-02T08:15:09Z\",\"activityDisplayName\":\"Add group\"}}\n{\"category\":\"SignInLogs\"}\n",
    "{\"records\":[{\"time\":\"2026-03-02T08:15:09Z\",\"operationName\":\"Add user\",\"category\":\"AuditLogs\",\"properties\":{\"activityDateTime\":\"2026-03-02T08:15:09Z\"}}]}{\"records\":[]}",
    r#"{"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"OperationName","type":"string"},{"name":"Category","type":"string"},{"name":"Id","type":"string"}],"rows":[["2026-03-02T08:15:09Z","Add group","GroupManagement","1"],[null]]}]}"#,
    "Date (UTC),CorrelationId,Service,Category,Activity,Result,ResultReason,ActorType,ActorDisplayName,ActorObjectId,ActorUserPrincipalName,IPAddress,Target1Type,Target1DisplayName,Target1ObjectId\r\n2026-03-02T08:15:09Z,5d0c0000-0000-4000-8000-000000000001,Core Directory,GroupManagement,Add group,success,,User,\"Bob, \"\"B\"\"\",7,a@b.c,::1,Group,G,8\r\n",
    "TenantId,TimeGenerated [UTC],OperationName,Category,Id,TargetResources,InitiatedBy\n,\"3/2/2026, 8:15:09.123 AM\",Add group,GroupManagement,1,\"[{\"\"id\"\":\"\"8\"\"}]\",\"{\"\"user\"\":{\"\"id\"\":\"\"7\"\"}}\"\n",
];

fn main() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let save = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(corpus.join(target))?;
        fs::write(corpus.join(target).join(name), bytes)
    };
    let id = Uuid::from_u128(10);
    let mut message = Vec::new();
    let mut log = LogWriter::new(Cursor::new(Vec::new())).map_err(std::io::Error::other)?;
    for (at, text) in REQUESTS.iter().enumerate() {
        save("request", &at.to_string(), text.as_bytes())?;
        for part in split(text, id, 400).map_err(std::io::Error::other)? {
            message.extend_from_slice(part.as_bytes());
            message.push(0xFF);
            let event = OwnedLogEvent::new(MIM_PROVIDER, REQUEST_PART).data(part);
            log.write(&event.as_event())
                .map_err(std::io::Error::other)?;
        }
    }
    save("message", "requests", &message)?;
    let log = log.finish().map_err(std::io::Error::other)?.into_inner();
    save(
        "chunk",
        "requests",
        log.get(4096 + 512..).unwrap_or_default(),
    )?;
    save("log_reader", "requests.evtx", &log)?;
    for (at, text) in EXPORTS.iter().enumerate() {
        save("entra", &at.to_string(), text.as_bytes())?;
    }
    save(
        "rules",
        "file",
        include_bytes!("../../tests/data/activity/rules.json"),
    )
}
