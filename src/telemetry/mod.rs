//! The logger of a host or an agent: to stderr or into files that do not grow without end. Commands that
//! only read start none.

mod capped;

pub use capped::CappedFile;

use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::error::{Error, Kind};

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Only what failed.
    Error,
    /// Also what is odd.
    Warn,
    /// Also what happens.
    #[default]
    Info,
    /// Also how it happens.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// All levels, the quietest first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Returns the word of the level.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// Returns the level with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }

    /// The level for our own crates; others say only what is odd unless everything is asked for.
    fn filter(self) -> EnvFilter {
        let ours = self.as_str();
        match self {
            Self::Error => EnvFilter::new(ours),
            // The libraries of the protocols would log whole requests, prompts and all.
            Self::Trace => EnvFilter::new("trace,rmcp=warn,agent_client_protocol=warn"),
            _ => EnvFilter::new(format!(
                "warn,modelscan={ours},{}",
                OURS.map(|name| format!("modelscan_{name}={ours}")).join(",")
            )),
        }
    }
}

/// Our library crates, as their log lines name them.
const OURS: [&str; 10] =
    ["store", "process", "skill", "acp", "agent", "mcp", "runtime", "nexora", "wire", "schema"];

/// Starts logging to stderr, for a process in the foreground or one whose stdout carries a protocol.
///
/// # Errors
/// If a logger was started before.
pub fn to_stderr(level: Level) -> Result<(), Error> {
    start(level, std::io::stderr, false)
}

/// Starts logging into a file of this folder; the one before it is kept once.
///
/// # Errors
/// If the file cannot be opened, or a logger was started before.
pub fn to_file(folder: &Path, name: &str, level: Level) -> Result<(), Error> {
    let path = folder.join(name);
    let file = CappedFile::open(&path).map_err(|error| {
        Error::new(Kind::StoreReadOnly, format!("open the log `{}`: {error}", path.display()))
            .hint("give this user the right to write there")
    })?;
    start(level, Mutex::new(file), false)
}

fn start<W>(level: Level, writer: W, colours: bool) -> Result<(), Error>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .with_env_filter(level.filter())
        .with_writer(writer)
        .with_ansi(colours)
        .with_target(true)
        // They would go to stderr, and end the thread that logs where that cannot be written either: on a full disk.
        .log_internal_errors(false)
        .try_init()
        .map_err(|error| Error::internal(format!("the logger cannot be started: {error}")))
}
