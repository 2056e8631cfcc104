//! The property tests' own statements about logs, and files to make them about.

pub(crate) mod assembler;
pub(crate) mod bookmark;
#[path = "../../../tests/suite/eventlog/claims.rs"]
pub(crate) mod claims;
mod fields;
pub(crate) mod file;
#[allow(dead_code)]
#[path = "../../../tests/suite/eventlog/fixture.rs"]
pub(crate) mod fixture;
#[path = "../../../tests/suite/eventlog/hostile/files.rs"]
pub(crate) mod hostile;
#[path = "../../../tests/suite/eventlog/kinds.rs"]
pub(crate) mod kinds;
pub(crate) mod mutation;
mod written;
