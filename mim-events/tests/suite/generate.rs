//! Tests of `generate` through the public API.
