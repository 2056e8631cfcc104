//! Reports, queries and what is wrong with them.

use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use super::generated::Month;
use super::process::{A, AUDIT, BOARD, Folder, SENDER, entry, program, seal};

#[test]
fn reports_have_formats_and_parameters_and_agree() {
    let month = Month::new(600, 31, 1, 500);
    let folder = Folder::new();
    let service = folder.start().ready();
    for frame in month.frames.iter().flatten() {
        service.frame(frame, SENDER).stored();
    }
    let list = service.get("/v1/reports", AUDIT).json();
    let names: Vec<_> = list["reports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|report| report["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "password-reset",
            "password-reset-registration",
            "self-service-groups",
            "audit-log"
        ]
    );
    for name in names {
        let path = format!("/v1/reports/{name}?from=2000-01-01");
        let rows = service.get(&path, AUDIT).rows();
        assert!(!rows.is_empty(), "{name}");
        let ndjson = service.get(&format!("{path}&format=ndjson"), AUDIT);
        let lines: Vec<Value> = ndjson
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, rows);
        let csv = service.get(&format!("{path}&format=csv"), AUDIT);
        assert!(
            csv.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/csv")
        );
        let disposition = format!("attachment; filename=\"{name}.csv\"");
        assert_eq!(
            csv.headers["content-disposition"].to_str().unwrap(),
            disposition
        );
        assert_eq!(csv.headers["content-security-policy"], "sandbox");
        assert!(csv.text().matches("\r\n").count() > rows.len());
        // Counts are the same for who sees no names.
        assert_eq!(service.get(&path, BOARD).rows().len(), rows.len(), "{name}");
    }
    let rows = |parameters: &str| {
        service
            .get(&format!("/v1/reports/audit-log?{parameters}"), AUDIT)
            .rows()
            .len()
    };
    let (all, mim, entra) = (
        rows("from=2000-01-01"),
        rows("from=2000-01-01&source=MIM"),
        rows("from=2000-01-01&source=Entra+ID"),
    );
    assert!(mim > 0 && entra > 0 && mim + entra == all);
    let count = json!({"version": 1, "stages": [{"group": {"by": [], "aggregate": [{"count": [], "as": "n"}]}}]});
    let counted = service.query(&count, AUDIT).rows()[0]["n"].as_u64();
    assert_eq!(counted, service.balance(AUDIT)["stored"].as_u64());
    assert_eq!(
        service.query(&count, BOARD).rows()[0]["n"].as_u64(),
        counted
    );
}

#[test]
fn what_is_wrong_is_a_problem_with_its_place() {
    let folder = Folder::with("[limits]\nquery_groups = 1", "");
    let service = folder.start().ready();
    let now = Utc::now();
    service
        .frame(
            &seal(A, Uuid::now_v7(), 1, &[&entry("1", now), &entry("2", now)]),
            SENDER,
        )
        .stored();
    for path in [
        "/v1/reports?x=1",
        "/v1/reports/audit-log?colour=red",
        "/v1/reports/audit-log?from=2026-01-01&from=2026-01-02",
        "/v1/reports/audit-log?from=soon",
        "/v1/reports/audit-log?source=Mars",
        "/v1/reports/audit-log?format=xml",
        "/v1/activities/7",
        "/v1/quarantine?limit=0",
        "/v1/quarantine?limit=10001",
        "/v1/agents?a=b",
    ] {
        assert_eq!(service.get(path, AUDIT).problem().0, 400, "{path}");
    }
    for path in [
        "/v1/reports/none",
        "/v1/activities/11111111-0000-4000-8000-000000000001",
        "/v1/nothing",
    ] {
        assert_eq!(
            service.get(path, AUDIT).problem(),
            (404, "not_found".to_owned()),
            "{path}"
        );
    }
    let wrong =
        json!({"version": 1, "stages": [{"limit": 1}, {"filter": {"eq": [{"col": "actr"}, "x"]}}]});
    let answer = service.query(&wrong, AUDIT);
    assert_eq!(answer.problem(), (400, "invalid_query".to_owned()));
    assert!(
        answer.json()["pointer"]
            .as_str()
            .unwrap()
            .starts_with("stages[1]"),
        "{}",
        answer.text()
    );
    let groups = json!({"version": 1, "stages": [{"group": {"by": [{"col": "id"}], "aggregate": [{"count": [], "as": "n"}]}}]});
    assert_eq!(
        service.query(&groups, AUDIT).problem(),
        (400, "limit_exceeded".to_owned())
    );
    let typeless = super::process::authorized(http::Request::post("/v1/query"), AUDIT);
    assert_eq!(
        service
            .send(typeless.body(b"{}".to_vec()).unwrap())
            .problem()
            .0,
        415
    );
    let delete = super::process::authorized(http::Request::delete("/v1/reports"), AUDIT);
    assert_eq!(
        service.send(delete.body(Vec::new()).unwrap()).problem().0,
        405
    );
    let document = service.get("/v1/openapi.json", "").json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(!service.said().contains("panicked"), "{}", service.said());
}

#[test]
fn exit_codes_and_what_a_configuration_means() {
    let folder = Folder::new();
    let run = |arguments: &[&str]| {
        let output = program().args(arguments).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap(),
        )
    };
    let config = folder.config();
    let (code, said) = run(&["--config", &config, "--check"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("tenant A: 2 senders, 3 readers") && said.contains("all 7 secrets"),
        "{said}"
    );
    assert!(!folder.path("data").exists(), "a check writes nothing");
    let (code, help) = run(&["--help"]);
    assert!(code == Some(0) && help.contains("Exit codes") && help.contains("Idempotency-Key"));

    std::fs::write(folder.path("a"), "short").unwrap();
    let (code, said) = run(&["--config", &config]);
    assert!(
        code == Some(2) && said.contains("tenant A, sender mim-01") && !said.contains("short\n"),
        "{said}"
    );
    std::fs::write(folder.path("a"), super::process::AUDIT).unwrap();
    let (code, said) = run(&["--config", &config]);
    assert!(
        code == Some(2) && said.contains("someone else has the same token"),
        "{said}"
    );
    std::fs::write(folder.path("a"), SENDER).unwrap();
    for (line, word) in [
        ("colour = 1", "colour"),
        ("retention_days = 0", "retention_days"),
    ] {
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(folder.path("wrong.toml"), format!("{line}\n{text}")).unwrap();
        let (code, said) = run(&["--config", folder.path("wrong.toml").to_str().unwrap()]);
        assert!(code == Some(2) && said.contains(word), "{said}");
    }
    assert_eq!(
        run(&["--config", folder.path("none").to_str().unwrap()]).0,
        Some(2)
    );
    assert_eq!(run(&["--no-such"]).0, Some(2));

    // Two processes never share a folder; one address is for one.
    let service = folder.start().ready();
    let (code, said) = run(&["--config", &config]);
    assert!(code == Some(1) && said.contains("journal"), "{said}");
    let (code, said) = run(&["--empty", "--listen", &service.address]);
    assert!(
        code == Some(1) && said.contains("nobody can listen"),
        "{said}"
    );
}
