//! The control protocol: the first line of every connection to a host, and what a command line asks
//! it. One JSON object a line both ways; an answer carries the number of its request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::views::ErrorBody;

/// The version of the preamble and of the control protocol.
pub const CONTROL_VERSION: u32 = 1;

/// The longest line of the control protocol: a prompt of 4 MiB, escaped, and what goes with it.
pub const CONTROL_LINE_BYTES_MAX: usize = 26 * 1024 * 1024;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionKind {
    /// The Model Context Protocol follows.
    Mcp,
    /// The control protocol follows.
    Control,
}

/// The first line of every connection to a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preamble {
    /// The version of this shape.
    pub v: u32,
    /// What follows.
    pub kind: ConnectionKind,
    /// The version of the program that connects.
    pub version: String,
    /// The working directory of the program that connects, absolute.
    pub cwd: String,
    /// Its environment, as far as it goes with a task: `PATH HOME LANG LC_* TZ USER SHELL`.
    pub env: BTreeMap<String, String>,
    /// The hash of the configuration that it read: a host that knows another reads its own anew.
    pub config_hash: String,
}

/// The host's answer to a preamble of kind `control`; to one of kind `mcp` it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version of this shape.
    pub v: u32,
    /// The process id of the host.
    pub pid: i32,
    /// The version of its program.
    pub version: String,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Chosen by the one who asks; comes back with each answer.
    pub id: u64,
    /// What is asked.
    pub ask: Ask,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "op", deny_unknown_fields)]
pub enum Ask {
    /// Is somebody there? Answered by null.
    Ping {},
    /// Take a task. Answered by a `TaskSummary`.
    Submit {
        /// The task.
        task: Box<SubmitRequest>,
    },
    /// Cancel these tasks. Answered by a `TaskCancelView`.
    Cancel {
        /// Their ids, or unique parts of them.
        ids: Vec<String>,
        /// Why, in the caller's words.
        why: Option<String>,
    },
    /// Let a paused task go on. Answered by a `TaskSummary`.
    Resume {
        /// Its id, or a unique part of it.
        id: String,
    },
    /// Tell of new events: answered by `{"seq": N}` at once and again whenever there are newer ones,
    /// until the connection ends. What is new is read from the store.
    Watch {},
    /// Where does the host stand? Answered by a `HostView`.
    Status {},
    /// End. Answered by null when it has begun; the connection ends with the host.
    Stop {
        /// Do not let running tasks come to their end: stop them.
        now: bool,
    },
}

/// A task, as a face hands it over; what is not said follows the configuration of the host.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubmitRequest {
    /// The id that the submitter made: one seen before answers with that task.
    pub id: String,
    /// The submitter's own key: one seen before answers with that task.
    pub key: Option<String>,
    /// The prompt.
    pub prompt: Option<String>,
    /// The skill to run.
    pub skill: Option<String>,
    /// The agent to work on it.
    pub agent: Option<String>,
    /// The input of the skill, an object.
    pub input: Option<Value>,
    /// The working directory, absolute.
    pub cwd: String,
    /// The submitter's environment.
    pub env: BTreeMap<String, String>,
    /// From -100 to 100.
    pub priority: Option<i64>,
    /// How long one attempt may run.
    pub timeout_ms: Option<u64>,
    /// Attempts after the first.
    pub retries: Option<u32>,
    /// `resume`, `retry`, `fail` or `ask`.
    pub recovery: Option<String>,
    /// Labels, an object of texts.
    pub labels: Option<Value>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The number of the request.
    pub id: u64,
    /// What was asked for, if it went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What went wrong otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}
