//! entra
mod json;
mod record;
mod scan;
mod shape;
mod window;
mod wrappers;
