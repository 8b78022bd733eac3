//! What happened during a task: attempts, events, messages and tool calls.

use domain::{
    Actor, AgentName, AttemptState, EventType, Failure, InstanceId, JsonText, MessageId, MessageKind,
    StopWhy, TaskId, Timestamp, ToolCallId, ToolCallStatus, Usage,
};
use rusqlite::Row;

use super::task::usage_of;
use crate::Error;
use crate::fields::Fields;
use crate::load::failure;

/// The words of an attempt's outcome.
const OUTCOMES: [&str; 5] = ["succeeded", "failed", "lost", "cancelled", "paused"];

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// The task.
    pub task: TaskId,
    /// Its number.
    pub number: u32,
    /// Who worked on it.
    pub agent: AgentName,
    /// The instance that worked on it.
    pub instance: InstanceId,
    /// Where it stands.
    pub state: AttemptState,
    /// Why it was stopped.
    pub stop_why: Option<StopWhy>,
    /// The word for how it ended: `succeeded failed lost cancelled paused`.
    pub outcome: Option<&'static str>,
    /// Whether a tool call with side effects was recorded.
    pub side_effects: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When the agent had the prompt.
    pub prompted_at: Option<Timestamp>,
    /// Since when it was being stopped.
    pub stopping_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it used.
    pub usage: Usage,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its number; a number never comes back.
    pub seq: i64,
    /// The task; nothing for the host's own.
    pub task: Option<TaskId>,
    /// The attempt, zero if none.
    pub attempt: u32,
    /// Of what kind.
    pub kind: EventType,
    /// Who acted.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
    /// What else is to be said, an object.
    pub data: JsonText,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Its number, by which followers go on.
    pub seq: i64,
    /// Its id.
    pub id: MessageId,
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: u32,
    /// Who sent it.
    pub from: String,
    /// Whom it is for.
    pub to: String,
    /// Where it goes.
    pub topic: String,
    /// What it is.
    pub kind: MessageKind,
    /// What it says.
    pub content: String,
    /// When it was sent.
    pub at: Timestamp,
}

/// One tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCallRow {
    /// Its id.
    pub id: ToolCallId,
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: u32,
    /// Who called.
    pub agent: AgentName,
    /// The agent's own id for it.
    pub call: String,
    /// The tool.
    pub tool: Option<String>,
    /// Where it stands.
    pub status: ToolCallStatus,
    /// Whether it may have side effects.
    pub side_effects: bool,
    /// When it was first known.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The size of its output.
    pub output_bytes: Option<u64>,
    /// Its input.
    pub input: Option<JsonText>,
    /// Its output.
    pub output: Option<JsonText>,
}

/// From which `attempt_of` reads, in its order; joined with `task` and `agent`.
pub(crate) const ATTEMPT_COLUMNS: &str = "attempt.id, task.uid, attempt.number, agent.name, attempt.instance,
    attempt.state, attempt.stop_why, attempt.outcome, attempt.side_effects, attempt.started_at,
    attempt.prompted_at, attempt.stopping_at, attempt.ended_at, attempt.input_tokens, attempt.output_tokens,
    attempt.tool_calls, attempt.turns, attempt.reason, attempt.error_message, attempt.error_hint,
    attempt.exit_code, attempt.signal, attempt.stderr_tail";

/// From which `event_of` reads, in its order; joined with `task`.
pub(crate) const EVENT_COLUMNS: &str =
    "event.seq, task.uid, event.attempt, event.type, event.actor, event.at, event.data";

/// From which `message_of` reads, in its order; joined with `task`.
pub(crate) const MESSAGE_COLUMNS: &str = "message.id, message.uid AS message_uid, task.uid, message.attempt,
    message.sender, message.recipient, message.topic, message.kind, message.content, message.at";

/// From which `tool_call_of` reads, in its order; joined with `task`, `attempt` and `agent`.
pub(crate) const TOOL_CALL_COLUMNS: &str = "tool_call.id, tool_call.uid AS call_uid, task.uid, attempt.number,
    agent.name, tool_call.call, tool_call.tool, tool_call.status, tool_call.side_effects, tool_call.started_at,
    tool_call.ended_at, tool_call.output_bytes, tool_call.input, tool_call.output";

/// Reads an attempt.
pub(crate) fn attempt_of(row: &Row<'_>) -> Result<AttemptRow, Error> {
    let mut fields = Fields::new(row, "attempt")?;
    Ok(AttemptRow {
        task: fields.id("uid", TaskId::from_bytes)?,
        number: fields.get("number")?,
        agent: fields.parsed("name")?,
        instance: fields.id("instance", InstanceId::from_bytes)?,
        state: fields.parsed("state")?,
        stop_why: fields.maybe_parsed("stop_why")?,
        outcome: outcome_of(&mut fields)?,
        side_effects: fields.flag("side_effects")?,
        started_at: fields.time("started_at")?,
        prompted_at: fields.maybe_time("prompted_at")?,
        stopping_at: fields.maybe_time("stopping_at")?,
        ended_at: fields.maybe_time("ended_at")?,
        usage: usage_of(&mut fields)?,
        failure: failure(&mut fields)?,
    })
}

fn outcome_of(fields: &mut Fields<'_, '_>) -> Result<Option<&'static str>, Error> {
    let Some(word) = fields.maybe::<String>("outcome")? else { return Ok(None) };
    match OUTCOMES.into_iter().find(|known| *known == word) {
        Some(known) => Ok(Some(known)),
        None => Err(fields.wrong("outcome", format!("`{word}` is not an outcome"))),
    }
}

/// Reads an event.
pub(crate) fn event_of(row: &Row<'_>) -> Result<EventRow, Error> {
    let mut fields = Fields::new(row, "event")?;
    Ok(EventRow {
        seq: fields.key(),
        task: fields.maybe_id("uid", TaskId::from_bytes)?,
        attempt: fields.get("attempt")?,
        kind: fields.parsed("type")?,
        actor: fields.parsed("actor")?,
        at: fields.time("at")?,
        data: JsonText::from_json(fields.get("data")?),
    })
}

/// Reads a message.
pub(crate) fn message_of(row: &Row<'_>) -> Result<MessageRow, Error> {
    let mut fields = Fields::new(row, "message")?;
    Ok(MessageRow {
        seq: fields.key(),
        id: fields.id("message_uid", MessageId::from_bytes)?,
        task: fields.id("uid", TaskId::from_bytes)?,
        attempt: fields.get("attempt")?,
        from: fields.get("sender")?,
        to: fields.get("recipient")?,
        topic: fields.get("topic")?,
        kind: fields.parsed("kind")?,
        content: fields.get("content")?,
        at: fields.time("at")?,
    })
}

/// Reads a tool call.
pub(crate) fn tool_call_of(row: &Row<'_>) -> Result<ToolCallRow, Error> {
    let mut fields = Fields::new(row, "tool_call")?;
    Ok(ToolCallRow {
        id: fields.id("call_uid", ToolCallId::from_bytes)?,
        task: fields.id("uid", TaskId::from_bytes)?,
        attempt: fields.get("number")?,
        agent: fields.parsed("name")?,
        call: fields.get("call")?,
        tool: fields.maybe("tool")?,
        status: fields.parsed("status")?,
        side_effects: fields.flag("side_effects")?,
        started_at: fields.time("started_at")?,
        ended_at: fields.maybe_time("ended_at")?,
        output_bytes: fields.maybe_number("output_bytes")?,
        input: fields.maybe_json("input")?,
        output: fields.maybe_json("output")?,
    })
}
