//! Reading tasks: lists, one in full, its summary, its result.

use wire::views::{ListView, ResultView, TaskShowView, TaskSummary};

use domain::{AgentName, TaskId, TaskState};

use super::{OperationError, Reading};

/// Which tasks a list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// Only those that stand here.
    pub state: Option<TaskState>,
    /// Only those for this agent.
    pub agent: Option<AgentName>,
    /// Only those submitted from this directory; everyone's if nothing.
    pub cwd: Option<String>,
    /// How many at most, 1 to 1000; 50 if nothing.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// Which part of a result is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResultPart {
    /// A JSON pointer (RFC 6901) into it.
    pub pointer: Option<String>,
    /// From which byte of its JSON text on.
    pub offset: u64,
    /// How many bytes at most; the whole if nothing.
    pub max_bytes: Option<u64>,
}

fn unwired<T>() -> Result<T, OperationError> {
    Err(OperationError::Fault { message: "not wired".to_owned() })
}

/// Returns the id that a whole id, a unique beginning or end of one, or `@last` (from `cwd`) names.
///
/// # Errors
/// If it names none, or several.
pub fn task_find(reading: &Reading<'_>, text: &str, cwd: Option<&str>) -> Result<TaskId, OperationError> {
    let _ = (reading, text, cwd);
    unwired()
}

/// Returns one page of tasks, the newest first.
///
/// # Errors
/// If the limit or the cursor is none, or the store cannot be read.
pub fn task_list(
    reading: &Reading<'_>,
    filter: &TaskFilter,
) -> Result<ListView<TaskSummary>, OperationError> {
    let _ = (reading, filter);
    unwired()
}

/// Returns a task in full, with its attempts and tool calls.
///
/// # Errors
/// If there is no such task, or the store cannot be read.
pub fn task_show(reading: &Reading<'_>, id: TaskId) -> Result<TaskShowView, OperationError> {
    let _ = (reading, id);
    unwired()
}

/// Returns where a task stands.
///
/// # Errors
/// If there is no such task, or the store cannot be read.
pub fn task_status(reading: &Reading<'_>, id: TaskId) -> Result<TaskSummary, OperationError> {
    let _ = (reading, id);
    unwired()
}

/// Returns a result, whole or in part. A task that has not succeeded has none: the view says its state.
///
/// # Errors
/// If there is no such task, no such part, or the store or the file of the result cannot be read.
pub fn task_result(
    reading: &Reading<'_>,
    id: TaskId,
    part: &ResultPart,
) -> Result<ResultView, OperationError> {
    let _ = (reading, id, part);
    unwired()
}
