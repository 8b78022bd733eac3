//! The host as second parent: ends and reaps orphans that come to it after a guard's death,
//! without taking from the runtime the exits that it waits for.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{WaitOptions, waitpid};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::identity::{self, Identity, Signal};
use crate::table::{self, Stat};

/// How long orphans are killed after a guard's death: a racer's last child may come late.
const HUNT: Duration = Duration::from_secs(30);

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
    /// Whether this process adopts orphans and nobody else waits for them.
    adopting: bool,
    /// Children that were here before, of whatever this process was before it became a host.
    spared: HashSet<Identity>,
    /// Until when orphans are killed, since a guard has died without a record.
    hunting_until: Option<Instant>,
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

    /// Begins to kill the orphans that come here: a guard has died without a record.
    ///
    /// Whoever lives under a guard is adopted by that guard, so what comes here lost its own.
    /// Only for a time: the first process of a container adopts others' orphans too.
    pub(crate) fn hunt(&self) {
        self.lock().hunting_until = Some(Instant::now() + HUNT);
    }

    /// Reaps the orphans that this process has adopted, and kills them while it hunts; whether
    /// anything changed. Only if a reaper runs: without one, a child may be anybody's.
    fn tend(&self) -> bool {
        let mut children = self.lock();
        if !children.adopting {
            return false;
        }
        let hunting = children.hunting_until.is_some_and(|until| Instant::now() < until);
        let found = adopted(&children.own);
        children.signalled.retain(|one| found.iter().any(|stat| one.pid == stat.pid));
        let mut changed = false;
        for stat in found {
            if stat.is_dead() {
                changed |= matches!(waitpid(table::raw(stat.pid), WaitOptions::NOHANG), Ok(Some(_)));
                continue;
            }
            let identity = Identity { pid: stat.pid, start: stat.start };
            if !hunting || children.spared.contains(&identity) {
                continue;
            }
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
    /// Makes this process a subreaper in which every later child not in the registry is an orphan.
    /// Must be called inside a runtime, in a process that from here on starts children only by a
    /// `Spawner`.
    ///
    /// # Errors
    /// The system refuses, or no signal handler can be set.
    pub fn new(registry: Registry) -> io::Result<Self> {
        let children = signal(SignalKind::child())?;
        identity::set_subreaper()?;
        let mut inner = registry.lock();
        inner.spared =
            adopted(&inner.own).iter().map(|stat| Identity { pid: stat.pid, start: stat.start }).collect();
        inner.adopting = true;
        drop(inner);
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
