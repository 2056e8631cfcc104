//! What all tests of the programs need.

use std::path::PathBuf;
use std::process::Command;

/// The example of this name. Cargo builds the examples beside the tests.
pub(crate) fn program(name: &str) -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    path.push(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    Command::new(path)
}
