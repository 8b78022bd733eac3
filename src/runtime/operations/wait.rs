//! Waiting for tasks: a snapshot, then another whenever there are newer events.

use std::time::Duration;

use domain::TaskState;
use tokio::time::{Instant, sleep_until};
use wire::views::{TaskSummary, TaskWaitView};

use super::{OperationError, Reading, task_find, task_status};
use crate::host::HostHandle;

/// How many tasks one call may wait for, or cancel.
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
    /// Says whether a wait in this mode is over.
    pub fn is_over(self, view: &TaskWaitView) -> bool {
        match self {
            Self::Any => view.tasks.is_empty() || view.tasks.iter().any(is_settled),
            Self::All => view.tasks.iter().all(is_settled),
        }
    }
}

/// Says whether nothing else will happen to a task by itself: it is final, or waits for a person.
fn is_settled(task: &TaskSummary) -> bool {
    let state = task.state.parse::<TaskState>();
    state.is_ok_and(|state| state.is_final() || matches!(state, TaskState::Paused | TaskState::InputRequired))
}

fn is_done(task: &TaskSummary) -> bool {
    task.state.parse::<TaskState>().is_ok_and(TaskState::is_final)
}

/// Refuses too many ids at once, or none.
pub(crate) fn check_count(ids: &[String]) -> Result<(), OperationError> {
    if ids.is_empty() || ids.len() > WAIT_IDS_MAX {
        return Err(OperationError::bad_input(
            format!("{} ids were given", ids.len()),
            format!("give 1 to {WAIT_IDS_MAX}"),
        ));
    }
    Ok(())
}

/// Returns where the tasks stand now and which are not final. `WaitMode::is_over` says whether a wait ends
/// with it: also a task that waits for a person (`paused`, `input_required`) ends one, since nothing else will
/// happen to it by itself.
///
/// # Errors
/// If an id is not known, fits several, or if there are too many.
pub fn task_wait_now(reading: &Reading<'_>, ids: &[String]) -> Result<TaskWaitView, OperationError> {
    check_count(ids)?;
    let mut tasks = Vec::with_capacity(ids.len());
    for text in ids {
        let id = task_find(reading, text, None)?;
        tasks.push(task_status(reading, id)?);
    }
    let pending = tasks.iter().filter(|task| !is_done(task)).map(|task| task.id.clone()).collect();
    Ok(TaskWaitView { tasks, pending })
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
    // Before the first look: what changes between a look and the wait is seen by the next look.
    let mut newer = host.watch();
    let until = Instant::now() + limit;
    loop {
        newer.borrow_and_update();
        let wanted = ids.to_vec();
        let view = host.read(move |reading| task_wait_now(reading, &wanted)).await?;
        if mode.is_over(&view) {
            return Ok(view);
        }
        tokio::select! {
            biased;
            changed = newer.changed() => if changed.is_err() { return Ok(view) },
            () = host.closed() => return Ok(view),
            () = sleep_until(until) => return Ok(view),
        }
    }
}
