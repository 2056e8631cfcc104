//! Integration tests, through the public API.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod answer;
mod frame;
mod golden;
mod hostile;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "sim")]
mod journal;
mod memory;
#[cfg(feature = "sim")]
mod model;
#[cfg(feature = "sim")]
mod random;
mod receiver;
mod sender;
mod vectors;
