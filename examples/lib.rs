//! What the example programs share, and the README, whose code is compiled here.
#![doc = include_str!("../README.md")]
#![allow(clippy::disallowed_methods, reason = "programs read the clock")]

pub mod envelope;
pub mod exit;
pub mod files;
pub mod output;
pub mod progress;
pub mod quarantine;
pub mod sample;
pub mod time;
