//! Tests of `reader` through the public API.
