//! Who is at the other end of a socket: its user, its process, and whether it runs below a guard.

use std::ffi::OsStr;
use std::io;

use tokio::net::UnixStream;

use crate::guard::WORD;
use crate::table;

/// The process at the other end of a Unix socket as it was when it connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its process; `None` if the system cannot name it here.
    pub pid: Option<i32>,
    /// Its user.
    pub uid: u32,
}

/// Where a process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No parent of it is a guard: a person, an editor, a script.
    Free,
    /// It descends from this guard, or from this host itself after a guard's death.
    BelowGuard(i32),
    /// It is gone or cannot be looked at: trust it no further than one below a guard.
    Unknown,
}

impl Standing {
    /// Whether it may do what only a person may.
    #[must_use]
    pub fn is_free(self) -> bool {
        self == Self::Free
    }
}

/// Returns who is at the other end.
///
/// # Errors
/// The socket is broken.
pub fn of(socket: &UnixStream) -> io::Result<Peer> {
    let found = socket.peer_cred()?;
    Ok(Peer { pid: found.pid().filter(|&pid| pid > 0), uid: found.uid() })
}

/// As [`of`], for a blocking socket.
///
/// # Errors
/// The socket is broken.
pub fn of_blocking(socket: &std::os::unix::net::UnixStream) -> io::Result<Peer> {
    let found = rustix::net::sockopt::socket_peercred(socket)?;
    Ok(Peer { pid: Some(found.pid.as_raw_nonzero().get()).filter(|&pid| pid > 0), uid: found.uid.as_raw() })
}

/// Returns the user of the calling process.
#[must_use]
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Returns where a process stands, by its parents in the process tree.
///
/// Variables play no part: a child can change its own, but neither its parents nor a guard's
/// executable and argument. Orphans below a guard stay below it, since a guard adopts them.
#[must_use]
pub fn standing(pid: i32) -> Standing {
    let this = i32::try_from(std::process::id()).unwrap_or_default();
    if table::Stat::read(pid).is_none_or(|stat| stat.is_dead()) {
        return Standing::Unknown;
    }
    let parents = table::ancestors(pid);
    match parents.into_iter().find(|&parent| (parent == this && pid != this) || is_guard(parent)) {
        Some(parent) => Standing::BelowGuard(parent),
        None => Standing::Free,
    }
}

/// Returns where the calling process stands.
#[must_use]
pub fn own_standing() -> Standing {
    i32::try_from(std::process::id()).map_or(Standing::Unknown, standing)
}

/// Whether the calling process runs below a guard, so that only a person elsewhere may decide.
#[must_use]
pub fn is_below_guard() -> bool {
    !own_standing().is_free()
}

/// Whether a process is one of our guards: its one argument, and an executable that is ours, has
/// our name (an older or newer version), or may not be looked at.
fn is_guard(pid: i32) -> bool {
    let line = table::command_line(pid);
    if line.len() != 2 || line.get(1).map(|word| word.as_os_str()) != Some(OsStr::new(WORD)) {
        return false;
    }
    let this = i32::try_from(std::process::id()).unwrap_or_default();
    match (table::executable(pid), table::executable(this)) {
        (Some(theirs), Some(ours)) => theirs == ours || same_name(pid, this),
        _ => true,
    }
}

fn same_name(one: i32, other: i32) -> bool {
    let name = |pid: i32| {
        let path = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let name = path.file_name()?.to_str()?.to_owned();
        Some(name.strip_suffix(" (deleted)").map_or(name.clone(), str::to_owned))
    };
    name(one).is_some() && name(one) == name(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_gone_is_unknown() {
        assert_eq!(standing(i32::MAX), Standing::Unknown);
        assert!(!Standing::Unknown.is_free());
    }

    #[tokio::test]
    async fn the_other_end_is_this_process() {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = of(&one).unwrap();
        assert_eq!(peer.uid, own_uid());
        assert_eq!(peer.pid, i32::try_from(std::process::id()).ok());
    }
}
