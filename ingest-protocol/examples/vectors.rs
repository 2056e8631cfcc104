//! Writes the test vectors of the specification: `cargo run -p ingest-protocol
//! --all-features --example vectors NAME > ingest-protocol/tests/vectors/NAME.json`, of which
//! NAME is `frames` or `decisions`. They change only where the protocol does.

#[path = "../tests/suite/vectors/decisions.rs"]
mod decisions;
#[path = "../tests/suite/vectors/file.rs"]
mod file;
#[path = "../tests/suite/vectors/make.rs"]
mod make;
#[path = "../tests/suite/vectors/repair.rs"]
mod repair;

use repair::{repair_body, repair_header};

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("frames") => println!("{}", serde_json::to_string_pretty(&make::vectors())?),
        Some("decisions") => println!("{}", decisions::text(&decisions::sequences())),
        _ => return Err("which vectors: frames or decisions?".into()),
    }
    Ok(())
}
