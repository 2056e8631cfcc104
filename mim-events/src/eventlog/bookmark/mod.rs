//! Where the reading of a log stands, to go on there later.

mod anchors;
mod mark;
mod numbers;
mod place;
mod resume;
mod resumed;
mod serial;

pub use mark::Bookmark;
pub(crate) use place::Place;
pub(crate) use resume::{Position, find};
pub use resumed::{Found, Resumed};
