//! The configuration, merged and checked. How it is written down is `file`'s business.

mod defaults;
pub mod file;
mod merge;

pub use defaults::NEXORA;
pub use merge::MergeError;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use domain::{AgentName, Capability, Recovery, RetryPolicy};

/// The whole configuration; every value is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The host.
    pub host: HostConfig,
    /// The store.
    pub store: StoreConfig,
    /// What a task follows that does not say otherwise.
    pub defaults: DefaultsConfig,
    /// The agents, by name.
    pub agents: BTreeMap<AgentName, AgentConfig>,
}

/// `[host]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    /// Whether a host may be started when work is submitted and none runs.
    pub autostart: bool,
    /// After how long without work and clients it ends.
    pub idle_timeout: Duration,
    /// How many tasks run at once.
    pub max_running: u32,
}

/// `[store]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The database file, absolute; nothing: the usual place.
    pub path: Option<PathBuf>,
}

/// `[defaults]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultsConfig {
    /// The agent.
    pub agent: AgentName,
    /// How long one attempt may run.
    pub timeout: Duration,
    /// What is tried again.
    pub retries: RetryPolicy,
    /// What becomes of a lost attempt.
    pub recovery: Recovery,
}

/// How an agent is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Driver {
    /// By the Agent Client Protocol over stdio.
    Acp,
}

impl Driver {
    /// Returns the word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acp => "acp",
        }
    }
}

/// The value of a variable in an agent's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// This text.
    Text(String),
    /// What this file holds at the time of the start, without the line's end: never stored.
    File(PathBuf),
}

/// `[agents.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConfig {
    /// How it is driven.
    pub driver: Driver,
    /// The program; the word `modelscan` means this very executable.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// What it is, for people.
    pub description: String,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// The skills that it has; empty: those that are installed, if it is Nexora.
    pub skills: Vec<String>,
    /// How many of its tasks run at once.
    pub max_running: u32,
    /// How long it may take until it has a session.
    pub start_timeout: Duration,
    /// Variables that it gets.
    pub env: BTreeMap<String, EnvValue>,
    /// Variables that it gets from the submitter's environment as it was stored with the task.
    pub env_pass: Vec<String>,
}
