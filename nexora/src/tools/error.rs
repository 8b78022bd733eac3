//! Why a tool's call gave no output, by what its caller can do about it.

use std::time::Duration;

/// Why a call of a tool gave no output.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The arguments do not fit: mend the plan.
    #[error("arguments of `{tool}`: `{path}`: {message}")]
    BadArguments {
        /// The tool.
        tool: &'static str,
        /// JSON pointer into the arguments; empty for the whole.
        path: String,
        /// What is wrong there.
        message: String,
    },
    /// A path is not there, or is not what the tool works on.
    #[error("{action} `{path}`")]
    BadPath {
        /// What was being done.
        action: &'static str,
        /// The path as it was given.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The caller cancelled it.
    #[error("cancelled")]
    Cancelled,
    /// It ran longer than it was allowed.
    #[error("ran longer than {} ms", limit.as_millis())]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// A child process could not be run.
    #[error("{action}")]
    Process {
        /// What was being done.
        action: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// This context offers no way to start a child.
    #[error("`{tool}` needs child processes, which are not available here")]
    NoProcesses {
        /// The tool.
        tool: &'static str,
    },
    /// The tool itself broke; a bug of ours.
    #[error("`{tool}` broke: {message}")]
    Broken {
        /// The tool.
        tool: &'static str,
        /// What is known.
        message: String,
    },
}
