//! Tests of the request document.
