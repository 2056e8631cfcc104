//! Tests of `entra` through the public API.
