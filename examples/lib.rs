//! What the example programs share, and the README, whose code is compiled here.
#![doc = include_str!("../README.md")]

pub mod exit;
pub mod files;
pub mod progress;
