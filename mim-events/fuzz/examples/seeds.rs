//! Writes the first inputs of every target to `seeds/TARGET/`, beside this package: small
//! ones, which are kept in the repository.

use std::fs;
use std::io::{Cursor, Result};
use std::path::Path;

use mim_events::eventlog::{LogWriter, MIM_PROVIDER, OwnedLogEvent, REQUEST_PART};
use mim_events::message::split;
use uuid::Uuid;

#[allow(dead_code)]
#[path = "../../tests/suite/eventlog/fixture.rs"]
mod fixture;

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

const BOOKMARKS: [&str; 5] = [
    r#"{"version":1}"#,
    r#"{"version":1,"read_through":40,"newest":132210191826330401,"anchors":[[1,132210191826330011],[17,132210191826330171],[33,132210191826330331],[40,132210191826330401]],"waiting":[[3,4],[17,17]]}"#,
    r#"{"version":1,"read_through":9,"newest":132210191826330091,"anchors":[[1,132210191826330011],[9,132210191826330091]],"waiting":[[3,4],[7,7]],"read_again":1}"#,
    r#"{"version":1,"read_through":18446744073709551615,"anchors":[[18446744073709551615,0]],"waiting":[[0,18446744073709551615]]}"#,
    r#"{"version":2,"anything":[null,{}]}"#,
];

const FILE_HEADER: usize = 4096;

/// Where the records of the first chunk end, in the chunk.
fn used(log: &[u8]) -> usize {
    let at = FILE_HEADER + 48;
    let bytes = log.get(at..at + 4).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |number, &byte| number << 8 | usize::from(byte))
}

/// A written log with what the requests do not have: names, bytes, users, qualifiers.
fn events() -> Result<Vec<u8>> {
    let mut log = LogWriter::new(Cursor::new(Vec::new())).map_err(std::io::Error::other)?;
    for number in 0..4 {
        let event = OwnedLogEvent::new("Provider", 300 + number)
            .channel("Channel")
            .computer("computer")
            .qualifiers(Some(7))
            .level(2)
            .user("S-1-5-18")
            .named_data("name", "\u{1F600}")
            .data("two")
            .binary([1, 2, 3]);
        log.write(&event.as_event())
            .map_err(std::io::Error::other)?;
    }
    Ok(log.finish().map_err(std::io::Error::other)?.into_inner())
}

/// Records of every shape, also those that only the second lane reads.
fn shapes() -> Vec<u8> {
    use fixture::*;
    let mut chunk = Chunk::new(1);
    for layout_b in [false, true] {
        let event = Classic {
            layout_b,
            user: typed(0x13, SID),
            binary: typed(0x0E, [1, 2]),
            strings: strings(&["one", "", "two"]),
            ..Classic::default()
        };
        chunk.record(TIME, &event.content());
        chunk.record(TIME, &event.content());
    }
    let data = element("EventData").child(
        element("Data")
            .attribute("Name", text("n"))
            .depends(4)
            .slot(4),
    );
    for value in [
        typed(0x0B, [0; 4]),
        typed(0x12, [1; 16]),
        typed(0x88, [1; 8]),
        string("text"),
        strings(&["x", "y"]),
    ] {
        chunk.record(TIME, &manifest(1, data.clone(), vec![value]));
    }
    let inner = Content::Instance(element("Inner").slot(0), vec![string("x")]);
    let user = element("UserData").slot(4);
    chunk.record(TIME, &manifest(1, user, vec![inner.fragment()]));
    let data = element("Data")
        .node(Node::Entity("lt"))
        .text("x")
        .node(Node::Char(65))
        .node(Node::CData("y"));
    chunk.record(TIME, &forwarded("5", element("EventData").child(data)));
    log(&[chunk.finish()])
}

fn main() -> Result<()> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let save = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(seeds.join(target))?;
        fs::write(seeds.join(target).join(name), bytes)
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
    let end = FILE_HEADER + used(&log);
    save("log_reader", "whole.evtx", &log)?;
    save("log_reader", "cut.evtx", log.get(..end).unwrap_or_default())?;
    for (name, log) in [("events", events()?), ("shapes", shapes())] {
        let end = FILE_HEADER + used(&log);
        let cut = log.get(..end).unwrap_or_default();
        save("log_reader", name, cut)?;
        // The first byte says how the file is made of them.
        for (how, kind) in [(0, "closed"), (3, "open"), (6, "cut")] {
            let records = cut.get(FILE_HEADER + 512..).unwrap_or_default();
            let bytes = [&[how], records].concat();
            save("chunk", &format!("{name}-{kind}"), &bytes)?;
        }
        save(
            "check",
            &format!("{name}-records"),
            &[&[64, 0], cut.get(FILE_HEADER + 512..).unwrap_or_default()].concat(),
        )?;
        save("check", &format!("{name}-file"), &[&[0], cut].concat())?;
    }
    for number in 0..12_u8 {
        // Choices without a meaning of their own; the fuzzer finds better ones.
        let bytes: Vec<u8> = (0..160 + u32::from(number) * 20)
            .map(|at| {
                (at.wrapping_add(u32::from(number) * 977)
                    .wrapping_mul(2_654_435_761)
                    >> 13) as u8
            })
            .collect();
        let with = |first: u8| [&[first], &bytes[1..]].concat();
        save("mutation", &number.to_string(), &with(number << 4))?;
        save(
            "check",
            &format!("written-{number}"),
            &[&[128], with(number << 4).as_slice()].concat(),
        )?;
        save(
            "assembler",
            &number.to_string(),
            &with(number.wrapping_mul(37) & 0xFC | number % 4),
        )?;
        save("bookmark", &format!("life-{number}"), &with(80))?;
        save("bookmark", &format!("damaged-{number}"), &with(200))?;
    }
    for (at, json) in BOOKMARKS.iter().enumerate() {
        // Of a log that begins with record 1, and has 20 in 5 chunks.
        let bytes = [&[0, 0, 4, 0, 20], json.as_bytes()].concat();
        save("bookmark", &format!("json-{at}"), &bytes)?;
    }
    for (at, text) in EXPORTS.iter().enumerate() {
        save("entra", &at.to_string(), text.as_bytes())?;
    }
    Ok(())
}
