//! Waiting for tasks: a snapshot, then another whenever there are newer events.

use std::time::Duration;

use wire::views::TaskWaitView;

use super::{OperationError, Reading};
use crate::host::HostHandle;

/// How many tasks one call may wait for.
pub const WAIT_IDS_MAX: usize = 100;

/// When waiting is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitMode {
    /// When one of the tasks is done.
    Any,
    /// When all of them are.
    All,
}

impl WaitMode {
    /// Says whether a wait in this mode is over when `pending` of `tasks` are not done.
    pub fn is_over(self, tasks: usize, pending: usize) -> bool {
        match self {
            Self::Any => pending < tasks || tasks == 0,
            Self::All => pending == 0,
        }
    }
}

/// Returns where the tasks stand now and which are not done. A wait is over for a task that is final, and for
/// one that waits for a person (`paused`, `input_required`): nothing else will happen to it by itself.
///
/// # Errors
/// If an id is not known, fits several, or if there are too many.
pub fn task_wait_now(reading: &Reading<'_>, ids: &[String]) -> Result<TaskWaitView, OperationError> {
    let _ = (reading, ids);
    Err(OperationError::Fault { message: "not wired".to_owned() })
}

/// Waits inside a host until `mode` holds or `limit` has passed, and returns where the tasks stand then.
/// Dropping the future ends the wait; the host ending ends it too, with what is known.
///
/// # Errors
/// As `task_wait_now`.
pub async fn task_wait(
    host: &HostHandle,
    ids: &[String],
    mode: WaitMode,
    limit: Duration,
) -> Result<TaskWaitView, OperationError> {
    let _ = (host, ids, mode, limit);
    Err(OperationError::Fault { message: "not wired".to_owned() })
}
