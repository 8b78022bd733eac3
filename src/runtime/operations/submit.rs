//! Taking a task: what a face hands over becomes a task that cannot be wrong, or an error that says what is.

use domain::{NewTask, Timestamp};
use wire::config::Config;
use wire::control::SubmitRequest;

use super::OperationError;

/// The largest prompt and the largest input.
pub const PROMPT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A task that has been checked against the configuration and can be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The task.
    pub task: NewTask,
}

/// Checks a request and fills in what the configuration says. Reads the file system only to see whether the
/// working directory is there.
///
/// # Errors
/// If the agent or the skill is not known, the input does not fit the skill, the directory cannot be used, a
/// value is out of its range, or something is too large.
pub fn prepare(
    request: SubmitRequest,
    config: &Config,
    now: Timestamp,
) -> Result<Submission, OperationError> {
    let _ = (request, config, now);
    Err(OperationError::Fault { message: "not wired".to_owned() })
}
