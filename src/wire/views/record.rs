//! Events, messages and tool calls, as `--json` shows them.

use domain::EventType;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One event of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventView {
    /// The version of this shape.
    pub v: u32,
    /// Its place in the order of all events; no number is used twice.
    pub seq: i64,
    /// When, RFC 3339.
    pub ts: String,
    /// The task; null for the host's own events.
    pub task: Option<String>,
    /// The attempt; null if it belongs to none.
    pub attempt: Option<u32>,
    /// Of what kind.
    #[serde(rename = "type")]
    #[schemars(schema_with = "event_types")]
    pub event_type: String,
    /// Who acted: `caller`, `host` or `agent`.
    pub actor: String,
    /// What else is to be said; depends on the type.
    pub data: Value,
}

fn event_types(_: &mut SchemaGenerator) -> Schema {
    let known: Vec<&str> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
    json_schema!({
        "type": "string",
        "description": "The types known now are the examples; accept others.",
        "examples": known,
    })
}

/// One message on the bus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// Its place in the order of all messages: what `--after-seq` takes.
    pub seq: i64,
    /// When, RFC 3339.
    pub ts: String,
    /// The task that it belongs to; null if it belongs to none.
    pub task: Option<String>,
    /// Who sent it: `agent:NAME`, `host` or `caller`.
    pub from: String,
    /// Whom it is for, in the same words.
    pub to: String,
    /// Where it goes.
    pub topic: String,
    /// `text`, `task`, `result`, `status`, `error` or `handoff`.
    pub kind: String,
    /// What it says.
    pub content: String,
}

/// One call of one tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCallView {
    /// Its id.
    pub id: String,
    /// When it was announced, RFC 3339.
    pub ts: String,
    /// The task.
    pub task: String,
    /// The attempt.
    pub attempt: u32,
    /// The agent that called.
    pub agent: Option<String>,
    /// The tool.
    pub tool: String,
    /// What it was given.
    pub input: Option<Value>,
    /// What it gave back.
    pub output: Option<Value>,
    /// The size of the output as JSON text.
    pub output_bytes: Option<u64>,
    /// Whether it ended with an error; null while it runs.
    pub is_error: Option<bool>,
    /// Whether it may have side effects.
    pub side_effects: bool,
    /// How long it took; null while it runs.
    pub duration_ms: Option<u64>,
    /// `pending`, `running`, `completed`, `failed`, `refused`, or `unfinished` if its attempt ended before it.
    pub status: String,
}
