//! The start of a host: what it is made of, what it takes over from a dead one, and its thread.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::dispatch::Event;
use domain::{Clock, HostId, IdSource, ProcessIdentity};
use store::{HostStart, Writer};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::config::Config;

use super::handle::HostHandle;
use super::readers::Readers;
use super::thread::{self, TurnThread};
use crate::attempt::{Around, AttemptDriver};
use crate::operations::{LiveHost, OperationError};
use crate::queue::Queue;
use crate::recovery::{self, LeftOver, Sweeper};
use crate::registry::{self, Folders};
use crate::turn::{Input, Turns};

/// Logs of instances that are kept when a host starts, at most 1 MiB each.
const LOGS_MAX: usize = 200;

/// What a host is made of.
pub struct HostParts {
    /// The one writer, which proves that this process holds the lock.
    pub writer: Writer,
    /// Readers of the same database.
    pub readers: Readers,
    /// The merged configuration.
    pub config: Config,
    /// What drives instances.
    pub driver: Arc<dyn AttemptDriver>,
    /// What ends instances of dead hosts.
    pub sweeper: Arc<dyn Sweeper>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn IdSource>,
    /// Where instances leave what outlives them; the folders are there.
    pub folders: Folders,
    /// Variables that our own executable gets as a child.
    pub own_env: Vec<(OsString, OsString)>,
    /// This process.
    pub process: ProcessIdentity,
    /// The boot in which it runs.
    pub boot_id: String,
    /// The version of the program.
    pub version: String,
}

/// Starts hosts.
pub struct Host;

impl Host {
    /// Starts a host within the current runtime, which has to live until the host has ended. When this returns
    /// the host is on record and answers; what a dead one left is being settled.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn start(parts: HostParts) -> Result<HostHandle, OperationError> {
        let HostParts { mut writer, readers, config, .. } = parts;
        let limits = registry::limits(&config);
        let now = parts.clock.now();
        let host = HostId::new(&*parts.ids);
        let left = recovery::left_over(&writer.view(), &parts.folders, &parts.boot_id)?;
        let mut turns = Turns::new(limits);
        let start = HostStart {
            id: host,
            process: parts.process,
            boot_id: parts.boot_id,
            version: parts.version.clone(),
            at: now,
        };
        let mut inputs = vec![Input::HostStarted(start)];
        let (found, left): (Vec<Event>, Vec<LeftOver>) = left.into_iter().unzip();
        inputs.extend(found.into_iter().map(|event| Input::Event(Box::new(event))));
        tidy(&parts.folders, &left);
        // Before anything is claimed: the attempts of a dead host fill their places until they are settled.
        let first = turns.run(&mut writer, &inputs, &*parts.ids, now)?;
        let seq = writer.view().last_seq()?;

        let (queue, orders) = Queue::new();
        let tracker = TaskTracker::new();
        let around = Arc::new(Around {
            driver: parts.driver,
            queue: queue.clone(),
            clock: Arc::clone(&parts.clock),
            ids: Arc::clone(&parts.ids),
            place: readers.place().clone(),
            folders: parts.folders,
            own_env: parts.own_env,
        });
        let (seq_sender, seq) = watch::channel(seq);
        let (busy_sender, busy) = watch::channel(true);
        let (running_sender, running) = watch::channel(0);
        let (config_sender, config_receiver) = watch::channel(Arc::new(config));
        let (ended_sender, ended) = watch::channel(None);
        let thread = TurnThread {
            host,
            writer,
            turns,
            orders,
            around: Arc::clone(&around),
            runtime: Handle::current(),
            tracker: tracker.clone(),
            all: CancellationToken::new(),
            settling: left.iter().map(|left| left.instance).collect(),
            state: thread::State::new(first),
            seq: seq_sender,
            busy: busy_sender,
            running_count: running_sender,
            config: config_sender,
        };
        settle(&tracker, &around, parts.sweeper, left);
        thread.spawn(ended_sender)?;
        let live = LiveHost {
            pid: parts.process.pid,
            version: parts.version,
            started_at: now,
            instances: 0,
            clients: 0,
        };
        Ok(HostHandle {
            queue,
            seq,
            busy,
            running,
            config: config_receiver,
            ended,
            tracker,
            readers,
            clock: parts.clock,
            live: Arc::new(live),
        })
    }
}

/// Removes end records that nobody waits for, and the oldest logs. An error leaves files that do no harm.
fn tidy(folders: &Folders, left: &[LeftOver]) {
    let awaited: Vec<_> = left.iter().filter_map(|left| left.record.end_record.clone()).collect();
    for path in files(&folders.ends).into_iter().filter(|path| !awaited.contains(path)) {
        let _ = std::fs::remove_file(path);
    }
    prune_logs(folders);
}

/// Removes the oldest logs of instances.
pub(super) fn prune_logs(folders: &Folders) {
    // Names rise with time, since ids do.
    let logs = folders.logs.as_deref().map(files).unwrap_or_default();
    let mut logs: Vec<_> = logs.into_iter().filter(|path| registry::is_stderr_log(path)).collect();
    logs.sort_unstable();
    let old = logs.len().saturating_sub(LOGS_MAX);
    for path in &logs[..old] {
        let _ = std::fs::remove_file(path);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Settles what a dead host left, beside the turn, and removes end records that nobody needs any more.
fn settle(tracker: &TaskTracker, around: &Arc<Around>, sweeper: Arc<dyn Sweeper>, left: Vec<LeftOver>) {
    let around = Arc::clone(around);
    tracker.spawn(async move {
        let ends = recovery::settle(&*sweeper, &left, &*around.clock, &*around.ids).await;
        for (event, left) in ends.into_iter().zip(&left) {
            if around.queue.tell_and_wait(event).await.is_ok() {
                // An error leaves a file behind that does no harm.
                let _ = std::fs::remove_file(around.folders.end_record(left.instance));
            }
        }
    });
}
