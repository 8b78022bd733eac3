//! What to start and what to ask: launch profiles and turns as data.

use process::spawn::{OWN_EXECUTABLE, StderrLog};
use serde_json::Value;
use std::ffi::OsString;
use std::fmt;
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
    /// Where its stderr is kept, beside the tail that is always there; and how much of it.
    pub stderr_log: Option<StderrLog>,
    /// Where its guard leaves its end record, so that it survives the host.
    pub end_record: Option<PathBuf>,
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

impl Program {
    /// Returns what is to be executed.
    pub(crate) fn path(&self) -> OsString {
        match self {
            Self::Own => OWN_EXECUTABLE.into(),
            Self::Other(program) => program.clone(),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => formatter.write_str("modelscan"),
            Self::Other(program) => formatter.write_str(&program.to_string_lossy()),
        }
    }
}
