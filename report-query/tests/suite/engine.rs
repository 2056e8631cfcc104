//! Tests of `engine` through the public API.
