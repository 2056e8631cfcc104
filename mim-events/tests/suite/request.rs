//! Tests of `request` through the public API.
