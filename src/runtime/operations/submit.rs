//! Taking a task: what a face hands over becomes a task that cannot be wrong, or an error that says what is.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use domain::{
    AgentName, JsonText, LaneKey, NewTask, Priority, Recovery, SubmitterEnvironment, TaskId, Timestamp,
};
use serde_json::Value;
use skill::{Library, LookupError};
use wire::config::{AgentConfig, Config};
use wire::control::SubmitRequest;

use super::{OperationError, agents};
use crate::registry::is_own;

/// The largest prompt and the largest input.
pub const PROMPT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How deep an input may be nested: its way to the agent wraps it a few times, and 128 levels are read there.
pub const INPUT_LEVELS_MAX: usize = 100;

/// The longest title, in characters.
const TITLE_CHARS_MAX: usize = 120;

/// The most that may be tried again.
const RETRIES_MAX: u32 = 100;

/// The longest time that an attempt may have.
const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 86_400);

/// The longest key of a submitter.
const KEY_BYTES_MAX: usize = 200;

/// The largest environment and the largest labels.
const SMALL_BYTES_MAX: usize = 64 * 1024;

/// Variables of a submitter that go with a task.
const VARIABLES: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "USER", "SHELL"];

/// A task that has been checked against the configuration and can be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The task.
    pub task: NewTask,
}

/// Checks a request and fills in what the configuration says. Reads the file system only to see whether the
/// working directory can be entered; asks for the `library` of skills only if one of them is wanted.
///
/// # Errors
/// If the agent or the skill is not known, the input does not fit the skill, the directory cannot be used, a
/// value is out of its range, or something is too large.
pub fn prepare<L: Deref<Target = Library>>(
    request: SubmitRequest,
    config: &Config,
    library: impl FnOnce() -> L,
    now: Timestamp,
) -> Result<Submission, OperationError> {
    let id = request.id.parse::<TaskId>().map_err(|error| {
        OperationError::bad_input(error.to_string(), "make a new id of version 7 for each task")
    })?;
    let prompt = request.prompt.unwrap_or_default();
    check_size("the prompt", prompt.len())?;
    if prompt.trim().is_empty() && request.skill.is_none() {
        return Err(OperationError::bad_input(
            "there is neither a prompt nor a skill",
            "give a prompt, or name a skill with `--skill`",
        ));
    }
    let agent = agent(request.agent.as_deref(), config)?;
    let input = input(request.skill.as_deref(), request.input, &agent, config, library)?;
    let cwd = directory(&request.cwd)?;
    let defaults = &config.defaults;
    let mut retry = defaults.retries.clone();
    if let Some(retries) = request.retries {
        retry.max = in_range("retries", retries, RETRIES_MAX)?;
    }
    let task = NewTask {
        id,
        key: key(request.key)?,
        title: title(&prompt, request.skill.as_deref()),
        skill: request.skill,
        input,
        lane: LaneKey::Agent(agent.clone()),
        agent: Some(agent),
        priority: priority(request.priority)?,
        cwd,
        environment: environment(request.env)?,
        timeout: timeout(request.timeout_ms, defaults.timeout)?,
        deadline: None,
        not_before: None,
        retry,
        recovery: recovery(request.recovery.as_deref(), defaults.recovery)?,
        labels: labels(request.labels)?,
        needs: Vec::new(),
        submitted_at: now,
        prompt,
    };
    Ok(Submission { task })
}

fn check_size(what: &'static str, bytes: usize) -> Result<(), OperationError> {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    if bytes > PROMPT_BYTES_MAX {
        return Err(OperationError::TooLarge { what, bytes, bytes_max: PROMPT_BYTES_MAX });
    }
    Ok(())
}

fn in_range(what: &str, value: u32, max: u32) -> Result<u32, OperationError> {
    if value > max {
        return Err(OperationError::bad_input(
            format!("`{value}` {what} are too many"),
            format!("give a whole number from 0 to {max}"),
        ));
    }
    Ok(value)
}

fn agent(named: Option<&str>, config: &Config) -> Result<AgentName, OperationError> {
    let Some(text) = named else {
        let agent = &config.defaults.agent;
        if config.agents.contains_key(agent) {
            return Ok(agent.clone());
        }
        return Err(agents::not_found(agent.as_str(), config.agents.keys()));
    };
    let name = text.parse::<AgentName>().ok().filter(|name| config.agents.contains_key(name));
    name.ok_or_else(|| agents::not_found(text, config.agents.keys()))
}

/// Checks skill and input. Nexora runs the skills at hand; another agent has those that its definition lists,
/// and what they take is its own business.
fn input<L: Deref<Target = Library>>(
    skill: Option<&str>,
    input: Option<Value>,
    agent: &AgentName,
    config: &Config,
    library: impl FnOnce() -> L,
) -> Result<Option<JsonText>, OperationError> {
    if let Some(input) = &input {
        if !input.is_object() {
            return Err(OperationError::bad_input(
                "the input is not an object",
                "give a JSON object, such as `{\"path\": \".\"}`",
            ));
        }
        if !schema::depth_within(input, INPUT_LEVELS_MAX) {
            return Err(OperationError::bad_input(
                format!("the input is nested more than {INPUT_LEVELS_MAX} levels deep"),
                "write what is deeper into a file and name the file in the input",
            ));
        }
        if skill.is_none() {
            return Err(OperationError::bad_input(
                "there is an input, but no skill that takes it",
                "name the skill with `--skill`",
            ));
        }
    }
    if let Some(name) = skill {
        match config.agents.get(agent) {
            Some(definition) if !is_own(definition) => check_listed(name, agent, definition)?,
            _ => check_installed(name, input.as_ref(), &library())?,
        }
    }
    let text = input.map(|input| input.to_string());
    check_size("the input", text.as_ref().map_or(0, String::len))?;
    Ok(text.map(JsonText::from_json))
}

fn check_listed(name: &str, agent: &AgentName, definition: &AgentConfig) -> Result<(), OperationError> {
    if definition.skills.iter().any(|listed| listed == name) {
        return Ok(());
    }
    let hint = match definition.skills.as_slice() {
        [] => format!("list the skills of `{agent}` under `agents.{agent}.skills`, or take another agent"),
        listed => format!("the agent `{agent}` has these: {}", listed.join(", ")),
    };
    Err(OperationError::NotFound { noun: "skill", id: name.chars().take(64).collect(), hint: Some(hint) })
}

fn check_installed(name: &str, input: Option<&Value>, skills: &Library) -> Result<(), OperationError> {
    let found = skills.get(name).map_err(|error| no_skill(name, &error))?;
    // A skill without a plan is prose for a model and says nothing about its input.
    let Some(plan) = &found.plan else { return Ok(()) };
    let given = input.cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    plan.input(given).map(drop).map_err(|error| {
        OperationError::bad_input(
            format!("the skill `{name}`: {error}"),
            "`modelscan skill list --json` shows the input of each skill",
        )
    })
}

fn no_skill(name: &str, error: &LookupError) -> OperationError {
    match error {
        LookupError::Unknown { known, .. } => OperationError::NotFound {
            noun: "skill",
            id: name.chars().take(64).collect(),
            hint: Some(format!("these are installed: {}", known.join(", "))),
        },
        LookupError::Broken { .. } => OperationError::bad_input(
            error.to_string(),
            "repair it; `modelscan skill list` says what is wrong",
        ),
    }
}

/// Checks that the working directory is there and can be entered.
fn directory(cwd: &str) -> Result<String, OperationError> {
    let path = Path::new(cwd);
    if !path.is_absolute() {
        return Err(OperationError::bad_input(
            format!("`{cwd}` is not an absolute path"),
            "give the working directory from `/` on",
        ));
    }
    let cannot = |why: String| {
        OperationError::bad_input(
            format!("the working directory `{cwd}` cannot be used: {why}"),
            "give a directory that is there and that you may read",
        )
    };
    let metadata = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?;
    if !metadata.is_dir() {
        return Err(cannot("it is not a directory".to_owned()));
    }
    std::fs::read_dir(path).map_err(|error| cannot(error.to_string()))?;
    Ok(cwd.to_owned())
}

/// The first line of the prompt, or the skill; at most 120 characters, without control characters.
fn title(prompt: &str, skill: Option<&str>) -> String {
    let line = prompt.lines().map(str::trim).find(|line| !line.is_empty());
    let text = match (skill, line) {
        (Some(skill), None) => skill.to_owned(),
        (Some(skill), Some(line)) => format!("{skill}: {line}"),
        (None, line) => line.unwrap_or_default().to_owned(),
    };
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = clean.take(TITLE_CHARS_MAX).collect();
    if text.chars().nth(TITLE_CHARS_MAX).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

fn priority(value: Option<i64>) -> Result<Priority, OperationError> {
    value.map_or(Ok(Priority::NORMAL), Priority::try_from).map_err(|error| OperationError::BadInput {
        message: error.to_string(),
        hint: Some("give a whole number from -100 to 100".to_owned()),
    })
}

fn timeout(millis: Option<u64>, usual: Duration) -> Result<Duration, OperationError> {
    let timeout = millis.map_or(usual, Duration::from_millis);
    if timeout.is_zero() || timeout > TIMEOUT_MAX {
        return Err(OperationError::bad_input(
            format!("`{}` is not a timeout", domain::format_duration(timeout)),
            "give a duration from 1ms to 365d, such as `90s` or `1h30m`",
        ));
    }
    Ok(timeout)
}

fn recovery(word: Option<&str>, usual: Recovery) -> Result<Recovery, OperationError> {
    word.map_or(Ok(usual), str::parse).map_err(|error: domain::UnknownWord| OperationError::BadInput {
        message: error.to_string(),
        hint: None,
    })
}

fn key(key: Option<String>) -> Result<Option<String>, OperationError> {
    match key {
        Some(key) if key.is_empty() || key.len() > KEY_BYTES_MAX => Err(OperationError::bad_input(
            format!("a key of {} bytes cannot be used", key.len()),
            format!("give 1 to {KEY_BYTES_MAX} bytes"),
        )),
        key => Ok(key),
    }
}

fn environment(env: BTreeMap<String, String>) -> Result<SubmitterEnvironment, OperationError> {
    let goes = |name: &String| VARIABLES.contains(&name.as_str()) || name.starts_with("LC_");
    let kept: Vec<(String, String)> = env.into_iter().filter(|(name, _)| goes(name)).collect();
    let bytes: usize = kept.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > SMALL_BYTES_MAX {
        let (bytes, bytes_max) = (bytes as u64, SMALL_BYTES_MAX as u64);
        return Err(OperationError::TooLarge { what: "the environment", bytes, bytes_max });
    }
    Ok(SubmitterEnvironment(kept))
}

fn labels(labels: Option<Value>) -> Result<Option<JsonText>, OperationError> {
    let Some(labels) = labels else { return Ok(None) };
    let fits = labels.as_object().is_some_and(|labels| labels.values().all(Value::is_string));
    let text = labels.to_string();
    if !fits || text.len() > SMALL_BYTES_MAX {
        return Err(OperationError::bad_input(
            "the labels are not an object of short texts",
            "give them like `{\"team\": \"web\"}`",
        ));
    }
    Ok(Some(JsonText::from_json(text)))
}

#[cfg(test)]
mod tests;
