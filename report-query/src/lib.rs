//! Query.
#![forbid(unsafe_code)]
