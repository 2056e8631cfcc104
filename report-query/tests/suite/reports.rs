//! Tests of `reports` through the public API.
