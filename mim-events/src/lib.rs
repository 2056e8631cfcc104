//! Events.
#![deny(unsafe_code)]

pub mod activity;
pub mod entra;
pub mod eventlog;
#[cfg(feature = "generate")]
pub mod generate;
pub mod message;
pub mod request;

mod error;
pub mod text;
pub mod time;

pub use error::{Error, ErrorKind, Result};
