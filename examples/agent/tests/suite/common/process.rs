//! The agent as a process, and its configuration.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use super::receiver::{TENANT, TOKEN};
#[cfg(target_os = "linux")]
use super::strace::FailingDisk;
use super::{http, wait_until};

/// The program. Cargo builds the examples beside the tests.
pub(crate) fn program() -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    path.push(format!("agent{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new(path);
    // An agent uses no proxy that it was not told of.
    for name in [
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "ALL_PROXY",
        "HTTPS_PROXY",
    ] {
        command.env(name, "http://127.0.0.1:9");
    }
    command
}

/// Writes a configuration with one log, and what else it is to hold.
pub(crate) fn configure(folder: &Path, url: &str, more: &str) -> PathBuf {
    std::fs::write(folder.join("token"), format!("{TOKEN}\n")).unwrap();
    let text = format!(
        "tenant = \"{TENANT}\"\nurl = \"{url}\"\nstate = \"state\"\n{more}\n\
         [key]\ntoken_file = \"token\"\n[[logs]]\npath = \"requests.evtx\"\n"
    );
    let path = folder.join("agent.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// A process that is killed with the test.
pub(crate) struct Agent {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Agent {
    /// One that tries again at once, whatever fails.
    pub(crate) fn start(config: &Path, arguments: &[&str]) -> Self {
        Self::begin(config, &[arguments, &["--impatient"]].concat(), Vec::new())
    }

    /// One with what it is given, and no more.
    pub(crate) fn begin(
        config: &Path,
        arguments: &[&str],
        environment: Vec<(&str, String)>,
    ) -> Self {
        let mut command = program();
        command.args(arguments).arg("--config").arg(config);
        command.envs(environment);
        Self::run(command)
    }

    /// One that tries again at once, on a disk of which syncs fail.
    #[cfg(target_os = "linux")]
    pub(crate) fn start_on(disk: &FailingDisk, config: &Path, arguments: &[&str]) -> Self {
        let mut command = program();
        command.args(arguments).arg("--impatient");
        command.arg("--config").arg(config);
        Self::run(disk.before(&mut command))
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let said = Arc::new(Mutex::new(String::new()));
        let saying = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                let mut said = saying.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self { child, said }
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// As SIGKILL does it: nothing is finished.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends `-TERM` or `-INT`.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(status.success());
    }

    /// The exit code, when it has ended by itself.
    pub(crate) fn code(&mut self) -> i32 {
        let mut status = None;
        wait_until("the agent ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status
            .unwrap()
            .code()
            .unwrap_or_else(|| panic!("{status:?}: {}", self.said()))
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The metrics, once the agent serves them.
    pub(crate) fn metrics(&self) -> Metrics {
        let (status, text) = self.get("metrics");
        assert_eq!(status, 200);
        Metrics { text }
    }

    /// A page of the agent's, once it serves them.
    pub(crate) fn get(&self, page: &str) -> (u16, String) {
        let mut url = None;
        wait_until("the agent says where its metrics are", || {
            let said = self.said();
            let at = said.find("http://127.0.0.1:");
            let rest = at.map(|at| said[at..].to_owned());
            url = rest.and_then(|rest| Some(rest.split_once("/metrics")?.0.to_owned()));
            url.is_some()
        });
        http::get(&format!("{}/{page}", url.unwrap())).unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the agent said:\n{}", self.said());
        }
    }
}

/// Runs a command to its end.
pub(crate) fn output(config: &Path, arguments: &[&str]) -> Output {
    let mut command = program();
    command.args(arguments).arg("--config").arg(config);
    command.output().unwrap()
}

pub(crate) struct Metrics {
    text: String,
}

impl Metrics {
    pub(crate) fn get(&self, name: &str) -> u64 {
        self.signed(name).try_into().unwrap()
    }

    pub(crate) fn signed(&self, name: &str) -> i64 {
        let line = self
            .text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("hybrid_agent_{name} ")));
        line.unwrap_or_else(|| panic!("{name} in {}", self.text))
            .parse()
            .unwrap()
    }

    /// Whether what was read is what became of it.
    pub(crate) fn is_even(&self) -> bool {
        let terms = [
            "acknowledged_total",
            "quarantined_total{by=\"service\"}",
            "quarantined_total{by=\"agent\"}",
            "incomplete_total",
            "lost_total{where=\"log\"}",
            "lost_total{where=\"spool\"}",
            "spooled",
        ];
        let sum: u64 = terms.iter().map(|name| self.get(name)).sum();
        self.get("read_total") == sum
    }
}

/// The balance of a stream as `agent status` tells it, with the agent running or not.
pub(crate) fn balance(config: &Path, stream: &str) -> Balance {
    let output = output(config, &["status", "--json"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = all.as_array().unwrap();
    let one = all.iter().find(|one| one["stream"] == stream).unwrap();
    let balance = &one["status"]["balance"];
    let get = |name: &str| balance[name].as_u64().unwrap();
    let balance = Balance {
        read: get("read"),
        acknowledged: get("acknowledged"),
        by_service: get("quarantined_by_service"),
        by_agent: get("quarantined_by_agent"),
        incomplete: get("incomplete"),
        lost: get("lost_by_log"),
        lost_in_spool: get("lost_in_spool"),
        spooled: get("spooled"),
        duplicates: get("duplicates"),
    };
    let Balance {
        read,
        acknowledged,
        by_service,
        by_agent,
        incomplete,
        lost,
        lost_in_spool,
        spooled,
        ..
    } = balance;
    let sum = acknowledged + by_service + by_agent + incomplete + lost + lost_in_spool + spooled;
    assert_eq!(read, sum, "{balance:?}");
    balance
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) read: u64,
    pub(crate) acknowledged: u64,
    pub(crate) by_service: u64,
    pub(crate) by_agent: u64,
    pub(crate) incomplete: u64,
    pub(crate) lost: u64,
    pub(crate) lost_in_spool: u64,
    pub(crate) spooled: u64,
    pub(crate) duplicates: u64,
}
