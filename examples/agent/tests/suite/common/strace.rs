//! A disk of which syncs fail, really as far as a process sees: `strace` answers in the kernel's place.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::Agent;

/// Which syncs of the process fail, and with what.
#[derive(Clone, Debug)]
pub(crate) struct FailingDisk {
    log: PathBuf,
    inject: String,
}

impl FailingDisk {
    /// `when` as `strace` has it: `5+` is each from the fifth on, `5+7` each seventh. `None`, with the reason
    /// printed, where that can't be had. What fails is listed in a file at `log`.
    pub(crate) fn new(log: &Path, error: &str, when: &str) -> Option<Self> {
        let disk = Self {
            log: log.to_owned(),
            inject: format!("inject=fsync,fdatasync:error={error}:when={when}"),
        };
        let mut tried = disk.before(&mut Command::new("true"));
        match tried.output() {
            Ok(output) if output.status.success() => Some(disk),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                println!("not run: strace can't be used here: {why}");
                None
            }
            Err(error) => {
                println!("not run: strace: {error}");
                None
            }
        }
    }

    /// The command on this disk. The process that is started is its own: who traces it is a child's child.
    pub(crate) fn before(&self, command: &mut Command) -> Command {
        let mut traced = Command::new("strace");
        traced
            .args(["-D", "-f", "-I", "anywhere", "-qq", "-e", "signal=none"])
            .args(["-e", "trace=fsync,fdatasync", "-e", &self.inject, "-o"])
            .arg(&self.log)
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            traced.env(name, value.unwrap_or_default());
        }
        traced
    }

    /// How many syncs failed.
    pub(crate) fn failed(&self) -> usize {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.matches("(INJECTED)").count()
    }

    /// From now on the disk is good.
    pub(crate) fn mend(agent: &Agent) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", agent.id())).unwrap();
        let tracer = status
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"))
            .unwrap()
            .trim();
        assert_ne!(tracer, "0");
        let ended = Command::new("kill").args(["-TERM", tracer]).status();
        assert!(ended.unwrap().success());
    }
}
