//! Progress on standard error, when that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over bytes that shows itself only on a terminal.
pub fn bytes(total: u64, what: &'static str) -> ProgressBar {
    bar(total, "{msg} {wide_bar} {bytes}/{total_bytes} {eta}", what)
}

/// A bar over a count that shows itself only on a terminal.
pub fn count(total: u64, what: &'static str) -> ProgressBar {
    bar(
        total,
        "{msg} {wide_bar} {human_pos}/{human_len} {eta}",
        what,
    )
}

fn bar(total: u64, template: &str, what: &'static str) -> ProgressBar {
    // A hidden target costs nothing and draws nothing; indicatif chooses it
    // itself where standard error is not a terminal.
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
