//! Rows of the store as the views that leave the process.

use std::path::Path;

use domain::{
    AgentName, Failure, JsonText, LaneKey, Output, Question, TaskState, Timestamp, ToolCallStatus, Usage,
};
use serde_json::{Map, Value};
use store::{AttemptRow, EventRow, InstanceRow, MessageRow, TaskDetailRow, TaskRow, ToolCallRow};
use wire::config::Config;
use wire::time::rfc3339;
use wire::views::{
    AttemptView, EventView, InstanceView, MessageView, OutputView, ProgressView, QuestionOptionView,
    QuestionView, TaskErrorView, TaskSummary, TaskView, ToolCallView, UsageView,
};

use super::{OperationError, Reading};

/// The version of the event's shape.
const EVENT_VERSION: u32 = 1;

/// Reads JSON that the store gave back.
///
/// # Errors
/// If it is none: the store is damaged.
pub(super) fn value(text: &JsonText, what: &'static str) -> Result<Value, OperationError> {
    serde_json::from_str(text.as_str()).map_err(|error| OperationError::Store {
        message: format!("read {what} from the store: it is no JSON"),
        hint: None,
        source: Some(Box::new(error)),
    })
}

fn maybe_value(text: Option<&JsonText>, what: &'static str) -> Result<Option<Value>, OperationError> {
    text.map(|text| value(text, what)).transpose()
}

fn labels(row: &TaskRow) -> Result<Map<String, Value>, OperationError> {
    match maybe_value(row.labels.as_ref(), "labels")? {
        Some(Value::Object(labels)) => Ok(labels),
        _ => Ok(Map::new()),
    }
}

fn maybe_time(at: Option<Timestamp>) -> Option<String> {
    at.map(rfc3339)
}

/// Since when it can be claimed; nothing while it still waits.
fn ready_at(row: &TaskRow) -> Option<String> {
    (row.state != TaskState::Waiting).then(|| rfc3339(row.ready_at))
}

/// How far it is, or what a task that nobody takes waits for.
fn progress(row: &TaskRow, config: &Config) -> ProgressView {
    let fraction = row.progress.millionths.map(|millionths| f64::from(millionths) / 1_000_000.0);
    let waits = || match (&row.lane, row.state) {
        (LaneKey::Agent(agent), TaskState::Ready) if !config.agents.contains_key(agent) => {
            Some(format!("waits for the agent `{agent}`, which is not configured"))
        }
        (LaneKey::Capabilities(needed), TaskState::Ready) if !somebody_can(needed, config) => {
            let words: Vec<&str> = needed.iter().map(AgentName::as_str).collect();
            Some(format!("waits for an agent that can do {}; none is configured", words.join(", ")))
        }
        (_, TaskState::Waiting) if row.needs_left > 0 => {
            Some(format!("waits for {} other tasks", row.needs_left))
        }
        (_, TaskState::Waiting) => row.due_at.map(|at| format!("waits until {}", rfc3339(at))),
        _ => None,
    };
    ProgressView { fraction, text: waits().or_else(|| row.progress.text.clone()) }
}

fn somebody_can(needed: &[AgentName], config: &Config) -> bool {
    config.agents.values().any(|agent| needed.iter().all(|one| agent.capabilities.contains(one)))
}

fn usage(row: &TaskRow, now: Timestamp) -> UsageView {
    let Usage { input_tokens, output_tokens, tool_calls, turns } = row.usage;
    let wall = row.started_at.map(|started| row.ended_at.unwrap_or(now).since(started));
    UsageView {
        input_tokens,
        output_tokens,
        cost: None,
        tool_calls,
        turns,
        wall_ms: wall.map(|wall| u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)),
    }
}

fn error(failure: Option<&Failure>) -> Option<TaskErrorView> {
    failure.map(|failure| TaskErrorView {
        kind: failure.reason.as_str().to_owned(),
        message: failure.message.clone(),
        hint: failure.hint.clone(),
        exit_code: failure.exit_code,
        signal: failure.signal,
        stderr_tail: failure.stderr_tail.clone(),
    })
}

fn question(question: Option<&Question>) -> Option<QuestionView> {
    question.map(|question| QuestionView {
        id: question.id.to_string(),
        kind: question.kind.as_str().to_owned(),
        asked_of: question.asked_of.as_str().to_owned(),
        text: question.text.clone(),
        options: question
            .options
            .iter()
            .map(|option| QuestionOptionView { id: option.id.clone(), label: option.label.clone() })
            .collect(),
        asked_at: rfc3339(question.asked_at),
        answer_by: maybe_time(question.answer_by),
    })
}

pub(super) fn outputs(outputs: &[Output], folder: &Path) -> Vec<OutputView> {
    let view = |output: &Output| OutputView {
        name: output.name.clone(),
        path: folder.join(&output.path).to_string_lossy().into_owned(),
        bytes: output.bytes,
        media_type: output.media_type.clone(),
    };
    outputs.iter().map(view).collect()
}

fn reason(row: &TaskRow) -> Option<String> {
    row.failure.as_ref().map(|failure| failure.reason.as_str().to_owned())
}

fn agent(name: Option<&AgentName>) -> Option<String> {
    name.map(AgentName::to_string)
}

/// Returns a task as lists show it.
pub(super) fn summary(row: &TaskRow, reading: &Reading<'_>) -> Result<TaskSummary, OperationError> {
    Ok(TaskSummary {
        id: row.id.to_string(),
        state: row.state.as_str().to_owned(),
        reason: reason(row),
        title: row.title.clone(),
        prompt_bytes: row.prompt_bytes,
        skill: row.skill.clone(),
        agent: agent(row.agent.as_ref()),
        priority: row.priority.value(),
        labels: labels(row)?,
        cwd: row.cwd.clone(),
        result_bytes: row.result_bytes,
        error: error(row.failure.as_ref()),
        question: question(row.question.as_ref()),
        attempt: row.attempt,
        created_at: rfc3339(row.created_at),
        ready_at: ready_at(row),
        started_at: maybe_time(row.started_at),
        ended_at: maybe_time(row.ended_at),
        deadline: maybe_time(row.deadline),
        progress: progress(row, reading.config),
        usage: usage(row, reading.now),
        parent: None,
        rerun_of: None,
        worktree: None,
        cached: false,
    })
}

/// Returns a task in full.
pub(super) fn task(detail: &TaskDetailRow, reading: &Reading<'_>) -> Result<TaskView, OperationError> {
    let row = &detail.task;
    Ok(TaskView {
        id: row.id.to_string(),
        state: row.state.as_str().to_owned(),
        reason: reason(row),
        title: row.title.clone(),
        prompt: detail.request.prompt.clone(),
        skill: row.skill.clone(),
        agent: agent(row.agent.as_ref()),
        priority: row.priority.value(),
        labels: labels(row)?,
        cwd: row.cwd.clone(),
        input: maybe_value(detail.request.input.as_ref(), "an input")?,
        result: maybe_value(detail.result.as_ref(), "a result")?,
        report: detail.report.clone(),
        outputs: outputs(&detail.outputs, &reading.place.outputs),
        error: error(row.failure.as_ref()),
        question: question(row.question.as_ref()),
        attempt: row.attempt,
        created_at: rfc3339(row.created_at),
        ready_at: ready_at(row),
        started_at: maybe_time(row.started_at),
        ended_at: maybe_time(row.ended_at),
        deadline: maybe_time(row.deadline),
        progress: progress(row, reading.config),
        usage: usage(row, reading.now),
        parent: None,
        rerun_of: None,
        worktree: None,
        cached: false,
    })
}

/// Returns an attempt with its processes.
pub(super) fn attempt(row: &AttemptRow, instance: Option<&InstanceRow>) -> AttemptView {
    AttemptView {
        attempt: row.number,
        state: row.state.as_str().to_owned(),
        agent: row.agent.to_string(),
        outcome: row.outcome.map(str::to_owned),
        error: error(row.failure.as_ref()),
        started_at: rfc3339(row.started_at),
        ended_at: maybe_time(row.ended_at),
        instance: instance.and_then(instance_view),
    }
}

fn instance_view(row: &InstanceRow) -> Option<InstanceView> {
    let ended = row.ending.as_ref();
    Some(InstanceView {
        id: row.id.to_string(),
        pid: row.child.map(|child| child.pid),
        guard_pid: row.guard?.pid,
        started_at: rfc3339(row.started_at?),
        ended_at: ended.map(|end| rfc3339(end.at)),
        exit_code: ended.and_then(|end| end.exit_code),
        signal: ended.and_then(|end| end.signal),
        killed: ended.map(|end| end.killed.clone()).unwrap_or_default(),
        proven: ended.map(|end| end.proven),
        note: ended.map(|end| end.note.clone()),
        stderr_tail: ended.map(|end| end.stderr_tail.clone()),
    })
}

/// Returns an event.
pub(super) fn event(row: &EventRow) -> Result<EventView, OperationError> {
    Ok(EventView {
        v: EVENT_VERSION,
        seq: row.seq,
        ts: rfc3339(row.at),
        task: row.task.map(|task| task.to_string()),
        attempt: Some(row.attempt).filter(|attempt| *attempt > 0),
        event_type: row.kind.as_str().to_owned(),
        actor: row.actor.as_str().to_owned(),
        data: value(&row.data, "an event")?,
    })
}

/// Returns a message.
pub(super) fn message(row: &MessageRow) -> MessageView {
    MessageView {
        id: row.id.to_string(),
        seq: row.seq,
        ts: rfc3339(row.at),
        task: Some(row.task.to_string()),
        from: row.from.clone(),
        to: row.to.clone(),
        topic: row.topic.clone(),
        kind: row.kind.as_str().to_owned(),
        content: row.content.clone(),
    }
}

/// What a call is shown as that was under way when its attempt ended: nobody knows how far it came.
const UNFINISHED: &str = "unfinished";

/// Returns a tool call; `over` says that its attempt has ended.
pub(super) fn tool_call(row: &ToolCallRow, over: bool) -> Result<ToolCallView, OperationError> {
    let duration = row.ended_at.map(|ended| ended.since(row.started_at));
    let is_error = match row.status {
        ToolCallStatus::Pending | ToolCallStatus::Running => None,
        ToolCallStatus::Completed => Some(false),
        ToolCallStatus::Failed | ToolCallStatus::Refused => Some(true),
    };
    Ok(ToolCallView {
        id: row.id.to_string(),
        ts: rfc3339(row.started_at),
        task: row.task.to_string(),
        attempt: row.attempt,
        agent: Some(row.agent.to_string()),
        tool: row.tool.clone().unwrap_or_else(|| row.call.clone()),
        input: maybe_value(row.input.as_ref(), "a tool's input")?,
        output: maybe_value(row.output.as_ref(), "a tool's output")?,
        output_bytes: row.output_bytes,
        is_error,
        side_effects: row.side_effects,
        duration_ms: duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        status: match row.status {
            ToolCallStatus::Pending | ToolCallStatus::Running if over => UNFINISHED,
            status => status.as_str(),
        }
        .to_owned(),
    })
}
