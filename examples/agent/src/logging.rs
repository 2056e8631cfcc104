//! The program's own log, to standard error.

use std::io::IsTerminal as _;

use tracing::Level;

use crate::config::{LogFormat, LogLevel, Logging};

/// Begins to log. Called once.
pub(crate) fn begin(logging: &Logging) {
    let level = match logging.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match logging.format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().flatten_event(true).with_target(false).init(),
    }
}
