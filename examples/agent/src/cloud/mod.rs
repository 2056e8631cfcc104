//! The cloud side: entries of Entra's audit log from files or from Microsoft Graph.

mod ask;
mod chunk;
mod files;
mod page;
mod walk;

pub(crate) use files::{FileMark, read_files};
pub(crate) use walk::{NO_CLOUD, WalkMark, poll};
