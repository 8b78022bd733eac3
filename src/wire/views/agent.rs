//! Agents and skills, as `--json` shows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An agent: what it can do and whether it is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentView {
    /// Its name.
    pub name: String,
    /// How it is driven: `acp`.
    pub driver: String,
    /// What it is, for people.
    pub description: String,
    /// What it can do, in words.
    pub capabilities: Vec<String>,
    /// The skills that it has.
    pub skills: Vec<String>,
    /// How many of its tasks run now.
    pub running: u64,
    /// How many may run at once.
    pub max_running: u64,
}

/// A skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SkillView {
    /// Its name.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// Where it comes from: `bundled` or `user`.
    pub source: String,
    /// `read` or `write` for a skill with a plan; null for prose alone.
    pub effects: Option<String>,
    /// Whether it has a plan, so that it runs without a model.
    pub plan: bool,
    /// The JSON Schema of its input; null if it takes none.
    pub input: Option<Value>,
    /// What is wrong with it; null if it can be used.
    pub problem: Option<String>,
}
