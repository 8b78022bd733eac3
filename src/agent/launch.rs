//! What to start and what to ask: launch profiles and turns as data.

use serde_json::Value;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How one agent is started. Everything is explicit: nothing is taken from this process's own environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The agent's name, which the child sees as `MODELSCAN_AGENT`.
    pub agent: String,
    /// What runs.
    pub program: Program,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment, but for the three variables that name instance, task and agent.
    pub env: Vec<(OsString, OsString)>,
    /// How long spawning, `initialize` and `session/new` may take together.
    pub start_timeout: Duration,
}

/// The program of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// This very executable.
    Own,
    /// A path, or a name that is looked for in the `PATH` of [`Launch::env`].
    Other(OsString),
}

/// One turn of work.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnRequest {
    /// The instance's id, which the child sees as `MODELSCAN_INSTANCE`.
    pub instance: String,
    /// The task's id, which the child sees as `MODELSCAN_TASK`.
    pub task: String,
    /// The working directory of process and session; absolute.
    pub cwd: PathBuf,
    /// The words.
    pub prompt: String,
    /// The skill that is to run, for agents that read it.
    pub skill: Option<String>,
    /// The skill's input, for agents that read it.
    pub input: Option<Value>,
}
