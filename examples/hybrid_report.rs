//! hybrid_report
fn main() {}
