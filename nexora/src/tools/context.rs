//! What a call of a tool is given: where it works, its environment, how it is cancelled, and where it
//! tells its progress.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use process::Spawner;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Everything that a call of a tool may use.
#[derive(Debug, Clone)]
pub struct ToolContext {
    /// The folder that relative paths start from; absolute.
    pub cwd: PathBuf,
    /// The environment that children of `bash` see.
    pub env: BTreeMap<String, String>,
    /// Ends the call when it is cancelled.
    pub cancel: CancellationToken,
    /// Where work done is counted.
    pub progress: Progress,
    /// Starts children under guards; without it, tools that need children fail.
    pub spawner: Option<Spawner>,
    /// How long one call may take.
    pub time_limit: Option<Duration>,
}

impl ToolContext {
    /// Returns a context with an empty environment, no children, no time limit and counters of its own.
    pub fn new(cwd: impl Into<PathBuf>, cancel: CancellationToken) -> Self {
        Self {
            cwd: cwd.into(),
            env: BTreeMap::new(),
            cancel,
            progress: Progress::new(),
            spawner: None,
            time_limit: None,
        }
    }
}

/// A counter of entries done, which only rises. Clones share it; who watches sees the newest value and
/// is woken only when it has changed.
#[derive(Debug, Clone)]
pub struct Progress {
    entries: Arc<watch::Sender<u64>>,
}

impl Progress {
    /// Returns a counter at zero.
    pub fn new() -> Self {
        Self { entries: Arc::new(watch::Sender::new(0)) }
    }

    /// Counts `count` more entries as done.
    pub fn entries_done(&self, count: u64) {
        if count > 0 {
            self.entries.send_modify(|entries| *entries = entries.saturating_add(count));
        }
    }

    /// Returns how many entries are done.
    pub fn entries(&self) -> u64 {
        *self.entries.borrow()
    }

    /// Returns a receiver that is woken by changes; values between two looks are skipped.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.entries.subscribe()
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}
