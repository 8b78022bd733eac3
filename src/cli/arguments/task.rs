//! `modelscan task …`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Subcommand};
use domain::{Priority, Recovery, TaskState, parse_duration};

/// The verbs of `task`.
#[derive(Debug, Subcommand)]
pub enum TaskVerb {
    /// Hand over work; print its id once it is on disk
    Submit(Box<Submit>),
    /// List tasks, the newest first
    List {
        /// Only tasks in this state
        #[arg(long, value_name = "STATE", value_parser = parse_state)]
        state: Option<TaskState>,
        /// Only tasks of this agent
        #[arg(short, long, value_name = "AGENT")]
        agent: Option<String>,
        /// How many at most, from 1 to 1000
        #[arg(short = 'n', long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Go on where the page before ended
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
        /// Tasks of every folder, not only of this one
        #[arg(long)]
        all: bool,
    },
    /// Show a task with its attempts and tool calls
    Show {
        /// The task: an id, a unique beginning or end of one, or @last
        #[arg(value_name = "TASK")]
        id: String,
    },
    /// Show where a task stands
    Status {
        /// The task: an id, a unique beginning or end of one, or @last
        #[arg(value_name = "TASK")]
        id: String,
    },
    /// Wait until tasks are done; the exit code says how they ended
    Wait {
        /// The tasks: ids, unique beginnings or ends of them, or @last
        #[arg(value_name = "TASK", required = true)]
        ids: Vec<String>,
        /// Until one of them is done, not all
        #[arg(long)]
        any: bool,
        /// Wait no longer than this, such as 90s or 5m
        #[arg(long, value_name = "DURATION", value_parser = parse_length)]
        wait_limit: Option<Duration>,
    },
    /// Print the result of a task, whole
    Result {
        /// The task: an id, a unique beginning or end of one, or @last
        #[arg(value_name = "TASK")]
        id: String,
    },
    /// Cancel tasks and end their processes
    Cancel {
        /// The tasks: ids, unique beginnings or ends of them, or @last
        #[arg(value_name = "TASK", required = true)]
        ids: Vec<String>,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        /// Wait until nothing of them runs
        #[arg(short, long)]
        wait: bool,
    },
    /// Let a paused task go on
    Resume {
        /// The task: an id, a unique beginning or end of one, or @last
        #[arg(value_name = "TASK")]
        id: String,
    },
}

/// The flags of `task submit`.
#[derive(Debug, Args)]
pub struct Submit {
    /// What to do, in words; - reads it from stdin
    #[arg(value_name = "PROMPT")]
    pub prompt: Option<String>,
    /// The agent that works on it
    #[arg(short, long, value_name = "AGENT")]
    pub agent: Option<String>,
    /// The skill to run
    #[arg(short, long, value_name = "SKILL")]
    pub skill: Option<String>,
    /// The input of the skill: a JSON object, @FILE, or - for stdin
    #[arg(short, long, value_name = "JSON")]
    pub input: Option<String>,
    /// The folder to work in; this one by default
    #[arg(short = 'C', long, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// How long one attempt may run, such as 90s or 1h30m
    #[arg(long, value_name = "DURATION", value_parser = parse_length)]
    pub timeout: Option<Duration>,
    /// How many attempts more after the first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: Option<u32>,
    /// What becomes of it if an attempt is lost: resume, retry, fail or ask
    #[arg(long, value_name = "POLICY", value_parser = parse_recovery)]
    pub recovery: Option<Recovery>,
    /// From -100 to 100, or low, normal, high, urgent
    #[arg(short, long, value_name = "PRIORITY", allow_hyphen_values = true, value_parser = parse_priority)]
    pub priority: Option<Priority>,
    /// A key of your own: submitted again with it, the task that is there is the answer
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Wait until it is done; the exit code says how it ended
    #[arg(short, long, action = ArgAction::SetTrue)]
    pub wait: bool,
    /// Wait no longer than this
    #[arg(long, value_name = "DURATION", value_parser = parse_length, requires = "wait")]
    pub wait_limit: Option<Duration>,
}

fn parse_length(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(length) if length.is_zero() => Err("it is no time at all: give at least 1ms".to_owned()),
        Ok(length) => Ok(length),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_state(text: &str) -> Result<TaskState, String> {
    text.parse().map_err(|error: domain::UnknownWord| error.to_string())
}

fn parse_recovery(text: &str) -> Result<Recovery, String> {
    text.parse().map_err(|error: domain::UnknownWord| error.to_string())
}

fn parse_priority(text: &str) -> Result<Priority, String> {
    text.parse().map_err(|error: domain::PriorityError| error.to_string())
}
