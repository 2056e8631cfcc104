//! query
fn main() {}
