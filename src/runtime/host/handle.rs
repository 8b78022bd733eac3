//! The handle of a running host: orders in, answers out, and the number of the newest event to watch.

use tokio::sync::watch;
use wire::config::Config;
use wire::views::{TaskCancelView, TaskSummary};

use crate::operations::{OperationError, Submission};

/// How a host ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Claims nothing more and lets what runs come to its end.
    Drain,
    /// Stops what runs: those attempts count as lost, and each task follows its recovery policy when the
    /// next host starts.
    Now,
}

/// A running host. Cheap to clone; the host ends by `stop`, not when its handles are gone.
#[derive(Clone)]
pub struct HostHandle {}

impl HostHandle {
    /// Takes a task; when this returns it is on disk.
    ///
    /// # Errors
    /// If the host is ending, its queue is full, or the store cannot be written.
    pub async fn task_submit(&self, submission: Submission) -> Result<TaskSummary, OperationError> {
        let _ = submission;
        Err(OperationError::Fault { message: "not wired".to_owned() })
    }

    /// Cancels tasks; what is wrong with one id stands in its item. A running one is `cancelling` when this returns.
    ///
    /// # Errors
    /// If the host is ending or the store cannot be written.
    pub async fn task_cancel(
        &self,
        ids: &[String],
        why: Option<String>,
    ) -> Result<TaskCancelView, OperationError> {
        let _ = (ids, why);
        Err(OperationError::Fault { message: "not wired".to_owned() })
    }

    /// Lets a paused task go on.
    ///
    /// # Errors
    /// If there is no such task, it is not paused, the host is ending, or the store cannot be written.
    pub async fn task_resume(&self, id: &str) -> Result<TaskSummary, OperationError> {
        let _ = id;
        Err(OperationError::Fault { message: "not wired".to_owned() })
    }

    /// Returns the number of the newest event, to be told of newer ones.
    pub fn watch(&self) -> watch::Receiver<i64> {
        watch::channel(0).1
    }

    /// Takes another configuration: agents and limits hold for what is claimed from here on.
    ///
    /// # Errors
    /// If the host is ending.
    pub async fn reload(&self, config: Config) -> Result<(), OperationError> {
        let _ = config;
        Err(OperationError::HostEnding)
    }

    /// Returns whether there is work: tasks that run, are ready or wait for a time. With clients it is what
    /// decides when a host is idle.
    pub fn busy(&self) -> watch::Receiver<bool> {
        watch::channel(false).1
    }

    /// Ends the host and returns when nothing of it runs and the store is closed.
    pub async fn stop(&self, mode: StopMode) {
        let _ = mode;
    }
}
