//! The crate through its public API.
#[cfg(feature = "sim")]
mod journal;
