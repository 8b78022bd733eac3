//! Writing without a host: whoever holds the lock has migrated and recovered, writes, and lets go.

use domain::{Clock, IdSource};
use wire::views::{TaskCancelView, TaskSummary};

use super::{OperationError, Submission};

/// Somebody who holds the lock and writes, without running anything.
pub struct Direct {}

impl Direct {
    /// Takes a task that nobody may run now; a later host will.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn task_submit(&mut self, submission: Submission) -> Result<TaskSummary, OperationError> {
        let _ = submission;
        Err(OperationError::Fault { message: "not wired".to_owned() })
    }

    /// Cancels tasks; none runs, since no host lives.
    ///
    /// # Errors
    /// If the store cannot be written; what is wrong with one id stands in its item.
    pub fn task_cancel(
        &mut self,
        ids: &[String],
        why: Option<&str>,
    ) -> Result<TaskCancelView, OperationError> {
        let _ = (ids, why);
        Err(OperationError::Fault { message: "not wired".to_owned() })
    }

    /// Lets a paused task go on; a later host runs it.
    ///
    /// # Errors
    /// If there is no such task, it is not paused, or the store cannot be written.
    pub fn task_resume(&mut self, id: &str) -> Result<TaskSummary, OperationError> {
        let _ = id;
        Err(OperationError::Fault { message: "not wired".to_owned() })
    }

    /// Opens for writing: recovers what a dead host left (and ends what still lives of it, at most 5 s), then waits for orders.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn open(clock: &dyn Clock, ids: &dyn IdSource) -> Result<Self, OperationError> {
        let _ = (clock, ids);
        Err(OperationError::Fault { message: "not wired".to_owned() })
    }
}
