//! The service as a real process on loopback: what it takes, keeps, answers and refuses.
//!
//! Clocks that jump need libfaketime: where it is not, the test prints that it was not run.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "it waits for processes")]

mod access;
mod api;
mod batches;
#[cfg(target_os = "linux")]
#[path = "../../../tests/common/clock.rs"]
mod clock;
mod crash;
#[cfg(target_os = "linux")]
mod disk;
mod generated;
mod graph;
mod hostile;
mod process;
mod retention;
#[cfg(unix)]
mod stop;
mod tls;
