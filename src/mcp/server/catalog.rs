//! What a server offers: one method for each tool. Implemented where the operations are.

use std::future::Future;

use serde_json::{Value, json};
use wire::views::{AgentView, ListView, ResultView, TaskCancelView, TaskSummary, TaskWaitView};

use super::arguments::{AgentList, TaskCancel, TaskList, TaskResult, TaskStatus, TaskSubmit, TaskWait};
use super::waiting::Waiting;

/// The tools, each one operation. Methods return soon, but for the two that are given a
/// [`Waiting`]: those return early, with what there is, as soon as it has ended. A method whose
/// client has gone is dropped.
pub trait Catalog: Send + Sync + 'static {
    /// Lists the agents.
    fn agent_list(
        &self,
        arguments: AgentList,
    ) -> impl Future<Output = Result<ListView<AgentView>, Refusal>> + Send;

    /// Records a task and, if asked to, waits for its end.
    fn task_submit(
        &self,
        arguments: TaskSubmit,
        waiting: Waiting,
    ) -> impl Future<Output = Result<Submitted, Refusal>> + Send;

    /// Says where a task stands.
    fn task_status(&self, arguments: TaskStatus)
    -> impl Future<Output = Result<TaskSummary, Refusal>> + Send;

    /// Waits for tasks.
    fn task_wait(
        &self,
        arguments: TaskWait,
        waiting: Waiting,
    ) -> impl Future<Output = Result<TaskWaitView, Refusal>> + Send;

    /// Returns the result of a task, or a part of it. A task that failed is a refusal with its
    /// reason as the kind.
    fn task_result(&self, arguments: TaskResult) -> impl Future<Output = Result<ResultView, Refusal>> + Send;

    /// Cancels tasks.
    fn task_cancel(
        &self,
        arguments: TaskCancel,
    ) -> impl Future<Output = Result<TaskCancelView, Refusal>> + Send;

    /// Lists tasks.
    fn task_list(
        &self,
        arguments: TaskList,
    ) -> impl Future<Output = Result<ListView<TaskSummary>, Refusal>> + Send;
}

/// What a submit has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// Where the task stands.
    pub task: TaskSummary,
    /// Its result, if it ended while the caller waited.
    pub result: Option<ResultView>,
}

impl Submitted {
    /// Returns the shape that clients see: the summary, and beside it the result.
    pub(super) fn to_value(&self) -> serde_json::Result<Value> {
        let mut value = serde_json::to_value(&self.task)?;
        let result = self.result.as_ref();
        value["result"] = json!(result.and_then(|view| view.result.as_ref()));
        value["report"] = json!(result.and_then(|view| view.report.as_ref()));
        value["truncated"] = json!(result.is_some_and(|view| view.truncated));
        Ok(value)
    }
}

/// Why a tool did not do what was asked: a failure that the client's model can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Refusal {
    /// A stable word for programs, such as `task_not_found`.
    pub kind: String,
    /// What happened and where.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Refusal {
    /// Returns a refusal without a hint.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), hint: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
