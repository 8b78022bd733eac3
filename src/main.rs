//! Entry of the `modelscan` program.
fn main() {}
