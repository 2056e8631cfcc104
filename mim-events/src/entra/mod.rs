//! entra
mod json;
mod scan;
mod window;
