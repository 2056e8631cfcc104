//! Programs that run beside a test.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use crate::common::program;

/// A process that is killed with the test.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    pub(crate) fn start(name: &'static str, arguments: &[&str]) -> Self {
        let mut command = program(name);
        let command = command.args(arguments).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let said = Arc::<Mutex<String>>::default();
        let saying = Arc::clone(&said);
        spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                writeln!(saying.lock().unwrap(), "{line}").unwrap();
            }
        });
        Self { name, child, said }
    }

    /// The first line on standard error that holds this text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let said = self.said.lock().unwrap().clone();
            if let Some(line) = said.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} {ended:?}: {said}", self.name);
            assert!(Instant::now() < deadline, "{}: {said}", self.name);
            sleep(Duration::from_millis(5));
        }
    }

    /// As SIGKILL does it: nothing is finished.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The exit code, if it ended by itself; nothing else ends it well.
    pub(crate) fn ended(&mut self) -> bool {
        let Some(status) = self.child.try_wait().unwrap() else {
            return false;
        };
        assert!(
            status.success(),
            "{} {status}: {}",
            self.name,
            self.said.lock().unwrap()
        );
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
