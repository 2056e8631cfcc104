//! Writes the log that the target `mutation` makes of an input, for a look at a finding:
//! `cargo run --example mutated -- INPUT OUTPUT.evtx`.

use std::io::{Error, Result};

fn main() -> Result<()> {
    let mut paths = std::env::args_os().skip(1);
    let (Some(input), Some(output)) = (paths.next(), paths.next()) else {
        return Err(Error::other("give an input and an output"));
    };
    let input = std::fs::read(input)?;
    std::fs::write(output, mim_events_fuzz::mutated(&input))
}
