//! The host as second parent: ends and reaps orphans that come to it after a guard's death,
//! without taking from the runtime the exits that it waits for.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{WaitOptions, waitpid};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::identity::{self, Identity, Signal};
use crate::table::{self, Stat};

/// How many killed orphans are named until a search takes them.
const KILLED_NAMED_MAX: usize = 200;

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
    /// Adopted orphans that KILL was sent to and that are not reaped yet.
    signalled: HashSet<Identity>,
    /// What was killed and not yet taken by a search.
    killed: Vec<Stat>,
    killed_total: u64,
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

    /// Kills and reaps the orphans that this process has adopted; whether anything changed.
    ///
    /// Whoever lives under a guard is adopted by that guard, so an orphan that comes here lost
    /// its guard. Only if a reaper runs: without one, a child may be anybody's.
    fn tend(&self) -> bool {
        let mut children = self.lock();
        if !children.adopting {
            return false;
        }
        let found = adopted(&children.own);
        children.signalled.retain(|one| found.iter().any(|stat| one.pid == stat.pid));
        let mut changed = false;
        for stat in found {
            if stat.is_dead() {
                changed |= matches!(waitpid(table::raw(stat.pid), WaitOptions::NOHANG), Ok(Some(_)));
                continue;
            }
            let identity = Identity { pid: stat.pid, start: stat.start };
            let _refused = identity.signal(Signal::Kill);
            if children.signalled.insert(identity) {
                changed = true;
                children.killed_total += 1;
                if children.killed.len() < KILLED_NAMED_MAX {
                    children.killed.push(stat);
                }
            }
        }
        changed
    }

    /// Takes what was killed here since the last time, for the findings of a search: those named,
    /// and how many there were.
    pub(crate) fn take_killed(&self) -> (Vec<Stat>, u64) {
        self.tend();
        let mut children = self.lock();
        (std::mem::take(&mut children.killed), std::mem::take(&mut children.killed_total))
    }
}

fn adopted(own: &HashSet<i32>) -> Vec<Stat> {
    let this = i32::try_from(std::process::id()).unwrap_or_default();
    let foreign = table::children(this).into_iter().filter(|pid| !own.contains(pid));
    foreign.filter_map(Stat::read).filter(|stat| stat.parent == this).collect()
}

/// Ends and reaps the orphans of this process for as long as it runs: the second line after a
/// guard's death. Each end brings a signal, so this follows even a racer from child to child.
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

    /// Runs until cancelled. Each signal empties the list: a slow reaper would fill the user's
    /// limit of processes.
    pub async fn run(mut self, cancel: CancellationToken) {
        loop {
            while self.registry.tend() {
                tokio::task::yield_now().await;
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                more = self.children.recv() => if more.is_none() { return },
            }
        }
    }
}
