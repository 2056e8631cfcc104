//! A service that runs, filled with a generated month, and requests to it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::{HeaderMap, Request};
use mim_events::generate::{Generator, Item, Options};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const SENDER: &str = "sender-of-a-0123456789";
/// Reads all of A, A without names and documents, and B.
pub(crate) const AUDIT: &str = "reader-audit-0123456789";
pub(crate) const BOARD: &str = "reader-board-0123456789";
pub(crate) const OTHER: &str = "reader-of-b-0123456789";

const CONFIG: &str = r#"
data = "data"
listen = "127.0.0.1:0"
time_zone = "Europe/Berlin"
[[tenants]]
name = "Harbor"
id = "00000000-0000-0000-0000-00000000000a"
[[tenants.senders]]
name = "mim-01"
token_file = "sender"
[[tenants.readers]]
name = "audit"
token_file = "audit"
rights = ["raw", "persons"]
[[tenants.readers]]
name = "board"
token_file = "board"
[[tenants]]
name = "Other"
id = "00000000-0000-0000-0000-00000000000b"
[[tenants.readers]]
name = "other"
token_file = "other"
rights = ["raw", "persons"]
"#;

/// Deadline of whatever is waited for; nothing is asserted about time.
const PATIENCE: Duration = Duration::from_secs(180);

/// A process that is killed with the test.
pub(crate) struct Service {
    child: Mutex<Child>,
    pub(crate) address: String,
    agent: ureq::Agent,
    _folder: TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .unwrap_or_else(|| panic!("no header {name}: {self:?}"))
            .to_str()
            .unwrap()
    }
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// With more in its configuration, before all of its tables.
    pub(crate) fn start_with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secrets = [
            ("sender", SENDER),
            ("audit", AUDIT),
            ("board", BOARD),
            ("other", OTHER),
        ];
        for (name, secret) in secrets {
            std::fs::write(folder.path().join(name), secret).unwrap();
        }
        let config = folder.path().join("service.toml");
        std::fs::write(&config, format!("{more}{CONFIG}")).unwrap();
        let mut path: PathBuf = std::env::current_exe().unwrap();
        path.pop();
        path.pop();
        path.push("examples");
        path.push(format!("service{}", std::env::consts::EXE_SUFFIX));
        let mut child = Command::new(path)
            .arg("--config")
            .arg(&config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let from = said.len();
            assert!(errors.read_line(&mut said).unwrap() > 0, "it ended: {said}");
            if let Some((_, address)) = said[from..].split_once("listening at http://") {
                break address.trim().trim_end_matches('/').to_owned();
            }
        };
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || errors.lines().map_while(Result::ok).for_each(drop));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        let service = Self {
            child: Mutex::new(child),
            address,
            agent,
            _folder: folder,
        };
        let started = Instant::now();
        while service.get_as("/readyz", "").status != 200 {
            assert!(started.elapsed() < PATIENCE, "it is never ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        service
    }

    /// As SIGKILL does it.
    pub(crate) fn kill(&self) {
        self.child.lock().unwrap().kill().unwrap();
    }

    /// KiB in memory now; 0 where the system does not tell.
    pub(crate) fn resident(&self) -> u64 {
        let id = self.child.lock().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.map_or(0, |number| number.parse().unwrap())
    }

    /// A service that holds a generated month and what nobody should be called.
    pub(crate) fn filled(requests: u64) -> Self {
        let service = Self::start();
        service.fill(requests);
        service
    }

    pub(crate) fn fill(&self, requests: u64) {
        self.post_lines(&month(requests));
    }

    pub(crate) fn post_lines(&self, documents: &[String]) {
        for part in documents.chunks(500) {
            let post = Request::post("/v1/batches")
                .header("Authorization", format!("Bearer {SENDER}"))
                .header("Content-Type", "application/x-ndjson")
                .header("Idempotency-Key", Uuid::now_v7().to_string());
            let answer = self.send(post.body((part.join("\n") + "\n").into_bytes()).unwrap());
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }

    pub(crate) fn send(&self, request: Request<Vec<u8>>) -> Answer {
        let (mut parts, body) = request.into_parts();
        let uri = format!("http://{}{}", self.address, parts.uri);
        parts.uri = uri.parse().unwrap();
        let response = match parts.method.as_str() {
            "GET" => self.agent.run(Request::from_parts(parts, ())),
            _ => self.agent.run(Request::from_parts(parts, body)),
        };
        let (parts, mut body) = response.unwrap().into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.with_config().limit(1 << 30).read_to_vec().unwrap(),
        }
    }

    pub(crate) fn get_as(&self, path: &str, token: &str) -> Answer {
        let mut get = Request::get(path);
        if !token.is_empty() {
            get = get.header("Authorization", format!("Bearer {token}"));
        }
        self.send(get.body(Vec::new()).unwrap())
    }

    /// As a browser follows a link: to where it is sent, if it is sent somewhere.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        let mut path = path.to_owned();
        for _ in 0..4 {
            let answer = self.get_as(&path, AUDIT);
            if answer.status != 303 {
                return answer;
            }
            answer.header("location").clone_into(&mut path);
        }
        panic!("{path} never ends");
    }

    #[track_caller]
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text().to_owned()
    }

    /// A form of our own page.
    pub(crate) fn post(&self, path: &str, fields: &[(&str, &str)], cookie: Option<&str>) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let mut post = Request::post(path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Sec-Fetch-Site", "same-origin");
        post = match cookie {
            Some(cookie) => post.header("Cookie", cookie),
            None => post.header("Authorization", format!("Bearer {AUDIT}")),
        };
        self.send(post.body(body.finish().into_bytes()).unwrap())
    }

    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        let post = Request::post("/v1/query")
            .header("Authorization", format!("Bearer {AUDIT}"))
            .header("Content-Type", "application/json");
        let answer = self.send(post.body(query.as_bytes().to_vec()).unwrap());
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        answer["rows"].as_array().unwrap().clone()
    }
}

/// Documents of both sources, of the month up to now.
fn month(requests: u64) -> Vec<String> {
    let now = Utc::now();
    let options = Options::new(11)
        .requests(requests)
        .start(now - TimeDelta::days(29))
        .days(29);
    Generator::new(&options)
        .take_while(|step| step.time < now)
        .filter_map(|step| match step.item {
            Item::Request(document) => Some(document.json.replace(['\n', '\r'], " ")),
            Item::Cloud(record) => Some(record.json.replace(['\n', '\r'], " ")),
            _ => None,
        })
        .collect()
}

/// A cloud record about somebody of any name.
pub(crate) fn entry(id: &str, at: DateTime<Utc>, actor: &str, group: &str, reason: &str) -> String {
    let user = json!({"id": Uuid::new_v5(&Uuid::NAMESPACE_URL, actor.as_bytes()), "displayName": actor,
        "userPrincipalName": "somebody@harbor.example", "ipAddress": "192.0.2.7"});
    json!({
        "id": id,
        "category": "GroupManagement",
        "correlationId": Uuid::new_v5(&Uuid::NAMESPACE_URL, id.as_bytes()),
        "result": "failure",
        "resultReason": reason,
        "activityDisplayName": "Add member to group",
        "activityDateTime": at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "loggedByService": "Core Directory",
        "operationType": "Assign",
        "initiatedBy": {"user": user, "app": null},
        "targetResources": [
            {"id": user["id"], "displayName": actor, "type": "User", "userPrincipalName": "somebody@harbor.example",
             "modifiedProperties": [{"displayName": "Group.DisplayName", "oldValue": null, "newValue": Value::from(group).to_string()}]},
            {"id": Uuid::new_v5(&Uuid::NAMESPACE_URL, group.as_bytes()), "displayName": group, "type": "Group", "modifiedProperties": []}
        ],
        "additionalDetails": [{"key": "Note", "value": reason}]
    })
    .to_string()
}
