//! Tests of `results` through the public API.
