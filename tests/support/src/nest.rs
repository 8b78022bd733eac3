//! Parent and subreaper of one test's processes.
fn main() {}
