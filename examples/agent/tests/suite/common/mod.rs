//! What all tests need: a server, a receiver, the agent as a process, logs.

#[cfg(target_os = "linux")]
#[path = "../../../../tests/common/clock.rs"]
pub(crate) mod clock;
#[cfg(target_os = "linux")]
#[path = "../../../../tests/common/disk.rs"]
pub(crate) mod disk;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod process;
pub(crate) mod receiver;
#[cfg(target_os = "linux")]
pub(crate) mod strace;

use std::time::{Duration, Instant};

/// Waits until it is so, for a generous time.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(
            started.elapsed() < Duration::from_secs(240),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().unwrap())
}
