//! What the fuzz targets ask of the protocol. Each target is one function here, so
//! that an example can hand it a file on a stable toolchain, too.

mod frame;
mod http;
mod input;
mod journal;
mod machines;

pub use frame::frame;
pub use http::{ndjson, problem};
pub use journal::journal;
pub use machines::machines;
