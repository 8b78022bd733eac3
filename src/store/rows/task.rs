//! A task as it is shown: the summary for lists, and the detail with its long texts.

use domain::{
    AgentName, Failure, JsonText, LaneKey, NewTask, Output, Priority, Question, Recovery, TaskId, TaskState,
    Timestamp, Usage,
};
use rusqlite::{Connection, Row};

use crate::Error;
use crate::fields::Fields;
use crate::load::{failure, open_question, priority};
use crate::queue::lane_of;

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressRow {
    /// Millionths of the whole; nothing if unknown.
    pub millionths: Option<u32>,
    /// What it is doing.
    pub text: Option<String>,
}

/// A task in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// Its id.
    pub id: TaskId,
    /// The submitter's key.
    pub key: Option<String>,
    /// Where it stands.
    pub state: TaskState,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Its title.
    pub title: String,
    /// The skill that it runs.
    pub skill: Option<String>,
    /// Who works or worked on it last, else whom it is for.
    pub agent: Option<AgentName>,
    /// What it queues for.
    pub lane: LaneKey,
    /// Its priority.
    pub priority: Priority,
    /// Its labels, an object of texts.
    pub labels: Option<JsonText>,
    /// Its working directory.
    pub cwd: String,
    /// The number of its last attempt.
    pub attempt: u32,
    /// Dependencies that have not succeeded yet.
    pub needs_left: u32,
    /// What becomes of a lost attempt.
    pub recovery: Recovery,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// By when it has to be done.
    pub deadline: Option<Timestamp>,
    /// Until when it waits.
    pub due_at: Option<Timestamp>,
    /// Since when it can be claimed, or will be.
    pub ready_at: Timestamp,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How far it is.
    pub progress: ProgressRow,
    /// What all its attempts used.
    pub usage: Usage,
    /// The size of its prompt.
    pub prompt_bytes: u64,
    /// The size of its result, if it has one.
    pub result_bytes: Option<u64>,
    /// What it waits with.
    pub question: Option<Question>,
}

/// A task with everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDetailRow {
    /// The summary.
    pub task: TaskRow,
    /// As it was submitted: prompt, input, environment, policies, what it needs.
    pub request: NewTask,
    /// The result, if it is not larger than 64 KiB; else it is the output `result`.
    pub result: Option<JsonText>,
    /// The report.
    pub report: Option<String>,
    /// Files.
    pub outputs: Vec<Output>,
}

/// The statement of a summary up to its conditions, which begin with `WHERE`.
pub(crate) const TASK_ROW: &str = "
SELECT task.id, task.uid, task.key, task.state, task.title, task.skill, agent.name AS agent, lane.key AS lane,
       task.priority, task.labels, task.cwd, task.attempt, task.needs_left, task.recovery, task.created_at,
       task.deadline, task.due_at, task.ready_at, task.started_at, task.ended_at, task.progress_millionths,
       task.progress_text,
       (SELECT sum(input_tokens) FROM attempt WHERE task_id = task.id) AS input_tokens,
       (SELECT sum(output_tokens) FROM attempt WHERE task_id = task.id) AS output_tokens,
       (SELECT coalesce(sum(tool_calls), 0) FROM attempt WHERE task_id = task.id) AS tool_calls,
       (SELECT coalesce(sum(turns), 0) FROM attempt WHERE task_id = task.id) AS turns,
       task.prompt_bytes, task.result_bytes, task.reason, task.error_message, task.error_hint, task.exit_code,
       task.signal, task.stderr_tail
  FROM task
  JOIN lane ON lane.id = task.lane_id
  LEFT JOIN agent ON agent.id = task.agent_id";

/// Reads a row of `TASK_ROW`.
pub(crate) fn task_row_of(db: &Connection, row: &Row<'_>) -> Result<(i64, TaskRow), Error> {
    let mut fields = Fields::new(row, "task")?;
    let key = fields.key();
    let id = fields.id("uid", TaskId::from_bytes)?;
    let submitters_key = fields.maybe("key")?;
    let state = fields.parsed("state")?;
    let task = TaskRow {
        id,
        key: submitters_key,
        state,
        title: fields.get("title")?,
        skill: fields.maybe("skill")?,
        agent: fields.maybe_parsed("agent")?,
        lane: lane_of(&fields.get::<String>("lane")?, key)?,
        priority: priority(&mut fields)?,
        labels: fields.maybe_json("labels")?,
        cwd: fields.get("cwd")?,
        attempt: fields.get("attempt")?,
        needs_left: fields.get("needs_left")?,
        recovery: fields.parsed("recovery")?,
        created_at: fields.time("created_at")?,
        deadline: fields.maybe_time("deadline")?,
        due_at: fields.maybe_time("due_at")?,
        ready_at: fields.time("ready_at")?,
        started_at: fields.maybe_time("started_at")?,
        ended_at: fields.maybe_time("ended_at")?,
        progress: ProgressRow {
            millionths: fields.maybe("progress_millionths")?,
            text: fields.maybe("progress_text")?,
        },
        usage: usage_of(&mut fields)?,
        prompt_bytes: fields.number("prompt_bytes")?,
        result_bytes: fields.maybe_number("result_bytes")?,
        failure: failure(&mut fields)?,
        question: open_question(db, key, state)?,
    };
    Ok((key, task))
}

/// Reads the four columns of what was used.
pub(crate) fn usage_of(fields: &mut Fields<'_, '_>) -> Result<Usage, Error> {
    Ok(Usage {
        input_tokens: fields.maybe_number("input_tokens")?,
        output_tokens: fields.maybe_number("output_tokens")?,
        tool_calls: fields.number("tool_calls")?,
        turns: fields.number("turns")?,
    })
}

/// Reads an output: `id, name, path, bytes, media_type, sha256`.
pub(crate) fn output_of(row: &Row<'_>) -> Result<Output, Error> {
    let mut fields = Fields::new(row, "output")?;
    Ok(Output {
        name: fields.get("name")?,
        path: fields.get("path")?,
        bytes: fields.number("bytes")?,
        media_type: fields.get("media_type")?,
        sha256: fields.get("sha256")?,
    })
}
