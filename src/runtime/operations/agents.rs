//! Agents as they are configured, and how busy they are.

use wire::views::{AgentView, ListView};

use super::{OperationError, Reading};

/// Returns the configured agents, in the order of their names.
///
/// # Errors
/// If the capability is no word, or the store cannot be read.
pub fn agent_list(
    reading: &Reading<'_>,
    capability: Option<&str>,
) -> Result<ListView<AgentView>, OperationError> {
    let _ = (reading, capability);
    Err(OperationError::Fault { message: "not wired".to_owned() })
}

/// Returns one agent.
///
/// # Errors
/// If there is none of that name, or the store cannot be read.
pub fn agent_show(reading: &Reading<'_>, name: &str) -> Result<AgentView, OperationError> {
    let _ = (reading, name);
    Err(OperationError::Fault { message: "not wired".to_owned() })
}
