//! The guard of the children that the tests of the tools start; the product is its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    process::guard::run()
}
