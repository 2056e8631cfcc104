//! Batches.
#![forbid(unsafe_code)]
