//! Programs that run beside a test.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use crate::common::program;

/// A process that is killed with the test.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    pub(crate) fn start(name: &'static str, arguments: &[&str]) -> (Self, String) {
        let mut command = program(name);
        let command = command.args(arguments).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        errors.read_line(&mut first).unwrap();
        let said = Arc::new(Mutex::new(first.clone()));
        let saying = Arc::clone(&said);
        spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                writeln!(saying.lock().unwrap(), "{line}").unwrap();
            }
        });
        (Self { name, child, said }, first)
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
