//! The agent as a real process: against a receiver that stores, refuses, is busy and goes away.
//!
//! `KILLS` is how often it is killed (3), `SEED` what the random choices follow from, `REQUESTS`
//! how many requests are uploaded in one go (1,500).
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "it waits for processes")]

mod cli;
mod cloud;
mod common;
mod damage;
mod kill;
mod logs;
mod secure;
mod spool;
