//! What holds when nothing is configured.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{AgentName, Backoff, Reason, Recovery, RetryPolicy};

use super::{AgentConfig, Config, DefaultsConfig, Driver, HostConfig, StoreConfig};

/// The name of our own agent.
pub const NEXORA: &str = "nexora";

fn name(text: &str) -> AgentName {
    match text.parse() {
        Ok(name) => name,
        Err(error) => unreachable!("a built-in name is well formed: {error}"),
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: HostConfig { autostart: true, idle_timeout: Duration::from_secs(600), max_running: 4 },
            store: StoreConfig { path: None },
            defaults: DefaultsConfig {
                agent: name(NEXORA),
                timeout: Duration::from_secs(3_600),
                retries: RetryPolicy {
                    max: 2,
                    backoff: Backoff { base: Duration::from_secs(2) },
                    on: vec![Reason::ProtocolError],
                },
                recovery: Recovery::Resume,
            },
            agents: BTreeMap::from([(name(NEXORA), AgentConfig::nexora())]),
        }
    }
}

impl AgentConfig {
    /// Returns the definition of our own agent.
    pub fn nexora() -> Self {
        Self {
            command: "modelscan".to_owned(),
            args: vec!["nexora".to_owned()],
            description: "Works through plans, without a model".to_owned(),
            capabilities: ["survey", "read", "write", "shell"].map(name).to_vec(),
            skills: vec!["survey".to_owned()],
            ..Self::new(String::new())
        }
    }

    /// Returns the definition of an agent that is run by this command and says nothing else.
    pub fn new(command: String) -> Self {
        Self {
            driver: Driver::Acp,
            command,
            args: Vec::new(),
            description: String::new(),
            capabilities: Vec::new(),
            skills: Vec::new(),
            max_running: 4,
            start_timeout: Duration::from_secs(30),
            env: BTreeMap::new(),
            env_pass: ["PATH", "HOME", "LANG"].map(str::to_owned).to_vec(),
        }
    }
}
