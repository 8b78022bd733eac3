//! The arguments of each tool, as a catalog gets them: checked against the tool's schema, with
//! defaults filled in and limits applied.

use domain::Priority;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::limits::{RESULT_BYTES_DEFAULT, RESULT_BYTES_MAX, WAIT_MS_DEFAULT, WAIT_MS_MAX};

/// Arguments of `agent_list`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentList {
    /// Only agents that can do this.
    pub capability: Option<String>,
}

/// Arguments of `task_submit`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSubmit {
    /// What is to be done, in words.
    pub prompt: Option<String>,
    /// The skill to run.
    pub skill: Option<String>,
    /// The agent that is to do it.
    pub agent: Option<String>,
    /// The skill's input.
    pub input: Option<Map<String, Value>>,
    /// The folder to work in, as it was given: a path or a `file://` URL.
    pub cwd: Option<String>,
    /// Its priority.
    #[serde(default, deserialize_with = "priority")]
    pub priority: Option<Priority>,
    /// How long one attempt may run.
    pub timeout_ms: Option<u64>,
    /// The caller's own key.
    pub key: Option<String>,
    /// How long to wait for the end; 0 not at all.
    #[serde(default, deserialize_with = "wait_ms")]
    pub wait_ms: u64,
}

/// Arguments of `task_status`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskStatus {
    /// The task, as it was named: a whole id or a unique part of one.
    pub id: String,
}

/// Arguments of `task_wait`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskWait {
    /// The tasks, as they were named.
    pub ids: Vec<String>,
    /// What to wait for.
    #[serde(default)]
    pub mode: WaitMode,
    /// How long to wait.
    #[serde(default = "wait_ms_default", deserialize_with = "wait_ms")]
    pub wait_ms: u64,
}

/// What a wait waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaitMode {
    /// One of the tasks has ended.
    Any,
    /// All of them have.
    #[default]
    All,
}

/// Arguments of `task_result`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskResult {
    /// The task, as it was named.
    pub id: String,
    /// A JSON pointer to the part that is wanted.
    pub pointer: Option<String>,
    /// Where to begin in the JSON text.
    #[serde(default)]
    pub offset: u64,
    /// How much of it at most.
    #[serde(default = "max_bytes_default", deserialize_with = "max_bytes")]
    pub max_bytes: u64,
}

/// Arguments of `task_cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskCancel {
    /// The tasks, as they were named.
    pub ids: Vec<String>,
    /// Why, for the record.
    pub why: Option<String>,
}

/// Arguments of `task_list`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskList {
    /// Only tasks in this state; one of the words of `domain::TaskState`.
    pub state: Option<String>,
    /// Only tasks of this agent.
    pub agent: Option<String>,
    /// How many at most.
    #[serde(default = "limit_default")]
    pub limit: u32,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Tasks of every folder.
    #[serde(default)]
    pub all: bool,
}

fn limit_default() -> u32 {
    20
}

fn wait_ms_default() -> u64 {
    WAIT_MS_DEFAULT
}

fn max_bytes_default() -> u64 {
    RESULT_BYTES_DEFAULT
}

/// Whatever is asked: some clients give up after 60 s.
fn wait_ms<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    u64::deserialize(from).map(|asked| asked.min(WAIT_MS_MAX))
}

fn max_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    u64::deserialize(from).map(|asked| asked.min(RESULT_BYTES_MAX))
}

fn priority<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Priority>, D::Error> {
    use serde::de::Error as _;
    match Option::<Value>::deserialize(from)? {
        None => Ok(None),
        Some(Value::String(word)) => word.parse().map(Some).map_err(D::Error::custom),
        Some(other) => match other.as_i64().map(Priority::try_from) {
            Some(priority) => priority.map(Some).map_err(D::Error::custom),
            None => Err(D::Error::custom("not a whole number")),
        },
    }
}
