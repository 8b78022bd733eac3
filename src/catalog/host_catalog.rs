//! The catalog of one client's connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{TaskId, TaskState};
use mcp::limits::RESULT_BYTES_DEFAULT;
use mcp::server::arguments::{
    AgentList, TaskCancel, TaskList, TaskResult, TaskStatus, TaskSubmit, TaskWait, WaitMode as AskedMode,
};
use mcp::server::{Catalog, Refusal, Submitted, Waiting};
use runtime::host::HostHandle;
use runtime::operations::{
    self, OperationError, Reading, ResultPart, TaskFilter, WaitMode, prepare, task_find, task_status,
};
use serde_json::Value;
use wire::control::SubmitRequest;
use wire::views::{AgentView, ListView, ResultView, TaskCancelView, TaskSummary, TaskWaitView};

use super::folder::{Standing, of_task};
use super::shelf::Shelf;
use super::waiting::wait;
use crate::error::Error;
use crate::system::UuidSource;

/// What one client is offered: the operations of the host, for whoever stands in its directory.
pub struct HostCatalog {
    host: HostHandle,
    shelf: Arc<Shelf>,
    cwd: String,
    env: BTreeMap<String, String>,
}

impl HostCatalog {
    /// Returns the catalog for a client that stands in this directory and has this environment.
    pub fn new(host: HostHandle, shelf: Arc<Shelf>, cwd: String, env: BTreeMap<String, String>) -> Self {
        Self { host, shelf, cwd, env }
    }

    fn standing(&self) -> Standing<'_> {
        Standing { cwd: &self.cwd, home: self.env.get("HOME").map(String::as_str) }
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reading<'_>) -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.host.read(read).await.map_err(refusal)
    }

    async fn find(&self, named: String) -> Result<TaskId, Refusal> {
        let cwd = self.cwd.clone();
        self.read(move |reading| task_find(reading, &named, Some(&cwd))).await
    }

    async fn find_all(&self, named: Vec<String>) -> Result<Vec<String>, Refusal> {
        let cwd = self.cwd.clone();
        self.read(move |reading| {
            named
                .iter()
                .map(|text| task_find(reading, text, Some(&cwd)).map(|id| id.to_string()))
                .collect::<Result<Vec<_>, _>>()
        })
        .await
    }

    fn request(&self, arguments: TaskSubmit) -> Result<SubmitRequest, Refusal> {
        Ok(SubmitRequest {
            id: TaskId::new(&UuidSource).to_string(),
            key: arguments.key,
            prompt: arguments.prompt,
            skill: arguments.skill,
            agent: arguments.agent,
            input: arguments.input.map(Value::Object),
            cwd: of_task(arguments.cwd.as_deref(), self.standing())?,
            env: self.env.clone(),
            priority: arguments.priority.map(|priority| i64::from(priority.value())),
            timeout_ms: arguments.timeout_ms,
            retries: None,
            recovery: None,
            labels: None,
        })
    }

    async fn result_of(&self, id: TaskId, part: ResultPart) -> Result<ResultView, Refusal> {
        self.read(move |reading| operations::task_result(reading, id, &part)).await
    }
}

impl Catalog for HostCatalog {
    async fn agent_list(&self, arguments: AgentList) -> Result<ListView<AgentView>, Refusal> {
        self.read(move |reading| operations::agent_list(reading, arguments.capability.as_deref())).await
    }

    async fn task_submit(&self, arguments: TaskSubmit, waiting: Waiting) -> Result<Submitted, Refusal> {
        let limit = Duration::from_millis(arguments.wait_ms);
        let request = self.request(arguments)?;
        let shelf = Arc::clone(&self.shelf);
        let submission = self
            .read(move |reading| prepare(request, reading.config, || shelf.library(), reading.now))
            .await?;
        let mut task = self.host.task_submit(submission).await.map_err(refusal)?;
        if !limit.is_zero() {
            let ids = [task.id.clone()];
            let view = wait(&self.host, &ids, WaitMode::All, limit, &waiting).await.map_err(refusal)?;
            task = view.tasks.into_iter().next().unwrap_or(task);
        }
        let result = match (task.state.as_str() == TaskState::Succeeded.as_str(), task.id.parse()) {
            (true, Ok(id)) => {
                let part = ResultPart { max_bytes: Some(RESULT_BYTES_DEFAULT), ..ResultPart::default() };
                Some(self.result_of(id, part).await?)
            }
            _ => None,
        };
        Ok(Submitted { task, result })
    }

    async fn task_status(&self, arguments: TaskStatus) -> Result<TaskSummary, Refusal> {
        let id = self.find(arguments.id).await?;
        self.read(move |reading| task_status(reading, id)).await
    }

    async fn task_wait(&self, arguments: TaskWait, waiting: Waiting) -> Result<TaskWaitView, Refusal> {
        let ids = self.find_all(arguments.ids).await?;
        let mode = match arguments.mode {
            AskedMode::Any => WaitMode::Any,
            AskedMode::All => WaitMode::All,
        };
        let limit = Duration::from_millis(arguments.wait_ms);
        wait(&self.host, &ids, mode, limit, &waiting).await.map_err(refusal)
    }

    async fn task_result(&self, arguments: TaskResult) -> Result<ResultView, Refusal> {
        let id = self.find(arguments.id).await?;
        let task = self.read(move |reading| task_status(reading, id)).await?;
        if let Some(refusal) = no_result(&task) {
            return Err(refusal);
        }
        let part = ResultPart {
            pointer: arguments.pointer,
            offset: arguments.offset,
            max_bytes: Some(arguments.max_bytes),
        };
        self.result_of(id, part).await
    }

    async fn task_cancel(&self, arguments: TaskCancel) -> Result<TaskCancelView, Refusal> {
        self.host.task_cancel(&arguments.ids, arguments.why).await.map_err(refusal)
    }

    async fn task_list(&self, arguments: TaskList) -> Result<ListView<TaskSummary>, Refusal> {
        let bad = |message: String| Refusal::new("bad_input", message);
        let state = arguments.state.map(|word| word.parse::<TaskState>()).transpose();
        let agent = arguments.agent.map(|name| name.parse()).transpose();
        let filter = TaskFilter {
            state: state.map_err(|error| bad(error.to_string()))?,
            agent: agent.map_err(|error: domain::AgentNameError| bad(error.to_string()))?,
            cwd: (!arguments.all).then(|| self.cwd.clone()),
            limit: Some(arguments.limit),
            cursor: arguments.cursor,
        };
        self.read(move |reading| operations::task_list(reading, &filter)).await
    }
}

fn refusal(error: OperationError) -> Refusal {
    let Error { kind, message, hint } = Error::from(error);
    Refusal { kind: kind.as_str().to_owned(), message, hint }
}

/// Returns why a task has no result; nothing if it has one. A failure is told by its reason.
fn no_result(task: &TaskSummary) -> Option<Refusal> {
    let id = &task.id;
    Some(match task.state.parse() {
        Ok(TaskState::Succeeded) => return None,
        Ok(TaskState::Failed) => {
            let (message, hint) = match &task.error {
                Some(error) => (error.message.clone(), error.hint.clone()),
                None => (format!("task {id} failed"), None),
            };
            Refusal { kind: task.reason.clone().unwrap_or_else(|| "agent_error".to_owned()), message, hint }
        }
        Ok(TaskState::Cancelled) => {
            Refusal::new("cancelled", format!("task {id} was cancelled, so it has no result"))
        }
        Ok(TaskState::Paused | TaskState::InputRequired) => {
            let asked = task.question.as_ref().map(|question| format!(": {}", question.text));
            Refusal::new("paused", format!("task {id} waits for a person{}", asked.unwrap_or_default()))
                .hint(format!("a person answers with `modelscan task resume {id}`, or cancels it"))
        }
        _ => Refusal::new("not_done", format!("task {id} is {}: it has no result yet", task.state))
            .hint("wait for it with `task_wait`"),
    })
}

#[cfg(test)]
mod tests;
