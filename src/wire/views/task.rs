//! Tasks, their attempts, questions and results, as `--json` shows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ToolCallView;

/// A task in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskView {
    /// Its id.
    pub id: String,
    /// `waiting ready running input_required cancelling paused succeeded failed cancelled`.
    pub state: String,
    /// Why it failed, a word of the closed set; else null.
    pub reason: Option<String>,
    /// At most 120 characters.
    pub title: String,
    /// The prompt.
    pub prompt: String,
    /// The skill that it runs.
    pub skill: Option<String>,
    /// The agent that it is for.
    pub agent: Option<String>,
    /// From -100 to 100.
    pub priority: i16,
    /// Labels.
    pub labels: Map<String, Value>,
    /// The working directory.
    pub cwd: String,
    /// The input of the skill.
    pub input: Option<Value>,
    /// The typed result; null if there is none, or if it is in `outputs`.
    pub result: Option<Value>,
    /// The report for people, or the agent's last words.
    pub report: Option<String>,
    /// Files that belong to the result.
    pub outputs: Vec<OutputView>,
    /// What went wrong.
    pub error: Option<TaskErrorView>,
    /// What it waits with.
    pub question: Option<QuestionView>,
    /// The number of its last attempt; 0 before the first.
    pub attempt: u32,
    /// RFC 3339.
    pub created_at: String,
    /// Since when it can be claimed, RFC 3339; null while it waits.
    pub ready_at: Option<String>,
    /// When its first attempt began, RFC 3339.
    pub started_at: Option<String>,
    /// When it ended, RFC 3339.
    pub ended_at: Option<String>,
    /// By when it has to be done, RFC 3339.
    pub deadline: Option<String>,
    /// How far it is.
    pub progress: ProgressView,
    /// What it used.
    pub usage: UsageView,
    /// The task that it is part of.
    pub parent: Option<String>,
    /// The task that it repeats.
    pub rerun_of: Option<String>,
    /// The worktree that it runs in.
    pub worktree: Option<String>,
    /// Whether its result came from the cache.
    pub cached: bool,
}

/// A task in lists, `status` and `wait`: without what can be large.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskSummary {
    /// Its id.
    pub id: String,
    /// `waiting ready running input_required cancelling paused succeeded failed cancelled`.
    pub state: String,
    /// Why it failed, a word of the closed set; else null.
    pub reason: Option<String>,
    /// At most 120 characters.
    pub title: String,
    /// The size of the prompt.
    pub prompt_bytes: u64,
    /// The skill that it runs.
    pub skill: Option<String>,
    /// The agent that it is for.
    pub agent: Option<String>,
    /// From -100 to 100.
    pub priority: i16,
    /// Labels.
    pub labels: Map<String, Value>,
    /// The working directory.
    pub cwd: String,
    /// The size of the result as JSON text; null if there is none.
    pub result_bytes: Option<u64>,
    /// What went wrong.
    pub error: Option<TaskErrorView>,
    /// What it waits with.
    pub question: Option<QuestionView>,
    /// The number of its last attempt; 0 before the first.
    pub attempt: u32,
    /// RFC 3339.
    pub created_at: String,
    /// Since when it can be claimed, RFC 3339; null while it waits.
    pub ready_at: Option<String>,
    /// When its first attempt began, RFC 3339.
    pub started_at: Option<String>,
    /// When it ended, RFC 3339.
    pub ended_at: Option<String>,
    /// By when it has to be done, RFC 3339.
    pub deadline: Option<String>,
    /// How far it is.
    pub progress: ProgressView,
    /// What it used.
    pub usage: UsageView,
    /// The task that it is part of.
    pub parent: Option<String>,
    /// The task that it repeats.
    pub rerun_of: Option<String>,
    /// The worktree that it runs in.
    pub worktree: Option<String>,
    /// Whether its result came from the cache.
    pub cached: bool,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ProgressView {
    /// From 0 to 1; null if unknown.
    pub fraction: Option<f64>,
    /// What it is doing.
    pub text: Option<String>,
}

/// What a task used.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct UsageView {
    /// Tokens read by the model.
    pub input_tokens: Option<u64>,
    /// Tokens written by the model.
    pub output_tokens: Option<u64>,
    /// What it cost.
    pub cost: Option<Cost>,
    /// Calls of tools.
    pub tool_calls: u64,
    /// Turns of an agent.
    pub turns: u64,
    /// From the start of the first attempt to the end, or to now.
    pub wall_ms: Option<u64>,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// How much.
    pub amount: f64,
    /// Of what, such as `USD`.
    pub currency: String,
}

/// A file that belongs to a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputView {
    /// What it is: `result`, `report`, or a name that the agent gave.
    pub name: String,
    /// Where it lies, absolute.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// What it holds.
    pub media_type: String,
}

/// What went wrong with a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskErrorView {
    /// The reason of the closed set.
    pub kind: String,
    /// What happened and where.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The exit code of the agent's process, if that was it.
    pub exit_code: Option<i32>,
    /// The signal that ended the agent's process, if that was it.
    pub signal: Option<i32>,
    /// The last of what the agent's process wrote to stderr.
    pub stderr_tail: Option<String>,
}

/// What a task waits with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuestionView {
    /// Its id.
    pub id: String,
    /// `permission`, `recovery` or `text`.
    pub kind: String,
    /// `person` or `caller`.
    #[serde(rename = "for")]
    pub asked_of: String,
    /// The question, for people.
    pub text: String,
    /// The answers to choose from.
    pub options: Vec<QuestionOptionView>,
    /// RFC 3339.
    pub asked_at: String,
    /// Until when an answer counts, RFC 3339.
    pub answer_by: Option<String>,
}

/// One answer to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuestionOptionView {
    /// The word by which it is chosen.
    pub id: String,
    /// What it means.
    pub label: String,
}

/// The result of a task (`task result`, `task_result`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultView {
    /// The task.
    pub id: String,
    /// How it ended.
    pub state: String,
    /// The result, or the part of it that was asked for: a JSON text when it was cut.
    pub result: Option<Value>,
    /// The report for people.
    pub report: Option<String>,
    /// Files that belong to the result.
    pub outputs: Vec<OutputView>,
    /// Whether `result` is only a part.
    pub truncated: bool,
    /// The size of the whole result as JSON text.
    pub total_bytes: u64,
    /// Where the next part begins; null if this is the last.
    pub next_offset: Option<u64>,
}

/// One attempt of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptView {
    /// Its number, from 1.
    pub attempt: u32,
    /// `starting`, `running`, `stopping` or `ended`.
    pub state: String,
    /// The agent that worked on it.
    pub agent: String,
    /// `succeeded failed lost cancelled paused`; null until it has ended.
    pub outcome: Option<String>,
    /// What went wrong.
    pub error: Option<TaskErrorView>,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub ended_at: Option<String>,
    /// Its processes; null before they were started.
    pub instance: Option<InstanceView>,
}

/// The processes of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceView {
    /// Its id.
    pub id: String,
    /// The process id of the child; null before it was started.
    pub pid: Option<i32>,
    /// The process id of its guard.
    pub guard_pid: i32,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339; null while it runs.
    pub ended_at: Option<String>,
    /// The exit code of the child.
    pub exit_code: Option<i32>,
    /// The signal that ended the child.
    pub signal: Option<i32>,
    /// What had to be killed when it ended.
    pub killed: Vec<String>,
    /// Whether it is proven that nothing of it is left; null while it runs.
    pub proven: Option<bool>,
    /// Why it ended, in words.
    pub note: Option<String>,
    /// The last of what it wrote to stderr.
    pub stderr_tail: Option<String>,
}

/// `task show`: a task, its attempts and its tool calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskShowView {
    /// The task.
    pub task: TaskView,
    /// Its attempts, the first one first.
    pub attempts: Vec<AttemptView>,
    /// Its tool calls, the first one first.
    pub tool_calls: Vec<ToolCallView>,
}

/// `task_wait`: where the tasks stand, and which are not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskWaitView {
    /// The tasks, in the order asked.
    pub tasks: Vec<TaskSummary>,
    /// The ids of those that are not done.
    pub pending: Vec<String>,
}

/// `task_cancel`: what happened to each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskCancelView {
    /// One for each id, in the order asked.
    pub items: Vec<CancelItem>,
}

/// What happened to one task that was to be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelItem {
    /// The task.
    pub id: String,
    /// Where it stands now; null if it is not known.
    pub state: Option<String>,
    /// Why it was not cancelled; null if it is, or is being.
    pub error: Option<String>,
}
