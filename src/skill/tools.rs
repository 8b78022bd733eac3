//! The tools that plans may call, as far as a check at load needs to know them.

use wire::plan::Effects;

/// What the check of a plan knows of one tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolShape {
    /// The name by which plans call it.
    pub name: String,
    /// Whether it can change anything.
    pub effects: Effects,
    /// The JSON Schema of its arguments.
    pub input: serde_json::Value,
}
