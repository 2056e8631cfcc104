//! The cloud side: entries of Entra's audit log from files or from Microsoft Graph.

mod ask;
mod chunk;
mod files;
mod mark;
mod page;
mod walk;

pub(crate) use files::{FileMark, read_files};
pub(crate) use mark::WalkMark;
pub(crate) use walk::{NO_CLOUD, poll};
