//! entra
mod json;
