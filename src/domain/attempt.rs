//! Attempts: one try at a task by one instance, and how it ended.

use crate::word::words;
use crate::{Failure, TaskResult, Timestamp};

words! {
    /// Where an attempt stands.
    AttemptState, "attempt state" {
        /// Its instance is being started.
        Starting = "starting",
        /// The agent works.
        Running = "running",
        /// It is being stopped; a result that still arrives is recorded and ignored.
        Stopping = "stopping",
        /// Its processes are gone.
        Ended = "ended",
    }
}

words! {
    /// Why an attempt is being stopped.
    StopWhy, "stop reason" {
        /// Its turn is over; its instance is ended.
        Finished = "finished",
        /// The task was cancelled.
        Cancel = "cancel",
        /// The task was paused.
        Pause = "pause",
        /// It ran longer than the task's timeout.
        TimedOut = "timed_out",
        /// The task's deadline passed.
        Deadline = "deadline",
        /// The host stops, or died.
        Lost = "lost",
    }
}

/// How an attempt ended, seen from the task; its processes are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The turn ended and its result is there and valid.
    Succeeded(TaskResult),
    /// It ended with a reason of the closed set.
    Failed(Failure),
    /// Its host died, or stopped and ended it.
    Lost {
        /// Whether a tool call with side effects was recorded.
        side_effects: bool,
    },
    /// It was ended because of a cancel.
    Cancelled,
    /// It was ended because of a pause.
    Paused,
}

impl AttemptOutcome {
    /// Returns the word for the outcome: `succeeded failed lost cancelled paused`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Succeeded(_) => "succeeded",
            Self::Failed(_) => "failed",
            Self::Lost { .. } => "lost",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
        }
    }
}

/// How the processes of an instance ended, as the store records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// When it was known.
    pub at: Timestamp,
    /// The exit code of the child, if it exited.
    pub exit_code: Option<i32>,
    /// The signal that ended the child, if one did.
    pub signal: Option<i32>,
    /// What had to be killed after it: `pid name`, at most 64 entries.
    pub killed: Vec<String>,
    /// The last of what it wrote to stderr, at most 64 KiB.
    pub stderr_tail: String,
    /// Whether the guard's `wait` has said that no child is left.
    pub proven: bool,
    /// Why it ended, in words.
    pub note: String,
}

/// What an attempt used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens read by the model; unknown if none.
    pub input_tokens: Option<u64>,
    /// Tokens written by the model; unknown if none.
    pub output_tokens: Option<u64>,
    /// Calls of tools.
    pub tool_calls: u64,
    /// Turns.
    pub turns: u64,
}
