//! The handle of one running child, and how it ended.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::launch::InstanceRecord;
use super::stderr::Tail;
use super::streams::{OutputReader, StdinWriter};
use crate::guard::{Cause, Killed, Left};

/// Whether it is proven that nothing of an instance is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The guard's `wait` said that no child is left.
    Proven,
    /// The guard died without a record; a search ended what it found, which proves nothing.
    Unproven {
        /// What was found and could not be ended.
        left: Vec<Left>,
    },
}

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The child's exit code, unless a signal ended it or nobody knows.
    pub code: Option<i32>,
    /// The signal that ended the child.
    pub signal: Option<i32>,
    /// Why the end began; unknown without a record.
    pub cause: Option<Cause>,
    /// Whether somebody else than its guard killed the child, such as the kernel out of memory.
    pub killed_from_outside: bool,
    /// What had to be killed.
    pub killed: Vec<Killed>,
    /// How many had to be killed, also those not named.
    pub killed_total: u64,
    /// The last bytes of stderr, unless the caller read it.
    pub stderr_tail: Vec<u8>,
    /// Whether nothing is left for certain.
    pub proof: Proof,
}

impl Ended {
    /// Whether the child ended by itself with exit code 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }

    /// What is known when nobody was there to see the end.
    pub(super) fn unseen() -> Self {
        Self {
            code: None,
            signal: None,
            cause: None,
            killed_from_outside: false,
            killed: Vec::new(),
            killed_total: 0,
            stderr_tail: Vec::new(),
            proof: Proof::Unproven { left: Vec::new() },
        }
    }
}

/// Where an instance is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The child runs.
    Running,
    /// It was asked to end.
    Ending,
    /// These do not end; the guard goes on trying.
    Stuck(Arc<[Left]>),
    /// Nothing runs any more, or nothing that could be found.
    Ended(Arc<Ended>),
}

/// The end of an instance did not come in time; it is still being tried.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{} processes of the instance do not end", left.len())]
pub struct NotEnded {
    /// The processes, with the users they belong to.
    pub left: Arc<[Left]>,
}

/// One running child under its guard. Dropping it ends the child, in the background.
#[derive(Debug)]
pub struct Instance {
    pub(super) handle: Handle,
    pub(super) stdin: Option<StdinWriter>,
    pub(super) stdout: Option<OutputReader>,
    pub(super) stderr: Option<OutputReader>,
    pub(super) _ends_with_this: DropGuard,
}

/// A second handle of an instance, for those who watch or end it without owning it.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) record: Arc<InstanceRecord>,
    pub(super) status: watch::Receiver<Status>,
    pub(super) end_asked: CancellationToken,
    pub(super) kill_asked: CancellationToken,
    pub(super) tail: Tail,
}

impl Instance {
    /// Takes the writer of the child's stdin; `end` closes it wherever it is.
    pub fn take_stdin(&mut self) -> Option<StdinWriter> {
        self.stdin.take()
    }

    /// Takes the reader of the child's stdout.
    pub fn take_stdout(&mut self) -> Option<OutputReader> {
        self.stdout.take()
    }

    /// Takes the reader of the child's stderr, if the launch said `Stderr::Taken`.
    pub fn take_stderr(&mut self) -> Option<OutputReader> {
        self.stderr.take()
    }

    /// Returns a handle for those who watch or end the instance without owning it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Returns what a later host must know to end what is left.
    #[must_use]
    pub fn record(&self) -> &InstanceRecord {
        &self.handle.record
    }

    /// See [`Handle::end`].
    ///
    /// # Errors
    /// Something does not end.
    pub async fn end(&self) -> Result<Arc<Ended>, NotEnded> {
        self.handle.end().await
    }

    /// See [`Handle::wait`].
    pub async fn wait(&self) -> Arc<Ended> {
        self.handle.wait().await
    }
}

impl Handle {
    /// Returns what a later host must know to end what is left.
    #[must_use]
    pub fn record(&self) -> &InstanceRecord {
        &self.record
    }

    /// Returns where the instance is in its life.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Returns the last bytes of stderr so far.
    #[must_use]
    pub fn stderr_tail(&self) -> Vec<u8> {
        self.tail.bytes()
    }

    /// Asks for the end and does not wait: stdin is closed, then the guard climbs its ladder.
    pub fn ask_end(&self) {
        self.end_asked.cancel();
    }

    /// Asks for the end without a chance to end at will, and does not wait.
    pub fn ask_kill(&self) {
        self.kill_asked.cancel();
    }

    /// Ends the instance and waits until nothing of it is left.
    ///
    /// Dropping the future does not undo what was asked.
    ///
    /// # Errors
    /// Something does not end within about five seconds after its KILL; it is tried further, and
    /// `wait` tells when it has.
    pub async fn end(&self) -> Result<Arc<Ended>, NotEnded> {
        self.ask_end();
        self.settled().await
    }

    /// As `end`, but begins with KILL.
    ///
    /// # Errors
    /// As for `end`.
    pub async fn kill(&self) -> Result<Arc<Ended>, NotEnded> {
        self.ask_kill();
        self.settled().await
    }

    async fn settled(&self) -> Result<Arc<Ended>, NotEnded> {
        let mut status = self.status.clone();
        let settled = status.wait_for(|status| matches!(status, Status::Ended(_) | Status::Stuck(_))).await;
        match settled.as_deref() {
            Ok(Status::Ended(ended)) => Ok(Arc::clone(ended)),
            Ok(Status::Stuck(left)) => Err(NotEnded { left: Arc::clone(left) }),
            // The runtime went away under its supervisor; the guard sees that and ends the child.
            _ => Ok(Arc::new(Ended::unseen())),
        }
    }

    /// Waits until the instance has ended, however long that takes. Cancel-safe.
    pub async fn wait(&self) -> Arc<Ended> {
        let mut status = self.status.clone();
        match status.wait_for(|status| matches!(status, Status::Ended(_))).await.as_deref() {
            Ok(Status::Ended(ended)) => Arc::clone(ended),
            _ => Arc::new(Ended::unseen()),
        }
    }
}
