//! Agent and service as real processes, with a bad network between them: what the service answers is
//! the truth about the logs, whatever is killed, and nothing is missing in the balance.
//!
//! `REQUESTS` is how many are logged (2,000), `KILLS` how often one of the two is killed (3),
//! `SEED` what the random choices follow from.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "it waits for processes")]

mod common;
#[path = "common/network.rs"]
mod network;
#[path = "common/process.rs"]
mod process;
#[path = "common/tenant.rs"]
mod tenant;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use mim_events::activity::Activity;
use serde_json::{Value, json};

use self::common::program;
use self::network::{Network, Random};
use self::process::Process;
use self::tenant::{READER, TENANT, configure};

fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().unwrap())
}

/// A folder with a generated log, its cloud file, the truth, and both configurations.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new(requests: u64, seed: u64) -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let start = (Utc::now() - TimeDelta::days(26))
            .format("%Y-%m-%d")
            .to_string();
        let generate = program("generate_log")
            .args([
                "--requests",
                &requests.to_string(),
                "--seed",
                &seed.to_string(),
            ])
            .args(["--start", &start])
            .args([
                "--evtx",
                &site.text("mim.evtx"),
                "--cloud",
                &site.text("cloud.json"),
            ])
            .args(["--truth", &site.text("truth.ndjson")])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&generate.stderr);
        assert!(generate.status.success(), "{errors}");
        configure(site.folder.path()).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The agent's configuration, once it is known where it sends to.
    fn agent_sends_to(&self, to: SocketAddr) {
        self.write(
            "agent.toml",
            &format!(
                r#"
tenant = "{TENANT}"
url = "http://{to}"
state = "state"
[key]
token_file = "sender.token"
[[logs]]
path = "mim.evtx"
[spool]
batch = 100
[http]
timeout = "5s"
"#
            ),
        );
    }

    fn service(&self, network: &Network) -> (Process, SocketAddr) {
        let mut process = Process::start("service", &["--config", &self.text("service.toml")]);
        let line = process.wait_for("listening at http://");
        let (_, address) = line.split_once("http://").unwrap();
        let address: SocketAddr = address.trim_end_matches('/').parse().unwrap();
        network.lead_to(Some(address));
        (process, address)
    }

    fn agent(&self) -> Process {
        let config = self.text("agent.toml");
        let pace = ["--interval", "1s", "--impatient"];
        Process::start(
            "agent",
            &[&["run", "--config", &config], &pace[..]].concat(),
        )
    }

    fn cloud(&self) -> Process {
        let (config, file) = (self.text("agent.toml"), self.text("cloud.json"));
        let what = [
            "cloud",
            "--config",
            &config,
            "--once",
            "--impatient",
            "--file",
            &file,
        ];
        Process::start("agent", &what)
    }

    /// What the agent says of itself, for each of its streams: whatever was read is somewhere.
    fn balances(&self) -> Vec<Value> {
        let status = program("agent")
            .args(["status", "--json", "--config", &self.text("agent.toml")])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&status.stderr);
        assert!(status.status.success(), "{errors}");
        let streams: Vec<Value> = serde_json::from_slice(&status.stdout).unwrap();
        let balances = streams
            .into_iter()
            .map(|mut stream| stream["status"]["balance"].take());
        let balances: Vec<Value> = balances.filter(|balance| !balance.is_null()).collect();
        for balance in &balances {
            let term = |name: &str| balance[name].as_u64().unwrap_or_else(|| panic!("{name}"));
            let there: u64 = TERMS.into_iter().map(term).sum();
            assert_eq!(term("read"), there, "{balance}");
        }
        balances
    }
}

/// Where what was read can be.
const TERMS: [&str; 7] = [
    "acknowledged",
    "quarantined_by_service",
    "quarantined_by_agent",
    "incomplete",
    "lost_by_log",
    "lost_in_spool",
    "spooled",
];

/// The rows of a query.
fn query(service: SocketAddr, query: &Value) -> Vec<Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent
        .post(format!("http://{service}/v1/query?format=ndjson"))
        .header("Authorization", &format!("Bearer {READER}"))
        .send_json(query)
        .unwrap();
    let body = answer.body_mut().with_config().limit(1 << 32);
    let text = body.read_to_string().unwrap();
    assert_eq!(answer.status(), 200, "{text}");
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// Every activity that the service has, each in its latest state, by time and id.
fn activities(service: SocketAddr) -> Vec<Activity> {
    let columns = ["time", "id", "status_rank", "document"];
    let keys: Vec<Value> = columns.iter().map(|name| json!({"col": name})).collect();
    let rows = query(
        service,
        &json!({"version": 1, "stages": [
            {"select": keys},
            {"sort": [{"asc": {"col": "status_rank"}}, {"asc": {"col": "time"}}]},
        ]}),
    );
    let mut latest = BTreeMap::new();
    for row in rows {
        let activity: Activity = serde_json::from_str(row["document"].as_str().unwrap()).unwrap();
        latest.insert(activity.id, activity);
    }
    let mut activities: Vec<Activity> = latest.into_values().collect();
    activities.sort_by_key(|activity| (activity.time, activity.id));
    activities
}

fn truth(file: &Path) -> Vec<Activity> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[track_caller]
fn assert_same(found: &[Activity], wanted: &[Activity]) {
    let differs = found
        .iter()
        .zip(wanted)
        .find(|(found, wanted)| found != wanted);
    assert_eq!(differs, None);
    assert_eq!(found.len(), wanted.len());
}

#[test]
fn what_is_reported_is_what_was_logged_whatever_is_killed_and_lost() {
    let (requests, kills, seed) = (
        number("REQUESTS", 2_000),
        number("KILLS", 3),
        number("SEED", 1),
    );
    let site = Site::new(requests, seed);
    let random = Random::new(seed);
    let network = Network::new(random.clone());
    site.agent_sends_to(network.start());
    let (mut service, mut address) = site.service(&network);
    let mut agent = site.agent();
    let mut cloud = site.cloud();

    for kill in 0..kills {
        sleep(Duration::from_millis(random.below(1_500)));
        match kill % 3 {
            0 => {
                agent.kill();
                site.balances();
                agent = site.agent();
            }
            1 => {
                service.kill();
                network.lead_to(None);
                (service, address) = site.service(&network);
            }
            _ => {
                cloud.kill();
                site.balances();
                cloud = site.cloud();
            }
        }
    }
    let deadline = Instant::now() + Duration::from_secs(300);
    while !cloud.ended() {
        assert!(Instant::now() < deadline, "{:?}", network.counts());
        sleep(Duration::from_millis(50));
    }
    // What the agent has read is acknowledged when it ends by itself.
    agent.kill();
    let last = program("agent")
        .args([
            "run",
            "--config",
            &site.text("agent.toml"),
            "--once",
            "--impatient",
        ])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&last.stderr);
    assert!(last.status.success(), "{errors}");

    let wanted = truth(&site.path("truth.ndjson"));
    assert!(wanted.len() as u64 > requests);
    assert_same(&activities(address), &wanted);
    let balances = site.balances();
    assert_eq!(balances.len(), 2, "{balances:?}");
    for balance in balances {
        assert_eq!(balance["read"], balance["acknowledged"], "{balance}");
        assert!(balance["read"].as_u64() > Some(0), "{balance}");
    }

    // A service that starts again reads the same from its journal.
    service.kill();
    let (_service, address) = site.service(&network);
    wait_until_ready(address);
    assert_same(&activities(address), &wanted);
    let counts = network.counts();
    let faults = [
        &counts.dropped,
        &counts.delayed,
        &counts.duplicated,
        &counts.cut,
        &counts.unanswered,
    ];
    let faults: u64 = faults
        .map(|count| count.load(Ordering::Relaxed))
        .iter()
        .sum();
    assert!(faults > 0, "{counts:?}");
}

fn wait_until_ready(service: SocketAddr) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while ureq::get(format!("http://{service}/readyz"))
        .call()
        .is_err()
    {
        assert!(Instant::now() < deadline, "the journal is not read");
        sleep(Duration::from_millis(20));
    }
}
