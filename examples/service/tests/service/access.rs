//! Who may not, gets nothing: the right status, nothing stored, nothing told.

use chrono::Utc;
use http::Request;
use ingest_protocol::Outcome;
use serde_json::json;
use uuid::Uuid;

use super::process::{
    A, AUDIT, B, BOARD, Folder, OTHER, OTHER_SENDER, RAW, SENDER, Service, entry, seal, sign,
};

const READ: [&str; 8] = [
    "/v1/reports",
    "/v1/reports/audit-log",
    "/v1/activities/11111111-0000-4000-8000-000000000001",
    "/v1/activities/11111111-0000-4000-8000-000000000001/raw",
    "/v1/quarantine",
    "/v1/quarantine/raw",
    "/v1/agents",
    "/metrics",
];

#[track_caller]
fn nothing_is_stored(service: &Service) {
    for token in [AUDIT, OTHER] {
        assert_eq!(service.balance(token)["batches"], 0);
    }
}

#[test]
fn who_is_not_known_gets_401_and_leaves_nothing() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let frame = seal(A, Uuid::now_v7(), 1, &[&entry("1", Utc::now())]);
    for token in [
        "",
        "wrong-token-0123456789",
        AUDIT,
        &SENDER[1..],
        &SENDER.to_uppercase(),
    ] {
        let answer = service.frame(&frame, token);
        assert_eq!(
            answer.problem(),
            (401, "unauthenticated".to_owned()),
            "{token}"
        );
        assert_eq!(answer.json()["action"], "reauth");
    }
    assert_eq!(service.get("/v1/limits", "").status, 200);
    assert_eq!(service.get("/v1/limits", SENDER).status, 200);
    assert_eq!(
        service.get("/v1/limits", "wrong-token-0123456789").status,
        401
    );
    assert!(service.get("/v1/limits", "").headers.contains_key("date"));
    // Readers that are refused are counted as senders are.
    let refused = || {
        let text = service.get("/metrics", AUDIT).text().to_owned();
        let name = "service_unauthenticated_total ";
        let mut counts = text.lines().filter_map(|line| line.strip_prefix(name));
        counts.next().unwrap().parse::<u64>().unwrap()
    };
    let before = refused();
    assert_eq!(service.get("/v1/reports", "").status, 401);
    assert_eq!(
        service.get("/v1.0/auditLogs/directoryAudits", "").status,
        401
    );
    assert_eq!(refused(), before + 2);
    for token in ["", "wrong-token-0123456789", SENDER] {
        for path in READ {
            let answer = service.get(path, token);
            assert_eq!(
                answer.problem(),
                (401, "unauthenticated".to_owned()),
                "{path}"
            );
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
        let graph = service.get("/v1.0/auditLogs/directoryAudits", token);
        assert_eq!(graph.status, 401);
        assert_eq!(graph.json()["error"]["code"], "InvalidAuthenticationToken");
        assert_eq!(
            service
                .query(&json!({"version": 1, "stages": []}), token)
                .status,
            401
        );
    }
    // People are shown the way to sign in, and back.
    let page = service.get("/log?result=failure", "");
    assert_eq!(
        (page.status, page.headers["location"].to_str().unwrap()),
        (303, "/signin?next=%2Flog%3Fresult%3Dfailure")
    );
    let basic = Request::get("/v1/reports").header("Authorization", format!("Basic {AUDIT}"));
    assert_eq!(service.send(basic.body(Vec::new()).unwrap()).status, 401);
    nothing_is_stored(&service);
}

#[test]
fn one_tenants_keys_do_nothing_at_another() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let text = entry("1", Utc::now());
    let stream = Uuid::now_v7();
    let refused = |frame: &[u8], token: &str| service.frame(frame, token).problem();
    assert_eq!(
        refused(&seal(A, stream, 1, &[&text]), OTHER_SENDER),
        (403, "wrong_audience".to_owned())
    );
    assert_eq!(
        refused(&seal(B, stream, 1, &[&text]), SENDER),
        (403, "wrong_audience".to_owned())
    );
    // The key is A's; B does not know it.
    assert_eq!(
        refused(&sign(B, stream, 1, &[&text]), ""),
        (403, "unknown_key".to_owned())
    );
    nothing_is_stored(&service);

    service
        .frame(&seal(A, stream, 1, &[&text]), SENDER)
        .stored();
    let found = service.get("/v1.0/auditLogs/directoryAudits/1", AUDIT);
    assert_eq!(
        (
            found.status,
            service
                .get("/v1.0/auditLogs/directoryAudits/1", OTHER)
                .status
        ),
        (200, 404)
    );
    assert_eq!(service.balance(OTHER)["batches"], 0);
}

#[test]
fn a_stream_belongs_to_who_began_it() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let (text, stream) = (entry("1", Utc::now()), Uuid::now_v7());
    service
        .frame(&seal(A, stream, 1, &[&text]), SENDER)
        .stored();
    let refused = service.frame(&sign(A, stream, 2, &[&text]), "");
    assert_eq!(refused.problem(), (403, "forbidden".to_owned()));
    // Not even what comes next is told.
    assert!(refused.json().get("next_seq").is_none());
    service.kill();
    let service = folder.start().ready();
    assert_eq!(service.frame(&sign(A, stream, 2, &[&text]), "").status, 403);
    service
        .frame(&seal(A, stream, 2, &[&text]), SENDER)
        .stored();
    assert_eq!(service.balance(AUDIT)["batches"], 2);
}

#[test]
fn what_was_replayed_or_changed_counts_for_nothing() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let (text, stream) = (entry("1", Utc::now()), Uuid::now_v7());
    let signed = sign(A, stream, 1, &[&text]);
    // Every changed byte is noticed: by a checksum, and by the MAC where checksums were made anew.
    for at in [4, 20, 40, 100, signed.len() - 60, signed.len() - 1] {
        let mut changed = signed.clone();
        changed[at] ^= 1;
        let answer = service.frame(&changed, "");
        assert!(
            (400..500).contains(&answer.status),
            "{at}: {}",
            answer.status
        );
        assert!(!answer.text().contains("Ines"), "{}", answer.text());
    }
    let mut other_key = signed.clone();
    let length = other_key.len();
    other_key[length - 40] ^= 1; // in the key's name
    assert_eq!(service.frame(&other_key, "").status, 403);
    let mut forged = seal(A, stream, 1, &[&text]);
    forged.extend_from_slice(&signed[length - 48..]);
    assert!(
        (400..500).contains(&service.frame(&forged, "").status),
        "a trailer that is not announced"
    );
    for cut in [0, 1, 95, 96, length / 2, length - 1] {
        assert!((400..500).contains(&service.frame(&signed[..cut], "").status));
        assert!((400..500).contains(&service.frame(&signed[..cut], SENDER).status));
    }
    nothing_is_stored(&service);

    assert_eq!(
        service.frame(&signed, "").ack().outcome(),
        Outcome::Committed
    );
    for _ in 0..3 {
        assert_eq!(
            service.frame(&signed, "").ack().outcome(),
            Outcome::Duplicate
        );
    }
    let balance = service.balance(AUDIT);
    assert_eq!(
        (balance["batches"].as_u64(), balance["stored"].as_u64()),
        (Some(1), Some(1))
    );
    assert_eq!(
        service.frame(&sign(A, stream, 9, &[&text]), "").problem().1,
        "gap"
    );
    assert_eq!(
        service
            .frame(&sign(A, stream, 1, &[&text, &text]), "")
            .problem()
            .1,
        "fork"
    );
}

#[test]
fn without_the_right_nobody_is_named_and_nothing_raw_is_shown() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let text = entry("1", Utc::now());
    service
        .frame(&seal(A, Uuid::now_v7(), 1, &[&text, "{"]), SENDER)
        .stored();
    let list = "/v1.0/auditLogs/directoryAudits";
    let whole = service.get(list, AUDIT).json();
    assert_eq!(
        whole["value"][0]["initiatedBy"]["user"]["displayName"],
        "Ines Marchetti"
    );
    let all = json!({"version": 1, "stages": []});
    let id = service.query(&all, AUDIT).rows()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();

    let names = [
        "Ines",
        "ines@",
        "Tomasz",
        "tomasz@",
        "Marchetti",
        "Wilk",
        "11111111-0000",
        "22222222-0000",
    ];
    for token in [BOARD, RAW] {
        let mut shown = vec![
            service.query(&all, token).text().to_owned(),
            service.get(list, token).text().to_owned(),
            service.get(&format!("{list}/1"), token).text().to_owned(),
            service
                .get(&format!("/v1/activities/{id}"), token)
                .text()
                .to_owned(),
            service.get("/v1/quarantine", token).text().to_owned(),
            service.get("/v1/agents", token).text().to_owned(),
        ];
        for report in ["audit-log", "self-service-groups", "password-reset"] {
            for format in ["json", "csv", "ndjson"] {
                let answer = service.get(&format!("/v1/reports/{report}?format={format}"), token);
                assert_eq!(answer.status, 200);
                shown.push(answer.text().to_owned());
            }
        }
        for text in &shown {
            for name in names {
                assert!(!text.contains(name), "{name} in {text}");
            }
        }
        assert!(
            shown[0].contains("Person ") && shown[0].contains("Lab Access"),
            "{}",
            shown[0]
        );
        // Nor is a name found by looking for it; counts stay.
        let search = service.get("/v1/reports/audit-log?search=Ines", token);
        assert_eq!(
            (
                search.rows().len(),
                service
                    .get("/v1/reports/audit-log?search=Ines", AUDIT)
                    .rows()
                    .len()
            ),
            (0, 1)
        );
        let filter =
            format!("{list}?$filter=startswith(initiatedBy/user/userPrincipalName,'ines')");
        assert_eq!(service.get(&filter, token).json()["value"], json!([]));
        assert_eq!(
            service.get(&filter, AUDIT).json()["value"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert_eq!(service.query(&all, token).rows().len(), 1);
        for path in [
            format!("/v1/activities/{id}/raw"),
            "/v1/quarantine/raw".into(),
            "/v1/readers".into(),
        ] {
            assert_eq!(
                service.get(&path, token).problem(),
                (403, "forbidden".to_owned()),
                "{path}"
            );
        }
    }
    assert_eq!(
        service
            .get(&format!("/v1/activities/{id}/raw"), AUDIT)
            .text(),
        text
    );

    // Who read is written down, and stays after a crash.
    service.kill();
    let service = folder.start().ready();
    let trail = service.get("/v1/readers", AUDIT).json();
    let trail = trail["readers"].as_array().unwrap();
    let has = |reader: &str, what: &str| {
        trail
            .iter()
            .any(|e| e["reader"] == reader && e["what"] == what)
    };
    assert!(
        has("audit", "raw document") && has("board", "report") && has("raw", "query"),
        "{trail:?}"
    );
}

#[test]
fn pages_of_other_sites_change_nothing() {
    let folder = Folder::new();
    let service = folder.start().ready();
    let host = service.address.clone();
    let post = |path: &str, headers: &[(&str, &str)]| {
        let mut request = super::process::authorized(Request::post(path), AUDIT);
        request = request.header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body =
            br#"{"version":1,"stages":[{"group":{"by":[],"aggregate":[{"count":[],"as":"n"}]}}]}"#;
        service.send(request.body(body.to_vec()).unwrap()).status
    };
    let own = format!("http://{host}");
    for (headers, refused) in [
        (vec![("Sec-Fetch-Site", "cross-site")], true),
        (vec![("Sec-Fetch-Site", "same-site")], true),
        (vec![("Sec-Fetch-Site", "none")], true),
        (vec![("Origin", "https://evil.example")], true),
        (vec![("Origin", "null")], true),
        (vec![("Cookie", "__Host-session=00")], true),
        (vec![("Sec-Fetch-Site", "same-origin")], false),
        (vec![("Origin", own.as_str())], false),
        (vec![], false),
    ] {
        for path in ["/v1/query", "/signin", "/signout"] {
            let is = post(path, &headers) == 403;
            assert_eq!(is, refused, "{path} {headers:?}");
        }
    }
    let headers = service.get("/v1/reports", AUDIT).headers;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "private, no-store"),
    ] {
        assert_eq!(headers[name], value);
    }
    assert!(
        headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none';")
    );
    assert!(
        headers.contains_key("permissions-policy")
            && !headers.contains_key("access-control-allow-origin")
    );
    assert!(
        service
            .get("/metrics", AUDIT)
            .text()
            .contains("service_cross_site_total 1")
    );
}

#[test]
fn the_open_demo_answers_this_machine_alone() {
    let service = Service::start(&["--empty", "--listen", "127.0.0.1:0"]).ready();
    assert_eq!(service.get("/v1/reports", "").status, 200);
    assert_eq!(
        service.get("/v1/reports", "wrong-token-0123456789").status,
        401
    );
    for host in ["evil.example", "localhost.evil.example"] {
        let foreign = Request::get("/v1/reports").header("Host", host);
        assert_eq!(
            service.send(foreign.body(Vec::new()).unwrap()).status,
            401,
            "{host}"
        );
    }
    // Its sender's token is told; nobody sends without it.
    let said = service.said();
    let (_, token) = said.split_once("send with the token ").unwrap();
    let token = token.split(' ').next().unwrap();
    let tenant = "6f1d2c3b-4a59-4e8f-9b70-112233445566".parse().unwrap();
    let frame = seal(tenant, Uuid::now_v7(), 1, &[&entry("1", Utc::now())]);
    assert_eq!(service.frame(&frame, "").status, 401);
    service.frame(&frame, token).stored();
    assert_eq!(service.get("/v1/reports/audit-log", "").rows().len(), 1);
}
