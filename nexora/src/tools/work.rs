//! Synchronous work of a tool: on the blocking pool, on two threads where that gains, and told when to
//! stop.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Progress, ToolContext, ToolError};

/// How many threads one call uses. Two gain a third on warm files; more only take turns.
const THREADS_MAX: usize = 2;
/// Below so many items a second thread costs more than it gains.
const ITEMS_FOR_THREADS: usize = 64;
/// How many entries are counted before the progress is told, so that the counter's lock is not the work.
const PROGRESS_STEP: u64 = 16;

/// What synchronous work is given in place of the context.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// The folder that relative paths start from.
    pub(super) cwd: PathBuf,
    /// Where entries done are counted.
    pub(super) progress: Progress,
    cancel: CancellationToken,
    limit: Option<(Instant, Duration)>,
}

impl Work {
    /// Says whether the work has to end now.
    pub(super) fn check(&self) -> Result<(), ToolError> {
        if self.cancel.is_cancelled() {
            return Err(ToolError::Cancelled);
        }
        match self.limit {
            Some((started, limit)) if started.elapsed() >= limit => Err(ToolError::TimedOut { limit }),
            _ => Ok(()),
        }
    }

    /// Runs `job` over all items, in any order, and returns its answers in the items' order. Each
    /// worker has a state of its own, a buffer for instance. One item is one entry of progress. A job
    /// is told whether there is room left for findings, of which only the first ones are kept.
    pub(super) fn for_each<I, S, T>(
        &self,
        items: &[I],
        findings: &Findings,
        state: impl Fn() -> S + Sync,
        job: impl Fn(&mut S, &I, Room) -> T + Sync,
    ) -> Result<Vec<T>, ToolError>
    where
        I: Sync,
        T: Send,
    {
        let next = AtomicUsize::new(0);
        let worker = || -> Result<Vec<(usize, T)>, ToolError> {
            let mut own = state();
            let mut answers = Vec::new();
            let mut counted = Counted::new(&self.progress);
            loop {
                // Items are claimed in order, and the room is looked at before the claim: so what has
                // filled it by then comes before this item, and what is kept depends on no race.
                let room = findings.room();
                let index = next.fetch_add(1, Ordering::AcqRel);
                let Some(item) = items.get(index) else { return Ok(answers) };
                self.check()?;
                answers.push((index, job(&mut own, item, room)));
                counted.one();
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let mut answers = if threads < 2 || items.len() < ITEMS_FOR_THREADS {
            worker()?
        } else {
            let second = Mutex::new(None);
            let first = std::thread::scope(|scope| {
                // Where no thread is to be had, one does all.
                let _ = std::thread::Builder::new().spawn_scoped(scope, || {
                    let answer = worker();
                    *second.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(answer);
                });
                worker()
            });
            let mut all = first?;
            match second.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
                Some(answer) => all.extend(answer?),
                None => assert!(all.len() == items.len(), "a worker without an answer had claimed items"),
            }
            all
        };
        answers.sort_unstable_by_key(|(index, _)| *index);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }
}

/// Whether findings of an item can still be among the first ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// They can.
    Left,
    /// Enough came before.
    Full,
}

/// How many findings all items together have given, and how many are wanted.
#[derive(Debug)]
pub(super) struct Findings {
    wanted: usize,
    kept: AtomicUsize,
}

impl Findings {
    pub(super) fn new(wanted: usize) -> Self {
        Self { wanted, kept: AtomicUsize::new(0) }
    }

    /// Counts what one item has given and keeps.
    pub(super) fn keep(&self, count: usize) {
        self.kept.fetch_add(count, Ordering::AcqRel);
    }

    fn room(&self) -> Room {
        if self.kept.load(Ordering::Acquire) < self.wanted { Room::Left } else { Room::Full }
    }
}

/// Counts entries and tells them in steps; the rest when it goes.
pub(super) struct Counted<'a> {
    progress: &'a Progress,
    untold: u64,
}

impl<'a> Counted<'a> {
    pub(super) fn new(progress: &'a Progress) -> Self {
        Self { progress, untold: 0 }
    }

    pub(super) fn one(&mut self) {
        self.untold += 1;
        if self.untold == PROGRESS_STEP {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.progress.entries_done(std::mem::take(&mut self.untold));
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.tell();
    }
}

/// Runs `job` on the blocking pool and waits for it. When the returned future is dropped, the job is
/// told to stop.
pub(super) async fn run<T: Send + 'static>(
    tool: &'static str,
    context: &ToolContext,
    job: impl FnOnce(&Work) -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    let cancel = context.cancel.child_token();
    let _stops_with_us = cancel.clone().drop_guard();
    let work = Work {
        cwd: context.cwd.clone(),
        progress: context.progress.clone(),
        cancel,
        limit: context.time_limit.map(|limit| (Instant::now(), limit)),
    };
    let joined = tokio::task::spawn_blocking(move || {
        work.check()?;
        job(&work)
    });
    match joined.await {
        Ok(answer) => answer,
        Err(error) if error.is_cancelled() => Err(ToolError::Cancelled),
        Err(error) => Err(ToolError::Broken { tool, message: error.to_string() }),
    }
}
