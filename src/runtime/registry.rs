//! Agents as the configuration defines them: what they have room for, and how one is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use agent::{Launch, Program, TurnRequest};
use domain::dispatch::{AgentRoom, Limits};
use domain::{AgentName, Failure, InstanceId, NewTask, Reason};
use process::spawn::StderrLog;
use serde_json::Value;
use wire::config::{AgentConfig, Config, EnvValue};

/// The word in the configuration that means this very executable.
const OWN_COMMAND: &str = "modelscan";

/// How the log of an instance's stderr ends.
const STDERR_SUFFIX: &str = "stderr";

/// How large the log of an instance's stderr may become.
const STDERR_LOG_BYTES_MAX: u64 = 1024 * 1024;

/// The largest secret that is read from a file.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Returns what the heart has to know of the configuration.
pub fn limits(config: &Config) -> Limits {
    let room = |agent: &AgentConfig| AgentRoom {
        capabilities: agent.capabilities.iter().cloned().collect(),
        max_running: agent.max_running,
    };
    Limits {
        max_running: config.host.max_running,
        agents: config.agents.iter().map(|(name, agent)| (name.clone(), room(agent))).collect(),
    }
}

/// Says whether an agent runs this very executable.
pub fn is_own(agent: &AgentConfig) -> bool {
    agent.command == OWN_COMMAND
}

/// Says whether a file is the log of an instance's stderr.
pub fn is_stderr_log(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == STDERR_SUFFIX)
}

/// Where a host keeps what its instances leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// End records of guards, by instance.
    pub ends: PathBuf,
    /// Logs of stderr, by instance; none are kept if nothing.
    pub logs: Option<PathBuf>,
}

impl Folders {
    /// Returns where the guard of an instance leaves its end record.
    pub fn end_record(&self, instance: InstanceId) -> PathBuf {
        self.ends.join(format!("{instance}.json"))
    }
}

/// Returns how an agent is started for a task. Reads the files of secrets, so it blocks.
///
/// # Errors
/// A failure of the task if a secret cannot be read.
pub fn launch(
    name: &AgentName,
    agent: &AgentConfig,
    task: &NewTask,
    instance: InstanceId,
    folders: &Folders,
    own_env: &[(OsString, OsString)],
) -> Result<Launch, Failure> {
    let mut env: Vec<(OsString, OsString)> = Vec::new();
    for (variable, value) in &task.environment.0 {
        if agent.env_pass.iter().any(|pattern| fits(pattern, variable)) {
            env.push((variable.into(), value.into()));
        }
    }
    if is_own(agent) {
        own_env.iter().for_each(|(variable, value)| set(&mut env, variable.clone(), value.clone()));
    }
    for (variable, value) in &agent.env {
        let value = match value {
            EnvValue::Text(text) => text.into(),
            EnvValue::File(path) => secret(name, variable, path)?,
        };
        set(&mut env, variable.into(), value);
    }
    let log = |folder: &PathBuf| StderrLog {
        path: folder.join(format!("{instance}.{STDERR_SUFFIX}")),
        bytes_max: STDERR_LOG_BYTES_MAX,
    };
    Ok(Launch {
        agent: name.to_string(),
        program: if is_own(agent) { Program::Own } else { Program::Other((&agent.command).into()) },
        args: agent.args.iter().map(OsString::from).collect(),
        env,
        stderr_log: folders.logs.as_ref().map(log),
        end_record: Some(folders.end_record(instance)),
        start_timeout: agent.start_timeout,
    })
}

/// Returns what an instance is asked. An agent that reads no skill finds it in the words.
pub fn turn_request(task: &NewTask, instance: InstanceId) -> TurnRequest {
    let input: Option<Value> =
        task.input.as_ref().and_then(|input| serde_json::from_str(input.as_str()).ok());
    let prompt = match &task.skill {
        Some(skill) if task.prompt.is_empty() => match &task.input {
            Some(input) => format!("/{skill} {}", input.as_str()),
            None => format!("/{skill}"),
        },
        _ => task.prompt.clone(),
    };
    TurnRequest {
        instance: instance.to_string(),
        task: task.id.to_string(),
        cwd: PathBuf::from(&task.cwd),
        prompt,
        skill: task.skill.clone(),
        input,
    }
}

fn set(env: &mut Vec<(OsString, OsString)>, variable: OsString, value: OsString) {
    env.retain(|(known, _)| *known != variable);
    env.push((variable, value));
}

fn fits(pattern: &str, variable: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => variable.starts_with(beginning),
        None => pattern == variable,
    }
}

fn secret(agent: &AgentName, variable: &str, path: &Path) -> Result<OsString, Failure> {
    let failure = |why: String| {
        Failure::new(
            Reason::NotConfigured,
            format!("read `{}` for the variable `{variable}` of agent `{agent}`: {why}", path.display()),
        )
        .hint("write the value into that file, or name another one in the configuration")
    };
    let size = std::fs::metadata(path).map_err(|error| failure(error.to_string()))?.len();
    if size > SECRET_BYTES_MAX {
        return Err(failure(format!("it has {size} bytes, and at most {SECRET_BYTES_MAX} are read")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failure(error.to_string()))?;
    Ok(text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text)).into())
}
