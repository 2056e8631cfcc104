//! Microsoft Graph's list of directory audits, as its clients walk it.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::generated::Month;
use super::process::{A, AUDIT, Answer, Folder, SENDER, Service, entry, seal};

const LIST: &str = "/v1.0/auditLogs/directoryAudits";

fn ids(page: &Value) -> Vec<String> {
    let value = page["value"].as_array().unwrap();
    value
        .iter()
        .map(|audit| audit["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Follows the links to the end; all pages.
fn walk(service: &Service, path: &str) -> Vec<Value> {
    let mut pages = vec![service.get(path, AUDIT).json()];
    while let Some(link) = pages.last().unwrap()["@odata.nextLink"].as_str() {
        let host = format!("http://{}", service.address);
        let next = link
            .strip_prefix(&host)
            .expect("a link to the same host")
            .to_owned();
        pages.push(service.get(&next, AUDIT).json());
        assert!(pages.len() < 10_000);
    }
    pages
}

#[test]
fn every_activity_is_on_one_page_in_order() {
    let month = Month::new(300, 41, 1, 500);
    let folder = Folder::new();
    let service = folder.start().ready();
    for frame in month.frames.iter().flatten() {
        service.frame(frame, SENDER).stored();
    }
    let stored = service.balance(AUDIT)["stored"].as_u64();
    for order in ["", "&$orderby=activityDateTime%20asc"] {
        let pages = walk(&service, &format!("{LIST}?$top=97&$count=true{order}"));
        assert!(pages.len() > 3);
        assert!(
            pages
                .iter()
                .all(|page| page["@odata.count"].as_u64() == stored)
        );
        let times: Vec<_> = pages
            .iter()
            .flat_map(|page| page["value"].as_array().unwrap())
            .map(|audit| {
                chrono::DateTime::parse_from_rfc3339(audit["activityDateTime"].as_str().unwrap())
                    .unwrap()
            })
            .collect();
        assert_eq!(Some(times.len() as u64), stored);
        assert!(times.is_sorted_by(|a, b| if order.is_empty() { a >= b } else { a <= b }));
        let shown: BTreeSet<_> = pages.iter().flat_map(ids).collect();
        let wanted: BTreeSet<_> = month
            .truth
            .values()
            .map(|activity| match activity["source"].as_str() {
                Some("entra") if activity["source_id"].is_string() => {
                    activity["source_id"].as_str().unwrap()
                }
                _ => activity["id"].as_str().unwrap(),
            })
            .map(str::to_owned)
            .collect();
        assert!(shown == wanted, "{} ids, not {}", shown.len(), wanted.len());
    }
    // $filter is what the rendering shows, and $count with it.
    let all = walk(&service, LIST);
    let audits: Vec<_> = all
        .iter()
        .flat_map(|page| page["value"].as_array().unwrap())
        .collect();
    for (filter, is) in [
        (
            "result%20eq%20'failure'",
            (|audit| audit["result"] == "failure") as fn(&Value) -> bool,
        ),
        ("loggedByService%20eq%20'MIM%20Service'", |audit| {
            audit["loggedByService"] == "MIM Service"
        }),
        ("category+eq+'GroupManagement'", |audit| {
            audit["category"] == "GroupManagement"
        }),
    ] {
        let wanted = audits.iter().filter(|audit| is(audit)).count();
        assert!(wanted > 0);
        let page = service
            .get(
                &format!("{LIST}?$filter={filter}&$count=true&$top=1"),
                AUDIT,
            )
            .json();
        assert_eq!(
            page["@odata.count"].as_u64(),
            Some(wanted as u64),
            "{filter}"
        );
        let found: usize = walk(&service, &format!("{LIST}?$top=50&$filter={filter}"))
            .iter()
            .map(|page| ids(page).len())
            .sum();
        assert_eq!(found, wanted, "{filter}");
    }
}

#[test]
fn options_errors_and_headers_are_those_that_clients_know() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let now = chrono::Utc::now();
    let texts = [
        entry("Directory 1/2", now),
        entry("b", now),
        entry("c", now),
    ];
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    service
        .frame(&seal(A, Uuid::now_v7(), 1, &texts), SENDER)
        .stored();

    let one = service
        .get(&format!("{LIST}/Directory%201%2F2"), AUDIT)
        .json();
    assert_eq!(one["id"], "Directory 1/2");
    assert_eq!(
        one["initiatedBy"]["user"]["userPrincipalName"],
        "ines@contoso.test"
    );
    assert!(
        one["@odata.context"]
            .as_str()
            .unwrap()
            .ends_with("/v1.0/$metadata#auditLogs/directoryAudits/$entity")
    );
    assert_eq!(
        ids(&service
            .get("/v1.0/auditlogs/directoryaudits?$top=5000", AUDIT)
            .json())
        .len(),
        3
    );
    let beta = service
        .get("/beta/auditLogs/directoryAudits?top=1", AUDIT)
        .json();
    assert_eq!(
        (ids(&beta).len(), beta["value"][0]["userAgent"].is_null()),
        (1, true)
    );
    let selected = service
        .get(&format!("{LIST}?$select=id,Category"), AUDIT)
        .json();
    let selected: BTreeSet<_> = selected["value"][0].as_object().unwrap().keys().collect();
    assert!(selected.into_iter().eq(["category", "id"]));

    let error = |answer: &Answer| {
        let error = &answer.json()["error"];
        assert!(
            error["innerError"]["request-id"].is_string()
                && error["innerError"]["date"].is_string()
        );
        (
            answer.status,
            error["code"].as_str().unwrap().to_owned(),
            error["message"].as_str().unwrap().to_owned(),
        )
    };
    for (query, code, said) in [
        (
            "$filter=colour%20eq%20'red'",
            "BadRequest",
            "Could not find a property named 'colour'",
        ),
        ("$filter=id%20eq", "BadRequest", "Invalid filter clause"),
        ("$orderby=id", "BadRequest", "Invalid $orderby clause"),
        ("$top=0", "BadRequest", "$top"),
        ("$top=x", "BadRequest", "$top"),
        ("$skip=1", "BadRequest", "'$skip' is not supported"),
        ("$expand=x", "BadRequest", "not supported"),
        ("$search=x", "BadRequest", "not supported"),
        (
            "$select=colour",
            "BadRequest",
            "Could not find a property named 'colour'",
        ),
        ("$count=maybe", "BadRequest", "$count"),
        ("$top=1&$top=2", "BadRequest", "more than once"),
        ("$skiptoken=x", "UnknownError", "Invalid Skip Token"),
        ("colour=red", "BadRequest", "unknown query option"),
    ] {
        let (status, found, message) = error(&service.get(&format!("{LIST}?{query}"), AUDIT));
        assert_eq!((status, found.as_str()), (400, code), "{query}");
        assert!(message.contains(said), "{query}: {message}");
    }
    assert_eq!(
        error(&service.get(&format!("{LIST}/none"), AUDIT)).1,
        "ResourceNotFound"
    );
    assert_eq!(error(&service.get("/v1.0/auditLogs/signIns", AUDIT)).0, 404);
    let post = super::process::authorized(http::Request::post(LIST), AUDIT);
    let refused = service.send(post.body(b"{}".to_vec()).unwrap());
    assert_eq!(error(&refused).0, 405);
    assert_eq!(refused.headers["allow"], "GET, HEAD");
    let head = super::process::authorized(http::Request::head(LIST), AUDIT);
    let head = service.send(head.body(Vec::new()).unwrap());
    assert_eq!((head.status, head.body.len()), (200, 0));
    // A token is of the query that gave it.
    let first = service.get(&format!("{LIST}?$top=1"), AUDIT).json();
    let link = first["@odata.nextLink"].as_str().unwrap();
    let token = link.split_once("skiptoken=").unwrap().1;
    let other = service.get(
        &format!("{LIST}?$top=1&$filter=id%20eq%20'b'&$skiptoken={token}"),
        AUDIT,
    );
    assert_eq!(error(&other).1, "UnknownError");

    let id = Uuid::new_v4().to_string();
    let get = super::process::authorized(http::Request::get(LIST), AUDIT)
        .header("client-request-id", &id);
    let answer = service.send(get.body(Vec::new()).unwrap());
    assert_eq!(answer.headers["client-request-id"], id.as_str());
    assert!(answer.headers.contains_key("request-id"));
    assert!(
        answer.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/json;odata.metadata=minimal")
    );
}
