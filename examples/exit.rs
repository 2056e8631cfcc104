//! How the programs end: 0 done, 1 an input could not be used, 2 usage.

use std::io;
use std::process::ExitCode;

use clap::Command;
use clap::error::ErrorKind;

/// Runs a program's work; an error goes to standard error with its causes.
///
/// A reader that went away (`| head`) ends the program quietly.
pub fn run(work: impl FnOnce() -> anyhow::Result<ExitCode>) -> ExitCode {
    match work() {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Ends the program with exit code 2 and the usage.
pub fn usage(mut command: Command, message: impl std::fmt::Display) -> ! {
    command.error(ErrorKind::InvalidValue, message).exit()
}
