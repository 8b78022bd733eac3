//! Parent and subreaper of one test's processes: runs a program, then names and ends whatever of it still
//! lives. Exits like the program, or with 86 if something was left.

#![allow(clippy::disallowed_methods, reason = "the whole program is one process of a test")]

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

/// How long what is on its way out may take: a machine under load.
const GRACE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("nest: which program?");
        return ExitCode::from(2);
    };
    let arguments: Vec<OsString> = arguments.collect();
    match process::nest::run(&program, &arguments, GRACE) {
        Ok(nested) if nested.survivors.is_empty() => match (nested.code, nested.signal) {
            (Some(code), _) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
            (None, signal) => {
                eprintln!("nest: the test was ended by signal {signal:?}");
                ExitCode::from(1)
            }
        },
        Ok(nested) => {
            for survivor in nested.survivors {
                eprintln!("nest: still alive after the test: {} {}", survivor.pid, survivor.command);
            }
            ExitCode::from(86)
        }
        Err(error) => {
            eprintln!("nest: {error}");
            ExitCode::from(2)
        }
    }
}
