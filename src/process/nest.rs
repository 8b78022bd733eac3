//! A parent for tests: runs one command, adopts whatever it leaves behind, names and kills it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};
use rustix::process::{Signal, WaitOptions, kill_process, wait};

use crate::identity;
use crate::table::{self, Stat};

/// The pause between two looks at what is still leaving.
const PAUSE: Duration = Duration::from_millis(2);

/// One process that outlived the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survivor {
    /// Its process id.
    pub pid: i32,
    /// Its command line, or its name in brackets.
    pub command: String,
}

/// How the command ended and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nested {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What still lived after `grace`; it was killed.
    pub survivors: Vec<Survivor>,
}

/// Runs a command with this process's streams and environment, and is the subreaper of all of it.
///
/// What is on its way out when the command ends has `grace` to go. Returns when no descendant
/// is left.
///
/// # Errors
/// The command cannot be executed, or the system refuses.
pub fn run(program: &OsStr, args: &[OsString], grace: Duration) -> io::Result<Nested> {
    identity::set_subreaper()?;
    #[expect(clippy::disallowed_methods, reason = "this is the tests' own parent of processes")]
    let child = std::process::Command::new(program).args(args).spawn()?;
    let main = i32::try_from(child.id()).unwrap_or_default();
    let status = loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get() == main => break status,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    let until = Instant::now() + grace;
    let mut survivors = BTreeMap::new();
    while !none_left() {
        if Instant::now() >= until {
            kill_below(&mut survivors);
        }
        let pause = Timespec::try_from(PAUSE).ok();
        let _interrupted = poll(&mut [], pause.as_ref());
    }
    Ok(Nested {
        code: status.exit_status(),
        signal: status.terminating_signal(),
        survivors: survivors.into_iter().map(|(pid, command)| Survivor { pid, command }).collect(),
    })
}

/// Reaps what has ended; whether the system says that no child is left.
fn none_left() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return false,
            Err(error) => return error == rustix::io::Errno::CHILD,
        }
    }
}

fn kill_below(survivors: &mut BTreeMap<i32, String>) {
    let this = i32::try_from(std::process::id()).unwrap_or_default();
    for stat in table::descendants(this) {
        if !stat.is_dead() {
            survivors.entry(stat.pid).or_insert_with(|| described(&stat));
        }
    }
    for pid in table::children(this) {
        // Only this process reaps its children, so a living one is still there to be described.
        let living = Stat::read(pid).filter(|stat| !stat.is_dead());
        if let (Some(stat), Some(raw)) = (living, table::raw(pid)) {
            survivors.entry(pid).or_insert_with(|| described(&stat));
            let _gone = kill_process(raw, Signal::KILL);
        }
    }
}

fn described(stat: &Stat) -> String {
    let line = table::command_line(stat.pid);
    if line.is_empty() {
        return format!("[{}]", stat.name);
    }
    let words: Vec<_> = line.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
