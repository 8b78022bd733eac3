//! Agents as they are configured, and how busy they are.

use domain::{AgentName, Capability};
use wire::config::AgentConfig;
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
    let capability: Option<Capability> = capability.map(str::parse).transpose().map_err(|_| {
        OperationError::bad_input(
            format!("`{}` is not a capability", capability.unwrap_or_default()),
            "give one word of a-z, 0-9, `-` and `_`, such as `survey`",
        )
    })?;
    let busy = running(reading)?;
    let fits = |agent: &AgentConfig| capability.as_ref().is_none_or(|one| agent.capabilities.contains(one));
    let found = reading.config.agents.iter().filter(|(_, agent)| fits(agent));
    let items = found.map(|(name, agent)| view(name, agent, &busy)).collect();
    Ok(ListView { items, next_cursor: None })
}

/// Returns one agent.
///
/// # Errors
/// If there is none of that name, or the store cannot be read.
pub fn agent_show(reading: &Reading<'_>, name: &str) -> Result<AgentView, OperationError> {
    let known = name.parse::<AgentName>().ok();
    let found = known.as_ref().and_then(|name| reading.config.agents.get_key_value(name));
    let (name, agent) = found.ok_or_else(|| not_found(name, reading.config.agents.keys()))?;
    Ok(view(name, agent, &running(reading)?))
}

/// Returns that there is no such agent, and which there are.
pub(super) fn not_found<'a>(name: &str, known: impl Iterator<Item = &'a AgentName>) -> OperationError {
    let known: Vec<&str> = known.map(AgentName::as_str).collect();
    OperationError::NotFound {
        noun: "agent",
        id: name.to_owned(),
        hint: Some(format!("these are configured: {}", known.join(", "))),
    }
}

/// The agent of each attempt that runs.
fn running(reading: &Reading<'_>) -> Result<Vec<AgentName>, OperationError> {
    Ok(reading.view.load_active()?.into_iter().map(|active| active.agent).collect())
}

fn view(name: &AgentName, agent: &AgentConfig, running: &[AgentName]) -> AgentView {
    let busy = running.iter().filter(|one| *one == name).count();
    AgentView {
        name: name.to_string(),
        driver: agent.driver.as_str().to_owned(),
        description: agent.description.clone(),
        capabilities: agent.capabilities.iter().map(Capability::to_string).collect(),
        skills: agent.skills.clone(),
        running: u64::try_from(busy).unwrap_or(u64::MAX),
        max_running: u64::from(agent.max_running),
    }
}
