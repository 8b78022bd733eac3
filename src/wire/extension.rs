//! Our extensions of the Agent Client Protocol, `_modelscan/…`: shapes and names, no connection.
//!
//! None of them is required. A client says in `clientCapabilities._meta.modelscan` which methods it answers, an agent
//! in `agentCapabilities._meta.modelscan` what it understands; whoever finds nothing there does without. Readers take
//! keys that they do not know.

use crate::schemas;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The key under which everything of ours lies in any `_meta`.
pub const META_KEY: &str = "modelscan";

/// The version of these extensions that this program speaks.
pub const EXTENSION_VERSION: u32 = 1;

/// Agent to client, a request: the result of the turn.
pub const RESULT_METHOD: &str = "_modelscan/result";

/// Agent to client, a request: a tool call is about to run, and waits until it is on record.
pub const TOOL_STARTED_METHOD: &str = "_modelscan/tool_started";

/// Parameters of the request `_modelscan/result`: what the turn has brought. At most one per turn is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResultRequest {
    /// The session whose turn this is.
    pub session_id: String,
    /// The result, any JSON value; the agent has checked it against the schema that its plan names.
    pub result: Value,
    /// The same for people, as Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// Answer to `_modelscan/result`: it is on record. A refusal is a JSON-RPC error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResultResponse {}

/// Parameters of the request `_modelscan/tool_started`, sent before a tool call with side effects runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolStartedRequest {
    /// The session whose turn this is.
    pub session_id: String,
    /// The tool call, as in the agent's `tool_call` updates.
    pub tool_call_id: String,
    /// The tool's name.
    pub tool: String,
    /// The arguments of the call.
    #[serde(default)]
    pub input: Value,
    /// Whether the call may change something outside the agent; assumed where it is not said.
    #[serde(default = "yes")]
    pub side_effects: bool,
}

/// Answer to `_modelscan/tool_started`: the call is on record and may run. After a JSON-RPC error it must not run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolStartedResponse {}

/// What a client offers, in `clientCapabilities._meta.modelscan`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientExtensions {
    /// The version of the extensions.
    pub version: u32,
    /// The extension methods that the client answers.
    #[serde(default)]
    pub methods: Vec<String>,
}

impl ClientExtensions {
    /// Returns what this program offers to agents.
    #[must_use]
    pub fn ours() -> Self {
        Self {
            version: EXTENSION_VERSION,
            methods: vec![RESULT_METHOD.to_owned(), TOOL_STARTED_METHOD.to_owned()],
        }
    }

    /// Says whether `method` is offered.
    #[must_use]
    pub fn offers(&self, method: &str) -> bool {
        self.methods.iter().any(|offered| offered == method)
    }
}

/// What an agent understands, in `agentCapabilities._meta.modelscan`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentExtensions {
    /// The version of the extensions.
    pub version: u32,
    /// Whether `_meta.modelscan` of `session/prompt` (task, skill, input) is read.
    #[serde(default)]
    pub prompt: bool,
    /// Whether updates carry progress.
    #[serde(default)]
    pub progress: bool,
}

impl AgentExtensions {
    /// Returns what Nexora understands.
    #[must_use]
    pub fn ours() -> Self {
        Self { version: EXTENSION_VERSION, prompt: true, progress: true }
    }
}

/// What the host says beside the words of a prompt, in `_meta.modelscan` of `session/prompt`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PromptMeta {
    /// The task's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The skill that is to run; without one the words of the prompt decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    /// The input of the skill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
}

/// What an agent says beside the stop reason, in `_meta.modelscan` of the answer to `session/prompt`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PromptResponseMeta {
    /// Why the turn brought no result; absent when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<TurnFailure>,
}

/// Why a turn brought no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TurnFailure {
    /// The kind of failure.
    pub reason: FailureReason,
    /// What happened, in one sentence, with step and path where a plan failed.
    pub message: String,
    /// What the person can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The kinds of failure that an agent may name; the words are those of a task's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The agent lacks configuration for this, such as a model.
    NotConfigured,
    /// The result does not fit its schema.
    InvalidResult,
    /// A time limit of the agent's own passed.
    TimedOut,
    /// Another limit of the agent's own was reached.
    LimitReached,
    /// It was not allowed, or the client refused to record a tool call.
    Denied,
    /// Anything else that failed inside the agent, and every word that a reader does not know.
    #[serde(other)]
    AgentError,
}

impl FailureReason {
    /// Returns the word that is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::InvalidResult => "invalid_result",
            Self::TimedOut => "timed_out",
            Self::LimitReached => "limit_reached",
            Self::Denied => "denied",
            Self::AgentError => "agent_error",
        }
    }
}

/// What an update says beside its content, in `_meta.modelscan` of `session/update`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UpdateMeta {
    /// How far the turn is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}

/// How far a turn is. The fraction only rises within a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// From 0 to 1.
    pub fraction: f64,
    /// What is being done, for people.
    #[serde(default)]
    pub text: String,
}

/// Reads our part of a `_meta` object; absent, of another shape or of another's making: nothing.
#[must_use]
pub fn read_meta<T: for<'de> Deserialize<'de>>(meta: Option<&Map<String, Value>>) -> Option<T> {
    T::deserialize(meta?.get(META_KEY)?).ok()
}

/// Writes `value` as our part of a new `_meta` object; what cannot be written is left out.
#[must_use]
pub fn write_meta<T: Serialize>(value: &T) -> Map<String, Value> {
    let mut meta = Map::new();
    if let Ok(value) = serde_json::to_value(value) {
        meta.insert(META_KEY.to_owned(), value);
    }
    meta
}

/// Returns the schema of every shape here with its name: the file of each is `NAME.schema.json`.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("extension.result.request", schemas::of::<ResultRequest>("extension.result.request")),
        ("extension.result.response", schemas::of::<ResultResponse>("extension.result.response")),
        (
            "extension.tool_started.request",
            schemas::of::<ToolStartedRequest>("extension.tool_started.request"),
        ),
        (
            "extension.tool_started.response",
            schemas::of::<ToolStartedResponse>("extension.tool_started.response"),
        ),
        ("extension.client", schemas::of::<ClientExtensions>("extension.client")),
        ("extension.agent", schemas::of::<AgentExtensions>("extension.agent")),
        ("extension.prompt", schemas::of::<PromptMeta>("extension.prompt")),
        ("extension.prompt_response", schemas::of::<PromptResponseMeta>("extension.prompt_response")),
        ("extension.update", schemas::of::<UpdateMeta>("extension.update")),
    ]
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_reason_is_an_agent_error() {
        let failure: TurnFailure =
            serde_json::from_value(json!({"reason": "moon_phase", "message": "x"})).unwrap();
        assert_eq!(failure.reason, FailureReason::AgentError);
    }

    #[test]
    fn every_reason_is_written_as_its_word() {
        for reason in [
            FailureReason::NotConfigured,
            FailureReason::InvalidResult,
            FailureReason::TimedOut,
            FailureReason::LimitReached,
            FailureReason::Denied,
            FailureReason::AgentError,
        ] {
            assert_eq!(serde_json::to_value(reason).unwrap(), json!(reason.as_str()));
            assert_eq!(serde_json::from_value::<FailureReason>(json!(reason.as_str())).unwrap(), reason);
        }
    }

    #[test]
    fn meta_of_others_is_no_meta_of_ours() {
        let meta = json!({"other": {"version": 1}, "modelscan": 7});
        assert_eq!(read_meta::<ClientExtensions>(meta.as_object()), None);
        assert_eq!(read_meta::<ClientExtensions>(None), None);
        let written = write_meta(&ClientExtensions::ours());
        assert_eq!(read_meta::<ClientExtensions>(Some(&written)), Some(ClientExtensions::ours()));
    }

    #[test]
    fn a_tool_call_has_side_effects_unless_it_says_otherwise() {
        let request: ToolStartedRequest =
            serde_json::from_value(json!({"sessionId": "s", "toolCallId": "t", "tool": "bash", "later": 1}))
                .unwrap();
        assert!(request.side_effects);
        assert_eq!(request.input, Value::Null);
    }

    #[test]
    fn each_shape_has_a_schema() {
        let schemas = schemas();
        assert_eq!(schemas.len(), 9);
        assert!(schemas.iter().all(|(_, schema)| schema.get("title").is_some()));
    }
}
