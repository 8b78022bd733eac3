//! Laying what is written down over what holds already, and what no single layer can know.

use domain::{AgentName, Backoff, RetryPolicy};

use super::file::{AgentFile, DefaultsFile, FileConfig, HostFile};
use super::{AgentConfig, Config, DefaultsConfig, HostConfig};

/// Why layers that are each well formed do not make a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// An agent has no command.
    #[error("`agents.{0}.command` is missing: every agent needs a program")]
    NoCommand(AgentName),
    /// The default agent is none of the agents.
    #[error("`defaults.agent` names `{0}`, and there is no such agent")]
    NoSuchAgent(AgentName),
}

impl MergeError {
    /// Returns the path of the key that it is about.
    pub fn key(&self) -> String {
        match self {
            Self::NoCommand(name) => format!("agents.{name}"),
            Self::NoSuchAgent(_) => "defaults.agent".to_owned(),
        }
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

impl Config {
    /// Lays one layer over this configuration.
    pub fn lay(&mut self, layer: FileConfig) {
        let FileConfig { schema: _, host, store, defaults, agents } = layer;
        self.host.lay(host);
        if let Some(path) = store.path {
            self.store.path = Some(path.0);
        }
        self.defaults.lay(defaults);
        for (name, agent) in agents {
            self.agents.entry(name.0).or_insert_with(|| AgentConfig::new(String::new())).lay(agent);
        }
    }

    /// Checks what no single layer can know.
    ///
    /// # Errors
    /// If an agent has no command, or the default agent does not exist.
    pub fn check(&self) -> Result<(), MergeError> {
        if let Some((name, _)) = self.agents.iter().find(|(_, agent)| agent.command.is_empty()) {
            return Err(MergeError::NoCommand(name.clone()));
        }
        if !self.agents.contains_key(&self.defaults.agent) {
            return Err(MergeError::NoSuchAgent(self.defaults.agent.clone()));
        }
        Ok(())
    }
}

impl HostConfig {
    fn lay(&mut self, layer: HostFile) {
        set(&mut self.autostart, layer.autostart);
        set(&mut self.idle_timeout, layer.idle_timeout.map(|text| text.0));
        set(&mut self.max_running, layer.max_running.map(|count| count.0));
    }
}

impl DefaultsConfig {
    fn lay(&mut self, layer: DefaultsFile) {
        set(&mut self.agent, layer.agent.map(|key| key.0));
        set(&mut self.timeout, layer.timeout.map(|text| text.0));
        set(&mut self.recovery, layer.recovery.map(|word| word.0));
        let RetryPolicy { max, backoff, on } = &mut self.retries;
        set(max, layer.retries.max.map(|tries| tries.0));
        set(backoff, layer.retries.backoff.map(|text| Backoff { base: text.0 }));
        set(on, layer.retries.on.map(|words| words.into_iter().map(|word| word.0).collect()));
    }
}

impl AgentConfig {
    fn lay(&mut self, layer: AgentFile) {
        set(&mut self.driver, layer.driver.map(|word| word.0));
        set(&mut self.command, layer.command.map(|text| text.0));
        set(&mut self.args, layer.args);
        set(&mut self.description, layer.description);
        set(
            &mut self.capabilities,
            layer.capabilities.map(|words| words.into_iter().map(|word| word.0).collect()),
        );
        set(&mut self.skills, layer.skills);
        set(&mut self.max_running, layer.max_running.map(|count| count.0));
        set(&mut self.start_timeout, layer.start_timeout.map(|text| text.0));
        for (name, value) in layer.env.unwrap_or_default() {
            self.env.insert(name.0, value.0);
        }
        set(&mut self.env_pass, layer.env_pass.map(|names| names.into_iter().map(|name| name.0).collect()));
    }
}
