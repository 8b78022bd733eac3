//! The host as second parent: reaps orphans that come to it after a guard's death, without
//! taking from the runtime the exits that it waits for.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{WaitOptions, waitpid};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::identity::{self, Identity, Signal};
use crate::table::{self, Stat};

/// The children that this process started itself and waits for itself.
///
/// A pid enters under the same lock as its spawn, so that the reaper, which takes the lock too,
/// never sees a child of ours that it does not know.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    inner: Arc<Mutex<Children>>,
}

#[derive(Debug, Default)]
struct Children {
    own: HashSet<i32>,
    /// Whether every other child of this process is an orphan that it adopted.
    adopting: bool,
}

impl Registry {
    /// Returns an empty registry; one per process.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Children> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let mut children = self.lock();
        let child = command.spawn()?;
        children.own.extend(child.id().and_then(|pid| i32::try_from(pid).ok()));
        Ok(child)
    }

    pub(crate) fn forget(&self, pid: i32) {
        self.lock().own.remove(&pid);
    }

    /// Kills every living orphan that this process has adopted; returns what it killed.
    ///
    /// Whoever lives under a guard is adopted by that guard, so an orphan that comes here lost
    /// its guard. Only if a reaper runs: without one, a child may be anybody's.
    pub(crate) fn kill_adopted(&self) -> Vec<Stat> {
        let children = self.lock();
        if !children.adopting {
            return Vec::new();
        }
        let mut killed = Vec::new();
        for stat in adopted(&children.own) {
            let identity = Identity { pid: stat.pid, start: stat.start };
            if !stat.is_dead() && identity.signal(Signal::Kill).is_ok() {
                killed.push(stat);
            }
        }
        killed
    }

    /// Reaps all orphans that have ended; returns how many.
    fn reap(&self) -> usize {
        let children = self.lock();
        let mut reaped = 0;
        for stat in adopted(&children.own) {
            if stat.is_dead() && matches!(waitpid(table::raw(stat.pid), WaitOptions::NOHANG), Ok(Some(_))) {
                reaped += 1;
            }
        }
        reaped
    }
}

fn adopted(own: &HashSet<i32>) -> Vec<Stat> {
    let this = i32::try_from(std::process::id()).unwrap_or_default();
    let foreign = table::children(this).into_iter().filter(|pid| !own.contains(pid));
    foreign.filter_map(Stat::read).filter(|stat| stat.parent == this).collect()
}

/// Reaps the orphans of this process for as long as it runs.
#[derive(Debug)]
pub struct Reaper {
    registry: Registry,
    children: Stream,
}

impl Reaper {
    /// Makes this process a subreaper in which every child not in the registry is an orphan.
    /// Must be called inside a runtime, in a process that starts children only by a `Spawner`.
    ///
    /// # Errors
    /// The system refuses, or no signal handler can be set.
    pub fn new(registry: Registry) -> io::Result<Self> {
        let children = signal(SignalKind::child())?;
        identity::set_subreaper()?;
        registry.lock().adopting = true;
        Ok(Self { registry, children })
    }

    /// Reaps until cancelled. Each signal empties the list: a slow reaper would fill the user's
    /// limit of processes.
    pub async fn run(mut self, cancel: CancellationToken) {
        loop {
            while self.registry.reap() > 0 {}
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                more = self.children.recv() => if more.is_none() { return },
            }
        }
    }
}
