//! The command line as types: global flags, nouns and verbs. Reading it decides nothing.

mod host;
mod list;
mod task;

pub use host::HostVerb;
pub use list::{AgentVerb, EventVerb, MessageVerb, SkillVerb};
pub use task::{Submit, TaskVerb};

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::telemetry::Level;

/// Hand work to agents and trust what you are told about it
#[derive(Debug, Parser)]
#[command(
    name = "modelscan",
    version,
    disable_help_subcommand = true,
    subcommand_help_heading = "Commands",
    max_term_width = 100,
    after_help = "Without a command: what runs, what is next, and three things to try."
)]
pub struct CommandLine {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl CommandLine {
    /// Reads a command line of one word, as other programs write them. Making the whole tree of commands for
    /// that would cost them time, and those that stay would hold it in memory.
    pub fn of_one_word(args: &[OsString]) -> Option<Self> {
        let [_, word] = args else { return None };
        let command = match word.to_str()? {
            "mcp" => Command::Mcp { cwd: None },
            "nexora" => Command::Nexora,
            "version" => Command::Version,
            _ => return None,
        };
        let color = ColorWhen::Auto;
        let global =
            Global { json: false, quiet: false, home: None, config: None, set: Vec::new(), log: None, color };
        Some(Self { global, command: Some(command) })
    }
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Answer with JSON: one object, or one a line where the answer is a stream
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Keep everything under this folder (variable MODELSCAN_HOME)
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Read this configuration file in place of the usual one
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set one key of the configuration, such as host.max_running=2
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How much a host or an agent writes to its log
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log: Option<LogLevel>,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub color: ColorWhen,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Only what failed.
    Error,
    /// Also what is odd.
    Warn,
    /// Also what happens.
    Info,
    /// Also how it happens.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
            LogLevel::Trace => Self::Trace,
        }
    }
}

/// When text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Submit, watch, cancel and read tasks
    #[command(subcommand)]
    Task(TaskVerb),
    /// Show the agents that can work
    #[command(subcommand)]
    Agent(AgentVerb),
    /// Show the skills that can run
    #[command(subcommand)]
    Skill(SkillVerb),
    /// Read what happened
    #[command(subcommand)]
    Event(EventVerb),
    /// Read what was said
    #[command(subcommand)]
    Message(MessageVerb),
    /// Start, stop and look at the background process that executes tasks
    #[command(subcommand)]
    Host(HostVerb),
    /// Serve the Model Context Protocol on stdin and stdout, for an editor or another client
    Mcp {
        /// The folder in which tasks work that name none
        #[arg(long, value_name = "DIR")]
        cwd: Option<PathBuf>,
    },
    /// Run our own agent: the Agent Client Protocol on stdin and stdout
    Nexora,
    /// See the whole path on real input, in a data folder of its own
    Demo {
        /// The folder to survey
        #[arg(value_name = "PATH", default_value = ".", hide_default_value = true)]
        path: PathBuf,
    },
    /// Show the versions of the program and of what it speaks
    Version,
}
