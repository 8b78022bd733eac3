//! The program: branches off what is no command, reads the environment once, and ends with an exit code.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use modelscan::config::Environment;
use modelscan::{cli, serve};

/// The exit code of a bug of ours.
const EXIT_INTERNAL: u8 = 70;

fn main() -> ExitCode {
    // First of all: a guard has no configuration, no runtime and no logger.
    if process::guard::requested(std::env::args_os()) {
        return process::guard::run();
    }
    let args: Vec<OsString> = std::env::args_os().collect();
    if serve::host::requested(args.get(1..).unwrap_or_default()) {
        return ExitCode::from(serve::host::run_detached(&args[1..]));
    }
    let command = || cli::run(&Environment::of_process(), args);
    // The panic itself was told on stderr; what is left is the contract's exit code.
    let code = catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|_| {
        eprintln!("hint: this is a bug in modelscan: please report it with these lines");
        EXIT_INTERNAL
    });
    ExitCode::from(code)
}
