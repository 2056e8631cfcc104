//! What the fuzz targets ask of the event log part. Each target is one function
//! here, so that an example can hand it a file on a stable toolchain, too.

mod eventlog;
mod input;

pub use eventlog::assembler::assembler;
pub use eventlog::bookmark::bookmark;
pub use eventlog::file::{check, chunk, log_reader};
pub use eventlog::mutation::{mutated, mutation};

/// Logs that try to make their reader slow, by name.
pub fn hostile_files() -> Vec<(&'static str, Vec<u8>)> {
    eventlog::hostile::files()
}
