//! evtx
fn main() {}
