//! The portal in a real browser: Chromium, headless.
//!
//! Needs the packages chromium and chromium-driver. `AXE` is the file `axe.min.js` of the npm package
//! axe-core; pictures of the pages are left in `target/portal-pictures`.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "it waits for processes")]

mod clocks;
#[path = "../common/mod.rs"]
mod common;
mod driver;
mod hostile;
mod keyboard;
mod pages;
mod print;
#[path = "../common/process.rs"]
mod process;
mod records;
mod reports;
mod signing;
mod site;
mod tasks;
#[path = "../common/tenant.rs"]
mod tenant;
