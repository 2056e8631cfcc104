//! The portal in a real browser: Chromium, headless.
//!
//! Needs the packages chromium and chromium-driver. `AXE` is the file `axe.min.js` of the npm package
//! axe-core; pictures of the pages are left in `target/portal-pictures`.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "it waits for processes")]

#[path = "../common/mod.rs"]
mod common;
mod driver;
mod pages;
#[path = "../common/process.rs"]
mod process;

use self::process::Process;

/// The demo: a tenant with a month of invented activity, open on this machine.
pub(crate) fn demo() -> (Process, String) {
    let mut service = Process::start(
        "service",
        &["--listen", "127.0.0.1:0", "--requests", "1500"],
    );
    let line = service.wait_for("listening at http://");
    let (_, address) = line.split_once("listening at ").unwrap();
    (service, address.trim_end_matches('/').to_owned())
}
