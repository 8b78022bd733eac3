//! A wait inside the host that tells a client how far things are.

use std::time::Duration;

use domain::TaskState;
use mcp::server::{Progress, Waiting};
use runtime::host::HostHandle;
use runtime::operations::{OperationError, WaitMode, task_wait_now};
use tokio::time::Instant;
use wire::views::{TaskSummary, TaskWaitView};

/// Waits until `mode` holds, the limit has passed, the client waits no longer or the host ends, and
/// returns where the tasks stand then.
pub async fn wait(
    host: &HostHandle,
    ids: &[String],
    mode: WaitMode,
    limit: Duration,
    waiting: &Waiting,
) -> Result<TaskWaitView, OperationError> {
    let deadline = Instant::now() + limit;
    let mut news = host.watch();
    loop {
        // Marked as seen before the tasks are looked at: what comes in between is news again.
        news.borrow_and_update();
        let wanted = ids.to_vec();
        let view = host.read(move |reading| task_wait_now(reading, &wanted)).await?;
        if waiting.wants_progress() {
            waiting.progress(&progress(&view));
        }
        let over = mode.is_over(&view);
        if over || waiting.is_ended() || Instant::now() >= deadline {
            return Ok(view);
        }
        tokio::select! {
            biased;
            () = waiting.ended() => return Ok(view),
            () = host.closed() => return Ok(view),
            () = tokio::time::sleep_until(deadline) => return Ok(view),
            changed = news.changed() => {
                if changed.is_err() {
                    return Ok(view);
                }
            }
        }
    }
}

/// Returns how far the tasks are together: from 0 to 1.
fn progress(view: &TaskWaitView) -> Progress {
    let all = view.tasks.len().max(1) as f64;
    let done: f64 = view.tasks.iter().map(fraction).sum();
    let text = match view.tasks.as_slice() {
        [task] => task.progress.text.clone().unwrap_or_else(|| task.state.clone()),
        tasks => format!("{} of {} done", tasks.len() - view.pending.len(), tasks.len()),
    };
    Progress { done: done / all, total: Some(1.0), text }
}

fn fraction(task: &TaskSummary) -> f64 {
    if task.state.parse().is_ok_and(TaskState::is_final) {
        return 1.0;
    }
    // Below 1 until it is done: what is complete is told together with the answer.
    task.progress.fraction.unwrap_or(0.0).clamp(0.0, 0.999)
}
