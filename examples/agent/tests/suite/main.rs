//! The agent as a real process: against a receiver that stores, refuses, is busy and goes away.
//!
//! `KILLS` is how often it is killed (3), `SEED` what the random choices follow from, `REQUESTS`
//! how many requests are uploaded in one go (1,500). Full disks need `unshare -rm`, disks that fail
//! `strace`, and clocks that jump libfaketime: where they are not, the test prints why it was not run.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "it waits for processes")]

mod cli;
mod clocks;
mod cloud;
mod common;
mod damage;
#[cfg(target_os = "linux")]
mod failing_disk;
#[cfg(target_os = "linux")]
mod full_disk;
mod kill;
mod logs;
mod secure;
mod spool;
