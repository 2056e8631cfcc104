//! Writes the test vectors of the specification: `cargo run -p ingest-protocol
//! --all-features --example vectors > ingest-protocol/tests/vectors/frames.json`.
//! They change only where the protocol does.

#[path = "../tests/suite/vectors/file.rs"]
mod file;
#[path = "../tests/suite/vectors/make.rs"]
mod make;
#[path = "../tests/suite/vectors/repair.rs"]
mod repair;

use repair::{repair_body, repair_header};

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", serde_json::to_string_pretty(&make::vectors())?);
    Ok(())
}
