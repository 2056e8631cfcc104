//! What the example programs share, and the README, whose code is compiled here.

pub mod exit;
pub mod files;
pub mod progress;
pub mod time;
