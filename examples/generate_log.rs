//! generate_log
fn main() {}
