//! Tests of `message` through the public API.
