//! The processes below one, found by their parents.

use process::{Identity, identity};

use crate::{LIMIT, until};

/// Returns every process below this one as it is now, parents before their children.
pub fn below(pid: i32) -> Vec<Identity> {
    let mut found = identity::children(pid);
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let children = identity::children(process.pid);
        found.extend(children);
        next += 1;
    }
    found
}

/// Waits until none of these lives.
#[track_caller]
pub fn wait_gone(what: &str, processes: &[Identity]) {
    until(&format!("{what} to be gone"), || !processes.iter().any(Identity::is_alive));
}

/// Waits until a process has ended with all its threads: a dead first thread may leave others that still hold
/// its files.
///
/// # Panics
/// If it does not end in time, or cannot be watched.
#[track_caller]
pub fn wait_ended(process: Identity) {
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let ended = waiting.block_on(process.wait_gone(LIMIT)).expect("watch a process");
    assert!(ended, "process {process} does not end");
}
