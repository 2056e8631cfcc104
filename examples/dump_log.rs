//! dump_log
fn main() {}
