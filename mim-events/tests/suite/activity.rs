//! Tests of `activity` through the public API.
