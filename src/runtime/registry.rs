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

    /// Removes the log of an instance that said nothing on stderr. An error leaves a file that does no harm.
    pub fn forget_empty_log(&self, instance: InstanceId) {
        let Some(log) = self.logs.as_ref().map(|folder| stderr_log(folder, instance)) else { return };
        if std::fs::metadata(&log).is_ok_and(|found| found.len() == 0) {
            let _ = std::fs::remove_file(log);
        }
    }
}

fn stderr_log(folder: &Path, instance: InstanceId) -> PathBuf {
    folder.join(format!("{instance}.{STDERR_SUFFIX}"))
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
    let log =
        |folder: &PathBuf| StderrLog { path: stderr_log(folder, instance), bytes_max: STDERR_LOG_BYTES_MAX };
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

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        Backoff, JsonText, LaneKey, Priority, Recovery, RetryPolicy, SubmitterEnvironment, TaskId, Timestamp,
    };
    use std::time::Duration;

    fn task(skill: Option<&str>, prompt: &str) -> NewTask {
        let pairs =
            [("PATH", "/bin"), ("LC_ALL", "C"), ("LC_TIME", "C"), ("TZ", "UTC"), ("SHELL", "/bin/sh")];
        NewTask {
            id: TaskId::from_bytes([1; 16]),
            key: None,
            title: String::new(),
            prompt: prompt.to_owned(),
            skill: skill.map(str::to_owned),
            input: skill.map(|_| JsonText::from_json(r#"{"path":"."}"#.to_owned())),
            lane: LaneKey::Agent("other".parse().unwrap()),
            agent: None,
            priority: Priority::NORMAL,
            cwd: "/".to_owned(),
            environment: SubmitterEnvironment(
                pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ),
            timeout: Duration::from_secs(1),
            deadline: None,
            not_before: None,
            retry: RetryPolicy { max: 0, backoff: Backoff { base: Duration::ZERO }, on: Vec::new() },
            recovery: Recovery::Resume,
            labels: None,
            needs: Vec::new(),
            submitted_at: Timestamp::default(),
        }
    }

    fn launched(agent: &AgentConfig, own_env: &[(OsString, OsString)]) -> Result<Launch, Failure> {
        let folders = Folders { ends: "/ends".into(), logs: None };
        let instance = InstanceId::from_bytes([2; 16]);
        launch(&"other".parse().unwrap(), agent, &task(None, "x"), instance, &folders, own_env)
    }

    fn names(launch: &Launch) -> Vec<&str> {
        launch.env.iter().map(|(name, _)| name.to_str().unwrap()).collect()
    }

    #[test]
    fn an_agent_gets_what_is_passed_and_what_is_set_and_nothing_else() {
        let mut agent = AgentConfig::new("x".to_owned());
        agent.env_pass = vec!["PATH".to_owned(), "LC_*".to_owned()];
        agent.env.insert("PATH".to_owned(), EnvValue::Text("/opt".to_owned()));
        let own_env = [(OsString::from("MODELSCAN_HOME"), OsString::from("/h"))];
        let launch = launched(&agent, &own_env).unwrap();
        assert_eq!(names(&launch), ["LC_ALL", "LC_TIME", "PATH"]);
        assert_eq!(launch.env[2].1, "/opt");
        assert_eq!(launch.program, Program::Other("x".into()));
        let own = launched(&AgentConfig::nexora(), &own_env).unwrap();
        assert_eq!(names(&own), ["PATH", "MODELSCAN_HOME"]);
        assert_eq!(own.program, Program::Own);
    }

    #[test]
    fn a_secret_is_read_without_its_line_end_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let mut agent = AgentConfig::new("x".to_owned());
        agent.env.insert("TOKEN".to_owned(), EnvValue::File(path.clone()));
        let missing = launched(&agent, &[]).unwrap_err();
        assert_eq!(missing.reason, Reason::NotConfigured);
        assert!(missing.message.contains("TOKEN") && missing.message.contains("other"));
        std::fs::write(&path, "s3cret\r\n").unwrap();
        let launch = launched(&agent, &[]).unwrap();
        assert_eq!(launch.env.last().unwrap().1, "s3cret");
        std::fs::write(&path, "x".repeat(100_000)).unwrap();
        assert!(!launched(&agent, &[]).unwrap_err().message.contains("xxx"));
    }

    #[test]
    fn a_skill_without_a_prompt_is_said_in_words_too() {
        let instance = InstanceId::from_bytes([2; 16]);
        let turn = turn_request(&task(Some("survey"), ""), instance);
        assert_eq!(turn.prompt, r#"/survey {"path":"."}"#);
        assert_eq!(turn.input.unwrap()["path"], ".");
        assert_eq!(turn_request(&task(Some("survey"), "look"), instance).prompt, "look");
    }
}
