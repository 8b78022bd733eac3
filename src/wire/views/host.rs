//! The host and the program's version, as `--json` shows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TaskSummary;

/// The host of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostView {
    /// `running` or `stopped`.
    pub state: String,
    /// Its process id; null when stopped.
    pub pid: Option<i32>,
    /// The version of its program; null when stopped.
    pub version: Option<String>,
    /// Since when it runs, RFC 3339; null when stopped.
    pub started_at: Option<String>,
    /// The folder of the database.
    pub data_dir: String,
    /// How many tasks stand where.
    pub tasks: HostTasks,
    /// Child processes of agents that run now.
    pub instances: u64,
    /// Connections of clients.
    pub clients: u64,
}

/// How many tasks stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct HostTasks {
    /// Held by an attempt, `cancelling` and `input_required` included.
    pub running: u64,
    /// Ready to be claimed.
    pub ready: u64,
    /// Waiting for others or for their time.
    pub waiting: u64,
    /// Waiting for a person.
    pub paused: u64,
}

/// Bare `modelscan`: what runs and what is next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverviewView {
    /// The host.
    pub host: HostView,
    /// Tasks that an attempt holds, at most ten of each state.
    pub running: Vec<TaskSummary>,
    /// Tasks that are ready or wait for something.
    pub next: Vec<TaskSummary>,
    /// Tasks that wait for a person.
    pub asking: Vec<TaskSummary>,
}

/// What the demo came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DemoView {
    /// The folder to give as `--home`, to look at it.
    pub home: String,
    /// The database.
    pub database: String,
    /// The tasks of the three acts, as they ended.
    pub tasks: Vec<TaskSummary>,
}

/// The version of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionView {
    /// The version of the program.
    pub version: String,
    /// The newest version of the database that it knows.
    pub database_version: u32,
    /// The version of SQLite inside.
    pub sqlite: String,
    /// The versions of the Model Context Protocol that it speaks.
    pub mcp: Vec<String>,
    /// The version of the Agent Client Protocol that it speaks.
    pub acp: u32,
}
