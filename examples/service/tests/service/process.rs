//! A service that runs: its folder, its configuration, requests to it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use http::{HeaderMap, Request};
use ingest_protocol::frame::{Limits, MacKey, Record, Sealer, Stamp};
use ingest_protocol::{Ack, Audience, Outcome, StreamId};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const A: Audience = Audience(Uuid::from_u128(0xA));
pub(crate) const B: Audience = Audience(Uuid::from_u128(0xB));
pub(crate) const KEY_ID: Uuid = Uuid::from_u128(0x0190_a0a0_0000_7000_8000_0000_0000_0001);
pub(crate) const KEY: [u8; 32] = [0x0b; 32];
/// Tokens: who sends to A and B, who reads A with all rights, with none, with `raw` alone, and B.
pub(crate) const SENDER: &str = "sender-of-a-0123456789";
pub(crate) const OTHER_SENDER: &str = "sender-of-b-0123456789";
pub(crate) const AUDIT: &str = "reader-audit-0123456789";
pub(crate) const BOARD: &str = "reader-board-0123456789";
pub(crate) const RAW: &str = "reader-raw-0123456789";
pub(crate) const OTHER: &str = "reader-of-b-0123456789";

/// Deadline of whatever is waited for; nothing is asserted about time.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut is: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < PATIENCE, "{what} never happened");
        sleep(Duration::from_millis(20));
    }
}

/// The example of this name. Cargo builds the examples beside the tests.
pub(crate) fn program() -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    path.push(format!("service{}", std::env::consts::EXE_SUFFIX));
    Command::new(path)
}

/// A configuration with two tenants in a folder of its own.
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self::with("", "")
    }

    /// With more lines at the beginning, and in the first tenant.
    pub(crate) fn with(more: &str, more_of_a: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secrets = [
            ("a", SENDER),
            ("b", OTHER_SENDER),
            ("audit", AUDIT),
            ("board", BOARD),
            ("raw", RAW),
            ("other", OTHER),
        ];
        for (name, secret) in secrets {
            std::fs::write(folder.path().join(name), format!("{secret}\n")).unwrap();
        }
        let key = KEY.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        });
        std::fs::write(folder.path().join("key"), key).unwrap();
        let reader = |name: &str, rights: &str| {
            format!(
                "[[tenants.readers]]\nname = \"{name}\"\ntoken_file = \"{name}\"\nrights = [{rights}]\n"
            )
        };
        let config = format!(
            "data = \"data\"\nlisten = \"127.0.0.1:0\"\n{more}\n\
             [[tenants]]\nname = \"A\"\nid = \"{A}\"\n{more_of_a}\n\
             [[tenants.senders]]\nname = \"mim-01\"\ntoken_file = \"a\"\n\
             [[tenants.senders]]\nname = \"cloud\"\nhmac_key_file = \"key\"\nkey_id = \"{KEY_ID}\"\n{}{}{}\
             [[tenants]]\nname = \"B\"\nid = \"{B}\"\n\
             [[tenants.senders]]\nname = \"b\"\ntoken_file = \"b\"\n{}",
            reader("audit", "\"raw\", \"persons\""),
            reader("board", ""),
            reader("raw", "\"raw\""),
            reader("other", "\"raw\", \"persons\""),
        );
        std::fs::write(folder.path().join("service.toml"), config).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of tenant A's journal.
    pub(crate) fn journal(&self) -> PathBuf {
        self.path("data").join(A.to_string()).join("journal")
    }

    /// Changes the configuration.
    pub(crate) fn configure(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(self.config(), text.replacen(from, to, 1)).unwrap();
    }

    pub(crate) fn config(&self) -> String {
        self.path("service.toml").to_str().unwrap().to_owned()
    }

    pub(crate) fn start(&self) -> Service {
        Service::start(&["--config", &self.config()])
    }

    /// With one more option.
    pub(crate) fn start_with(&self, option: &str) -> Service {
        Service::start(&["--config", &self.config(), option])
    }
}

/// A process that is killed with the test.
pub(crate) struct Service {
    child: Mutex<Child>,
    said: Arc<Mutex<String>>,
    pub(crate) address: String,
    agent: ureq::Agent,
}

impl Service {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(Vec::new(), arguments)
    }

    /// The same with these variables in its environment.
    pub(crate) fn start_in(environment: Vec<(&str, String)>, arguments: &[&str]) -> Self {
        let mut command = program();
        let mut child = command
            .args(arguments)
            .envs(environment)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let from = said.len();
            let count = errors.read_line(&mut said).unwrap();
            assert!(count > 0, "it ended: {said}");
            if let Some((_, address)) = said[from..].split_once("listening at http") {
                let address = address.trim_start_matches('s').trim_start_matches("://");
                break address.trim().trim_end_matches('/').to_owned();
            }
        };
        let said = Arc::new(Mutex::new(said));
        let saying = Arc::clone(&said);
        spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                writeln!(saying.lock().unwrap(), "{line}").unwrap();
            }
        });
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // A refused body ends its connection; the next request has its own.
            .max_idle_connections(0)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        Self {
            child: Mutex::new(child),
            said,
            address,
            agent,
        }
    }

    /// The same when the journal was read.
    pub(crate) fn ready(self) -> Self {
        wait_for("readiness", || self.get("/readyz", "").status == 200);
        self
    }

    /// What it wrote to standard error.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// As SIGKILL does it: nothing is finished.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to end, as a service manager does.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        let id = self.child.lock().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end; the exit code.
    pub(crate) fn ended(&self) -> (Option<i32>, String) {
        let mut code = None;
        wait_for("its end", || {
            code = self.child.lock().unwrap().try_wait().unwrap();
            code.is_some()
        });
        (code.and_then(|status| status.code()), self.said())
    }

    pub(crate) fn try_send(&self, request: Request<Vec<u8>>) -> Result<Answer, ureq::Error> {
        let (mut parts, body) = request.into_parts();
        let uri = format!("http://{}{}", self.address, parts.uri);
        parts.uri = uri.parse().unwrap();
        let response = match parts.method.as_str() {
            "GET" | "HEAD" => self.agent.run(Request::from_parts(parts, ()))?,
            _ => self.agent.run(Request::from_parts(parts, body))?,
        };
        let (parts, mut body) = response.into_parts();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.with_config().limit(1 << 30).read_to_vec()?,
        })
    }

    #[track_caller]
    pub(crate) fn send(&self, request: Request<Vec<u8>>) -> Answer {
        self.try_send(request).unwrap()
    }

    /// A GET with a token, or without one.
    #[track_caller]
    pub(crate) fn get(&self, path: &str, token: &str) -> Answer {
        self.send(
            authorized(Request::get(path), token)
                .body(Vec::new())
                .unwrap(),
        )
    }

    #[track_caller]
    pub(crate) fn query(&self, query: &Value, token: &str) -> Answer {
        let post = authorized(Request::post("/v1/query"), token);
        let post = post.header("Content-Type", "application/json");
        self.send(post.body(query.to_string().into()).unwrap())
    }

    /// Posts a frame with a token, or without one.
    #[track_caller]
    pub(crate) fn frame(&self, frame: &[u8], token: &str) -> Answer {
        self.send(frame_request(frame, token))
    }

    /// Posts lines with a token and a key.
    #[track_caller]
    pub(crate) fn lines(&self, lines: &str, key: Option<Uuid>) -> Answer {
        let post = authorized(Request::post("/v1/batches"), SENDER);
        let mut post = post.header("Content-Type", "application/x-ndjson");
        if let Some(key) = key {
            post = post.header("Idempotency-Key", key.to_string());
        }
        self.send(post.body(lines.as_bytes().to_vec()).unwrap())
    }

    /// A gauge or counter of tenant A.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics", AUDIT);
        let start = format!("{name}{{tenant=\"{A}\"}} ");
        let found = text
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(&start));
        found.unwrap().parse().unwrap()
    }

    /// A tenant's balance.
    #[track_caller]
    pub(crate) fn balance(&self, token: &str) -> Value {
        self.get("/v1/agents", token).json()["balance"].clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

pub(crate) fn authorized(request: http::request::Builder, token: &str) -> http::request::Builder {
    match token {
        "" => request,
        token => request.header("Authorization", format!("Bearer {token}")),
    }
}

pub(crate) fn frame_request(frame: &[u8], token: &str) -> Request<Vec<u8>> {
    let post = authorized(Request::post("/v1/batches"), token);
    let post = post.header("Content-Type", ingest_protocol::http::FRAME_TYPE);
    post.body(frame.to_vec()).unwrap()
}

/// What came back.
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
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{} {}", self.status, self.text()))
    }

    #[track_caller]
    pub(crate) fn ack(&self) -> Ack {
        assert_eq!(self.status, 200, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The batch was stored now.
    #[track_caller]
    pub(crate) fn stored(&self) {
        assert_eq!(self.ack().outcome(), Outcome::Committed);
    }

    /// The rows of a result.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.json()["rows"].as_array().unwrap().clone()
    }

    /// Status and code of a problem.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let code = self.json()["code"].as_str().unwrap_or_default().to_owned();
        (self.status, code)
    }
}

/// A frame of payloads.
pub(crate) fn seal(tenant: Audience, stream: Uuid, first: u64, payloads: &[&str]) -> Vec<u8> {
    sealed(
        Sealer::new(Limits::default()),
        tenant,
        stream,
        first,
        payloads,
    )
}

/// The same with the MAC of the `cloud` sender.
pub(crate) fn sign(tenant: Audience, stream: Uuid, first: u64, payloads: &[&str]) -> Vec<u8> {
    let key = MacKey::new(KEY_ID.into(), &KEY);
    sealed(
        Sealer::new(Limits::default()).with_mac(key),
        tenant,
        stream,
        first,
        payloads,
    )
}

fn sealed(
    mut sealer: Sealer,
    tenant: Audience,
    stream: Uuid,
    first: u64,
    payloads: &[&str],
) -> Vec<u8> {
    let records: Vec<_> = payloads
        .iter()
        .map(|text| Record::new((*text).to_owned()))
        .collect();
    let stamp = Stamp::new(tenant, StreamId(stream), first);
    sealer.seal(&stamp, &records).unwrap().to_vec()
}

/// An audit entry of a moment, by its id.
pub(crate) fn entry(id: &str, time: chrono::DateTime<chrono::Utc>) -> String {
    let time = time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    serde_json::json!({
        "id": id, "activityDateTime": time, "activityDisplayName": "Add member to group",
        "category": "GroupManagement", "result": "success", "loggedByService": "Core Directory",
        "initiatedBy": {"user": {"id": "11111111-0000-4000-8000-000000000001",
            "displayName": "Ines Marchetti", "userPrincipalName": "ines@contoso.test"}},
        "targetResources": [
            {"id": "22222222-0000-4000-8000-000000000002", "type": "User", "displayName": "Tomasz Wilk",
             "userPrincipalName": "tomasz@contoso.test"},
            {"id": "3", "type": "Group", "displayName": "Lab Access"}],
    })
    .to_string()
}

/// All that files in a folder hold.
pub(crate) fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        // A file may go while this looks.
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap_or_default());
    }
    bytes
}
