//! A catalog for tests: real in all but its tasks, whose behaviour their ids say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp::server::arguments::{AgentList, TaskCancel, TaskList, TaskResult, TaskStatus, TaskSubmit, TaskWait};
use mcp::server::{Catalog, Progress, Refusal, Submitted, Waiting};
use serde_json::{Map, Value};
use tokio::sync::Notify;
use wire::views::{
    AgentView, CancelItem, ListView, ProgressView, ResultView, TaskCancelView, TaskSummary, TaskWaitView,
    UsageView,
};

/// What the tests see of the calls.
#[derive(Default)]
pub struct Seen {
    /// Calls that run now.
    pub running: AtomicUsize,
    /// The most that ever ran at once.
    pub most: AtomicUsize,
    /// Calls that began.
    pub begun: AtomicUsize,
    /// Told whenever a call begins or ends.
    pub changed: Notify,
}

impl Seen {
    fn enter(self: &Arc<Self>) -> Inside {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
        Inside(Arc::clone(self))
    }

    /// Returns once `reached` holds.
    pub async fn until(&self, reached: impl Fn(&Self) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if reached(self) {
                return;
            }
            changed.await;
        }
    }

    /// Returns how many calls run.
    pub fn now(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Returns how many calls have begun.
    pub fn all(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

struct Inside(Arc<Seen>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

/// The catalog.
#[derive(Default)]
pub struct Fake {
    /// What the tests see.
    pub seen: Arc<Seen>,
}

/// A task by its id.
pub fn summary(id: &str, state: &str) -> TaskSummary {
    TaskSummary {
        id: id.to_owned(),
        state: state.to_owned(),
        reason: None,
        title: "a task".to_owned(),
        prompt_bytes: 1,
        skill: None,
        agent: Some("nexora".to_owned()),
        priority: 0,
        labels: Map::new(),
        cwd: "/somewhere".to_owned(),
        result_bytes: None,
        error: None,
        question: None,
        attempt: 1,
        created_at: "2026-01-01T00:00:00Z".to_owned(),
        ready_at: None,
        started_at: None,
        ended_at: None,
        deadline: None,
        progress: ProgressView::default(),
        usage: UsageView::default(),
        parent: None,
        rerun_of: None,
        worktree: None,
        cached: false,
    }
}

impl Catalog for Fake {
    async fn agent_list(&self, _arguments: AgentList) -> Result<ListView<AgentView>, Refusal> {
        let agent = AgentView {
            name: "nexora".to_owned(),
            driver: "acp".to_owned(),
            description: "works through plans".to_owned(),
            capabilities: vec!["read".to_owned()],
            skills: vec!["survey".to_owned()],
            running: 0,
            max_running: 4,
        };
        Ok(ListView { items: vec![agent], next_cursor: None })
    }

    async fn task_submit(&self, arguments: TaskSubmit, waiting: Waiting) -> Result<Submitted, Refusal> {
        let _inside = self.seen.enter();
        if arguments.prompt.is_none() && arguments.skill.is_none() {
            return Err(Refusal::new("bad_input", "there is nothing to do").hint("give `prompt` or `skill`"));
        }
        if arguments.wait_ms == 0 {
            return Ok(Submitted { task: summary("task_1", "ready"), result: None });
        }
        waiting.progress(&Progress { done: 0.5, total: Some(1.0), text: String::new() });
        let input = arguments.input.map(Value::Object);
        let result = ResultView {
            id: "task_1".to_owned(),
            state: "succeeded".to_owned(),
            result: input,
            report: Some("done".to_owned()),
            outputs: vec![],
            truncated: false,
            total_bytes: 2,
            next_offset: None,
        };
        Ok(Submitted { task: summary("task_1", "succeeded"), result: Some(result) })
    }

    async fn task_status(&self, arguments: TaskStatus) -> Result<TaskSummary, Refusal> {
        let _inside = self.seen.enter();
        match arguments.id.as_str() {
            "panic" => panic!("the handler panics, as it was asked to"),
            "stubborn" => std::future::pending().await,
            "slow" => {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(summary("slow", "running"))
            }
            "unknown" => {
                Err(Refusal::new("task_not_found", "no task `unknown`").hint("`task_list` names them"))
            }
            id => Ok(summary(id, "running")),
        }
    }

    async fn task_wait(&self, arguments: TaskWait, waiting: Waiting) -> Result<TaskWaitView, Refusal> {
        let _inside = self.seen.enter();
        if arguments.ids == ["steps"] {
            for (done, text) in
                [(1.0, "a"), (2.0, "b"), (2.0, "again"), (1.5, "back"), (3.0, "c"), (4.0, "end")]
            {
                waiting.progress(&Progress { done, total: Some(4.0), text: text.to_owned() });
            }
            return Ok(TaskWaitView { tasks: vec![summary("steps", "succeeded")], pending: vec![] });
        }
        tokio::select! {
            () = waiting.ended() => {}
            () = tokio::time::sleep(Duration::from_millis(arguments.wait_ms)) => {}
        }
        let tasks = arguments.ids.iter().map(|id| summary(id, "running")).collect();
        Ok(TaskWaitView { tasks, pending: arguments.ids })
    }

    async fn task_result(&self, arguments: TaskResult) -> Result<ResultView, Refusal> {
        let _inside = self.seen.enter();
        let bytes: usize = arguments.id.strip_prefix("bytes:").and_then(|n| n.parse().ok()).unwrap_or(2);
        Ok(ResultView {
            id: arguments.id,
            state: "succeeded".to_owned(),
            result: Some(Value::String("x".repeat(bytes))),
            report: None,
            outputs: vec![],
            truncated: false,
            total_bytes: bytes as u64,
            next_offset: None,
        })
    }

    async fn task_cancel(&self, arguments: TaskCancel) -> Result<TaskCancelView, Refusal> {
        let items = arguments
            .ids
            .into_iter()
            .map(|id| CancelItem { id, state: Some("cancelling".to_owned()), error: None })
            .collect();
        Ok(TaskCancelView { items })
    }

    async fn task_list(&self, _arguments: TaskList) -> Result<ListView<TaskSummary>, Refusal> {
        Ok(ListView { items: vec![summary("task_1", "running")], next_cursor: None })
    }
}
